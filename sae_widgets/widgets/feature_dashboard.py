"""One feature with all that is known of it: how often, how strongly, on which texts, to what effect."""

import os
import random
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import traitlets

from sae_widgets.features.contexts import FeatureContext
from sae_widgets.features.lab import FeatureLab
from sae_widgets.features.labels import read_labels, write_labels
from sae_widgets.features.resuming import PassFolder
from sae_widgets.features.statistics import FeatureStatistics
from sae_widgets.fit import check_fits
from sae_widgets.hooked import as_hooked
from sae_widgets.neuronpedia import kept_explanations
from sae_widgets.neuronpedia_json import read_neuronpedia
from sae_widgets.widgets import _dashboard_picture, _provenance
from sae_widgets.widgets._base import Job, kernel_written
from sae_widgets.widgets._clean import clean_text, json_safe
from sae_widgets.widgets._dashboard import context_of, effects_of, page_of, search
from sae_widgets.widgets._gathering import GatheringWidget, statistics_at_hand
from sae_widgets.widgets._read_pages import ReadFeatures, explained
from sae_widgets.widgets._refused import RefusedError
from sae_widgets.widgets._saved_features import pack_pages, wanted_features
from sae_widgets.widgets.selection import selection_of


class FeatureDashboard(GatheringWidget):
    """Everything about one feature, in a cell: statistics, logits, neighbours, contexts, effects.

        dashboard = sw.FeatureDashboard(model, sae, feature=42)      # statistics stored beside the SAE
        dashboard = sw.FeatureDashboard(model, sae, texts=texts)     # gathered from texts, shown as they come
        dashboard.feature = 43                                       # the page follows, and the other way round
        dashboard.statistics                                         # the numbers of all features
        dashboard.page                                               # those of this one
        sw.FeatureDashboard.from_files("batch-0.json")               # SAEDashboard's or Neuronpedia's, without a model

    An explanation that `sw.neuronpedia_explanations` once downloaded is shown beside your own name for a feature.

    Args:
        model: The model.
        sae: The SAE.
        feature: Which is shown first; None takes the one that is chosen in `sw.selection`, or the first that fires.
        statistics: Of all features; None takes those stored beside the SAE, or gathers them from `texts`.
        texts: Texts, or rows of tokens, to gather statistics from in the background.
        n_tokens: Gather so many tokens at most.
        labels: A file for the names that are given in the page: read if it is there, written at each change.
        folder: Where what is gathered is kept, as for `sw.feature_statistics`: the same call goes on after a stop.
        settings: Any trait: `group_by`, `width`, `show_breaks`, `sort`, `log_counts`, `pinned`; and `selection`.

    Raises:
        ValueError: If there is no such feature, the SAE does not fit the model, there is nothing to show, or the file
            of names is another SAE's.
    """

    _view = traitlets.Unicode("feature_dashboard").tag(sync=True)
    choice_traits = ("feature",)

    feature = traitlets.Int(0, min=0).tag(sync=True)
    pinned = traitlets.List(traitlets.Int()).tag(sync=True)
    """Features to come back to."""
    group_by = traitlets.Enum(("interval", "quantile"), "interval").tag(sync=True)
    """How random contexts are grouped by strength: equal parts of the range, or as many tokens in each."""
    width = traitlets.Enum(("stacked", "snippet", "full"), "snippet").tag(sync=True)
    """How much of a context is shown: 5 tokens to either side, all that was kept, or its whole row when opened."""
    show_breaks = traitlets.Bool(True).tag(sync=True)
    """Whether line breaks are marked."""
    sort = traitlets.Enum(("strength", "document"), "strength").tag(sync=True)
    log_counts = traitlets.Bool(False).tag(sync=True)
    """Whether the histogram's heights are logarithms."""

    page = kernel_written(traitlets.Dict())
    """What is known of the feature, as plain values."""
    n_features = kernel_written(traitlets.Int(0))
    listed = kernel_written(traitlets.List(traitlets.Int()))
    """Of features from files: which there are; else empty."""
    has_model = kernel_written(traitlets.Bool(True))
    """Whether effects and whole rows can be asked for."""

    _is_free = False
    """Whether nobody has asked for a feature yet."""

    def __init__(
        self,
        model: Any,
        sae: Any,
        feature: int | None = None,
        statistics: FeatureStatistics | None = None,
        texts: Iterable[str] | Any = None,
        n_tokens: int | None = 200_000,
        labels: str | os.PathLike | None = None,
        folder: str | os.PathLike | None = None,
        **settings: Any,
    ) -> None:
        self._model, self._sae = as_hooked(model), sae
        check_fits(self._model, sae)
        kept = PassFolder(folder, self._model, sae)
        statistics = statistics_at_hand(sae, kept, statistics, texts)
        if statistics is None and texts is None:
            raise ValueError(
                "There are no statistics of this SAE. Gather them as you look: FeatureDashboard(model, sae, "
                "texts=[...]), or first: sw.feature_statistics(model, sae, texts)."
            )
        self._read, self._explanations = None, kept_explanations(sae)
        file = self._labels_file = None if labels is None else Path(labels).expanduser()
        self._named = read_labels(file, sae) if file is not None and file.exists() else {}
        if statistics is not None:
            statistics.labels.update(self._named)
        self._lab = None if statistics is None else FeatureLab(self._model, sae, statistics)
        if feature is None:
            shared = selection_of(settings.get("selection"))
            feature = shared.first(sae) if shared is not None else None
            self._is_free = feature is None
            feature = feature if feature is not None else self._first_that_fires()
        self._begin(feature, sae.d_sae, settings)
        if texts is not None and statistics is None:
            self._begin_gathering(self._model, sae, kept, texts, n_tokens)
        self._request()

    @classmethod
    def from_files(cls, path: str | os.PathLike, feature: int | None = None, **settings: Any) -> "FeatureDashboard":
        """A dashboard of features that files describe: SAEDashboard's, Neuronpedia's exports, or `write_neuronpedia`'s.

        Needs neither model nor SAE; what the files do not say is left empty.

        Args:
            path: A file, or a folder of them.
            feature: Which is shown first; None takes the first there is.
            settings: Any trait, as for `FeatureDashboard`.

        Raises:
            FileNotFoundError: If there is no such file.
            ValueError: If a file is damaged or holds no features, or not this one.
        """
        self = cls.__new__(cls)
        self._model = self._sae = self._lab = self._labels_file = None
        self._read, self._explanations, self._named = ReadFeatures(Path(path)), {}, {}
        first = self._read.features[0] if feature is None else feature
        self._begin(first, self._read.features[-1] + 1, {"selection": False, **settings})
        self.set_trait("listed", self._read.features)
        self.set_trait("has_model", False)
        self._request()
        return self

    def _begin(self, feature: int, n_features: int, settings: dict[str, Any]) -> None:
        self.ops = {"search": self._search, "token": self._rank, "row": self._whole_row, "effects": self._effects}
        self.ops["random"] = lambda args, job: self._random()
        super().__init__(feature=feature, **settings)
        self.set_trait("n_features", n_features)
        self.observe(lambda change: self._request(), names=["feature", "group_by"])

    @traitlets.validate("feature")
    def _check_feature(self, proposal: Any) -> int:
        self._check_number(proposal["value"])
        return proposal["value"]

    @traitlets.validate("pinned")
    def _check_pinned(self, proposal: Any) -> list[int]:
        for feature in proposal["value"]:
            self._check_number(feature)
        return list(dict.fromkeys(proposal["value"]))

    def _check_number(self, feature: int) -> None:
        if self._read is not None:
            self._read.check(feature)
        elif not 0 <= feature < self._sae.d_sae:
            raise RefusedError(f"No feature {feature}: there are {self._sae.d_sae:,}, 0 to {self._sae.d_sae - 1:,}.")

    def chosen(self, change: Any) -> dict[str, Any]:
        is_ours = "feature" in getattr(self._flushing, "names", ())  # the first that fires, which nobody asked for
        return {} if is_ours else {"features": [change["new"]]}

    def take_features(self, features: list[int]) -> None:
        if features:
            self.feature = features[0]

    @property
    def statistics(self) -> FeatureStatistics:
        """The statistics of all features, as far as they are gathered.

        Raises:
            ValueError: If nothing is gathered yet.
        """
        return self._known().statistics if self._read is None else read_neuronpedia(self._read.path)

    def _known(self) -> FeatureLab:
        if self._read is not None:
            raise ValueError("This dashboard was read from files: it has no model to ask.")
        if self._lab is None:
            raise ValueError("Nothing is gathered yet; wait a moment.")
        return self._lab

    def take_statistics(self, statistics: FeatureStatistics) -> None:
        statistics.labels = self._named if self._lab is None else self._lab.statistics.labels
        self._lab = FeatureLab(self._model, self._sae, statistics)
        if self._is_free and self.feature == 0:
            self.set_from_kernel(feature=self._first_that_fires())
        self._is_free = False
        self._request()

    def _first_that_fires(self) -> int:
        return 0 if self._lab is None else next(iter(self.firing()), 0)

    # -- the feature ---------------------------------------------------------------------------------------------------

    def _request(self) -> None:
        if self._lab is not None or self._read is not None:
            self.submit("page", self._show)

    def _pages(self) -> Callable[[int], dict[str, Any]]:
        """What makes the page of a feature, by what is known and asked now."""
        if self._read is not None:
            return self._read.page
        lab, group_by = self._known(), self.group_by

        def page(feature: int) -> dict[str, Any]:
            explanations = [explained(each) for each in self._explanations.get(feature, ())]
            return {**page_of(lab, feature, group_by), "explanations": explanations}

        return page

    def _show(self, job: Job) -> None:
        page = self._pages()(self.feature)
        job.check()
        self.set_from_kernel(page=page)

    def set_label(self, text: str, feature: int | None = None) -> None:
        """Name a feature (the one on view); empty takes the name away.

        The file given as `labels` keeps it; lacking one, `statistics.save(folder)` does.
        """
        feature = self.feature if feature is None else feature
        self._check_number(feature)
        labels = self._known().statistics.labels if self._read is None else self._read.labels
        text = clean_text(text).strip()
        if text:
            labels[feature] = text[:200]
        else:
            labels.pop(feature, None)
        if self._labels_file is not None:
            write_labels(self._labels_file, labels, self._sae)
        self._request()

    def on_message(self, content: dict, buffers: list) -> None:
        """`label` of the page."""
        if content.get("kind") == "label" and (self._lab is not None or self._read is not None):
            self.set_label(str(content.get("text", "")))
        else:
            super().on_message(content, buffers)

    # -- answers -------------------------------------------------------------------------------------------------------

    def _search(self, args: dict, job: Job) -> list[dict[str, Any]]:
        """Features by number, label or token."""
        query = str(args.get("query", ""))[:200]
        return self._read.search(query) if self._read is not None else search(self._known().statistics, query)

    def _random(self) -> int:
        """One of the features that fire."""
        return random.choice(self.firing() or [self.feature])

    def _rank(self, args: dict, job: Job) -> dict[str, Any]:
        """Where a token stands among those that the feature raises and lowers."""
        lab, text = self._known(), clean_text(str(args.get("text", "")))[:200]
        ids = lab.model.tokenizer(text, add_special_tokens=False)["input_ids"]
        if len(ids) != 1:
            raise ValueError(f"{text!r} is {len(ids)} tokens, not one; a leading space often makes the difference.")
        effects = lab.logits(self.feature)
        rank, token = lab.rank_of(effects, int(ids[0]))
        return {"rank": rank, "n": len(effects.effects), "text": token.text, "effect": token.effect}

    def _context(self, args: dict) -> Any:
        """The context on view that the page names by group and place."""
        page, group, place = self.page, int(args["group"]), int(args["place"])
        if page.get("feature") != int(args["feature"]):
            raise ValueError("Another feature is on view by now.")
        lab = self._known()
        shown = page["groups"][group]["contexts"][place]
        return (
            lab,
            int(args["feature"]),
            FeatureContext(
                list(shown["ids"]), list(shown["acts"]), shown["at"], shown["row"], shown["start"], shown["document"]
            ),
        )

    def _whole_row(self, args: dict, job: Job) -> dict[str, Any]:
        lab, feature, context = self._context(args)
        return context_of(lab, lab.whole_row(feature, context))

    def _effects(self, args: dict, job: Job) -> dict[str, Any]:
        lab, feature, context = self._context(args)
        effects = lab.effects(feature, context)
        is_whole = bool(args.get("whole"))
        start, n = (0, len(effects.acts)) if is_whole else (context.start, len(context.tokens))
        return effects_of(lab, effects, start, n)

    # -- ways out ------------------------------------------------------------------------------------------------------

    def _tables(self) -> dict[str, Any]:
        from sae_widgets.widgets import _numbers

        return _numbers.dashboard_frames(self.page)

    def _charts(self) -> dict[str, Any]:
        from sae_widgets.widgets import _charts

        return _charts.dashboard_charts(self.page)

    def _sources(self) -> dict[str, Any]:
        if self._read is not None:
            return {"file": self._read.path.name}
        return _provenance.facts_of(self._sae, self._lab.statistics if self._lab is not None else None)

    def _saved_state(self, features: str | Iterable[int] | None = None, **settings: Any) -> dict[str, Any]:
        """`save("x.html", features=...)`: which features the page has; None is those on view and pinned."""
        super()._saved_state(**settings)
        pages, on_view = self._pages(), [self.feature, *self.pinned]
        chosen = wanted_features(features, on_view, self.firing)
        for feature in chosen:
            self._check_number(feature)
        first = self.feature if self.feature in chosen else min(chosen, default=self.feature)
        saved = pack_pages(chosen, pages, lambda done, n: self._report("running", "Saving", done, n))
        n = len(saved["features"])
        self._report("done", f"Saved {n:,} feature{'s' * (n != 1)}")
        idle = {"state": "idle", "text": "", "done": 0, "total": 0}
        return {"saved": saved, "feature": first, "page": json_safe(pages(first)), "status": idle}

    def firing(self) -> list[int]:
        """The features that fire on the texts."""
        if self._read is not None:
            return self._read.features
        return self._known().statistics.density.nonzero()[:, 0].tolist()

    # -- pictures ------------------------------------------------------------------------------------------------------

    def describe(self) -> str:
        """The feature, its label and density in one line."""
        page = self.page
        if not page:
            return f"FeatureDashboard of feature {self.feature} (nothing gathered yet)"
        label = f" “{page['label']}”" if page["label"] else ""
        return (
            f"Feature {page['feature']}{label}: fires on {page['density']:.3%} of {page['n_tokens']:,} tokens, "
            f"at most {page['max_act']:.3g}"
        )

    def fallback_html(self) -> str:
        """Numbers, logits and the strongest contexts as escaped HTML."""
        return _dashboard_picture.to_html(self.page, self.describe()) if self.page else super().fallback_html()

    def fallback_svg(self) -> str:
        """The histogram and the strongest contexts as a picture."""
        return _dashboard_picture.to_svg(self.page, self.describe()) if self.page else super().fallback_svg()
