"""Many SAEs from one forward pass: names, columns, curves, settings, checkpoints, one that diverges."""

import dataclasses
import json

import pytest
import torch

import sae_widgets as sw
from sae_widgets.architectures import (
    BatchTopKTrainingSAEConfig,
    JumpReLUTrainingSAEConfig,
    StandardTrainingSAEConfig,
    TopKTrainingSAEConfig,
    TopKTranscoderTrainingConfig,
)
from sae_widgets.runs.log import read_log
from sae_widgets.runs.multi_config import MultiSAETrainingRunnerConfig, grid
from sae_widgets.runs.runner import LanguageModelSAERunnerConfig, MultiSAETrainingRunner, start
from tests.tiny_lm import TinyLM, sentences

PRE, POST, HEADS = "blocks.1.hook_resid_pre", "blocks.1.hook_resid_post", "blocks.0.attn.hook_z"


def topk(k=4, d_in=16, **settings):
    return TopKTrainingSAEConfig(d_in=d_in, d_sae=48, k=k, **settings)


def shared(folder, **settings):
    values = {
        **{"model_name": "tiny", "training_tokens": 2048, "train_batch_size_tokens": 64, "context_size": 16},
        **{"store_batch_size_prompts": 4, "n_batches_in_buffer": 6, "lr": 3e-3, "verbose": False},
        **{"output_path": str(folder / "out"), "checkpoint_path": str(folder / "runs"), "lr_warm_up_steps": 4},
        "n_eval_batches": 1,
    }
    return values | settings


def begin(cfg, **overrides):
    return start(cfg, **{"override_model": TinyLM(), "override_dataset": sentences(), **overrides})


def many(folder, saes=None, hook_names=PRE, places=None, **settings):
    saes = saes or {"k=2": topk(2), "k=4": topk(4)}
    return MultiSAETrainingRunnerConfig(saes=saes, hook_names=hook_names, **places or {}, **shared(folder, **settings))


def same_weights(one, other):
    theirs = other.state_dict()
    return all(torch.equal(value, theirs[name]) for name, value in one.state_dict().items())


# What is trained


def test_each_sae_is_the_one_it_would_be_alone_for_one_forward(tmp_path):
    scaled = {"normalize_activations": "expected_average_only_in"}
    saes = {"k=2": topk(2, **scaled), "wide": BatchTopKTrainingSAEConfig(d_in=16, d_sae=64, k=4.0, **scaled)}
    n_forwards = []

    def trained(cfg):
        model = TinyLM()
        run = begin(cfg, override_model=model)
        run.add_listener(lambda report: n_forwards.append(model.n_forwards) if report.n_steps == 8 else None)
        return run.result(60.0)

    together = trained(many(tmp_path, saes, training_tokens=512))
    for name, each in saes.items():
        alone = trained(
            LanguageModelSAERunnerConfig(sae=each, hook_name=PRE, **shared(tmp_path / name, training_tokens=512))
        )
        assert same_weights(alone, together[name])
    assert len(set(n_forwards)) == 1


def test_hooks_heads_and_transcoders_take_their_own_columns(tmp_path):
    saes = {
        "pre": topk(),
        "post": StandardTrainingSAEConfig(d_in=16, d_sae=32, l1_coefficient=0.1),
        "head 2": topk(2, d_in=4),
        "transcoder": TopKTranscoderTrainingConfig(d_in=16, d_out=16, d_sae=32, k=4),
    }
    hooks = {"pre": PRE, "post": POST, "head 2": HEADS, "transcoder": "blocks.1.mlp.hook_in"}
    places = {"hook_head_indices": {"head 2": 2}, "hook_names_out": {"transcoder": "blocks.1.hook_mlp_out"}}
    runner = MultiSAETrainingRunner(many(tmp_path, saes, hooks, places), sentences(), TinyLM())
    result = runner.run()
    assert runner.metrics.keys() == saes.keys()
    store, members = runner._job.store, runner._job.members
    tokens = store.get_batch_tokens(2)
    batch = store.get_activations(tokens).flatten(0, 1)
    _, cache = TinyLM().run_with_cache(tokens, [*hooks.values(), "blocks.1.hook_mlp_out"])
    assert torch.equal(members["pre"].part(batch), cache[PRE].flatten(0, 1))
    assert torch.equal(members["head 2"].part(batch), cache[HEADS][:, :, 2].flatten(0, 1))
    x, target = members["transcoder"].part(batch)
    assert torch.equal(x, cache["blocks.1.mlp.hook_in"].flatten(0, 1))
    assert torch.equal(target, cache["blocks.1.hook_mlp_out"].flatten(0, 1))
    assert result["head 2"].cfg.metadata.hook_head_index == 2
    assert result["transcoder"].cfg.metadata.hook_name_out == "blocks.1.hook_mlp_out"

    def inputs_of(name):
        seen = members[name].part(batch)
        return seen[0] if isinstance(seen, tuple) else seen

    for name in saes:
        loaded = sw.SAE.load_from_disk(tmp_path / "out" / name)
        assert loaded.cfg.metadata.hook_name == hooks[name]
        torch.testing.assert_close(loaded(inputs_of(name)), result[name](inputs_of(name)), rtol=1e-4, atol=1e-4)


