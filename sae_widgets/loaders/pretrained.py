"""Whole SAEs from the model hub or from a folder; what `SAE.from_pretrained` and `SAE.load_from_disk` do."""

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from sae_widgets.loaders import catalog, format_named, format_of, load_folder, load_source, native, sae_of
from sae_widgets.loaders.hub_source import HubSource
from sae_widgets.loaders.source import Loaded
from sae_widgets.sae import SAE, SAEConfig
from sae_widgets.sae.files import CONFIG_NAME
from sae_widgets.sae.loading import overridden
from sae_widgets.sae.versions import upgrade_config

SCALED = "expected_average_only_in"
"""The mode of an SAE that takes activations times a factor, which its files do not hold."""

Converter = str | Callable[..., tuple[Any, ...]] | None


def load_pretrained(
    release: str,
    sae_id: str = "",
    *,
    device: str = "cpu",
    dtype: str | torch.dtype | None = "float32",
    converter: Converter = None,
    fold_W_dec_norm: bool = False,
    **hub: Any,
) -> SAE:
    """A published SAE; see `SAE.from_pretrained`.

    What the catalogue knows of it is added to its metadata where its files leave it open, and stands above them where
    the catalogue says so. An SAE trained on scaled activations gets the catalogue's factor folded into its weights.

    Args:
        converter: Name of a format, or SAELens' `converter(repo_id=, folder_name=, device=, force_download=,
            cfg_overrides=) -> (config, weights, log sparsity)`.
        hub: As for `HubSource`: revision, token, cache_dir, local_files_only, force_download.
    """
    entry = catalog.lookup(release, sae_id)
    repo_id, path = (entry.repo_id, entry.path) if entry else (release, sae_id)
    overrides = _overrides(entry)
    if callable(converter):
        given = {**overrides, "device": device, **({} if dtype is None else {"dtype": str(dtype)})}
        read = converter(
            repo_id=repo_id,
            folder_name=path,
            device=device,
            force_download=hub.get("force_download", False),
            cfg_overrides=given,
        )
        sae = _converted(read, f"{repo_id}/{path}", device, dtype)
    else:
        source = HubSource(repo_id, path, **hub)
        format = converter or (entry.format if entry else None)
        sae = load_source(source, device=device, dtype=dtype, overrides=overrides, format=format)
        if source.has_downloaded:
            # Brought along at once: whoever asks for it later may be offline, with all the rest in the cache.
            with contextlib.suppress(ConnectionError):
                _ = sae.log_sparsity
    if entry is not None:
        _complete(sae.cfg, entry)
        if sae.cfg.normalize_activations == SCALED and entry.norm_scaling_factor is not None:
            sae.fold_activation_norm_scaling_factor(entry.norm_scaling_factor)
    if fold_W_dec_norm:
        sae.fold_W_dec_norm()
    return sae


def config_of_pretrained(release: str, sae_id: str = "", **hub: Any) -> SAEConfig:
    """The config of a published SAE; see `sae_widgets.catalog.config`."""
    entry = catalog.lookup(release, sae_id)
    source = HubSource(entry.repo_id, entry.path, **hub) if entry else HubSource(release, sae_id, **hub)
    format = format_named(entry.format) if entry else format_of(source)
    if format is not native:
        return load_pretrained(release, sae_id, dtype=None, **hub).cfg
    values = upgrade_config(source.json(CONFIG_NAME))
    config = SAEConfig.from_dict(overridden(values, _overrides(entry)))
    config.device = "cpu"  # the file has the one of its training
    if entry is not None:
        _complete(config, entry)
        if config.normalize_activations == SCALED and entry.norm_scaling_factor is not None:
            config.normalize_activations = "none"  # as loading folds the factor
    return config


def load_local(
    path: str | Path,
    *,
    device: str = "cpu",
    dtype: str | torch.dtype | None = None,
    converter: Converter = None,
    fold_W_dec_norm: bool = False,
) -> SAE:
    """The SAE in the folder or file `path`; see `SAE.load_from_disk`.

    Args:
        converter: Name of a format, or SAELens' `converter(path=, device=, cfg_overrides=) -> (config, weights)`.
    """
    if not callable(converter):
        return load_folder(path, device=device, dtype=dtype, format=converter, fold_W_dec_norm=fold_W_dec_norm)
    if not Path(path).exists():
        raise FileNotFoundError(f"No folder {str(path)!r}.")
    read = converter(path=path, device=device, cfg_overrides=None if dtype is None else {"dtype": str(dtype)})
    sae = _converted(read, str(path), device, dtype)
    if fold_W_dec_norm:
        sae.fold_W_dec_norm()
    sae.folder = Path(path)
    return sae


def _converted(read: tuple[Any, ...], where: str, device: str, dtype: str | torch.dtype | None) -> SAE:
    """The SAE from what a converter gave."""
    if len(read) not in (2, 3):
        raise TypeError(
            f"A converter gives (config, weights) or (config, weights, log sparsity); got {len(read)} values."
        )
    return sae_of(Loaded(*read), where=where, device=device, dtype=dtype)


def _overrides(entry: "catalog.CatalogEntry | None") -> dict[str, Any]:
    if entry is None:
        return {}
    return {**entry.overrides, **({"neuronpedia_id": entry.neuronpedia_id} if entry.neuronpedia_id else {})}


def _complete(config: SAEConfig, entry: "catalog.CatalogEntry") -> None:
    """Adds what the files do not say."""
    for name, value in (("model_name", entry.model), ("hook_name", entry.hook_name), ("l0", entry.l0)):
        if config.metadata.get(name) is None and value is not None:
            config.metadata[name] = value
