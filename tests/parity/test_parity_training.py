"""Losses, gradients and whole optimiser steps are those of SAELens."""

import pytest
import torch
from sae_lens.saes.sae import TrainStepInput

from sae_widgets.sae import SAE, TrainContext
from tests.parity.peer import D_SAE, TRAINING, activations, our_sae, peer_sae, relative

LOSS_TOLERANCE, GRADIENT_TOLERANCE = 1e-5, 1e-4
DEAD = torch.arange(D_SAE) % 7 == 0

CASES = [
    *((name, {}) for name in TRAINING),
    *((name, {"apply_b_dec_to_input": False}) for name in TRAINING),
    *((name, {"rescale_acts_by_decoder_norm": False}) for name in TRAINING if "TopK" in name),
    *((name, {"normalize_activations": mode}) for name in ("StandardTrainingSAE", "JumpReLUTrainingSAE")
      for mode in ("constant_norm_rescale", "layer_norm")),
    ("StandardTrainingSAE", {"lp_norm": 2.0}),
    ("TopKTrainingSAE", {"aux_loss_coefficient": 0.03}),
    ("BatchTopKTrainingSAE", {"k": 7.3}),
    ("JumpReLUTrainingSAE", {"jumprelu_sparsity_loss_mode": "tanh", "jumprelu_bandwidth": 1.0}),
    ("JumpReLUTrainingSAE", {"jumprelu_sparsity_loss_mode": "quadratic", "target_l0": 20.0}),
    ("JumpReLUTrainingSAE", {"jumprelu_ste_to_input": True, "pre_act_loss_coefficient": 3e-3}),
]  # fmt: skip
cases = pytest.mark.parametrize(("name", "changes"), CASES)


def coefficients(sae: SAE) -> dict[str, float]:
    return {key: 0.6 * each.value for key, each in sae.coefficients().items()}


def our_losses(sae: SAE, x: torch.Tensor, dead: torch.Tensor | None) -> dict[str, torch.Tensor]:
    return sae.objective(sae.train_parts(x), x, TrainContext(coefficients(sae), dead, 3))


def peer_losses(peer, mine: SAE, x: torch.Tensor, dead: torch.Tensor | None) -> dict[str, torch.Tensor]:
    step = TrainStepInput(x, coefficients(mine), dead, 3, is_logging_step=False)
    return peer.training_forward_pass(step).losses


@cases
@pytest.mark.parametrize("dead", [None, DEAD], ids=["none-dead", "some-dead"])
def test_losses_and_gradients_agree(name: str, changes: dict, dead, note):
    mine, peer, x = our_sae(name, **changes), peer_sae(name, **changes), activations()
    ours, theirs = our_losses(mine, x, dead), peer_losses(peer, mine, x, dead)
    assert list(ours) == list(theirs)
    for key in ours:
        assert note(f"{name}: losses, relative", relative(ours[key], theirs[key])) <= LOSS_TOLERANCE, key
    sum(ours.values()).backward()
    sum(theirs.values()).backward()
    expected = dict(peer.named_parameters())
    for key, weight in mine.named_parameters():
        difference = note(f"{name}: gradients, relative", relative(weight.grad, expected[key].grad))
        assert difference <= GRADIENT_TOLERANCE, key


@pytest.mark.parametrize("name", TRAINING)
def test_coefficients_have_the_same_names_and_values(name: str):
    mine, peer = our_sae(name), peer_sae(name)
    assert {key: tuple(each) for key, each in mine.coefficients().items()} == {
        key: tuple(each) for key, each in peer.get_coefficients().items()
    }


@pytest.mark.parametrize("name", TRAINING)
def test_twenty_optimiser_steps_end_at_the_same_weights(name: str, note):
    mine, peer = our_sae(name), peer_sae(name)
    start = {key: weight.clone() for key, weight in peer.state_dict().items()}
    optimizers = [torch.optim.Adam(sae.parameters(), lr=1e-4) for sae in (mine, peer)]
    for step in range(20):
        x = activations(seed=10 + step)
        for optimizer, losses in zip(
            optimizers, (our_losses(mine, x, DEAD), peer_losses(peer, mine, x, DEAD)), strict=True
        ):
            optimizer.zero_grad()
            sum(losses.values()).backward()
            optimizer.step()
        mine.after_step()
    for key, weight in peer.state_dict().items():
        moved = (weight - start[key]).abs().max().item()
        assert moved > 0, key
        # In units of how far training moved: Adam's first steps are sign-like, so rounding can turn a tiny gradient.
        difference = (mine.state_dict()[key] - weight).abs().mean().item() / moved
        assert note(f"{name}: weights after 20 Adam steps, of the way moved", difference) <= 1e-3, key
