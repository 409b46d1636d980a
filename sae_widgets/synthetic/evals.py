"""How well an SAE has found features that are known: against the dictionary, and against what fires.

    mcc         mean |cos| over the best one-to-one matching of decoder rows and true features
    uniqueness  number of true features that are some row's nearest / number of rows
    precision, recall, F1, accuracy   of each feature of the SAE (it fires: act != 0) as a detector of its nearest true
                feature (act > 0); means over the SAE's features, where what is undefined counts as 0
    shrinkage   mean ||x_hat|| / ||x||, inputs of length up to 1e-6 left out
    explained_variance    1 - sum ||x - x_hat||^2 / sum ||x - mean x||^2
    dead_latents   features of the SAE that never fired

Formulas and constants are SAELens'. Intervals hold the value with 95 %: means over features or pairs by their standard
error, means over tokens by that of batch means.

Source: Song et al. 2025, "Mechanistic Interpretability Should Prioritize Feature Consistency in SAEs" (MCC).
"""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from sae_widgets.sae.base import SAE
from sae_widgets.synthetic.activation_generator import ActivationGenerator
from sae_widgets.synthetic.feature_dictionary import FeatureDictionary, cosine_similarities
from sae_widgets.synthetic.matching import best_matching
from sae_widgets.synthetic.synthetic_model import hidden_of

Z_95 = 1.959964
N_BATCHES = 16
"""At least so many batches, for intervals."""
Interval = tuple[float, float]


def _matched(features_a: Tensor, features_b: Tensor) -> Tensor:
    cosines = cosine_similarities(features_a, features_b).abs()
    return cosines[best_matching(cosines)]


@torch.no_grad()
def mean_correlation_coefficient(features_a: Float[Tensor, "n d"], features_b: Float[Tensor, "m d"]) -> float:
    """Mean |cosine| over the best one-to-one matching of the rows; 1 is perfect, 0 orthogonal."""
    return _matched(features_a, features_b).mean().item()


@torch.no_grad()
def feature_uniqueness(sae_features: Float[Tensor, "n d"], gt_features: Float[Tensor, "m d"]) -> float:
    """How many true features are nearest to some row of the SAE's, per row; 1 if each has its own."""
    if not len(sae_features):
        return 0.0
    return len(_nearest(sae_features, gt_features).unique()) / len(sae_features)


def _nearest(sae_features: Tensor, gt_features: Tensor) -> Tensor:
    return cosine_similarities(sae_features, gt_features).abs().argmax(1)


@dataclass
class ClassificationMetrics:
    """Means over the SAE's features, each taken as a detector of its nearest true feature; 0 to 1."""

    precision: float
    """TP / (TP + FP)"""
    recall: float
    """TP / (TP + FN)"""
    f1_score: float
    """2 precision recall / (precision + recall)"""
    accuracy: float
    """(TP + TN) / tokens"""


class L0Calculator:
    """Active features per token."""

    def __init__(self) -> None:
        self.total_l0 = 0.0
        self.num_samples = 0

    def add_batch(self, activations: Float[Tensor, "n n_features"]) -> None:
        self.total_l0 += int(activations.count_nonzero())
        self.num_samples += len(activations)

    def compute(self) -> float:
        return self.total_l0 / self.num_samples if self.num_samples else 0.0


class DeadLatentsCalculator:
    """Features that have never fired."""

    def __init__(self, num_latents: int) -> None:
        self.latent_ever_fired = torch.zeros(num_latents, dtype=torch.bool)

    def add_batch(self, sae_latents: Float[Tensor, "n d_sae"]) -> None:
        self.latent_ever_fired |= (sae_latents != 0).any(0).cpu()

    def compute(self) -> int:
        return int((~self.latent_ever_fired).sum())


class ShrinkageCalculator:
    """Length of the output as a share of the input's; inputs no longer than `min_input_norm` are left out."""

    def __init__(self, min_input_norm: float = 1e-6) -> None:
        self.min_input_norm = min_input_norm
        self.total_shrinkage = 0.0
        self.num_samples = 0

    def add_batch(self, sae_output: Float[Tensor, "n d"], hidden_acts: Float[Tensor, "n d"]) -> None:
        lengths = hidden_acts.norm(dim=-1)
        counts = lengths > self.min_input_norm
        self.total_shrinkage += (sae_output.norm(dim=-1)[counts] / lengths[counts]).double().sum().item()
        self.num_samples += int(counts.sum())

    def compute(self) -> float:
        return self.total_shrinkage / self.num_samples if self.num_samples else 0.0


