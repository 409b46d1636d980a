"""Gemma Scope's transcoders: params.npz."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from tests.loaders.layouts import D_IN, D_SAE, Published, drawn, jump, repository, thresholds


def write(folder: Path, spelling: Callable[[str], str] = str) -> Published:
    """One transcoder; `spelling` changes the arrays' names."""
    root = repository(folder, "google/gemma-scope-2b-pt-transcoders")
    path = "layer_12/width_16k/average_l0_86"
    w_enc, b_enc = drawn(D_IN, D_SAE, seed=1), drawn(D_SAE, seed=2)
    w_dec, b_dec = drawn(D_SAE, D_IN, seed=3), drawn(D_IN, seed=4)
    threshold = thresholds()
    arrays = {"w_enc": w_enc, "w_dec": w_dec, "b_enc": b_enc, "b_dec": b_dec, "threshold": threshold}
    (root / path).mkdir(parents=True, exist_ok=True)
    saved: dict[str, Any] = {spelling(name): each.numpy() for name, each in arrays.items()}
    np.savez(root / path / "params.npz", **saved)

    def compute(x: Tensor) -> tuple[Tensor, Tensor]:
        acts = jump(x @ w_enc + b_enc, threshold)
        return acts, acts @ w_dec + b_dec

    return Published(
        root,
        path,
        weights={"W_enc": w_enc, "W_dec": w_dec, "b_enc": b_enc, "b_dec": b_dec, "threshold": threshold},
        settings={
            "architecture": "jumprelu_transcoder",
            "d_in": D_IN,
            "d_out": D_IN,
            "d_sae": D_SAE,
            "apply_b_dec_to_input": False,
        },
        metadata={
            "hook_name": "blocks.12.ln2.hook_normalized",
            "hook_name_out": "blocks.12.hook_mlp_out",
            "model_name": "gemma-2-2b",
        },
        compute=compute,
    )


CASES: dict[str, Callable[[Path], Published]] = {
    "small_letters": write,
    "capitals": lambda folder: write(folder, str.upper),
    "no_underscore": lambda folder: write(folder, lambda name: name.replace("_", "")),
}
