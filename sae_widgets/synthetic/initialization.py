"""SAEs that know the truth to begin with."""

import torch
from torch import Tensor

from sae_widgets.sae.base import SAE
from sae_widgets.synthetic.feature_dictionary import FeatureDictionary


@torch.no_grad()
def init_sae_to_match_feature_dict(
    sae: SAE,
    feature_dict: FeatureDictionary,
    noise_level: float | int = 0.0,
    feature_ordering: Tensor | None = None,
    *,
    generator: torch.Generator | None = None,
) -> None:
    """Sets encoder columns, and decoder rows, to the true features, as many as both have.

    Args:
        sae: Changed in place; features beyond the true ones keep their encoder, which the decoder follows.
        feature_dict: The true directions.
        noise_level: Standard deviation of what is added to each number.
        feature_ordering: Which true feature each of the SAE's features gets.
        generator: What noise is drawn from; None takes torch's own.
    """
    features = feature_dict.feature_vectors
    features = features if feature_ordering is None else features[feature_ordering]
    features = features[: sae.d_sae].to(sae.W_dec)
    noise = torch.randn(features.T.shape, generator=generator).to(features) * noise_level
    if sae.is_tied:
        sae.W_dec[: len(features)] = features + noise.T
        return
    sae.W_enc[:, : len(features)] = features.T + noise
    sae.W_dec.copy_(sae.W_enc.T)
