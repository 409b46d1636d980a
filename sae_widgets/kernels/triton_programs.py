"""The programs of the Triton path: gathered sums, gathered products, selection, loss. `triton_launches` runs them.

Sums are in float32, with WIDE in float64. Offsets have 64 bits: a matrix of weights may have more than 2^31 entries.
"""

# pyright: reportMissingImports=false, reportIndexIssue=false, reportArgumentType=false, reportOperatorIssue=false
from typing import no_type_check

import triton
import triton.language as tl


# @no_type_check also keeps jaxtyping's import hook from wrapping what Triton is to compile.
@triton.jit
@no_type_check
def sums(
    starts, ends, targets, gather, weights, source, out, partial, totals, partial_totals,
    n_columns, width,
    IS_FIXED: tl.constexpr, HAS_TOTALS: tl.constexpr, WIDE: tl.constexpr, BLOCK: tl.constexpr, UNROLL: tl.constexpr,
):  # fmt: skip
    """`out[target] = sum over s from start to end of weights[s] * source[gather[s]]`, for a block of columns.

    A target below 0 is row `-target - 1` of `partial`; an end below its start: nothing to do.
    """
    piece = tl.program_id(0).to(tl.int64)
    if IS_FIXED:
        start, end, target = piece * width, (piece + 1) * width, piece
    else:
        start, end, target = tl.load(starts + piece), tl.load(ends + piece), tl.load(targets + piece)
    if end < start:
        return
    accumulated = tl.float64 if WIDE else tl.float32
    columns = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    is_column = columns < n_columns
    result = tl.zeros([BLOCK], dtype=accumulated)
    total = tl.zeros([], dtype=accumulated)
    for first in range(start, end, UNROLL):
        for i in tl.static_range(UNROLL):
            is_there = first + i < end
            weight = tl.load(weights + first + i, mask=is_there, other=0.0).to(accumulated)
            row = tl.load(gather + first + i, mask=is_there, other=0).to(tl.int64)
            # An unused slot has weight 0: its row is not read.
            n_read = tl.where(weight != 0, n_columns, 0)
            numbers = tl.load(source + row * n_columns + columns, mask=columns < n_read, other=0.0)
            result += weight * numbers.to(accumulated)
            total += weight
    if target >= 0:
        tl.store(out + target * n_columns + columns, result.to(out.dtype.element_ty), mask=is_column)
    else:
        tl.store(partial + (-target - 1) * n_columns + columns, result, mask=is_column)
    if HAS_TOTALS:  # noqa: SIM102  the first is known when compiling
        if tl.program_id(1) == 0:
            if target >= 0:
                tl.store(totals + target, total.to(totals.dtype.element_ty))
            else:
                tl.store(partial_totals - target - 1, total)


