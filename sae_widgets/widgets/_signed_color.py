"""Signed numbers in still pictures on a white ground: orange up, blue down, as in the live view."""

import math

from sae_widgets.widgets._heatmap_picture import heat

UP, DOWN = "#d9680a", "#3177b8"
"""The two hues of bars; both 3:1 on white or better, and they differ in lightness."""

FULL_TINT = 4.0
"""Change of log-probability at which a token's colour is full, in nats; as in js/lib/stream_text.js."""


def change_color(delta: float) -> str:
    """The tint of a token whose log-probability changed by `delta` nats."""
    if not math.isfinite(delta) or abs(delta) < 0.05:
        return "#ffffff"
    # 0.7 keeps dark text readable on the fullest tint; the root shows a doubled probability already.
    red, green, blue = heat(math.copysign(0.7 * math.sqrt(min(1.0, abs(delta) / FULL_TINT)), delta))
    return f"#{red:02x}{green:02x}{blue:02x}"


def signed(value: float | None, digits: int = 3) -> str:
    """`value` with its sign and a true minus; a dash for what is not there."""
    if value is None or not math.isfinite(value):
        return "–"
    text = f"{abs(value):.{digits}f}"
    return text if float(text) == 0 else f"{'−' if value < 0 else '+'}{text}"
