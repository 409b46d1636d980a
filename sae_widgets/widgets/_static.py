"""Still pictures: escaped HTML with inline styles and no script, and SVG, for readers without a kernel.

Pieces for the widgets' `fallback_html` and `fallback_svg`. Text always passes `escape`. Colours are chosen to read on
a light and on a dark page alike: the picture brings its own light ground.
"""

import textwrap
from collections.abc import Iterable, Sequence

from sae_widgets.widgets._clean import escape, visible

Number = float | int  # written out, because the tests check annotations to the letter

MAX_HTML_BYTES = 200_000
FONT = "system-ui,-apple-system,'Segoe UI',sans-serif"
INK, MUTED, GROUND, LINE = "#1c2128", "#59636e", "#ffffff", "#d1d9e0"
_CARD = (
    f"font:14px/1.5 {FONT};color:{INK};background:{GROUND};border:1px solid {LINE};border-radius:6px;padding:12px 14px"
)
_CELL = f"padding:2px 10px 2px 0;text-align:left;color:{INK};background:{GROUND};border:0;font:13px/1.5 {FONT}"


def card(title: str, *parts: str, note: str = "") -> str:
    """Already escaped `parts` under a title, on a ground of their own."""
    note_html = f'<p style="margin:8px 0 0;color:{MUTED};font-size:12px">{escape(note)}</p>' if note else ""
    head = f'<p style="margin:0 0 8px;font-weight:600">{escape(title)}</p>'
    return f'<div style="{_CARD}">{head}{"".join(parts)}{note_html}</div>'


def paragraph(text: str) -> str:
    """`text` alone on a card."""
    return f'<div style="{_CARD}">{escape(text)}</div>'


def table(header: Sequence[str], rows: Iterable[Sequence[object]], caption: str = "") -> str:
    """A plain table; every cell is escaped, so that a page without styles still shows the numbers."""
    caption_html = f'<caption style="text-align:left;color:{MUTED};font-size:12px">{escape(caption)}</caption>'
    head = "".join(f'<th scope="col" style="{_CELL};color:{MUTED};font-weight:600">{escape(c)}</th>' for c in header)
    body = "".join(
        f"<tr>{''.join(f'<td style={chr(34)}{_CELL}{chr(34)}>{escape(c)}</td>' for c in r)}</tr>" for r in rows
    )
    return (
        f'<table style="border-collapse:collapse;margin:8px 0 0">{caption_html if caption else ""}'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    )


def svg(width: Number, height: Number, *parts: str, label: str = "") -> str:
    """Already escaped `parts` as an SVG picture on a light ground."""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:g}" height="{height:g}" '
        f'viewBox="0 0 {width:g} {height:g}" role="img" aria-label="{xml(label)}" font-family="{FONT}" font-size="13">'
        f'<rect width="100%" height="100%" rx="6" fill="{GROUND}"/>{"".join(parts)}</svg>'
    )


def svg_text(x: Number, y: Number, text: str, *, fill: str = INK, size: Number = 13, extra: str = "") -> str:
    """One line of escaped text in an SVG; `extra` is trusted markup."""
    return (
        f'<text x="{x:g}" y="{y:g}" fill="{fill}" font-size="{size:g}" xml:space="preserve" {extra}>{xml(text)}</text>'
    )


def xml(text: object) -> str:
    """`text` for SVG; characters that XML forbids are shown as pictures by `visible`."""
    return escape("".join(" " if c < " " or c in "\ufffe\uffff" else c for c in visible(str(text))))


def text_svg(text: str) -> str:
    """`text` as a picture, wrapped at 90 characters."""
    lines = textwrap.wrap(visible(text), 90)[:40] or [""]
    drawn = (svg_text(14.0, 26.0 + 22 * i, line) for i, line in enumerate(lines))
    return svg(720.0, 22.0 * len(lines) + 20, *drawn, label=text)


def bundle(html: str, picture: str, text: str) -> dict[str, str]:
    """The mime types a page without kernel can choose from; an oversized HTML gives way to its line of text."""
    if len(html.encode()) > MAX_HTML_BYTES:
        html = paragraph(f"{text} (too large for a still picture; save() writes a page of its own)")
    return {"text/plain": visible(text), "text/html": html, "image/svg+xml": picture}
