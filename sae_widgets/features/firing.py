"""Where which feature fires, how strongly: the activations of a batch without their zeros, by feature.

Of 4,096 features some 64 fire on a token. Everything a pass over text gathers is made from these alone, and in this
order most of it is a sum over a run of neighbours: a feature's tokens, its tokens in one row, those around a peak.
"""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor

from sae_widgets.sae import SAE, SparseActs

N_AT_ONCE = 2**21  # activations in one dense block: 8 MiB stay in the cache of a processor, 33 take twice the time
N_AT_ONCE_DEVICE = 2**26


class Firing(NamedTuple):
    """One entry for each activation other than 0, by feature and then by token."""

    feature: Int[Tensor, " n"]
    token: Int[Tensor, " n"]
    """Row and position as one number: row * n_pos + position."""
    value: Float[Tensor, " n"]
    shape: tuple[int, int, int]
    """n_rows, n_pos, d_sae."""

    @classmethod
    def of(
        cls,
        blocks: Iterable[Float[Tensor, "n_rows n_pos d_sae"] | SparseActs],
        counts: Bool[Tensor, "all_rows n_pos"],
        d_sae: int,
    ) -> "Firing":
        """What fires in the rows of `blocks`, one after another, where `counts` says that a position counts.

        Raises:
            ValueError: If an activation is no finite number.
        """
        n_rows, n_pos = counts.shape
        start, found = 0, []
        for block in blocks:
            token, feature, value = _of_slots(block) if isinstance(block, SparseActs) else _of_dense(block)
            found.append((token + start * n_pos, feature, value))
            start += len(block.values if isinstance(block, SparseActs) else block)
        assert start == n_rows
        token, feature, value = (torch.cat(each) for each in zip(*found, strict=True))
        if not bool(counts.all()):
            at = counts.flatten()[token].nonzero()[:, 0]
            token, feature, value = token[at], feature[at], value[at]
        if not bool(value.isfinite().all()):
            row = int(token[~value.isfinite()][0]) // n_pos
            raise ValueError(
                f"An activation in row {row} of this batch is {float(value[~value.isfinite()][0])}: the model or the "
                "SAE overflows there. Use another dtype (float32, bfloat16), or leave that text out."
            )
        # The narrowest integer: sorting costs by the byte.
        order = feature.to(torch.int16 if d_sae <= 2**15 else torch.int32).argsort(stable=True)
        return cls(feature[order], token[order], value[order], (n_rows, n_pos, d_sae))

    @property
    def row(self) -> Int[Tensor, " n"]:
        return self.token // self.shape[1]

    @property
    def position(self) -> Int[Tensor, " n"]:
        return self.token % self.shape[1]

    @property
    def n_each(self) -> Int[Tensor, " d_sae"]:
        """Entries of each feature."""
        return torch.bincount(self.feature, minlength=self.shape[2])

    def totals(self, weights: Float[Tensor, " n"]) -> Float[Tensor, " d_sae"]:
        """Each feature's sum of `weights`, float64."""
        return torch.bincount(self.feature, weights=weights.double(), minlength=self.shape[2])

    def runs(self) -> tuple[Int[Tensor, " n"], Int[Tensor, " n_runs_plus_1"]]:
        """Runs of one feature in one row: which each entry is in, and where they begin."""
        cell = self.feature * self.shape[0] + self.row
        is_new = torch.ones(len(cell), dtype=torch.bool)
        is_new[1:] = cell[1:] != cell[:-1]
        starts = is_new.nonzero()[:, 0]
        return is_new.cumsum(0) - 1, torch.cat([starts, starts.new_tensor([len(cell)])])

    def sums_of(self, x: Float[Tensor, "n_tokens d_in"]) -> Float[Tensor, "d_sae d_in"]:
        """Each feature's sum of activation * x."""
        n_each = self.n_each
        starts = n_each.cumsum(0) - n_each
        return F.embedding_bag(self.token, x, starts, mode="sum", per_sample_weights=self.value.to(x.dtype))

    def windows(self, at: Int[Tensor, " m"], before: int, after: int) -> Float[Tensor, "m window"]:
        """The activations of an entry's feature from `before` positions before it to `after` behind it, in its row."""
        width, (n_rows, n_pos, _) = before + 1 + after, self.shape
        # Rows and features lie further apart here than a window is wide, so a distance tells whether one is inside.
        place = (self.feature * n_rows + self.row) * (n_pos + width) + self.position
        found = self.value.new_zeros(len(at), width + 1)
        for part in torch.arange(len(at)).split(16_384):  # intermediates of some MiB, whatever comes in
            own = at[part, None]
            near = own + torch.arange(-before, after + 1)
            is_there = (near >= 0) & (near < len(place))
            near = near.clamp(0, max(len(place) - 1, 0))
            column = place[near] - place[own] + before
            column = torch.where(is_there & (column >= 0) & (column < width), column, width)
            found[part] = found[part].scatter_(1, column, self.value[near])
        return found[:, :width]


def firing_of(sae: SAE, x: Float[Tensor, "n_rows n_pos *d"], counts: Bool[Tensor, "n_rows n_pos"]) -> Firing:
    """What fires of `sae` on `x`, encoded a few rows at a time: nothing dense of the whole batch is made."""
    at_once = N_AT_ONCE if x.device.type == "cpu" else N_AT_ONCE_DEVICE
    n_rows = max(1, at_once // (sae.d_sae * x.shape[1]))
    return Firing.of((sae.encode_as_made(part) for part in x.split(n_rows)), counts, sae.d_sae)


def _of_dense(acts: Float[Tensor, "n_rows n_pos d_sae"]) -> tuple[Tensor, Tensor, Tensor]:
    flat, d_sae = acts.reshape(-1), acts.shape[-1]
    is_active = flat != 0
    if flat.device.type == "cpu":  # numpy's takes a quarter of torch's time
        where = torch.from_numpy(np.flatnonzero(is_active.numpy()))
    else:
        where = is_active.nonzero()[:, 0]
    value, where = flat[where].float().cpu(), where.cpu()
    token = where >> (d_sae.bit_length() - 1) if d_sae & (d_sae - 1) == 0 else where // d_sae
    return token, where - token * d_sae, value


def _of_slots(acts: SparseActs) -> tuple[Tensor, Tensor, Tensor]:
    values, k = acts.values.reshape(-1), acts.values.shape[-1]
    slot = values.nonzero()[:, 0]
    return (slot // k).cpu(), acts.indices.reshape(-1)[slot].cpu(), values[slot].float().cpu()
