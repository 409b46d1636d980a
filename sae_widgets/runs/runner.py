"""Train SAEs on a language model: `start(cfg)` in the background, `SAETrainingRunner(cfg).run()` in the foreground.

run = start(cfg)                        # returns at once; run.pause(), run.set(lr=1e-4), run.result()
sae = SAETrainingRunner(cfg).run()      # returns when it is done; Ctrl-C stops with a checkpoint
saes = MultiSAETrainingRunner(cfg).run()    # many SAEs from one forward pass, by name
"""

import logging
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sae_widgets.runs.config import LanguageModelSAERunnerConfig, LoggingConfig
from sae_widgets.runs.job import AnyConfig, TrainingJob
from sae_widgets.runs.log import JsonlLog, ProgressBar, WandbLog, environment
from sae_widgets.runs.multi_config import MultiSAETrainingRunnerConfig, grid
from sae_widgets.runs.processes import FollowingJob, make_job, without_signals
from sae_widgets.runs.replay import replay_config
from sae_widgets.runs.run import TrainingRun
from sae_widgets.runs.tensorboard import TensorBoardLog
from sae_widgets.sae.base import SAE
from sae_widgets.training.checkpoints import SETTINGS_NAME, write_json

logger = logging.getLogger(__name__)

__all__ = [
    "LanguageModelSAERunnerConfig",
    "LanguageModelSAETrainingRunner",
    "LoggingConfig",
    "MultiSAETrainingRunner",
    "MultiSAETrainingRunnerConfig",
    "SAETrainingRunner",
    "grid",
    "start",
]


def start(
    cfg: AnyConfig,
    *,
    override_model: Any = None,
    override_dataset: Any = None,
    override_sae: SAE | dict[str, SAE] | None = None,
    events: list[dict[str, Any]] | None = None,
    foreground: bool = False,
) -> TrainingRun:
    """A run that has started; with `foreground=True` one that has ended.

    Args:
        cfg: The settings.
        override_model: A model that is at hand, in place of `cfg.model_name`.
        override_dataset: A list of strings, a dataset, or a path, in place of `cfg.dataset_path`.
        override_sae: An SAE to train further, in place of a new one; of a run of many SAEs some of them by name.
        events: `run.events` of an earlier run, whose changes are made again at the same steps.
        foreground: Wait for the end; an interrupt then stops with a checkpoint.

    Raises:
        ValueError: If the settings do not fit each other, the model or the data; what needs the model to be loaded
            first is found in the background and raised by `run.result()`.
    """
    run = prepare(cfg, override_model, override_dataset, override_sae, events)
    return run.run(foreground=foreground)


def prepare(
    cfg: AnyConfig,
    model: Any = None,
    dataset: Any = None,
    sae: SAE | dict[str, SAE] | None = None,
    events: list[dict[str, Any]] | None = None,
) -> TrainingRun:
    """A run that is ready to start; arguments as for `start`."""
    if dataset is None and not cfg.dataset_path and not cfg.use_cached_activations:
        raise ValueError(
            "There is no data: set dataset_path to a text file, folder or dataset, or pass override_dataset."
        )
    job = make_job(cfg, model=model, dataset=dataset, sae=sae, events=events)
    run = TrainingRun(job)
    if not job.group.is_first:
        return run
    run.events.extend(job.events)
    job.record_event = run.record_event
    job.run_folder.mkdir(parents=True, exist_ok=True)
    write_json(job.run_folder / SETTINGS_NAME, job.cfg.to_dict())
    log = JsonlLog(run, job.run_folder, environment(), n_steps=job.n_steps, replays=job.replays)
    job.before_checkpoint = log.flush
    if sae is None:
        run.again = lambda events, **changes: prepare(
            replay_config(job.cfg, changes), model or job.models or None, dataset, None, events
        )
    if cfg.logger.log_to_wandb:
        WandbLog(run, job.cfg)
    if cfg.logger.log_to_tensorboard:
        TensorBoardLog(run, job.cfg, job.run_folder)
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
        self.training_run = prepare(cfg, override_model, override_dataset, override_sae, None)
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
        return _run_in_foreground(self.training_run, self.cfg.verbose)

    @property
    def metrics(self) -> dict[str, float]:
        """`l0`, `ce_loss_score`, `explained_variance` and the other metrics of `run_evals`, and `dead_features`."""
        return _metrics(self.training_run, self._job)


SAETrainingRunner = LanguageModelSAETrainingRunner


class MultiSAETrainingRunner:
    """Trains the SAEs that `cfg` describes, all from one forward pass of the model; `run()` returns them by name.

    An SAE whose loss is not finite is trained no more and left out of what `run()` returns; `problems` says why.
    """

    def __init__(
        self,
        cfg: MultiSAETrainingRunnerConfig,
        override_dataset: Any = None,
        override_model: Any = None,
        override_saes: dict[str, SAE] | None = None,
    ) -> None:
        self.cfg = cfg
        if override_saes is not None and override_saes.keys() != cfg.saes.keys():
            raise ValueError(
                f"override_saes has {', '.join(map(repr, override_saes))}; saes are {', '.join(map(repr, cfg.saes))}."
            )
        self.training_run = prepare(cfg, override_model, override_dataset, override_saes, None)
        self._job: TrainingJob = self.training_run.trainable  # type: ignore[assignment]

    @property
    def saes(self) -> dict[str, SAE]:
        """The SAEs by name, as far as they are trained."""
        return {name: member.sae for name, member in self._job.members.items()}

    @property
    def model(self) -> Any:
        return self._job.model

    @property
    def problems(self) -> dict[str, str]:
        """Why an SAE is trained no more, by its name."""
        return self._job.problems

    def run(self) -> dict[str, SAE]:
        """The trained SAEs. An interrupt (Ctrl-C, SIGTERM) saves a checkpoint of all and returns them as they are."""
        return _run_in_foreground(self.training_run, self.cfg.verbose)

    @property
    def metrics(self) -> dict[str, dict[str, float]]:
        """What `SAETrainingRunner.metrics` gives, for each SAE by name."""
        return _metrics(self.training_run, self._job)


def _run_in_foreground(run: TrainingRun, verbose: bool) -> Any:
    is_first = not isinstance(run.trainable, FollowingJob)
    if verbose and is_first:
        ProgressBar(run)
    with _stopped_by_sigterm(run) if is_first else without_signals():
        run.run(foreground=True)
    return run.result()


def _metrics(run: TrainingRun, job: TrainingJob) -> dict[str, Any]:
    if run.status not in ("done", "stopped"):
        raise RuntimeError(f"There are no metrics of a run that is {run.status}; call run() first.")
    return job.metrics


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
