"""What a synthetic model is made of: frequencies, magnitudes, correlations, directions."""

import math

import pytest
import torch

import sae_widgets.synthetic as synthetic
from sae_widgets.synthetic.firing_probabilities import FIRING_PROB_REGISTRY


def test_zipf_falls_by_a_power_law_between_its_ends():
    p = synthetic.zipfian_firing_probabilities(4, exponent=1.0, max_prob=0.5, min_prob=0.1)
    # 1, 1/2, 1/3, 1/4, moved and stretched: (q - 1/4) / (3/4)
    assert p.tolist() == pytest.approx([0.5, 0.1 + 0.4 / 3, 0.1 + 0.4 / 9, 0.1])


def test_a_line_falls_in_equal_steps():
    assert synthetic.linear_firing_probabilities(3, 0.3, 0.1).tolist() == pytest.approx([0.3, 0.2, 0.1])


def test_random_probabilities_follow_the_seed_and_stay_between_the_ends():
    first, again, other = (synthetic.random_firing_probabilities(500, 0.4, 0.2, seed=seed) for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert 0.2 <= first.min() < 0.21
    assert 0.39 < first.max() <= 0.4


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: synthetic.zipfian_firing_probabilities(0), "num_features must be at least 1, got 0"),
        (lambda: synthetic.zipfian_firing_probabilities(3, exponent=0.0), "exponent must be positive"),
        (lambda: synthetic.linear_firing_probabilities(3, 0.1, 0.2), "0 < min_prob <= max_prob <= 1, got min_prob=0.2"),
        (lambda: synthetic.random_firing_probabilities(3, 1.2), "max_prob=1.2"),
        (lambda: synthetic.LinearMagnitudeConfig(0, 1), "start and end must be positive, got 0 and 1"),
        (lambda: synthetic.FoldedNormalMagnitudeConfig(std=0), "std must be positive"),
        (lambda: synthetic.FoldedNormalMagnitudeConfig(min_value=2.0, max_value=1.0), "min_value must be <= max_value"),
        (lambda: synthetic.get_magnitude_class("linaer"), "Unknown name 'linaer'.*'linear'"),
        (lambda: synthetic.MagnitudeConfig.from_dict({"start": 1}), "generator_name is missing"),
        (
            lambda: synthetic.MagnitudeConfig.from_dict({"generator_name": "constant", "start": 1}),
            "no settings of 'constant'",
        ),
    ],
)
def test_what_cannot_be_meant_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_magnitudes_follow_their_kind():
    assert synthetic.generate_magnitudes(2, 3).tolist() == [3.0, 3.0]
    assert synthetic.LinearMagnitudeConfig(5, 4).generate(3).tolist() == [5.0, 4.5, 4.0]
    assert synthetic.ExponentialMagnitudeConfig(1, 4).generate(3).tolist() == pytest.approx([1, 2, 4])
    folded = synthetic.FoldedNormalMagnitudeConfig(0.0, 1.0, min_value=0.5, max_value=1.5).generate(200, seed=0)
    assert folded.min() == 0.5
    assert folded.max() == 1.5


def test_a_registered_kind_is_read_back():
    class Steps(synthetic.FiringProbabilityConfig):
        @classmethod
        def generator_name(cls):
            return "steps"

        def generate(self, num_features, seed=None):
            return torch.full((num_features,), 0.25)

    synthetic.register_firing_probability("steps", Steps)
    try:
        assert isinstance(synthetic.FiringProbabilityConfig.from_dict(Steps().to_dict()), Steps)
        with pytest.raises(ValueError, match="'steps' is already registered"):
            synthetic.register_firing_probability("steps", Steps)
    finally:
        del FIRING_PROB_REGISTRY["steps"]


def test_named_correlations_are_in_the_matrix():
    matrix = synthetic.create_correlation_matrix_from_correlations(3, {(0, 2): -0.4}, default_correlation=0.1)
    assert torch.allclose(matrix, torch.tensor([[1, 0.1, -0.4], [0.1, 1, 0.1], [-0.4, 0.1, 1]]))


