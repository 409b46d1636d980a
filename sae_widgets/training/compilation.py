"""`torch.compile` for the forward of dense SAEs, with a plain way back where it cannot help.

An SAE whose activations are sparse has no dense path to fuse: its time goes into one product and sparse kernels of
torch. A dense one reads and writes `[n, d_sae]` several times between its products, which compiling makes fewer.
"""

import logging
from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from sae_widgets.sae.acts import TrainContext, TrainParts
from sae_widgets.sae.base import SAE

logger = logging.getLogger(__name__)

Forward = Callable[[Tensor, Tensor, TrainContext], tuple[TrainParts, dict[str, Tensor]]]


def forward_of(sae: SAE) -> Forward:
    """Parts and loss terms of a batch."""

    def forward(x: Tensor, target: Tensor, ctx: TrainContext) -> tuple[TrainParts, dict[str, Tensor]]:
        parts = sae.train_parts(x)
        return parts, sae.objective(parts, target, ctx)

    return forward


def compiled_forward_of(sae: SAE, mode: str | None = None) -> Forward:
    """The same, compiled at the first call; the plain one, with a line in the log, where that is not possible."""
    plain = forward_of(sae)
    if sae.has_sparse_acts:
        logger.info(
            "compile_sae=True: a %s keeps only active features, so there is no dense path to compile; it trains as it "
            "is.",
            type(sae).__name__,
        )
        return plain

    # Coefficients come as tensors: a number that changes every step would be compiled in anew every step.
    def dense(
        x: Tensor, target: Tensor, coefficients: Mapping[str, Tensor], dead_mask: Tensor | None
    ) -> tuple[TrainParts, dict[str, Tensor]]:
        return plain(x, target, TrainContext(coefficients, dead_mask))

    compiled: Callable | None = torch.compile(dense, mode=mode)

    def forward(x: Tensor, target: Tensor, ctx: TrainContext) -> tuple[TrainParts, dict[str, Tensor]]:
        nonlocal compiled
        if compiled is None:
            return plain(x, target, ctx)
        coefficients = {name: torch.tensor(float(value), device=x.device) for name, value in ctx.coefficients.items()}
        try:
            return compiled(x, target, coefficients, ctx.dead_mask)
        except Exception as error:
            # torch raises many kinds: no compiler on this machine, an operation it does not know, its own bugs.
            compiled = None
            logger.warning("compile_sae=True: torch.compile failed, so training goes on uncompiled. %s", _short(error))
            return plain(x, target, ctx)

    return forward


def _short(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0] if lines else ''}"
