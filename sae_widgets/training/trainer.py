"""The steps of training one SAE: `Trainer.train_steps()` takes them one by one and tells about each.

    x      = batch * scale                              (scale: expected_average_only_in, else 1)
           = (batch - mean) @ M                         (covariance_whitening)
    target = x, or for a transcoder what it is to give, times a scale of its own
    loss   = sum of the SAE's objective at x, target    (+ ghost gradients, if asked for)
    step   = Adam on the loss's gradient, its norm clipped at 1; then what the architecture projects

Order and constants follow SAELens 6. A feature is dead when it has not fired for `dead_feature_window` steps; who
fired is kept as integer counts, never as a dense float mask.
"""

import contextlib
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from sae_widgets.activations.store import Batch, Cancelled
from sae_widgets.normalize import Scale, Whitening, spread
from sae_widgets.sae.acts import SparseActs, TrainContext, TrainParts
from sae_widgets.sae.base import SAE
from sae_widgets.training.schedules import LearningRateSchedule, warmed_up

CLIP_NORM = 1.0  # SAELens' constant
Breathe = Callable[[str, int, int], bool]
NextBatch = Callable[[Callable[[int, int], bool]], Batch]


@dataclass(frozen=True)
class StepReport:
    """One step in numbers. The mappings are empty and the numbers NaN on a step that was not measured."""

    n_steps: int
    """Steps taken, this one included."""
    n_tokens: int
    """Tokens trained on, this step's included."""
    lr: float
    coefficients: dict[str, float] = field(default_factory=dict)
    """Coefficients as this step used them, after warm-up."""
    loss: float = math.nan
    losses: dict[str, float] = field(default_factory=dict)
    """Its terms, `mse_loss` first."""
    l0: float = math.nan
    """Active features per token."""
    explained_variance: float = math.nan
    """Of this batch's target; 1 is perfect."""
    dead_features: int = 0
    grad_norm: float = math.nan
    """Before clipping."""
    tokens_per_s: float = math.nan
    """Of this step, with the gathering of its activations."""
    evaluation: dict[str, float] = field(default_factory=dict)
    """Metrics of `run_evals`, on the steps after which the SAE was tried in the model."""

    @property
    def is_measured(self) -> bool:
        return bool(self.losses)

    def curves(self) -> dict[str, float]:
        """What to draw, by name; nothing for a step that was not measured."""
        if not self.is_measured:
            return {f"eval/{name}": value for name, value in self.evaluation.items()}
        curves = {"loss": self.loss, **self.losses, "l0": self.l0, "explained_variance": self.explained_variance}
        curves |= {"dead_features": float(self.dead_features), "lr": self.lr, "grad_norm": self.grad_norm}
        curves |= {f"{name}_coefficient": value for name, value in self.coefficients.items()}
        curves["tokens_per_s"] = self.tokens_per_s
        return curves | {f"eval/{name}": value for name, value in self.evaluation.items()}


@dataclass(frozen=True)
class TrainSettings:
    """How to train; names as in `LanguageModelSAERunnerConfig`."""

    total_tokens: int
    lr: float
    schedule: LearningRateSchedule
    adam_beta1: float = 0.9
    adam_beta2: float = 0.999
    dead_feature_window: int = 1000
    """Steps without firing after which a feature is dead."""
    feature_sampling_window: int = 2000
    """Steps over which the share of tokens with each feature is counted."""
    use_ghost_grads: bool = False
    autocast: bool = False
    """Run the SAE's forward in bfloat16."""
    measure_every_steps: int = 1
    """Reading numbers makes an accelerator wait; the CPU does not mind."""


