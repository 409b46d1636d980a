"""Gather the statistics of every feature in one pass over text.

Special tokens are left out of all of it: the first token of a text fires features a hundred times harder than any
word does. Memory does not grow with the text, but for its tokens.
"""

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from sae_widgets.activations.hook_reader import read_input
from sae_widgets.features.best import Best
from sae_widgets.features.contexts import ContextTable, RowTable
from sae_widgets.features.firing import firing_of
from sae_widgets.features.gathering import FeaturePass, RowsRead, token_rows, unread
from sae_widgets.features.identity import identity_of
from sae_widgets.features.resuming import SAVE_EVERY_S, PassFolder
from sae_widgets.features.state import facts_of, pass_from_bytes, pass_to_bytes
from sae_widgets.features.statistics import FeatureStatistics
from sae_widgets.fit import check_fits
from sae_widgets.hooked import as_hooked
from sae_widgets.sae import SAE
from sae_widgets.token_text import token_texts
from sae_widgets.training.distributed import ALONE, Group, join

N_TOP_TOKENS = 3
"""How many of the tokens that a feature peaks on are kept as text, to search in."""
N_NEURONS = 10
"""Coordinates of what the SAE reads that are kept as correlated with a feature."""


def feature_statistics(
    model: Any,
    sae: SAE,
    texts: Iterable[str] | Int[Tensor, "n_rows n_pos"],
    *,
    n_tokens: int | None = None,
    n_seqs: int = 16,
    folder: str | os.PathLike | None = None,
    save_every_s: float | int = SAVE_EVERY_S,
    on_progress: Callable[[int, int], None] | None = None,
    is_cancelled: Callable[[], bool] = lambda: False,
    **settings: Any,
) -> FeatureStatistics:
    """The statistics of every feature of `sae` over `texts`.

    In several processes (torchrun, accelerate launch) each has to call it, with the same arguments: they share the
    rows out, and each gets what one process alone would.

    Args:
        model: What the SAE was trained on.
        texts: Strings, each cut into rows of the SAE's context length that begin with bos; or rows of token ids.
        n_tokens: Stop after so many; None takes all.
        n_seqs: Rows run at once.
        folder: Where to leave the statistics, and until then a state that the same call goes on from after a stop.
            Statistics that are there already are returned.
        save_every_s: Seconds between two states.
        on_progress: Called with tokens done and `n_tokens` (0 if that is None), after each batch.
        is_cancelled: Asked after each batch; what was gathered until then is returned.
        **settings: How much is kept, as for `new_pass`.

    Raises:
        ValueError: If the SAE does not fit the model, there is no token to count, or `folder` holds what is of another
            model, SAE or text.
    """
    hooked, group = as_hooked(model), join()
    check_fits(hooked, sae)
    state = PassFolder(folder, hooked, sae, group, save_every_s)
    if (finished := state.finished()) is not None:
        return finished
    gathered, read = state.begin(new_pass(sae, **settings))
    was_cancelled = False
    try:
        for done in gather(hooked, sae, texts, gathered, n_tokens=n_tokens, n_seqs=n_seqs, read=read, group=group):
            state.save_when_due(gathered)
            if on_progress is not None:
                on_progress(done, n_tokens or 0)
            if was_cancelled := is_cancelled():
                break
    except BaseException:
        state.save(gathered)
        raise
    if was_cancelled:
        state.save(gathered)
    statistics = statistics_of(shared(gathered, group), hooked, sae)
    if group.is_first and not was_cancelled:
        state.finish(statistics)
    group.meet()
    return statistics


def shared(gathered: FeaturePass, group: Group) -> FeaturePass:
    """What all processes gathered, on each of them."""
    if group.size == 1:
        return gathered
    parts = group.gather_bytes(pass_to_bytes(gathered, {}))
    for data in parts:
        gathered.merge(pass_from_bytes(data, facts_of(data)))
    data = group.bytes_from_first(pass_to_bytes(gathered, {}) if group.is_first else b"")
    return gathered if group.is_first else pass_from_bytes(data, facts_of(data))


def new_pass(
    sae: SAE,
    *,
    n_top: int = 20,
    n_random: int = 40,
    n_per_part: int = 4,
    window: tuple[int, int] = (16, 7),
    n_sample: int = 32_768,
) -> FeaturePass:
    """A pass over what `sae` sees, with nothing gathered yet.

    Args:
        sae: What is looked at.
        n_top: Strongest contexts kept for each feature.
        n_random: Random contexts kept for each feature.
        n_per_part: Random contexts kept for each feature in each of `gathering.N_STRATA` parts of its histogram.
        window: Tokens before and after the peak in a context.
        n_sample: Tokens drawn to compare features by.
    """
    kept = {"n_top": n_top, "n_random": n_random, "n_per_part": n_per_part}
    return FeaturePass(sae.d_sae, sae.cfg.d_in, **kept, window=window, n_sample=n_sample)


