"""Signed bars: which features of the prompt caused a prediction, by three methods that each add up to it.

    sum of the features + other features + error term + remainder  =  logit difference

`attribution.py` has the formulas. Direct and gradient are shown at once; ablation runs the model once per feature, so
it follows with its progress and can be stopped.
"""

import dataclasses
from collections.abc import Sequence
from typing import Any

import traitlets

from sae_widgets.attribution import Attribution, attribute
from sae_widgets.features.statistics import FeatureStatistics, known_statistics
from sae_widgets.fit import check_fits
from sae_widgets.hooked import as_hooked
from sae_widgets.sae import SAE
from sae_widgets.widgets import _attribution_picture, _provenance
from sae_widgets.widgets._attribution import NextTokens, bar_table, next_tokens
from sae_widgets.widgets._base import Job, SaeWidget, kernel_written
from sae_widgets.widgets._refused import RefusedError
from sae_widgets.widgets._steering import feature_label

METHODS = ("direct", "gradient", "ablation")
N_SUGGESTIONS = 12
# Features each method keeps, so that a bar strong in one has its value in the others, too: of the quick ones all that
# fire; ablation runs the model once more for each place of each of them.
N_KEPT = {"direct": 10_000, "gradient": 10_000, "ablation": 30}
N_KEPT_SHORT, SHORT_CHARACTERS = 60, 200
_WANTED = ("prompt", "target", "contrast", "top", "methods")


