"""Features as JSON, the way SAEDashboard writes and Neuronpedia exports them; both ways.

    batch-0.json                   {"model_id", "layer", "sae_set", "features": [{"feature_index", ...}, ...]}
    features/batch-0.jsonl.gz      a feature a line, as Neuronpedia's API gives it ("index", "maxActApprox", ...)
    activations/batch-0.jsonl.gz   {"index", "tokens", "values"} a line
    explanations/batch-0.jsonl.gz  {"index", "description", "explanationModelName"} a line

The first is SAEDashboard's; it is written and, where there are labels, the last beside it. Tokens are texts there and
numbers here: a tokenizer turns them back. Histograms there begin at the smallest activation, here at 0: the bars keep
their width and move to the bin their middle lies in.
"""

import contextlib
import gzip
import json
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from sae_widgets.features.contexts import FeatureContext
from sae_widgets.features.logits import logit_effects
from sae_widgets.features.statistics import FeatureStatistics
from sae_widgets.features.survey import N_TOP_TOKENS
from sae_widgets.hooked import as_hooked
from sae_widgets.neuronpedia import Neuronpedia, NoExplanationsError, id_of, neuronpedia_labels
from sae_widgets.sae import SAE
from sae_widgets.token_text import CONTINUATION, token_texts
from sae_widgets.web import gunzip, write_whole

__all__ = ["neuronpedia_statistics", "read_neuronpedia", "statistics_of_rows", "write_neuronpedia"]

FEATURES_PER_FILE = 128
N_LOGIT_BINS = 50
N_LOGITS = 10
N_NEURONS = 3

_Context = tuple[tuple[str, ...], tuple[float, ...]]
"""Texts of tokens, and the feature's activation at each."""


# -- writing ----------------------------------------------------------------------------------------------------------


def write_neuronpedia(
    folder: str | Path,
    statistics: FeatureStatistics,
    sae: SAE,
    model: Any,
    *,
    features: Iterable[int] | None = None,
    dataset: str = "",
) -> list[Path]:
    """The files in `folder` that now hold the features, for SAEDashboard's readers and for an upload to Neuronpedia.

    Args:
        folder: Made if need be.
        statistics: Of `sae`, as `feature_statistics` gives them; their labels become explanations.
        sae: Says where the features belong; its Neuronpedia id names the set, where it has one.
        model: The model, for token texts and for the tokens that features promote.
        features: Which; None is all that ever fired.
        dataset: Name of the texts that the statistics are of.

    Raises:
        ValueError: If the statistics are of another SAE, or there is no such feature.
    """
    if statistics.d_sae != sae.cfg.d_sae:
        raise ValueError(f"The statistics are of {statistics.d_sae} features, the SAE has {sae.cfg.d_sae}.")
    chosen = statistics.density.nonzero()[:, 0].tolist() if features is None else sorted({int(f) for f in features})
    missing = [feature for feature in chosen if not 0 <= feature < sae.cfg.d_sae]
    if missing:
        raise ValueError(f"No feature {missing[0]}: there are {sae.cfg.d_sae}, from 0.")
    place = _place(sae)
    context_tokens = sae.cfg.metadata.context_size or 1
    common = {
        "n_prompts_total": statistics.n_tokens // context_tokens,
        "n_tokens_in_prompt": context_tokens,
        "dataset": dataset,
    }
    folder, written = Path(folder), []
    for number, start in enumerate(range(0, len(chosen), FEATURES_PER_FILE)):
        part = chosen[start : start + FEATURES_PER_FILE]
        rows = [{**_feature_row(statistics, sae, model, feature), **common} for feature in part]
        text = json.dumps({**place, "features": rows}, allow_nan=False)
        written.append(folder / f"batch-{number}.json")
        write_whole(written[-1], text.encode())
        labelled = [feature for feature in part if statistics.labels.get(feature)]
        if labelled:
            source = {"modelId": place["model_id"], "layer": f"{place['layer']}-{place['sae_set']}"}
            lines = [
                json.dumps({**source, "index": str(feature), "description": statistics.labels[feature]})
                for feature in labelled
            ]
            written.append(folder / "explanations" / f"batch-{number}.jsonl.gz")
            write_whole(written[-1], gzip.compress("\n".join(lines).encode(), mtime=0))
    return written


