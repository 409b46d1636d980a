"""The kinds of splices: SAE, transcoder, one layer of a cross-layer transcoder, crosscoder."""

from collections.abc import Callable, Iterable
from contextlib import ExitStack
from functools import partial
from typing import Any, final

import torch
from torch import Tensor

from sae_widgets.architectures.cross_layer_transcoder import LayeredTranscoder
from sae_widgets.fit import Places, layer_of, places_of
from sae_widgets.sae import SAE
from sae_widgets.splice import Splice, SpliceSettings, acting


def splice_for(model: Any, sae: SAE, settings: SpliceSettings, attached: Iterable[Splice]) -> Splice:
    """The splice that fits the SAE; `attached` are those that act, whenever it is asked."""
    places = places_of(model, sae)
    if len(places.reads) > 1:
        return JointSplice(model, sae, places, settings)
    if isinstance(sae, LayeredTranscoder):  # the last layer has one output, too
        return LayerSplice(model, sae, places, settings, attached)
    kind = InPlaceSplice if places.reads == places.writes else AcrossSplice
    return kind(model, sae, places, settings)


@final
class InPlaceSplice(Splice):
    """An SAE that replaces what it reads; of activations with heads all, or the one it was trained on."""

    @property
    def label(self) -> str:
        """With a head, its number is part of the name."""
        return self.hook_name if self.head is None else f"{self.hook_name}.{self.head}"

    @property
    def own_names(self) -> list[str]:
        """With a head, its number is part of the name: another head's SAE may be attached at the same hook."""
        return self.written_names if self.head is None else [f"{name}.{self.head}" for name in self.written_names]

    def _hooks(self) -> list[tuple[str, Callable[..., Any]]]:
        return [(self.hook_name, self._replace)]

    def _replace(self, x: Tensor, hook: Any) -> Tensor | None:
        if not self.is_active:
            return None
        if self.head is None:
            return self._kept(x, self.sae(x, use_error_term=self.settings.use_error_term))
        one = x[..., self.head, :]
        new = self._kept(one, self.sae(one, use_error_term=self.settings.use_error_term))
        return torch.cat([x[..., : self.head, :], new[..., None, :], x[..., self.head + 1 :, :]], dim=-2)


@final
class AcrossSplice(Splice):
    """A transcoder: reads at one hook, writes at a later one."""

    _x: Tensor | None = None

    def _hooks(self) -> list[tuple[str, Callable[..., Any]]]:
        return [(self.hook_name, self._read), (self.places.writes[0], self._write)]

    def _read(self, x: Tensor, hook: Any) -> None:
        if self.is_active:
            self._x = x.clone()  # hooks that write in place come after

    def _write(self, y: Tensor, hook: Any) -> Tensor | None:
        if not self.is_active:
            return None
        x, self._x = self._x, None
        if x is None:
            raise _unread(self.hook_name, self.places.writes[0])
        return self._kept(y, self.sae(x, use_error_term=self.settings.use_error_term, target=y))


