"""Loss terms, gradients and optimiser steps of every architecture that SAELens trains."""

import pytest
import torch
from sae_lens.config import SAETrainerConfig
from sae_lens.saes.sae import TrainStepInput
from sae_lens.training.activation_scaler import ActivationScaler
from sae_lens.training.sae_trainer import SAETrainer

from tests.parity.cases.drawn import BARS, SIZES, TRAINED, bars_for, batch, dead, trained
from tests.parity.recording import typical

variants = pytest.mark.parametrize("variant", TRAINED)


def coefficients(sae) -> dict[str, float]:
    return {name: 0.6 * each.value for name, each in sae.get_coefficients().items()}


@variants
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("dtype", BARS)
def test_losses_and_gradients(variant: str, size: str, dtype: str, record):
    record.label, bars = f"{variant} {dtype}", bars_for(variant, dtype)
    for name, mask in (("none dead", None), ("some dead", dead(SIZES[size]))):
        sae = trained(variant, SIZES[size], dtype=dtype)
        sae.train()
        x = batch(SIZES[size]).to(sae.W_dec.dtype)
        step = sae.training_forward_pass(TrainStepInput(x, coefficients(sae), mask, 3, is_logging_step=False))
        record(f"sae_out: {name}", step.sae_out, **bars.output)
        record(f"feature_acts: {name}", step.feature_acts, **bars.output)
        record(f"hidden_pre: {name}", step.hidden_pre, **BARS[dtype].output)
        record(f"values chosen: {name}", step.feature_acts.flatten().sort().values, **BARS[dtype].output)
        record(f"losses: {name}: names", sorted(step.losses))
        record.all({f"losses: {name}: {key}": value for key, value in step.losses.items()}, **bars.output)
        record(f"losses: {name}: sum", step.loss, **bars.output)
        step.loss.backward()
        for key, weight in sae.named_parameters():
            gradient = torch.zeros_like(weight) if weight.grad is None else weight.grad
            record(f"gradients: {name}: {key}", gradient, **bars.gradient)
        if "topk_threshold" in dict(sae.named_buffers()):
            record(f"topk_threshold: {name}", sae.topk_threshold, **bars.output)


# SAELens' Matryoshka cannot do it, and its gated SAE leaves the auxiliary loss unnormalised.
@pytest.mark.parametrize("variant", [name for name in TRAINED if "matryoshka" not in name and name != "gated"])
def test_losses_with_rows_normalised(variant: str, record):
    record.label, size = f"{variant} normalised", SIZES["middle"]
    for mode in ("constant_norm_rescale", "layer_norm"):
        sae = trained(variant, size, normalize_activations=mode)
        step = sae.training_forward_pass(TrainStepInput(3 * batch(size), coefficients(sae), None, 3, False))
        record.all({f"losses: {mode}: {key}": value for key, value in step.losses.items()})
        step.loss.backward()
        for key, weight in sae.named_parameters():
            gradient = torch.zeros_like(weight) if weight.grad is None else weight.grad
            record(f"gradients: {mode}: {key}", gradient, bar=1e-4)


@variants
def test_a_training_run(variant: str, record):
    """Steps with clipping, warm-up, decay and dead features: where all that is a trainer's comes together."""
    record.label, size = f"{variant} trained", SIZES["middle"]
    sae = trained(variant, size)
    start = {name: weight.detach().clone() for name, weight in sae.named_parameters()}
    batches = (batch(size, seed=10 + step) for step in range(100))
    settings = SAETrainerConfig(
        total_training_samples=12 * size.n_tokens,
        train_batch_size_samples=size.n_tokens,
        lr=1e-4,
        lr_end=1e-5,
        lr_scheduler_name="cosineannealing",
        lr_warm_up_steps=3,
        lr_decay_steps=2,
        dead_feature_window=2,
    )
    trainer = SAETrainer(cfg=settings, sae=sae, data_provider=batches)
    trainer.fit()
    record("n_training_steps", trainer.n_training_steps)
    record("dead", trainer.dead_neurons.double(), bar=0.0)
    for name, weight in sae.named_parameters():
        # Adam's first steps are sign-like, so rounding can turn a tiny gradient: the mean, of how far training moved.
        record(f"way moved: {name}", weight - start[name], bar=1e-3, measure=typical)


@pytest.mark.parametrize("mode", ["expected_average_only_in", "covariance_whitening"])
def test_scaled_activations(mode: str, record):
    """The scale is estimated, training sees scaled batches, and the scale is folded."""
    record.label, size = f"{mode} trained", SIZES["small"]
    for variant in ("standard", "gated", "topk", "batchtopk", "jumprelu-step"):
        sae = trained(variant, size, normalize_activations=mode)
        settings = SAETrainerConfig(
            total_training_samples=4 * size.n_tokens,
            train_batch_size_samples=size.n_tokens,
            lr=1e-4,
            lr_end=1e-5,
            n_batches_for_norm_estimate=20,
        )
        batches = (5 * batch(size, seed=10 + step) for step in range(100))
        SAETrainer(cfg=settings, sae=sae, data_provider=batches).fit()
        record(f"mode: {variant}", sae.cfg.normalize_activations)
        record.all({f"weights: {variant}: {name}": weight for name, weight in sae.state_dict().items()}, bar=1e-4)
        record(f"forward: {variant}", sae(batch(size)), bar=1e-4)


def test_whitening(record):
    record.label, size = "whitening", SIZES["middle"]
    scaler = ActivationScaler()
    batches = (5 * batch(size, seed=10 + step) + step % 3 for step in range(20))
    scaler.estimate_whitening(size.d_in, batches, n_batches_for_norm_estimate=20)
    x = batch(size)
    # Which way an eigenvector points is nobody's choice.
    record("scaled", scaler.scale(x).abs(), bar=1e-4)
    record("mean", scaler.whitening.mean)
    record("covariance", scaler.whitening.matrix @ scaler.whitening.matrix.T)
    record("and back", scaler.unscale(scaler.scale(x)), bar=1e-4)


@variants
def test_coefficients(variant: str, record):
    for name, each in trained(variant, SIZES["small"]).get_coefficients().items():
        record(f"coefficient: {name}", [float(each.value), each.warm_up_steps])
    record("done", True)
