"""Matching pursuit: rows are chosen one after another, each the best match of what is left of the input.

    r_0 = x;  at step t:   i = argmax_j <r_t, rows_j>;   v_t = relu(<r_t, rows_i>);   r_{t+1} = r_t - v_t rows_i

The gradient goes through the chosen rows only. It is computed here rather than by autograd, which would keep a residual
and copies of the rows for every step: walking back, each residual follows from the next, r_t = r_{t+1} + v_t rows_i.

Source: Mallat and Zhang 1993; as an encoder, Costa et al. 2025, "From Flat to Hierarchical", in the form of SAELens 6.
"""

from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable


@dataclass(frozen=True)
class PursuitSettings:
    """When a token's pursuit ends; it also ends where no row matches."""

    n_steps: int
    """After so many steps."""

    smallest_residual: float = 0.0
    """When what is left is shorter than this; 0: never for this reason."""

    is_stopping_on_repeat: bool = True
    """When a row is chosen a second time (which still counts), or none matches."""


def pursue(
    x: Float[Tensor, "n d"],
    rows: Float[Tensor, "d_sae d"],
    settings: PursuitSettings,
    first_products: Float[Tensor, "n d_sae"] | None = None,
) -> tuple[Int[Tensor, "n k"], Float[Tensor, "n k"]]:
    """Which rows each token is made of, and how much of each; a row chosen twice is there once, with the sum.

    Args:
        x: What is taken apart.
        rows: What it is made of, of about unit length.
        settings: When to stop.
        first_products: What decides the first choice in the place of `x @ rows.T`.
    """
    values, indices, slots = _Pursue.apply(x, rows, settings, first_products)  # type: ignore[misc]
    return indices, torch.zeros_like(values).scatter_add_(1, slots, values)


class _Pursue(Function):
    @staticmethod
    def forward(
        ctx: Any, x: Tensor, rows: Tensor, settings: PursuitSettings, first_products: Tensor | None
    ) -> tuple[Tensor, Tensor, Tensor]:
        n, n_steps = len(x), settings.n_steps
        residual, alive = x.clone(), torch.arange(n, device=x.device)
        values = x.new_zeros(n, n_steps)
        indices = torch.zeros(n, n_steps, dtype=torch.long, device=x.device)
        slots = torch.arange(n_steps, device=x.device).repeat(n, 1)  # where each step's value is summed up
        step = 0
        while step < n_steps and len(alive):
            left = residual[alive]
            products = left @ rows.T if step or first_products is None else first_products
            index = products.argmax(-1)
            value = (left * rows[index]).sum(-1).relu()
            is_same = indices[alive, :step] == index[:, None]
            is_repeat = is_same.any(-1)
            left = left - value[:, None] * rows[index]
            residual[alive], values[alive, step], indices[alive, step] = left, value, index
            if step:
                slots[alive, step] = torch.where(is_repeat, is_same.int().argmax(-1), step)
            goes_on = torch.ones_like(is_repeat)
            if settings.is_stopping_on_repeat:
                goes_on &= (value != 0) & ~is_repeat
            if settings.smallest_residual > 0:
                goes_on &= torch.linalg.vector_norm(left, dim=-1) >= settings.smallest_residual
            alive, step = alive[goes_on], step + 1
        values, indices, slots = (each[:, :step].contiguous() for each in (values, indices, slots))
        ctx.save_for_backward(rows, values, indices, residual)
        ctx.mark_non_differentiable(indices, slots)
        return values, indices, slots

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor, *_: Any) -> tuple[Tensor | None, ...]:
        rows, values, indices, residual = ctx.saved_tensors
        d_residual, d_rows = torch.zeros_like(residual), torch.zeros_like(rows)
        for step in reversed(range(values.shape[1])):
            chosen, value = rows[indices[:, step]], values[:, step, None]
            residual = residual + value * chosen
            d_product = (grad[:, step, None] - (d_residual * chosen).sum(-1, keepdim=True)) * (value > 0)
            d_rows.index_add_(0, indices[:, step], d_product * residual - value * d_residual)
            d_residual = d_residual + d_product * chosen
        return d_residual, d_rows, None, None
