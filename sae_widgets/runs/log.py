"""Listeners that write a run down: a JSONL file, W&B, a progress bar. All of equal rank; none can stop the run."""

import json
import logging
import math
import os
import platform
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TextIO

from sae_widgets.runs.heartbeat import Heartbeat
from sae_widgets.runs.log_lines import ALIVE_EVERY_S, METRICS_NAME, curves_of, read_log
from sae_widgets.runs.run import FINAL_STATUSES, Status, TrainingRun

__all__ = ["METRICS_NAME", "JsonlLog", "ProgressBar", "WandbLog", "curves_of", "environment", "read_log"]

logger = logging.getLogger(__name__)

FLUSH_EVERY_S = 1.0
_TOLD_ALIVE = ("status", "tokens_per_s", "eta_s", "elapsed_s", "memory_bytes", "activity", "checkpoint")


class JsonlLog:
    """`metrics.jsonl`: one JSON object a line, `{"event": ...}` or `{"step": ..., "tokens": ..., <curves>}`.

    The events are "start" and "resume" (versions, process, machine), "status", "set" (a setting that was changed),
    "problem" (an SAE that is trained no more) and "alive" (every `ALIVE_EVERY_S` seconds: speed, time, memory).
    A resumed run goes on in the same file; lines past its checkpoint belong to steps that are taken again and go.
    """

    def __init__(
        self,
        run: TrainingRun,
        folder: Path,
        about: Mapping[str, Any],
        n_steps: int = 0,
        replays: Sequence[Mapping[str, Any]] = (),
    ) -> None:
        self.path = folder / METRICS_NAME
        self._run = run
        folder.mkdir(parents=True, exist_ok=True)
        if self.path.exists():
            self._cut(n_steps)
        self._file: TextIO | None = None
        self._flushed = 0.0
        self._is_closed = self._has_failed = False
        self._lock = threading.RLock()
        self._heartbeat = Heartbeat(self._on_beat, ALIVE_EVERY_S)
        self._n_problems = 0
        where = {"pid": os.getpid(), "host": platform.node(), "title": getattr(run.trainable, "title", "")}
        self._first = {"event": "resume" if n_steps else "start", "step": n_steps, **about, **where}
        if replays:
            self._first["replays"] = list(replays)  # what a resumed run has still to do, should this one be killed
        run.add_listener(self._on_report)
        run.add_status_listener(self._on_status)
        run.add_event_listener(lambda event: self._write({"event": "set", **event}))

    def flush(self) -> None:
        """Puts what was told so far on the disk: a checkpoint must not be ahead of the log.

        Raises:
            OSError: If it cannot be written.
        """
        with self._lock:
            if self._file is None or self._is_closed:
                return
            try:
                self._file.flush()
                os.fsync(self._file.fileno())
            except OSError as error:
                raise OSError(
                    f"Could not write {self.path}: {error.strerror or error}. There is no checkpoint of this step, "
                    "which must not be ahead of the log; earlier ones are whole."
                ) from error

    def _cut(self, n_steps: int) -> None:
        kept = []
        n_events = len(self._run.events)
        for values in read_log(self.path):
            if values.get("step", 0) > n_steps:
                break
            if values.get("event") == "set":
                if n_events == 0:
                    continue  # made after the checkpoint
                n_events -= 1
            kept.append(values)
            if "event" not in values:
                self._run.history.record(values["step"], curves_of(values))
        temporary = self.path.with_suffix(".part")
        temporary.write_text("".join(json.dumps(values) + "\n" for values in kept), encoding="utf-8")
        os.replace(temporary, self.path)

    def _on_report(self, report: Any) -> None:
        curves = report.curves()
        if curves:
            self._write({"step": report.n_steps, "tokens": report.n_tokens, **curves})
        for name, problem in list(self._run.problems.items())[self._n_problems :]:
            self._n_problems += 1
            self._write({"event": "problem", "step": report.n_steps, "name": name, "problem": problem})

    def _on_status(self, status: Status) -> None:
        state = self._run.snapshot()
        told = {name: state[name] for name in ("status", "error", "traceback", "checkpoint")}
        is_over = status in FINAL_STATUSES
        if is_over:
            result = None if status == "failed" else self._run.result(0.0)
            folder = getattr(result, "folder", None)
            told["saved"] = str(folder) if folder is not None else None
        self._write({"event": "status", "step": self._run.n_steps, **told})
        self._heartbeat.start()
        if is_over:
            self._heartbeat.stop()
            with self._lock:
                self._is_closed = True
                if self._file is not None:
                    try:
                        self._file.close()
                    except OSError as error:
                        self._say_once(error)

    def _on_beat(self) -> None:
        state = self._run.snapshot()
        told = {name: state[name] for name in _TOLD_ALIVE}
        step = {"step": state["n_steps"], "tokens": state["n_tokens"]}
        self._write({"event": "alive", **step, "time": time.time(), **told})

    def _write(self, values: Mapping[str, Any]) -> None:
        with self._lock:
            if self._is_closed:
                return
            try:
                if self._file is None:
                    # Not before there is something to write: a run that is never started leaves no open file.
                    self._file = self.path.open("a", encoding="utf-8")
                    self._write({**self._first, "time": time.time()})
                # NaN is no JSON.
                plain = {k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in values.items()}
                self._file.write(json.dumps(plain, default=str) + "\n")
                now = time.monotonic()
                if now - self._flushed > FLUSH_EVERY_S or "event" in values:
                    self._flushed = now
                    self._file.flush()
            except OSError as error:
                self._say_once(error)

    def _say_once(self, error: OSError) -> None:
        """A log must not end a run; what could not be written is, once there is room again."""
        if not self._has_failed:
            self._has_failed = True
            logger.error("%s cannot be written (%s); training goes on.", self.path, error.strerror or error)


