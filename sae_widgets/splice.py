"""One SAE in the place of activations: forward hooks that answer with what it writes.

    SAE                      x at its hook becomes sae(x)
    transcoder               y at hook_name_out becomes sae(x), x the activation at hook_name
    cross-layer transcoder   y at each output becomes the sum of what all attached layers write there, biases included
    crosscoder               x at each hook becomes its part of sae(all of them); what they are is found by a forward
                             pass of its own before, since the last one is read after the first is written

Each is what `SAE.forward` gives: bypass (skip connection, predicted part) and error term included.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, final

import torch
from torch import Tensor

from sae_widgets.fit import Places, hook_spellings
from sae_widgets.interrupts import whole
from sae_widgets.plain_model import PlainPoints
from sae_widgets.sae import SAE

FwdHook = tuple[str | Callable[[str], bool], Callable[..., Any]]
"""Hook name, or a choice of names, and `fn(activation, hook)`."""


@dataclass(frozen=True)
class SpliceSettings:
    """How an SAE acts."""

    use_error_term: bool = False
    """Add what the SAE misses."""

    excluded_ids: tuple[int, ...] = ()
    """Tokens whose activations stay as they are."""


class Splice(ABC):
    """An SAE at its hook points. `install` and `remove` may be called in any state.

    Args:
        model: The model in its shell.
        places: Where the SAE reads and writes in it.
    """

    def __init__(self, model: Any, sae: SAE, places: Places, settings: SpliceSettings) -> None:
        self.sae = sae
        self.places = places
        self.settings = settings
        self.is_active = False
        self.head: int | None = sae.cfg.metadata.hook_head_index
        self.hook_name: str = places.reads[0]
        points = model.hook_dict  # once: a bridge makes it anew each time, which takes a millisecond
        self._points: dict[str, Any] = {name: points[name] for name in (*places.reads, *places.writes)}
        self.read_names = [spelling for name in places.reads for spelling in hook_spellings(points, name)]
        """Every spelling of what is read."""
        self.written_names = [spelling for name in places.writes for spelling in hook_spellings(points, name)]
        """Every spelling of what is written."""
        self._model = model
        self._network: Any = getattr(model.wrapped, "original_model", model.wrapped)
        self._handles: list[tuple[Any, Any]] = []
        self._network_handles: list[Any] = []
        self._tokens: Any = None

    @property
    def label(self) -> str:
        """What it is called where another reads the same hook."""
        return self.places.writes[0]

    @property
    def own_names(self) -> list[str]:
        """Names under which the SAE's own hook points are found in any case."""
        return self.written_names

    @property
    def needs_whole_texts(self) -> bool:
        """Whether a forward pass that goes on from cached keys and values would not be enough."""
        return self.sae.reads_sequences

    def conflicts_with(self, other: "Splice") -> bool:
        """Whether both cannot act at once."""
        same_place = not set(self.written_names).isdisjoint(other.written_names)
        return same_place and (self.head is None or other.head is None or self.head == other.head)

    def missing(self) -> str:
        """What is not attached that this one cannot do without; empty if nothing."""
        return ""

    @abstractmethod
    def _hooks(self) -> list[tuple[str, Callable[..., Any]]]:
        """Hook names and what acts there."""

    def _network_hooks(self) -> list[Callable[..., Any]]:
        """What sees the inputs of each forward pass."""
        seeing = [self._see_tokens] if self.settings.excluded_ids else []
        return [self._refuse_cache, *seeing] if self.needs_whole_texts else seeing

    @final
    @whole
    def install(self) -> None:
        """Let the SAE act."""
        if not self._handles:
            for name, hook in self._hooks():
                point = self._points[name]
                # Permanent, so that the model's own reset_hooks() leaves it, as it leaves SAELens' wrapper modules.
                self._handles.append((point, _add_hook(point, hook, is_permanent=True)))
            for hook in self._network_hooks():
                handle = self._network.register_forward_pre_hook(hook, with_kwargs=True)
                self._network_handles.append(handle)
        self.is_active = True

    @final
    @whole
    def remove(self) -> None:
        """Take the SAE out."""
        self.is_active = False
        while self._handles:
            point, handle = self._handles[-1]
            _remove_hook(point, handle)
            self._handles.pop()
        while self._network_handles:
            self._network_handles[-1].remove()
            self._network_handles.pop()

    @property
    def hook_numbers(self) -> list[int]:
        """What torch knows its hooks by."""
        return [each.id for each in (*(handle.hook for _, handle in self._handles), *self._network_handles)]

    @contextmanager
    def hooked(self, point: str, fn: Callable[..., Any], *, is_forward: bool = True) -> Iterator[None]:
        """A context in which `fn(value, hook)` acts at one of the SAE's own hook points."""
        hook_point = self.sae.hook_points[point]
        if is_forward:
            handle = hook_point.add_hook(fn)
        else:
            handle = hook_point.register_full_backward_hook(lambda _module, _in, grads: fn(grads[0], hook=hook_point))
        try:
            yield
        finally:
            handle.remove()

    def _kept(self, y: Tensor, out: Tensor) -> Tensor:
        """`out` as the activation `y` it replaces, which stays at excluded tokens."""
        out = out.to(y.dtype).reshape(y.shape)
        return torch.where(self._is_excluded(y), y, out) if self.settings.excluded_ids else out

    def _is_excluded(self, y: Tensor) -> Tensor:
        tokens = self._tokens
        if isinstance(tokens, str):
            tokens = self._model.to_tokens(tokens)
        if not isinstance(tokens, Tensor) or tokens.is_floating_point() or tokens.shape[-1] != y.shape[1]:
            raise ValueError("exclude_special_tokens needs token ids as the model's input, one for each position.")
        excluded = torch.isin(tokens.to(y.device), torch.tensor(self.settings.excluded_ids, device=y.device))
        return excluded.reshape(-1, y.shape[1], *[1] * (y.dim() - 2))

    def _refuse_cache(self, _module: Any, _args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        cached = kwargs.get("past_key_values", kwargs.get("past_kv_cache"))
        if self.is_active and cached is not None:
            raise ValueError(
                f"An attached {type(self.sae).__name__} needs whole texts, not tokens that follow cached keys and "
                "values: use_past_kv_cache=False."
            )

    def _see_tokens(self, _module: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self._tokens = args[0] if args else kwargs.get("input_ids", kwargs.get("input"))


@contextmanager
def acting(point: Any, fn: Callable[..., Any], dir: str = "fwd") -> Iterator[None]:
    """A context in which `fn(activation, hook)` acts at one hook point of a model.

    The model's own `hooks()` does the same for names; looking these up costs more than a small model's layer.
    """
    handle = _add_hook(point, fn, dir=dir)
    try:
        yield
    finally:
        _remove_hook(point, handle, dir)


@contextmanager
def hooks_put_back(model: Any) -> Iterator[None]:
    """A context after which, if it was interrupted, the model's hook points have the hooks they had before.

    For TransformerLens's own functions, which add hooks, run and take them out in one piece: an interrupt may fall
    between two of these. (Entry and exit of a context are not cut short while the model's lock is held.)
    """
    own = model.wrapped.hook_dict
    found = () if isinstance(own, PlainPoints) else own.values()
    points: dict[int, Any] = {id(p): p for p in found if isinstance(p, torch.nn.Module)}
    before = [(point, {*point._forward_hooks}, {*point._backward_hooks}) for point in points.values()]
    try:
        yield
    except KeyboardInterrupt:
        for point, forward, backward in before:
            for kept, left in ((forward, point._forward_hooks), (backward, point._backward_hooks)):
                for number in [*left]:
                    if number not in kept:
                        del left[number]
            point.fwd_hooks[:] = [handle for handle in point.fwd_hooks if handle.hook.id in point._forward_hooks]
            point.bwd_hooks[:] = [handle for handle in point.bwd_hooks if handle.hook.id in point._backward_hooks]
        raise


def _add_hook(point: Any, fn: Callable[..., Any], dir: str = "fwd", **settings: Any) -> Any:
    point.add_hook(fn, dir=dir, **settings)
    return _hooks_at(point, dir)[-1]  # TransformerLens 3 does not return it


def _remove_hook(point: Any, handle: Any, dir: str = "fwd") -> None:
    handle.hook.remove()
    hooks = _hooks_at(point, dir)
    hooks[:] = [other for other in hooks if other is not handle]


def _hooks_at(point: Any, dir: str) -> list[Any]:
    return point.fwd_hooks if dir == "fwd" else point.bwd_hooks
