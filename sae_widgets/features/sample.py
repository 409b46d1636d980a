"""Rows drawn at random with all that fires in them: what comparing features with each other needs.

Every pair of features would be d_sae^2 numbers; on a sample of tokens each question is a few milliseconds instead.
"""

import bisect
import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

if TYPE_CHECKING:
    from sae_widgets.features.firing import Firing
    from sae_widgets.features.gathering import Rows

N_SAMPLE_TOKENS = 32_768
N_SAMPLE_ACTS = 2**22  # 40 MiB; an SAE with more than 128 active features a token gets fewer tokens
Z_95 = 1.959964


class Correlated(NamedTuple):
    """A feature that fires with another."""

    feature: int
    pearson: float
    """Correlation of the two activations over the sampled tokens, silent ones counted as 0."""
    low: float
    high: float
    """95 % interval of `pearson` (Fisher's z; tokens taken as independent)."""
    cosine: float
    """Of the two activations, as vectors over tokens."""
    n_both: int
    """Sampled tokens where both fire."""


class SampleRow(NamedTuple):
    """A row that was drawn, with what fires in it."""

    lot: float
    number: int
    tokens: Tensor
    position: Tensor
    feature: Tensor
    value: Tensor


class SampleRows:
    """Rows of the smallest lots, as many as fit; a lot depends on a row's number alone."""

    def __init__(self, n_tokens: int = N_SAMPLE_TOKENS, n_acts: int = N_SAMPLE_ACTS) -> None:
        self.limits = (n_tokens, n_acts)
        self.rows: list[SampleRow] = []
        """By lot."""
        self._n_tokens = self._n_acts = 0
        self.below = math.inf
        """Lots from here on are not kept any more."""

    def add(self, rows: "Rows", fires: "Firing", counts: Tensor) -> None:
        """Draw from a batch."""
        from sae_widgets.features.gathering import as_uniform, mixed

        lots = as_uniform(mixed(rows.numbers))
        drawn = (lots < self.below).nonzero()[:, 0]
        if len(drawn) == 0:
            return
        at = torch.isin(fires.row, drawn).nonzero()[:, 0]
        at = at[fires.token[at].argsort(stable=True)]  # by token, then feature
        row, position, feature, value = fires.row[at], fires.position[at], fires.feature[at], fires.value[at]
        starts, ends = (torch.searchsorted(row, drawn + i).tolist() for i in (0, 1))
        for i, start, end in zip(drawn.tolist(), starts, ends, strict=True):
            lot, number = float(lots[i]), int(rows.numbers[i])
            if lot >= self.below:
                continue
            # Where a position does not count nothing fires, and the token is marked.
            tokens = torch.where(counts[i], rows.tokens[i], -1).int()
            own = slice(start, end)
            self._insert(
                SampleRow(lot, number, tokens, position[own].int(), feature[own].int(), value[own].float().clone())
            )

    def restore(self, rows: list[SampleRow], below: float) -> None:
        """Have drawn what another one had."""
        self.below = below
        for row in rows:
            self._insert(row)

    def merge(self, other: "SampleRows") -> None:
        self.below = min(self.below, other.below)
        for row in other.rows:
            if row.lot < self.below:
                self._insert(row)
        while self.rows and self.rows[-1].lot >= self.below:
            self._drop()

    def _insert(self, row: SampleRow) -> None:
        bisect.insort(self.rows, row, key=lambda each: each.lot)
        self._n_tokens += int((row.tokens >= 0).sum())
        self._n_acts += len(row.value)
        while len(self.rows) > 1 and (self._n_tokens > self.limits[0] or self._n_acts > self.limits[1]):
            self.below = self._drop().lot

    def _drop(self) -> SampleRow:
        row = self.rows.pop()
        self._n_tokens -= int((row.tokens >= 0).sum())
        self._n_acts -= len(row.value)
        return row

    def sample(self, d_sae: int) -> "TokenSample":
        """What is kept, by number of the row, tokens that do not count left out."""
        tokens, row, ptr, feature, value = [], [], [torch.zeros(1, dtype=torch.long)], [], []
        n_acts = 0
        for each in sorted(self.rows, key=lambda each: each.number):
            counts = each.tokens >= 0
            tokens.append(each.tokens[counts])
            row.append(torch.full((int(counts.sum()),), each.number))
            n_firing = torch.bincount(each.position, minlength=len(counts))[counts]
            ptr.append(n_firing.cumsum(0) + n_acts)
            n_acts += len(each.value)
            feature.append(each.feature)
            value.append(each.value)
        empty = torch.zeros(0, dtype=torch.int32)
        return TokenSample(
            d_sae,
            torch.cat(tokens) if tokens else empty,
            torch.cat(row) if row else empty.long(),
            torch.cat(ptr),
            torch.cat(feature) if feature else empty,
            torch.cat(value) if value else empty.float(),
        )


