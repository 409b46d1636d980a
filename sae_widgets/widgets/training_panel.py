"""The training cockpit: live curves of a run with pause, resume, stop, checkpoint and settings that change live.

The panel watches a `TrainingRun` and never touches a tensor: a click only leaves a wish with the run, which serves it
between two steps. Nothing is called per step; a thread of the panel reads the run's history at most 20 times a second,
and less often where that would cost more than `MAX_COST` of the time.
"""

import bisect
import contextvars
import os
import sys
import threading
import time
import weakref
from collections.abc import Callable, Sequence
from typing import Any

import traitlets

from sae_widgets.runs.follower import FollowedRun
from sae_widgets.runs.run import FINAL_STATUSES, TrainingRun
from sae_widgets.widgets import _training_picture
from sae_widgets.widgets._base import SEND_INTERVAL_S, Job, SaeWidget, kernel_written
from sae_widgets.widgets._code import name_of, settings_of
from sae_widgets.widgets._curve_names import (
    chart_for_page,
    charts_of,
    choice_for_page,
    compared_curves,
    label_of,
    numbers_of,
)
from sae_widgets.widgets._curve_picture import Chart
from sae_widgets.widgets._curves import CurveFeed
from sae_widgets.widgets._run_facts import config_of, mark_of, member_names, outcome_of, title_of

# Share of one core that the panel's own thread may take. The kernel's sending thread adds about half as much, and all
# of it is to stay well below 1 % of the run.
MAX_COST = 0.0025
_IDLE_INTERVAL_S = 0.25  # how often a run that takes no steps (paused, gathering) is looked at
ACTIONS = ("pause", "resume", "stop", "checkpoint")

MAX_CURVES_AT_END = 256  # of many SAEs, sent when the run is over, so that a saved page can show each: 2 MB at most


