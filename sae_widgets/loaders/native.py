"""SAELens' own folder: `sae_weights.safetensors`, `cfg.json` and, where known, `sparsity.safetensors`; versions 3 to 6.

The one format that is also what `SAE.save_model` writes, so its files stand with the SAE itself
(`sae_widgets.sae.files`), and older configs and weights are made new there (`sae_widgets.sae.versions`).
"""

from sae_widgets.loaders.source import Loaded, Source
from sae_widgets.sae.files import CONFIG_NAME, SPARSITY_NAME, WEIGHTS_NAME

NAME = "saelens"


def recognises(source: Source) -> bool:
    """Whether `source` is of this format."""
    return source.has(CONFIG_NAME) and source.has(WEIGHTS_NAME)


def read(source: Source, device: str = "cpu") -> Loaded:
    """What the files hold, as they hold it."""
    sparsity = source.tensors(SPARSITY_NAME) if source.has(SPARSITY_NAME) else {}
    return Loaded(source.json(CONFIG_NAME), source.tensors(WEIGHTS_NAME, device), sparsity.get("sparsity"))
