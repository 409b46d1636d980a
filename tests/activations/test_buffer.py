"""The mixing buffer by itself: who leaves it, and from where to where."""

import pytest
import torch

from sae_widgets.activations import buffer as module
from sae_widgets.activations.buffer import MixingBuffer, distinct


def numbered(n, is_pinned=False):
    """A buffer of `n` rows that say which they are."""
    made = MixingBuffer(n, 0, 2, dtype=torch.float32, device="cpu", seed=3, is_pinned=is_pinned)
    made.add(torch.arange(n).float()[:, None].expand(n, 2))
    return made


@pytest.mark.parametrize("below", [6, 200])
def test_each_of_the_numbers_is_drawn_as_often(below):
    generator = torch.Generator().manual_seed(0)
    counts = torch.zeros(below)
    for _ in range(4000):
        drawn = distinct(5, below, generator)
        assert len(set(drawn.tolist())) == 5
        counts[drawn] += 1
    share = 5 / below
    assert (counts / 4000 - share).abs().max() < 4.5 * (share * (1 - share) / 4000) ** 0.5


def test_all_rows_leave_a_large_buffer_once_and_mixed():
    # 30 of 1,200: drawn by trying, until few are left.
    buffer = numbered(1200)
    batches = [buffer.draw(30)[:, 0] for _ in range(40)]
    assert torch.cat(batches).sort().values.tolist() == list(range(1200))
    assert batches[0].sub(600).abs().max() > 300  # from everywhere
    assert buffer.n_filled == buffer.n_left == 0


def test_what_goes_to_a_gpu_is_pinned(monkeypatch):
    """Where there is no GPU, memory cannot be pinned: it is seen what is asked for."""
    asked, empty = [], torch.empty

    def noted(*sizes, pin_memory, **kind):
        asked.append((sizes, pin_memory))
        return empty(*sizes, **kind)

    monkeypatch.setattr(module.torch, "empty", noted)
    numbered(8, is_pinned=True).draw(3)
    numbered(8).draw(3)
    assert asked == [((8, 2), True), ((3, 2), True), ((8, 2), False), ((3, 2), False)]
