"""Time and memory of a run. Standard library only."""

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