class _ExplainedVariance:
    """Over all tokens, summed in float64."""

    def __init__(self) -> None:
        self.n, self.squares, self.errors = 0, 0.0, 0.0
        self.sum: Tensor | float = 0.0

    def add_batch(self, sae_output: Tensor, hidden_acts: Tensor) -> None:
        x = hidden_acts.double()
        self.n += len(x)
        self.sum = self.sum + x.sum(0).cpu()
        self.squares += x.pow(2).sum().item()
        self.errors += (x - sae_output.double()).pow(2).sum().item()

    def compute(self) -> float:
        if not self.n:
            return 0.0
        mean = torch.as_tensor(self.sum) / self.n
        variance = self.squares / self.n - mean.pow(2).sum().item()
        error = self.errors / self.n
        if variance < 1e-10:
            return 1.0 if error < 1e-10 else 0.0
        return 1 - error / variance


class ClassificationMetricsCalculator:
    """Counts of hits and misses of each of the SAE's features."""

    def __init__(self, sae_decoder: Float[Tensor, "d_sae d"], gt_features: Float[Tensor, "n d"]) -> None:
        self.num_sae_latents = len(sae_decoder)
        with torch.no_grad():
            self.best_matches = _nearest(sae_decoder, gt_features)
        # float64: sums of counts stop rising at 2^24 in float32.
        self.tp, self.fp, self.fn, self.tn = torch.zeros(4, self.num_sae_latents, dtype=torch.float64)

    def add_batch(self, sae_latents: Float[Tensor, "n d_sae"], gt_feature_acts: Float[Tensor, "n n_features"]) -> None:
        """Adds tokens; the SAE's and the true feature activations of each."""
        self._add(sae_latents != 0, gt_feature_acts[:, self.best_matches] > 0)

    def _add(self, fires: Bool[Tensor, "n d_sae"], is_true: Bool[Tensor, "n d_sae"]) -> None:
        n, hits = len(fires), (fires & is_true).sum(0).cpu()
        n_fired, n_true = fires.sum(0).cpu(), is_true.sum(0).cpu()
        self.tp += hits
        self.fp += n_fired - hits
        self.fn += n_true - hits
        self.tn += n - n_fired - n_true + hits

    def per_latent(self) -> dict[str, Float[Tensor, " d_sae"]]:
        """precision, recall, f1_score and accuracy of each; 0 where undefined."""
        precision, recall = _share(self.tp, self.tp + self.fp), _share(self.tp, self.tp + self.fn)
        return {
            "precision": precision,
            "recall": recall,
            "f1_score": _share(2 * precision * recall, precision + recall),
            "accuracy": _share(self.tp + self.tn, self.tp + self.fp + self.fn + self.tn),
        }

    def compute(self) -> ClassificationMetrics:
        each = self.per_latent()
        return ClassificationMetrics(
            **{name: value.mean().item() if len(value) else 0.0 for name, value in each.items()}
        )


def _share(part: Tensor, whole: Tensor) -> Tensor:
    return torch.where(whole > 0, part / whole.clamp(min=1e-30), 0.0)


def compute_classification_metrics(
    sae_latents: Float[Tensor, "n d_sae"],
    gt_feature_acts: Float[Tensor, "n n_features"],
    sae_decoder: Float[Tensor, "d_sae d"],
    gt_features: Float[Tensor, "n_features d"],
) -> ClassificationMetrics:
    """How well each of the SAE's features tells when its nearest true feature fires; means over features."""
    calculator = ClassificationMetricsCalculator(sae_decoder, gt_features)
    calculator.add_batch(sae_latents, gt_feature_acts)
    return calculator.compute()


@dataclass
class SyntheticDataEvalResult:
    """An SAE against the features it was to find; see the module for the formulas."""

    true_l0: float
    """True features per token."""
    sae_l0: float
    """The SAE's features per token."""
    dead_latents: int
    shrinkage: float
    """1 is none."""
    explained_variance: float
    """1 is perfect."""
    mcc: float
    uniqueness: float
    classification: ClassificationMetrics
    n_samples: int = 0
    """Tokens."""
    intervals: dict[str, Interval] = field(default_factory=dict, compare=False)
    """By the names of `to_log_dict`: lower and upper end at 95 %; none for counts and shares of them."""

    def to_log_dict(self, prefix: str = "") -> dict[str, float | int]:
        """The numbers, flat: those of the classification as "classification/f1_score"."""
        flat: dict[str, float | int] = {}
        for each in fields(self):
            value = getattr(self, each.name)
            if isinstance(value, ClassificationMetrics):
                flat |= {f"{prefix}classification/{name}": number for name, number in asdict(value).items()}
            elif each.name not in ("n_samples", "intervals"):
                flat[f"{prefix}{each.name}"] = value
        return flat

    def to_dict(self) -> dict[str, Any]:
        """Plain values, nested as the fields are."""
        return {**asdict(self), "intervals": {name: list(ends) for name, ends in self.intervals.items()}}


