"""What features score on one prompt, token by token, and two prompts side by side: the results of `prompt.py`."""

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from sae_widgets.features.statistics import FeatureStatistics

METRICS = ("act_size", "act_quantile", "attribution", "loss_effect")
SUMMED = ("attribution", "loss_effect")
"""Metrics whose values over a prompt add up; of the others the largest counts."""


@dataclass(frozen=True)
class PromptFeature:
    """One feature on one prompt."""

    feature: int
    score: float
    """By the metric: at the token, or of the whole prompt."""
    act: float
    """Activation at the token; the largest of the prompt."""
    label: str


@dataclass(frozen=True)
class PromptFeatures:
    """Features of one prompt and what they score, token by token."""

    prompt: str
    tokens: list[int]
    token_texts: list[str]
    is_special: list[bool]
    metric: str
    target: str | None
    """The next token that attribution explains; None for other metrics."""
    features: list[int]
    acts: Float[Tensor, "n n_pos"]
    scores: Float[Tensor, "n n_pos"]
    """By the metric; NaN where it is not defined: at special tokens, and loss effects at the last token."""
    labels: dict[int, str]

    @property
    def overall(self) -> Float[Tensor, " n"]:
        """Each feature's score of the whole prompt."""
        return overall(self.scores, self.metric)

    def top(self, k: int | None = None, position: int | None = None) -> list[PromptFeature]:
        """The `k` features that score most, either sign, at one token or on the whole prompt.

        Raises:
            ValueError: If there is no such token.
        """
        if position is not None:
            check_position(position, self.token_texts, self.is_special)
        scores = self.overall if position is None else self.scores[:, position]
        acts = overall(self.acts, "act_size") if position is None else self.acts[:, position]
        kept = torch.arange(len(acts)) if position is None else (acts != 0).nonzero()[:, 0]
        order = kept[scores[kept].nan_to_num().abs().argsort(descending=True, stable=True)][:k]
        return [
            PromptFeature(self.features[i], float(scores[i]), float(acts[i]), self.labels.get(self.features[i], ""))
            for i in order.tolist()
        ]

    def table(self) -> list[dict[str, Any]]:
        """A row for each feature and token where it fires: what a data frame is made of."""
        rows = []
        for i, position in self.acts.nonzero().tolist():
            feature = self.features[i]
            rows.append(
                {
                    "feature": feature,
                    "label": self.labels.get(feature, ""),
                    "position": position,
                    "token": self.token_texts[position],
                    "activation": float(self.acts[i, position]),
                    self.metric: float(self.scores[i, position]),
                }
            )
        return rows


@dataclass(frozen=True)
class PromptComparison:
    """The same features on two prompts; tokens side by side as `difflib` matches them."""

    left: PromptFeatures
    right: PromptFeatures
    pairs: list[tuple[int | None, int | None]]
    """Positions in the left and the right prompt; None where the other one has no such token."""

    @property
    def difference(self) -> Float[Tensor, " n"]:
        """Right less left, of the whole prompts."""
        return self.right.overall - self.left.overall

    @property
    def differences(self) -> Float[Tensor, "n n_pairs"]:
        """Right less left at each pair of tokens; NaN where there is only one."""
        columns = [
            self.right.scores[:, j] - self.left.scores[:, i]
            if i is not None and j is not None
            else torch.full((len(self.left.features),), torch.nan)
            for i, j in self.pairs
        ]
        return torch.stack(columns, dim=1)

    def table(self) -> list[dict[str, Any]]:
        """A row for each feature, largest difference first."""
        left, right = self.left.overall, self.right.overall
        order = self.difference.nan_to_num().abs().argsort(descending=True, stable=True).tolist()
        return [
            {
                "feature": (feature := self.left.features[i]),
                "label": self.left.labels.get(feature, ""),
                "left": float(left[i]),
                "right": float(right[i]),
                "difference": float(right[i] - left[i]),
            }
            for i in order
        ]


def aligned(left: Sequence[int], right: Sequence[int]) -> list[tuple[int | None, int | None]]:
    """Positions side by side: equal runs as `difflib` finds them, replaced tokens pair by pair, the rest alone."""
    pairs: list[tuple[int | None, int | None]] = []
    matcher = difflib.SequenceMatcher(None, list(left), list(right), autojunk=False)
    for _, i, i_end, j, j_end in matcher.get_opcodes():
        for step in range(max(i_end - i, j_end - j)):
            pairs.append((i + step if i + step < i_end else None, j + step if j + step < j_end else None))
    return pairs


def overall(scores: Float[Tensor, "n n_pos"], metric: str) -> Float[Tensor, " n"]:
    """The score of the whole prompt: the sum of what adds up, else the largest of either sign; NaN if all are."""
    if scores.shape[1] == 0:
        return scores.new_zeros(len(scores))
    known = scores.nan_to_num()
    if metric in SUMMED:
        whole = known.double().sum(1).to(scores.dtype)
    else:
        whole = known.gather(1, known.abs().argmax(1, keepdim=True))[:, 0]
    return torch.where(scores.isnan().all(1), torch.nan, whole)


def quantiles_of(
    statistics: FeatureStatistics, features: Sequence[int], acts: Float[Tensor, "n n_pos"]
) -> Float[Tensor, "n n_pos"]:
    """Share of a feature's activations below each of `acts`, interpolated within a bin; 0 where it does not fire."""
    rows = torch.tensor(list(features), dtype=torch.long)
    counts = statistics.histogram[rows].double()
    width, largest = statistics.bin_width[rows].double()[:, None], statistics.max_act[rows].double()[:, None]
    below = torch.cat([counts.new_zeros(len(rows), 1), counts.cumsum(1)], dim=1)
    size = acts.double().abs()
    at = (size / width.clamp_min(1e-300)).long().clamp(0, counts.shape[1] - 1)
    lower = at * width
    upper = torch.minimum(lower + width, largest)  # the last bin in use ends at the maximum
    inside = torch.where(upper > lower, (size - lower) / (upper - lower).clamp_min(1e-300), 1.0).clamp(0, 1)
    share = (below.gather(1, at) + inside * counts.gather(1, at)) / below[:, -1:].clamp_min(1)
    share = torch.where((size >= largest) & (below[:, -1:] > 0), 1.0, share)
    return torch.where(size > 0, share, 0.0).float()


def check_metric(metric: str) -> None:
    """Raise ValueError where there is no such metric."""
    if metric not in METRICS:
        near = difflib.get_close_matches(str(metric), METRICS, n=1, cutoff=0.3)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        raise ValueError(f"No metric {metric!r}; there are {', '.join(METRICS)}.{hint}")


def check_position(position: int, texts: Sequence[str], is_special: Sequence[bool]) -> None:
    """Raise ValueError where there is no such token, or where it is a special one."""
    if not 0 <= position < len(texts):
        raise ValueError(f"No token {position}: the prompt has {len(texts)}, 0 to {len(texts) - 1}.")
    if is_special[position]:
        raise ValueError(f"Token {position} is special ({texts[position]!r}); its features are left out.")
