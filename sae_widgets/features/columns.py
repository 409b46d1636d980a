"""Facts of all features as columns: what the SAE's weights say alone, what was gathered over text, what a user brings.

    decoder_norm            |W_dec[f]|
    encoder_norm            |W_enc[:, f]|
    encoder_decoder_cosine  cos(W_enc[:, f], W_dec[f])          where both have the same width
    encoder_bias            b_enc[f]
    density, max_act, mean_act, std_act, skewness, n_active, n_contexts      as in `statistics`

NaN stands for what is not known: a feature that never fired has no mean activation.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from sae_widgets.features.contexts import ContextTable
from sae_widgets.features.statistics import FeatureStatistics
from sae_widgets.sae import SAE
from sae_widgets.sae.acts import decoder_norms

_ROWS_AT_ONCE = 8192


@dataclass(frozen=True, eq=False)
class FeatureColumn:
    """One fact of every feature."""

    key: str
    values: np.ndarray
    """A number for each feature, NaN where it is not known; of texts, their place in the alphabet."""
    title: str = ""
    about: str = ""
    """What it is, in a sentence."""
    kind: str = "number"
    """"number", "count", "index" (of a feature), "share" (of 1) or "text"."""
    is_log: bool = False
    """Whether a histogram of it wants logarithms."""
    texts: Mapping[int, str] | None = None
    """Of a text column, by feature; those without are left out."""


def sae_columns(sae: SAE) -> list[FeatureColumn]:
    """What the weights say of every feature, with no text read."""
    W_dec, W_enc = sae.W_dec.detach().flatten(1), sae.W_enc.detach()
    norms = decoder_norms(W_dec).float()
    found = [_column("decoder_norm", norms, "decoder norm", "Length of the feature's decoder row.")]
    if W_enc.ndim == 2:
        lengths = torch.linalg.vector_norm(W_enc, dim=0).float()
        found.append(_column("encoder_norm", lengths, "encoder norm", "Length of the feature's encoder column."))
    if W_enc.T.shape == W_dec.shape:
        pairs = zip(W_enc.T.split(_ROWS_AT_ONCE), W_dec.split(_ROWS_AT_ONCE), strict=True)
        products = torch.cat([(enc.float() * dec.float()).sum(1) for enc, dec in pairs])
        cosines = products / (lengths * norms).clamp_min(1e-30)
        about = "Cosine of encoder column and decoder row: how far it reads what it writes."
        found.append(_column("encoder_decoder_cosine", cosines, "enc · dec", about))
    bias = getattr(sae, "b_enc", None)
    if isinstance(bias, Tensor) and bias.shape == norms.shape:
        found.append(_column("encoder_bias", bias.detach().float(), "encoder bias", "The feature's entry of b_enc."))
    return found


def statistics_columns(statistics: FeatureStatistics) -> list[FeatureColumn]:
    """What was gathered over text, of every feature; NaN where one that never fired has no such number."""
    fires = statistics.density > 0
    unknown = torch.tensor(float("nan"))
    n_active = statistics.histogram.sum(1)
    n = f"{statistics.n_tokens:,} tokens"
    density = _column(
        "density", statistics.density, "density", f"Share of {n} on which it fires.", "share", is_log=True
    )
    found = [
        density,
        _column("max_act", statistics.max_act, "maximum", "Largest activation; 0 for one that never fired."),
        _column(
            "mean_act", torch.where(fires, statistics.mean_act, unknown), "mean", "Mean activation where it fires."
        ),
    ]
    if statistics.moments is not None:
        std, skewness = _spread(statistics.moments)
        about = "Standard deviation of the activation where it fires."
        found.append(_column("std_act", torch.where(fires, std, unknown), "deviation", about))
        found.append(
            _column("skewness", torch.where(fires, skewness, unknown), "skewness", "Of the activation where it fires.")
        )
    found.append(_column("n_active", n_active, "tokens", f"Tokens of {n} on which it fires.", "count", is_log=True))
    contexts = _n_contexts(statistics)
    found.append(_column("n_contexts", contexts, "contexts", "Strongest contexts that were kept of it.", "count"))
    return found


def label_column(statistics: FeatureStatistics | None, d_sae: int) -> FeatureColumn:
    """Names of features; where one has none, the tokens it peaks on, in quotes."""
    texts: dict[int, str] = {}
    if statistics is not None:
        texts = {f: " ".join(f"“{token}”" for token in tokens) for f, tokens in statistics.top_tokens.items() if tokens}
        texts |= {feature: label for feature, label in statistics.labels.items() if label}
    return text_column("label", texts, d_sae, "label", "The feature's name, or in quotes the tokens it peaks on.")


def text_column(key: str, texts: Mapping[int, str], d_sae: int, title: str = "", about: str = "") -> FeatureColumn:
    """A column of texts; its values are their places in the alphabet, upper and lower case alike."""
    folded = {feature: text.casefold() for feature, text in texts.items()}
    place = {text: i for i, text in enumerate(sorted(set(folded.values())))}
    values = np.full(d_sae, np.nan, np.float32)
    for feature, text in folded.items():
        values[feature] = place[text]
    return FeatureColumn(key, values, title or key, about, "text", texts=dict(texts))


def given_columns(given: Any, d_sae: int) -> list[FeatureColumn]:
    """Columns a user brings: a DataFrame, a Series with a name, or a mapping of names to values.

    A whole column has a value for each feature, in their order. A frame whose index holds the numbers of some features
    will do as well, and so will a mapping of features to values; the others have none.

    Raises:
        ValueError: If a column has another length, names a feature that is not there, or holds no numbers or texts.
    """
    if hasattr(given, "to_frame") and hasattr(given, "name"):  # a pandas Series
        given = given.to_frame(given.name if given.name is not None else "value")
    if hasattr(given, "columns") and hasattr(given, "index"):
        named = {str(name): _of_index(str(name), given[name], d_sae) for name in given.columns}
    elif isinstance(given, Mapping):
        named = {str(name): values for name, values in given.items()}
    else:
        raise ValueError(
            f"Columns come as a pandas DataFrame or as {{name: values}}; got a {type(given).__name__}. For a single "
            "one write {'my score': values}."
        )
    return [_given(name, values, d_sae) for name, values in named.items()]


def _of_index(name: str, series: Any, d_sae: int) -> Any:
    """A Series of a frame as an array of all features, or by the feature numbers that its index holds."""
    index = np.asarray(series.index)
    if index.dtype.kind in "iu" and not np.array_equal(index, np.arange(d_sae)):
        if len(np.unique(index)) < len(index):
            raise ValueError(f"Column {name!r}: the frame's index names a feature twice.")
        return dict(zip(index.tolist(), series.tolist(), strict=True))
    if len(series) != d_sae:
        raise ValueError(
            f"Column {name!r} has {len(series):,} rows and no numbers of features as its index, but the SAE has "
            f"{d_sae:,} features. Give a row for each, or an index of feature numbers."
        )
    return series.to_numpy()


def _given(name: str, values: Any, d_sae: int) -> FeatureColumn:
    if isinstance(values, Mapping):
        wrong = [f for f in values if isinstance(f, bool) or not isinstance(f, (int, np.integer)) or not 0 <= f < d_sae]
        if wrong:
            raise ValueError(f"Column {name!r} names a feature {wrong[0]!r}; there are {d_sae:,}, 0 to {d_sae - 1:,}.")
        features, values = [int(f) for f in values], list(values.values())
    else:
        values = values.detach().float().cpu().numpy() if isinstance(values, Tensor) else values
        features, values = None, np.asarray(values)
        if values.shape != (d_sae,):
            raise ValueError(
                f"Column {name!r} has shape {values.shape}; this SAE has {d_sae:,} features: give ({d_sae},), or "
                "{feature: value} for some of them."
            )
    some = np.asarray(values)
    if some.dtype.kind in "OUST" and any(isinstance(each, str) for each in some.tolist()):
        pairs = zip(features or range(d_sae), some.tolist(), strict=True)
        return text_column(name, {f: each for f, each in pairs if isinstance(each, str) and each}, d_sae)
    try:
        numbers = some.astype(np.float64)
    except (TypeError, ValueError):
        kind = type(next(iter(some.tolist()), None)).__name__
        raise ValueError(f"Column {name!r} holds neither numbers nor texts but {kind}s ({some.dtype}).") from None
    whole = np.full(d_sae, np.nan)
    whole[features if features is not None else slice(None)] = numbers
    is_count = some.dtype.kind in "iub" and not bool(np.isnan(whole).any())
    return FeatureColumn(name, _narrow(whole), name, "Given from Python.", "count" if is_count else "number")


def _narrow(values: np.ndarray) -> np.ndarray:
    """As float32, unless whole numbers would lose digits."""
    narrow = values.astype(np.float32)
    is_whole = np.isfinite(values) & (values == np.round(values))
    return values if bool((narrow[is_whole].astype(np.float64) != values[is_whole]).any()) else narrow


def _column(
    key: str, values: Tensor, title: str, about: str, kind: str = "number", *, is_log: bool = False
) -> FeatureColumn:
    return FeatureColumn(key, values.detach().float().cpu().numpy(), title, about, kind, is_log)


def _spread(moments: Float[Tensor, "4 d_sae"]) -> tuple[Float[Tensor, " d_sae"], Float[Tensor, " d_sae"]]:
    """Standard deviation and skewness from the means of |act|^1 to |act|^3, as `FeatureStatistics.shape` has them."""
    m1, m2, m3, _ = moments
    variance = (m2 - m1**2).clamp_min(0)
    third = m3 - 3 * m1 * m2 + 2 * m1**3
    has_spread = variance > 1e-12 * m2
    skewness = torch.where(has_spread, third / variance.clamp_min(1e-300) ** 1.5, torch.nan)
    return variance.sqrt().float(), skewness.float()


def _n_contexts(statistics: FeatureStatistics) -> Float[Tensor, " d_sae"]:
    table = statistics.top_contexts
    if isinstance(table, ContextTable):
        return torch.bincount(table.feature.long(), minlength=statistics.d_sae).float()
    counts = torch.zeros(statistics.d_sae)
    for feature, contexts in table.items():
        counts[feature] = len(contexts)
    return counts
