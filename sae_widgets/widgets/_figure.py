"""A still picture with its caption, as SVG, PNG or PDF. The SVG is the widget's own; the others are drawn from it."""

import re
import textwrap

import vl_convert

from sae_widgets.widgets import _static
from sae_widgets.widgets._clean import visible

LINE_HEIGHT, FONT_SIZE = 16.0, 11.0
_SIZE = re.compile(r'<svg [^>]*?width="([\d.]+)" height="([\d.]+)"')
# Colour fonts are pictures, which PDF has no letters for; and what is beside the common plane rarely has a plain font.
_PICTOGRAM = re.compile("[\u2600-\u27bf\ufe0f\U00010000-\U0010ffff]")


def captioned(picture: str, caption: str) -> str:
    """`picture`, an SVG of the widget's, with `caption` below it on the same ground."""
    found = _SIZE.match(picture)
    assert found is not None, "A widget's picture has no size."
    width, height = float(found[1]), float(found[2])
    per_line = max(20, int(width / (FONT_SIZE * 0.53)))
    lines = textwrap.wrap(visible(caption), per_line)
    drawn = (
        _static.svg_text(14, height + LINE_HEIGHT * (i + 0.9), line, fill=_static.MUTED, size=FONT_SIZE)
        for i, line in enumerate(lines)
    )
    below = LINE_HEIGHT * len(lines) + (8 if lines else 0)
    return _static.svg(width, height + below, picture, *drawn, label=caption)


def to_png(picture: str, scale: float | int) -> bytes:
    """The picture in `scale` times its size in pixels."""
    return vl_convert.svg_to_png(picture, scale=scale)


def to_pdf(picture: str) -> bytes:
    """The picture as vectors on a page of its own size; emoji are named where the font has them as pictures only."""
    try:
        return vl_convert.svg_to_pdf(picture)
    except RuntimeError:
        return vl_convert.svg_to_pdf(_PICTOGRAM.sub(lambda found: f"⟨U+{ord(found.group()):04X}⟩", picture))