def test_correlations_that_no_features_can_have_are_made_possible():
    matrix = synthetic.create_correlation_matrix_from_correlations(3, {(0, 1): 0.9, (0, 2): 0.9, (1, 2): -0.9})
    assert torch.linalg.eigvalsh(matrix).min() > -1e-5
    assert torch.allclose(matrix.diagonal(), torch.ones(3))


def test_random_correlations_have_the_shares_asked_for():
    found = synthetic.generate_random_correlations(20, positive_ratio=0.25, uncorrelated_ratio=0.5, seed=3)
    assert len(found) == 95
    assert sum(value > 0 for value in found.values()) == int(95 * 0.25)
    assert all(i < j and 0.1 <= abs(value) <= 0.8 for (i, j), value in found.items())


def test_low_rank_correlations_have_ones_on_the_diagonal(caplog):
    factor, rest = synthetic.generate_random_low_rank_correlation_matrix(50, 4, 0.6, seed=0)
    assert torch.allclose((factor @ factor.T).diagonal() + rest, torch.ones(50))
    assert rest.min() >= 0.0099
    assert "were cut; lower rank or correlation_scale" in caplog.text


def test_statistics_of_correlations_agree_between_full_and_low_rank():
    low = synthetic.generate_random_low_rank_correlation_matrix(40, 3, 0.3, seed=1)
    full = low.correlation_factor @ low.correlation_factor.T + torch.diag(low.correlation_diag)
    one, other = (
        synthetic.compute_low_rank_correlation_matrix_stats(low),
        synthetic.compute_correlation_matrix_stats(full),
    )
    assert one.rms_correlation == pytest.approx(other.rms_correlation, rel=1e-4)
    assert one.mean_correlation == pytest.approx(other.mean_correlation, rel=1e-3)


def test_orthogonalizing_follows_the_gradient_of_its_loss():
    start = torch.randn(5, 3, generator=torch.Generator().manual_seed(0))
    moved = torch.nn.Parameter(torch.nn.functional.normalize(start, dim=1))
    optimizer = torch.optim.Adam([moved], lr=0.01)
    for _ in range(5):
        gram = moved @ moved.T
        own = gram.diagonal()
        loss = gram.pow(2).sum() - own.pow(2).sum() + 5 * (own - 1).pow(2).sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    expected = torch.nn.functional.normalize(moved.detach(), dim=1)
    for chunk_size in (2, 1024):
        found = synthetic.orthogonalize_embeddings(start, num_steps=5, lr=0.01, chunk_size=chunk_size)
        assert torch.allclose(found, expected, atol=1e-6)


def test_a_dictionary_that_fits_becomes_orthogonal_and_has_its_bias():
    features = synthetic.FeatureDictionary(6, 12, bias=0.5, seed=0)
    cosines = synthetic.cosine_similarities(features.feature_vectors) - torch.eye(6)
    assert cosines.abs().max() < 1e-3
    assert features.bias.norm().item() == pytest.approx(0.5)
    assert features.bias.requires_grad
    assert not synthetic.FeatureDictionary(2, 3).bias.requires_grad


def test_a_dictionary_takes_dense_and_sparse_activations():
    features = synthetic.FeatureDictionary(5, 3, bias=1.0, initializer=None, seed=1)
    acts = torch.tensor([[0, 2.0, 0, 0, 1.0], [0, 0, 0, 0, 0]])
    expected = acts @ features.feature_vectors + features.bias
    assert torch.allclose(features(acts), expected)
    assert torch.allclose(features(acts.to_sparse()), expected)


def test_superposition_of_features_at_known_angles():
    features = synthetic.FeatureDictionary(3, 2, initializer=None)
    features.feature_vectors.data = torch.tensor([[1.0, 0.0], [0.0, 1.0], [-math.sqrt(0.5), math.sqrt(0.5)]])
    stats = synthetic.compute_superposition_stats(features, batch_size=2, percentiles=[0, 50])
    root = math.sqrt(0.5)
    assert stats.max_abs_cos_sims.tolist() == pytest.approx([root, root, root])
    assert stats.percentile_abs_cos_sims[0].tolist() == pytest.approx([0, 0, root])
    assert stats.percentile_abs_cos_sims[50].tolist() == pytest.approx([root / 2, root / 2, root])
    assert stats.mean_abs_cos_sim == pytest.approx(2 * root / 3)
