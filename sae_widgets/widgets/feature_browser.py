"""All features of an SAE in one list: sorted, filtered, searched, mapped, compared with a vector or two texts."""

import os
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import traitlets

from sae_widgets.features.columns import given_columns, label_column, sae_columns, statistics_columns
from sae_widgets.features.resuming import PassFolder
from sae_widgets.features.statistics import FeatureStatistics
from sae_widgets.sae import SAE
from sae_widgets.widgets import _browser_picture, _provenance, _shown
from sae_widgets.widgets._asked_columns import AskedColumns
from sae_widgets.widgets._base import Job, kernel_written
from sae_widgets.widgets._browser import (
    INDEX,
    NO_STATISTICS,
    FeatureTable,
    browser_code,
    check_statistics,
    checked_model,
)
from sae_widgets.widgets._browser_dashboards import N_SAVED, RowDashboards
from sae_widgets.widgets._gathering import GatheringWidget, statistics_at_hand
from sae_widgets.widgets._refused import RefusedError
from sae_widgets.widgets.feature_dashboard import FeatureDashboard


class _Features(traitlets.List):
    """A list of feature numbers; an array or a tensor will do."""

    def validate(self, obj: Any, value: Any) -> Any:
        return super().validate(obj, value.tolist() if hasattr(value, "tolist") else value)


