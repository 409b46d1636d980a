"""SAELens' way to ask for an evaluation: an `EvalConfig` of switches, a store of tokens, and a pair of nested dicts."""

import subprocess
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from sae_widgets.evals.formulas import METRICS
from sae_widgets.sae.base import SAE

__all__ = ["EvalConfig", "get_eval_everything_config", "saelens_evals"]


def _library_version() -> str:
    try:
        return version("sae-widgets")
    except PackageNotFoundError:
        return "unknown"


def _git_hash() -> str:
    """The commit of a checkout; "unknown" where there is none."""
    command = ["git", "rev-parse", "--short", "HEAD"]
    try:
        done = subprocess.run(command, cwd=Path(__file__).parent, capture_output=True, text=True, check=True)
    except (subprocess.CalledProcessError, OSError):
        return "unknown"
    return done.stdout.strip()


@dataclass
class EvalConfig:
    """Which metrics, on how many batches; SAELens' names and defaults, so nothing is computed unless switched on."""

    batch_size_prompts: int | None = None
    """Rows in a batch; None takes the store's."""
    n_eval_reconstruction_batches: int = 10
    """Batches for what the SAE does to the model."""
    compute_kl: bool = False
    compute_ce_loss: bool = False
    n_eval_sparsity_variance_batches: int = 1
    """Batches for everything else."""
    compute_l2_norms: bool = False
    compute_sparsity_metrics: bool = False
    compute_variance_metrics: bool = False
    compute_featurewise_density_statistics: bool = False
    compute_featurewise_weight_based_metrics: bool = False
    library_version: str = field(default_factory=_library_version)
    git_hash: str = field(default_factory=_git_hash)

    @property
    def model_metrics(self) -> list[str]:
        """Metrics of what the SAE does to the model."""
        return _of_groups(
            model_behavior_preservation=self.compute_kl, model_performance_preservation=self.compute_ce_loss
        )

    @property
    def sae_metrics(self) -> list[str]:
        """Metrics of the SAE itself."""
        return _of_groups(
            shrinkage=self.compute_l2_norms,
            sparsity=self.compute_sparsity_metrics,
            reconstruction_quality=self.compute_variance_metrics,
        )

    @property
    def feature_metrics(self) -> list[str]:
        """Metrics of each feature."""
        density = ["feature_density", "consistent_activation_heuristic"]
        weights = ["encoder_norm", "encoder_decoder_cosine_sim", "encoder_bias"]
        return density * self.compute_featurewise_density_statistics + (
            weights * self.compute_featurewise_weight_based_metrics
        )

    def check(self) -> None:
        """Nothing, if every metric has batches to be computed on.

        Raises:
            ValueError: If one has none.
        """
        is_counted = self.sae_metrics or self.compute_featurewise_density_statistics
        for name, is_needed in (
            ("n_eval_reconstruction_batches", bool(self.model_metrics)),
            ("n_eval_sparsity_variance_batches", bool(is_counted)),
        ):
            if is_needed and getattr(self, name) <= 0:
                raise ValueError(
                    f"eval_config.{name} must be > 0 for the metrics asked for, got {getattr(self, name)}."
                )
        if not (self.model_metrics or is_counted or self.feature_metrics):
            raise ValueError(
                "No metric is switched on in eval_config; set compute_ce_loss=True or others, or take "
                "get_eval_everything_config()."
            )


def _of_groups(**groups: bool) -> list[str]:
    return [name for name, metric in METRICS.items() if groups.get(metric.group, False)]


def get_eval_everything_config(
    batch_size_prompts: int | None = None,
    n_eval_reconstruction_batches: int = 10,
    n_eval_sparsity_variance_batches: int = 1,
) -> EvalConfig:
    """An `EvalConfig` with every metric on."""
    cfg = EvalConfig(batch_size_prompts, n_eval_reconstruction_batches)
    cfg.n_eval_sparsity_variance_batches = n_eval_sparsity_variance_batches
    for name in (each.name for each in fields(cfg) if each.name.startswith("compute_")):
        setattr(cfg, name, True)
    return cfg


def saelens_evals(
    measured: Callable[..., Any],
    sae: SAE,
    activation_store: Any,
    model: Any,
    activation_scaler: Any = None,
    eval_config: EvalConfig | None = None,
    model_kwargs: Mapping[str, Any] | None = None,
    exclude_special_tokens: bool | Iterable[int] = True,
    verbose: bool = False,
    ignore_tokens: Iterable[int] | None = None,
) -> tuple[dict[str, Any], dict[str, Any]]:
    """SAELens' metrics by group, and its metrics of each feature, on the next rows of `activation_store`.

    Args:
        measured: What measures: (sae, model, tokens, metrics, feature metrics, settings) -> EvalResult.
        activation_scaler: What activations are multiplied by before the SAE reads them; its `scaling_factor`.
        ignore_tokens: `exclude_special_tokens` of version 5.
        verbose: Taken and not used: there is no progress bar.

    Raises:
        ValueError: If nothing is switched on, or on no batch.
    """
    cfg = eval_config if eval_config is not None else EvalConfig()
    cfg.check()
    of_store = getattr(activation_store, "settings", activation_store)
    n_rows = cfg.batch_size_prompts or int(of_store.store_batch_size_prompts)
    settings = {
        "exclude_special_tokens": exclude_special_tokens if ignore_tokens is None else list(ignore_tokens),
        "batch_size_prompts": n_rows,
        "model_kwargs": model_kwargs or {},
        "scale": float(getattr(activation_scaler, "scaling_factor", None) or 1.0),
    }

    def rows(n_batches: int) -> Tensor:
        return torch.cat([activation_store.get_batch_tokens(n_rows) for _ in range(n_batches)])

    groups: dict[str, dict[str, float]] = {}
    stats: dict[str, float] = {}
    features: dict[str, Any] = {}
    needs_rows = cfg.sae_metrics or cfg.compute_featurewise_density_statistics
    n_batches = cfg.n_eval_reconstruction_batches
    if cfg.model_metrics and needs_rows and cfg.n_eval_sparsity_variance_batches == n_batches:
        # The same rows for both, since SAELens starts over for the second: one pass does.
        metrics = [*cfg.model_metrics, *cfg.sae_metrics]
        found = measured(sae, model, rows(n_batches), metrics, cfg.feature_metrics, settings)
        return found.groups(), found.features.to_dict()
    if cfg.model_metrics:
        found = measured(sae, model, rows(cfg.n_eval_reconstruction_batches), cfg.model_metrics, [], settings)
        groups |= found.groups()
        stats |= groups.pop("token_stats")
    if needs_rows or cfg.feature_metrics:
        if hasattr(activation_store, "reset_input_dataset") and cfg.model_metrics:
            activation_store.reset_input_dataset()
        tokens = rows(cfg.n_eval_sparsity_variance_batches) if needs_rows else torch.zeros(0, 2, dtype=torch.int64)
        found = measured(sae, model, tokens, cfg.sae_metrics, cfg.feature_metrics, settings)
        groups |= found.groups()
        stats |= groups.pop("token_stats", {})
        features = found.features.to_dict()
    return groups | ({"token_stats": stats} if stats else {}), features