def gather(
    model: Any,
    sae: SAE,
    texts: Iterable[str] | Int[Tensor, "n_rows n_pos"],
    gathered: FeaturePass,
    *,
    n_tokens: int | None = None,
    n_seqs: int = 16,
    read: RowsRead | None = None,
    group: Group = ALONE,
) -> Iterator[int]:
    """Adds batch after batch to `gathered`, yielding the tokens done; rows that were read are not read again.

    The model is free between two batches: whoever iterates may pause, show what there is, or stop.

    Args:
        model: What the SAE was trained on.
        sae: The SAE.
        texts: As for `feature_statistics`.
        gathered: What is added to.
        n_tokens: Stop after so many; None takes all.
        n_seqs: Rows run at once.
        read: Rows that other processes have read; those of `gathered` are left out anyway.
        group: The processes that share the batches out: each takes every `group.size`-th.

    Raises:
        ValueError: If a row that was read has other tokens now.
    """
    hooked, n_done = as_hooked(model), 0
    special_ids = torch.tensor(sorted(hooked.tokenizer.all_special_ids), dtype=torch.long)
    for i, rows in enumerate(token_rows(hooked, sae, texts, n_seqs)):
        if n_tokens is not None and n_done >= n_tokens:
            return
        n_done += int((~torch.isin(rows.tokens, special_ids)).sum())
        rows = unread(unread(rows, gathered.rows), read or {})
        if len(rows.numbers) == 0 or i % group.size != group.rank:
            continue
        counts = ~torch.isin(rows.tokens, special_ids)
        with hooked.lock, torch.no_grad():
            x = read_input(hooked, sae, rows.tokens)
            fires = firing_of(sae, x, counts)
        gathered.add(rows.tokens, fires, counts, x.flatten(2).cpu(), rows)
        yield n_done


def statistics_of(gathered: FeaturePass, model: Any, sae: SAE) -> FeatureStatistics:
    """What a pass has gathered so far; it may go on afterwards.

    Raises:
        ValueError: If no token was counted.
    """
    if gathered.n_tokens == 0:
        raise ValueError("There is no token to count: the texts are empty, or hold special tokens alone.")
    rows = RowTable.of(gathered.rows)
    kept = (gathered.top, gathered.random, gathered.parts)
    top, random, parts = (_table(each, rows, gathered.window) for each in kept)
    n_active = gathered.n_active.clamp_min(1)
    moments = gathered.powers / n_active
    return FeatureStatistics(
        n_tokens=gathered.n_tokens,
        density=(gathered.n_active.double() / gathered.n_tokens).float(),
        max_act=gathered.max_act.clone(),
        mean_act=moments[0].float(),
        histogram=gathered.histogram.counts.float(),
        bin_width=gathered.histogram.widths.clone(),
        top_contexts=top,
        top_tokens=_top_tokens(top, as_hooked(model).tokenizer),
        moments=moments,
        n_rows=gathered.n_rows,
        design_effect=_design_effect(gathered),
        random_contexts=random,
        interval_contexts=parts,
        sample=gathered.sample.sample(len(gathered.max_act)),
        neurons=_neurons(gathered),
        about={**identity_of(model, sae), "window": list(gathered.window)},
    )


def _table(kept: Best, rows: RowTable, window: tuple[int, int]) -> ContextTable:
    entries, before = kept.entries(), window[0]
    if not entries:
        whole, none = torch.zeros(0, dtype=torch.int32), torch.zeros(0, sum(window) + 1)
        return ContextTable(rows, whole, whole.long(), whole, none, before, whole, none.sum(1).double())
    return ContextTable(
        rows,
        entries["feature"],
        entries["row"],
        entries["position"],
        entries["acts"],
        before,
        entries["n_times"],
        entries["score"],
    )


def _top_tokens(top: ContextTable, tokenizer: Any) -> dict[int, list[str]]:
    peaks = top.peak_tokens()
    known = {int(each): token_texts(tokenizer, [int(each)])[0] for each in peaks.unique()}
    ids = peaks.tolist()
    found = {}
    for feature in top:
        places = top.places(feature)
        found[feature] = [known[peak] for peak, _ in Counter(ids[places]).most_common(N_TOP_TOKENS)]
    return found


def _design_effect(gathered: FeaturePass) -> Float[Tensor, " d_sae"]:
    """Variance of the share, rows taken whole, over that of independent tokens; at least 1.

        sum_r (c_r - p n_r)^2 / (N p (1 - p))        c_r of a row's n_r tokens fire; n_r taken as N / rows

    Source: Kish 1965, ratio estimate over clusters; with equal rows sum_r (c_r - p n_r)^2 = sum c_r^2 - N^2 p^2 / rows.
    """
    n, p = gathered.n_tokens, gathered.n_active.double() / gathered.n_tokens
    between = gathered.sum_squared_counts - (n * p).pow(2) / gathered.n_rows
    return torch.where(p > 0, between / (n * p * (1 - p)).clamp_min(1e-12), 1.0).clamp_min(1.0).float()


def _neurons(gathered: FeaturePass) -> Float[Tensor, "3 d_sae n"] | None:
    """The coordinates that go most with each feature."""
    if gathered.products is None:
        return None
    n = gathered.n_tokens
    mean_x, mean_x2 = gathered.x_powers / n
    mean_f, mean_f2 = gathered.sum_act / n, gathered.powers[1] / n
    spread = (mean_f2 - mean_f.pow(2)).clamp_min(0).sqrt()
    spread_x = (mean_x2 - mean_x.pow(2)).clamp_min(0).sqrt()
    k = min(N_NEURONS, gathered.products.shape[1])
    found = []
    for features in torch.arange(len(mean_f)).split(4096):
        mean_fx = gathered.products[features].double() / n
        pearson = (mean_fx - mean_f[features, None] * mean_x) / (spread[features, None] * spread_x).clamp_min(1e-30)
        best = pearson.abs().topk(k, dim=-1).indices
        cosine = mean_fx / (mean_f2[features, None] * mean_x2).sqrt().clamp_min(1e-30)
        found.append(torch.stack([best.double(), pearson.gather(1, best), cosine.gather(1, best)]))
    return torch.cat(found, dim=1).float()
