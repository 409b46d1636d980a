"""A one-line view that sends one message as soon as it is shown, to learn when clicks arrive. Used by `doctor()`."""

import threading
import time
from dataclasses import dataclass

import traitlets

from sae_widgets.widgets._base import SaeWidget, kernel_written


@dataclass(frozen=True)
class Arrival:
    """When a message of the page came, and where it was taken."""

    after_s: float
    thread: str


class ClickTest(SaeWidget):
    """Says when its page's message came, also when that is after the cell has ended."""

    _view = traitlets.Unicode("click_test").tag(sync=True)
    verdict = kernel_written(traitlets.Unicode("Waiting for a message of this page …"))

    def __init__(self) -> None:
        super().__init__()
        self._shown_at = time.perf_counter()
        self._arrived = threading.Event()
        self.arrival: Arrival | None = None
        self._is_waiting = True

    def show(self) -> None:
        """Display the view and start the clock."""
        from IPython.display import display

        self._shown_at = time.perf_counter()
        display(self)

    def wait_for_click(self, timeout_s: int | float) -> Arrival | None:
        """The arrival, or None if none came within `timeout_s`; blocks like any cell that computes."""
        self._arrived.wait(timeout_s)
        self._is_waiting = False
        return self.arrival

    def on_message(self, content: dict, buffers: list) -> None:
        """Take the page's message."""
        if content.get("kind") != "click" or self.arrival is not None:
            return
        is_main = threading.current_thread() is threading.main_thread()
        thread = "main thread" if is_main else "subshell's thread"
        self.arrival = Arrival(time.perf_counter() - self._shown_at, thread)
        when = f"{self.arrival.after_s * 1000:.0f} ms after it was shown"
        if self._is_waiting:
            verdict = f"Clicks arrive while a cell runs: this view's came {when}."
        else:
            verdict = f"Clicks wait until the cell has ended: this view's came {when}."
        self.set_from_kernel(verdict=verdict)
        self._arrived.set()

    def describe(self) -> str:
        """The verdict."""
        return self.verdict
