"""Pieces of text on which features fire: many in a few tensors, made into objects when looked at."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor


@dataclass(frozen=True)
class FeatureContext:
    """A piece of text on which a feature fires."""

    tokens: list[int]
    """Token ids; fewer than the window's where the text begins or ends."""

    acts: list[float]
    """The feature's activation at each."""

    position: int
    """Where in `tokens` it is: the largest in the row, or the one drawn."""

    row: int | None = None
    """Number of the row of tokens; None where it is not known."""

    start: int = 0
    """Where in its row the piece begins."""

    document: int | None = None
    """Number of the text."""

    n_times: int = 1
    """Rows in which the same piece came among the strongest."""

    @property
    def max_act(self) -> float:
        """The activation at `position`."""
        return self.acts[self.position]


class ContextGroup(NamedTuple):
    """Contexts whose activation lies in an interval."""

    low: float
    high: float
    share: float
    """Of the tokens on which the feature fires; 0 to 1."""
    contexts: list[FeatureContext]


@dataclass
class RowTable:
    """Rows of tokens end to end, by number."""

    numbers: Int[Tensor, " n_rows"]
    """Rising."""
    tokens: Tensor
    """Ids, two or four bytes each."""
    ends: Int[Tensor, " n_rows"]
    """Where in `tokens` each row ends."""
    documents: Int[Tensor, " n_rows"]
    starts: Int[Tensor, " n_rows"]
    """Where in its text a row begins, in tokens."""

    @classmethod
    def of(cls, rows: Mapping[int, tuple[Tensor, int, int]]) -> "RowTable":
        numbers = sorted(rows)
        parts = [rows[number][0] for number in numbers]
        # What two bytes hold and what needs four do not go together.
        if len({part.dtype for part in parts}) > 1:
            parts = [part.int() for part in parts]
        ends = torch.tensor([len(part) for part in parts], dtype=torch.long).cumsum(0)
        tokens = torch.cat(parts) if parts else torch.zeros(0, dtype=torch.uint16)
        origin = [torch.tensor([rows[number][i] for number in numbers], dtype=torch.long) for i in (1, 2)]
        return cls(torch.tensor(numbers, dtype=torch.long), tokens, ends, *origin)

    def __len__(self) -> int:
        return len(self.numbers)

    def index_of(self, number: int) -> int:
        """Where a row is.

        Raises:
            KeyError: If it is not there.
        """
        index = int(torch.searchsorted(self.numbers, number))
        if index == len(self) or int(self.numbers[index]) != number:
            raise KeyError(number)
        return index

    def row(self, number: int) -> list[int]:
        """A row's token ids."""
        return self.at(self.index_of(number))

    def at(self, index: int) -> list[int]:
        """The token ids of the row that is at `index`."""
        start = int(self.ends[index - 1]) if index else 0
        return self.tokens[start : int(self.ends[index])].tolist()

    def only(self, numbers: Int[Tensor, " n"]) -> "RowTable":
        """The rows of these numbers."""
        lengths = self.ends.diff(prepend=self.ends.new_zeros(1))
        kept = torch.isin(self.numbers, numbers)
        tokens = self.tokens[torch.repeat_interleave(kept, lengths)]
        return RowTable(self.numbers[kept], tokens, lengths[kept].cumsum(0), self.documents[kept], self.starts[kept])


@dataclass(eq=False)
class ContextTable(Mapping[int, list[FeatureContext]]):
    """Contexts by feature, in the order they were given; a mapping that makes them when asked."""

    rows: RowTable
    feature: Int[Tensor, " n"]
    """Rising."""
    row: Int[Tensor, " n"]
    """Number of the row."""
    position: Int[Tensor, " n"]
    """In the row."""
    acts: Float[Tensor, "n window"]
    """From `before` tokens before the position on; 0 beyond the ends of the row."""
    before: int
    n_times: Int[Tensor, " n"]
    lot: Float[Tensor, " n"]
    """What a random context was drawn by, in [0, 1); the activation's size for the strongest."""

    @cached_property
    def _starts(self) -> tuple[list[int], dict[int, int]]:
        features, counts = torch.unique_consecutive(self.feature, return_counts=True)
        return [0, *counts.cumsum(0).tolist()], {int(feature): i for i, feature in enumerate(features.tolist())}

    def places(self, feature: int) -> slice:
        """Where in the tensors a feature's contexts are."""
        starts, at = self._starts
        return slice(starts[at[feature]], starts[at[feature] + 1]) if feature in at else slice(0, 0)

    def __len__(self) -> int:
        return len(self._starts[1])

    def __iter__(self) -> Iterator[int]:
        return iter(self._starts[1])

    def __contains__(self, feature: object) -> bool:
        return feature in self._starts[1]

    def __getitem__(self, feature: int) -> list[FeatureContext]:
        if feature not in self._starts[1]:
            raise KeyError(feature)
        places = self.places(feature)
        return [self.context(i) for i in range(places.start, places.stop)]

    @property
    def act(self) -> Float[Tensor, " n"]:
        """The activation at each context's position."""
        return self.acts[:, self.before]

    def context(self, i: int) -> FeatureContext:
        """The `i`-th of all."""
        number, position = int(self.row[i]), int(self.position[i])
        index = self.rows.index_of(number)
        tokens = self.rows.at(index)
        start = max(0, position - self.before)
        end = min(len(tokens), position - self.before + self.acts.shape[1])
        skipped = start - (position - self.before)
        return FeatureContext(
            tokens[start:end],
            self.acts[i, skipped : skipped + end - start].tolist(),
            position - start,
            number,
            start,
            int(self.rows.documents[index]),
            int(self.n_times[i]),
        )

    def peak_tokens(self) -> Int[Tensor, " n"]:
        """The id of the token at each context's position."""
        index = torch.searchsorted(self.rows.numbers, self.row.long())
        starts = torch.cat([self.rows.ends.new_zeros(1), self.rows.ends])[index]
        return self.rows.tokens[starts + self.position.long()].long()


def widened(context: FeatureContext, rows: RowTable, acts: Float[Tensor, " n_pos"]) -> FeatureContext:
    """The context as its whole row, with the activations `acts` of all its tokens."""
    assert context.row is not None
    tokens = rows.row(context.row)
    return replace(context, tokens=tokens, acts=acts.tolist(), position=context.position + context.start, start=0)
