"""Ctrl-C that waits, a millisecond at a time, until nothing is half done. Standard library only.

Python raises KeyboardInterrupt between any two instructions of the main thread: also after a hook was added and before
its owner knows, or in the middle of taking it out. No `try` covers all such places (measured with a tiny model: 2 of
1,333 interrupts left a hook). So while the main thread holds a model's lock, an interrupt that falls into a function
which must not be cut short - the entry or exit of a context, a function marked `whole` - is put off and sent again.
So is one that falls into a callback of a weak reference: Python prints an exception there, and forgets it.
Work inside a context is interrupted at once.
"""

import contextlib
import signal
import threading
import weakref
from collections.abc import Callable
from types import CodeType, FrameType
from typing import Any, TypeVar

_RETRY_S = 0.001
_MAX_RETRIES = 250
"""Then the interrupt goes through whatever it cuts: whoever waits in the entry of a context is not to wait for ever."""

_Function = TypeVar("_Function", bound=Callable[..., Any])

_WHOLE: set[CodeType] = {
    function.__code__
    for owner in (contextlib._GeneratorContextManager, contextlib.ExitStack)
    for name in ("__enter__", "__exit__", "enter_context", "_push_cm_exit", "_push_exit_callback")
    if (function := getattr(owner, name, None)) is not None
}
_FORGETTING = {weakref.WeakSet.__init__.__code__.co_filename, weakref.WeakKeyDictionary.__init__.__code__.co_filename}


def whole(function: _Function) -> _Function:
    """`function`, as one that an interrupt does not cut short while a `PatientLock` is held."""
    _WHOLE.add(function.__code__)
    return function


class _Patience:
    """The handler of SIGINT while the main thread holds a lock, and the one from before."""

    def __init__(self) -> None:
        self.depth = 0
        self.n_retries = 0
        self.previous: Any = None

    def handle(self, number: int, frame: FrameType | None) -> None:
        if _is_in_whole(frame) and self.n_retries < _MAX_RETRIES:
            self.n_retries += 1
            main = threading.main_thread().ident
            timer = threading.Timer(_RETRY_S, signal.pthread_kill, (main, number))
            timer.daemon = True
            timer.start()
            return
        self.n_retries = 0
        self.previous(number, frame)


_PATIENCE = _Patience()


def _is_in_whole(frame: FrameType | None) -> bool:
    while frame is not None:
        if frame.f_code in _WHOLE or frame.f_code.co_filename in _FORGETTING:
            return True
        frame = frame.f_back
    return False


@whole
def _begin() -> None:
    if threading.current_thread() is not threading.main_thread() or not hasattr(signal, "pthread_kill"):
        return
    if _PATIENCE.depth == 0:
        _PATIENCE.previous = signal.getsignal(signal.SIGINT)
        if not callable(_PATIENCE.previous):  # ignored, or somebody else's business
            return
        _PATIENCE.n_retries = 0
        signal.signal(signal.SIGINT, _PATIENCE.handle)
    _PATIENCE.depth += 1


@whole
def _end() -> None:
    if _PATIENCE.depth == 0 or threading.current_thread() is not threading.main_thread():
        return
    _PATIENCE.depth -= 1
    if _PATIENCE.depth == 0 and signal.getsignal(signal.SIGINT) == _PATIENCE.handle:
        signal.signal(signal.SIGINT, _PATIENCE.previous)


class PatientLock:
    """A `threading.RLock` that lets its owner finish what must not be left half done before a Ctrl-C gets through."""

    def __init__(self) -> None:
        self._lock = threading.RLock()

    def acquire(self, blocking: bool = True, timeout: float | int = -1) -> bool:
        return self._lock.acquire(blocking, timeout)

    def release(self) -> None:
        self._lock.release()

    @whole
    def __enter__(self) -> bool:
        _begin()
        return self._lock.acquire()

    @whole
    def __exit__(self, *_exc: object) -> None:
        self._lock.release()
        _end()
