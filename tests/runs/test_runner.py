"""The runner: both spellings of its config, whole runs, stop and resume, full disks, bad input."""

import dataclasses
import errno
import json
import os
import signal
import threading

import pytest
import torch

import sae_widgets as sw
from sae_widgets.runs.job import TrainingJob
from sae_widgets.runs.log import read_log
from sae_widgets.runs.runner import LanguageModelSAERunnerConfig, LoggingConfig, SAETrainingRunner, start
from sae_widgets.sae.files import read_sparsity
from sae_widgets.training import checkpoints
from tests.tiny_lm import TinyLM, sentences

HOOK = "blocks.1.hook_resid_pre"
ARCHITECTURES = {
    "standard": {"l1_coefficient": 0.2, "l1_warm_up_steps": 5},
    "gated": {"l1_coefficient": 0.2},
    "topk": {"activation_fn_kwargs": {"k": 4}},
    "jumprelu": {"l1_coefficient": 0.2},
    "batchtopk": {"k": 4},
    "abstopk": {"k": 4},
    "matryoshka_batchtopk": {"k": 4, "matryoshka_widths": [8, 24], "use_matryoshka_aux_loss": True},
    "matching_pursuit": {"max_iterations": 4},
}


def config(folder, architecture="topk", **settings):
    values = {
        **{"architecture": architecture, "model_name": "tiny", "hook_name": HOOK, "d_in": 16, "d_sae": 48},
        **{"training_tokens": 2048, "train_batch_size_tokens": 64, "context_size": 16, "store_batch_size_prompts": 4},
        **{"n_batches_in_buffer": 6, "lr": 3e-3, "lr_warm_up_steps": 4, "lr_decay_steps": 8, "verbose": False},
        **{"output_path": str(folder / "out"), "checkpoint_path": str(folder / "runs")},
        **ARCHITECTURES[architecture],
        **settings,
    }
    return LanguageModelSAERunnerConfig(**values)


def begin(cfg, **overrides):
    return start(cfg, **{"override_model": TinyLM(), "override_dataset": sentences(), **overrides})


def same_weights(one, other):
    theirs = other.state_dict()
    return all(torch.equal(value, theirs[name]) for name, value in one.state_dict().items())


def stop_at(run, n_steps):
    run.add_listener(lambda report: run.stop() if report.n_steps == n_steps else None)


# Whole runs


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_run_learns_and_writes_an_sae_that_loads_the_same(architecture, tmp_path):
    cfg = config(tmp_path, architecture, training_tokens=8192, normalize_activations="expected_average_only_in")
    runner = SAETrainingRunner(cfg, override_model=TinyLM(), override_dataset=sentences(1000))
    sae = runner.run()
    steps, loss = runner.training_run.history.series("mse_loss")
    assert len(steps) == 128
    assert sum(loss[-10:]) < 0.5 * sum(loss[:10])
    assert runner.metrics["explained_variance"] > 0.5
    assert {"l0", "ce_loss_score", "mse", "dead_features"} <= runner.metrics.keys()
    loaded = sw.SAE.load_from_disk(tmp_path / "out")
    x = runner._job.store.next_batch()
    torch.testing.assert_close(loaded(x), sae(x), rtol=1e-4, atol=1e-4)
    assert loaded.cfg.metadata.hook_name == HOOK
    assert loaded.cfg.metadata.l0 == pytest.approx(runner.metrics["l0"])
    assert read_sparsity(tmp_path / "out").shape == (48,)
    assert LanguageModelSAERunnerConfig.from_json(tmp_path / "out" / "runner_cfg.json").sae.d_sae == 48


def test_the_same_seed_gives_the_same_weights_and_another_seed_others(tmp_path):
    saes = [begin(config(tmp_path, seed=seed)).result(60.0) for seed in (1, 1, 2)]
    assert same_weights(saes[0], saes[1])
    assert not same_weights(saes[0], saes[2])


def test_metrics_before_the_run_say_so(tmp_path):
    runner = SAETrainingRunner(config(tmp_path), override_model=TinyLM(), override_dataset=sentences())
    with pytest.raises(RuntimeError, match="call run"):
        runner.metrics  # noqa: B018


def test_a_local_text_file_is_trained_on(tmp_path):
    (tmp_path / "text.txt").write_text("\n<|endoftext|>\n".join(sentences()))
    cfg = config(tmp_path, dataset_path=str(tmp_path / "text.txt"))
    by_file = start(cfg, override_model=TinyLM()).result(60.0)
    by_list = begin(config(tmp_path)).result(60.0)
    assert same_weights(by_file, by_list)


