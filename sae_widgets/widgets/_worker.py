"""A worker thread with a mailbox that keeps one request per key: the newest.

A page sends a slider's positions faster than a model can follow. Callbacks only drop a request here and return; the
thread works through the keys in order, and a newer request of a key cancels the older one, queued or running.
"""

import contextvars
import logging
import threading
import time
import traceback as tracebacks
from collections import OrderedDict
from collections.abc import Callable

from sae_widgets.widgets._clean import json_safe

logger = logging.getLogger(__name__)

Work = Callable[["Job"], None]

# An idle thread ends after this long, so that a forgotten widget costs nothing; the next request starts a new one.
IDLE_S = 5.0


class Cancelled(Exception):  # noqa: N818  (an answer, not a mistake; asyncio's name)
    """Raised by `Job.check` when a newer request has taken this one's place."""


class Job:
    """One piece of work: its key, whether it is still wanted, and where to say how far it is."""

    def __init__(self, key: str, on_progress: Callable[[int, int, str], None] | None = None) -> None:
        self.key = key
        self.is_superseded = False
        """Whether it was cancelled by a newer request of its key, so that nobody waits to hear how it ended."""
        self._cancelled = threading.Event()
        self._on_progress = on_progress

    def cancel(self) -> None:
        """Ask the work to end at its next check."""
        self._cancelled.set()

    def is_cancelled(self) -> bool:
        """Whether a newer request, a Stop or a close has come."""
        # Yields the interpreter, so that a callback waiting to cancel this very job gets its turn.
        time.sleep(0)
        return self._cancelled.is_set()

    def check(self) -> None:
        """Raise `Cancelled` if the work is no longer wanted."""
        if self.is_cancelled():
            raise Cancelled(self.key)

    def progress(self, done: int, total: int = 0, text: str = "") -> None:
        """Say how far the work is; `total` 0 means unknown."""
        if self._on_progress is not None and not self._cancelled.is_set():
            self._on_progress(done, total, text)


class Mailbox:
    """Runs the newest request of each key in one thread, oldest key first."""

    def __init__(self, name: str, idle_s: float = IDLE_S) -> None:
        self._name = name
        self._idle_s = idle_s
        self._ready = threading.Condition()
        self._waiting: OrderedDict[str, tuple[Job, Work, Callable[[], None] | None]] = OrderedDict()
        self._running: Job | None = None
        self._thread: threading.Thread | None = None
        self._closed = False

    def put(self, job: Job, work: Work, on_dropped: Callable[[], None] | None = None) -> None:
        """Queue `work`; an older request of the same key is cancelled, and told so if it never ran."""
        with self._ready:
            if self._closed:
                raise RuntimeError(f"The worker of {self._name} is closed; make a new widget.")
            older = self._waiting.pop(job.key, None)
            if older is not None:
                older[0].is_superseded = True
                older[0].cancel()
            if self._running is not None and self._running.key == job.key:
                self._running.is_superseded = True
                self._running.cancel()
            self._waiting[job.key] = (job, work, on_dropped)
            if self._thread is None:
                # A copied context: ipykernel finds the cell a message belongs to in a context variable, and
                # 7.0.0 loses what a bare thread sends.
                context = contextvars.copy_context()
                self._thread = threading.Thread(
                    target=context.run, args=(self._loop,), name=f"sae_widgets {self._name}", daemon=True
                )
                self._thread.start()
            self._ready.notify_all()
        if older is not None and older[2] is not None:
            older[2]()

    def cancel(self, key: str | None = None) -> None:
        """Cancel the request of `key` (all keys: None), queued or running."""
        dropped = []
        with self._ready:
            for name in [key] if key is not None else list(self._waiting):
                found = self._waiting.pop(name, None)
                if found is not None:
                    dropped.append(found)
            if self._running is not None and key in (None, self._running.key):
                self._running.cancel()
            self._ready.notify_all()
        for job, _, on_dropped in dropped:
            job.cancel()
            if on_dropped is not None:
                on_dropped()

    def is_idle(self) -> bool:
        """Whether nothing runs and nothing waits."""
        with self._ready:
            return self._running is None and not self._waiting

    def wait(self, timeout_s: float | int | None = None) -> bool:
        """Wait until nothing runs and nothing waits; whether that came in time."""
        if threading.current_thread() is self._thread:
            raise RuntimeError("A job cannot wait for its own worker.")
        with self._ready:
            return self._ready.wait_for(lambda: self._running is None and not self._waiting, timeout_s)

    def close(self) -> None:
        """Cancel everything and let the thread end; later requests are refused."""
        with self._ready:
            self._closed = True
        self.cancel()

    def _loop(self) -> None:
        while True:
            with self._ready:
                self._ready.wait_for(lambda: self._waiting or self._closed, self._idle_s)
                if not self._waiting:
                    self._thread = None
                    return
                job, work = self._waiting.popitem(last=False)[1][:2]
                self._running = job
            try:
                work(job)
            except Cancelled:
                pass
            except Exception:
                # The work itself reports its errors to the page; what arrives here is a fault of ours.
                logger.exception("A job of %s failed", self._name)
            finally:
                del job, work  # while it waits for the next, this thread holds no widget
                with self._ready:
                    self._running = None
                    self._ready.notify_all()


def describe_error(error: BaseException) -> dict[str, str]:
    """`error` for the page: type, message and, unless it is the reader's to mend, the traceback."""
    is_plain = isinstance(error, (ValueError, Cancelled)) or error.__traceback__ is None
    trace = "" if is_plain else "".join(tracebacks.format_exception(type(error), error, error.__traceback__))
    return json_safe({"type": type(error).__name__, "message": str(error), "traceback": trace})
