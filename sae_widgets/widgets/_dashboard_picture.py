"""A feature's dashboard as still HTML and SVG."""

from typing import Any

from sae_widgets.widgets import _static
from sae_widgets.widgets._clean import escape, visible
from sae_widgets.widgets._heatmap_picture import heat, ink
from sae_widgets.widgets._signed_color import signed

N_CONTEXTS = 10
SVG_CONTEXTS = 8


def to_html(page: dict[str, Any], title: str) -> str:
    """Histogram, logits and contexts; each picture with its numbers as a table."""
    known = [f"maximum {page['max_act']:.3g}"]
    if page["shape"]["mean"] is not None:
        known.insert(0, f"mean {page['shape']['mean']:.3g} where it fires")
    if page["density_low"] is not None:
        known.insert(0, f"95 % interval of the density {page['density_low']:.4%} to {page['density_high']:.4%}")
    known += [f"explained as “{text}”{f' by {by}' if by else ''}" for text, by in page["explanations"][:1]]
    facts = "; ".join(known)
    parts = [f'<p style="margin:0 0 8px;color:{_static.MUTED};font-size:12px">{escape(facts)}</p>']
    parts.append(_histogram(page["histogram"], 560.0, 90.0))
    if "up" in page["logits"]:
        rows = [
            (_token(up[1]), signed(up[2]), _token(down[1]), signed(down[2]))
            for up, down in zip(page["logits"]["up"], page["logits"]["down"], strict=False)
        ]
        parts.append(_static.table(("Raises", "", "Lowers", ""), rows, "Next tokens that it changes most, directly"))
    contexts = [each for group in page["groups"][:1] for each in group["contexts"][:N_CONTEXTS]]
    lines = "".join(_context(each, page["max_act"]) for each in contexts)
    parts.append(f'<p style="margin:10px 0 2px;font-weight:600">Strongest contexts</p>{lines}' if lines else "")
    return _static.card(title, *parts)


def to_svg(page: dict[str, Any], title: str) -> str:
    """Title, histogram and the strongest contexts."""
    parts = [_static.svg_text(14, 26, title[:120], extra='font-weight="600"')]
    parts += _bars(page["histogram"], 14.0, 40.0, 560.0, 80.0)
    y = 150.0
    contexts = [each for group in page["groups"][:1] for each in group["contexts"][:SVG_CONTEXTS]]
    for context in contexts:
        text = visible("".join(context["texts"])).replace("\n", "↵")
        parts.append(_static.svg_text(14, y, f"{context['acts'][context['at']]:.2f}", fill=_static.MUTED, size=12))
        parts.append(_static.svg_text(70, y, text[:110], size=12))
        y += 22
    return _static.svg(860.0, y + 4, *parts, label=title)


def _histogram(histogram: dict[str, Any], width: float, height: float) -> str:
    n = sum(histogram["counts"])
    label = f"{n} activations by strength, in bins of {histogram['width']:.4g}"
    return _static.svg(width, height, *_bars(histogram, 4.0, 4.0, width - 8, height - 8), label=label)


def _bars(histogram: dict[str, Any], x: float, y: float, width: float, height: float) -> list[str]:
    counts = histogram["counts"]
    used = max((i for i, count in enumerate(counts) if count), default=-1) + 1
    if not used:
        return [_static.svg_text(x, y + 20, "It never fired.", fill=_static.MUTED)]
    step, highest = width / used, max(counts)
    return [
        f'<rect x="{x + i * step:.1f}" y="{y + height * (1 - count / highest):.1f}" width="{max(step - 1, 0.5):.1f}" '
        f'height="{height * count / highest:.1f}" fill="#d9680a"/>'
        for i, count in enumerate(counts[:used])
    ]


def _context(context: dict[str, Any], largest: float) -> str:
    spans = []
    for i, (text, act) in enumerate(zip(context["texts"], context["acts"], strict=True)):
        ground = heat(act / largest if largest else 0.0)
        bold = ";font-weight:700" if i == context["at"] else ""
        style = f"background:#{ground[0]:02x}{ground[1]:02x}{ground[2]:02x};color:{ink(ground)}{bold}"
        shown = escape(visible(text)).replace("\n", "↵")
        spans.append(f'<span style="{style}" title="{act:.4g}">{shown}</span>')
    times = f" ×{context['n_times']}" if context["n_times"] > 1 else ""
    act = f"{context['acts'][context['at']]:.2f}{times}"
    lead = f'<span style="color:{_static.MUTED};font-size:12px">{act}&nbsp; </span>'
    return f'<p style="margin:2px 0;white-space:pre-wrap;overflow-wrap:anywhere">{lead}{"".join(spans)}</p>'


def _token(text: str) -> str:
    return visible(text).replace("\n", "↵").replace(" ", "·")
