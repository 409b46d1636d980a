"""Activation scaling as pure functions: what goes into an SAE is scaled, and the undo is handed back, not remembered.

    none                       x                                   undo: y
    expected_average_only_in   x  (whoever trains scales batches by s = sqrt(d_in) / mean ||x||, then folds s)
    constant_norm_rescale      x * c,  c = sqrt(d_in) / ||x||      undo: y / c            (per row)
    layer_norm                 (x - mu) / (std + 1e-5)             undo: y * std + mu     (std with ddof 1)
    covariance_whitening       x  (whoever trains whitens batches by z = (x - m) M, then folds m, M and M^-1)
    constant_scalar_rescale    x * factor                          undo: y / factor       (temporal SAEs alone)

    M = E diag(lambda + 1e-3)^(-1/2)       E diag(lambda) E^T: the covariance of x, which z no longer has

Source: SAELens 6 (`normalize_activations`); whitening after Saraswatula and Klindt 2025, arXiv 2511.13981. One
departure: an all-zero row stays zero under constant_norm_rescale,
where the source divides by zero.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

Undo = Callable[[Tensor], Tensor]
Scale = float | int | Sequence[float]
"""A factor, or one for each of several activations that lie side by side."""

NORMALIZE_MODES = ("none", "expected_average_only_in", "constant_norm_rescale", "layer_norm", "covariance_whitening")
"""Modes of most architectures."""

SCALAR_MODE = "constant_scalar_rescale"
"""The mode of temporal SAEs alone: a factor that stays in the config."""

PER_ROW_MODES = ("constant_norm_rescale", "layer_norm")
"""Modes whose undo depends on the row that went in."""

_LAYER_NORM_EPS = 1e-5
_WHITENING_EPS = 1e-3


def normalize(
    x: Float[Tensor, "*batch d_in"], mode: str, factor: float = 1.0
) -> tuple[Float[Tensor, "*batch d_in"], Undo]:
    """The scaled input, and the function that takes a reconstruction back to the input's unit.

    Args:
        x: Activations.
        mode: One of `NORMALIZE_MODES`, or `SCALAR_MODE`.
        factor: What `SCALAR_MODE` multiplies with.

    Raises:
        ValueError: If there is no such mode.
    """
    if mode in ("none", "expected_average_only_in", "covariance_whitening"):
        return x, _same
    if mode == SCALAR_MODE:
        return x * factor, lambda y: y / factor
    if mode == "constant_norm_rescale":
        norm = torch.linalg.vector_norm(x, dim=-1, keepdim=True)
        scale = x.shape[-1] ** 0.5 / norm.clamp_min(torch.finfo(x.dtype).tiny ** 0.5)
        return x * scale, lambda y: y / scale
    if mode == "layer_norm":
        mean = x.mean(dim=-1, keepdim=True)
        centred = x - mean
        # Written out: torch.std warns about an empty batch.
        std = (centred.pow(2).sum(dim=-1, keepdim=True) / max(x.shape[-1] - 1, 1)).sqrt()
        return centred / (std + _LAYER_NORM_EPS), lambda y: y * std + mean
    known = ", ".join([*NORMALIZE_MODES, SCALAR_MODE])
    raise ValueError(f"No normalize_activations mode {mode!r}; expected one of {known}.")


class Whitening(NamedTuple):
    """The affine map after which activations have mean zero and the identity as covariance, and its inverse."""

    mean: Float[Tensor, " d_in"]
    """m, float64 like the matrices: folding them into weights is then exact."""

    matrix: Float[Tensor, "d_in d_in"]
    """M"""

    inverse: Float[Tensor, "d_in d_in"]
    """M^-1"""

    def apply(self, x: Float[Tensor, "*batch d_in"]) -> Float[Tensor, "*batch d_in"]:
        """`(x - m) M`, in the dtype of `x`."""
        mean, matrix = (each.to(x.device, x.dtype) for each in (self.mean, self.matrix))
        return (x - mean) @ matrix

    def undo(self, z: Float[Tensor, "*batch d_in"]) -> Float[Tensor, "*batch d_in"]:
        """`z M^-1 + m`, in the dtype of `z`."""
        mean, inverse = (each.to(z.device, z.dtype) for each in (self.mean, self.inverse))
        return z @ inverse + mean


def whitening_of(x: Float[Tensor, "n d_in"]) -> Whitening:
    """The whitening of activations distributed like the rows of `x`, for covariance_whitening.

    Raises:
        ValueError: If there are fewer than two rows, or they are not finite.
    """
    n, d_in = x.shape
    total = torch.zeros(d_in, dtype=torch.float64, device=x.device)
    outer = torch.zeros(d_in, d_in, dtype=torch.float64, device=x.device)
    for rows in x.split(4096):  # float64 copies of all rows at once could be larger than the rows themselves
        rows = rows.double()
        total += rows.sum(0)
        outer += rows.T @ rows
    if n < 2 or not bool(outer.isfinite().all()):
        raise ValueError(f"Whitening needs at least two rows of finite activations; got {n}, or the model is unsound.")
    mean = total / n
    covariance = (outer - n * torch.outer(mean, mean)) / (n - 1)
    eigenvalues, E = torch.linalg.eigh(covariance)
    # Of a singular covariance eigh may give eigenvalues a little below zero.
    scale = (eigenvalues.clamp_min(0) + _WHITENING_EPS).sqrt()
    return Whitening(mean, E / scale, scale[:, None] * E.T)


def average_norm_scale(x: Float[Tensor, "n d_in"]) -> float:
    """The factor that gives `x` an average length of sqrt(d_in), for expected_average_only_in.

        s = sqrt(d_in) / mean ||x||

    Raises:
        ValueError: If `x` is empty, not finite, or zero throughout.
    """
    mean_norm = torch.linalg.vector_norm(x.double(), dim=-1).mean().item() if len(x) else 0.0
    if not 0.0 < mean_norm < float("inf"):
        raise ValueError(
            f"Expected activations with a finite, positive mean length; got {mean_norm} from {len(x)} rows."
        )
    return x.shape[-1] ** 0.5 / mean_norm


def spread(scale: Scale, width: int) -> Float[Tensor, " width"]:
    """A factor for each of `width` columns: one for all, or one for each of as many equal parts as there are factors.

    Raises:
        ValueError: If a factor is not positive and finite, or the parts cannot be equal.
    """
    factors = [float(each) for each in (scale if isinstance(scale, Sequence) else [scale])]
    for factor in factors:
        if not 0.0 < factor < float("inf"):
            raise ValueError(f"A scaling factor is positive and finite; got {factor}.")
    if not factors or width % len(factors):
        raise ValueError(f"{len(factors)} scaling factors for activations of width {width}: their parts are not equal.")
    return torch.tensor(factors, dtype=torch.float64).repeat_interleave(width // len(factors))


def _same(y: Tensor) -> Tensor:
    return y
