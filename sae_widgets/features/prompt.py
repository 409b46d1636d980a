"""The features that matter on one prompt, token by token, by four measures; and two prompts side by side.

    act_size[f, p]       activation of feature f at token p
    act_quantile[f, p]   share of the feature's activations over much text that are below it, 0 to 1 (needs statistics)
    attribution[f, p]    act * d(logit of the target, less the mean logit)/d(act), of the last position (attribution.py)
    loss_effect[f, p]    loss of token p+1 without the feature, less the loss with it (effects.py); above 0: it helps

    of the whole prompt  the largest activation or quantile; the sum of attributions and loss effects

Special tokens are left out: the first token of a text fires features a hundred times harder than any word does.
"""

import time
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from sae_widgets.activations.hook_reader import read_input
from sae_widgets.attribution import MethodAttribution, attribute
from sae_widgets.features.effects import loss_effects
from sae_widgets.features.prompt_scores import (
    PromptComparison,
    PromptFeatures,
    aligned,
    check_metric,
    check_position,
    overall,
    quantiles_of,
)
from sae_widgets.features.statistics import FeatureStatistics, known_statistics
from sae_widgets.fit import check_fits
from sae_widgets.hooked import as_hooked
from sae_widgets.prompt import prompt_tokens
from sae_widgets.sae import SAE
from sae_widgets.steering import check_features
from sae_widgets.token_text import token_texts


def prompt_features(
    model: Any,
    sae: SAE,
    prompt: str,
    metric: str = "act_size",
    k: int = 10,
    *,
    target: str | int = "",
    features: Sequence[int] | None = None,
    statistics: FeatureStatistics | None = None,
) -> PromptFeatures:
    """The features among the `k` best of any token of `prompt` by `metric`, with their scores at every token.

    Loss effects cost a forward pass of the prompt for each feature: they are taken of the `k` that fire strongest at
    each token.

    Args:
        model: The model.
        sae: The SAE.
        prompt: The text.
        metric: One of `METRICS`.
        k: Features of each token.
        target: The next token that attribution explains, its text or id; "" takes the likeliest.
        features: These instead of the best.
        statistics: For quantiles and labels; None takes those stored beside the SAE.

    Raises:
        ValueError: If the prompt is empty, too long or has only special tokens, the target is not one token, there is
            no such metric or feature, the SAE does not fit, or quantiles are wanted without statistics.
        NotImplementedError: If attribution or loss effects are wanted of an SAE that writes several activations.
    """
    study = PromptStudy(model, sae, prompt, statistics)
    chosen = study.best(metric, k, target=target) if features is None else list(features)
    return study.scored(metric, chosen, target=target)


def compare_prompts(
    model: Any, sae: SAE, left: str, right: str, metric: str = "act_size", k: int = 10, **settings: Any
) -> PromptComparison:
    """The features of two prompts, side by side: those that `prompt_features` finds on either.

    Args:
        model: The model.
        sae: The SAE.
        left: One text.
        right: The other.
        metric: One of `METRICS`.
        k: Features of each token.
        settings: `target` and `statistics`, as in `prompt_features`; without a target both explain the
            left's likeliest.

    Raises:
        ValueError: As `prompt_features`.
    """
    target = settings.get("target", "")
    studies = [PromptStudy(model, sae, text, settings.get("statistics")) for text in (left, right)]
    if metric == "attribution" and target == "":
        target = studies[0].likeliest
    return compared(*studies, metric=metric, k=k, target=target)


