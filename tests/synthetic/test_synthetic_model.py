"""Synthetic models: made from a config, saved, loaded, found."""

import json
import os

import pytest
import torch

from sae_widgets.sae.files import save_tensors
from sae_widgets.synthetic import (
    SYNTHETIC_MODEL_CONFIG_FILENAME,
    SYNTHETIC_MODEL_HIERARCHY_FILENAME,
    SYNTHETIC_MODEL_WEIGHTS_FILENAME,
    SyntheticModel,
    SyntheticModelConfig,
    bench_1k,
    bench_16k,
)
from tests.hub_stand_in import hub
from tests.synthetic.small import small_config


def drawn(model: SyntheticModel, n: int = 50) -> torch.Tensor:
    return model.sample(n, torch.Generator().manual_seed(0))


def test_activations_are_made_of_the_features_that_fire():
    model = SyntheticModel(small_config())
    x, acts = model.sample_with_features(200, torch.Generator().manual_seed(0))
    assert torch.allclose(x, acts @ model.feature_dict.feature_vectors + model.feature_dict.bias, atol=1e-5)
    assert torch.equal(x, drawn(model, 200))
    model.use_sparse_tensors = True
    again, sparse = model.sample_with_features(200, torch.Generator().manual_seed(0))
    assert torch.equal(again, x)
    assert torch.equal(sparse.to_dense(), acts)


def test_tokens_without_a_feature_are_the_bias():
    model = SyntheticModel(small_config(hierarchy=None, correlation=None, num_features=2))
    model.activation_generator.firing_probabilities.fill_(0.0)
    assert torch.equal(model(3), model.feature_dict.bias.detach().expand(3, -1))


def test_the_seed_decides_the_model_and_leaves_torchs_own_alone():
    state = torch.random.get_rng_state()
    first, again, other = (SyntheticModel(small_config(seed=seed)) for seed in (3, 3, 4))
    assert torch.equal(torch.random.get_rng_state(), state)
    assert torch.equal(drawn(first), drawn(again))
    assert not torch.equal(drawn(first), drawn(other))
    assert first.hierarchy == again.hierarchy


def test_firing_probabilities_that_cannot_be_made_up_for_are_cut_and_said(caplog):
    model = SyntheticModel(small_config(firing_probability=small_config().firing_probability.__class__(0.1, 0.3, 0.29)))
    assert model.activation_generator.firing_probabilities.max() == 1.0
    assert "are cut to 1" in caplog.text


@pytest.mark.parametrize("seed", [3, None])
def test_a_saved_model_comes_back_as_it_was(tmp_path, seed):
    model = SyntheticModel(small_config(seed=seed))
    model.save(tmp_path / "model")
    loaded = SyntheticModel.load_from_source(tmp_path / "model")
    assert torch.equal(drawn(loaded), drawn(model))
    assert loaded.cfg == model.cfg
    assert loaded.hierarchy == model.hierarchy
    assert torch.equal(drawn(SyntheticModel.load_from_source(model.cfg)), drawn(model)) is (seed is not None)


def test_a_folder_without_magnitudes_draws_them_from_the_seed(tmp_path):
    # As SAELens writes it.
    model = SyntheticModel(small_config())
    model.save(tmp_path)
    weights = {"feature_vectors": model.feature_dict.feature_vectors, "bias": model.feature_dict.bias}
    weights["firing_probabilities"] = model.activation_generator.firing_probabilities
    assert model.correlation_matrix is not None
    weights |= model.correlation_matrix._asdict()
    save_tensors(weights, tmp_path / SYNTHETIC_MODEL_WEIGHTS_FILENAME)
    assert torch.equal(drawn(SyntheticModel.load_from_disk(tmp_path)), drawn(model))


