"""The encoder's product in training, where of all that is in its input only `b_dec` learns.

With sae_in = x - b_dec, the gradient of b_dec through the encoder is

    -(sum over tokens of d hidden_pre) @ W_enc.T

a vector times a matrix, where autograd would multiply all tokens first: one of a dense step's six products.
"""

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from sae_widgets.sae.base import SAE


def train_product(
    sae: SAE, x: Tensor, sae_in: Float[Tensor, "*batch d_in"], b: Float[Tensor, " d_sae"] | None
) -> Float[Tensor, "*batch d_sae"]:
    """`sae_in @ W_enc + b`, with its gradient; `x` is the input that `sae_in` was made from."""
    if x.requires_grad or sae_in.dtype.itemsize < 4:
        product = sae_in @ sae.W_enc
        return product if b is None else product + b
    bias = b
    if sae.cfg.apply_b_dec_to_input:
        nothing = sae.b_dec.detach() - sae.peers.copied(sae.b_dec)  # zeros, with a gradient
        shift = nothing @ sae.W_enc.detach()
        bias = shift if b is None else b + shift
    return F.linear(sae_in.detach(), sae.W_enc.T, bias)
