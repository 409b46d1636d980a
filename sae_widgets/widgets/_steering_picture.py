"""Still pictures of a steering panel: the sliders' table and both texts, tokens tinted as in the live view."""

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING

from sae_widgets.steering import GeneratedToken
from sae_widgets.widgets import _static
from sae_widgets.widgets._clean import escape, visible
from sae_widgets.widgets._signed_color import change_color, signed
from sae_widgets.widgets._steering import SteeringResult

if TYPE_CHECKING:
    from sae_widgets.widgets.steering_panel import SteeringPanel

_LEGEND = "Tint: orange became likelier through steering, blue less likely. KL(steered || unsteered) in nats."
_MAX_CHARACTERS = 4000  # of one text in a picture
_LINE_CHARACTERS = 52


def as_html(panel: "SteeringPanel") -> str:
    """Settings, slider table and the two texts as HTML."""
    result = panel.result
    sliders = _slider_rows(panel)
    parts = [_static.table(("Feature", "Label", "Strength", "Raw", "Mode"), sliders)] if sliders else []
    if result is None:
        parts.append(_static.paragraph(panel.error.get("message") or "Nothing was generated yet."))
        return _static.card("Steering", *parts)
    for _, title, tokens, is_tinted in _texts(result):
        text = _html_text(result.prompt, tokens, is_tinted)
        parts.append(f'<p style="margin:10px 0 2px;font-weight:600">{escape(title)}</p>')
        parts.append(f'<p style="margin:0;line-height:1.8;white-space:pre-wrap">{text}</p>')
    settings = f"Temperature {panel.temperature:g}, seed {panel.seed}, {panel.max_new_tokens} tokens. {_LEGEND}"
    return _static.card("Steering", *parts, note=settings)


def as_svg(panel: "SteeringPanel") -> str:
    """The same as a picture, both texts side by side."""
    width, y = 900.0, 30.0
    parts = [_static.svg_text(14.0, y, "Steering", size=15.0, extra='font-weight="600"')]
    for row in _slider_rows(panel):
        y += 20
        feature, label, strength, raw, mode = row
        words = f"{feature}  {label[:60]}  {strength} (raw {raw}), {mode}"
        parts.append(_static.svg_text(14.0, y, words, fill=_static.MUTED))
    result = panel.result
    if result is None:
        return _static.svg(width, y + 40, *parts, label=panel.describe())
    y += 32
    heights = []
    for x, title, tokens, is_tinted in _texts(result):
        parts.append(_static.svg_text(x, y, title, extra='font-weight="600"'))
        drawn, height = _svg_text(x, y + 24, result.prompt, tokens, is_tinted)
        parts += drawn
        heights.append(height)
    bottom = y + 24 + max(heights)
    parts.append(_static.svg_text(14.0, bottom + 12, _LEGEND, fill=_static.MUTED, size=11.0))
    return _static.svg(width, bottom + 28, *parts, label=panel.describe())


def _texts(result: SteeringResult) -> tuple[tuple[float, str, tuple[GeneratedToken, ...], bool], ...]:
    """Left edge, title, tokens and whether they are tinted."""
    kl = result.mean_kl
    title = f"Steered (mean KL {kl:.3f} nats a token)" if math.isfinite(kl) else "Steered"
    return ((14.0, "Unsteered", result.plain, False), (464.0, title, result.steered, True))


def _slider_rows(panel: "SteeringPanel") -> list[tuple[str, str, str, str, str]]:
    known = {row["feature"]: row for row in panel.rows}
    rows = []
    for feature in panel.features:
        mode, strength = panel.modes.get(feature, "add"), panel.strengths.get(feature, 0.0)
        info = known.get(feature, {})
        raw = f"{strength * info['unit']:.4g}" if info else "–"
        shown = ("–", "removed") if mode == "ablate" else (f"{strength:g} × max", raw)
        rows.append((f"#{feature}", visible(info.get("label", "")), *shown, mode))
    return rows


def _html_text(prompt: str, tokens: Iterable[GeneratedToken], is_tinted: bool) -> str:
    spans = [f'<span style="color:{_static.MUTED}">{escape(prompt[:_MAX_CHARACTERS])}</span>']
    for token in tokens:
        delta = token.logprob - token.logprob_plain
        if is_tinted:
            change = f"unsteered {token.logprob_plain:.3f}, {signed(delta)}"
            title = f"log p {token.logprob:.3f}, {change}; KL {token.kl:.3f}"
            style = f' style="background:{change_color(delta)};border-radius:3px"'
        else:
            title, style = f"log p {token.logprob:.3f}", ""
        spans.append(f'<span title="{escape(title)}"{style}>{escape(token.text[:_MAX_CHARACTERS])}</span>')
    return "".join(spans)


def _svg_text(
    x: float, y: float, prompt: str, tokens: Iterable[GeneratedToken], is_tinted: bool
) -> tuple[list[str], float]:
    """Text in lines of fixed-width characters, which alone can be placed without measuring; and its height."""
    size, advance, line = 13.0, 8.0, 22.0
    column = row = 0
    parts = []
    pieces = [(prompt, None), *((t.text, t.logprob - t.logprob_plain) for t in tokens)]
    for text, delta in pieces:
        for word in _breakable(visible(text)[:_MAX_CHARACTERS]):
            if word == "\n" or column + len(word) > _LINE_CHARACTERS:
                column, row = 0, row + 1
            if word in ("", "\n"):
                continue
            left, base = x + column * advance, y + row * line
            if is_tinted and delta is not None:
                box = f'x="{left:g}" y="{base - 15:g}" width="{len(word) * advance:g}" height="20"'
                parts.append(f'<rect {box} fill="{change_color(delta)}"/>')
            ink = _static.MUTED if delta is None else _static.INK
            fit = f'font-family="monospace" textLength="{len(word) * advance:g}" lengthAdjust="spacingAndGlyphs"'
            parts.append(_static.svg_text(left, base, word, fill=ink, size=size, extra=fit))
            column += len(word)
    return parts, (row + 1) * line


def _breakable(text: str) -> Iterable[str]:
    """Lines and pieces no longer than a line; a newline stands alone."""
    for i, line in enumerate(text.split("\n")):
        if i:
            yield "\n"
        words = line.replace("\t", "  ").split(" ")
        for j, word in enumerate(words):
            whole = word if j == 0 else f" {word}"
            for start in range(0, len(whole), _LINE_CHARACTERS):
                yield whole[start : start + _LINE_CHARACTERS]
