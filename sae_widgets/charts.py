"""Altair charts of features, attributions, evaluations and training runs, for papers and for further work in Vega-Lite.

Each function takes one of the package's data types and returns an `altair.Chart`, which displays itself in a notebook
without a network and saves with `chart.save("x.html")` or, where vl-convert is installed, as PNG, SVG or PDF.
The live pictures are in `widgets/`; these are their still, composable counterparts.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt

from sae_widgets.attribution import Attribution
from sae_widgets.evals import Comparison, EvalResult
from sae_widgets.evals.formulas import METRICS
from sae_widgets.features.logits import LogitEffects
from sae_widgets.features.statistics import FeatureStatistics
from sae_widgets.runs.run import History

# Okabe and Ito's palette: told apart with every common colour blindness. Orange fires or raises, blue lowers.
ORANGE, BLUE = "#d55e00", "#0072b2"
SIGNED = alt.Scale(domain=["raises", "lowers"], range=[ORANGE, BLUE])
SERIES = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000"]
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


def density_histogram(statistics: FeatureStatistics | EvalResult, n_bins: int = 50) -> alt.Chart:
    """How many features fire how often: log10 of density, with the silent ones named in the subtitle.

    Raises:
        ValueError: If an evaluation did not count features.
    """
    if isinstance(statistics, EvalResult):
        if "feature_density" not in statistics.features:
            raise ValueError('This evaluation did not count features; run it with metrics=[..., "feature_density"].')
        density = statistics.features["feature_density"]
        n_tokens = int(statistics.get("total_tokens_eval_sparsity_variance", 0))
    else:
        density, n_tokens = statistics.density, statistics.n_tokens
    fires = density > 0
    logs = density[fires].double().log10()
    n_silent = int((~fires).sum())
    # At least one token of the sample, at most all of them.
    lowest = -math.ceil(math.log10(max(n_tokens, 10)))
    counts = logs.histc(n_bins, lowest, 0).tolist()
    step = -lowest / n_bins
    rows = [{"from": lowest + i * step, "to": lowest + (i + 1) * step, "features": n} for i, n in enumerate(counts)]
    subtitle = f"{len(density):,} features, {n_silent:,} silent on {n_tokens:,} tokens"
    return _chart(rows, "Feature density", subtitle).mark_bar(color=BLUE).encode(
        x=alt.X("from:Q", title="log10 of the share of tokens", bin="binned"),
        x2="to:Q",
        y=alt.Y("features:Q", title="features"),
        tooltip=[alt.Tooltip("from:Q", format=".2f"), alt.Tooltip("to:Q", format=".2f"), "features:Q"],
    )  # fmt: skip


def pareto(
    comparison: Comparison,
    metrics: Sequence[str] = ("ce_loss_score", "explained_variance"),
    against: str = "l0",
    series: Mapping[str, str] | None = None,
) -> alt.HConcatChart:
    """Each of `metrics` against L0 for several SAEs, with intervals both ways; a line joins the SAEs of one series.

    Args:
        comparison: From `compare_saes`.
        metrics: One chart each.
        against: The metric along the bottom.
        series: SAE -> what is joined and coloured; by default its architecture.

    Raises:
        ValueError: If an SAE lacks one of the metrics.
    """
    for name, result in comparison.items():
        if missing := [each for each in (against, *metrics) if each not in result]:
            raise ValueError(f"{name!r} was evaluated without {', '.join(missing)}; it has {', '.join(result)}.")
    kinds = {name: str(result.facts.get("architecture", "")) for name, result in comparison.items()}
    kinds |= dict(series or {})
    rows = []
    for name, result in comparison.items():
        row: dict[str, Any] = {"SAE": name, "series": kinds[name]}
        for each in (against, *metrics):
            low, high = result.intervals.get(each, (math.nan, math.nan))
            ends = {f"{each} low": low, f"{each} high": high}
            row |= {each: result[each], **{end: value for end, value in ends.items() if math.isfinite(value)}}
        rows.append(row)
    charts = [_pareto(rows, each, against) for each in metrics]
    return alt.hconcat(*charts).resolve_scale(color="shared")


def _pareto(rows: list[dict[str, Any]], metric: str, against: str) -> Any:
    def end(name: str, which: str) -> str:
        return f"{_escaped(name)} {which}:Q"

    x = alt.X(f"{_escaped(against)}:Q", title=against, scale=alt.Scale(zero=False))
    y = alt.Y(f"{_escaped(metric)}:Q", title=metric, scale=alt.Scale(zero=False))
    color = alt.Color("series:N", title=None, scale=alt.Scale(range=SERIES))
    numbers = [alt.Tooltip(f"{_escaped(each)}:Q", format=".4g") for each in (against, metric)]
    tooltip = [alt.Tooltip("SAE:N"), *numbers]
    meaning = METRICS[metric].meaning if metric in METRICS else ""
    base = _chart(rows, metric, meaning, height=260)
    return alt.layer(
        base.mark_line(opacity=0.5).encode(x=x, y=y, color=color, order=f"{_escaped(against)}:Q"),
        base.mark_rule().encode(x=x, y=alt.Y(end(metric, "low"), title=metric), y2=end(metric, "high"), color=color),
        base.mark_rule().encode(x=alt.X(end(against, "low"), title=against), x2=end(against, "high"), y=y, color=color),
        base.mark_point(filled=True, size=60).encode(x=x, y=y, color=color, tooltip=tooltip),
        base.mark_text(align="left", dx=6, dy=-6).encode(x=x, y=y, text="SAE:N", color=color),
    )


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
