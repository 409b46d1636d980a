"""Activation scaling as pure functions: what goes into an SAE is scaled, and the undo is handed back, not remembered.

    none                       x                                   undo: y
    expected_average_only_in   x  (whoever trains scales batches by s = sqrt(d_in) / mean ||x||, then folds s)
    constant_norm_rescale      x * c,  c = sqrt(d_in) / ||x||      undo: y / c            (per row)
    layer_norm                 (x - mu) / (std + 1e-5)             undo: y * std + mu     (std with ddof 1)

Source: SAELens 6 (`normalize_activations`). One departure: an all-zero row stays zero under constant_norm_rescale,
where the source divides by zero.
"""

from collections.abc import Callable, Sequence

import torch
from jaxtyping import Float
from torch import Tensor

Undo = Callable[[Tensor], Tensor]
Scale = float | int | Sequence[float]
"""A factor, or one for each of several activations that lie side by side."""

NORMALIZE_MODES = ("none", "expected_average_only_in", "constant_norm_rescale", "layer_norm")

PER_ROW_MODES = ("constant_norm_rescale", "layer_norm")
"""Modes whose undo depends on the row that went in."""

_LAYER_NORM_EPS = 1e-5


def normalize(x: Float[Tensor, "*batch d_in"], mode: str) -> tuple[Float[Tensor, "*batch d_in"], Undo]:
    """The scaled input, and the function that takes a reconstruction back to the input's unit.

    Raises:
        ValueError: If `mode` is not one of `NORMALIZE_MODES`.
    """
    if mode in ("none", "expected_average_only_in"):
        return x, _same
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
    raise ValueError(f"No normalize_activations mode {mode!r}; expected one of {', '.join(NORMALIZE_MODES)}.")


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
