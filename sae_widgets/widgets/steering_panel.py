"""Sliders on decoder directions, and what the model writes without and with them, side by side, as it is written.

Strengths are in units of the feature's own maximum activation: 1 adds the feature once at the strongest it was seen,

    x + strength * max_act * W_dec[feature]        (mode "add"; `steering.py` has the three formulas)
"""

import itertools
import math
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import traitlets

from sae_widgets.features.statistics import FeatureStatistics, known_statistics
from sae_widgets.fit import check_fits
from sae_widgets.hooked import as_hooked
from sae_widgets.lean import forget
from sae_widgets.sae import SAE
from sae_widgets.steering import MODES, PLACES, FeatureSteer, GeneratedToken, generate_stream
from sae_widgets.widgets import _provenance, _steering_picture
from sae_widgets.widgets._base import Job, SaeWidget, kernel_written
from sae_widgets.widgets._clean import json_safe
from sae_widgets.widgets._code import view_code
from sae_widgets.widgets._refused import RefusedError
from sae_widgets.widgets._steering import (
    Patches,
    PlainText,
    PromptActivations,
    SteeringResult,
    feature_label,
    int_keys,
    measured_unit,
    outcome_of,
    prompt_activations,
    search_features,
    text_code,
    text_keys,
    touched,
)

N_CHOSEN = 3
N_PLAIN_TEXTS = 8  # unsteered texts kept, so that undo and a switched seed show theirs at once
_WANTED = ("prompt", "features", "strengths", "modes", "temperature", "seed", "max_new_tokens", "where")


