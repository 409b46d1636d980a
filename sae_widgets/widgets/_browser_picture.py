"""A feature browser as still HTML and SVG: how one column is spread, and the first rows."""

from typing import NamedTuple

import numpy as np

from sae_widgets.features.columns import FeatureColumn
from sae_widgets.widgets import _static
from sae_widgets.widgets._browser import INDEX, FeatureTable, plain

N_ROWS, N_COLUMNS, N_BINS = 20, 8, 40
SVG_ROWS = 8
_FIRST = ("density", "decoder_norm")


def to_html(table: FeatureTable, rows: np.ndarray, title: str) -> str:
    """Histogram of the density (or the decoder norm), and the first rows as a table."""
    columns = _on_view(table)
    body = [[_text(column, feature) for column in columns] for feature in rows[:N_ROWS].tolist()]
    column = spread_column(table)
    picture = _static.svg(560.0, 90.0, *_bars(column, rows, 4.0, 4.0, 552.0, 66.0), label=_words(column, rows))
    caption = f"The first {len(body)} of {len(rows):,}"
    return _static.card(title, picture, _static.table([c.title or c.key for c in columns], body, caption))


def to_svg(table: FeatureTable, rows: np.ndarray, title: str) -> str:
    """Title, histogram, and a few rows."""
    column = spread_column(table)
    parts = [_static.svg_text(14, 26, title[:110], extra='font-weight="600"')]
    parts += _bars(column, rows, 14.0, 42.0, 560.0, 66.0)
    columns = _on_view(table)[:6]
    lines = [[c.title or c.key for c in columns]]
    lines += [[_text(each, feature) for each in columns] for feature in rows[:SVG_ROWS].tolist()]
    at = [14.0]
    for each in columns:
        at.append(at[-1] + (300 if each.kind == "text" else 90))
    for i, line in enumerate(lines):
        fill = _static.MUTED if i == 0 else _static.INK
        parts += [
            _static.svg_text(x, 146.0 + 22 * i, text[:44], fill=fill, size=12)
            for x, text in zip(at, line, strict=False)
        ]
    return _static.svg(860.0, 146.0 + 22 * len(lines), *parts, label=title)


def _on_view(table: FeatureTable) -> list[FeatureColumn]:
    return [column for key, column in table.columns.items() if key not in ("map_x", "map_y")][:N_COLUMNS]


def spread_column(table: FeatureTable) -> FeatureColumn:
    """The column that says most of all features: the density, or the decoder norm."""
    return next(table.columns[key] for key in (*_FIRST, INDEX) if key in table.columns)


class Spread(NamedTuple):
    """A histogram of a column over some features."""

    counts: list[int]
    edges: list[float]
    """One more than there are counts; apart by equal factors where the column wants logarithms."""
    n_rest: int
    """Features without a value, or without a logarithm."""


def spread_of(column: FeatureColumn, rows: np.ndarray) -> Spread:
    """How the column's values of `rows` lie between those of all features."""
    whole = column.values.astype(np.float64)
    whole = np.log10(np.where(whole > 0, whole, np.nan)) if column.is_log else whole
    finite = whole[np.isfinite(whole)]
    low, high = (float(finite.min()), float(finite.max())) if len(finite) else (0.0, 0.0)
    kept = whole[rows][np.isfinite(whole[rows])]
    counts, edges = np.histogram(kept, N_BINS, (low, high if high > low else low + 1))
    return Spread(counts.tolist(), (10**edges if column.is_log else edges).tolist(), len(rows) - len(kept))


def _bars(column: FeatureColumn, rows: np.ndarray, x: float, y: float, width: float, height: float) -> list[str]:
    spread = spread_of(column, rows)
    step, top = width / N_BINS, max(1, *spread.counts)
    drawn = [
        f'<rect x="{x + i * step:.1f}" y="{y + height * (1 - n / top):.1f}" width="{step - 1:.1f}" '
        f'height="{height * n / top:.1f}" fill="#d9680a"/>'
        for i, n in enumerate(spread.counts)
        if n
    ]
    name = column.title or column.key
    for at, text, anchor in (
        (x, f"{spread.edges[0]:.3g}", "start"),
        (x + width / 2, f"{name}{', on a log scale' if column.is_log else ''}", "middle"),
        (x + width, f"{spread.edges[-1]:.3g}", "end"),
    ):
        extra = f'text-anchor="{anchor}"'
        drawn.append(_static.svg_text(at, y + height + 14, text, fill=_static.MUTED, size=11, extra=extra))
    return drawn


def _words(column: FeatureColumn, rows: np.ndarray) -> str:
    spread = spread_of(column, rows)
    rest = f"; {spread.n_rest:,} outside or without one" if spread.n_rest else ""
    name = column.title or column.key
    return f"{name} of {len(rows):,} features, {spread.edges[0]:.3g} to {spread.edges[-1]:.3g}{rest}"


def _text(column: FeatureColumn, feature: int) -> str:
    if column.texts is not None:
        return plain(column.texts.get(feature, ""))[:60]
    value = float(column.values[feature])
    if value != value:
        return "–"
    if column.kind == "index":
        return f"{value:.0f}"
    if column.kind == "count":
        return f"{value:,.0f}"
    return f"{value:.3%}" if column.kind == "share" else f"{value:.3g}"
