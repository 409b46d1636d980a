"""A network that was read, kept for as long as the model is made of the same parts.

Reading takes as long as two blocks of a small model; to see that nothing was exchanged since, a tenth of it. Looked at
are, by identity: the parts of each module, its parameters, its class, and a forward of its own if it has one; by value:
its settings that are fractions, and the model's; and where each tensor lies, and as which type. What is in the weights
need not be looked at: the network is made of the parameters themselves, and of views of them. Of tables (those of
rotary positions are worked up) it is asked whether somebody wrote to them.
"""

import weakref
from collections.abc import Iterator
from itertools import chain
from operator import is_
from typing import Any

from torch import Tensor, nn

from sae_widgets.lean import trust
from sae_widgets.lean.network import Network
from sae_widgets.lean.reading import network_of


class Kept:
    """A network for texts of at most `n_pos` tokens, and what it was read from."""

    def __init__(self, model: Any, roots: list[nn.Module], n_pos: int) -> None:
        self.network: Network = network_of(model.wrapped, n_pos)
        self.n_pos = n_pos
        self.signature = trust.signature(self.network)
        found = {id(each): each for root in roots for each in root.modules()}
        self._modules = [each for each in found.values() if not _is_hook_point(each)]
        self._kinds = [*map(type, self._modules)]
        looked_at = [*chain.from_iterable(map(_namings, self._modules))]
        self._spaces, self._names, self._things = map(list, zip(*looked_at, strict=True))
        self._tensors = [each for each in self._things if isinstance(each, Tensor)]
        self._tables = [
            each for each in self._tensors if not isinstance(each, nn.Parameter) and not each.is_inference()
        ]
        self._places = self._places_now()
        configs = [getattr(each, name, None) for each in (*roots, model) for name in ("config", "cfg")]
        settings = {id(each): vars(each) for each in configs if each is not None}.values()
        self._settings = [(each, dict(each)) for each in settings]

    def is_of(self, n_pos: int) -> bool:
        """Whether it is the model's network still, for texts of that length."""
        return n_pos <= self.n_pos and self._places == self._places_now()

    def has_same_parts(self) -> bool:
        """Whether no module, parameter or setting was exchanged."""
        return (
            all(map(is_, map(dict.get, self._spaces, self._names), self._things))
            and all(map(is_, map(type, self._modules), self._kinds))
            and all(now == then for now, then in self._settings)
        )

    def _places_now(self) -> list[tuple[Any, ...]]:
        places: list[tuple[Any, ...]] = [(each.data_ptr(), each.dtype, each.device) for each in self._tensors]
        return places + [(each._version,) for each in self._tables]


def _is_hook_point(module: nn.Module) -> bool:
    return type(module).__module__ == "transformer_lens.hook_points"


def _namings(module: nn.Module) -> Iterator[tuple[dict[str, Any], str, Any]]:
    """Where, by which name, and what: all that a module is made of and does by itself."""
    own = module.__dict__
    yield own, "forward", own.get("forward")
    for name, value in own.items():
        if isinstance(value, float):
            yield own, name, value
    for inside in (own["_modules"], own["_parameters"], own["_buffers"]):
        for name, part in inside.items():
            if part is not None and not (isinstance(part, nn.Module) and _is_hook_point(part)):
                yield inside, name, part


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
