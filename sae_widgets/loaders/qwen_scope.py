"""Qwen Scope: TopK SAEs on the residual stream of Qwen 3, one file for each layer.

    SAE-Res-{model}-W{32}K-L0_{k}/layer{L}.sae.pt: W_enc [d_sae, d_in], W_dec [d_in, d_sae], b_enc [d_sae], b_dec [d_in]

    feature_acts = relu(hidden_pre) at the k largest hidden_pre, else 0,  hidden_pre = x @ W_enc.T + b_enc

Both matrices lie the other way round than SAELens'. The file does not hold k: the repository's name does, and without
it (a file copied elsewhere) loading asks for it: `overrides={"k": 50}`.

Source: repositories Qwen/SAE-Res-*.
"""

import re

from sae_widgets.loaders.facts import config_of, number_in, renamed, stem
from sae_widgets.loaders.raw_files import read_torch
from sae_widgets.loaders.source import Loaded, Source

NAME = "qwen_scope"

_FILE = re.compile(r"layer(\d+)\.sae\.pt$")
_REPOSITORY = re.compile(r"SAE-Res-(Qwen[\w.-]+?)-W\d+K-L0_(\d+)")
_NAMES = {"W_enc.T": "W_enc", "W_dec.T": "W_dec", "b_enc": "b_enc", "b_dec": "b_dec"}


def recognises(source: Source) -> bool:
    """Whether `source` is of this format."""
    return bool(_FILE.search(source.path)) and source.here() == [""]


def read(source: Source, device: str = "cpu") -> Loaded:
    """The SAE in `source`; its config lacks k where no name holds it."""
    weights = renamed(read_torch(source.file(""), device), _NAMES, stem(source))
    layer = number_in(_FILE.pattern, source.path)
    named = _REPOSITORY.findall(source.name)
    model, k = named[-1] if named else (None, None)
    return Loaded(
        config_of(
            "topk",
            weights,
            k=int(k) if k else None,
            model_name=f"Qwen/{model}" if model else None,
            hook_name=None if layer is None else f"blocks.{layer}.hook_resid_post",
            hf_hook_name=None if layer is None else f"model.layers.{layer}",
            prepend_bos=True,
            context_size=1024,
        ),
        weights,
    )
