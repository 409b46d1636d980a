"""The SAEs attached to one model, and the names of their own hook points."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, NamedTuple

from torch import Tensor

from sae_widgets.interrupts import whole
from sae_widgets.splice import FwdHook, Splice


class State(NamedTuple):
    """Which SAEs acted at some moment."""

    acting: list[Splice]

    displaced: list[Splice]
    """Those whose place another took for a while."""


class Splices:
    """The SAEs attached to one model; at each hook at most one writes, layers of one transcoder aside."""

    def __init__(self) -> None:
        self._all: list[Splice] = []
        self._displaced: list[Splice] = []

    def __iter__(self) -> Iterator[Splice]:
        return iter(list(self._all))

    def at(self, name: str) -> Splice | None:
        """The SAE attached there, however the hook is spelled; one that writes there before one that reads."""
        for kind in ("own_names", "written_names", "read_names"):
            for splice in self:
                if name in getattr(splice, kind):
                    return splice
        return None

    def labels(self) -> list[tuple[str, Splice]]:
        """Each SAE with the hook that it reads; with the one it writes, where another reads the same."""
        counts = Counter(splice.hook_name for splice in self)
        return [(splice.hook_name if counts[splice.hook_name] == 1 else splice.label, splice) for splice in self]

    @whole
    def add(self, splice: Splice) -> list[Splice]:
        """Let `splice` act; those it displaces no longer do, but keep their place among the hooks.

        Returns these.
        """
        displaced = [old for old in self._all if old.conflicts_with(splice)]
        # Known before it acts: an interrupt in between leaves nothing behind.
        self._displaced += displaced
        self._all = [*(old for old in self._all if old not in displaced), splice]
        for old in displaced:
            old.is_active = False
        splice.install()
        return displaced

    @whole
    def remove(self, splice: Splice) -> None:
        """Take `splice` out for good."""
        self._all = [other for other in self._all if other is not splice]
        splice.remove()

    def acting(self) -> list[Splice]:
        """Those that act now."""
        return [splice for splice in self if splice.is_active]

    def idle_hooks(self) -> set[int]:
        """Numbers of the hooks that do nothing now: those of SAEs that do not act."""
        return {number for each in (*self._all, *self._displaced) if not each.is_active for number in each.hook_numbers}

    def state(self) -> State:
        """Those that act and those that were displaced, for `restore` or `keep`."""
        return State(self.acting(), list(self._displaced))

    @whole
    def restore(self, state: State) -> None:
        """Let those act that acted then and no others."""
        for splice in [*self._all, *self._displaced]:
            if splice not in state.acting and splice not in state.displaced:
                splice.remove()
        for splice in state.acting:
            splice.install()
        self._all, self._displaced = list(state.acting), list(state.displaced)

    @whole
    def keep(self, state: State) -> None:
        """Let those stay that were added since; those that they displaced do not come back."""
        for splice in self._displaced:
            if splice not in state.displaced:
                splice.remove()
        self._displaced = list(state.displaced)

    def need_whole_texts(self) -> bool:
        """Whether keys and values cannot be cached while these act."""
        return any(splice.needs_whole_texts for splice in self.acting())

    def check_complete(self) -> None:
        """Nothing, if each SAE has what it needs beside it.

        Raises:
            ValueError: If one has not; the message says what.
        """
        for splice in self:
            missing = splice.missing()
            if missing:
                raise ValueError(
                    f"The SAE that reads {splice.hook_name!r} writes a part of what it replaces. Attach in one call "
                    f"{missing}; or use_error_term=True, so that only changes of its features count."
                )

    # -- names of the SAEs' own points --------------------------------------------------------------------------------

    def point_names(self) -> list[str]:
        """Every name of every hook point of attached SAEs."""
        return [name for _, _, names in self._points() for name in names]

    @contextmanager
    def capture(self, splice: Splice, point: str, into: dict[str, Tensor], *, device: Any = None) -> Iterator[None]:
        """A context in which what passes `point` is kept in `into`, under every name."""
        names = [f"{name}.{point}" for name in self._names()[id(splice)]]

        def keep(value: Tensor, hook: Any) -> None:
            into.update(dict.fromkeys(names, value.detach().to(device)))

        with splice.hooked(point, keep):
            yield

    def enter_hooks(self, stack: ExitStack, hooks: Sequence[FwdHook], *, is_forward: bool) -> list[FwdHook]:
        """The hooks that no SAE's point answers to, and choices of names; the others are entered into `stack`."""
        rest: list[FwdHook] = []
        for wanted, fn in hooks:
            found = False
            for splice, point, names in self._points():
                if _is_wanted(wanted, names):
                    stack.enter_context(splice.hooked(point, fn, is_forward=is_forward))
                    found = True
            if not (found and isinstance(wanted, str)):
                rest.append((wanted, fn))
        return rest

    def split_filter(self, names_filter: Any) -> tuple[Any, list[tuple[Splice, str]]]:
        """The part of a `names_filter` that is not about SAEs, and the points of SAEs it asks for."""
        if names_filter is None or callable(names_filter):
            chosen = names_filter or (lambda name: True)
            return names_filter, [(splice, point) for splice, point, names in self._points() if any(map(chosen, names))]
        asked = [names_filter] if isinstance(names_filter, str) else list(names_filter)
        wanted = [(splice, point) for splice, point, names in self._points() if not set(names).isdisjoint(asked)]
        rest = [name for name in asked if name not in set(self.point_names())]
        return rest or (lambda name: False), wanted

    def _points(self) -> Iterator[tuple[Splice, str, list[str]]]:
        names = self._names()
        for splice in self:
            for point in splice.sae.hook_points:
                yield splice, point, [f"{hook_name}.{point}" for hook_name in names[id(splice)]]

    def _names(self) -> dict[int, list[str]]:
        """What each SAE's points are found under: its own names, and names of its hooks that no other SAE claims."""
        claims = Counter(name for splice in self for name in {*splice.own_names, *_more_names(splice)})
        owned = {name for splice in self for name in splice.own_names}
        return {
            id(splice): [
                *splice.own_names,
                *(name for name in _more_names(splice) if claims[name] == 1 and name not in owned),
            ]
            for splice in self
        }


def _more_names(splice: Splice) -> list[str]:
    """Names of the hooks that an SAE reads or writes, beside its own."""
    return [name for name in dict.fromkeys([*splice.read_names, *splice.written_names]) if name not in splice.own_names]


def _is_wanted(wanted: str | Callable[[str], bool], names: list[str]) -> bool:
    return wanted in names if isinstance(wanted, str) else any(map(wanted, names))
