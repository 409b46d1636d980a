"""Synthetic models: the same settings make the same model, the same SAE gets the same scores, folders are read by both.

What is drawn is drawn in another order here, so samples are compared as distributions.
"""

import json
from pathlib import Path
from typing import Any

import pytest
import sae_lens
import sae_lens.synthetic as theirs
import torch
from torch import Tensor

import sae_widgets.synthetic as ours
from sae_widgets.synthetic.forest import Entries
from tests.parity.peer import our_sae, peer_sae, relative

BAR = 1e-5


def config(side: Any, **changes: Any) -> Any:
    """The same settings in the words of either side."""
    settings = {
        "num_features": 60,
        "hidden_dim": 64,
        "firing_probability": side.ZipfianFiringProbabilityConfig(0.7, 0.3, 0.02),
        "hierarchy": side.HierarchyConfig(3, (2, 4), 2, 0.5, compensate_probabilities=True),
        "orthogonalization": side.OrthogonalizationConfig(20, 0.003, chunk_size=25),
        "correlation": side.LowRankCorrelationConfig(4, 0.2),
        "std_firing_magnitudes": side.FoldedNormalMagnitudeConfig(0.3, 0.2, min_value=0.1),
        "mean_firing_magnitudes": side.ExponentialMagnitudeConfig(5.0, 3.0),
        "bias": 0.5,
        "seed": 7,
    }
    return side.SyntheticModelConfig(**{**settings, **changes})


def parts(model: Any) -> dict[str, Tensor]:
    """All that a model is made of."""
    source = model.activation_generator
    found = {"feature_vectors": model.feature_dict.feature_vectors.detach(), "bias": model.feature_dict.bias.detach()}
    found |= {name: getattr(source, f"{name}_firing_magnitudes") for name in ("mean", "std")}
    return found | {"p": source.firing_probabilities, **model.correlation_matrix._asdict()}


def test_the_same_config_makes_the_same_model(note):
    ours_, theirs_ = ours.SyntheticModel(config(ours)), theirs.SyntheticModel(config(theirs))
    assert ours_.hierarchy.to_dict() == theirs_.hierarchy.to_dict()
    assert config(ours).to_dict() == config(theirs).to_dict()
    for name, value in parts(theirs_).items():
        assert note(f"synthetic model, {name}", relative(parts(ours_)[name], value)) < 1e-4


def test_random_correlations_are_the_same():
    for seed in (1, 2):
        assert ours.generate_random_correlations(12, seed=seed) == theirs.generate_random_correlations(12, seed=seed)
        one, other = (side.generate_random_correlation_matrix(12, seed=seed) for side in (ours, theirs))
        assert torch.allclose(one, other, atol=1e-6)
    named = {(0, 1): 0.9, (0, 2): 0.9, (1, 2): -0.9}
    one, other = (side.create_correlation_matrix_from_correlations(4, named, 0.1) for side in (ours, theirs))
    assert torch.allclose(one, other, atol=1e-6)


def test_each_reads_the_others_folder(tmp_path):
    for writer, reader in ((ours, theirs), (theirs, ours)):
        model = writer.SyntheticModel(config(writer))
        folder = tmp_path / writer.__name__
        model.save(folder)
        read = reader.SyntheticModel.load_from_disk(folder)
        assert read.hierarchy.to_dict() == model.hierarchy.to_dict()
        for name, value in parts(model).items():
            assert torch.equal(parts(read)[name], value), name


def test_samples_have_the_same_distribution(tmp_path, note):
    model = theirs.SyntheticModel(config(theirs))
    model.save(tmp_path)
    n = 30_000
    torch.manual_seed(0)
    x, acts = model.sample_with_features(n)
    mine, my_acts = ours.SyntheticModel.load_from_disk(tmp_path).sample_with_features(n)
    # Shares differ by 1 / sqrt(n) = 0.6 % at most by chance, at three sigma by 1.7 %.
    fires, my_fires = (acts > 0).float(), (my_acts > 0).float()
    assert note("synthetic samples, share of firing", (fires.mean(0) - my_fires.mean(0)).abs().max().item()) < 0.012
    assert (fires.T @ fires / n - my_fires.T @ my_fires / n).abs().max() < 0.012
    assert relative(my_acts.mean(0), acts.mean(0)) < 0.05
    assert relative(torch.cov(mine.T), torch.cov(x.T)) < 0.1


def nodes(side: Any, scales: bool) -> Any:
    """0 over 1 and a group of 2 and 3; 3 over 4."""
    node = side.HierarchyNode
    group = node(None, [node(2), node(3, [node(4)], scale_children_by_parent=scales)], scale_children_by_parent=scales)
    return node(0, [node(1), group], scale_children_by_parent=scales)