class TrainingPanel(SaeWidget):
    """Live curves and controls of a training run; of many SAEs a chart that compares them, and each one's own.

        sw.TrainingPanel(run)                       # what sw.train returned
        sw.TrainingPanel("checkpoints/abc")         # follows a run in another process or on another machine

    Args:
        run: What `sw.train` or `runner.start` returned; running, paused or over. Or the folder of a run, whose log is
            followed while it grows; such a run has curves but no controls.
        freeze_at_end: Put a still picture in place of the live view when the run has ended. Without it the view stays
            live, and the saved notebook gets the final picture beside it.

    Raises:
        TypeError: If `run` is neither a `TrainingRun` nor a folder.
        FileNotFoundError: If there is no run in the folder.
    """

    _view = traitlets.Unicode("training_panel").tag(sync=True)

    log_scale = traitlets.Bool(False).tag(sync=True)
    """Log scale for losses, L0 and learning rate."""
    smoothing = traitlets.Float(0.0, min=0.0, max=1.0).tag(sync=True)
    """Strength of smoothing; the running mean forgets over `smoothing**2 / 4` of the steps seen."""
    cursor_step = traitlets.Int(-1).tag(sync=True)
    """Step under the crosshair; -1 for none."""
    shown_curve = traitlets.Unicode("").tag(sync=True)
    """Of many SAEs: the curve they are compared by, one of `choices`."""
    focused = traitlets.Unicode("").tag(sync=True)
    """Of many SAEs: the one whose own curves and settings are shown; "" for none."""

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
    members = kernel_written(traitlets.List(traitlets.Unicode()))
    """Of many SAEs their names, else none."""
    choices = kernel_written(traitlets.List(traitlets.Dict()))
    """Of many SAEs: the curves they can be compared by, `{name, label, log}`."""
    numbers = kernel_written(traitlets.Dict())
    """Of many SAEs: their newest values, as `columns` and `rows`."""
    has_controls = kernel_written(traitlets.Bool(True))
    """Whether the run can be paused, stopped and changed from here."""
    title = kernel_written(traitlets.Unicode())
    """What is trained, in a few words."""

    def __init__(self, run: Any, *, freeze_at_end: bool = False) -> None:
        # First, because `close()` also comes for a panel that was refused.
        self._wake = threading.Event()
        self._is_closed = False
        if isinstance(run, (str, os.PathLike)):
            run = FollowedRun(os.fspath(run))
        if not isinstance(run, (TrainingRun, FollowedRun)):
            raise TypeError(
                "TrainingPanel shows a TrainingRun, the result of sw.train(...), or the folder of a run; got "
                f"{type(run).__name__}."
            )
        self.run: TrainingRun | FollowedRun = run
        self.ops = {"set": self._op_set, "values_at": self._op_values_at}
        self._freeze_at_end = freeze_at_end
        self._feed = CurveFeed(run.history)
        self._feed.is_shown = self._is_shown
        self._n_steps_shown = -1
        self._n_names = 0
        self._charted = (0, "")
        self._is_watching = True
        self._names = member_names(run)
        super().__init__()
        self.refresh()
        self.observe(self._look_elsewhere, ["shown_curve", "focused"])
        # Neither the run nor the thread holds the panel: one that nobody sees or names goes before the run ends.
        wake, panel = self._wake, weakref.ref(self)
        forget = [run.add_status_listener(lambda _: wake.set()), run.add_event_listener(lambda _: wake.set())]
        # A copied context: ipykernel finds the cell a message belongs to in a context variable.
        target, name = contextvars.copy_context().run, "sae_widgets TrainingPanel"
        threading.Thread(target=target, args=(_watch, panel, wake, forget), name=name, daemon=True).start()

    # From the run to the page

    def _look(self) -> float | None:
        """Sends what is new; returns for how long that will do, None when the run or the panel is over."""
        if self._is_closed:
            return None
        is_over = self.run.status in FINAL_STATUSES
        self._is_watching = not is_over
        n_steps = self.run.n_steps
        started = time.thread_time()
        self.refresh()
        cost = time.thread_time() - started
        if is_over:
            self._end()
            return None
        is_idle = self.run.n_steps == n_steps
        return max(cost / MAX_COST - SEND_INTERVAL_S, _IDLE_INTERVAL_S if is_idle else 0.0)

    def refresh(self) -> None:
        """Reads the run and sends what has changed; called by the panel's own thread, and harmless at any time."""
        state = self.run.snapshot()
        if state["n_steps"] != self._n_steps_shown:
            # Between quick steps something is always being done; told is what keeps the reader waiting.
            state["activity"] = None
            self._n_steps_shown = state["n_steps"]
        if self.run.history is not self._feed.source:
            self._feed.restart(self.run.history)  # a followed log was begun anew
        changes: dict[str, Any] = {"run_state": state}
        if not self.curves:
            changes |= {"members": self._names, "has_controls": isinstance(self.run, TrainingRun)}
        names = self.run.history.names()
        if self._names and len(names) != self._n_names:
            self._n_names = len(names)
            curves = compared_curves(names, self._names)
            changes["choices"] = [choice_for_page(curve) for curve in curves]
            if not self.shown_curve and curves:
                self.shown_curve = curves[0]
        has_new_whole, has_new_tail = self._feed.update()
        if has_new_whole or not self.curves:
            changes["curves"] = self._feed.whole
        if has_new_tail:
            changes["tail"] = self._feed.tail
            if self._names:
                columns, rows = numbers_of(self.run.history.last(), self._names)
                changes["numbers"] = {"columns": columns, "rows": rows}
        if (len(names), self.focused) != self._charted:
            self._charted = (len(names), self.focused)
            changes["charts"] = [chart_for_page(chart) for chart in self._charts_shown(names)]
        if len(self.run.events) != len(self.marks):
            changes["marks"] = [mark_of(event) for event in list(self.run.events)]
        settings = self._settings()
        if settings != self.settings:
            changes["settings"] = settings
        if not self.title:
            changes["title"] = title_of(self.run)
        if state["status"] in FINAL_STATUSES and not self.outcome:
            changes["outcome"] = outcome_of(self.run, state, self._names)
        self.set_from_kernel(**changes)

    # Of many SAEs

    def _is_shown(self, name: str) -> bool:
        """Whether the page needs this curve: the compared one of each SAE, and all of the one in focus."""
        if not self._names:
            return True
        member, _, curve = name.partition("/")
        if member not in self._names:
            return True
        is_all = not self._is_watching and self._n_names <= MAX_CURVES_AT_END
        return is_all or curve == self.shown_curve or member == self.focused

    def _charts_shown(self, names: Sequence[str]) -> list[Chart]:
        """The charts of one SAE: that in focus, where there are many."""
        if not self._names:
            return charts_of(names)
        prefix = f"{self.focused}/"
        return charts_of([name for name in names if self.focused and name.startswith(prefix)], prefix)

    def _settings(self) -> list[dict[str, Any]]:
        """What can be changed live: of all SAEs together, or of the one in focus."""
        prefix = f"{self.focused}/" if self.focused else ""
        return [
            # JSON has no NaN, which a common setting is that has another value in each SAE.
            {"name": name, "label": label_of(name), "value": value if value == value else None}
            for name, value in self.run.settings.items()
            if name.startswith(prefix) and "/" not in name[len(prefix) :]
        ]

    def _look_elsewhere(self, change: Any) -> None:
        """Another curve or another SAE is to be shown."""
        if self._is_watching:
            self._wake.set()
        elif not self._is_closed:
            # The watching is over; as it, this must not keep whoever asks waiting.
            threading.Thread(target=contextvars.copy_context().run, args=(self.refresh,), daemon=True).start()

    def _end(self) -> None:
        self.flush()
        if self._freeze_at_end:
            self.freeze()
        else:
            self.refresh_pictures()

    # From the page to the run

    def on_message(self, content: dict, buffers: list) -> None:
        """Take a click on a button: leaves a wish with the run and returns; no tensor, no waiting."""
        action = content.get("action")
        if content.get("kind") != "control" or action not in ACTIONS:
            return
        if isinstance(self.run, FollowedRun):
            self.report_error(ValueError("This run is in another process: it is controlled from there."))
            return
        try:
            getattr(self.run, action)()
        except RuntimeError as error:  # the run ended between the click and now
            self.report_error(ValueError(str(error)))
        self._wake.set()

    def _op_set(self, args: dict, job: Job) -> dict[str, float]:
        if isinstance(self.run, FollowedRun):
            raise ValueError("This run is in another process: it is changed from there.")
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

    # Ways out

    def _code(self) -> str:
        """Python that shows the run again, by its folder where another process trains it."""
        run = repr(str(self.run.folder)) if isinstance(self.run, FollowedRun) else name_of(self.run, "run")
        settings = settings_of(self, ("cursor_step",)).items()
        lines = "".join(f"view.{name} = {value!r}\n" for name, value in settings)
        return f"import sae_widgets as sw\n\nview = sw.TrainingPanel({run})\n{lines}view\n"

    def _tables(self) -> dict[str, Any]:
        from sae_widgets.widgets import _numbers

        return _numbers.history_frames(self.run.history, self.run.events)

    def _charts(self) -> dict[str, Any]:
        from sae_widgets.widgets import _charts

        return _charts.history_charts(self.run.history, self._names, self.shown_curve)

    def _sources(self) -> dict[str, Any]:
        return {"training": title_of(self.run), "n_steps": self.run.n_steps, **config_of(self.run)}

    # Pictures

    def describe(self) -> str:
        """The run in one line."""
        return _training_picture.describe(self.run, title_of(self.run), self._names)

    def fallback_html(self) -> str:
        """State, numbers of each curve, changes of settings and where the SAE is."""
        return _training_picture.page(self.run, title_of(self.run), self._names, self._feed, log=self.log_scale)

    def fallback_svg(self) -> str:
        """The curves with their marks."""
        return _training_picture.picture(self.run, title_of(self.run), self._names, self._feed, log=self.log_scale)

    def close(self) -> None:
        """End the watching; the run goes on."""
        self._is_closed = True
        self._wake.set()
        super().close()


