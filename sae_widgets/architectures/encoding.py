"""The encoder's product in training, where of all that is in its input only `b_dec` learns.

With sae_in = x - b_dec, the gradient of b_dec through the encoder is

    -(sum over tokens of d hidden_pre) @ W_enc.T

a vector times a matrix, where autograd would multiply all tokens first: one of a dense step's six products, or one of
a sparse step's three gathers. The sum over tokens is the gradient of the bias, so b_dec takes its own from there.
"""

from typing import Any

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from sae_widgets.sae.base import SAE


def through_bias(
    sae: SAE, x: Tensor, sae_in: Float[Tensor, "*batch d_in"], b: Float[Tensor, " d_sae"]
) -> tuple[Float[Tensor, "*batch d_in"], Float[Tensor, " d_sae"]]:
    """`sae_in` and the encoder's bias `b`, of which the latter has all the gradient; `x` is what `sae_in` is from."""
    if x.requires_grad or sae_in.dtype.itemsize < 4 or not sae.cfg.apply_b_dec_to_input:
        return sae_in, b
    return sae_in.detach(), b + _Nothing.apply(sae.peers.copied(sae.b_dec), sae.W_enc)  # type: ignore[return-value]


def train_product(
    sae: SAE, sae_in: Float[Tensor, "*batch d_in"], b: Float[Tensor, " d_sae"]
) -> Float[Tensor, "*batch d_sae"]:
    """`sae_in @ W_enc + b`, with its gradient."""
    if sae_in.dtype.itemsize < 4:
        return sae_in @ sae.W_enc + b
    return F.linear(sae_in, sae.W_enc.T, b)


class _Nothing(Function):
    """Zeros for the bias, with the gradient that `-b_dec @ W_enc` has for `b_dec`."""

    @staticmethod
    def forward(ctx: Any, b_dec: Tensor, W_enc: Tensor) -> Tensor:
        ctx.save_for_backward(W_enc)
        return b_dec.new_zeros(W_enc.shape[1])

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        (W_enc,) = ctx.saved_tensors
        return -(W_enc @ grad), None