def _place(sae: SAE) -> dict[str, Any]:
    """Model, layer and set, as Neuronpedia names them."""
    metadata = sae.cfg.metadata
    model, _, source = str(metadata.neuronpedia_id or "").partition("/")
    layer, _, name = source.partition("-")
    if model and layer.isdecimal():
        return {"model_id": model, "layer": int(layer), "sae_set": name}
    hook = str(metadata.hook_name or "").rsplit(".", 1)[-1]
    return {"model_id": str(metadata.model_name or ""), "layer": sae.cfg.hook_layer or 0, "sae_set": hook}


def _feature_row(statistics: FeatureStatistics, sae: SAE, model: Any, feature: int) -> dict[str, Any]:
    """A feature as SAEDashboard has it; what would need another pass over the activations is left empty."""
    width = float(statistics.bin_width[feature])
    heights = statistics.histogram[feature].tolist() if width else []
    tokenizer = as_hooked(model).tokenizer
    return {
        "feature_index": feature,
        **_neurons(sae, feature),
        **{f"correlated_{what}_{key}": [] for what in ("neurons", "features") for key in ("indices", "l1", "pearson")},
        **_logits(sae, model, feature),
        "frac_nonzero": float(statistics.density[feature]),
        "freq_hist_data_bar_values": [_short((i + 0.5) * width) for i in range(len(heights))],
        "freq_hist_data_bar_heights": heights,
        "decoder_weights_dist": [],
        "activations": [
            {
                "bin_min": -1.0,  # with these three SAEDashboard marks the group of the largest activations
                "bin_max": _short(float(statistics.max_act[feature])),
                "bin_contains": -1.0,
                "tokens": token_texts(tokenizer, context.tokens),
                "values": [_short(act) for act in context.acts],
            }
            for context in statistics.top_contexts.get(feature, [])
        ],
    }


def _neurons(sae: SAE, feature: int) -> dict[str, Any]:
    """The residual stream's axes that a feature writes to most."""
    direction = sae.W_dec[feature].detach().float()
    top = direction.topk(min(N_NEURONS, len(direction)))
    size = direction.abs().sum().clamp_min(torch.finfo(torch.float32).tiny)
    return {
        "neuron_alignment_indices": top.indices.tolist(),
        "neuron_alignment_values": [_short(value) for value in top.values.tolist()],
        "neuron_alignment_l1": [_short(value) for value in (top.values / size).tolist()],
    }


def _logits(sae: SAE, model: Any, feature: int) -> dict[str, Any]:
    """The tokens that a feature promotes and suppresses; empty where it does not write to the residual stream."""
    names = ("neg_str", "neg_values", "pos_str", "pos_values")
    bars = ("logits_hist_data_bar_heights", "logits_hist_data_bar_values")
    try:
        effects = logit_effects(model, sae, feature, N_LOGITS)
    except NotImplementedError:
        return {name: [] for name in (*names, *bars)}
    values = effects.effects
    low, high = float(values.min()), float(values.max())
    step = (high - low) / N_LOGIT_BINS
    heights = torch.histc(values, N_LOGIT_BINS, low, high).tolist() if step else []
    lists = (
        [each.text for each in effects.suppressed],
        [_short(each.effect) for each in effects.suppressed],
        [each.text for each in effects.promoted],
        [_short(each.effect) for each in effects.promoted],
    )
    centres = [_short(low + (i + 0.5) * step) for i in range(len(heights))]
    return {**dict(zip(names, lists, strict=True)), **dict(zip(bars, (heights, centres), strict=True))}


def _short(value: float | int) -> float:
    """`value` to six digits, all that a picture shows."""
    return float(f"{value:.6g}")


# -- reading ----------------------------------------------------------------------------------------------------------


def read_neuronpedia(path: str | Path, *, d_sae: int | None = None, tokenizer: Any = None) -> FeatureStatistics:
    """The statistics in a file, or in all files of a folder, of any of the forms above; labels are explanations.

    Args:
        path: What SAEDashboard or `write_neuronpedia` wrote, Neuronpedia's exports, or an answer of its API.
        d_sae: Number of features; None is one more than the largest that the files name.
        tokenizer: Turns texts of tokens into numbers again; without it there are no top contexts, but top tokens.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If a file is damaged, holds nothing of this kind, or names a feature past `d_sae`.
    """
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"No file or folder {str(path)!r}.")
    suffixes = (".json", ".jsonl", ".jsonl.gz")
    files = [path] if path.is_file() else sorted(p for p in path.rglob("*") if p.name.endswith(suffixes))
    rows = [row for file in files for row in _rows_of(file)]
    return statistics_of_rows(rows, d_sae=d_sae, tokenizer=tokenizer, where=str(path))


