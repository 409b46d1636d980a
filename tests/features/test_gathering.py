"""What a pass sums, counts and keeps, on activations made by hand."""

import pytest
import torch

from sae_widgets.features.gathering import N_BINS, FeaturePass, Histogram
from sae_widgets.sae import SparseActs


def small_pass(d_sae, d_in=None, n_sample=1000):
    return FeaturePass(d_sae, d_in, n_top=3, n_random=4, n_per_part=2, window=(2, 1), n_sample=n_sample)


def test_the_sample_is_bounded_and_drawn_evenly():
    gathered = small_pass(3, n_sample=60)
    tokens = torch.arange(1, 401).view(100, 4)
    acts = torch.rand(100, 4, 3, generator=torch.Generator().manual_seed(0))
    gathered.add(tokens, acts, torch.ones(100, 4, dtype=torch.bool))
    sample = gathered.sample.sample(3)
    assert len(sample) == 60
    assert sample.row.unique().float().mean() == pytest.approx(49.5, abs=25)
    for i in range(60):
        part = slice(int(sample.starts[i]), int(sample.starts[i + 1]))
        token = int(sample.tokens[i]) - 1
        assert torch.equal(sample.value[part], acts[token // 4, token % 4])


def test_negative_activations_count_by_size():
    gathered = small_pass(1, d_in=2)
    acts = torch.tensor([[-3.0, 1.0, 0.0, -2.0]])[..., None]
    x = torch.tensor([[[1.0, 0.0], [0.0, 1.0], [2.0, 2.0], [1.0, 1.0]]])
    gathered.add(torch.tensor([[5, 6, 7, 8]]), acts, torch.ones(1, 4, dtype=torch.bool), x)
    assert gathered.max_act.item() == 3.0
    assert gathered.powers[0].item() == 6.0
    assert gathered.products[0].tolist() == [-5.0, -1.0]
    assert gathered.top.entries()["act"].tolist() == [-3.0]


def test_histograms_are_exact_counts():
    histogram = Histogram(3)
    generator = torch.Generator().manual_seed(0)
    values = torch.rand(400, generator=generator).pow(3) * 100 + 1e-6
    features = torch.randint(0, 2, (400,), generator=generator)
    for part in range(0, 400, 7):
        histogram.add(features[part : part + 7], values[part : part + 7])
    for feature in (0, 1):
        width = float(histogram.widths[feature])
        expected = torch.bincount((values[features == feature] / width).long(), minlength=N_BINS)
        assert histogram.counts[feature].tolist() == expected.tolist()
        assert N_BINS // 2 * width <= float(values[features == feature].max()) < N_BINS * width
    assert histogram.counts[2].sum() == 0


def test_activations_that_are_no_numbers_are_refused():
    acts = torch.ones(2, 4, 1)
    acts[1, 2] = torch.nan
    with pytest.raises(ValueError, match="An activation in row 1 of this batch is nan"):
        small_pass(1).add(torch.ones(2, 4, dtype=torch.long), acts, torch.ones(2, 4, dtype=torch.bool))


def test_dense_and_sparse_activations_give_the_same():
    acts = torch.randn(6, 5, 8, generator=torch.Generator().manual_seed(0)).relu()
    tokens, counts = torch.arange(30).view(6, 5), torch.ones(6, 5, dtype=torch.bool)
    counts[:, 0] = False
    one, other = small_pass(8), small_pass(8)
    one.add(tokens, acts, counts)
    other.add(tokens, SparseActs.from_dense(acts), counts)
    assert one.n_active.tolist() == (acts[:, 1:] > 0).sum((0, 1)).tolist()
    for kind in ("top", "random", "parts"):
        for name, kept in getattr(one, kind).entries().items():
            assert torch.equal(kept, getattr(other, kind).entries()[name]), (kind, name)


def test_a_value_on_a_bins_edge_stays_inside():
    histogram = Histogram(1)
    histogram.add(torch.tensor([0]), torch.tensor([float(N_BINS)]))
    histogram.add(torch.tensor([0]), torch.tensor([2.0 * N_BINS]))
    assert histogram.counts.sum() == 2


def test_the_same_text_is_shown_once():
    gathered = small_pass(1)
    tokens = torch.tensor([[5, 6, 7, 8]] * 4 + [[1, 2, 3, 4]])
    acts = torch.zeros(5, 4, 1)
    acts[:4, 2], acts[4, 1] = 2.0, 1.0
    gathered.add(tokens, acts, torch.ones(5, 4, dtype=torch.bool))
    kept = gathered.top.entries()
    assert kept["n_times"].tolist() == [4, 1]
    assert kept["row"].tolist() == [0, 4]
    assert kept["acts"].tolist() == [[0.0, 0.0, 2.0, 0.0], [0.0, 0.0, 1.0, 0.0]]
