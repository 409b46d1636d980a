"""SAEs on disk: one module for each format, with `recognises(folder)` and `load(folder, device=, dtype=)`.

A further format is a further module and its name in `FORMATS`.
"""

from pathlib import Path

import torch

from sae_widgets.loaders import native
from sae_widgets.sae import SAE

__all__ = ["FORMATS", "find_saes", "load_folder"]

FORMATS = (native,)
"""Modules of the formats, in the order they are asked."""


def load_folder(path: str | Path, *, device: str = "cpu", dtype: str | torch.dtype | None = None) -> SAE:
    """The SAE in the folder `path`, whatever its format.

    Raises:
        FileNotFoundError: If no format recognises the folder; says what is in it.
    """
    path = Path(path)
    for each in FORMATS:
        if each.recognises(path):
            return each.load(path, device=device, dtype=dtype)
    return native.load(path, device=device, dtype=dtype)  # raises, with what was found and what was expected


def find_saes(root: str | Path) -> list[Path]:
    """The folders at and below `root` that hold an SAE, sorted by name.

    Raises:
        FileNotFoundError: If there is no folder `root`.
    """
    root = Path(root)
    if not root.is_dir():
        raise FileNotFoundError(f"No folder {str(root)!r}.")
    folders = [root, *(each for each in root.rglob("*") if each.is_dir())]
    return sorted(each for each in folders if any(format.recognises(each) for format in FORMATS))
