"""Scaling of activations: what goes in, what comes back, and that the two belong together."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sae_widgets.normalize import NORMALIZE_MODES, average_norm_scale, normalize


@pytest.mark.parametrize("mode", ["none", "expected_average_only_in", "covariance_whitening"])
def test_modes_without_scaling_leave_the_input(mode: str):
    x = torch.randn(3, 4)
    scaled, undo = normalize(x, mode)
    assert torch.equal(scaled, x)
    assert torch.equal(undo(x), x)


def test_constant_norm_rescale_gives_every_row_length_sqrt_d():
    scaled, undo = normalize(torch.tensor([[3.0, 4.0, 0.0, 0.0]]), "constant_norm_rescale")
    torch.testing.assert_close(scaled, torch.tensor([[1.2, 1.6, 0.0, 0.0]]))
    torch.testing.assert_close(undo(torch.ones(1, 4)), torch.full((1, 4), 2.5))


def test_layer_norm_takes_the_mean_and_the_unbiased_deviation():
    scaled, undo = normalize(torch.tensor([[1.0, 2.0, 3.0]]), "layer_norm")
    torch.testing.assert_close(scaled, torch.tensor([[-1.0, 0.0, 1.0]]) / (1 + 1e-5))
    torch.testing.assert_close(undo(torch.tensor([[0.0, 1.0, 2.0]])), torch.tensor([[2.0, 3.0, 4.0]]))


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16])
def test_a_row_of_zeros_stays_a_row_of_zeros(dtype: torch.dtype):
    for mode in NORMALIZE_MODES:
        scaled, undo = normalize(torch.zeros(2, 4, dtype=dtype), mode)
        assert torch.equal(scaled, torch.zeros(2, 4, dtype=dtype))
        assert torch.equal(undo(scaled), torch.zeros(2, 4, dtype=dtype))


@settings(deadline=None)
@given(
    mode=st.sampled_from(NORMALIZE_MODES),
    shape=st.lists(st.integers(1, 3), max_size=2),
    seed=st.integers(0, 1000),
    size=st.sampled_from([1e-3, 1.0, 1e3]),
)
def test_undo_takes_back_what_normalize_did(mode: str, shape: list[int], seed: int, size: float):
    x = torch.randn(*shape, 5, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) * size
    scaled, undo = normalize(x, mode)
    # layer_norm divides by std + 1e-5 and multiplies by std, as its source does: exact only up to that.
    slack = 1e-5 / (x.std(dim=-1).min().item() + 1e-5) if mode == "layer_norm" else 0.0
    torch.testing.assert_close(undo(scaled), x, rtol=1e-12 + slack, atol=(1e-12 + slack) * size)


def test_constant_scalar_rescale_multiplies_and_divides():
    scaled, undo = normalize(torch.tensor([[1.0, -2.0]]), "constant_scalar_rescale", 4.0)
    assert scaled.tolist() == [[4.0, -8.0]]
    assert undo(scaled).tolist() == [[1.0, -2.0]]


def test_an_unknown_mode_is_refused():
    with pytest.raises(ValueError, match="No normalize_activations mode 'layernorm'; expected one of none"):
        normalize(torch.zeros(1, 2), "layernorm")


def test_average_norm_scale_by_hand():
    assert average_norm_scale(torch.tensor([[3.0, 4.0, 0.0, 0.0], [0.0, 15.0, 0.0, 0.0]])) == pytest.approx(0.2)


@pytest.mark.parametrize("x", [torch.zeros(0, 3), torch.zeros(2, 3), torch.full((1, 3), float("nan"))])
def test_average_norm_scale_needs_something_to_average(x: torch.Tensor):
    with pytest.raises(ValueError, match="finite, positive mean length"):
        average_norm_scale(x)
