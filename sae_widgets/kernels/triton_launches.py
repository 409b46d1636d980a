"""How the programs of the Triton path are launched.

Operands may be float16, bfloat16, float32 or float64; sums are in float32 (in float64 for float64). Nothing is added
atomically, so the same numbers give the same result. No launch asks the device for anything: sizes that depend on data
are bounded from above, and programs without work end at once.
"""

# pyright: reportMissingImports=false
from typing import Any, NamedTuple

import torch
import triton
from jaxtyping import Float, Int
from torch import Tensor

from sae_widgets.kernels import triton_programs as programs

MOST_CHOSEN = 512
"""The largest k that `largest` takes."""

_PIECE = 256
"""Entries of a hot feature that one program adds; the others' sums are added after."""

_MOST_GROUPS = 4096
_MOST_MEMBERS = 16_384


def _launch(program: Any, grid: tuple[int, ...], like: Tensor, *args: Any, **settings: Any) -> None:
    """Runs a program on the device of `like`; nothing where there is nothing to do."""
    assert all(each.is_contiguous() for each in args if isinstance(each, Tensor)), "programs walk along memory"
    if all(grid):
        with torch.cuda.device_of(like):
            program[grid](*args, **settings)


def sums_of_fixed(
    gather: Int[Tensor, "n k"],
    weights: Float[Tensor, "n k"],
    source: Float[Tensor, "m d"],
    out: Float[Tensor, "n d"],
) -> None:
    """`out[n] = sum_k weights[n, k] * source[gather[n, k]]`."""
    n, width = gather.shape
    grid, block = _columns(n, source.shape[1])
    nothing = gather
    _launch(
        programs.sums, grid, out,
        nothing, nothing, nothing, gather, weights, source, out, out, out, out, source.shape[1], width,
        IS_FIXED=True, HAS_TOTALS=False, WIDE=_is_wide(source), BLOCK=block, UNROLL=min(8, _power_of_two(width)),
    )  # fmt: skip


class Segments(NamedTuple):
    """Stretches of slots, each added into a row of its own; long ones in pieces, so that no program has all the work.

    There are as many pieces as there may be at most; those that are not there end before they begin.
    """

    starts: Int[Tensor, " n_pieces"]
    ends: Int[Tensor, " n_pieces"]
    targets: Int[Tensor, " n_pieces"]
    """The row; of a piece of many, -1 less its place among such pieces."""

    long: Int[Tensor, " n_long"]
    """Rows in pieces, then rows that are not there."""
    long_starts: Int[Tensor, " n_long"]
    long_ends: Int[Tensor, " n_long"]
    """Where the pieces of each are among such pieces."""
    n_partial: int


