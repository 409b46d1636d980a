"""The toy model of superposition: formulas by hand, and what it learns where the paper says what it must."""

import math

import pytest
import torch

from sae_widgets.toy_model import FittedSAE, ToyAutoencoder, geometry


def trained(n_steps: int = 400, **settings) -> ToyAutoencoder:
    toy = ToyAutoencoder(**settings)
    for _ in range(n_steps):
        toy.step()
    return toy


def test_the_formulas_by_hand():
    toy = ToyAutoencoder(3, importance=0.5)
    with torch.no_grad():
        toy.W.copy_(torch.tensor([[1.0, -1.0, 0.0], [0.0, 0.0, 2.0]]))
        toy.b.copy_(torch.tensor([0.0, 0.5, -1.0]))
    x = torch.tensor([[0.5, 0.0, 0.25]])
    assert torch.equal(toy.hidden(x), torch.tensor([[0.5, 0.5]]))
    # W^T h + b = (0.5, -0.5 + 0.5, 1 - 1); only feature 2 is missed, by 0.25, and counts a quarter.
    assert torch.allclose(toy(x), torch.tensor([[0.5, 0.0, 0.0]]))
    assert toy.loss(x).item() == pytest.approx(0.25 * 0.25**2)


def test_the_data_is_as_sparse_as_asked_and_the_seed_draws_it():
    x = ToyAutoencoder(5, sparsity=0.8, seed=3).draw(20_000)
    assert (x == 0).double().mean().item() == pytest.approx(0.8, abs=0.01)
    assert x[x > 0].mean().item() == pytest.approx(0.5, abs=0.01)
    assert torch.equal(x, ToyAutoencoder(5, sparsity=0.8, seed=3).draw(20_000))
    assert trained(3, seed=1).step() == trained(3, seed=1).step() != trained(3, seed=2).step()


def test_geometry_by_hand():
    found = geometry(torch.tensor([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, 0.1]]))
    assert found.kept == [0, 1, 2]
    assert found.pairs == [(0, 1)]
    assert found.dimensionality.tolist() == pytest.approx([0.5, 0.5, 1 / 1.01, 0.01 / 1.01])
    corners = [2 * math.pi * i / 5 for i in range(5)]
    pentagon = torch.tensor([[math.cos(a), math.sin(a)] for a in corners])
    assert geometry(pentagon).dimensionality.tolist() == pytest.approx([0.4] * 5)  # two dimensions for five
    assert geometry(torch.zeros(2, 2)).kept == []


def test_dense_features_leave_room_for_the_two_most_important_ones_alone():
    found = geometry(trained(600, sparsity=0, importance=0.7).directions)
    assert found.kept == [0, 1]
    assert found.norms[:2].tolist() == pytest.approx([1, 1], abs=0.1)
    assert found.dimensionality[:2].tolist() == pytest.approx([1, 1], abs=0.1)
    assert found.norms[2:].max() < 0.3


def test_four_sparse_features_become_two_opposite_pairs_and_five_a_pentagon():
    square = geometry(trained(n_features=4, sparsity=0.9, importance=1).directions)
    assert square.kept == [0, 1, 2, 3]
    assert len(square.pairs) == 2
    assert {i for pair in square.pairs for i in pair} == {0, 1, 2, 3}
    assert square.dimensionality.tolist() == pytest.approx([0.5] * 4, abs=0.06)
    pentagon = geometry(trained(n_features=5, sparsity=0.95).directions)
    assert pentagon.kept == [0, 1, 2, 3, 4]
    assert pentagon.pairs == []
    assert pentagon.dimensionality.tolist() == pytest.approx([0.4] * 5, abs=0.06)


def test_an_sae_finds_the_features_of_a_pentagon():
    toy = trained(sparsity=0.97, seed=0)
    sae = FittedSAE(toy)
    before = sae.cosines(toy.directions)
    for _ in range(120):
        sae.step()
    assert before.min() < 0.99 < sae.cosines(toy.directions).min()


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"n_features": 0}, "n_features is a whole number from 1 to 24; got 0"),
        ({"sparsity": 1.0}, "sparsity is a probability from 0 to below 1; got 1.0"),
        ({"importance": 0.0}, "importance is above 0 and at most 1; got 0.0"),
        ({"n_hidden": 0}, "n_hidden is at least 1; got 0"),
    ],
)
def test_what_cannot_be_is_refused(wrong, said):
    with pytest.raises(ValueError, match=said):
        ToyAutoencoder(**wrong)
