"""Goodfire: one .pt or .pth."""

from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from tests.loaders.layouts import D_IN, D_SAE, Published, drawn, repository


def write(folder: Path, model: str = "Llama-3.1-8B-Instruct", layer: int = 19, suffix: str = "pth") -> Published:
    """One SAE."""
    root = repository(folder, f"Goodfire/{model}-SAE-l{layer}")
    path = f"{model}-SAE-l{layer}.{suffix}"
    enc, bias = drawn(D_SAE, D_IN, seed=1), drawn(D_SAE, seed=2)
    dec, b_dec = drawn(D_IN, D_SAE, seed=3), drawn(D_IN, seed=4)
    state = {
        "encoder_linear.weight": enc,
        "encoder_linear.bias": bias,
        "decoder_linear.weight": dec,
        "decoder_linear.bias": b_dec,
    }
    torch.save(state, root / path)

    def compute(x: Tensor) -> tuple[Tensor, Tensor]:
        acts = torch.nn.functional.linear(x, enc, bias).relu()
        return acts, torch.nn.functional.linear(acts, dec, b_dec)

    return Published(
        root,
        path,
        weights={"W_enc": enc.T, "b_enc": bias, "W_dec": dec.T, "b_dec": b_dec},
        settings={"architecture": "standard", "d_in": D_IN, "d_sae": D_SAE, "apply_b_dec_to_input": False},
        metadata={"hook_name": f"blocks.{layer}.hook_resid_post", "model_name": f"meta-llama/{model}"},
        compute=compute,
    )


CASES: dict[str, Callable[[Path], Published]] = {
    "8b": write,
    "70b": lambda folder: write(folder, "Llama-3.3-70B-Instruct", 50, "pt"),
}
