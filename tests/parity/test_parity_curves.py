"""Loss curves: 200 steps of SAELens' trainer and of ours from the same weights on the same batches.

What a single step gives is compared in `cases/test_training.py`. Here differences may add up: a rounding can choose
another feature, and Adam's first steps take only the sign of a gradient. JumpReLU's threshold learns from a window
with hard edges: where a pre-activation lies within rounding of one, its gradient jumps, and the two runs part for good
(by up to 2e-3 of the squared error, in one of six runs with half the tokens a step). In float64, where that is half a
thousand million times less likely, the same steps show that it is only rounding.
"""

from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

import pytest
import sae_lens
import torch
from sae_lens.config import SAETrainerConfig
from sae_lens.training.sae_trainer import SAETrainer
from torch import Tensor

import sae_widgets.architectures as ours
from sae_widgets.training.schedules import LearningRateSchedule
from sae_widgets.training.trainer import Trainer, TrainSettings

Curves = dict[str, Tensor]
"""Name -> its value at each step."""

D_IN, D_SAE, N_TOKENS, N_STEPS = 24, 64, 256, 200
WARM_UP, DECAY, LR, WINDOW = 10, 40, 2e-3, 10

SETTINGS: dict[str, dict[str, Any]] = {
    "Standard": {"l1_coefficient": 0.3, "l1_warm_up_steps": 30},
    "TopK": {"k": 5},
    "BatchTopK": {"k": 5},
    "MatryoshkaBatchTopK": {"k": 5, "matryoshka_widths": [16, 32, D_SAE]},
    "JumpReLU": {"l0_coefficient": 0.1, "l0_warm_up_steps": 30},
    "Gated": {"l1_coefficient": 0.3, "l1_warm_up_steps": 30},
}
"""Class name without "TrainingSAE" -> what its config is given; everything else is the default of either side."""


def batches(dtype: torch.dtype) -> Iterator[Tensor]:
    """Sums of a few of 48 directions, off the origin, with noise: as activations are, so that there is to learn."""
    generator = torch.Generator().manual_seed(0)
    directions = torch.randn(48, D_IN, generator=generator)
    directions /= directions.norm(dim=-1, keepdim=True)
    share = 0.3 / torch.arange(1, 49).sqrt()  # some often, some rarely
    while True:
        drawn = torch.rand(2, N_TOKENS, 48, generator=generator)
        noise = torch.randn(N_TOKENS, D_IN, generator=generator)
        yield ((drawn[0] < share) * (1 + drawn[1]) @ directions + 0.05 * noise + 0.2).to(dtype)


def made(package: Any, name: str, dtype: torch.dtype) -> Any:
    settings = {"d_in": D_IN, "d_sae": D_SAE, "dtype": str(dtype).removeprefix("torch."), **SETTINGS[name]}
    sae = getattr(package, f"{name}TrainingSAE")(getattr(package, f"{name}TrainingSAEConfig")(**settings))
    return sae.to(dtype)  # thresholds are float32 otherwise


def peer_curves(name: str, dtype: torch.dtype) -> tuple[dict[str, Tensor], Curves]:
    """The weights that SAELens begins with, and its curves."""
    torch.manual_seed(0)
    sae = made(sae_lens, name, dtype)
    start = {key: value.detach().clone() for key, value in sae.state_dict().items()}
    settings = SAETrainerConfig(
        total_training_samples=N_STEPS * N_TOKENS,
        train_batch_size_samples=N_TOKENS,
        lr=LR,
        lr_end=LR / 10,
        lr_scheduler_name="cosineannealing",
        lr_warm_up_steps=WARM_UP,
        lr_decay_steps=DECAY,
        dead_feature_window=WINDOW,
    )
    trainer = SAETrainer(cfg=settings, sae=sae, data_provider=iter(()))
    curves: dict[str, list[float]] = {}
    for x in islice(batches(dtype), N_STEPS):
        step = trainer.step(x)
        trainer.n_training_steps += 1
        dead = trainer.dead_neurons.sum().item()
        l0 = step.feature_acts.bool().double().sum(-1).mean().item()
        values = {"loss": step.loss.item(), "l0": l0, "dead": dead}
        for key, value in {**values, **{key: value.item() for key, value in step.losses.items()}}.items():
            curves.setdefault(key, []).append(float(value))
    return start, {key: torch.tensor(values, dtype=torch.float64) for key, values in curves.items()}


def our_curves(name: str, dtype: torch.dtype, start: dict[str, Tensor]) -> Curves:
    sae = made(ours, name, dtype)
    sae.load_state_dict(start)
    schedule = LearningRateSchedule(N_STEPS, "cosineannealing", WARM_UP, DECAY, end=0.1)
    settings = TrainSettings(N_STEPS * N_TOKENS, LR, schedule, dead_feature_window=WINDOW)
    data = batches(dtype)
    trainer = Trainer(sae, settings, lambda is_cancelled: next(data))
    curves: dict[str, list[float]] = {}
    for report in trainer.train_steps():
        values = {"loss": report.loss, "l0": report.l0, "dead": float(report.dead_features), **report.losses}
        for key, value in values.items():
            curves.setdefault(key, []).append(value)
    return {key: torch.tensor(values, dtype=torch.float64) for key, values in curves.items()}


@pytest.mark.parametrize(
    ("name", "dtype", "bar"), [*((name, torch.float32, 1e-3) for name in SETTINGS), ("JumpReLU", torch.float64, 1e-6)]
)
def test_loss_curves_agree(name: str, dtype: torch.dtype, bar: float, note: Callable):
    start, theirs = peer_curves(name, dtype)
    mine = our_curves(name, dtype, start)
    assert mine.keys() == theirs.keys()
    for key, expected in theirs.items():
        scale = 1.0 if key == "dead" else expected.clamp_min(1e-3)  # warmed-up terms begin at 0
        what = f"{name} {dtype}, 200 steps, {key}".replace("torch.", "")
        assert note(what, ((mine[key] - expected).abs() / scale).max().item()) <= bar
    mse = theirs["mse_loss"]
    assert len(mse) == N_STEPS
    assert mse[-20:].mean() < 0.5 * mse[:20].mean(), "there was nothing to learn"
    assert "TopK" not in name or theirs["dead"].max() > 0, "none was dead"
