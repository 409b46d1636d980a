"""A set of features as the JSON files that SAEDashboard writes and Neuronpedia takes.

    batch-0.json                   {"model_id", "layer", "sae_set", "sae_id_suffix", "features": [...]}
    skipped_indexes.json           features that are in no batch: dead, or not asked for
    run_settings.json              what the features were gathered from
    explanations/batch-0.jsonl.gz  {"index", "description", ...} a line, where there are labels; Neuronpedia's own

A feature has all of SAEDashboard's fields: tables of neurons and features (three rows), logits (ten each way) and their
histogram, the histogram of activations, the strongest contexts (`bin_min` and `bin_contains` -1) and those drawn from
ten equal parts of the range. `vector`, which SAEDashboard fills for vectors alone, is the decoder row.
`neuronpedia_json` reads it all again.
"""

import gzip
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch

from sae_widgets.features.contexts import FeatureContext
from sae_widgets.features.lab import FeatureLab
from sae_widgets.features.logits import logit_effects
from sae_widgets.features.statistics import FeatureStatistics
from sae_widgets.hooked import as_hooked
from sae_widgets.sae import SAE
from sae_widgets.token_text import token_texts
from sae_widgets.web import write_whole

__all__ = ["write_neuronpedia"]

FEATURES_PER_FILE = 128
N_LOGIT_BINS = 50
N_LOGITS = 10
N_NEURONS = 3
N_INTERVALS, N_IN_INTERVAL = 10, 5


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
    place, lab = _place(sae), FeatureLab(model, sae, statistics)
    context_tokens = sae.cfg.metadata.context_size or 1
    common = {
        "n_prompts_total": statistics.n_tokens // context_tokens,
        "n_tokens_in_prompt": context_tokens,
        "dataset": dataset,
    }
    folder = Path(folder)
    settings = {**place, **common, "sae": sae.cfg.to_dict(), "about": statistics.about, "n_features": len(chosen)}
    skipped = {**place, "layer": str(place["layer"]), "skipped_indexes": sorted({*range(sae.cfg.d_sae)} - {*chosen})}
    written = [folder / "run_settings.json", folder / "skipped_indexes.json"]
    for file, values in zip(written, (settings, skipped), strict=True):
        write_whole(file, json.dumps(values, indent=1, default=str).encode())
    for number, start in enumerate(range(0, len(chosen), FEATURES_PER_FILE)):
        part = chosen[start : start + FEATURES_PER_FILE]
        rows = [{**_feature_row(lab, feature), **common} for feature in part]
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
        return {"model_id": model, "layer": int(layer), "sae_set": name, "sae_id_suffix": None}
    hook = str(metadata.hook_name or "").rsplit(".", 1)[-1]
    return {
        "model_id": str(metadata.model_name or ""),
        "layer": sae.cfg.hook_layer or 0,
        "sae_set": hook,
        "sae_id_suffix": None,
    }


def _feature_row(lab: FeatureLab, feature: int) -> dict[str, Any]:
    """A feature as SAEDashboard has it; what was not gathered is left empty."""
    statistics, sae, model = lab.statistics, lab.sae, lab.model
    width = float(statistics.bin_width[feature])
    heights = statistics.histogram[feature].tolist() if width else []
    tokenizer = as_hooked(model).tokenizer
    return {
        "feature_index": feature,
        **_neurons(sae, feature),
        **_correlated(lab, feature),
        **_logits(sae, model, feature),
        "frac_nonzero": float(statistics.density[feature]),
        "freq_hist_data_bar_values": [_short((i + 0.5) * width) for i in range(len(heights))],
        "freq_hist_data_bar_heights": heights,
        "decoder_weights_dist": _by_head(sae, model, feature),
        "vector": [_short(value) for value in sae.W_dec[feature].detach().flatten().tolist()],
        "activations": _activations(statistics, tokenizer, feature),
    }


def _activations(statistics: FeatureStatistics, tokenizer: Any, feature: int) -> list[dict[str, Any]]:
    """The contexts: with -1 SAEDashboard marks the group of the largest activations."""
    largest = _short(float(statistics.max_act[feature]))
    groups = [((-1.0, largest, -1.0), statistics.top_contexts.get(feature, []))]
    if groups[0][1] and (statistics.interval_contexts is not None or statistics.random_contexts is not None):
        for group in statistics.groups(feature, N_INTERVALS, N_IN_INTERVAL):
            groups.append(((_short(group.low), _short(group.high), _short(group.share)), group.contexts))
    return [_activation(tokenizer, *ends, context) for ends, contexts in groups for context in contexts]


def _activation(tokenizer: Any, low: float, high: float, share: float, context: FeatureContext) -> dict[str, Any]:
    return {
        "bin_min": low,
        "bin_max": high,
        "bin_contains": share,
        "tokens": token_texts(tokenizer, context.tokens),
        "values": [_short(act) for act in context.acts],
        "qualifying_token_index": context.position,
    }


def _correlated(lab: FeatureLab, feature: int) -> dict[str, Any]:
    """Neurons and features that go with it; "l1" is the cosine, as SAEDashboard fills that field."""
    neurons = lab.correlated_neurons(feature, N_NEURONS)
    sample = lab.statistics.sample
    features = [] if sample is None else sample.correlated(feature, N_NEURONS)
    return {
        "correlated_neurons_indices": [each.index for each in neurons],
        "correlated_neurons_l1": [_short(each.share) for each in neurons],
        "correlated_neurons_pearson": [_short(each.value) for each in neurons],
        "correlated_features_indices": [each.feature for each in features],
        "correlated_features_l1": [_short(each.cosine) for each in features],
        "correlated_features_pearson": [_short(each.pearson) for each in features],
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


def _by_head(sae: SAE, model: Any, feature: int) -> list[float]:
    """Each attention head's share of the decoder row's length, of an SAE of all heads' outputs; else empty."""
    n_heads = getattr(as_hooked(model).cfg, "n_heads", 0)
    row = sae.W_dec[feature].detach().float().flatten()
    if not str(sae.cfg.hook_name).endswith("hook_z") or not n_heads or len(row) % n_heads:
        return []
    norms = row.reshape(n_heads, -1).norm(dim=1)
    return [_short(value) for value in (norms / norms.sum().clamp_min(1e-30)).tolist()]


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
    """`value` to six digits, all that a picture shows; NaN, which JSON has not, as 0."""
    if value != value:
        return 0.0
    return float(f"{value:.6g}")
