"""Gemma Scope 2: params.safetensors, with or without config.json; cross-layer transcoders by layer."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

from tests.loaders.layouts import D_IN, D_SAE, Published, drawn, jump, repository, thresholds, write_json

D_OUT = 4
N_LAYERS = 4


def _tensors(d_out: int = D_IN, has_skip: bool = False) -> dict[str, Tensor]:
    tensors = {
        "w_enc": drawn(D_IN, D_SAE, seed=1),
        "b_enc": drawn(D_SAE, seed=2),
        "w_dec": drawn(D_SAE, d_out, seed=3),
        "b_dec": drawn(d_out, seed=4),
        "threshold": thresholds(),
    }
    return {**tensors, **({"affine_skip_connection": drawn(D_IN, d_out, seed=6)} if has_skip else {})}


def _native(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    names = {"w_enc": "W_enc", "b_enc": "b_enc", "w_dec": "W_dec", "b_dec": "b_dec", "threshold": "threshold"}
    native = {ours: tensors[theirs] for theirs, ours in names.items()}
    if "affine_skip_connection" in tensors:
        native["W_skip"] = tensors["affine_skip_connection"].T
    return native


def _sae(
    folder: Path,
    path: str,
    hook_name: str,
    hf_hook_name: str,
    size: str = "4b-it",
    model_name: str = "google/gemma-3-4b-it",
    has_config: bool = True,
    settings: dict[str, Any] | None = None,
) -> Published:
    root = repository(folder, f"google/gemma-scope-2-{size}")
    tensors = _tensors()
    (root / path).mkdir(parents=True, exist_ok=True)
    save_file(tensors, root / path / "params.safetensors")
    if has_config:
        named = {"architecture": "jump_relu", "model_name": f"gemma-v3-{size}", "hf_hook_point_in": hf_hook_name}
        write_json(root / path / "config.json", named)

    def compute(x: Tensor) -> tuple[Tensor, Tensor]:
        acts = jump(x @ tensors["w_enc"] + tensors["b_enc"], tensors["threshold"])
        return acts, acts @ tensors["w_dec"] + tensors["b_dec"]

    return Published(
        root,
        path,
        weights=_native(tensors),
        settings={
            "architecture": "jumprelu",
            "d_in": D_IN,
            "d_sae": D_SAE,
            "apply_b_dec_to_input": False,
            "reshape_activations": "none",
            **(settings or {}),
        },
        metadata={"hook_name": hook_name, "hf_hook_name": hf_hook_name, "model_name": model_name},
        compute=compute,
    )


def _transcoder(folder: Path, has_skip: bool, has_config: bool = True) -> Published:
    root = repository(folder, "google/gemma-scope-2-1b-pt")
    path = f"transcoder_all/layer_9_width_16k_l0_small{'_affine' if has_skip else ''}"
    tensors = _tensors(D_OUT, has_skip)
    (root / path).mkdir(parents=True, exist_ok=True)
    save_file(tensors, root / path / "params.safetensors")
    hf = {
        "hf_hook_point_in": "model.layers.9.pre_feedforward_layernorm.output",
        "hf_hook_point_out": "model.layers.9.post_feedforward_layernorm.output",
    }
    if has_config:
        named = {"architecture": "jump_relu", "model_name": "gemma-v3-1b-pt", "affine_connection": has_skip, **hf}
        write_json(root / path / "config.json", named)

    def compute(x: Tensor) -> tuple[Tensor, Tensor]:
        acts = jump(x @ tensors["w_enc"] + tensors["b_enc"], tensors["threshold"])
        out = acts @ tensors["w_dec"] + tensors["b_dec"]
        return acts, out + x @ tensors["affine_skip_connection"] if has_skip else out

    return Published(
        root,
        path,
        weights=_native(tensors),
        settings={
            "architecture": "jumprelu_skip_transcoder" if has_skip else "jumprelu_transcoder",
            "d_in": D_IN,
            "d_out": D_OUT,
            "d_sae": D_SAE,
        },
        metadata={
            "hook_name": "blocks.9.mlp.hook_in",
            "hook_name_out": "blocks.9.hook_mlp_out",
            "hf_hook_name": hf["hf_hook_point_in"],
            "hf_hook_name_out": hf["hf_hook_point_out"],
            "model_name": "google/gemma-3-1b-pt",
        },
        compute=compute,
    )


def cross_layer(folder: Path, layer: int = 1, has_skip: bool = True) -> Published:
    """One layer's file of a cross-layer transcoder; the decoders to layers below hold what must not be used."""
    root = repository(folder, "google/gemma-scope-2-1b-pt")
    place = "clt/width_262k_l0_medium_affine"
    tensors = _tensors(D_IN, has_skip)
    tensors["w_dec"] = drawn(D_SAE, N_LAYERS, D_IN, seed=7)
    (root / place).mkdir(parents=True, exist_ok=True)
    save_file(tensors, root / place / f"params_layer_{layer}.safetensors")
    n_outputs = N_LAYERS - layer

    def compute(x: Tensor) -> tuple[Tensor, Tensor]:
        acts = jump(x @ tensors["w_enc"] + tensors["b_enc"], tensors["threshold"])
        out = torch.einsum("bf,fld->bld", acts, tensors["w_dec"][:, layer:])
        own = tensors["b_dec"] + (x @ tensors["affine_skip_connection"] if has_skip else 0)
        out[:, 0] += own
        return acts, out

    weights = {**_native(tensors), "W_dec": tensors["w_dec"][:, layer:].reshape(D_SAE, -1)}
    weights["b_dec"] = torch.cat([tensors["b_dec"], torch.zeros((n_outputs - 1) * D_IN)])
    if has_skip:
        weights["W_skip"] = torch.cat([weights["W_skip"], torch.zeros((n_outputs - 1) * D_IN, D_IN)])
    return Published(
        root,
        f"{place}/params_layer_{layer}.safetensors",
        weights=weights,
        settings={
            "architecture": "cross_layer_skip_transcoder" if has_skip else "cross_layer_transcoder",
            "d_in": D_IN,
            "d_out": D_IN,
            "d_sae": D_SAE,
            "n_outputs": n_outputs,
        },
        metadata={
            "hook_name": f"blocks.{layer}.mlp.hook_in",
            "hook_names_out": [f"blocks.{each}.hook_mlp_out" for each in range(layer, N_LAYERS)],
            "model_name": "google/gemma-3-1b-pt",
        },
        compute=compute,
        hub_path=f"{place}/params_layer_{layer}",
    )


