import html.parser
import math
import random
import threading
import time
import types
from dataclasses import dataclass
from pathlib import Path

import pytest
import traitlets

from sae_widgets.runs.run import TrainingRun
from sae_widgets.widgets import training_panel
from sae_widgets.widgets._curve_picture import number
from sae_widgets.widgets._curves import MAX_POINTS, unpack
from sae_widgets.widgets._worker import Job
from sae_widgets.widgets.training_panel import TrainingPanel
from tests.widgets.test_curves import shown

HOSTILE = "</script><img src=x onerror=alert(1)>\u202e\x00"


@dataclass(frozen=True)
class Step:
    n_steps: int
    n_tokens: int
    values: dict

    def curves(self):
        return self.values


class Paced:
    """A run whose steps are let through one by one by `gate`; no tensor anywhere."""

    is_checkpoint_due = False

    def __init__(self, folder, n_steps=20, title="topk SAE, 512 features, blocks.1.hook_resid_post", error=None):
        self.folder, self.n_total, self.title, self.error = Path(folder), n_steps, title, error
        self.total_tokens = 64 * n_steps
        self.settings = {"lr": 3e-4, "l1_coefficient": 2.0}
        self.gate = threading.Semaphore(0)
        self.threads = set()

    def check_setting(self, name, value):
        if value < 0:
            raise ValueError(f"{name} must be at least 0, got {value:g}.")
        return value

    def apply_setting(self, name, value):
        self.threads.add(threading.current_thread().name)
        self.settings[name] = value

    def train_steps(self, breathe):
        for i in range(1, self.n_total + 1):
            while not self.gate.acquire(timeout=0.01):
                if breathe("gathering activations", i, self.n_total):
                    return
            if self.error is not None and i == 5:
                raise self.error
            mse = 8 * math.exp(-i / 6)
            yield Step(
                i, 64 * i, {"loss": mse + 1, "mse_loss": mse, "l1_loss": 1.0, "l0": 300 / i, "lr": self.settings["lr"]}
            )

    def save_checkpoint(self):
        self.threads.add(threading.current_thread().name)
        self.folder.mkdir(parents=True, exist_ok=True)
        return self.folder

    def finish(self, is_complete):
        return types.SimpleNamespace(folder=self.folder / "output" if is_complete else None)


@pytest.fixture
def make(tmp_path):
    """Makes a started run and its panel; ends both."""
    made = []

    def make(**settings):
        run = TrainingRun(Paced(tmp_path / "run", **settings))
        panel = TrainingPanel(run)
        made.append((run, panel))
        run.run()
        return run, panel

    yield make
    for run, panel in made:
        run.stop()
        assert run.wait(timeout=5.0)
        panel.close()


def let(run, n):
    """Lets `n` more steps through and waits for them."""
    target = run.n_steps + n
    for _ in range(n):
        run.trainable.gate.release()
    until(lambda: run.n_steps >= target)


def until(is_true, timeout_s=5.0):
    end = time.monotonic() + timeout_s
    while not is_true():
        assert time.monotonic() < end, "it never came true"
        time.sleep(0.005)


def answer(panel, op, **args):
    """The answer to a question, as the worker gives it."""
    return panel.ops[op](args, Job(op))


# --- from the run to the page ----------------------------------------------------------------------------------------


def test_the_page_is_told_what_the_run_did(make):
    run, panel = make()
    let(run, 7)
    until(lambda: panel.run_state["n_steps"] == 7)
    assert panel.run_state["status"] == "running"
    assert panel.run_state["total_tokens"] == 20 * 64
    assert panel.title == run.trainable.title
    until(lambda: shown(panel._feed).get("mse_loss", ([],))[0] == [1, 2, 3, 4, 5, 6, 7])
    until(lambda: len(panel.charts) == 3)
    assert [chart["title"] for chart in panel.charts] == ["Loss", "L0 (active features per token)", "Learning rate"]
    assert panel.charts[0]["labels"] == ["sum", "mse", "l1"]
    assert {row["name"]: row["value"] for row in panel.settings} == {"lr": 3e-4, "l1_coefficient": 2.0}


def test_a_panel_made_late_shows_the_whole_history(make):
    run, _ = make()
    let(run, 9)
    late = TrainingPanel(run)
    assert len(shown(late._feed)["loss"][0]) == 9
    assert unpack(late.tail)["loss"][0] == list(range(1, 10))
    late.close()


