"""The kernels' maths, dense and by plain autograd: slow, obviously right, the yardstick of the tests."""

import torch
from jaxtyping import Float, Int
from torch import Tensor


def decode_rows(
    indices: Int[Tensor, "n k"], values: Float[Tensor, "n k"], rows: Float[Tensor, "d_sae d_out"]
) -> Float[Tensor, "n d_out"]:
    """`dense @ rows`, where `dense[n, indices[n, k]] += values[n, k]`."""
    dense = torch.zeros(len(indices), len(rows), dtype=values.dtype, device=values.device)
    return dense.scatter_add(-1, indices, values) @ rows


def decode_groups(
    indices: Int[Tensor, "n k"],
    values: Float[Tensor, "n k"],
    rows: Float[Tensor, "d_sae d_out"],
    ends: Int[Tensor, " n_groups"],
) -> Float[Tensor, "n_groups n d_out"]:
    """`decode_rows` once for each group, with the other groups' values at zero."""
    starts = torch.cat([ends.new_zeros(1), ends[:-1]])
    of_group = [(indices >= start) & (indices < end) for start, end in zip(starts, ends, strict=True)]
    return torch.stack([decode_rows(indices, values * each, rows) for each in of_group])


def selected_products(
    x: Float[Tensor, "n d_in"],
    W: Float[Tensor, "d_in d_sae"],
    b: Float[Tensor, " d_sae"],
    indices: Int[Tensor, "n k"],
    values: Float[Tensor, "n k"],
) -> Float[Tensor, "n k"]:
    """`(x @ W + b)` at `indices`; `values` is ignored, since it is what this computes."""
    return (x @ W + b).gather(-1, indices)
