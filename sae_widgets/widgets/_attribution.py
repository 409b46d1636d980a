"""The parts of the attribution bars that know no widget: likely next tokens, and a result as a small table."""

import dataclasses
from collections.abc import Callable
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from sae_widgets.attribution import Attribution, MethodAttribution, one_token_id
from sae_widgets.hooked import HookedSAETransformer
from sae_widgets.prompt import prompt_tokens
from sae_widgets.token_text import token_texts

# Tokens a typed word is compared with: the likeliest ones. Decoding a vocabulary of 256k takes seconds, this none.
_N_SEARCHED = 2000


@dataclasses.dataclass(frozen=True)
class NextTokens:
    """How likely each token is after one prompt."""

    prompt: str
    probabilities: Float[Tensor, " d_vocab"]
    likeliest: list[int]
    texts: list[str]
    """Of the likeliest tokens, one by one."""
    first: int = 0
    """Which of them is the likeliest that can be typed: half a character has no text that gives it back."""

    def suggest(self, query: str, limit: int) -> list[list[Any]]:
        """Tokens that hold `query`, likeliest first, as [text, id, probability]; every token for an empty query."""
        needle = query.strip().lower()
        found = [i for i, text in enumerate(self.texts) if needle in text.lower()]
        # What begins with the typed letters is meant more often than what merely holds them.
        found.sort(key=lambda i: not self.texts[i].strip().lower().startswith(needle))
        return [self._row(self.likeliest[i], self.texts[i]) for i in found[:limit]]

    def _row(self, token_id: int, text: str) -> list[Any]:
        return [text, token_id, float(self.probabilities[token_id])]


@torch.no_grad()
def next_tokens(model: HookedSAETransformer, prompt: str) -> NextTokens:
    """The distribution after `prompt`, one forward pass."""
    with model.lock:
        logits = model(prompt_tokens(model, prompt))[0, -1]
    probabilities = logits.float().softmax(dim=-1).cpu()
    likeliest = probabilities.topk(min(_N_SEARCHED, len(probabilities))).indices.tolist()
    # One by one: side by side, pieces of a character would be merged as if they followed each other.
    texts = [token_texts(model.tokenizer, [token_id])[0] for token_id in likeliest]
    first = next((i for i, text in enumerate(texts) if one_token_id(model, text) == likeliest[i]), 0)
    return NextTokens(prompt, probabilities, likeliest, texts, first)


def bar_table(attribution: Attribution, label: Callable[[int], str], top: int) -> dict[str, Any]:
    """The `top` strongest features of each method with their values in all, and what is left, ready for JSON."""
    values = {name: _by_feature(method) for name, method in attribution.methods.items()}
    shown = list(dict.fromkeys(f for by in values.values() for f in sorted(by, key=lambda f: -abs(by[f]))[:top]))
    return {
        "prompt": attribution.prompt,
        "tokens": list(attribution.token_texts),
        "target": attribution.target,
        "contrast": attribution.contrast,
        "logit_difference": float(attribution.logit_difference),
        "unavailable": dict(attribution.unavailable),
        "methods": {name: _rest(method, values[name], shown) for name, method in attribution.methods.items()},
        "features": [
            {
                "feature": feature,
                "label": label(feature),
                "values": {name: by.get(feature) for name, by in values.items()},
                "at": {name: _places(method, feature) for name, method in attribution.methods.items()},
            }
            for feature in shown
        ],
    }


def _by_feature(method: MethodAttribution) -> dict[int, float]:
    return dict(zip((int(f) for f in method.features), (float(t) for t in method.totals), strict=True))


def _rest(method: MethodAttribution, values: dict[int, float], shown: list[int]) -> dict[str, float]:
    """What the features in the table do not hold: with their sum it makes the method's total."""
    unlisted = sum(value for feature, value in values.items() if feature not in set(shown))
    return {
        "others": float(method.other_features) + unlisted,
        "error_term": float(method.error_term),
        "remainder": float(method.remainder),
        "total": float(method.total),
    }


def _places(method: MethodAttribution, feature: int) -> list[list[Any]]:
    """[position, contribution] wherever `feature` contributes."""
    rows = [i for i, f in enumerate(method.features) if int(f) == feature]
    if not rows:
        return []
    by_position = method.by_position[rows[0]]
    return [[p, float(v)] for p, v in enumerate(by_position) if float(v) != 0]


REST_ROWS = (("Other features", "others"), ("SAE error", "error_term"), ("Remainder", "remainder"))


def bar_rows(bars: dict[str, Any], sort_by: str, top: int) -> list[tuple[str, list[float | None]]]:
    """The rows as the page orders them: features by the size under `sort_by`, what is left, and the sum, per method."""
    methods = bars["methods"]
    order = sort_by if sort_by in methods else next(iter(methods))
    features = sorted(bars["features"], key=lambda row: -abs(row["values"].get(order) or 0.0))
    shown, hidden = features[:top], features[top:]
    rows = [(f"#{row['feature']} {row['label']}".strip(), [row["values"].get(m) for m in methods]) for row in shown]
    for title, key in REST_ROWS:
        unlisted = {m: sum(row["values"].get(m) or 0.0 for row in hidden) if key == "others" else 0.0 for m in methods}
        rows.append((title, [rest[key] + unlisted[m] for m, rest in methods.items()]))
    sums = [sum(values[i] or 0.0 for _, values in rows) for i in range(len(methods))]
    return [*rows, ("Sum", sums)]
