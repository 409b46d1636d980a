"""Pre-activations a few rows at a time, all in one piece of memory: nothing of size `[n, d_sae]` is there.

Memory of that size is fresh from the system at each step, and filling its pages takes a tenth of the product's time;
16 MiB stay in the processor's cache while features are chosen from them.

Measured at d_in 768, d_sae 12288, 2048 tokens on a CPU, with the choice of k 32: 1.06 encoder products for 1.16.
"""

from collections.abc import Iterator

import torch
from jaxtyping import Float
from torch import Tensor

_BLOCK, _LEAST_ROWS = 2**22, 128
"""Numbers that are made at once, and the fewest rows."""


def products_by_blocks(
    x: Float[Tensor, "n d_in"],
    W: Float[Tensor, "d_in d_sae"],
    b: Float[Tensor, " d_sae"],
    scale: Float[Tensor, " d_sae"] | None,
) -> Iterator[Float[Tensor, "some d_sae"]]:
    """`(x @ W + b) * scale`, some rows after the other, without gradients; each overwrites the one before."""
    n_rows = max(_LEAST_ROWS, _BLOCK // max(W.shape[1], 1))
    if torch.is_autocast_enabled(x.device.type):
        x, W = (each.to(torch.get_autocast_dtype(x.device.type)) for each in (x, W))
    memory = x.new_empty(min(n_rows, len(x)), W.shape[1])
    shift = b if scale is None else b * scale
    for rows in x.split(n_rows):
        product = torch.mm(rows, W, out=memory[: len(rows)])
        if scale is None:
            yield product.add_(b)
        elif product.dtype.itemsize < 4:  # rounded three times, as in SAELens: in bfloat16 other features would win
            yield product.add_(b).mul_(scale)
        else:
            yield torch.addcmul(shift, product, scale, out=product)
