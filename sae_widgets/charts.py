"""Altair charts of features, attributions and training runs, for papers and for further work in Vega-Lite.

Each function takes one of the package's data types and returns an `altair.Chart`, which displays itself in a notebook
without a network and saves with `chart.save("x.html")` or, where vl-convert is installed, as PNG, SVG or PDF.
The live pictures are in `widgets/`; these are their still, composable counterparts.
"""

import math
from collections.abc import Sequence
from typing import Any

import altair as alt

from sae_widgets.attribution import Attribution
from sae_widgets.features.logits import LogitEffects
from sae_widgets.features.statistics import FeatureStatistics
from sae_widgets.runs.run import History

# Okabe and Ito's palette: told apart with every common colour blindness. Orange fires or raises, blue lowers.
ORANGE, BLUE = "#d55e00", "#0072b2"
SIGNED = alt.Scale(domain=["raises", "lowers"], range=[ORANGE, BLUE])
MAX_POINTS = 1_000
"""Points drawn of one curve; longer ones are thinned evenly."""


def activation_histogram(statistics: FeatureStatistics, feature: int) -> alt.Chart:
    """How strongly `feature` fires, over the tokens on which it does: counts by activation.

    Raises:
        ValueError: If there is no such feature.
    """
    if not 0 <= feature < statistics.d_sae:
        raise ValueError(f"No feature {feature}; the statistics hold 0 to {statistics.d_sae - 1}.")
    width = float(statistics.bin_width[feature])
    counts = statistics.histogram[feature].tolist()
    rows = [{"from": i * width, "to": (i + 1) * width, "tokens": n} for i, n in enumerate(counts) if n > 0]
    label = statistics.labels.get(feature)
    title = f"Feature {feature}" + (f": {label}" if label else "")
    subtitle = f"fires on {float(statistics.density[feature]):.3%} of {statistics.n_tokens:,} tokens"
    return _chart(rows, title, subtitle).mark_bar(color=ORANGE).encode(
        x=alt.X("from:Q", title="activation", bin="binned"),
        x2="to:Q",
        y=alt.Y("tokens:Q", title="tokens"),
        tooltip=[alt.Tooltip("from:Q", format=".3g"), alt.Tooltip("to:Q", format=".3g"), "tokens:Q"],
    )  # fmt: skip


def density_histogram(statistics: FeatureStatistics, n_bins: int = 50) -> alt.Chart:
    """How many features fire how often: log10 of density, with the silent ones named in the subtitle."""
    fires = statistics.density > 0
    logs = statistics.density[fires].double().log10()
    n_silent = int((~fires).sum())
    # At least one token of the sample, at most all of them.
    lowest = -math.ceil(math.log10(max(statistics.n_tokens, 10)))
    counts = logs.histc(n_bins, lowest, 0).tolist()
    step = -lowest / n_bins
    rows = [{"from": lowest + i * step, "to": lowest + (i + 1) * step, "features": n} for i, n in enumerate(counts)]
    subtitle = f"{statistics.d_sae:,} features, {n_silent:,} silent on {statistics.n_tokens:,} tokens"
    return _chart(rows, "Feature density", subtitle).mark_bar(color=BLUE).encode(
        x=alt.X("from:Q", title="log10 of the share of tokens", bin="binned"),
        x2="to:Q",
        y=alt.Y("features:Q", title="features"),
        tooltip=[alt.Tooltip("from:Q", format=".2f"), alt.Tooltip("to:Q", format=".2f"), "features:Q"],
    )  # fmt: skip


def logit_effect_bars(effects: LogitEffects) -> alt.Chart:
    """The tokens a feature promotes and suppresses."""
    found = [*effects.promoted, *reversed(effects.suppressed)]
    rows = [{"token": f"{e.text} ({e.token_id})", "effect": e.effect, "does": _sign(e.effect)} for e in found]
    return _bars(rows, "token", "effect", "logits for an activation of 1").properties(title="Direct effect on logits")


def attribution_bars(attribution: Attribution, method: str = "direct", top: int = 20) -> alt.Chart:
    """The strongest features of one method, with the error term, the others and the remainder: they add up.

    Raises:
        ValueError: If `attribution` lacks `method`.
    """
    if method not in attribution.methods:
        raise ValueError(f"No method {method!r} in this attribution; there are {', '.join(attribution.methods)}.")
    found = attribution.methods[method]
    listed = list(zip(found.features.tolist(), found.totals.tolist(), strict=True))
    others = found.other_features + sum(effect for _, effect in listed[top:])
    parts = [(f"feature {feature}", effect) for feature, effect in listed[:top]]
    parts += [("other features", others), ("error term", found.error_term), ("remainder", found.remainder)]
    rows = [{"part": name, "effect": effect, "does": _sign(effect)} for name, effect in parts]
    against = f" against {attribution.contrast!r}" if attribution.contrast else ""
    return _bars(rows, "part", "effect", "logits").properties(
        title=alt.Title(
            f"{attribution.target!r}{against} by {method}", subtitle=f"sum = logit difference = {found.total:.3f}"
        )
    )


def training_curves(history: History, names: Sequence[str] | None = None) -> alt.VConcatChart:
    """Curves of a training run, one above the other.

    Raises:
        ValueError: If there is no curve of a name in `names`.
    """
    charts = [_curve(history, name) for name in (names or history.names())]
    return alt.vconcat(*charts).resolve_scale(color="independent")


def _curve(history: History, name: str) -> alt.Chart:
    steps, values = history.series(name)
    stride = math.ceil(len(steps) / MAX_POINTS) or 1
    rows = [{"step": s, name: v} for s, v in list(zip(steps, values, strict=True))[::stride] if math.isfinite(v)]
    return _chart(rows, name, "", height=110).mark_line(color=BLUE).encode(
        x=alt.X("step:Q"),
        y=alt.Y(f"{_escaped(name)}:Q", title=None, scale=alt.Scale(zero=False)),
        tooltip=["step:Q", alt.Tooltip(f"{_escaped(name)}:Q", format=".5g")],
    )  # fmt: skip


def _bars(rows: list[dict[str, Any]], name: str, value: str, unit: str) -> alt.Chart:
    return _chart(rows, "", "", height=18 * len(rows)).mark_bar().encode(
        y=alt.Y(f"{name}:N", sort=None, title=None),
        x=alt.X(f"{value}:Q", title=unit),
        color=alt.Color("does:N", scale=SIGNED, legend=None),
        tooltip=[f"{name}:N", alt.Tooltip(f"{value}:Q", format=".4f")],
    )  # fmt: skip


def _chart(rows: list[dict[str, Any]], title: str, subtitle: str, height: int = 180) -> alt.Chart:
    return alt.Chart(alt.Data(values=rows), title=alt.Title(title, subtitle=subtitle), width=420, height=height)


def _sign(effect: float) -> str:
    return "raises" if effect >= 0 else "lowers"


def _escaped(name: str) -> str:
    """`name` as Vega-Lite reads a field: dots and brackets would mean nesting."""
    return "".join(f"\\{c}" if c in ".[]" else c for c in name)
