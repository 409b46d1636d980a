"""Cross-layer transcoders in circuit-tracer's layout: two files for each layer that is read, one config for all.

    config.yaml: model_name, feature_input_hook ("hook_resid_mid"), feature_output_hook ("hook_mlp_out")
    W_enc_{L}.safetensors: W_enc_{L} [d_sae, d_in], b_enc_{L} [d_sae], b_dec_{L} [d_out],
                           threshold_{L} [d_sae] in JumpReLU ones
    W_dec_{L}.safetensors: W_dec_{L} [d_sae, n_outputs, d_out]: to layer L, L + 1, ... to the last

    feature_acts = relu(x @ W_enc.T + b_enc), those over the threshold;  y[j] = feature_acts @ W_dec[:, j]

`path` is a layer: "3", "W_enc_3.safetensors" or "W_dec_3.safetensors". The bias of layer L is given to the output at L
alone, so the outputs of all layers read add up to the whole model's. SAELens adds the decoders up instead, which
reconstructs no layer, and leaves the thresholds out.

Source: repositories mntss/clt-*; circuit-tracer.
"""

import re

import torch

from sae_widgets.loaders.facts import config_of, renamed
from sae_widgets.loaders.gemma_scope_2 import own_layer_only
from sae_widgets.loaders.raw_files import read_yaml
from sae_widgets.loaders.source import Loaded, Source

NAME = "mntss"
OTHER_NAMES = ("mntss_clt_layer_transcoder",)

_CONFIG = "../config.yaml"
_PATH = re.compile(r"(?:^|/)(?:W_(?:enc|dec)_)?(\d+)(?:\.safetensors)?$")


def recognises(source: Source) -> bool:
    """Whether `source` is of this format."""
    named = _PATH.search(source.path)
    return named is not None and source.has(_CONFIG) and source.has(f"../W_enc_{named.group(1)}.safetensors")


def read(source: Source, device: str = "cpu") -> Loaded:
    """The layer in `source`."""
    named = _PATH.search(source.path)
    if named is None:
        raise ValueError(f"{source.name!r} names no layer; expected a path such as 'W_enc_3.safetensors' or '3'.")
    layer = int(named.group(1))
    settings = read_yaml(source.file(_CONFIG))
    encoder = source.tensors(f"../W_enc_{layer}.safetensors", device)
    decoder = source.tensors(f"../W_dec_{layer}.safetensors", device)
    names = {f"W_enc_{layer}.T": "W_enc", f"b_enc_{layer}": "b_enc", f"b_dec_{layer}": "b_dec"}
    if f"threshold_{layer}" in encoder:
        names[f"threshold_{layer}"] = "threshold"
    weights = {
        **renamed(encoder, names, f"W_enc_{layer}.safetensors"),
        **renamed(decoder, {f"W_dec_{layer}": "W_dec"}, f"W_dec_{layer}.safetensors"),
    }
    if weights["W_dec"].ndim != 3:
        raise ValueError(f"W_dec_{layer} is {list(weights['W_dec'].shape)}; expected [d_sae, n_outputs, d_out].")
    n_outputs, d_out = weights["W_dec"].shape[1:]
    weights["W_dec"] = weights["W_dec"].flatten(1)
    weights.setdefault("threshold", torch.zeros_like(weights["b_enc"]))  # which is ReLU
    weights["b_dec"] = own_layer_only(weights["b_dec"], n_outputs)
    hook_out = settings["feature_output_hook"]
    return Loaded(
        config_of(
            "cross_layer_transcoder",
            weights,
            d_out=d_out,
            n_outputs=n_outputs,
            model_name=settings["model_name"],
            model_from_pretrained_kwargs={"fold_ln": False},
            hook_name=f"blocks.{layer}.{settings['feature_input_hook']}",
            hook_names_out=[f"blocks.{each}.{hook_out}" for each in range(layer, layer + n_outputs)],
            prepend_bos=True,
        ),
        weights,
    )
