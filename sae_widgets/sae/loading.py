"""From a folder's config and tensors to an SAE: older spellings made new, names and shapes checked."""

import copy
from dataclasses import fields
from typing import Any

import torch
from torch import Tensor

from sae_widgets.sae.base import SAE
from sae_widgets.sae.config import DTYPES, METADATA_KEYS, SAEConfig, dtype_name, nearest
from sae_widgets.sae.module import encoder_layout
from sae_widgets.sae.registry import config_class_for, sae_class_for
from sae_widgets.sae.versions import upgrade_config


def build(
    config: dict[str, Any],
    weights: dict[str, Tensor],
    *,
    where: str,
    device: str = "cpu",
    dtype: str | torch.dtype | None = None,
    overrides: dict[str, Any] | None = None,
) -> SAE:
    """The SAE, in evaluation mode, that a `cfg.json` of any version and weights of any version describe.

    Args:
        config: As the file holds it.
        weights: Under SAELens' names.
        where: What an error names: the folder or repository.
        device: Where the weights go.
        dtype: Their type; None keeps the one the config names.
        overrides: Settings or metadata that stand above what the config says.

    Raises:
        ValueError: If config and weights do not fit each other, or the weights are no finite numbers.
    """
    try:
        settings = SAEConfig.from_dict(overridden(upgrade_config(config), overrides or {}))
        settings.device = device
        if dtype is not None:
            settings.dtype = dtype_name(dtype)
        weights = _upgrade_weights(weights, config)
        sae = assemble(settings, weights)
        _check_finite(weights)
    except (ValueError, TypeError) as error:
        raise ValueError(f"Cannot load the SAE in {where!r}: {error}") from error
    return sae.eval()


def overridden(config: dict[str, Any], overrides: dict[str, Any]) -> dict[str, Any]:
    """`config`, of version 6, with the values of `overrides` in the place where version 6 keeps each.

    Raises:
        ValueError: If no config has such a name.
    """
    if not overrides:
        return config
    config = {**config, "metadata": {**config.get("metadata", {}), **(overrides.get("metadata") or {})}}
    settings = {each.name for each in fields(config_class_for(config))} | {"architecture"}
    for name, value in overrides.items():
        if name in METADATA_KEYS:
            config["metadata"][name] = value
        elif name in settings:
            config[name] = config["metadata"] if name == "metadata" else value
        else:
            raise ValueError(f"No config has {name!r} to override. {nearest(name, {*settings, *METADATA_KEYS})}")
    return config


def assemble(config: SAEConfig, weights: dict[str, Tensor]) -> SAE:
    """An SAE of `config` that holds `weights`, in the config's dtype.

    Raises:
        ValueError: If names or shapes are not those the config asks for.
    """
    # Made on the meta device: nothing is allocated or drawn that the weights would only replace.
    without_memory = copy.deepcopy(config)
    without_memory.device = "meta"
    sae = sae_class_for(str(config.architecture))(without_memory)
    _check_weights(sae, weights)
    kept = sae.kept_dtypes if config.is_training else {}
    own = {name: weight.to(kept.get(name, DTYPES[config.dtype])) for name, weight in weights.items()}
    if "W_enc" in own:
        own["W_enc"] = encoder_layout(own["W_enc"], config.is_training)
    sae.load_state_dict(own, assign=True)
    sae.cfg.device = str(sae.device)
    return sae


def _check_weights(sae: SAE, weights: dict[str, Tensor]) -> None:
    expected = {name: tuple(tensor.shape) for name, tensor in sae.state_dict().items()}
    missing, unexpected = sorted(expected.keys() - weights.keys()), sorted(weights.keys() - expected.keys())
    if missing or unexpected:
        parts = [f"missing {', '.join(missing)}"] if missing else []
        parts += [f"unexpected {', '.join(unexpected)}"] if unexpected else []
        raise ValueError(
            f"The weights are not those of a {sae.cfg.architecture} SAE: {'; '.join(parts)}. "
            f"Expected {', '.join(sorted(expected))}."
        )
    wrong = []
    for name, shape in sorted(expected.items()):
        found = tuple(weights[name].shape)
        if found != shape:
            turned = " (transposed?)" if len(shape) == 2 and found == shape[::-1] else ""
            wrong.append(f"{name} is {list(found)} where the config asks for {list(shape)}{turned}")
    if wrong:
        raise ValueError(f"Weights of another shape than d_in={sae.d_in}, d_sae={sae.d_sae}: {'; '.join(wrong)}.")
    broken = sorted(name for name, weight in weights.items() if not weight.is_floating_point())
    if broken:
        raise ValueError(f"Weights that are no floating-point numbers: {', '.join(broken)}.")


def _check_finite(weights: dict[str, Tensor]) -> None:
    """Refuses NaN and infinity."""
    for name, weight in weights.items():
        # One number per tensor, at the speed of memory: any NaN or infinity makes the sum one. Only where the sum is
        # not finite, which a long tensor of huge numbers also causes, every number is looked at.
        total = weight.sum(dtype=torch.float32 if weight.element_size() < 4 else None)
        if not bool(total.isfinite()) and not bool(weight.isfinite().all()):
            n_broken = int((~weight.isfinite()).sum())
            raise ValueError(
                f"{name} holds {n_broken:,} numbers of {weight.numel():,} that are NaN or infinite. Was training "
                "stable, and is the file whole?"
            )


def _upgrade_weights(weights: dict[str, Tensor], config: dict[str, Any]) -> dict[str, Tensor]:
    """The weights as version 6 names them."""
    weights = dict(weights)
    if "log_threshold" in weights and "threshold" not in weights:
        weights["threshold"] = weights.pop("log_threshold").exp()
    scale = weights.pop("scaling_factor", weights.pop("finetuning_scaling_factor", None))
    if scale is not None and "W_dec" in weights and not bool((scale == 1).all()):
        if not config.get("finetuning_scaling_factor"):
            raise ValueError("The weights hold a scaling_factor that the config (finetuning_scaling_factor) denies.")
        # Version 5 decoded with (feature_acts * scale) @ W_dec, which is this.
        weights["W_dec"] = weights["W_dec"] * scale[:, None]
    return weights
