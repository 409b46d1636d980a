"""Temporal SAEs: a part predicted by attention over earlier tokens, and a sparse new part; one folder each.

    conf.yaml: llm {dimin}, sae {exp_factor, n_heads, n_attn_layers, bottleneck_factor, sae_diff_type, kval_topk,
               tied_weights, scaling_factor}, data {dtype}
    latest_ckpt.safetensors: D [d_sae, d_in], b [d_in], E [d_in, d_sae] unless tied, attn_layers.{n}.*

They are on the residual stream after a layer, whose number is in the folder's name; the catalogue holds the model.

Source: repository canrager/temporalSAEs.
"""

from sae_widgets.loaders.facts import config_of, number_in, renamed
from sae_widgets.loaders.raw_files import read_yaml
from sae_widgets.loaders.source import Loaded, Source

NAME = "temporal"

SETTINGS = "conf.yaml"
WEIGHTS = "latest_ckpt.safetensors"

_SAE_KEYS = ("n_heads", "n_attn_layers", "bottleneck_factor", "sae_diff_type", "kval_topk", "tied_weights")


def recognises(source: Source) -> bool:
    """Whether `source` is of this format."""
    return source.has(SETTINGS) and source.has(WEIGHTS)


def read(source: Source, device: str = "cpu") -> Loaded:
    """The SAE in `source`."""
    settings = read_yaml(source.file(SETTINGS))
    tensors = source.tensors(WEIGHTS, device)
    own = {name: name for name in tensors if name.startswith("attn_layers.")}
    untied = {"E": "W_enc"} if "E" in tensors else {}
    weights = renamed(tensors, {"D": "W_dec", "b": "b_dec", **untied, **own}, WEIGHTS)
    sae, d_in = settings["sae"], settings["llm"]["dimin"]
    layer = number_in(r"layer_(\d+)", source.name)
    return Loaded(
        config_of(
            "temporal",
            weights,
            d_in=d_in,
            d_sae=int(d_in * sae["exp_factor"]),
            **{name: sae[name] for name in _SAE_KEYS},
            apply_b_dec_to_input=True,
            normalize_activations="constant_scalar_rescale",
            activation_normalization_factor=sae["scaling_factor"],
            hook_name=None if layer is None else f"blocks.{layer}.hook_resid_post",
            prepend_bos=True,
        ),
        weights,
    )