CASES: dict[str, Callable[[Path], Published]] = {
    "residual": lambda folder: _sae(
        folder, "resid_post/layer_17_width_16k_l0_big", "blocks.17.hook_resid_post", "model.layers.17.output"
    ),
    "residual_without_config": lambda folder: _sae(
        folder,
        "resid_post_all/layer_3_width_16k_l0_big",
        "blocks.3.hook_resid_post",
        "model.layers.3.output",
        size="270m-pt",
        model_name="google/gemma-3-270m",
        has_config=False,
    ),
    "mlp": lambda folder: _sae(
        folder,
        "mlp_out/layer_17_width_16k_l0_big",
        "blocks.17.hook_mlp_out",
        "model.layers.17.post_feedforward_layernorm.output",
        has_config=False,
    ),
    "attention": lambda folder: _sae(
        folder,
        "attn_out/layer_17_width_16k_l0_big",
        "blocks.17.attn.hook_z",
        "model.layers.17.self_attn.o_proj.input",
        settings={"reshape_activations": "hook_z"},
    ),
    "transcoder": lambda folder: _transcoder(folder, has_skip=False),
    "affine_transcoder": lambda folder: _transcoder(folder, has_skip=True),
    "affine_transcoder_without_config": lambda folder: _transcoder(folder, has_skip=True, has_config=False),
    "cross_layer": cross_layer,
    "cross_layer_without_skip": lambda folder: cross_layer(folder, layer=3, has_skip=False),
}
