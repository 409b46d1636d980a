"""Gated SAE: one path decides which features are active, the other how strongly.

    gate_pre     = sae_in @ W_enc + b_gate
    hidden_pre   = (sae_in @ W_enc) * exp(r_mag) + b_mag
    feature_acts = relu(hidden_pre) where gate_pre > 0, else 0

    mse_loss                      = mean ||x - x_hat||^2
    l1_loss                       = l1 * mean sum_i relu(gate_pre_i) ||W_dec_i||
    auxiliary_reconstruction_loss = mean || undo(relu(gate_pre) @ W_dec + b_dec) - x ||^2
    pre_act_loss                  = coef * mean sum_{i dead} relu(-gate_pre_i) ||W_dec_i||      (if weighted)

Source: Rajamanoharan et al. 2024, "Improving Dictionary Learning with Gated Sparse Autoencoders", as in SAELens 6:
its auxiliary term does not detach the decoder. Two departures. The two paths share one product, where SAELens makes
`W_enc * exp(r_mag)` and a second one; where few gates are open, all but this product is sparse. With an input that is
normalised row by row, the auxiliary term sees the normalised input like every other path, where SAELens takes the raw
one.
"""

from dataclasses import dataclass, field
from typing import ClassVar, final

import torch
from jaxtyping import Float
from torch import Tensor, nn

from sae_widgets.architectures.encoding import through_bias, train_product
from sae_widgets.normalize import Undo
from sae_widgets.sae.acts import (
    Coefficient,
    EntryActs,
    TrainContext,
    TrainParts,
    decoder_norms,
    few_products,
    pre_act_loss,
    squared_error,
)
from sae_widgets.sae.base import SAE
from sae_widgets.sae.config import OWN, ArchitectureName, Number, SAEConfig
from sae_widgets.sae.registry import register_sae_class


@dataclass
class GatedSAEConfig(SAEConfig):
    """Settings of a gated SAE."""

    architecture: ClassVar[ArchitectureName] = ArchitectureName("gated")


@dataclass(kw_only=True)
class GatedTrainingSAEConfig(GatedSAEConfig):
    """Settings of a gated SAE and of its training."""

    is_training: ClassVar[bool] = True

    decoder_init_norm: Number | None = 0.1
    """Length of the decoder rows at the start; None leaves them as drawn."""

    l1_coefficient: Number = 1.0
    """Weight of the penalty on the gate, at least 0."""

    l1_warm_up_steps: int = 0
    """Optimiser steps over which the weight rises from 0."""

    pre_act_loss_coefficient: Number | None = field(default=None, metadata=OWN)
    """Weight of the pre_act_loss, which pulls dead features up until they fire; None leaves it out. Anthropic: 3e-6."""


