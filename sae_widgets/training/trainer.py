"""The steps of training one SAE: `Trainer.train_steps()` takes them one by one and tells about each.

    x      = batch * scale                              (scale: expected_average_only_in, else 1)
           = (batch - mean) @ M                         (covariance_whitening)
    target = x, or for a transcoder what it is to give, times a scale of its own
    loss   = sum of the SAE's objective at x, target    (+ ghost gradients, if asked for)
    step   = the optimiser on the loss's gradient, its norm clipped; then what the architecture projects
    after  = who fired is counted, the sparsity coefficient steered, dead features resampled    (if asked for)

Order and constants follow SAELens 6. A feature is dead when it has not fired for `dead_feature_window` steps; who
fired is kept as integer counts, never as a dense float mask.
"""

import contextlib
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from sae_widgets.activations.store import Batch, Cancelled
from sae_widgets.kernels import recycle
from sae_widgets.normalize import Scale, Whitening, spread
from sae_widgets.sae.acts import TrainContext
from sae_widgets.sae.base import SAE
from sae_widgets.training.averaging import WeightAverage
from sae_widgets.training.compilation import compiled_forward_of, forward_of
from sae_widgets.training.distributed import ALONE, Group, gradients
from sae_widgets.training.firing import FiringCounts, firing_counts
from sae_widgets.training.l0_control import L0Control
from sae_widgets.training.live_settings import LiveSettings
from sae_widgets.training.optimizers import (
    ScheduleFreeSign,
    forget_features,
    load_optimizer_state,
    make_optimizer,
    optimizer_state,
    set_lr,
)
from sae_widgets.training.reports import StepReport
from sae_widgets.training.revival import (
    feature_axes,
    geometric_median,
    ghost_grad_loss,
    normalize_decoder,
    remove_parallel_gradient,
    resample,
)
from sae_widgets.training.schedules import warmed_up
from sae_widgets.training.settings import TrainSettings, check_suits, penalizes_thresholds_alone
from sae_widgets.training.sharding import clip_gradients

__all__ = ["StepReport", "TrainSettings", "Trainer", "firing_counts"]

Breathe = Callable[[str, int, int], bool]
NextBatch = Callable[[Callable[[int, int], bool]], Batch]


