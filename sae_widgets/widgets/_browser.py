"""The table behind a FeatureBrowser: columns, what passes the filters, in which order, and how the page gets them.

A column goes to the page once, as float32 (float64 where whole numbers would lose digits), its texts compressed.
Filters and orders are worked out in the page, and here in the same way for Python: see `js/lib/feature_table.js`.
"""

import re
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from sae_widgets.features.columns import FeatureColumn
from sae_widgets.features.contrast import Contrast
from sae_widgets.features.directions import DirectionMap, Matches
from sae_widgets.features.identity import check_identity
from sae_widgets.features.statistics import FeatureStatistics
from sae_widgets.sae import SAE
from sae_widgets.sae.config import nearest
from sae_widgets.widgets._clean import clean_text
from sae_widgets.widgets._refused import RefusedError
from sae_widgets.widgets._worker import Job

INDEX = "feature"
GROUPS = ("names", "facts", "given", "cosines", "contrasted", "matched", "mapped")
TO_COME = ("cosine", "contrast", "on_a", "on_b", "match", "match_cosine", "map_x", "map_y")
"""Columns that may be named before they are worked out."""
MAX_LITERAL = 200
"""Features that code writes out."""
MAX_TEXT = 400
"""Characters of a text that reach the page."""
NO_STATISTICS = (
    "There are no statistics of this SAE, so there is no dashboard to open. Gather them as you look: "
    "FeatureBrowser(model, sae, texts=[...]), or first: sw.feature_statistics(model, sae, texts)."
)
_NUMBER = re.compile(r"#?[0-9]{1,9}")

Ranges = Mapping[str, Sequence[Any]]


class FeatureTable:
    """Columns of all features, in groups that are replaced as a whole."""

    def __init__(self, d_sae: int) -> None:
        self.d_sae = d_sae
        self.groups: dict[str, list[FeatureColumn]] = {name: [] for name in GROUPS}
        self._index = FeatureColumn(INDEX, np.arange(d_sae, dtype=np.float64), "#", "Number of the feature.", "index")
        self._search: list[str] | None = None

    def replace(self, group: str, columns: Iterable[FeatureColumn]) -> dict[str, Any]:
        """Take `columns` for a group; gives them as the page takes them.

        Raises:
            ValueError: If another group has a column of that name.
        """
        columns = list(columns)
        taken = {INDEX} | {c.key for name, each in self.groups.items() if name != group for c in each}
        for column in columns:
            if column.key in taken or not column.key.strip("-"):
                raise ValueError(f"A column cannot be named {column.key!r}: the browser has one. Name it otherwise.")
            taken.add(column.key)
        self.groups[group] = columns
        self._search = None
        return {"columns": [packed(column) for column in columns]}

    @property
    def columns(self) -> dict[str, FeatureColumn]:
        """All columns by name, the feature's number first."""
        return {INDEX: self._index} | {c.key: c for columns in self.groups.values() for c in columns}

    def check_column(self, key: str) -> None:
        """Raises RefusedError if there is no such column, nor will be."""
        known = [*self.columns, *TO_COME]
        if key not in known:
            raise RefusedError(f"No column {key!r}. {nearest(key, known, 20)}")

    def check_ranges(self, ranges: Mapping[str, Any]) -> dict[str, list[float | None]]:
        """`ranges` with numbers as floats; raises RefusedError if they cannot be."""
        columns, checked = self.columns, {}
        for key, pair in ranges.items():
            if key not in columns:
                raise RefusedError(f"No column {key!r}. {nearest(key, columns, 12)}")
            if columns[key].kind == "text":
                raise RefusedError(f"The column {key!r} holds texts, which have no range; search them: browser.text.")
            is_pair = isinstance(pair, Sequence) and not isinstance(pair, str) and len(pair) == 2
            numbers = [None if each is None else _as_number(each) for each in pair] if is_pair else [np.nan]
            if any(each != each for each in numbers):
                raise RefusedError(f"The range of {key!r} is (low, high), None for an open end; got {pair!r}.")
            low, high = numbers
            if low is not None and high is not None and low > high:
                raise RefusedError(f"The range of {key!r} ends at {high:g}, before it begins at {low:g}.")
            if (low, high) != (None, None):
                checked[key] = [low, high]
        return checked

    def passing(self, text: str, ranges: Ranges, selected: Sequence[int]) -> np.ndarray:
        """Which features pass all filters, as booleans."""
        passes = self._found(text)
        columns = self.columns
        for key, (low, high) in ranges.items():
            if key not in columns:
                continue
            # As float64, which the page compares in: a limit is not rounded to the column's float32.
            values = columns[key].values.astype(np.float64)
            passes &= ~np.isnan(values)
            if low is not None:
                passes &= values >= low
            if high is not None:
                passes &= values <= high
        if len(selected):
            chosen = np.zeros(self.d_sae, bool)
            chosen[np.asarray(selected, np.int64)] = True
            passes &= chosen
        return passes

    def _found(self, text: str) -> np.ndarray:
        query = text.strip().lower()
        if not query:
            return np.ones(self.d_sae, bool)
        if self._search is None:
            parts = [""] * self.d_sae
            for column in self.columns.values():
                for feature, each in (column.texts or {}).items():
                    parts[feature] += f"{plain(each).lower()}\n"
            self._search = parts
        words = query.split()
        found = np.fromiter((all(w in each for w in words) for each in self._search), bool, self.d_sae)
        if _NUMBER.fullmatch(query) and int(query.removeprefix("#")) < self.d_sae:
            found[int(query.removeprefix("#"))] = True
        return found

    def ordered(self, passes: np.ndarray, order: str) -> np.ndarray:
        """The features that pass, in order: "-" in front for the largest first; those without a value come last."""
        found = np.flatnonzero(passes)
        column = self.columns.get(order.removeprefix("-"))
        if column is None:
            return found
        values = column.values[found].astype(np.float64)
        return found[np.argsort(-values if order.startswith("-") else values, kind="stable")]

    def to_frame(self, features: np.ndarray) -> Any:
        """A pandas DataFrame with a row for each of `features` and all columns."""
        import pandas

        frame: dict[str, Any] = {INDEX: features}
        for key, column in self.columns.items():
            if column.texts is not None:
                frame[key] = [column.texts.get(feature, "") for feature in features.tolist()]
            elif key != INDEX:
                frame[key] = column.values[features]
        return pandas.DataFrame(frame)


