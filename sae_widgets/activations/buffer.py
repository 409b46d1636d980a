"""The mixing buffer: activations wait here and leave in a random order."""

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
    """

    def __init__(self, capacity: int, n_more: int, width: int, *, dtype: torch.dtype, device: str, seed: int) -> None:
        self.capacity = capacity
        self._rows = torch.empty(capacity + n_more, width, dtype=dtype, device=device)
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
        chosen = torch.randperm(self.n_filled, generator=self._generator)[:n]
        batch = self._rows[chosen.to(self._rows.device)]
        n_left = self.n_filled - n
        is_moved = torch.ones(n, dtype=torch.bool)
        is_moved[chosen[chosen >= n_left] - n_left] = False
        holes, moved = chosen[chosen < n_left], is_moved.nonzero().flatten() + n_left
        self._rows[holes.to(self._rows.device)] = self._rows[moved.to(self._rows.device)]
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