@triton.jit
@no_type_check
def products(
    left_rows, right_rows, left, right, out, n_slots, n_columns,
    WIDE: tl.constexpr, SLOTS: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """`out[s] = <left[left_rows[s]], right[right_rows[s]]>` for a few slots, whose sums are made together."""
    accumulated = tl.float64 if WIDE else tl.float32
    slots = tl.program_id(0).to(tl.int64) * SLOTS + tl.arange(0, SLOTS)
    is_slot = slots < n_slots
    one = tl.load(left_rows + slots, mask=is_slot, other=0).to(tl.int64)[:, None] * n_columns
    other = tl.load(right_rows + slots, mask=is_slot, other=0).to(tl.int64)[:, None] * n_columns
    summed = tl.zeros([SLOTS, BLOCK], dtype=accumulated)
    for first in range(0, n_columns, BLOCK):
        columns = first + tl.arange(0, BLOCK)[None, :]
        mask = is_slot[:, None] & (columns < n_columns)
        a = tl.load(left + one + columns, mask=mask, other=0.0).to(accumulated)
        b = tl.load(right + other + columns, mask=mask, other=0.0).to(accumulated)
        summed += a * b
    tl.store(out + slots, tl.sum(summed, 1).to(out.dtype.element_ty), mask=is_slot)


@triton.jit
@no_type_check
def sortable(values, BITS: tl.constexpr):
    """Whole numbers from 1 in the order of `values`, NaN the largest; for bfloat16 16 bits say it all."""
    wide = values.to(tl.float32)
    bits = wide.to(tl.int32, bitcast=True)
    flipped = bits ^ ((bits >> 31) & 0x7FFFFFFF)  # in the order of signed numbers
    keys = flipped.to(tl.uint32, bitcast=True) ^ 0x80000000
    keys = tl.where(wide != wide, 0xFFFFFFFF, keys).to(tl.uint32)
    return keys >> (32 - BITS)


@triton.jit
@no_type_check
def slots_of_largest(keys, k, BITS: tl.constexpr):
    """For each key its slot among the `k` largest, of equals the first; others have a slot from `k` on."""
    bound = tl.zeros([], dtype=tl.uint32)  # becomes the k-th largest, from its highest bit down
    for i in tl.static_range(BITS):
        tried = bound | (tl.full([], 1, tl.uint32) << (BITS - 1 - i))
        bound = tl.where(tl.sum((keys >= tried).to(tl.int32), 0) >= k, tried, bound)
    is_above, is_equal = (keys > bound).to(tl.int32), (keys == bound).to(tl.int32)
    n_above = tl.sum(is_above, 0)
    slot_if_equal = n_above + tl.cumsum(is_equal, 0) - 1
    return tl.where(is_above != 0, tl.cumsum(is_above, 0) - 1, tl.where(is_equal != 0, slot_if_equal, k))


@triton.jit
@no_type_check
def groups(
    values, groups, n_columns, n_rounds, k,
    N_GROUPS: tl.constexpr, TOGETHER: tl.constexpr, BITS: tl.constexpr,
):  # fmt: skip
    """Which `k` groups of a row have the largest maxima. Group g: `(round * N_GROUPS + g) * TOGETHER + 0, 1, ...`"""
    row = tl.program_id(0).to(tl.int64)
    own = tl.arange(0, N_GROUPS)
    places = own[:, None] * TOGETHER + tl.arange(0, TOGETHER)[None, :]
    maxima = tl.zeros([N_GROUPS], dtype=tl.uint32)
    for i in range(n_rounds):
        at = i * N_GROUPS * TOGETHER + places
        is_there = at < n_columns
        keys = sortable(tl.load(values + row * n_columns + at, mask=is_there, other=0.0), BITS)
        maxima = tl.maximum(maxima, tl.max(tl.where(is_there, keys, 0), 1))
    slots = slots_of_largest(maxima, k, BITS)
    tl.store(groups + row * k + slots, own, mask=slots < k)


@triton.jit
@no_type_check
def members(
    values, groups, indices, found, n_columns, n_rounds, k,
    K: tl.constexpr, ROUNDS: tl.constexpr,
    N_GROUPS: tl.constexpr, TOGETHER: tl.constexpr, BITS: tl.constexpr,
):  # fmt: skip
    """The `k` largest members of the `k` groups of a row, and where they are."""
    row = tl.program_id(0).to(tl.int64)
    member = tl.arange(0, K * ROUNDS * TOGETHER)
    slot, within = member // (ROUNDS * TOGETHER), member % (ROUNDS * TOGETHER)
    group = tl.load(groups + row * k + slot, mask=slot < k, other=0)
    at = (within // TOGETHER * N_GROUPS + group) * TOGETHER + within % TOGETHER
    is_there = (slot < k) & (within // TOGETHER < n_rounds) & (at < n_columns)
    numbers = tl.load(values + row * n_columns + at, mask=is_there, other=0.0)
    slots = slots_of_largest(tl.where(is_there, sortable(numbers, BITS), 0), k, BITS)
    tl.store(indices + row * k + slots, at.to(tl.int64), mask=slots < k)
    tl.store(found + row * k + slots, numbers, mask=slots < k)


@triton.jit
@no_type_check
def errors(one, other, sums, n_columns, WIDE: tl.constexpr, BLOCK: tl.constexpr):
    """The squared distance of two rows."""
    accumulated = tl.float64 if WIDE else tl.float32
    row = tl.program_id(0).to(tl.int64) * n_columns
    summed = tl.zeros([BLOCK], dtype=accumulated)
    for first in range(0, n_columns, BLOCK):
        columns = first + tl.arange(0, BLOCK)
        mask = columns < n_columns
        a = tl.load(one + row + columns, mask=mask, other=0.0).to(accumulated)
        difference = a - tl.load(other + row + columns, mask=mask, other=0.0).to(accumulated)
        summed += difference * difference
    tl.store(sums + tl.program_id(0), tl.sum(summed, 0))


@triton.jit
@no_type_check
def scaled_differences(one, other, scale, out, n_numbers, WIDE: tl.constexpr, BLOCK: tl.constexpr):
    """`scale * (one - other)`."""
    accumulated = tl.float64 if WIDE else tl.float32
    places = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    mask = places < n_numbers
    a = tl.load(one + places, mask=mask, other=0.0).to(accumulated)
    b = tl.load(other + places, mask=mask, other=0.0).to(accumulated)
    tl.store(out + places, (tl.load(scale).to(accumulated) * (a - b)).to(out.dtype.element_ty), mask=mask)
