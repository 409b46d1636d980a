"""Train an SAE on a language model: `start(cfg)` in the background, `SAETrainingRunner(cfg).run()` in the foreground.

run = start(cfg)                        # returns at once; run.pause(), run.set(lr=1e-4), run.result()
sae = SAETrainingRunner(cfg).run()      # returns when it is done; Ctrl-C stops with a checkpoint
"""

import logging
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sae_widgets.runs.config import LanguageModelSAERunnerConfig, LoggingConfig
from sae_widgets.runs.job import TrainingJob
from sae_widgets.runs.log import JsonlLog, ProgressBar, WandbLog, environment
from sae_widgets.runs.run import TrainingRun
from sae_widgets.sae.base import SAE
from sae_widgets.training.checkpoints import SETTINGS_NAME, write_json

logger = logging.getLogger(__name__)

__all__ = [
    "LanguageModelSAERunnerConfig",
    "LanguageModelSAETrainingRunner",
    "LoggingConfig",
    "SAETrainingRunner",
    "start",
]


def start(
    cfg: LanguageModelSAERunnerConfig,
    *,
    override_model: Any = None,
    override_dataset: Any = None,
    override_sae: SAE | None = None,
    events: list[dict[str, Any]] | None = None,
    foreground: bool = False,
) -> TrainingRun:
    """A run that has started; with `foreground=True` one that has ended.

    Args:
        cfg: The settings.
        override_model: A model that is at hand, in place of `cfg.model_name`.
        override_dataset: A list of strings, a dataset, or a path, in place of `cfg.dataset_path`.
        override_sae: An SAE to train further, in place of a new one.
        events: `run.events` of an earlier run, whose changes are made again at the same steps.
        foreground: Wait for the end; an interrupt then stops with a checkpoint.

    Raises:
        ValueError: If the settings do not fit each other, the model or the data; what needs the model to be loaded
            first is found in the background and raised by `run.result()`.
    """
    run = _prepare(cfg, override_model, override_dataset, override_sae, events)
    return run.run(foreground=foreground)


def _prepare(
    cfg: LanguageModelSAERunnerConfig, model: Any, dataset: Any, sae: SAE | None, events: list[dict[str, Any]] | None
) -> TrainingRun:
    if dataset is None and not cfg.dataset_path:
        raise ValueError(
            "There is no data: set dataset_path to a text file, folder or dataset, or pass override_dataset."
        )
    job = TrainingJob(cfg, model=model, dataset=dataset, sae=sae, events=events)
    run = TrainingRun(job)
    run.events.extend(job.events)
    job.record_event = run.record_event
    job.run_folder.mkdir(parents=True, exist_ok=True)
    write_json(job.run_folder / SETTINGS_NAME, job.cfg.to_dict())
    JsonlLog(run, job.run_folder, environment(), n_steps=job.trainer.n_steps)
    if cfg.logger.log_to_wandb:
        WandbLog(run, job.cfg)
    return run


class LanguageModelSAETrainingRunner:
    """Trains the SAE that `cfg` describes; `run()` returns it, `metrics` tells how good it is."""

    def __init__(
        self,
        cfg: LanguageModelSAERunnerConfig,
        override_dataset: Any = None,
        override_model: Any = None,
        override_sae: SAE | None = None,
    ) -> None:
        self.cfg = cfg
        self.training_run = _prepare(cfg, override_model, override_dataset, override_sae, None)
        self._job: TrainingJob = self.training_run.trainable  # type: ignore[assignment]

    @property
    def sae(self) -> SAE:
        """The SAE, as far as it is trained."""
        return self._job.sae

    @property
    def model(self) -> Any:
        return self._job.model

    def run(self) -> SAE:
        """The trained SAE. An interrupt (Ctrl-C, SIGTERM) saves a checkpoint and returns the SAE as it is."""
        if self.cfg.verbose:
            ProgressBar(self.training_run)
        with _stopped_by_sigterm(self.training_run):
            self.training_run.run(foreground=True)
        return self.training_run.result()

    @property
    def metrics(self) -> dict[str, float]:
        """`l0`, `ce_loss_score`, `explained_variance` and the other metrics of `run_evals`, and `dead_features`."""
        if self.training_run.status not in ("done", "stopped"):
            raise RuntimeError(f"There are no metrics of a run that is {self.training_run.status}; call run() first.")
        return self._job.metrics


SAETrainingRunner = LanguageModelSAETrainingRunner


@contextmanager
def _stopped_by_sigterm(run: TrainingRun) -> Iterator[None]:
    """SIGTERM (a job that is preempted) stops the run with a checkpoint; the handler there was comes back after."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, lambda number, frame: run.stop())
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
