"""A training run that can be watched, paused, changed and stopped from another thread. Standard library only.

`TrainingRun` drives anything that satisfies `Trainable`. All work on tensors happens in one thread, which the run owns;
every other thread only leaves a request, which is served between two steps (or between two forwards of the language
model while activations are gathered):

    idle -> running <-> paused -> stopping -> stopped          stop()
                    -> done                                    all tokens seen
                    -> failed                                  an exception; `result()` raises it

What was seen is kept: `history` (curves), `events` (settings changed on the way), `snapshot()` (the present state).
"""

import asyncio
import contextvars
import difflib
import logging
import math
import threading
import traceback
from collections import deque
from collections.abc import Callable, Generator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from sae_widgets.runs import at_exit
from sae_widgets.runs.gauges import Stopwatch, give_memory_back, process_memory_bytes
from sae_widgets.runs.history import History
from sae_widgets.runs.listeners import Remove, Signal
from sae_widgets.runs.trainable import FINAL_STATUSES, Breathe, Report, Status, Trainable

__all__ = ["FINAL_STATUSES", "Breathe", "History", "Report", "Status", "Trainable", "TrainingRun"]

logger = logging.getLogger(__name__)


class TrainingRun:
    """A training run and its controls. `run()` starts it; the other methods may be called from any thread."""

    def __init__(self, trainable: Trainable) -> None:
        self.trainable = trainable
        self.history = History()
        self.events: list[dict[str, Any]] = []
        """Settings changed on the way: `{step, name, old, new}`; `step` is the last step taken with the old value."""
        self.again: Callable[..., TrainingRun] | None = None
        """Makes such a run once more; None where what it began with is gone."""
        self._reports: Signal[Report] = Signal()
        self._statuses: Signal[Status] = Signal()
        self._changes: Signal[dict[str, Any]] = Signal()
        self._status: Status = "idle"
        # A resumed run begins where its checkpoint was taken.
        self._n_steps, self._n_tokens = (int(getattr(trainable, name, 0)) for name in ("n_steps", "n_tokens"))
        self._recent: deque[tuple[float, int]] = deque(maxlen=64)
        self._watch = Stopwatch()
        self._activity: tuple[str, int, int] | None = None
        self._checkpoint: Path | None = None
        self._error: BaseException | None = None
        self._problem: str | None = None
        self._result: Any = None
        # Requests of other threads. `_is_asked` spares the steps without one the lock.
        self._asked = threading.Condition()
        self._is_asked = self._wants_pause = self._wants_stop = False
        self._settings_wanted: dict[str, float] = {}
        self._checkpoints_wanted: list[Future[Path]] = []
        self._announcing = threading.RLock()
        self._finished = threading.Event()
        self._when_finished: list[Callable[[], None]] = []
        self._thread: threading.Thread | None = None

    def __repr__(self) -> str:
        total = self.trainable.total_tokens
        return f"<TrainingRun {self._status}: step {self._n_steps:,}, {self._n_tokens:,} of {total:,} tokens>"

    # What is asked for

    def run(self, foreground: bool = False) -> "TrainingRun":
        """Starts the worker thread and returns at once, or with `foreground=True` when the run has ended.

        In the foreground the calling thread only waits, so an interrupt never lands inside a step: the first
        KeyboardInterrupt stops the run as `stop()` does, a second one is raised.
        """
        with self._asked:
            if self._thread is not None:
                raise RuntimeError("This run was started before; make a new one to train again.")
            context = contextvars.copy_context()
            # Daemon: a notebook's kernel must be able to exit; `at_exit` then ends the run with a checkpoint.
            self._thread = threading.Thread(target=context.run, args=(self._work,), name="sae-training", daemon=True)
        at_exit.begin(self)
        self._thread.start()
        if foreground:
            self.wait_in_foreground()
        return self

    def wait_in_foreground(self, pump: Callable[[], object] = lambda: None) -> None:
        """Waits for the end of the run, calling `pump` about twenty times a second from this thread."""
        is_interrupted = False
        while not self._finished.is_set():
            try:
                pump()
                self._finished.wait(0.05)
            except KeyboardInterrupt:
                if is_interrupted:
                    raise
                is_interrupted = True
                logger.warning("Interrupted: finishing this step and saving a checkpoint (interrupt again to give up).")
                self.stop()

    def pause(self) -> None:
        """Waits at the end of this step until `resume()`. Does nothing to a run that has ended."""
        self._ask(wants_pause=True)

    def resume(self) -> None:
        self._ask(wants_pause=False)

    def stop(self) -> None:
        """Ends the run after this step with a checkpoint; `result()` then gives the SAE as it is."""
        with self._asked:
            if self._finished.is_set() or self._wants_stop:
                return
            self._wants_stop = self._is_asked = True
            if self._thread is None:
                return
            self._asked.notify_all()
        self._enter("stopping")

    def checkpoint(self) -> "Future[Path]":
        """Asks for a checkpoint at the end of this step; the future gives its folder, or raises why there is none."""
        with self._asked:
            self._refuse_when_finished("take a checkpoint")
            future: Future[Path] = Future()
            self._checkpoints_wanted.append(future)
            self._is_asked = True
            self._asked.notify_all()
        return future

    def set(self, **settings: Any) -> None:
        """Changes settings from the next step on, e.g. `run.set(lr=1e-4)`; `run.settings` names what can be changed."""
        known = self.trainable.settings
        checked = {}
        for name, value in settings.items():
            if name not in known:
                nearest = difflib.get_close_matches(name, known, n=1, cutoff=0.3)
                hint = f" Did you mean {nearest[0]!r}?" if nearest else ""
                raise ValueError(f"No setting {name!r} in this run; there are: {', '.join(known)}.{hint}")
            if isinstance(value, bool) or not isinstance(value, (int, float)):
                raise TypeError(f"{name} must be a number, got {value!r}.")
            if not math.isfinite(value):
                raise ValueError(f"{name} must be a finite number, got {value!r}.")
            checked[name] = self.trainable.check_setting(name, float(value))
        with self._asked:
            self._refuse_when_finished("change settings")
            self._settings_wanted.update(checked)
            self._is_asked = True
            self._asked.notify_all()

    def replay(self, **settings: Any) -> "TrainingRun":
        """Starts a new run that trains the same and makes the same changes at the same steps: the weights are the same.

        Args:
            settings: Fields of the config to have otherwise; `output_path` is None unless given here.

        Raises:
            ValueError: If this run began with weights that it has changed since (`override_sae`).
        """
        if self.again is None:
            raise ValueError("This run trained an SAE it was given, whose first weights are gone: nothing to replay.")
        return self.again(list(self.events), **settings).run()

    # What is

    @property
    def status(self) -> Status:
        return self._status

    @property
    def settings(self) -> dict[str, float]:
        """Present values of what `set()` can change; a change just asked for is already shown."""
        with self._asked:
            return {**self.trainable.settings, **self._settings_wanted}

    @property
    def n_steps(self) -> int:
        return self._n_steps

    @property
    def problems(self) -> dict[str, str]:
        """Of a run of many SAEs, why one is trained no more, by its name."""
        return dict(getattr(self.trainable, "problems", {}))

    def snapshot(self) -> dict[str, Any]:
        """The present state as plain values; `activity` is `{text, done, total}` while no step is being taken."""
        total_tokens, tokens_per_s = self.trainable.total_tokens, self._tokens_per_s()
        is_over = self._status in FINAL_STATUSES
        left = max(total_tokens - self._n_tokens, 0)
        activity = self._activity
        error = self._error
        return {
            "status": self._status,
            "n_steps": self._n_steps,
            "n_tokens": self._n_tokens,
            "total_tokens": total_tokens,
            "tokens_per_s": tokens_per_s,
            "eta_s": 0.0 if is_over else left / tokens_per_s if tokens_per_s else None,
            "elapsed_s": self._watch.seconds(),
            "memory_bytes": process_memory_bytes(),
            "checkpoint": str(self._checkpoint) if self._checkpoint else None,
            "activity": dict(zip(("text", "done", "total"), activity, strict=True)) if activity else None,
            "problems": self.problems,
            "error": (str(error) or type(error).__name__) if error is not None else self._problem,
            "traceback": "".join(traceback.format_exception(error)) if error is not None else None,
        }

    def add_listener(self, listener: Callable[[Any], object]) -> Remove:
        """Calls `listener(report)` after every step, in the training thread; returns a function that ends that."""
        return self._reports.add(listener)

    def add_status_listener(self, listener: Callable[[Status], object]) -> Remove:
        """Calls `listener(status)` at every change of status; returns a function that ends that."""
        return self._statuses.add(listener)

    def add_event_listener(self, listener: Callable[[dict[str, Any]], object]) -> Remove:
        """Calls `listener({step, name, old, new})` when a setting was changed; returns a function that ends that."""
        return self._changes.add(listener)

    def wait(self, *statuses: Status, timeout: float | None = None) -> bool:
        """True as soon as the run has one of `statuses` (by default: has ended), False after `timeout` seconds."""
        wanted = statuses or FINAL_STATUSES
        with self._asked:
            return self._asked.wait_for(lambda: self._status in (*wanted, *FINAL_STATUSES), timeout) and (
                self._status in wanted
            )

    @property
    def exception(self) -> BaseException | None:
        """What ended a failed run."""
        return self._error

    def result(self, timeout: float | None = None) -> Any:
        """What the run made, when it has ended.

        Raises:
            TimeoutError: If it has not ended after `timeout` seconds; training goes on.
            Exception: What ended a failed run.
        """
        if self._thread is None:
            raise RuntimeError("This run was not started; call run() first.")
        # The status first: a status listener, called before the end is announced, may ask for the result too.
        if self._status not in FINAL_STATUSES and not self._finished.wait(timeout):
            raise TimeoutError(f"Still {self._status} after {timeout:g} s; training goes on.")
        if self._error is not None:
            raise self._error
        return self._result

    def __await__(self) -> Generator[Any, None, Any]:
        return self._until_finished().__await__()

    async def _until_finished(self) -> Any:
        loop = asyncio.get_running_loop()
        is_over = asyncio.Event()
        with self._asked:
            if not self._finished.is_set():
                self._when_finished.append(lambda: _call_in(loop, is_over.set))
            else:
                is_over.set()
        await is_over.wait()
        return self.result()

    # The training thread

    def _work(self) -> None:
        final: Status = "failed"
        self._watch.start()
        try:
            # A stop or pause asked for before the start keeps its meaning.
            self._enter("stopping" if self._wants_stop else "running")
            steps = self.trainable.train_steps(self._breathe)
            for report in steps:
                self._take(report)
                if self.trainable.is_checkpoint_due:
                    self._save([])
                if self._serve():
                    break
            if isinstance(steps, Generator):
                steps.close()
            is_complete = not self._wants_stop
            if not is_complete:
                self._save([])
            self._result = self.trainable.finish(is_complete)
            final = "done" if is_complete else "stopped"
        except BaseException as error:
            self._error = error
            logger.error("Training failed at step %s: %s", f"{self._n_steps:,}", error)
        finally:
            self._activity = None
            self._watch.stop()
            with self._asked:
                unserved, self._checkpoints_wanted = self._checkpoints_wanted, []
            for future in unserved:
                future.set_exception(RuntimeError("The run ended before the checkpoint."))
            at_exit.end(self)
            self._enter(final)

    def _take(self, report: Report) -> None:
        self._n_steps, self._n_tokens = report.n_steps, report.n_tokens
        self._activity = None
        self._recent.append((self._watch.seconds(), report.n_tokens))
        self.history.record(report.n_steps, report.curves())
        self._reports.emit(report)

    def _breathe(self, text: str, done: int, total: int) -> bool:
        self._activity = (text, done, total)
        return self._serve()

    def _serve(self) -> bool:
        """Does what was asked for since the last step and waits while paused; True when training should stop."""
        if not self._is_asked:
            return False
        while True:
            with self._asked:
                settings, self._settings_wanted = self._settings_wanted, {}
                futures, self._checkpoints_wanted = self._checkpoints_wanted, []
            for name, value in settings.items():
                self._change(name, value)
            if futures:
                self._save(futures)
            with self._asked:
                if self._settings_wanted or self._checkpoints_wanted:
                    continue
                if self._wants_stop:
                    return True
                is_paused = self._wants_pause
                self._is_asked = is_paused
            if not is_paused:
                if self._status == "paused":
                    self._watch.start()
                    self._enter("running")
                return False
            if self._status != "paused":
                self._watch.stop()
                # The rate before a pause says nothing about the rate after it.
                self._recent.clear()
                self._enter("paused")
            with self._asked:
                self._asked.wait_for(self._is_served)

    def _is_served(self) -> bool:
        return (
            self._wants_stop
            or not self._wants_pause
            or len(self._settings_wanted) > 0
            or len(self._checkpoints_wanted) > 0
        )

    def _change(self, name: str, value: float) -> None:
        old = self.trainable.settings[name]
        if old == value:
            return
        self.trainable.apply_setting(name, value)
        self.record_event({"step": self._n_steps, "name": name, "old": old, "new": value})

    def record_event(self, event: dict[str, Any]) -> None:
        """Notes a change of a setting that was made by the trainable itself, e.g. in a replay."""
        self.events.append(event)
        self._changes.emit(event)

    def _save(self, futures: "list[Future[Path]]") -> None:
        """Takes a checkpoint. One that cannot be written is reported and training goes on: the SAE is worth more."""
        try:
            self._checkpoint = self.trainable.save_checkpoint()
            self._problem = None
        except OSError as error:
            self._problem = str(error)
            logger.error("%s", error)
            for future in futures:
                future.set_exception(error)
        else:
            for future in futures:
                future.set_result(self._checkpoint)
        give_memory_back()

    # Common

    def _ask(self, wants_pause: bool) -> None:
        with self._asked:
            if self._finished.is_set():
                return
            self._wants_pause = wants_pause
            self._is_asked = True
            self._asked.notify_all()

    def _refuse_when_finished(self, what: str) -> None:
        if self._finished.is_set():
            raise RuntimeError(f"This run is {self._status}; it is too late to {what}.")

    def _enter(self, status: Status) -> None:
        # One lock around change and announcement: listeners hear the statuses in the order they were taken.
        with self._announcing:
            # The end is final, and only the end may follow a stop.
            if self._status in FINAL_STATUSES or (self._status == "stopping" and status not in FINAL_STATUSES):
                return
            self._status = status
            self._statuses.emit(status)
            with self._asked:
                callbacks: list[Callable[[], None]] = []
                if status in FINAL_STATUSES:
                    # After the listeners: whoever waits for the result finds logs written.
                    callbacks, self._when_finished = self._when_finished, []
                    self._finished.set()
                self._asked.notify_all()
        for callback in callbacks:
            callback()

    def _tokens_per_s(self) -> float:
        recent = list(self._recent)
        if len(recent) < 2:
            return 0.0
        (start_s, start_tokens), (end_s, end_tokens) = recent[0], recent[-1]
        return (end_tokens - start_tokens) / (end_s - start_s) if end_s > start_s else 0.0


def _call_in(loop: asyncio.AbstractEventLoop, callback: Callable[[], object]) -> None:
    try:
        loop.call_soon_threadsafe(callback)
    except RuntimeError:
        logger.debug("The event loop that waited for the run is closed; nobody is left to tell.")
