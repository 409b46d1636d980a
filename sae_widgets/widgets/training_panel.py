"""The training cockpit: live curves of a run with pause, resume, stop, checkpoint and settings that change live.

The panel watches a `TrainingRun` and never touches a tensor: a click only leaves a wish with the run, which serves it
between two steps. Nothing is called per step; a thread of the panel reads the run's history at most 20 times a second,
and less often where that would cost more than `MAX_COST` of the time.
"""

import bisect
import contextvars
import sys
import threading
import time
from collections.abc import Sequence
from typing import Any

import traitlets

from sae_widgets.runs.run import FINAL_STATUSES, TrainingRun
from sae_widgets.widgets import _static
from sae_widgets.widgets._base import SEND_INTERVAL_S, Job, SaeWidget, kernel_written
from sae_widgets.widgets._curve_picture import Chart, draw, number
from sae_widgets.widgets._curves import CurveFeed

# Share of one core that the panel's own thread may take. The kernel's sending thread adds about half as much, and all
# of it is to stay well below 1 % of the run.
MAX_COST = 0.0025
_IDLE_INTERVAL_S = 0.25  # how often a run that takes no steps (paused, gathering) is looked at
ACTIONS = ("pause", "resume", "stop", "checkpoint")

_TITLES = {
    "l0": "L0 (active features per token)",
    "explained_variance": "Explained variance",
    "dead_features": "Dead features",
    "lr": "Learning rate",
    "coefficient": "Sparsity coefficient",
    "tokens_per_s": "Tokens per second",
    "grad_norm": "Gradient norm",
    "ce_loss_score": "CE loss score",
    "ce_loss": "CE loss of the model",
}
_LABELS = {
    "lr": "learning rate",
    "k": "k (active features)",
    "l0": "L0",
    "tokens_per_s": "tokens per second",
    "grad_norm": "gradient norm",
    "auxiliary_reconstruction_loss": "auxiliary loss",
}
# Of no interest once the run is over.
_PASSING = ("lr", "tokens_per_s", "grad_norm")
_HAS_LOG = {"Loss", _TITLES["l0"], "Learning rate", "Gradient norm"}


