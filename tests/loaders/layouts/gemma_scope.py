"""Gemma Scope: params.npz."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from tests.loaders.layouts import D_IN, D_SAE, Published, drawn, jump, repository, thresholds


def write(
    folder: Path,
    repo_id: str = "google/gemma-scope-2b-pt-res",
    path: str = "layer_20/width_16k/average_l0_71",
    hook_name: str = "blocks.20.hook_resid_post",
    model_name: str = "gemma-2-2b",
    settings: dict[str, str] | None = None,
) -> Published:
    """One SAE; `path` below "embedding" is one on embeddings."""
    root = repository(folder, repo_id)
    w_enc, b_enc = drawn(D_IN, D_SAE, seed=1), drawn(D_SAE, seed=2)
    w_dec, b_dec = drawn(D_SAE, D_IN, seed=3), drawn(D_IN, seed=4)
    threshold = thresholds()
    arrays = {"w_enc": w_enc, "w_dec": w_dec, "b_enc": b_enc, "b_dec": b_dec, "threshold": threshold}
    (root / path).mkdir(parents=True, exist_ok=True)
    saved: dict[str, Any] = {name: each.numpy() for name, each in arrays.items()}
    np.savez(root / path / "params.npz", **saved)
    scale = D_IN**0.5 if path.startswith("embedding") else 1.0

    def compute(x: Tensor) -> tuple[Tensor, Tensor]:
        # Embeddings in Gemma's forward pass have the factor that those of training lack.
        acts = jump(x / scale @ w_enc + b_enc, threshold)
        return acts, acts @ w_dec * scale + b_dec

    weights = {"W_enc": w_enc / scale, "W_dec": w_dec * scale, "b_enc": b_enc, "b_dec": b_dec, "threshold": threshold}
    return Published(
        root,
        path,
        weights=weights,
        settings={
            "architecture": "jumprelu",
            "d_in": D_IN,
            "d_sae": D_SAE,
            "apply_b_dec_to_input": False,
            "normalize_activations": "none",
            **(settings or {}),
        },
        metadata={"hook_name": hook_name, "model_name": model_name, "context_size": 1024},
        compute=compute,
    )


CASES: dict[str, Callable[[Path], Published]] = {
    "residual": write,
    "mlp_of_it": lambda folder: write(
        folder,
        "google/gemma-scope-9b-it-mlp",
        "layer_9/width_131k/average_l0_22",
        "blocks.9.hook_mlp_out",
        "gemma-2-9b-it",
    ),
    "attention": lambda folder: write(
        folder,
        "google/gemma-scope-2b-pt-att",
        "layer_7/width_16k/average_l0_80",
        "blocks.7.attn.hook_z",
        settings={"reshape_activations": "hook_z"},
    ),
    "embedding": lambda folder: write(folder, path="embedding/width_4k/average_l0_6", hook_name="hook_embed"),
}
