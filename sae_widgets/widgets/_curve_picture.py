"""Curves as a still SVG picture: the same charts as the page draws, for readers without a kernel or a script."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sae_widgets.widgets import _static
from sae_widgets.widgets._curves import Numbers, Point

# Neighbours differ in lightness as well as in hue; the page uses the same on a light ground.
COLORS = ("#0b6bb8", "#d97706", "#0f8f6b", "#b3478f", "#6b7280", "#8a5a00")
# The seventh line has the first one's colour again, and is dashed; the page does the same.
DASHES = ("", "6 3", "2 2", "8 3 2 3")
_CHART_WIDTH, _CHART_HEIGHT, _GAP, _COLUMNS = 252, 132, 20, 3
_MAX_DRAWN = 240


@dataclass(frozen=True)
class Chart:
    """One chart: which curves it shows and how."""

    title: str
    names: tuple[str, ...]
    labels: tuple[str, ...]
    has_log: bool = False
    """Whether a log scale makes sense here; it is taken when the reader asks for it."""


Marks = Sequence[tuple[int | float, str]]
Curves = Mapping[str, tuple[Numbers, Numbers]]


def number(value: int | float | None, digits: int = 4) -> str:
    """The number as a person writes it: `digits` significant digits, thousands separated, no trailing zeros."""
    if value is None or not math.isfinite(value):
        return "–"
    size = abs(value)
    if value == 0:
        return "0"
    if size < 1e-3 or size >= 1e9:
        mantissa, exponent = f"{value:.{digits - 1}e}".split("e")
        return f"{float(mantissa):g}e{int(exponent)}"
    if size >= 10 ** (digits - 1):
        return f"{value:,.0f}"
    return f"{value:.{digits}g}"


def stroke(i: int) -> str:
    """Colour and dashes of line number `i`, as SVG attributes."""
    dash = DASHES[i // len(COLORS) % len(DASHES)]
    return f'stroke="{COLORS[i % len(COLORS)]}"' + (f' stroke-dasharray="{dash}"' if dash else "")


def draw(
    charts: Sequence[Chart], curves: Curves, marks: Marks, title: str, *, log: bool, legend: Sequence[str] = ()
) -> str:
    """All charts in rows of three under one title; with a `legend`, which is that of all, the charts have none."""
    n_rows = max(1, math.ceil(len(charts) / _COLUMNS))
    width = _COLUMNS * (_CHART_WIDTH + _GAP) + _GAP
    parts = [_static.svg_text(_GAP, 26, title, extra='font-weight="600"')]
    ends = [step for name in _names(charts) for step in curves.get(name, ((), ()))[0][-1:]]
    starts = [step for name in _names(charts) for step in curves.get(name, ((), ()))[0][:1]]
    domain = (min(starts), max(ends)) if ends else (0.0, 1.0)
    for i, chart in enumerate(charts):
        x = _GAP + (i % _COLUMNS) * (_CHART_WIDTH + _GAP)
        y = 44 + (i // _COLUMNS) * (_CHART_HEIGHT + 46)
        parts.append(f'<g transform="translate({x} {y})">{_chart(chart, curves, marks, domain, log, bool(legend))}</g>')
    bottom = 44 + n_rows * (_CHART_HEIGHT + 46)
    for i, label in enumerate(legend):
        x, y = _GAP + (i % _COLUMNS) * (_CHART_WIDTH + _GAP), bottom + 18 * (i // _COLUMNS)
        parts.append(f'<path d="M{x} {y}h24" fill="none" stroke-width="2" {stroke(i)}/>')
        parts.append(_static.svg_text(x + 32, y + 4, label[:40], size=11))
    bottom += 18 * math.ceil(len(legend) / _COLUMNS)
    return _static.svg(width, bottom, *parts, label=title)


def _names(charts: Sequence[Chart]) -> list[str]:
    return [name for chart in charts for name in chart.names]


def _chart(chart: Chart, curves: Curves, marks: Marks, domain: Point, log: bool, is_bare: bool) -> str:
    log = log and chart.has_log
    top, bottom, left, right = 30.0, float(_CHART_HEIGHT), 44.0, float(_CHART_WIDTH)
    named = enumerate(zip(chart.names, chart.labels, strict=True))
    drawn = [(i, label, *curves[name]) for i, (name, label) in named if name in curves]
    shown = [v for *_, values in drawn for v in values if math.isfinite(v) and (not log or v > 0)]
    lo, hi = _padded(min(shown), max(shown), log) if shown else (0.0, 1.0)
    span = max(domain[1] - domain[0], 1e-9)

    def place(step: float, value: float) -> tuple[float, float]:
        share = (math.log(value / lo) / math.log(hi / lo)) if log else (value - lo) / (hi - lo)
        return left + (step - domain[0]) / span * (right - left), bottom - share * (bottom - top)

    parts = [
        _static.svg_text(0, 10, chart.title, size=12, fill=_static.INK),
        f'<path d="M{left} {bottom}H{right}M{left} {top}H{right}" stroke="{_static.LINE}" fill="none"/>',
        _static.svg_text(left - 6, top + 4, number(hi, 3), size=10, fill=_static.MUTED, extra='text-anchor="end"'),
        _static.svg_text(left - 6, bottom + 3, number(lo, 3), size=10, fill=_static.MUTED, extra='text-anchor="end"'),
        _static.svg_text(left, bottom + 15, f"{domain[0]:,.0f}", size=10, fill=_static.MUTED),
        _static.svg_text(right, bottom + 15, f"step {domain[1]:,.0f}", size=10, fill=_static.MUTED, extra=_END),
    ]
    for step, label in marks:
        if domain[0] <= step <= domain[1]:
            x = left + (step - domain[0]) / span * (right - left)
            parts.append(f'<path d="M{x:.1f} {top}V{bottom}" stroke="{_static.MUTED}" stroke-dasharray="2 3"/>')
            anchor = _END if x > (left + right) / 2 else ""
            parts.append(_static.svg_text(x, top - 4, label, size=9.5, fill=_static.MUTED, extra=anchor))
    for i, label, steps, values in drawn:
        parts.append(f'<path d="{_path(steps, values, place, log)}" fill="none" stroke-width="1.5" {stroke(i)}/>')
        if len(values) and len(chart.names) == 1:
            parts.append(_static.svg_text(right, 10, number(values[-1]), size=12, extra=_END))
        elif len(values) and not is_bare:
            x, y, color = left + (i % 2) * 104, bottom + 27 + 11 * (i // 2), COLORS[i % len(COLORS)]
            parts.append(_static.svg_text(x, y, f"{label} {number(values[-1])}", size=10, fill=color))
    return "".join(parts)


_END = 'text-anchor="end"'


def _path(steps: Numbers, values: Numbers, place, log: bool) -> str:
    stride = max(1, math.ceil(len(steps) / _MAX_DRAWN))
    indices = [*range(0, len(steps), stride)]
    if indices and indices[-1] != len(steps) - 1:
        indices.append(len(steps) - 1)
    path, is_down = [], False
    for i in indices:
        if not math.isfinite(values[i]) or (log and values[i] <= 0):
            is_down = False
            continue
        x, y = place(steps[i], values[i])
        path.append(f"{'L' if is_down else 'M'}{x:.1f} {y:.1f}")
        is_down = True
    return "".join(path)


def _padded(lo: float, hi: float, log: bool) -> tuple[float, float]:
    if log:
        air = max((hi / lo) ** 0.06, 1.1)
        return lo / air, hi * air
    air = (hi - lo) * 0.06 or abs(hi) * 0.1 or 1.0
    return (0.0 if 0 <= lo < air else lo - air), hi + air
