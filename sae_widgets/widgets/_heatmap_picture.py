"""A token heatmap as still HTML and SVG."""

import unicodedata
from collections.abc import Sequence

import numpy as np

from sae_widgets.widgets import _static
from sae_widgets.widgets._clean import escape, visible
from sae_widgets.widgets._heatmap import HeatmapData

# The light maps of js/lib/color.js: orange up, blue down; and its overlay hues.
_UP = [(255, 255, 255), (255, 244, 224), (253, 206, 130), (245, 158, 55), (217, 104, 10), (160, 60, 0)]
_DOWN = [(255, 255, 255), (234, 243, 252), (181, 214, 242), (111, 170, 221), (49, 119, 184), (12, 70, 132)]
_HUES = ["#0072b2", "#e69f00", "#00b08a", "#9e8cf4", "#883c00", "#58e0f6", "#a57710", "#6b7280"]

MAX_HTML_TOKENS = 900
MAX_TABLE_ROWS = 200
MAX_SVG_TOKENS = 400
MAX_CHARACTERS = 120
_FIXED = 'font-family="ui-monospace,DejaVu Sans Mono,monospace"'

Rgb = tuple[int, int, int]


def heat(t: float) -> Rgb:
    """The colour of `t` in -1..1 on a white ground."""
    stops = _DOWN if t < 0 else _UP
    at = min(1.0, abs(t)) * (len(stops) - 1)
    below = min(int(at), len(stops) - 2)
    return _mix(stops[below], stops[below + 1], at - below)


def _mix(a: Rgb, b: Rgb, t: float) -> Rgb:
    return (round(a[0] + (b[0] - a[0]) * t), round(a[1] + (b[1] - a[1]) * t), round(a[2] + (b[2] - a[2]) * t))


def _hue(index: int, t: float) -> Rgb:
    text = _HUES[index % len(_HUES)]
    full = (int(text[1:3], 16), int(text[3:5], 16), int(text[5:7], 16))
    return _mix((255, 255, 255), full, 0.12 + 0.88 * min(1.0, t)) if t > 0 else (255, 255, 255)


def ink(ground: Rgb) -> str:
    """Black or white text, whichever has more contrast (WCAG 2)."""
    linear = [c / 255 / 12.92 if c / 255 <= 0.04045 else ((c / 255 + 0.055) / 1.055) ** 2.4 for c in ground]
    return "#000000" if 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2] > 0.18 else "#ffffff"


def colours(data: HeatmapData, mode: str, features: Sequence[int], dim_bos: bool) -> list[Rgb | None]:
    """The ground of each token as the page draws it; None where the value is NaN."""
    counted = ~(data.is_special & dim_bos)
    if mode == "overlay" and features:
        columns = np.stack([np.nan_to_num(np.abs(data.column(f))) for f in features])
        scale = columns[:, counted].max(1, initial=0.0)[:, None]
        shares = np.divide(columns, scale, out=np.zeros_like(columns), where=scale > 0)
        return [_hue(int(shares[:, i].argmax()), float(shares[:, i].max())) for i in range(data.n_tokens)]
    values = shown_values(data, mode, features)
    if mode == "strongest":
        best, hues = data.top(1)[0][:, 0], {f: k for k, f in enumerate(leading(data, dim_bos))}
        full = float(np.nanmax(np.abs(values[counted]), initial=0.0)) or 1.0
        return [
            None if np.isnan(v) else _hue(hues.get(int(f), len(_HUES) - 1), 0.85 * abs(float(v)) / full)
            for f, v in zip(best, values, strict=True)
        ]
    scale = float(np.nanmax(np.abs(values[counted]), initial=0.0))
    return [None if np.isnan(v) else heat(float(v) / scale if scale > 0 else 0.0) for v in values]


def shown_values(data: HeatmapData, mode: str, features: Sequence[int]) -> np.ndarray:
    """The one value per token that decides its colour outside the overlay."""
    if mode != "strongest" and (features or len(data.features)):
        return data.column(features[0] if features else int(data.summary()["feature"][:1].sum()))
    return data.top(1)[1][:, 0]


def leading(data: HeatmapData, dim_bos: bool) -> list[int]:
    """The features that are the strongest on most tokens; they get the hues, the rest the last one."""
    best = data.top(1)[0][~(data.is_special & dim_bos), 0]
    ids, counts = np.unique(best[best >= 0], return_counts=True)
    return ids[np.argsort(-counts, kind="stable")][: len(_HUES) - 1].tolist()


def _name(data: HeatmapData, feature: int) -> str:
    label = data.labels.get(feature)
    return f"{feature} {label}" if label else f"{feature}"


def _legend(data: HeatmapData, mode: str, features: Sequence[int], dim_bos: bool) -> tuple[str, list[int]]:
    """What the colours mean in words, and the features that have a hue of their own."""
    if mode == "feature":
        shown = features[0] if features else int(data.summary()["feature"][:1].sum())
        return f"Intensity of feature {_name(data, shown)}", []
    if mode == "overlay" and features:
        return "Overlaid features", list(features)
    return "The strongest feature of each token", leading(data, dim_bos)


def _token_text(text: str) -> str:
    shown = visible(text[:MAX_CHARACTERS]) + ("…" if len(text) > MAX_CHARACTERS else "")
    return shown.replace("\t", "→")