def test_a_model_is_loaded_by_name(tmp_path, monkeypatch):
    monkeypatch.setattr("sae_widgets.runs.job.load_model", lambda name, **kwargs: TinyLM() if name == "tiny" else None)
    by_name = start(config(tmp_path), override_dataset=sentences()).result(60.0)
    assert same_weights(by_name, begin(config(tmp_path)).result(60.0))


def test_the_width_is_taken_from_the_model_where_it_is_not_given(tmp_path):
    cfg = config(tmp_path, d_in=None, d_sae=None, expansion_factor=3)
    assert begin(cfg).result(60.0).W_enc.shape == (16, 48)


def test_an_sae_can_be_trained_further(tmp_path):
    sae = begin(config(tmp_path)).result(60.0)
    before = sae.W_dec.detach().clone()
    assert begin(config(tmp_path), override_sae=sae).result(60.0) is sae
    assert not torch.equal(before, sae.W_dec)
    start_from = sw.SAE.load_from_disk(tmp_path / "out")
    settings = {"training_tokens": 64, "lr": 1e-9, "lr_warm_up_steps": 0, "lr_decay_steps": 0, "d_sae": 40}
    further = begin(config(tmp_path, from_pretrained_path=str(tmp_path / "out"), **settings)).result(60.0)
    torch.testing.assert_close(further.W_dec, start_from.W_dec, atol=1e-6, rtol=0.0)


def test_an_sae_begins_at_the_mean_of_what_it_reads_unless_it_has_learned(tmp_path):
    short = {"training_tokens": 64, "lr": 1e-9, "lr_warm_up_steps": 0, "lr_decay_steps": 0}
    cfg = config(tmp_path, **short)
    model = TinyLM()
    job = TrainingJob(cfg, model=model, dataset=sentences())
    first = job.store.next_batch(lambda done, total: False)
    new = begin(cfg, override_model=model).result(60.0)
    torch.testing.assert_close(new.b_dec.detach(), first.mean(0), atol=1e-5, rtol=0.0)
    assert not begin(config(tmp_path, b_dec_init_method="zeros", **short)).result(60.0).b_dec.abs().gt(1e-8).any()
    with torch.no_grad():
        new.b_dec += 1
    learned = new.b_dec.detach().clone()
    again = begin(cfg, override_sae=new).result(60.0)
    torch.testing.assert_close(again.b_dec.detach(), learned, atol=1e-6, rtol=0.0)


def test_the_sae_is_tried_in_the_model_on_the_way(tmp_path):
    run = begin(config(tmp_path, wandb_log_frequency=4, eval_every_n_wandb_logs=2))
    run.result(60.0)
    steps, scores = run.history.series("eval/ce_loss_score")
    assert list(steps) == [8, 16, 24]
    assert all(-1 < score <= 1.001 for score in scores)


# Log


def test_every_step_and_change_is_in_the_log(tmp_path):
    run = begin(config(tmp_path))
    run.result(60.0)
    (folder,) = (tmp_path / "runs").iterdir()
    lines = read_log(folder / "metrics.jsonl")
    assert lines[0]["event"] == "start"
    assert lines[0]["torch"] == torch.__version__
    assert [line["step"] for line in lines if "event" not in line] == list(range(1, 33))
    assert lines[-1]["status"] == "done"
    assert json.loads((folder / "runner_cfg.json").read_text())["hook_name"] == HOOK


def test_wandb_without_a_login_leaves_one_line_and_never_asks(tmp_path, monkeypatch, caplog):
    monkeypatch.setitem(__import__("sys").modules, "wandb", None)
    begin(config(tmp_path, log_to_wandb=True, wandb_project="sae-training")).result(60.0)
    assert sum("log_to_wandb: wandb is not installed" in record.message for record in caplog.records) == 1


# Stop, resume


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_stopped_and_resumed_run_gives_the_same_weights_bit_for_bit(architecture, tmp_path):
    settings = {"normalize_activations": "expected_average_only_in", "dead_feature_window": 6}
    whole = begin(config(tmp_path, architecture, **settings))
    whole.result(60.0)
    first = begin(config(tmp_path, architecture, **settings))
    stop_at(first, 13)
    first.result(60.0)
    assert first.status == "stopped"
    resumed = begin(config(tmp_path, architecture, resume_from_checkpoint=first.snapshot()["checkpoint"], **settings))
    assert same_weights(resumed.result(60.0), whole.result())
    for name in ("loss", "l0", "explained_variance", "dead_features", "lr"):
        assert resumed.history.series(name) == whole.history.series(name)
    assert torch.equal(resumed.trainable.trainer.log_sparsity(), whole.trainable.trainer.log_sparsity())