class Trainer:
    """Trains `sae` in place on the batches that `next_batch(is_cancelled)` gives."""

    def __init__(self, sae: SAE, settings: TrainSettings, next_batch: NextBatch) -> None:
        if settings.use_ghost_grads and str(sae.cfg.architecture) != "standard":
            raise NotImplementedError(
                f"use_ghost_grads works with architecture 'standard', not {str(sae.cfg.architecture)!r}, which revives "
                "dead features by a loss of its own or has few: leave it out."
            )
        self.sae, self.settings, self.next_batch = sae.train(), settings, next_batch
        self.lr = settings.lr
        self.coefficients = {name: coefficient.value for name, coefficient in sae.coefficients().items()}
        self._warm_up = {name: coefficient.warm_up_steps for name, coefficient in sae.coefficients().items()}
        self.scale: Scale = 1.0
        """What inputs are multiplied with before the SAE sees them; several factors are those of a crosscoder's
        sources."""
        self.scale_out: Scale = 1.0
        """The same for targets, where they are not the inputs."""
        self.whitening: Whitening | None = None
        """What makes the inputs white; what is read is then what is written."""
        self.n_steps = self.n_tokens = 0
        self.optimizer = torch.optim.Adam(
            sae.parameters(), lr=settings.lr, betas=(settings.adam_beta1, settings.adam_beta2), fused=True
        )
        self.last_fired = torch.zeros(sae.d_sae, dtype=torch.int64, device=sae.device)
        """Step at which each feature fired last."""
        # Two windows, so that the counts never rest on a window that has just begun.
        self.n_fired = torch.zeros(2, sae.d_sae, dtype=torch.int64, device=sae.device)
        self.n_counted = [0, 0]
        self._loss = torch.zeros(())

    # Steps

    def train_steps(self, breathe: Breathe = lambda text, done, total: False) -> Iterator[StepReport]:
        """One report a step, until all tokens are seen or `breathe(text, done, total)` returns True."""
        while self.n_tokens < self.settings.total_tokens:
            start = time.perf_counter()
            try:
                batch = self.next_batch(lambda done, total: breathe("gathering activations", done, total))
            except Cancelled:
                return
            yield self.step(batch, start)

    def step(self, batch: Batch, start: float | None = None) -> StepReport:
        """One optimiser step on `batch`: inputs, or inputs and targets.

        Raises:
            FloatingPointError: If the loss is not finite; the weights are then those of the step before.
        """
        start = time.perf_counter() if start is None else start
        x, target = self._scaled(batch)
        if self.n_steps == 0:
            self.sae.before_first_step(x, target)
        lr = self.lr * self.settings.schedule.factor(self.n_steps)
        coefficients = {
            name: warmed_up(value, self.n_steps, self._warm_up[name]) for name, value in self.coefficients.items()
        }
        is_measured = (self.n_steps + 1) % self.settings.measure_every_steps == 0
        with self._autocast():
            parts = self.sae.train_parts(x)
            losses = self._losses(parts, x, target, TrainContext(coefficients, self.dead_mask(), self.n_steps))
            loss = torch.stack(list(losses.values())).sum()
        if is_measured and not math.isfinite(loss.item()):
            raise FloatingPointError(self._why_not_finite(batch, losses, lr))
        loss.backward()
        grad_norm = torch.nn.utils.clip_grad_norm_(self.sae.parameters(), CLIP_NORM)
        for group in self.optimizer.param_groups:
            group["lr"] = lr
        self.optimizer.step()
        self.optimizer.zero_grad()
        self.sae.after_step()
        self.n_steps += 1
        self.n_tokens += len(x)
        self._loss = loss.detach()
        n_active = self._count(parts.feature_acts)
        report = StepReport(self.n_steps, self.n_tokens, lr, coefficients)
        if not is_measured:
            return report
        values = {name: value.item() for name, value in losses.items()}
        # As x.var(0), which walks down the columns and takes ten times as long.
        variance = (target.float() - target.float().mean(0)).pow(2).sum().item() / len(x)
        return replace(
            report,
            loss=sum(values.values()),
            losses=values,
            l0=n_active.item() / len(x),
            explained_variance=1 - values["mse_loss"] / variance if variance > 0 else math.nan,
            dead_features=int(self.dead_mask().sum()),
            grad_norm=float(grad_norm),
            tokens_per_s=len(x) / (time.perf_counter() - start),
        )

    def _scaled(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Inputs and targets as the SAE sees them; the same where it reconstructs."""
        if not isinstance(batch, tuple):
            x = self._as_seen(batch, self.scale)
            x = self.whitening.apply(x) if self.whitening is not None else x
            return x, x
        return self._as_seen(batch[0], self.scale), self._as_seen(batch[1], self.scale_out)

    def _as_seen(self, activations: Tensor, scale: Scale) -> Tensor:
        activations = activations.to(self.sae.device, self.sae.dtype)
        if isinstance(scale, float):
            return activations * scale if scale != 1.0 else activations
        return activations * spread(scale, activations.shape[-1]).to(activations)

    def _losses(self, parts: TrainParts, x: Tensor, target: Tensor, ctx: TrainContext) -> dict[str, Tensor]:
        losses = self.sae.objective(parts, target, ctx)
        if self.settings.use_ghost_grads and ctx.dead_mask is not None:
            losses["ghost_grad_loss"] = ghost_grad_loss(self.sae, parts, x, ctx.dead_mask)
        return losses

    def _autocast(self) -> contextlib.AbstractContextManager:
        if not self.settings.autocast:
            return contextlib.nullcontext()
        return torch.autocast(self.sae.device.type, torch.bfloat16)

    def _why_not_finite(self, batch: Batch, losses: dict[str, Tensor], lr: float) -> str:
        step = self.n_steps + 1
        batch = torch.cat(batch, dim=-1) if isinstance(batch, tuple) else batch
        n_bad = int((~torch.isfinite(batch)).any(-1).sum())
        if n_bad:
            return (
                f"The model's activations are not finite at step {step:,}: {n_bad:,} of {len(batch):,} tokens. "
                "Try a wider dtype for the model, or look at the text."
            )
        terms = ", ".join(f"{name} {value.item():g}" for name, value in losses.items())
        return (
            f"The loss is not finite at step {step:,} ({terms}; lr {lr:g}). The weights are those of step "
            f"{self.n_steps:,}. Lower lr, lengthen lr_warm_up_steps, or set normalize_activations="
            "'expected_average_only_in'."
        )

    # Who fires

    def dead_mask(self) -> Bool[Tensor, " d_sae"]:
        """Features that have not fired for more than `dead_feature_window` steps."""
        return self.n_steps - self.last_fired > self.settings.dead_feature_window

    def _count(self, feature_acts: Tensor | SparseActs) -> Int[Tensor, ""]:
        """Notes which features fired; the number of active ones in the batch."""
        counts = firing_counts(feature_acts, self.sae.d_sae)
        self.last_fired = torch.where(counts > 0, self.n_steps, self.last_fired)
        if (self.n_steps - 1) % self.settings.feature_sampling_window == 0:
            self.n_fired = torch.stack([self.n_fired[1], torch.zeros_like(self.n_fired[1])])
            self.n_counted = [self.n_counted[1], 0]
        self.n_fired[1] += counts
        self.n_counted[1] += (feature_acts.values if isinstance(feature_acts, SparseActs) else feature_acts).shape[0]
        return counts.sum()

    def log_sparsity(self) -> Float[Tensor, " d_sae"]:
        """log10 of the share of tokens each feature fires on, over the last one to two sampling windows.

        log10(n_fired / n_tokens + 1e-10)
        """
        share = self.n_fired.sum(0).double() / max(sum(self.n_counted), 1)
        return torch.log10(share + 1e-10).float().cpu()

    def is_sound(self) -> bool:
        """Whether the last loss was finite: a checkpoint of anything else is worth nothing."""
        return math.isfinite(self._loss.item())

    # Live settings

    @property
    def _has_whole_k(self) -> bool:
        return isinstance(vars(self.sae.cfg).get("k"), int)

    def live_settings(self) -> dict[str, float]:
        """lr (before schedule), coefficients (after warm-up), and k where there is one."""
        settings = {"lr": self.lr, **{f"{name}_coefficient": value for name, value in self.coefficients.items()}}
        if "k" in vars(self.sae.cfg):
            settings["k"] = float(self.sae.cfg.k)
        return settings

    def check_setting(self, name: str, value: float) -> float:
        """The value, if it can be used; ValueError when it cannot."""
        if name == "lr" and not 0 < value <= 10:
            raise ValueError(f"lr must be above 0 and at most 10, got {value:g}.")
        if name.endswith("_coefficient") and value < 0:
            raise ValueError(f"{name} must be at least 0, got {value:g}.")
        if name == "k":
            if not 1 <= value <= self.sae.d_sae:
                raise ValueError(f"k must be between 1 and d_sae = {self.sae.d_sae}, got {value:g}.")
            if self._has_whole_k and value != int(value):
                raise ValueError(f"k must be a whole number, got {value:g}.")
        return value

    def apply_setting(self, name: str, value: float) -> None:
        if name == "lr":
            self.lr = value
        elif name == "k":
            self.sae.cfg.k = int(value) if self._has_whole_k else value  # type: ignore[attr-defined]
        else:
            self.coefficients[name.removesuffix("_coefficient")] = value

    # Resume

    def state_dict(self) -> tuple[dict[str, Tensor], dict[str, object]]:
        """All but the SAE's weights: tensors, and plain numbers."""
        tensors = {"last_fired": self.last_fired, "n_fired": self.n_fired, "loss": self._loss}
        if self.whitening is not None:
            tensors |= {f"whitening.{name}": value for name, value in self.whitening._asdict().items()}
        for name, parameter in self.sae.named_parameters():
            for key, value in self.optimizer.state.get(parameter, {}).items():
                tensors[f"adam.{name}.{key}"] = value
        numbers = {
            "n_steps": self.n_steps,
            "n_tokens": self.n_tokens,
            "n_counted": self.n_counted,
            "lr": self.lr,
            "coefficients": self.coefficients,
            "scale": self.scale,
            "scale_out": self.scale_out,
        }
        return {name: value.detach().cpu().clone() for name, value in tensors.items()}, numbers

    def load_state_dict(self, tensors: dict[str, Tensor], numbers: dict) -> None:
        """Goes on where `state_dict` was taken; the SAE must have the weights of that moment."""
        device = self.sae.device
        self.last_fired, self.n_fired = tensors["last_fired"].to(device), tensors["n_fired"].to(device)
        self._loss = tensors["loss"]
        if "whitening.mean" in tensors:
            self.whitening = Whitening(*(tensors[f"whitening.{name}"] for name in Whitening._fields))
        for name, parameter in self.sae.named_parameters():
            prefix = f"adam.{name}."
            state = {key[len(prefix) :]: value for key, value in tensors.items() if key.startswith(prefix)}
            # In the weight's own memory order (W_enc's may be that of its transpose): fused Adam walks along memory.
            self.optimizer.state[parameter] = {
                key: torch.empty_like(parameter).copy_(value) if value.shape == parameter.shape else value.to(device)
                for key, value in state.items()
            }
        self.n_steps, self.n_tokens = int(numbers["n_steps"]), int(numbers["n_tokens"])
        self.n_counted = [int(n) for n in numbers["n_counted"]]
        self.lr = float(numbers["lr"])
        self.scale, self.scale_out = (_read_scale(numbers.get(name, 1.0)) for name in ("scale", "scale_out"))
        self.coefficients = {name: float(value) for name, value in numbers["coefficients"].items()}


def _read_scale(saved: float | int | list[float]) -> Scale:
    return [float(each) for each in saved] if isinstance(saved, list) else float(saved)


def firing_counts(feature_acts: Tensor | SparseActs, d_sae: int) -> Int[Tensor, " d_sae"]:
    """Number of tokens on which each feature is not zero."""
    if not isinstance(feature_acts, SparseActs):
        return feature_acts.detach().count_nonzero(dim=tuple(range(feature_acts.ndim - 1)))
    counts = torch.zeros(d_sae, dtype=torch.int64, device=feature_acts.indices.device)
    is_used = (feature_acts.values.detach() != 0).flatten().to(counts.dtype)
    return counts.scatter_add_(0, feature_acts.indices.flatten().to(counts.dtype), is_used)


def ghost_grad_loss(
    sae: SAE, parts: TrainParts, x: Float[Tensor, "n_tokens d_in"], dead_mask: Bool[Tensor, " d_sae"]
) -> Float[Tensor, ""]:
    """A loss that pulls dead features towards what the SAE misses; 0 while none is dead.

        residual = x - x_hat
        ghost    = exp(hidden_pre_dead) @ W_dec_dead, scaled to half the residual's length
        m        = (ghost - residual)^2                     (residual held fixed)
        loss     = mean( (residual^2 / (m + 1e-6)) held fixed * m )

    Source: Anthropic's January 2024 update as in SAELens 5; exp lets a gradient through where relu has none.
    """
    dead = dead_mask.nonzero().flatten()
    if len(dead) == 0:
        return x.new_zeros(())
    residual = (x - parts.sae_out).detach()
    # The pre-activations again, for the dead ones alone: the forward may have kept none with a gradient.
    hidden_pre = parts.sae_in @ sae.W_enc[:, dead] + sae.b_enc[dead]
    ghost = hidden_pre.exp() @ sae.W_dec[dead]
    scale = residual.norm(dim=-1) / (1e-6 + 2 * ghost.norm(dim=-1))
    m = (ghost * scale[:, None].detach() - residual).pow(2)
    return ((residual.pow(2) / (m + 1e-6)).detach() * m).mean()