class SteeringPanel(SaeWidget):
    """A live panel: several features, each with a slider, and the text with and without them.

    Every setting is a trait both ways; the texts are read from `text`, `steered_text` and `result`.

    Args:
        model: What writes, from `load_model` or `load_demo`.
        sae: The SAE whose decoder directions steer.
        prompt: Where both texts begin.
        features: Features to begin with, or feature -> strength; None takes the three strongest on the prompt.
        statistics: Maximum activations and labels; None takes those stored beside the SAE, and lacking these, the
            maxima on the prompt.
        settings: Any other trait: `strengths`, `modes`, `temperature`, `seed`, `max_new_tokens`, `where`, `update`;
            and `selection`.

    Raises:
        ValueError: If a feature is not in the SAE, a number is not finite, or the SAE does not fit the model.
    """

    _view = traitlets.Unicode("steering_panel").tag(sync=True)
    choice_traits = ("features", "strengths", "prompt")

    prompt = traitlets.Unicode().tag(sync=True)
    features: Any = traitlets.List(traitlets.Int()).tag(sync=True)
    """Feature numbers, in the order of the sliders."""
    strengths: Any = traitlets.Dict(value_trait=traitlets.Float()).tag(sync=True, to_json=text_keys, from_json=int_keys)
    """Feature -> strength in units of its maximum activation; any finite number."""
    modes: Any = traitlets.Dict(value_trait=traitlets.Enum(MODES)).tag(sync=True, to_json=text_keys, from_json=int_keys)
    """Feature -> "add", "clamp" or "ablate"; "add" where nothing is said."""
    temperature = traitlets.Float(0.7, min=0.0, max=10.0).tag(sync=True)
    """0 takes the likeliest token each time."""
    seed = traitlets.Int(0, min=0, max=2**31 - 1).tag(sync=True)
    max_new_tokens = traitlets.Int(40, min=1, max=4096).tag(sync=True)
    where = traitlets.Enum(PLACES, "all").tag(sync=True)
    """Steer all positions, those of the prompt, or those written after it."""
    update = traitlets.Enum(("drag", "release"), "drag").tag(sync=True)
    """Whether a slider acts while it is dragged, or when it is let go (for slow models)."""
    presets = traitlets.Dict().tag(sync=True)
    """Name -> {"features": [...], "strengths": {...}, "modes": {...}}; the panel's menu saves and recalls them."""

    rows = kernel_written(traitlets.List(traitlets.Dict()))
    """What is known of each feature: label, unit (the raw activation at strength 1) and where the unit is from."""
    outcome = kernel_written(traitlets.Dict())
    """The last finished pair of texts as the page draws it; `result` is the same for Python."""

    def __init__(
        self,
        model: Any,
        sae: SAE,
        prompt: str = "",
        features: Sequence[int] | Mapping[int, float] | None = None,
        statistics: FeatureStatistics | None = None,
        **settings: Any,
    ) -> None:
        self._model, self._sae = as_hooked(model), sae
        check_fits(self._model, sae)
        self._statistics = statistics if statistics is not None else known_statistics(sae)
        self._requests = itertools.count(1)
        self._newest_request = 0
        self._is_adjusting = False
        self._visitor: int | None = None
        self._units: dict[int, tuple[float, str]] = {}
        self._on_prompt: PromptActivations | None = None
        self._plain_texts: OrderedDict[tuple, PlainText] = OrderedDict()
        self._plain_shown: PlainText | None = None
        self._chooses_features = features is None and not settings.get("strengths")
        self.result: SteeringResult | None = None
        self.ops = {"search": self._search}
        if isinstance(features, Mapping):
            settings["strengths"] = {**features, **settings.get("strengths", {})}
        super().__init__(prompt=prompt, features=list(features or ()), **settings)
        self._make_consistent()
        self.observe(self._on_wanted, names=[*_WANTED])
        self._request()

    # -- what is wanted --------------------------------------------------------------------------------------------

    @traitlets.validate("features")
    def _check_features(self, proposal: dict) -> list[int]:
        features = list(dict.fromkeys(proposal["value"]))
        for feature in features:
            self._check_feature(feature)
        return features

    @traitlets.validate("strengths")
    def _check_strengths(self, proposal: dict) -> dict[int, float]:
        for feature, strength in proposal["value"].items():
            self._check_feature(feature)
            if not math.isfinite(strength):
                raise RefusedError(
                    f"The strength of feature {feature} is {strength}; it must be a finite number, "
                    "in units of the feature's maximum activation (0 is off)."
                )
        return dict(proposal["value"])

    @traitlets.validate("temperature")
    def _check_temperature(self, proposal: dict) -> float:
        if not math.isfinite(proposal["value"]):
            raise RefusedError(f"The temperature is {proposal['value']}; it must be a finite number, 0 or more.")
        return proposal["value"]

    def _check_feature(self, feature: Any) -> None:
        d_sae = self._sae.cfg.d_sae
        if not isinstance(feature, int) or isinstance(feature, bool) or not 0 <= feature < d_sae:
            raise RefusedError(f"No feature {feature!r} in this SAE: it has {d_sae} features, 0 to {d_sae - 1}.")

    def chosen(self, change: Any) -> dict[str, Any]:
        """The one slider that was added, or moved."""
        found = [] if self._is_adjusting else touched(change["old"], change["new"])
        return {"features": found} if len(found) == 1 else {}

    def take_features(self, features: list[int]) -> None:
        """Give the chosen feature a slider at 0, in place of the one before it if nobody moved that."""
        if not features or features[0] in self.features:
            return
        left = self._visitor
        if left is not None and (self.strengths.get(left) or self.modes.get(left, "add") != "add"):
            left = None
        self._visitor = features[0]
        with self._adjusting():  # at strength 0 the texts stay as they are
            self.features = [*(f for f in self.features if f != left), features[0]]
            self.strengths = {feature: self.strengths.get(feature, 0.0) for feature in self.features}
        if self.prompt:
            self.submit("describe", lambda job: self._describe_features(self.prompt))

    @contextmanager
    def _adjusting(self) -> Iterator[None]:
        """Changes in here ask for nothing."""
        self._is_adjusting = True
        try:
            yield
        finally:
            self._is_adjusting = False

    def _on_wanted(self, change: dict) -> None:
        if self._is_adjusting:
            return
        if change["name"] == "features":  # a removed slider takes its strength along, else it would come back
            self._keep_only(change["new"])
        self._make_consistent()
        self._request()

    def _keep_only(self, features: list[int]) -> None:
        with self._adjusting():
            for name in ("strengths", "modes"):
                kept = {f: v for f, v in getattr(self, name).items() if f in features}
                if kept != getattr(self, name):
                    self.set_trait(name, kept)

    def _make_consistent(self) -> None:
        """Give each strength a slider and each slider a strength; a page sends them together already."""
        with self._adjusting():
            features = list(dict.fromkeys([*self.features, *self.strengths, *self.modes]))
            strengths = {feature: self.strengths.get(feature, 0.0) for feature in features}
            if features != self.features:
                self.features = features
            if strengths != self.strengths:
                self.strengths = strengths

    def _request(self) -> None:
        request = self._newest_request = next(self._requests)
        self.submit("generate", lambda job: self._generate(job, request))

    def on_message(self, content: dict, buffers: list) -> None:
        """`stop` ends the texts at the next token, `run` writes them again."""
        if content.get("kind") == "stop":
            self.cancel("generate")
        elif content.get("kind") == "run":
            self._request()

    def close(self) -> None:
        """End the worker and the connection, and keep nothing of the last prompt."""
        super().close()
        if (model := getattr(self, "_model", None)) is not None:  # a panel that was refused has none
            forget(model)

    # -- work ------------------------------------------------------------------------------------------------------

    def _generate(self, job: Job, request: int) -> None:
        prompt = self.prompt
        if not prompt:
            raise ValueError("The prompt is empty: type what both texts begin with.")
        if self._chooses_features:
            self._choose_features(prompt)
        self._describe_features(prompt)
        steers = self.steers()
        plain = self._plain_text(prompt)
        settings = {"where": self.where, "is_cancelled": job.is_cancelled, **self._generation()}
        steered = generate_stream(self._model, self._sae, prompt, steers, **settings) if steers else None
        written = self._write(job, request, plain, steered)
        is_stopped = job.is_cancelled()
        if is_stopped and request != self._newest_request:
            return  # a newer request is under way, and its text replaces this one token by token
        self.result = SteeringResult(prompt, tuple(steers), tuple(plain.tokens), tuple(written), is_stopped)
        self.set_from_kernel(outcome=outcome_of(request, plain.key, self.result))

    def _write(
        self, job: Job, request: int, plain: PlainText, steered: Iterator[GeneratedToken] | None
    ) -> list[GeneratedToken]:
        """Send both texts token by token, the steered one first; returns the steered tokens."""
        patches = Patches(self._to_page, request)
        start = {"kind": "start", "run": request, "prompt": plain.prompt, "plain_key": plain.key}
        self._to_page({**start, "is_steered": steered is not None})
        n_plain_shown = plain.n_sent if self._plain_shown is plain else 0
        self._plain_shown = plain
        written: list[GeneratedToken] = []
        is_open = {"steered": True, "plain": True}
        for index in itertools.count():
            for path in ("steered", "plain"):
                if not is_open[path] or job.is_cancelled():
                    continue
                token = plain.token(index) if path == "plain" or steered is None else next(steered, None)
                is_open[path] = token is not None
                if token is None:
                    continue
                if path == "steered":
                    written.append(token)
                elif index < n_plain_shown:
                    continue
                else:
                    plain.n_sent = index + 1
                patches.add(path, index, token)
            if job.is_cancelled() or not any(is_open.values()):
                break
        patches.flush()
        return written

    def _to_page(self, message: dict[str, Any]) -> None:
        if self.comm is not None:
            self.send(json_safe(message))

    def _generation(self) -> dict[str, Any]:
        return {"max_new_tokens": self.max_new_tokens, "temperature": self.temperature, "seed": self.seed}

    def _plain_text(self, prompt: str) -> PlainText:
        """The unsteered text of the present settings, continued where an earlier request left it."""
        settings = self._generation()
        key = (prompt, *settings.values())
        text = self._plain_texts.pop(key, None)
        if text is None or text.has_failed:
            text = PlainText(prompt, repr(key), generate_stream(self._model, self._sae, prompt, (), **settings))
        self._plain_texts[key] = text
        while len(self._plain_texts) > N_PLAIN_TEXTS:
            self._plain_texts.popitem(last=False)
        return text

    # -- features --------------------------------------------------------------------------------------------------

    def steers(self) -> list[FeatureSteer]:
        """What the sliders ask for, in raw activation units; sliders at 0 that add nothing are left out."""
        steers = []
        for feature in self.features:
            mode = self.modes.get(feature, "add")
            strength = 0.0 if mode == "ablate" else self.strengths.get(feature, 0.0) * self._unit(feature)[0]
            if mode != "add" or strength != 0:
                steers.append(FeatureSteer(feature, strength, mode))
        return steers

    def _activations(self, prompt: str) -> PromptActivations:
        found = self._on_prompt
        if found is None or found.prompt != prompt:
            found = self._on_prompt = prompt_activations(self._model, self._sae, prompt)
        return found

    def _unit(self, feature: int) -> tuple[float, str]:
        """The raw activation of strength 1, and where it is from; once known it stays, whatever the prompt."""
        if feature not in self._units:
            strongest = lambda: self._activations(self.prompt).strongest  # noqa: E731  (only where it is needed)
            self._units[feature] = measured_unit(feature, self._statistics, strongest)
        return self._units[feature]

    def _choose_features(self, prompt: str) -> None:
        self._chooses_features = False
        if self.features:
            return
        maxima = None if self._statistics is None else self._statistics.max_act
        chosen = self._activations(prompt).top(N_CHOSEN, maxima)
        with self._adjusting():
            self.set_from_kernel(features=chosen, strengths=dict.fromkeys(chosen, 0.0))
            self.flush()

    def _describe_features(self, prompt: str) -> None:
        self.set_from_kernel(rows=[self._row(feature, self._activations(prompt)) for feature in self.features])

    def _row(self, feature: int, on_prompt: PromptActivations | None) -> dict[str, Any]:
        unit, source = self._unit(feature)
        row = {"feature": feature, "label": feature_label(self._statistics, feature), "unit": unit, "source": source}
        if on_prompt is not None and float(on_prompt.strongest[feature]) > 0:
            position = int(on_prompt.position[feature])
            row.update(act=float(on_prompt.strongest[feature]), position=position, token=on_prompt.tokens[position])
        return row

    def _search(self, args: dict, job: Job) -> list[dict[str, Any]]:
        query, prompt = str(args.get("query", ""))[:200], self.prompt
        limit = min(int(args.get("limit", 30)), 200)
        on_prompt = self._activations(prompt) if prompt else None
        found = search_features(query, on_prompt, self._statistics, self._sae.cfg.d_sae, limit)
        return [self._row(feature, on_prompt) for feature in found]

    # -- results and pictures --------------------------------------------------------------------------------------

    @property
    def text(self) -> str:
        """The prompt and what the model writes unsteered; empty before the first result."""
        return "" if self.result is None else self.result.text

    @property
    def steered_text(self) -> str:
        """The prompt and what the model writes steered; empty before the first result."""
        return "" if self.result is None else self.result.steered_text

    def _code(self) -> str:
        """Python that makes this panel again, and Python that writes its steered text without a panel."""
        strengths = {feature: round(self.strengths.get(feature, 0.0), 6) for feature in self.features}
        where = {} if self.where == "all" else {"where": self.where}
        text = text_code(self, self.prompt, self.steers(), {**self._generation(), **where})
        return f"{view_code(self, ('features', 'strengths'), features=repr(strengths))}\n{text}"

    def _tables(self) -> dict[str, Any]:
        strengths = [{**row, "strength": self.strengths.get(row["feature"], 0.0)} for row in self.rows]
        from sae_widgets.widgets import _numbers

        return _numbers.steering_frames(self.result, strengths)

    def _charts(self) -> dict[str, Any]:
        from sae_widgets.widgets import _charts

        return _charts.steering_charts(self.result)

    def _sources(self) -> dict[str, Any]:
        return {**_provenance.facts_of(self._sae), "prompt": self.prompt, **self._generation()}

    def describe(self) -> str:
        """The panel in one line."""
        sliders = ", ".join(f"{f} × {self.strengths.get(f, 0.0):g}" for f in self.features) or "no features"
        return f"SteeringPanel({self.prompt!r}: {sliders})"

    def fallback_html(self) -> str:
        """Sliders and both texts with their numbers, as escaped HTML without script."""
        return _steering_picture.as_html(self)

    def fallback_svg(self) -> str:
        """Sliders and both texts as a picture."""
        return _steering_picture.as_svg(self)
