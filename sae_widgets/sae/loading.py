"""From a folder's config and tensors to an SAE: older spellings made new, names and shapes checked."""

import copy
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from sae_widgets.sae.base import SAE
from sae_widgets.sae.config import DTYPES, SAEConfig, dtype_name
from sae_widgets.sae.files import read_folder
from sae_widgets.sae.registry import sae_class_for


def load_sae(path: str | Path, *, device: str = "cpu", dtype: str | torch.dtype | None = None) -> SAE:
    """The SAE in the folder `path`; see `SAE.load_from_disk`."""
    folder = read_folder(path, device)
    try:
        config = SAEConfig.from_dict(folder.config)
        config.device = device
        if dtype is not None:
            config.dtype = dtype_name(dtype)
        sae = assemble(config, _upgrade_weights(folder.weights, folder.config))
    except (ValueError, TypeError) as error:
        raise ValueError(f"Cannot load the SAE in {str(path)!r}: {error}") from error
    sae.folder = folder.path
    return sae.eval()


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
    own["W_enc"] = own["W_enc"].T.contiguous().T  # one row a feature in memory; see SAE._make_weights
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
