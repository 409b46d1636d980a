"""Names, dtypes, files and the registry."""

from dataclasses import fields
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from sae_widgets.loaders import catalog, load_folder
from sae_widgets.sae import SAE, SAEConfig, SAEMetadata
from sae_widgets.sae.config import DTYPES, dtype_name
from sae_widgets.sae.registry import sae_class_for

DTYPE_MAP = {**DTYPES, **{f"torch.{name}": dtype for name, dtype in DTYPES.items()}}
DTYPE_TO_STR = {dtype: name for name, dtype in DTYPES.items()}


def str_to_dtype(dtype: str) -> torch.dtype:
    return DTYPES[dtype_name(dtype)]


def extract_layer_from_tlens_hook_name(hook_name: str) -> int | None:
    return SAEConfig(d_in=1, d_sae=1, metadata=SAEMetadata(hook_name=hook_name)).hook_layer


def filter_valid_dataclass_fields(source: dict[str, Any], destination: Any, whitelist: tuple[str, ...] = ()) -> dict:
    known = {each.name for each in fields(destination)} | set(whitelist)
    return {key: value for key, value in source.items() if key in known}


def mse_loss(preds: Tensor, target: Tensor) -> Tensor:
    return (preds - target).pow(2)


def get_sae_class(architecture: str) -> tuple[type[SAE], type[SAEConfig]]:
    sae_class = sae_class_for(architecture)
    return sae_class, sae_class.config_class


def get_sae_training_class(architecture: str) -> tuple[type[SAE], type[SAEConfig]]:
    sae_class = sae_class_for(architecture)
    return sae_class, sae_class.training_config_class


def sae_lens_disk_loader(path: str | Path, device: str = "cpu", cfg_overrides: dict | None = None) -> tuple[dict, dict]:
    sae = load_folder(path, device=device, overrides=cfg_overrides)
    return sae.cfg.to_dict(), dict(sae.state_dict())


sparsify_disk_loader = sae_lens_disk_loader  # which format it is, the files say


def get_repo_id_and_folder_name(release: str, sae_id: str) -> tuple[str, str]:
    entry = catalog.lookup(release, sae_id)
    return (entry.repo_id, entry.path) if entry else (release, sae_id)


def get_norm_scaling_factor(release: str, sae_id: str) -> float | None:
    entry = catalog.lookup(release, sae_id)
    return entry.norm_scaling_factor if entry else None


def get_config_overrides(release: str, sae_id: str) -> dict[str, Any]:
    entry = catalog.lookup(release, sae_id)
    return {**entry.overrides, "neuronpedia_id": entry.neuronpedia_id} if entry else {}


def get_releases_for_repo_id(repo_id: str) -> list[str]:
    return [each.name for each in catalog.releases() if each.repo_id == repo_id]
