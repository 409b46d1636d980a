"""Standard SAE: a ReLU and a penalty on the activations.

    feature_acts = relu(hidden_pre)

    mse_loss = mean ||x - x_hat||^2
    l1_loss  = l1 * mean || feature_acts * ||W_dec_i|| ||_p            (p = lp_norm; means over tokens)
    pre_act_loss = coef * mean sum_{i dead} relu(-hidden_pre_i) ||W_dec_i||        (only where a weight is given)

Source: Bricken et al. 2023, "Towards Monosemanticity"; the decoder norms in the penalty are those of Anthropic's
April 2024 update, as in SAELens 6. The pre_act_loss is Anthropic's of January 2025, there for JumpReLU.
"""

from dataclasses import dataclass, field
from typing import ClassVar, final

import torch
from jaxtyping import Float
from torch import Tensor

from sae_widgets.sae.acts import (
    Coefficient,
    SparseActs,
    TrainContext,
    TrainParts,
    decoder_norms,
    pre_act_loss,
    squared_error,
)
from sae_widgets.sae.base import SAE
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
class StandardSAE(SAE):
    """See the module."""

    config_class = StandardSAEConfig
    training_config_class = StandardTrainingSAEConfig

    def activate(self, hidden_pre: Float[Tensor, "*batch d_sae"]) -> Float[Tensor, "*batch d_sae"]:
        return hidden_pre.relu()

    def coefficients(self) -> dict[str, Coefficient]:
        cfg = self._training_config()
        return {"l1": Coefficient(cfg.l1_coefficient, cfg.l1_warm_up_steps)}

    def objective(
        self, parts: TrainParts, target: Float[Tensor, "*batch d_in"], ctx: TrainContext
    ) -> dict[str, Float[Tensor, ""]]:
        cfg, norms = self._training_config(), decoder_norms(self.W_dec)
        acts = parts.feature_acts
        assert not isinstance(acts, SparseActs)
        lengths = self.peers.total(torch.linalg.vector_norm(acts * norms, ord=cfg.lp_norm, dim=-1))
        terms = {
            "mse_loss": squared_error(parts.sae_out, target),
            "l1_loss": ctx.coefficients["l1"] * lengths.mean(),
        }
        if cfg.pre_act_loss_coefficient is not None:
            below = (-parts.hidden_pre).relu()
            short = self.peers.total(pre_act_loss(below, norms, ctx))
            terms["pre_act_loss"] = cfg.pre_act_loss_coefficient * short
        return terms


StandardTrainingSAE = StandardSAE
