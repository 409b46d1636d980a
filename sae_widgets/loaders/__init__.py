"""SAEs as their authors publish them: one module for each format, the same for a folder and for a hub repository.

A format is a module with `NAME`, `recognises(source)`, `read(source, device)` and, where we write it,
`write(sae, folder)`. A further format is a further module and its name in `FORMATS`.
"""

from dataclasses import dataclass, fields
from pathlib import Path, PurePosixPath
from types import ModuleType
from typing import Any

import torch

from sae_widgets.loaders import (
    catalog,
    deepseek_r1,
    dictionary_learning,
    gemma_scope,
    gemma_scope_2,
    gemma_transcoder,
    goodfire,
    hook_z,
    llama_scope,
    llama_scope_r1,
    mntss,
    mwhanna,
    native,
    openai_gpt2,
    qwen_scope,
    sparsify,
    temporal,
)
from sae_widgets.loaders.source import FolderSource, Loaded, Source
from sae_widgets.sae import SAE
from sae_widgets.sae.config import nearest
from sae_widgets.sae.loading import build, overridden
from sae_widgets.sae.registry import config_class_for
from sae_widgets.sae.versions import upgrade_config

__all__ = [
    "FORMATS",
    "FolderSource",
    "Loaded",
    "Recognised",
    "Source",
    "catalog",
    "find_saes",
    "format_of",
    "load_folder",
    "load_source",
    "recognise",
    "sae_of",
    "save_as",
]

FORMATS: tuple[ModuleType, ...] = (
    *(native, sparsify, dictionary_learning),
    *(gemma_transcoder, gemma_scope, gemma_scope_2, llama_scope, llama_scope_r1, temporal),
    *(goodfire, deepseek_r1, qwen_scope, openai_gpt2, hook_z, mwhanna, mntss),
)
"""Modules of the formats, in the order they are asked: those with a folder for each SAE, then those with a file."""


@dataclass(frozen=True)
class Recognised:
    """What is in a folder or repository; None for what its files do not say, several hooks with a comma between."""

    format: str
    architecture: str
    d_in: int
    d_sae: int
    model_name: str | None
    hook_name: str | None
    hook_name_out: str | None
    dtype: str

    def __str__(self) -> str:
        where = f" at {self.hook_name}" if self.hook_name else ""
        where += f" to {self.hook_name_out}" if self.hook_name_out else ""
        model = f" of {self.model_name}" if self.model_name else ""
        return f"{self.format}: {self.architecture}, {self.d_in} -> {self.d_sae} features, {self.dtype}{where}{model}"


def recognise(path: str | Path | Source) -> Recognised:
    """What the folder (or file) `path` holds.

    Raises:
        FileNotFoundError: If no format recognises it; says what is there.
        ValueError: If its files are damaged.
    """
    source = path if isinstance(path, Source) else _folder_source(path)
    format = format_of(source)
    config = upgrade_config(read_as(format, source).config)
    metadata = config["metadata"]
    return Recognised(
        format=format.NAME,
        architecture=config["architecture"],
        d_in=config["d_in"],
        d_sae=config["d_sae"],
        model_name=metadata.get("model_name"),
        hook_name=metadata.get("hook_name") or ", ".join(metadata.get("hook_names") or ()) or None,
        hook_name_out=metadata.get("hook_name_out") or ", ".join(metadata.get("hook_names_out") or ()) or None,
        dtype=str(config.get("dtype", "float32")).removeprefix("torch."),
    )


def load_source(
    source: Source,
    *,
    device: str = "cpu",
    dtype: str | torch.dtype | None = None,
    overrides: dict[str, Any] | None = None,
    format: str | None = None,
    fold_W_dec_norm: bool = False,
) -> SAE:
    """The SAE in `source`, in evaluation mode.

    Args:
        source: Where its files are.
        device: Where the weights go.
        dtype: Their type; None keeps the one the files have.
        overrides: Settings or metadata that stand above what the files say.
        format: Name of the format, where it is known; None asks each.
        fold_W_dec_norm: Whether decoder rows get unit length.

    Raises:
        FileNotFoundError: If no format recognises it; says what is there.
        ValueError: If its files are damaged or do not fit each other, or there is no such format.
    """
    module = format_of(source) if format is None else format_named(format)
    loaded = read_as(module, source, device)
    sae = sae_of(loaded, where=source.name, device=device, dtype=dtype, overrides=overrides)
    if fold_W_dec_norm:
        sae.fold_W_dec_norm()
    return sae


