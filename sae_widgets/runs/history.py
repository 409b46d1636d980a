"""The curves of a run. Standard library only."""

import threading
from array import array
from collections.abc import Mapping


class History:
    """Every point of every curve, in 16 bytes each. One thread records, any thread reads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._series: dict[str, tuple[array, array]] = {}

    def record(self, n_steps: int, values: Mapping[str, float]) -> None:
        with self._lock:
            for name, value in values.items():
                series = self._series.get(name)
                if series is None:
                    series = self._series[name] = (array("q"), array("d"))
                series[0].append(n_steps)
                series[1].append(value)

    def names(self) -> list[str]:
        with self._lock:
            return list(self._series)

    def series(self, name: str, start: int = 0) -> tuple[array, array]:
        """Steps (`array("q")`) and values (`array("d")`) of one curve from its point number `start` on, as copies."""
        with self._lock:
            if name not in self._series:
                raise ValueError(f"No curve {name!r}; there are: {', '.join(self._series) or 'none yet'}.")
            steps, values = self._series[name]
            return steps[start:], values[start:]

    def last(self) -> dict[str, float]:
        """The newest value of each curve."""
        with self._lock:
            return {name: values[-1] for name, (_, values) in self._series.items()}
