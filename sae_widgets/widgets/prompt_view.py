"""One prompt, its tokens and the features that matter there; or two prompts and what differs between them.

    sw.PromptView(model, sae, "The capital of France is")                       # features by tokens
    sw.PromptView(model, sae, left, other=right, sort="difference")             # what changed

`features/prompt_scores.py` has the measures; `sw.prompt_features` gives the same numbers without a widget.
"""

import time
from collections import OrderedDict
from typing import Any

import traitlets

from sae_widgets.features.lab import FeatureLab
from sae_widgets.features.prompt import PromptStudy
from sae_widgets.features.prompt_scores import METRICS, PromptComparison, PromptFeatures
from sae_widgets.features.statistics import FeatureStatistics, known_statistics
from sae_widgets.fit import check_fits
from sae_widgets.hooked import as_hooked
from sae_widgets.sae import SAE
from sae_widgets.widgets import _prompt_picture, _provenance
from sae_widgets.widgets._attribution import NextTokens, next_tokens
from sae_widgets.widgets._base import Job, SaeWidget, kernel_written
from sae_widgets.widgets._clean import clean_text, visible
from sae_widgets.widgets._prompt_view import (
    View,
    card_of,
    check_column,
    ordered,
    pairs_of,
    payload_of,
    strongest,
)
from sae_widgets.widgets._refused import RefusedError

N_STUDIES, N_CARDS, N_SUGGESTIONS = 6, 300, 12
_WANTED = ("metric", "target", "position", "top", "n_cards", "sort")