def neuronpedia_statistics(
    sae: SAE | str, *, refresh: bool = False, client: Neuronpedia | None = None
) -> FeatureStatistics:
    """What Neuronpedia exports of every feature, explanations as labels: what widgets show of it.

        statistics = sw.neuronpedia_statistics(sae)
        sw.TokenHeatmap(model, sae, "The capital of France", statistics=statistics)

    Top contexts stay out: they are by far the largest part. Asks the network the first time only.

    Args:
        sae: An SAE that Neuronpedia shows, or its id there.
        refresh: Whether to download anew.
        client: Where Neuronpedia is; None is the public one.

    Raises:
        ValueError: If the SAE has no id there, or Neuronpedia exports no features of it, or those of another SAE.
        ConnectionError: If the network is needed and not there.
    """
    client, source_id = client or Neuronpedia(), id_of(sae)
    folder = client.folder(source_id) / "statistics"
    d_sae = sae.cfg.d_sae if isinstance(sae, SAE) else None
    if not refresh:
        with contextlib.suppress(FileNotFoundError, ValueError):  # never downloaded, or damaged since
            kept = FeatureStatistics.load(folder)
            if d_sae in (None, kept.d_sae):
                return kept
    rows = client.exported(source_id, "features")
    with contextlib.suppress(NoExplanationsError):
        labels = neuronpedia_labels(source_id, refresh=refresh, client=client)
        rows += [{"index": feature, "description": label} for feature, label in labels.items()]
    statistics = statistics_of_rows(rows, d_sae=d_sae, where=f"Neuronpedia's export of {source_id!r}")
    statistics.save(folder)
    return statistics


def statistics_of_rows(
    rows: Iterable[Mapping[str, Any]], *, d_sae: int | None = None, tokenizer: Any = None, where: str = "the rows"
) -> FeatureStatistics:
    """The statistics that rows of the forms above hold; `where` they come from is for messages.

    Raises:
        ValueError: As `read_neuronpedia`.
    """
    found: dict[int, dict[str, Any]] = {}
    for row in rows:
        try:
            _take(found, row)
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"{where} is damaged: {error} in {json.dumps(row, default=str)[:120]}.") from error
    if not found:
        raise ValueError(f"{where} holds no features: expected JSON of SAEDashboard or Neuronpedia.")
    n_features = max(found) + 1 if d_sae is None else d_sae
    outside = [feature for feature in found if not 0 <= feature < n_features]
    if outside:
        raise ValueError(f"{where} names feature {outside[0]}; the SAE has {n_features}. Is it another SAE's?")
    return _assembled(found, n_features, tokenizer)


def _rows_of(file: Path) -> list[Mapping[str, Any]]:
    """The objects in a file: those of JSON lines, those of a list, or its one."""
    content = gunzip(file.read_bytes()) if file.name.endswith(".gz") else file.read_bytes()
    try:
        text = content.decode("utf-8")
        if ".jsonl" in file.name:
            rows = [json.loads(line) for line in text.splitlines() if line.strip()]
        else:
            whole = json.loads(text)
            rows = whole if isinstance(whole, list) else [whole]
    except ValueError as error:
        raise ValueError(f"{file} is not JSON ({error}). Was it cut off while copying?") from error
    return [row for row in rows if isinstance(row, Mapping)]


def _take(found: dict[int, dict[str, Any]], row: Mapping[str, Any]) -> None:
    """Adds what `row` says to `found`; a row of another kind (a source, a release) says nothing."""
    if isinstance(row.get("features"), list):  # a whole file of SAEDashboard
        for each in row["features"]:
            _take(found, each)
        return
    if "feature_index" not in row and "index" not in row:
        return
    feature = int(row.get("feature_index", row.get("index")))  # type: ignore[arg-type]
    entry = found.setdefault(feature, {"row": {}, "contexts": [], "label": ""})
    if "tokens" in row:
        entry["contexts"].append(_context(row))
        return
    if "frac_nonzero" in row or "activations" in row:
        entry["row"] = row
        entry["contexts"] += [_context(each) for each in row.get("activations") or []]
    for each in (row, *(row.get("explanations") or [])):
        entry["label"] = entry["label"] or str(each.get("description") or "").strip()


def _context(row: Mapping[str, Any]) -> _Context:
    tokens, values = tuple(str(token) for token in row["tokens"]), tuple(_finite(value) for value in row["values"])
    if len(tokens) != len(values):
        raise ValueError(f"{len(tokens)} tokens have {len(values)} values")
    return tokens, values


