"""What TopK and its kin share: only chosen features are active, so everything after the choice is sparse.

    hidden_pre   = (sae_in @ W_enc + b_enc) * ||W_dec_i||      (the norms only with rescale_acts_by_decoder_norm)
    feature_acts = relu(hidden_pre) at the chosen features, else 0
    x_hat        = (feature_acts / ||W_dec_i||) @ W_dec + b_dec

    mse_loss                      = mean ||x - x_hat||^2
    auxiliary_reconstruction_loss = coef * min(n_dead / k_aux, 1) * mean ||e_hat - (x - x_hat)||^2
        e_hat = z @ W_dec without bias, z = hidden_pre at the k_aux = d_in // 2 largest of the dead features

The pre-activations are made without autograd; the chosen entries then carry their gradient (`kernels`), so a step has
one dense product and nothing else of size [n, d_sae] with a gradient.

Source: Gao et al. 2024, "Scaling and evaluating sparse autoencoders", as in SAELens 6. One departure: with an input
normalised row by row SAELens refuses the auxiliary loss; here e_hat goes back to the input's unit like x_hat does.
"""

from abc import abstractmethod
from typing import ClassVar, final

import torch
from jaxtyping import Float, Int
from torch import Tensor

from sae_widgets.kernels import selected_products
from sae_widgets.normalize import Undo
from sae_widgets.sae.acts import (
    SparseActs,
    TrainContext,
    TrainParts,
    decoder_norms,
    is_any_hooked,
    rows_of,
    squared_error,
)
from sae_widgets.sae.base import SAE, SMALLEST_NORM