@dataclass
class TokenSample:
    """Tokens drawn at random, row by row, and every feature that fires on them."""

    d_sae: int

    tokens: Int[Tensor, " n"]
    """Ids."""

    row: Int[Tensor, " n"]
    """Number of the row each is in."""

    starts: Int[Tensor, " n_plus_1"]
    """Where a token's activations begin in `feature` and `value`, and the last one's end."""

    feature: Int[Tensor, " n_acts"]
    value: Float[Tensor, " n_acts"]

    def __len__(self) -> int:
        return len(self.tokens)

    @cached_property
    def _by_feature(self) -> tuple[Tensor, Tensor, Tensor]:
        """Starts, tokens and values, by feature."""
        token = torch.repeat_interleave(torch.arange(len(self)), self.starts.diff())
        order = self.feature.argsort(stable=True)
        counts = torch.bincount(self.feature, minlength=self.d_sae)
        return torch.cat([counts.new_zeros(1), counts.cumsum(0)]), token[order], self.value[order]

    @cached_property
    def _moments(self) -> tuple[Tensor, Tensor]:
        """Sum and sum of squares of each feature's activations."""
        sums = torch.zeros(2, self.d_sae, dtype=torch.float64)
        sums[0].index_add_(0, self.feature.long(), self.value.double())
        sums[1].index_add_(0, self.feature.long(), self.value.double().pow(2))
        return sums[0], sums[1]

    def firing(self, feature: int) -> tuple[Int[Tensor, " n_firing"], Float[Tensor, " n_firing"]]:
        """The sampled tokens on which a feature fires (places in `tokens`), and its activations there."""
        starts, token, value = self._by_feature
        part = slice(int(starts[feature]), int(starts[feature + 1]))
        return token[part], value[part]

    def correlated(self, feature: int, n: int = 10) -> list[Correlated]:
        """The `n` features that fire most with `feature`, by Pearson's correlation.

        (E[f g] - E[f] E[g]) / (sd f * sd g)        over the sampled tokens, silent ones counted as 0
        """
        at, value = self.firing(feature)
        if len(at) == 0:
            return []
        n_each = self.starts[at + 1] - self.starts[at]
        inside = torch.arange(int(n_each.sum())) - torch.repeat_interleave(n_each.cumsum(0) - n_each, n_each)
        where = torch.repeat_interleave(self.starts[at], n_each) + inside
        other = self.feature[where].long()
        products = torch.zeros(self.d_sae, dtype=torch.float64)
        products.index_add_(0, other, (self.value[where] * torch.repeat_interleave(value, n_each)).double())
        n_both = torch.bincount(other, minlength=self.d_sae)
        total, squares = self._moments
        size = len(self)
        spread = (squares / size - (total / size).pow(2)).clamp_min(0).sqrt()
        pearson = (products / size - total / size * total[feature] / size) / (spread * spread[feature])
        pearson = torch.where((spread > 0) & (n_both > 0), pearson, -torch.inf)
        pearson[feature] = -torch.inf
        best = pearson.topk(min(n, self.d_sae))
        found = []
        for value_of, index in zip(best.values.tolist(), best.indices.tolist(), strict=True):
            if value_of == -math.inf:
                break
            low, high = _fisher(value_of, size)
            cosine = float(products[index] / (squares[index] * squares[feature]).sqrt())
            found.append(Correlated(index, value_of, low, high, cosine, int(n_both[index])))
        return found

    def best_tokens(self, feature: int, n: int = 10, at_least: int = 2) -> list[tuple[int, float, int, int]]:
        """Ids of the tokens that excite a feature most: (id, mean activation, times it fires, times in the sample).

        The mean is over all times, silent ones included. Tokens that come less than `at_least` times are left out.
        """
        at, value = self.firing(feature)
        ids = self.tokens.long()
        n_all = torch.bincount(ids)
        total = torch.zeros(len(n_all), dtype=torch.float64).index_add_(0, ids[at], value.double())
        n_firing = torch.bincount(ids[at], minlength=len(n_all))
        mean = torch.where((n_firing > 0) & (n_all >= at_least), total / n_all.clamp_min(1), -torch.inf)
        best = mean.topk(min(n, len(mean)))
        return [
            (token, value_of, int(n_firing[token]), int(n_all[token]))
            for token, value_of in zip(best.indices.tolist(), best.values.tolist(), strict=True)
            if value_of > -math.inf
        ]


def _fisher(r: float, n: int) -> tuple[float, float]:
    if n <= 3 or abs(r) >= 1:
        return (-1.0, 1.0) if n <= 3 else (r, r)
    z, half = math.atanh(r), Z_95 / math.sqrt(n - 3)
    return math.tanh(z - half), math.tanh(z + half)
