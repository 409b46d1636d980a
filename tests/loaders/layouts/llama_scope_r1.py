"""Llama Scope's R1 distil: config.json and sae_weights.safetensors."""

from collections.abc import Callable
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

from tests.loaders.layouts import D_IN, Published, drawn, jump, repository, write_json
from tests.loaders.layouts.llama_scope import NORM_IN, linear_tensors

D_SAE = 12  # a multiple of D_IN: the file has an expansion factor


def write(folder: Path, has_norm: bool = True, includes_norm: bool = False) -> Published:
    """One SAE; `has_norm`: the scale of its input stands in the file."""
    root = repository(folder, "fnlp/Llama-Scope-R1-Distill")
    path = "400M-Slimpajama-400M-OpenR1-Math-220k/L15R"
    hook = "blocks.15.hook_resid_post"
    settings = {
        "d_model": D_IN,
        "expansion_factor": D_SAE // D_IN,
        "act_fn": "jumprelu",
        "norm_activation": "dataset-wise",
        "hook_point_in": hook,
        "hook_point_out": hook,
        "sparsity_include_decoder_norm": includes_norm,
    }
    write_json(root / path / "config.json", settings)
    tensors = {
        "encoder.weight": drawn(D_SAE, D_IN, seed=1),
        "encoder.bias": drawn(D_SAE, seed=2),
        "decoder.weight": drawn(D_IN, D_SAE, seed=3),
        "decoder.bias": linear_tensors()["decoder.bias"],
        "log_jumprelu_threshold": drawn(D_SAE, seed=5) - 1.5,
    }
    key = f"dataset_average_activation_norm.{hook}"
    save_file(
        {**tensors, **({key: torch.tensor(NORM_IN)} if has_norm else {})}, root / path / "sae_weights.safetensors"
    )
    s = D_IN**0.5 / NORM_IN if has_norm else 1.0
    length = tensors["decoder.weight"].norm(dim=0) if includes_norm else torch.ones(D_SAE)
    threshold = tensors["log_jumprelu_threshold"].exp()

    def compute(x: Tensor) -> tuple[Tensor, Tensor]:
        pre = s * x @ tensors["encoder.weight"].T + tensors["encoder.bias"]
        acts = jump(pre * length, threshold) / length
        return acts, (acts @ tensors["decoder.weight"].T + tensors["decoder.bias"]) / s

    return Published(
        root,
        path,
        weights={
            "W_enc": tensors["encoder.weight"].T * s,
            "b_enc": tensors["encoder.bias"],
            "W_dec": tensors["decoder.weight"].T / s,
            "b_dec": tensors["decoder.bias"] / s,
            "threshold": threshold / length,
        },
        settings={
            "architecture": "jumprelu",
            "d_in": D_IN,
            "d_sae": D_SAE,
            "apply_b_dec_to_input": False,
            "normalize_activations": "none" if has_norm else "expected_average_only_in",
        },
        metadata={"hook_name": hook, "model_name": "deepseek-ai/DeepSeek-R1-Distill-Llama-8B", "dataset_path": None},
        compute=compute,
    )


CASES: dict[str, Callable[[Path], Published]] = {
    "with_scale": write,
    "without_scale": lambda folder: write(folder, has_norm=False),
    "with_decoder_norm": lambda folder: write(folder, includes_norm=True),
}
