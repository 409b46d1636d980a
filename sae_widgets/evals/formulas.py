"""What each metric is, as a function of sums over tokens. x is the activation the SAE gives, x_hat what it makes of it.

    l0, l1                          features per token, sum of their absolute values
    mse, cossim                     of the reconstruction (mse: summed over d_in), averaged over tokens
    explained_variance              1 - E||x - x_hat||^2 / (E||x||^2 - ||E x||^2)
    fvu                             1 - explained_variance: the fraction of variance unexplained
    explained_variance_legacy       mean over tokens of 1 - ||x - x_hat||^2 / ||x - mean of its batch||^2; _std: their
                                    standard deviation
    normalized_mse                  mean over tokens of ||x - x_hat||^2 / ||x||^2
    l2_norm_in, l2_norm_out         lengths of x and x_hat
    l2_ratio                        mean over tokens of ||x_hat|| / ||x||: below 1, it shrinks
    relative_reconstruction_bias    E||x_hat||^2 / E[x . x_hat]
    ce_loss_without_sae, ..._with_sae, ..._with_ablation     next-token loss as is, through the SAE, with the hook at 0
    ce_loss_score                   (ablation - sae) / (ablation - without)
    kl_div_with_sae, ..._with_ablation, kl_div_score         KL(as is || changed), and (ablation - sae) / ablation
    dead_share                      share of features that fired on no token measured

Sources: SAELens 6 `evals.py` for names and formulas; relative_reconstruction_bias is equation 10 of Rajamanoharan et
al. 2024 (arXiv 2404.16014); normalized_mse is `normalized_mean_squared_error` of openai/sparse_autoencoder; fvu is
EleutherAI sparsify's.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from sae_widgets.sae.config import nearest

Sums = Mapping[str, Tensor]

GROUPS = {
    "model_behavior_preservation": "What the SAE changes in the model's predictions",
    "model_performance_preservation": "What the SAE costs in next-token loss",
    "reconstruction_quality": "How near the reconstruction is",
    "shrinkage": "Whether lengths are kept",
    "sparsity": "How much fires",
    "token_stats": "What was measured",
}
"""SAELens' groups, in its order, with a heading each."""


@dataclass(frozen=True)
class Metric:
    """One number, computed from sums over tokens."""

    group: str
    needs: tuple[str, ...]
    """Names of the sums."""
    formula: Callable[[Sums], Tensor]
    per: str
    """The sum that counts what it is averaged over."""
    meaning: str
    """In a few words."""


def _mean(sums: Sums, name: str, per: str) -> Tensor:
    return sums[name] / sums[per]


def explained_variance(sums: Sums, prefix: str = "") -> Tensor:
    """1 - E||x - x_hat||^2 / (E||x||^2 - ||E x||^2); for a constant x 1 or 0, as SAELens has it."""
    n = sums["n_tokens"]
    error = sums[f"{prefix}error"] / n
    variance = sums[f"{prefix}x^2"] / n - (sums[f"{prefix}x"] / n[..., None]).pow(2).sum(-1)
    of_constant = torch.where(error < 1e-10, 1.0, 0.0).to(error)
    return torch.where(variance < 1e-10, of_constant, 1 - error / variance)


def _legacy_std(sums: Sums) -> Tensor:
    n = sums["n_tokens"]
    mean = sums["legacy"] / n
    return ((sums["legacy^2"] / n - mean.pow(2)).clamp_min(0) * n / (n - 1)).sqrt()


def _ce_score(sums: Sums) -> Tensor:
    ablated = sums["ce_with_ablation"]
    return (ablated - sums["ce_with_sae"]) / (ablated - sums["ce_without"])


def _kl_score(sums: Sums) -> Tensor:
    return (sums["kl_with_ablation"] - sums["kl_with_sae"]) / sums["kl_with_ablation"]


def _per_token(group: str, name: str, meaning: str) -> Metric:
    return Metric(group, (name, "n_tokens"), partial(_mean, name=name, per="n_tokens"), "n_tokens", meaning)


def _behaviour(name: str, meaning: str) -> Metric:
    formula = partial(_mean, name=name, per="n_changed")
    return Metric("model_behavior_preservation", (name, "n_changed"), formula, "n_changed", meaning)


def _performance(name: str, meaning: str) -> Metric:
    formula = partial(_mean, name=name, per="n_predicted")
    return Metric("model_performance_preservation", (name, "n_predicted"), formula, "n_predicted", meaning)


