"""Hanna's and other transcoders in circuit-tracer's layout: one file for each layer, its configs beside it.

    layer_{L}.safetensors: W_enc [d_sae, d_in], W_dec [d_sae, d_out], b_enc [d_sae], b_dec [d_out],
                           threshold [d_sae] in JumpReLU ones, W_skip [d_out, d_in] in those with a skip
    config.yaml (not in all): model_name, feature_input_hook, feature_output_hook
    wandb-config.yaml (also as wanb-config.yaml; not in all): d_model {value}, d_feature {value}

    feature_acts = relu(x @ W_enc.T + b_enc), those over the threshold;  y = feature_acts @ W_dec + b_dec + x @ W_skip.T

Hanna's read `mlp.hook_in`, the MLP's input after its norm, and write the MLP's output. That is `hook_mlp_out` of models
without a norm after the MLP, which is what config.yaml's `mlp.hook_out` comes to; both libraries have that name.
Without config.yaml the model is in the repository's name (`qwen3-14b`).

Source: repositories mwhanna/qwen3-*-transcoders*, mntss/transcoder-*; circuit-tracer.
"""

import re
from typing import Any

from sae_widgets.loaders.facts import config_of, number_in, renamed, stem
from sae_widgets.loaders.raw_files import read_yaml
from sae_widgets.loaders.source import Loaded, Source

NAME = "mwhanna"
OTHER_NAMES = ("mwhanna_transcoder",)

_LOGS = ("../wandb-config.yaml", "../wanb-config.yaml")
_CONFIG = "../config.yaml"
_NAMES = {"W_enc.T": "W_enc", "W_dec": "W_dec", "b_enc": "b_enc", "b_dec": "b_dec"}
_ARCHITECTURES = {
    (False, False): "transcoder",
    (False, True): "skip_transcoder",
    (True, False): "jumprelu_transcoder",
    (True, True): "jumprelu_skip_transcoder",
}


def recognises(source: Source) -> bool:
    """Whether `source` is of this format."""
    is_layer = re.search(r"(^|/)layer_\d+\.safetensors$", source.path) and source.here() == [""]
    return bool(is_layer) and any(source.has(each) for each in (*_LOGS, _CONFIG))


def read(source: Source, device: str = "cpu") -> Loaded:
    """The transcoder in `source`."""
    tensors = source.tensors("", device)
    optional = {name: name for name in ("threshold", "W_skip") if name in tensors}
    weights = renamed(tensors, {**_NAMES, **optional}, stem(source))
    log = next((read_yaml(source.file(each)) for each in _LOGS if source.has(each)), {})
    settings = read_yaml(source.file(_CONFIG)) if source.has(_CONFIG) else {}
    layer = number_in(r"layer_(\d+)\.safetensors", source.name)
    hook_name_out = settings.get("feature_output_hook", "hook_mlp_out")
    return Loaded(
        config_of(
            _ARCHITECTURES["threshold" in weights, "W_skip" in weights],
            weights,
            d_in=_logged(log, "d_model"),
            d_out=_logged(log, "d_model") or len(weights["b_dec"]),
            d_sae=_logged(log, "d_feature"),
            model_name=settings.get("model_name") or _model_name(source.name),
            model_from_pretrained_kwargs={"fold_ln": False},
            hook_name=f"blocks.{layer}.{settings.get('feature_input_hook', 'mlp.hook_in')}",
            hook_name_out=f"blocks.{layer}.{'hook_mlp_out' if hook_name_out == 'mlp.hook_out' else hook_name_out}",
            prepend_bos=True,
        ),
        weights,
    )


def _logged(log: dict[str, Any], name: str) -> int | None:
    return log[name]["value"] if name in log else None


def _model_name(name: str) -> str | None:
    found = re.findall(r"qwen3-(\d+(?:\.\d+)?)b", name)
    return f"Qwen/Qwen3-{found[-1]}B" if found else None
