"""A run read from its folder while another writes it: growth, many SAEs, a writer that dies, folders without a run."""

import json
import os

import pytest

from sae_widgets.runs import follower, heartbeat
from sae_widgets.runs.follower import FollowedRun
from sae_widgets.runs.log import JsonlLog
from sae_widgets.runs.log_lines import read_log
from sae_widgets.runs.run import TrainingRun
from tests.runs.test_run import Counter


@pytest.fixture
def clock(monkeypatch):
    """Seconds to be set by hand; each look finds it later than the polls are apart."""
    now = [1000.0]

    def monotonic():
        now[0] += follower.POLL_EVERY_S
        return now[0]

    monkeypatch.setattr(follower.time, "monotonic", monotonic)
    return now


def write(folder, *lines, config=None):
    folder.mkdir(parents=True, exist_ok=True)
    if config is not None:
        (folder / "runner_cfg.json").write_text(json.dumps(config))
    with (folder / "metrics.jsonl").open("a") as file:
        file.writelines(line if isinstance(line, str) else json.dumps(line) + "\n" for line in lines)


def begun(folder, **config):
    start = {"event": "start", "step": 0, "pid": os.getpid(), "host": "elsewhere", "title": "topk SAE"}
    running = {"event": "status", "step": 0, "status": "running", "error": None}
    write(folder, start, running, config={"training_tokens": 6400, **config})
    return FollowedRun(folder)


def step(n, **curves):
    return {"step": n, "tokens": 64 * n, **curves}


def test_a_growing_log_is_followed(tmp_path, clock):
    run = begun(tmp_path)
    assert (run.status, run.title, run.snapshot()["total_tokens"]) == ("running", "topk SAE", 6400)
    write(tmp_path, step(1, loss=2.0), step(2, loss=None), '{"step": 3, "tok')
    alive = {"event": "alive", "step": 2, "tokens": 128, "status": "running", "tokens_per_s": 64.0, "elapsed_s": 2.0}
    assert run.snapshot()["n_steps"] == 2
    write(tmp_path, 'ens": 192, "loss": 1.0}\n', alive, {"event": "set", "step": 3, "name": "lr", "old": 1, "new": 2})
    state = run.snapshot()
    assert (state["n_steps"], state["n_tokens"], state["tokens_per_s"], state["elapsed_s"]) == (3, 192, 64.0, 2.0)
    assert state["eta_s"] == (6400 - 192) / 64
    steps, losses = run.history.series("loss")
    assert list(steps) == [1, 2, 3]
    assert losses[1] != losses[1]
    assert run.events == [{"step": 3, "name": "lr", "old": 1, "new": 2}]
    write(tmp_path, {"event": "status", "step": 3, "status": "done", "error": None, "saved": "out"})
    assert run.snapshot()["status"] == "done"
    assert run.saved == "out"


def test_what_a_real_run_writes_is_what_is_followed(tmp_path):
    training = Counter(n_steps=5)
    run = TrainingRun(training)
    JsonlLog(run, tmp_path, {"torch": "2"})
    run.run().result(10.0)
    followed = FollowedRun(tmp_path)
    assert followed.status == "done"
    assert followed.n_steps == 5
    for name in run.history.names():
        assert followed.history.series(name) == run.history.series(name)
    assert read_log(tmp_path / "metrics.jsonl")[0]["pid"] == os.getpid()


def test_a_run_that_takes_no_steps_says_that_it_is_alive(tmp_path, monkeypatch):
    beats = []
    monkeypatch.setattr(heartbeat.Heartbeat, "start", lambda self: beats.append(self._beat))
    run = TrainingRun(Counter(n_steps=5))
    JsonlLog(run, tmp_path, {})
    run.pause()
    run.run()
    assert run.wait("paused", timeout=10.0)
    beats[0]()
    alive = read_log(tmp_path / "metrics.jsonl")[-1]
    assert (alive["event"], alive["status"]) == ("alive", "paused")
    run.resume()
    run.result(10.0)
    beats[0]()  # after the end nothing is written
    assert read_log(tmp_path / "metrics.jsonl")[-1]["status"] == "done"


def test_a_heartbeat_beats_until_it_is_stopped():
    beats = []

    def beat():
        beats.append(1)
        if len(beats) == 3:
            pulse.stop()
        raise OSError("disk full: the next beat may succeed")

    pulse = heartbeat.Heartbeat(beat, 0.001)
    pulse.start()
    pulse._thread.join(10.0)
    assert len(beats) == 3


