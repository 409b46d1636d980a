"""SAELens' own folder: `sae_weights.safetensors` and `cfg.json`, versions 3 to 6.

The one format that is also written, so its reading and writing stand with the SAE itself (`sae_widgets.sae.files`).
"""

from pathlib import Path

import torch

from sae_widgets.sae import SAE, is_sae_folder


def recognises(folder: Path) -> bool:
    """Whether `folder` is of this format."""
    return is_sae_folder(folder)


def load(folder: Path, *, device: str = "cpu", dtype: str | torch.dtype | None = None) -> SAE:
    """The SAE in `folder`."""
    return SAE.load_from_disk(folder, device=device, dtype=dtype)
