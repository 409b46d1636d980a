"""Documents kept out of training, so that what comes out can be evaluated on text it has not seen.

Every `EVERY`-th document of the data as it lies is kept out, in whatever order the rest is read: who knows the data
knows which were kept out, also later.
"""

import copy
from collections.abc import Iterator, Sequence
from typing import Any

EVERY = 20
"""Of so many documents the last is kept out of training."""
FEWEST_DOCUMENTS = 2 * EVERY
"""With fewer than this nothing is kept out: there would be too little to evaluate on, or to train on."""


def part_of(documents: Any, *, is_held_out: bool) -> Any:
    """The `Documents` that are kept out of training, or the others; None where there are too few to keep any out."""
    if documents.n_documents is not None and documents.n_documents < FEWEST_DOCUMENTS:
        return None
    part = copy.copy(documents)
    if documents.n_documents is None:
        part.rows = StreamPart(documents.rows, is_held_out)
        return part
    chosen = [i for i in range(documents.n_documents) if _is_kept(i) == is_held_out]
    rows = documents.rows
    part.rows = rows.select(chosen) if hasattr(rows, "select") else RowsAt(rows, chosen)
    part.n_documents = len(chosen)
    return part


def _is_kept(index: int) -> bool:
    return index % EVERY == EVERY - 1


class RowsAt(Sequence[Any]):
    """Some rows of a sequence."""

    def __init__(self, rows: Any, chosen: list[int]) -> None:
        self._rows, self._chosen = rows, chosen

    def __len__(self) -> int:
        return len(self._chosen)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return [self._rows[i] for i in self._chosen[index]]
        return self._rows[self._chosen[index]]


class StreamPart:
    """Some documents of a stream, from any of them on; what `datasets` can skip fast is skipped fast."""

    def __init__(self, rows: Any, is_held_out: bool, start: int = 0) -> None:
        self._rows, self._is_held_out, self._start = rows, is_held_out, start

    def skip(self, n: int) -> "StreamPart":
        """The part from its document number `n` on."""
        return StreamPart(self._rows, self._is_held_out, self._start + n)

    def shuffle(self, seed: int, buffer_size: int = 1) -> Any:
        """The part shuffled within `buffer_size` documents.

        Raises:
            TypeError: If the stream is none of `datasets`.
        """
        if not hasattr(self._rows, "filter"):
            raise TypeError("This stream cannot be shuffled: pass a dataset of `datasets`, or a list.")
        part = self._rows.filter(lambda _, i: _is_kept(i) == self._is_held_out, with_indices=True)
        return part.shuffle(seed=seed, buffer_size=buffer_size)

    def __iter__(self) -> Iterator[Any]:
        if self._is_held_out:
            first = self._start * EVERY
        else:
            first = self._start // (EVERY - 1) * EVERY + self._start % (EVERY - 1)
        rows = self._rows.skip(first) if first and hasattr(self._rows, "skip") else self._rows
        for i, row in enumerate(rows, start=first if rows is not self._rows else 0):
            if i >= first and _is_kept(i) == self._is_held_out:
                yield row
