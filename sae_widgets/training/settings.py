"""How to train: what the trainer is told, checked where it enters."""

from dataclasses import dataclass
from typing import Literal, get_args

from sae_widgets.sae.base import SAE
from sae_widgets.training.optimizers import OPTIMIZERS
from sae_widgets.training.schedules import LearningRateSchedule

Start = Literal["zeros", "mean", "geometric_median"]


MAX_DEAD_FEATURE_WINDOW = 1000


@dataclass(frozen=True)
class TrainSettings:
    """How to train; names as in `LanguageModelSAERunnerConfig`."""

    total_tokens: int
    lr: float
    schedule: LearningRateSchedule

    # What a step does with the gradient.
    optimizer: str = "adam"
    """One of `optimizers.OPTIMIZERS`."""
    adam_beta1: float = 0.9
    adam_beta2: float = 0.999
    weight_decay: float = 0.0
    """Of "adam" and "sgd" added to the gradient, of the others taken from the weights, at least 0."""
    grad_clip_norm: float | None = 1.0
    """Length at which the gradient is clipped, above 0; None leaves it as it is. SAELens: always 1."""
    grad_accumulation_steps: int = 1
    """In how many parts a batch is taken, one after another: less memory, the same gradient. From 1."""
    ema_decay: float | None = None
    """The result are weights averaged with this decay, between 0 and 1; None: the last ones."""

    # What features are.
    normalize_sae_decoder: bool = False
    """Keep decoder rows at length 1, and the gradient's part along them away."""
    b_dec_init_method: str = "zeros"
    """What `b_dec` is at the start: zeros, or the mean or geometric median of the first batch. What was learned
    before stays."""
    target_l0: float | None = None
    """Active features per token that the sparsity coefficient is steered to; None: it stays as given."""

    # Dead features.
    dead_feature_window: int | None = None
    """Steps without firing after which a feature is dead; None: a tenth of the run's, at most SAELens' 1000."""
    feature_sampling_window: int = 2000
    """Steps over which the share of tokens with each feature is counted."""
    use_ghost_grads: bool = False
    resample_every_steps: int | None = None
    """How often dead features are given a new start; None: never."""
    resample_scale: float = 0.2
    """Length of a resampled encoder column, as a share of the mean of those alive; above 0."""
    seed: int = 0
    """For what is drawn while training: what resampled features start from."""

    # How it is computed.
    autocast: bool = False
    """Run the SAE's forward in bfloat16."""
    compile_sae: bool = False
    """Let `torch.compile` fuse the forward, where it is dense."""
    sae_compilation_mode: str | None = None
    """Its `mode`, e.g. "max-autotune"."""
    measure_every_steps: int = 1
    """Reading numbers makes an accelerator wait; the CPU does not mind."""

    @property
    def dead_after_steps(self) -> int:
        """Steps without firing after which a feature is dead: in a run shorter than that nothing would ever be."""
        if self.dead_feature_window is not None:
            return self.dead_feature_window
        return min(MAX_DEAD_FEATURE_WINDOW, max(1, self.schedule.n_steps // 10))

    def __post_init__(self) -> None:
        if self.optimizer not in OPTIMIZERS:
            raise ValueError(f"No optimizer {self.optimizer!r}; there are: {', '.join(OPTIMIZERS)}.")
        if self.weight_decay < 0:
            raise ValueError(f"weight_decay must be at least 0, got {self.weight_decay}.")
        if self.grad_clip_norm is not None and not self.grad_clip_norm > 0:
            raise ValueError(
                f"grad_clip_norm must be above 0, got {self.grad_clip_norm}; None leaves the gradient as it is."
            )
        for name in ("grad_accumulation_steps", "resample_every_steps"):
            value = getattr(self, name)
            if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 1):
                raise ValueError(f"{name} is a positive whole number, got {value!r}.")
        if self.ema_decay is not None and not 0 < self.ema_decay < 1:
            raise ValueError(
                f"ema_decay must be between 0 and 1, e.g. 0.999, got {self.ema_decay}; None averages nothing."
            )
        if self.b_dec_init_method not in get_args(Start):
            raise ValueError(
                f"b_dec_init_method is one of {', '.join(get_args(Start))}; got {self.b_dec_init_method!r}."
            )
        if not self.resample_scale > 0:
            raise ValueError(f"resample_scale must be above 0, got {self.resample_scale}.")


def penalizes_thresholds_alone(sae: SAE) -> bool:
    """Whether the sparsity loss has a gradient for nothing but thresholds."""
    cfg = vars(sae.cfg)
    return cfg.get("jumprelu_sparsity_loss_mode") == "step" and not cfg["jumprelu_ste_to_input"]


def check_suits(sae: SAE, settings: TrainSettings) -> None:
    """Refuses settings that this SAE cannot be trained with."""
    architecture = repr(str(sae.cfg.architecture))
    if settings.use_ghost_grads and str(sae.cfg.architecture) != "standard":
        raise NotImplementedError(
            f"use_ghost_grads works with architecture 'standard', not {architecture}, which revives "
            "dead features by a loss of its own or has few: leave it out."
        )
    if settings.b_dec_init_method != "zeros" and not sae.reconstructs:
        raise ValueError(
            f"b_dec_init_method is for SAEs that give back what they read; for architecture {architecture} say "
            "b_dec_init='mean' in its config."
        )
    if settings.target_l0 is None:
        return
    if not 0 < settings.target_l0 <= sae.d_sae:
        raise ValueError(f"target_l0 must be above 0 and at most d_sae = {sae.d_sae}, got {settings.target_l0}.")
    if vars(sae.cfg).get("jumprelu_sparsity_loss_mode") == "quadratic":
        raise ValueError(
            "jumprelu_sparsity_loss_mode='quadratic' aims at an L0 by its loss, so there is no coefficient to steer: "
            "give target_l0 to the SAE's config alone, or use mode 'step'."
        )
    if len(sae.coefficients()) != 1:
        instead = f"set k={settings.target_l0:g}" if "k" in vars(sae.cfg) else "leave it out"
        raise ValueError(
            f"target_l0 steers a sparsity coefficient, and architecture {architecture} has none: {instead}."
        )
