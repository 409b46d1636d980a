"""One pass over activations: what is summed, counted and kept of every feature, batch by batch.

    sums        of act, act^2, act^3, act^4 over the tokens where a feature fires; of act * x over all tokens
    counts      tokens and rows where it fires, squared counts per row (for intervals), a histogram
    best        contexts: the strongest of each row, some at random, and some in each part of the histogram
    rows        the tokens of every row, two bytes each in a small vocabulary
    sample      rows drawn at random with all that fires in them, for whatever compares features

What is random is drawn from a hash of the row's number, so that neither batches nor processes change it, and two
passes over two shares of the rows add up to the pass over both (`FeaturePass.merge`). Memory does not grow with the
text, but for the rows' tokens.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor

from sae_widgets.features.best import Best, Entries, mix
from sae_widgets.features.firing import Firing
from sae_widgets.features.sample import SampleRows
from sae_widgets.sae import SAE, SparseActs
from sae_widgets.token_text import clean_prompt

N_BINS = 48  # even; between half of them and all are in use
N_STRATA = 12
"""Parts of the histogram in each of which contexts are drawn: few of those drawn from all are strong."""
N_CORRELATIONS = 2**28  # sums of act * x beyond 1 GiB are not kept


RowsRead = Mapping[int, tuple[Tensor, int, int]]
"""Tokens, number of the document and start in it, by number of the row."""


class Rows(NamedTuple):
    """Rows of tokens, and where they are from."""

    tokens: Int[Tensor, "n_rows n_pos"]
    documents: Int[Tensor, " n_rows"]
    """Number of the text."""
    starts: Int[Tensor, " n_rows"]
    """Where in its text a row begins, in tokens."""
    numbers: Int[Tensor, " n_rows"]
    """Of the row among all."""


class Histogram:
    """Exact counts in equal bins from 0, of values whose range is not known beforehand.

    When a value is past the last bin, bins are joined in pairs and the width doubles: nothing is counted anew.
    """

    def __init__(self, n_features: int, n_bins: int = N_BINS) -> None:
        self.counts = torch.zeros(n_features, n_bins, dtype=torch.long)
        self.widths = torch.zeros(n_features)

    def add(self, features: Int[Tensor, " n"], values: Float[Tensor, " n"]) -> Int[Tensor, " n_features"]:
        """Count positive `values` of `features`; how many times each feature's bins were joined for it."""
        n_bins = self.counts.shape[1]
        largest = torch.zeros_like(self.widths).scatter_reduce_(0, features, values, "amax")
        is_new = (self.widths == 0) & (largest > 0)
        # A power of two, so that the bins do not depend on how the values were batched.
        self.widths[is_new] = torch.exp2(torch.ceil(torch.log2(largest[is_new] / n_bins)))
        n_joined = self.widen(largest / n_bins)
        bins = (values / self.widths[features]).long()
        self.counts.view(-1).index_add_(0, features * n_bins + bins, torch.ones_like(bins))
        return n_joined

    def widen(self, at_least: Float[Tensor, " n_features"]) -> Int[Tensor, " n_features"]:
        """Join bins until each feature's are wider than this; how many times they were."""
        n_bins = self.counts.shape[1]
        n_joined = torch.zeros_like(self.widths, dtype=torch.long)
        while bool((too_small := (self.widths > 0) & (at_least >= self.widths)).any()):
            joined = self.counts[too_small].view(-1, n_bins // 2, 2).sum(-1)
            self.counts[too_small] = torch.cat([joined, torch.zeros_like(joined)], dim=1)
            self.widths[too_small] *= 2
            n_joined += too_small
        return n_joined


class FeaturePass:
    """Running statistics of every feature; what `statistics.FeatureStatistics` is made from.

    Args:
        d_sae: Features.
        d_in: Width of what the SAE reads, to correlate features with its coordinates; None leaves that out.
        n_top: Strongest contexts kept for each feature.
        n_random: Random contexts kept for each feature.
        n_per_part: Random contexts kept for each feature in each of `N_STRATA` parts of its histogram.
        window: Tokens before and after a context's peak.
        n_sample: Tokens drawn to compare features by.
    """

    def __init__(
        self,
        d_sae: int,
        d_in: int | None = None,
        *,
        n_top: int,
        n_random: int,
        n_per_part: int,
        window: tuple[int, int],
        n_sample: int,
    ) -> None:
        kept = {"n_top": n_top, "n_random": n_random, "n_per_part": n_per_part}
        self.settings = {"d_sae": d_sae, "d_in": d_in, **kept, "window": window, "n_sample": n_sample}
        """What it was made with."""
        self.n_tokens = self.n_rows = 0
        self.n_active, self.n_active_rows = (torch.zeros(d_sae, dtype=torch.long) for _ in range(2))
        self.sum_squared_counts = torch.zeros(d_sae, dtype=torch.float64)
        """Over rows, of (tokens of the row where the feature fires)^2."""
        self.powers = torch.zeros(4, d_sae, dtype=torch.float64)
        """Sums of act, act^2, act^3, act^4, of absolute values."""
        self.sum_act = torch.zeros(d_sae, dtype=torch.float64)
        """Sum of act with its sign."""
        self.max_act = torch.zeros(d_sae)
        self.histogram = Histogram(d_sae)
        keeps_products = d_in is not None and d_sae * d_in <= N_CORRELATIONS
        self.products = torch.zeros(d_sae, d_in) if keeps_products and d_in is not None else None
        """Sum over tokens of act * x."""
        self.x_powers = torch.zeros(2, d_in or 0, dtype=torch.float64)
        """Sums of x and x^2."""
        self.window = window
        self.top, self.random = (Best(d_sae, n, lambda entries: entries["feature"].long()) for n in (n_top, n_random))
        self.parts = Best(d_sae * N_STRATA, n_per_part, self._part_of)
        self.sample = SampleRows(n_sample)
        self.rows: dict[int, tuple[Tensor, int, int]] = {}
        """Tokens, number of the document and start in it, by number of the row."""
        self.n_rows_seen = 0

    def add(
        self,
        tokens: Int[Tensor, "n_rows n_pos"],
        acts: Float[Tensor, "n_rows n_pos d_sae"] | SparseActs | Firing,
        counts: Bool[Tensor, "n_rows n_pos"],
        x: Float[Tensor, "n_rows n_pos d_in"] | None = None,
        rows: Rows | None = None,
    ) -> None:
        """Take in a batch of rows; positions where `counts` is False are no part of the statistics.

        Args:
            tokens: Their ids.
            acts: What fires on them.
            counts: Which positions count.
            x: What the SAE read, where features are correlated with its coordinates.
            rows: Numbers and origin of the rows; by default they go on from those of the last batch, each a document.
        """
        numbers = torch.arange(self.n_rows_seen, self.n_rows_seen + len(tokens))
        rows = rows if rows is not None else Rows(tokens, numbers, torch.zeros_like(numbers), numbers)
        self.n_rows_seen += len(tokens)
        fires = acts if isinstance(acts, Firing) else Firing.of([acts], counts, len(self.max_act))
        self.n_tokens += int(counts.sum())
        self.n_rows += len(counts)
        run, run_starts = fires.runs()
        self._sum(fires, run_starts)
        if x is not None and self.products is not None:
            kept = (x.flatten(0, 1) * counts.flatten()[:, None]).float()
            self.products += fires.sums_of(kept)
            self.x_powers[0] += kept.sum(0, dtype=torch.float64)
            self.x_powers[1] += kept.double().pow(2).sum(0)
        for number, row, document, start in zip(
            rows.numbers.tolist(), _small(rows.tokens), rows.documents.tolist(), rows.starts.tolist(), strict=True
        ):
            self.rows[number] = (row, document, start)
        self._keep(rows, fires, run, run_starts)
        self.sample.add(rows, fires, counts)

    def _sum(self, fires: Firing, run_starts: Int[Tensor, " n_runs_plus_1"]) -> None:
        size, d_sae = fires.value.abs(), len(self.max_act)
        run_feature, per_row = fires.feature[run_starts[:-1]], run_starts.diff()
        self.n_active += fires.n_each
        self.n_active_rows += torch.bincount(run_feature, minlength=d_sae)
        self.sum_squared_counts += torch.bincount(run_feature, weights=per_row.double().pow(2), minlength=d_sae)
        self.sum_act += fires.totals(fires.value)
        power = size.double()
        for i in range(4):
            self.powers[i] += fires.totals(power)
            power = power * size
        self.max_act.scatter_reduce_(0, fires.feature, size, "amax")
        n_joined = self.histogram.add(fires.feature, size)
        self._join_parts(n_joined)

    def _join_parts(self, n_joined: Int[Tensor, " d_sae"]) -> None:
        floor = self.parts.floor.view(len(self.max_act), N_STRATA)
        while bool((joined := n_joined > 0).any()):
            # With n_kept entries above either floor, the union has them too.
            pairs = floor[joined].view(-1, N_STRATA // 2, 2).amax(-1)
            floor[joined] = torch.cat([pairs, torch.full_like(pairs, -torch.inf)], dim=1)
            n_joined = n_joined - joined.long()

    def _part_of(self, entries: Entries) -> Int[Tensor, " n"]:
        feature = entries["feature"].long()
        return feature * N_STRATA + _stratum(entries["act"].abs(), self.histogram.widths[feature])

    def _keep(
        self, rows: Rows, fires: Firing, run: Int[Tensor, " n"], run_starts: Int[Tensor, " n_runs_plus_1"]
    ) -> None:
        size = fires.value.abs()
        before, after = self.window
        keys = hash_of(F.pad(rows.tokens, (before, after), value=-1).unfold(1, before + 1 + after, 1).flatten(0, 1))
        # A lot is of row, position and feature; of the first two, each token's is mixed once.
        tokens = mixed(
            rows.numbers.repeat_interleave(fires.shape[1]), torch.arange(fires.shape[1]).repeat(len(rows.numbers))
        )
        lot = as_uniform(mix(tokens[fires.token] + fires.feature))

        def entries(at: Tensor, score: Tensor) -> dict[str, Tensor]:
            token = fires.token[at]
            return {
                "score": score,
                "key": keys[token],
                "feature": fires.feature[at].int(),
                "act": fires.value[at],
                "row": rows.numbers[token // fires.shape[1]],
                "position": (token % fires.shape[1]).int(),
                "acts": fires.windows(at, before, after),
            }

        # The strongest position of each row: the first, where several are equally strong.
        peaks = torch.segment_reduce(size, "max", offsets=run_starts, axis=0, initial=0.0)
        at = (size == peaks[run]).nonzero()[:, 0]
        at = at[run[at].diff(prepend=run.new_tensor([-1])) > 0]
        at = at[self.top.admits(fires.feature[at], size[at].double())]
        self.top.add(entries(at, size[at].double()))
        part = fires.feature * N_STRATA + _stratum(size, self.histogram.widths[fires.feature])
        for kept, group in ((self.random, fires.feature), (self.parts, part)):
            at = kept.admits(group, lot).nonzero()[:, 0]
            kept.add(entries(at, lot[at]))

    def merge(self, other: "FeaturePass") -> None:
        """Take in what another pass gathered over other rows.

        Raises:
            ValueError: If a row is in both.
        """
        if both := self.rows.keys() & other.rows.keys():
            raise ValueError(f"{len(both)} rows are in both passes (row {min(both)}, for one): they would count twice.")
        self.n_tokens, self.n_rows = self.n_tokens + other.n_tokens, self.n_rows + other.n_rows
        for name in ("n_active", "n_active_rows", "sum_squared_counts", "powers", "sum_act", "x_powers"):
            getattr(self, name).add_(getattr(other, name))
        if self.products is not None and other.products is not None:
            self.products += other.products
        torch.maximum(self.max_act, other.max_act, out=self.max_act)
        self._join_parts(self.histogram.widen(other.histogram.widths / 2))
        is_new = self.histogram.widths == 0
        self.histogram.widths[is_new] = other.histogram.widths[is_new]
        theirs = Histogram(len(self.max_act))
        theirs.counts, theirs.widths = other.histogram.counts.clone(), other.histogram.widths.clone()
        theirs.widen(self.histogram.widths / 2)
        self.histogram.counts += theirs.counts
        for kept, theirs_kept in ((self.top, other.top), (self.random, other.random), (self.parts, other.parts)):
            kept.merge(theirs_kept)
        self.sample.merge(other.sample)
        self.rows.update(other.rows)
        self.n_rows_seen = max(self.n_rows_seen, other.n_rows_seen)


def _stratum(size: Float[Tensor, " n"], width: Float[Tensor, " n"]) -> Int[Tensor, " n"]:
    return (size / (width * (N_BINS // N_STRATA))).long().clamp_max(N_STRATA - 1)


def _small(tokens: Int[Tensor, "n_rows n_pos"]) -> list[Tensor]:
    """Rows in two bytes a token where they fit, each in memory of its own."""
    fits = tokens.numel() == 0 or int(tokens.max()) < 2**16
    return list(tokens.to(torch.uint16 if fits else torch.int32))


def mixed(*numbers: Int[Tensor, " n"]) -> Int[Tensor, " n"]:
    """One number of 64 bits for these, that looks drawn at random."""
    found = torch.zeros_like(numbers[0])
    for number in numbers:
        found = mix(found + number)
    return found


def as_uniform(bits: Int[Tensor, " n"]) -> Float[Tensor, " n"]:
    """Random bits as numbers in [0, 1)."""
    return ((bits >> 11) & ((1 << 53) - 1)).double() * 2.0**-53


def hash_of(tokens: Int[Tensor, "n n_window"]) -> Int[Tensor, " n"]:
    """A number of 64 bits for each row; equal rows have the same."""
    # Odd multipliers from a fixed seed: a multilinear hash (Carter & Wegman 1979), mixed once.
    factors = mix(torch.arange(tokens.shape[1])) | 1
    return mix((tokens * factors).sum(1))


def token_rows(model: Any, sae: SAE, texts: Iterable[str] | Int[Tensor, "n_rows n_pos"], n_seqs: int) -> Iterator[Rows]:
    """Batches of rows of token ids that begin with bos; rows of one batch have one length.

    A text fills rows of its own, so that no context runs from one text into another.
    """
    if isinstance(texts, Tensor):
        numbers = torch.arange(len(texts))
        for each, number in zip(texts.split(n_seqs), numbers.split(n_seqs), strict=True):
            yield Rows(each, number, torch.zeros_like(number), number)
        return
    n_pos = min(sae.cfg.metadata.context_size or model.cfg.n_ctx, model.cfg.n_ctx)
    bos = model.tokenizer.bos_token_id
    head = [] if bos is None else [bos]
    waiting: dict[int, list[tuple[list[int], int, int, int]]] = {}
    n_rows = 0
    for document, text in enumerate(texts):
        ids = model.tokenizer(clean_prompt(text), add_special_tokens=False, verbose=False)["input_ids"]
        n_body = n_pos - len(head)
        for start in range(0, len(ids), n_body):
            row = head + ids[start : start + n_body]
            batch = waiting.setdefault(len(row), [])
            batch.append((row, document, start, n_rows))
            n_rows += 1
            if len(batch) == n_seqs:
                yield _rows_of(waiting.pop(len(row)))
    for batch in waiting.values():
        yield _rows_of(batch)


def unread(rows: Rows, read: RowsRead) -> Rows:
    """Those of a batch that are not among the rows read.

    Raises:
        ValueError: If a row was read with other tokens.
    """
    numbers = rows.numbers.tolist()
    for i, number in enumerate(numbers):
        if number in read and not torch.equal(read[number][0].long(), rows.tokens[i].long()):
            raise ValueError(
                f"Row {number} has other tokens than when it was read: a pass goes on with the texts that it began "
                "with. Begin anew in another folder."
            )
    left = [i for i, number in enumerate(numbers) if number not in read]
    return Rows(*(each[left] for each in rows))


def _rows_of(batch: list[tuple[list[int], int, int, int]]) -> Rows:
    return Rows(*(torch.tensor(column) for column in zip(*batch, strict=True)))
