"""The pictures of each widget as Altair charts, the most natural one first: what `to_altair` gives.

What has a data type of its own is drawn in `sae_widgets.charts`; here is what only a widget knows.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import altair as alt

from sae_widgets import charts
from sae_widgets.attribution import Attribution
from sae_widgets.charts import BLUE, ORANGE, SERIES
from sae_widgets.runs.history import History
from sae_widgets.widgets._clean import visible
from sae_widgets.widgets._heatmap import HeatmapData
from sae_widgets.widgets._prompt_picture import caption, column_texts, matrix

if TYPE_CHECKING:
    from sae_widgets.widgets._steering import SteeringResult

Charts = dict[str, Any]

MAX_FEATURES, MAX_TOKENS, MAX_CONTEXTS = 12, 512, 12
MAX_CURVES = 24
_HEAT = ["#ffffff", "#fdc38d", "#e2711d", "#7a2e00"]  # nothing is white


def _chart(rows: Sequence[Mapping[str, Any]], title: str, subtitle: str = "", **size: Any) -> alt.Chart:
    return alt.Chart(alt.Data(values=list(rows)), title=alt.Title(visible(title), subtitle=visible(subtitle)), **size)


def _token(text: str) -> str:
    return visible(text).replace("\n", "↵").replace(" ", "·")


def _heat(rows: Sequence[Mapping[str, Any]], key: str = "activation") -> alt.Scale:
    """White for 0 to dark for the largest value in `rows`; Vega wants a value for each of the colours."""
    most = max((row[key] or 0.0 for row in rows), default=0.0) or 1.0
    # Not by hue, Vega's own way: white has none, and would take on its neighbour's.
    return alt.Scale(domain=[most * i / (len(_HEAT) - 1) for i in range(len(_HEAT))], range=_HEAT, interpolate="rgb")


def heatmap_charts(data: HeatmapData, features: Sequence[int]) -> Charts:
    """`tokens`: features by tokens, coloured; the chosen features, or those that fire strongest."""
    shown = list(features) or data.summary()["feature"][:MAX_FEATURES].tolist()
    n = min(data.n_tokens, MAX_TOKENS)
    rows = []
    for feature in shown:
        name = f"{feature} {data.labels.get(feature, '')}".strip()
        for i, value in enumerate(data.column(feature)[:n].tolist()):
            number = value if math.isfinite(value) else None
            rows.append({"token": f"{i} {_token(data.tokens[i])}", "feature": visible(name), "activation": number})
    is_signed = any((row["activation"] or 0) < 0 for row in rows)
    scale = alt.Scale(scheme="blueorange", domainMid=0) if is_signed else _heat(rows)
    chart = _chart(
        rows, "Activations by token", f"{data.n_tokens} tokens", width=max(200, 18 * n), height=22 * len(shown)
    )
    return {
        "tokens": chart.mark_rect(stroke="#8884", strokeWidth=0.5).encode(
            x=alt.X("token:N", title=None, sort=None, axis=alt.Axis(labelAngle=-60)),
            y=alt.Y("feature:N", title=None, sort=[visible(f"{f} {data.labels.get(f, '')}".strip()) for f in shown]),
            color=alt.Color("activation:Q", scale=scale, title="activation"),
            tooltip=["feature:N", "token:N", alt.Tooltip("activation:Q", format=".4g")],
        )
    }  # fmt: skip


def prompt_charts(payload: Mapping[str, Any]) -> Charts:
    """`matrix`: features by tokens, coloured by the measure; of two prompts the difference, right less left."""
    if not payload:
        return {}
    key = "difference" if payload["right"] else "left"
    values, texts = matrix(dict(payload), key)[:, :MAX_TOKENS], column_texts(dict(payload))[:MAX_TOKENS]
    names = [visible(f"{row['feature']} {row['label']}".strip()) for row in payload["features"]]
    rows = [
        {"token": f"{j} {_token(text)}", "feature": name, "value": value if math.isfinite(value) else None}
        for name, line in zip(names, values.tolist(), strict=True)
        for j, (text, value) in enumerate(zip(texts, line, strict=True))
    ]
    is_signed = any((row["value"] or 0) < 0 for row in rows)
    size = {"width": max(200, 18 * len(texts)), "height": 22 * len(names)}
    chart = _chart(rows, "Features by token", caption(dict(payload)), **size)
    scale = alt.Scale(scheme="blueorange", domainMid=0) if is_signed else _heat(rows, "value")
    return {
        "matrix": chart.mark_rect(stroke="#8884", strokeWidth=0.5).encode(
            x=alt.X("token:N", title=None, sort=None, axis=alt.Axis(labelAngle=-60)),
            y=alt.Y("feature:N", title=None, sort=names),
            color=alt.Color("value:Q", scale=scale, title=payload["metric"]),
            tooltip=["feature:N", "token:N", alt.Tooltip("value:Q", format=".4g")],
        )
    }  # fmt: skip


def dashboard_charts(page: Mapping[str, Any]) -> Charts:
    """`activations`, `logits` (tokens), `logit_histogram`, `contexts`."""
    if not page:
        return {}
    title = f"Feature {page['feature']}" + (f": {page['label']}" if page["label"] else "")
    subtitle = f"fires on {page['density']:.3%} of {page['n_tokens']:,} tokens"
    counts, width = page["histogram"]["counts"], page["histogram"]["width"]
    found: Charts = {"activations": _bins(counts, 0.0, width, "activation", ORANGE, title, subtitle)}
    logits = page["logits"]
    if "up" in logits:
        both = [*logits["up"], *reversed(logits["down"])]
        rows = [
            {"token": f"{_token(text)} ({token_id})", "effect": effect, "does": "raises" if effect >= 0 else "lowers"}
            for token_id, text, effect in both
        ]
        bars = _chart(rows, "Direct effect on logits", title, width=420, height=18 * len(rows)).mark_bar()
        found["logits"] = bars.encode(
            y=alt.Y("token:N", sort=None, title=None),
            x=alt.X("effect:Q", title="logits for an activation of 1"),
            color=alt.Color("does:N", scale=charts.SIGNED, legend=None),
            tooltip=["token:N", alt.Tooltip("effect:Q", format=".4f")],
        )  # fmt: skip
        if logits["counts"]:
            width = (logits["high"] - logits["low"]) / len(logits["counts"])
            words = "Vocabulary by direct effect"
            found["logit_histogram"] = _bins(logits["counts"], logits["low"], width, "logits", BLUE, words, title)
    contexts = [each for group in page["groups"][:1] for each in group["contexts"][:MAX_CONTEXTS]]
    if contexts:
        found["contexts"] = _contexts(contexts, title)
    return found


def _bins(counts: Sequence[int], low: float, width: float, unit: str, color: str, title: str, subtitle: str) -> Any:
    rows = [{"from": low + i * width, "to": low + (i + 1) * width, "tokens": n} for i, n in enumerate(counts) if n]
    return _chart(rows, title, subtitle, width=420, height=180).mark_bar(color=color).encode(
        x=alt.X("from:Q", title=unit, bin="binned"),
        x2="to:Q",
        y=alt.Y("tokens:Q", title="tokens"),
        tooltip=[alt.Tooltip("from:Q", format=".3g"), alt.Tooltip("to:Q", format=".3g"), "tokens:Q"],
    )  # fmt: skip


def _contexts(contexts: Sequence[Mapping[str, Any]], title: str) -> Any:
    rows = [
        {"context": i + 1, "at": j - context["at"], "token": _token(text), "activation": act}
        for i, context in enumerate(contexts)
        for j, (text, act) in enumerate(zip(context["texts"], context["acts"], strict=True))
    ]
    span = 1 + max(row["at"] for row in rows) - min(row["at"] for row in rows)
    base = _chart(rows, "Strongest contexts", title, width=52 * span, height=22 * len(contexts))
    x, y = alt.X("at:O", title="tokens from the peak"), alt.Y("context:O", title=None)
    tip = ["token:N", alt.Tooltip("activation:Q", format=".4g")]
    color = alt.Color("activation:Q", scale=_heat(rows))
    ground = base.mark_rect().encode(x=x, y=y, color=color, tooltip=tip)
    most = max(row["activation"] for row in rows)
    ink = alt.condition(f"datum.activation > {0.6 * most:.6g}", alt.value("#ffffff"), alt.value("#1c2128"))
    words = base.mark_text(fontSize=10, limit=50).encode(x=x, y=y, text="token:N", tooltip=tip, color=ink)
    return ground + words


def attribution_charts(result: Attribution | None, first: str, top: int) -> Charts:
    """The bars of each method, that of `first` first."""
    if result is None:
        return {}
    names = sorted(result.methods, key=lambda name: name != first)
    return {name: charts.attribution_bars(result, name, top) for name in names}


def steering_charts(result: "SteeringResult | None") -> Charts:
    """`kl`: how far each steered token's distribution moved; `logprobs`: how likely each token was to both models."""
    if result is None or not result.steered:
        return {}
    tokens = list(enumerate(result.steered))
    title, subtitle = "Steered text, token by token", f"mean KL {result.mean_kl:.3f} nats"
    size: dict[str, Any] = {"width": max(240, 18 * len(tokens)), "height": 160}
    x = alt.X("token:N", title=None, sort=None, axis=alt.Axis(labelAngle=-60))
    rows = [{"token": f"{i} {_token(each.text)}", "kl": each.kl} for i, each in tokens]
    tip = ["token:N", alt.Tooltip("kl:Q", format=".4f")]
    bars = _chart(rows, title, subtitle, **size).mark_bar(color=ORANGE)
    pairs = [
        {"token": f"{i} {_token(each.text)}", "model": model, "logprob": value}
        for i, each in tokens
        for model, value in (("steered", each.logprob), ("unsteered", each.logprob_plain))
    ]
    color = alt.Color("model:N", title=None, scale=alt.Scale(domain=["steered", "unsteered"], range=[ORANGE, BLUE]))
    lines = _chart(pairs, title, "log-probability in both models", **size).mark_line(point=True)
    y = alt.Y("logprob:Q", title="log-probability (nats)")
    two = ["token:N", "model:N", alt.Tooltip("logprob:Q", format=".4f")]
    return {
        "kl": bars.encode(x=x, y=alt.Y("kl:Q", title="KL (nats)"), tooltip=tip),
        "logprobs": lines.encode(x=x, y=y, color=color, tooltip=two),
    }


