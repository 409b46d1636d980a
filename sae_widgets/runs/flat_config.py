"""SAELens 5's flat keywords: which there are, what they mean now, and which are gone."""

import difflib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields
from typing import Any

import sae_widgets.architectures  # noqa: F401  their names are looked up in the registry
from sae_widgets.sae.config import SAEConfig
from sae_widgets.sae.registry import SAE_CLASSES, sae_class_for

DEFAULT_D_IN = 512  # SAELens 5's default, the width of its default model; the model's own width when it is known
DEFAULT_EXPANSION_FACTOR = 4

# Keywords of SAELens 5 and before that are gone: (the values that ask for what happens anyway, what to do instead).
REMOVED: dict[str, tuple[Callable[[Any], bool], str]] = {
    "finetuning_tokens": (lambda v: not v, "train in one go, or start from from_pretrained_path with a new config"),
    "finetuning_method": (lambda v: v is None, "train in one go, or start from from_pretrained_path with a new config"),
    "noise_scale": (lambda v: not v, "leave it out; nothing takes its place"),
    "mse_loss_normalization": (lambda v: v is None, "use normalize_activations='expected_average_only_in'"),
    "scale_sparsity_penalty_by_decoder_norm": (lambda v: bool(v), "decoder norms are always part of the penalty"),
    "decoder_heuristic_init": (lambda v: bool(v), "use decoder_init_norm"),
    "decoder_heuristic_init_norm": (lambda v: False, "use decoder_init_norm"),
    "decoder_orthogonal_init": (lambda v: not v, "use decoder_init_norm"),
    "init_encoder_as_decoder_transpose": (lambda v: bool(v), "the encoder always starts as the decoder's transpose"),
    "hook_point": (lambda v: False, "use hook_name"),
    "hook_point_layer": (lambda v: False, "use hook_layer"),
    "hook_point_head_index": (lambda v: v is None, "use hook_head_index"),
    "hook_eval": (lambda v: True, ""),
    "sae_lens_version": (lambda v: True, ""),
    "sae_lens_training_version": (lambda v: True, ""),
    "tokens_per_buffer": (lambda v: True, ""),
}

# Flat keywords that are not fields of the SAE's config.
FLAT_NAMES: dict[str, str] = {
    "architecture": "the name of the config's class",
    "expansion_factor": "d_sae",
    "activation_fn": "the name of the config's class",
    "activation_fn_str": "the name of the config's class",
    "activation_fn_kwargs": "k",
    "hook_layer": "hook_name",
}


def sae_field_names() -> set[str]:
    """Every keyword that some architecture's training config takes."""
    classes = [each.training_config_class for each in SAE_CLASSES.values()]
    names = {each.name for config_class in classes if config_class.is_training for each in fields(config_class)}
    return names - {"dtype", "device", "metadata"}


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A sentence that offers the nearest names; empty where none is near."""
    nearest = difflib.get_close_matches(name, sorted(known), n=3, cutoff=0.6)
    return f" Did you mean {' or '.join(map(repr, nearest))}?" if nearest else ""


def flat_sae(flat: Mapping[str, Any], device: str, dtype: str) -> SAEConfig:
    """The SAE's training config from flat keywords."""
    flat = {**flat, "d_in": flat.get("d_in") or DEFAULT_D_IN}
    architecture = _flat_architecture(flat)
    config_class = sae_class_for(architecture).training_config_class
    if not config_class.is_training:
        raise ValueError(f"architecture={architecture!r} is for inference: its training is not offered here.")
    values = {name: value for name, value in flat.items() if name not in FLAT_NAMES}
    values["d_sae"] = _flat_width(flat)
    for name in ("coefficient", "warm_up_steps"):
        # SAELens 5 trained jumprelu with l1_coefficient as the weight of its l0 loss.
        if architecture == "jumprelu" and f"l1_{name}" in values:
            values.setdefault(f"l0_{name}", values.pop(f"l1_{name}"))
    for name, value in (flat.get("activation_fn_kwargs") or {}).items():
        if name != "k":
            raise ValueError(f"activation_fn_kwargs has {name!r}; only 'k' is known.")
        if values.setdefault("k", value) != value:
            raise ValueError(f"k={values['k']} and activation_fn_kwargs={{'k': {value}}} disagree.")
    known = {each.name for each in fields(config_class)}
    for name in [name for name in values if name not in known]:
        # 0 or None asks for nothing; SAELens 5 passed l1_coefficient around for every architecture.
        if values.pop(name):
            raise ValueError(f"{name} has no meaning for architecture {architecture!r}{_instead_of(name, known)}.")
    return config_class(**values, device=device, dtype=dtype)


def _instead_of(name: str, known: set[str]) -> str:
    if name.startswith(("l1_", "l0_")) and "k" in known:
        return ", whose sparsity is k: leave it out"
    return f": leave it out.{did_you_mean(name, known)}".removesuffix(".")


def _flat_architecture(flat: Mapping[str, Any]) -> str:
    named = str(flat["architecture"]) if flat.get("architecture") is not None else None
    activation = flat.get("activation_fn") or flat.get("activation_fn_str") or "relu"
    if activation not in ("relu", "topk"):
        raise ValueError(f"activation_fn={activation!r} is not offered; there are 'relu' and 'topk'.")
    if activation == "topk":
        named = "topk" if named in (None, "standard") else named
        if "topk" not in named:
            raise ValueError(f"activation_fn='topk' and architecture={named!r} disagree.")
    named = named or "standard"
    sae_class_for(named)  # raises with the nearest name
    return named


def _flat_width(flat: Mapping[str, Any]) -> int:
    d_in, d_sae, factor = flat["d_in"], flat.get("d_sae"), flat.get("expansion_factor")
    if d_sae is not None and factor is not None and d_sae != d_in * factor:
        raise ValueError(f"d_sae={d_sae} and expansion_factor={factor} (x {d_in}) disagree; give one of them.")
    return d_sae if d_sae is not None else int(d_in * (factor or DEFAULT_EXPANSION_FACTOR))