class PromptView(SaeWidget):
    """The features of a prompt, token by token, by four measures; with a second prompt, the difference.

        view = sw.PromptView(model, sae, "And the LORD said", metric="attribution")
        view.position = 4               # a token: the features that matter there; None: the whole prompt
        view.other = "And the king said"
        view.metric = "loss_effect"     # costs a forward pass for each feature: the page says how many,
        view.measure()                  # and this, or a click, does it
        view.data                       # the numbers on view

    Args:
        model: The model.
        sae: The SAE.
        prompt: The text.
        other: A second text to compare with; "" for none.
        metric: `act_size`, `act_quantile` (needs statistics), `attribution` or `loss_effect`.
        target: The next token that attribution explains, with its leading space; "" takes the likeliest.
        statistics: Labels, histograms and contexts; None takes those stored beside the SAE.
        settings: Any other trait: `position`, `top`, `n_cards`, `sort`, `show`, `feature`; and `selection`.

    Raises:
        ValueError: If there is no such metric or feature, or the SAE does not fit the model.
    """

    _view = traitlets.Unicode("prompt_view").tag(sync=True)
    choice_traits = ("feature", "position", "prompt")

    prompt = traitlets.Unicode().tag(sync=True)
    other = traitlets.Unicode().tag(sync=True)
    """A second prompt, whose tokens are put beside those of the first; "" for none."""
    metric = traitlets.Enum(METRICS, "act_size").tag(sync=True)
    target = traitlets.Unicode().tag(sync=True)
    position = traitlets.Int(None, allow_none=True, min=0).tag(sync=True)
    """The column that is looked at: a token, with two prompts a pair of them; None for the whole."""
    feature = traitlets.Int(None, allow_none=True).tag(sync=True)
    """The chosen feature, which `sw.selection` shares."""
    top = traitlets.Int(20, min=1, max=100).tag(sync=True)
    """How many features the matrix has."""
    n_cards = traitlets.Int(10, min=0, max=30).tag(sync=True)
    """How many of them are described below it."""
    sort = traitlets.Enum(("score", "difference"), "score").tag(sync=True)
    """With two prompts: the features that score most on either, or that differ most."""
    show = traitlets.Enum(("both", "difference"), "both").tag(sync=True)
    """With two prompts: each cell's two halves are the left and the right prompt, or its colour their difference."""

    payload = kernel_written(traitlets.Dict())
    """What the page draws; `data` is the same for Python."""
    cards = kernel_written(traitlets.List())
    """What is known of the first features, whatever the prompt."""
    cost = kernel_written(traitlets.Dict())
    """What loss effects would cost that are not computed yet: `n` passes of `tokens` tokens, about `seconds`."""
    suggestions = kernel_written(traitlets.List())

    def __init__(
        self,
        model: Any,
        sae: SAE,
        prompt: str = "",
        other: str = "",
        metric: str = "act_size",
        target: str = "",
        statistics: FeatureStatistics | None = None,
        **settings: Any,
    ) -> None:
        self._model, self._sae = as_hooked(model), sae
        check_fits(self._model, sae)
        self._statistics = statistics if statistics is not None else known_statistics(sae)
        self._lab = None if self._statistics is None else FeatureLab(self._model, sae, self._statistics)
        self._studies: OrderedDict[str, PromptStudy] = OrderedDict()
        self._cards: dict[int, dict[str, Any]] = {}
        self._next: NextTokens | None = None
        self._view_shown: View | None = None
        self.ops = {"suggest": self._suggest}
        super().__init__(prompt=prompt, other=other, metric=metric, target=target, **settings)
        self.observe(lambda change: self._on_text(), names=["prompt", "other"])
        self.observe(lambda change: self._request(), names=[*_WANTED])
        self.observe(lambda change: self._on_feature(), names=["feature"])
        self._request()

    # -- what is wanted ------------------------------------------------------------------------------------------------

    @traitlets.validate("feature")
    def _check_feature(self, proposal: Any) -> int | None:
        feature, d_sae = proposal["value"], self._sae.cfg.d_sae
        if feature is not None and not 0 <= feature < d_sae:
            raise RefusedError(f"No feature {feature} in this SAE: it has {d_sae} features, 0 to {d_sae - 1}.")
        return feature

    def chosen(self, change: Any) -> dict[str, Any]:
        if change["name"] == "feature":
            return {} if change["new"] is None else {"features": [change["new"]]}
        place = self._left_of(change["new"])
        return {"tokens": None if place is None else (place, place + 1)}

    def take_features(self, features: list[int]) -> None:
        self.feature = features[0] if features else None

    def take_tokens(self, span: tuple[int, int] | None) -> None:
        places = [] if self._view_shown is None or span is None else [pair[0] for pair in self._view_shown.pairs]
        found = places.index(span[0]) if span is not None and span[0] in places else None
        is_special = found is not None and self._view_shown.left.is_special[places[found]]  # type: ignore[union-attr, index]
        self.position = None if is_special else found

    def _left_of(self, column: int | None) -> int | None:
        shown = self._view_shown
        return None if column is None or shown is None or column >= len(shown.pairs) else shown.pairs[column][0]

    def _on_text(self) -> None:
        if self.position is not None:
            self.position = None  # asks, too
        else:
            self._request()

    def _on_feature(self) -> None:
        shown = self._view_shown
        if self.feature is not None and shown is not None and self.feature not in shown.left.features:
            self._request()

    def measure(self) -> None:
        """Compute the loss effects of the features on view: a forward pass for each that is not known yet."""
        self._request(may_measure=True)

    def stop(self) -> None:
        """Cancel what is being computed; what was on view stays."""
        self.cancel("view")

    def on_message(self, content: dict, buffers: list) -> None:
        """`measure` and `stop` of the page, `run` to try again."""
        kind = content.get("kind")
        if kind in ("measure", "stop", "run"):
            {"measure": self.measure, "stop": self.stop, "run": self._request}[kind]()

    # -- work ----------------------------------------------------------------------------------------------------------

    def _request(self, *, may_measure: bool = False) -> None:
        self.submit("view", lambda job: self._look(job, may_measure))

    def _look(self, job: Job, may_measure: bool) -> None:
        started = time.perf_counter()
        if not self.prompt and self._view_shown is None:
            self.set_from_kernel(error={}, status={"state": "done", "text": "Type a prompt.", "done": 0, "total": 0})
            return
        try:
            view, missing = self._computed(job, may_measure)
        except NotImplementedError as error:  # of this kind of SAE; the reader can take another metric
            raise ValueError(str(error)) from error
        job.check()
        self._view_shown = view
        study = self._study(self.prompt)
        shown = view.left.features[: self.n_cards]
        self.set_from_kernel(
            payload=payload_of(view, self._statistics),
            cards=[self._card(study, feature) for feature in shown],
            suggestions=self._next_tokens().suggest("", N_SUGGESTIONS),
            cost=missing,
        )
        n_firing = len(study.firing)
        took = (time.perf_counter() - started) * 1000
        text = f"{len(view.left.tokens)} tokens, {len(view.left.features)} of {n_firing} features, {took:.0f} ms"
        self.set_from_kernel(error={}, status={"state": "done", "text": text, "done": 0, "total": 0})

    def _computed(self, job: Job, may_measure: bool) -> tuple[View, dict[str, Any]]:
        """The view that is wanted, and what its loss effects would cost."""
        metric, target, column = self.metric, self.target, self.position
        left = self._study(self.prompt)
        right = self._study(self.other, "The second prompt: ") if self.other else None
        pairs = pairs_of(left, right)
        check_column(left, right, pairs, column)
        wanted: str | int = left.likeliest if metric == "attribution" and not target else target
        job.check()
        features = strongest(left, right, metric, self.top, column, self.sort, wanted)
        if self.feature is not None and self.feature not in features:
            features += [f for f in [self.feature] if any(f in study.firing for study in (left, right) if study)]
        studies = [left] if right is None else [left, right]
        n_missing = sum(len(study.missing_effects(features)) for study in studies) if metric == "loss_effect" else 0
        missing = {} if not n_missing or may_measure else self._cost(n_missing, left)
        # Until they are asked for, what the features are chosen by is shown.
        shown = "act_size" if missing else metric
        sides = [study.scored(shown, features, wanted, **self._telling(job)) for study in studies]
        job.check()
        view = View(sides[0], sides[1] if right is not None else None, pairs, column)
        return ordered(view, self.sort), missing

    def _telling(self, job: Job) -> dict[str, Any]:
        def tell(done: int, total: int) -> None:
            job.progress(done, total, "Leaving features out")

        return {"on_progress": tell, "is_cancelled": job.is_cancelled}

    def _cost(self, n: int, study: PromptStudy) -> dict[str, Any]:
        return {"n": n, "tokens": len(study.tokens), "seconds": n * study.forward_seconds}

    def _study(self, prompt: str, where: str = "") -> PromptStudy:
        """The prompt's study; the last ones are kept, with all that was computed."""
        study = self._studies.pop(prompt, None)
        if study is None:
            try:
                study = PromptStudy(self._model, self._sae, prompt, self._statistics)
            except ValueError as error:
                raise ValueError(f"{where}{error}") from None
        self._studies[prompt] = study
        while len(self._studies) > N_STUDIES:
            self._studies.popitem(last=False)
        return study

    def _card(self, study: PromptStudy, feature: int) -> dict[str, Any]:
        if feature not in self._cards:
            if len(self._cards) >= N_CARDS:
                self._cards.clear()
            self._cards[feature] = card_of(study, self._lab, feature)
        return self._cards[feature]

    def _next_tokens(self) -> NextTokens:
        prompt = self.prompt
        if self._next is None or self._next.prompt != prompt:
            self._next = next_tokens(self._model, prompt)
        return self._next

    def _suggest(self, args: dict, job: Job) -> list[list[Any]]:
        return self._next_tokens().suggest(str(args.get("query", ""))[:200], N_SUGGESTIONS) if self.prompt else []

    # -- results and pictures ------------------------------------------------------------------------------------------

    @property
    def data(self) -> PromptFeatures | PromptComparison:
        """The numbers on view, once the work is done: of one prompt, or of two side by side.

        Before `measure()` they are activations where loss effects are wanted; their `metric` says so.

        Raises:
            ValueError: If there are none, because the prompt was refused.
        """
        self.wait(60.0)
        shown = self._view_shown
        if shown is None:
            raise ValueError(self.error.get("message") or "There is nothing yet: set a prompt.")
        return shown.left if shown.right is None else PromptComparison(shown.left, shown.right, shown.pairs)

    def _tables(self) -> dict[str, Any]:
        from sae_widgets.widgets import _numbers  # pandas and altair are slow to import

        return {} if self._view_shown is None else _numbers.prompt_frames(self.data)

    def _charts(self) -> dict[str, Any]:
        from sae_widgets.widgets import _charts  # pandas and altair are slow to import

        return _charts.prompt_charts(self.payload)

    def _sources(self) -> dict[str, Any]:
        asked = {"prompt": self.prompt, "other": self.other, "target": (self.payload or {}).get("target") or ""}
        facts = _provenance.facts_of(self._sae, self._statistics)
        return {**facts, "metric": self.metric, **{name: value for name, value in asked.items() if value}}

    def describe(self) -> str:
        """Prompt, metric and the first feature in one line."""
        if not self.payload:
            return "PromptView (no prompt yet)"
        shown = [visible(clean_text(side["prompt"])) for side in (self.payload["left"], self.payload["right"]) if side]
        words = " against ".join(f"“{text[:59] + '…' if len(text) > 60 else text}”" for text in shown)
        measure = _prompt_picture.TITLES[self.payload["metric"]]
        return f"PromptView of {words}: {len(self.payload['features'])} features by {measure}"

    def fallback_html(self) -> str:
        """The matrix as a table with its numbers."""
        return _prompt_picture.to_html(self.payload, self.describe()) if self.payload else super().fallback_html()

    def fallback_svg(self) -> str:
        """The matrix as a picture."""
        return _prompt_picture.to_svg(self.payload, self.describe()) if self.payload else super().fallback_svg()
