# pyright: reportMissingImports=false
"""The bundled language model as SAELens takes it, a `HookedTransformer` of TransformerLens 3, and texts to read."""

from pathlib import Path
from typing import Any

DEMO = Path(__file__).parents[2] / "sae_widgets" / "demo"


def texts() -> list[str]:
    """The bundled documents, kinds in turns."""
    kinds = [file.read_text("utf-8").split("<|endoftext|>") for file in sorted((DEMO / "text").glob("*.txt"))]
    documents = [[each.strip() for each in kind if each.strip()] for kind in kinds]
    longest = max(map(len, documents))
    return [kind[i % len(kind)] for i in range(longest) for kind in documents]


def stream() -> Any:
    """The same as a stream, which is read in its own order on both sides."""
    import datasets

    return datasets.Dataset.from_dict({"text": texts()}).to_iterable_dataset()


def their_model() -> Any:
    """The demo model's weights as they are, in SAELens' model."""
    from sae_lens.analysis.hooked_sae_transformer import HookedSAETransformer
    from transformer_lens import HookedTransformerConfig
    from transformer_lens.pretrained.weight_conversions import convert_llama_weights
    from transformers import AutoTokenizer, LlamaForCausalLM

    plain = LlamaForCausalLM.from_pretrained(DEMO / "model", dtype="float32")
    size = plain.config
    cfg = HookedTransformerConfig(
        n_layers=size.num_hidden_layers, d_model=size.hidden_size, n_ctx=size.max_position_embeddings,
        n_heads=size.num_attention_heads, d_head=size.head_dim, d_mlp=size.intermediate_size, d_vocab=size.vocab_size,
        act_fn="silu", gated_mlp=True, normalization_type="RMS", final_rms=True, eps=size.rms_norm_eps,
        positional_embedding_type="rotary", rotary_dim=size.head_dim, rotary_adjacent_pairs=False,
        rotary_base=10_000, original_architecture="LlamaForCausalLM", device="cpu", model_name="demo",
    )  # fmt: skip
    tokenizer = AutoTokenizer.from_pretrained(DEMO / "model")
    tokenizer.init_kwargs.update(name_or_path="", add_bos_token=True)  # else it is looked for on the hub
    model = HookedSAETransformer(cfg, tokenizer=tokenizer)
    off = dict.fromkeys(("fold_ln", "center_writing_weights", "center_unembed", "fold_value_biases"), False)
    model.load_and_process_state_dict(convert_llama_weights(plain, cfg), **off)
    return model.eval()


def rows_of_tokens(n_rows: int, n_positions: int) -> Any:
    """The texts one after the other as rows of tokens, a special token first in each."""
    import torch
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(DEMO / "model")
    length = n_positions - 1
    ids: list[int] = []
    for text in texts():
        ids += tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"]
        if len(ids) >= n_rows * length:
            break
    rows = torch.tensor(ids[: n_rows * length]).view(n_rows, length)
    return torch.nn.functional.pad(rows, (1, 0), value=tokenizer.bos_token_id)
