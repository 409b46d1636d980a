"""Standard SAE: a ReLU and a penalty on the activations. The maths is in `rectifying`.

Source: Bricken et al. 2023, "Towards Monosemanticity"; the decoder norms in the penalty are those of Anthropic's
April 2024 update, as in SAELens 6. The pre_act_loss is Anthropic's of January 2025, there for JumpReLU.
"""

from dataclasses import dataclass, field
from typing import ClassVar, final

from sae_widgets.architectures.rectifying import RectifyingSAE
from sae_widgets.sae.config import OWN, ArchitectureName, Number, SAEConfig
from sae_widgets.sae.registry import register_sae_class


@dataclass
class StandardSAEConfig(SAEConfig):
    """Settings of a standard SAE."""

    architecture: ClassVar[ArchitectureName] = ArchitectureName("standard")


@dataclass(kw_only=True)
class StandardTrainingSAEConfig(StandardSAEConfig):
    """Settings of a standard SAE and of its training."""

    is_training: ClassVar[bool] = True

    decoder_init_norm: Number | None = 0.1
    """Length of the decoder rows at the start; None leaves them as drawn."""

    l1_coefficient: Number = 1.0
    """Weight of the penalty, at least 0."""

    lp_norm: Number = 1.0
    """The penalty's p, above 0."""

    l1_warm_up_steps: int = 0
    """Optimiser steps over which the weight rises from 0."""

    pre_act_loss_coefficient: Number | None = field(default=None, metadata=OWN)
    """Weight of the pre_act_loss, which pulls dead features up until they fire; None leaves it out. Anthropic: 3e-6."""


@final
@register_sae_class
class StandardSAE(RectifyingSAE):
    """See the module."""

    config_class = StandardSAEConfig
    training_config_class = StandardTrainingSAEConfig


StandardTrainingSAE = StandardSAE
