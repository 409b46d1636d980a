"""The kernels' maths, dense and by plain autograd: slow, obviously right, the yardstick of the tests."""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from sae_widgets.kernels.entries import Entries
from sae_widgets.kernels.pursuit import PursuitSettings


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


def decode_entries(
    entries: Entries, values: Float[Tensor, " m"], rows: Float[Tensor, "d_sae d_out"]
) -> Float[Tensor, "n d_out"]:
    """`dense @ rows`, where `dense` has the values at the entries."""
    dense = torch.zeros(entries.n_tokens, len(rows), dtype=values.dtype, device=values.device)
    return dense.index_put((entries.tokens, entries.features), values) @ rows


def entry_products(
    x: Float[Tensor, "n d_in"],
    W: Float[Tensor, "d_in d_sae"],
    b: Float[Tensor, " d_sae"] | None,
    entries: Entries,
    values: Float[Tensor, " m"],
) -> Float[Tensor, " m"]:
    """`(x @ W + b)` at the entries; `values` is ignored, since it is what this computes."""
    product = x @ W if b is None else x @ W + b
    return product[entries.tokens, entries.features]


def pursue(
    x: Float[Tensor, "n d"], rows: Float[Tensor, "d_sae d"], settings: PursuitSettings
) -> Float[Tensor, "n d_sae"]:
    """How much of each row every token is made of."""
    residual, acts = x, torch.zeros(len(x), len(rows), dtype=x.dtype, device=x.device)
    is_done = torch.zeros(len(x), dtype=torch.bool, device=x.device)
    for _ in range(settings.n_steps):
        chosen = torch.nn.functional.one_hot((residual @ rows.T).argmax(-1), len(rows)).to(x.dtype)
        values = (residual * (chosen @ rows)).sum(-1, keepdim=True).relu() * ~is_done[:, None]
        was_active, acts = acts != 0, acts + chosen * values
        residual = residual - values * (chosen @ rows)
        if settings.is_stopping_on_repeat:
            is_done = is_done | ((acts != 0) == was_active).all(-1)
        if settings.smallest_residual > 0:
            is_done = is_done | (torch.linalg.vector_norm(residual, dim=-1) < settings.smallest_residual)
    return acts