def test_live_changes_survive_a_resume_and_can_be_replayed(tmp_path):
    def train(resume=None, events=None):
        settings = {"resume_from_checkpoint": resume} if resume else {}
        run = (
            begin(config(tmp_path, "topk", **settings), events=events)
            if events
            else begin(config(tmp_path, **settings))
        )
        return run

    played = start(config(tmp_path), override_model=TinyLM(), override_dataset=sentences())
    played.pause()
    assert played.wait("paused", timeout=10.0)
    played.set(lr=1e-3, k=6)
    played.resume()
    played.result(60.0)
    assert {event["name"]: event["new"] for event in played.events} == {"lr": 1e-3, "k": 6}
    replayed = train(events=played.events)
    assert same_weights(replayed.result(60.0), played.result())
    assert replayed.events == played.events
    stopped = train(events=played.events)
    stop_at(stopped, played.events[-1]["step"] + 2)
    stopped.result(60.0)
    resumed = train(resume=stopped.snapshot()["checkpoint"])
    assert same_weights(resumed.result(60.0), played.result())
    assert resumed.events == played.events


def test_ctrl_c_in_the_foreground_keeps_the_sae_and_a_whole_checkpoint(tmp_path):
    cfg = config(tmp_path, training_tokens=64 * 100_000)
    runner = SAETrainingRunner(cfg, override_model=TinyLM(), override_dataset=sentences())
    threading.Timer(0.5, lambda: signal.raise_signal(signal.SIGINT)).start()
    sae = runner.run()
    assert runner.training_run.status == "stopped"
    checkpoint = checkpoints.read_checkpoint(runner.training_run.snapshot()["checkpoint"])
    assert same_weights(checkpoint.sae, sae)
    assert runner.metrics["l0"] <= 4


def test_sigterm_stops_with_a_checkpoint_and_its_handler_comes_back(tmp_path):
    before = signal.getsignal(signal.SIGTERM)
    cfg = config(tmp_path, training_tokens=64 * 100_000)
    runner = SAETrainingRunner(cfg, override_model=TinyLM(), override_dataset=sentences())
    threading.Timer(0.3, lambda: os.kill(os.getpid(), signal.SIGTERM)).start()
    runner.run()
    assert runner.training_run.status == "stopped"
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_stop_while_activations_are_gathered_is_served_between_two_forwards(tmp_path):
    model, sizes = TinyLM(), {"train_batch_size_tokens": 512, "n_batches_in_buffer": 64, "training_tokens": 2048}
    cfg = config(tmp_path, lr_warm_up_steps=0, lr_decay_steps=0, **sizes)
    data = sentences(1000)
    run = begin(cfg, override_model=model, override_dataset=data)

    def stop_in_the_middle(report):
        # Eight forwards make a batch; the stop comes after the third.
        model.when_called = lambda n: run.stop() if n == 3 else None
        model.n_forwards = 0

    run.add_listener(lambda report: stop_in_the_middle(report) if report.n_steps == 2 else None)
    run.result(20.0)
    assert (run.status, run.n_steps, model.n_forwards) == ("stopped", 2, 3)
    again = dataclasses.replace(cfg, resume_from_checkpoint=run.snapshot()["checkpoint"])
    resumed = begin(again, override_dataset=data)
    assert same_weights(resumed.result(60.0), begin(cfg, override_dataset=data).result(60.0))


def test_checkpoints_come_at_equal_parts_and_at_the_end_if_asked(tmp_path):
    begin(config(tmp_path, n_checkpoints=3, save_final_checkpoint=True)).result(60.0)
    (folder,) = (tmp_path / "runs").iterdir()
    names = sorted(path.name for path in folder.iterdir() if path.is_dir())
    assert names == ["1024", "1536", "512", "final_2048"]
    files = {path.name for path in (folder / "512").iterdir()}
    assert files == {
        *("sae_weights.safetensors", "cfg.json", "sparsity.safetensors", "runner_cfg.json"),
        *("training_state.safetensors", "training_state.json"),
    }
    assert sw.SAE.load_from_disk(folder / "512").cfg.is_training


