"""The parts of the prompt view that know no widget: which features are shown, and all of it as plain values."""

import dataclasses
import math
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from sae_widgets.features.lab import FeatureLab
from sae_widgets.features.logits import logit_effects
from sae_widgets.features.prompt import PromptStudy
from sae_widgets.features.prompt_scores import PromptFeatures, aligned, check_position, overall
from sae_widgets.widgets._clean import clean_text
from sae_widgets.widgets._dashboard import context_of
from sae_widgets.widgets._steering import feature_label

N_LOGITS, N_CONTEXTS = 5, 5

Pairs = list[tuple[int | None, int | None]]


@dataclasses.dataclass(frozen=True)
class View:
    """What is shown: one prompt, or two whose tokens stand side by side."""

    left: PromptFeatures
    right: PromptFeatures | None
    pairs: Pairs
    """Columns: positions in the left and the right prompt."""
    position: int | None
    """The column that is looked at; None for the whole prompts."""

    def values(self) -> list[list[float]]:
        """Of each feature: score on the left, on the right, and right less left; NaN where there is none."""
        left = _at(self.left.scores, self.left.metric, _side(self.pairs, self.position, 0), self.position is None)
        if self.right is None:
            return [[value, math.nan, math.nan] for value in left.tolist()]
        right = _at(self.right.scores, self.left.metric, _side(self.pairs, self.position, 1), self.position is None)
        return torch.stack([left, right, right - left], dim=1).tolist()

    def activations(self) -> list[float]:
        """Of each feature: its activation where it is looked at, in the left prompt or else the right."""
        acts = [_acts_at(side, self.pairs, i, self.position) for i, side in enumerate((self.left, self.right)) if side]
        return [next((value for value in values if value), 0.0) for values in zip(*acts, strict=True)]


def _side(pairs: Pairs, column: int | None, side: int) -> int | None:
    return None if column is None else pairs[column][side]


def _at(scores: Float[Tensor, "n n_pos"], metric: str, position: int | None, is_whole: bool) -> Float[Tensor, " n"]:
    if is_whole:
        return overall(scores, metric)
    return torch.full((len(scores),), torch.nan) if position is None else scores[:, position]


def _acts_at(side: PromptFeatures, pairs: Pairs, i: int, column: int | None) -> list[float]:
    return _at(side.acts, "act_size", _side(pairs, column, i), column is None).nan_to_num().tolist()


def pairs_of(left: PromptStudy, right: PromptStudy | None) -> Pairs:
    """The columns."""
    return [(i, i) for i in range(len(left.tokens))] if right is None else aligned(left.tokens, right.tokens)


def check_column(left: PromptStudy, right: PromptStudy | None, pairs: Pairs, column: int | None) -> None:
    """Raise ValueError where no such token can be looked at."""
    if column is None:
        return
    if not 0 <= column < len(pairs):
        raise ValueError(f"No token {column}: there are {len(pairs)}, 0 to {len(pairs) - 1}.")
    sides = [(left, pairs[column][0])] + ([] if right is None else [(right, pairs[column][1])])
    for study, position in sides:
        if position is not None:
            check_position(position, study.token_texts, study.is_special)


def strongest(
    left: PromptStudy, right: PromptStudy | None, metric: str, n: int, column: int | None, sort: str, target: str | int
) -> list[int]:
    """The `n` features that score most on either prompt, or differ most between them, at a token or on the whole.

    Loss effects are not known before they are computed: the features that fire most are taken.
    """
    by = "act_size" if metric == "loss_effect" else metric
    studies = [left] if right is None else [left, right]
    features = list(dict.fromkeys(feature for study in studies for feature in study.firing))
    pairs = pairs_of(left, right)
    sides = [
        _at(study.scores(by, features, target), by, _side(pairs, column, i), column is None).nan_to_num()
        for i, study in enumerate(studies)
    ]
    if not features:
        return []
    is_difference = sort == "difference" and right is not None
    size = (sides[-1] - sides[0]).abs() if is_difference else torch.stack(sides).abs().amax(0)
    order = size.argsort(descending=True, stable=True)[:n]
    return [features[i] for i in order.tolist() if size[i] > 0]


def ordered(view: View, sort: str) -> View:
    """The same with its features in the order of what is shown of them, largest first."""

    def size(i: int) -> float:
        left, right, difference = values[i]
        shown = [difference] if sort == "difference" and view.right is not None else [left, right]
        return max((abs(value) for value in shown if math.isfinite(value)), default=0.0)

    values = view.values()
    order = sorted(range(len(values)), key=lambda i: -size(i))
    sides = [side and _reordered(side, order) for side in (view.left, view.right)]
    return dataclasses.replace(view, left=sides[0], right=sides[1])


def _reordered(side: PromptFeatures, order: list[int]) -> PromptFeatures:
    features = [side.features[i] for i in order]
    return dataclasses.replace(side, features=features, acts=side.acts[order], scores=side.scores[order])


def payload_of(view: View, statistics: Any) -> dict[str, Any]:
    """The view as the page takes it: texts, a row of numbers for each feature, and the matrices as bytes."""
    left, right = view.left, view.right
    rows = [
        {
            "feature": feature,
            "label": clean_text(feature_label(statistics, feature)),
            "act": act,
            **dict(zip(("left", "right", "difference"), values, strict=True)),
        }
        for feature, values, act in zip(left.features, view.values(), view.activations(), strict=True)
    ]
    return {
        "metric": left.metric,
        "target": None if left.target is None else clean_text(left.target),
        "position": view.position,
        "pairs": [list(pair) for pair in view.pairs],
        "features": rows,
        "left": _side_of(left),
        "right": {} if right is None else _side_of(right),
    }


def _side_of(side: PromptFeatures) -> dict[str, Any]:
    return {
        "prompt": clean_text(side.prompt),
        "tokens": [clean_text(text) for text in side.token_texts],
        "special": [int(special) for special in side.is_special],
        "scores": side.scores.float().contiguous().numpy().tobytes(),
    }


def card_of(study: PromptStudy, lab: FeatureLab | None, feature: int) -> dict[str, Any]:
    """What is known of a feature whatever the prompt: histogram, logits and strongest contexts."""
    card: dict[str, Any] = {"feature": feature, "label": clean_text(feature_label(study.statistics, feature))}
    try:
        effects = logit_effects(study.model, study.sae, feature, N_LOGITS)
        for name, tokens in (("up", effects.promoted), ("down", effects.suppressed)):
            card[name] = [[each.token_id, clean_text(each.text), each.effect] for each in tokens]
    except NotImplementedError as error:
        card["note"] = str(error)
    if lab is not None:
        statistics = lab.statistics
        card |= {
            "density": float(statistics.density[feature]),
            "max_act": float(statistics.max_act[feature]),
            "counts": statistics.histogram[feature].long().tolist(),
            "width": float(statistics.bin_width[feature]),
            "contexts": [context_of(lab, each) for each in statistics.top_contexts.get(feature, [])[:N_CONTEXTS]],
        }
    return card
