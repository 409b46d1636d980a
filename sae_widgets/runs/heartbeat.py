"""A sign of life at fixed intervals, whatever the training thread is doing. Standard library only."""

import logging
import threading
from collections.abc import Callable

logger = logging.getLogger(__name__)


class Heartbeat:
    """Calls `beat` every `interval_s` seconds from a thread of its own, until `stop`."""

    def __init__(self, beat: Callable[[], object], interval_s: float) -> None:
        self._beat, self._interval_s = beat, interval_s
        self._is_over = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begins; harmless when it has begun."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="sae_widgets heartbeat", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        self._is_over.set()

    def _work(self) -> None:
        while not self._is_over.wait(self._interval_s):
            try:
                self._beat()
            except Exception:
                # A full disk, say: training goes on, and the next beat may succeed.
                logger.debug("A sign of life could not be written.", exc_info=True)
