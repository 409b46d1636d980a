"""Matching pursuit on numbers one computes in the head, and its gradient against plain autograd."""

import pytest
import torch

from sae_widgets.architectures import MatchingPursuitSAEConfig, MatchingPursuitTrainingSAEConfig
from sae_widgets.kernels import PursuitSettings, reference
from sae_widgets.sae import SAE, SparseActs
from tests.tiny_sae import loss_context, random_sae, random_x, tiny

ROWS = torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.6, 0.8]])


def pursuit(rows: torch.Tensor = ROWS, **settings):
    return tiny(MatchingPursuitSAEConfig(d_in=2, d_sae=len(rows), **settings), W_dec=rows)


def encoded(sae, *x: float) -> list[float]:
    return [round(value, 5) for value in sae.encode(torch.tensor(x)).tolist()]


def test_the_best_match_is_taken_first():
    assert encoded(pursuit(), 3.0, 4.0) == [0.0, 0.0, 5.0]  # products 3, 4, 5; nothing is left
    assert encoded(pursuit(), 1.0, 0.1) == [1.0, 0.1, 0.0]  # products 1, 0.1, 0.68; [0, 0.1] is left
    assert encoded(pursuit(), -1.0, -1.0) == [0.0, 0.0, 0.0]  # no row matches


def test_it_stops_after_max_iterations_or_when_little_is_left():
    assert encoded(pursuit(max_iterations=1), 1.0, 0.1) == [1.0, 0.0, 0.0]
    assert encoded(pursuit(residual_threshold=0.2), 1.0, 0.1) == [1.0, 0.0, 0.0]
    assert encoded(pursuit(residual_threshold=0.0), 1.0, 0.1) == [1.0, 0.1, 0.0]


def test_a_feature_that_comes_a_second_time_counts_and_ends_it():
    short = torch.tensor([[0.5, 0.0]])  # of [4, 0] it takes 2 and leaves 3, then 1.5 and leaves 2.25, then 1.125
    assert encoded(pursuit(short, max_iterations=3), 4.0, 0.0) == [3.5]
    assert encoded(pursuit(short, max_iterations=3, stop_on_duplicate_support=False), 4.0, 0.0) == [4.625]


def test_b_dec_is_added_only_if_it_was_taken_away():
    x, b_dec = torch.tensor([4.0, 6.0]), torch.tensor([1.0, 2.0])
    centred = tiny(MatchingPursuitSAEConfig(d_in=2, d_sae=3), W_dec=ROWS, b_dec=b_dec)
    assert encoded(centred, 4.0, 6.0) == [0.0, 0.0, 5.0]
    torch.testing.assert_close(centred(x), x)
    centred.cfg.apply_b_dec_to_input = False
    # products 4, 6, 7.2 leave [-0.32, 0.24]; then -0.32, 0.24, 0 leave [-0.32, 0], which nothing matches
    assert encoded(centred, 4.0, 6.0) == [0.0, 0.24, 7.2]
    torch.testing.assert_close(centred(x), torch.tensor([4.32, 6.0]))


def test_the_encoder_is_the_decoder_and_no_weight():
    sae = pursuit()
    assert set(sae.state_dict()) == {"W_dec", "b_dec"}
    assert torch.equal(sae.W_enc, sae.W_dec.T)
    with torch.no_grad():
        sae.W_dec[0, 0] = 7.0
    assert sae.W_enc[0, 0] == 7.0


def test_activations_are_sparse_with_each_feature_once():
    sae = random_sae(MatchingPursuitSAEConfig, stop_on_duplicate_support=False, max_iterations=12)
    acts = sae.encode_sparse(random_x(30, 6))
    assert acts.indices.shape == (30, 12)
    for indices, values in zip(*acts, strict=True):
        used = indices[values != 0]
        assert len(used) == len(used.unique())


def test_a_hook_on_the_products_decides_the_first_choice():
    sae = pursuit(max_iterations=1)
    sae.hook_points["hook_sae_acts_pre"].add_hook(lambda value, hook: value.index_fill(-1, torch.tensor([2]), -1e9))
    assert encoded(sae, 3.0, 4.0) == [0.0, 4.0, 0.0]  # feature 2 is out; 1 matches as much as it does


def test_folding_a_scale_scales_the_length_at_which_it_stops():
    sae = pursuit(residual_threshold=0.2, normalize_activations="expected_average_only_in")
    x = torch.tensor([1.0, 0.15])
    assert encoded(sae, 1.0, 0.15) == [1.0, 0.0, 0.0]
    before = sae(2 * x) / 2
    sae.fold_activation_norm_scaling_factor(2.0)
    assert sae.cfg.residual_threshold == 0.1
    torch.testing.assert_close(sae(x), before)
    assert encoded(sae, 1.0, 0.15) == [1.0, 0.15, 0.0]


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"max_iterations": 0}, "max_iterations is a positive whole number"),
        ({"residual_threshold": -1.0}, "residual_threshold is at least 0"),
        ({"decoder_init_norm": 0.1}, "decoder_init_norm is 1 for matching pursuit"),
    ],
)
def test_settings_that_cannot_work_are_refused(settings: dict, problem: str):
    with pytest.raises(ValueError, match=problem):
        MatchingPursuitTrainingSAEConfig(d_in=2, d_sae=3, **settings)


def test_pre_activations_alone_decide_nothing():
    with pytest.raises(NotImplementedError, match=r"encode\(x\) does it"):
        pursuit().activate(torch.zeros(1, 3))


def reference_step(sae: SAE, x: torch.Tensor) -> tuple[float, dict[str, torch.Tensor]]:
    """The loss and gradients from the formulas, dense and by autograd alone."""
    weights = {name: each.detach().clone().requires_grad_() for name, each in sae.named_parameters()}
    cfg = sae.cfg
    settings = PursuitSettings(cfg.max_iterations or cfg.d_in, cfg.residual_threshold, cfg.stop_on_duplicate_support)
    acts = reference.pursue(x - weights["b_dec"], weights["W_dec"], settings)
    loss = ((acts @ weights["W_dec"] + weights["b_dec"] - x) ** 2).sum(-1).mean()
    loss.backward()
    return loss.item(), {name: each.grad for name, each in weights.items()}


@pytest.mark.parametrize("settings", [{}, {"residual_threshold": 0.8}, {"stop_on_duplicate_support": False}])
def test_the_gradient_is_that_of_the_dense_formulas(settings: dict):
    sae, x = random_sae(MatchingPursuitTrainingSAEConfig, max_iterations=8, **settings), random_x(13, 6)
    parts = sae.train_parts(x)
    assert isinstance(parts.feature_acts, SparseActs)
    terms = sae.objective(parts, x, loss_context(sae))
    terms["mse_loss"].backward()
    loss, gradients = reference_step(sae, x)
    assert {name: each.item() for name, each in terms.items()} == pytest.approx({"mse_loss": loss}, rel=1e-12)
    for name, weight in sae.named_parameters():
        torch.testing.assert_close(weight.grad, gradients[name], rtol=1e-9, atol=1e-11)


def test_training_keeps_no_residual_for_each_step():
    """What autograd holds does not grow with the number of steps, but for one number and index a step."""
    x, held = random_x(50, 6), []
    for n_steps in (2, 6):
        sae = random_sae(MatchingPursuitTrainingSAEConfig, max_iterations=n_steps, residual_threshold=0.0)
        sizes = []
        with torch.autograd.graph.saved_tensors_hooks(lambda each, to=sizes: to.append(each.numel()) or each, id):
            sae.train_parts(x)
        held.append(sum(sizes))
    assert held[1] - held[0] <= 50 * 4 * 6
