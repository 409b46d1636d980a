"""Runs that go on: from which checkpoint, after what death, with which settings; and runs made once more."""

import json
import os
import random
import signal
import time
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from sae_widgets.runs.log import read_log
from sae_widgets.runs.replay import replay
from sae_widgets.runs.resume import MAY_DIFFER
from sae_widgets.runs.runner import prepare
from sae_widgets.training.checkpoints import checkpoints_in, read_checkpoint, tidy, write_json
from tests.runs.test_runner import begin, config, same_weights, stop_at
from tests.tiny_lm import TinyLM, sentences


def the_run(tmp_path):
    (folder,) = (tmp_path / "runs").iterdir()
    return folder


def stopped(tmp_path, n_steps=13, **settings):
    run = begin(config(tmp_path, **settings))
    stop_at(run, n_steps)
    run.result(60.0)
    return run


# Killed


def in_a_process(work):
    """The id of a process that does `work`, made by a fork: nothing is imported anew."""
    pid = os.fork()
    if pid:
        return pid
    try:
        # Its output is the test's own. A child that fails is seen by what it does not leave.
        work()
        os._exit(0)
    finally:
        os._exit(1)


@pytest.fixture
def one_thread():
    """Threads of torch do not survive a fork."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")  # of Python 3.12: what threads hold here, is let go
def test_a_run_that_is_killed_anywhere_and_resumed_gives_the_same_bits(tmp_path, one_thread):
    settings = {"checkpoint_every_steps": 2, "keep_checkpoints": 2, "resume": "auto", "n_eval_batches": 1}
    settings |= {"training_tokens": 64 * 20, "normalize_activations": "expected_average_only_in"}
    begin(config(tmp_path / "whole", **settings)).result(60.0)
    expected = load_file(tmp_path / "whole" / "out" / "sae_weights.safetensors")
    dice = random.Random(0)
    for i in range(3):
        folder = tmp_path / str(i)

        def train(folder=folder):
            begin(config(folder, **settings)).result(60.0)

        child = in_a_process(train)
        # While the n-th checkpoint is being written, or shortly after.
        n_seen, n_wanted = set(), dice.randint(1, 8)
        while len(n_seen) < n_wanted and os.waitpid(child, os.WNOHANG) == (0, 0):
            n_seen |= {each.name for each in folder.glob("runs/*/.*.part")}
        time.sleep(dice.random() * 0.01)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        for run_folder in (folder / "runs").glob("*"):
            for checkpoint in checkpoints_in(run_folder):
                read_checkpoint(checkpoint)
        train()
        found = load_file(folder / "out" / "sae_weights.safetensors")
        assert all(torch.equal(found[name], value) for name, value in expected.items())
        assert len(list(folder.glob("runs/*"))) <= 2  # killed before its first checkpoint it begins anew
        assert not list(folder.glob("runs/*/.*"))


def test_what_a_killed_process_left_is_cleared_and_what_it_replaced_comes_back(tmp_path):
    for name in (".64.ab.part", ".64.cd.old", ".128.ef.old", "128", ".32.aa.gone"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text(name)
    tidy(tmp_path)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["128", "64"]
    assert (tmp_path / "64" / "file").read_text() == ".64.cd.old"
    assert (tmp_path / "128" / "file").read_text() == "128"


def test_a_settings_file_is_the_old_one_or_the_new_one(tmp_path, monkeypatch):
    write_json(tmp_path / "a.json", {"a": 1})

    def full(number):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_json(tmp_path / "a.json", {"a": 2})
    assert json.loads((tmp_path / "a.json").read_text()) == {"a": 1}
    assert [each.name for each in tmp_path.iterdir()] == ["a.json"]


# Which


def test_auto_goes_on_from_the_newest_of_the_same_settings_or_begins(tmp_path, caplog):
    caplog.set_level("INFO", logger="sae_widgets")
    whole = begin(config(tmp_path / "whole")).result(60.0)
    first = stopped(tmp_path, checkpoint_every_steps=4, resume="auto")
    assert "a new run" in caplog.text
    other = begin(config(tmp_path, resume="auto", lr=1e-3))
    other.result(60.0)
    assert other.trainable.run_folder != first.trainable.run_folder
    resumed = begin(config(tmp_path, resume=True, output_path=str(tmp_path / "elsewhere")))
    assert same_weights(resumed.result(60.0), whole)
    assert resumed.trainable.run_folder == first.trainable.run_folder
    assert f"Going on from {first.snapshot()['checkpoint']}, step 13" in caplog.text


def test_a_run_is_resumed_by_its_folder_and_a_damaged_checkpoint_is_passed_over(tmp_path, caplog):
    whole = begin(config(tmp_path / "whole")).result(60.0)
    first = stopped(tmp_path, checkpoint_every_steps=4)
    newest, *earlier = checkpoints_in(first.trainable.run_folder)
    assert [int(each.name) // 64 for each in (newest, *earlier)] == [13, 12, 8, 4]
    state = newest / "training_state.safetensors"
    state.write_bytes(state.read_bytes()[:-100])
    resumed = begin(config(tmp_path, resume=str(first.trainable.run_folder)))
    assert resumed.n_steps >= 12
    assert same_weights(resumed.result(60.0), whole)
    assert "an earlier checkpoint is tried" in caplog.text


def test_a_folder_without_checkpoints_says_so(tmp_path):
    with pytest.raises(FileNotFoundError, match="is no folder"):
        begin(config(tmp_path, resume=str(tmp_path / "none")))
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileNotFoundError, match="no checkpoint to go on from"):
        begin(config(tmp_path, resume=str(tmp_path / "empty")))


def test_a_checkpoint_of_another_config_is_refused_with_the_fields_that_differ(tmp_path):
    checkpoint = stopped(tmp_path).snapshot()["checkpoint"]
    other = config(tmp_path, resume_from_checkpoint=checkpoint, lr=1e-4, context_size=8, activation_fn_kwargs={"k": 6})
    with pytest.raises(
        ValueError, match=r"context_size was 16 and is 8; lr was 0.003 and is 0.0001; sae.k was 4 and is 6"
    ):
        begin(other)
    assert "training_tokens" in MAY_DIFFER
    longer = begin(config(tmp_path, resume_from_checkpoint=checkpoint, training_tokens=2112, n_checkpoints=3))
    longer.result(60.0)
    assert longer.n_steps == 33


def test_the_width_left_to_the_model_is_that_of_the_checkpoint(tmp_path):
    whole = begin(config(tmp_path / "whole", d_in=None, d_sae=None, expansion_factor=3)).result(60.0)
    stopped(tmp_path, d_in=None, d_sae=None, expansion_factor=3)
    resumed = begin(config(tmp_path, d_in=None, d_sae=None, expansion_factor=3, resume="auto"))
    assert same_weights(resumed.result(60.0), whole)
    assert json.loads((the_run(tmp_path) / "runner_cfg.json").read_text())["sae"]["d_in"] == 16


def test_a_run_that_goes_on_is_not_resumed_by_another(tmp_path, caplog):
    run = begin(config(tmp_path, training_tokens=64 * 100_000, checkpoint_every_steps=2))
    try:
        assert run.checkpoint().result(30.0).is_dir()
        with pytest.raises(RuntimeError, match=rf"still going on \(process {os.getpid()} "):
            begin(config(tmp_path, training_tokens=64, resume=str(run.trainable.run_folder)))
    finally:
        run.stop()
        run.result(60.0)


def test_the_last_checkpoints_are_kept_and_the_final_one(tmp_path):
    begin(config(tmp_path, checkpoint_every_steps=5, keep_checkpoints=2, save_final_checkpoint=True)).result(60.0)
    names = [each.name for each in checkpoints_in(the_run(tmp_path))]
    assert names == ["final_2048", str(30 * 64), str(25 * 64)]


def test_checkpoints_come_by_the_clock(tmp_path):
    begin(
        config(tmp_path, checkpoint_every_minutes=1e-9, training_tokens=64 * 3, lr_warm_up_steps=0, lr_decay_steps=0)
    ).result(60.0)
    assert [each.name for each in checkpoints_in(the_run(tmp_path))] == ["192", "128", "64"]


# Changes on the way


def with_changes(folder, **settings):
    """A run whose lr and k are changed at steps 10 and 20."""
    run = begin(config(folder, **settings))

    def change(report):
        if report.n_steps in (10, 20):
            run.set(lr=1e-3 * report.n_steps / 10, k=report.n_steps // 5)

    run.add_listener(change)
    return run


def test_a_replay_gives_the_same_bits_and_so_does_one_of_its_folder(tmp_path):
    run = with_changes(tmp_path / "a")
    sae = run.result(60.0)
    assert [event["step"] for event in run.events] == [10, 10, 20, 20]
    again = run.replay(checkpoint_path=str(tmp_path / "b" / "runs"))
    assert same_weights(again.result(60.0), sae)
    assert again.events == run.events
    assert not (tmp_path / "b" / "out").exists()
    overrides = {"override_model": TinyLM(), "override_dataset": sentences()}
    third = replay(the_run(tmp_path / "b"), **overrides, checkpoint_path=str(tmp_path / "c" / "runs"))
    assert same_weights(third.result(60.0), sae)
    plain = begin(config(tmp_path / "d")).result(60.0)
    assert not same_weights(plain, sae)


def test_changes_made_after_the_last_checkpoint_are_made_again(tmp_path):
    sae = with_changes(tmp_path / "a").result(60.0)
    run = with_changes(tmp_path / "b", checkpoint_every_steps=8)
    stop_at(run, 22)
    run.result(60.0)
    folder = the_run(tmp_path / "b")
    # As after a power cut: the checkpoint of step 8 and a longer log.
    for checkpoint in checkpoints_in(folder):
        if int(checkpoint.name) > 8 * 64:
            checkpoint.rename(tmp_path / checkpoint.name)
    resumed = begin(config(tmp_path / "b", resume="auto"))
    stop_at(resumed, 15)
    resumed.result(60.0)
    assert [event["step"] for event in resumed.events] == [10, 10]
    # Killed again before all changes were made again.
    (folder / str(15 * 64)).rename(tmp_path / "of_step_15")
    last = begin(config(tmp_path / "b", resume="auto"))
    assert same_weights(last.result(60.0), sae)
    assert [event["step"] for event in last.events] == [10, 10, 20, 20]
    steps = [line["step"] for line in read_log(folder / "metrics.jsonl") if "event" not in line]
    assert steps == list(range(1, 33))


def test_a_run_of_an_sae_that_was_given_cannot_be_replayed(tmp_path):
    sae = begin(config(tmp_path)).result(60.0)
    with pytest.raises(ValueError, match="first weights are gone"):
        begin(config(tmp_path), override_sae=sae).replay()


# Bad numbers


def test_nan_in_activations_names_step_hook_row_and_text_and_keeps_the_last_checkpoint(tmp_path):
    model = TinyLM()
    weights = model.layers[0][0].clone()

    def spoil(n_forwards):
        if n_forwards == 25:
            model.layers[0][0][:] = float("nan")

    model.when_called = spoil
    run = begin(config(tmp_path, checkpoint_every_steps=4), override_model=model)
    with pytest.raises(
        FloatingPointError, match=r"At step \d+: .*'blocks.1.hook_resid_pre' are NaN on \d+ of 64 tokens"
    ):
        run.result(60.0)
    said = run.snapshot()["error"]
    assert "documents up to number" in said
    assert "first in its row 0" in said
    checkpoint = run.snapshot()["checkpoint"]
    assert f"The last checkpoint is {checkpoint}." in said
    assert all(torch.isfinite(weight).all() for weight in read_checkpoint(checkpoint).sae.parameters())
    model.layers[0][0][:] = weights
    model.when_called = lambda n_forwards: None
    whole = begin(config(tmp_path / "whole")).result(60.0)
    assert same_weights(begin(config(tmp_path, resume="auto"), override_model=model).result(60.0), whole)


def test_a_full_disk_costs_the_log_and_the_checkpoint_but_not_the_run(tmp_path, monkeypatch, caplog):
    folders = {}

    class Full:
        """A file on a disk that is full from step 10 on."""

        def __init__(self, file):
            self.file = file

        def __getattr__(self, name):
            return getattr(self.file, name)

        def flush(self):
            if folders["run"].n_steps >= 10:
                raise OSError(28, "No space left on device")
            self.file.flush()

    opened = Path.open
    monkeypatch.setattr("sae_widgets.runs.log.FLUSH_EVERY_S", 0.0)
    monkeypatch.setattr(
        Path,
        "open",
        lambda path, mode="r", **how: Full(opened(path, mode, **how)) if "a" in mode else opened(path, mode, **how),
    )
    run = folders["run"] = prepare(config(tmp_path, checkpoint_every_steps=4), TinyLM(), sentences())
    told = []
    run.add_listener(lambda report: told.append(run.snapshot()["error"]))
    run.run().result(60.0)
    assert run.status == "done"
    assert caplog.text.count("metrics.jsonl cannot be written (No space left on device)") == 1
    assert "No space left on device" in told[-1]
    assert [each.name for each in checkpoints_in(run.trainable.run_folder)] == [str(8 * 64), str(4 * 64)]
    assert not list(run.trainable.run_folder.glob(".*"))