def segments_of(bag_of: Int[Tensor, " m"], n_bags: int, piece: int = _PIECE) -> Segments:
    """The segments of slots that lie in the order of their bags."""
    m, device = len(bag_of), bag_of.device
    bounds = torch.searchsorted(bag_of, torch.arange(n_bags + 1, device=device))
    n_pieces = ((bounds.diff() + piece - 1) // piece).clamp_min(1)
    ends = n_pieces.cumsum(0)
    ordinal = torch.arange(n_bags + m // piece + 1, device=device)
    bag = torch.searchsorted(ends, ordinal, right=True)
    is_there, bag = bag < n_bags, bag.clamp_max(n_bags - 1)
    nth = ordinal - (ends - n_pieces)[bag]
    start = bounds[bag] + nth * piece
    end = torch.minimum(start + piece, bounds[bag + 1])
    is_long = n_pieces > 1
    long_ends = (n_pieces * is_long).cumsum(0)
    partial = (long_ends - n_pieces)[bag] + nth
    # A bag of c > 1 pieces has more than (c - 1) * piece slots, at least half of c * piece.
    n_long, n_partial = m // piece, 2 * (m // piece)
    long = torch.searchsorted(is_long.cumsum(0), torch.arange(1, n_long + 1, device=device))
    known = long.clamp_max(n_bags - 1)
    none = long >= n_bags
    return Segments(
        starts=torch.where(is_there, start, 1),
        ends=torch.where(is_there, end, 0),
        targets=torch.where(is_long[bag], -1 - partial, bag),
        long=known,
        long_starts=torch.where(none, 1, (long_ends - n_pieces)[known]),
        long_ends=torch.where(none, 0, long_ends[known]),
        n_partial=n_partial,
    )


def sums_of_segments(
    segments: Segments,
    gather: Int[Tensor, " m"],
    weights: Float[Tensor, " m"],
    source: Float[Tensor, "r d"],
    out: Float[Tensor, "n_bags d"],
    totals: Float[Tensor, " n_bags"] | None = None,
) -> None:
    """`out[bag] = sum over its slots s of weights[s] * source[gather[s]]`, and `totals[bag]` = that of weights."""
    d = source.shape[1]
    (n_pieces, n_blocks), block = _columns(len(segments.starts), d)
    wide = torch.float64 if _is_wide(source) else torch.float32
    partial = torch.empty(max(segments.n_partial, 1), d, dtype=wide, device=out.device)
    partial_totals = torch.empty(len(partial), dtype=wide, device=out.device)
    own_totals = partial_totals if totals is None else totals
    settings = {
        "IS_FIXED": False, "HAS_TOTALS": totals is not None, "WIDE": _is_wide(source), "BLOCK": block, "UNROLL": 4,
    }  # fmt: skip
    _launch(
        programs.sums, (n_pieces, n_blocks), out,
        segments.starts, segments.ends, segments.targets, gather, weights, source, out, partial, own_totals,
        partial_totals, d, 0, **settings,
    )  # fmt: skip
    if segments.n_partial:
        order = torch.arange(len(partial), device=out.device)
        _launch(
            programs.sums, (len(segments.long), n_blocks), out,
            segments.long_starts, segments.long_ends, segments.long, order, torch.ones_like(partial_totals), partial,
            out, partial, own_totals, partial_totals, d, 0, **{**settings, "HAS_TOTALS": False},
        )  # fmt: skip
    if totals is not None and segments.n_partial:
        _add_totals(segments, partial_totals, totals)


def _add_totals(segments: Segments, partial_totals: Tensor, totals: Tensor) -> None:
    """The sums of weights of bags in pieces: as sums of rows of one column."""
    order = torch.arange(len(partial_totals), device=totals.device)
    _launch(
        programs.sums, (len(segments.long), 1), totals,
        segments.long_starts, segments.long_ends, segments.long, order, torch.ones_like(partial_totals),
        partial_totals, totals, partial_totals, totals, totals, 1, 0,
        IS_FIXED=False, HAS_TOTALS=False, WIDE=_is_wide(partial_totals), BLOCK=16, UNROLL=4,
    )  # fmt: skip


def products(
    left_rows: Int[Tensor, " m"],
    right_rows: Int[Tensor, " m"],
    left: Float[Tensor, "n d"],
    right: Float[Tensor, "r d"],
    out: Float[Tensor, " m"],
) -> None:
    """`out[s] = <left[left_rows[s]], right[right_rows[s]]>`."""
    slots, d = 8, left.shape[1]
    _launch(
        programs.products, (triton.cdiv(len(out), slots),), out, left_rows, right_rows, left, right, out, len(out), d,
        WIDE=_is_wide(left), SLOTS=slots, BLOCK=min(512, max(16, _power_of_two(d))),
    )  # fmt: skip


class _Grouping(NamedTuple):
    """How a row is divided for `largest`."""

    n_groups: int
    together: int
    """Neighbours that are in one group, so that they are read at once."""
    n_rounds: int

    @classmethod
    def of(cls, n_columns: int, k: int) -> "_Grouping | None":
        """None, where groups would leave out too little."""
        together = 4 if n_columns >= 16 * k else 1
        n_groups = min(_MOST_GROUPS, _power_of_two(triton.cdiv(n_columns, together)))
        n_rounds = triton.cdiv(n_columns, n_groups * together)
        members = _power_of_two(k) * _power_of_two(n_rounds) * together
        return cls(n_groups, together, n_rounds) if k <= MOST_CHOSEN and members <= _MOST_MEMBERS else None


def largest(values: Float[Tensor, "n m"], k: int) -> tuple[Int[Tensor, "n k"], Float[Tensor, "n k"]] | None:
    """Where the `k` largest of each row are, and what they are, in no order; None, where that is torch's to find."""
    n, n_columns = values.shape
    grouping = _Grouping.of(n_columns, k) if k and values.dtype != torch.float64 else None
    if grouping is None:
        return None
    values = values.contiguous()
    groups = torch.empty(n, k, dtype=torch.int32, device=values.device)
    indices = torch.empty(n, k, dtype=torch.int64, device=values.device)
    found = torch.empty(n, k, dtype=values.dtype, device=values.device)
    n_groups, together, n_rounds = grouping
    common = {"N_GROUPS": n_groups, "TOGETHER": together, "BITS": 16 if values.dtype == torch.bfloat16 else 32}
    _launch(programs.groups, (n,), values, values, groups, n_columns, n_rounds, k, **common, num_warps=8)
    _launch(
        programs.members, (n,), values, values, groups, indices, found, n_columns, n_rounds, k, K=_power_of_two(k),
        ROUNDS=_power_of_two(n_rounds), **common,
    )  # fmt: skip
    return indices, found


def squared_distances(one: Float[Tensor, "n d"], other: Float[Tensor, "n d"]) -> Float[Tensor, " n"]:
    """The squared distance of each two rows."""
    n, d = one.shape
    sums = torch.empty(n, dtype=torch.float64 if _is_wide(one) else torch.float32, device=one.device)
    block = min(1024, max(16, _power_of_two(d)))
    _launch(programs.errors, (n,), one, one, other, sums, d, WIDE=_is_wide(one), BLOCK=block)
    return sums


def scaled_differences(one: Float[Tensor, "n d"], other: Float[Tensor, "n d"], scale: Float[Tensor, ""]) -> Tensor:
    """`scale * (one - other)`, in the type of `one`."""
    out = torch.empty_like(one)
    grid = (triton.cdiv(out.numel(), 1024),)
    settings = {"WIDE": _is_wide(one), "BLOCK": 1024}
    _launch(programs.scaled_differences, grid, out, one, other, scale, out, out.numel(), **settings)
    return out


def _columns(n_rows: int, d: int) -> tuple[tuple[int, int], int]:
    """A grid of rows by blocks of columns, and how wide a block is."""
    block = min(1024, max(16, _power_of_two(d)))
    return (n_rows, triton.cdiv(d, block)), block


def _is_wide(like: Tensor) -> bool:
    return like.dtype == torch.float64


def _power_of_two(n: int) -> int:
    return 1 << max(n - 1, 0).bit_length()
