"""SAELens' functions whose counterpart here is called otherwise: each only turns arguments and results around."""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from sae_widgets import evals, hooked, training
from sae_widgets.loaders import catalog, load_folder
from sae_widgets.normalize import Whitening, average_norm_scale, whitening_of
from sae_widgets.sae import SAE, SAEConfig, SAEMetadata
from sae_widgets.sae.config import DTYPES, dtype_name
from sae_widgets.sae.registry import sae_class_for
from sae_widgets.schedules import LearningRateSchedule, warmed_up

DTYPE_MAP = {**DTYPES, **{f"torch.{name}": dtype for name, dtype in DTYPES.items()}}
DTYPE_TO_STR = {dtype: name for name, dtype in DTYPES.items()}


# names, types, files


def str_to_dtype(dtype: str) -> torch.dtype:
    return DTYPES[dtype_name(dtype)]


def extract_layer_from_tlens_hook_name(hook_name: str) -> int | None:
    return SAEConfig(d_in=1, d_sae=1, metadata=SAEMetadata(hook_name=hook_name)).hook_layer


def filter_valid_dataclass_fields(source: dict[str, Any], destination: Any, whitelist: tuple[str, ...] = ()) -> dict:
    known = {each.name for each in fields(destination)} | set(whitelist)
    return {key: value for key, value in source.items() if key in known}


def mse_loss(preds: Tensor, target: Tensor) -> Tensor:
    return (preds - target).pow(2)


def get_sae_class(architecture: str) -> tuple[type[SAE], type[SAEConfig]]:
    sae_class = sae_class_for(architecture)
    return sae_class, sae_class.config_class


def get_sae_training_class(architecture: str) -> tuple[type[SAE], type[SAEConfig]]:
    sae_class = sae_class_for(architecture)
    return sae_class, sae_class.training_config_class


def sae_lens_disk_loader(path: str | Path, device: str = "cpu", cfg_overrides: dict | None = None) -> tuple[dict, dict]:
    sae = load_folder(path, device=device, overrides=cfg_overrides)
    return sae.cfg.to_dict(), dict(sae.state_dict())


sparsify_disk_loader = sae_lens_disk_loader  # which format it is, the files say


# training


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
    """`sae_widgets.training.Trainer` on an iterator of batches."""

    def __init__(self, cfg: SAETrainerConfig, sae: SAE, data_provider: Iterator[Tensor]) -> None:
        self.cfg, self.sae, self.data_provider, self._scaler = cfg, sae, data_provider, ActivationScaler()
        end = cfg.lr / 10 if cfg.lr_end is None else cfg.lr_end
        self._trainer = training.Trainer(
            sae,
            training.TrainSettings(
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


# models


class HookedSAETransformer(hooked.HookedSAETransformer):
    """Ours wraps a model; this one also makes it from its config, as SAELens' does."""

    def __init__(self, cfg: Any, **kwargs: Any) -> None:
        if not hasattr(cfg, "run_with_hooks"):
            from transformer_lens import HookedTransformer

            cfg = HookedTransformer(cfg, **kwargs)
        super().__init__(cfg)


# evals


@dataclass
class EvalConfig:
    batch_size_prompts: int | None = None
    n_eval_reconstruction_batches: int = 10
    compute_kl: bool = False
    compute_ce_loss: bool = False
    n_eval_sparsity_variance_batches: int = 1
    compute_l2_norms: bool = False
    compute_sparsity_metrics: bool = False
    compute_variance_metrics: bool = False


def get_eval_everything_config(
    batch_size_prompts: int | None = None,
    n_eval_reconstruction_batches: int = 10,
    n_eval_sparsity_variance_batches: int = 1,
) -> EvalConfig:
    return EvalConfig(
        batch_size_prompts,
        n_eval_reconstruction_batches,
        True,
        True,
        n_eval_sparsity_variance_batches,
        True,
        True,
        True,
    )


_GROUPS = {
    "model_behavior_preservation": ("kl_div_score", "kl_div_with_ablation", "kl_div_with_sae"),
    "model_performance_preservation": (
        "ce_loss_score",
        "ce_loss_with_ablation",
        "ce_loss_with_sae",
        "ce_loss_without_sae",
    ),
    "shrinkage": ("l2_norm_in", "l2_norm_out", "l2_ratio", "relative_reconstruction_bias"),
    "sparsity": ("l0", "l1"),
    "reconstruction_quality": ("explained_variance", "explained_variance_legacy", "mse", "cossim"),
}


def run_evals(
    sae: SAE,
    activation_store: Any,
    model: nn.Module,
    activation_scaler: ActivationScaler,
    eval_config: EvalConfig | None = None,
    model_kwargs: dict | None = None,
    exclude_special_tokens: bool | list[int] = True,
    verbose: bool = False,
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The metrics of `sae_widgets.run_evals` in SAELens' groups; all of them, whichever were asked for."""
    cfg = eval_config or EvalConfig()
    n_rows = cfg.batch_size_prompts or activation_store.store_batch_size_prompts

    def measured(n_batches: int) -> dict[str, float]:
        tokens = torch.cat([activation_store.get_batch_tokens(n_rows) for _ in range(n_batches)])
        return evals.run_evals(
            sae,
            model,
            tokens,
            exclude_special_tokens=exclude_special_tokens,
            compute_kl=True,
            batch_size_prompts=n_rows,
        )

    of_model = measured(cfg.n_eval_reconstruction_batches)
    of_sae = measured(cfg.n_eval_sparsity_variance_batches)
    metrics = {
        group: {name: (of_model if group.startswith("model") else of_sae)[name] for name in names}
        for group, names in _GROUPS.items()
    }
    return metrics, {}


# the registry


def get_repo_id_and_folder_name(release: str, sae_id: str) -> tuple[str, str]:
    entry = catalog.lookup(release, sae_id)
    return (entry.repo_id, entry.path) if entry else (release, sae_id)


def get_norm_scaling_factor(release: str, sae_id: str) -> float | None:
    entry = catalog.lookup(release, sae_id)
    return entry.norm_scaling_factor if entry else None


def get_config_overrides(release: str, sae_id: str) -> dict[str, Any]:
    entry = catalog.lookup(release, sae_id)
    return {**entry.overrides, "neuronpedia_id": entry.neuronpedia_id} if entry else {}


def get_releases_for_repo_id(repo_id: str) -> list[str]:
    return [each.name for each in catalog.releases() if each.repo_id == repo_id]
