"""A network that was read, kept for as long as the model is made of the same parts.

Reading takes as long as two blocks of a small model; to see that nothing was exchanged since, a tenth of it. Looked at
are, by identity: the parts of each module, its parameters, its class, and a forward of its own if it has one; by value:
its settings that are fractions, and the model's; and where each parameter lies, and as which type. What is in the
weights need not be looked at: the network is made of the parameters themselves, and of views of them.
"""

import weakref
from collections.abc import Iterator
from itertools import chain
from operator import is_, itemgetter
from typing import Any

from torch import Tensor, nn

from sae_widgets.lean import trust
from sae_widgets.lean.network import Network
from sae_widgets.lean.reading import network_of

_PARTS = itemgetter("_modules", "_parameters", "_buffers")


class Kept:
    """A network for texts of at most `n_pos` tokens, and what it was read from."""

    def __init__(self, model: Any, roots: list[nn.Module], n_pos: int) -> None:
        self.network: Network = network_of(model.wrapped, n_pos)
        self.n_pos = n_pos
        self.signature = trust.signature(self.network)
        found = {id(each): each for root in roots for each in root.modules()}
        self._modules = [each for each in found.values() if any(_PARTS(each.__dict__))]
        self._spaces = [each.__dict__ for each in self._modules]
        self._parts = [*self._parts_now()]
        self._settings = [
            (own, name, value) for own in self._spaces for name, value in own.items() if isinstance(value, float)
        ]
        configs = (getattr(each, name, None) for each in (*roots, model) for name in ("config", "cfg"))
        self._configs = [(vars(each), dict(vars(each))) for each in configs if each is not None]
        self._tensors = [each for each in self._parts if isinstance(each, Tensor)]
        self._places = self._places_now()

    def is_of(self, n_pos: int) -> bool:
        """Whether it is the model's network still, for texts of that length."""
        return n_pos <= self.n_pos and self._places == self._places_now()

    def has_same_parts(self) -> bool:
        """Whether no module, parameter or setting was exchanged."""
        now = [*self._parts_now()]
        return (
            len(now) == len(self._parts)
            and all(map(is_, now, self._parts))
            and all(own.get(name) == value for own, name, value in self._settings)
            and all(own == known for own, known in self._configs)
        )

    def _parts_now(self) -> Iterator[Any]:
        inside = chain.from_iterable(map(dict.values, chain.from_iterable(map(_PARTS, self._spaces))))
        return chain(inside, map(type, self._modules), (own.get("forward") for own in self._spaces))

    def _places_now(self) -> list[tuple[Any, ...]]:
        return [(each.data_ptr(), each.dtype, each.device) for each in self._tensors]


_KEPT: "weakref.WeakKeyDictionary[Any, Kept]" = weakref.WeakKeyDictionary()
"""By the shell, which nothing inside refers to."""


def kept_network(model: Any, network: nn.Module, n_pos: int) -> Kept:
    """The model's network, read anew where anything about it is not as it was.

    Raises:
        Unknown: If it is none of those that are known.
    """
    kept = _KEPT.get(model)
    if kept is not None and not kept.has_same_parts():
        trust.forget(model, network)  # hooks may be on other modules now, and the forwards may differ
        kept = None
    if kept is None or not kept.is_of(n_pos):
        roots = [each for each in (network, model.wrapped) if isinstance(each, nn.Module)]
        kept = _KEPT[model] = Kept(model, roots, n_pos)
    return kept
