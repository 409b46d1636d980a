"""`SyntheticSAERunnerConfig`: everything a training run on drawn activations depends on."""

import copy
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Generic, TypeVar

from sae_widgets.architectures import BatchTopKTrainingSAEConfig
from sae_widgets.runs.config import LoggingConfig
from sae_widgets.sae.config import SAEConfig
from sae_widgets.synthetic.synthetic_model import SyntheticModelConfig
from sae_widgets.training.schedules import LearningRateSchedule
from sae_widgets.training.trainer import TrainSettings

RUNNER_CONFIG_FILENAME = "runner_config.json"

C = TypeVar("C", bound=SAEConfig)


def _first_sae() -> Any:
    return BatchTopKTrainingSAEConfig(d_in=128, d_sae=256, k=10)


@dataclass
class SyntheticSAERunnerConfig(Generic[C]):
    """Settings of a run. Fields have the names and, where nothing else is said, the defaults of SAELens."""

    synthetic_model: SyntheticModelConfig | str = "bench-1k"
    """A config, a folder, "repo_id" or "repo_id:folder" on the hub, or one of `presets.PRESETS`."""
    sae: C = field(default_factory=_first_sae)
    """What is trained: a training config. Its `d_in` follows the model."""

    training_samples: int = 100_000_000
    batch_size: int = 1024
    lr: float | int = 3e-4
    lr_warm_up_steps: int = 0
    lr_decay_steps: int = 0
    lr_scheduler_name: str = "constant"
    lr_end: float | None = None
    """None: a tenth of lr."""
    adam_beta1: float = 0.9
    adam_beta2: float = 0.999
    n_restart_cycles: int = 1

    device: str = "cpu"
    autocast_sae: bool = False
    autocast_data: bool = False

    n_checkpoints: int = 0
    checkpoint_path: str | None = "checkpoints"
    """Run folders go here: log, settings, checkpoints."""
    save_final_checkpoint: bool = False
    output_path: str | None = "output"
    """Folder for the finished SAE and its scores; None writes none."""
    save_synthetic_model: bool = False
    """Whether the output holds the model as well."""

    eval_frequency: int = 0
    """Steps between two comparisons with the true features; 0: at the end only."""
    eval_samples: int = 500_000
    run_final_eval: bool = True

    dead_feature_window: int | None = None
    feature_sampling_window: int = 2000
    n_batches_for_norm_estimate: int = 1000
    """At most; `training.N_SAMPLES_FOR_SCALE` samples are enough."""
    sae_lens_version: str | None = None
    """Read for SAELens' configs."""
    logger: LoggingConfig = field(default_factory=LoggingConfig)

    # Ours.
    seed: int = 42
    """Of weights and samples; the model has a seed of its own."""
    resume_from_checkpoint: str | None = None
    verbose: bool = True
    """Show a progress bar in `SyntheticSAERunner.run()`."""
    optimizer: str = "adam"
    weight_decay: float | int = 0.0
    grad_clip_norm: float | int | None = 1.0
    grad_accumulation_steps: int = 1
    ema_decay: float | None = None
    """As in `TrainSettings`, and so the fields below."""
    normalize_sae_decoder: bool = False
    b_dec_init_method: str = "zeros"
    target_l0: float | int | None = None
    use_ghost_grads: bool = False
    resample_every_steps: int | None = None
    resample_scale: float | int = 0.2

    def __post_init__(self) -> None:
        if not isinstance(self.sae, SAEConfig) or not self.sae.is_training:
            raise TypeError(
                f"sae= takes a training config such as TopKTrainingSAEConfig; got {type(self.sae).__name__}."
            )
        for name in ("training_samples", "batch_size"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise ValueError(f"{name} is a positive whole number; got {value!r}.")
        for name in ("n_checkpoints", "eval_frequency", "eval_samples"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must be at least 0, got {getattr(self, name)}.")
        if not 0 < self.lr <= 10:
            raise ValueError(f"lr must be above 0 and at most 10, got {self.lr}.")
        self.lr_end = self.lr / 10 if self.lr_end is None else self.lr_end
        if self.logger.run_name is None:
            self.logger.run_name = f"synthetic-{self.sae.architecture}-{self.sae.d_sae}-LR-{self.lr}"
        self.train_settings()  # what does not fit is said here

    @property
    def total_training_steps(self) -> int:
        return self.training_samples // self.batch_size

    def train_settings(self) -> TrainSettings:
        """What the trainer is told."""
        same = {each.name: getattr(self, each.name) for each in fields(TrainSettings) if hasattr(self, each.name)}
        assert self.lr_end is not None
        schedule = LearningRateSchedule(
            n_steps=-(-self.training_samples // self.batch_size),
            name=self.lr_scheduler_name,
            warm_up_steps=self.lr_warm_up_steps,
            decay_steps=self.lr_decay_steps,
            end=self.lr_end / self.lr,
            n_restart_cycles=self.n_restart_cycles,
        )
        return TrainSettings(
            **same,
            total_tokens=self.training_samples,
            schedule=schedule,
            autocast=self.autocast_sae,
            measure_every_steps=1 if self.device == "cpu" else self.logger.wandb_log_frequency,
        )

    def with_d_in(self, d_in: int) -> "SyntheticSAERunnerConfig[C]":
        """A copy whose SAE reads activations of this width; itself, where it does already."""
        if self.sae.d_in == d_in:
            return self
        cfg = copy.copy(self)
        cfg.sae = copy.deepcopy(self.sae)
        cfg.sae.d_in = d_in
        return cfg

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as `runner_config.json` holds them."""
        model = self.synthetic_model
        values = {each.name: getattr(self, each.name) for each in fields(self)}
        return values | {
            "synthetic_model": model.to_dict() if isinstance(model, SyntheticModelConfig) else str(model),
            "sae": self.sae.to_dict(),
            "logger": asdict(self.logger),
        }

    @classmethod
    def from_dict(cls, d: Mapping[str, Any]) -> "SyntheticSAERunnerConfig[Any]":
        """The config that `to_dict` wrote, here or in SAELens."""
        for name in ("sae", "synthetic_model"):
            if name not in d:
                raise ValueError(f"{name} field is required in the config dictionary.")
        if "architecture" not in d["sae"]:
            raise ValueError("architecture field is required in the sae dictionary.")
        known = {each.name for each in fields(cls)}
        if unknown := sorted(set(d) - known):
            raise ValueError(f"These are no settings of a synthetic run: {', '.join(unknown)}.")
        values = copy.deepcopy(dict(d))
        values["sae"] = SAEConfig.from_dict(values["sae"])
        if isinstance(values["synthetic_model"], Mapping):
            values["synthetic_model"] = SyntheticModelConfig.from_dict(dict(values["synthetic_model"]))
        if isinstance(values.get("logger"), Mapping):
            values["logger"] = LoggingConfig(**values["logger"])
        return cls(**values)
