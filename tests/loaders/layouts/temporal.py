"""Temporal SAEs: conf.yaml and latest_ckpt.safetensors."""

from collections.abc import Callable
from pathlib import Path

import torch
import yaml
from safetensors.torch import save_file
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

from tests.loaders.layouts import D_IN, Published, drawn, repository, top_k

D_SAE, K, N_HEADS, BOTTLENECK, FACTOR = 12, 2, 2, 3, 0.25


def write(folder: Path, is_tied: bool = False) -> Published:
    """One SAE of one attention layer; `is_tied`: without an encoder of its own."""
    root = repository(folder, "canrager/temporalSAEs")
    path = "gemma-2-2B/layer_12/temporal"
    sae = {
        "exp_factor": D_SAE / D_IN,
        "n_heads": N_HEADS,
        "n_attn_layers": 1,
        "bottleneck_factor": BOTTLENECK,
        "sae_diff_type": "topk",
        "kval_topk": K,
        "tied_weights": is_tied,
        "scaling_factor": FACTOR,
    }
    (root / path).mkdir(parents=True, exist_ok=True)
    conf = {"llm": {"dimin": D_IN}, "sae": sae, "data": {"dtype": "float32"}}
    (root / path / "conf.yaml").write_text(yaml.safe_dump(conf), "utf-8")
    narrow = D_SAE // BOTTLENECK
    attention = {
        **{
            f"attn_layers.0.{name}.weight": drawn(narrow, D_SAE, seed=i)
            for i, name in ((11, "k_ctx"), (12, "q_target"))
        },
        **{f"attn_layers.0.{name}.bias": drawn(narrow, seed=i) for i, name in ((13, "k_ctx"), (14, "q_target"))},
        **{f"attn_layers.0.{name}.weight": drawn(D_SAE, D_SAE, seed=i) for i, name in ((15, "v_ctx"), (16, "c_proj"))},
        **{f"attn_layers.0.{name}.bias": drawn(D_SAE, seed=i) for i, name in ((17, "v_ctx"), (18, "c_proj"))},
    }
    d, e, b = drawn(D_SAE, D_IN, seed=3), drawn(D_IN, D_SAE, seed=1), drawn(D_IN, seed=4)
    save_file({"D": d, "b": b, **({} if is_tied else {"E": e}), **attention}, root / path / "latest_ckpt.safetensors")
    encoder = d.T if is_tied else e

    def linear(name: str, x: Tensor) -> Tensor:
        return x @ attention[f"attn_layers.0.{name}.weight"].T + attention[f"attn_layers.0.{name}.bias"]

    def heads(x: Tensor) -> Tensor:
        return x.unflatten(-1, (N_HEADS, -1)).transpose(-2, -3)

    def compute(x: Tensor) -> tuple[Tensor, Tensor]:
        rest = x[None] * FACTOR - b  # one sequence
        lam = 1 / (4 * D_IN)
        z_in = (lam * rest @ encoder).relu()
        ctx = torch.cat([torch.zeros_like(z_in[:, :1]), z_in[:, :-1]], dim=1)
        q, k, v = heads(linear("q_target", z_in)), heads(linear("k_ctx", ctx)), heads(linear("v_ctx", ctx))
        mixed = scaled_dot_product_attention(q, k, v, is_causal=True).transpose(-2, -3).flatten(-2)
        z_pred = linear("c_proj", mixed).relu()
        predicted = z_pred @ d
        share = (predicted * rest).sum(-1, keepdim=True) / (predicted.norm(dim=-1, keepdim=True) + 1e-6) ** 2
        z_pred, rest = share * z_pred, rest - share * predicted
        acts = top_k((lam * rest @ encoder).relu(), K)
        return acts[0], (((acts + z_pred) @ d + b) / FACTOR)[0]

    return Published(
        root,
        path,
        weights={"W_dec": d, "b_dec": b, **({} if is_tied else {"W_enc": e}), **attention},
        settings={
            "architecture": "temporal",
            "d_in": D_IN,
            "d_sae": D_SAE,
            "n_heads": N_HEADS,
            "kval_topk": K,
            "tied_weights": is_tied,
            "normalize_activations": "constant_scalar_rescale",
            "activation_normalization_factor": FACTOR,
        },
        metadata={"hook_name": "blocks.12.hook_resid_post", "model_name": None},
        compute=compute,
    )


CASES: dict[str, Callable[[Path], Published]] = {
    "untied": write,
    "tied": lambda folder: write(folder, is_tied=True),
}
