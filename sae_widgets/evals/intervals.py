"""Confidence intervals of metrics that are ratios of sums over tokens, clustered by sequence.

    theta(T),  T = sum over rows r of s_r        every metric is a smooth function of sums, each row giving its part
    theta_(r) = theta(T - s_r)                   the metric without row r
    se^2 = (C - 1)/C sum_r (theta_(r) - mean theta_(.))^2
    interval = theta(T) -+ t(C - 1) se

Tokens of one sequence resemble each other, so the sequence is the unit that is left out, not the token: intervals over
tokens would be too narrow by the square root of the design effect (1.5 to 3 here). Rows beyond `MAX_CLUSTERS` are
joined with their neighbours, so that memory does not grow; the metric itself is unchanged by that.

Sources: Quenouille and Tukey's jackknife; for ratios of clustered sums, Wolter, "Introduction to Variance Estimation",
chapter 4; t quantiles by Abramowitz and Stegun 26.7.5.
"""

import math
import statistics
from collections.abc import Mapping

import torch
from jaxtyping import Float, Int
from torch import Tensor

MAX_CLUSTERS = 512


class RowSums:
    """Sums by name, kept apart for each cluster of neighbouring rows, in float64."""

    def __init__(self, max_clusters: int = MAX_CLUSTERS) -> None:
        self.max_clusters, self.n_rows = max_clusters, 0
        self.rows_per_cluster = 1
        self._parts: dict[str, Tensor] = {}

    def add(self, sums: Mapping[str, Tensor], n_rows: int) -> None:
        """Take in new rows: of each name a value, or several, for every row."""
        while -(-(self.n_rows + n_rows) // self.rows_per_cluster) > self.max_clusters:
            self.rows_per_cluster *= 2
            self._parts = {name: _paired(part) for name, part in self._parts.items()}
        clusters = torch.arange(self.n_rows, self.n_rows + n_rows) // self.rows_per_cluster
        self.n_rows += n_rows
        for name, value in sums.items():
            value = value.detach().to("cpu", torch.float64)
            part = self._parts.get(name, value.new_zeros(0, *value.shape[1:]))
            missing = int(clusters[-1]) + 1 - len(part)
            if missing > 0:
                part = torch.cat([part, value.new_zeros(missing, *value.shape[1:])])
            self._parts[name] = part.index_add_(0, clusters, value)

    def parts(self) -> dict[str, Float[Tensor, "n_clusters *d"]]:
        """The sums of each cluster."""
        return self._parts


def _paired(part: Tensor) -> Tensor:
    """Neighbours added up."""
    odd = part.new_zeros(len(part) % 2, *part.shape[1:])
    return torch.cat([part, odd]).unflatten(0, (-1, 2)).sum(1)


def left_out(parts: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The total of each sum with one cluster left out, for every cluster."""
    return {name: part.sum(0) - part for name, part in parts.items()}


def totals(parts: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The total of each sum."""
    return {name: part.sum(0) for name, part in parts.items()}


def jackknife_error(replicates: Float[Tensor, " n_clusters"]) -> float:
    """The standard error of a metric from its values with one cluster left out; NaN for a single cluster."""
    n = len(replicates)
    if n < 2:
        return math.nan
    return float(((n - 1) / n * (replicates - replicates.mean()).pow(2).sum()).sqrt())


def interval(estimate: float, error: float, n_clusters: int, confidence: float = 0.95) -> tuple[float, float]:
    """The interval about `estimate` that holds the true value in a share `confidence` of samples; NaN if unknown."""
    if n_clusters < 2:
        return math.nan, math.nan
    half = t_quantile((1 + confidence) / 2, n_clusters - 1) * error
    return estimate - half, estimate + half


def t_quantile(p: float, dof: int) -> float:
    """Quantile of Student's t distribution, right to 1 % for p up to 0.995.

    Raises:
        ValueError: If `p` is not between 0 and 1, or `dof` below 1.
    """
    if not 0 < p < 1 or dof < 1:
        raise ValueError(f"A quantile of t needs 0 < p < 1 and dof >= 1, got p={p} and dof={dof}.")
    if dof == 1:
        return math.tan(math.pi * (p - 0.5))
    if dof == 2:
        return (2 * p - 1) * math.sqrt(2 / (4 * p * (1 - p)))
    z = statistics.NormalDist().inv_cdf(p)
    terms = (
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
        (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92160,
    )
    return z + sum(term / dof ** (i + 1) for i, term in enumerate(terms))


class FeatureCounts:
    """How often each feature fires, and in how many rows; enough for ratios of the two with their standard errors."""

    def __init__(self, d_sae: int) -> None:
        self.d_sae, self.n_rows, self.n_tokens = d_sae, 0, 0
        self._sums = torch.zeros(3, d_sae, dtype=torch.float64)  # firings, their squares, firings x tokens of the row
        self._n_active_rows = torch.zeros(d_sae, dtype=torch.float64)
        self._tokens_squared = 0
        self._first, self._last = (torch.full((d_sae,), -1, dtype=torch.int64) for _ in range(2))

    def add(self, firings: Float[Tensor, "n_rows d_sae"], n_tokens: Int[Tensor, " n_rows"]) -> None:
        """Take in rows: how often each feature fired in each, and how many tokens were looked at."""
        firings, n_tokens = firings.detach().to("cpu"), n_tokens.to("cpu")
        wide = firings.double()
        self._sums += torch.stack([wide.sum(0), wide.pow(2).sum(0), n_tokens.double() @ wide])
        fired = firings > 0
        self._n_active_rows += fired.sum(0)
        any_fired, n_rows = fired.any(0), len(firings)
        first = self.n_rows + fired.int().argmax(0)
        last = self.n_rows + n_rows - 1 - fired.flip(0).int().argmax(0)
        self._first = torch.where(any_fired & (self._first < 0), first, self._first)
        self._last = torch.where(any_fired, last, self._last)
        self.n_tokens += int(n_tokens.sum())
        self._tokens_squared += int(n_tokens.pow(2).sum())
        self.n_rows += n_rows

    @property
    def density(self) -> Float[Tensor, " d_sae"]:
        """Share of tokens on which each feature fires."""
        return self._sums[0] / self.n_tokens

    @property
    def density_error(self) -> Float[Tensor, " d_sae"]:
        """Its standard error by the delta method, clustered by row."""
        _, squared, crossed = self._sums
        p = self.density
        return self._error(squared - 2 * p * crossed + p.pow(2) * self._tokens_squared) / self.n_tokens

    @property
    def heuristic(self) -> Float[Tensor, " d_sae"]:
        """Firings for each row with at least one; NaN for a feature that never fired."""
        return self._sums[0] / self._n_active_rows

    @property
    def heuristic_error(self) -> Float[Tensor, " d_sae"]:
        """Its standard error by the delta method, clustered by row."""
        firings, squared, _ = self._sums
        each = self.heuristic
        residual = squared - 2 * each * firings + each.pow(2) * self._n_active_rows
        return self._error(residual) / self._n_active_rows

    @property
    def n_dead(self) -> int:
        """Features that never fired."""
        return int((self._first < 0).sum())

    def n_lone(self, rows_per_cluster: int, n_clusters: int) -> Float[Tensor, " n_clusters"]:
        """Features that fired in each cluster alone: dead if it were left out."""
        first, last = self._first // rows_per_cluster, self._last // rows_per_cluster
        is_lone = (self._first >= 0) & (first == last)
        return torch.bincount(first[is_lone], minlength=n_clusters).double()

    def _error(self, squared: Tensor) -> Tensor:
        if self.n_rows < 2:
            return torch.full_like(squared, math.nan)
        return (squared.clamp_min(0) * self.n_rows / (self.n_rows - 1)).sqrt()
