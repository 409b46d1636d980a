"""Gemma Scope 2: JumpReLU SAEs, transcoders and cross-layer transcoders on Gemma 3.

    {site}/layer_{L}_width_{16k}_l0_{small}[_affine]/params.safetensors, and config.json where there is one
    clt/{width_262k_l0_medium_affine}/params_layer_{L}.safetensors        (one file for each layer that is read)

    w_enc [d_in, d_sae], b_enc [d_sae], threshold [d_sae], b_dec [d_out], w_dec [d_sae, d_out]
    w_dec [d_sae, n_layers, d_out] of a cross-layer transcoder: for each layer of the model, from 0 on; it writes to its
    own layer and those above
    affine_skip_connection [d_in, d_out], in some transcoders: added to the output as x @ affine_skip_connection, in a
    cross-layer transcoder to its own layer's

    config.json: architecture ("jump_relu"), model_name, hf_hook_point_in, hf_hook_point_out, affine_connection

The sites are resid_post, mlp_out, attn_out (hook_z, the heads as one axis) and transcoder, each also with `_all`.
Transcoders read what the MLP is given, after `pre_feedforward_layernorm` with its weight: `blocks.L.mlp.hook_in`. The
hook of that name at SAELens, `hook_mlp_in`, is the residual stream before that norm, and is off by default.

Source: McDougall et al. 2025, "Gemma Scope 2"; repositories google/gemma-scope-2-*. The decoders of the cross-layer
transcoders are read as circuit-tracer does.
"""

import re
from typing import Any

import torch
from torch import Tensor

from sae_widgets.loaders.facts import config_of, number_in, renamed
from sae_widgets.loaders.gemma_scope import CONTEXT_TOKENS, DATASET
from sae_widgets.loaders.source import Loaded, Source

NAME = "gemma_scope_2"
OTHER_NAMES = ("gemma_3",)

PARAMS = "params.safetensors"

_NAMES = {
    "w_enc": "W_enc",
    "w_dec": "W_dec",
    "b_enc": "b_enc",
    "b_dec": "b_dec",
    "threshold": "threshold",
}
_SKIP = "affine_skip_connection"
_LAYER_FILE = re.compile(r"params_layer_(\d+)(\.safetensors)?$")


def recognises(source: Source) -> bool:
    """Whether `source` is of this format."""
    return source.has(PARAMS) or bool(_LAYER_FILE.search(source.path) and source.has(_layer_file(source)))


def read(source: Source, device: str = "cpu") -> Loaded:
    """The SAE, transcoder or layer of a cross-layer transcoder in `source`."""
    if not source.has(PARAMS):
        return _read_cross_layer(source, device)
    tensors = source.tensors(PARAMS, device)
    weights = renamed(tensors, _NAMES, PARAMS)
    published = source.json("config.json") if source.has("config.json") else {}
    if published.get("architecture", "jump_relu") != "jump_relu":
        raise ValueError(f"config.json names the architecture {published['architecture']!r}; expected 'jump_relu'.")
    layer = number_in(r"layer_(\d+)", source.name)
    if _site(source.name) == "transcoder" or _SKIP in tensors:
        if _SKIP in tensors:
            weights["W_skip"] = tensors[_SKIP].T.contiguous()
        return Loaded(_transcoder_config(source, weights, published, layer), weights)
    hook_name = _hook_name(source.name, layer)
    return Loaded(
        config_of(
            "jumprelu",
            weights,
            hook_name=hook_name,
            reshape_activations="hook_z" if hook_name and hook_name.endswith("hook_z") else None,
            hf_hook_name=published.get("hf_hook_point_in") or _hf_hook_name(hook_name),
            **_training_facts(source, published),
        ),
        weights,
    )


def _transcoder_config(
    source: Source, weights: dict[str, Tensor], published: dict[str, Any], layer: int | None
) -> dict[str, Any]:
    kind = "jumprelu_skip_transcoder" if "W_skip" in weights else "jumprelu_transcoder"
    return config_of(
        kind,
        weights,
        d_out=len(weights["b_dec"]),
        **_mlp_hooks(layer, published),
        hook_name_out=None if layer is None else f"blocks.{layer}.hook_mlp_out",
        hf_hook_name_out=published.get("hf_hook_point_out")
        or (None if layer is None else f"model.layers.{layer}.post_feedforward_layernorm.output"),
        **_training_facts(source, published),
    )


