"""The kernels in Triton, for CUDA: the functions of `bags` and the choice of the k largest, with the same maths.

    decode, gradient of the encoder's input    a program per token adds the rows that the token names
    gradient of a matrix's rows                entries sorted by feature; a program per feature adds tokens, several
                                               per hot feature, whose sums are added after: no atomics, so the same
                                               numbers give the same gradient
    gradient of the activations                products of named rows alone
    the k largest                              maxima of groups in one pass, then the members of the k best groups

Under autocast matrices are gathered in its type (half the bytes) and gradients come out in the weights' own, float32;
sums are in float32 throughout. Nothing here waits for the device.

The encoder's product itself is left to cuBLAS, a block of tokens at a time into memory that is used again: written and
read once in bfloat16, `[n, d_sae]` costs about a tenth of the product's time, and a product of our own that kept it in
registers would have to come closer than that to cuBLAS to gain anything.

Source: Gao et al. 2024, "Scaling and evaluating sparse autoencoders", appendix D, whose gradient of rows adds
atomically.
"""

from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from sae_widgets.kernels import triton_launches as launches
from sae_widgets.kernels.devices import multiplied_as
from sae_widgets.kernels.entries import Entries
from sae_widgets.kernels.spare import memory_for


def decode_rows(
    indices: Int[Tensor, "n k"], values: Float[Tensor, "n k"], rows: Float[Tensor, "d_sae d_out"]
) -> Float[Tensor, "n d_out"]:
    """See `kernels.decode_rows`."""
    return _Sums.apply(indices, values.to(rows.dtype), _tokens_of(indices), rows, len(indices))  # type: ignore[return-value]


def decode_entries(
    entries: Entries, values: Float[Tensor, " m"], rows: Float[Tensor, "d_sae d_out"]
) -> Float[Tensor, "n d_out"]:
    """See `kernels.decode_entries`."""
    args = entries.features, values.to(rows.dtype), entries.tokens, rows, entries.n_tokens
    return _Sums.apply(*args)  # type: ignore[return-value]


def entry_products(
    x: Float[Tensor, "n d_in"],
    W: Float[Tensor, "d_in d_sae"],
    b: Float[Tensor, " d_sae"] | None,
    entries: Entries,
    values: Float[Tensor, " m"],
) -> Float[Tensor, " m"]:
    """See `kernels.entry_products`."""
    return _Products.apply(x, W, b, entries.features, entries.tokens, values)  # type: ignore[return-value]


def selected_products(
    x: Float[Tensor, "n d_in"],
    W: Float[Tensor, "d_in d_sae"],
    b: Float[Tensor, " d_sae"],
    indices: Int[Tensor, "n k"],
    values: Float[Tensor, "n k"],
) -> Float[Tensor, "n k"]:
    """See `kernels.selected_products`."""
    return _Products.apply(x, W, b, indices, _tokens_of(indices), values)  # type: ignore[return-value]


def largest_per_row(values: Float[Tensor, "n m"], k: int) -> tuple[Int[Tensor, "n k"], Float[Tensor, "n k"]]:
    """See `kernels.largest_per_row`."""
    found = launches.largest(values, k)
    if found is None:
        largest = values.topk(k, dim=-1, sorted=False)
        return largest.indices, largest.values
    return found


def squared_error(x_hat: Float[Tensor, "*batch d"], x: Float[Tensor, "*batch d"]) -> Float[Tensor, ""]:
    """See `kernels.squared_error`."""
    return _SquaredError.apply(x_hat, x)  # type: ignore[return-value]


class _Sums(Function):
    """Rows summed into bags: `indices` and `values` are [n, k], a bag for each row, or lie in the order of `bag_of`."""

    @staticmethod
    def forward(ctx: Any, indices: Tensor, values: Tensor, bag_of: Tensor, rows: Tensor, n_bags: int) -> Tensor:
        gathered = _gathered(rows)
        ctx.save_for_backward(indices, values, bag_of, rows, gathered)
        return _sums(indices, values, bag_of, gathered, rows.new_empty(n_bags, rows.shape[1]))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        indices, values, bag_of, rows, gathered = ctx.saved_tensors
        grad = grad.to(gathered.dtype).contiguous()
        d_values = d_rows = None
        if ctx.needs_input_grad[1]:
            d_values = torch.empty_like(values, memory_format=torch.contiguous_format)
            launches.products(bag_of, indices.flatten(), grad, gathered, d_values.view(-1))
        if ctx.needs_input_grad[3]:
            d_rows, _ = _sums_by_feature(indices, values, bag_of, grad, rows, with_totals=False)
        return None, d_values, None, d_rows, None


