"""The best of a stream, by group: what a pass over text keeps of each feature without keeping the text."""

from collections.abc import Callable, Mapping

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

Entries = Mapping[str, Tensor]
"""Equally long tensors by name. Every entry has `score`, at least 0, and `key`, one for each text."""

N_WAITING = 1 << 16  # sorting so many at once costs less than a forward of a small model, and admits few in vain


class Best:
    """The `n_kept` entries of highest score in each group; those with one key count as one, with `n_times`.

    Args:
        n_groups: How many groups there are.
        n_kept: Entries kept in each.
        group_of: Each entry's group. May change as the pass goes on (bins grow), but only by joining groups.
    """

    def __init__(self, n_groups: int, n_kept: int, group_of: Callable[[Entries], Int[Tensor, " n"]]) -> None:
        self.n_kept, self._group_of = n_kept, group_of
        self.floor = torch.full((n_groups,), -torch.inf if n_kept else torch.inf, dtype=torch.float64)
        """What an entry's score has to reach to be kept, by group."""
        self._kept: dict[str, Tensor] = {}
        self._waiting: list[dict[str, Tensor]] = []
        self._n_waiting = 0

    def admits(self, group: Int[Tensor, " n"], score: Float[Tensor, " n"]) -> Bool[Tensor, " n"]:
        """Whether an entry could still be kept."""
        return score >= self.floor[group]  # not above it: one more of the same text is counted

    def add(self, entries: Entries) -> None:
        """Take in entries; `n_times` is 1 unless they say otherwise."""
        n = len(entries["score"])
        if n == 0:
            return
        self._waiting.append({"n_times": torch.ones(n, dtype=torch.int32), **entries})
        self._n_waiting += n
        n_kept = len(self._kept["score"]) if self._kept else 0
        if self._n_waiting >= max(N_WAITING, n_kept):
            self.settle()

    def settle(self) -> None:
        """Sort what came in, and let go of what is beaten."""
        if not self._waiting:
            return
        parts = [*([self._kept] if self._kept else []), *self._waiting]
        entries = {name: torch.cat([part[name] for part in parts]) for name in parts[0]}
        self._waiting, self._n_waiting = [], 0
        group, n_times = self._group_of(entries), entries["n_times"]
        order = _by_group_best_first(group, entries["score"])
        # Of those with one key in one group the first stays, and counts for all.
        same = mix(mix(group) + entries["key"])[order]
        runs = same.argsort(stable=True)
        is_first = torch.ones(len(order), dtype=torch.bool)
        is_first[1:] = same[runs[1:]] != same[runs[:-1]]
        run = is_first.cumsum(0) - 1
        stays = torch.zeros(len(order), dtype=torch.bool)
        stays[runs[is_first]] = True
        times = torch.zeros(len(order), dtype=torch.int32)
        times[runs[is_first]] = torch.zeros(int(is_first.sum()), dtype=torch.int32).index_add_(
            0, run, n_times[order[runs]]
        )
        order, times = order[stays], times[stays]
        n_in_group = torch.bincount(group[order], minlength=len(self.floor))
        rank = torch.arange(len(order)) - (n_in_group.cumsum(0) - n_in_group)[group[order]]
        last = order[rank == self.n_kept - 1]
        self.floor[group[last]] = entries["score"][last]
        chosen = rank < self.n_kept
        self._kept = {name: each[order[chosen]] for name, each in entries.items()} | {"n_times": times[chosen]}

    def merge(self, other: "Best") -> None:
        """Take in what another one kept."""
        if entries := other.entries():
            self.add(entries)

    def restore(self, entries: dict[str, Tensor], floor: Float[Tensor, " n_groups"]) -> None:
        """Have kept what another one had: its `entries` and `floor`."""
        self._kept, self.floor = entries, floor

    def entries(self) -> dict[str, Tensor]:
        """What is kept, by group, best first."""
        self.settle()
        return self._kept


def _by_group_best_first(group: Int[Tensor, " n"], score: Float[Tensor, " n"]) -> Int[Tensor, " n"]:
    """The order, in one sort: a positive float32's bits rise with it."""
    bits = score.float().view(torch.int32).long()
    return ((group << 32) - bits).argsort(stable=True)


def mix(z: Int[Tensor, " n"]) -> Int[Tensor, " n"]:
    """splitmix64 (Steele, Lea, Flood 2014); int64 wraps around as uint64 does."""
    z = z - 7046029254386353131
    z = (z ^ ((z >> 30) & 0x3FFFFFFFF)) * -4658895280553007687
    z = (z ^ ((z >> 27) & 0x1FFFFFFFFF)) * -7723592293110705685
    return z ^ ((z >> 31) & 0x1FFFFFFFF)
