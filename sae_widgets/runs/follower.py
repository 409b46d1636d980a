"""A run in another process or on another machine, read from its folder while it grows. Standard library only.

    metrics.jsonl      one JSON object a line: curves, changes of settings, states, signs of life (`log.JsonlLog`)
    runner_cfg.json    what was asked for

Nothing is written and nothing is asked of the writer: the folder may be read-only, or on a network disk. Each look at
`status` or `snapshot()` reads what is new, at most twice a second. A resumed run starts its log anew; the follower
then does, too.
"""

import json
import os
import platform
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sae_widgets.runs.history import History
from sae_widgets.runs.log_lines import ALIVE_EVERY_S, METRICS_NAME, curves_of
from sae_widgets.runs.trainable import FINAL_STATUSES

POLL_EVERY_S = 0.5
SILENT_AFTER_S = 4 * ALIVE_EVERY_S
"""Without a sign of life for so long a run is taken for lost: it was killed, or its machine is gone."""
GONE_AFTER_S = 2 * ALIVE_EVERY_S
"""The same where its process is known to be gone."""
MAX_BYTES = 4_000_000  # read at a time: a long log appears piece by piece, and whoever asks is not kept waiting
SETTINGS_NAME, CHECKPOINT_NAME = "runner_cfg.json", "training_state.json"


