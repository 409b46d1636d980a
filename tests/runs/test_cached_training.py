"""Training from activations on the disk, and with forwards made ahead."""

import pytest
import torch

from sae_widgets.runs import cache_activations
from sae_widgets.runs.cache_activations import CacheActivationsRunner, CacheActivationsRunnerConfig
from sae_widgets.runs.config import LanguageModelSAERunnerConfig
from sae_widgets.runs.runner import SAETrainingRunner, start
from tests.tiny_lm import TinyLM, sentences

HOOK = "blocks.1.hook_resid_pre"


def cached_in(folder, **settings):
    cfg = CacheActivationsRunnerConfig(
        model_name="tiny",
        dataset_path="sentences",
        hook_name=HOOK,
        context_size=16,
        model_batch_size=4,
        training_tokens=2048,
        device="cpu",
        buffer_size_gb=1e-5,
        new_cached_activations_path=str(folder / "acts"),
        **settings,
    )
    CacheActivationsRunner(cfg, sentences(), TinyLM()).run()
    return cfg


def config(folder, **settings):
    values = {
        **{"architecture": "topk", "k": 4, "model_name": "tiny", "hook_name": HOOK, "d_in": 16, "d_sae": 48},
        **{"training_tokens": 2048, "train_batch_size_tokens": 64, "context_size": 16, "store_batch_size_prompts": 4},
        **{"n_batches_in_buffer": 6, "lr": 3e-3, "verbose": False, "n_eval_batches": 1},
        **{"output_path": None, "checkpoint_path": str(folder / "runs"), **settings},
    }
    return LanguageModelSAERunnerConfig(**values)


@pytest.mark.parametrize("source", ["cached", "ahead"])
def test_stopped_and_resumed_it_gives_the_same_weights_bit_for_bit(source, tmp_path):
    settings = {"normalize_activations": "expected_average_only_in"}
    if source == "cached":
        cached_in(tmp_path)
        settings |= {"use_cached_activations": True, "cached_activations_path": str(tmp_path / "acts")}
    data = None if source == "cached" else sentences()

    def begin(**more):
        return start(config(tmp_path, **settings, **more), override_model=TinyLM(), override_dataset=data)

    whole = begin().result(60.0)
    stopped = begin(prefetch_llm_batches=3)
    stopped.add_listener(lambda report: stopped.stop() if report.n_steps == 13 else None)
    stopped.result(60.0)
    resumed = begin(prefetch_llm_batches=True, resume_from_checkpoint=stopped.snapshot()["checkpoint"])
    theirs = resumed.result(60.0).state_dict()
    assert all(torch.equal(value, theirs[name]) for name, value in whole.state_dict().items())


def test_training_from_the_disk_learns_without_a_forward(tmp_path):
    cached_in(tmp_path)
    cfg = config(tmp_path, use_cached_activations=True, cached_activations_path=str(tmp_path / "acts"))
    model = TinyLM()
    runner = SAETrainingRunner(cfg, override_model=model)
    n_forwards = []
    runner.training_run.add_listener(lambda report: n_forwards.append(model.n_forwards))
    runner.run()
    assert n_forwards == [0] * 32
    assert runner.metrics["explained_variance"] > 0.2  # measured on the texts of the cache
    assert model.n_forwards > 0


@pytest.mark.parametrize(("cached", "asked", "known"), [(True, True, True), (False, True, False), (True, False, False)])
def test_what_an_sae_was_not_trained_on_is_known_where_the_cache_left_it_out(cached, asked, known, tmp_path):
    cached_in(tmp_path, keep_held_out=cached)
    cfg = config(tmp_path, use_cached_activations=True, cached_activations_path=str(tmp_path / "acts"))
    cfg.keep_held_out, cfg.training_tokens = asked, 64
    sae = SAETrainingRunner(cfg, override_model=TinyLM(), override_dataset=sentences()).run()
    assert sae.cfg.metadata.keep_held_out is known


def test_the_cache_is_looked_for_where_it_is_written_by_default(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    cfg = CacheActivationsRunnerConfig(hook_name="blocks.2.hook_resid_pre", dataset_path="a/b")
    assert cfg.new_cached_activations_path == "activations/a_b/demo/blocks.2.hook_resid_pre"
    asked = config(tmp_path, use_cached_activations=True, dataset_path="a/b")
    with pytest.raises(FileNotFoundError, match=r"activations/a_b/tiny/blocks\.1\.hook_resid_pre"):
        start(asked, override_model=TinyLM())


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"context_size": 64}, "context_size is 64, but this model reads at most 32 tokens"),
        ({"d_in": 24}, f"d_in is 24, but '{HOOK}' of this model is 16 wide"),
        ({"hook_name": "blocks.1.hook_resid_pro"}, "No hook 'blocks.1.hook_resid_pro'.*hook_resid_pre"),
        ({"training_tokens": 3}, "training_tokens 3 is less than one row of 16"),
        ({"buffer_size_gb": 0}, "buffer_size_gb must be above 0"),
        ({"context_size": -1}, "context_size=-1 takes the length of tokenised rows, and the data is text"),
    ],
)
def test_what_cannot_be_cached_says_why(settings, message, tmp_path):
    values = {"model_name": "tiny", "dataset_path": "s", "hook_name": HOOK, "context_size": 16, "device": "cpu"}
    with pytest.raises(ValueError, match=message):
        CacheActivationsRunner(CacheActivationsRunnerConfig(**{**values, **settings}), sentences(), TinyLM())


def test_the_length_of_tokenised_rows_is_taken_where_none_is_given(tmp_path):
    values = {"model_name": "tiny", "hook_name": HOOK, "context_size": -1, "device": "cpu", "training_tokens": 200}
    cfg = CacheActivationsRunnerConfig(new_cached_activations_path=str(tmp_path / "acts"), **values)
    assert CacheActivationsRunner(cfg, [{"tokens": [1, 2, 3, 4, 5]}] * 8, TinyLM()).run().rows.n_positions == 5


@pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")
def test_shards_are_uploaded_when_asked(tmp_path):
    from tests.hub_stand_in import hub

    with hub() as stand_in:
        cached_in(tmp_path, hf_repo_id="me/acts")
        names = {path.name for path in stand_in.repos["datasets/me/acts"].iterdir()}
    assert {"activations.json", "shard-00000.safetensors", "cache_activations_runner_cfg.json"} <= names


def test_the_default_config_runs_as_it_is_and_the_default_run_trains_on_it(tmp_path, monkeypatch, capsys):
    import argparse

    monkeypatch.chdir(tmp_path)
    parser = argparse.ArgumentParser()
    cache_activations.add_arguments(parser)
    assert cache_activations.main(parser.parse_args(["--training_tokens", "8192"])) == 0
    told = capsys.readouterr().out
    assert "activations of 8,192 tokens to 'activations/demo/demo/blocks.0.hook_mlp_out'" in told
    assert "64 rows of 128 tokens, blocks.0.hook_mlp_out [192]" in told
    cfg = LanguageModelSAERunnerConfig(
        training_tokens=4096, train_batch_size_tokens=1024, use_cached_activations=True, verbose=False, n_eval_batches=1
    )
    assert SAETrainingRunner(cfg).run().W_dec.isfinite().all()
