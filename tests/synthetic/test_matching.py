"""The best one-to-one matching."""

from itertools import permutations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sae_widgets.synthetic.matching import best_matching


def best_sum(scores: torch.Tensor) -> float:
    """By trying all."""
    scores = scores if scores.shape[0] <= scores.shape[1] else scores.T
    n, m = scores.shape
    return max(sum(float(scores[i, j]) for i, j in enumerate(each)) for each in permutations(range(m), n))


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 5), st.integers(1, 5), st.integers(0, 10_000), st.booleans())
def test_no_matching_scores_higher(n, m, seed, has_ties):
    scores = torch.rand(n, m, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    scores = (scores * 3).round() if has_ties else scores
    rows, columns = best_matching(scores)
    assert len(rows) == len(set(columns.tolist())) == min(n, m)
    assert rows.tolist() == sorted(set(rows.tolist()))
    assert float(scores[rows, columns].sum()) == pytest.approx(best_sum(scores))


def test_the_greedy_choice_is_given_up_where_another_is_better():
    # Greedy takes 10 and must then take 0; the best pays 9 + 8.
    assert best_matching(torch.tensor([[10.0, 9.0], [8.0, 0.0]]))[1].tolist() == [1, 0]


def test_a_matching_undoes_a_shuffle():
    truth = torch.nn.functional.normalize(torch.randn(300, 32, generator=torch.Generator().manual_seed(0)), dim=1)
    order = torch.randperm(300, generator=torch.Generator().manual_seed(1))
    assert torch.equal(best_matching(truth[order[:200]] @ truth.T)[1], order[:200])


def test_scores_that_are_no_numbers_are_refused():
    with pytest.raises(ValueError, match="finite numbers"):
        best_matching(torch.tensor([[1.0, float("nan")]]))
