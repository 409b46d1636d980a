"""The controls of a training run, driven by a counter instead of an SAE."""

import asyncio
import contextvars
import math
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from sae_widgets.runs.run import History, TrainingRun


@dataclass
class CounterReport:
    n_steps: int
    n_tokens: int
    lr: float

    def curves(self):
        return {"loss": 1.0 / self.n_steps, "lr": self.lr}


class Counter:
    """A Trainable that counts; `gate` lets a test hold it between two steps."""

    def __init__(self, n_steps=50, step_s=0.0, fail_at=None, no_space=False, checkpoint_every=None):
        self.total_steps, self.step_s, self.fail_at = n_steps, step_s, fail_at
        self.no_space, self.checkpoint_every = no_space, checkpoint_every
        self.values = {"lr": 0.1, "l1": 2.0}
        self.n_steps = 0
        self.saved: list[int] = []
        self.thread = None
        self.gate = threading.Event()
        self.gate.set()

    @property
    def total_tokens(self):
        return self.total_steps * 10

    @property
    def settings(self):
        return dict(self.values)

    def check_setting(self, name, value):
        if value < 0:
            raise ValueError(f"{name} must be at least 0, got {value}.")
        return float(value)

    def apply_setting(self, name, value):
        self.values[name] = value

    def train_steps(self, breathe):
        self.thread = threading.current_thread()
        while self.n_steps < self.total_steps:
            if breathe("filling", 1, 2):
                return
            self.gate.wait(30.0)
            time.sleep(self.step_s)
            self.n_steps += 1
            if self.n_steps == self.fail_at:
                raise ArithmeticError(f"loss is NaN at step {self.n_steps}")
            yield CounterReport(self.n_steps, self.n_steps * 10, self.values["lr"])

    @property
    def is_checkpoint_due(self):
        return self.checkpoint_every is not None and self.n_steps % self.checkpoint_every == 0

    def save_checkpoint(self):
        if self.no_space:
            raise OSError(28, "No space left on device")
        self.saved.append(self.n_steps)
        return Path(f"checkpoints/{self.n_steps}")

    def finish(self, is_complete):
        return ("done" if is_complete else "partial", self.n_steps)


def test_a_run_ends_with_its_result():
    run = TrainingRun(Counter(20)).run()
    assert run.result(30.0) == ("done", 20)
    assert run.status == "done"
    snapshot = run.snapshot()
    assert (snapshot["n_steps"], snapshot["n_tokens"], snapshot["total_tokens"]) == (20, 200, 200)
    assert snapshot["eta_s"] == 0.0
    assert snapshot["error"] is None
    assert snapshot["memory_bytes"] > 1_000_000


def test_work_runs_in_its_own_thread_and_in_a_copied_context():
    variable = contextvars.ContextVar("variable", default="outside")
    variable.set("caller")
    counter = Counter(3)
    seen = []
    run = TrainingRun(counter)
    run.add_listener(lambda report: seen.append(variable.get()))
    run.run().result(30.0)
    assert counter.thread is not threading.current_thread()
    assert seen == ["caller"] * 3


def test_pause_holds_the_steps_and_resume_goes_on():
    counter = Counter(10_000, step_s=0.001)
    run = TrainingRun(counter).run()
    run.pause()
    assert run.wait("paused", timeout=5.0)
    held, elapsed = run.n_steps, run.snapshot()["elapsed_s"]
    time.sleep(0.1)
    assert run.n_steps == held
    assert run.snapshot()["elapsed_s"] == elapsed
    run.resume()
    assert run.wait("running", timeout=5.0)
    deadline = time.monotonic() + 5
    while run.n_steps == held and time.monotonic() < deadline:
        time.sleep(0.01)
    assert run.n_steps > held
    run.stop()
    assert run.result(30.0)[0] == "partial"


def test_stop_saves_a_checkpoint_and_keeps_the_partial_result():
    counter = Counter(100_000, step_s=0.001)
    run = TrainingRun(counter).run()
    run.stop()
    kind, n_steps = run.result(30.0)
    assert (kind, run.status) == ("partial", "stopped")
    assert counter.saved == [n_steps]
    assert run.snapshot()["checkpoint"] == f"checkpoints/{n_steps}"