def test_what_keeps_the_reader_waiting_is_told_and_only_then(make):
    run, panel = make()
    until(lambda: (panel.run_state["activity"] or {}).get("text") == "gathering activations")
    let(run, 1)
    until(lambda: panel.run_state["n_steps"] == 1)
    run.trainable.gate.release(2)
    until(lambda: panel.run_state["n_steps"] == 3)


def test_it_ends_with_numbers_and_where_the_sae_is(make, tmp_path):
    run, panel = make(n_steps=6)
    let(run, 6)
    assert run.wait(timeout=5.0)
    until(lambda: bool(panel.outcome))
    assert panel.run_state["status"] == "done"
    assert panel.outcome["saved"] == str(tmp_path / "run" / "output")
    assert panel.outcome["code"] == "sae = run.result()"
    assert ["mse loss", number(8 * math.exp(-1))] in panel.outcome["rows"]
    assert "learning rate" not in dict(panel.outcome["rows"])


def test_a_failed_run_tells_its_error_and_traceback(make):
    run, panel = make(error=RuntimeError("the loss exploded"))
    for _ in range(5):
        run.trainable.gate.release()
    until(lambda: panel.run_state["status"] == "failed")
    assert panel.run_state["error"] == "the loss exploded"
    assert "RuntimeError: the loss exploded" in panel.run_state["traceback"]
    assert panel.outcome["code"].startswith("run.result()")
    assert "the loss exploded" in panel.fallback_html()


def test_the_page_cannot_write_what_is(make):
    _, panel = make()
    until(lambda: panel.run_state["status"] == "running")
    panel.set_state({"run_state": {"status": "done"}, "curves": {}, "outcome": {"code": "evil()"}, "smoothing": 0.5})
    assert panel.run_state["status"] == "running"
    assert panel.outcome == {}
    assert panel.smoothing == 0.5
    with pytest.raises(traitlets.TraitError, match="smoothing"):
        panel.smoothing = 1.5


def test_the_watching_ends_with_the_run_and_with_the_panel(make):
    def watchers():
        return [thread for thread in threading.enumerate() if thread.name == "sae_widgets TrainingPanel"]

    until(lambda: not watchers())
    run, _ = make(n_steps=2)
    run_2, panel_2 = make()
    assert len(watchers()) == 2
    let(run, 2)
    until(lambda: len(watchers()) == 1)
    panel_2.close()
    until(lambda: not watchers())
    assert run_2.status == "running", "closing a view stops no training"


# --- from the page to the run ----------------------------------------------------------------------------------------


def test_buttons_only_leave_wishes_that_the_training_thread_serves(make, tmp_path):
    run, panel = make()
    let(run, 2)
    panel.on_message({"kind": "control", "action": "pause"}, [])
    until(lambda: panel.run_state["status"] == "paused")
    answer(panel, "set", name="lr", value=1e-4)
    until(lambda: panel.marks == [{"step": 2, "name": "lr", "label": "lr 3e-4 → 1e-4"}])
    panel.on_message({"kind": "control", "action": "checkpoint"}, [])
    until(lambda: panel.run_state["checkpoint"] == str(tmp_path / "run"))
    panel.on_message({"kind": "control", "action": "resume"}, [])
    until(lambda: panel.run_state["status"] == "running")
    panel.on_message({"kind": "control", "action": "stop"}, [])
    until(lambda: panel.run_state["status"] == "stopped")
    assert run.result() is not None
    assert run.trainable.threads == {"sae-training"}, "no other thread touched the training"
    assert panel.outcome["saved"] == str(tmp_path / "run")


@pytest.mark.parametrize(
    "message",
    [
        {"kind": "control", "action": "result"},
        {"kind": "control", "action": "__class__"},
        {"kind": "control", "action": None},
        {"kind": "control"},
        {"kind": "stop"},
        {},
    ],
)
def test_messages_that_are_no_button_do_nothing(make, message):
    run, panel = make()
    panel.on_message(message, [])
    assert run.status == "running"
    assert panel.error == {}


def test_a_click_after_the_end_is_answered_not_lost(make):
    run, panel = make(n_steps=1)
    let(run, 1)
    assert run.wait(timeout=5.0)
    panel.on_message({"kind": "control", "action": "stop"}, [])
    panel.on_message({"kind": "control", "action": "checkpoint"}, [])
    panel.flush()
    assert "too late" in panel.error["message"]


