"""Sparse products with exact gradients: the only doors through which an SAE uses k active features of d_sae.

    decode_rows(indices, values, rows)[n]            = sum_k values[n, k] * rows[indices[n, k]]
    decode_groups(indices, values, rows, ends)[g, n] = the same over those k whose index is in group g
    selected_products(x, W, b, indices, values)      = values, known to be (x @ W + b) at `indices`, with their gradient
    few_entries(chosen)                              = where `chosen` is true, or None: so often that dense is cheaper
    decode_entries, entry_products                   = the first and the third for such entries, token by token
    largest_per_row(values, k)                       = where the k largest of each row are, and what they are
    largest_of_blocks(blocks, n, n_all)              = where the n largest of all are, and what they are; or None
    squared_error(x_hat, x)                          = mean over tokens of ||x_hat - x||^2
    products_by_blocks(x, W, b, scale)               = (x @ W + b) * scale, a few rows at a time in the same memory
    pursue(x, rows, settings)                        = indices, values of matching pursuit; see `pursuit`

Nothing of size `[n, d_sae]` is kept for the backward pass or made by it; a pursuit's steps, each a choice among all
features, make one and drop it. `reference` holds the same maths, dense and by plain autograd; the tests hold the two
together in float64. `use("triton")` has Triton's kernels compute for CUDA tensors; `paths` decides.

Where the number of active features is not fixed (ReLU and its kin), `few_entries` alone decides between sparse and
dense, for each batch by its own density. Both are exact and nothing is committed before the count, so there is no
state of an earlier batch to decide by, and a resumed run takes the path that it took.

Source: Gao et al. 2024, "Scaling and evaluating sparse autoencoders", appendix D; the embedding-bag route is the
one of EleutherAI's sparsify.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from sae_widgets.kernels.blocks import products_by_blocks
from sae_widgets.kernels.entries import Entries, few_entries
from sae_widgets.kernels.largest import largest_of_blocks
from sae_widgets.kernels.paths import path_for, use
from sae_widgets.kernels.pursuit import PursuitSettings, pursue
from sae_widgets.kernels.spare import recycle

__all__ = [
    "Entries",
    "PursuitSettings",
    "decode_entries",
    "decode_groups",
    "decode_rows",
    "entry_products",
    "few_entries",
    "largest_of_blocks",
    "largest_per_row",
    "products_by_blocks",
    "pursue",
    "recycle",
    "selected_products",
    "squared_error",
    "use",
]


def decode_rows(
    indices: Int[Tensor, "n k"], values: Float[Tensor, "n k"], rows: Float[Tensor, "d_sae d_out"]
) -> Float[Tensor, "n d_out"]:
    """The sum of the rows that each token names, weighted by its values; differentiable in `values` and `rows`.

    out[n] = sum_k values[n, k] * rows[indices[n, k]]
    """
    return path_for(rows).decode_rows(indices, values, rows)


def decode_groups(
    indices: Int[Tensor, "n k"],
    values: Float[Tensor, "n k"],
    rows: Float[Tensor, "d_sae d_out"],
    ends: Int[Tensor, " n_groups"],
) -> Float[Tensor, "n_groups n d_out"]:
    """`decode_rows` apart for each group of rows: group g are those from `ends[g - 1]` (or 0) to before `ends[g]`.

    All groups together cost what one `decode_rows` costs.

    Args:
        indices: Which rows each token names.
        values: Their weights.
        rows: What is summed.
        ends: Rising, the last one `d_sae`.
    """
    # The groups of a token are as many tokens: a decoding of entries, sorted by these.
    n, n_groups = len(indices), len(ends)
    group = torch.bucketize(indices, ends, right=True)
    token, order = (group * n + torch.arange(n, device=indices.device)[:, None]).flatten().sort(stable=True)
    entries = Entries(token, indices.flatten()[order], n_groups * n, len(rows))
    return decode_entries(entries, values.flatten()[order], rows).view(n_groups, n, rows.shape[1])


def selected_products(
    x: Float[Tensor, "n d_in"],
    W: Float[Tensor, "d_in d_sae"],
    b: Float[Tensor, " d_sae"],
    indices: Int[Tensor, "n k"],
    values: Float[Tensor, "n k"],
) -> Float[Tensor, "n k"]:
    """`values` unchanged, carrying the gradient of `(x @ W + b).gather(-1, indices)` to `x`, `W` and `b`.

    The caller has the dense product already, made without autograd to choose `indices` from; this hands back the
    gradient of the chosen entries alone.
    """
    return path_for(W).selected_products(x, W, b, indices, values)


def decode_entries(
    entries: Entries, values: Float[Tensor, " m"], rows: Float[Tensor, "d_sae d_out"]
) -> Float[Tensor, "n d_out"]:
    """`decode_rows` of entries.

    out[n] = sum over the entries of token n of values * rows[feature]
    """
    return path_for(rows).decode_entries(entries, values, rows)


def entry_products(
    x: Float[Tensor, "n d_in"],
    W: Float[Tensor, "d_in d_sae"],
    b: Float[Tensor, " d_sae"] | None,
    entries: Entries,
    values: Float[Tensor, " m"],
) -> Float[Tensor, " m"]:
    """`selected_products` of entries: `values`, known to be `(x @ W + b)` there, with their gradient."""
    return path_for(W).entry_products(x, W, b, entries, values)


def largest_per_row(values: Float[Tensor, "n m"], k: int) -> tuple[Int[Tensor, "n k"], Float[Tensor, "n k"]]:
    """Where the `k` largest of each row are, and what they are, in no promised order; NaN is the largest of all."""
    return path_for(values).largest_per_row(values, k)


def squared_error(x_hat: Float[Tensor, "*batch d"], x: Float[Tensor, "*batch d"]) -> Float[Tensor, ""]:
    """Squared error, summed over the last axis and averaged over tokens; differentiable in both.

    mean_n sum_d (x_hat - x)^2
    """
    return path_for(x_hat).squared_error(x_hat, x)
