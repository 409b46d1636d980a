"""Features from JSON, the way SAEDashboard writes and Neuronpedia exports them; `neuronpedia_writing` is the other way.

    batch-0.json                   {"model_id", "layer", "sae_set", "features": [{"feature_index", ...}, ...]}
    features/batch-0.jsonl.gz      a feature a line, as Neuronpedia's API gives it ("index", "maxActApprox", ...)
    activations/batch-0.jsonl.gz   {"index", "tokens", "values"} a line
    explanations/batch-0.jsonl.gz  {"index", "description", "explanationModelName"} a line

The first is SAEDashboard's, the others are Neuronpedia's. Tokens are texts there and
numbers here: a tokenizer turns them back. Histograms there begin at the smallest activation, here at 0: the bars keep
their width and move to the bin their middle lies in.
"""

import contextlib
import json
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from sae_widgets.features.contexts import FeatureContext
from sae_widgets.features.statistics import FeatureStatistics
from sae_widgets.features.survey import N_TOP_TOKENS
from sae_widgets.neuronpedia import Explanation, Neuronpedia, NoExplanationsError, id_of, neuronpedia_labels
from sae_widgets.sae import SAE
from sae_widgets.token_text import CONTINUATION, token_texts
from sae_widgets.web import gunzip

__all__ = ["ReadFeature", "neuronpedia_statistics", "read_features", "read_neuronpedia", "statistics_of_rows"]


@dataclass(frozen=True)
class ReadContext:
    """A context of a file."""

    tokens: tuple[str, ...]
    acts: tuple[float, ...]
    group: tuple[float, float, float] | None = None
    """Ends and share of an interval of activations; None for the strongest, and where the file does not say."""
    position: int | None = None
    """Where the token is that it was drawn for; None where the file does not say."""


@dataclass
class ReadFeature:
    """What files say of one feature."""

    row: Mapping[str, Any] = field(default_factory=dict)
    """The feature's own object, with the names that the file uses."""
    contexts: list[ReadContext] = field(default_factory=list)
    explanations: list[Explanation] = field(default_factory=list)

    @property
    def label(self) -> str:
        """The first explanation."""
        return self.explanations[0].text if self.explanations else ""

    @property
    def firing(self) -> list[ReadContext]:
        """The strongest contexts in which it fires, none twice; lacking a group of the strongest, all there are."""
        fired = [each for each in dict.fromkeys(self.contexts) if max(each.acts, default=0.0) > 0]
        strongest = [each for each in fired if each.group is None] or fired
        return sorted(strongest, key=lambda each: -max(each.acts))


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
    return statistics_of_rows(_rows_at(Path(path)), d_sae=d_sae, tokenizer=tokenizer, where=str(path))


def read_features(path: str | Path) -> dict[int, ReadFeature]:
    """What a file, or all files of a folder, say of each feature, as they say it; needs no tokenizer.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If a file is damaged, or holds nothing of this kind.
    """
    return _found(_rows_at(Path(path)), str(path))


def _rows_at(path: Path) -> list[Mapping[str, Any]]:
    if not path.exists():
        raise FileNotFoundError(f"No file or folder {str(path)!r}.")
    suffixes = (".json", ".jsonl", ".jsonl.gz")
    files = [path] if path.is_file() else sorted(p for p in path.rglob("*") if p.name.endswith(suffixes))
    return [row for file in files for row in _rows_of(file)]


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
    found = _found(rows, where)
    n_features = max(found) + 1 if d_sae is None else d_sae
    outside = [feature for feature in found if not 0 <= feature < n_features]
    if outside:
        raise ValueError(f"{where} names feature {outside[0]}; the SAE has {n_features}. Is it another SAE's?")
    return _assembled(found, n_features, tokenizer)


def _found(rows: Iterable[Mapping[str, Any]], where: str) -> dict[int, ReadFeature]:
    found: dict[int, ReadFeature] = {}
    for row in rows:
        try:
            _take(found, row)
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"{where} is damaged: {error} in {json.dumps(row, default=str)[:120]}.") from error
    if not found:
        raise ValueError(f"{where} holds no features: expected JSON of SAEDashboard or Neuronpedia.")
    return found


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


