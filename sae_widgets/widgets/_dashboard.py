"""What the page of a feature shows, as plain values."""

from collections.abc import Iterable
from typing import Any

from sae_widgets.features.contexts import FeatureContext
from sae_widgets.features.effects import FeatureEffects
from sae_widgets.features.lab import FeatureLab, Neuron
from sae_widgets.features.logits import TokenEffect
from sae_widgets.features.statistics import FeatureStatistics
from sae_widgets.token_text import token_texts

N_GROUPS, N_IN_GROUP, N_RANDOM = 10, 5, 10


def page_of(lab: FeatureLab, feature: int, group_by: str = "interval", k: int = 10) -> dict[str, Any]:
    """All of one feature but its contexts' effects and whole rows, which take the model."""
    statistics = lab.statistics
    low, high = statistics.density_interval(feature)
    return {
        "feature": feature,
        "label": statistics.labels.get(feature, ""),
        "top_tokens": list(statistics.top_tokens.get(feature, [])),
        "n_tokens": statistics.n_tokens,
        "density": float(statistics.density[feature]),
        "density_low": low,
        "density_high": high,
        "n_active": int(statistics.histogram[feature].sum()),
        "max_act": float(statistics.max_act[feature]),
        "shape": statistics.shape(feature),
        "histogram": {
            "counts": statistics.histogram[feature].long().tolist(),
            "width": float(statistics.bin_width[feature]),
        },
        "logits": _logits(lab, feature, k),
        "weights": vars(lab.weights(feature)),
        "alignment": _neurons(lab.alignment(feature, k)),
        "neurons": _neurons(lab.correlated_neurons(feature, k)),
        "neighbours": [[f, cosine, statistics.labels.get(f, "")] for f, cosine in lab.neighbours(feature, k)],
        "correlated": _correlated(lab, feature, k),
        "tokens": _exciting(lab, feature, k),
        "n_sample": 0 if statistics.sample is None else len(statistics.sample),
        "groups": _groups(lab, feature, group_by),
    }


def search(statistics: FeatureStatistics, query: str, limit: int = 20) -> list[dict[str, Any]]:
    """Features by number, label or token, for the page."""
    return [
        {
            "feature": feature,
            "label": statistics.labels.get(feature) or " ".join(statistics.top_tokens.get(feature, [])),
            "peak": float(statistics.max_act[feature]),
        }
        for feature in statistics.search(query, limit=limit)
    ]


def _neurons(neurons: Iterable[Neuron]) -> list[list[Any]]:
    return [list(neuron) for neuron in neurons]


def _logits(lab: FeatureLab, feature: int, k: int) -> dict[str, Any]:
    try:
        effects = lab.logits(feature, k)
    except NotImplementedError as error:
        return {"note": str(error)}
    counts, low, high = lab.logit_histogram(effects)
    up, down = ([_token(each) for each in some] for some in (effects.promoted, effects.suppressed))
    return {"up": up, "down": down, "counts": counts, "low": low, "high": high}


def _token(each: TokenEffect) -> list[Any]:
    return [each.token_id, each.text, each.effect]


def _correlated(lab: FeatureLab, feature: int, k: int) -> list[list[Any]]:
    if lab.statistics.sample is None:
        return []
    return [
        [*each, lab.statistics.labels.get(each.feature, "")] for each in lab.statistics.sample.correlated(feature, k)
    ]


def _exciting(lab: FeatureLab, feature: int, k: int) -> list[list[Any]]:
    if lab.statistics.sample is None:
        return []
    found = lab.statistics.sample.best_tokens(feature, k)
    return [[token, token_texts(lab.model.tokenizer, [token])[0], *rest] for token, *rest in found]


def _groups(lab: FeatureLab, feature: int, group_by: str) -> list[dict[str, Any]]:
    statistics = lab.statistics
    top = statistics.top_contexts.get(feature, [])
    groups = [{"kind": "top", "contexts": [context_of(lab, each) for each in top]}] if top else []
    for group in statistics.groups(feature, N_GROUPS, N_IN_GROUP, group_by) if top else ():
        if group.contexts:
            drawn = [context_of(lab, each) for each in group.contexts]
            groups.append(
                {"kind": group_by, "low": group.low, "high": group.high, "share": group.share, "contexts": drawn}
            )
    table = statistics.random_contexts
    if table is not None and feature in table:
        groups.append({"kind": "random", "contexts": [context_of(lab, c) for c in table[feature][:N_RANDOM]]})
    return groups


def context_of(lab: FeatureLab, context: FeatureContext) -> dict[str, Any]:
    """A context for the page."""
    return {
        "texts": token_texts(lab.model.tokenizer, context.tokens),
        "ids": context.tokens,
        "acts": [round(act, 6) for act in context.acts],
        "at": context.position,
        "row": context.row,
        "start": context.start,
        "document": context.document,
        "n_times": context.n_times,
    }


def effects_of(lab: FeatureLab, effects: FeatureEffects, start: int, n: int) -> dict[str, Any]:
    """The effects at `n` positions from `start` on."""
    part = slice(start, start + n)

    def named(ids: Any, values: Any) -> list[list[list[Any]]]:
        return [
            [[token_texts(lab.model.tokenizer, [token])[0], value] for token, value in zip(row, some, strict=True)]
            for row, some in zip(ids[part].tolist(), values[part].tolist(), strict=True)
        ]

    loss = [None if value != value else value for value in effects.loss_effect[part].tolist()]
    return {
        "loss": loss,
        "kl": effects.kl[part].tolist(),
        "up": named(effects.up, effects.up_effect),
        "down": named(effects.down, effects.down_effect),
    }
