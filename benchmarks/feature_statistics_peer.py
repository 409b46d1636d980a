"""What sae-dashboard makes of all features; run by `feature_statistics.py` in sae-dashboard's own environment.

    python feature_statistics_peer.py FOLDER N_ROWS N_FEATURES

Reads model/, sae/ and tokens.safetensors in FOLDER, writes the dashboards as one HTML file, as sae-dashboard does, and,
to be compared, its numbers to peer.safetensors. Prints seconds and MiB as JSON.
"""

import json
import sys
import time
from pathlib import Path

import torch
from sae_dashboard.data_writing_fns import save_feature_centric_vis
from sae_dashboard.sae_vis_data import SaeVisConfig
from sae_dashboard.sae_vis_runner import SaeVisRunner
from sae_lens import SAE, HookedSAETransformer
from safetensors.torch import load_file, save_file
from transformer_lens import HookedTransformerConfig
from transformer_lens.pretrained.weight_conversions import convert_gpt2_weights
from transformers import GPT2LMHeadModel, PreTrainedTokenizerFast

HOOK = "blocks.2.hook_resid_post"


def memory(key: str) -> float:
    """MiB of this process: VmRSS now, VmHWM at most."""
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) / 1024 for line in status if line.startswith(key))


def load(folder: Path) -> HookedSAETransformer:
    """The model, its weights as they are."""
    theirs = GPT2LMHeadModel.from_pretrained(folder / "model")
    cfg = HookedTransformerConfig(
        n_layers=theirs.config.n_layer,
        d_model=theirs.config.n_embd,
        n_ctx=theirs.config.n_positions,
        d_head=theirs.config.n_embd // theirs.config.n_head,
        n_heads=theirs.config.n_head,
        d_vocab=theirs.config.vocab_size,
        act_fn="gelu_new",
        normalization_type="LN",
        eps=theirs.config.layer_norm_epsilon,
        model_name="benchmark",
        device="cpu",
    )
    model = HookedSAETransformer(cfg, tokenizer=PreTrainedTokenizerFast.from_pretrained(folder / "model"))
    weights = convert_gpt2_weights(theirs, cfg)
    off = dict.fromkeys(("fold_ln", "center_writing_weights", "center_unembed", "fold_value_biases"), False)
    model.load_and_process_state_dict(weights, **off)
    return model.eval()


def numbers(found, n: int) -> dict[str, torch.Tensor]:
    """What `feature_statistics.py` compares."""
    features = [found.feature_data_dict[i] for i in range(n)]
    tables = [each.feature_tables_data for each in features]
    tops = [each.sequence_data.seq_group_data[0].seq_data for each in features]
    n_top = min(len(top) for top in tops)
    return {
        "max": torch.tensor(found.feature_stats.max),
        "density": torch.tensor(found.feature_stats.frac_nonzero),
        "n_active": torch.tensor([sum(each.acts_histogram_data.bar_heights) for each in features]),
        "neurons": torch.tensor([each.correlated_neurons_indices for each in tables]),
        "neurons_pearson": torch.tensor([each.correlated_neurons_pearson for each in tables]),
        "neurons_cosine": torch.tensor([each.correlated_neurons_cossim for each in tables]),
        "features": torch.tensor([each.correlated_features_indices for each in tables]),
        "features_pearson": torch.tensor([each.correlated_features_pearson for each in tables]),
        "features_cosine": torch.tensor([each.correlated_features_cossim for each in tables]),
        "aligned": torch.tensor([each.neuron_alignment_indices for each in tables]),
        "aligned_value": torch.tensor([each.neuron_alignment_values for each in tables]),
        "aligned_share": torch.tensor([each.neuron_alignment_l1 for each in tables]),
        "top_row": torch.tensor([[seq.original_index for seq in top[:n_top]] for top in tops]),
        "top_position": torch.tensor([[seq.qualifying_token_index for seq in top[:n_top]] for top in tops]),
        "top_acts": torch.tensor([[seq.feat_acts for seq in top[:n_top]] for top in tops]),
        "logits": torch.tensor([each.logits_table_data.top_logits for each in features]),
        "logit_tokens": torch.tensor([each.logits_table_data.top_token_ids for each in features]),
    }


def main() -> None:
    folder, n_rows, n_features = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    model, sae = load(folder), SAE.load_from_disk(folder / "sae")
    tokens = load_file(folder / "tokens.safetensors")["tokens"][:n_rows]
    n_forwards = 0

    def count(module, args):
        nonlocal n_forwards
        n_forwards += 1

    model.blocks[0].register_forward_pre_hook(count)
    SaeVisRunner(SaeVisConfig(HOOK, features=range(2))).run(encoder=sae, model=model, tokens=tokens[:8])
    n_forwards, before = 0, memory("VmRSS")
    wall, cpu = time.perf_counter(), time.process_time()
    found = SaeVisRunner(SaeVisConfig(HOOK, features=range(n_features))).run(encoder=sae, model=model, tokens=tokens)
    made = time.perf_counter()
    save_feature_centric_vis(found, folder / "peer.html")
    figures = {
        "seconds": time.perf_counter() - wall,
        "cpu_seconds": time.process_time() - cpu,
        "writing_seconds": time.perf_counter() - made,
        "peak_mib": memory("VmHWM"),
        "grown_mib": memory("VmHWM") - before,
        "written_mib": (folder / "peer.html").stat().st_size / 2**20,
        "passes": n_forwards / -(-n_rows // 64),
    }
    save_file(numbers(found, n_features), folder / "peer.safetensors")
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