@torch.no_grad()
def eval_sae_on_synthetic_data(
    sae: SAE,
    feature_dict: FeatureDictionary,
    activations_generator: ActivationGenerator,
    num_samples: int = 100_000,
    batch_size: int | None = None,
    activation_scaler: Any = None,
    *,
    generator: torch.Generator | None = None,
    is_cancelled: Callable[[int, int], bool] = lambda done, total: False,
) -> SyntheticDataEvalResult:
    """How well `sae` has found the features of `feature_dict`, on tokens that are drawn for it.

    Args:
        sae: An SAE that gives back what it reads, in either form; it is measured as in inference.
        feature_dict: The true directions.
        activations_generator: Who fires.
        num_samples: Tokens, from 1.
        batch_size: Tokens at once; None chooses. Never more than a sixteenth of all, for the intervals.
        activation_scaler: Has `scale` and `unscale`, for an SAE that sees scaled activations.
        generator: What tokens are drawn from; None takes torch's own.
        is_cancelled: Called with tokens done and all between batches; True ends it there.

    Raises:
        ValueError: If widths do not fit.
    """
    if num_samples < 1:
        raise ValueError(f"num_samples must be at least 1, got {num_samples}.")
    if sae.cfg.d_in != feature_dict.hidden_dim:
        raise ValueError(
            f"The SAE reads activations of width {sae.cfg.d_in}, the synthetic model gives {feature_dict.hidden_dim}."
        )
    decoder, truth = sae.W_dec, feature_dict.feature_vectors
    n_batches = min(N_BATCHES, num_samples)
    size = min(batch_size or 4096, -(-num_samples // n_batches))
    classes = ClassificationMetricsCalculator(decoder, truth)
    dead = DeadLatentsCalculator(len(decoder))
    total, batches, n_done = _TokenScores(), [], 0
    with _measured(sae):
        while n_done < num_samples and not is_cancelled(n_done, num_samples):
            n = min(size, num_samples - n_done)
            entries = activations_generator.sample_entries(n, generator)
            x = hidden_of(entries, n, feature_dict)
            acts = sae.encode(x if activation_scaler is None else activation_scaler.scale(x))
            out = sae.decode(acts)
            out = out if activation_scaler is None else activation_scaler.unscale(out)
            is_true = torch.zeros(n, len(truth), dtype=torch.bool, device=x.device)
            is_true[entries.rows, entries.features] = True
            classes._add(acts != 0, is_true[:, classes.best_matches])
            dead.add_batch(acts)
            batches.append(_TokenScores())
            for scores in (total, batches[-1]):
                scores.add(len(entries.rows), acts, out, x)
            n_done += n
    matched = _matched(decoder, truth)
    result = SyntheticDataEvalResult(
        **total.values(),  # pyright: ignore[reportArgumentType]  floats by name
        dead_latents=dead.compute(),
        mcc=matched.mean().item(),
        uniqueness=feature_uniqueness(decoder, truth),
        classification=classes.compute(),
        n_samples=n_done,
    )
    result.intervals["mcc"] = _interval(matched, result.mcc)
    for name, each in classes.per_latent().items():
        result.intervals[f"classification/{name}"] = _interval(each, getattr(result.classification, name))
    for name, value in total.values().items():
        result.intervals[name] = _interval(torch.tensor([scores.values()[name] for scores in batches]), value)
    return result


class _TokenScores:
    """What is a mean over tokens."""

    def __init__(self) -> None:
        self.true_l0, self.sae_l0 = L0Calculator(), L0Calculator()
        self.shrinkage, self.explained_variance = ShrinkageCalculator(), _ExplainedVariance()

    def add(self, n_true: int, acts: Tensor, out: Tensor, x: Tensor) -> None:
        self.true_l0.total_l0 += n_true
        self.true_l0.num_samples += len(x)
        self.sae_l0.add_batch(acts)
        self.shrinkage.add_batch(out, x)
        self.explained_variance.add_batch(out, x)

    def values(self) -> dict[str, float]:
        return {name: each.compute() for name, each in vars(self).items()}


def _interval(values: Tensor, mean: float) -> Interval:
    """95 % around a mean of these; NaN where there is one value only."""
    if len(values) < 2:
        return (math.nan, math.nan)
    half = Z_95 * values.double().std().item() / len(values) ** 0.5
    return (mean - half, mean + half)


@contextmanager
def _measured(sae: SAE) -> Iterator[None]:
    """The SAE in evaluation mode; as it was again afterwards."""
    was_training = sae.training
    sae.eval()
    try:
        yield
    finally:
        sae.train(was_training)
