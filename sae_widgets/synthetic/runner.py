"""Train an SAE on activations whose features are known.

run = start(cfg)                        # returns at once; sw.TrainingPanel(run), run.pause(), run.result().sae
result = SyntheticSAERunner(cfg).run()  # returns when it is done; Ctrl-C stops with a checkpoint
"""

from typing import Generic

from sae_widgets.runs.log import JsonlLog, ProgressBar, WandbLog, environment
from sae_widgets.runs.run import TrainingRun
from sae_widgets.sae.base import SAE
from sae_widgets.synthetic.config import C, SyntheticSAERunnerConfig
from sae_widgets.synthetic.job import SyntheticJob, SyntheticSAERunnerResult
from sae_widgets.synthetic.synthetic_model import SyntheticModel
from sae_widgets.training.checkpoints import SETTINGS_NAME, write_json


def start(
    cfg: SyntheticSAERunnerConfig,
    *,
    override_synthetic_model: SyntheticModel | None = None,
    override_sae: SAE | None = None,
    foreground: bool = False,
) -> TrainingRun:
    """A run that has started; with `foreground=True` one that has ended. Its result is a `SyntheticSAERunnerResult`.

    Args:
        cfg: The settings.
        override_synthetic_model: A model in place of the config's.
        override_sae: An SAE to train further, in place of a new one.
        foreground: Wait for the end; an interrupt then stops with a checkpoint.
    """
    return _prepare(cfg, override_synthetic_model, override_sae).run(foreground=foreground)


def _prepare(cfg: SyntheticSAERunnerConfig, model: SyntheticModel | None, sae: SAE | None) -> TrainingRun:
    job = SyntheticJob(cfg, model, sae)
    run = TrainingRun(job)
    run.events.extend(job.events)
    job.run_folder.mkdir(parents=True, exist_ok=True)
    write_json(job.run_folder / SETTINGS_NAME, job.cfg.to_dict())
    JsonlLog(run, job.run_folder, environment(), n_steps=job.trainer.n_steps)
    if cfg.logger.log_to_wandb:
        WandbLog(run, job.cfg)
    return run


class SyntheticSAERunner(Generic[C]):
    """Trains the SAE that `cfg` describes on the synthetic model it names.

    Args:
        cfg: The settings.
        override_synthetic_model: A model in place of the config's.
        override_sae: An SAE to train further, in place of a new one.
    """

    def __init__(
        self,
        cfg: SyntheticSAERunnerConfig[C],
        override_synthetic_model: SyntheticModel | None = None,
        override_sae: SAE | None = None,
    ) -> None:
        self.training_run = _prepare(cfg, override_synthetic_model, override_sae)
        self._job: SyntheticJob = self.training_run.trainable  # type: ignore[assignment]
        self.cfg = self._job.cfg

    @property
    def sae(self) -> SAE:
        """The SAE, as far as it is trained."""
        return self._job.sae

    @property
    def synthetic_model(self) -> SyntheticModel:
        return self._job.synthetic_model

    def run(self) -> SyntheticSAERunnerResult:
        """The trained SAE and its scores. An interrupt saves a checkpoint and gives the SAE as it is."""
        if self.cfg.verbose:
            ProgressBar(self.training_run)
        self.training_run.run(foreground=True)
        return self.training_run.result()
