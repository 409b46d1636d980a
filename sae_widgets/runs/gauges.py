"""Time and memory of a run. Standard library only."""

import ctypes
import sys
import time
from pathlib import Path


class Stopwatch:
    """Running time without the pauses."""

    def __init__(self) -> None:
        self._before = 0.0
        self._since: float | None = None

    def start(self) -> None:
        if self._since is None:
            self._since = time.perf_counter()

    def stop(self) -> None:
        self._before, self._since = self.seconds(), None

    def seconds(self) -> float:
        since = self._since
        return self._before if since is None else self._before + time.perf_counter() - since


def process_memory_bytes() -> int | None:
    """Memory this process holds now (its peak where the system does not tell), bytes."""
    statm = Path("/proc/self/statm")
    if statm.exists():
        import resource

        return int(statm.read_text().split()[1]) * resource.getpagesize()
    if sys.platform == "win32":
        return None
    import resource

    # macOS counts in bytes.
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def give_memory_back() -> None:
    """Gives the system the memory that is free, where the C library would keep it (glibc).

    What a checkpoint copies leaves holes that the next one's copies do not fill: without this a run of 500 steps with
    five checkpoints grew by 1 %, with it by 0.05 %. Takes some milliseconds.
    """
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim is not None:
            trim(0)
