"""One SAE's features under study: what a dashboard shows of one, from its statistics, weights and model."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from sae_widgets.activations.hook_reader import read_input
from sae_widgets.features.contexts import ContextTable, FeatureContext, widened
from sae_widgets.features.directions import cosines_with
from sae_widgets.features.effects import FeatureEffects, feature_effects
from sae_widgets.features.identity import check_identity
from sae_widgets.features.logits import LogitEffects, TokenEffect, logit_effects
from sae_widgets.features.statistics import FeatureStatistics
from sae_widgets.fit import check_fits
from sae_widgets.hooked import as_hooked
from sae_widgets.sae import SAE
from sae_widgets.sae.acts import decoder_norms
from sae_widgets.steering import check_features
from sae_widgets.token_text import token_texts

N_LOGIT_BINS = 50


class Neighbour(NamedTuple):
    """A feature whose decoder row points the same way."""

    feature: int
    cosine: float


class Neuron(NamedTuple):
    """A coordinate of what the SAE writes or reads."""

    index: int
    value: float
    """Of the decoder row, or Pearson's correlation."""
    share: float
    """Of the row's L1 norm, or the cosine."""


@dataclass(frozen=True)
class FeatureWeights:
    """A feature's weights in numbers."""

    decoder_norm: float
    encoder_norm: float
    encoder_decoder_cosine: float | None
    """None where encoder and decoder have different widths."""
    encoder_bias: float | None


class FeatureLab:
    """The features of `sae` in `model`, with what `statistics` knows of them.

    Raises:
        ValueError: If the SAE does not fit the model, or the statistics are of another SAE.
    """

    def __init__(self, model: Any, sae: SAE, statistics: FeatureStatistics) -> None:
        self.model, self.sae, self.statistics = as_hooked(model), sae, statistics
        check_fits(self.model, sae)
        if statistics.d_sae != sae.d_sae:
            raise ValueError(
                f"The statistics are of an SAE with {statistics.d_sae:,} features, this one has {sae.d_sae:,}. Gather "
                "its own: sw.feature_statistics(model, sae, texts)."
            )
        check_identity(statistics.about, self.model, sae, "These statistics do not belong here")

    @cached_property
    def _decoder_norms(self) -> Float[Tensor, " d_sae"]:
        return decoder_norms(self.sae.W_dec.detach().float())

    @torch.no_grad()
    def cosines(self, direction: Float[Tensor, " d_out"]) -> Float[Tensor, " d_sae"]:
        """Cosine of every feature's decoder row with a direction of the activation it writes."""
        return cosines_with(self.sae.W_dec.detach(), direction, self._decoder_norms)

    def neighbours(self, feature: int, k: int = 10) -> list[Neighbour]:
        """The features whose decoder rows point most the same way, nearest first."""
        check_features(self.sae, [feature])
        cosines = self.cosines(self.sae.W_dec[feature].detach())
        cosines[feature] = -torch.inf
        best = cosines.topk(min(k, len(cosines) - 1))
        return [Neighbour(i, c) for i, c in zip(best.indices.tolist(), best.values.tolist(), strict=True)]

    @torch.no_grad()
    def alignment(self, feature: int, k: int = 10) -> list[Neuron]:
        """The coordinates in which the decoder row is largest: value, and share of its L1 norm."""
        check_features(self.sae, [feature])
        row = self.sae.W_dec[feature].float()
        largest = row.abs().topk(min(k, len(row))).indices
        total = float(row.abs().sum()) or 1.0
        return [Neuron(i, v, abs(v) / total) for i, v in zip(largest.tolist(), row[largest].tolist(), strict=True)]

    def correlated_neurons(self, feature: int, k: int = 10) -> list[Neuron]:
        """The coordinates of the input that go with the feature, by |Pearson|: correlation and cosine."""
        check_features(self.sae, [feature])
        if self.statistics.neurons is None:
            return []
        columns = self.statistics.neurons[:, feature, :k].tolist()
        return [Neuron(int(index), *values) for index, *values in zip(*columns, strict=True)]

    @torch.no_grad()
    def weights(self, feature: int) -> FeatureWeights:
        """Norms, bias, and how far encoder and decoder agree."""
        check_features(self.sae, [feature])
        row, column = self.sae.W_dec[feature].float(), self.sae.W_enc[:, feature].float()
        same = row.shape == column.shape
        bias = getattr(self.sae, "b_enc", None)
        return FeatureWeights(
            float(row.norm()),
            float(column.norm()),
            float(torch.cosine_similarity(row, column, dim=0)) if same else None,
            None if bias is None else float(bias[feature]),
        )

    def logits(self, feature: int, k: int = 10) -> LogitEffects:
        """The tokens that the feature raises and lowers directly."""
        return logit_effects(self.model, self.sae, feature, k)

    def logit_histogram(self, effects: LogitEffects) -> tuple[list[int], float, float]:
        """Tokens of the vocabulary by effect: counts in equal bins, and the ends of the first and last."""
        low, high = float(effects.effects.min()), float(effects.effects.max())
        counts = torch.histc(effects.effects.float(), N_LOGIT_BINS, low, high) if high > low else torch.zeros(1)
        return counts.long().tolist(), low, high

    def rank_of(self, effects: LogitEffects, token_id: int) -> tuple[int, TokenEffect]:
        """A token's rank among all by effect, from 1, and the effect."""
        effect = effects.effects[token_id]
        rank = int((effects.effects > effect).sum()) + 1
        return rank, TokenEffect(token_id, token_texts(self.model.tokenizer, [token_id])[0], float(effect))

    @torch.no_grad()
    def whole_row(self, feature: int, context: FeatureContext) -> FeatureContext:
        """The context with all of its row; a forward of the model.

        Raises:
            ValueError: If the context does not say which row it is from.
        """
        table = self.statistics.top_contexts
        if context.row is None or not isinstance(table, ContextTable):
            raise ValueError("This context does not know its row: it was not gathered by feature_statistics.")
        tokens = torch.tensor(table.rows.row(context.row))[None]
        with self.model.lock:
            acts = self.sae.encode(read_input(self.model, self.sae, tokens))[0, :, feature]
        special = torch.isin(tokens[0], torch.tensor(self.model.tokenizer.all_special_ids, dtype=torch.long))
        return widened(context, table.rows, torch.where(special, 0.0, acts.float().cpu()))

    def effects(self, feature: int, context: FeatureContext, k: int = 5) -> FeatureEffects:
        """What the feature does in the context's row (its whole row, where it is known); two forwards."""
        table = self.statistics.top_contexts
        known = context.row is not None and isinstance(table, ContextTable)
        tokens = table.rows.row(context.row) if known else context.tokens  # type: ignore[union-attr, arg-type]
        return feature_effects(self.model, self.sae, tokens, feature, k)
