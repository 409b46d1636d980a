"""The mixing buffer: activations wait here and leave in a random order.

Rows move by `index_select` and `index_copy_`, which on a CPU take a sixth of what indexing takes (0.3 for 1.7 ms, 4,096
rows of 192). Which ones leave is not read off a permutation of the whole buffer (1 for 20 ms, 4,096 of a million).
"""

from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor


class MixingBuffer:
    """Room for `capacity` rows of `width`; counts in rows, which are tokens' activations.

    Args:
        capacity: Rows it may be filled to.
        n_more: Room beyond that, so that the last forward never has to be cut.
        width: Of a row.
        dtype: As which rows are kept and given.
        device: Where they are kept.
        seed: Of the draws.
        is_pinned: Whether what is kept and given is in memory that a GPU reads and writes by itself.
    """

    def __init__(
        self,
        capacity: int,
        n_more: int,
        width: int,
        *,
        dtype: torch.dtype,
        device: str,
        seed: int,
        is_pinned: bool = False,
    ) -> None:
        self.capacity = capacity
        self._kind: dict[str, Any] = {"dtype": dtype, "device": device, "pin_memory": is_pinned}
        self._rows = torch.empty(capacity + n_more, width, **self._kind)
        self._generator = torch.Generator().manual_seed(seed)
        self.n_filled = 0
        self.n_left = 0
        """What the last draw left: how far to fill must not depend on whether filling was interrupted."""

    @property
    def rows(self) -> Float[Tensor, "n_filled width"]:
        """What is in it."""
        return self._rows[: self.n_filled]

    def add(self, activations: Float[Tensor, "n width"]) -> None:
        self._rows[self.n_filled : self.n_filled + len(activations)] = activations
        self.n_filled += len(activations)

    def draw(self, n: int) -> Float[Tensor, "n width"]:
        """Random `n` rows, which leave; the last rows move to their places."""
        chosen = distinct(n, self.n_filled, self._generator)
        # Its own memory each time: a copy to a GPU may still be under way when the next is drawn.
        batch = torch.empty(n, self._rows.shape[1], **self._kind)
        torch.index_select(self._rows, 0, chosen.to(self._rows.device), out=batch)
        n_left = self.n_filled - n
        is_moved = torch.ones(n, dtype=torch.bool)
        is_moved[chosen[chosen >= n_left] - n_left] = False
        holes, moved = chosen[chosen < n_left], is_moved.nonzero().flatten() + n_left
        last = self._rows.index_select(0, moved.to(self._rows.device))
        self._rows.index_copy_(0, holes.to(self._rows.device), last)
        self.n_filled = self.n_left = n_left
        return batch

    def take(self, n: int) -> Float[Tensor, "n width"]:
        """The first `n` rows, which leave; the others move up."""
        batch = self._rows[:n].clone()
        n_left = self.n_filled - n
        self._rows[:n_left] = self._rows[n : self.n_filled].clone()
        self.n_filled = self.n_left = n_left
        return batch

    def clear(self) -> None:
        self.n_filled = self.n_left = 0

    def state_dict(self) -> dict[str, Tensor]:
        buffer = {"buffer": self.rows.cpu(), "n_left": torch.tensor(self.n_left)}
        return {**buffer, "rng": self._generator.get_state()}

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """Goes on where `state_dict` was taken.

        Raises:
            ValueError: If the state is of a buffer of other sizes.
        """
        rows: Int[Tensor, "n width"] = state["buffer"]
        if rows.shape[1:] != self._rows.shape[1:] or len(rows) > len(self._rows):
            raise ValueError(
                f"The saved buffer is {tuple(rows.shape)}, this store has room for {tuple(self._rows.shape)}: "
                "resume with the settings the run was started with."
            )
        self.n_filled, self.n_left = len(rows), int(state["n_left"])
        self._rows[: self.n_filled] = rows.to(self._rows.device)
        self._generator.set_state(state["rng"])


def distinct(n: int, below: int, generator: torch.Generator) -> Int[Tensor, " n"]:
    """`n` different numbers from 0 to `below` - 1, every choice of them as likely."""
    if below < 8 * n:
        return torch.randperm(below, generator=generator)[:n]
    drawn = torch.empty(0, dtype=torch.int64)
    while True:
        # Of a quarter more than are wanted few are equal; what was drawn before counts first.
        drawn = torch.cat([drawn, torch.randint(below, (n + n // 4 + 1,), generator=generator)])
        ordered, places = drawn.sort(stable=True)
        is_first = torch.ones(len(drawn), dtype=torch.bool)
        is_first[1:] = ordered[1:] != ordered[:-1]
        firsts = places[is_first].sort().values
        if len(firsts) >= n:
            return drawn[firsts[:n]]
