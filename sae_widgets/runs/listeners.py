"""Listeners of equal rank. Standard library only."""

import logging
from collections.abc import Callable
from typing import Generic, TypeVar

logger = logging.getLogger(__name__)

Remove = Callable[[], None]
T = TypeVar("T")


class Signal(Generic[T]):
    """Listeners of equal rank. One that raises is logged, and neither the others nor the caller notice."""

    def __init__(self) -> None:
        self._listeners: list[Callable[[T], object]] = []
        self._failing: set[Callable[[T], object]] = set()

    def add(self, listener: Callable[[T], object]) -> Remove:
        """A function that removes the listener again; it may be called twice."""
        # A new list each time: `emit` goes on over the one it started with.
        self._listeners = [*self._listeners, listener]

        def remove() -> None:
            self._listeners = [other for other in self._listeners if other is not listener]

        return remove

    def emit(self, message: T) -> None:
        for listener in self._listeners:
            try:
                listener(message)
            except Exception:
                # Once with its traceback: a listener that fails at every step must not fill the log.
                if listener not in self._failing:
                    self._failing.add(listener)
                    logger.exception("A listener of the training run failed; training goes on: %r", listener)
