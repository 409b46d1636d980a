"""How correlated, and how much in superposition, true features are."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from sae_widgets.synthetic.correlation import LowRankCorrelationMatrix
from sae_widgets.synthetic.feature_dictionary import FeatureDictionary, _of_unit_length


@dataclass
class CorrelationMatrixStats:
    """Of the entries off the diagonal."""

    rms_correlation: float
    mean_correlation: float
    """Signed."""
    num_features: int


@torch.no_grad()
def compute_correlation_matrix_stats(correlation_matrix: Float[Tensor, "n n"]) -> CorrelationMatrixStats:
    """Of a full correlation matrix."""
    n = len(correlation_matrix)
    others = correlation_matrix[~torch.eye(n, dtype=torch.bool, device=correlation_matrix.device)]
    return CorrelationMatrixStats(others.pow(2).mean().sqrt().item(), others.mean().item(), n)


@torch.no_grad()
def compute_low_rank_correlation_matrix_stats(correlation_matrix: LowRankCorrelationMatrix) -> CorrelationMatrixStats:
    """Of a low-rank one, without making it: ||F F^T|| = ||F^T F||, and the sum of F F^T is ||sum of F's rows||^2."""
    factor = correlation_matrix.correlation_factor.double()
    n = len(factor)
    own = factor.pow(2).sum(1)
    squares = (factor.T @ factor).pow(2).sum() - own.pow(2).sum()
    total = factor.sum(0).pow(2).sum() - own.sum()
    n_others = n * (n - 1)
    return CorrelationMatrixStats((squares / n_others).clamp(min=0).sqrt().item(), (total / n_others).item(), n)


@dataclass
class SuperpositionStats:
    """How near each feature is to the others, in |cosine|."""

    max_abs_cos_sims: Tensor
    """[F]: to the nearest."""
    percentile_abs_cos_sims: dict[int, Tensor]
    """Percentile -> [F]."""
    mean_max_abs_cos_sim: float
    mean_percentile_abs_cos_sim: dict[int, float]
    mean_abs_cos_sim: float
    """Over all pairs."""
    num_features: int
    hidden_dim: int


@torch.no_grad()
def compute_superposition_stats(
    feature_dictionary: FeatureDictionary,
    batch_size: int = 1024,
    device: str | torch.device | None = None,
    percentiles: list[int] | None = None,
) -> SuperpositionStats:
    """How much the features of a dictionary share directions.

    Args:
        feature_dictionary: At least two features.
        batch_size: Rows of the matrix of cosines that are held at once.
        device: Where it is computed; None where the features are.
        percentiles: Of each feature's |cosines| with the others, 0 to 100; None is [95, 99].
    """
    vectors = feature_dictionary.feature_vectors
    n, width = vectors.shape
    if n < 2:
        raise ValueError(f"Need at least 2 features to compute superposition stats, got {n}.")
    percentiles = [95, 99] if percentiles is None else percentiles
    unit = _of_unit_length(vectors.detach().to(device or vectors.device).float())
    shares = torch.tensor(percentiles, device=unit.device, dtype=unit.dtype) / 100
    largest, quantiles, total = [], [], 0.0
    for start in range(0, n, batch_size):
        cosines = (unit[start : start + batch_size] @ unit.T).abs()
        rows = torch.arange(len(cosines), device=unit.device)
        cosines[rows, start + rows] = -1.0  # itself, first in order
        cosines = cosines.sort(dim=1).values[:, 1:]
        largest.append(cosines[:, -1])
        total += cosines.double().sum().item()
        quantiles.append(_quantiles_of_sorted(cosines, shares))
    largest, quantiles = torch.cat(largest).cpu(), torch.cat(quantiles, dim=1).cpu()
    each = dict(zip(percentiles, quantiles, strict=True))
    return SuperpositionStats(
        max_abs_cos_sims=largest,
        percentile_abs_cos_sims=each,
        mean_max_abs_cos_sim=largest.mean().item(),
        mean_percentile_abs_cos_sim={percentile: values.mean().item() for percentile, values in each.items()},
        mean_abs_cos_sim=total / (n * (n - 1)),
        num_features=n,
        hidden_dim=width,
    )


def _quantiles_of_sorted(values: Float[Tensor, "n m"], shares: Float[Tensor, " q"]) -> Float[Tensor, "q n"]:
    """Linear interpolation; torch.quantile takes no more than 16 million numbers."""
    place = shares.double() * (values.shape[1] - 1)
    below = place.floor().long()
    above = (below + 1).clamp(max=values.shape[1] - 1)
    return torch.lerp(values[:, below], values[:, above], (place - below).to(values)).T
