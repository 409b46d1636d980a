"""The training panel of many SAEs, and of a run that is followed from its folder."""

import os
import threading

import pytest

from sae_widgets.runs import follower
from sae_widgets.runs.run import TrainingRun
from sae_widgets.widgets._curve_names import compared_curves, numbers_of
from sae_widgets.widgets._curves import unpack
from sae_widgets.widgets._worker import Job
from sae_widgets.widgets.training_panel import TrainingPanel
from tests.runs.test_follower import step, write
from tests.widgets.test_training_panel import HOSTILE, Paced, Step, let, until


class Many(Paced):
    """Paced, with the curves of two SAEs; the second diverges after step 5."""

    def __init__(self, folder, names=("k=2", "k=4"), **settings):
        super().__init__(folder, title="2 SAEs on blocks.1.hook_resid_post", **settings)
        self.member_names, self.problems = list(names), {}
        self.settings = {"lr": 3e-4, "k": float("nan")}
        for i, name in enumerate(names):
            self.settings |= {f"{name}/lr": 3e-4, f"{name}/k": 2.0 * (i + 1)}

    def train_steps(self, breathe):
        for report in super().train_steps(breathe):
            first, second = self.member_names
            values = {f"{first}/loss": 1 / report.n_steps, f"{first}/l0": 2.0, f"{first}/explained_variance": 0.5}
            if report.n_steps <= 5:
                values |= {f"{second}/loss": 2.0, f"{second}/l0": 4.0, f"{second}/explained_variance": 0.25}
            else:
                self.problems[second] = "The loss is not finite at step 6"
            yield Step(report.n_steps, report.n_tokens, {**values, "tokens_per_s": 100.0})

    def finish(self, is_complete):
        done = super().finish(is_complete)
        return {self.member_names[0]: done}


@pytest.fixture
def make(tmp_path):
    made = []

    def make(**settings):
        run = TrainingRun(Many(tmp_path / "run", **settings))
        panel = TrainingPanel(run)
        made.append((run, panel))
        run.run()
        return run, panel

    yield make
    for run, panel in made:
        run.stop()
        assert run.wait(timeout=10.0)
        panel.close()


def sent(panel):
    """The curves that the page has."""
    return {name for part in (panel.curves, panel.tail) if part for name in unpack(part)}


def test_saes_are_compared_by_one_curve_and_told_apart_by_their_numbers(make):
    run, panel = make()
    let(run, 3)
    until(lambda: panel.numbers.get("rows") == [[0.5, 2.0], [0.25, 4.0]])
    assert panel.members == ["k=2", "k=4"]
    assert [choice["name"] for choice in panel.choices] == ["explained_variance", "l0", "loss"]
    assert [column["label"] for column in panel.numbers["columns"]] == ["Explained variance", "L0"]
    assert panel.shown_curve == "explained_variance"
    assert panel.charts == []
    assert sent(panel) == {"k=2/explained_variance", "k=4/explained_variance", "tokens_per_s"}
    assert [(row["name"], row["value"]) for row in panel.settings] == [("lr", 3e-4), ("k", None)]


def test_another_curve_and_an_sae_in_focus_are_sent_when_asked_for(make):
    run, panel = make()
    let(run, 2)
    panel.shown_curve = "l0"
    until(lambda: {"k=2/l0", "k=4/l0"} <= sent(panel))
    assert "k=4/loss" not in sent(panel)
    panel.focused = "k=4"
    until(lambda: "k=4/loss" in sent(panel))
    until(lambda: [chart["title"][:4] for chart in panel.charts] == ["Loss", "L0 (", "Expl"])
    assert panel.charts[0]["names"] == ["k=4/loss"]
    assert [(row["name"], row["label"], row["value"]) for row in panel.settings] == [
        ("k=4/lr", "learning rate", 3e-4),
        ("k=4/k", "k (active features)", 4.0),
    ]
    panel.ops["set"]({"name": "k=4/lr", "value": 1e-3}, Job("set"))
    until(lambda: run.trainable.settings["k=4/lr"] == 1e-3)


def test_at_the_end_every_curve_is_there_and_the_one_that_diverged_says_so(make, tmp_path):
    run, panel = make(n_steps=8)
    let(run, 8)
    until(lambda: panel.outcome)
    assert panel.outcome["code"] == "saes = run.result()  # by name"
    assert panel.outcome["saved"] == str(tmp_path / "run")
    assert panel.run_state["problems"] == {"k=4": "The loss is not finite at step 6"}
    panel.focused = "k=2"
    until(lambda: len(panel.charts) == 3)
    assert sent(panel) == set(run.history.names())
    assert unpack(panel.tail)["k=4/loss"][0] == [1, 2, 3, 4, 5]
    page = panel.fallback_html()
    assert "trained no more" in page
    assert "The loss is not finite at step 6" in page
    assert page.count("<path") > 6
    assert "k=4" in panel.fallback_svg()