class TrainingPanel(SaeWidget):
    """Live curves and controls of a training run.

    Args:
        run: What `sw.train` or `runner.start` returned; running, paused or over.
        freeze_at_end: Put a still picture in place of the live view when the run has ended. Without it the view stays
            live, and the saved notebook gets the final picture beside it.

    Raises:
        TypeError: If `run` is no `TrainingRun`.
    """

    _view = traitlets.Unicode("training_panel").tag(sync=True)

    log_scale = traitlets.Bool(False).tag(sync=True)
    """Log scale for losses, L0 and learning rate."""
    smoothing = traitlets.Float(0.0, min=0.0, max=1.0).tag(sync=True)
    """Strength of smoothing; the running mean forgets over `smoothing**2 / 4` of the steps seen."""
    cursor_step = traitlets.Int(-1).tag(sync=True)
    """Step under the crosshair; -1 for none."""

    run_state = kernel_written(traitlets.Dict())
    """`TrainingRun.snapshot()`."""
    curves = kernel_written(traitlets.Dict())
    """All points of the curves up to some step, packed (`_curves.pack`)."""
    tail = kernel_written(traitlets.Dict())
    """The points since, packed; small, so it can be sent often."""
    charts = kernel_written(traitlets.List(traitlets.Dict()))
    """What is drawn where: title, names, labels, log, noisy, marked."""
    marks = kernel_written(traitlets.List(traitlets.Dict()))
    """Settings changed on the way: step, name, label."""
    settings = kernel_written(traitlets.List(traitlets.Dict()))
    """What can be changed live: name, label, value."""
    outcome = kernel_written(traitlets.Dict())
    """When the run is over: final numbers as `rows`, `saved` folder, `code` that gets the SAE."""
    title = kernel_written(traitlets.Unicode())
    """What is trained, in a few words."""

    def __init__(self, run: Any, *, freeze_at_end: bool = False) -> None:
        # First, because `close()` also comes for a panel that was refused.
        self._wake = threading.Event()
        self._is_closed = False
        if not isinstance(run, TrainingRun):
            raise TypeError(
                f"TrainingPanel shows a TrainingRun, the result of sw.train(...); got {type(run).__name__}."
            )
        self.run: TrainingRun = run
        self.ops = {"set": self._op_set, "values_at": self._op_values_at}
        self._freeze_at_end = freeze_at_end
        self._feed = CurveFeed(run.history)
        self._n_steps_shown = -1
        super().__init__()
        self.refresh()
        self._forget = [
            run.add_status_listener(lambda _: self._wake.set()),
            run.add_event_listener(lambda _: self._wake.set()),
        ]
        # A copied context: ipykernel finds the cell a message belongs to in a context variable.
        context = contextvars.copy_context()
        threading.Thread(target=context.run, args=(self._watch,), name="sae_widgets TrainingPanel", daemon=True).start()

    # From the run to the page

    def _watch(self) -> None:
        """Sends what is new until the run is over or the panel is closed."""
        while not self._is_closed:
            is_over = self.run.status in FINAL_STATUSES
            n_steps = self.run.n_steps
            started = time.thread_time()
            self.refresh()
            cost = time.thread_time() - started
            if is_over:
                self._end()
                return
            # The rate limit, which nothing shortens; then what the cost asks for, which a change of state ends early.
            time.sleep(SEND_INTERVAL_S)
            is_idle = self.run.n_steps == n_steps
            self._wake.wait(max(cost / MAX_COST - SEND_INTERVAL_S, _IDLE_INTERVAL_S if is_idle else 0.0))
            self._wake.clear()

    def refresh(self) -> None:
        """Reads the run and sends what has changed; called by the panel's own thread, and harmless at any time."""
        state = self.run.snapshot()
        if state["n_steps"] != self._n_steps_shown:
            # Between quick steps something is always being done; told is what keeps the reader waiting.
            state["activity"] = None
            self._n_steps_shown = state["n_steps"]
        has_new_whole, has_new_tail = self._feed.update()
        changes: dict[str, Any] = {"run_state": state}
        if has_new_whole or not self.curves:
            changes["curves"] = self._feed.whole
        if has_new_tail:
            changes["tail"] = self._feed.tail
            names = self.run.history.names()
            if len(names) != sum(len(chart["names"]) for chart in self.charts):
                changes["charts"] = [_chart_for_page(chart) for chart in charts_of(names)]
        if len(self.run.events) != len(self.marks):
            changes["marks"] = [_mark_of(event) for event in list(self.run.events)]
        settings = [{"name": n, "label": label_of(n), "value": v} for n, v in self.run.settings.items()]
        if settings != self.settings:
            changes["settings"] = settings
        if not self.title:
            changes["title"] = _title_of(self.run)
        if state["status"] in FINAL_STATUSES and not self.outcome:
            changes["outcome"] = self._final(state)
        self.set_from_kernel(**changes)

    def _end(self) -> None:
        for forget in self._forget:
            forget()
        self.flush()
        if self._freeze_at_end:
            self.freeze()
        else:
            self.refresh_pictures()

    def _final(self, state: dict[str, Any]) -> dict[str, Any]:
        last = self.run.history.last()
        lasting = [name for name in last if name not in _PASSING and not name.endswith("_coefficient")]
        rows = [[label_of(name), number(last[name])] for name in lasting]
        is_kept = state["status"] != "failed"
        # A finished SAE knows the folder it was written to; else the last checkpoint is what is on disk.
        folder = getattr(self.run.result(0.0), "folder", None) if is_kept else None
        return {
            "rows": rows,
            "saved": str(folder) if folder is not None else state["checkpoint"],
            "code": "sae = run.result()" if is_kept else "run.result()  # raises the error again",
        }

    def refresh_pictures(self) -> None:
        """Put the present still pictures beside the live view, so that the saved notebook has them."""
        bundle = self._repr_mimebundle_() if self._display_ids else None
        if bundle is None:
            return
        from IPython.display import publish_display_data

        for display_id in self._display_ids:
            publish_display_data(bundle[0], bundle[1], transient={"display_id": display_id}, update=True)

    # From the page to the run

    def on_message(self, content: dict, buffers: list) -> None:
        """Take a click on a button: leaves a wish with the run and returns; no tensor, no waiting."""
        action = content.get("action")
        if content.get("kind") != "control" or action not in ACTIONS:
            return
        try:
            getattr(self.run, action)()
        except RuntimeError as error:  # the run ended between the click and now
            self.report_error(ValueError(str(error)))
        self._wake.set()

    def _op_set(self, args: dict, job: Job) -> dict[str, float]:
        self.run.set(**{str(args.get("name")): args.get("value")})
        self._wake.set()
        return self.run.settings

    def _op_values_at(self, args: dict, job: Job) -> dict[str, Any]:
        """The exact values at the last step measured up to `step`, of every curve."""
        step = float(args["step"])
        values = {}
        for name in self.run.history.names():
            job.check()
            steps, series = self.run.history.series(name)
            at = bisect.bisect_right(steps, step)
            if at:
                values[name] = series[at - 1]
        return {"step": step, "values": values}

    # Pictures

    def describe(self) -> str:
        """The run in one line."""
        state = self.run.snapshot()
        last = self.run.history.last()
        told = [
            f"{label_of(name)} {number(last[name])}"
            for name in ("mse_loss", "l0", "explained_variance")
            if name in last
        ]
        progress = f"step {state['n_steps']:,}, {state['n_tokens']:,} of {state['total_tokens']:,} tokens"
        return f"Training {_title_of(self.run)}: {', '.join([state['status'], progress, *told])}"

    def fallback_html(self) -> str:
        """State, numbers of each curve, changes of settings and where the SAE is."""
        state = self.run.snapshot()
        # The picture stands inside too: where HTML is shown, no other type is.
        parts = [self.fallback_svg(), _static.table(("quantity", "now", "lowest", "highest"), self._number_rows())]
        if self.run.events:
            rows = [(e["step"], label_of(e["name"]), number(e["old"]), number(e["new"])) for e in self.run.events]
            parts.append(_static.table(("after step", "setting", "from", "to"), rows, "Changed while training"))
        if state["error"]:
            trace = _static.escape(state["traceback"] or state["error"])
            parts.append(f'<pre style="white-space:pre-wrap;font-size:12px;margin:8px 0 0">{trace}</pre>')
        note = f"Saved in {state['checkpoint']}" if state["checkpoint"] else ""
        return _static.card(self.describe(), *parts, note=note)

    def _number_rows(self) -> list[tuple[str, str, str, str]]:
        rows = []
        for name, (_, values) in self._feed.curves().items():
            finite = [value for value in values if value == value]
            if finite:
                rows.append((label_of(name), number(values[-1]), number(min(finite)), number(max(finite))))
        return rows

    def fallback_svg(self) -> str:
        """The curves with their marks."""
        self._feed.update()
        marks = [(e["step"], event_label(e)) for e in list(self.run.events)]
        charts = charts_of(self.run.history.names())
        title = f"Training {_title_of(self.run)}: {self.run.status}, step {self.run.n_steps:,}"
        return draw(charts, self._feed.curves(), marks, title, log=self.log_scale)

    def close(self) -> None:
        """End the watching; the run goes on."""
        self._is_closed = True
        self._wake.set()
        super().close()