def to_html(data: HeatmapData, mode: str, features: Sequence[int], dim_bos: bool, title: str) -> str:
    """Tokens on their colours, the strongest features, and a table that a screen reader walks through."""
    grounds = colours(data, mode, features, dim_bos)[:MAX_HTML_TOKENS]
    top_features, top_values = data.top(3)
    spans = []
    for i, ground in enumerate(grounds):
        value = f"{top_features[i, 0]}: {top_values[i, 0]:.3g}" if top_features[i, 0] >= 0 else "nothing fires"
        look = "background:#eee;outline:1px dashed #888" if ground is None else _style(ground)
        if data.is_special[i] and dim_bos:
            look = f"color:{_static.MUTED};outline:1px dashed #c8ced4"
        text = _token_text(data.tokens[i])
        broken = escape(text).replace("\n", "↵<br>")
        spans.append(f'<span title="{i} {escape(value)}" style="{look}">{broken}</span>')
    left = data.n_tokens - len(grounds)
    flow = f'<div style="white-space:pre-wrap;line-height:1.9;overflow-wrap:anywhere">{"".join(spans)}</div>'
    note = f"{left:,} more tokens are not shown." if left > 0 else ""
    return _static.card(
        title,
        _legend_html(data, *_legend(data, mode, features, dim_bos)),
        flow,
        _summary_table(data, dim_bos),
        _twin(data),
        note=note,
    )


def _style(ground: Rgb) -> str:
    if ground == (255, 255, 255):
        return ""
    return f"background:#{ground[0]:02x}{ground[1]:02x}{ground[2]:02x};color:{ink(ground)}"


def _legend_html(data: HeatmapData, words: str, hued: Sequence[int]) -> str:
    chips = "".join(
        f'<span style="margin-left:14px"><span style="color:{_HUES[k % len(_HUES)]}">■</span> '
        f"{escape(_name(data, f))}</span>"
        for k, f in enumerate(hued)
    )
    lead = f'<span style="color:{_static.MUTED}">{escape(words)}</span>'
    return f'<p style="margin:0 0 6px;font-size:12px">{lead}{chips}</p>'


def _summary_table(data: HeatmapData, dim_bos: bool) -> str:
    summary = data.summary(skip_special=dim_bos)
    rows = [
        (f, data.labels.get(int(f), ""), f"{peak:.3g}", f"{_token_text(data.tokens[at])!r} at {at}", n)
        for f, peak, at, n in zip(
            *(summary[name][:10].tolist() for name in ("feature", "peak", "position", "count")), strict=True
        )
    ]
    return (
        _static.table(("Feature", "Label", "Peak", "Where", "Tokens"), rows, "The strongest features") if rows else ""
    )


def _twin(data: HeatmapData) -> str:
    """Token by token, without styles: what a screen reader reads, and what hosts that strip styles still show."""
    features, values = data.top(3)
    rows = []
    for i in range(min(data.n_tokens, MAX_TABLE_ROWS)):
        fired = [f"{f} ({v:.3g})" for f, v in zip(features[i].tolist(), values[i].tolist(), strict=True) if f >= 0]
        token = escape(_token_text(data.tokens[i]).replace("\n", "↵"))
        rows.append(f"<tr><td>{i}</td><td>{token}</td><td>{escape(', '.join(fired) or '–')}</td></tr>")
    head = "<tr><th>Position</th><th>Token</th><th>Strongest features (value)</th></tr>"
    table = f"<table>{head}{''.join(rows)}</table>"
    return f'<details style="margin-top:8px"><summary>Token by token</summary>{table}</details>'


def to_svg(data: HeatmapData, mode: str, features: Sequence[int], dim_bos: bool, title: str) -> str:
    """Tokens on their colours, in lines of fixed-width text."""
    width, pad, step, unit = 900, 14, 26, 7.9
    x, y, parts = float(pad), 40.0, []
    for i, ground in enumerate(colours(data, mode, features, dim_bos)[:MAX_SVG_TOKENS]):
        text = _token_text(data.tokens[i])
        shown = text.replace("\n", "↵")[:80]
        advance = max(6.0, unit * sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in shown))
        if x + advance > width - pad and x > pad:
            x, y = float(pad), y + step
        is_dim = bool(data.is_special[i]) and dim_bos
        rgb = (238, 238, 238) if ground is None else (255, 255, 255) if is_dim else ground
        if rgb != (255, 255, 255):
            parts.append(
                f'<rect x="{x:.1f}" y="{y:.1f}" width="{advance - 1:.1f}" height="21" rx="3" fill="rgb{rgb}"/>'.replace(
                    " ,", ","
                )
            )
        fit = f'{_FIXED} textLength="{advance - 2:.1f}" lengthAdjust="spacingAndGlyphs"'
        if shown.strip():
            parts.append(
                _static.svg_text(x + 0.5, y + 15, shown, fill=_static.MUTED if is_dim else ink(rgb), extra=fit)
            )
        x += advance
        if "\n" in text:
            x, y = float(pad), y + step
    left = data.n_tokens - MAX_SVG_TOKENS
    if left > 0:
        y += step
        parts.append(_static.svg_text(pad, y + 15, f"… {left:,} more tokens", fill=_static.MUTED))
    parts.extend(_legend_svg(data, *_legend(data, mode, features, dim_bos)))
    return _static.svg(width, y + step + 12, *parts, label=title)


def _legend_svg(data: HeatmapData, words: str, hued: Sequence[int]) -> list[str]:
    parts, x = [_static.svg_text(14, 24, words[:120], fill=_static.MUTED, size=12)], 24 + 6.6 * len(words)
    for k, feature in enumerate(hued):
        name = visible(_name(data, feature))[:24]
        if x + 20 + 6.8 * len(name) > 890:
            break
        parts.append(f'<rect x="{x:.1f}" y="14" width="11" height="11" rx="2" fill="{_HUES[k % len(_HUES)]}"/>')
        parts.append(_static.svg_text(x + 16, 24, name, size=12))
        x += 32 + 6.8 * len(name)
    return parts