def test_a_grid_names_what_varies():
    one = grid(TopKTrainingSAEConfig, hook_names=PRE, d_in=16, d_sae=[32, 64], k=[2, 4])
    assert list(one["saes"]) == ["d_sae=32 k=2", "d_sae=32 k=4", "d_sae=64 k=2", "d_sae=64 k=4"]
    assert one["saes"]["d_sae=64 k=2"].k == 2
    kinds = [TopKTrainingSAEConfig, BatchTopKTrainingSAEConfig]
    both = sw.grid(kinds, hook_names=[PRE, POST], d_in=16, d_sae=32, k=2)
    assert list(both["saes"]) == [f"{hook} {kind}" for hook in (PRE, POST) for kind in ("topk", "batchtopk")]
    assert both["hook_names"][f"{POST} topk"] == POST
    assert list(grid(TopKTrainingSAEConfig, hook_names=PRE, d_in=16, d_sae=32, k=2)["saes"]) == [PRE]


# What is told


def test_curves_settings_and_log_are_named_by_sae(tmp_path):
    saes = {"a": topk(2), "b": JumpReLUTrainingSAEConfig(d_in=16, d_sae=32, l0_coefficient=0.1)}
    run = begin(many(tmp_path, saes, wandb_log_frequency=8, eval_every_n_wandb_logs=1))
    assert {"lr", "k", "l0_coefficient", "a/lr", "b/lr", "a/k", "b/l0_coefficient"} == run.settings.keys()
    run.pause()
    assert run.wait("paused", timeout=10.0)
    run.set(**{"lr": 1e-3, "b/lr": 2e-3})
    run.resume()
    run.result(60.0)
    assert {"a/loss", "b/loss", "a/eval/ce_loss_score", "b/l0_loss", "tokens_per_s"} <= set(run.history.names())
    assert "loss" not in run.history.names()
    assert [(e["name"], e["new"]) for e in run.events] == [("lr", 1e-3), ("b/lr", 2e-3)]
    assert run.history.last()["a/lr"] == 1e-3
    assert run.history.last()["b/lr"] == 2e-3
    (folder,) = (tmp_path / "runs").iterdir()
    assert read_log(folder / "metrics.jsonl")[-1]["status"] == "done"
    with pytest.raises(RuntimeError, match="too late to change settings"):
        run.set(lr=1.0)


def test_a_setting_that_one_sae_cannot_take_names_it(tmp_path):
    run = begin(many(tmp_path, {"narrow": TopKTrainingSAEConfig(d_in=16, d_sae=8, k=2), "wide": topk()}))
    with pytest.raises(ValueError, match="narrow: k must be between 1 and d_sae = 8"):
        run.set(k=12)
    with pytest.raises(ValueError, match="No setting 'wide/lamda'"):
        run.set(**{"wide/lamda": 12})
    run.stop()
    run.result(60.0)


# Stop, resume, diverge


def test_a_stopped_and_resumed_run_of_many_gives_the_same_weights_bit_for_bit(tmp_path):
    saes = {
        "topk": topk(normalize_activations="expected_average_only_in", aux_loss_coefficient=1.0),
        "post": StandardTrainingSAEConfig(d_in=16, d_sae=32, l1_coefficient=0.1, l1_warm_up_steps=8),
    }
    cfg = many(tmp_path, saes, {"topk": PRE, "post": POST}, dead_feature_window=6)
    whole = begin(cfg)
    whole.result(60.0)
    first = begin(cfg)
    first.add_listener(lambda report: first.stop() if report.n_steps == 13 else None)
    assert set(first.result(60.0)) == {"topk", "post"}
    checkpoint = first.snapshot()["checkpoint"]
    for name in saes:
        assert sw.SAE.load_from_disk(f"{checkpoint}/{name}").cfg.is_training
    again = MultiSAETrainingRunnerConfig.from_json(f"{checkpoint}/runner_cfg.json")
    resumed = begin(dataclasses.replace(again, resume_from_checkpoint=checkpoint))
    for name, sae in resumed.result(60.0).items():
        assert same_weights(sae, whole.result()[name])
        assert resumed.history.series(f"{name}/loss") == whole.history.series(f"{name}/loss")