class FollowedRun:
    """A run as its folder tells it. `status` is "lost" while the writer gives no sign of life.

    Args:
        folder: The run's folder, e.g. "checkpoints/20260102-030405-ab12".

    Raises:
        FileNotFoundError: If there is no run in it; names those that are nearby.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = run_folder(folder)
        self._config = _read_config(self.folder)
        self._polled = 0.0
        self._begin()
        self.poll()

    def _begin(self) -> None:
        self.history = History()
        """The curves; another object once the log was begun anew."""
        self.events: list[dict[str, Any]] = []
        self.problems: dict[str, str] = {}
        self.saved: str | None = None
        """Folder of the finished SAE, as the writer names it."""
        self._state: dict[str, Any] = {"status": "idle", "n_steps": 0, "n_tokens": 0}
        self._about: dict[str, Any] = {}
        self._offset, self._rest, self._file_id = 0, b"", (0, 0)
        self._checkpoint = self._newest_checkpoint()
        self._grown = time.monotonic()

    def __repr__(self) -> str:
        return f"<FollowedRun {str(self.folder)!r}: {self.status}, step {self.n_steps:,}>"

    # What is

    @property
    def config(self) -> dict[str, Any]:
        """What was asked for, as the run wrote it."""
        return dict(self._config)

    @property
    def member_names(self) -> list[str]:
        """Of a run of many SAEs, their names; none of a run of one."""
        return list(self._config.get("saes") or [])

    @property
    def title(self) -> str:
        return str(self._about.get("title") or self.folder.name)

    @property
    def settings(self) -> dict[str, float]:
        """None: what runs elsewhere cannot be changed from here."""
        return {}

    @property
    def n_steps(self) -> int:
        self.poll()
        return self._state["n_steps"]

    @property
    def status(self) -> str:
        """As the log says, or "lost"."""
        self.poll()
        status = self._state["status"]
        return "lost" if status not in FINAL_STATUSES and self._is_silent() else status

    def snapshot(self) -> dict[str, Any]:
        """The present state with the keys of `TrainingRun.snapshot`."""
        status = self.status
        state = self._state
        total = int(self._config.get("training_tokens") or 0)
        rate = state.get("tokens_per_s") or 0.0
        is_going = status == "running"
        left = max(total - state["n_tokens"], 0)
        return {
            "status": status,
            "n_steps": state["n_steps"],
            "n_tokens": state["n_tokens"],
            "total_tokens": total,
            "tokens_per_s": rate if is_going else 0.0,
            "eta_s": 0.0 if status in FINAL_STATUSES else left / rate if rate and is_going else None,
            "elapsed_s": state.get("elapsed_s") or 0.0,
            "memory_bytes": state.get("memory_bytes"),
            "checkpoint": self._checkpoint,
            "activity": state.get("activity") if is_going else None,
            "problems": dict(self.problems),
            "error": self._why_lost() if status == "lost" else state.get("error"),
            "traceback": state.get("traceback"),
        }

    def add_status_listener(self, listener: Callable[[Any], object]) -> Callable[[], None]:
        """Nothing to listen to: what is new is seen when it is read."""
        return lambda: None

    add_event_listener = add_status_listener

    # Reading

    def poll(self) -> None:
        """Reads what the log has grown by; at most every `POLL_EVERY_S` seconds."""
        now = time.monotonic()
        if self._polled and now - self._polled < POLL_EVERY_S:
            return
        self._polled = now
        try:
            with (self.folder / METRICS_NAME).open("rb") as file:
                about = os.fstat(file.fileno())
                if self._offset and ((about.st_dev, about.st_ino) != self._file_id or about.st_size < self._offset):
                    self._begin()
                    self._config = _read_config(self.folder)
                is_first = self._offset == 0
                self._file_id = (about.st_dev, about.st_ino)
                file.seek(self._offset)
                found = file.read(MAX_BYTES)
        except FileNotFoundError:
            return
        if is_first or found:
            self._checkpoint = self._newest_checkpoint()
        if not found:
            return
        # A log that was long silent when it was opened is silent from then on, not from now on.
        self._grown = now - (max(0.0, time.time() - about.st_mtime) if is_first else 0.0)
        self._offset += len(found)
        *lines, self._rest = (self._rest + found).split(b"\n")
        for line in lines:
            self._read(line)
        if len(found) == MAX_BYTES:
            self._polled = 0.0  # there is more

    def _read(self, line: bytes) -> None:
        try:
            values = json.loads(line)
        except ValueError:
            return  # what a killed writer left half written
        event = values.get("event") if isinstance(values, dict) else None
        state = self._state
        if event is None:
            if isinstance(values, dict) and "step" in values:
                state["n_steps"], state["n_tokens"] = values["step"], values.get("tokens", state["n_tokens"])
                self.history.record(values["step"], curves_of(values))
        elif event in ("start", "resume"):
            self._about = values
        elif event == "set":
            self.events.append({name: values.get(name) for name in ("step", "name", "old", "new")})
        elif event == "problem":
            self.problems[str(values.get("name"))] = str(values.get("problem"))
        elif event in ("status", "alive"):
            told = {name: value for name, value in values.items() if name not in ("event", "step", "tokens", "time")}
            state.update(told)
            state["n_steps"] = max(state["n_steps"], values.get("step", 0))
            state["n_tokens"] = max(state["n_tokens"], values.get("tokens", 0))
            self.saved = values.get("saved") or self.saved

    # Signs of life

    @property
    def silent_s(self) -> float:
        """Time since the log has grown, seconds."""
        return time.monotonic() - self._grown

    def _is_silent(self) -> bool:
        return self.silent_s > (GONE_AFTER_S if self._is_process_gone() else SILENT_AFTER_S)

    def _is_process_gone(self) -> bool:
        """Whether the writer ran on this machine and runs no more."""
        pid = self._about.get("pid")
        if os.name != "posix" or not isinstance(pid, int) or self._about.get("host") != platform.node():
            return False
        try:
            os.kill(pid, 0)  # signal 0 only asks
        except ProcessLookupError:
            return True
        except OSError:
            return False
        return False

    def _why_lost(self) -> str:
        since = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(time.time() - self.silent_s))
        who = f"process {self._about.get('pid')} on {self._about.get('host')}" if self._about else "the writer"
        if not self._offset:
            return f"Nothing was logged yet: {self.folder / METRICS_NAME} is not there or empty."
        checkpoint = self._checkpoint
        rest = f"Resume it with resume_from_checkpoint={checkpoint!r}" if checkpoint else "It left no checkpoint"
        return f"No sign of life from {who} since {since}: it was killed, or its machine is gone. {rest}."

    def _newest_checkpoint(self) -> str | None:
        found = [file.parent for file in self.folder.glob(f"*/{CHECKPOINT_NAME}") if file.parent.name[:1] != "."]
        newest = max(found, key=lambda path: (path / CHECKPOINT_NAME).stat().st_mtime, default=None)
        return str(newest) if newest is not None else None


def run_folder(path: str | Path) -> Path:
    """The path, if it is a run's folder.

    Raises:
        FileNotFoundError: If it is none; says what it is, and which runs are nearby.
    """
    path = Path(path).expanduser()
    if path.is_dir():
        if (path / METRICS_NAME).is_file():
            return path
        if (path / CHECKPOINT_NAME).is_file():
            hint = f" It is a checkpoint; its run is {str(path.parent)!r}."
        elif (path / SETTINGS_NAME).is_file() and not (path / "cfg.json").is_file():
            return path  # just begun: the log comes with the first status
        else:
            hint = _nearby(path)
    else:
        hint = " There is no such folder." + (_nearby(path.parent) if path.parent.is_dir() else "")
    raise FileNotFoundError(f"No run in {str(path)!r}: it has no {METRICS_NAME}.{hint}")


def _nearby(folder: Path) -> str:
    logs = sorted(folder.glob(f"*/{METRICS_NAME}"), key=lambda file: -file.stat().st_mtime)
    names = ", ".join(repr(str(log.parent)) for log in logs[:5])
    more = f" and {len(logs) - 5} more" if len(logs) > 5 else ""
    return f" Runs in {str(folder)!r}, newest first: {names}{more}." if logs else ""


def _read_config(folder: Path) -> dict[str, Any]:
    try:
        config = json.loads((folder / SETTINGS_NAME).read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return config if isinstance(config, dict) else {}