def test_hostile_names_of_saes_stay_text(make):
    run, panel = make(names=(HOSTILE, "b"), n_steps=2)
    let(run, 2)
    until(lambda: panel.outcome)
    for text in (panel.fallback_html(), panel.fallback_svg()):
        assert "<img" not in text
        assert "</script" not in text


def test_curves_to_compare_by_come_best_known_first():
    names = ["a/zeta", "a/loss", "b/eval/ce_loss_score", "a/explained_variance", "tokens_per_s", "c/loss"]
    assert compared_curves(names, ["a", "b"]) == ["explained_variance", "loss", "eval/ce_loss_score", "zeta"]
    columns, rows = numbers_of({"a/l0": 3.0, "b/mse_loss": float("nan")}, ["a", "b"])
    assert [column["name"] for column in columns] == ["l0", "mse_loss"]
    assert rows == [[3.0, None], [None, None]]


# A run elsewhere


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The folder of a run that has just begun."""
    monkeypatch.setattr(follower, "POLL_EVERY_S", 0.01)
    start = {"event": "start", "step": 0, "pid": os.getpid(), "host": "elsewhere", "title": "topk SAE"}
    running = {"event": "status", "step": 0, "status": "running", "error": None}
    write(tmp_path, start, running, step(1, loss=2.0), config={"training_tokens": 640})
    return tmp_path


def test_a_folder_is_followed_while_it_grows(folder):
    panel = TrainingPanel(folder)
    assert not panel.has_controls
    assert panel.settings == []
    assert panel.title == f"topk SAE, followed in {folder}"
    write(folder, step(2, loss=1.0), {"event": "set", "step": 2, "name": "lr", "old": 1e-3, "new": 1e-4})
    until(lambda: panel.run_state["n_steps"] == 2)
    until(lambda: unpack(panel.tail)["loss"][0] == [1, 2])
    until(lambda: [mark["label"] for mark in panel.marks] == ["lr 0.001 → 1e-4"])
    panel.on_message({"kind": "control", "action": "stop"}, [])
    until(lambda: "in another process" in panel.status["text"])
    with pytest.raises(ValueError, match="changed from there"):
        panel.ops["set"]({"name": "lr", "value": 1.0}, Job("set"))
    write(folder, {"event": "status", "step": 2, "status": "done", "error": None, "saved": "out put"})
    until(lambda: panel.outcome)
    assert panel.outcome["code"] == "sae = sw.SAE.load_from_disk('out put')"
    assert "done" in panel.describe()
    panel.close()


def test_a_log_begun_anew_replaces_the_curves(folder):
    panel = TrainingPanel(str(folder))
    write(folder, *(step(n, loss=float(n)) for n in range(2, 9)))
    until(lambda: unpack(panel.tail)["loss"][0][-1] == 8)
    before = panel.curves["revision"]
    lines = (folder / "metrics.jsonl").read_text().splitlines(keepends=True)[:4]
    (folder / "new").write_text("".join(lines))
    os.replace(folder / "new", folder / "metrics.jsonl")
    write(folder, step(3, loss=7.0))
    until(lambda: panel.curves["revision"] > before)
    whole, tail = unpack(panel.curves)["loss"], unpack(panel.tail)["loss"]
    assert whole[0] + tail[0] == [1, 2, 3]
    assert whole[1] + tail[1] == [2.0, 2.0, 7.0]
    panel.close()


def test_a_writer_that_died_is_told(folder):
    os.utime(folder / "metrics.jsonl", (1e9, 1e9))
    panel = TrainingPanel(folder)
    assert panel.run_state["status"] == "lost"
    assert "No sign of life" in panel.run_state["error"]
    assert "No sign of life" in panel.fallback_html()
    panel.close()


def test_closing_ends_the_watching_of_a_folder(folder):
    before = set(threading.enumerate())
    panel = TrainingPanel(folder)
    (thread,) = [t for t in set(threading.enumerate()) - before if t.name == "sae_widgets TrainingPanel"]
    panel.close()
    thread.join(5.0)
    assert not thread.is_alive()


def test_many_saes_are_followed(tmp_path):
    lines = [step(n, **{"a/loss": 1.0 / n, "b/loss": 2.0 / n}) for n in range(1, 4)]
    done = {"event": "status", "step": 3, "status": "done", "saved": "out"}
    write(tmp_path, *lines, done, config={"saes": {"a": {}, "b": {}}})
    panel = TrainingPanel(tmp_path)
    until(lambda: panel.outcome)
    assert panel.members == ["a", "b"]
    assert sent(panel) == {"a/loss", "b/loss"}
    assert panel.outcome["code"] == "saes = {name: sw.SAE.load_from_disk(f'out/{name}') for name in ['a', 'b']}"
    panel.close()
