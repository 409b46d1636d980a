"""A small but real training run for kernel tests: a standard SAE on random activations, with whole checkpoints."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from sae_widgets.architectures import StandardTrainingSAE, StandardTrainingSAEConfig
from sae_widgets.runs.run import TrainingRun
from sae_widgets.training.checkpoints import write_checkpoint
from sae_widgets.training.schedules import LearningRateSchedule
from sae_widgets.training.trainer import StepReport, Trainer, TrainSettings


class SmallTraining:
    """What a `TrainingRun` drives: about 20 ms a step on one core."""

    title = "a small SAE"
    is_checkpoint_due = False

    def __init__(self, folder: str, total_tokens: int = 10**9, d_in: int = 192, d_sae: int = 2048) -> None:
        generator = torch.Generator().manual_seed(0)
        x = torch.randn(1024, d_in, generator=generator)
        self.sae = StandardTrainingSAE(StandardTrainingSAEConfig(d_in=d_in, d_sae=d_sae, l1_coefficient=1.0))
        settings = TrainSettings(total_tokens=total_tokens, lr=3e-4, schedule=LearningRateSchedule(n_steps=10**6))
        self.trainer = Trainer(self.sae, settings, lambda is_cancelled: x)
        self.total_tokens = total_tokens
        self.folder = Path(folder)
        self.step_ended_at = 0.0
        self.saved_at = 0.0

    @property
    def settings(self) -> dict[str, float]:
        return self.trainer.live_settings()

    def check_setting(self, name: str, value: float) -> float:
        return self.trainer.check_setting(name, value)

    def apply_setting(self, name: str, value: float) -> None:
        self.trainer.apply_setting(name, value)

    def train_steps(self, breathe: Any) -> Iterator[StepReport]:
        for report in self.trainer.train_steps(breathe):
            self.step_ended_at = time.time()
            yield report

    def save_checkpoint(self) -> Path:
        tensors, numbers = self.trainer.state_dict()
        folder = self.folder / f"{time.time_ns()}"
        write_checkpoint(folder, self.sae, self.trainer.log_sparsity(), tensors, numbers, {})
        self.saved_at = time.time()
        return folder

    def finish(self, is_complete: bool) -> Any:
        return self.sae


def small_run(folder: str, **settings: Any) -> TrainingRun:
    """A run that is not started yet."""
    return TrainingRun(SmallTraining(folder, **settings))
