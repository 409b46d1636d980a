"""The few entries of a large matrix that matter: where they are, token by token.

Where nothing fixes how many features a token has (ReLU and its kin), the numbers differ much from token to token, and
slots for all of them would be as many as the busiest has. So here they are counted off one by one.
"""

from typing import NamedTuple

import torch
from jaxtyping import Bool, Int
from torch import Tensor

MOST = 1 / 24
"""Share of a matrix's entries above which dense products are cheaper than sparse ones.

Measured at d_in 768, d_sae 12,288 on a CPU: an entry costs a sparse step 25 times what it costs a dense one.
"""


class Entries(NamedTuple):
    """Entries of a matrix `[n_tokens, n_features]`, in the order of tokens."""

    tokens: Int[Tensor, " m"]
    features: Int[Tensor, " m"]
    n_tokens: int
    n_features: int

    @property
    def flat(self) -> Int[Tensor, " m"]:
        """Where they are in the flattened matrix."""
        return self.tokens * self.n_features + self.features

    def repeated(self, times: int) -> "Entries":
        """The same entries of as many such matrices, one under the other."""
        tokens = torch.cat([self.tokens + i * self.n_tokens for i in range(times)])
        return Entries(tokens, self.features.repeat(times), times * self.n_tokens, self.n_features)


def few_entries(chosen: Bool[Tensor, "n d_sae"]) -> Entries | None:
    """Where `chosen` is true; None, where that is so often that dense products are cheaper."""
    n_tokens, n_features = chosen.shape
    if torch.compiler.is_compiling() or int(chosen.count_nonzero()) > MOST * chosen.numel():
        return None
    flat = places(chosen.flatten())
    tokens = flat // n_features if n_features else flat
    return Entries(tokens, flat - tokens * n_features, n_tokens, n_features)


def places(chosen: Bool[Tensor, " m"]) -> Int[Tensor, " n_true"]:
    """`chosen.nonzero()`; eight at a time, of which most have none, where that is possible: a third of the time."""
    if len(chosen) % 8:
        return chosen.nonzero().squeeze(-1)
    eights = chosen.view(torch.int64)
    some = eights.nonzero().squeeze(-1)
    which, place = eights[some].view(torch.bool).view(-1, 8).nonzero().unbind(-1)
    return some[which] * 8 + place
