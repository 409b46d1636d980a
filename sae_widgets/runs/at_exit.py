"""Runs that are going on when the process ends: each is stopped with a checkpoint. Standard library only."""

import atexit
import weakref
from functools import cache
from typing import Any

_TIMEOUT_S = 10.0  # long enough for a step and a checkpoint, short enough for a kernel that is being restarted
_LIVE: "weakref.WeakSet[Any]" = weakref.WeakSet()


def begin(run: Any) -> None:
    """Stops `run` at the process's end, unless `end` comes before."""
    _registered()
    _LIVE.add(run)


def end(run: Any) -> None:
    _LIVE.discard(run)


def _stop_all() -> None:
    runs = list(_LIVE)
    for run in runs:
        run.stop()
    for run in runs:
        run.wait(timeout=_TIMEOUT_S)


@cache
def _registered() -> None:
    """Once, with the first run: importing this module leaves the process as it was."""
    atexit.register(_stop_all)
