"""Small repositories under the names that the seed code loads: a model, SAEs in three formats, a dataset."""

import json
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file

from sae_widgets.demo import text_folder

D_MODEL, N_LAYERS = 768, 9
D_SAE = 1536
SENTENCE = "The capital of France is Paris. I think the best capital is Paris. Hello world. "


def write_repos(root: Path) -> dict[str, Path]:
    """The folders of all repositories, by name."""
    folders = {name: root / name.replace("/", "--") for name in WRITERS}
    for name, write in WRITERS.items():
        folders[name].mkdir(parents=True)
        write(folders[name])
    return folders


def write_model(folder: Path) -> None:
    """A random model with GPT-2 small's width and as many layers as the seed code reaches, but hardly any inside.

    Of Llama's kind, where heads may be narrower than the model: nine layers of GPT-2's own would be 85 MB.
    """
    from tokenizers import ByteLevelBPETokenizer
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    bpe = ByteLevelBPETokenizer()
    texts = [SENTENCE] * 200 + [text_folder().joinpath("stories.txt").read_text("utf-8")[:20_000]]
    bpe.train_from_iterator(texts, vocab_size=600, special_tokens=["<|endoftext|>"])
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=bpe._tokenizer)
    tokenizer.add_special_tokens(dict.fromkeys(("bos_token", "eos_token", "unk_token"), "<|endoftext|>"))
    tokenizer.model_max_length = 256
    tokenizer.save_pretrained(folder)
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=D_MODEL,
        num_hidden_layers=N_LAYERS,
        num_attention_heads=2,
        head_dim=8,
        intermediate_size=16,
        max_position_embeddings=256,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
    )
    LlamaForCausalLM(config).save_pretrained(folder)


def write_res_jb(folder: Path) -> None:
    """SAELens 5's folder, config flat."""
    write_native(
        folder / "blocks.8.hook_resid_pre",
        {
            **{"architecture": "standard", "activation_fn_str": "relu", "hook_layer": 8, "hook_head_index": None},
            **{"prepend_bos": True, "dataset_path": "Skylion007/openwebtext", "context_size": 128},
            **{"dtype": "torch.float32", "normalize_activations": "none", "apply_b_dec_to_input": True},
            **{"model_name": "gpt2-small", "hook_name": "blocks.8.hook_resid_pre"},
        },
    )


def write_native_6(folder: Path) -> None:
    """SAELens 6's folder."""
    metadata = {"model_name": "gpt2-small", "hook_name": "blocks.8.hook_resid_pre", "prepend_bos": True}
    metadata |= {"context_size": 128, "dataset_path": "monology/pile-uncopyrighted", "sae_lens_version": "6.5.0"}
    settings = {"architecture": "standard", "dtype": "float32", "normalize_activations": "none", "metadata": metadata}
    write_native(folder / "path" / "to" / "sae", settings)


def write_native(folder: Path, settings: dict) -> None:
    folder.mkdir(parents=True)
    values = {"d_in": D_MODEL, "d_sae": D_SAE, "device": "cpu", **settings}
    (folder / "cfg.json").write_text(json.dumps(values), "utf-8")
    save_file(
        {
            "W_enc": drawn(D_MODEL, D_SAE),
            "b_enc": torch.zeros(D_SAE),
            "W_dec": drawn(D_SAE, D_MODEL),
            "b_dec": torch.zeros(D_MODEL),
        },
        folder / "sae_weights.safetensors",
    )
    save_file({"sparsity": torch.full((D_SAE,), -2.0)}, folder / "sparsity.safetensors")


def write_gemma_scope(folder: Path) -> None:
    """Gemma Scope's folder; narrower than its name says, since the width is read from the weights."""
    folder = folder / "layer_12" / "width_16k" / "average_l0_82"
    folder.mkdir(parents=True)
    arrays = {"w_enc": drawn(2304, 64), "w_dec": drawn(64, 2304), "b_dec": torch.zeros(2304)}
    arrays |= {"b_enc": torch.zeros(64), "threshold": torch.full((64,), 0.1)}
    np.savez(folder / "params.npz", **{name: tensor.numpy() for name, tensor in arrays.items()})


def write_pile(folder: Path) -> None:
    """Rows with a `text`, as the dataset has."""
    texts = [
        part for file in sorted(text_folder().iterdir()) for part in file.read_text("utf-8").split("<|endoftext|>")
    ]
    lines = [json.dumps({"text": text, "meta": {"pile_set_name": "Gutenberg"}}) for text in texts]
    (folder / "train.jsonl").write_text("\n".join(lines), "utf-8")


def drawn(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0)) * D_MODEL**-0.5


WRITERS = {
    "gpt2": write_model,
    "jbloom/GPT2-Small-SAEs-Reformatted": write_res_jb,
    "google/gemma-scope-2b-pt-res": write_gemma_scope,
    "username/repo-name": write_native_6,
    "monology/pile-uncopyrighted": write_pile,
}
