"""Curves of a training run, kept small enough to send and to draw: at most 1,024 points each, however long the run.

A `Curve` keeps the lowest and the highest point of every bucket of steps, so a spike of one step stays visible; when it
is full, neighbouring buckets are merged and hold twice as many steps. Every kept point is a real one (step and value).

`CurveFeed` turns a run's history into what is sent: `whole` (all points, rarely) and `tail` (the points since, often).
Both together are the state, so a page that is opened late or again sees everything.
"""

import math
import sys
import threading
from array import array
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol, runtime_checkable

MAX_POINTS = 1024
# Points of one curve in the tail before all curves are sent again: 96 * 8 bytes * ~10 curves is 8 kB a message.
MAX_TAIL_POINTS = 96
Numbers = Sequence[int | float]
Point = tuple[int | float, int | float]
_LARGEST = 3.4e38  # of float32


@runtime_checkable
class SeriesSource(Protocol):
    """What a feed reads: `TrainingRun.history`."""

    def names(self) -> list[str]: ...
    def series(self, name: str, start: int = 0) -> tuple[Numbers, Numbers]: ...


class Curve:
    """One curve as at most `max_points` real points: the lowest and the highest of each bucket, in step order."""

    def __init__(self, max_points: int = MAX_POINTS) -> None:
        self.n_seen = 0
        """Points taken so far."""
        self.n_merges = 0
        """How often buckets were merged; the closed points are new after each."""
        self.steps = array("d")
        self.values = array("d")
        # The open bucket adds up to three points to the closed ones, and a merge wants groups of four.
        self._max_closed = (max_points - 3) // 4 * 4
        self._bucket_points = 2
        self._open: list[Point] = []
        self._last: Point | None = None

    def extend(self, steps: Numbers, values: Numbers) -> None:
        """Takes more points; steps ascend."""
        self.n_seen += len(steps)
        for step, value in zip(steps, values, strict=True):
            # Infinity has no place on a chart and float32 none for more: NaN is drawn as a gap.
            self._last = (step, value if -_LARGEST < value < _LARGEST else math.nan)
            self._open.append(self._last)
            if len(self._open) >= self._bucket_points:
                self._close()

    def _close(self) -> None:
        for step, value in _lowest_and_highest(self._open):
            self.steps.append(step)
            self.values.append(value)
        self._open = []
        if len(self.steps) >= self._max_closed:
            points = list(zip(self.steps, self.values, strict=True))
            kept = [point for i in range(0, len(points), 4) for point in _lowest_and_highest(points[i : i + 4])]
            self.steps = array("d", (step for step, _ in kept))
            self.values = array("d", (value for _, value in kept))
            self._bucket_points *= 2
            self.n_merges += 1

    def points(self, start: int = 0) -> tuple[array, array]:
        """Steps and values from closed point number `start` on, with those of the open bucket and always the last."""
        steps, values = self.steps[start:], self.values[start:]
        extra = _lowest_and_highest(self._open)
        shown = extra[-1:] or list(zip(self.steps[-1:], self.values[-1:], strict=True))
        # The newest point is what the reader is told as "now", so it is there even where it is no extreme.
        if self._last is not None and (not shown or shown[-1][0] < self._last[0]):
            extra.append(self._last)
        for step, value in extra:
            steps.append(step)
            values.append(value)
        return steps, values


def _lowest_and_highest(points: Sequence[Point]) -> list[Point]:
    finite = [point for point in points if point[1] == point[1]]
    if not finite:
        return list(points[:1])
    if len(finite) <= 2:
        return finite
    lowest = min(finite, key=lambda point: point[1])
    highest = max(finite, key=lambda point: point[1])
    return [lowest, highest] if lowest[0] <= highest[0] else [highest, lowest]