def test_a_paused_run_can_be_stopped():
    run = TrainingRun(Counter(100_000, step_s=0.001)).run()
    run.pause()
    assert run.wait("paused", timeout=5.0)
    run.stop()
    assert run.result(30.0)[0] == "partial"


def test_settings_change_between_steps_and_become_events():
    run = TrainingRun(Counter(100_000, step_s=0.001))
    heard = []
    run.add_event_listener(heard.append)
    run.run()
    run.pause()
    assert run.wait("paused", timeout=5.0)
    run.set(lr=0.5)
    deadline = time.monotonic() + 5
    while not run.events and time.monotonic() < deadline:
        time.sleep(0.005)
    assert run.events == heard == [{"step": run.n_steps, "name": "lr", "old": 0.1, "new": 0.5}]
    assert run.settings == {"lr": 0.5, "l1": 2.0}
    assert run.status == "paused"
    changed_at = run.n_steps
    run.resume()
    assert run.wait("running", timeout=5.0)
    run.stop()
    run.result(30.0)
    steps, values = run.history.series("lr")
    assert all(value == (0.5 if step > changed_at else 0.1) for step, value in zip(steps, values, strict=True))


def test_setting_the_present_value_is_no_event():
    run = TrainingRun(Counter(10))
    run.set(lr=0.1)
    run.run().result(30.0)
    assert run.events == []


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"lrr": 1.0}, ValueError, "No setting 'lrr'.*lr, l1.*Did you mean 'lr'"),
        ({"lr": math.nan}, ValueError, "lr must be a finite number, got nan"),
        ({"lr": math.inf}, ValueError, "lr must be a finite number"),
        ({"lr": "fast"}, TypeError, "lr must be a number, got 'fast'"),
        ({"lr": True}, TypeError, "lr must be a number, got True"),
        ({"l1": -1.0}, ValueError, "l1 must be at least 0"),
        ({"l1": 3.0, "lr": math.nan}, ValueError, "finite"),
    ],
)
def test_a_refused_setting_changes_nothing(settings, error, message):
    run = TrainingRun(Counter(5))
    with pytest.raises(error, match=message):
        run.set(**settings)
    assert run.settings == {"lr": 0.1, "l1": 2.0}


def test_a_failure_is_kept_with_its_traceback_and_raised_by_result():
    run = TrainingRun(Counter(10, fail_at=4)).run()
    for _ in range(2):
        with pytest.raises(ArithmeticError, match="loss is NaN at step 4"):
            run.result(30.0)
    snapshot = run.snapshot()
    assert snapshot["status"] == "failed"
    assert snapshot["error"] == "loss is NaN at step 4"
    assert "train_steps" in snapshot["traceback"]
    assert run.history.last()["loss"] == pytest.approx(1 / 3)


def test_a_failing_listener_hurts_nobody_and_is_logged_once(caplog):
    run = TrainingRun(Counter(10))
    seen = []

    def bad(report):
        raise RuntimeError("listener broke")

    run.add_listener(bad)
    run.add_listener(lambda report: seen.append(report.n_steps))
    assert run.run().result(30.0) == ("done", 10)
    assert seen == list(range(1, 11))
    assert sum("listener broke" in (record.exc_text or "") for record in caplog.records) == 1


def test_a_removed_listener_hears_nothing_more():
    run = TrainingRun(Counter(10))
    seen = []
    remove = run.add_listener(lambda report: (seen.append(report.n_steps), remove()))
    run.run().result(30.0)
    remove()
    assert seen == [1]


def test_statuses_arrive_in_order():
    run = TrainingRun(Counter(100_000, step_s=0.001))
    statuses = []
    run.add_status_listener(statuses.append)
    run.run()
    run.pause()
    assert run.wait("paused", timeout=5.0)
    run.resume()
    assert run.wait("running", timeout=5.0)
    run.stop()
    run.result(30.0)
    assert statuses == ["running", "paused", "running", "stopping", "stopped"]


def test_a_checkpoint_can_be_asked_for_and_is_answered():
    counter = Counter(100_000, step_s=0.001)
    run = TrainingRun(counter).run()
    folder = run.checkpoint().result(30.0)
    assert folder == Path(f"checkpoints/{counter.saved[0]}")
    run.stop()
    run.result(30.0)


