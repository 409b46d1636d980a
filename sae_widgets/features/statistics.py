"""What each feature of an SAE responds to: how often, how strongly, on which texts.

    density[f]    share of tokens with act != 0
    moments[i,f]  mean of |act|^(i+1) over those tokens; mean, variance, skewness and kurtosis follow
    max_act[f]    maximum of |act|
    histogram     of |act| over those tokens, exact counts in equal bins from 0
    top_contexts  the texts around the strongest activations, one of each row, no text twice
    random_contexts, interval_contexts   texts around activations drawn at random: from all, and from each part
                  of the histogram as many
    sample        tokens drawn at random with all that fires on them, to compare features

Special tokens are left out of all of it: the first token of a text fires features a hundred times harder than any
word does. Memory does not grow with the text, but for its tokens.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from sae_widgets.features.contexts import ContextGroup, ContextTable, FeatureContext
from sae_widgets.features.files import read_statistics, write_statistics
from sae_widgets.features.gathering import N_BINS, N_STRATA
from sae_widgets.features.identity import check_identity
from sae_widgets.features.sample import Z_95, TokenSample
from sae_widgets.sae import SAE


@dataclass
class FeatureStatistics:
    """Statistics of all features of one SAE; saved and loaded the same."""

    n_tokens: int
    """Tokens counted, special ones left out."""

    density: Float[Tensor, " d_sae"]
    """Share of tokens on which a feature fires, 0 to 1."""

    max_act: Float[Tensor, " d_sae"]
    """Largest activation; 0 for a feature that never fired."""

    mean_act: Float[Tensor, " d_sae"]
    """Mean activation over the tokens on which it fires; 0 for one that never did."""

    histogram: Float[Tensor, "d_sae n_bins"]
    """Tokens by activation, in equal bins from 0; the last bins may be past the maximum."""

    bin_width: Float[Tensor, " d_sae"]
    """Width of a feature's bins, in its activation."""

    top_contexts: Mapping[int, list[FeatureContext]] = field(repr=False)
    """By feature, largest activation first; features that never fired are not there."""

    top_tokens: Mapping[int, list[str]] = field(default_factory=dict, repr=False)
    """Texts of the tokens a feature peaks on, most frequent first."""

    labels: dict[int, str] = field(default_factory=dict, repr=False)
    """Short names of features."""

    moments: Float[Tensor, "4 d_sae"] | None = field(default=None, repr=False)
    """Mean of |act|, |act|^2, |act|^3, |act|^4 over the tokens on which it fires; float64."""

    n_rows: int = 0
    """Rows of tokens that were read; 0 where it is not known."""

    design_effect: Float[Tensor, " d_sae"] | None = field(default=None, repr=False)
    """How many times larger a density's variance is than for independent tokens, since a row is about one thing."""

    random_contexts: ContextTable | None = field(default=None, repr=False)
    """Drawn at random from all tokens on which a feature fires; None where there are none."""

    interval_contexts: ContextTable | None = field(default=None, repr=False)
    """Drawn at random, as many in each of `gathering.N_STRATA` parts of a feature's histogram."""

    sample: TokenSample | None = field(default=None, repr=False)
    """To compare features by; None where it was not gathered."""

    neurons: Float[Tensor, "3 d_sae n"] | None = field(default=None, repr=False)
    """Coordinates of the SAE's input that go with a feature, by |Pearson|: their numbers, Pearson, cosine."""

    about: dict[str, Any] = field(default_factory=dict)
    """What they are of: model, hook, context, window and the like."""

    @property
    def d_sae(self) -> int:
        return len(self.density)

    def density_interval(self, feature: int) -> tuple[float, float]:
        """95 % interval of the density: Wilson's, for as many independent tokens as the rows are worth."""
        effect = float(self.design_effect[feature]) if self.design_effect is not None else 1.0
        n, p = self.n_tokens / effect, float(self.density[feature])
        middle, half = p + Z_95**2 / (2 * n), Z_95 * math.sqrt(p * (1 - p) / n + Z_95**2 / (4 * n**2))
        return max(0.0, (middle - half) / (1 + Z_95**2 / n)), min(1.0, (middle + half) / (1 + Z_95**2 / n))

    def shape(self, feature: int) -> dict[str, float]:
        """Mean, variance, skewness and excess kurtosis of the activation where it fires; NaN where it has none."""
        if self.moments is None:
            return {"mean": float(self.mean_act[feature])} | dict.fromkeys(
                ("variance", "skewness", "kurtosis"), math.nan
            )
        m1, m2, m3, m4 = self.moments[:, feature].tolist()
        variance = max(m2 - m1**2, 0.0)
        # One activation has no spread, and rounding must not give it one.
        has_spread = variance > 1e-12 * m2
        third, fourth = m3 - 3 * m1 * m2 + 2 * m1**3, m4 - 4 * m1 * m3 + 6 * m1**2 * m2 - 3 * m1**4
        return {
            "mean": m1,
            "variance": variance,
            "skewness": third / variance**1.5 if has_spread else math.nan,
            "kurtosis": fourth / variance**2 - 3 if has_spread else math.nan,
        }

    def quantile(self, feature: int, q: float) -> float:
        """The activation below which a share `q` of those of the feature lie, interpolated within a histogram's bin."""
        counts, width = self.histogram[feature].double(), float(self.bin_width[feature])
        total = counts.cumsum(0)
        if total[-1] == 0:
            return 0.0
        wanted = q * float(total[-1])
        i = int(torch.searchsorted(total, wanted).clamp_max(len(counts) - 1))
        before = float(total[i - 1]) if i else 0.0
        inside = (wanted - before) / float(counts[i]) if counts[i] else 1.0
        return min((i + inside) * width, float(self.max_act[feature]))

    def share_between(self, feature: int, low: float, high: float) -> float:
        """Share of a feature's activations in an interval, interpolated within a histogram's bin."""
        counts, width = self.histogram[feature].double(), float(self.bin_width[feature])
        if width == 0:
            return 0.0
        lower = torch.arange(len(counts), dtype=torch.float64) * width
        # The last bin in use ends at the maximum, which it holds.
        upper = (lower + width).clamp_max(float(self.max_act[feature]))
        inside = (upper.clamp_max(high) - lower.clamp_min(low)) / (upper - lower).clamp_min(1e-300)
        inside = torch.where(upper > lower, inside, (lower <= high).double()).clamp(0, 1)
        return float((counts * inside).sum() / counts.sum())

    def groups(self, feature: int, n_groups: int = 10, n: int = 5, by: str = "interval") -> list[ContextGroup]:
        """Random contexts by strength, strongest group first.

        Args:
            feature: Which.
            n_groups: How many groups.
            n: Contexts in each, at most.
            by: "interval": equal parts of 0 to the maximum, as SAEDashboard has them; "quantile": as many tokens each.

        Raises:
            ValueError: If `by` is something else.
        """
        if by not in ("interval", "quantile"):
            raise ValueError(f"by={by!r}: groups are made by 'interval' or 'quantile'.")
        largest = float(self.max_act[feature])
        if by == "interval":
            edges = [largest * i / n_groups for i in range(n_groups + 1)]
        else:
            edges = [0.0, *(self.quantile(feature, i / n_groups) for i in range(1, n_groups)), largest]
        groups = []
        for low, high in zip(edges[-2::-1], edges[:0:-1], strict=True):
            share = self.share_between(feature, low, high) if by == "interval" else 1 / n_groups
            by_part = self.interval_contexts is not None and feature in self.interval_contexts
            table = self.interval_contexts if by == "interval" and by_part else self.random_contexts
            drawn = [] if table is None else self._drawn(table, feature, (low, high), n, is_last=high == largest)
            groups.append(ContextGroup(low, high, share, drawn))
        return groups

    def _drawn(
        self, table: ContextTable, feature: int, between: tuple[float, float], n: int, *, is_last: bool
    ) -> list[FeatureContext]:
        places = table.places(feature)
        size, lot = table.act[places].abs(), table.lot[places]
        low, high = between
        stratum = (size / (self.bin_width[feature] * (N_BINS // N_STRATA))).long().clamp_max(N_STRATA - 1)
        n_all = self.histogram[feature].view(N_STRATA, -1).sum(1)
        # Drawn as often as tokens are, however many of a part were kept (Efraimidis & Spirakis 2006).
        weight = (n_all / torch.bincount(stratum, minlength=N_STRATA).clamp_min(1))[stratum]
        key = lot.clamp_min(1e-300).log() / weight
        inside = (size >= low) & ((size < high) | (is_last & (size <= high)))
        chosen = torch.where(inside, key, -torch.inf).argsort(descending=True)[: min(n, int(inside.sum()))]
        found = [table.context(places.start + i) for i in chosen.tolist()]
        return sorted(found, key=lambda context: -abs(context.max_act))

    def search(self, text: str, limit: int | None = None) -> list[int]:
        """Features whose label or top tokens hold every word of `text`, or whose number it is; best matches first.

        A label that begins with the text comes before one that holds it, that before a token; then the frequent first.
        """
        query = text.strip().casefold()
        number = query.removeprefix("#")
        words = query.split()
        ranks: dict[int, int] = {}
        for feature, tokens in self.top_tokens.items():
            if words and all(any(word in token.casefold() for token in tokens) for word in words):
                ranks[feature] = 3
        for feature, label in self.labels.items():
            if words and all(word in label.casefold() for word in words):
                ranks[feature] = 1 if label.casefold().startswith(query) else 2
        if number.isdecimal() and int(number) < self.d_sae:
            ranks[int(number)] = 0
        found = sorted(ranks, key=lambda feature: (ranks[feature], -float(self.density[feature]), feature))
        return found[:limit]

    def save(self, folder: str | Path) -> Path:
        """The folder, with `statistics.safetensors`, `contexts.arrow` and `statistics.json` written to it."""
        return write_statistics(self, Path(folder))

    @classmethod
    def load(cls, folder: str | Path) -> "FeatureStatistics":
        """The statistics that `save` wrote.

        Raises:
            FileNotFoundError: If there are none in `folder`.
            ValueError: If the files are damaged.
        """
        return cls(**read_statistics(Path(folder)))


def known_statistics(sae: SAE) -> FeatureStatistics | None:
    """The statistics stored beside the SAE in `features/`; None where there are none.

    Raises:
        ValueError: If the files are damaged, or are another SAE's.
    """
    if sae.folder is None or not (Path(sae.folder) / "features" / "statistics.json").is_file():
        return None
    statistics = FeatureStatistics.load(Path(sae.folder) / "features")
    if statistics.d_sae != sae.cfg.d_sae:
        raise ValueError(
            f"{sae.folder}/features is of an SAE with {statistics.d_sae} features, this one has {sae.cfg.d_sae}. "
            "Delete it, or gather it anew with feature_statistics(...).save(...)."
        )
    check_identity(statistics.about, None, sae, f"The statistics in {sae.folder}/features do not belong there")
    return statistics
