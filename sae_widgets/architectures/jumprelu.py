"""JumpReLU SAE: a feature is zero until its pre-activation passes its own learned threshold. The maths is in `jumping`.

feature_acts = hidden_pre where hidden_pre > threshold, else 0
"""

from dataclasses import dataclass
from typing import ClassVar, final

from sae_widgets.architectures.jumping import JumpingSAE, JumpSettings
from sae_widgets.sae.config import ArchitectureName, Number, SAEConfig
from sae_widgets.sae.registry import register_sae_class


@dataclass
class JumpReLUSAEConfig(SAEConfig):
    """Settings of a JumpReLU SAE."""

    architecture: ClassVar[ArchitectureName] = ArchitectureName("jumprelu")


@dataclass(kw_only=True)
class JumpReLUTrainingSAEConfig(JumpSettings, JumpReLUSAEConfig):
    """Settings of a JumpReLU SAE and of its training."""

    is_training: ClassVar[bool] = True

    decoder_init_norm: Number | None = 0.1
    """Length of the decoder rows at the start; None leaves them as drawn."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.check_jumps(self.d_sae)


@final
@register_sae_class
class JumpReLUSAE(JumpingSAE):
    """See the module."""

    config_class = JumpReLUSAEConfig
    training_config_class = JumpReLUTrainingSAEConfig


JumpReLUTrainingSAE = JumpReLUSAE
