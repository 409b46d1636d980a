"""Crosscoder: one code for several activations, of several layers or of several models, read and written together.

    x            = x_1, ..., x_n side by side                       (n_sources; [*batch, n_sources, d] or flat)
    feature_acts = relu(sum_s (x_s - b_dec_s) @ W_enc_s + b_enc)
    x_hat_s      = feature_acts @ W_dec_s + b_dec_s

    mse_loss = mean sum_s ||x_s - x_hat_s||^2
    l1_loss  = l1 * mean sum_i feature_acts_i sum_s ||W_dec_{s,i}||      (means over tokens)
    pre_act_loss = coef * mean sum_{i dead} relu(-hidden_pre_i) sum_s ||W_dec_{s,i}||   (only where a weight is given)

To the maths the sources are one axis: d_in = n_sources * d, W_enc_s is a block of rows of W_enc, W_dec_s a block of
columns of W_dec. The sum of lengths, not the length of the whole row, lets a feature leave a source alone: its
relative lengths (`source_norms`) tell where it lives. With expected_average_only_in each source is scaled by a factor
of its own.

Source: Lindsey et al. 2024, "Sparse Crosscoders for Cross-Layer Features and Model Diffing". One departure, in the way
of the other architectures here: b_dec is taken from the input unless apply_b_dec_to_input is False.
"""

from dataclasses import dataclass
from typing import ClassVar, final

import torch
from jaxtyping import Float
from torch import Tensor

from sae_widgets.architectures.rectifying import RectifyingSAE
from sae_widgets.sae.config import ArchitectureName, Number, SAEConfig
from sae_widgets.sae.registry import register_sae_class


@dataclass
class CrosscoderSAEConfig(SAEConfig):
    """Settings of a crosscoder."""

    architecture: ClassVar[ArchitectureName] = ArchitectureName("crosscoder")

    n_sources: int = 2
    """Activations that are read and written together, from 1; `d_in` is that many times the width of one."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if isinstance(self.n_sources, bool) or not isinstance(self.n_sources, int) or self.n_sources < 1:
            raise ValueError(f"n_sources is a positive whole number; got {self.n_sources!r}.")
        if self.d_in % self.n_sources:
            raise ValueError(
                f"d_in={self.d_in} is not n_sources={self.n_sources} times a width: all sources have one width."
            )
        if self.is_normalized_per_row or self.normalize_activations == "covariance_whitening":
            raise ValueError(
                f"normalize_activations={self.normalize_activations!r} would mix the sources of a crosscoder; use "
                "'expected_average_only_in', which has a factor for each, or 'none'."
            )
        if self.reshape_activations != "none":
            raise ValueError("A crosscoder's sources are flat activations; leave reshape_activations out.")


@dataclass(kw_only=True)
class CrosscoderTrainingSAEConfig(CrosscoderSAEConfig):
    """Settings of a crosscoder and of its training."""

    is_training: ClassVar[bool] = True

    decoder_init_norm: Number | None = 0.1
    """Length of each source's decoder rows at the start; None leaves them as drawn."""

    l1_coefficient: Number = 1.0
    """Weight of the penalty, at least 0."""

    l1_warm_up_steps: int = 0
    """Optimiser steps over which the weight rises from 0."""

    pre_act_loss_coefficient: Number | None = None
    """Weight of the pre_act_loss, which pulls dead features up until they fire; None leaves it out. Anthropic: 3e-6."""


@final
@register_sae_class
class CrosscoderSAE(RectifyingSAE):
    """See the module."""

    config_class = CrosscoderSAEConfig
    training_config_class = CrosscoderTrainingSAEConfig

    @property
    def source_norms(self) -> Float[Tensor, "d_sae n_sources"]:
        """Length of each feature's decoder row in each source."""
        return torch.linalg.vector_norm(self.W_dec.unflatten(-1, (self.n_sources, -1)), dim=-1)

    def _penalty_norms(self) -> Float[Tensor, " d_sae"]:
        return self.source_norms.sum(-1)

    def _shaped(self, out: Tensor) -> Float[Tensor, "*batch n_sources d"]:
        return out.unflatten(-1, (self.n_sources, -1))

    def _with_norm(self, rows: Tensor, norm: float) -> Tensor:
        parts = rows.unflatten(-1, (self.n_sources, -1))
        return (parts / torch.linalg.vector_norm(parts, dim=-1, keepdim=True) * norm).flatten(-2)

    def _repr_settings(self) -> str:
        return f", n_sources={self.n_sources}"


CrosscoderTrainingSAE = CrosscoderSAE