_VARIANCE = ("error", "x", "x^2", "n_tokens")
_QUALITY, _SHRINKAGE = "reconstruction_quality", "shrinkage"
METRICS: dict[str, Metric] = {
    "l0": _per_token("sparsity", "l0", "features that fire on a token"),
    "l1": _per_token("sparsity", "l1", "sum of a token's absolute activations"),
    "dead_share": Metric(
        "sparsity",
        ("n_dead", "d_sae", "n_tokens"),
        partial(_mean, name="n_dead", per="d_sae"),
        "n_tokens",
        "share of features that never fired",
    ),
    "mse": Metric(
        _QUALITY,
        ("error", "n_tokens"),
        partial(_mean, name="error", per="n_tokens"),
        "n_tokens",
        "squared error of a token, summed over its width",
    ),
    "normalized_mse": _per_token(_QUALITY, "normalized_mse", "squared error over squared length, mean over tokens"),
    "cossim": _per_token(_QUALITY, "cossim", "cosine of input and output"),
    "explained_variance": Metric(_QUALITY, _VARIANCE, explained_variance, "n_tokens", "share of variance explained"),
    "explained_variance_legacy": Metric(
        _QUALITY,
        ("legacy", "n_tokens"),
        partial(_mean, name="legacy", per="n_tokens"),
        "n_tokens",
        "the same of each token about its batch's mean, averaged",
    ),
    "explained_variance_legacy_std": Metric(
        _QUALITY, ("legacy", "legacy^2", "n_tokens"), _legacy_std, "n_tokens", "its standard deviation over tokens"
    ),
    "fvu": Metric(_QUALITY, _VARIANCE, lambda sums: 1 - explained_variance(sums), "n_tokens", "1 - explained_variance"),
    "l2_norm_in": _per_token(_SHRINKAGE, "l2_norm_in", "length of the input"),
    "l2_norm_out": _per_token(_SHRINKAGE, "l2_norm_out", "length of the output"),
    "l2_ratio": _per_token(_SHRINKAGE, "l2_ratio", "length of output over input; below 1 it shrinks"),
    "relative_reconstruction_bias": Metric(
        _SHRINKAGE,
        ("x_hat^2", "x.x_hat", "n_tokens"),
        partial(_mean, name="x_hat^2", per="x.x_hat"),
        "n_tokens",
        "below 1 the output is too short for its direction",
    ),
    "ce_loss_score": Metric(
        "model_performance_preservation",
        ("ce_with_ablation", "ce_with_sae", "ce_without", "n_predicted"),
        _ce_score,
        "n_predicted",
        "share of the loss kept: 1 as without SAE, 0 as with zeros",
    ),
    "ce_loss_with_sae": _performance("ce_with_sae", "nats per token through the SAE"),
    "ce_loss_without_sae": _performance("ce_without", "nats per token of the model as it is"),
    "ce_loss_with_ablation": _performance("ce_with_ablation", "nats per token with zeros at the hook"),
    "kl_div_score": Metric(
        "model_behavior_preservation",
        ("kl_with_ablation", "kl_with_sae", "n_changed"),
        _kl_score,
        "n_changed",
        "1 as without SAE, 0 as with zeros",
    ),
    "kl_div_with_sae": _behaviour("kl_with_sae", "nats between predictions as is and through the SAE"),
    "kl_div_with_ablation": _behaviour("kl_with_ablation", "nats between predictions as is and with zeros"),
}
"""Every metric of an SAE in a model, in the order in which they are shown."""

FEATURE_METRICS: dict[str, str] = {
    "feature_density": "share of tokens on which a feature fires",
    "consistent_activation_heuristic": "firings for each row with at least one",
    "encoder_norm": "length of a feature's encoder direction",
    "encoder_decoder_cosine_sim": "cosine of a feature's encoder and decoder direction",
    "encoder_bias": "a feature's encoder bias",
}
"""Every metric of each feature."""


def chosen_metrics(wanted: Iterable[str]) -> tuple[list[str], list[str]]:
    """Metrics and feature metrics that names of metrics and of groups stand for; "all" is every one.

    Raises:
        ValueError: If a name is neither.
    """
    scalar: dict[str, None] = {}
    features: dict[str, None] = {}
    for name in [wanted] if isinstance(wanted, str) else wanted:
        of_group = [each for each, metric in METRICS.items() if metric.group == name]
        if name in METRICS or of_group:
            scalar |= dict.fromkeys(of_group or [name])
        elif name in FEATURE_METRICS:
            features[name] = None
        elif name in ("all", "features"):
            features |= dict.fromkeys(FEATURE_METRICS)
            scalar |= dict.fromkeys(METRICS if name == "all" else ())
        else:
            known = [*METRICS, *FEATURE_METRICS, *(g for g in GROUPS if g != "token_stats"), "features", "all"]
            raise ValueError(f"No metric or group {name!r}. {nearest(name, known)}")
    return [name for name in METRICS if name in scalar], [name for name in FEATURE_METRICS if name in features]


def needed_sums(metrics: Iterable[str]) -> frozenset[str]:
    """The sums that these metrics are made of."""
    return frozenset(name for metric in metrics for name in METRICS[metric].needs)
