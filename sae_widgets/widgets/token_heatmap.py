"""Tokens of a text, coloured by the features that fire on them.

Three ways to look: the strongest feature of each token, one feature's intensity over the text, or several features
overlaid in different hues. The prompt is typed in the widget itself; the data is plain arrays under `widget.data`.
"""

import dataclasses
import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import traitlets

from sae_widgets.widgets import _heatmap_picture, _provenance
from sae_widgets.widgets._base import Job, SaeWidget, kernel_written
from sae_widgets.widgets._clean import clean_text, visible
from sae_widgets.widgets._code import view_code
from sae_widgets.widgets._heatmap import HeatmapData, data_code, from_rows, from_values

MODES = ("strongest", "feature", "overlay")
MAX_SEARCH = 50


class _Refused(traitlets.TraitError, ValueError):  # noqa: N818  (an answer to a setter, seen as ValueError)
    """A value that cannot be: a TraitError for traitlets, a ValueError for whoever passed it."""


class TokenHeatmap(SaeWidget):
    """Features on the tokens of a prompt, live: type, hover, pin, search, jump to the peaks.

    Selection, mode and switches are traits both ways; `data` holds the numbers as arrays. See `from_data` for a
    heatmap of any values, without a model.

    Args:
        model: The model to run.
        sae: The SAE whose features are shown.
        prompt: The text; type another one in the widget, or set `prompt`.
        features: Features to show; None shows the strongest of each token.
        top_k: How many features are listed for a token.
        statistics: Labels and maxima; None takes those stored beside the SAE.
        settings: Any other trait: `mode`, `pinned`, `scale`, `show_spaces`, `show_newlines`, `dim_bos`, `sort`;
            and `selection`.

    Raises:
        ValueError: If a feature is not in the SAE, or the SAE does not fit the model.
    """

    _view = traitlets.Unicode("token_heatmap").tag(sync=True)
    choice_traits = ("features", "pinned", "prompt")

    prompt = traitlets.Unicode().tag(sync=True)
    features = traitlets.List(traitlets.Int()).tag(sync=True)
    """The selected features; `mode` "feature" shows the first, "overlay" all."""
    mode = traitlets.Enum(MODES, "strongest").tag(sync=True)
    pinned = traitlets.Int(None, allow_none=True, min=0).tag(sync=True)
    """Position of the pinned token, or None."""
    top_k = traitlets.Int(8, min=1, max=64).tag(sync=True)
    """How many features are listed for a token."""
    scale = traitlets.Enum(("prompt", "feature"), "prompt").tag(sync=True)
    """What full colour means: the largest value on this prompt, or the feature's maximum over much text."""
    sort = traitlets.Enum(("max", "mean", "count"), "max").tag(sync=True)
    """Order of the list of features."""
    show_spaces = traitlets.Bool(False).tag(sync=True)
    show_newlines = traitlets.Bool(True).tag(sync=True)
    dim_bos = traitlets.Bool(True).tag(sync=True)
    """Whether special tokens are dimmed and left out of scale, peaks and list: their activations dwarf the rest."""

    has_model = kernel_written(traitlets.Bool(False))
    payload = kernel_written(traitlets.Dict())
    """The data as the page takes it; `data` is the same for Python."""
    columns = kernel_written(traitlets.Dict())
    """Whole columns of the selected features, for texts too long to send every activation."""

    def __init__(
        self,
        model: Any,
        sae: Any,
        prompt: str = "",
        features: Sequence[int] | None = None,
        top_k: int = 8,
        statistics: Any = None,
        **settings: Any,
    ) -> None:
        from sae_widgets.features.statistics import known_statistics
        from sae_widgets.model import check_fits

        check_fits(model, sae)
        self._model, self._sae = model, sae
        self._statistics = statistics if statistics is not None else known_statistics(sae)
        self._set_up(sae.cfg.d_sae, None, prompt, features, top_k, settings)
        self._request()

    @classmethod
    def from_data(
        cls,
        tokens: Sequence[str],
        values: Any,
        features: Sequence[int] | None = None,
        labels: Mapping[int, str] | Sequence[str] | None = None,
        *,
        token_ids: Any = None,
        is_special: Any = None,
        **settings: Any,
    ) -> "TokenHeatmap":
        """A heatmap of given values; no model is needed.

            TokenHeatmap.from_data([" a", " b"], [0.5, -1.0])                    # one value per token; signs have hues
            TokenHeatmap.from_data(tokens, {12: acts_of_12, 40: acts_of_40})     # several features

        Args:
            tokens: One text per token.
            values: `[n_tokens]`, `[n_tokens, n_features]`, or feature -> `[n_tokens]`; NaN is drawn as a hatch.
            features: Numbers of the columns; None counts from 0.
            labels: Feature -> label, or one label per column.
            token_ids: Shown on hover.
            is_special: `[n_tokens]`, True where a token is a special one.
            settings: Any trait, as for `TokenHeatmap`.

        Raises:
            ValueError: If shapes do not fit together.
        """
        data = from_values(tokens, values, features, labels, token_ids=token_ids, is_special=is_special)
        self = cls.__new__(cls)
        self._model = self._sae = self._statistics = None
        n_columns = len(set(data.features.tolist()))
        settings.setdefault("mode", "feature" if n_columns == 1 else "strongest")
        selected = settings.pop("selected", [int(data.features[0])] if n_columns == 1 else None)
        self._set_up(data.n_features, data, "", selected, settings.pop("top_k", 8), settings)
        self._show(data)
        self.flush()
        return self

    def _set_up(
        self,
        n_features: int,
        data: HeatmapData | None,
        prompt: str,
        features: Sequence[int] | None,
        top_k: int,
        settings: dict[str, Any],
    ) -> None:
        self._n_features, self._data, self._said = n_features, data, ""
        self.ops = {"search": self._search}
        if features:
            settings.setdefault("mode", "feature" if len(features) == 1 else "overlay")
        super().__init__(prompt=prompt, features=list(features or ()), top_k=top_k, **settings)
        self.set_trait("has_model", self._model is not None)
        self.observe(lambda change: self._request(), names=["prompt"])
        self.observe(lambda change: self._request_columns(), names=["features"])
        self.observe(lambda change: self._resend(), names=["top_k"])

    @traitlets.validate("features")
    def _check_features(self, proposal: Any) -> list[int]:
        features = list(dict.fromkeys(proposal["value"]))
        for feature in features:
            if not 0 <= feature < self._n_features:
                last = self._n_features - 1
                raise _Refused(
                    f"No feature {feature}: there are {self._n_features}, 0 to {last}. "
                    f"The nearest is {min(max(feature, 0), last)}."
                )
        return features

    def chosen(self, change: Any) -> dict[str, Any]:
        if change["name"] == "pinned":
            position = change["new"]
            return {"tokens": None if position is None else (position, position + 1)}
        return {"features": list(change["new"])}

    def take_features(self, features: list[int]) -> None:
        mode = ("strongest", "feature", "overlay")[min(len(features), 2)]
        if features != self.features:
            self.features, self.mode = features, mode

    def take_tokens(self, span: tuple[int, int] | None) -> None:
        self.pinned = None if span is None else span[0]

    @property
    def data(self) -> HeatmapData:
        """The numbers behind the picture as plain arrays; waits for the analysis of the current prompt.

        Raises:
            ValueError: If there is none, because the prompt is empty or was refused.
        """
        self.wait(60.0)
        if self._data is None:
            raise ValueError(self.error.get("message") or "There is no data yet: set a prompt.")
        return self._data

    # -- work ------------------------------------------------------------------------------------------------------

    def on_message(self, content: dict, buffers: list) -> None:
        """`run` analyses the prompt again."""
        if content.get("kind") == "run":
            self._request()

    def _request(self) -> None:
        if self._model is not None:
            self.submit("analyse", self._analyse)

    def _request_columns(self) -> None:
        data = self._data
        if data is not None:
            self.submit("columns", lambda job: self._show_again(columns=self._columns(data)))

    def _resend(self) -> None:
        data = self._data
        if data is not None and not data.is_complete():
            self.submit("resend", lambda job: self._show_again(payload=data.payload(self.top_k)))

    def _show_again(self, **traits: Any) -> None:
        self.set_from_kernel(**traits)
        self._say(self._said)

    def _analyse(self, job: Job) -> None:
        prompt, started = clean_text(self.prompt), time.perf_counter()
        if not prompt:
            if self._data is None:
                return self._say("Type a prompt.")
            raise ValueError("The prompt is empty: type the text to look at.")
        data = analyse(self._model, self._sae, prompt, self._statistics, job)
        job.check()
        self._show(data)
        took = (time.perf_counter() - started) * 1000
        self._say(f"{data.n_tokens} token{'s' * (data.n_tokens != 1)}, {took:.0f} ms")

    def _say(self, text: str) -> None:
        self._said = text
        self.set_from_kernel(error={}, status={"state": "done", "text": text, "done": 0, "total": 0})

    def _show(self, data: HeatmapData | None) -> None:
        if data is None:
            return
        self._data = data
        self.set_from_kernel(payload=data.payload(self.top_k), columns=self._columns(data))

    def _columns(self, data: HeatmapData) -> dict[str, Any]:
        """Whole columns of the selection; empty when the page has everything already."""
        is_needed = not data.is_complete() or any(feature in data.labels for feature in self.features)
        return data.columns(list(self.features)) if is_needed else {}

    def _search(self, args: dict, job: Job) -> list[dict[str, Any]]:
        """Features by number or by words of their label, those that fire here first."""
        query, limit = str(args.get("query", "")).strip().lower(), min(int(args.get("limit", 20)), MAX_SEARCH)
        labels = self._statistics.labels if self._statistics is not None else {}
        if self._data is not None:
            labels = {**self._data.labels, **labels}
        peaks = {}
        if self._data is not None:
            summary = self._data.summary(skip_special=self.dim_bos)
            peaks = dict(zip(summary["feature"].tolist(), summary["peak"].tolist(), strict=True))
        number = query.lstrip("#")
        found = [int(number)] if number.isdecimal() and int(number) < self._n_features else []
        words = query.split()
        by_label = [f for f, label in labels.items() if words and all(word in label.lower() for word in words)]
        found += sorted(by_label if words else peaks, key=lambda f: -abs(peaks.get(f, 0.0)))
        found = list(dict.fromkeys(found))[:limit]
        return [{"feature": f, "label": labels.get(f, ""), "peak": peaks.get(f, 0.0)} for f in found]

    # -- ways out --------------------------------------------------------------------------------------------------

    def _code(self) -> str:
        """Python that makes it again; one of given values with the values in it, where they are few."""
        data = self._data
        if self._model is not None or data is None:
            return view_code(self)
        return data_code(self, data)

    def _tables(self) -> dict[str, Any]:
        from sae_widgets.widgets import _numbers  # pandas and altair are slow to import

        return _numbers.heatmap_frames(self._data) if self._data is not None else {}

    def _charts(self) -> dict[str, Any]:
        from sae_widgets.widgets import _charts  # pandas and altair are slow to import

        return _charts.heatmap_charts(self._data, self.features) if self._data is not None else {}

    def _sources(self) -> dict[str, Any]:
        return {**_provenance.facts_of(self._sae, self._statistics), **({"prompt": self.prompt} if self.prompt else {})}

    # -- pictures --------------------------------------------------------------------------------------------------

    def describe(self) -> str:
        """Tokens and features in one line."""
        if self._data is None:
            return "TokenHeatmap (no text yet)"
        text = visible("".join(self._data.tokens[:200])).replace("\n", " ").strip()
        text = text if len(text) <= 60 else f"{text[:59]}…"
        return (
            f"TokenHeatmap of “{text}” ({self._data.n_tokens} tokens, {len(np.unique(self._data.features))} features)"
        )

    def fallback_html(self) -> str:
        """The coloured tokens, the strongest features, and a table of the same for screen readers."""
        if self._data is None:
            return super().fallback_html()
        return _heatmap_picture.to_html(self._data, self.mode, list(self.features), self.dim_bos, self.describe())

    def fallback_svg(self) -> str:
        """The coloured tokens as a picture."""
        if self._data is None:
            return super().fallback_svg()
        return _heatmap_picture.to_svg(self._data, self.mode, list(self.features), self.dim_bos, self.describe())


def analyse(model: Any, sae: Any, prompt: str, statistics: Any, job: Job) -> HeatmapData:
    """The activations of `sae` on `prompt`.

    Raises:
        ValueError: If the prompt is empty or has more tokens than the model's context.
    """
    import torch

    from sae_widgets.activations.hook_reader import read_input
    from sae_widgets.model import prompt_tokens, token_texts

    tokens = prompt_tokens(model, prompt)
    with torch.no_grad(), model.lock:
        job.check()
        acts = sae.encode_sparse(read_input(model, sae, tokens)[0])
    ids = tokens[0].tolist()
    tokenizer = model.tokenizer
    data = from_rows(
        token_texts(tokenizer, ids),
        acts.indices.cpu().numpy(),
        acts.values.float().cpu().numpy(),
        n_features=sae.cfg.d_sae,
        prompt=prompt,
        token_ids=np.array(ids),
        is_special=np.isin(ids, list(tokenizer.all_special_ids)),
    )
    if statistics is None:
        return data
    maxima = {int(f): float(statistics.max_act[int(f)]) for f in np.unique(data.features)}
    return dataclasses.replace(data, labels=dict(statistics.labels), maxima=maxima)
