"""Which true features fire together: correlations of the normal numbers that decide who fires (a Gaussian copula).

full      C [F, F]
low rank  C = factor factor^T + diag(rest),   rest_i = 1 - sum_r factor_ir^2     (F r numbers in the place of F^2)
"""

import logging
import random
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from sae_widgets.sae.config import DTYPES, dtype_name
from sae_widgets.synthetic.firing_probabilities import generator_of

logger = logging.getLogger(__name__)

MIN_DIAG = 0.01
"""Least share of a feature's variance that is its own in a low-rank correlation."""


class LowRankCorrelationMatrix(NamedTuple):
    """`correlation_factor correlation_factor^T + diag(correlation_diag)`, with ones on its diagonal."""

    correlation_factor: Tensor
    """[F, rank]"""
    correlation_diag: Tensor
    """[F], above 0"""


def create_correlation_matrix_from_correlations(
    num_features: int, correlations: dict[tuple[int, int], float] | None = None, default_correlation: float | int = 0.0
) -> Float[Tensor, "num_features num_features"]:
    """The matrix with these correlations, and `default_correlation` for pairs that are not named.

    Where no such features can exist (the matrix is not positive definite) it is the nearest by raising eigenvalues,
    so that the named values change.
    """
    matrix = torch.full((num_features, num_features), float(default_correlation))
    matrix.fill_diagonal_(1.0)
    for (i, j), correlation in (correlations or {}).items():
        matrix[i, j] = matrix[j, i] = correlation
    return _made_valid(matrix)


def _made_valid(matrix: Tensor, min_eigenvalue: float = 1e-6) -> Tensor:
    if not bool((torch.linalg.eigvalsh(matrix) < -1e-6).any()):
        return matrix
    values, vectors = torch.linalg.eigh(matrix)
    fixed = vectors @ torch.diag(values.clamp(min=min_eigenvalue)) @ vectors.T
    scale = fixed.diagonal().clamp(min=1e-8)
    fixed = fixed / torch.sqrt(scale[None, :] * scale[:, None])
    return fixed.fill_diagonal_(1.0)


def _check(
    positive_ratio: float | int, uncorrelated_ratio: float | int, weakest: float | int, strongest: float | int
) -> None:
    for name, value in (("positive_ratio", positive_ratio), ("uncorrelated_ratio", uncorrelated_ratio)):
        if not 0 <= value <= 1:
            raise ValueError(f"{name} must be between 0.0 and 1.0, got {value}.")
    if weakest < 0:
        raise ValueError(f"min_correlation_strength must be non-negative, got {weakest}.")
    if strongest > 1:
        raise ValueError(f"max_correlation_strength must be <= 1.0, got {strongest}.")
    if weakest > strongest:
        raise ValueError(
            f"min_correlation_strength must be <= max_correlation_strength, got {weakest} and {strongest}."
        )


def generate_random_correlations(
    num_features: int,
    positive_ratio: float | int = 0.5,
    uncorrelated_ratio: float | int = 0.3,
    min_correlation_strength: float | int = 0.1,
    max_correlation_strength: float | int = 0.8,
    seed: int | None = None,
) -> dict[tuple[int, int], float]:
    """Correlations of random pairs `(i, j)`, i < j; the share `uncorrelated_ratio` of all pairs is left out.

    The same seed gives what it gives in SAELens.
    """
    _check(positive_ratio, uncorrelated_ratio, min_correlation_strength, max_correlation_strength)
    rng = random.Random(seed)
    pairs = [(i, j) for i in range(num_features) for j in range(i + 1, num_features)]
    chosen = rng.sample(pairs, len(pairs) - int(len(pairs) * uncorrelated_ratio))
    n_positive = int(len(chosen) * positive_ratio)
    signs = [1] * n_positive + [-1] * (len(chosen) - n_positive)
    rng.shuffle(signs)
    return {
        pair: sign * rng.uniform(min_correlation_strength, max_correlation_strength)
        for pair, sign in zip(chosen, signs, strict=True)
    }


def generate_random_correlation_matrix(
    num_features: int,
    positive_ratio: float | int = 0.5,
    uncorrelated_ratio: float | int = 0.3,
    min_correlation_strength: float | int = 0.1,
    max_correlation_strength: float | int = 0.8,
    seed: int | None = None,
    device: torch.device | str = "cpu",
    dtype: torch.dtype | str = torch.float32,
) -> Float[Tensor, "num_features num_features"]:
    """A random correlation matrix, made valid as `create_correlation_matrix_from_correlations` does."""
    _check(positive_ratio, uncorrelated_ratio, min_correlation_strength, max_correlation_strength)
    kind = DTYPES[dtype_name(dtype)]
    generator = generator_of(seed)
    matrix = torch.eye(num_features, dtype=kind)
    rows, columns = torch.triu_indices(num_features, num_features, offset=1)
    is_correlated = torch.rand(len(rows), generator=generator) >= uncorrelated_ratio
    sign = torch.where(torch.rand(len(rows), generator=generator) < positive_ratio, 1.0, -1.0)
    spread = max_correlation_strength - min_correlation_strength
    strength = torch.rand(len(rows), generator=generator, dtype=kind) * spread + min_correlation_strength
    matrix[rows, columns] = is_correlated.to(kind) * sign.to(kind) * strength
    matrix[columns, rows] = matrix[rows, columns]
    return _made_valid(matrix).to(device)


def generate_random_low_rank_correlation_matrix(
    num_features: int,
    rank: int,
    correlation_scale: float | int = 0.075,
    seed: int | None = None,
    device: torch.device | str = "cpu",
    dtype: torch.dtype | str = torch.float32,
) -> LowRankCorrelationMatrix:
    """Factors drawn from N(0, correlation_scale^2); rows that would leave a feature less than 1 % of its own are cut.

    Args:
        rank: How many causes features share, from 1.
        correlation_scale: The larger, the stronger; well below rank^-1/2.
    """
    if rank <= 0:
        raise ValueError(f"rank must be positive, got {rank}.")
    if correlation_scale < 0:
        raise ValueError(f"correlation_scale must be non-negative, got {correlation_scale}.")
    kind = DTYPES[dtype_name(dtype)]
    factor = torch.randn(num_features, rank, generator=generator_of(seed), dtype=kind) * correlation_scale
    shared = factor.pow(2).sum(1)
    is_cut = 1 - shared < MIN_DIAG
    factor[is_cut] *= torch.sqrt((1 - MIN_DIAG) / shared[is_cut].unsqueeze(1))
    if n_cut := int(is_cut.sum()):
        logger.warning(
            "%d of %d features would have had no variance of their own and were cut; lower rank or correlation_scale.",
            n_cut,
            num_features,
        )
    return LowRankCorrelationMatrix(factor.to(device), (1 - factor.pow(2).sum(1)).to(device))