def test_saving_again_leaves_no_hierarchy_of_before(tmp_path):
    SyntheticModel(small_config()).save(tmp_path)
    SyntheticModel(small_config(hierarchy=None)).save(tmp_path)
    assert not (tmp_path / SYNTHETIC_MODEL_HIERARCHY_FILENAME).exists()
    assert SyntheticModel.load_from_disk(tmp_path).hierarchy is None


def test_a_model_is_loaded_from_the_hub_by_repository_and_folder(tmp_path):
    model, plain = SyntheticModel(small_config()), SyntheticModel(small_config(hierarchy=None))
    model.save(tmp_path / "repo" / "with trees")
    plain.save(tmp_path / "repo")
    with hub({"someone/bench": tmp_path / "repo"}):
        assert torch.equal(drawn(SyntheticModel.load_from_source("someone/bench:with trees")), drawn(model))
        root = SyntheticModel.from_pretrained("someone/bench")
        assert root.hierarchy is None
        assert torch.equal(drawn(root), drawn(plain))
        with pytest.raises(FileNotFoundError, match=r"with_trees/synthetic_model_config.json"):
            SyntheticModel.from_pretrained("someone/bench", "with_trees")


def test_a_folder_that_is_no_model_says_so(tmp_path):
    with pytest.raises(FileNotFoundError, match="No folder"):
        SyntheticModel.load_from_source("./nowhere")
    with pytest.raises(FileNotFoundError, match=r"synthetic_model_config\.json"):
        SyntheticModel.load_from_disk(tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"bias": None}, "has no bias; is it a synthetic model"),
        ({"bias": torch.zeros(3)}, r"bias has shape \(3,\); its config says \(12,\)"),
        ({"feature_vectors": torch.full((24, 12), torch.nan)}, "feature_vectors holds numbers that are not finite"),
        ({"correlation_diag": None}, "come together; one is missing"),
    ],
)
def test_weights_that_do_not_fit_the_config_are_refused(tmp_path, change, message):
    model = SyntheticModel(small_config())
    model.save(tmp_path)
    assert model.correlation_matrix is not None
    weights = {**dict(model.feature_dict.named_parameters()), **model.correlation_matrix._asdict()}
    weights["firing_probabilities"] = model.activation_generator.firing_probabilities
    weights = {name: value for name, value in {**weights, **change}.items() if value is not None}
    save_tensors(weights, tmp_path / SYNTHETIC_MODEL_WEIGHTS_FILENAME)
    with pytest.raises(ValueError, match=message):
        SyntheticModel.load_from_disk(tmp_path)


def test_a_damaged_folder_is_explained(tmp_path):
    SyntheticModel(small_config()).save(tmp_path)
    os.truncate(tmp_path / SYNTHETIC_MODEL_WEIGHTS_FILENAME, 500)
    with pytest.raises(ValueError, match="is damaged"):
        SyntheticModel.load_from_disk(tmp_path)
    (tmp_path / SYNTHETIC_MODEL_CONFIG_FILENAME).write_text('{"num_features": 24}')
    with pytest.raises(ValueError, match=r"no settings of a synthetic model.*hidden_dim"):
        SyntheticModel.load_from_disk(tmp_path)


def test_configs_survive_json():
    for cfg in (small_config(), bench_1k(), bench_16k(), SyntheticModelConfig(3, 2)):
        assert SyntheticModelConfig.from_dict(json.loads(json.dumps(cfg.to_dict()))) == cfg


def test_sizes_below_one_are_refused():
    with pytest.raises(ValueError, match="hidden_dim must be at least 1, got 0"):
        SyntheticModelConfig(3, 0)


def test_the_large_preset_fires_as_often_as_the_published_one():
    cfg = bench_16k()
    cfg.orthogonalization, cfg.hidden_dim = None, 8  # directions do not matter to who fires
    entries = SyntheticModel(cfg).activation_generator.sample_entries(1000, torch.Generator().manual_seed(0))
    assert len(entries.rows) / 1000 == pytest.approx(34, abs=1)
