"""One selection for the whole notebook: which SAE, features, text and tokens are looked at.

    sw.selection.features                              # what was chosen last, in any widget
    sw.selection.features = [42]                       # every widget over this SAE moves there
    sw.selection.observe(fn, names="features")         # be told
    sw.FeatureDashboard(model, sae, selection=False)   # a widget that keeps to itself
    mine = sw.Selection()                              # or a second selection, for a group of widgets: selection=mine

A widget over another SAE ignores all of it. A text moves along only where the old one was shown, so that two heatmaps
of two texts stay two. Whoever changes the selection is not told of its own change.
"""

import threading
import weakref
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import traitlets

from sae_widgets.sae.fingerprint import mark
from sae_widgets.widgets._clean import visible
from sae_widgets.widgets._refused import RefusedError

_ids: "weakref.WeakKeyDictionary[Any, str]" = weakref.WeakKeyDictionary()


def sae_id(sae: Any) -> str:
    """The SAE's name and a mark of its weights: the same for two copies, and for one SAE however it is trained on."""
    if sae not in _ids:
        _ids[sae] = f"{sae.name} #{mark(sae)}"
    return _ids[sae]


class Selection(traitlets.HasTraits):
    """What is looked at, shared by widgets and Python; every trait can be set and observed."""

    sae_id = traitlets.Unicode("")
    """The SAE the features are of, as `sae_id(sae)` names it; empty before the first widget."""
    features = traitlets.List(traitlets.Int())
    """The chosen features, most important first."""
    tokens: Any = traitlets.Tuple(traitlets.Int(), traitlets.Int(), default_value=None, allow_none=True)
    """The chosen tokens of the prompt as (start, end), end not included; None where none are."""
    prompt = traitlets.Unicode("")
    """The text that is looked at."""

    def __init__(self, **traits: Any) -> None:
        self._sizes: dict[str, int] = {}
        self._now = threading.local()
        super().__init__(**traits)

    def select(
        self,
        sae: Any = None,
        features: int | Sequence[int] | None = None,
        *,
        tokens: tuple[int, int] | None = None,
        prompt: str | None = None,
    ) -> None:
        """Choose all at once; an SAE alone drops the features of the one before.

        Raises:
            ValueError: If a feature is not in the SAE, or the tokens are not a span.
        """
        values: dict[str, Any] = {}
        if sae is not None:
            values["sae_id"] = sae_id(sae)
            self._sizes[values["sae_id"]] = sae.cfg.d_sae
        if features is not None or values.get("sae_id", self.sae_id) != self.sae_id:
            values["features"] = [features] if isinstance(features, int) else list(features or ())
        if prompt is not None:
            values["prompt"] = prompt
        self._write(values if tokens is None else {**values, "tokens": tokens})

    def clear(self) -> None:
        """Choose nothing; the SAE and the text stay."""
        self._write({"features": [], "tokens": None})

    def first(self, sae: Any) -> int | None:
        """The first chosen feature, where it is of `sae`."""
        return self.features[0] if self.features and self.sae_id == sae_id(sae) else None

    def __repr__(self) -> str:
        span = "" if self.tokens is None else f", tokens {self.tokens[0]} to {self.tokens[1] - 1}"
        text = f", prompt {visible(self.prompt)[:60]!r}" if self.prompt else ""
        return f"Selection({self.sae_id or 'no SAE yet'}: features {self.features}{span}{text})"

    # -- values --------------------------------------------------------------------------------------------------------

    @traitlets.validate("features")
    def _check_features(self, proposal: Any) -> list[int]:
        features, size = list(dict.fromkeys(proposal["value"])), self._sizes.get(self.sae_id)
        for feature in features:
            if feature < 0 or (size is not None and feature >= size):
                known = "" if size is None else f": there are {size:,}, 0 to {size - 1:,}"
                raise RefusedError(f"No feature {feature} in {self.sae_id or 'any SAE'}{known}.")
        return features

    @traitlets.validate("tokens")
    def _check_tokens(self, proposal: Any) -> tuple[int, int] | None:
        span = proposal["value"]
        if span is not None and not 0 <= span[0] < span[1]:
            raise RefusedError(f"tokens={span}: expected (start, end) with 0 <= start < end, or None.")
        return span

    def _write(self, values: dict[str, Any], source: "Link | None" = None, moved_from: str | None = None) -> None:
        """Set all, then tell of all: nobody sees the features of one SAE under the name of another.

        `moved_from` is the text that an edit replaced. Held back for this thread alone: `hold_trait_notifications`
        would keep what another thread changes at the same moment.
        """
        before = {name: getattr(self, name) for name in values}
        if "prompt" in values and values["prompt"] != self.prompt and "tokens" not in values:
            values, before = {**values, "tokens": None}, {**before, "tokens": self.tokens}
        self._now.held = held = []
        try:
            for name in sorted(values, key=("sae_id", "prompt", "features", "tokens").index):
                setattr(self, name, values[name])
        except traitlets.TraitError:
            for name, value in before.items():
                setattr(self, name, value)
            held.clear()
            raise
        finally:
            self._now.held = None
        with self._being_told(source, moved_from):
            for change in held:
                super().notify_change(change)

    def notify_change(self, change: Any) -> None:
        """Tell observers, unless several values are being set."""
        held = getattr(self._now, "held", None)
        if held is not None:
            held.append(change)
        elif change["name"] == "prompt":
            with self._being_told(None, change["old"]):
                super().notify_change(change)
        else:
            super().notify_change(change)

    @contextmanager
    def _being_told(self, source: "Link | None", moved_from: str | None) -> Iterator[None]:
        outer = getattr(self._now, "telling", (None, None))
        self._now.telling = (source, moved_from)
        try:
            yield
        finally:
            self._now.telling = outer

    @property
    def _telling(self) -> "tuple[Link | None, str | None]":
        return getattr(self._now, "telling", (None, None))