class AttributionBars(SaeWidget):
    """Bars of the features that raise or lower one next token against another.

    The settings are traits both ways; `result` is the `Attribution` behind the picture.

    Args:
        model: The model that predicts.
        sae: The SAE whose features explain.
        prompt: The text before the prediction.
        target: The next token to explain, with its leading space: " Paris"; "" takes the likeliest.
        contrast: A token to compare with, or None.
        statistics: Labels; None takes those stored beside the SAE.
        settings: Any other trait: `methods`, `top`, `sort_by`, `selected_feature`; and `selection`.

    Raises:
        ValueError: If a method or a selected feature does not exist, or the SAE does not fit the model.
    """

    _view = traitlets.Unicode("attribution_bars").tag(sync=True)
    choice_traits = ("selected_feature", "prompt")

    prompt = traitlets.Unicode().tag(sync=True)
    target = traitlets.Unicode().tag(sync=True)
    contrast = traitlets.Unicode(None, allow_none=True).tag(sync=True)
    methods = traitlets.List(traitlets.Enum(METHODS), list(METHODS), minlen=1).tag(sync=True)
    top = traitlets.Int(15, min=1, max=200).tag(sync=True)
    """How many features have a bar of their own."""
    sort_by = traitlets.Enum(METHODS, "gradient").tag(sync=True)
    selected_feature = traitlets.Int(None, allow_none=True).tag(sync=True)
    """The feature whose places in the prompt are shown."""

    suggestions = kernel_written(traitlets.List())
    """The likeliest next tokens as [text, id, probability], for the two token boxes."""
    bars = kernel_written(traitlets.Dict())
    """The last result as the page draws it; `result` is the same for Python."""

    def __init__(
        self,
        model: Any,
        sae: SAE,
        prompt: str = "",
        target: str = "",
        contrast: str | None = None,
        statistics: FeatureStatistics | None = None,
        **settings: Any,
    ) -> None:
        self._model, self._sae = as_hooked(model), sae
        check_fits(self._model, sae)
        self._statistics = statistics if statistics is not None else known_statistics(sae)
        self._next: NextTokens | None = None
        self._is_choosing = False
        self.result: Attribution | None = None
        self.ops = {"suggest": self._suggest}
        methods = settings.get("methods")
        if methods and settings.get("sort_by", "gradient") not in methods:
            settings["sort_by"] = methods[0]
        super().__init__(prompt=prompt, target=target, contrast=contrast, **settings)
        self.observe(self._on_wanted, names=[*_WANTED])
        self._request()

    @traitlets.validate("selected_feature")
    def _check_selected(self, proposal: dict) -> int | None:
        feature, d_sae = proposal["value"], self._sae.cfg.d_sae
        if feature is not None and not 0 <= feature < d_sae:
            raise RefusedError(f"No feature {feature} in this SAE: it has {d_sae} features, 0 to {d_sae - 1}.")
        return feature

    @traitlets.validate("contrast")
    def _check_contrast(self, proposal: dict) -> str | None:
        return proposal["value"] or None  # an emptied box means "no contrast"

    def chosen(self, change: Any) -> dict[str, Any]:
        return {"features": [] if change["new"] is None else [change["new"]]}

    def take_features(self, features: list[int]) -> None:
        self.selected_feature = features[0] if features else None

    def _on_wanted(self, change: dict) -> None:
        if not self._is_choosing:
            self._request()

    def _request(self) -> None:
        self.submit("attribute", self._attribute)

    def on_message(self, content: dict, buffers: list) -> None:
        """`stop` ends the ablation at the next feature, `run` starts again."""
        if content.get("kind") == "stop":
            self.cancel("attribute")
        elif content.get("kind") == "run":
            self._request()

    # -- work ------------------------------------------------------------------------------------------------------

    def _attribute(self, job: Job) -> None:
        prompt, target, contrast, methods = self.prompt, self.target, self.contrast, list(self.methods)
        if not prompt:
            raise ValueError("The prompt is empty: type the text before the prediction.")
        following = self._next_tokens(prompt)
        self.set_from_kernel(suggestions=following.suggest("", N_SUGGESTIONS))
        if not target:
            target = following.texts[following.first]
            self._show_target(target)
        # Ablation costs a forward pass per feature: the two that cost one pass in all go first and are shown.
        rounds = [[m for m in methods if m != "ablation"], [m for m in methods if m == "ablation"]]
        so_far: Attribution | None = None
        for names in filter(None, rounds):
            part = self._run_methods(job, prompt, target, contrast, names)
            if job.is_cancelled():
                return
            so_far = part if so_far is None else _joined(so_far, part)
            self.result = so_far
            self.set_from_kernel(bars=bar_table(so_far, self._label, self.top))

    def _run_methods(
        self, job: Job, prompt: str, target: str, contrast: str | None, methods: Sequence[str]
    ) -> Attribution:
        n_kept = max(N_KEPT[name] for name in methods)
        if len(prompt) <= SHORT_CHARACTERS:
            n_kept = max(n_kept, N_KEPT_SHORT)
        return attribute(
            self._model,
            self._sae,
            prompt,
            target,
            contrast,
            methods=tuple(methods),
            top=max(self.top, n_kept),
            on_progress=lambda done, total: job.progress(done, total, "Ablating features"),
            is_cancelled=job.is_cancelled,
        )

    def _show_target(self, target: str) -> None:
        """Write the chosen target into the box, without asking for the same work again."""
        self._is_choosing = True
        try:
            self.set_from_kernel(target=target)
            self.flush()
        finally:
            self._is_choosing = False

    def _next_tokens(self, prompt: str) -> NextTokens:
        found = self._next
        if found is None or found.prompt != prompt:
            found = self._next = next_tokens(self._model, prompt)
        return found

    def _suggest(self, args: dict, job: Job) -> list[list[Any]]:
        prompt = self.prompt
        return self._next_tokens(prompt).suggest(str(args.get("query", ""))[:200], N_SUGGESTIONS) if prompt else []

    def _label(self, feature: int) -> str:
        return feature_label(self._statistics, feature)

    # -- ways out --------------------------------------------------------------------------------------------------

    def _tables(self) -> dict[str, Any]:
        from sae_widgets.widgets import _numbers  # pandas and altair are slow to import

        return _numbers.attribution_frames(self.result, self._label)

    def _charts(self) -> dict[str, Any]:
        from sae_widgets.widgets import _charts  # pandas and altair are slow to import

        return _charts.attribution_charts(self.result, self.sort_by, self.top)

    def _sources(self) -> dict[str, Any]:
        asked = {"prompt": self.prompt, "target": self.target, "contrast": self.contrast or ""}
        return {**_provenance.facts_of(self._sae), **{name: value for name, value in asked.items() if value}}

    # -- pictures --------------------------------------------------------------------------------------------------

    def describe(self) -> str:
        """The widget in one line."""
        versus = f" against {self.contrast!r}" if self.contrast else ""
        return f"AttributionBars({self.prompt!r} → {self.target!r}{versus})"

    def fallback_html(self) -> str:
        """The bars' numbers with small bars, as escaped HTML without script."""
        return _attribution_picture.as_html(self)

    def fallback_svg(self) -> str:
        """The bars as a picture."""
        return _attribution_picture.as_svg(self)


def _joined(first: Attribution, second: Attribution) -> Attribution:
    """The methods of both, of one prompt and target."""
    return dataclasses.replace(
        second,
        methods={**first.methods, **second.methods},
        unavailable={**first.unavailable, **second.unavailable},
    )