class PromptStudy:
    """One prompt and its features; what was found once is kept, so that another metric costs only its own work."""

    def __init__(self, model: Any, sae: SAE, prompt: str, statistics: FeatureStatistics | None = None) -> None:
        self.model, self.sae, self.prompt = as_hooked(model), sae, prompt
        check_fits(self.model, sae)
        self.statistics = statistics if statistics is not None else known_statistics(sae)
        row = prompt_tokens(self.model, prompt)
        self.tokens: list[int] = row[0].tolist()
        self.token_texts = token_texts(self.model.tokenizer, self.tokens)
        special = set(self.model.tokenizer.all_special_ids)
        self.is_special = [token in special for token in self.tokens]
        if all(self.is_special):
            raise ValueError(
                f"The prompt has only special tokens ({', '.join(map(repr, self.token_texts))}), whose features say "
                "nothing of a text. Type a word."
            )
        self._attributions: dict[str | int, tuple[str, MethodAttribution]] = {}
        self._effects: dict[int, Tensor] = {}
        self._encode(row)

    @torch.no_grad()
    def _encode(self, row: Int[Tensor, "1 n_pos"]) -> None:
        with self.model.lock:
            acts = self.sae.encode_sparse(read_input(self.model, self.sae, row)[0])
        values = acts.values.float().cpu()
        values[torch.tensor(self.is_special)] = 0
        order = values.abs().argsort(dim=1, descending=True, stable=True)
        self.indices, self.values = acts.indices.cpu().gather(1, order), values.gather(1, order)  # n_pos k

    @cached_property
    def likeliest(self) -> int:
        """The id of the token that the model expects next."""
        with torch.no_grad(), self.model.lock, self.model.without_saes():
            return int(self.model(torch.tensor([self.tokens], device=self.model.device))[0, -1].argmax())

    @cached_property
    def forward_seconds(self) -> float:
        """How long one forward pass of the prompt takes."""
        started = time.perf_counter()
        with torch.no_grad(), self.model.lock, self.model.without_saes():
            self.model(torch.tensor([self.tokens], device=self.model.device))[0, -1].sum().item()
        return time.perf_counter() - started

    @property
    def firing(self) -> list[int]:
        """Every feature that fires on the prompt."""
        return self.indices[self.values != 0].unique().tolist()

    def acts(self, features: Sequence[int]) -> Float[Tensor, "n n_pos"]:
        """Activations; 0 at special tokens."""
        acts = torch.zeros(len(features), len(self.tokens))
        rows, places, found = self._entries(features)
        return acts.index_put_((rows, places), self.values[found])

    def _entries(self, features: Sequence[int]) -> tuple[Tensor, Tensor, Tensor]:
        """Where these features fire: the row of each entry, its token, and which entries they are."""
        numbers, inverse = torch.tensor(list(features), dtype=torch.long).sort()
        at = torch.searchsorted(numbers, self.indices).clamp_max(max(0, len(numbers) - 1))
        found = (self.values != 0) & (numbers[at] == self.indices if len(numbers) else torch.tensor(False))
        return inverse[at[found]], found.nonzero()[:, 0], found

    def quantiles(self, features: Sequence[int]) -> Float[Tensor, "n n_pos"]:
        """Share of each feature's activations over the statistics' text that are below those here.

        Raises:
            ValueError: If there are no statistics.
        """
        if self.statistics is None:
            raise ValueError(
                "Quantiles need to know how strongly features fire on much text, and there are no statistics of this "
                "SAE. Pass statistics=sw.feature_statistics(model, sae, texts), or take metric='act_size'."
            )
        return quantiles_of(self.statistics, features, self.acts(features))

    def attribution(self, target: str | int = "") -> tuple[str, MethodAttribution]:
        """The target, and the gradient attribution of all features that fire to it; "" takes the likeliest token."""
        if target not in self._attributions:
            wanted = self.likeliest if target == "" else target
            found = attribute(self.model, self.sae, self.prompt, wanted, methods=("gradient",), top=self.sae.cfg.d_sae)
            self._attributions[target] = (found.target, found.methods["gradient"])
        return self._attributions[target]

    def missing_effects(self, features: Sequence[int]) -> list[int]:
        """Those whose loss effects are not known yet; each costs a forward pass."""
        return [feature for feature in features if feature not in self._effects]

    def loss_effects(
        self,
        features: Sequence[int],
        on_progress: Callable[[int, int], None] | None = None,
        is_cancelled: Callable[[], bool] = lambda: False,
    ) -> Float[Tensor, "n n_pos"] | None:
        """Loss effects, NaN at the last token; None if cancelled."""
        missing = self.missing_effects(features)
        if missing:
            found = loss_effects(
                self.model, self.sae, self.tokens, missing, on_progress=on_progress, is_cancelled=is_cancelled
            )
            if found is None:
                return None
            self._effects.update(zip(missing, found, strict=True))
        return torch.stack([self._effects[feature] for feature in features]) if features else torch.zeros(0, 0)

    def best(self, metric: str, k: int, position: int | None = None, target: str | int = "") -> list[int]:
        """The features among the `k` best of any token (of this one) by `metric`, best of all first.

        Loss effects are not known before they are computed: their best are those of the activation.
        """
        check_metric(metric)
        if position is not None:
            check_position(position, self.token_texts, self.is_special)
        by = "act_size" if metric == "loss_effect" else metric
        firing = self.firing
        if not firing:
            return []
        scores = self.scores(by, firing, target)
        here = scores.nan_to_num().abs() if position is None else scores[:, position : position + 1].nan_to_num().abs()
        best = here.topk(min(k, len(firing)), dim=0)
        chosen = best.indices[best.values > 0].unique()
        weight = overall(scores, by)[chosen] if position is None else scores[chosen, position]
        return [firing[i] for i in chosen[weight.abs().argsort(descending=True, stable=True)].tolist()]

    def scores(
        self,
        metric: str,
        features: Sequence[int],
        target: str | int = "",
        on_progress: Callable[[int, int], None] | None = None,
        is_cancelled: Callable[[], bool] = lambda: False,
    ) -> Float[Tensor, "n n_pos"]:
        """What these features score at each token; NaN at special tokens, and all NaN if cancelled.

        Raises:
            ValueError: If there is no such metric or feature, or quantiles are wanted without statistics.
        """
        check_metric(metric)
        check_features(self.sae, list(features))
        if not features:
            return torch.zeros(0, len(self.tokens))
        if metric == "act_size":
            scores = self.acts(features)
        elif metric == "act_quantile":
            scores = self.quantiles(features)
        elif metric == "attribution":
            scores = _rows_of(self.attribution(target)[1], features)
        else:
            effects = self.loss_effects(features, on_progress, is_cancelled)
            scores = torch.full((len(features), len(self.tokens)), torch.nan) if effects is None else effects.clone()
        scores[:, torch.tensor(self.is_special)] = torch.nan
        return scores

    def scored(self, metric: str, features: Sequence[int], target: str | int = "", **asking: Any) -> PromptFeatures:
        """These features with their scores."""
        scores = self.scores(metric, features, target, **asking)
        labels = {} if self.statistics is None else self.statistics.labels
        return PromptFeatures(
            prompt=self.prompt,
            tokens=self.tokens,
            token_texts=self.token_texts,
            is_special=self.is_special,
            metric=metric,
            target=self.attribution(target)[0] if metric == "attribution" else None,
            features=list(features),
            acts=self.acts(features),
            scores=scores,
            labels={feature: labels[feature] for feature in features if feature in labels},
        )


def compared(
    left: PromptStudy,
    right: PromptStudy,
    *,
    metric: str,
    k: int,
    target: str | int = "",
    features: Sequence[int] | None = None,
    **asking: Any,
) -> PromptComparison:
    """Both prompts' best features (or these) on both, with their tokens side by side."""
    if features is None:
        features = list(dict.fromkeys([f for study in (left, right) for f in study.best(metric, k, target=target)]))
    sides = [study.scored(metric, features, target=target, **asking) for study in (left, right)]
    return PromptComparison(*sides, pairs=aligned(left.tokens, right.tokens))


def _rows_of(method: MethodAttribution, features: Sequence[int]) -> Float[Tensor, "n n_pos"]:
    """The effects by position of these features; 0 for one that has none."""
    place = {feature: i for i, feature in enumerate(method.features.tolist())}
    none = torch.zeros(method.by_position.shape[1])
    return torch.stack([method.by_position[place[f]].float() if f in place else none for f in features])
