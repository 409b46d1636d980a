"""Scores of an SAE against features that are known."""

import pytest
import torch

import sae_widgets as sw
from sae_widgets.synthetic import (
    ActivationGenerator,
    ClassificationMetricsCalculator,
    DeadLatentsCalculator,
    FeatureDictionary,
    L0Calculator,
    ShrinkageCalculator,
    compute_classification_metrics,
    eval_sae_on_synthetic_data,
    feature_uniqueness,
    init_sae_to_match_feature_dict,
    mean_correlation_coefficient,
)
from tests.tiny_sae import tiny


def known(n: int = 8, d: int = 8, **settings) -> tuple[FeatureDictionary, ActivationGenerator]:
    """Orthogonal features, each active on every fifth token."""
    return FeatureDictionary(n, d, seed=0), ActivationGenerator(n, 0.2, 0.1, 1.0, **settings)


def perfect(features: FeatureDictionary) -> sw.SAE:
    """An SAE that is the dictionary, with a threshold between nothing and something."""
    d = features.hidden_dim
    sae = tiny(sw.JumpReLUSAEConfig(d_in=d, d_sae=features.num_features), threshold=torch.full((8,), 0.3))
    init_sae_to_match_feature_dict(sae, features)
    return sae


def rng() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def test_an_sae_that_is_the_dictionary_has_full_marks():
    features, source = known()
    found = eval_sae_on_synthetic_data(perfect(features), features, source, 2000, generator=rng())
    for name, value in found.to_log_dict().items():
        if name not in ("true_l0", "sae_l0", "dead_latents"):
            assert value == pytest.approx(1.0, abs=2e-3), name
    assert found.true_l0 == found.sae_l0 == pytest.approx(1.6, abs=0.1)
    assert found.dead_latents == 0


def test_scores_do_not_depend_on_the_batches():
    features, source = known()
    sae = perfect(features)
    one, other = (
        eval_sae_on_synthetic_data(
            sae, features, source, 30, batch_size=size, generator=torch.Generator().manual_seed(0)
        )
        for size in (1, 2)
    )
    assert one.n_samples == other.n_samples == 30
    assert one.mcc == other.mcc


def test_mcc_takes_the_best_matching_and_no_signs():
    truth = torch.eye(3)
    assert mean_correlation_coefficient(-truth[[2, 0, 1]] * 5, truth) == pytest.approx(1.0)
    both = torch.tensor([[1.0, 0, 0], [1.0, 0, 0]])  # the second has to take an orthogonal feature
    assert mean_correlation_coefficient(both, truth) == pytest.approx(0.5)
    assert mean_correlation_coefficient(torch.eye(3)[:2], truth) == pytest.approx(1.0)


def test_uniqueness_counts_true_features_that_are_nearest():
    assert feature_uniqueness(torch.tensor([[1.0, 0.1], [1.0, -0.1], [0, 1.0]]), torch.eye(2)) == pytest.approx(2 / 3)
    assert feature_uniqueness(torch.zeros(0, 2), torch.eye(2)) == 0.0


def test_detectors_are_scored_by_hand():
    # Feature 0 of the SAE follows true 0, feature 1 true 2, feature 2 nothing: it never fires.
    sae_acts = torch.tensor([[1.0, 0, 0], [1.0, -1.0, 0], [0, 1.0, 0], [0, 0, 0]])
    true_acts = torch.tensor([[2.0, 0, 0], [0, 0, 1.0], [1.0, 0, 1.0], [1.0, 0, 0]])
    decoder = torch.tensor([[1.0, 0, 0], [0, 0, -1.0], [0, 1.0, 0]])
    found = compute_classification_metrics(sae_acts, true_acts, decoder, torch.eye(3))
    # 0: TP 1 FP 1 FN 2 TN 0;  1: TP 2, TN 2;  2: TN 4
    assert found.precision == pytest.approx((1 / 2 + 1 + 0) / 3)
    assert found.recall == pytest.approx((1 / 3 + 1 + 0) / 3)
    assert found.f1_score == pytest.approx((0.4 + 1 + 0) / 3)
    assert found.accuracy == pytest.approx((1 / 4 + 1 + 1) / 3)