def test_refused_settings_say_why(make):
    run, panel = make()
    with pytest.raises(ValueError, match="at least 0"):
        answer(panel, "set", name="lr", value=-1.0)
    with pytest.raises(ValueError, match="finite"):
        answer(panel, "set", name="lr", value=math.nan)
    with pytest.raises(TypeError, match="must be a number"):
        answer(panel, "set", name="lr", value="fast")
    with pytest.raises(ValueError, match="No setting 'l2'"):
        answer(panel, "set", name="l2", value=1.0)
    assert run.settings == {"lr": 3e-4, "l1_coefficient": 2.0}


def test_exact_values_are_those_of_the_last_step_up_to_the_crosshair(make):
    run, panel = make()
    let(run, 10)
    values = answer(panel, "values_at", step=4.6)["values"]
    assert values["mse_loss"] == 8 * math.exp(-4 / 6)
    assert answer(panel, "values_at", step=0)["values"] == {}


# --- pictures --------------------------------------------------------------------------------------------------------


class Tags(html.parser.HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.tags = set()
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        assert not any(name.startswith("on") for name, _ in attrs)


def test_still_pictures_hold_the_real_numbers_and_curves(make):
    run, panel = make()
    let(run, 3)
    run.set(l1_coefficient=1.5)
    let(run, 5)
    until(lambda: run.events)
    page = panel.fallback_html()
    assert number(8 * math.exp(-8 / 6)) in page
    assert "Changed while training" in page
    picture = panel.fallback_svg()
    assert picture.count("<path") >= 3 * 2
    assert "l1 2 → 1.5" in picture
    assert "step 8" in picture
    assert "L0 37.5" in panel.describe()
    panel.log_scale = True
    assert panel.fallback_svg() != picture


def test_still_pictures_exist_before_the_first_step(make):
    _, panel = make()
    assert "0 of 1,280 tokens" in panel.fallback_html()
    assert panel.fallback_svg().startswith("<svg")


def test_hostile_names_stay_text(make):
    run, panel = make(title=HOSTILE, error=ValueError(HOSTILE))
    for _ in range(5):
        run.trainable.gate.release()
    until(lambda: panel.run_state["status"] == "failed")
    page = panel.fallback_html()
    assert Tags(page).tags.isdisjoint({"script", "img"})
    assert "&lt;/script&gt;" in page
    assert "\u202e" not in page
    assert Tags(panel.fallback_svg()).tags.isdisjoint({"script", "img"})


def test_a_long_run_stays_within_the_size_of_a_picture(make):
    run, panel = make()
    for i in range(1, 30_000):
        run.history.record(i, {f"{name}_loss": random.random() for name in "abcdef"} | {"l0": random.random()})
    panel._feed.update()
    assert len(panel.fallback_svg()) < 150_000
    assert len(panel.fallback_html()) < 200_000
    assert len(panel._feed.whole["data"]) <= 7 * MAX_POINTS * 8


# --- train -----------------------------------------------------------------------------------------------------------


def test_only_a_run_can_be_shown():
    with pytest.raises(TypeError, match=r"the result of sw\.train\(\.\.\.\), or the folder of a run; got int"):
        TrainingPanel(3)
    with pytest.raises(FileNotFoundError, match=r"No run in 'runs/abc': it has no metrics\.jsonl"):
        TrainingPanel("runs/abc")


@pytest.mark.parametrize("is_notebook", [True, False])
def test_train_starts_the_run_and_shows_the_panel_in_a_notebook(tmp_path, monkeypatch, is_notebook):
    from sae_widgets.runs import runner

    asked = {}

    def start(cfg, **overrides):
        asked.update(cfg=cfg, **overrides)
        run = TrainingRun(Paced(tmp_path, n_steps=2))
        run.trainable.gate.release(2)
        return run.run()

    displayed = []
    monkeypatch.setattr(runner, "start", start)
    monkeypatch.setattr(training_panel, "_is_notebook", lambda: is_notebook)
    monkeypatch.setattr("IPython.display.display", displayed.append)
    run = training_panel.train("cfg", override_model="model", foreground=True, freeze_at_end=False)
    assert asked == {"cfg": "cfg", "override_model": "model"}
    assert run.status == "done", "foreground waits for the end"
    assert [panel.run for panel in displayed] == ([run] if is_notebook else [])
    for panel in displayed:
        panel.close()