def _read_cross_layer(source: Source, device: str) -> Loaded:
    name = _layer_file(source)
    layer = int(_LAYER_FILE.search(source.path).group(1))  # type: ignore[union-attr]  recognised by it
    tensors = source.tensors(name, device)
    weights = renamed(tensors, _NAMES, name.rsplit("/", 1)[-1])
    decoders = weights["W_dec"]
    if decoders.ndim != 3 or decoders.shape[1] <= layer:
        raise ValueError(
            f"w_dec is {list(decoders.shape)}; expected [d_sae, n_layers, d_out] with more than {layer} layers, since "
            f"this is layer {layer}."
        )
    decoders = decoders[:, layer:]  # nothing is written to a layer below
    n_outputs, d_out = decoders.shape[1:]
    weights["W_dec"] = decoders.flatten(1).contiguous()
    weights["b_dec"] = own_layer_only(weights["b_dec"], n_outputs)
    if _SKIP in tensors:
        skip = tensors[_SKIP].T
        weights["W_skip"] = torch.cat([skip, skip.new_zeros((n_outputs - 1) * d_out, skip.shape[1])])
    folder = source.at("..")
    published = folder.json("config.json") if folder.has("config.json") else {}
    config = config_of(
        "cross_layer_skip_transcoder" if _SKIP in tensors else "cross_layer_transcoder",
        weights,
        d_out=d_out,
        n_outputs=n_outputs,
        **_mlp_hooks(layer, published),
        hook_names_out=[f"blocks.{each}.hook_mlp_out" for each in range(layer, layer + n_outputs)],
        **_training_facts(source, published),
    )
    return Loaded(config, weights)


def own_layer_only(b_dec: Tensor, n_outputs: int) -> Tensor:
    """The biases `[n_outputs * d_out]` of a layer of a cross-layer transcoder: its own to its own layer, else zero.

    Each layer's file brings the bias of that layer alone; so the outputs of all layers add up to the whole model's.
    """
    return torch.cat([b_dec, b_dec.new_zeros((n_outputs - 1) * len(b_dec))])


def _layer_file(source: Source) -> str:
    """The layer's file, relative to `source`, whose path may lack the suffix."""
    return "" if source.path.endswith(".safetensors") else f"../{source.path.rsplit('/', 1)[-1]}.safetensors"


def _mlp_hooks(layer: int | None, published: dict[str, Any]) -> dict[str, Any]:
    if layer is None:
        return {"hf_hook_name": published.get("hf_hook_point_in")}
    default = f"model.layers.{layer}.pre_feedforward_layernorm.output"
    return {
        "hook_name": f"blocks.{layer}.mlp.hook_in",
        "hf_hook_name": published.get("hf_hook_point_in") or default,
    }


def _training_facts(source: Source, published: dict[str, Any]) -> dict[str, Any]:
    return {
        "model_name": _model_name(published.get("model_name"), source.name),
        "prepend_bos": True,
        "context_size": CONTEXT_TOKENS,
        "dataset_path": DATASET,
    }


def _model_name(published: str | None, name: str) -> str | None:
    found = re.findall(r"gemma-scope-2-(\d+[mb]-(?:pt|it))", name)
    named = published or (f"gemma-3-{found[-1]}" if found else None)
    if named is None:
        return None
    named = named.replace("-v3", "-3")
    named = named if named.startswith("google/") else f"google/{named}"
    return named.replace("-pt", "") if "270m" in named else named  # the one whose repository has no suffix


def _hook_name(name: str, layer: int | None) -> str | None:
    hooks = {"resid_post": "hook_resid_post", "mlp_out": "hook_mlp_out", "attn_out": "attn.hook_z"}
    site = _site(name)
    return f"blocks.{layer}.{hooks[site]}" if site in hooks and layer is not None else None


def _site(name: str) -> str | None:
    sites = re.findall(r"/(resid_post|mlp_out|attn_out|transcoder)(?:_all)?(?=/)", f"/{name}")
    return sites[-1] if sites else None


def _hf_hook_name(hook_name: str | None) -> str | None:
    if hook_name is None:
        return None
    _, layer, hook = hook_name.split(".", 2)
    modules = {
        "hook_resid_post": "output",
        "hook_mlp_out": "post_feedforward_layernorm.output",
        "attn.hook_z": "self_attn.o_proj.input",
    }
    return f"model.layers.{layer}.{modules[hook]}"