def history_charts(history: History, members: Sequence[str], compared: str) -> Charts:
    """`curves`: all of one SAE, one above the other; of many SAEs the one they are compared by, and `curves` too."""
    names = history.names()
    if not names:
        return {}
    if not members:
        return {"curves": charts.training_curves(history)}
    rows = []
    for member in members[:MAX_CURVES]:
        if f"{member}/{compared}" in names:
            steps, values = history.series(f"{member}/{compared}")
            stride = math.ceil(len(steps) / charts.MAX_POINTS) or 1
            points = list(zip(steps, values, strict=True))[::stride]
            rows += [{"SAE": visible(member), "step": s, "value": v} for s, v in points if math.isfinite(v)]
    chart = _chart(rows, compared, f"{len(members)} SAEs", width=520, height=260).mark_line().encode(
        x="step:Q",
        y=alt.Y("value:Q", title=compared, scale=alt.Scale(zero=False)),
        color=alt.Color("SAE:N", title=None, scale=alt.Scale(range=SERIES)),
        tooltip=["SAE:N", "step:Q", alt.Tooltip("value:Q", format=".5g")],
    )  # fmt: skip
    return {"compared": chart}


def toy_charts(frame: Mapping[str, Any], curve: tuple[Any, Any], color_of: Callable[[int, int], str]) -> Charts:
    """`directions`: the features in the plane; `loss`."""
    n = len(frame["features"])
    rows = [
        {"feature": str(i + 1), "x": end * x, "y": end * y, "order": end}
        for i, (x, y) in enumerate(frame["features"])
        for end in (0, 1)
    ]
    axis = alt.Scale(domain=[-1.35, 1.35], nice=False)
    title = f"Toy model, step {frame['step']:,}"
    base = _chart(rows, title, f"{len(frame['kept'])} of {n} features represented", width=300, height=300)
    x, y = alt.X("x:Q", scale=axis, title=None), alt.Y("y:Q", scale=axis, title=None)
    palette = alt.Scale(domain=[str(i + 1) for i in range(n)], range=[color_of(i, n) for i in range(n)])
    color = alt.Color("feature:N", scale=palette)
    lines = base.mark_line(strokeWidth=2.5).encode(x=x, y=y, order="order:O", color=color)
    tips = base.transform_filter("datum.order === 1")
    names = tips.mark_text(dx=8, dy=-8).encode(x=x, y=y, text="feature:N")
    layers = [lines, tips.mark_point(filled=True, size=50).encode(x=x, y=y, color=color, tooltip="feature:N"), names]
    if frame["rows"]:
        sae = [{"x": a, "y": b} for a, b in frame["rows"]]
        layers.append(
            alt.Chart(alt.Data(values=sae)).mark_point(shape="diamond", color=ORANGE, size=90).encode(x=x, y=y)
        )
    losses = [{"step": s, "loss": v} for s, v in zip(*curve, strict=True) if math.isfinite(v)]
    loss = _chart(losses, "Loss", width=420, height=180).mark_line(color=BLUE).encode(x="step:Q", y="loss:Q")
    return {"directions": alt.layer(*layers), "loss": loss}