def test_an_sae_that_diverges_stops_alone_and_says_why(tmp_path, caplog):
    run = begin(many(tmp_path, {"good": topk(2), "bad": topk(4)}, n_checkpoints=1))

    def poison(report):
        if report.n_steps == 5:
            run.trainable.members["bad"].trainer.scale = float("nan")

    run.add_listener(poison)
    result = run.result(60.0)
    assert run.status == "done"
    assert list(result) == ["good"]
    assert "loss is not finite at step 6" in run.snapshot()["problems"]["bad"]
    assert "bad is trained no more" in caplog.text
    assert run.history.series("good/loss")[0][-1] == 32
    assert run.history.series("bad/loss")[0][-1] == 5
    (folder,) = (tmp_path / "runs").iterdir()
    (told,) = [line for line in read_log(folder / "metrics.jsonl") if line.get("event") == "problem"]
    assert (told["name"], told["step"]) == ("bad", 6)
    cfg = MultiSAETrainingRunnerConfig.from_json(folder / "runner_cfg.json")
    resumed = begin(dataclasses.replace(cfg, resume_from_checkpoint=str(folder / "1024")))
    assert same_weights(resumed.result(60.0)["good"], result["good"])
    assert resumed.snapshot()["problems"].keys() == {"bad"}
    assert not (tmp_path / "out" / "bad").exists()


def test_when_all_diverge_the_run_fails(tmp_path):
    model = TinyLM()
    model.W_E[5] = float("nan")
    with pytest.raises(FloatingPointError, match=r"At step 1: The model.s activations at .* are NaN"):
        begin(many(tmp_path), override_model=model).result(60.0)


# Config


def test_the_config_reads_what_it_wrote(tmp_path):
    cfg = many(tmp_path, {"a": topk(2), "b": topk(4, d_in=4)}, {"a": PRE, "b": HEADS}, log_to_wandb=False, seed=3)
    again = MultiSAETrainingRunnerConfig.from_dict(json.loads(json.dumps(cfg.to_dict())))
    assert again.to_dict() == cfg.to_dict()
    assert (cfg.seed, cfg.members["b"].hook_name, cfg.members["a"].sae.k) == (3, HEADS, 2)
    assert dataclasses.replace(cfg, lr=1e-2).members["a"].lr == 1e-2


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"saes": {}}, "saes is empty"),
        ({"saes": {"a/b": topk()}}, "'a/b', which cannot be a folder"),
        ({"saes": {"..": topk()}}, "cannot be a folder"),
        ({"hook_names": {"a": PRE, "c": PRE}}, "hook_names does not suit saes: no SAE is called 'c', 'b' is missing"),
        ({"hook_head_indices": {"c": 1}}, "hook_head_indices does not suit saes: no SAE is called 'c'"),
        ({"lerning_rate": 1}, "MultiSAETrainingRunnerConfig has no 'lerning_rate'"),
        ({"k": 4}, "has no 'k'. It is of one SAE: put it into its config in saes"),
        ({"training_tokens": 0}, "training_tokens is a positive whole number"),
        ({"evaluator": print}, "evaluator is not offered: listen to the run"),
        ({"saes": {"a": topk(), "t": TopKTranscoderTrainingConfig(d_in=16, d_out=16, d_sae=32, k=2)}}, r"saes\['t'\]"),
    ],
)
def test_bad_configs_are_refused(settings, message):
    values = {"saes": {"a": topk(), "b": topk()}, "hook_names": PRE, **settings}
    with pytest.raises((ValueError, TypeError, NotImplementedError), match=message):
        MultiSAETrainingRunnerConfig(**values)


@pytest.mark.parametrize(
    ("saes", "places", "message"),
    [
        ({"a": topk(d_in=24)}, {}, "width 24"),
        ({"a": topk(d_in=4), "b": topk()}, {"hook_head_indices": {"a": 4}}, r"has no head 4 of width 4"),
    ],
)
def test_saes_that_do_not_fit_the_model_are_refused(saes, places, message, tmp_path):
    hooks = {"a": HEADS, **({"b": PRE} if "b" in saes else {})}
    with pytest.raises(ValueError, match=message):
        begin(many(tmp_path, saes, hooks, places))


def test_names_of_override_saes_are_checked(tmp_path):
    with pytest.raises(ValueError, match="override_saes has 'x'; saes are 'k=2', 'k=4'"):
        MultiSAETrainingRunner(many(tmp_path), override_saes={"x": sw.SAE.from_config(topk())})
