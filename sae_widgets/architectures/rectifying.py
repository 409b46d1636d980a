"""What the standard SAE and the plain transcoders share: a ReLU and a penalty on the activations.

    feature_acts = relu(hidden_pre)

    mse_loss     = mean ||target - x_hat||^2
    l1_loss      = l1 * mean || feature_acts * ||W_dec_i|| ||_p        (p = lp_norm, 1 unless said; means over tokens)
    pre_act_loss = coef * mean sum_{i dead} relu(-hidden_pre_i) ||W_dec_i||        (only where a weight is given)

Where a batch has few active features, all but the encoder's product is sparse: inactive features have no gradient.
"""

from typing import final

import torch
from jaxtyping import Float
from torch import Tensor

from sae_widgets.architectures.encoding import through_bias, train_product
from sae_widgets.sae.acts import (
    Coefficient,
    EntryActs,
    TrainContext,
    TrainParts,
    decoder_norms,
    few_products,
    pre_act_loss,
    rows_of,
    squared_error,
)
from sae_widgets.sae.base import SAE


class RectifyingSAE(SAE):
    """An SAE, or transcoder, whose training config has `l1_coefficient` and its like."""

    def activate(self, hidden_pre: Float[Tensor, "*batch d_sae"]) -> Float[Tensor, "*batch d_sae"]:
        return hidden_pre.relu()

    def coefficients(self) -> dict[str, Coefficient]:
        cfg = self._training_config()
        return {"l1": Coefficient(cfg.l1_coefficient, cfg.l1_warm_up_steps)}

    @final
    def train_parts(self, x: Float[Tensor, "*batch d_in"]) -> TrainParts:
        cfg = self._training_config()
        sae_in, undo = self._prepare(x, hooked=False)
        rows, b = through_bias(self, x, sae_in, self.b_enc)
        hidden_pre = train_product(self, rows, b)
        acts = None
        # Of a norm that is no sum, and of what is short of firing, inactive features have a share.
        if self._p == 1 and cfg.pre_act_loss_coefficient is None:
            acts = few_products(rows, self.W_enc, b, hidden_pre, hidden_pre.detach() > 0)
        pre, acts = (hidden_pre, self.activate(hidden_pre)) if acts is None else (None, acts)
        return TrainParts(sae_in, pre, acts, self._train_out(x, self._decode(acts), undo))

    @final
    def objective(
        self, parts: TrainParts, target: Float[Tensor, "*batch d_out"], ctx: TrainContext
    ) -> dict[str, Float[Tensor, ""]]:
        cfg, norms = self._training_config(), self._penalty_norms()
        terms = {
            "mse_loss": squared_error(parts.sae_out, target),
            "l1_loss": ctx.coefficients["l1"] * self._penalty(parts.feature_acts, norms),
        }
        if cfg.pre_act_loss_coefficient is not None:
            assert isinstance(parts.hidden_pre, Tensor)
            below = (-parts.hidden_pre).relu()
            short = self.peers.total(pre_act_loss(below, norms, ctx))
            terms["pre_act_loss"] = cfg.pre_act_loss_coefficient * short
        return terms

    def _penalty(self, acts: object, norms: Float[Tensor, " d_sae"]) -> Float[Tensor, ""]:
        if isinstance(acts, EntryActs):
            sums, n_tokens = acts.per_feature(), acts.entries.n_tokens
        else:
            assert isinstance(acts, Tensor)
            acts = rows_of(acts)
            if self._p != 1:
                return self.peers.total(torch.linalg.vector_norm(acts * norms, ord=self._p, dim=-1)).mean()
            sums, n_tokens = acts.sum(0), len(acts)
        # Over tokens first: that makes no second matrix as large as the activations.
        return self.peers.total((sums * norms).sum() / max(n_tokens, 1))

    @property
    def _p(self) -> float | int:
        """The penalty's p."""
        return vars(self.cfg).get("lp_norm", 1.0)

    def _penalty_norms(self) -> Float[Tensor, " d_sae"]:
        """What weighs each feature's activations."""
        return decoder_norms(self.W_dec)
