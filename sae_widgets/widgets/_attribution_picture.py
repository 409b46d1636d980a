"""Still pictures of attribution bars: a table whose numbers read without styles, and the bars as SVG."""

from typing import TYPE_CHECKING

from sae_widgets.widgets import _static
from sae_widgets.widgets._attribution import REST_ROWS, bar_rows
from sae_widgets.widgets._clean import visible
from sae_widgets.widgets._signed_color import DOWN, UP, signed

if TYPE_CHECKING:
    from sae_widgets.widgets.attribution_bars import AttributionBars

TITLES = {"direct": "Direct", "gradient": "Gradient × activation", "ablation": "Ablation"}


def as_html(widget: "AttributionBars") -> str:
    """The table of contributions with its sums."""
    bars = widget.bars
    if not bars:
        message = widget.error.get("message") or "Nothing was attributed yet."
        return _static.card("Attribution", _static.paragraph(message))
    methods = list(bars["methods"])
    rows = [(name, *(signed(value) for value in values)) for name, values in _rows(widget)]
    table = _static.table(("", *(TITLES[m] for m in methods)), rows, f"Prompt: {visible(bars['prompt'])}")
    return _static.card(f"Attribution: {claim(bars)}", table, note="The bars of each column add up to it.")


def as_svg(widget: "AttributionBars") -> str:
    """The bars as a picture, all columns on one scale."""
    bars = widget.bars
    if not bars:
        return _static.text_svg(widget.describe())
    methods = list(bars["methods"])
    left, column, line = 250.0, 210.0, 22.0
    width = left + column * len(methods) + 10
    rows = _rows(widget)
    features = [v for _, values in rows[: -len(REST_ROWS) - 1] for v in values if v is not None]
    reach = max((abs(v) for v in features), default=0.0) or max(
        (abs(v) for _, vs in rows for v in vs if v), default=1.0
    )
    parts = [
        _static.svg_text(14.0, 28.0, f"Attribution: {claim(bars)}"[:110], size=15.0, extra='font-weight="600"'),
        _static.svg_text(14.0, 50.0, visible(bars["prompt"])[:120], fill=_static.MUTED),
        *(
            _static.svg_text(left + column * i, 76.0, TITLES[m], extra='font-weight="600"')
            for i, m in enumerate(methods)
        ),
    ]
    for i, (name, values) in enumerate(rows):
        y = 100.0 + i * line
        parts.append(_static.svg_text(14.0, y, name[:32]))
        for j, value in enumerate(values):
            parts += _bar(left + column * j, y, column - 80, value, reach, is_bar=i < len(rows) - 1)
    return _static.svg(width, 100.0 + len(rows) * line, *parts, label=widget.describe())


def _bar(x: float, y: float, width: float, value: float | None, reach: float, is_bar: bool) -> list[str]:
    """One signed bar around the middle of its lane, with its number; longer than the scale: cut at the lane's end."""
    middle = x + width / 2
    parts = [_static.svg_text(x + width + 66, y, signed(value), size=12.0, extra='text-anchor="end"')]
    if value is not None and is_bar:
        length = min(1.0, abs(value) / reach) * width / 2
        box = f'x="{middle - (length if value < 0 else 0):.2f}" y="{y - 12:g}" width="{length:.2f}" height="14"'
        parts.append(f'<rect {box} rx="1.5" fill="{DOWN if value < 0 else UP}"/>')
    return [f'<path d="M{middle:g} {y - 15:g}v20" stroke="{_static.LINE}"/>', *parts] if is_bar else parts


def _rows(widget: "AttributionBars") -> list[tuple[str, list[float | None]]]:
    return bar_rows(widget.bars, widget.sort_by, widget.top)


def claim(bars: dict) -> str:
    """What the bars explain and how large it is, in words."""
    target, contrast = visible(bars["target"]), bars["contrast"]
    versus = f" − logit of “{visible(contrast)}”" if contrast else " − mean logit"
    return f"logit of “{target}”{versus} = {signed(bars['logit_difference'])}"
