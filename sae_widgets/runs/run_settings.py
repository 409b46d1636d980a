"""What every training run is told, whatever it trains: model, data, steps, files, devices, logs."""

from dataclasses import dataclass, field
from typing import Any

import torch


@dataclass
class LoggingConfig:
    """Where a run is logged besides its own `metrics.jsonl`."""

    log_to_wandb: bool = False
    """SAELens has True here, and a login prompt with it."""
    log_to_tensorboard: bool = False
    """Write TensorBoard's event files into the run's folder; needs the package `tensorboard`."""
    log_activations_store_to_wandb: bool = False
    log_optimizer_state_to_wandb: bool = False
    log_weights_to_wandb: bool = False
    wandb_project: str = "sae_lens_training"
    wandb_id: str | None = None
    run_name: str | None = None
    wandb_entity: str | None = None
    wandb_log_frequency: int = 10
    """Steps between two lines of W&B's log."""
    eval_every_n_wandb_logs: int = 100
    """The SAE is tried in the model every `wandb_log_frequency * eval_every_n_wandb_logs` steps; 0: at the end only."""

    def __post_init__(self) -> None:
        if self.wandb_log_frequency < 1:
            raise ValueError(f"wandb_log_frequency must be at least 1, got {self.wandb_log_frequency}.")
        if self.eval_every_n_wandb_logs < 0:
            raise ValueError(f"eval_every_n_wandb_logs must be at least 0, got {self.eval_every_n_wandb_logs}.")

    @property
    def eval_every_steps(self) -> int:
        return self.wandb_log_frequency * self.eval_every_n_wandb_logs


