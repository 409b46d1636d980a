"""Training on synthetic activations: runs, stops, resumes, scores."""

import json

import pytest
import torch

import sae_widgets as sw
from sae_widgets.synthetic import (
    ActivationGenerator,
    FeatureDictionary,
    SyntheticActivationIterator,
    SyntheticModel,
    SyntheticSAERunner,
    SyntheticSAERunnerConfig,
    mean_correlation_coefficient,
    start,
    train_toy_sae,
)
from tests.synthetic.small import small_config


def config(folder, sae=None, **settings) -> SyntheticSAERunnerConfig:
    """20 steps, no scores."""
    return SyntheticSAERunnerConfig(
        **{
            "synthetic_model": small_config(),
            "sae": sae or sw.TopKTrainingSAEConfig(d_in=12, d_sae=16, k=2),
            "training_samples": 640,
            "batch_size": 32,
            "lr": 0.01,
            "eval_samples": 0,
            "n_batches_for_norm_estimate": 10,
            "checkpoint_path": str(folder / "checkpoints"),
            "output_path": None,
            "verbose": False,
            **settings,
        }
    )


def weights(sae: sw.SAE) -> torch.Tensor:
    return torch.cat([value.flatten() for value in sae.state_dict().values()])


def test_a_toy_sae_comes_to_the_features_by_steps():
    features = FeatureDictionary(6, 8, seed=0)
    sae = sw.SAE.from_config(sw.TopKTrainingSAEConfig(d_in=8, d_sae=6, k=1), generator=torch.Generator().manual_seed(0))
    seen = {}
    train_toy_sae(
        sae,
        features,
        ActivationGenerator(6, 0.15),
        training_samples=80 * 64,
        batch_size=64,
        lr=0.03,
        lr_decay_steps=20,
        n_snapshots=3,
        snapshot_fn=lambda trainer: seen.update(
            {trainer.n_steps: mean_correlation_coefficient(trainer.sae.W_dec, features.feature_vectors)}
        ),
        generator=torch.Generator().manual_seed(1),
    )
    assert list(seen) == [20, 40, 60]
    assert mean_correlation_coefficient(sae.W_dec, features.feature_vectors) > seen[20] + 0.05
    assert not sae.training


def test_snapshots_take_a_function():
    sae = sw.SAE.from_config(sw.TopKTrainingSAEConfig(d_in=8, d_sae=6, k=2))
    with pytest.raises(ValueError, match="snapshot_fn must be provided to take snapshots; n_snapshots is 2"):
        train_toy_sae(sae, FeatureDictionary(6, 8), ActivationGenerator(6, 0.2), n_snapshots=2)


def test_batches_are_the_models_activations_without_an_end():
    model = SyntheticModel(small_config())
    source = SyntheticActivationIterator(
        model.feature_dict, model.activation_generator, 7, generator=torch.Generator().manual_seed(0)
    )
    assert torch.equal(next(iter(source)), model.sample(7, torch.Generator().manual_seed(0)))
    assert source.next_batch().shape == (7, 12)
    half = SyntheticActivationIterator(model.feature_dict, model.activation_generator, 2, autocast=True)
    assert half.next_batch().dtype == torch.bfloat16
    with pytest.raises(ValueError, match="batch_size must be at least 1, got 0"):
        SyntheticActivationIterator(model.feature_dict, model.activation_generator, 0)


def test_a_run_writes_its_sae_its_scores_and_its_model(tmp_path):
    cfg = config(tmp_path, output_path=str(tmp_path / "out"), save_synthetic_model=True, eval_samples=300)
    result = SyntheticSAERunner(cfg).run()
    assert result.output_path == tmp_path / "out"
    assert result.final_eval is not None
    written = json.loads((tmp_path / "out" / "eval_stats.json").read_text())
    assert written["classification"]["f1_score"] == result.final_eval.classification.f1_score
    assert torch.equal(sw.SAE.load_from_disk(tmp_path / "out").W_dec, result.sae.to_inference().W_dec)
    saved = json.loads((tmp_path / "out" / "runner_config.json").read_text())
    assert SyntheticSAERunnerConfig.from_dict(saved).to_dict() == cfg.to_dict()
    again = SyntheticModel.load_from_disk(tmp_path / "out" / "synthetic_model")
    assert torch.equal(again.feature_dict.feature_vectors, result.synthetic_model.feature_dict.feature_vectors)


def test_the_same_seed_gives_the_same_sae_and_scores_and_another_others(tmp_path):
    first, again, other = (
        SyntheticSAERunner(config(tmp_path, seed=seed, eval_samples=200)).run() for seed in (1, 1, 2)
    )
    assert torch.equal(weights(first.sae), weights(again.sae))
    assert first.final_eval == again.final_eval
    assert not torch.equal(weights(first.sae), weights(other.sae))


