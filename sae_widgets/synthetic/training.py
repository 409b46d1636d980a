"""Training on drawn activations: a source of batches, and `train_toy_sae` for a first try."""

from collections.abc import Callable, Iterator
from contextlib import nullcontext

import torch
from jaxtyping import Float
from torch import Tensor

from sae_widgets.activations.store import Cancelled
from sae_widgets.normalize import whitening_of
from sae_widgets.sae.base import SAE
from sae_widgets.synthetic.activation_generator import ActivationGenerator
from sae_widgets.synthetic.feature_dictionary import FeatureDictionary
from sae_widgets.synthetic.synthetic_model import hidden_of
from sae_widgets.threads import one_thread
from sae_widgets.training.schedules import LearningRateSchedule
from sae_widgets.training.trainer import Trainer, TrainSettings

SCALED, WHITE = "expected_average_only_in", "covariance_whitening"
N_SAMPLES_FOR_SCALE = 100_000
"""Samples that the mean length is measured on, at most: it is then known to a thousandth."""
SMALL_STEP = 10_000_000
"""Multiplications in an encoder product, about a millisecond: up to here a second core mostly waits for the first."""


class SyntheticActivationIterator(Iterator[Tensor]):
    """Batches of activations without an end; what a `Trainer` takes as `next_batch`.

    Args:
        feature_dict: The directions.
        activations_generator: Who fires.
        batch_size: Activations in a batch.
        autocast: Whether activations are made in bfloat16.
        generator: What is drawn from; None takes torch's own.
    """

    def __init__(
        self,
        feature_dict: FeatureDictionary,
        activations_generator: ActivationGenerator,
        batch_size: int,
        autocast: bool = False,
        *,
        generator: torch.Generator | None = None,
    ) -> None:
        if batch_size < 1:
            raise ValueError(f"batch_size must be at least 1, got {batch_size}.")
        self.feature_dict, self.activations_generator = feature_dict, activations_generator
        self.batch_size, self.autocast, self.generator = batch_size, autocast, generator

    @torch.no_grad()
    def next_batch(self, is_cancelled: Callable[[int, int], bool] | None = None) -> Float[Tensor, "n hidden_dim"]:
        """The next batch.

        Raises:
            Cancelled: If `is_cancelled(done, total)` says so before it is drawn.
        """
        if is_cancelled is not None and is_cancelled(0, self.batch_size):
            raise Cancelled
        entries = self.activations_generator.sample_entries(self.batch_size, self.generator)
        x = hidden_of(entries, self.batch_size, self.feature_dict)
        return x.bfloat16() if self.autocast else x

    def __iter__(self) -> "SyntheticActivationIterator":
        return self

    def __next__(self) -> Tensor:
        return self.next_batch()


def measure_scale(trainer: Trainer, source: SyntheticActivationIterator, n_batches: int) -> None:
    """Sets what activations are multiplied with before the SAE sees them, where its config asks for that."""
    mode = trainer.sae.cfg.normalize_activations
    if mode not in (SCALED, WHITE):
        return
    n_batches = max(1, min(n_batches, N_SAMPLES_FOR_SCALE // source.batch_size))
    batches = [source.next_batch().float() for _ in range(n_batches)]
    if mode == WHITE:
        seen = torch.cat(batches)
        if len(seen) <= seen.shape[1]:
            raise ValueError(
                f"covariance_whitening needs more samples than activations are wide; {len(seen):,} for width "
                f"{seen.shape[1]:,}. Raise n_batches_for_norm_estimate or batch_size."
            )
        trainer.whitening = whitening_of(seen)
        return
    norm = sum(batch.norm(dim=-1).mean().item() for batch in batches) / n_batches
    if not 0 < norm < float("inf"):
        raise ValueError(f"The synthetic activations have mean length {norm}; does any feature fire?")
    trainer.scale = batches[0].shape[1] ** 0.5 / norm


def fold_scale(sae: SAE, trainer: Trainer) -> None:
    """Puts what `measure_scale` found into the SAE's weights."""
    if trainer.whitening is not None:
        sae.fold_activation_whitening(*trainer.whitening)
    if trainer.scale != 1.0:
        sae.fold_activation_norm_scaling_factor(trainer.scale)


def train_toy_sae(
    sae: SAE,
    feature_dict: FeatureDictionary,
    activations_generator: ActivationGenerator,
    training_samples: int = 10_000_000,
    batch_size: int = 1024,
    lr: float | int = 3e-4,
    lr_warm_up_steps: int = 0,
    lr_decay_steps: int = 0,
    device: str | torch.device = "cpu",
    n_snapshots: int = 0,
    snapshot_fn: Callable[[Trainer], object] | None = None,
    autocast_sae: bool = False,
    autocast_data: bool = False,
    *,
    generator: torch.Generator | None = None,
) -> None:
    """Trains `sae` in place, without a log or a stop; `SyntheticSAERunner` has both.

    Args:
        sae: An SAE in training form; afterwards in evaluation mode.
        feature_dict: The true directions.
        activations_generator: Who fires.
        training_samples: Activations in all.
        batch_size: Activations in a step.
        lr: Of Adam, with betas 0.9 and 0.999.
        lr_warm_up_steps: Over which lr rises from 0.
        lr_decay_steps: At the end, over which it falls to 0.
        device: Where it is trained.
        n_snapshots: How often `snapshot_fn(trainer)` is called, in equal parts of the whole.
        snapshot_fn: Sees `trainer.sae` and `trainer.n_steps`.
        autocast_sae: Whether the SAE's forward is in bfloat16.
        autocast_data: Whether activations are.
        generator: What is drawn from; None takes torch's own.
    """
    if n_snapshots and snapshot_fn is None:
        raise ValueError(f"snapshot_fn must be provided to take snapshots; n_snapshots is {n_snapshots}.")
    sae.to(device)
    source = SyntheticActivationIterator(
        feature_dict, activations_generator, batch_size, autocast_data, generator=generator
    )
    n_steps = -(-training_samples // batch_size)
    settings = TrainSettings(
        total_tokens=training_samples,
        lr=lr,
        schedule=LearningRateSchedule(n_steps, "constant", lr_warm_up_steps, lr_decay_steps, end=1.0),
        dead_feature_window=1000,
        autocast=autocast_sae,
        measure_every_steps=1 if sae.device.type == "cpu" else 100,
    )
    trainer = Trainer(sae, settings, source.next_batch)
    is_small = sae.device.type == "cpu" and batch_size * sae.cfg.d_in * sae.d_sae <= SMALL_STEP
    with one_thread() if is_small else nullcontext():
        measure_scale(trainer, source, n_batches=1000)
        n_taken = 0
        for report in trainer.train_steps():
            due = min(report.n_tokens // -(-training_samples // (n_snapshots + 1)), n_snapshots)
            if due > n_taken and snapshot_fn is not None:
                n_taken = due
                snapshot_fn(trainer)
    fold_scale(sae, trainer)
    sae.eval()
