"""What of a batch other processes hold; nothing, where one process does it all.

A batch may be split over processes by tokens (data parallel) or its features may be (sharded over d_sae). Where the
maths looks at all of them at once (a sum over features, the largest pre-activations of a batch) it asks `sae.peers`.
"""

from typing import Any

from jaxtyping import Float, Int
from torch import Tensor

from sae_widgets.kernels import largest_per_row


class Peers:
    """One process: there is nobody to ask."""

    @property
    def is_alone(self) -> bool:
        """Whether all of a batch is at hand."""
        return type(self) is Peers

    def copied(self, x: Tensor) -> Tensor:
        """`x`, which goes into every process's features: its gradient is the sum of theirs."""
        return x

    def total(self, partial: Tensor) -> Tensor:
        """The sum over features, of which `partial` is that over those at hand."""
        return partial

    def n_features(self, n: Any) -> Any:
        """A count of features, a number or a tensor, of which `n` is that of those at hand."""
        return n

    def n_tokens(self, n: int) -> int:
        """Tokens of the whole batch, of which `n` are at hand."""
        return n

    def whole(self, x: Tensor, axis: int = 0) -> Tensor:
        """`x` of all features, which are along `axis`."""
        return x

    def largest(self, values: Float[Tensor, " m"], n: int) -> Int[Tensor, " n_here"] | None:
        """Where those at hand of the `n` largest of all values are; None: nobody else has any."""
        return None

    def largest_per_token(
        self, values: Float[Tensor, "n m"], k: int
    ) -> tuple[Int[Tensor, "n k"], Float[Tensor, "n k"]]:
        """Of each token's `k` largest of all values those at hand: where, and their values; -inf in unused slots."""
        return largest_per_row(values, min(k, values.shape[1]))

    def least(self, value: Float[Tensor, ""]) -> Float[Tensor, ""]:
        """The smallest of all processes' values; inf stands for none."""
        return value

    def __deepcopy__(self, memo: dict[int, Any]) -> "Peers":
        return ALONE  # a copy of an SAE is its owner's own

    def __reduce__(self) -> Any:
        return Peers, ()


ALONE = Peers()