def _finite(value: Any) -> float:
    number = float(value)
    return number if math.isfinite(number) else 0.0


def _assembled(found: Mapping[int, Mapping[str, Any]], d_sae: int, tokenizer: Any) -> FeatureStatistics:
    density, max_act, mean_act, bin_width = (torch.zeros(d_sae) for _ in range(4))
    bars: dict[int, list[float]] = {}
    contexts: dict[int, list[FeatureContext]] = {}
    top_tokens: dict[int, list[str]] = {}
    ids = _TokenIds(tokenizer) if tokenizer is not None else None
    n_tokens = 0
    for feature, entry in found.items():
        row, fired = entry["row"], _firing(entry["contexts"])
        n_tokens = max(n_tokens, int(row.get("n_prompts_total") or 0) * int(row.get("n_tokens_in_prompt") or 0))
        bin_width[feature], bars[feature], mean_act[feature] = _histogram(row)
        density[feature] = _finite(row.get("frac_nonzero") or 0.0)
        max_act[feature] = max([_finite(row.get("maxActApprox") or 0.0), *(max(acts) for _, acts in fired)])
        if fired:
            peaks = Counter(tokens[acts.index(max(acts))] for tokens, acts in fired)
            top_tokens[feature] = [token for token, _ in peaks.most_common(N_TOP_TOKENS)]
        made = [each for tokens, acts in fired if ids is not None and (each := ids.context(tokens, acts)) is not None]
        if made:
            contexts[feature] = made
    histogram = torch.zeros(d_sae, max(1, *(len(heights) for heights in bars.values())))
    for feature, heights in bars.items():
        histogram[feature, : len(heights)] = torch.tensor(heights)
    labels = {feature: entry["label"] for feature, entry in sorted(found.items()) if entry["label"]}
    return FeatureStatistics(
        n_tokens, density, max_act, mean_act, histogram, bin_width, contexts, top_tokens, labels
    )  # fmt: skip


def _firing(contexts: Sequence[_Context]) -> list[_Context]:
    """The contexts in which the feature fires, strongest first, none twice."""
    fired = [each for each in dict.fromkeys(contexts) if max(each[1], default=0.0) > 0]
    return sorted(fired, key=lambda each: -max(each[1]))


def _histogram(row: Mapping[str, Any]) -> tuple[float, list[float], float]:
    """Width of the bins, their heights from 0 on, and the mean activation; all 0 where there are no bars."""
    centres = [_finite(value) for value in row.get("freq_hist_data_bar_values") or []]
    heights = [_finite(value) for value in row.get("freq_hist_data_bar_heights") or []]
    if len(centres) != len(heights):
        raise ValueError(f"a histogram has {len(centres)} bars and {len(heights)} heights")
    if not centres or not sum(heights):
        return 0.0, [], 0.0
    width = (centres[-1] - centres[0]) / (len(centres) - 1) if len(centres) > 1 else 2 * centres[0]
    if width <= 0 or centres[0] < 0:
        raise ValueError("a histogram's bars do not rise from 0")
    bins = [0.0] * (int(centres[-1] / width) + 1)
    for centre, height in zip(centres, heights, strict=True):
        bins[int(centre / width)] += height
    mean = sum(c * h for c, h in zip(centres, heights, strict=True)) / sum(heights)
    return width, bins, mean


class _TokenIds:
    """Numbers of tokens from their texts, where there is no doubt."""

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        self._by_text: dict[str, int] | None = None

    def context(self, texts: Sequence[str], acts: Sequence[float]) -> FeatureContext | None:
        """The context with its tokens as numbers; None where they cannot be told."""
        ids = self._of(texts)
        return None if ids is None else FeatureContext(ids, list(acts), acts.index(max(acts)))

    def _of(self, texts: Sequence[str]) -> list[int] | None:
        whole = "".join(text for text in texts if text != CONTINUATION)
        again = self._tokenizer(whole, add_special_tokens=False)["input_ids"]
        if len(again) == len(texts) and token_texts(self._tokenizer, again) == list(texts):
            return list(again)
        if self._by_text is None:
            n = len(self._tokenizer)
            self._by_text = {token_texts(self._tokenizer, [i])[0]: i for i in reversed(range(n))}
        ids = [self._by_text.get(text) for text in texts]
        return None if None in ids else [each for each in ids if each is not None]