def _take(found: dict[int, ReadFeature], row: Mapping[str, Any]) -> None:
    """Adds what `row` says to `found`; a row of another kind (a source, a release) says nothing."""
    if isinstance(row.get("features"), list):  # a whole file of SAEDashboard
        for each in row["features"]:
            _take(found, each)
        return
    if "feature_index" not in row and "index" not in row:
        return
    feature = int(row.get("feature_index", row.get("index")))  # type: ignore[arg-type]
    entry = found.setdefault(feature, ReadFeature())
    if "tokens" in row:
        entry.contexts.append(_context(row))
        return
    if "frac_nonzero" in row or "activations" in row:
        entry.row = row
        entry.contexts += [_context(each) for each in row.get("activations") or []]
    for each in (row, *(row.get("explanations") or [])):
        if text := str(each.get("description") or "").strip():
            by = str(each.get("explanationModelName") or "")
            entry.explanations.append(Explanation(feature, text, by, str(each.get("typeName") or "")))


def _context(row: Mapping[str, Any]) -> ReadContext:
    tokens, values = tuple(str(token) for token in row["tokens"]), tuple(_finite(value) for value in row["values"])
    if len(tokens) != len(values):
        raise ValueError(f"{len(tokens)} tokens have {len(values)} values")
    low, high, share = (
        _finite(row.get(name, row.get(other)) or 0.0)
        for name, other in (("bin_min", "binMin"), ("bin_max", "binMax"), ("bin_contains", "binContains"))
    )
    at = row.get("qualifying_token_index", row.get("qualifyingTokenIndex"))
    is_there = isinstance(at, int) and not isinstance(at, bool) and 0 <= at < len(tokens)
    # With -1 the strongest are marked; a file without intervals has 0 everywhere.
    return ReadContext(tokens, values, (low, high, share) if low >= 0 and high > 0 else None, at if is_there else None)


def _finite(value: Any) -> float:
    number = float(value)
    return number if math.isfinite(number) else 0.0


def _assembled(found: Mapping[int, ReadFeature], d_sae: int, tokenizer: Any) -> FeatureStatistics:
    density, max_act, mean_act, bin_width = (torch.zeros(d_sae) for _ in range(4))
    bars: dict[int, list[float]] = {}
    contexts: dict[int, list[FeatureContext]] = {}
    top_tokens: dict[int, list[str]] = {}
    ids = _TokenIds(tokenizer) if tokenizer is not None else None
    n_tokens = 0
    for feature, entry in found.items():
        row, fired = entry.row, entry.firing
        n_tokens = max(n_tokens, int(row.get("n_prompts_total") or 0) * int(row.get("n_tokens_in_prompt") or 0))
        bin_width[feature], bars[feature], mean_act[feature] = histogram_of(row)
        density[feature] = _finite(row.get("frac_nonzero") or 0.0)
        max_act[feature] = max(
            [_finite(row.get("maxActApprox") or 0.0), *(max(each.acts) for each in entry.contexts if each.acts)]
        )
        if fired:
            peaks = Counter(each.tokens[each.acts.index(max(each.acts))] for each in fired)
            top_tokens[feature] = [token for token, _ in peaks.most_common(N_TOP_TOKENS)]
        made = [ids.context(each.tokens, each.acts) for each in fired] if ids is not None else []
        made = [each for each in made if each is not None]
        if made:
            contexts[feature] = made
    histogram = torch.zeros(d_sae, max(1, *(len(heights) for heights in bars.values())))
    for feature, heights in bars.items():
        histogram[feature, : len(heights)] = torch.tensor(heights)
    labels = {feature: entry.label for feature, entry in sorted(found.items()) if entry.label}
    return FeatureStatistics(
        n_tokens, density, max_act, mean_act, histogram, bin_width, contexts, top_tokens, labels
    )  # fmt: skip


def histogram_of(row: Mapping[str, Any]) -> tuple[float, list[float], float]:
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
