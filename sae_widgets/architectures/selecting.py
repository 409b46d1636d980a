"""What TopK and its kin share: only chosen features are active, so everything after the choice is sparse.

    hidden_pre   = (sae_in @ W_enc + b_enc) * ||W_dec_i||      (the norms only with rescale_acts_by_decoder_norm)
    feature_acts = relu(hidden_pre) at the chosen features, else 0
    x_hat        = (feature_acts / ||W_dec_i||) @ W_dec + b_dec         (norms cancel: training never divides by them)

    mse_loss                      = mean ||x - x_hat||^2
    auxiliary_reconstruction_loss = coef * min(n_dead / k_aux, 1) * mean ||e_hat - (x - x_hat)||^2
        e_hat = z @ W_dec without bias, z = hidden_pre at the k_aux = d_in // 2 largest of the dead features

The pre-activations are made without autograd and, where each token is chosen for by itself, a few rows at a time, so
that they stay in the processor's cache; the chosen entries then carry their gradient (`kernels`). A step has one dense
product, and keeps nothing of size [n, d_sae].

Source: Gao et al. 2024, "Scaling and evaluating sparse autoencoders", as in SAELens 6. One departure: with an input
normalised row by row SAELens refuses the auxiliary loss; here e_hat goes back to the input's unit like x_hat does.
"""

from abc import abstractmethod
from typing import ClassVar, final

import torch
from jaxtyping import Float, Int
from torch import Tensor

from sae_widgets.architectures.encoding import through_bias
from sae_widgets.kernels import products_by_blocks, selected_products
from sae_widgets.normalize import Undo
from sae_widgets.sae.acts import (
    SparseActs,
    TrainContext,
    TrainParts,
    decoder_norms,
    is_any_hooked,
    rows_of,
    squared_error,
    summed_rows,
)
from sae_widgets.sae.base import SAE, SMALLEST_NORM


