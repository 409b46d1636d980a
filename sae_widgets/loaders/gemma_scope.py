"""Gemma Scope: JumpReLU SAEs on Gemma 2, one folder each.

    params.npz: w_enc [d_in, d_sae], w_dec [d_sae, d_in], b_enc [d_sae], b_dec [d_in], threshold [d_sae]

    feature_acts = relu(hidden_pre) where hidden_pre > threshold,  hidden_pre = x @ w_enc + b_enc

The files hold nothing else. Model, site and layer are in the names: `gemma-scope-{2b|9b|27b}-{pt|it}-{res|mlp|att}`
and `layer_{L}/width_{16k}/average_l0_{71}`; the widths are those of the arrays. The attention SAEs read hook_z with the
heads as one axis. `embedding/` was trained on embeddings without Gemma's factor sqrt(d_in), so that factor goes into
the weights.

Source: Lieberum et al. 2024, "Gemma Scope"; repositories google/gemma-scope-*.
"""

import re

from sae_widgets.loaders.facts import config_of, number_in, renamed
from sae_widgets.loaders.raw_files import read_npz
from sae_widgets.loaders.source import Loaded, Source

NAME = "gemma_scope"
OTHER_NAMES = ("gemma_2",)

PARAMS = "params.npz"

_NAMES = {
    "w_enc": "W_enc",
    "w_dec": "W_dec",
    "b_enc": "b_enc",
    "b_dec": "b_dec",
    "threshold": "threshold",
}

DATASET = "monology/pile-uncopyrighted"
CONTEXT_TOKENS = 1024


def recognises(source: Source) -> bool:
    """Whether `source` is of this format."""
    return source.has(PARAMS) and not is_of_transcoders(source.name)


def is_of_transcoders(name: str) -> bool:
    """Whether `name` is of a transcoder, whose files have the same names: its repository tells, or a folder near by."""
    kinds = re.findall(r"gemma-scope-\d+b-(?:pt|it)-(res|mlp|att|transcoders)", name)
    return kinds[-1] == "transcoders" if kinds else "transcoder" in "/".join(name.split("/")[-4:])


def read(source: Source, device: str = "cpu") -> Loaded:
    """The SAE in `source`."""
    weights = renamed(read_npz(source.file(PARAMS), device), _NAMES, PARAMS)
    is_embedding = re.search(r"(^|/)embedding/width_[^/]+/[^/]+$", source.name) is not None
    if is_embedding:
        scale = weights["b_dec"].shape[0] ** 0.5
        weights["W_enc"], weights["W_dec"] = weights["W_enc"] / scale, weights["W_dec"] * scale
    hook_name = "hook_embed" if is_embedding else _hook_name(source.name)
    return Loaded(
        config_of(
            "jumprelu",
            weights,
            model_name=model_name(source.name),
            hook_name=hook_name,
            reshape_activations="hook_z" if hook_name and hook_name.endswith("hook_z") else None,
            prepend_bos=True,
            context_size=CONTEXT_TOKENS,
            dataset_path=DATASET,
            l0=number_in(r"average_l0_(\d+)", source.name),
        ),
        weights,
    )


def model_name(name: str) -> str | None:
    """The Gemma 2 that `name`, of a repository or folder, speaks of."""
    found = re.findall(r"gemma-scope-(\d+b)-(pt|it)", name)
    return None if not found else f"gemma-2-{found[-1][0]}" + ("-it" if found[-1][1] == "it" else "")


def _hook_name(name: str) -> str | None:
    layer = number_in(r"layer_(\d+)", name)
    site = re.findall(r"gemma-scope-\d+b-(?:pt|it)-(res|mlp|att)", name)
    if layer is None or not site:
        return None
    hooks = {"res": "hook_resid_post", "mlp": "hook_mlp_out", "att": "attn.hook_z"}
    return f"blocks.{layer}.{hooks[site[-1]]}"
