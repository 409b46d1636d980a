"""A prompt's features as still HTML and SVG: features by tokens, with their numbers."""

import math
from typing import Any

import numpy as np

from sae_widgets.widgets import _static
from sae_widgets.widgets._clean import visible
from sae_widgets.widgets._heatmap_picture import heat

TITLES = {
    "act_size": "activation",
    "act_quantile": "quantile of the activation",
    "attribution": "attribution",
    "loss_effect": "loss effect, nats",
}
MAX_ROWS, MAX_COLUMNS = 40, 60
_CELL, _LINE, _LABELS, _HEAD = 26.0, 22.0, 250.0, 104.0


def to_html(payload: dict[str, Any], title: str) -> str:
    """One row for each feature: its score and the tokens where it is largest."""
    has_two = bool(payload["right"])
    heads = ("Feature", *(("Left", "Right", "Difference") if has_two else ("Score",)), "Strongest at")
    values = matrix(payload, "left")
    rows = []
    for row, line in list(zip(payload["features"], values, strict=True))[:MAX_ROWS]:
        numbers = ("left", "right", "difference") if has_two else ("left",)
        order = np.argsort(-np.abs(np.nan_to_num(line)), kind="stable")[:3]
        tokens = column_texts(payload)
        where = ", ".join(f"{_token(tokens[i])} {line[i]:.3g}" for i in order if np.nan_to_num(line[i]) != 0)
        rows.append((f"#{row['feature']} {row['label']}".strip(), *(_number(row[name]) for name in numbers), where))
    return _static.card(title, _static.table(heads, rows, caption(payload)))


def to_svg(payload: dict[str, Any], title: str) -> str:
    """Features by tokens, coloured; with two prompts their difference."""
    key = "difference" if payload["right"] else "left"
    values = matrix(payload, key)[:MAX_ROWS, :MAX_COLUMNS]
    texts = column_texts(payload)[:MAX_COLUMNS]
    largest = float(np.nanmax(np.abs(values), initial=0.0)) or 1.0
    parts = [
        _static.svg_text(14, 26, title[:110], extra='font-weight="600"'),
        _static.svg_text(14, 46, caption(payload)[:130], fill=_static.MUTED, size=12),
    ]
    for j, text in enumerate(texts):
        x, y = _LABELS + _CELL * (j + 0.5), 60 + _HEAD - 8
        turn = f'transform="rotate(-60 {x:g} {y:g})"'
        parts.append(_static.svg_text(x, y, _token(text)[:14], size=11, extra=turn))
    for i, (row, line) in enumerate(zip(payload["features"], values, strict=False)):
        y = 60 + _HEAD + _LINE * i
        name = f"#{row['feature']} {row['label']}".strip()
        parts.append(_static.svg_text(14, y + 15, name[:34], size=12))
        parts += [_rect(_LABELS + _CELL * j, y, value / largest) for j, value in enumerate(line.tolist())]
    height = 60 + _HEAD + _LINE * min(len(payload["features"]), MAX_ROWS) + 12
    return _static.svg(max(640.0, _LABELS + _CELL * len(texts) + 40), height, *parts, label=title)


def matrix(payload: dict[str, Any], key: str) -> np.ndarray:
    """[n_features, n_columns]: scores of a side by column, or right less left; NaN where there is no such token."""
    if key == "difference":
        return matrix(payload, "right") - matrix(payload, "left")
    side, at = payload[key], 0 if key == "left" else 1
    scores = np.frombuffer(side["scores"], np.float32).reshape(len(payload["features"]), -1)
    columns = np.full((len(payload["features"]), len(payload["pairs"])), np.nan, np.float32)
    for column, pair in enumerate(payload["pairs"]):
        if pair[at] is not None and scores.size:
            columns[:, column] = scores[:, pair[at]]
    return columns


def column_texts(payload: dict[str, Any]) -> list[str]:
    """The token of each column; where the prompts differ, both."""
    left, right = payload["left"]["tokens"], payload["right"].get("tokens")
    if right is None:
        return left
    names = []
    for i, j in payload["pairs"]:
        a, b = ("–" if i is None else left[i]), ("–" if j is None else right[j])
        names.append(a if a == b else f"{a}|{b}")
    return names


def caption(payload: dict[str, Any]) -> str:
    """What the numbers are."""
    words = TITLES[payload["metric"]]
    if payload["target"] is not None:
        words += f" to “{visible(payload['target'])}”"
    where = "the whole prompt" if payload["position"] is None else f"token {payload['position']}"
    return f"{words}; rows by {where}" + ("; right less left" if payload["right"] else "")


def _rect(x: float, y: float, t: float) -> str:
    if not math.isfinite(t):
        return f'<rect x="{x:g}" y="{y:g}" width="24" height="20" fill="#f4f6f8"/>'
    red, green, blue = heat(t)
    box = f'x="{x:g}" y="{y:g}" width="24" height="20"'
    return f'<rect {box} fill="#{red:02x}{green:02x}{blue:02x}" stroke="{_static.LINE}" stroke-width="0.5"/>'


def _number(value: float | None) -> str:
    return "–" if value is None or not math.isfinite(value) else f"{value:.4g}"


def _token(text: str) -> str:
    return visible(text).replace("\n", "↵").replace(" ", "·")
