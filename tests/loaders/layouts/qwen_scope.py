"""Qwen Scope: layer{n}.sae.pt."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from tests.loaders.layouts import D_IN, D_SAE, K, Published, drawn, repository, top_k


def write(
    folder: Path, repo_id: str = f"Qwen/SAE-Res-Qwen3-1.7B-Base-W32K-L0_{K}", model: str | None = "Qwen/Qwen3-1.7B-Base"
) -> Published:
    """One SAE; a repository of another name says nothing of k."""
    root = repository(folder, repo_id)
    enc, bias = drawn(D_SAE, D_IN, seed=1), drawn(D_SAE, seed=2)
    dec, b_dec = drawn(D_IN, D_SAE, seed=3), drawn(D_IN, seed=4)
    torch.save({"W_enc": enc, "W_dec": dec, "b_enc": bias, "b_dec": b_dec}, root / "layer7.sae.pt")

    def compute(x: Tensor) -> tuple[Tensor, Tensor]:
        acts = top_k(x @ enc.T + bias, K)
        return acts, acts @ dec.T + b_dec

    overrides: dict[str, Any] = {} if model else {"k": K}
    return Published(
        root,
        "layer7.sae.pt",
        weights={"W_enc": enc.T, "b_enc": bias, "W_dec": dec.T, "b_dec": b_dec},
        settings={"architecture": "topk", "d_in": D_IN, "d_sae": D_SAE, "k": K, "apply_b_dec_to_input": False},
        metadata={"hook_name": "blocks.7.hook_resid_post", "hf_hook_name": "model.layers.7", "model_name": model},
        compute=compute,
        overrides=overrides,
    )


CASES: dict[str, Callable[[Path], Published]] = {
    "1.7b": write,
    "35b": lambda folder: write(folder, f"Qwen/SAE-Res-Qwen3.5-35B-A3B-Base-W128K-L0_{K}", "Qwen/Qwen3.5-35B-A3B-Base"),
    "copied_elsewhere": lambda folder: write(folder, "me/copies", None),
}
