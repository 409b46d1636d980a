"""The default config runs as it is: bundled model, bundled text, every setting at its default but for the length."""

import pytest

import sae_widgets as sw


@pytest.mark.parametrize("kind", ["one", "many"])
def test_a_default_run_on_the_bundled_model(kind, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    if kind == "one":
        runner = sw.SAETrainingRunner(sw.LanguageModelSAERunnerConfig(training_tokens=2 * 4096))
        saes = {"": runner.run()}
        metrics = {"": runner.metrics}
    else:
        cfg = sw.MultiSAETrainingRunnerConfig(
            saes={"a": sw.StandardTrainingSAEConfig(d_in=192, d_sae=768)},
            hook_names="blocks.0.hook_mlp_out",
            training_tokens=4096,
        )
        runner = sw.MultiSAETrainingRunner(cfg)
        saes, metrics = runner.run(), runner.metrics
    for name, sae in saes.items():
        assert sae.cfg.d_in == 192
        assert sae.cfg.metadata.model_name == "demo"
        assert metrics[name]["l0"] > 0
        assert (tmp_path / "output" / name / "sae_weights.safetensors").is_file()
    assert len(list(tmp_path.glob("checkpoints/*/metrics.jsonl"))) == 1
