"""Metrics in SAELens' groups."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from sae_lens.adapters.training import ActivationScaler
from sae_widgets import evals
from sae_widgets.sae import SAE


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