@final
@register_sae_class
class GatedSAE(SAE):
    """See the module. It has no `b_enc`; `b_gate`, `b_mag` and `r_mag` take its place."""

    config_class = GatedSAEConfig
    training_config_class = GatedTrainingSAEConfig

    b_gate: nn.Parameter
    b_mag: nn.Parameter
    r_mag: nn.Parameter

    def pre_activations(self, sae_in: Float[Tensor, "*batch d_in"]) -> Float[Tensor, "*batch d_sae"]:
        return self._paths(sae_in)[1]

    def activate(self, hidden_pre: Float[Tensor, "*batch d_sae"]) -> Float[Tensor, "*batch d_sae"]:
        """The magnitudes; the gate needs the input and is applied where both are at hand."""
        return hidden_pre.relu()

    def train_parts(self, x: Float[Tensor, "*batch d_in"]) -> TrainParts:
        sae_in, undo = self._prepare(x, hooked=False)
        rows, b = through_bias(self, x, sae_in, self.W_enc.new_zeros(self.d_sae))
        product = train_product(self, rows, b)
        few = None
        # Of what is short of opening, closed gates have a share.
        if self._training_config().pre_act_loss_coefficient is None:
            few = few_products(rows, self.W_enc, b, product, product.detach() > -self.b_gate)
        if few is not None:
            return self._parts_of_few(sae_in, few, undo)
        gate_pre, hidden_pre = product + self.b_gate, self._magnitude(product)
        feature_acts = (gate_pre > 0) * self.activate(hidden_pre)
        sae_out, gate_out = (undo(self._decode(acts)) for acts in (feature_acts, gate_pre.relu()))
        return TrainParts(sae_in, hidden_pre, feature_acts, sae_out, gate_pre, (gate_out,))

    def _parts_of_few(self, sae_in: Float[Tensor, "n d_in"], few: EntryActs, undo: Undo) -> TrainParts:
        """The same, of the products of open gates alone."""
        features = few.entries.features
        gates = few.values + self.b_gate.index_select(0, features)
        scale, shift = (each.index_select(0, features) for each in (self.r_mag.exp(), self.b_mag))
        magnitudes = (few.values * scale + shift).relu()
        # One product for both: the decoder has one gradient then.
        both = EntryActs(few.entries.repeated(2), torch.cat([magnitudes, gates]))
        sae_out, gate_out = (undo(each) for each in self._decode(both).chunk(2))
        acts, gate_pre = EntryActs(few.entries, magnitudes), EntryActs(few.entries, gates)
        return TrainParts(sae_in, None, acts, sae_out, gate_pre, (gate_out,))

    def coefficients(self) -> dict[str, Coefficient]:
        cfg = self._training_config()
        return {"l1": Coefficient(cfg.l1_coefficient, cfg.l1_warm_up_steps)}

    def objective(
        self, parts: TrainParts, target: Float[Tensor, "*batch d_in"], ctx: TrainContext
    ) -> dict[str, Float[Tensor, ""]]:
        cfg, gate_pre, norms = self._training_config(), parts.gate_pre, decoder_norms(self.W_dec)
        assert gate_pre is not None
        if isinstance(gate_pre, EntryActs):
            lengths = (gate_pre.per_feature() * norms).sum() / max(gate_pre.entries.n_tokens, 1)
        else:
            lengths = (gate_pre.relu() * norms).sum(-1).mean()
        (gate_out,) = parts.inner_outs
        terms = {
            "mse_loss": squared_error(parts.sae_out, target),
            "l1_loss": ctx.coefficients["l1"] * lengths,
            "auxiliary_reconstruction_loss": squared_error(gate_out, target),
        }
        if cfg.pre_act_loss_coefficient is not None:
            assert isinstance(gate_pre, Tensor)
            below = (-gate_pre).relu()
            terms["pre_act_loss"] = cfg.pre_act_loss_coefficient * pre_act_loss(below, norms, ctx)
        return terms

    def _paths(self, sae_in: Tensor) -> tuple[Tensor, Tensor]:
        """`gate_pre` and `hidden_pre`."""
        product = sae_in @ self.W_enc
        return product + self.b_gate, self._magnitude(product)

    def _magnitude(self, product: Float[Tensor, "*batch d_sae"]) -> Float[Tensor, "*batch d_sae"]:
        """`hidden_pre`."""
        return product * self.r_mag.exp() + self.b_mag

    def _features(self, sae_in: Float[Tensor, "*batch d_in"], *, hooked: bool) -> Tensor:
        gate_pre, hidden_pre = self._paths(sae_in)
        hidden_pre = self._through(self.hook_sae_acts_pre, hidden_pre, hooked)
        return self._through(self.hook_sae_acts_post, (gate_pre > 0) * self.activate(hidden_pre), hooked)

    def _make_biases(self) -> None:
        for name in ("b_gate", "b_mag", "r_mag"):
            setattr(self, name, nn.Parameter(self._zeros(self.d_sae)))

    def _shift_features(self, shift: Float[Tensor, " d_sae"]) -> None:
        self.b_gate.add_(shift)
        self.b_mag.add_(shift * self.r_mag.exp())

    def _scale_features(self, norms: Float[Tensor, " d_sae"]) -> None:
        # r_mag multiplies the product, which W_enc has scaled already.
        self.b_gate.mul_(norms)
        self.b_mag.mul_(norms)


GatedTrainingSAE = GatedSAE
