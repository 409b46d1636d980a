"""SAEs in the place of activations: forward hooks that answer with the SAE's output, and the names of their points."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import Tensor

from sae_widgets.fit import hook_spellings
from sae_widgets.interrupts import whole
from sae_widgets.sae import SAE

FwdHook = tuple[str | Callable[[str], bool], Callable[..., Any]]
"""Hook name, or a choice of names, and `fn(activation, hook)`."""


class Splice:
    """An SAE at its hook point. `install` and `remove` may be called in any state."""

    def __init__(self, model: Any, sae: SAE, use_error_term: bool = False, excluded_ids: tuple[int, ...] = ()) -> None:
        self.sae = sae
        self.hook_name: str = sae.cfg.metadata.hook_name
        self.spellings = hook_spellings(model, self.hook_name)
        self.key = min(self.spellings)
        self.is_active = False
        self._use_error_term = use_error_term
        self._excluded_ids = excluded_ids
        self._model = model
        self._point = model.hook_dict[self.hook_name]
        self._handle: Any = None
        self._token_handle: Any = None
        self._tokens: Any = None

    @whole
    def install(self) -> None:
        """Let the SAE act."""
        if self._handle is None:
            # Permanent, so that the model's own reset_hooks() leaves it, as it leaves SAELens' wrapper modules.
            self._handle = _add_hook(self._point, self._replace, is_permanent=True)
        if self._excluded_ids and self._token_handle is None:
            network = getattr(self._model, "original_model", self._model)
            self._token_handle = network.register_forward_pre_hook(self._see_tokens, with_kwargs=True)
        self.is_active = True

    @whole
    def remove(self) -> None:
        """Take the SAE out."""
        self.is_active = False
        if self._handle is not None:
            _remove_hook(self._point, self._handle)
            self._handle = None
        if self._token_handle is not None:
            self._token_handle.remove()
            self._token_handle = None

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

    @contextmanager
    def capture(self, point: str, into: dict[str, Tensor], *, device: Any = None) -> Iterator[None]:
        """A context in which what passes `point` is kept in `into`, under every spelling of the hook."""

        def keep(value: Tensor, hook: Any) -> None:
            into.update(dict.fromkeys((f"{name}.{point}" for name in self.spellings), value.detach().to(device)))

        with self.hooked(point, keep):
            yield

    def _replace(self, x: Tensor, hook: Any) -> Tensor | None:
        if not self.is_active:
            return None
        out = self.sae(x, use_error_term=self._use_error_term).to(x.dtype)
        if not self._excluded_ids:
            return out
        return torch.where(self._is_excluded(x), x, out)

    def _is_excluded(self, x: Tensor) -> Tensor:
        tokens = self._tokens
        if isinstance(tokens, str):
            tokens = self._model.to_tokens(tokens)
        if not isinstance(tokens, Tensor) or tokens.is_floating_point() or tokens.shape[-1] != x.shape[1]:
            raise ValueError("exclude_special_tokens needs token ids as the model's input, one for each position.")
        excluded = torch.isin(tokens.to(x.device), torch.tensor(self._excluded_ids, device=x.device))
        return excluded.reshape(-1, x.shape[1], *[1] * (x.dim() - 2))

    def _see_tokens(self, _module: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self._tokens = args[0] if args else kwargs.get("input_ids", kwargs.get("input"))


class Splices:
    """The SAEs attached to one model, at most one acting at each hook point."""

    def __init__(self) -> None:
        self._by_point: dict[str, Splice] = {}

    def __iter__(self) -> Iterator[Splice]:
        return iter(list(self._by_point.values()))

    def at(self, hook_name: str) -> Splice | None:
        """The SAE attached there, whichever way the hook is spelled."""
        return next((splice for splice in self if hook_name in splice.spellings), None)

    @whole
    def add(self, splice: Splice) -> Splice | None:
        """Let `splice` act; the one that acted at its hook point no longer does, but keeps its place among the hooks.

        Returns that one.
        """
        old = self._by_point.get(splice.key)
        self._by_point[splice.key] = splice  # known before it acts: an interrupt in between leaves nothing behind
        if old is not None:
            old.is_active = False
        splice.install()
        return old

    @whole
    def remove(self, splice: Splice) -> None:
        """Take `splice` out for good."""
        del self._by_point[splice.key]
        splice.remove()

    def acting(self) -> list[Splice]:
        """Those that act now, for `restore`."""
        return [splice for splice in self if splice.is_active]

    @whole
    def restore(self, acting: list[Splice]) -> None:
        """Let these act and no others."""
        for splice in self:
            if splice not in acting:
                splice.remove()
        for splice in acting:
            splice.install()
        self._by_point = {splice.key: splice for splice in acting}

    # -- names of the SAEs' own points --------------------------------------------------------------------------------

    def point_names(self) -> list[str]:
        """Every name of every hook point of attached SAEs."""
        return [name for _, _, names in self._points() for name in names]

    def enter_hooks(self, stack: ExitStack, hooks: Sequence[FwdHook], *, is_forward: bool) -> list[FwdHook]:
        """The hooks that no SAE's point answers to, and choices of names; the others are entered into `stack`."""
        rest: list[FwdHook] = []
        for wanted, fn in hooks:
            found = False
            for splice, point, names in self._points():
                if wanted in names if isinstance(wanted, str) else any(map(wanted, names)):
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
        for splice in self:
            for point in splice.sae.hook_points:
                yield splice, point, [f"{hook_name}.{point}" for hook_name in splice.spellings]


@contextmanager
def acting(point: Any, fn: Callable[..., Any]) -> Iterator[None]:
    """A context in which `fn(activation, hook)` acts at one hook point of a model.

    The model's own `hooks()` does the same for names; looking these up costs more than a small model's layer.
    """
    handle = _add_hook(point, fn)
    try:
        yield
    finally:
        _remove_hook(point, handle)


@contextmanager
def hooks_put_back(model: Any) -> Iterator[None]:
    """A context after which, if it was interrupted, the model's hook points have the hooks they had before.

    For TransformerLens's own functions, which add hooks, run and take them out in one piece: an interrupt may fall
    between two of these. (Entry and exit of a context are not cut short while the model's lock is held.)
    """
    points: dict[int, Any] = {id(p): p for p in model.hook_dict.values() if isinstance(p, torch.nn.Module)}
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


def _add_hook(point: Any, fn: Callable[..., Any], **settings: Any) -> Any:
    point.add_hook(fn, **settings)
    return point.fwd_hooks[-1]  # TransformerLens 3 does not return it


def _remove_hook(point: Any, handle: Any) -> None:
    handle.hook.remove()
    point.fwd_hooks[:] = [other for other in point.fwd_hooks if other is not handle]
