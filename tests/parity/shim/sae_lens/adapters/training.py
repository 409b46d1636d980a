"""Schedules, scaling and the trainer."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from sae_widgets.normalize import Whitening, average_norm_scale, whitening_of
from sae_widgets.sae import SAE
from sae_widgets.training.schedules import LearningRateSchedule, warmed_up
from sae_widgets.training.settings import TrainSettings
from sae_widgets.training.trainer import Trainer


def _schedule(name: str, n_steps: int, lr: float, warm_up: int, decay: int, end: float, cycles: int) -> Any:
    return LearningRateSchedule(n_steps, name.lower(), warm_up, decay, end / lr, cycles)


def get_lr_scheduler(
    scheduler_name: str,
    optimizer: torch.optim.Optimizer,
    training_steps: int,
    lr: float,
    warm_up_steps: int,
    decay_steps: int,
    lr_end: float,
    num_cycles: int,
) -> torch.optim.lr_scheduler.LRScheduler:
    schedule = _schedule(scheduler_name, training_steps, lr, warm_up_steps, decay_steps, lr_end, num_cycles)
    return torch.optim.lr_scheduler.LambdaLR(optimizer, schedule.factor)


class CoefficientScheduler:
    def __init__(self, warm_up_steps: float, final_value: float) -> None:
        self.warm_up_steps, self.final_value, self.current_step = warm_up_steps, final_value, 0

    @property
    def value(self) -> float:
        return warmed_up(self.final_value, self.current_step, int(self.warm_up_steps))

    def step(self) -> float:
        self.current_step += 1
        return self.value


class ActivationWhitening:
    """`sae_widgets.normalize.Whitening`, whose inverse SAELens calls inverse_matrix."""

    def __init__(self, mean: Tensor, matrix: Tensor, inverse_matrix: Tensor) -> None:
        self.ours = Whitening(mean, matrix, inverse_matrix)
        self.mean, self.matrix, self.inverse_matrix = self.ours


class ActivationScaler:
    def __init__(self, scaling_factor: float | None = None, whitening: ActivationWhitening | None = None) -> None:
        self.scaling_factor, self.whitening = scaling_factor, whitening

    def scale(self, acts: Tensor) -> Tensor:
        acts = acts if self.scaling_factor is None else acts * self.scaling_factor
        return acts if self.whitening is None else self.whitening.ours.apply(acts)

    __call__ = scale

    def unscale(self, acts: Tensor) -> Tensor:
        acts = acts if self.whitening is None else self.whitening.ours.undo(acts)
        return acts if self.scaling_factor is None else acts / self.scaling_factor

    def estimate_scaling_factor(
        self, d_in: int, data_provider: Iterator[Tensor], n_batches_for_norm_estimate: int = 1000
    ) -> None:
        self.scaling_factor = average_norm_scale(_rows(d_in, data_provider, n_batches_for_norm_estimate))

    def estimate_whitening(
        self, d_in: int, data_provider: Iterator[Tensor], n_batches_for_norm_estimate: int = 1000
    ) -> None:
        self.whitening = ActivationWhitening(*whitening_of(_rows(d_in, data_provider, n_batches_for_norm_estimate)))


def _rows(d_in: int, data_provider: Iterator[Tensor], n_batches: int) -> Tensor:
    return torch.cat([next(data_provider).reshape(-1, d_in) for _ in range(n_batches)])


@dataclass
class SAETrainerConfig:
    total_training_samples: int
    train_batch_size_samples: int
    lr: float = 3e-4
    lr_end: float | None = None
    lr_scheduler_name: str = "constant"
    lr_warm_up_steps: int = 0
    lr_decay_steps: int = 0
    n_restart_cycles: int = 1
    adam_beta1: float = 0.9
    adam_beta2: float = 0.999
    device: str = "cpu"
    autocast: bool = False
    dead_feature_window: int = 1000
    feature_sampling_window: int = 2000
    n_checkpoints: int = 0
    checkpoint_path: str | None = None
    save_final_checkpoint: bool = False
    logger: Any = None
    n_batches_for_norm_estimate: int = 1000

    @property
    def total_training_steps(self) -> int:
        return self.total_training_samples // self.train_batch_size_samples


class SAETrainer:
    """`sae_widgets.training.trainer.Trainer` on an iterator of batches."""

    def __init__(self, cfg: SAETrainerConfig, sae: SAE, data_provider: Iterator[Tensor]) -> None:
        self.cfg, self.sae, self.data_provider, self._scaler = cfg, sae, data_provider, ActivationScaler()
        end = cfg.lr / 10 if cfg.lr_end is None else cfg.lr_end
        self._trainer = Trainer(
            sae,
            TrainSettings(
                total_tokens=cfg.total_training_samples,
                lr=cfg.lr,
                schedule=_schedule(
                    cfg.lr_scheduler_name,
                    cfg.total_training_steps,
                    cfg.lr,
                    cfg.lr_warm_up_steps,
                    cfg.lr_decay_steps,
                    end,
                    cfg.n_restart_cycles,
                ),
                adam_beta1=cfg.adam_beta1,
                adam_beta2=cfg.adam_beta2,
                dead_feature_window=cfg.dead_feature_window,
                feature_sampling_window=cfg.feature_sampling_window,
                autocast=cfg.autocast,
            ),
            lambda is_cancelled: self._scaler(next(data_provider)),
        )

    @property
    def n_training_steps(self) -> int:
        return self._trainer.n_steps

    @property
    def n_training_samples(self) -> int:
        return self._trainer.n_tokens

    @property
    def dead_neurons(self) -> Tensor:
        return self._trainer.dead_mask()

    @property
    def log_feature_sparsity(self) -> Tensor:
        return self._trainer.log_sparsity()

    def fit(self) -> SAE:
        estimate = {
            "expected_average_only_in": self._scaler.estimate_scaling_factor,
            "covariance_whitening": self._scaler.estimate_whitening,
        }.get(self.sae.cfg.normalize_activations)
        if estimate is not None:
            estimate(self.sae.cfg.d_in, self.data_provider, self.cfg.n_batches_for_norm_estimate)
        for _ in self._trainer.train_steps():
            pass
        if self._scaler.scaling_factor is not None:
            self.sae.fold_activation_norm_scaling_factor(self._scaler.scaling_factor)
        if self._scaler.whitening is not None:
            self.sae.fold_activation_whitening(*self._scaler.whitening.ours)
        return self.sae