def pack(curves: Iterable[tuple[str, Numbers, Numbers]]) -> dict[str, Any]:
    """`{names, counts, data}`: per curve all steps, then all values, float32, little-endian.

    float32 holds steps exactly up to 16 million and values to 7 digits: more than a screen shows.
    """
    names, counts, parts = [], [], []
    for name, steps, values in curves:
        names.append(name)
        counts.append(len(steps))
        for numbers in (array("f", steps), array("f", values)):
            if sys.byteorder == "big":
                numbers.byteswap()
            parts.append(numbers.tobytes())
    return {"names": names, "counts": counts, "data": b"".join(parts)}


def unpack(packed: dict[str, Any]) -> dict[str, tuple[list[float], list[float]]]:
    """The curves of `pack`, by name."""
    data = array("f", bytes(packed["data"]))
    if sys.byteorder == "big":
        data.byteswap()
    curves, at = {}, 0
    for name, count in zip(packed["names"], packed["counts"], strict=True):
        curves[name] = (list(data[at : at + count]), list(data[at + count : at + 2 * count]))
        at += 2 * count
    return curves


class CurveFeed:
    """A history as `whole` and `tail`, ready to be sent."""

    def __init__(self, source: SeriesSource, max_points: int = MAX_POINTS) -> None:
        self.source = source
        """Where points come from; another one takes its place with `restart`."""
        self.is_shown: Callable[[str], bool] = lambda name: True
        """Which curves are sent; asked at each `update`."""
        self._lock = threading.Lock()
        self._max_points = max_points
        self._curves: dict[str, Curve] = {}
        self._shown: list[str] = []
        self._is_anew = False
        self._sent: dict[str, tuple[int, int]] = {}  # per curve: merges and closed points when `whole` was made
        self._revision = 0
        self.whole: dict[str, Any] = {**pack([]), "revision": 0}
        self.tail: dict[str, Any] = {**pack([]), "revision": 0, "exact": True}

    def update(self) -> tuple[bool, bool]:
        """Reads what is new; says whether `whole` and whether `tail` have changed."""
        with self._lock:
            return self._update()

    def restart(self, source: SeriesSource) -> None:
        """Forgets all points, and reads those of `source`."""
        with self._lock:
            self.source, self._curves, self._sent, self._is_anew = source, {}, {}, True

    def _update(self) -> tuple[bool, bool]:
        names = [name for name in self.source.names() if self.is_shown(name)]
        is_new = self._shown != names
        self._shown = names
        for name in names:
            curve = self._curves.get(name)
            if curve is None:
                curve = self._curves[name] = Curve(self._max_points)
            steps, values = self.source.series(name, curve.n_seen)
            if len(steps):
                curve.extend(steps, values)
                is_new = True
        if not is_new:
            return False, False
        shown = self._shown_curves()
        if self._is_whole_due(shown):
            self._revision += 1
            self._is_anew = False
            self._sent = {name: (curve.n_merges, len(curve.steps)) for name, curve in shown.items()}
            packed = pack((name, curve.steps, curve.values) for name, curve in shown.items())
            self.whole = {**packed, "revision": self._revision}
            self._make_tail()
            return True, True
        self._make_tail()
        return False, True

    def _shown_curves(self) -> dict[str, Curve]:
        return {name: self._curves[name] for name in self._shown if name in self._curves}

    def _is_whole_due(self, shown: dict[str, Curve]) -> bool:
        if self._is_anew or not self._sent.keys() <= shown.keys():
            return True  # the page has points that are none any more, or that are shown no more
        for name, curve in shown.items():
            n_merges, n_sent = self._sent.get(name, (0, 0))
            if curve.n_merges != n_merges or len(curve.steps) - n_sent > MAX_TAIL_POINTS:
                return True
        return False

    def _make_tail(self) -> None:
        shown = self._shown_curves()
        parts = ((name, *curve.points(self._sent.get(name, (0, 0))[1])) for name, curve in shown.items())
        is_exact = not any(curve.n_merges for curve in shown.values())
        self.tail = {**pack(parts), "revision": self._revision, "exact": is_exact}

    def curves(self) -> dict[str, tuple[array, array]]:
        """Steps and values of all curves as they are drawn: the points of `whole`, then those of `tail`."""
        with self._lock:
            return {name: curve.points() for name, curve in self._shown_curves().items()}
