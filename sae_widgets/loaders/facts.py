"""What formats have in common: a config as version 6 writes it, and facts that only names hold."""

import re
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from sae_widgets.loaders.source import Source
from sae_widgets.sae.config import DTYPES, FORMAT_VERSION, METADATA_KEYS, dtype_name


def config_of(architecture: str, weights: Mapping[str, Tensor], **values: Any) -> dict[str, Any]:
    """A `cfg.json` of version 6; widths and dtype are those of `weights` unless `values` name them.

    What `values` hold goes where version 6 keeps it: settings on top, the rest in the metadata. None is left out.
    """
    dtype = weights["W_dec"].dtype
    # The biases tell which axis is which, so that a transposed matrix is found out when shapes are compared.
    d_sae = next((len(weights[name]) for name in ("b_enc", "b_gate") if name in weights), weights["W_dec"].shape[0])
    config: dict[str, Any] = {
        "architecture": architecture,
        "d_in": weights["W_enc"].numel() // d_sae if "W_enc" in weights else len(weights["b_dec"]),
        "d_sae": d_sae,
        "dtype": dtype_name(dtype) if dtype in DTYPES.values() else "float32",
        "apply_b_dec_to_input": False,
        "normalize_activations": "none",
        "reshape_activations": "none",
    }
    metadata: dict[str, Any] = {"sae_lens_version": FORMAT_VERSION}
    for name, value in values.items():
        if value is not None:
            (metadata if name in METADATA_KEYS else config)[name] = value
    return {**config, "metadata": metadata}


def renamed(tensors: Mapping[str, Any], names: Mapping[str, str], where: str) -> dict[str, Tensor]:
    """The tensors of `tensors` under SAELens' names; `names` maps theirs to ours, `.T` after theirs transposes.

    Raises:
        ValueError: If one is missing or is no tensor.
    """
    missing = sorted(name for each in names if (name := each.removesuffix(".T")) not in tensors)
    if missing:
        raise ValueError(f"{where} lacks {', '.join(missing)}; it has {', '.join(sorted(map(str, tensors)))}.")
    found = {}
    for theirs, ours in names.items():
        value = tensors[theirs.removesuffix(".T")]
        if not isinstance(value, Tensor):
            raise ValueError(
                f"{where} has {theirs.removesuffix('.T')} of type {type(value).__name__}; expected a tensor."
            )
        found[ours] = value.T if theirs.endswith(".T") else value
    if "W_dec" in found:
        found["W_dec"] = found["W_dec"].contiguous()  # one row a feature in memory, which is how it is read
    return found


def number_in(pattern: str, name: str) -> int | None:
    """The last number that `pattern`'s group finds in `name`; None if there is none."""
    found = re.findall(pattern, name)
    return int(found[-1]) if found else None


def stem(source: Source) -> str:
    """The last part of the source's name: the SAE's own folder or file."""
    return source.name.rsplit("/", 1)[-1]


def threshold_of(value: Tensor, d_sae: int) -> Tensor:
    """A threshold for each feature, from one for each or one for all."""
    return value.reshape(-1).expand(d_sae).clone() if value.numel() == 1 else value


def on_features(value: float, like: Tensor) -> Tensor:
    """`value` for each feature, in float32: a threshold is compared, so it is not rounded to the weights' dtype."""
    return torch.full((like.shape[-1],), value, dtype=torch.float32, device=like.device)
