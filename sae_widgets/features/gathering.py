"""One pass over activations: sums, histograms and the strongest contexts of every feature, batch by batch."""

from collections.abc import Iterable, Iterator
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from sae_widgets.sae import SAE
from sae_widgets.token_text import clean_prompt

N_BINS = 24  # even; between half of them and all are in use
NO_TOKEN = -1  # in a context, beyond the ends of the text


class Histogram:
    """Exact counts in equal bins from 0, of values whose range is not known beforehand.

    When a value is past the last bin, bins are joined in pairs and the width doubles: nothing is counted anew.
    """

    def __init__(self, n_features: int, n_bins: int = N_BINS) -> None:
        self.counts = torch.zeros(n_features, n_bins, dtype=torch.long)
        self.widths = torch.zeros(n_features)

    def add(self, features: Int[Tensor, " n"], values: Float[Tensor, " n"]) -> None:
        """Count positive `values` of `features`."""
        n_bins = self.counts.shape[1]
        largest = torch.zeros_like(self.widths).scatter_reduce_(0, features, values, "amax")
        is_new = (self.widths == 0) & (largest > 0)
        # A power of two, so that the bins do not depend on how the values were batched.
        self.widths[is_new] = torch.exp2(torch.ceil(torch.log2(largest[is_new] / n_bins)))
        while bool((too_small := (self.widths > 0) & (largest >= n_bins * self.widths)).any()):
            joined = self.counts[too_small].view(-1, n_bins // 2, 2).sum(-1)
            self.counts[too_small] = torch.cat([joined, torch.zeros_like(joined)], dim=1)
            self.widths[too_small] *= 2
        bins = (values / self.widths[features]).long()
        self.counts.view(-1).index_add_(0, features * n_bins + bins, torch.ones_like(bins))


class FeaturePass:
    """Running statistics of every feature; what `features.FeatureStatistics` is made from."""

    def __init__(self, d_sae: int, *, n_top: int, before: int, after: int) -> None:
        self.n_tokens = 0
        self.n_active = torch.zeros(d_sae, dtype=torch.long)
        self.sum_act = torch.zeros(d_sae, dtype=torch.float64)
        self.max_act = torch.zeros(d_sae)
        self.histogram = Histogram(d_sae)
        self._n_top = n_top
        self._offsets = torch.arange(-before, after + 1)
        # Twice as many as asked for: texts that come twice are dropped at the end.
        n_kept, n_window = 2 * n_top, before + after + 1
        self._peaks = torch.zeros(n_kept, d_sae)
        self._tokens = torch.full((n_kept, d_sae, n_window), NO_TOKEN, dtype=torch.int32)
        self._acts = torch.zeros(n_kept, d_sae, n_window)

    def add(
        self,
        tokens: Int[Tensor, "n_rows n_pos"],
        acts: Float[Tensor, "n_rows n_pos d_sae"],
        counts: Bool[Tensor, "n_rows n_pos"],
    ) -> None:
        """Take in a batch of rows; positions where `counts` is False are no part of the statistics."""
        acts = acts * counts[..., None]
        self.n_tokens += int(counts.sum())
        row, position, feature = acts.nonzero(as_tuple=True)
        values = acts[row, position, feature].abs()
        self.n_active += torch.bincount(feature, minlength=len(self.n_active))
        self.sum_act.index_add_(0, feature, values.double())
        self.histogram.add(feature, values)
        peaks, where = acts.abs().max(dim=1)  # n_rows d_sae
        self.max_act = torch.maximum(self.max_act, peaks.max(dim=0).values)
        self._keep_best(tokens, acts, peaks, where)

    def contexts(self) -> dict[int, list[tuple[list[int], list[float], int]]]:
        """Tokens, activations and the position of the peak, by feature; largest first, no text twice."""
        found: dict[int, list[tuple[list[int], list[float], int]]] = {}
        for feature in self.max_act.nonzero().squeeze(-1).tolist():
            seen: set[tuple[int, ...]] = set()
            for slot in range(len(self._peaks)):
                if self._peaks[slot, feature] == 0 or len(seen) == self._n_top:
                    break
                tokens = self._tokens[slot, feature]
                inside = tokens != NO_TOKEN
                key = tuple(tokens[inside].tolist())
                if key in seen:
                    continue
                seen.add(key)
                position = int(inside[: int((self._offsets < 0).sum())].sum())
                acts = self._acts[slot, feature][inside].tolist()
                found.setdefault(feature, []).append((list(key), acts, position))
        return found

    def _keep_best(
        self,
        tokens: Int[Tensor, "n_rows n_pos"],
        acts: Float[Tensor, "n_rows n_pos d_sae"],
        peaks: Float[Tensor, "n_rows d_sae"],
        where: Int[Tensor, "n_rows d_sae"],
    ) -> None:
        n_kept = len(self._peaks)
        best = torch.cat([self._peaks, peaks]).topk(n_kept, dim=0)  # n_kept d_sae
        kept = best.indices.clamp_max(n_kept - 1)[..., None].expand_as(self._tokens)
        self._tokens = self._tokens.gather(0, kept)
        self._acts = self._acts.gather(0, kept)
        self._peaks = best.values
        slot, feature = ((best.indices >= n_kept) & (best.values > 0)).nonzero(as_tuple=True)
        row = best.indices[slot, feature] - n_kept
        at = where[row, feature][:, None] + self._offsets  # n_new n_window
        inside = (at >= 0) & (at < tokens.shape[1])
        at = at.clamp(0, tokens.shape[1] - 1)
        self._tokens[slot, feature] = torch.where(inside, tokens[row[:, None], at], NO_TOKEN).int()
        self._acts[slot, feature] = torch.where(inside, acts[row[:, None], at, feature[:, None]], 0.0)


def token_rows(
    model: Any, sae: SAE, texts: Iterable[str] | Int[Tensor, "n_rows n_pos"], n_seqs: int
) -> Iterator[Int[Tensor, "n_rows n_pos"]]:
    """Batches of rows of token ids that begin with bos; rows of one batch have one length.

    A text fills rows of its own, so that no context runs from one text into another.
    """
    if isinstance(texts, Tensor):
        yield from texts.split(n_seqs)
        return
    n_pos = min(sae.cfg.metadata.context_size or model.cfg.n_ctx, model.cfg.n_ctx)
    bos = model.tokenizer.bos_token_id
    head = [] if bos is None else [bos]
    waiting: dict[int, list[list[int]]] = {}
    for text in texts:
        ids = model.tokenizer(clean_prompt(text), add_special_tokens=False, verbose=False)["input_ids"]
        n_body = n_pos - len(head)
        for start in range(0, len(ids), n_body):
            row = head + ids[start : start + n_body]
            batch = waiting.setdefault(len(row), [])
            batch.append(row)
            if len(batch) == n_seqs:
                yield torch.tensor(waiting.pop(len(row)))
    for batch in waiting.values():
        yield torch.tensor(batch)
