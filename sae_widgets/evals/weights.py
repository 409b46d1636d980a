"""Metrics of each feature that its weights alone give, under SAELens' names.

    encoder_norm[i]                  ||W_enc[:, i]||
    encoder_decoder_cosine_sim[i]    cos(W_enc[:, i], W_dec[i]), where the two are of one width
    encoder_bias[i]                  b_enc[i]

Source: SAELens 6 `get_featurewise_weight_based_metrics`.
"""

import torch
from torch import Tensor

from sae_widgets.sae.base import SAE


@torch.no_grad()
def weight_metrics(sae: SAE) -> dict[str, Tensor]:
    """Each metric `[d_sae]` in float32; those that an architecture has no weights for are not there."""
    there = {name: getattr(sae, name, None) for name in ("W_enc", "W_dec", "b_enc")}
    weights = {name: each.detach().float().cpu() for name, each in there.items() if isinstance(each, Tensor)}
    found: dict[str, Tensor] = {}
    W_enc, W_dec = weights.get("W_enc"), weights.get("W_dec")
    if W_enc is not None:
        found["encoder_norm"] = W_enc.norm(dim=0)
        if W_dec is not None and W_dec.shape == W_enc.T.shape:
            found["encoder_decoder_cosine_sim"] = torch.cosine_similarity(W_enc.T, W_dec, dim=-1)
    if "b_enc" in weights:
        found["encoder_bias"] = weights["b_enc"]
    return found
