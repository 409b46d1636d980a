"""What code written for SAELens calls on an SAE."""

import pytest
import torch

from sae_widgets.architectures import (
    SkipTranscoder,
    SkipTranscoderTrainingConfig,
    StandardSAE,
    StandardTrainingSAEConfig,
    TopKSAE,
    TopKTrainingSAEConfig,
)
from sae_widgets.sae import TrainContext, TrainStepInput


def sae() -> StandardSAE:
    return StandardSAE(StandardTrainingSAEConfig(d_in=4, d_sae=8), generator=torch.Generator().manual_seed(0))


def batch(width: int = 4) -> torch.Tensor:
    return torch.randn(5, width, generator=torch.Generator().manual_seed(1))


def test_a_training_step_is_parts_and_objective():
    mine, x = sae(), batch()
    step = mine.training_forward_pass(TrainStepInput(x, {"l1": 0.5}, None))
    parts = mine.train_parts(x)
    losses = mine.objective(parts, x, TrainContext({"l1": 0.5}))
    assert step.losses == losses
    assert step.loss == losses["mse_loss"] + losses["l1_loss"]
    assert torch.equal(step.sae_out, parts.sae_out)
    step.loss.backward()
    assert mine.W_dec.grad is not None


def test_sparse_activations_of_a_step_are_dense():
    mine = TopKSAE(TopKTrainingSAEConfig(d_in=4, d_sae=8, k=2))
    step = mine.training_forward_pass(TrainStepInput(batch(), {}, torch.arange(8) < 3))
    assert step.feature_acts.shape == (5, 8)
    assert step.losses["auxiliary_reconstruction_loss"] > 0


def test_a_transcoders_step_takes_a_target():
    mine = SkipTranscoder(SkipTranscoderTrainingConfig(d_in=4, d_out=3, d_sae=8))
    coefficients = {name: each.value for name, each in mine.get_coefficients().items()}
    target = batch(3)
    step = mine.training_forward_pass(TrainStepInput(batch(), coefficients, None, target=target))
    expected = (step.sae_out - target).pow(2).sum(-1).mean()
    torch.testing.assert_close(step.losses["mse_loss"], expected)


def test_hooks_stay_no_longer_than_asked():
    mine, x = sae(), batch()
    clean = mine(x)
    off = [("hook_sae_acts_post", lambda value, hook: value * 0)]
    assert torch.equal(mine.run_with_hooks(x, fwd_hooks=off), mine.b_dec.expand(5, 4))
    assert torch.equal(mine(x), clean)
    with pytest.raises(KeyError), mine.hooks(off):
        raise KeyError
    assert not any(point.is_hooked for point in mine.hook_dict.values())


def test_reset_removes_every_hook():
    mine, x = sae(), batch()
    clean = mine(x)
    mine.hook_sae_acts_post.add_hook(lambda value, hook: value * 0)
    assert not torch.equal(mine(x), clean)
    mine.reset_hooks()
    assert torch.equal(mine(x), clean)


def test_the_cache_has_what_was_asked_for():
    mine, x = sae(), batch()
    out, cache = mine.run_with_cache(x)
    assert torch.equal(out, mine(x))
    assert torch.equal(cache["hook_sae_acts_post"], mine.encode(x))
    assert not cache["hook_sae_acts_post"].requires_grad
    _, some = mine.run_with_cache(x, names_filter=lambda name: "acts" in name)
    assert sorted(some) == ["hook_sae_acts_post", "hook_sae_acts_pre"]
    _, one = mine.run_with_cache(x, names_filter="hook_sae_input")
    assert list(one) == ["hook_sae_input"]


def test_an_unknown_hook_point_offers_the_nearest():
    with pytest.raises(ValueError, match="hook_sae_acts_post"):
        sae().run_with_hooks(batch(), fwd_hooks=[("hook_sae_act_post", lambda value, hook: None)])


def test_folding_gives_the_lengths_back():
    mine, x = sae(), batch()
    before, lengths = mine(x), mine.get_W_dec_norm()
    assert torch.equal(mine.fold_and_get_W_dec_norm(), lengths)
    torch.testing.assert_close(mine.get_W_dec_norm(), torch.ones(8))
    torch.testing.assert_close(mine(x), before)