@dataclass(kw_only=True)
class RunSettings:
    """What the config of one SAE and that of many have in common; names and defaults of SAELens 6."""

    logger: LoggingConfig = field(default_factory=LoggingConfig)

    model_name: str = "demo"
    """`"demo"` (bundled), a hub name or a local folder. SAELens' default is "gelu-2l"."""
    model_class_name: str = "HookedTransformer"
    model_kwargs: dict[str, Any] = field(default_factory=dict)
    model_from_pretrained_kwargs: dict[str, Any] = field(default_factory=dict)
    """Weight processing and the like, kept in the SAE's metadata so that it is repeated when the SAE is used."""

    dataset_path: str = ""
    """Text file, folder, saved dataset, hub name or "demo" (bundled); see `open_documents`. None named, the model
    "demo" reads "demo"."""
    dataset_trust_remote_code: bool = False
    """Code from the hub is never run: True is refused."""
    streaming: bool = True
    is_dataset_tokenized: bool | None = None
    """Which to read of data that has tokens and text; None: the tokens. Else it is seen from the data."""
    keep_held_out: bool = True
    """Keep every 20th document out of training, for evaluation, where there are 40 or more. SAELens: evaluates on what
    it trains on."""
    use_chat_formatting: bool = False
    """Read conversations by the tokenizer's chat template, before text; text is then what a user says."""
    context_size: int = 128
    prepend_bos: bool = True
    sequence_separator_token: str | int | None = "bos"
    disable_concat_sequences: bool = False
    seqpos_slice: tuple[int | None, ...] = (None,)
    exclude_special_tokens: bool | list[int] = False
    eval_dataset_path: str | None = None
    """Data for the metrics; None: the training documents in another order."""

    training_tokens: int = 2_000_000
    train_batch_size_tokens: int = 4096
    store_batch_size_prompts: int = 32
    n_batches_in_buffer: int = 20
    activations_mixing_fraction: float = 0.5
    n_batches_for_norm_estimate: int = 1000
    """At most; `activations.N_TOKENS_FOR_NORM` tokens are enough."""
    use_cached_activations: bool = False
    """Read what a `CacheActivationsRunner` wrote (or SAELens') in the place of forwards of the model."""
    cached_activations_path: str | None = None
    """Where it wrote; None: where it does by default."""
    prefetch_llm_batches: bool | int = False
    """Forwards that a thread of their own makes ahead; True is one. The batches are the same as without."""

    lr: float = 3e-4
    lr_scheduler_name: str = "constant"
    lr_warm_up_steps: int = 0
    lr_decay_steps: int = 0
    lr_end: float | None = None
    """What lr falls to. None: a tenth of lr, with "linear" zero."""
    n_restart_cycles: int = 1
    optimizer: str = "adam"
    """"adam", "adamw", "adafactor", "signum" (as EleutherAI's sparsify) or "sgd"; see `training.optimizers`."""
    adam_beta1: float = 0.9
    adam_beta2: float = 0.999
    weight_decay: float = 0.0
    grad_clip_norm: float | None = 1.0
    """Length at which the gradient is clipped; None leaves it as it is. SAELens: always 1."""
    grad_accumulation_steps: int = 1
    """In how many parts a batch is taken, one after another: less memory, the same gradient."""
    ema_decay: float | None = None
    """Average the weights with this decay, e.g. 0.999; the result is the average."""
    normalize_sae_decoder: bool = False
    """Keep decoder rows at length 1; gradients along them are removed."""
    b_dec_init_method: str | None = None
    """What `b_dec` is at the start: "zeros", or "mean" or "geometric_median" of the first batch. None: "mean",
    where the SAE gives back what it reads. SAELens: zeros. What was learned before stays."""
    target_l0: float | None = None
    """Steer the sparsity coefficient, and thresholds that nothing else can move in time, so that so many features are
    active per token; None: they stay as given."""
    dead_feature_window: int | None = None
    """Steps without firing after which a feature is dead; None: a tenth of the run's, at most SAELens' 1000."""
    feature_sampling_window: int = 2000
    """Steps."""
    dead_feature_threshold: float = 1e-8
    """Never read, as in SAELens: a feature is dead when it has not fired at all for `dead_feature_window` steps."""
    use_ghost_grads: bool = False
    """Pulls dead features back; architecture "standard" only."""
    resample_every_steps: int | None = None
    """Give dead features a new start this often; None: never. As many steps before the end it is left off."""
    resample_scale: float = 0.2
    """Length of a resampled encoder column, as a share of the mean of those alive."""

    n_eval_batches: int = 10
    eval_batch_size_prompts: int | None = None
    """None: `store_batch_size_prompts`."""
    n_checkpoints: int = 0
    checkpoint_path: str | None = "checkpoints"
    """Run folders go here: log, settings, checkpoints."""
    checkpoint_every_steps: int | None = None
    """Take a checkpoint this often, besides `n_checkpoints`."""
    checkpoint_every_minutes: float | None = None
    """The same by the clock."""
    keep_checkpoints: int | None = None
    """How many of a run's checkpoints are kept, the latest ones; its final one always is. None: all."""
    save_final_checkpoint: bool = False
    output_path: str | None = "output"
    """Folder for the finished SAE; None writes none."""
    resume_from_checkpoint: str | None = None
    """Folder of a checkpoint to go on from."""
    resume: str | bool | None = None
    """"auto" (or True): go on from the newest whole checkpoint of the same settings under `checkpoint_path`, or start
    anew. A run's folder: go on from its newest one."""

    device: str = "cpu"
    llm_device: str | None = None
    act_store_device: str | None = None
    dtype: str = "float32"
    seed: int = 42
    autocast: bool = False
    autocast_lm: bool = False
    compile_llm: bool = False
    llm_compilation_mode: str | None = None
    compile_sae: bool = False
    """Let torch.compile fuse the SAE's forward where it is dense; elsewhere a line in the log says that it is not."""
    sae_compilation_mode: str | None = None
    distributed: str | None = None
    """What several processes share out, which torchrun or accelerate started: "data", the tokens of each batch, or
    "shard", the features. None: "data". One process is not concerned."""
    verbose: bool = True
    """Show a progress bar in `SAETrainingRunner.run()`."""

    def plan(self, *, measure: bool = True, override_model: Any = None, override_dataset: Any = None) -> Any:
        """What the run will take, before it starts: memory, disk, speed, time; see `plan.Plan`.

        Args:
            measure: Take a few steps to know the speed.
            override_model: A model at hand, in place of `model_name`.
            override_dataset: In place of `dataset_path`.
        """
        from sae_widgets.runs.plan import make_plan

        return make_plan(self, measure=measure, override_model=override_model, override_dataset=override_dataset)

    def check_shared(self) -> None:
        """Refuses what no run can be told; puts a device where "auto" and "with_model" stand."""
        for name in ("training_tokens", "train_batch_size_tokens", "n_eval_batches", "dead_feature_window"):
            value = getattr(self, name)
            if value is None and name == "dead_feature_window":
                continue
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise ValueError(f"{name} is a positive whole number; got {value!r}.")
        if not 0 < self.lr <= 10:
            raise ValueError(f"lr must be above 0 and at most 10, got {self.lr}.")
        if self.feature_sampling_window < 1 or self.n_checkpoints < 0:
            raise ValueError("feature_sampling_window must be at least 1 and n_checkpoints at least 0.")
        for name in ("checkpoint_every_steps", "keep_checkpoints", "checkpoint_every_minutes"):
            value = getattr(self, name)
            if value is None:
                continue
            if isinstance(value, bool) or not isinstance(value, int | float) or not value > 0:
                raise ValueError(f"{name} must be above 0, or None; got {value!r}.")
            if name != "checkpoint_every_minutes" and not isinstance(value, int):
                raise ValueError(f"{name} is a whole number; got {value!r}.")
        self.resume = "auto" if self.resume is True else self.resume or None  # SAELens 5 has True and False here
        if self.resume and self.resume_from_checkpoint:
            raise ValueError(f"Give resume={self.resume!r} or resume_from_checkpoint, not both.")
        if self.resume == "auto" and not self.checkpoint_path:
            raise ValueError("resume='auto' looks for runs under checkpoint_path, which is empty.")
        if self.distributed not in (None, "data", "shard"):
            raise ValueError(f"distributed is 'data', 'shard' or None; got {self.distributed!r}.")
        for name, why in _NOT_OFFERED.items():
            if getattr(self, name):
                raise NotImplementedError(f"{name}={getattr(self, name)!r}: {why}")
        for name in ("device", "llm_device", "act_store_device"):
            device = getattr(self, name)
            if device == "auto":
                setattr(self, name, "cuda" if torch.cuda.is_available() else "cpu")
            elif device is not None and str(device).startswith("cuda") and not torch.cuda.is_available():
                raise ValueError(f"{name}={device!r}, but torch sees no CUDA device here; use {name}='cpu' or 'auto'.")
        if self.act_store_device == "with_model":
            self.act_store_device = self.llm_device or self.device


_NOT_OFFERED = {
    "compile_llm": "the model's hooks do not survive compilation; leave it out.",
    "dataset_trust_remote_code": "code from the hub is never run here; convert the dataset to parquet or text first.",
}
