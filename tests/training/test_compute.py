"""How a step is computed: in parts, in bfloat16, compiled."""

import logging
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from tests.tiny_sae import config_classes, flat_target, loss_context, random_sae, random_x
from tests.training.small_runs import sparse_data, trainer_of

TRAINED = [each for each in config_classes() if each.is_training]


def gradients(trainer, x, target, dead):
    ctx = loss_context(trainer.sae, dead)
    trainer.optimizer.zero_grad()
    losses, counts = trainer._gradients(x, target, ctx)
    return losses, counts, {name: weight.grad.clone() for name, weight in trainer.named.items()}


@pytest.mark.parametrize("config_class", TRAINED, ids=lambda each: each.__name__)
def test_a_batch_in_parts_has_the_gradient_of_the_whole(config_class):
    x = random_x(22, 6)
    dead = torch.arange(20) % 3 == 0
    found = []
    for n_parts in (1, 4):  # parts of 6, 6, 5 and 5 tokens
        sae = random_sae(config_class)
        if "BatchTopK" in config_class.__name__:
            # What is chosen depends on who is in the batch: with all chosen nothing is left to depend on.
            sae.cfg.k = 20.0
        trainer = trainer_of(sae=sae, grad_accumulation_steps=n_parts)
        found.append(gradients(trainer, x, flat_target(sae, x), dead))
    (losses, counts, whole), (losses_in_parts, counts_in_parts, in_parts) = found
    assert torch.equal(counts, counts_in_parts)
    for name, value in losses.items():
        torch.testing.assert_close(losses_in_parts[name], value)
    for name, value in whole.items():
        torch.testing.assert_close(in_parts[name], value)


def test_a_step_in_parts_reports_what_a_whole_one_does():
    whole, in_parts = trainer_of("standard"), trainer_of("standard", grad_accumulation_steps=5)
    for step in range(5):
        one, other = (trainer.step(sparse_data(64, seed=step)).curves() for trainer in (whole, in_parts))
    one.pop("tokens_per_s"), other.pop("tokens_per_s")
    assert one == pytest.approx(other, rel=1e-4)


@pytest.mark.parametrize("architecture", ["standard", "gated", "topk", "batchtopk", "jumprelu"])
def test_training_in_bfloat16_goes_the_same_way(architecture: str):
    x = sparse_data(64)
    exact, rough = trainer_of(architecture), trainer_of(architecture, autocast=True)
    for _ in range(5):
        wanted, found = exact.step(x), rough.step(x)
    assert found.losses["mse_loss"] == pytest.approx(wanted.losses["mse_loss"], rel=0.03)
    assert rough.sae.W_dec.dtype == torch.float32
    assert torch.isfinite(rough.sae.W_enc).all()


# Compiled


def test_a_compiled_step_is_the_plain_one():
    # In a process of its own: type checks of annotations cannot be traced. Dynamo traces as it would for a compiler,
    # and hands the same operations back.
    script = """
import functools, torch
from tests.training.small_runs import sparse_data, trainer_of
compiler = torch.compile
torch.compile = lambda function, mode: compiler(function, backend="eager")
for architecture in ("standard", "gated", "jumprelu"):
    plain, compiled = trainer_of(architecture), trainer_of(architecture, compile_sae=True)
    for step in range(3):
        x = sparse_data(64 if step < 2 else 40, seed=step)
        one, other = plain.step(x), compiled.step(x)
        assert one.losses.keys() == other.losses.keys()
        assert abs(one.loss - other.loss) < 1e-5 * one.loss and one.l0 == other.l0, (one, other)
    torch.testing.assert_close(compiled.sae.W_enc, plain.sae.W_enc)
    print(architecture)
"""
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", script], cwd=root, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.split()) == (0, ["standard", "gated", "jumprelu"]), done.stderr[-3000:]
    assert "uncompiled" not in done.stderr


def test_a_sparse_sae_is_not_compiled_and_says_so(monkeypatch, caplog):
    monkeypatch.setattr(torch, "compile", None)
    with caplog.at_level(logging.INFO):
        trainer = trainer_of("topk", compile_sae=True)
    assert "a TopKSAE keeps only active features, so there is no dense path to compile" in caplog.text
    assert trainer.step(sparse_data(64)).is_measured


def test_what_does_not_compile_trains_uncompiled(monkeypatch, caplog):
    calls = []

    def compile_(function, mode):
        def broken(*args):
            calls.append(mode)
            raise RuntimeError("no C++ compiler\nsecond line")

        return broken

    monkeypatch.setattr(torch, "compile", compile_)
    plain = trainer_of("standard")
    trainer = trainer_of("standard", compile_sae=True, sae_compilation_mode="max-autotune")
    for step in range(3):
        assert trainer.step(sparse_data(64, seed=step)).loss == plain.step(sparse_data(64, seed=step)).loss
    assert calls == ["max-autotune"]
    assert "torch.compile failed, so training goes on uncompiled. RuntimeError: no C++ compiler" in caplog.text
    assert torch.equal(trainer.sae.W_enc, plain.sae.W_enc)
