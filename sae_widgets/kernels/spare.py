"""Memory of gradients, kept from one step for the next.

A matrix's gradient is large enough that the system hands out fresh pages for it each time, and filling those takes as
long as five gradients' worth of writing. What `recycle` takes from a weight, `memory_for` gives to the next gradient of
that weight; it is forgotten with the weight. On an accelerator torch itself keeps memory for what comes next.
On the way to the loss there is no gradient yet, and `lent` has that memory used for something else.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from jaxtyping import Float
from torch import Tensor
from torch.utils.weak import WeakIdKeyDictionary

from sae_widgets.kernels.devices import is_accelerated

_spare = WeakIdKeyDictionary()


def recycle(weight: Tensor) -> None:
    """Takes the gradient from `weight`; nobody may read it from now on."""
    if weight.grad is not None:
        if not is_accelerated(weight):
            # One row a feature, as it is written: W_enc lies in memory as its transpose.
            _spare[weight] = weight.grad if weight.grad.is_contiguous() else weight.grad.T
        weight.grad = None


def memory_for(rows: Float[Tensor, "d_sae d"]) -> Float[Tensor, "d_sae d"]:
    """Memory of the size and type of `rows`, one row after the other, with anything in it.

    Args:
        rows: A weight, or one transposed.
    """
    weight = rows._base if rows._base is not None else rows
    kept = _spare.pop(weight, None)
    if kept is not None and kept.shape == rows.shape and kept.dtype == rows.dtype and kept.is_contiguous():
        return kept
    return torch.empty_like(rows, memory_format=torch.contiguous_format)


@contextmanager
def lent(weight: Tensor, shape: tuple[int, int], dtype: torch.dtype) -> Iterator[Tensor]:
    """Memory of this shape and type, with anything in it: that of the next gradient of `weight`, if there is any."""
    n = shape[0] * shape[1]
    kept = _spare.pop(weight, None)  # nobody else may have it meanwhile
    try:
        if kept is not None and kept.dtype == dtype and kept.device == weight.device and kept.numel() >= n:
            yield kept.view(-1)[:n].view(shape)
        else:
            yield weight.new_empty(shape, dtype=dtype)
    finally:
        if kept is not None:
            _spare[weight] = kept
