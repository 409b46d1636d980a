"""JumpReLU transcoders: transcoders whose features are zero until they pass a learned threshold.

    feature_acts = hidden_pre where hidden_pre > threshold, else 0,   hidden_pre = x @ W_enc + b_enc
    y_hat        = feature_acts @ W_dec + b_dec [+ x @ W_skip.T]

The threshold and the losses are those of `jumping`, with the activation at hook_name_out in the place of x; input,
output and their start are those of `transcoder`.

Source: Gemma Scope (Lieberum et al. 2024) and Gemma Scope 2, whose transcoders these are, in SAELens' names and files.
"""

from dataclasses import dataclass
from typing import ClassVar, final

from sae_widgets.architectures.jumping import JumpingSAE, JumpSettings
from sae_widgets.architectures.transcoder import OutputSettings, TranscoderConfig, TranscoderSAE
from sae_widgets.sae.config import ArchitectureName
from sae_widgets.sae.registry import register_sae_class


@dataclass
class JumpReLUTranscoderConfig(TranscoderConfig):
    """Settings of a JumpReLU transcoder."""

    architecture: ClassVar[ArchitectureName] = ArchitectureName("jumprelu_transcoder")


@dataclass
class JumpReLUSkipTranscoderConfig(JumpReLUTranscoderConfig):
    """Settings of a JumpReLU transcoder with a linear path from input to output."""

    architecture: ClassVar[ArchitectureName] = ArchitectureName("jumprelu_skip_transcoder")


@dataclass(kw_only=True)
class JumpReLUTranscoderTrainingConfig(JumpSettings, OutputSettings, JumpReLUTranscoderConfig):
    """Settings of a JumpReLU transcoder and of its training."""

    is_training: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        self.check_jumps(self.d_sae)
        self.check_output()


@dataclass(kw_only=True)
class JumpReLUSkipTranscoderTrainingConfig(JumpSettings, OutputSettings, JumpReLUSkipTranscoderConfig):
    """Settings of a JumpReLU skip transcoder and of its training."""

    is_training: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        self.check_jumps(self.d_sae)
        self.check_output()


@final
@register_sae_class
class JumpReLUTranscoder(JumpingSAE, TranscoderSAE):
    """See the module."""

    config_class = JumpReLUTranscoderConfig
    training_config_class = JumpReLUTranscoderTrainingConfig


@final
@register_sae_class
class JumpReLUSkipTranscoder(JumpingSAE, TranscoderSAE):
    """See the module."""

    has_bypass: ClassVar[bool] = True
    config_class = JumpReLUSkipTranscoderConfig
    training_config_class = JumpReLUSkipTranscoderTrainingConfig


JumpReLUTranscoderTraining = JumpReLUTranscoder
JumpReLUSkipTranscoderTraining = JumpReLUSkipTranscoder
