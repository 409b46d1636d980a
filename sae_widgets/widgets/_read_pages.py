"""The pages of features that files describe, without model, SAE or statistics; what a file does not say is empty."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sae_widgets.neuronpedia import Explanation
from sae_widgets.neuronpedia_json import ReadContext, ReadFeature, histogram_of, read_features
from sae_widgets.widgets._clean import clean_text, json_safe
from sae_widgets.widgets._refused import RefusedError

_UNKNOWN_SHAPE = {"mean": None, "variance": None, "skewness": None, "kurtosis": None}
_UNKNOWN_WEIGHTS = dict.fromkeys(("decoder_norm", "encoder_norm", "encoder_decoder_cosine", "encoder_bias"))


class ReadFeatures:
    """Features of SAEDashboard's or Neuronpedia's files, as a dashboard shows them.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If a file is damaged, or holds no features.
    """

    def __init__(self, path: str | Path) -> None:
        self.path, self._found = Path(path), read_features(path)
        self.features = sorted(self._found)
        self.labels = {feature: each.label for feature, each in self._found.items() if each.label}

    def check(self, feature: int) -> None:
        """Whether it is there.

        Raises:
            ValueError: If not.
        """
        if feature not in self._found:
            first, last = self.features[0], self.features[-1]
            raise RefusedError(
                f"No feature {feature} in {self.path.name}: it has {len(self.features):,}, {first} to {last}."
            )

    def page(self, feature: int) -> dict[str, Any]:
        """What is known of a feature, as `_dashboard.page_of` has it."""
        return json_safe(page_of_read(feature, self._found[feature], self.labels.get(feature, "")))

    def search(self, query: str, limit: int = 20) -> list[dict[str, Any]]:
        """Features by number or by words of their label, for the page."""
        words, number = query.casefold().split(), query.strip().removeprefix("#")
        named = [f for f in self.features if words and all(w in self.labels.get(f, "").casefold() for w in words)]
        first = [int(number)] if number.isdecimal() and int(number) in self._found else []
        found = list(dict.fromkeys([*first, *named]))[:limit]
        return [{"feature": f, "label": self.labels.get(f, ""), "peak": _peak(self._found[f])} for f in found]


def _peak(read: ReadFeature) -> float:
    return max((max(each.acts) for each in read.contexts if each.acts), default=0.0)


def page_of_read(feature: int, read: ReadFeature, label: str) -> dict[str, Any]:
    """A feature of a file for the page."""
    row = read.row
    width, heights, mean = histogram_of(row)
    n_tokens = int(row.get("n_prompts_total") or 0) * int(row.get("n_tokens_in_prompt") or 0)
    return {
        "feature": feature,
        "label": label,
        "explanations": [explained(each) for each in read.explanations],
        "top_tokens": [],
        "n_tokens": n_tokens,
        "density": float(row.get("frac_nonzero") or 0.0),
        "density_low": None,
        "density_high": None,
        "n_active": int(sum(heights)),
        "max_act": max(_peak(read), float(row.get("maxActApprox") or 0.0)),
        "shape": {**_UNKNOWN_SHAPE, "mean": mean or None},
        "histogram": {"counts": [int(height) for height in heights], "width": width},
        "logits": _logits(row),
        "weights": _UNKNOWN_WEIGHTS,
        "alignment": _columns(row, "neuron_alignment", ("indices", "values", "l1")),
        "neurons": _columns(row, "correlated_neurons", ("indices", "pearson", "l1")),
        "neighbours": [],
        "correlated": [
            [index, pearson, None, None, cosine, None, ""]
            for index, pearson, cosine in _columns(row, "correlated_features", ("indices", "pearson", "l1"))
        ],
        "tokens": [],
        "n_sample": 0,
        "groups": _groups(read),
    }


def explained(each: Explanation) -> list[str]:
    """An explanation for the page: text, and who wrote it."""
    return [clean_text(each.text), clean_text(each.explainer or each.method)]


def _columns(row: Mapping[str, Any], name: str, keys: tuple[str, ...]) -> list[list[Any]]:
    return [list(each) for each in zip(*(row.get(f"{name}_{key}") or [] for key in keys), strict=False)]


def _logits(row: Mapping[str, Any]) -> dict[str, Any]:
    if not row.get("pos_str"):
        return {"note": "The file says nothing of logits."}
    up, down = (
        [
            [None, clean_text(str(text)), value]
            for text, value in zip(row[f"{end}_str"], row[f"{end}_values"], strict=True)
        ]
        for end in ("pos", "neg")
    )
    centres, heights = row.get("logits_hist_data_bar_values") or [], row.get("logits_hist_data_bar_heights") or []
    half = (centres[-1] - centres[0]) / (len(centres) - 1) / 2 if len(centres) > 1 else 0.0
    low, high = (centres[0] - half, centres[-1] + half) if centres else (0.0, 0.0)
    return {"up": up, "down": down, "counts": [int(height) for height in heights], "low": low, "high": high}


def _groups(read: ReadFeature) -> list[dict[str, Any]]:
    strongest = [each for each in read.firing if each.group is None]
    groups: list[dict[str, Any]] = [{"kind": "top", "contexts": strongest}] if strongest else []
    intervals: dict[tuple[float, float, float], list[ReadContext]] = {}
    for each in read.contexts:
        if each.group is not None:
            intervals.setdefault(each.group, []).append(each)
    for (low, high, share), contexts in sorted(intervals.items(), key=lambda each: -each[0][1]):
        groups.append({"kind": "interval", "low": low, "high": high, "share": share, "contexts": contexts})
    return [{**group, "contexts": [_context(each) for each in group["contexts"]]} for group in groups]


def _context(each: ReadContext) -> dict[str, Any]:
    at = each.position if each.position is not None else each.acts.index(max(each.acts, default=0.0))
    unknown = {"row": None, "start": 0, "document": None, "n_times": 1}
    return {"texts": [clean_text(t) for t in each.tokens], "ids": [], "acts": list(each.acts), "at": at, **unknown}