class Trainer:
    """Trains `sae` in place on the batches that `next_batch(is_cancelled)` gives."""

    def __init__(self, sae: SAE, settings: TrainSettings, next_batch: NextBatch, group: Group = ALONE) -> None:
        check_suits(sae, settings)
        self.group = group
        """The processes that share each batch's tokens."""
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
        # One that was trained before has its running means already.
        self.is_from_start = not any(bool(each.any()) for each in sae.buffers())
        self.named = dict(sae.named_parameters())
        betas = (settings.adam_beta1, settings.adam_beta2)
        self.optimizer = make_optimizer(
            settings.optimizer, self.named.values(), settings.lr, betas, settings.weight_decay
        )
        self.average = WeightAverage(self.named, settings.ema_decay) if settings.ema_decay is not None else None
        self.l0_control: L0Control | None = None
        if settings.target_l0 is not None:
            self.l0_control = L0Control(
                settings.target_l0,
                *self.coefficients.values(),
                n_steps=settings.schedule.n_steps,
                pushes=penalizes_thresholds_alone(sae),
            )
        self._forward = (
            compiled_forward_of(sae, settings.sae_compilation_mode) if settings.compile_sae else forward_of(sae)
        )
        self.firing = FiringCounts(sae.d_sae, sae.device, settings.dead_after_steps, settings.feature_sampling_window)
        self.live = LiveSettings(self)
        self._unread = torch.zeros(2, dtype=torch.int64, device=sae.device)
        """Active features and tokens that the control of L0 has not been told of."""
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
            self._begin(x, target)
        lr = self.lr * self.settings.schedule.factor(self.n_steps)
        coefficients = {
            name: warmed_up(value, self.n_steps, self._warm_up[name]) for name, value in self.coefficients.items()
        }
        is_measured = (self.n_steps + 1) % self.settings.measure_every_steps == 0
        dead = self.dead_mask() if self.firing.can_be_dead else None
        losses, counts = self._gradients(x, target, TrainContext(coefficients, dead, self.n_steps))
        loss = torch.stack(list(losses.values())).sum()
        if is_measured and not math.isfinite(loss.item()):
            self.optimizer.zero_grad()
            raise FloatingPointError(self._why_not_finite(batch, losses, lr))
        grad_norm = self._descend(lr)
        self.n_steps += 1
        self.n_tokens += len(x)
        self._loss = loss
        self.firing.add(counts, len(x))
        n_active = self.sae.peers.n_features(counts.sum())
        self._steer(n_active, len(x), losses, is_measured)
        report = StepReport(self.n_steps, self.n_tokens, lr, coefficients, n_resampled=self._resample(x, target))
        if not is_measured:
            return report
        values = {name: value.item() for name, value in losses.items()}
        # As x.var(0), which walks down the columns and takes ten times as long.
        spreads = torch.linalg.vector_norm(target.float() - target.float().mean(0), dim=-1)
        variance = spreads.square().sum().item() / len(x)
        return replace(
            report,
            loss=sum(values.values()),
            losses=values,
            l0=n_active.item() / len(x),
            explained_variance=1 - values["mse_loss"] / variance if variance > 0 else math.nan,
            dead_features=int(self.sae.peers.n_features(self.dead_mask().sum())),
            grad_norm=float(grad_norm),
            tokens_per_s=len(x) / (time.perf_counter() - start),
        )

    def _begin(self, x: Tensor, target: Tensor) -> None:
        """What the SAE is given before anything is learned."""
        self.sae.before_first_step(x, target)
        # One that was trained before keeps what it has learned.
        if self.settings.b_dec_init_method != "zeros" and not bool(self.sae.b_dec.any()):
            with torch.no_grad():
                seen, _ = self.sae._normalized(x)
                mean = self.settings.b_dec_init_method == "mean"
                self.sae.b_dec.copy_(seen.mean(0) if mean else geometric_median(seen))
        if self.settings.normalize_sae_decoder:
            normalize_decoder(self.sae)
        self.group.copy_from_first(list(self.named.values()))
        if self.average is not None:
            self.average.load(self.named)

    def _gradients(
        self, x: Tensor, target: Tensor, ctx: TrainContext
    ) -> tuple[dict[str, Tensor], Int[Tensor, " d_sae"]]:
        """Leaves the loss's gradient in the weights: the loss terms, and on how many tokens each feature fired.

        Every term is a mean over tokens, so that of the batch is that of its parts, weighted by their sizes; each part
        is shared out to the processes.
        """
        losses: dict[str, Tensor] = {}
        counts = torch.zeros_like(self.firing.last_fired)
        n_parts = min(self.settings.grad_accumulation_steps, len(x) // self.group.size)
        for part, target_part in zip(x.tensor_split(n_parts), target.tensor_split(n_parts), strict=True):
            own = self.group.share(len(part))
            part, target_part = part[own], target_part[own]
            with self._autocast():
                parts, terms = self._forward(part, target_part, ctx)
                if self.settings.use_ghost_grads and ctx.dead_mask is not None:
                    terms["ghost_grad_loss"] = ghost_grad_loss(self.sae, parts, part, ctx.dead_mask)
                if len(part) < len(x):
                    terms = {name: value * (len(part) / len(x)) for name, value in terms.items()}
                loss = torch.stack(list(terms.values())).sum()
            counts += firing_counts(parts.feature_acts, self.sae.d_sae)
            del parts  # the way back needs memory, and not what only the way here did
            loss.backward()
            for name, value in terms.items():
                losses[name] = losses[name] + value.detach() if name in losses else value.detach()
        self.group.sum_([*gradients(self.named, self.group), *losses.values(), counts])
        return losses, counts

    def _descend(self, lr: float) -> Float[Tensor, ""]:
        """Moves the weights against their gradient; its length before clipping."""
        settings = self.settings
        if settings.normalize_sae_decoder:
            remove_parallel_gradient(self.sae)
        limit = math.inf if settings.grad_clip_norm is None else settings.grad_clip_norm
        grad_norm = clip_gradients(self.named, limit, self.sae.peers, self.optimizer)
        set_lr(self.optimizer, lr)
        self.optimizer.step()
        for weight in self.named.values():
            recycle(weight)
        self.sae.after_step()
        if settings.normalize_sae_decoder:
            normalize_decoder(self.sae)
        if self.average is not None:
            self.average.update(self.n_steps)
        return grad_norm

    def _scaled(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Inputs and targets as the SAE sees them; the same where it reconstructs."""
        if not isinstance(batch, tuple):
            x = self._as_seen(batch, self.scale)
            x = self.whitening.apply(x) if self.whitening is not None else x
            return x, x
        return self._as_seen(batch[0], self.scale), self._as_seen(batch[1], self.scale_out)

    def _as_seen(self, activations: Tensor, scale: Scale) -> Tensor:
        # First over, then widened: half the bytes of a bfloat16 store. From pinned memory the copy goes by itself.
        device = self.sae.device
        activations = activations.to(device, non_blocking=device.type == "cuda").to(self.sae.dtype)
        if isinstance(scale, float):
            return activations * scale if scale != 1.0 else activations
        return activations * spread(scale, activations.shape[-1]).to(activations)

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

    def dead_mask(self) -> Bool[Tensor, " d_sae"]:
        """Features that have not fired for more than `dead_feature_window` steps."""
        return self.firing.dead_mask()

    def log_sparsity(self) -> Float[Tensor, " d_sae"]:
        """log10 of the share of tokens each feature fires on; see `FiringCounts`."""
        return self.firing.log_sparsity()

    def is_sound(self) -> bool:
        """Whether the last loss was finite: a checkpoint of anything else is worth nothing."""
        return math.isfinite(self._loss.item())

    def _resample(self, x: Tensor, target: Tensor) -> int:
        """Gives dead features a new start, where it is time: how many."""
        every = self.settings.resample_every_steps
        # None in the last stretch: what is new at the end has learned nothing.
        if not every or self.n_steps % every or self.n_steps + every > self.settings.schedule.n_steps:
            return 0
        dead = self.dead_mask().nonzero().flatten()
        if not len(dead):
            return 0
        generator = torch.Generator().manual_seed(self.settings.seed * 1_000_003 + self.n_steps)
        dead = resample(self.sae, dead, x, target, self.settings.resample_scale, generator)
        self.group.copy_from_first(list(self.named.values()))
        self.sae.after_step()
        if self.settings.normalize_sae_decoder:
            normalize_decoder(self.sae)
        for name, axis in feature_axes(self.sae).items():
            forget_features(self.optimizer, self.named[name], axis, dead)
            if self.average is not None:
                self.average.restart(name, axis, dead)
        self.firing.revive(dead)
        return len(dead)

    # L0

    def _steer(self, n_active: Tensor, n_tokens: int, losses: dict[str, Tensor], is_measured: bool) -> None:
        """Sets the sparsity coefficient by what L0 was since the last time."""
        if self.l0_control is None:
            return
        self._unread += torch.stack([n_active, torch.full_like(n_active, n_tokens)])
        if not is_measured:
            return
        active, tokens = self._unread.tolist()
        self._unread.zero_()
        (name,) = self.coefficients
        warm_up = max(self._warm_up[name], self.settings.schedule.warm_up_steps)
        self.coefficients[name] = self.l0_control.observe(
            active / tokens,
            self.settings.measure_every_steps,
            penalty=losses[f"{name}_loss"].item(),
            error=losses["mse_loss"].item(),
            is_held=self.n_steps <= warm_up,
        )
        if self.l0_control.push:
            self.named["threshold"].data.mul_(math.exp(self.l0_control.push))

    # Live settings

    def live_settings(self) -> dict[str, float]:
        """What may be changed, and its present value."""
        return self.live.values()

    def check_setting(self, name: str, value: float) -> float:
        """The value, if it can be used; ValueError when it cannot."""
        return self.live.check(name, value)

    def apply_setting(self, name: str, value: float) -> None:
        """Sets it from the next step on."""
        self.live.apply(name, value)

    # What comes out

    @torch.no_grad()
    def give_result(self, sae: SAE) -> None:
        """Gives `sae`, the one that is trained or a copy of it, the weights that training ends with."""
        named = dict(sae.named_parameters())
        for name, weight in self.named.items():
            if self.average is not None:
                named[name].copy_(self.average.weights[name])
            elif isinstance(self.optimizer, ScheduleFreeSign):
                named[name].copy_(self.optimizer.averaged(weight))
        sae.after_step()
        if self.settings.normalize_sae_decoder:
            normalize_decoder(sae)
        if self.is_from_start:
            sae.end_training(self.n_steps * self.settings.grad_accumulation_steps)

    # Resume

    def state_dict(self) -> tuple[dict[str, Tensor], dict[str, object]]:
        """All but the SAE's weights: tensors, and plain numbers."""
        fired, counted = self.firing.state_dict()
        tensors = {"loss": self._loss, "unread": self._unread}
        tensors |= {f"firing.{name}": value for name, value in fired.items()}
        if self.whitening is not None:
            tensors |= {f"whitening.{name}": value for name, value in self.whitening._asdict().items()}
        tensors |= {f"optimizer.{k}": value for k, value in optimizer_state(self.optimizer, self.named).items()}
        if self.average is not None:
            tensors |= {f"average.{name}": value for name, value in self.average.weights.items()}
        numbers = {
            "is_from_start": self.is_from_start,
            "n_steps": self.n_steps,
            "n_tokens": self.n_tokens,
            "firing": counted,
            "lr": self.lr,
            "coefficients": self.coefficients,
            "scale": self.scale,
            "scale_out": self.scale_out,
            "l0_control": self.l0_control.state_dict() if self.l0_control is not None else None,
        }
        return {name: value.detach().cpu().clone() for name, value in tensors.items()}, numbers

    def load_state_dict(self, tensors: dict[str, Tensor], numbers: dict) -> None:
        """Goes on where `state_dict` was taken; the SAE must have the weights of that moment."""
        device = self.sae.device
        self.firing.load_state_dict(_part(tensors, "firing."), numbers["firing"])
        self._loss, self._unread = tensors["loss"], tensors["unread"].to(device)
        if "whitening.mean" in tensors:
            self.whitening = Whitening(*(tensors[f"whitening.{name}"] for name in Whitening._fields))
        load_optimizer_state(self.optimizer, self.named, _part(tensors, "optimizer."))
        if self.average is not None:
            self.average.load(_part(tensors, "average."))
        self.is_from_start = bool(numbers["is_from_start"])
        self.n_steps, self.n_tokens = int(numbers["n_steps"]), int(numbers["n_tokens"])
        self.lr = float(numbers["lr"])
        self.scale, self.scale_out = (_read_scale(numbers.get(name, 1.0)) for name in ("scale", "scale_out"))
        self.coefficients = {name: float(value) for name, value in numbers["coefficients"].items()}
        if self.l0_control is not None and numbers["l0_control"] is not None:
            self.l0_control.load_state_dict(numbers["l0_control"])


def _part(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}


def _read_scale(saved: float | int | list[float]) -> Scale:
    return [float(each) for each in saved] if isinstance(saved, list) else float(saved)