def test_a_checkpoint_that_is_not_there_names_those_that_are(tmp_path):
    begin(config(tmp_path, n_checkpoints=1)).result(60.0)
    (folder,) = (tmp_path / "runs").iterdir()
    with pytest.raises(FileNotFoundError, match=r"There are checkpoints in it: .*1024"):
        begin(config(tmp_path, resume_from_checkpoint=str(folder)))


def test_a_damaged_checkpoint_says_which_file(tmp_path):
    begin(config(tmp_path, n_checkpoints=1)).result(60.0)
    (folder,) = (tmp_path / "runs").iterdir()
    state = folder / "1024" / "training_state.safetensors"
    state.write_bytes(state.read_bytes()[:-100])
    with pytest.raises(ValueError, match=r"training_state\.safetensors is damaged"):
        begin(config(tmp_path, resume_from_checkpoint=str(folder / "1024")))


# A disk that is full


def full_disk(tensors, path):
    path.write_bytes(b"half of it")
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))


def test_a_full_disk_leaves_earlier_checkpoints_whole_and_training_goes_on(tmp_path, monkeypatch):
    run = begin(config(tmp_path, n_checkpoints=1))
    seen = []

    def break_disk(report):
        if report.n_steps == 17:
            monkeypatch.setattr(checkpoints, "save_file", full_disk)
            seen.append(run.checkpoint())

    run.add_listener(break_disk)
    assert run.result(60.0) is not None
    assert run.status == "done"
    with pytest.raises(OSError, match=r"Could not write .*: the disk is full\. Nothing was left there"):
        seen[0].result(30.0)
    (folder,) = (tmp_path / "runs").iterdir()
    assert sorted(path.name for path in folder.iterdir()) == ["1024", "metrics.jsonl", "runner_cfg.json"]
    assert checkpoints.read_checkpoint(folder / "1024").numbers["n_steps"] == 16


def test_a_stop_on_a_full_disk_keeps_the_sae(tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoints, "save_file", full_disk)
    run = begin(config(tmp_path))
    stop_at(run, 5)
    sae = run.result(60.0)
    assert run.status == "stopped"
    assert "the disk is full" in run.snapshot()["error"]
    assert sae.W_dec.isfinite().all()


def test_an_output_that_cannot_be_written_does_not_cost_the_sae(tmp_path, caplog):
    (tmp_path / "out").write_text("a file is in the way")
    run = begin(config(tmp_path))
    assert run.result(60.0).W_dec.isfinite().all()
    assert "The SAE itself is kept" in caplog.text


def test_writing_the_same_checkpoint_again_replaces_it(tmp_path):
    folder = tmp_path / "5"
    for text in ("old", "new"):
        with checkpoints.written_folder(folder) as temporary:
            (temporary / "file").write_text(text)
    assert (folder / "file").read_text() == "new"
    assert os.listdir(tmp_path) == ["5"]


# Bad input


@pytest.mark.parametrize(
    ("settings", "overrides", "message"),
    [
        ({"hook_name": "blocks.1.hook_resid_pro"}, {}, r"No hook 'blocks.1.hook_resid_pro'.*hook_resid_pre"),
        ({"hook_name": "blocks.7.hook_resid_pre"}, {}, r"No hook 'blocks.7.*layers are 0 to 1"),
        ({"d_in": 24}, {}, r"width 24, but .* has width 16"),
        ({"context_size": 64}, {}, r"context_size is 64, but this model reads at most 32 tokens"),
        ({}, {"override_dataset": []}, "empty: there is nothing to train on"),
        ({}, {"override_dataset": iter(["a"])}, "can be read only once"),
        ({}, {"override_dataset": [{"body": "x"}]}, "No column .* can be read: it has 'body'.*'text'"),
        ({"dataset_path": "missing.txt"}, {"override_dataset": None}, r"No file or folder 'missing.txt'"),
        ({"model_name": "gpt2", "dataset_path": ""}, {"override_dataset": None}, "There is no data"),
        ({"n_batches_in_buffer": 1, "train_batch_size_tokens": 128}, {}, "buffer of 64 tokens .* cannot hold a batch"),
        ({"use_ghost_grads": True}, {}, "use_ghost_grads works with architecture 'standard', not 'topk'"),
        ({"lr_scheduler_name": "cosine"}, {}, "No lr_scheduler_name 'cosine'; there are: constant, cosineannealing"),
        ({"lr_warm_up_steps": 50}, {}, "more than the 32 steps of this run"),
    ],
)
def test_bad_input_is_refused_at_the_start(settings, overrides, message, tmp_path):
    with pytest.raises((ValueError, TypeError, FileNotFoundError, NotImplementedError), match=message):
        begin(config(tmp_path, **settings), **overrides)


