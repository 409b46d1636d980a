"""What each feature of an SAE responds to: how often, how strongly, on which texts; gathered in one pass over text.

    density[f]    share of tokens with act > 0
    mean_act[f]   mean of act over those tokens
    max_act[f]    maximum of act
    histogram     of act over those tokens, exact counts in equal bins from 0
    contexts      the texts around the largest activations, one per document or row, no text twice

Special tokens are left out of all of it: the first token of a text fires features a hundred times harder than any
word does. Nothing is kept per token, so memory does not grow with the text.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from sae_widgets.activations.hook_reader import read_input
from sae_widgets.features.files import read_statistics, write_statistics
from sae_widgets.features.gathering import FeaturePass, token_rows
from sae_widgets.features.logits import LogitEffects, logit_effects
from sae_widgets.fit import check_fits
from sae_widgets.hooked import as_hooked
from sae_widgets.sae import SAE
from sae_widgets.token_text import token_texts

__all__ = [
    "FeatureContext",
    "FeatureStatistics",
    "LogitEffects",
    "feature_statistics",
    "known_statistics",
    "logit_effects",
]

N_TOP_TOKENS = 3
"""How many of the tokens that a feature peaks on are kept as text, to search in."""


@dataclass(frozen=True)
class FeatureContext:
    """A piece of text on which a feature fires."""

    tokens: list[int]
    """Token ids; fewer than the window's where the text begins or ends."""

    acts: list[float]
    """The feature's activation at each."""

    position: int
    """Where in `tokens` it is largest."""

    @property
    def max_act(self) -> float:
        """The activation there."""
        return self.acts[self.position]


@dataclass
class FeatureStatistics:
    """Statistics of all features of one SAE; saved and loaded the same, activations in contexts to a thousandth."""

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

    top_contexts: dict[int, list[FeatureContext]] = field(repr=False)
    """By feature, largest activation first; features that never fired are not there."""

    top_tokens: dict[int, list[str]] = field(default_factory=dict, repr=False)
    """Texts of the tokens a feature peaks on, most frequent first."""

    labels: dict[int, str] = field(default_factory=dict, repr=False)
    """Short names of features."""

    @property
    def d_sae(self) -> int:
        return len(self.density)

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
        """The folder, with `statistics.safetensors` and `statistics.json` written to it."""
        return write_statistics(self, Path(folder))

    @classmethod
    def load(cls, folder: str | Path) -> "FeatureStatistics":
        """The statistics that `save` wrote.

        Raises:
            FileNotFoundError: If there are none in `folder`.
            ValueError: If the files are damaged.
        """
        parts = read_statistics(Path(folder))
        contexts = {f: [FeatureContext(*each) for each in found] for f, found in parts.pop("contexts").items()}
        return cls(top_contexts=contexts, **parts)


def feature_statistics(
    model: Any,
    sae: SAE,
    texts: Iterable[str] | Int[Tensor, "n_rows n_pos"],
    *,
    n_tokens: int | None = None,
    n_top: int = 5,
    n_seqs: int = 16,
    window: tuple[int, int] = (16, 7),
    on_progress: Callable[[int, int], None] | None = None,
    is_cancelled: Callable[[], bool] = lambda: False,
) -> FeatureStatistics:
    """The statistics of every feature of `sae` over `texts`.

    Args:
        model: What the SAE was trained on.
        texts: Strings, each cut into rows of the SAE's context length that begin with bos; or rows of token ids.
        n_tokens: Stop after so many; None takes all.
        n_top: Contexts kept for each feature.
        n_seqs: Rows run at once.
        window: Tokens before and after the peak in a context.
        on_progress: Called with tokens done and `n_tokens` (0 if that is None), after each batch.
        is_cancelled: Asked before each batch; what was gathered until then is returned.

    Raises:
        ValueError: If the SAE does not fit the model, or there is no token to count.
    """
    hooked = as_hooked(model)
    check_fits(hooked, sae)
    before, after = window
    gathered = FeaturePass(sae.cfg.d_sae, n_top=n_top, before=before, after=after)
    special_ids = torch.tensor(sorted(hooked.tokenizer.all_special_ids), dtype=torch.long)
    for rows in token_rows(hooked, sae, texts, n_seqs):
        if is_cancelled() or (n_tokens is not None and gathered.n_tokens >= n_tokens):
            break
        with hooked.lock, torch.no_grad():
            acts = sae.encode(read_input(hooked, sae, rows))
        gathered.add(rows.cpu(), acts.float().cpu(), ~torch.isin(rows.cpu(), special_ids))
        if on_progress is not None:
            on_progress(gathered.n_tokens, n_tokens or 0)
    if gathered.n_tokens == 0:
        raise ValueError("There is no token to count: the texts are empty, or hold special tokens alone.")
    return _finished(gathered, hooked.tokenizer)


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
    return statistics


def _finished(gathered: FeaturePass, tokenizer: Any) -> FeatureStatistics:
    contexts = {f: [FeatureContext(*each) for each in found] for f, found in gathered.contexts().items()}
    top_tokens = {}
    for feature, found in contexts.items():
        peaks = Counter(context.tokens[context.position] for context in found)
        top_tokens[feature] = [token_texts(tokenizer, [peak])[0] for peak, _ in peaks.most_common(N_TOP_TOKENS)]
    n_active = gathered.n_active.clamp_min(1)
    return FeatureStatistics(
        n_tokens=gathered.n_tokens,
        density=(gathered.n_active / gathered.n_tokens).float(),
        max_act=gathered.max_act,
        mean_act=(gathered.sum_act / n_active).float(),
        histogram=gathered.histogram.counts.float(),
        bin_width=gathered.histogram.widths,
        top_contexts=contexts,
        top_tokens=top_tokens,
    )