def test_a_writer_without_a_sign_of_life_is_lost_until_it_writes_again(tmp_path, clock):
    run = begun(tmp_path)
    (tmp_path / "64").mkdir()
    (tmp_path / "64" / "training_state.json").write_text("{}")
    write(tmp_path, step(1, loss=2.0))
    run.snapshot()
    clock[0] += follower.SILENT_AFTER_S
    state = run.snapshot()
    assert state["status"] == "lost"
    assert f"No sign of life from process {os.getpid()} on elsewhere since" in state["error"]
    assert f"resume_from_checkpoint='{tmp_path / '64'}'" in state["error"]
    write(tmp_path, step(2, loss=2.0))
    assert run.snapshot()["status"] == "running"
    write(tmp_path, {"event": "status", "step": 2, "status": "failed", "error": "loss is not finite"})
    clock[0] += 1e6
    assert (run.status, run.snapshot()["error"]) == ("failed", "loss is not finite")


def test_a_log_that_was_silent_before_it_was_opened_is_lost_at_once(tmp_path):
    begun(tmp_path)
    os.utime(tmp_path / "metrics.jsonl", (1e9, 1e9))
    assert FollowedRun(tmp_path).status == "lost"


def test_a_process_that_is_gone_from_this_machine_is_noticed_sooner(tmp_path, clock, monkeypatch):
    run = begun(tmp_path)
    monkeypatch.setattr(follower.platform, "node", lambda: "elsewhere")
    clock[0] += (follower.GONE_AFTER_S + follower.SILENT_AFTER_S) / 2
    assert run.status == "running"

    def gone(pid, signal):
        raise ProcessLookupError

    monkeypatch.setattr(follower.os, "kill", gone)
    assert run.status == "lost"


def test_a_log_begun_anew_by_a_resumed_run_is_read_anew(tmp_path, clock):
    run = begun(tmp_path)
    write(tmp_path, *(step(n, loss=float(n)) for n in range(1, 9)))
    run.snapshot()
    before = run.history
    kept = read_log(tmp_path / "metrics.jsonl")[:6]
    (tmp_path / "metrics.part").write_text("".join(json.dumps(line) + "\n" for line in kept))
    os.replace(tmp_path / "metrics.part", tmp_path / "metrics.jsonl")
    write(tmp_path, {"event": "resume", "step": 4, "pid": 1, "host": "elsewhere"}, step(5, loss=0.5))
    run.snapshot()
    assert run.history is not before
    assert list(run.history.series("loss")[1]) == [1.0, 2.0, 3.0, 4.0, 0.5]


def test_many_saes_are_told_apart(tmp_path, clock):
    run = begun(tmp_path, saes={"k=2": {}, "k=4": {}})
    write(
        tmp_path, step(1, **{"k=2/loss": 1.0, "k=4/loss": 2.0}), {"event": "problem", "name": "k=4", "problem": "NaN"}
    )
    assert run.member_names == ["k=2", "k=4"]
    assert run.snapshot()["problems"] == {"k=4": "NaN"}
    assert run.history.names() == ["k=2/loss", "k=4/loss"]


def test_a_long_log_is_read_in_pieces(tmp_path, clock, monkeypatch):
    monkeypatch.setattr(follower, "MAX_BYTES", 200)
    write(tmp_path, *(step(n, loss=float(n)) for n in range(1, 41)), config={})
    run = FollowedRun(tmp_path)
    assert run.n_steps < 40
    while run.snapshot()["n_steps"] < 40:
        pass
    assert list(run.history.series("loss")[1]) == [float(n) for n in range(1, 41)]


def test_folders_without_a_run_say_what_they_are(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"No run in .*nowhere': it has no metrics.jsonl. There is no such"):
        FollowedRun(tmp_path / "nowhere")
    begun(tmp_path / "checkpoints" / "abc")
    with pytest.raises(FileNotFoundError, match=r"Runs in .*checkpoints', newest first: '.*abc'"):
        FollowedRun(tmp_path / "checkpoints")
    inside = tmp_path / "checkpoints" / "abc" / "640"
    inside.mkdir()
    (inside / "training_state.json").write_text("{}")
    with pytest.raises(FileNotFoundError, match=r"It is a checkpoint; its run is '.*abc'"):
        FollowedRun(inside)


def test_a_run_that_has_logged_nothing_yet_is_waited_for(tmp_path, clock):
    (tmp_path / "runner_cfg.json").write_text('{"training_tokens": 640}')
    run = FollowedRun(tmp_path)
    assert (run.status, run.snapshot()["total_tokens"]) == ("idle", 640)
    write(tmp_path, step(1, loss=2.0))
    assert run.snapshot()["n_steps"] == 1
