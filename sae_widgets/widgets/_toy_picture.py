"""The toy model of superposition as a still SVG picture: directions in the plane, loss curve beside them."""

import math
from typing import Any

from sae_widgets.widgets import _static
from sae_widgets.widgets._curve_picture import number
from sae_widgets.widgets._curves import Numbers

SIZE = 280.0
REACH = 1.35
"""The plane is shown up to here; directions end near length 1."""
SAE_COLOR = "#b45309"
SHORT = 0.12
"""Directions below this have no number beside them."""


def feature_color(i: int, n: int) -> str:
    """Dark blue for the most important feature to light blue for the least: told apart by lightness alone."""
    share = i / max(n - 1, 1)
    low, high = (11, 61, 122), (104, 169, 226)
    return "#" + "".join(f"{round(a + share * (b - a)):02x}" for a, b in zip(low, high, strict=True))


def _at(x: float | int, y: float | int) -> tuple[float, float]:
    half = SIZE / 2
    return half + x / REACH * half, half - y / REACH * half


def draw(frame: dict[str, Any], curve: tuple[Numbers, Numbers], label: str) -> str:
    """Both parts under each other's eyes."""
    parts = [f'<g transform="translate(16 16)">{_plane(frame)}</g>']
    parts.append(f'<g transform="translate(340 16)">{_loss(frame, *curve)}</g>')
    return _static.svg(720.0, SIZE + 32, *parts, label=label)


def _plane(frame: dict[str, Any]) -> str:
    half, unit, n = SIZE / 2, SIZE / 2 / REACH, len(frame["features"])
    parts = [
        f'<circle cx="{half:g}" cy="{half:g}" r="{unit:.1f}" fill="none" stroke="{_static.LINE}"/>',
        f'<path d="M0 {half:g}H{SIZE:g}M{half:g} 0V{SIZE:g}" stroke="{_static.LINE}"/>',
    ]
    for x, y in frame["rows"]:
        px, py = _at(1.12 * x, 1.12 * y)
        parts.append(
            f'<path d="M{half:g} {half:g}L{px:.1f} {py:.1f}" stroke="{SAE_COLOR}" stroke-dasharray="4 3" fill="none"/>'
            f'<circle cx="{px:.1f}" cy="{py:.1f}" r="4" fill="none" stroke="{SAE_COLOR}" stroke-width="1.5"/>'
        )
    for i, (x, y) in enumerate(frame["features"]):
        color, (px, py) = feature_color(i, n), _at(x, y)
        parts.append(f'<path d="M{half:g} {half:g}L{px:.1f} {py:.1f}" stroke="{color}" stroke-width="2.5"/>')
        parts.append(f'<circle cx="{px:.1f}" cy="{py:.1f}" r="4.5" fill="{color}"/>')
        length = math.hypot(x, y)
        if length > SHORT:
            lx, ly = _at(x * (1 + 0.13 / length), y * (1 + 0.13 / length))
            parts.append(_static.svg_text(lx, ly + 4, str(i + 1), size=11, extra='text-anchor="middle"'))
    return "".join(parts)


def _loss(frame: dict[str, Any], steps: Numbers, values: Numbers) -> str:
    width, top, bottom = 348.0, 34.0, 170.0
    parts = [
        _static.svg_text(0, 12, f"Loss {number(frame['loss'])} at step {frame['step']:,}", extra='font-weight="600"')
    ]
    if len(steps) > 1:
        hi, last = max(values) or 1.0, steps[-1]
        points = (
            f"{s / last * width:.1f} {bottom - v / hi * (bottom - top):.1f}" for s, v in zip(steps, values, strict=True)
        )
        parts.append(f'<path d="M{"L".join(points)}" fill="none" stroke="{feature_color(0, 1)}" stroke-width="1.5"/>')
        parts.append(_static.svg_text(0, top - 6, number(hi, 3), size=10, fill=_static.MUTED))
    parts.append(f'<path d="M0 {bottom}H{width}" stroke="{_static.LINE}"/>')
    words = [f"{len(frame['features'])} features, numbered from the most important one.", "Circle: length 1."]
    words += ["Dashed: what an SAE has learned."] if frame["rows"] else []
    parts += [_static.svg_text(0, 200 + 20 * i, text, size=12, fill=_static.MUTED) for i, text in enumerate(words)]
    return "".join(parts)
