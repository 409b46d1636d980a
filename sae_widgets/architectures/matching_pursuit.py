"""Matching pursuit SAE: features are chosen one after another, each the best match of what those before left over.

    r = sae_in;  repeat up to max_iterations times:
        i = argmax_j <r, W_dec_j>;   feature_acts_i += relu(<r, W_dec_i>);   r -= relu(<r, W_dec_i>) W_dec_i
    until a feature comes a second time (stop_on_duplicate_support), or ||r|| < residual_threshold
    x_hat = feature_acts @ W_dec + b_dec                 (b_dec only if apply_b_dec_to_input)

    mse_loss = mean ||x - x_hat||^2

The encoder is the decoder transposed; rows are taken as they are, of about unit length. Activations are sparse, and
training keeps nothing of size [n, d_sae] (`kernels.pursuit`).

There is no pre-activation that a feature follows from. `hook_sae_acts_pre` sees what the first choice is made by,
`sae_in @ W_dec.T`, and what a hook puts there decides that choice; activations always come from what is left over.

Source: Costa et al. 2025, "From Flat to Hierarchical: Extracting Sparse Representations with Matching Pursuit", as in
SAELens 6, whose hook_sae_acts_pre and hook_sae_acts_post see nothing here.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, NoReturn, final

import torch
from jaxtyping import Float
from torch import Tensor

from sae_widgets.kernels import PursuitSettings, pursue
from sae_widgets.normalize import Scale
from sae_widgets.sae.acts import SparseActs, TrainContext, TrainParts, is_any_hooked, rows_of, squared_error
from sae_widgets.sae.base import SAE
from sae_widgets.sae.config import ArchitectureName, Number, SAEConfig
from sae_widgets.sae.registry import register_sae_class


@dataclass
class MatchingPursuitSAEConfig(SAEConfig):
    """Settings of a matching pursuit SAE."""

    architecture: ClassVar[ArchitectureName] = ArchitectureName("matching_pursuit")

    residual_threshold: Number = 1e-2
    """Length of the rest at which a token is done, in the unit of the input, at least 0."""

    max_iterations: int | None = None
    """Features chosen per token at most; None means d_in."""

    stop_on_duplicate_support: bool = True
    """Whether a token is done when a feature comes a second time."""

    def __post_init__(self) -> None:
        if self.normalize_activations == "covariance_whitening":
            raise ValueError(
                "normalize_activations='covariance_whitening' is not for matching pursuit: whitening cannot be folded "
                "into an encoder that is the decoder transposed. Use 'expected_average_only_in' or 'none'."
            )
        super().__post_init__()
        if self.residual_threshold < 0:
            raise ValueError(f"residual_threshold is at least 0; got {self.residual_threshold}.")
        n = self.max_iterations
        if n is not None and (isinstance(n, bool) or not isinstance(n, int) or n < 1):
            raise ValueError(f"max_iterations is a positive whole number or None; got {n!r}.")


@dataclass(kw_only=True)
class MatchingPursuitTrainingSAEConfig(MatchingPursuitSAEConfig):
    """Settings of a matching pursuit SAE and of its training."""

    is_training: ClassVar[bool] = True

    decoder_init_norm: Number | None = 1.0
    """Length of the decoder rows at the start: always 1, since a longer row would take away more than it finds."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.decoder_init_norm != 1.0:
            raise ValueError(
                f"decoder_init_norm is 1 for matching pursuit; got {self.decoder_init_norm}. Leave it out."
            )


@final
@register_sae_class
class MatchingPursuitSAE(SAE):
    """See the module. It has no `W_enc` of its own and no `b_enc`."""

    has_sparse_acts: ClassVar[bool] = True
    config_class = MatchingPursuitSAEConfig
    training_config_class = MatchingPursuitTrainingSAEConfig

    @property
    def is_tied(self) -> bool:
        return True

    def pre_activations(self, sae_in: Float[Tensor, "*batch d_in"]) -> Float[Tensor, "*batch d_sae"]:
        """What the first feature is chosen by."""
        return sae_in @ self.W_enc

    def activate(self, hidden_pre: Float[Tensor, "*batch d_sae"]) -> NoReturn:
        raise NotImplementedError(
            "Matching pursuit chooses features by what earlier ones leave over of the input: encode(x) does it, no "
            "function of pre-activations alone."
        )

    def train_parts(self, x: Float[Tensor, "*batch d_in"]) -> TrainParts:
        sae_in, undo = self._prepare(x, hooked=False)
        acts = self._pursue(sae_in)
        no_pre = sae_in.new_zeros(()).expand(*sae_in.shape[:-1], self.d_sae)
        return TrainParts(sae_in, no_pre, acts, self._train_out(x, self._decode(acts), undo))

    def objective(
        self, parts: TrainParts, target: Float[Tensor, "*batch d_out"], ctx: TrainContext
    ) -> dict[str, Float[Tensor, ""]]:
        self._training_config()
        return {"mse_loss": squared_error(parts.sae_out, target)}

    def fold_W_dec_norm(self) -> NoReturn:  # noqa: N802  SAELens' name
        raise NotImplementedError(
            "Folding decoder norms would change which features matching pursuit chooses: its encoder is its decoder."
        )

    @torch.no_grad()
    def fold_activation_norm_scaling_factor(self, scaling_factor: Scale, output_factor: Scale | None = None) -> None:
        factors = [
            float(each) for each in (scaling_factor if isinstance(scaling_factor, Sequence) else [scaling_factor])
        ]
        if len(factors) != 1:
            raise ValueError(f"Matching pursuit reads one activation, so it has one scaling factor; got {factors}.")
        # The encoder is the decoder: what the one is multiplied with the other is divided by, so only lengths change.
        super().fold_activation_norm_scaling_factor(scaling_factor, output_factor)
        self.cfg.residual_threshold /= factors[0]

    def _check_whitening(self) -> NoReturn:
        raise NotImplementedError(
            "Whitening cannot be folded into matching pursuit: its encoder is its decoder transposed, and would no "
            "longer be."
        )

    def _features(self, sae_in: Float[Tensor, "*batch d_in"], *, hooked: bool) -> Tensor | SparseActs:
        first = None
        if hooked and self.hook_sae_acts_pre.is_hooked:
            first = self.hook_sae_acts_pre(self.pre_activations(sae_in))
        acts = self._pursue(sae_in, first)
        if not (hooked and is_any_hooked([self.hook_sae_acts_post])):
            return acts
        return self.hook_sae_acts_post(acts.to_dense(self.d_sae))

    def _pursue(self, sae_in: Float[Tensor, "*batch d_in"], first: Tensor | None = None) -> SparseActs:
        cfg = self.cfg
        settings = PursuitSettings(
            cfg.max_iterations or self.d_in, cfg.residual_threshold, bool(cfg.stop_on_duplicate_support)
        )
        found = pursue(rows_of(sae_in), self.W_dec, settings, None if first is None else rows_of(first))
        return SparseActs(*(each.view(*sae_in.shape[:-1], each.shape[-1]) for each in found))

    def _decode(self, feature_acts: Tensor | SparseActs) -> Float[Tensor, "*batch d_out"]:
        out = self._decoded_rows(feature_acts)
        return out + self.b_dec if self.cfg.apply_b_dec_to_input else out

    def _make_biases(self) -> None:
        """None: the encoder has no bias."""


MatchingPursuitTrainingSAE = MatchingPursuitSAE