def environment() -> dict[str, str]:
    """Versions that a run's numbers may depend on."""
    import torch

    import sae_widgets

    return {
        "sae_widgets": sae_widgets.__version__,
        "torch": torch.__version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "n_threads": str(torch.get_num_threads()),
    }


# Curve names as SAELens writes them to W&B.
_WANDB_NAMES = {"loss": "losses/overall_loss", "dead_features": "sparsity/dead_features"}
_WANDB_NAMES |= {"lr": "details/current_learning_rate", "tokens_per_s": "details/tokens_per_s"}


class WandbLog:
    """Sends curves to W&B, if it is installed and knows who you are; never asks, and says once when it cannot."""

    def __init__(self, run: TrainingRun, cfg: Any) -> None:
        self._cfg, self._run = cfg, run
        self._wandb_run = self._begin()
        if self._wandb_run is not None:
            run.add_listener(self._on_report)
            run.add_status_listener(self._on_status)

    def _begin(self) -> Any:
        try:
            import wandb
        except ImportError:
            return self._without("wandb is not installed")
        settings = self._cfg.logger
        mode = os.environ.get("WANDB_MODE", "online")
        try:
            if mode == "online" and not wandb.api.api_key:
                return self._without("nobody is logged in to W&B (run `wandb login`, or set WANDB_MODE=offline)")
            return wandb.init(
                project=settings.wandb_project,
                entity=settings.wandb_entity,
                name=settings.run_name,
                id=settings.wandb_id,
                config=self._cfg.to_dict(),
            )
        except Exception as error:  # whatever W&B raises, a log must not keep a run from starting
            return self._without(f"W&B did not start ({error})")

    def _without(self, why: str) -> None:
        logger.warning("log_to_wandb: %s; the run is logged to its %s only.", why, METRICS_NAME)

    def _on_report(self, report: Any) -> None:
        if report.n_steps % self._cfg.logger.wandb_log_frequency == 0 and (curves := report.curves()):
            names = getattr(self._run.trainable, "member_names", [])
            self._wandb_run.log({_wandb_name(name, names): value for name, value in curves.items()}, report.n_steps)

    def _on_status(self, status: Status) -> None:
        if status in FINAL_STATUSES:
            self._wandb_run.finish(exit_code=int(status == "failed"))


def _wandb_name(name: str, members: Sequence[str] = ()) -> str:
    member, _, own = name.partition("/")
    if member in members:
        return f"{member}/{_wandb_name(own)}"
    if name in _WANDB_NAMES:
        return _WANDB_NAMES[name]
    if name.endswith("_loss"):
        return f"losses/{name}"
    return f"details/{name}" if name.endswith("_coefficient") else f"metrics/{name.removeprefix('eval/')}"


class ProgressBar:
    """A progress bar on standard error."""

    def __init__(self, run: TrainingRun) -> None:
        from tqdm import tqdm

        n_done = getattr(run.trainable, "n_tokens", 0)
        self._bar = tqdm(total=run.trainable.total_tokens, initial=n_done, unit="tok", unit_scale=True, file=sys.stderr)
        run.add_listener(self._on_report)
        run.add_status_listener(lambda status: self._bar.close() if status in FINAL_STATUSES else None)

    def _on_report(self, report: Any) -> None:
        self._bar.n = min(report.n_tokens, self._bar.total)
        told = {name.rpartition("/")[2]: value for name, value in report.curves().items() if "eval/" not in name}
        if "loss" in told:
            n_saes = len(getattr(report, "reports", ()))
            # Of many SAEs the last one's numbers stand for all: a line has no room for each.
            self._bar.set_postfix_str(
                (f"{n_saes} SAEs, last: " if n_saes else "")
                + f"loss {told['loss']:.4g}, L0 {told['l0']:.1f}, EV {told['explained_variance']:.3f}, "
                f"dead {told['dead_features']:.0f}",
                refresh=False,
            )
        self._bar.update(0)
