"""AbsTopK SAE: the k pre-activations of each token that are farthest from zero, with their sign. See also `selecting`.

    feature_acts = hidden_pre at the k largest |hidden_pre| of the token, else 0

A feature may be active in either direction, so one feature can stand for a thing and its opposite. The auxiliary loss
takes the dead features with the largest |hidden_pre|.

Source: "AbsTopK: Rethinking Sparse Autoencoders For Bidirectional Features", arXiv 2510.00404, as in SAELens 6.
"""

from dataclasses import dataclass
from typing import ClassVar, final

from jaxtyping import Float
from torch import Tensor

from sae_widgets.architectures.selecting import SelectingSAE
from sae_widgets.architectures.topk import TopKSAEConfig, TopKTrainingSAEConfig
from sae_widgets.kernels import largest_per_row
from sae_widgets.sae.acts import SparseActs
from sae_widgets.sae.config import ArchitectureName
from sae_widgets.sae.registry import register_sae_class


@dataclass
class AbsTopKSAEConfig(TopKSAEConfig):
    """Settings of an AbsTopK SAE."""

    architecture: ClassVar[ArchitectureName] = ArchitectureName("abstopk")
    activation_fn_str: ClassVar[str] = "abstopk"


@dataclass(kw_only=True)
class AbsTopKTrainingSAEConfig(TopKTrainingSAEConfig):
    """Settings of an AbsTopK SAE and of its training."""

    architecture: ClassVar[ArchitectureName] = ArchitectureName("abstopk")
    activation_fn_str: ClassVar[str] = "abstopk"


@final
@register_sae_class
class AbsTopKSAE(SelectingSAE):
    """See the module."""

    config_class = AbsTopKSAEConfig
    training_config_class = AbsTopKTrainingSAEConfig

    def select(self, hidden_pre: Float[Tensor, "n d_sae"]) -> SparseActs:
        indices, _ = largest_per_row(self.rank(hidden_pre), self.cfg.k)
        return SparseActs(indices, hidden_pre.gather(-1, indices))

    def rank(self, hidden_pre: Float[Tensor, "n d"]) -> Float[Tensor, "n d"]:
        return hidden_pre.abs()


AbsTopKTrainingSAE = AbsTopKSAE
