"""Dead features brought back: ghost gradients, and a new start towards what the SAE misses most.

The auxiliary loss of TopK and its kin and the pre_act_loss are terms of their objectives (`architectures`).
"""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from sae_widgets.sae.acts import TrainParts, decoder_norms
from sae_widgets.sae.base import SAE

SMALLEST_LENGTH = 1e-8


def ghost_grad_loss(
    sae: SAE, parts: TrainParts, x: Float[Tensor, "n_tokens d_in"], dead_mask: Bool[Tensor, " d_sae"]
) -> Float[Tensor, ""]:
    """A loss that pulls dead features towards what the SAE misses; 0 while none is dead.

        residual = x - x_hat
        ghost    = exp(hidden_pre_dead) @ W_dec_dead, scaled to half the residual's length
        m        = (ghost - residual)^2                     (residual held fixed)
        loss     = mean( (residual^2 / (m + 1e-6)) held fixed * m )

    Source: Anthropic's January 2024 update as in SAELens 5; exp lets a gradient through where relu has none.
    """
    dead = dead_mask.nonzero().flatten()
    if len(dead) == 0:
        return x.new_zeros(())
    residual = (x - parts.sae_out).detach()
    # The pre-activations again, for the dead ones alone: the forward may have kept none with a gradient.
    hidden_pre = parts.sae_in @ sae.W_enc[:, dead] + sae.b_enc[dead]
    ghost = hidden_pre.exp() @ sae.W_dec[dead]
    scale = residual.norm(dim=-1) / (1e-6 + 2 * ghost.norm(dim=-1))
    m = (ghost * scale[:, None].detach() - residual).pow(2)
    return ((residual.pow(2) / (m + 1e-6)).detach() * m).mean()


@torch.no_grad()
def resample(
    sae: SAE,
    dead: Int[Tensor, " n_dead"],
    x: Float[Tensor, "n_tokens d_in"],
    target: Float[Tensor, "n_tokens d_out"],
    scale: float,
    generator: torch.Generator,
) -> Int[Tensor, " n_resampled"]:
    """The features that were given a new start: those of `dead`, or as many as there are tokens to start from.

        p(token) ~ ||target - sae_out||^4                   (the square of its loss; drawn without repetition)
        W_enc_i  = v / ||v|| * scale * mean ||W_enc_alive||,     v = sae_in of the token
        W_dec_i  = w / ||w|| * mean ||W_dec_alive||,             w = v, or for a transcoder target - sae_out
        biases and thresholds of i as at the start

    Source: Bricken et al. 2023, "Towards Monosemanticity", with its scale of 0.2. Decoder rows have length 1
    there, here the mean length of those alive.
    """
    parts = sae.train_parts(x)
    missed = target - parts.sae_out
    chance = missed.double().square().sum(-1).square().cpu()
    chance /= chance.max().clamp_min(1e-300)
    n = min(len(dead), int(chance.count_nonzero()))
    if n == 0:
        return dead[:0]
    tokens = torch.multinomial(chance, n, generator=generator).to(x.device)
    dead = dead[:n]
    is_alive = torch.ones(sae.d_sae, dtype=torch.bool, device=x.device).index_fill_(0, dead, False)
    into = parts.sae_in[tokens]
    out = into if sae.reconstructs else missed[tokens]
    sae.W_dec[dead] = _with_length(out, _mean_length(sae.W_dec, is_alive)).to(sae.dtype)
    if not sae.is_tied:
        sae.W_enc.T[dead] = _with_length(into, scale * _mean_length(sae.W_enc.T, is_alive)).to(sae.dtype)
    for name, start in sae.feature_starts().items():
        sae.get_parameter(name)[dead] = start
    return dead


def feature_axes(sae: SAE) -> dict[str, int]:
    """Weights that have entries for each feature, and along which axis."""
    axes = {"W_dec": 0} if sae.is_tied else {"W_enc": 1, "W_dec": 0}
    return axes | dict.fromkeys(sae.feature_starts(), 0)


@torch.no_grad()
def normalize_decoder(sae: SAE) -> None:
    """Gives decoder rows length 1."""
    sae.W_dec.div_(decoder_norms(sae.W_dec).clamp_min(SMALLEST_LENGTH)[:, None])


@torch.no_grad()
def remove_parallel_gradient(sae: SAE) -> None:
    """Takes from each decoder row's gradient what would only change the row's length.

    grad <- grad - <grad, d> d,   d = row / ||row||

    Source: Bricken et al. 2023. Without it Adam spends its moments on lengths that are set back to 1 anyway; SAELens 5
    removes it after the step, where it has no effect.
    """
    grad = sae.W_dec.grad
    if grad is not None:
        rows = sae.W_dec / decoder_norms(sae.W_dec).clamp_min(SMALLEST_LENGTH)[:, None]
        grad.sub_((grad * rows).sum(-1, keepdim=True) * rows)


@torch.no_grad()
def geometric_median(x: Float[Tensor, "n d"], n_iterations: int = 100, tolerance: float = 1e-6) -> Float[Tensor, " d"]:
    """The point with the smallest sum of distances to the rows of `x`, by Weiszfeld's iteration from their mean."""
    point = x.mean(0)
    for _ in range(n_iterations):
        weights = 1 / torch.linalg.vector_norm(x - point, dim=-1).clamp_min(SMALLEST_LENGTH)
        moved = (weights[:, None] * x).sum(0) / weights.sum()
        is_there = bool((moved - point).norm() <= tolerance * point.norm().clamp_min(SMALLEST_LENGTH))
        point = moved
        if is_there:
            break
    return point


def _with_length(rows: Float[Tensor, "n d"], length: Float[Tensor, ""]) -> Float[Tensor, "n d"]:
    return rows / torch.linalg.vector_norm(rows, dim=-1, keepdim=True).clamp_min(SMALLEST_LENGTH) * length


def _mean_length(rows: Float[Tensor, "d_sae d"], is_alive: Bool[Tensor, " d_sae"]) -> Float[Tensor, ""]:
    lengths = torch.linalg.vector_norm(rows, dim=-1)
    return lengths[is_alive].mean() if bool(is_alive.any()) else lengths.mean()