def test_counters_add_up_over_batches():
    l0, dead, shrinkage = L0Calculator(), DeadLatentsCalculator(3), ShrinkageCalculator()
    assert (l0.compute(), shrinkage.compute()) == (0.0, 0.0)
    classes = ClassificationMetricsCalculator(torch.eye(3), torch.eye(3))
    for acts in (torch.tensor([[1.0, 0, 0], [0, 0, 0]]), torch.tensor([[0, -1.0, 0]])):
        l0.add_batch(acts)
        dead.add_batch(acts)
        classes.add_batch(acts, acts.abs())
        shrinkage.add_batch(acts / 2, acts)  # the token of zeros is left out
    assert l0.compute() == pytest.approx(2 / 3)
    assert dead.compute() == 1
    assert shrinkage.compute() == pytest.approx(0.5)
    assert classes.compute().f1_score == pytest.approx(2 / 3)
    assert ClassificationMetricsCalculator(torch.zeros(0, 3), torch.eye(3)).compute().accuracy == 0.0


def test_intervals_hold_the_value_and_shrink_with_samples():
    features, source = known()
    sae = perfect(features)
    few, many = (eval_sae_on_synthetic_data(sae, features, source, n, generator=rng()) for n in (200, 20_000))
    for found in (few, many):
        values = found.to_log_dict()
        assert found.intervals.keys() == values.keys() - {"dead_latents", "uniqueness"}
        assert all(low <= values[name] <= high for name, (low, high) in found.intervals.items())
    width = [high - low for low, high in (found.intervals["true_l0"] for found in (few, many))]
    assert 5 < width[0] / width[1] < 20  # about 10
    assert many.to_dict()["intervals"]["true_l0"] == list(many.intervals["true_l0"])


def test_scaled_activations_are_scaled_back():
    class Doubled:
        def scale(self, x):
            return 2 * x

        def unscale(self, x):
            return x / 2

    features, source = known()
    found = eval_sae_on_synthetic_data(
        perfect(features), features, source, 500, activation_scaler=Doubled(), generator=rng()
    )
    assert found.explained_variance == pytest.approx(1.0, abs=1e-3)
    assert found.shrinkage == pytest.approx(1.0, abs=1e-3)


def test_an_sae_in_training_is_measured_as_in_inference_and_left_in_training():
    features, source = known()
    sae = tiny(sw.BatchTopKTrainingSAEConfig(d_in=8, d_sae=8, k=8), topk_threshold=0.3)
    init_sae_to_match_feature_dict(sae, features)
    sae.train()
    found = eval_sae_on_synthetic_data(sae, features, source, 500, generator=rng())
    assert sae.training
    assert sae.topk_threshold.item() == pytest.approx(0.3)
    assert found.sae_l0 == found.true_l0


def test_an_evaluation_can_be_given_up():
    features, source = known()
    found = eval_sae_on_synthetic_data(
        perfect(features), features, source, 1600, generator=rng(), is_cancelled=lambda done, total: done >= 300
    )
    assert found.n_samples == 300


def test_widths_that_do_not_fit_are_refused():
    features, source = known()
    sae = tiny(sw.StandardSAEConfig(d_in=6, d_sae=8))
    with pytest.raises(ValueError, match="reads activations of width 6, the synthetic model gives 8"):
        eval_sae_on_synthetic_data(sae, features, source, 10)
    with pytest.raises(ValueError, match="num_samples must be at least 1, got 0"):
        eval_sae_on_synthetic_data(perfect(features), features, source, 0)


def test_starting_from_the_truth_follows_an_order_and_leaves_the_rest():
    features = FeatureDictionary(3, 4, seed=1)
    sae = tiny(sw.StandardTrainingSAEConfig(d_in=4, d_sae=5), W_enc=torch.ones(4, 5))
    init_sae_to_match_feature_dict(sae, features, feature_ordering=torch.tensor([2, 0, 1]))
    assert torch.equal(sae.W_dec[:3], features.feature_vectors[[2, 0, 1]])
    assert torch.equal(sae.W_enc[:, 3:], torch.ones(4, 2))
    init_sae_to_match_feature_dict(sae, features, noise_level=0.1, generator=rng())
    assert 0.03 < (sae.W_dec[:3] - features.feature_vectors).std() < 0.3
    pursuit = tiny(sw.MatchingPursuitSAEConfig(d_in=4, d_sae=2))
    init_sae_to_match_feature_dict(pursuit, features)
    assert torch.equal(pursuit.W_dec, features.feature_vectors[:2])
