"""What a direction in the residual stream does to the next token's logits, past everything in between.

    logits = (centre(r) / scale) * w @ W_U + const         r: the final residual stream, scale: its size, per position

so a vector v in r adds `linear(v) / scale @ W_U` with `linear(v) = centre(v) * w`, exact while the scale is held.
LayerNorm subtracts the mean (centre), RMSNorm does not.

Source: nostalgebraist's logit lens, and direct logit attribution as in Elhage et al. 2021, "A Mathematical Framework
for Transformer Circuits". The vocabulary's mean logit is subtracted: softmax does not see it.
"""

from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from sae_widgets.hooked import as_hooked
from sae_widgets.sae import SAE
from sae_widgets.steering import check_features
from sae_widgets.token_text import token_texts

SCALE_HOOK = "ln_final.hook_scale"

_FAR = 1e4  # where a norm's epsilon no longer matters, and float32 still has its digits


@dataclass(frozen=True)
class TokenEffect:
    """What a feature does to one token's logit."""

    token_id: int
    text: str
    effect: float
    """Logits for an activation of 1, before the final scale; compare within a feature, not across models."""


@dataclass(frozen=True)
class LogitEffects:
    """The tokens a feature promotes and suppresses most, strongest first."""

    promoted: list[TokenEffect]
    suppressed: list[TokenEffect]
    effects: Float[Tensor, " d_vocab"]
    """Of every token; their mean is 0."""


@torch.no_grad()
def logit_effects(model: Any, sae: SAE, feature: int, k: int = 10) -> LogitEffects:
    """What `feature` of `sae` does to the logits directly.

        linear(W_dec[feature]) @ W_U, less its mean       (a cross-layer transcoder's outputs summed: all are added)

    Raises:
        ValueError: If there is no such feature.
        NotImplementedError: If the SAE does not write to the residual stream, or the model ends without a norm.
    """
    check_features(sae, [feature])
    hooked = as_hooked(model)
    if sae.n_sources > 1:
        raise NotImplementedError(
            f"A crosscoder describes {sae.n_sources} activations and writes none of them more than the others; take "
            "the source that is meant: sae.W_dec[feature].unflatten(0, (sae.n_sources, -1))[source]."
        )
    if sae.d_out != hooked.cfg.d_model:
        raise NotImplementedError(
            f"The SAE at {sae.cfg.hook_name!r} has width {sae.d_out}, the residual stream {hooked.cfg.d_model}: "
            "its features have no direct effect on logits."
        )
    direction = sae.W_dec[feature].unflatten(0, (sae.n_outputs, sae.d_out)).sum(0).to(hooked.dtype)
    with hooked.lock:
        effects = (final_linear(hooked, direction[None])[0] @ hooked.W_U).float().cpu()
    effects = effects - effects.mean()
    return LogitEffects(_strongest(hooked, effects, k), _strongest(hooked, -effects, k, sign=-1.0), effects)


@torch.no_grad()
def final_linear(model: Any, vectors: Float[Tensor, "n d_model"]) -> Float[Tensor, "n d_model"]:
    """`centre(v) * w` of the final norm, for each vector.

    Read off the norm itself, whatever holds its weight (folded, offset by one, or absent): far out, norm(v) and
    norm(-v) are bias plus and minus centre(v) * w / size.

    Raises:
        NotImplementedError: If the model has no final norm.
    """
    if SCALE_HOOK not in model.hook_dict:
        raise NotImplementedError(f"{model.cfg.model_name} has no final norm (ln_final) to read logits through.")
    centred = vectors - vectors.mean(-1, keepdim=True) if centres(model) else vectors
    size = centred.pow(2).mean(-1, keepdim=True).sqrt()
    is_zero = size < torch.finfo(vectors.dtype).tiny
    far = torch.where(is_zero, 1.0, vectors * (_FAR / size.clamp_min(torch.finfo(vectors.dtype).tiny)))[None]
    norm = model.wrapped.ln_final
    out = (norm(far) - norm(-far))[0] / 2 * size
    return torch.where(is_zero, 0.0, out)


def centres(model: Any) -> bool:
    """Whether the final norm subtracts the mean."""
    return str(model.cfg.normalization_type).startswith("LN")


def _strongest(model: Any, effects: Float[Tensor, " d_vocab"], k: int, sign: float = 1.0) -> list[TokenEffect]:
    top = effects.topk(min(k, len(effects)))
    return [
        TokenEffect(token_id, token_texts(model.tokenizer, [token_id])[0], sign * value)
        for token_id, value in zip(top.indices.tolist(), top.values.tolist(), strict=True)
    ]
