"""The sparse autoencoder: abstract class, config, sparse activations, files of one folder.

Layer 0: torch and nothing else of weight. The architectures are in `sae_widgets.architectures`.
"""

from sae_widgets.sae.acts import Coefficient, HookPoint, SparseActs, TrainContext, TrainParts, squared_error
from sae_widgets.sae.base import SAE
from sae_widgets.sae.config import SAEConfig, SAEMetadata
from sae_widgets.sae.files import is_sae_folder, read_sparsity, write_sparsity
from sae_widgets.sae.registry import SAE_CLASSES, register_sae_class
from sae_widgets.sae.saelens_names import TrainCoefficientConfig, TrainStepInput, TrainStepOutput

__all__ = [
    "SAE",
    "SAE_CLASSES",
    "Coefficient",
    "HookPoint",
    "SAEConfig",
    "SAEMetadata",
    "SparseActs",
    "TrainCoefficientConfig",
    "TrainContext",
    "TrainParts",
    "TrainStepInput",
    "TrainStepOutput",
    "is_sae_folder",
    "read_sparsity",
    "register_sae_class",
    "squared_error",
    "write_sparsity",
]

# Last, since each architecture imports the names above: whoever has the SAE class can load every architecture.
import sae_widgets.architectures  # noqa: F401
