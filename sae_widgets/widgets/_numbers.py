"""The numbers of each widget as pandas frames, the most natural one first: what `to_frame`, CSV and JSON hold."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from sae_widgets.attribution import Attribution
from sae_widgets.features.prompt_scores import PromptComparison, PromptFeatures
from sae_widgets.runs.history import History
from sae_widgets.widgets._clean import clean_text
from sae_widgets.widgets._heatmap import HeatmapData

if TYPE_CHECKING:
    from sae_widgets.loaders.catalog import CatalogEntry
    from sae_widgets.widgets._steering import SteeringResult

Frames = dict[str, pd.DataFrame]

_GROUP_NAMES = {"top": "strongest", "random": "random", "interval": "interval", "quantile": "quantile"}
_CATALOG_COLUMNS = (
    *("release", "sae_id", "repo_id", "path", "format", "model", "layer", "site", "width", "l0", "hook_name"),
    "neuronpedia_id",
)
_CONTEXT = ("group", "low", "high", "activation", "token", "text", "document", "row", "start", "n_times")
_CONTEXT_TOKENS = ("group", "low", "high", "place", "position", "token", "activation", "token_id", "is_peak")


def _frame(data: Any, columns: Sequence[str] | None = None) -> pd.DataFrame:
    """A frame of columns by name or of rows; a column of texts cannot hold lone surrogates."""
    if isinstance(data, Mapping):
        data = {clean_text(name): _clean(column) for name, column in data.items()}
    else:
        data = [{k: _clean(v) for k, v in row.items()} if isinstance(row, Mapping) else _clean(row) for row in data]
    return pd.DataFrame(data, columns=None if columns is None else list(columns))


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return clean_text(value)
    return [_clean(each) for each in value] if isinstance(value, (list, tuple)) else value


def heatmap_frames(data: HeatmapData) -> Frames:
    """`activations`: one row for each feature that fires on a token; `features`: each feature over the text."""
    positions = data.positions()
    labels = [data.labels.get(feature, "") for feature in data.features.tolist()]
    activations = {"position": positions, "token": [data.tokens[i] for i in positions]}
    if data.token_ids is not None:
        activations["token_id"] = data.token_ids[positions]
    activations |= {"feature": data.features, "label": labels, "activation": data.values}
    activations["is_special"] = data.is_special[positions]
    summary = data.summary()
    names = {"label": [data.labels.get(feature, "") for feature in summary["feature"].tolist()]}
    features = _frame({"feature": summary.pop("feature"), **names, **summary})
    return {"activations": _frame(activations), "features": features}


def prompt_frames(data: PromptFeatures | PromptComparison) -> Frames:
    """`features`: each over the whole prompt; `tokens`: where they fire; of two prompts `left`, `right` and `pairs`."""
    if isinstance(data, PromptFeatures):
        whole = [vars(each) for each in data.top()]
        return {"features": pd.DataFrame(whole), "tokens": pd.DataFrame(data.table())}
    texts = [[("" if i is None else side.token_texts[i]) for i in places] for side, places in _sides(data)]
    pairs = pd.DataFrame(data.pairs, columns=["left", "right"], dtype="Int64")
    pairs["left_token"], pairs["right_token"] = texts
    sides = {"left": pd.DataFrame(data.left.table()), "right": pd.DataFrame(data.right.table())}
    return {"features": pd.DataFrame(data.table()), **sides, "pairs": pairs}


def _sides(data: PromptComparison) -> list[tuple[PromptFeatures, list[int | None]]]:
    return [(data.left, [pair[0] for pair in data.pairs]), (data.right, [pair[1] for pair in data.pairs])]


def dashboard_frames(page: Mapping[str, Any]) -> Frames:
    """What is known of the feature on view: contexts, their tokens, and each panel's numbers."""
    if not page:
        return {}
    contexts, tokens = [], []
    for group in page["groups"]:
        facts = {"group": _GROUP_NAMES[group["kind"]], "low": group.get("low"), "high": group.get("high")}
        for place, context in enumerate(group["contexts"]):
            text, at = "".join(context["texts"]), context["at"]
            where = {name: context[name] for name in ("document", "row", "start", "n_times")}
            contexts.append({**facts, "activation": context["acts"][at], "token": context["texts"][at], "text": text})
            contexts[-1] |= where
            for i, (each, act) in enumerate(zip(context["texts"], context["acts"], strict=True)):
                tokens.append({**facts, "place": place, "position": i, "token": each, "activation": act})
                tokens[-1] |= {"token_id": context["ids"][i] if context["ids"] else None, "is_peak": i == at}
    frames = {"contexts": _frame(contexts, _CONTEXT), "context_tokens": _frame(tokens, _CONTEXT_TOKENS)}
    frames["facts"] = _facts(page)
    frames["histogram"] = _histogram(page["histogram"]["counts"], 0.0, page["histogram"]["width"])
    if "up" in page["logits"]:
        frames |= _logits(page["logits"])
    columns = {
        "tokens": (page["tokens"], ("token_id", "token", "mean", "n_fires", "n_all")),
        "correlated": (page["correlated"], ("feature", "pearson", "low", "high", "cosine", "n_both", "label")),
        "neighbours": (page["neighbours"], ("feature", "cosine", "label")),
        "neurons": (page["alignment"], ("neuron", "value", "share_of_l1")),
        "correlated_neurons": (page["neurons"], ("neuron", "pearson", "cosine")),
    }
    return frames | {name: _frame(_cut(rows, len(names)), names) for name, (rows, names) in columns.items()}