@final
class LayerSplice(Splice):
    """One layer of a cross-layer transcoder; the first of the layers that write at a hook adds them all up there.

    With an error term an output is y + sum over layers of (what it writes - what it would write without hooks), so
    `hook_sae_error` is not passed: what is missed belongs to no single layer.
    """

    def __init__(
        self, model: Any, sae: SAE, places: Places, settings: SpliceSettings, attached: Iterable[Splice]
    ) -> None:
        super().__init__(model, sae, places, settings)
        self._attached = attached
        self._written: dict[str, Tensor] = {}

    @property
    def own_names(self) -> list[str]:
        """Those of the hook that is read: the outputs are shared with other layers."""
        return self.read_names

    def conflicts_with(self, other: Splice) -> bool:
        """Layers of one transcoder share their outputs."""
        if isinstance(other, LayerSplice):
            return not set(self.read_names).isdisjoint(other.read_names)
        return super().conflicts_with(other)

    def missing(self) -> str:
        """The layers without which an output is not the whole sum."""
        return next(filter(None, map(self._missing_at, self.places.writes)), "")

    def _missing_at(self, name: str) -> str:
        parts = self._parts_at(name)
        if any(part.settings != self.settings for part in parts):
            return f"the same settings (error term, special tokens) for all layers that write {name!r}"
        if self.settings.use_error_term:
            return ""
        last, own = layer_of(name), layer_of(self.hook_name)
        if last is None or own is None:
            return f"the error term: which layers write {name!r} cannot be told from its name"
        read = {each for part in parts for each in part.read_names}
        needed = [self.hook_name.replace(f".{own}.", f".{layer}.", 1) for layer in range(last + 1)]
        absent = [each for each in needed if each not in read]
        return f"the layers that read {', '.join(map(repr, absent))}, which write {name!r}, too" if absent else ""

    def _hooks(self) -> list[tuple[str, Callable[..., Any]]]:
        writers = [(name, partial(self._write, name)) for name in self.places.writes]
        return [(self.hook_name, self._read), *writers]

    def _read(self, x: Tensor, hook: Any) -> None:
        if self.is_active:
            out = self.sae(x)
            if self.settings.use_error_term:
                is_hooked = any(point.is_hooked for point in self.sae.hook_points.values())
                out = out - (self.sae.without_hooks(x) if is_hooked else out.detach())
            self._written = dict(zip(self.places.writes, out.unbind(-2), strict=True))

    def _write(self, name: str, y: Tensor, hook: Any) -> Tensor | None:
        parts = self._parts_at(name)
        if not self.is_active or parts[0] is not self:
            return None
        missing = self._missing_at(name)
        if missing:
            raise ValueError(f"This layer of a cross-layer transcoder ({self.hook_name!r}) needs {missing}.")
        total = torch.stack([part.take(name) for part in parts]).sum(0)
        return self._kept(y, y + total.to(y.dtype) if self.settings.use_error_term else total)

    def take(self, name: str) -> Tensor:
        """What this layer writes at an output, once."""
        if name not in self._written:
            raise _unread(self.hook_name, name)
        return self._written.pop(name)

    def _parts_at(self, name: str) -> "list[LayerSplice]":
        each = [part for part in self._attached if isinstance(part, LayerSplice) and part.is_active]
        return [part for part in each if name in part.places.writes]


@final
class JointSplice(Splice):
    """A crosscoder: reads several hooks, then writes each.

    What it reads is what the model has at these hooks without it: that takes a forward pass before each one. With an
    error term and a hook that changes features, each source is what it was plus the change there.
    """

    def __init__(self, model: Any, sae: SAE, places: Places, settings: SpliceSettings) -> None:
        super().__init__(model, sae, places, settings)
        self._is_looking = False
        self._written: dict[str, Tensor] = {}

    def _hooks(self) -> list[tuple[str, Callable[..., Any]]]:
        return [(name, partial(self._write, name)) for name in self.places.writes]

    def _network_hooks(self) -> list[Callable[..., Any]]:
        return [*super()._network_hooks(), self._look]

    @property
    def needs_whole_texts(self) -> bool:
        """Since it reads each forward pass beforehand."""
        return True

    def _look(self, module: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Runs the model as it is and keeps what the SAE makes of it."""
        if not self.is_active or self._is_looking:
            return
        seen: dict[str, Tensor] = {}

        def keep(name: str, x: Tensor, hook: Any) -> None:
            seen[name] = x.clone()

        self._is_looking = True
        try:
            with ExitStack() as stack:
                for name in self.places.reads:
                    stack.enter_context(acting(self._points[name], partial(keep, name)))
                module(*args, **kwargs)
        finally:
            self._is_looking = False
        unseen = [name for name in self.places.reads if name not in seen]
        if unseen:
            raise ValueError(f"The hooks {unseen} exist but are not passed in this forward of the model.")
        x = torch.stack([seen[name] for name in self.places.reads], dim=-2)
        out = self.sae(x, use_error_term=self.settings.use_error_term)
        self._written = dict(zip(self.places.writes, out.unbind(-2), strict=True))

    def _write(self, name: str, y: Tensor, hook: Any) -> Tensor | None:
        if not self.is_active or self._is_looking:
            return None
        return self._kept(y, self._written.pop(name))


def _unread(read: str, written: str) -> ValueError:
    return ValueError(
        f"{written!r} was reached before {read!r}, so there is nothing to write. Is {read!r} passed in this model?"
    )
