"""Chosen features in the order of features: what gradients along it have in common, worked out once.

The gradient of a decoder's rows, that of the activations and that of an encoder's rows go through the same slots. The
first that asks has them sorted; the others are given the same, as long as the tensor that names the features is there.
"""

from typing import Any, NamedTuple

import torch
from jaxtyping import Int
from torch import Tensor
from torch.utils.weak import TensorWeakRef, WeakIdKeyDictionary

from sae_widgets.kernels.devices import is_accelerated

_known = WeakIdKeyDictionary()
"""By the tensor that names the features: what of it was sorted, with which tokens, and the result."""


class Slots(NamedTuple):
    """Slots in the order of their features, so that what is a row for each feature is read once and from end to end."""

    features: Int[Tensor, " m"]
    """On a CPU in 32 bits, as are tokens and bounds: sorted in half the time, and what MKL reads."""
    tokens: Int[Tensor, " m"]
    order: Int[Tensor, " m"]
    """Where each was before."""
    bounds: Int[Tensor, " n_bounds"]
    """Where each feature's slots begin, and the last one's end."""


def slots_by_feature(features: Int[Tensor, "*slots"], tokens: Int[Tensor, " m"] | None, n_features: int) -> Slots:
    """The slots that name `features`, flattened and sorted.

    Args:
        features: Of each slot.
        tokens: Of each slot; None, where `features` has a row for each token.
        n_features: How many there are.
    """
    owner: Any = features if features._base is None else features._base
    part = (features._version, features.storage_offset(), features.numel(), features.shape[-1:], n_features)
    known = _known.get(owner)
    if known is not None and known[0] == part and (tokens is None if known[1] is None else known[1]() is tokens):
        return known[2]
    flat = features.flatten()
    flat = flat if is_accelerated(flat) else flat.to(torch.int32)
    ordered, order = flat.sort(stable=True)
    if tokens is None:
        of_slots = order // features.shape[-1] if len(order) else order
    else:
        of_slots = tokens.index_select(0, order)
    slots = Slots(ordered, of_slots.to(flat.dtype), order, bounds_of(ordered, n_features))
    # Not the tokens themselves, which may be a part of the same tensor and would keep it.
    _known[owner] = part, None if tokens is None else TensorWeakRef(tokens), slots
    return slots


def bounds_of(bag_of: Int[Tensor, " m"], n_bags: int) -> Int[Tensor, " n_bounds"]:
    """Where each bag begins, and the last ends, for slots in the order of their bags."""
    bags = torch.arange(n_bags + 1, device=bag_of.device, dtype=bag_of.dtype)
    return torch.searchsorted(bag_of, bags, out_int32=bag_of.dtype == torch.int32)
