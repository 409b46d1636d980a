"""What a feature does in one text, found by leaving it out there.

    loss_effect[p]    loss of token p+1 without the feature, less the loss with it; above 0: the feature helps
    kl[p]             KL(as is || without it) of the predictions at p, nats
    logit_effect[p]   logits as they are, less those without it, each less its mean over the vocabulary

Left out: `act * W_dec` is subtracted wherever the feature fires in the text; what the SAE misses stays as it is.

Source: zero ablation with the error term kept (Marks et al. 2024, "Sparse Feature Circuits"); the three numbers are
those of OpenAI's SAE viewer (Gao et al. 2024).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from sae_widgets.activations.hook_reader import read_input
from sae_widgets.evals.measuring import kl_divergence, next_token_loss
from sae_widgets.fit import check_fits, places_of
from sae_widgets.hooked import as_hooked
from sae_widgets.sae import SAE, SparseActs
from sae_widgets.splice import acting
from sae_widgets.steering import check_features, check_steerable, written

_TOKENS_AT_ONCE = 2048
"""Tokens of one forward pass of ablated rows: large enough to be efficient, small enough to cancel soon."""


@dataclass(frozen=True)
class FeatureEffects:
    """What a feature does to the predictions in one row of tokens."""

    acts: Float[Tensor, " n_pos"]
    """Its activation at each position."""

    loss_effect: Float[Tensor, " n_pos"]
    """By how much the loss of the next token rises without it, nats; NaN at the last position, which has no next."""

    kl: Float[Tensor, " n_pos"]
    """How far the prediction moves without it, nats."""

    up: Int[Tensor, "n_pos k"]
    """Ids of the tokens it raises most at each position, most first."""

    up_effect: Float[Tensor, "n_pos k"]
    """By how much, in logits."""

    down: Int[Tensor, "n_pos k"]
    down_effect: Float[Tensor, "n_pos k"]


@torch.no_grad()
def feature_effects(
    model: Any, sae: SAE, tokens: Int[Tensor, " n_pos"] | list[int], feature: int, k: int = 5
) -> FeatureEffects:
    """What `feature` does in this row of tokens.

    Args:
        model: The model.
        sae: Whose feature it is.
        tokens: Ids, as the model reads them (with bos where it has one).
        feature: Which.
        k: Tokens listed as raised and lowered at each position.

    Raises:
        ValueError: If there is no such feature, or the SAE does not fit the model.
        NotImplementedError: If the SAE does not write one whole activation.
    """
    hooked = _checked(model, sae, [feature])
    row = torch.as_tensor(tokens, dtype=torch.long, device=hooked.device)[None]
    point = hooked.hook_dict[places_of(hooked, sae).writes[0]]
    with hooked.lock, hooked.without_saes():
        acts = sae.encode(read_input(hooked, sae, row))[0, :, feature]
        values = acts[None, :, None].to(sae.dtype)
        logits = hooked(row)[0].float()
        with acting(point, _leaving_out(sae, torch.full_like(values, feature, dtype=torch.long), values)):
            changed = hooked(row)[0].float()
    loss_effect = torch.full((row.shape[1],), torch.nan)
    loss_effect[:-1] = (next_token_loss(changed[None], row) - next_token_loss(logits[None], row))[0].cpu()
    effect = logits - changed
    effect = effect - effect.mean(-1, keepdim=True)
    up, down = effect.topk(k, dim=-1), (-effect).topk(k, dim=-1)
    return FeatureEffects(
        acts=acts.float().cpu(),
        loss_effect=loss_effect,
        kl=kl_divergence(logits[None].log_softmax(-1), changed[None])[0].cpu(),
        up=up.indices.cpu(),
        up_effect=up.values.cpu(),
        down=down.indices.cpu(),
        down_effect=-down.values.cpu(),
    )


@torch.no_grad()
def loss_effects(
    model: Any,
    sae: SAE,
    tokens: Int[Tensor, " n_pos"] | list[int],
    features: Sequence[int],
    *,
    on_progress: Callable[[int, int], None] | None = None,
    is_cancelled: Callable[[], bool] = lambda: False,
) -> Float[Tensor, "n n_pos"] | None:
    """`loss_effect` of each feature in this row of tokens, left out one at a time; None if cancelled.

    One forward of the row for each feature, many in a batch, and one with all of them.

    Args:
        model: The model.
        sae: Whose features they are.
        tokens: Ids, as the model reads them (with bos where it has one).
        features: Which.
        on_progress: Called with features done and to do.
        is_cancelled: Asked before each batch.

    Raises:
        ValueError: If there is no such feature, or the SAE does not fit the model.
        NotImplementedError: If the SAE does not write one whole activation.
    """
    hooked = _checked(model, sae, features)
    row = torch.as_tensor(tokens, dtype=torch.long, device=hooked.device)[None]
    point = hooked.hook_dict[places_of(hooked, sae).writes[0]]
    effects = torch.full((len(features), row.shape[1]), torch.nan)
    n_rows = max(1, _TOKENS_AT_ONCE // row.shape[1])
    with hooked.lock, hooked.without_saes():
        acts = sae.encode(read_input(hooked, sae, row))[0]
        loss = next_token_loss(hooked(row), row)
        for start in range(0, len(features), n_rows):
            if is_cancelled():
                return None
            some = torch.tensor(features[start : start + n_rows], device=acts.device)
            values = acts[:, some].T[..., None].to(sae.dtype)  # n n_pos 1
            rows = row.expand(len(some), -1)
            with acting(point, _leaving_out(sae, some[:, None, None].expand(values.shape), values)):
                effects[start : start + n_rows, :-1] = (next_token_loss(hooked(rows), rows) - loss).cpu()
            if on_progress is not None:
                on_progress(min(start + n_rows, len(features)), len(features))
    return effects


def _leaving_out(
    sae: SAE, indices: Int[Tensor, "n n_pos 1"], values: Float[Tensor, "n n_pos 1"]
) -> Callable[[Tensor, Any], Tensor]:
    """A hook that takes one feature's part out of each row."""

    def without(activation: Tensor, hook: Any) -> Tensor:
        return activation + written(sae, SparseActs(indices, -values), activation).to(activation.dtype)

    return without


def _checked(model: Any, sae: SAE, features: Sequence[int]) -> Any:
    """The hooked model, where these features can be left out of it."""
    check_features(sae, list(features))
    check_steerable(sae)
    if sae.n_outputs > 1:
        raise NotImplementedError(f"This {type(sae).__name__} writes {sae.n_outputs} activations, not one.")
    hooked = as_hooked(model)
    check_fits(hooked, sae)
    return hooked
