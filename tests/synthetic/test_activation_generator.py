"""Who fires, and how strongly."""

import pytest
import torch

from sae_widgets.synthetic import ActivationGenerator, LowRankCorrelationMatrix

N = 40_000


def rng(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_features_fire_as_often_and_as_strongly_as_they_are_to():
    p, mean, std = torch.tensor([0.1, 0.5, 1.0]), torch.tensor([1.0, 2.0, 3.0]), torch.tensor([0.0, 0.2, 0.5])
    acts = ActivationGenerator(3, p, std, mean).sample(N, rng())
    assert torch.allclose((acts > 0).float().mean(0), p, atol=0.01)
    assert acts[:, 0].unique().tolist() == [0.0, 1.0]
    for i in (1, 2):
        active = acts[:, i][acts[:, i] > 0]
        assert active.mean().item() == pytest.approx(float(mean[i]), abs=0.01)
        assert active.std().item() == pytest.approx(float(std[i]), abs=0.01)


def test_magnitudes_below_zero_are_cut_off():
    acts = ActivationGenerator(1, 1.0, 1.0, 0.0).sample(N, rng())
    assert acts.min() == 0
    assert (acts > 0).float().mean().item() == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize("is_low_rank", [False, True])
def test_correlated_features_fire_together_as_a_gaussian_copula_says(is_low_rank):
    factor = torch.tensor([[0.6], [0.6], [-0.6]])
    low = LowRankCorrelationMatrix(factor, 1 - factor.pow(2).sum(1))
    full = factor @ factor.T + torch.diag(low.correlation_diag)
    source = ActivationGenerator(3, 0.5, correlation_matrix=low if is_low_rank else full)
    fires = (source.sample(N, rng()) > 0).float()
    together = fires.T @ fires / N
    # P(both above the median) = 1/4 + asin(r) / 2 pi, r = +-0.36
    expected = torch.tensor([[0.5, 0.3086, 0.1914], [0.3086, 0.5, 0.1914], [0.1914, 0.1914, 0.5]])
    assert torch.allclose(together, expected, atol=0.01)


def test_the_same_generator_draws_the_same_and_none_takes_torchs_own():
    source = ActivationGenerator(5, 0.3, 0.1)
    assert torch.equal(source.sample(20, rng(1)), source.sample(20, rng(1)))
    state = torch.random.get_rng_state()
    try:
        torch.manual_seed(7)
        first = source.sample(20)
        torch.manual_seed(7)
        assert torch.equal(source(20), first)
    finally:
        torch.random.set_rng_state(state)
    source.sample(20, rng(1))
    assert torch.equal(torch.random.get_rng_state(), state)


def test_sparse_tensors_hold_the_same():
    dense = ActivationGenerator(6, 0.3, 0.1)
    sparse = ActivationGenerator(6, 0.3, 0.1, use_sparse_tensors=True)
    assert sparse.sample(30, rng()).is_sparse
    assert torch.equal(sparse.sample(30, rng()).to_dense(), dense.sample(30, rng()))


def test_modifiers_act_in_turn_with_and_without_the_generator_and_relu_follows():
    def lower(acts):
        return acts - 1.5

    def by_mean(acts, source):
        return acts * source.mean_firing_magnitudes

    source = ActivationGenerator(2, 1.0, 0.0, torch.tensor([2.0, 1.0]), modify_activations=[lower, by_mean])
    assert source.sample(1).tolist() == [[1.0, 0.0]]
    assert source.modify_activations is not None
    assert source.modify_activations(torch.tensor([[2.0, 1.0]]), source).tolist() == [[1.0, -0.5]]


def test_another_dtype_is_kept():
    source = ActivationGenerator(3, 0.5, 0.1, correlation_matrix=torch.eye(3), dtype="float64")
    assert source.sample(4).dtype == torch.float64


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"firing_probabilities": torch.ones(2)}, r"shape \(3,\) or a float. Got \(2,\)"),
        ({"firing_probabilities": 1.5}, "are from 0 to 1; got 1.5 to 1.5"),
        ({"correlation_matrix": torch.eye(2)}, r"must have shape \(3, 3\), got \(2, 2\)"),
        ({"correlation_matrix": 2 * torch.eye(3)}, "diagonal must be all 1s"),
        ({"correlation_matrix": torch.ones(3, 3) - 2 * (1 - torch.eye(3))}, "must be positive definite"),
        ({"correlation_matrix": (torch.ones(3), torch.ones(3))}, "must be 2D, got 1D"),
        ({"correlation_matrix": (torch.ones(2, 1), torch.ones(3))}, r"shape \(3, rank\), got \(2, 1\)"),
        ({"correlation_matrix": (torch.ones(3, 1), torch.zeros(3))}, "all positive values, got 0"),
    ],
)
def test_what_does_not_fit_is_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        ActivationGenerator(3, **{"firing_probabilities": 0.5, **settings})
