"""Matryoshka BatchTopK SAE: BatchTopK whose first features alone must reconstruct, too. See also `batchtopk`.

    x_hat_w = sum_{i < w} feature_acts_i / ||W_dec_i|| * W_dec_i + b_dec      for each of matryoshka_widths

    mse_loss                      = mean ||x - x_hat||^2                      (the last width, d_sae)
    inner_mse_loss_{w}            = mean ||x - x_hat_w||^2                    (each width before the last)
    auxiliary_reconstruction_loss = that of `selecting`, or with use_matryoshka_aux_loss
                                    coef * sum_w min(n_dead_w / k_aux, 1) * mean ||e_hat_w - (x - x_hat_w)||^2
        where each width has its own new features: n_dead_w of them are dead, e_hat_w is made of these

One sparse product gives the new features' part for every width, and sums of these the reconstructions, so the widths
cost no further decode. Once trained it is a JumpReLU SAE.

Source: Bussmann et al. 2025, "Learning Multi-Level Features with Matryoshka Sparse Autoencoders", as in SAELens 6. One
departure: rows normalised one by one are undone for the inner reconstructions as well, where SAELens fails.
"""

from dataclasses import dataclass, field
from itertools import pairwise
from typing import ClassVar, final

import torch
from jaxtyping import Float
from torch import Tensor

from sae_widgets.architectures.batchtopk import BatchSelectingSAE, BatchTopKTrainingSAEConfig
from sae_widgets.kernels import decode_groups
from sae_widgets.normalize import Undo
from sae_widgets.sae.acts import SparseActs, TrainContext, TrainParts, rows_of, squared_error
from sae_widgets.sae.config import ArchitectureName
from sae_widgets.sae.registry import register_sae_class


@dataclass(kw_only=True)
class MatryoshkaBatchTopKTrainingSAEConfig(BatchTopKTrainingSAEConfig):
    """Settings of a matryoshka BatchTopK SAE and of its training; once trained it is a JumpReLU SAE."""

    architecture: ClassVar[ArchitectureName] = ArchitectureName("matryoshka_batchtopk")

    matryoshka_widths: list[int] = field(default_factory=list)
    """How many of the first features reconstruct by themselves, rising; `d_sae` is added where it is not the last."""

    use_matryoshka_aux_loss: bool = False
    """Whether dead features learn what their own width misses, or what the whole SAE misses."""

    def __post_init__(self) -> None:
        super().__post_init__()
        widths = list(self.matryoshka_widths)
        if not widths:
            raise ValueError(f"matryoshka_widths must not be empty; e.g. {[max(self.d_sae // 4, 1), self.d_sae]}.")
        for width in widths:
            if isinstance(width, bool) or not isinstance(width, int) or width < 1:
                raise ValueError(f"matryoshka_widths are positive whole numbers; got {width!r}.")
        if widths[-1] != self.d_sae:
            widths.append(self.d_sae)
        if any(wide <= narrow for narrow, wide in pairwise(widths)):
            raise ValueError(f"matryoshka_widths must be strictly increasing, up to d_sae={self.d_sae}; got {widths}.")
        self.matryoshka_widths = widths


@final
@register_sae_class
class MatryoshkaBatchTopKTrainingSAE(BatchSelectingSAE):
    """See the module."""

    training_config_class = MatryoshkaBatchTopKTrainingSAEConfig

    def _nested_outs(self, x: Tensor, weights: SparseActs, undo: Undo) -> list[Float[Tensor, "*batch d_out"]]:
        indices, values = weights
        # Each made where it is used: what is sent to an accelerator is waited for.
        ends = torch.stack([torch.full((), width, device=indices.device) for width in self.cfg.matryoshka_widths])
        parts = decode_groups(rows_of(indices), rows_of(values), self.W_dec, ends)  # n_widths n d_out
        outs, total = [], self.b_dec
        for part in parts.unbind(0):
            total = total + part.view(*indices.shape[:-1], part.shape[-1])
            outs.append(undo(total))
        return outs

    def _inner_losses(self, parts: TrainParts, target: Tensor) -> dict[str, Float[Tensor, ""]]:
        inner = zip(self.cfg.matryoshka_widths, parts.inner_outs, strict=False)
        return {f"inner_mse_loss_{width}": squared_error(out, target) for width, out in inner}

    def _auxiliary_loss(self, parts: TrainParts, target: Tensor, ctx: TrainContext) -> Float[Tensor, ""]:
        cfg = self._training_config()
        if not cfg.use_matryoshka_aux_loss or ctx.dead_mask is None or not cfg.aux_loss_coefficient:
            return super()._auxiliary_loss(parts, target, ctx)
        dead, start = ctx.dead_mask.nonzero().flatten(), 0
        total = parts.sae_out.new_zeros(())
        for width, out in zip(cfg.matryoshka_widths, (*parts.inner_outs, parts.sae_out), strict=True):
            total = total + self._revival(parts, target, out, dead[(dead >= start) & (dead < width)])
            start = width
        return cfg.aux_loss_coefficient * total

    def _repr_settings(self) -> str:
        return f"{super()._repr_settings()}, matryoshka_widths={self.cfg.matryoshka_widths}"
