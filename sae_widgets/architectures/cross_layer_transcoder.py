"""Cross-layer transcoder: features read in one layer that write to the outputs of that layer and of later ones.

    feature_acts = hidden_pre where hidden_pre > threshold, else 0,   hidden_pre = x @ W_enc + b_enc
    y_hat_l      = feature_acts @ W_dec_l + b_dec_l [+ x @ W_skip_l.T]        for each of n_outputs hook points

`decode` gives [*batch, n_outputs, d_out], in the order of `metadata.hook_names_out`; a row of W_dec holds the outputs
one after the other. Thresholds and losses are those of `jumping`, with mean sum_l ||y_l - y_hat_l||^2 for the mse_loss;
a ReLU one is one whose thresholds are zero.

This is one layer's part. In a whole cross-layer transcoder a layer's output is the sum of what the parts of this and
all earlier layers write there; a part trained by itself explains what it can of each target alone.

Source: Ameisen et al. 2025, "Circuit Tracing: Revealing Computational Graphs in Language Models", whose penalty is the
mode "tanh"; the skip connection is that of Gemma Scope 2.
"""

from dataclasses import dataclass
from typing import ClassVar, Literal, final

from jaxtyping import Float
from torch import Tensor

from sae_widgets.architectures.jumping import JumpingSAE, JumpSettings
from sae_widgets.architectures.transcoder import OutputSettings, TranscoderConfig, TranscoderSAE
from sae_widgets.sae.config import ArchitectureName
from sae_widgets.sae.registry import register_sae_class


@dataclass
class CrossLayerTranscoderConfig(TranscoderConfig):
    """Settings of one layer's part of a cross-layer transcoder; `d_out` is the width of one output."""

    architecture: ClassVar[ArchitectureName] = ArchitectureName("cross_layer_transcoder")

    n_outputs: int = 1
    """Hook points that are written, from 1."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if isinstance(self.n_outputs, bool) or not isinstance(self.n_outputs, int) or self.n_outputs < 1:
            raise ValueError(f"n_outputs is a positive whole number; got {self.n_outputs!r}.")


@dataclass
class CrossLayerSkipTranscoderConfig(CrossLayerTranscoderConfig):
    """Settings of one layer's part that also has a linear path from its input to each output."""

    architecture: ClassVar[ArchitectureName] = ArchitectureName("cross_layer_skip_transcoder")


@dataclass(kw_only=True)
class CrossLayerTranscoderTrainingConfig(JumpSettings, OutputSettings, CrossLayerTranscoderConfig):
    """Settings of one layer's part and of its training."""

    is_training: ClassVar[bool] = True

    jumprelu_sparsity_loss_mode: Literal["step", "tanh", "quadratic"] = "tanh"

    def __post_init__(self) -> None:
        super().__post_init__()
        self.check_jumps(self.d_sae)
        self.check_output()


@dataclass(kw_only=True)
class CrossLayerSkipTranscoderTrainingConfig(JumpSettings, OutputSettings, CrossLayerSkipTranscoderConfig):
    """Settings of one layer's part with a linear path, and of its training."""

    is_training: ClassVar[bool] = True

    jumprelu_sparsity_loss_mode: Literal["step", "tanh", "quadratic"] = "tanh"

    def __post_init__(self) -> None:
        super().__post_init__()
        self.check_jumps(self.d_sae)
        self.check_output()


class LayeredTranscoder(JumpingSAE, TranscoderSAE):
    """A transcoder that gives several outputs."""

    def _shaped(self, out: Tensor) -> Float[Tensor, "*batch n_outputs d_out"]:
        return out.unflatten(-1, (self.n_outputs, self.d_out))

    def _repr_settings(self) -> str:
        return f"{super()._repr_settings()}, n_outputs={self.n_outputs}"


@final
@register_sae_class
class CrossLayerTranscoder(LayeredTranscoder):
    """See the module."""

    config_class = CrossLayerTranscoderConfig
    training_config_class = CrossLayerTranscoderTrainingConfig


@final
@register_sae_class
class CrossLayerSkipTranscoder(LayeredTranscoder):
    """See the module."""

    has_bypass: ClassVar[bool] = True
    config_class = CrossLayerSkipTranscoderConfig
    training_config_class = CrossLayerSkipTranscoderTrainingConfig


CrossLayerTranscoderTraining = CrossLayerTranscoder
CrossLayerSkipTranscoderTraining = CrossLayerSkipTranscoder