@pytest.mark.parametrize("mode", ["none", "expected_average_only_in"])
def test_a_stopped_and_resumed_run_gives_the_same_weights_bit_for_bit(tmp_path, mode):
    # Without a seed of its own the model must come from the run's folder.
    sae = sw.BatchTopKTrainingSAEConfig(d_in=12, d_sae=16, k=2, normalize_activations=mode)
    model = SyntheticModel(small_config(seed=None))
    model.save(tmp_path / "model")
    whole = SyntheticSAERunner(config(tmp_path, sae, synthetic_model=str(tmp_path / "model"))).run()
    cfg = config(tmp_path, sae, synthetic_model=small_config(seed=None), n_checkpoints=1)
    part = start(cfg, override_synthetic_model=model, foreground=True)
    (checkpoint,) = [path.parent for path in (tmp_path / "checkpoints").glob("*/*/training_state.json")]
    assert torch.equal(weights(part.result().sae), weights(whole.sae))
    resumed = SyntheticSAERunner(
        config(tmp_path, sae, synthetic_model=small_config(seed=None), resume_from_checkpoint=str(checkpoint))
    )
    assert resumed._job.trainer.n_steps == 10
    assert torch.equal(weights(resumed.run().sae), weights(whole.sae))


def test_a_run_can_be_paused_changed_and_stopped(tmp_path):
    run = start(config(tmp_path, training_samples=10**9))
    run.pause()
    run.set(lr=0.002)
    run.stop()
    result = run.result(timeout=30.0)
    assert run.status == "stopped"
    assert run.events[0]["new"] == 0.002
    assert result.final_eval is None
    assert not result.sae.training
    assert (run.trainable.run_folder / "metrics.jsonl").is_file()  # type: ignore[attr-defined]


def test_a_panel_follows_a_run_and_train_takes_its_config(tmp_path):
    run = sw.train(config(tmp_path), override_synthetic_model=SyntheticModel(small_config()), foreground=True)
    panel = sw.TrainingPanel(run)
    try:
        assert run.status == "done"
        assert run.trainable.title == "topk SAE, 16 features, 24 true ones in 12-d"  # type: ignore[attr-defined]
        assert "loss" in run.history.names()
    finally:
        panel.close()


def test_scores_along_the_way_are_curves(tmp_path):
    run = start(config(tmp_path, eval_frequency=10, eval_samples=100), foreground=True)
    steps, values = run.history.series("eval/synthetic/mcc")
    assert list(steps) == [10]
    assert 0 < values[0] < 1


def test_averaged_weights_are_what_comes_out(tmp_path):
    plain, averaged = (SyntheticSAERunner(config(tmp_path, ema_decay=decay)).run() for decay in (None, 0.9))
    assert not torch.equal(weights(plain.sae), weights(averaged.sae))


def test_activations_scaled_for_training_are_scaled_back(tmp_path):
    sae = sw.TopKTrainingSAEConfig(d_in=12, d_sae=16, k=4, normalize_activations="expected_average_only_in")
    result = SyntheticSAERunner(config(tmp_path, sae, n_batches_for_norm_estimate=20, eval_samples=500)).run()
    assert result.final_eval is not None
    assert result.final_eval.shrinkage == pytest.approx(0.9, abs=0.2)


def test_the_width_follows_the_model_and_the_given_config_stays(tmp_path):
    cfg = config(tmp_path, sw.TopKTrainingSAEConfig(d_in=99, d_sae=16, k=2))
    assert SyntheticSAERunner(cfg).sae.cfg.d_in == 12
    assert cfg.sae.d_in == 99
    with pytest.raises(ValueError, match="reads activations of width 5; the synthetic model gives 12"):
        SyntheticSAERunner(cfg, override_sae=sw.SAE.from_config(sw.TopKTrainingSAEConfig(d_in=5, d_sae=6, k=2)))


def test_defaults_are_a_run(tmp_path):
    cfg = SyntheticSAERunnerConfig()
    assert cfg.training_samples == 100_000_000
    assert cfg.logger.run_name == "synthetic-batchtopk-256-LR-0.0003"
    assert cfg.lr_end == pytest.approx(3e-5)
    assert cfg.total_training_steps == 97_656


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"sae": sw.TopKSAEConfig(d_in=12, d_sae=16, k=2)}, TypeError, "takes a training config"),
        ({"training_samples": 0}, ValueError, "training_samples is a positive whole number; got 0"),
        ({"lr": 0.0}, ValueError, "lr must be above 0"),
        ({"eval_samples": -1}, ValueError, "eval_samples must be at least 0"),
        ({"lr_decay_steps": 30}, ValueError, "lr_decay_steps 30 are more than the 20 steps"),
        ({"optimizer": "adm"}, ValueError, "No optimizer 'adm'"),
    ],
)
def test_settings_that_cannot_work_are_refused(tmp_path, settings, error, message):
    with pytest.raises(error, match=message):
        config(tmp_path, **settings)


def test_dicts_with_unknown_or_missing_settings_are_refused(tmp_path):
    values = config(tmp_path).to_dict()
    with pytest.raises(ValueError, match="no settings of a synthetic run: batchsize"):
        SyntheticSAERunnerConfig.from_dict({**values, "batchsize": 3})
    with pytest.raises(ValueError, match="synthetic_model field is required"):
        SyntheticSAERunnerConfig.from_dict({"sae": values["sae"]})
    with pytest.raises(ValueError, match="architecture field is required"):
        SyntheticSAERunnerConfig.from_dict({**values, "sae": {}})
