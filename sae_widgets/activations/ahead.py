"""A source that a thread of its own reads ahead, and gives the same as without.

The state of what was gathered but not asked for yet is that from before it was gathered: a run that is resumed from it
gathers the same again. Excludes nothing that matters: one thread reads the source, in order.
"""

import threading
from collections import deque

import torch
from jaxtyping import Float
from torch import Tensor

from sae_widgets.activations.sources import Source


class Ahead:
    """`source`, of which up to `n_ahead` forwards are there before they are asked for.

    `close` (or `load_state_dict`) gives the source back as if nothing had been read ahead.
    """

    def __init__(self, source: Source, n_ahead: int) -> None:
        self.source, self.n_ahead = source, n_ahead
        self.hook_names, self.widths, self.group = source.hook_names, source.widths, source.group
        self._ready: deque[tuple[dict[str, Tensor], Tensor | BaseException]] = deque()
        self._under_way: dict[str, Tensor] | None = None
        """The state from before the forward that is being made."""
        self._changed = threading.Condition()
        self._is_closing = False
        self._thread: threading.Thread | None = None

    def gather(self) -> Float[Tensor, "n_tokens width"]:
        if self._thread is None:
            self._is_closing = False
            # Its own number of threads: a new thread would begin with one where another computes in `one_thread`.
            self._thread = threading.Thread(
                target=self._work, args=(torch.get_num_threads(),), name="gather-ahead", daemon=True
            )
            self._thread.start()
        with self._changed:
            while not self._ready:
                self._changed.wait()
            _, found = self._ready[0]
            if not isinstance(found, BaseException):
                self._ready.popleft()
                self._changed.notify_all()
                return found
        self.close()
        raise found

    def state_dict(self) -> dict[str, Tensor]:
        with self._changed:
            if self._ready:
                return self._ready[0][0]
            # While nothing is under way the thread does not touch the source.
            return self.source.state_dict() if self._under_way is None else self._under_way

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        self.close()
        self.source.load_state_dict(state)

    def close(self) -> None:
        """Ends the thread; the source goes on with what has not been asked for."""
        with self._changed:
            self._is_closing = True
            self._changed.notify_all()
        thread, self._thread = self._thread, None
        if thread is not None and thread is not threading.current_thread():
            thread.join()
        if self._ready:
            self.source.load_state_dict(self._ready[0][0])
            self._ready.clear()

    def _work(self, n_threads: int) -> None:
        torch.set_num_threads(n_threads)
        while True:
            with self._changed:
                while len(self._ready) >= self.n_ahead and not self._is_closing:
                    self._changed.wait()
                if self._is_closing:
                    return
                before = self._under_way = self.source.state_dict()
            found: Tensor | BaseException
            try:
                found = self.source.gather()
            except BaseException as error:  # said by whoever asks for it
                found = error
            with self._changed:
                self._ready.append((before, found))
                self._under_way = None
                self._changed.notify_all()
                if isinstance(found, BaseException):
                    return
