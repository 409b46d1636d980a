"""Transcoders: a sparse, wide stand-in for a layer. They read what goes into it and give what comes out of it.

    feature_acts = relu(x @ W_enc + b_enc)
    y_hat        = feature_acts @ W_dec + b_dec                       (transcoder)
    y_hat        = feature_acts @ W_dec + b_dec + x @ W_skip.T        (skip transcoder; x as it is, not normalised)

    mse_loss = mean ||y - y_hat||^2                                   y: the activation at hook_name_out
    l1_loss  = l1 * mean sum_i feature_acts_i ||W_dec_i||             (means over tokens)
    pre_act_loss = coef * mean sum_{i dead} relu(-hidden_pre_i) ||W_dec_i||             (only where a weight is given)

`normalize_activations` scales the input alone, as in SAELens; only expected_average_only_in also scales the target in
training, by a factor of its own. At the start W_skip is zero and b_dec the first batch's mean target.

Source: Dunefsky et al. 2024, "Transcoders find interpretable LLM feature circuits"; Paulo et al. 2025, "Transcoders
beat sparse autoencoders for interpretability" (skip). Names and files are those of SAELens 6, which cannot train them;
the training is ours, the penalty that of `rectifying`.
"""

from dataclasses import dataclass, field
from typing import ClassVar, final

import torch
from jaxtyping import Float
from torch import Tensor, nn

from sae_widgets.architectures.rectifying import RectifyingSAE
from sae_widgets.sae.base import SAE
from sae_widgets.sae.config import OWN, ArchitectureName, Number, SAEConfig
from sae_widgets.sae.registry import register_sae_class


@dataclass
class TranscoderConfig(SAEConfig):
    """Settings of a transcoder."""

    architecture: ClassVar[ArchitectureName] = ArchitectureName("transcoder")

    apply_b_dec_to_input: bool = False
    """Always False: `b_dec` belongs to the output. SAELens' own default, True, is one that it refuses."""

    d_out: int = 768
    """Width of the output."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.apply_b_dec_to_input:
            raise ValueError(
                "apply_b_dec_to_input=True has no meaning for a transcoder: b_dec belongs to the output, not to the "
                "input. Leave it out."
            )
        if self.normalize_activations == "covariance_whitening":
            raise ValueError(
                "normalize_activations='covariance_whitening' is for SAEs that give back what they read; a transcoder "
                "takes 'expected_average_only_in', which has a factor for each side, or 'none'."
            )
        if isinstance(self.d_out, bool) or not isinstance(self.d_out, int) or self.d_out < 1:
            raise ValueError(f"d_out is a positive whole number; got {self.d_out!r}.")


@dataclass
class SkipTranscoderConfig(TranscoderConfig):
    """Settings of a transcoder with a linear path from input to output."""

    architecture: ClassVar[ArchitectureName] = ArchitectureName("skip_transcoder")


@dataclass(kw_only=True)
class OutputSettings:
    """How a transcoder's output begins: fields of a training config."""

    decoder_init_norm: Number | None = 0.1
    """Length of the decoder rows at the start, 0 or more; None leaves them as drawn."""

    b_dec_init: str = "mean"
    """What `b_dec` is at the start: the "mean" target of the first batch, or "zeros"."""

    def check_output(self) -> None:
        """Refuses settings that no training could use."""
        if self.b_dec_init not in ("mean", "zeros"):
            raise ValueError(f"b_dec_init is 'mean' or 'zeros'; got {self.b_dec_init!r}.")


@dataclass(kw_only=True)
class PenaltySettings:
    """How the activations of a ReLU transcoder are kept few: fields of a training config."""

    l1_coefficient: Number = 1.0
    """Weight of the penalty, at least 0."""

    l1_warm_up_steps: int = 0
    """Optimiser steps over which the weight rises from 0."""

    pre_act_loss_coefficient: Number | None = field(default=None, metadata=OWN)
    """Weight of the pre_act_loss, which pulls dead features up until they fire; None leaves it out. Anthropic: 3e-6."""


@dataclass(kw_only=True)
class TranscoderTrainingConfig(PenaltySettings, OutputSettings, TranscoderConfig):
    """Settings of a transcoder and of its training."""

    is_training: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        self.check_output()


@dataclass(kw_only=True)
class SkipTranscoderTrainingConfig(PenaltySettings, OutputSettings, SkipTranscoderConfig):
    """Settings of a skip transcoder and of its training."""

    is_training: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        self.check_output()


class TranscoderSAE(SAE):
    """What every transcoder has in common: its output is another activation than its input."""

    reconstructs: ClassVar[bool] = False

    W_skip: nn.Parameter

    @final
    def forward_with_activations(self, x: Float[Tensor, "..."]) -> tuple[Float[Tensor, "..."], Float[Tensor, "..."]]:
        """The output, the bypass included, and the feature activations it was made from."""
        feature_acts = self.encode(x)
        out = self.decode(feature_acts)
        return (out + self.bypass(x) if self.has_bypass else out), feature_acts

    def bypass(self, x: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
        """`x @ W_skip.T`, of the input as it is; zero without a skip connection."""
        return self._shaped(self._flat(x) @ self.W_skip.T) if self.has_bypass else super().bypass(x)

    @torch.no_grad()
    def before_first_step(self, x: Float[Tensor, "n d_in"], target: Float[Tensor, "n d_out"]) -> None:
        if self._training_config().b_dec_init == "mean" and not bool(self.b_dec.any()):
            self.b_dec.copy_(target.mean(0))

    def _make_biases(self) -> None:
        super()._make_biases()
        if self.has_bypass:
            self.W_skip = nn.Parameter(self._zeros(self.n_outputs * self.d_out, self.d_in))

    def _scale_bypass(self, into: Float[Tensor, " d_in"], out_of: Float[Tensor, " d_out"]) -> None:
        if self.has_bypass:
            self.W_skip.mul_(into).div_(out_of[:, None])

    def _repr_settings(self) -> str:
        return f", d_out={self.d_out}"


class PenalisedTranscoder(RectifyingSAE, TranscoderSAE):
    """A transcoder with a ReLU and a penalty on its activations."""


@final
@register_sae_class
class Transcoder(PenalisedTranscoder):
    """See the module."""

    config_class = TranscoderConfig
    training_config_class = TranscoderTrainingConfig


@final
@register_sae_class
class SkipTranscoder(PenalisedTranscoder):
    """See the module."""

    has_bypass: ClassVar[bool] = True
    config_class = SkipTranscoderConfig
    training_config_class = SkipTranscoderTrainingConfig


TranscoderTraining = Transcoder
SkipTranscoderTraining = SkipTranscoder
