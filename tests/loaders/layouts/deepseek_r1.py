"""qresearch's SAE on DeepSeek's R1 distil: one .pt."""

from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from tests.loaders.layouts import D_IN, D_SAE, Published, drawn, repository


def write(folder: Path) -> Published:
    """One SAE."""
    root = repository(folder, "qresearch/DeepSeek-R1-Distill-Llama-8B-SAE-l19")
    path = "DeepSeek-R1-Distill-Llama-8B-SAE-l19.pt"
    enc, bias = drawn(D_SAE, D_IN, seed=1), drawn(D_SAE, seed=2)
    dec, b_dec = drawn(D_IN, D_SAE, seed=3), drawn(D_IN, seed=4)
    torch.save({"encoder.weight": enc, "encoder.bias": bias, "decoder.weight": dec, "decoder.bias": b_dec}, root / path)

    def compute(x: Tensor) -> tuple[Tensor, Tensor]:
        acts = torch.nn.functional.linear(x, enc, bias).relu()
        return acts, torch.nn.functional.linear(acts, dec, b_dec)

    return Published(
        root,
        path,
        weights={"W_enc": enc.T, "b_enc": bias, "W_dec": dec.T, "b_dec": b_dec},
        settings={"architecture": "standard", "d_in": D_IN, "d_sae": D_SAE, "apply_b_dec_to_input": False},
        metadata={
            "hook_name": "blocks.19.hook_resid_post",
            "model_name": "deepseek-ai/DeepSeek-R1-Distill-Llama-8B",
            "context_size": 1024,
        },
        compute=compute,
    )


CASES: dict[str, Callable[[Path], Published]] = {"layer": write}