def label_of(name: str) -> str:
    """A curve's or a setting's name as words: "mse_loss" -> "mse loss"."""
    return _LABELS.get(name) or name.rsplit("/", 1)[-1].replace("_", " ")


def event_label(event: dict[str, Any]) -> str:
    """A change of a setting, as short as a mark on a curve must be: "lr 0.0003 → 1e-4"."""
    short = event["name"].removesuffix("_coefficient")
    return f"{short} {number(event['old'], 3)} → {number(event['new'], 3)}"


def _mark_of(event: dict[str, Any]) -> dict[str, Any]:
    return {"step": event["step"], "name": event["name"], "label": event_label(event)}


def charts_of(names: Sequence[str]) -> list[Chart]:
    """Which curves share a chart, best-known first: all loss terms, what is measured twice, the rest one each."""
    titles = {"Loss": [], **{title: [] for title in _TITLES.values()}}
    for name in names:
        titles.setdefault(_chart_title(name), []).append(name)
    return [
        Chart(title, tuple(shown), tuple(_series_label(name) for name in shown), title in _HAS_LOG)
        for title, shown in titles.items()
        if shown
    ]


def _chart_title(name: str) -> str:
    short = name.rsplit("/", 1)[-1]
    if short.startswith("ce_loss_with"):
        return _TITLES["ce_loss"]
    if short.endswith("coefficient"):
        return _TITLES["coefficient"]
    if short.endswith("loss"):
        return "Loss"
    return _TITLES.get(short) or label_of(short).capitalize()