class SelectingSAE(SAE):
    """An SAE that chooses its active features by comparing pre-activations with each other."""

    has_sparse_acts: ClassVar[bool] = True

    chooses_per_token: ClassVar[bool] = True
    """Whether a token's features do not depend on the other tokens."""

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
        acts, weights = self._choose(*through_bias(self, x, sae_in, self.b_enc))
        self._watch(acts)
        *inner_outs, sae_out = self._nested_outs(x, weights, undo)
        return TrainParts(sae_in, None, acts, sae_out, inner_outs=tuple(inner_outs))

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

    def _nested_outs(self, x: Tensor, weights: SparseActs, undo: Undo) -> list[Float[Tensor, "*batch d_out"]]:
        """Reconstructions from ever more features; the last is from all.

        Args:
            x: The input.
            weights: What decoder rows are multiplied with, as they are.
            undo: Back from the normalisation.
        """
        return [self._train_out(x, self.peers.total(summed_rows(weights, self.W_dec)) + self.b_dec, undo)]

    def _inner_losses(self, parts: TrainParts, target: Tensor) -> dict[str, Float[Tensor, ""]]:
        """Terms for the other reconstructions."""
        return {}

    def _watch(self, acts: SparseActs) -> None:
        """Sees the choice of each training forward."""

    def _features(self, sae_in: Float[Tensor, "*batch d_in"], *, hooked: bool) -> Tensor | SparseActs:
        is_seen = hooked and is_any_hooked([self.hook_sae_acts_pre, self.hook_sae_acts_post])
        if self.is_selecting and not is_seen:
            return self._choose(sae_in, self.b_enc)[0]
        hidden_pre = self._through(self.hook_sae_acts_pre, self.pre_activations(sae_in), hooked)
        if self.is_rescaled:
            hidden_pre = hidden_pre * decoder_norms(self.W_dec)
        return self._through(self.hook_sae_acts_post, self.activate(hidden_pre), hooked)

    def _choose(
        self, sae_in: Float[Tensor, "*batch d_in"], b: Float[Tensor, " d_sae"]
    ) -> tuple[SparseActs, SparseActs]:
        """The chosen activations, and what decoder rows as they are multiply with; both with their gradient.

        Args:
            sae_in: What the encoder multiplies.
            b: `b_enc`, perhaps with a gradient further on.
        """
        rows = rows_of(sae_in)
        norms = decoder_norms(self.W_dec) if self.is_rescaled else None
        with torch.no_grad():
            chosen = self._chosen(rows, norms)
        weights = self._weights_at(rows, b, chosen.indices, chosen.values, norms)
        weights = torch.where(chosen.values != 0, weights, 0.0)
        values = weights if norms is None else weights * _at(norms, chosen.indices)
        batch = sae_in.shape[:-1]
        indices, values, weights = (each.view(*batch, each.shape[-1]) for each in (chosen.indices, values, weights))
        return SparseActs(indices, values), SparseActs(indices, weights)

    def _chosen(self, rows: Float[Tensor, "n d_in"], norms: Float[Tensor, " d_sae"] | None) -> SparseActs:
        """The chosen features and their activations, without gradients."""
        if not self.chooses_per_token:
            return self.select(self._compared(rows, norms))
        blocks = [self.select(block) for block in products_by_blocks(rows, self.W_enc, self.b_enc, norms)]
        return SparseActs(*(torch.cat(each) if len(blocks) > 1 else each[0] for each in zip(*blocks, strict=True)))

    def _compared(
        self, rows: Float[Tensor, "*batch d_in"], norms: Float[Tensor, " d_sae"] | None
    ) -> Float[Tensor, "*batch d_sae"]:
        """Pre-activations in the unit in which they are compared."""
        hidden_pre = self.pre_activations(rows)
        return hidden_pre if norms is None else hidden_pre.mul_(norms)

    @torch.no_grad()
    def _hidden_pre(self, sae_in: Float[Tensor, "*batch d_in"]) -> Float[Tensor, "*batch d_sae"]:
        return self._compared(sae_in, decoder_norms(self.W_dec) if self.is_rescaled else None)

    def _weights_at(
        self,
        rows: Float[Tensor, "n d_in"],
        b: Float[Tensor, " d_sae"],
        indices: Int[Tensor, "n k"],
        compared: Float[Tensor, "n k"],
        norms: Float[Tensor, " d_sae"] | None,
    ) -> Float[Tensor, "n k"]:
        """`rows @ W_enc + b` at `indices` with its gradient; `compared` is the same times the norms."""
        values = compared.to(self.dtype)
        if norms is not None:
            values = values / _at(norms.detach().clamp_min(SMALLEST_NORM), indices)
        return selected_products(rows, self.W_enc, b, indices, values)

    def _decoded_rows(self, feature_acts: Tensor | SparseActs) -> Float[Tensor, "*batch d_out"]:
        return super()._decoded_rows(self._unscaled(feature_acts))

    def _unscaled(self, feature_acts: Tensor | SparseActs) -> Tensor | SparseActs:
        """Activations in the unit that multiplies the decoder rows as they are."""
        if not self.is_rescaled:
            return feature_acts
        norms = decoder_norms(self.W_dec).clamp_min(SMALLEST_NORM)
        if isinstance(feature_acts, SparseActs):
            return SparseActs(feature_acts.indices, feature_acts.values / _at(norms, feature_acts.indices))
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
        rows = rows_of(parts.sae_in)
        norms = decoder_norms(self.W_dec) if self.is_rescaled else None
        with torch.no_grad():
            # Once more, of the dead alone: the choice kept no more than it chose.
            hidden_pre = rows @ self.W_enc[:, dead] + self.b_enc[dead]
            hidden_pre = hidden_pre if norms is None else hidden_pre.mul_(norms[dead])
            best, ranks = self.peers.largest_per_token(self.rank(hidden_pre), min(k_aux, n_dead))
            compared = hidden_pre.gather(-1, best)
        indices = dead[best]
        weights = torch.where(ranks > -torch.inf, self._weights_at(rows, self.b_enc, indices, compared, norms), 0.0)
        error = self.peers.total(summed_rows(SparseActs(indices, weights), self.W_dec)).view(residual.shape)
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


def _at(norms: Float[Tensor, " d_sae"], indices: Int[Tensor, "*batch k"]) -> Float[Tensor, "*batch k"]:
    """`norms[indices]`, which takes four times as long on a CPU."""
    return norms.index_select(0, indices.flatten()).view(indices.shape)