class Link:
    """Keeps a widget and a selection on the same choice, until the widget is closed or forgotten."""

    def __init__(self, widget: Any, selection: Selection, sae: Any) -> None:
        self._widget, self.selection, self.sae_id = weakref.ref(widget), selection, sae_id(sae)
        self._taking, self._is_over = threading.local(), False
        selection._sizes[self.sae_id] = sae.cfg.d_sae
        if not selection.sae_id:
            selection._write({"sae_id": self.sae_id}, self)
        if not selection.prompt and selection.sae_id == self.sae_id and "prompt" in widget.choice_traits:
            selection._write({"prompt": widget.prompt}, self)
        widget.observe(self._on_widget, names=[*widget.choice_traits])
        selection.observe(self._on_selection)

    def close(self) -> None:
        """Be told no more, and tell no more."""
        if self._is_over:
            return
        self._is_over = True
        self.selection.unobserve(self._on_selection)
        widget = self._widget()
        if widget is not None:
            widget.unobserve(self._on_widget, names=[*widget.choice_traits])

    def _on_widget(self, change: Any) -> None:
        widget = self._widget()
        if widget is None or getattr(self._taking, "now", False):
            return
        if change["name"] == "prompt":
            self.selection._write({"prompt": change["new"]}, self, moved_from=change["old"])
            return
        choice = widget.chosen(change)
        if choice:
            text = {"prompt": widget.prompt} if "prompt" in widget.choice_traits else {}
            self.selection._write({"sae_id": self.sae_id, **text, **choice}, self)

    def _on_selection(self, change: Any) -> None:
        widget, selection = self._widget(), self.selection
        if widget is None or widget.comm is None:
            self.close()
            return
        source, moved_from = selection._telling
        if source is self or selection.sae_id != self.sae_id:
            return
        self._taking.now = True
        try:
            self._take(widget, selection, change["name"], moved_from)
        finally:
            self._taking.now = False

    def _take(self, widget: Any, selection: Selection, name: str, moved_from: str | None) -> None:
        has_text = "prompt" in widget.choice_traits
        if name == "prompt" and has_text and moved_from is not None and widget.prompt == moved_from:
            widget.prompt = selection.prompt
        if name in ("features", "sae_id"):
            features = None
            while features != selection.features:  # another thread may choose meanwhile; the last choice holds
                features = list(selection.features)
                widget.take_features(features)
        if name == "tokens" and has_text and widget.prompt == selection.prompt:
            widget.take_tokens(selection.tokens)


selection = Selection()
"""The selection that widgets share unless they are given another."""


def selection_of(wanted: Any) -> Selection | None:
    """The selection meant by a widget's argument: None is the shared one, False none.

    Raises:
        TypeError: If it is something else.
    """
    if wanted is None or wanted is True:
        return selection
    if wanted is False:
        return None
    if not isinstance(wanted, Selection):
        raise TypeError(f"selection={wanted!r}: expected a Selection, None (the shared one) or False (none).")
    return wanted
