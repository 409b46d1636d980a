"""One core for small work.

A forward pass of a few million parameters is over before a second core has helped, and where another thread trains or a
browser draws, OpenMP's threads wait for each other by spinning: on two busy cores a step of the demo model took 100 ms
and more with two threads, 15 ms with one.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def one_thread() -> Iterator[None]:
    """A context in which torch computes on one core in this thread; threads that compute already keep theirs.

    A thread whose first computation falls into the context would begin with one core, too: long-running ones set their
    number themselves.
    """
    before = torch.get_num_threads()
    if before == 1:
        yield
        return
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