def _series_label(name: str) -> str:
    """Within its chart: "mse_loss" -> "mse", "eval/l0" -> "in the model"."""
    prefix, _, short = name.rpartition("/")
    if prefix == "eval" and not short.startswith("ce_loss"):
        return "in the model"
    if short == "loss":
        return "sum"
    label = label_of(short.removeprefix("ce_loss_"))
    return label.removesuffix(" loss").removesuffix(" coefficient")


def _chart_for_page(chart: Chart) -> dict[str, Any]:
    """`marked` says which settings' changes carry their label in this chart; elsewhere they are a line."""
    marked: dict[str, Any] = {"Loss": True, _TITLES["lr"]: ["lr"]}
    if chart.title in (_TITLES["l0"], _TITLES["coefficient"]):
        marked[chart.title] = ["k", "l0_coefficient", "l1_coefficient"]
    return {
        "title": chart.title,
        "names": list(chart.names),
        "labels": list(chart.labels),
        "log": chart.has_log,
        # Smoothing what was set, not measured, would only blur it.
        "noisy": chart.title not in (_TITLES["lr"], _TITLES["coefficient"]),
        "marked": marked.get(chart.title, []),
    }


def _title_of(run: TrainingRun) -> str:
    return str(getattr(run.trainable, "title", "") or "an SAE")


def train(cfg: Any, **overrides: Any) -> TrainingRun:
    """Starts training and returns the run at once; in a notebook the cell shows its live curves.

        run = sw.train(sw.LanguageModelSAERunnerConfig(...))
        run.pause(); run.set(lr=1e-4); run.resume(); sae = run.result()

    Args:
        cfg: What to train, on what.
        overrides: `override_model`, `override_dataset`, `override_sae` as for `SAETrainingRunner`; `foreground=True`
            keeps the cell busy until the run has ended (Colab, scripts); `freeze_at_end=True` as for `TrainingPanel`.
    """
    from sae_widgets.runs import runner

    freeze_at_end = overrides.pop("freeze_at_end", False)
    foreground = overrides.pop("foreground", False)
    run = runner.start(cfg, **overrides)
    panel = None
    if _is_notebook():
        from IPython.display import display

        panel = TrainingPanel(run, freeze_at_end=freeze_at_end)
        display(panel)
    if foreground:
        # Where updates of threads do not arrive while a cell runs (Colab), this thread sends them.
        run.wait_in_foreground(panel.flush if panel is not None else (lambda: None))
    return run


def _is_notebook() -> bool:
    """Whether there is a kernel with a page; does not import IPython."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return getattr(shell, "kernel", None) is not None
