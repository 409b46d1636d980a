"""Kissane's and Krzyzanowski's attention SAEs: {name}.pt and {name}_cfg.json."""

from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from tests.loaders.layouts import D_IN, D_SAE, Published, drawn, repository, write_json


def write(folder: Path) -> Published:
    """One SAE."""
    root = repository(folder, "ckkissane/attn-saes-gpt2-small-all-layers")
    name = "gpt2-small_L5_Hcat_z_lr1.20e-03_l11.00e+00_ds49152_bs4096_dc1.00e-06_rsanthropic_rie25000_nr4_v9"
    enc, bias = drawn(D_IN, D_SAE, seed=1), drawn(D_SAE, seed=2)
    dec, b_dec = drawn(D_SAE, D_IN, seed=3), drawn(D_IN, seed=4)
    torch.save({"W_enc": enc, "W_dec": dec, "b_enc": bias, "b_dec": b_dec}, root / f"{name}.pt")
    settings = {
        "act_size": D_IN,
        "dict_size": D_SAE,
        "act_name": "blocks.5.attn.hook_z",
        "seq_len": 128,
        "l1_coeff": 1.8,
    }
    write_json(root / f"{name}_cfg.json", settings)

    def compute(x: Tensor) -> tuple[Tensor, Tensor]:
        acts = ((x - b_dec) @ enc + bias).relu()
        return acts, acts @ dec + b_dec

    return Published(
        root,
        f"{name}.pt",
        weights={"W_enc": enc, "b_enc": bias, "W_dec": dec, "b_dec": b_dec},
        settings={
            "architecture": "standard",
            "d_in": D_IN,
            "d_sae": D_SAE,
            "apply_b_dec_to_input": True,
            "reshape_activations": "hook_z",
        },
        metadata={"hook_name": "blocks.5.attn.hook_z", "model_name": "gpt2-small", "context_size": 128},
        compute=compute,
    )


CASES: dict[str, Callable[[Path], Published]] = {"layer": write}