def packed(column: FeatureColumn) -> dict[str, Any]:
    """A column for the page: values as bytes, only those that are not 0 where nearly all are."""
    values = column.values
    found: dict[str, Any] = {
        "key": clean_text(column.key),
        "title": clean_text(column.title or column.key),
        "about": clean_text(column.about),
        "kind": column.kind,
        "is_log": column.is_log,
    }
    at = np.flatnonzero(values)  # NaN is not 0
    if 8 * len(at) < values.nbytes // 2:
        found["at"] = at.astype("<i4").tobytes()
        values = values[at]
    found["dtype"] = "f8" if values.dtype == np.float64 else "f4"
    found["values"] = values.astype("<f8" if found["dtype"] == "f8" else "<f4").tobytes()
    if column.texts is not None:
        lines = [plain(column.texts[feature]) for feature in sorted(column.texts)]
        found["texts"] = zlib.compress("\n".join(lines).encode(), 6)
    return found


def plain(text: str) -> str:
    """`text` on one line, cut at `MAX_TEXT`."""
    return " ".join(clean_text(text).split())[:MAX_TEXT]


def contrast_columns(found: Contrast) -> list[FeatureColumn]:
    """Score and both activations."""
    how = "Largest" if found.by == "max" else "Mean"
    about = f"{how} activation on the first text less that on the second."
    return [
        FeatureColumn("contrast", found.score.numpy(), "A − B", about),
        FeatureColumn("on_a", found.act_a.numpy(), "on A", f"{how} activation on the first text."),
        FeatureColumn("on_b", found.act_b.numpy(), "on B", f"{how} activation on the second text."),
    ]


def match_columns(found: Matches, name: str) -> list[FeatureColumn]:
    """The twin of each feature in another SAE, and how near it is."""
    return [
        FeatureColumn("match", found.feature.numpy().astype(np.float32), "match", f"Of {name}.", "index"),
        FeatureColumn("match_cosine", found.cosine.numpy(), "match cos", f"Cosine with its match in {name}."),
    ]


def map_columns(found: DirectionMap) -> list[FeatureColumn]:
    """Where each feature is on the map."""
    about = f"{found.method.upper()} of the decoder rows, {{}} axis."
    x, y = (found.points[:, i].contiguous().numpy() for i in range(2))
    return [
        FeatureColumn("map_x", x, "map x", about.format("first")),
        FeatureColumn("map_y", y, "map y", about.format("second")),
    ]


def browser_code(widget: Any, table: FeatureTable, given: Any, vector: Any) -> str:
    """Python that makes the view again; columns, vectors and long selections by the names they have."""
    from sae_widgets.widgets._code import name_of, view_code

    more = {"columns": name_of(given, "columns")} if table.groups["given"] else {}
    is_long = len(widget.selected) > MAX_LITERAL
    code = view_code(widget, ("selected",) if is_long else (), **more)
    calls = ["view.selected = selected"] if is_long else []
    if table.groups["cosines"] and widget.like is None:
        calls.append(f"view.set_vector({name_of(vector, 'vector')})")
    if table.groups["contrasted"]:
        calls.append("view.contrast()")
    return "".join([code.removesuffix("view\n"), *(f"{each}\n" for each in calls), "view\n"])


def said(job: Job) -> Callable[[int, int, str], None]:
    """Progress for the page that ends the work when it is no longer wanted."""

    def say(done: int, total: int, text: str) -> None:
        job.check()
        job.progress(done, total, text)

    return say


def checked_model(model: Any, sae: SAE) -> Any:
    from sae_widgets.hooked import as_hooked
    from sae_widgets.model import check_fits

    if model is None:
        return None
    check_fits(as_hooked(model), sae)
    return as_hooked(model)


def check_statistics(statistics: FeatureStatistics | None, model: Any, sae: SAE) -> None:
    if statistics is None:
        return
    if statistics.d_sae != sae.d_sae:
        raise ValueError(
            f"The statistics are of an SAE with {statistics.d_sae:,} features, this one has {sae.d_sae:,}. Gather "
            "its own: sw.feature_statistics(model, sae, texts)."
        )
    hooks = statistics.about.get("hooks")
    if hooks and sae.cfg.hooks_in and list(hooks) != list(sae.cfg.hooks_in):
        raise ValueError(
            f"The statistics are of an SAE at {', '.join(hooks)}, this one reads {', '.join(sae.cfg.hooks_in)}. Gather "
            "its own: sw.feature_statistics(model, sae, texts)."
        )
    check_identity(statistics.about, model, sae, "These statistics do not belong here")


def _as_number(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        return float("nan")
