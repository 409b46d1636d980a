"""The data behind a token heatmap: which features fire on which token, as plain arrays, and its form for the page.

Activations are kept by token (compressed rows): token `i` owns the entries `starts[i]` to `starts[i + 1]` of `features`
and `values`, largest absolute value first.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from sae_widgets.widgets._clean import clean_text
from sae_widgets.widgets._code import call, program, settings_of

# Entries that travel to the page, 8 bytes each: one megabyte keeps clear of the notebook server's limit (1 MB/s).
# A prompt with more keeps its strongest per token there; the columns of selected features always travel whole.
MAX_SENT = 120_000
MAX_SUMMARY = 2_000
MAX_TOKEN_CHARACTERS = 20_000
MAX_CODE_VALUES = 4_000


@dataclasses.dataclass(frozen=True)
class HeatmapData:
    """What fires where on one text."""

    prompt: str
    tokens: list[str]
    """One text per token."""
    token_ids: np.ndarray | None
    """[n_tokens], None without a tokenizer."""
    is_special: np.ndarray
    """[n_tokens] bool: beginning of sequence and the like."""
    starts: np.ndarray
    """[n_tokens + 1], where each token's entries begin."""
    features: np.ndarray
    """[n_entries], feature numbers."""
    values: np.ndarray
    """[n_entries], activations in the SAE's own unit; may be negative or NaN when they come from elsewhere."""
    n_features: int
    """How many features there are, firing or not."""
    labels: Mapping[int, str] = dataclasses.field(default_factory=dict)
    maxima: Mapping[int, float] = dataclasses.field(default_factory=dict)
    """Largest activation of each firing feature over much text, where statistics know it."""

    @property
    def n_tokens(self) -> int:
        return len(self.tokens)

    def column(self, feature: int) -> np.ndarray:
        """The values of one feature, [n_tokens]."""
        column = np.zeros(self.n_tokens, np.float32)
        mine = np.flatnonzero(self.features == feature)
        column[self._positions(mine)] = self.values[mine]
        return column

    def top(self, k: int) -> tuple[np.ndarray, np.ndarray]:
        """The `k` strongest features of each token and their values, [n_tokens, k]; -1 and 0 where fewer fire."""
        features = np.full((self.n_tokens, k), -1, np.int64)
        values = np.zeros((self.n_tokens, k), np.float32)
        for i in range(self.n_tokens):
            entries = slice(self.starts[i], min(self.starts[i + 1], self.starts[i] + k))
            features[i, : entries.stop - entries.start] = self.features[entries]
            values[i, : entries.stop - entries.start] = self.values[entries]
        return features, values

    def to_dense(self) -> np.ndarray:
        """All values, [n_tokens, n_features]."""
        dense = np.zeros((self.n_tokens, self.n_features), np.float32)
        dense[self.positions(), self.features] = self.values
        return dense

    def summary(self, *, skip_special: bool = True) -> dict[str, np.ndarray]:
        """Of each feature that fires: `feature`, `peak` (largest absolute value, signed), `position`, `mean`, `count`.

        Sorted by peak; `mean` is over all tokens counted; special tokens are left out when `skip_special`.
        """
        positions = self.positions()
        kept = np.isfinite(self.values) & ~(self.is_special[positions] & skip_special)
        positions, features, values = positions[kept], self.features[kept], self.values[kept]
        order = np.lexsort((-np.abs(values), features))
        ids, first, inverse = np.unique(features[order], return_index=True, return_inverse=True)
        n_counted = max(1, self.n_tokens - int(self.is_special.sum()) * skip_special)
        peak = values[order][first]
        by_peak = np.argsort(-np.abs(peak), kind="stable")
        return {
            "feature": ids[by_peak].astype(np.int32),
            "peak": peak[by_peak].astype(np.float32),
            "position": positions[order][first][by_peak].astype(np.int32),
            "mean": (np.bincount(inverse, values[order], len(ids))[by_peak] / n_counted).astype(np.float32),
            "count": np.bincount(inverse, minlength=len(ids))[by_peak].astype(np.int32),
        }

    def positions(self) -> np.ndarray:
        """The token of each entry, [n_entries]."""
        return self._positions(np.arange(len(self.values)))

    def _positions(self, entries: np.ndarray) -> np.ndarray:
        """The token of each of some entries."""
        return np.searchsorted(self.starts, entries, side="right") - 1

    # -- to the page -----------------------------------------------------------------------------------------------

    def is_complete(self) -> bool:
        """Whether every entry travels to the page."""
        return len(self.values) <= MAX_SENT

    def payload(self, top_k: int) -> dict[str, Any]:
        """The data as the page takes it: tokens as text, numbers as bytes."""
        starts, kept = self.starts, np.arange(len(self.values))
        if not self.is_complete():
            counts = np.minimum(np.diff(self.starts), max(top_k, MAX_SENT // self.n_tokens))
            starts = np.concatenate([[0], np.cumsum(counts)])
            kept = np.repeat(self.starts[:-1] - starts[:-1], counts) + np.arange(starts[-1])
        summary = {name: column[:MAX_SUMMARY] for name, column in self.summary().items()}
        shown = set(summary["feature"].tolist())
        return {
            "prompt": clean_text(self.prompt),
            "tokens": [_shortened(clean_text(token)) for token in self.tokens],
            "token_ids": b"" if self.token_ids is None else _bytes(self.token_ids, np.int32),
            "special": _bytes(self.is_special, np.uint8),
            "starts": _bytes(starts, np.int32),
            "features": _bytes(self.features[kept], np.int32),
            "values": _bytes(self.values[kept], np.float32),
            "is_complete": self.is_complete(),
            "n_features": self.n_features,
            "summary": {name: _bytes(column, column.dtype) for name, column in summary.items()},
            "labels": {str(f): label for f, label in self.labels.items() if f in shown},
            "maxima": {str(f): float(value) for f, value in self.maxima.items() if f in shown},
        }

    def columns(self, features: Sequence[int]) -> dict[str, Any]:
        """Whole columns of `features` for the page."""
        stacked = np.stack([self.column(f) for f in features]) if features else np.zeros((0, self.n_tokens), np.float32)
        labels = {str(f): self.labels[f] for f in features if f in self.labels}
        maxima = {str(f): float(self.maxima[f]) for f in features if f in self.maxima}
        return {"features": list(features), "values": _bytes(stacked, np.float32), "labels": labels, "maxima": maxima}


def _bytes(array: np.ndarray, dtype: Any) -> bytes:
    return np.ascontiguousarray(array, dtype=dtype).tobytes()


def _shortened(token: str) -> str:
    left = len(token) - MAX_TOKEN_CHARACTERS
    return token if left <= 0 else f"{token[:MAX_TOKEN_CHARACTERS]}… (+{left:,} characters)"


def from_rows(
    tokens: Sequence[str],
    indices: np.ndarray,
    values: np.ndarray,
    *,
    n_features: int,
    **rest: Any,
) -> HeatmapData:
    """Data from `indices` and `values`, both [n_tokens, k]; entries of value 0 are unused slots."""
    strength = np.nan_to_num(np.abs(values), nan=0.0)
    order = np.argsort(-strength, axis=1, kind="stable")
    indices, values = np.take_along_axis(indices, order, 1), np.take_along_axis(values, order, 1)
    is_used = values != 0  # NaN is not 0: it stays
    return HeatmapData(
        tokens=list(tokens),
        starts=np.concatenate([[0], np.cumsum(is_used.sum(1))]).astype(np.int64),
        features=indices[is_used].astype(np.int64),
        values=values[is_used].astype(np.float32),
        n_features=n_features,
        **rest,
    )


def from_values(
    tokens: Sequence[str],
    values: Any,
    features: Sequence[int] | None = None,
    labels: Mapping[int, str] | Sequence[str] | None = None,
    *,
    token_ids: Any = None,
    is_special: Any = None,
) -> HeatmapData:
    """Data from plain arrays; what `TokenHeatmap.from_data` takes."""
    if isinstance(values, Mapping):
        if features is not None:
            raise ValueError("`values` already names its features; leave `features` out.")
        features, values = list(values), np.stack([_plain(column) for column in values.values()], axis=-1)
    table = _plain(values)
    if table.ndim == 1:
        table = table[:, None]
    if table.ndim != 2 or len(table) != len(tokens):
        raise ValueError(
            f"Expected values of shape [{len(tokens)}] or [{len(tokens)}, n_features], one row per token; "
            f"got {list(table.shape)}."
        )
    ids = list(range(table.shape[1])) if features is None else [int(f) for f in features]
    if len(set(ids)) != table.shape[1] or min(ids, default=0) < 0:
        raise ValueError(f"Expected {table.shape[1]} different feature numbers from 0 on; got {features!r}.")
    if labels is not None and not isinstance(labels, Mapping):
        labels = dict(zip(ids, labels, strict=True))
    special = np.zeros(len(tokens), bool) if is_special is None else np.asarray(is_special, bool)
    if special.shape != (len(tokens),):
        raise ValueError(f"Expected {len(tokens)} values in is_special, one per token; got {list(special.shape)}.")
    return from_rows(
        [str(token) for token in tokens],
        np.broadcast_to(np.array(ids, np.int64), table.shape),
        table,
        n_features=max(ids, default=-1) + 1,
        prompt="".join(str(token) for token in tokens),
        token_ids=None if token_ids is None else np.asarray(_plain(token_ids), np.int64),
        is_special=special,
        labels={int(f): str(label) for f, label in (labels or {}).items()},
    )


def _plain(values: Any) -> np.ndarray:
    """A float array from a list, an array or a tensor on any device."""
    if callable(getattr(values, "detach", None)):
        values = values.detach().to("cpu").float().numpy()
    return np.asarray(values, np.float32)


def data_code(widget: Any, data: HeatmapData) -> str:
    """Python that makes a heatmap of given values again; many values go by the names `tokens` and `values`."""
    features = np.unique(data.features).tolist()
    is_small = data.n_tokens * max(1, len(features)) <= MAX_CODE_VALUES
    columns = {feature: [float(value) for value in data.column(feature)] for feature in features} if is_small else {}
    numbers = repr(columns).replace("nan", "float('nan')").replace("inf", "float('inf')")
    keywords = {name: repr(value) for name, value in settings_of(widget, ("features", "prompt")).items()}
    more = {"labels": dict(data.labels), "selected": list(widget.features)}
    if data.is_special.any():
        more["is_special"] = data.is_special.tolist() if is_small else None
    keywords |= {name: repr(value) for name, value in more.items() if value}
    positional = [repr(data.tokens), numbers] if is_small else ["tokens", "values"]
    return program(widget, f"view = {call('sw.TokenHeatmap.from_data', positional, keywords)}\nview\n")