def test_data_too_small_for_one_batch_is_an_error(tmp_path):
    run = begin(config(tmp_path), override_dataset=["the cat sat"] * 5)
    with pytest.raises(ValueError, match=r"too small: 5 documents give 1 rows of 16 tokens .* needs 4 rows"):
        run.result(10.0)


def test_a_loss_that_is_not_finite_stops_the_run_and_names_the_step(tmp_path):
    run = begin(config(tmp_path, n_checkpoints=1))

    def poison(report):
        if report.n_steps == 20:
            run.trainable.trainer.scale = float("nan")

    run.add_listener(poison)
    with pytest.raises(FloatingPointError, match=r"loss is not finite at step 21.*Lower lr.*last checkpoint.*1024"):
        run.result(60.0)
    assert run.status == "failed"
    assert run.trainable.sae.W_dec.isfinite().all()
    (folder,) = (tmp_path / "runs").iterdir()
    assert checkpoints.read_checkpoint(folder / "1024").numbers["n_steps"] == 16


def test_activations_that_are_not_finite_are_told_from_a_diverging_loss(tmp_path):
    model = TinyLM()
    model.W_E[5] = float("nan")
    with pytest.raises(FloatingPointError, match=r"At step 1: The model's activations at .* are NaN on"):
        begin(config(tmp_path), override_model=model).result(60.0)


def test_a_failing_model_is_reported_by_result(tmp_path, monkeypatch):
    def broken(name, **kwargs):
        raise ValueError("No model of that name")

    monkeypatch.setattr("sae_widgets.runs.job.load_model", broken)
    run = start(config(tmp_path), override_dataset=sentences())
    with pytest.raises(ValueError, match="No model of that name"):
        run.result(10.0)
    assert "No model of that name" in run.snapshot()["traceback"]


def test_live_settings_are_checked(tmp_path):
    run = begin(config(tmp_path, "standard", training_tokens=64 * 10_000))
    assert run.settings.keys() == {"lr", "l1_coefficient"}
    for settings, message in (
        ({"lr": 0.0}, "lr must be above 0"),
        ({"l1_coefficient": -1.0}, "l1_coefficient must be at least 0"),
        ({"k": 3.0}, "No setting 'k' in this run"),
    ):
        with pytest.raises(ValueError, match=message):
            run.set(**settings)
    run.stop()
    run.result(60.0)


def test_logging_config_refuses_nonsense():
    with pytest.raises(ValueError, match="wandb_log_frequency must be at least 1"):
        LoggingConfig(wandb_log_frequency=0)


def test_a_real_transformer_trains_and_its_sae_attaches(tiny_model, tmp_path):
    text = ["The cat sat on the mat.", "The dog ran under the old tree, and then it was night."] * 40
    cfg = config(tmp_path, "standard", model_name="demo", use_ghost_grads=True, dead_feature_window=2)
    runner = SAETrainingRunner(cfg, override_model=tiny_model, override_dataset=text)
    sae = runner.run()
    tokens = tiny_model.to_tokens(text[0])
    with sw.attach(tiny_model, sae):
        attached = tiny_model(tokens)
    assert not torch.equal(attached, tiny_model(tokens))
    assert sae.cfg.metadata.model_name == tiny_model.cfg.model_name
    metrics = sw.run_evals(sae, tiny_model, text[:2])
    assert metrics.keys() <= runner.metrics.keys()


def test_heads_are_trained_joined_and_the_sae_takes_them_apart(tiny_model, tmp_path):
    cfg = config(tmp_path, "topk", hook_name="blocks.0.attn.hook_z")
    sae = begin(cfg, override_model=tiny_model, override_dataset=["The cat sat on the mat."] * 40).result(60.0)
    assert sae.cfg.reshape_activations == "hook_z"
    with sw.attach(tiny_model, sw.SAE.load_from_disk(tmp_path / "out")):
        assert tiny_model(torch.tensor([[0, 5, 6]])).isfinite().all()


def test_a_config_of_which_everything_is_left_out_runs_on_the_bundled_model(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    cfg = LanguageModelSAERunnerConfig(training_tokens=4096, n_batches_in_buffer=2, n_eval_batches=1)
    sae = SAETrainingRunner(cfg).run()
    assert sae.cfg.hook_name == "blocks.0.hook_mlp_out"
    assert sae.d_in == 192
    assert (tmp_path / "output" / "sae_weights.safetensors").is_file()