@pytest.mark.parametrize("scales", [False, True])
def test_hierarchies_do_the_same_to_activations(scales: bool):
    acts = torch.rand(200, 6, generator=torch.Generator().manual_seed(0))
    acts = torch.where(acts > 0.4, acts, 0.0)
    found = []
    for side in (ours, theirs):
        modifier = side.hierarchy_modifier([nodes(side, scales)])
        source = side.ActivationGenerator(6, 0.5, mean_firing_magnitudes=torch.linspace(1, 2, 6))
        for given in (acts, acts.to_sparse()):
            left = modifier(given, source) if scales else modifier(given)
            found.append(left.to_dense() if left.is_sparse else left)
    assert all(torch.allclose(found[0], each) for each in found[1:])


def test_compensation_is_the_same():
    p = torch.linspace(0.5, 0.1, 20)
    cfg = {"total_root_nodes": 2, "branching_factor": 3, "max_depth": 2, "mutually_exclusive_portion": 1.0}
    one, other = (
        side.generate_hierarchy(20, side.HierarchyConfig(**cfg), seed=0).compute_probability_correction_factors(p)
        for side in (ours, theirs)
    )
    assert torch.allclose(one, other)


def test_statistics_are_the_same():
    vectors = torch.randn(50, 8, generator=torch.Generator().manual_seed(0))
    found = []
    for side in (ours, theirs):
        features = side.FeatureDictionary(50, 8, initializer=None)
        features.feature_vectors.data = vectors
        found.append(side.compute_superposition_stats(features, batch_size=16, percentiles=[50, 95]))
    assert torch.allclose(found[0].max_abs_cos_sims, found[1].max_abs_cos_sims)
    for percentile, values in found[1].percentile_abs_cos_sims.items():
        assert torch.allclose(found[0].percentile_abs_cos_sims[percentile], values, atol=1e-6)
    assert found[0].mean_abs_cos_sim == pytest.approx(found[1].mean_abs_cos_sim, rel=1e-5)
    low = [side.generate_random_low_rank_correlation_matrix(30, 3, seed=1) for side in (ours, theirs)]
    one, other = (
        side.compute_low_rank_correlation_matrix_stats(x) for side, x in zip((ours, theirs), low, strict=True)
    )
    assert one.rms_correlation == pytest.approx(other.rms_correlation, rel=1e-4)
    assert one.mean_correlation == pytest.approx(other.mean_correlation, rel=1e-3)


class Fixed(ours.ActivationGenerator):
    """A generator that gives the same feature activations to both sides."""

    def __init__(self, acts: Tensor) -> None:
        super().__init__(acts.shape[1], 0.5)
        self.acts, self.at = acts, 0

    def sample(self, batch_size: int, generator: Any = None) -> Tensor:
        self.at += batch_size
        return self.acts[self.at - batch_size : self.at]

    def sample_entries(self, batch_size: int, generator: Any = None) -> Entries:
        return Entries.of(self.sample(batch_size))


@pytest.mark.parametrize("name", ["StandardTrainingSAE", "TopKSAE", "JumpReLUSAE", "AbsTopKSAE", "MatchingPursuitSAE"])
def test_scores_of_the_same_sae_are_the_same(name: str, note):
    model = theirs.SyntheticModel(config(theirs))
    torch.manual_seed(1)
    acts = model.activation_generator.sample(400)
    features = ours.FeatureDictionary(60, 64, initializer=None)
    features.load_state_dict(model.feature_dict.state_dict())
    mine = ours.eval_sae_on_synthetic_data(our_sae(name), features, Fixed(acts), 400, batch_size=90)
    other = theirs.eval_sae_on_synthetic_data(peer_sae(name), model.feature_dict, Fixed(acts), 400, batch_size=90)
    for key, value in other.to_log_dict().items():
        found = mine.to_log_dict()[key]
        assert note("synthetic scores", abs(found - value) / max(abs(value), 1e-9)) < 1e-4, key


def test_a_runners_config_is_read_from_saelens_own_file(tmp_path: Path):
    cfg = theirs.SyntheticSAERunnerConfig(
        synthetic_model=config(theirs),
        sae=sae_lens.BatchTopKTrainingSAEConfig(d_in=64, d_sae=80, k=3),
        training_samples=64,
        batch_size=32,
        eval_samples=64,
        n_batches_for_norm_estimate=2,
        output_path=str(tmp_path),
        logger=sae_lens.LoggingConfig(log_to_wandb=False),
    )
    theirs.SyntheticSAERunner(cfg).run()
    read = ours.SyntheticSAERunnerConfig.from_dict(json.loads((tmp_path / ours.RUNNER_CONFIG_FILENAME).read_text()))
    assert read.synthetic_model.to_dict() == cfg.synthetic_model.to_dict()
    assert (read.sae.k, read.training_samples, read.lr_end) == (3, 64, cfg.lr_end)
    scores = json.loads((tmp_path / "eval_stats.json").read_text())
    empty = ours.ClassificationMetrics(0.0, 0.0, 0.0, 0.0)
    found = ours.SyntheticDataEvalResult(0.0, 0.0, 0, 0.0, 0.0, 0.0, 0.0, empty).to_dict()
    assert found.keys() - {"n_samples", "intervals"} == scores.keys()
    assert found["classification"].keys() == scores["classification"].keys()