class _Products(Function):
    """Hands `values` on, known to be `x @ W + b` at `indices` of the tokens, with their gradient."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, W: Tensor, b: Tensor | None, indices: Tensor, tokens: Tensor, values: Tensor
    ) -> Tensor:
        ctx.gathered_as = multiplied_as(x)
        ctx.save_for_backward(x, W, indices, tokens)
        return values.clone()  # autograd refuses an input handed back as it is

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        x, W, indices, tokens = ctx.saved_tensors
        d_x = d_W = d_b = None
        if ctx.needs_input_grad[0]:
            d_x = _sums(indices, grad, tokens, W.T.to(ctx.gathered_as).contiguous(), torch.empty_like(x))
        if ctx.needs_input_grad[1]:
            is_b = ctx.needs_input_grad[2]
            source = x.to(ctx.gathered_as).contiguous()
            d_W, d_b = _sums_by_feature(indices, grad, tokens, source, W.T, with_totals=is_b)
            d_W = d_W.T
        elif ctx.needs_input_grad[2]:
            d_b = grad.new_zeros(W.shape[1]).index_add_(0, indices.flatten(), grad.flatten())
        return d_x, d_W, d_b, None, None, None


class _SquaredError(Function):
    @staticmethod
    def forward(ctx: Any, x_hat: Tensor, x: Tensor) -> Tensor:
        d = x.shape[-1]
        x_hat, x = (each.reshape(-1, d).contiguous() for each in torch.broadcast_tensors(x_hat, x))
        ctx.save_for_backward(x_hat, x)
        # The mean of none is NaN, as everywhere.
        return launches.squared_distances(x_hat, x).mean()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        x_hat, x = ctx.saved_tensors
        d_x_hat = launches.scaled_differences(x_hat, x, grad * (2 / max(len(x), 1)))
        return d_x_hat, (-d_x_hat).to(x.dtype) if ctx.needs_input_grad[1] else None


def _sums(indices: Tensor, values: Tensor, bag_of: Tensor, rows: Tensor, out: Tensor) -> Tensor:
    """Into `out`, which is given back."""
    values = values.contiguous()
    if indices.ndim == 2:
        launches.sums_of_fixed(indices.contiguous(), values, rows, out)
    elif len(out):
        launches.sums_of_segments(launches.segments_of(bag_of, len(out)), indices.contiguous(), values, rows, out)
    return out


def _sums_by_feature(
    indices: Tensor, values: Tensor, tokens: Tensor, source: Tensor, rows: Tensor, *, with_totals: bool
) -> tuple[Tensor, Tensor | None]:
    """`out[i] = sum over slots of feature i of value * source[token]`, the gradient of `rows`; and the sums of values.

    Unused slots all name feature 0 with value 0. They are sorted with the others and cost little: what they name is
    not read, and many programs share a feature that has many slots.
    """
    features, order = indices.flatten().to(torch.int32).sort(stable=True)
    out = memory_for(rows)
    totals = values.new_empty(len(rows)) if with_totals else None
    segments = launches.segments_of(features, len(rows))
    launches.sums_of_segments(segments, tokens[order], values.flatten()[order], source, out, totals)
    return out, totals


def _gathered(rows: Tensor) -> Tensor:
    """As the programs read them."""
    return rows.detach().to(multiplied_as(rows)).contiguous()


def _tokens_of(indices: Int[Tensor, "n k"]) -> Int[Tensor, " m"]:
    """Of each slot."""
    n, k = indices.shape
    return torch.arange(n, device=indices.device)[:, None].expand(n, k).reshape(-1).contiguous()