def _watch(
    panel_of: Callable[[], TrainingPanel | None], wake: threading.Event, forget: Sequence[Callable[[], None]]
) -> None:
    while True:
        panel = panel_of()
        pause_s = None if panel is None else panel._look()
        del panel
        if pause_s is None:
            break
        # The rate limit, which nothing shortens; then what the cost asks for, which a change of state ends early.
        time.sleep(SEND_INTERVAL_S)
        wake.wait(pause_s)
        wake.clear()
    for each in forget:
        each()


def train(cfg: Any, **overrides: Any) -> TrainingRun:
    """Starts training and returns the run at once; in a notebook the cell shows its live curves.

        run = sw.train(sw.LanguageModelSAERunnerConfig(...))
        run.pause(); run.set(lr=1e-4); run.resume(); sae = run.result()

    Args:
        cfg: What to train, on what.
        overrides: `override_model`, `override_dataset`, `override_sae` as for `SAETrainingRunner`; `foreground=True`
            keeps the cell busy until the run has ended (Colab, scripts); `freeze_at_end=True` as for `TrainingPanel`.
            A `SyntheticSAERunnerConfig` has `override_synthetic_model` in the place of model and dataset.
    """
    from sae_widgets.runs import runner
    from sae_widgets.synthetic import SyntheticSAERunnerConfig
    from sae_widgets.synthetic.runner import start as start_synthetic

    freeze_at_end = overrides.pop("freeze_at_end", False)
    foreground = overrides.pop("foreground", False)
    start: Callable[..., TrainingRun] = start_synthetic if isinstance(cfg, SyntheticSAERunnerConfig) else runner.start
    run = start(cfg, **overrides)
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
