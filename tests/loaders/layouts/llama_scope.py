"""Llama Scope: hyperparams.json and checkpoints/final.safetensors."""

from collections.abc import Callable
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

from tests.loaders.layouts import D_IN, D_SAE, Published, drawn, repository, write_json

NORM_IN, NORM_OUT, THETA = 3.7, 1.9, 0.12


def linear_tensors() -> dict[str, Tensor]:
    """The weights of OpenMOSS's library, but for the threshold."""
    return {
        "encoder.weight": drawn(D_SAE, D_IN, seed=1),
        "encoder.bias": drawn(D_SAE, seed=2),
        "decoder.weight": drawn(D_IN, D_SAE, seed=3),
        "decoder.bias": drawn(D_IN, seed=4),
    }


def write(folder: Path, includes_norm: bool = False, is_transcoder: bool = False) -> Published:
    """One SAE or transcoder; `includes_norm`: the threshold is for features of unit decoder length."""
    root = repository(folder, "fnlp/Llama3_1-8B-Base-LXR-8x")
    path = "Llama3_1-8B-Base-L15R-8x"
    hook_in = "blocks.15.hook_resid_mid" if is_transcoder else "blocks.15.hook_resid_post"
    hook_out = "blocks.15.hook_mlp_out" if is_transcoder else hook_in
    norm_out = NORM_OUT if is_transcoder else NORM_IN
    settings = {
        "d_model": D_IN,
        "d_sae": D_SAE,
        "use_decoder_bias": True,
        "apply_decoder_bias_to_pre_encoder": False,
        "act_fn": "jumprelu",
        "jump_relu_threshold": THETA,
        "norm_activation": "dataset-wise",
        "dataset_average_activation_norm": {"in": NORM_IN, "out": norm_out},
        "hook_point_in": hook_in,
        "hook_point_out": hook_out,
        "top_k": 50,
        **({"sparsity_include_decoder_norm": True} if includes_norm else {}),
    }
    write_json(root / path / "hyperparams.json", settings)
    tensors = linear_tensors()
    (root / path / "checkpoints").mkdir(parents=True, exist_ok=True)
    save_file(tensors, root / path / "checkpoints/final.safetensors")
    s, t = D_IN**0.5 / NORM_IN, D_IN**0.5 / norm_out

    def compute(x: Tensor) -> tuple[Tensor, Tensor]:
        # In the library's order: the scales go into biases and decoder, then, if it says so, decoders get unit length;
        # the threshold is compared after that.
        decoder = tensors["decoder.weight"] * s / t
        pre = x @ tensors["encoder.weight"].T + tensors["encoder.bias"] / s
        length = decoder.norm(dim=0) if includes_norm else torch.ones(D_SAE)
        acts = pre * (pre * length > THETA)
        return acts * s, acts @ decoder.T + tensors["decoder.bias"] / t

    length = (tensors["decoder.weight"] * s / t).norm(dim=0) if includes_norm else torch.ones(D_SAE)
    return Published(
        root,
        path,
        weights={
            "W_enc": tensors["encoder.weight"].T * s,
            "b_enc": tensors["encoder.bias"],
            "W_dec": tensors["decoder.weight"].T / t,
            "b_dec": tensors["decoder.bias"] / t,
            "threshold": THETA * s / length,
        },
        settings={
            "architecture": "jumprelu_transcoder" if is_transcoder else "jumprelu",
            "d_in": D_IN,
            "d_sae": D_SAE,
            "apply_b_dec_to_input": False,
            "normalize_activations": "none",
        },
        metadata={
            "hook_name": hook_in,
            "hook_name_out": hook_out if is_transcoder else None,
            "model_name": "meta-llama/Llama-3.1-8B",
        },
        compute=compute,
    )


CASES: dict[str, Callable[[Path], Published]] = {
    "residual": write,
    "with_decoder_norm": lambda folder: write(folder, includes_norm=True),
    "transcoder": lambda folder: write(folder, includes_norm=True, is_transcoder=True),
}
