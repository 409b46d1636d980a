"""A training run as a still picture and as tables, for readers without a kernel or a script."""

from collections.abc import Sequence
from typing import Any

from sae_widgets.runs.follower import FollowedRun
from sae_widgets.runs.history import History
from sae_widgets.runs.run import TrainingRun
from sae_widgets.widgets import _static
from sae_widgets.widgets._curve_names import (
    charts_of,
    compared_curves,
    comparison_of,
    event_label,
    label_of,
    numbers_of,
)
from sae_widgets.widgets._curve_picture import Chart, Curves, draw, number
from sae_widgets.widgets._curves import Curve, CurveFeed, Numbers

MAX_COMPARED = 24  # lines in a chart, as many as colours and dashes tell apart
MAX_CHARTS = 6  # of many SAEs
MAX_ROWS = 200
_POINTS = 240  # of one line


Watched = TrainingRun | FollowedRun


def describe(run: Watched, title: str, members: Sequence[str]) -> str:
    """The run in one line."""
    state = run.snapshot()
    last = {} if members else run.history.last()
    short = [name for name in ("mse_loss", "l0", "explained_variance") if name in last]
    told = [f"{label_of(name)} {number(last[name])}" for name in short]
    progress = f"step {state['n_steps']:,}, {state['n_tokens']:,} of {state['total_tokens']:,} tokens"
    return f"Training {title}: {', '.join([state['status'], progress, *told])}"


def picture(run: Watched, title: str, members: Sequence[str], feed: CurveFeed, *, log: bool) -> str:
    """The curves with their marks; of many SAEs what they are compared by."""
    feed.update()
    sent = feed.curves()
    state, names = run.snapshot(), run.history.names()
    compared = list(members)[:MAX_COMPARED]
    charts: list[Chart] = charts_of(names)
    if members:
        charts = [comparison_of(curve, compared) for curve in compared_curves(names, members)[:MAX_CHARTS]]
    shown = [name for chart in charts for name in chart.names if name in names]
    marks = [(event["step"], event_label(event)) for event in list(run.events)]
    text = f"Training {title}: {state['status']}, step {state['n_steps']:,}"
    legend = compared if members else ()
    curves = {name: sent[name] if name in sent else _thinned(run.history, name) for name in shown}
    return draw(charts, curves, marks, text, log=log, legend=legend)


def _thinned(history: History, name: str) -> tuple[Numbers, Numbers]:
    curve = Curve(_POINTS)
    curve.extend(*history.series(name))
    return curve.points()


def page(run: Watched, title: str, members: Sequence[str], feed: CurveFeed, *, log: bool) -> str:
    """State, numbers, changes of settings and where the SAE is."""
    state = run.snapshot()
    # The picture stands inside too: where HTML is shown, no other type is.
    parts = [picture(run, title, members, feed, log=log)]
    if members:
        parts.append(_members_table(run, state, members))
    else:
        parts.append(_static.table(("quantity", "now", "lowest", "highest"), _number_rows(feed.curves())))
    if run.events:
        named = str if members else label_of
        rows = [(e["step"], named(e["name"]), number(e["old"]), number(e["new"])) for e in run.events]
        parts.append(_static.table(("after step", "setting", "from", "to"), rows, "Changed while training"))
    if state["error"]:
        trace = _static.escape(state["traceback"] or state["error"])
        parts.append(f'<pre style="white-space:pre-wrap;font-size:12px;margin:8px 0 0">{trace}</pre>')
    note = f"Saved in {state['checkpoint']}" if state["checkpoint"] else ""
    return _static.card(describe(run, title, members), *parts, note=note)


def _members_table(run: Watched, state: dict[str, Any], members: Sequence[str]) -> str:
    columns, values = numbers_of(run.history.last(), members)
    problems = state["problems"]
    rows = [
        (name, *map(number, row), *([problems.get(name, "")] if problems else []))
        for name, row in zip(members, values, strict=True)
    ]
    head = ("SAE", *(column["label"] for column in columns), *(["trained no more"] if problems else []))
    more = f"{len(rows) - MAX_ROWS} more are not shown" if len(rows) > MAX_ROWS else ""
    return _static.table(head, rows[:MAX_ROWS], more)


def _number_rows(curves: Curves) -> list[tuple[str, str, str, str]]:
    rows = []
    for name, (_, values) in curves.items():
        finite = [value for value in values if value == value]
        if finite:
            rows.append((label_of(name), number(values[-1]), number(min(finite)), number(max(finite))))
    return rows
