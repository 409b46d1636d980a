"""TopK SAE: the k largest pre-activations of each token are its features. The rest is in `selecting`.

feature_acts = relu(hidden_pre) at the k largest hidden_pre of the token, else 0
"""

from dataclasses import dataclass
from typing import ClassVar, final

from jaxtyping import Float
from torch import Tensor

from sae_widgets.architectures.selecting import SelectingSAE
from sae_widgets.sae.acts import SparseActs
from sae_widgets.sae.config import ArchitectureName, Number, SAEConfig
from sae_widgets.sae.registry import register_sae_class


@dataclass
class TopKSAEConfig(SAEConfig):
    """Settings of a TopK SAE."""

    architecture: ClassVar[ArchitectureName] = ArchitectureName("topk")
    activation_fn_str: ClassVar[str] = "topk"

    k: int = 100
    """Active features per token, from 1 to d_sae."""

    rescale_acts_by_decoder_norm: bool = False
    """Whether features are compared as if decoder rows had unit length."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if isinstance(self.k, float) and self.k.is_integer():
            self.k = int(self.k)
        if isinstance(self.k, bool) or not isinstance(self.k, int) or not 1 <= self.k <= self.d_sae:
            raise ValueError(f"k is a whole number from 1 to d_sae={self.d_sae}; got {self.k!r}.")


@dataclass(kw_only=True)
class TopKTrainingSAEConfig(TopKSAEConfig):
    """Settings of a TopK SAE and of its training."""

    is_training: ClassVar[bool] = True

    rescale_acts_by_decoder_norm: bool = True

    decoder_init_norm: Number | None = 0.1
    """Length of the decoder rows at the start; None leaves them as drawn."""

    aux_loss_coefficient: Number = 1.0
    """Weight of the auxiliary loss, which lets dead features explain what the live ones miss; at least 0."""

    use_sparse_activations: bool = False
    """Read and written for SAELens, where it switches sparse training on; here training is always sparse."""


@final
@register_sae_class
class TopKSAE(SelectingSAE):
    """See the module."""

    config_class = TopKSAEConfig
    training_config_class = TopKTrainingSAEConfig

    def select(self, hidden_pre: Float[Tensor, "n d_sae"]) -> SparseActs:
        indices, values = self.peers.largest_per_token(hidden_pre, self.cfg.k)
        return SparseActs(indices, values.relu())


TopKTrainingSAE = TopKSAE