class SelectingSAE(SAE):
    """An SAE that chooses its active features by comparing pre-activations with each other."""

    has_sparse_acts: ClassVar[bool] = True

    @abstractmethod
    def select(self, hidden_pre: Float[Tensor, "n d_sae"]) -> SparseActs:
        """The chosen features and their activations, 0 where a slot is not used; called without autograd."""

    @property
    def is_selecting(self) -> bool:
        """Whether `encode` chooses like training does."""
        return True

    @property
    def is_rescaled(self) -> bool:
        """Whether features are compared as if decoder rows had unit length."""
        return bool(self.cfg.rescale_acts_by_decoder_norm)

    def activate(self, hidden_pre: Float[Tensor, "*batch d_sae"]) -> Float[Tensor, "*batch d_sae"]:
        pre = rows_of(hidden_pre)
        chosen = self.select(pre.detach())
        values = torch.where(chosen.values != 0, pre.gather(-1, chosen.indices), 0.0)
        return SparseActs(chosen.indices, values).to_dense(self.d_sae).view(hidden_pre.shape)

    @final
    def train_parts(self, x: Float[Tensor, "*batch d_in"]) -> TrainParts:
        sae_in, undo = self._prepare(x, hooked=False)
        hidden_pre, acts = self._choose(sae_in)
        self._watch(acts)
        *inner_outs, sae_out = self._nested_outs(x, acts, undo)
        return TrainParts(sae_in, hidden_pre, acts, sae_out, inner_outs=tuple(inner_outs))

    @final
    def objective(
        self, parts: TrainParts, target: Float[Tensor, "*batch d_out"], ctx: TrainContext
    ) -> dict[str, Float[Tensor, ""]]:
        return {
            "mse_loss": squared_error(parts.sae_out, target),
            "auxiliary_reconstruction_loss": self._auxiliary_loss(parts, target, ctx),
            **self._inner_losses(parts, target),
        }

    @torch.no_grad()
    def fold_W_dec_norm(self) -> None:  # noqa: N802  SAELens' name
        if not self.is_rescaled:
            raise NotImplementedError(
                f"Folding decoder norms would change which features a {type(self).__name__} chooses, unless it was "
                "trained with rescale_acts_by_decoder_norm=True."
            )
        super().fold_W_dec_norm()

    @torch.no_grad()
    def fold_activation_whitening(
        self,
        mean: Float[Tensor, " d_in"],
        whitening_matrix: Float[Tensor, "d_in d_in"],
        unwhitening_matrix: Float[Tensor, "d_in d_in"],
    ) -> None:
        self._check_whitening()
        if self.is_rescaled:
            # Whitened rows have other lengths, by which other features would be chosen: with the lengths in the
            # encoder the choice no longer looks at them.
            self.fold_W_dec_norm()
            self.cfg.rescale_acts_by_decoder_norm = False
        super().fold_activation_whitening(mean, whitening_matrix, unwhitening_matrix)

    def rank(self, hidden_pre: Float[Tensor, "n d"]) -> Float[Tensor, "n d"]:
        """What features are compared by."""
        return hidden_pre

    def _nested_outs(self, x: Tensor, acts: SparseActs, undo: Undo) -> list[Float[Tensor, "*batch d_out"]]:
        """Reconstructions from ever more features; the last is from all."""
        return [self._train_out(x, acts, undo)]

    def _inner_losses(self, parts: TrainParts, target: Tensor) -> dict[str, Float[Tensor, ""]]:
        """Terms for the other reconstructions."""
        return {}

    def _watch(self, acts: SparseActs) -> None:
        """Sees the choice of each training forward."""

    def _features(self, sae_in: Float[Tensor, "*batch d_in"], *, hooked: bool) -> Tensor | SparseActs:
        is_seen = hooked and is_any_hooked([self.hook_sae_acts_pre, self.hook_sae_acts_post])
        if self.is_selecting and not is_seen:
            return self._choose(sae_in)[1]
        hidden_pre = self._through(self.hook_sae_acts_pre, self.pre_activations(sae_in), hooked)
        if self.is_rescaled:
            hidden_pre = hidden_pre * decoder_norms(self.W_dec)
        return self._through(self.hook_sae_acts_post, self.activate(hidden_pre), hooked)

    def _choose(self, sae_in: Float[Tensor, "*batch d_in"]) -> tuple[Tensor, SparseActs]:
        """Pre-activations, detached, and the chosen activations with their gradient."""
        rows = rows_of(sae_in)
        with torch.no_grad():
            hidden_pre = self.pre_activations(rows)
            if self.is_rescaled:
                hidden_pre.mul_(decoder_norms(self.W_dec))
            chosen = self.select(hidden_pre)
        values = self._values_at(rows, hidden_pre, chosen.indices)
        values = torch.where(chosen.values != 0, values, 0.0)
        batch = sae_in.shape[:-1]
        acts = SparseActs(*(each.view(*batch, values.shape[-1]) for each in (chosen.indices, values)))
        return hidden_pre.view(*batch, self.d_sae), acts

    def _values_at(
        self, rows: Float[Tensor, "n d_in"], hidden_pre: Float[Tensor, "n d_sae"], indices: Int[Tensor, "n k"]
    ) -> Float[Tensor, "n k"]:
        """`hidden_pre` at `indices`, with its gradient."""
        values = hidden_pre.gather(-1, indices)
        if not self.is_rescaled:
            return selected_products(rows, self.W_enc, self.b_enc, indices, values)
        norms = decoder_norms(self.W_dec)[indices]
        unscaled = values / norms.detach().clamp_min(SMALLEST_NORM)
        return selected_products(rows, self.W_enc, self.b_enc, indices, unscaled) * norms

    def _decoded_rows(self, feature_acts: Tensor | SparseActs) -> Float[Tensor, "*batch d_out"]:
        return super()._decoded_rows(self._unscaled(feature_acts))

    def _unscaled(self, feature_acts: Tensor | SparseActs) -> Tensor | SparseActs:
        """Activations in the unit that multiplies the decoder rows as they are."""
        if not self.is_rescaled:
            return feature_acts
        norms = decoder_norms(self.W_dec).clamp_min(SMALLEST_NORM)
        if isinstance(feature_acts, SparseActs):
            return SparseActs(feature_acts.indices, feature_acts.values / norms[feature_acts.indices])
        return feature_acts / norms

    def _auxiliary_loss(self, parts: TrainParts, target: Tensor, ctx: TrainContext) -> Float[Tensor, ""]:
        coefficient = self._training_config().aux_loss_coefficient
        if ctx.dead_mask is None or not coefficient:
            return parts.sae_out.new_zeros(())
        return coefficient * self._revival(parts, target, parts.sae_out, ctx.dead_mask.nonzero().flatten())

    def _revival(
        self, parts: TrainParts, target: Tensor, sae_out: Tensor, dead: Int[Tensor, " n_dead"]
    ) -> Float[Tensor, ""]:
        """How far the best of the `dead` features are from what `sae_out` misses, less where they are few."""
        n_dead, k_aux = self.peers.n_features(len(dead)), self.d_in // 2
        if not n_dead or not k_aux:
            return sae_out.new_zeros(())
        residual = (target - sae_out).detach()
        rows, hidden_pre = rows_of(parts.sae_in), rows_of(parts.hidden_pre)
        best, ranks = self.peers.largest_per_token(self.rank(hidden_pre[:, dead]), min(k_aux, n_dead))
        indices = dead[best]
        values = self._values_at(rows, hidden_pre, indices)
        acts = SparseActs(indices, torch.where(ranks > -torch.inf, values, 0.0))
        error = self._decoded_rows(acts).view(residual.shape)
        if self.cfg.is_normalized_per_row:
            _, undo = self._normalized(target)
            error = undo(error) - undo(torch.zeros_like(error))
        return min(n_dead / k_aux, 1.0) * squared_error(error, residual)

    def _inference_weights(self) -> dict[str, Tensor]:
        weights = dict(self.state_dict())
        if self.is_rescaled:
            norms = decoder_norms(self.W_dec.detach()).clamp_min(SMALLEST_NORM)
            weights["W_enc"] = weights["W_enc"] * norms
            weights["b_enc"] = weights["b_enc"] * norms
            weights["W_dec"] = weights["W_dec"] / norms[:, None]
        return weights

    def _repr_settings(self) -> str:
        return f", k={self.cfg.k:g}"
