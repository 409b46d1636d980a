"""TopK transcoders: transcoders whose features are the k largest pre-activations of each token.

    feature_acts = relu(hidden_pre) at the k largest hidden_pre of the token, else 0,   hidden_pre = x @ W_enc + b_enc
    y_hat        = feature_acts @ W_dec + b_dec [+ x @ W_skip.T]

The choice and the losses are those of `selecting`, with the activation at hook_name_out in the place of x; input,
output and their start are those of `transcoder`.

Source: EleutherAI's sparsify (`transcode`, `skip_connection`); Paulo et al. 2025, "Transcoders beat sparse autoencoders
for interpretability". SAELens has none, so the names are ours, after its other transcoders.
"""

from dataclasses import dataclass
from typing import ClassVar, final

from jaxtyping import Float
from torch import Tensor

from sae_widgets.architectures.selecting import SelectingSAE
from sae_widgets.architectures.topk import TopKSAEConfig, TopKTrainingSAEConfig
from sae_widgets.architectures.transcoder import OutputSettings, TranscoderConfig, TranscoderSAE
from sae_widgets.kernels import largest_per_row
from sae_widgets.sae.acts import SparseActs
from sae_widgets.sae.config import ArchitectureName
from sae_widgets.sae.registry import register_sae_class


@dataclass
class TopKTranscoderConfig(TopKSAEConfig, TranscoderConfig):
    """Settings of a TopK transcoder."""

    architecture: ClassVar[ArchitectureName] = ArchitectureName("topk_transcoder")

    apply_b_dec_to_input: bool = False


@dataclass
class TopKSkipTranscoderConfig(TopKTranscoderConfig):
    """Settings of a TopK transcoder with a linear path from input to output."""

    architecture: ClassVar[ArchitectureName] = ArchitectureName("topk_skip_transcoder")


@dataclass(kw_only=True)
class TopKTranscoderTrainingConfig(OutputSettings, TopKTrainingSAEConfig, TopKTranscoderConfig):
    """Settings of a TopK transcoder and of its training."""

    apply_b_dec_to_input: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        self.check_output()


@dataclass(kw_only=True)
class TopKSkipTranscoderTrainingConfig(OutputSettings, TopKTrainingSAEConfig, TopKSkipTranscoderConfig):
    """Settings of a TopK skip transcoder and of its training."""

    apply_b_dec_to_input: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        self.check_output()


class ChoosingTranscoder(SelectingSAE, TranscoderSAE):
    """A transcoder that chooses the k largest pre-activations."""

    def select(self, hidden_pre: Float[Tensor, "n d_sae"]) -> SparseActs:
        indices, values = largest_per_row(hidden_pre, self.cfg.k)
        return SparseActs(indices, values.relu())

    def _repr_settings(self) -> str:
        return f"{super()._repr_settings()}, d_out={self.d_out}"


@final
@register_sae_class
class TopKTranscoder(ChoosingTranscoder):
    """See the module."""

    config_class = TopKTranscoderConfig
    training_config_class = TopKTranscoderTrainingConfig


@final
@register_sae_class
class TopKSkipTranscoder(ChoosingTranscoder):
    """See the module."""

    has_bypass: ClassVar[bool] = True
    config_class = TopKSkipTranscoderConfig
    training_config_class = TopKSkipTranscoderTrainingConfig


TopKTranscoderTraining = TopKTranscoder
TopKSkipTranscoderTraining = TopKSkipTranscoder