class FeatureBrowser(AskedColumns, GatheringWidget):
    """Every feature as a row, 100,000 as quickly as 100; Enter opens one's dashboard.

        browser = sw.FeatureBrowser(model, sae)                       # statistics stored beside the SAE, if any
        browser = sw.FeatureBrowser(model, sae, texts=texts)          # gathered from texts, shown as they come
        browser.ranges = {"density": (1e-4, 1e-2)}                    # as if brushed in the page
        browser.order = "-max_act"
        browser.contrast("She said yes.", "She said no.")             # fires on the first but not on the second
        browser.like = 123                                            # cosine with feature 123; or set_vector(v)
        browser.map_method = "pca"                                    # decoder rows in the plane, to lasso
        browser.filtered, browser.selected, browser.to_frame()

    Args:
        model: The model; None does without contrast search and dashboards.
        sae: The SAE.
        statistics: Of its features; None takes those stored beside the SAE. Without any, the weights' own numbers show.
        columns: More columns: a pandas DataFrame, or names with a value for each feature.
        texts: Texts, or rows of tokens, to gather statistics from in the background.
        n_tokens: Gather so many tokens at most.
        folder: Where what is gathered is kept, as for `sw.feature_statistics`: the same call goes on after a stop.
        settings: Any trait: `text`, `ranges`, `order`, `selected`, `shown`, `feature`, `map_method`, `color`.
            `selection`: shared with other widgets; False keeps to itself.

    Raises:
        ValueError: If the SAE does not fit the model, the statistics are another SAE's, a column does not fit, or there
            are texts and no model to read them.
    """

    _view = traitlets.Unicode("feature_browser").tag(sync=True)
    choice_traits = ("feature",)

    text = traitlets.Unicode().tag(sync=True)
    """Words that all stand in a feature's texts, or its number."""
    ranges = traitlets.Dict().tag(sync=True)
    """Column -> (low, high), None for an open end; a feature without a value in it does not pass."""
    selected = _Features(traitlets.Int()).tag(sync=True, echo_update=False)
    """Features lassoed on the map; the list shows these alone, and all when it is empty."""
    order = traitlets.Unicode(INDEX).tag(sync=True)
    """Column that rows are ordered by; "-" in front for the largest first."""
    shown = traitlets.List(traitlets.Unicode()).tag(sync=True)
    """Columns on view; empty shows the usual ones and those asked for."""
    feature = traitlets.Int(None, allow_none=True).tag(sync=True)
    """The row that is chosen."""
    opened = traitlets.Int(None, allow_none=True).tag(sync=True)
    """The feature whose dashboard is open, or None."""
    color = traitlets.Unicode().tag(sync=True)
    """Column that colours the map; empty takes the density, or the decoder norm."""

    n_features = kernel_written(traitlets.Int(0))
    has_model = kernel_written(traitlets.Bool(False))
    can_open = kernel_written(traitlets.Bool(False))
    names = kernel_written(traitlets.Dict())
    facts = kernel_written(traitlets.Dict())
    """Groups of columns as the page takes them."""
    dashboard_id = kernel_written(traitlets.Unicode())

    def __init__(
        self,
        model: Any,
        sae: SAE,
        statistics: FeatureStatistics | None = None,
        columns: Any = None,
        texts: Iterable[str] | Any = None,
        n_tokens: int | None = 200_000,
        folder: str | os.PathLike | None = None,
        **settings: Any,
    ) -> None:
        self._model, self._sae = checked_model(model, sae), sae
        if self._model is None and texts is not None:
            raise ValueError("Texts are read by the model, and there is none: FeatureBrowser(model, sae, texts=...).")
        kept = PassFolder(folder, self._model, sae)
        self._statistics = statistics_at_hand(sae, kept, statistics, texts)
        check_statistics(self._statistics, self._model, sae)
        self._table = FeatureTable(sae.d_sae)
        self._given, self._vector = columns, None
        self._dashboards = RowDashboards(self._make_dashboard)
        self._weighed = sae_columns(sae)
        # Sent as the comm opens: what the notebook's server counts against its limit for data comes after that.
        self._first = {
            **self._known_columns(),
            "given": self._table.replace("given", [] if columns is None else given_columns(columns, sae.d_sae)),
            "n_features": sae.d_sae,
            "has_model": self._model is not None,
        }
        self._chooses_order = "order" not in settings
        settings.setdefault("order", "-density" if self._statistics is not None else INDEX)
        later = {name: settings.pop(name) for name in ("like", "opened", "map_method") if name in settings}
        super().__init__(**settings)
        self.observe(lambda change: change["new"] is None or self._compare(), names="like")
        self.observe(lambda change: self._open(), names="opened")
        self.observe(lambda change: self._make_map(), names="map_method")
        for name, value in later.items():
            setattr(self, name, value)
        if texts is not None and self._statistics is None:
            self._begin_gathering(self._model, sae, kept, texts, n_tokens)

    # -- what the page is given first ---------------------------------------------------------------------------------

    def open(self) -> None:
        for name, value in self._first.items():
            self.set_trait(name, value)
        self._first = {}
        super().open()

    def _known_columns(self) -> dict[str, Any]:
        """Names and facts of the features for the page, and whether there are dashboards of them."""
        known = [] if self._statistics is None else statistics_columns(self._statistics)
        return {
            "names": self._table.replace("names", [label_column(self._statistics, self._sae.d_sae)]),
            "facts": self._table.replace("facts", [*known, *self._weighed]),
            "can_open": self._model is not None and self._statistics is not None,
        }

    def take_statistics(self, statistics: FeatureStatistics) -> None:
        if self._statistics is not None:
            statistics.labels = self._statistics.labels
        is_first, self._statistics = self._statistics is None, statistics
        self.set_from_kernel(**self._known_columns())
        if is_first and self._chooses_order and self.order == INDEX:
            self.set_from_kernel(order="-density")
        if self._dashboards.shown is not None:
            self._dashboards.shown.take_statistics(statistics)

    # -- checks --------------------------------------------------------------------------------------------------------

    @traitlets.validate("feature", "opened", "like")
    def _check_feature(self, proposal: Any) -> int | None:
        if proposal["value"] is not None:
            self._check_numbers([proposal["value"]])
        return proposal["value"]

    @traitlets.validate("selected")
    def _check_selected(self, proposal: Any) -> list[int]:
        self._check_numbers(proposal["value"])
        return list(dict.fromkeys(proposal["value"]))

    @traitlets.validate("ranges")
    def _check_ranges(self, proposal: Any) -> dict[str, list[float | None]]:
        return self._table.check_ranges(proposal["value"])

    @traitlets.validate("order", "color")
    def _check_column(self, proposal: Any) -> str:
        if proposal["value"] or proposal["trait"].name == "order":
            self._table.check_column(proposal["value"].removeprefix("-"))
        return proposal["value"]

    @traitlets.validate("shown")
    def _check_shown(self, proposal: Any) -> list[str]:
        for key in proposal["value"]:
            self._table.check_column(key)
        return proposal["value"]

    def _check_numbers(self, features: Sequence[int]) -> None:
        n = self._sae.d_sae
        wrong = [f for f in features if not 0 <= f < n]
        if wrong:
            raise RefusedError(f"No feature {wrong[0]}: there are {n:,}, 0 to {n - 1:,}.")

    # -- what is on view -----------------------------------------------------------------------------------------------

    @property
    def columns(self) -> dict[str, np.ndarray]:
        """Every column's values by name; of texts their place in the alphabet."""
        return {key: column.values for key, column in self._table.columns.items()}

    @property
    def filtered(self) -> list[int]:
        """The features that pass all filters, in the order of the list."""
        return self._rows().tolist()

    def _rows(self) -> np.ndarray:
        return self._table.ordered(self._table.passing(self.text, self.ranges, self.selected), self.order)

    def reset(self) -> None:
        """Take every filter away."""
        self.text, self.ranges, self.selected = "", {}, []

    # -- dashboards ----------------------------------------------------------------------------------------------------

    @property
    def dashboard(self) -> FeatureDashboard | None:
        """The dashboard that rows open in; None until one was opened."""
        return self._dashboards.shown

    def _open(self) -> None:
        if self.opened is not None:
            self.submit("open", self._show_dashboard)

    def _show_dashboard(self, job: Job) -> None:
        if (feature := self.opened) is None:
            return
        if not self.can_open:
            self.set_from_kernel(opened=None)
            raise ValueError("Nothing is gathered yet; wait a moment." if self.gathering else NO_STATISTICS)
        dashboard = self._dashboards.show(feature)
        self.set_from_kernel(dashboard_id=dashboard.model_id or "")

    def _make_dashboard(self, feature: int) -> FeatureDashboard:
        made = FeatureDashboard(self._model, self._sae, feature, self._statistics, selection=False)
        _shown.release(made)  # it is the browser's, and refers to it
        made.observe(self._take_label, names="page")
        return made

    def _take_label(self, change: Any) -> None:
        """A feature may have got a name in its dashboard."""
        page = change["new"]
        known = self._table.columns["label"].texts or {}
        if page and page["label"] not in ("", known.get(page["feature"])):
            column = label_column(self._statistics, self._sae.d_sae)
            self.set_from_kernel(names=self._table.replace("names", [column]))

    def _saved_state(self, dashboards: int | str | Iterable[int] | None = None, **settings: Any) -> dict[str, Any]:
        """`save("x.html", dashboards=...)`: rows that open in the page: so many from the top, features, or "all"."""
        super()._saved_state(**settings)
        if not self.can_open and dashboards is None:
            return {}
        if not self.can_open:
            raise ValueError(NO_STATISTICS)
        first = [each for each in (self.opened, self.feature) if each is not None]
        return self._dashboards.saved(N_SAVED if dashboards is None else dashboards, self.filtered, first)

    def chosen(self, change: Any) -> dict[str, Any]:
        return {} if change["new"] is None else {"features": [change["new"]]}

    def take_features(self, features: list[int]) -> None:
        if features:
            self.feature = features[0]
            self.opened = None if self.opened is None else features[0]

    def on_message(self, content: dict, buffers: list) -> None:
        """`contrast` and `stop` of the page."""
        if content.get("kind") == "contrast" and self._model is not None:
            self.contrast()
        elif content.get("kind") == "stop":
            self.cancel()
        else:
            super().on_message(content, buffers)

    def close(self) -> None:
        if hasattr(self, "_dashboards"):  # a browser that was refused has none
            self._dashboards.close()
        super().close()

    # -- ways out ------------------------------------------------------------------------------------------------------

    def _tables(self) -> dict[str, Any]:
        """The features that pass, in the order of the list, with all columns."""
        return {"features": self._table.to_frame(self._rows())}

    def _charts(self) -> dict[str, Any]:
        from sae_widgets.widgets import _browser_charts

        return _browser_charts.charts_of(self._table, self._rows(), self.order, self.describe())

    def _sources(self) -> dict[str, Any]:
        return _provenance.facts_of(self._sae, self._statistics)

    def _code(self) -> str:
        return browser_code(self, self._table, self._given, None if self._vector is None else self._vector[1])

    # -- pictures ------------------------------------------------------------------------------------------------------

    def describe(self) -> str:
        """How many features pass, of how many, and the order."""
        n, n_all = len(self._rows()), self._sae.d_sae
        place = f" of {self._sae.cfg.hook_name}" if self._sae.cfg.hook_name else ""
        column = self._table.columns.get(self.order.removeprefix("-"))
        by = f", by {column.title}" if column is not None and column.key != INDEX else ""
        return f"FeatureBrowser: {n:,} of {n_all:,} features{place}{by}"

    def fallback_html(self) -> str:
        return _browser_picture.to_html(self._table, self._rows(), self.describe())

    def fallback_svg(self) -> str:
        return _browser_picture.to_svg(self._table, self._rows(), self.describe())