def test_checkpoints_are_taken_when_due():
    counter = Counter(10, checkpoint_every=4)
    TrainingRun(counter).run().result(30.0)
    assert counter.saved == [4, 8]


def test_a_full_disk_is_reported_and_training_goes_on():
    counter = Counter(100_000, step_s=0.001, no_space=True)
    run = TrainingRun(counter).run()
    with pytest.raises(OSError, match="No space left"):
        run.checkpoint().result(30.0)
    assert "No space left" in run.snapshot()["error"]
    assert run.status == "running"
    run.stop()
    assert run.result(30.0)[0] == "partial"


def test_requests_after_the_end_are_refused_and_a_late_stop_is_harmless():
    run = TrainingRun(Counter(2)).run()
    run.result(30.0)
    run.stop()
    run.pause()
    assert run.status == "done"
    with pytest.raises(RuntimeError, match="done; it is too late to take a checkpoint"):
        run.checkpoint()
    with pytest.raises(RuntimeError, match="too late to change settings"):
        run.set(lr=0.2)
    with pytest.raises(RuntimeError, match="started before"):
        run.run()


def test_result_times_out_and_training_goes_on():
    counter = Counter(3)
    counter.gate.clear()
    run = TrainingRun(counter).run()
    with pytest.raises(TimeoutError, match="Still running"):
        run.result(0.05)
    counter.gate.set()
    assert run.result(30.0) == ("done", 3)


def test_result_before_the_start_says_so():
    with pytest.raises(RuntimeError, match="call run"):
        TrainingRun(Counter(1)).result()


def test_a_run_can_be_awaited_and_its_failure_too():
    async def both():
        good = await TrainingRun(Counter(20, step_s=0.001)).run()
        finished = TrainingRun(Counter(1)).run()
        finished.result(30.0)
        again = await finished
        with pytest.raises(ArithmeticError, match="NaN"):
            await TrainingRun(Counter(5, fail_at=2)).run()
        return good, again

    assert asyncio.run(both()) == (("done", 20), ("done", 1))


def test_an_interrupt_in_the_foreground_stops_with_a_checkpoint():
    counter = Counter(100_000, step_s=0.001)
    timer = threading.Timer(0.2, lambda: signal.raise_signal(signal.SIGINT))
    # raise_signal from a thread still runs Python's handler in the main thread.
    timer.start()
    run = TrainingRun(counter).run(foreground=True)
    assert run.status == "stopped"
    assert counter.saved == [run.n_steps]
    assert run.result()[0] == "partial"


def test_the_end_of_the_process_stops_a_run_with_a_checkpoint(tmp_path):
    script = (
        "import sys, time; sys.path.insert(0, sys.argv[1])\n"
        "from test_run import Counter, TrainingRun\n"
        "class Slow(Counter):\n"
        "    def save_checkpoint(self):\n"
        "        path = super().save_checkpoint(); open(sys.argv[2], 'w').write(str(path)); return path\n"
        "run = TrainingRun(Slow(10**6, step_s=0.001)).run(); time.sleep(0.1)\n"
    )
    mark = tmp_path / "mark"
    subprocess.run([sys.executable, "-c", script, str(Path(__file__).parent), str(mark)], check=True, timeout=60)
    assert mark.read_text().startswith("checkpoints/")


def test_history_gives_copies_from_any_point():
    history = History()
    for step in range(5):
        history.record(step, {"loss": step / 2})
    history.record(5, {"l0": 32.0})
    steps, values = history.series("loss", start=3)
    assert (list(steps), list(values)) == ([3, 4], [1.5, 2.0])
    history.record(6, {"loss": 9.0})
    assert len(steps) == 2
    assert history.names() == ["loss", "l0"]
    assert history.last() == {"loss": 9.0, "l0": 32.0}
    with pytest.raises(ValueError, match="No curve 'lozz'; there are: loss, l0"):
        history.series("lozz")


def test_the_modules_of_a_run_and_of_a_follower_need_the_standard_library_only():
    code = "import sys, sae_widgets.runs.run, sae_widgets.runs.follower; "
    code += "print(sorted({m.split('.')[0] for m in sys.modules} & {'torch', 'numpy'}))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
