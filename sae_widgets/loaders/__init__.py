"""SAEs as their authors publish them: one module for each format, the same for a folder and for a hub repository.

A format is a module with `NAME`, `recognises(source)`, `read(source, device)` and, where we write it,
`write(sae, folder)`. A further format is a further module and its name in `FORMATS`.
"""

from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from types import ModuleType
from typing import Any

import torch

from sae_widgets.loaders import native
from sae_widgets.loaders.source import FolderSource, Loaded, Source
from sae_widgets.sae import SAE
from sae_widgets.sae.config import nearest
from sae_widgets.sae.loading import build

__all__ = [
    "FORMATS",
    "FolderSource",
    "Loaded",
    "Recognised",
    "Source",
    "find_saes",
    "format_of",
    "load_folder",
    "load_source",
    "recognise",
    "sae_of",
]

FORMATS: tuple[ModuleType, ...] = (native,)
"""Modules of the formats, in the order they are asked: the more telling the file names, the earlier."""


@dataclass(frozen=True)
class Recognised:
    """What is in a folder or repository; None for what its files do not say."""

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
        ValueError: If its files are damaged or do not fit each other.
    """
    source = path if isinstance(path, Source) else FolderSource(path)
    format = format_of(source)
    sae = sae_of(format.read(source), where=source.name)
    metadata = sae.cfg.metadata
    return Recognised(
        format=format.NAME,
        architecture=str(sae.cfg.architecture),
        d_in=sae.d_in,
        d_sae=sae.d_sae,
        model_name=metadata.model_name,
        hook_name=metadata.hook_name,
        hook_name_out=metadata.hook_name_out,
        dtype=sae.cfg.dtype,
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
    loaded = module.read(source, device)
    sae = sae_of(loaded, where=source.name, device=device, dtype=dtype, overrides=overrides)
    if fold_W_dec_norm:
        sae.fold_W_dec_norm()
    return sae


def sae_of(loaded: Loaded, **settings: Any) -> SAE:
    """The SAE that a format has read; `settings` as in `sae_widgets.sae.loading.build`."""
    return build(loaded.config, loaded.weights, **settings)


def load_folder(path: str | Path, **settings: Any) -> SAE:
    """The SAE in the folder (or file) `path`, whatever its format; `settings` as in `load_source`."""
    source = FolderSource(path)
    sae = load_source(source, **settings)
    sae.folder = source.local
    return sae


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


def _saes_below(source: Source, here: list[str]) -> list[str]:
    """Folders and files in `source` that some format recognises, relative to it; looks at a few hundred at most."""
    folders = sorted({str(PurePosixPath(name).parent) for name in here} - {"."})
    candidates = [each for each in (*folders, *here) if each][:400]
    return [each for each in candidates if any(format.recognises(source.at(each)) for format in FORMATS)]
