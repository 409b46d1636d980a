"""A feature browser's pictures as Altair charts: how a column is spread, and the map."""

from typing import Any

import altair as alt
import numpy as np

from sae_widgets.charts import ORANGE
from sae_widgets.features.columns import FeatureColumn
from sae_widgets.widgets._browser import FeatureTable, plain
from sae_widgets.widgets._browser_picture import spread_column, spread_of
from sae_widgets.widgets._clean import visible

MAX_POINTS = 10_000


def charts_of(table: FeatureTable, rows: np.ndarray, order: str, title: str) -> dict[str, Any]:
    """`spread`: the column that rows are ordered by, of those that pass; `map`, where there is one."""
    column = table.columns.get(order.removeprefix("-"))
    if column is None or column.texts is not None or column.key == "feature":
        column = spread_column(table)
    found = {"spread": _spread(column, rows, title)}
    if "map_x" in table.columns:
        found["map"] = _map(table, rows, title)
    return found


def _spread(column: FeatureColumn, rows: np.ndarray, title: str) -> alt.Chart:
    spread = spread_of(column, rows)
    bars = [
        {"from": low, "to": high, "features": n}
        for low, high, n in zip(spread.edges[:-1], spread.edges[1:], spread.counts, strict=True)
    ]
    name = visible(column.title or column.key)
    scale = alt.Scale(type="log") if column.is_log and spread.edges[0] > 0 else alt.Scale(zero=False)
    subtitle = f"{visible(title)}; {spread.n_rest:,} outside or without a value" if spread.n_rest else visible(title)
    data = alt.Data(values=bars)
    return (
        alt.Chart(data, title=alt.Title(name, subtitle=subtitle), width=520, height=200)
        .mark_bar(color=ORANGE)
        .encode(
            x=alt.X("from:Q", title=name, scale=scale),
            x2="to:Q",
            y=alt.Y("features:Q"),
            tooltip=[alt.Tooltip(f"{end}:Q", format=".3g") for end in ("from", "to")] + [alt.Tooltip("features:Q")],
        )
    )


def _map(table: FeatureTable, rows: np.ndarray, title: str) -> alt.Chart:
    columns = table.columns
    drawn = rows[np.linspace(0, len(rows) - 1, MAX_POINTS).round().astype(int)] if len(rows) > MAX_POINTS else rows
    colored, labels = spread_column(table), columns["label"].texts or {}
    points = []
    for feature in drawn.tolist():
        value = float(colored.values[feature])
        points.append(
            {
                "x": float(columns["map_x"].values[feature]),
                "y": float(columns["map_y"].values[feature]),
                "feature": feature,
                "label": visible(plain(labels.get(feature, ""))),
                "value": value if np.isfinite(value) and (value > 0 or not colored.is_log) else None,
            }
        )
    thinned = f"; {len(drawn):,} drawn, evenly thinned" if len(drawn) < len(rows) else ""
    name = visible(colored.title or colored.key)
    scale = alt.Scale(scheme="oranges", type="log" if colored.is_log else "linear")
    text = alt.Title(visible(columns["map_x"].about.split(",")[0]), subtitle=visible(title) + thinned)
    return (
        alt.Chart(alt.Data(values=points), title=text, width=520, height=420)
        .mark_circle(size=14, opacity=0.8)
        .encode(
            x=alt.X("x:Q", axis=None),
            y=alt.Y("y:Q", axis=None),
            color=alt.Color("value:Q", title=name, scale=scale),
            tooltip=["feature:Q", "label:N", alt.Tooltip("value:Q", title=name, format=".3g")],
        )
    )
