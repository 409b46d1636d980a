"""Intervals by hand, by simulation, and the same whether sums come at once or in parts."""

import math

import pytest
import torch

from sae_widgets.evals.formulas import METRICS, explained_variance
from sae_widgets.evals.intervals import (
    FeatureCounts,
    RowSums,
    interval,
    jackknife_error,
    left_out,
    t_quantile,
    totals,
)


def test_the_jackknife_of_a_mean_is_its_standard_error():
    values = torch.tensor([1.0, 2.0, 4.0, 7.0], dtype=torch.float64)
    parts = {"l0": values, "n_tokens": torch.ones(4, dtype=torch.float64)}
    replicates = METRICS["l0"].formula(left_out(parts))
    assert replicates.tolist() == pytest.approx([13 / 3, 12 / 3, 10 / 3, 7 / 3])
    assert jackknife_error(replicates) == pytest.approx(float(values.std()) / 2)


def test_an_interval_is_the_estimate_and_t_errors_each_way():
    assert interval(1.0, 0.5, 4) == pytest.approx((1 - 3.182 * 0.5, 1 + 3.182 * 0.5), rel=1e-2)
    assert all(math.isnan(end) for end in interval(1.0, 0.5, 1))
    assert math.isnan(jackknife_error(torch.tensor([1.0])))


@pytest.mark.parametrize(
    ("p", "dof", "expected"),
    [(0.975, 1, 12.706), (0.975, 2, 4.303), (0.975, 3, 3.182), (0.975, 9, 2.262), (0.995, 5, 4.032), (0.9, 30, 1.310)],
)
def test_quantiles_of_t_are_those_of_the_tables(p, dof, expected):
    assert t_quantile(p, dof) == pytest.approx(expected, rel=1e-2)


def test_a_quantile_that_does_not_exist_is_refused():
    with pytest.raises(ValueError, match=r"0 < p < 1 and dof >= 1, got p=1.0 and dof=3"):
        t_quantile(1.0, 3)


def sample(n_samples, n_rows, n_tokens, seed):
    """Sums of rows that each have a level of their own, as texts have; the true explained variance is 1 - 0.3^2."""
    generator = torch.Generator().manual_seed(seed)
    level = torch.randn(n_samples, n_rows, 1, 2, generator=generator, dtype=torch.float64)
    x = level + torch.randn(n_samples, n_rows, n_tokens, 2, generator=generator, dtype=torch.float64)
    error = 0.3 * x.roll(1, -1)
    ones = torch.full((n_samples, n_rows), float(n_tokens), dtype=torch.float64)
    return {
        "x": x.sum(2),
        "x^2": x.pow(2).sum((2, 3)),
        "error": error.pow(2).sum((2, 3)),
        "n_tokens": ones,
        "x.x_hat": (x * (x - error)).sum((2, 3)),
        "x_hat^2": (x - error).pow(2).sum((2, 3)) * 1.2,
        "l0": (x > 1).sum((2, 3)).double(),
    }


@pytest.mark.parametrize("name", ["l0", "relative_reconstruction_bias", "mse"])
def test_intervals_hold_the_truth_as_often_as_they_say(name):
    n_samples, n_rows = 600, 24
    sums = sample(n_samples, n_rows, 12, seed=0)
    whole = {key: value.flatten(0, 1) for key, value in sample(1, 60_000, 12, seed=1).items()}
    truth = float(METRICS[name].formula(totals(whole)))
    n_held = 0
    for i in range(n_samples):
        parts = {key: value[i] for key, value in sums.items()}
        estimate, replicates = float(METRICS[name].formula(totals(parts))), METRICS[name].formula(left_out(parts))
        low, high = interval(estimate, jackknife_error(replicates), n_rows)
        n_held += low <= truth <= high
    # 95 % with a standard error of 0.9 % over 600 samples; ratios of few rows lose a little.
    assert 0.92 <= n_held / n_samples <= 0.975


def test_the_interval_of_explained_variance_holds_the_truth():
    n_samples, n_rows, truth = 400, 40, 0.91
    sums = sample(n_samples, n_rows, 8, seed=3)
    generator = torch.Generator().manual_seed(4)
    # Rows differ in how well they are explained, on average by as much as the truth says.
    sums["error"] *= torch.rand(n_samples, n_rows, generator=generator, dtype=torch.float64) * 2
    held = []
    for i in range(n_samples):
        parts = {key: value[i] for key, value in sums.items()}
        error = jackknife_error(explained_variance(left_out(parts)))
        low, high = interval(float(explained_variance(totals(parts))), error, n_rows)
        held.append(low <= truth <= high)
    assert 0.91 <= sum(held) / n_samples <= 0.98


def test_sums_come_out_the_same_in_any_batches_and_rows_are_joined_when_there_are_many():
    values = torch.arange(22.0, dtype=torch.float64)
    one, many = RowSums(max_clusters=6), RowSums(max_clusters=6)
    one.add({"a": values, "v": values[:, None].expand(22, 3)}, 22)
    for part in values.split(5):
        many.add({"a": part, "v": part[:, None].expand(len(part), 3)}, len(part))
    assert one.rows_per_cluster == many.rows_per_cluster == 4
    assert one.parts()["a"].tolist() == many.parts()["a"].tolist() == [6.0, 22.0, 38.0, 54.0, 70.0, 41.0]
    assert torch.equal(one.parts()["v"], many.parts()["v"])
    assert totals(one.parts())["a"] == values.sum()


FIRINGS = torch.tensor([[2.0, 0.0, 1.0], [0.0, 0.0, 0.0], [4.0, 0.0, 0.0], [1.0, 0.0, 0.0]])
TOKENS = torch.tensor([4, 3, 8, 5])


@pytest.mark.parametrize("batches", [[4], [1, 3], [2, 2]])
def test_features_are_counted_by_row(batches):
    counts = FeatureCounts(3)
    for firings, n_tokens in zip(FIRINGS.split(batches), TOKENS.split(batches), strict=True):
        counts.add(firings, n_tokens)
    assert counts.density.tolist() == pytest.approx([7 / 20, 0, 1 / 20])
    assert counts.heuristic.tolist()[::2] == pytest.approx([7 / 3, 1])
    assert math.isnan(counts.heuristic[1])
    assert counts.n_dead == 1
    assert counts.n_lone(1, 4).tolist() == [1, 0, 0, 0]
    assert counts.n_lone(2, 2).tolist() == [1, 0]
    # The delta method by hand: residuals of each row about density x tokens.
    residual = FIRINGS[:, 0].double() - 7 / 20 * TOKENS
    assert float(counts.density_error[0]) == pytest.approx(float((residual.pow(2).sum() * 4 / 3).sqrt() / 20))
    residual = FIRINGS[:, 0].double() - 7 / 3 * (FIRINGS[:, 0] > 0)
    assert float(counts.heuristic_error[0]) == pytest.approx(float((residual.pow(2).sum() * 4 / 3).sqrt() / 3))


def test_one_row_says_nothing_of_its_error():
    counts = FeatureCounts(3)
    counts.add(FIRINGS[:1], TOKENS[:1])
    assert counts.density_error.isnan().all()
