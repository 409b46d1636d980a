"""Configs of SAELens before version 6, made into what version 6 writes.

Before 6 a `cfg.json` is flat: where the SAE belongs stands beside what it computes, some names are older, and the
activation function may stand for the architecture.
"""

import copy
import re
from dataclasses import fields
from typing import Any

from sae_widgets.sae.config import METADATA_KEYS

_RENAMED = {
    "hook_point": "hook_name",
    "hook_point_head_index": "hook_head_index",
    "activation_fn_str": "activation_fn",
}

_DEFAULTS = {
    "prepend_bos": True,
    "apply_b_dec_to_input": True,
    "finetuning_scaling_factor": False,
    "activation_fn": "relu",
    "architecture": "standard",
    "device": "cpu",
}


def upgrade_config(values: dict[str, Any]) -> dict[str, Any]:
    """`values` as version 6 would have them; a copy, and unchanged if they are of version 6.

    Raises:
        ValueError: If the activation function is one that no architecture here computes, or there is no such
            architecture.
    """
    values = copy.deepcopy(values)
    if _major_version(values) >= 6:
        return values
    for old, new in _RENAMED.items():
        if old in values:
            values.setdefault(new, values.pop(old))
    for key, value in _DEFAULTS.items():
        if values.get(key) is None:
            values[key] = value
    if "reshape_activations" not in values:
        hook_name = values.get("hook_name") or (values.get("metadata") or {}).get("hook_name") or ""
        values["reshape_activations"] = "hook_z" if "hook_z" in hook_name else "none"
    normalize = values.get("normalize_activations")
    if normalize is None or isinstance(normalize, bool):
        values["normalize_activations"] = "expected_average_only_in" if normalize else "none"
    _read_activation_function(values)
    _forget_training(values)
    metadata = {key: values.pop(key) for key in METADATA_KEYS if key in values}
    values["metadata"] = {**metadata, **(values.get("metadata") or {})}
    return values


def _forget_training(values: dict[str, Any]) -> None:
    """Removes what only training needs: before 6 a finished SAE's config held much of its run's, too."""
    from sae_widgets.sae.registry import sae_class_for

    sae_class = sae_class_for(values["architecture"])
    inference, training = sae_class.config_class, sae_class.training_config_class
    if inference.architecture == training.architecture:
        for name in {each.name for each in fields(training)} - {each.name for each in fields(inference)}:
            values.pop(name, None)


def _read_activation_function(values: dict[str, Any]) -> None:
    name = values.pop("activation_fn")
    kwargs = values.pop("activation_fn_kwargs", None) or {}
    if name == "topk":
        values["architecture"] = "topk"
        if "k" in kwargs:
            values.setdefault("k", kwargs["k"])
    elif name != "relu":
        raise ValueError(f"The config names the activation function {name!r}; only 'relu' and 'topk' can be read.")


def _major_version(values: dict[str, Any]) -> int:
    version = values.get("sae_lens_version") or (values.get("metadata") or {}).get("sae_lens_version") or ""
    match = re.match(r"(\d+)", str(version))
    return int(match.group(1)) if match else 0