def read_as(format: ModuleType, source: Source, device: str = "cpu") -> Loaded:
    """What `format` reads in `source`.

    Raises:
        ValueError: If its files are damaged, or lack what the format has.
    """
    try:
        return format.read(source, device)
    except KeyError as error:
        raise ValueError(f"{source.name!r} looks like {format.NAME}, but its config lacks {error}.") from error
    except (ValueError, TypeError, AttributeError, ZeroDivisionError) as error:
        raise ValueError(f"Cannot read {source.name!r} as {format.NAME}: {error}") from error


def sae_of(loaded: Loaded, *, where: str, overrides: dict[str, Any] | None = None, **settings: Any) -> SAE:
    """The SAE that a format has read; `settings` as in `sae_widgets.sae.loading.build`."""
    config = overridden(upgrade_config(loaded.config), overrides or {})
    if "k" in {each.name for each in fields(config_class_for(config))} and "k" not in config:
        raise ValueError(f"{where!r} does not say how many features are active: give it, as overrides={{'k': 50}}.")
    sae = build(loaded.config, loaded.weights, where=where, overrides=overrides, **settings)
    sae.published_sparsity = loaded.log_sparsity
    return sae


def load_folder(path: str | Path, **settings: Any) -> SAE:
    """The SAE in the folder (or file) `path`, whatever its format; `settings` as in `load_source`."""
    source = _folder_source(path)
    sae = load_source(source, **settings)
    sae.folder = source.local
    return sae


def save_as(sae: SAE, folder: str | Path, *, format: str) -> list[Path]:
    """The files of `sae` written to `folder`, for the readers of another library.

    Args:
        sae: Unchanged; one in training is written in its inference form.
        folder: Made if need be. Each file that is there is replaced once the new one is wholly written.
        format: "saelens", "sparsify" or "dictionary_learning".

    Raises:
        ValueError: If there is no such format, or it is read only.
        NotImplementedError: If the format has no word for such an SAE; says what is in the way.
    """
    module = format_named(format)
    if not hasattr(module, "write"):
        writable = [each.NAME for each in FORMATS if hasattr(each, "write")]
        raise ValueError(f"The format {format!r} is read, not written; written are {', '.join(writable)}.")
    return module.write(sae, folder)


def format_of(source: Source) -> ModuleType:
    """The format of `source`.

    Raises:
        FileNotFoundError: If none recognises it; says what is there.
    """
    for each in FORMATS:
        if each.recognises(source):
            return each
    here = source.here()
    shown = ", ".join(here[:12]) + (f" and {len(here) - 12} more" if len(here) > 12 else "")
    inside = _saes_below(source, here)
    hint = f" SAEs are in it: {', '.join(inside[:6])}{', ...' if len(inside) > 6 else ''}." if inside else ""
    raise FileNotFoundError(
        f"No SAE in {source.name!r}: found {shown or 'nothing'}, which is none of the formats "
        f"{', '.join(each.NAME for each in FORMATS)}.{hint}"
    )


def format_named(name: str) -> ModuleType:
    """The format called `name`, here or in SAELens.

    Raises:
        ValueError: If there is none.
    """
    for each in FORMATS:
        if name in (each.NAME, *getattr(each, "OTHER_NAMES", ())):
            return each
    raise ValueError(f"No format {name!r}. {nearest(name, [each.NAME for each in FORMATS])}")


def find_saes(root: str | Path) -> list[Path]:
    """The folders at and below `root` that hold an SAE, sorted by name.

    Raises:
        FileNotFoundError: If there is no folder `root`.
    """
    root = Path(root)
    if not root.is_dir():
        raise FileNotFoundError(f"No folder {str(root)!r}.")
    folders = [root, *(each for each in root.rglob("*") if each.is_dir())]
    sources = {each: FolderSource(each) for each in folders}
    return sorted(each for each in folders if any(format.recognises(sources[each]) for format in FORMATS))


def _folder_source(path: str | Path) -> FolderSource:
    """`path`; the folder it is in where it is one of an SAE's files; or what is named so in repositories ("clt/3")."""
    path = Path(path).expanduser()
    if not path.exists() and path.parent.is_dir():
        named = FolderSource(path.parent).at(path.name)
        if any(each.recognises(named) for each in FORMATS):
            return named
    source = FolderSource(path)
    if source.local.is_file() and not any(each.recognises(source) for each in FORMATS):
        folder = FolderSource(source.local.parent)
        if any(each.recognises(folder) for each in FORMATS):
            return folder
    return source


def _saes_below(source: Source, here: list[str]) -> list[str]:
    """Folders and files in `source` that some format recognises, relative to it; looks at a few hundred at most."""
    folders = sorted({str(PurePosixPath(name).parent) for name in here} - {"."})
    candidates = [each for each in (*folders, *here) if each][:400]
    return [each for each in candidates if any(format.recognises(source.at(each)) for format in FORMATS)]
