"""SAELens' own folder: `sae_weights.safetensors`, `cfg.json` and, where known, `sparsity.safetensors`; versions 3 to 6.

The one format that is also what `SAE.save_model` writes, so its files stand with the SAE itself
(`sae_widgets.sae.files`), and older configs and weights are made new there (`sae_widgets.sae.versions`).
"""

import functools
from pathlib import Path

from torch import Tensor

from sae_widgets.loaders.source import Loaded, Source
from sae_widgets.sae import SAE
from sae_widgets.sae.files import CONFIG_NAME, SPARSITY_NAME, WEIGHTS_NAME

NAME = "saelens"
OTHER_NAMES = ("sae_lens",)


def recognises(source: Source) -> bool:
    """Whether `source` is of this format."""
    return source.has(CONFIG_NAME) and source.has(WEIGHTS_NAME)


def read(source: Source, device: str = "cpu") -> Loaded:
    """What the files hold, as they hold it."""
    return Loaded(
        source.json(CONFIG_NAME), source.tensors(WEIGHTS_NAME, device), functools.partial(read_sparsity, source)
    )


def read_sparsity(source: Source) -> Tensor | None:
    """log10 of each feature's firing frequency; None where nobody wrote it.

    Raises:
        ValueError: If the file is damaged or holds something else.
    """
    try:
        tensors = source.tensors(SPARSITY_NAME)
    except FileNotFoundError:
        return None
    if "sparsity" not in tensors:
        raise ValueError(f"{SPARSITY_NAME} holds {', '.join(sorted(tensors)) or 'nothing'}; expected 'sparsity'.")
    return tensors["sparsity"]


def write(sae: SAE, folder: str | Path) -> list[Path]:
    """The files written to `folder`, in the inference form."""
    return list(sae.save_inference_model(folder))