def _cut(rows: Iterable[Sequence[Any]], n: int) -> list[list[Any]]:
    return [list(row)[:n] for row in rows]


def _facts(page: Mapping[str, Any]) -> pd.DataFrame:
    names = ("feature", "label", "n_tokens", "density", "density_low", "density_high", "n_active", "max_act")
    facts = {name: page[name] for name in names} | dict(page["shape"]) | dict(page["weights"])
    return _frame([facts])


def _histogram(counts: Sequence[int], low: float, width: float) -> pd.DataFrame:
    edges = [low + i * width for i in range(len(counts) + 1)]
    return _frame({"from": edges[:-1], "to": edges[1:], "tokens": list(counts)})


def _logits(logits: Mapping[str, Any]) -> Frames:
    rows = [*logits["up"], *reversed(logits["down"])]
    n = max(1, len(logits["counts"]))
    return {
        "logits": _frame(rows, ["token_id", "token", "effect"]),
        "logit_histogram": _histogram(logits["counts"], logits["low"], (logits["high"] - logits["low"]) / n),
    }


def attribution_frames(result: Attribution | None, label: Any) -> Frames:
    """`bars`: features by method, with what adds up to the sum; `by_position`: where in the prompt they come from."""
    if result is None:
        return {}
    bars, places = [], []
    for name, method in result.methods.items():
        for feature, total in zip(method.features.tolist(), method.totals.tolist(), strict=True):
            bars.append({"method": name, "part": "feature", "feature": feature, "label": label(feature)})
            bars[-1]["effect"] = total
        for part in ("other_features", "error_term", "remainder", "total"):
            bars.append({"method": name, "part": part, "feature": None, "label": "", "effect": getattr(method, part)})
        for feature, row in zip(method.features.tolist(), method.by_position.tolist(), strict=True):
            for i, effect in enumerate(row):
                if effect:
                    places.append({"method": name, "feature": feature, "position": i, "token": result.token_texts[i]})
                    places[-1]["effect"] = effect
    frame = _frame(bars).astype({"feature": "Int64"})
    return {"bars": frame, "by_position": _frame(places)}


def steering_frames(result: "SteeringResult | None", sliders: Sequence[Mapping[str, Any]]) -> Frames:
    """`tokens`: both texts token by token; `sliders`: what was set, in units and in raw activation."""
    frames = {"sliders": _frame(list(sliders))} if sliders else {}
    if result is None:
        return frames
    names = ("token", "token_id", "logprob", "logprob_unsteered", "kl")
    rows = [
        (path, i, each.text, each.token_id, each.logprob, each.logprob_plain, each.kl)
        for path, tokens in (("unsteered", result.plain), ("steered", result.steered))
        for i, each in enumerate(tokens)
    ]
    return {"tokens": _frame(rows, ["text", "position", *names]), **frames}


def history_frames(history: History, events: Iterable[Mapping[str, Any]]) -> Frames:
    """`curves`: each curve a column, each step a row; `changes`: settings changed on the way."""
    names = history.names()
    if not names:
        return {}
    series = {}
    for name in names:
        steps, values = history.series(name)
        series[name] = pd.Series(list(values), index=list(steps)).groupby(level=0).last()
    curves = _frame(series).rename_axis("step").reset_index()
    return {"curves": curves, "changes": _frame(list(events), ["step", "name", "old", "new"])}


def toy_frames(frame: Mapping[str, Any], curve: tuple[Any, Any]) -> Frames:
    """`features`: where each points and how much of a dimension it has; `loss`: the curve; `sae`: the decoder rows."""
    n = len(frame["features"])
    features = {
        "feature": range(1, n + 1),
        "x": [x for x, _ in frame["features"]],
        "y": [y for _, y in frame["features"]],
        "importance": frame["importance"],
        "dimensionality": frame["dimensionality"],
        "is_kept": [i in set(frame["kept"]) for i in range(n)],
    }
    if frame["cosines"]:
        features["cosine_with_sae"] = frame["cosines"]
    frames = {"features": _frame(features), "loss": _frame({"step": curve[0], "loss": curve[1]})}
    if frame["rows"]:
        frames["sae"] = _frame(frame["rows"], ["x", "y"])
    return frames


def catalog_frames(entries: "Sequence[CatalogEntry]") -> Frames:
    """`results`: the SAEs that pass the filters."""
    rows = [[getattr(each, name) for name in _CATALOG_COLUMNS] for each in entries]
    return {"results": _frame(rows, _CATALOG_COLUMNS)}
