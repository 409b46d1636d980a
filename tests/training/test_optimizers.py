"""Optimisers by name: what each does to the weights, and that settings which cannot be are refused."""

import pytest
import torch
from torch import nn

from sae_widgets.training.optimizers import OPTIMIZERS, ScheduleFreeSign, forget_features, make_optimizer
from tests.training.small_runs import new_sae, sparse_data, trainer_of

LR = {"adam": 1e-2, "adamw": 1e-2, "adafactor": 5e-2, "signum": 1e-2, "sgd": 3e-2}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimizer_trains(name: str):
    trainer = trainer_of("topk", optimizer=name, lr=LR[name], total_tokens=64 * 60)
    reports = list(trainer.train_steps())
    assert reports[-1].explained_variance > max(0.3, reports[3].explained_variance)


def test_schedule_free_sign_descent_by_hand():
    weight = nn.Parameter(torch.tensor([1.0, -1.0]))
    optimizer = ScheduleFreeSign([weight], lr=0.1, momentum=0.5)
    weight.grad = torch.tensor([4.0, -0.01])
    optimizer.step()
    # z = (0.9, -0.9); the first step's share is 1, so x = z and y = z
    torch.testing.assert_close(weight.detach(), torch.tensor([0.9, -0.9]))
    weight.grad = torch.tensor([1.0, 0.0])
    optimizer.step()
    # z = (0.8, -0.9); x = (z before + z now) / 2 = (0.85, -0.9); y = (z + x) / 2 = (0.825, -0.9)
    torch.testing.assert_close(weight.detach(), torch.tensor([0.825, -0.9]))
    torch.testing.assert_close(optimizer.averaged(weight), torch.tensor([0.85, -0.9]))


def test_the_result_of_signum_is_the_average_and_not_where_gradients_are_taken():
    trainer = trainer_of("topk", optimizer="signum")
    for step in range(10):
        trainer.step(sparse_data(64, seed=step))
    taken = trainer.sae.W_dec.detach().clone()
    sae = new_sae("topk")
    trainer.give_result(sae)
    torch.testing.assert_close(sae.W_dec.detach(), trainer.optimizer.averaged(trainer.named["W_dec"]))
    assert not torch.equal(sae.W_dec, taken)
    assert torch.equal(trainer.sae.W_dec, taken)


def test_weight_decay_of_adamw_is_apart_from_the_gradient():
    weight = nn.Parameter(torch.tensor([2.0]))
    optimizer = make_optimizer("adamw", [weight], 0.1, (0.9, 0.999), weight_decay=0.5)
    weight.grad = torch.zeros(1)
    optimizer.step()
    assert weight.item() == pytest.approx(2.0 * (1 - 0.1 * 0.5))


@pytest.mark.parametrize("name", ["adam", "signum"])
def test_what_is_known_of_a_feature_can_be_forgotten(name: str):
    weight = nn.Parameter(torch.arange(6.0).view(2, 3))
    optimizer = make_optimizer(name, [weight], 0.1, (0.9, 0.999), 0.0)
    weight.grad = torch.ones(2, 3)
    optimizer.step()
    with torch.no_grad():
        weight[:, 1] = 50.0
    forget_features(optimizer, weight, 1, torch.tensor([1]))
    state = optimizer.state[weight]
    if name == "adam":
        assert state["exp_avg"][:, 1].eq(0).all()
        assert state["exp_avg_sq"][:, 1].eq(0).all()
        assert state["exp_avg"][:, [0, 2]].ne(0).all()
    else:
        assert state["z"][:, 1].eq(50.0).all()
        assert state["z"][:, [0, 2]].lt(10.0).all()


def test_the_gradient_is_clipped_where_asked():
    weights = []
    for norm in (None, 1e-3, 1e9):
        trainer = trainer_of("standard", optimizer="sgd", grad_clip_norm=norm)
        trainer.step(sparse_data(64))
        weights.append(trainer.sae.W_dec.detach().clone())
    start = new_sae("standard").W_dec.detach()
    assert torch.equal(weights[0], weights[2])
    assert (weights[1] - start).norm() < 1e-2 * (weights[0] - start).norm()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"optimizer": "adaam"}, "No optimizer 'adaam'; there are: adam, adamw, adafactor, signum, sgd"),
        ({"weight_decay": -0.1}, "weight_decay must be at least 0, got -0.1"),
        ({"grad_clip_norm": 0.0}, "grad_clip_norm must be above 0, got 0.0; None leaves the gradient as it is"),
        ({"grad_accumulation_steps": 0}, "grad_accumulation_steps is a positive whole number, got 0"),
        ({"resample_every_steps": 0}, "resample_every_steps is a positive whole number, got 0"),
        ({"resample_scale": 0.0}, "resample_scale must be above 0, got 0.0"),
        ({"ema_decay": 1.0}, r"ema_decay must be between 0 and 1, e.g. 0.999, got 1.0"),
        ({"b_dec_init_method": "median"}, "b_dec_init_method is one of zeros, mean, geometric_median; got 'median'"),
    ],
)
def test_settings_that_cannot_be_are_refused(settings: dict, message: str):
    with pytest.raises(ValueError, match=message):
        trainer_of("topk", **settings)


@pytest.mark.parametrize("name", ["adam", "adamw"])
def test_fused_steps_do_not_depend_on_how_a_weight_lies_in_memory(name: str):
    rows, grad = torch.randn(6, 4), torch.randn(6, 4)
    plain, turned = torch.nn.Parameter(rows.clone()), torch.nn.Parameter(rows.T.contiguous().T)
    for weight in (plain, turned):
        optimizer = make_optimizer(name, [weight], 0.1, (0.9, 0.999), 0.01)
        for _ in range(3):
            weight.grad = torch.empty_like(weight).copy_(grad)
            optimizer.step()
        assert optimizer.state[weight]["exp_avg"].stride() == weight.stride()
    assert turned.stride() == (1, 6)
    assert torch.equal(plain, turned)
