"""What a run will take, before it starts: memory, disk, time, work; and what to change where it does not fit.

    memory      weights + gradients + optimiser + average + mixing buffer + what a step and a forward hold for a moment
    disk        checkpoints kept at one time, and the SAE that comes out
    time        n_steps * step + (training_tokens + buffer) * gathering, both measured on a few steps of the run itself
    FLOPs       a token: 6 * SAE weights (forward, and twice that backward) + 2 * model weights up to the last hook

The memory of moments is an estimate: how many copies of `[batch, d_sae]` live at once was counted in the trainer.
"""

import html
import math
import shutil
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch

from sae_widgets.runs.disk_plan import duration, size
from sae_widgets.runs.gauges import process_memory_bytes
from sae_widgets.runs.model_facts import ModelFacts, buffer_width, model_facts
from sae_widgets.sae.base import SAE

LIBRARIES_BYTES = 310_000_000
"""Python with torch and what a run imports; measured."""
MODEL_LIBRARY_BYTES = 170_000_000
"""transformer-lens and what it imports; measured."""
N_MEASURED_STEPS = 5
Change = Callable[[Any], dict[str, Any] | None]
"""What of a config to set otherwise; None: nothing is left."""
# How often the optimiser keeps each weight besides the weight and its gradient.
_OPTIMISER_COPIES = {"adam": 2.0, "adamw": 2.0, "signum": 1.0, "sgd": 1.0, "adafactor": 0.05}


@dataclass(frozen=True)
class Plan:
    """What a run will take. Prints as text; a notebook shows it as a table."""

    title: str
    device: str
    memory: dict[str, int]
    """Bytes by what they are for, on `device` and in the process alike."""
    free_memory: int | None
    """Bytes that are free now; None: not known."""
    disk: dict[str, int]
    """Bytes by what they are for."""
    free_disk: int | None
    n_steps: int
    n_tokens: int
    flops: float | None
    """Of the whole run; None where the model's size is not known."""
    tokens_per_s: float | None = None
    """As measured; None: it was not."""
    seconds: float | None = None
    remedies: tuple[str, ...] = field(default_factory=tuple)
    """What would make it fit, each with what is then needed; none where it fits."""

    @property
    def memory_bytes(self) -> int:
        """At the peak."""
        return sum(self.memory.values())

    @property
    def disk_bytes(self) -> int:
        return sum(self.disk.values())

    @property
    def problems(self) -> tuple[str, ...]:
        """Why it does not fit; none where it does."""
        found = []
        if self.free_memory is not None and self.memory_bytes > self.free_memory:
            found.append(f"{size(self.memory_bytes)} of memory needed, {size(self.free_memory)} free")
        if self.free_disk is not None and self.disk_bytes > self.free_disk:
            found.append(f"{size(self.disk_bytes)} of disk needed, {size(self.free_disk)} free")
        return tuple(found)

    @property
    def fits(self) -> bool:
        return not self.problems

    def check(self) -> "Plan":
        """Itself, if the run fits.

        Raises:
            ValueError: If it does not; names the changes that would make it fit.
        """
        if self.fits:
            return self
        remedies = "; ".join(self.remedies) or "nothing of the run's settings alone would: take a smaller SAE or model"
        raise ValueError(f"This run does not fit: {'; '.join(self.problems)}. What would: {remedies}.")

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        own = ("title", "device", "memory", "free_memory", "disk", "free_disk", "n_steps", "n_tokens", "flops")
        values = {name: getattr(self, name) for name in (*own, "tokens_per_s", "seconds")}
        derived = {"memory_bytes": self.memory_bytes, "disk_bytes": self.disk_bytes, "fits": self.fits}
        return values | derived | {"problems": list(self.problems), "remedies": list(self.remedies)}

    def rows(self) -> list[tuple[str, str]]:
        """What is told, and its value."""
        free = "" if self.free_memory is None else f" of {size(self.free_memory)} free"
        rows = [("memory", f"{size(self.memory_bytes)}{free}")]
        rows += [(f"  {name}", size(n_bytes)) for name, n_bytes in self.memory.items()]
        free = "" if self.free_disk is None else f" of {size(self.free_disk)} free"
        rows += [("disk", f"{size(self.disk_bytes)}{free}")]
        rows += [(f"  {name}", size(n_bytes)) for name, n_bytes in self.disk.items()]
        rows += [("steps", f"{self.n_steps:,} ({self.n_tokens:,} tokens)")]
        if self.flops is not None:
            rows += [("work", f"{self.flops:.2g} FLOPs")]
        if self.tokens_per_s and self.seconds is not None:
            rows += [("speed", f"{self.tokens_per_s:,.0f} tokens/s"), ("time", f"about {duration(self.seconds)}")]
        else:
            rows += [("speed", "not measured")]
        return rows

    def __str__(self) -> str:
        rows = self.rows()
        width = max(len(name) for name, _ in rows)
        lines = [self.title, *(f"  {name:<{width}}  {value}" for name, value in rows)]
        lines += [f"  does not fit: {problem}" for problem in self.problems]
        return "\n".join([*lines, *(f"  → {remedy}" for remedy in self.remedies)])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><td style='text-align:left;white-space:pre'>{html.escape(name)}</td>"
            f"<td>{html.escape(value)}</td></tr>"
            for name, value in self.rows()
        )
        ends = [f"Does not fit: {problem}" for problem in self.problems] + [f"→ {each}" for each in self.remedies]
        below = "".join(f"<div>{html.escape(end)}</div>" for end in ends)
        return f"<div><b>{html.escape(self.title)}</b><table>{rows}</table>{below}</div>"


def make_plan(cfg: Any, *, measure: bool = True, override_model: Any = None, override_dataset: Any = None) -> Plan:
    """What a run with `cfg` will take.

    Args:
        cfg: The run's config.
        measure: Take a few steps to know the speed, on a copy that leaves no trace; not done where it would not fit.
        override_model: A model at hand, in place of `cfg.model_name`.
        override_dataset: In place of `cfg.dataset_path`.
    """
    if measure and override_model is None and not getattr(cfg, "is_d_in_known", True):
        override_model = _load(cfg)
    if not getattr(cfg, "is_d_in_known", True) and override_model is not None:
        from sae_widgets.runs.job_start import widths

        cfg = cfg.with_d_in(*widths([override_model], cfg))
    model = model_facts(cfg, override_model)
    plan = _planned(cfg, model)
    if not plan.fits:
        return replace(plan, remedies=tuple(_remedies(cfg, model, plan)))
    if not measure:
        return plan
    per_token, per_step = _measured(cfg, override_model or _load(cfg), override_dataset)
    n_gathered = plan.n_tokens + min(_buffer_tokens(cfg), plan.n_tokens)
    per_batch = cfg.train_batch_size_tokens * per_token + per_step
    return replace(
        plan,
        tokens_per_s=cfg.train_batch_size_tokens / per_batch,
        seconds=plan.n_steps * per_step + n_gathered * per_token,
    )


# What is needed


def _planned(cfg: Any, model: ModelFacts) -> Plan:
    own = [_sae_facts(each) for each in cfg.members.values()]
    n_weights = sum(n for n, _, _ in own)
    weights = sum(n * width for n, width, _ in own)
    n_copies = _OPTIMISER_COPIES[cfg.optimizer]
    n_batch = math.ceil(cfg.train_batch_size_tokens / cfg.grad_accumulation_steps)
    buffer = _buffer_bytes(cfg)
    state = int(weights * n_copies) + (weights if cfg.ema_decay is not None else 0)
    before = process_memory_bytes() or 0
    memory = {
        "Python and libraries": max(LIBRARIES_BYTES + MODEL_LIBRARY_BYTES, before - model.n_bytes * model.is_there),
        "model": model.n_bytes,
        "forward of the model": _forward_bytes(cfg, model),
        "mixing buffer": buffer,
        "SAE" if len(own) == 1 else f"{len(own)} SAEs": weights,
        "gradients": weights,
        "optimiser": state,
        # One SAE at a time: the widest counts.
        "a step": max(n_batch * moment for _, _, moment in own),
        "a checkpoint": state,
    }
    n_checkpoints = _n_checkpoints(cfg)
    disk = {"SAE": weights if cfg.output_path else 0}
    if n_checkpoints:
        disk[f"{n_checkpoints} checkpoint{'s' if n_checkpoints > 1 else ''}"] = n_checkpoints * (
            weights + state + buffer
        )
    n_steps = math.ceil(cfg.training_tokens / cfg.train_batch_size_tokens)
    flops = None if model.n_weights is None else float(cfg.training_tokens) * (6 * n_weights + 2 * model.n_weights)
    return Plan(
        title=f"Plan of a run on {cfg.model_name}",
        device=str(cfg.device),
        memory=memory,
        free_memory=_free_memory(cfg, before),
        disk=disk,
        free_disk=_free_disk(cfg),
        n_steps=n_steps,
        n_tokens=cfg.training_tokens,
        flops=flops,
    )


def _sae_facts(cfg: Any) -> tuple[int, int, int]:
    """Number of weights, bytes of each, and bytes a token of what a step holds for a moment."""
    sae = SAE.from_config(replace(cfg.sae, device="meta"))
    width = sae.W_dec.element_size()
    # Before and after the activation function, and the gradient; sparse ones keep indices and values besides.
    n_wide = 2 if sae.has_sparse_acts else 4
    d_out = len(sae.b_dec.flatten())
    return sum(p.numel() for p in sae.parameters()), width, width * (n_wide * sae.d_sae + 6 * (cfg.sae.d_in + d_out))


def _buffer_tokens(cfg: Any) -> int:
    return cfg.n_batches_in_buffer * cfg.store_batch_size_prompts * cfg.context_size


def _buffer_bytes(cfg: Any) -> int:
    width = buffer_width(cfg) * getattr(torch, cfg.dtype.removeprefix("torch.")).itemsize
    forward = cfg.store_batch_size_prompts * cfg.context_size
    # It never holds more than there is to be trained on, and two batches.
    n_used = min(_buffer_tokens(cfg), cfg.training_tokens + 2 * cfg.train_batch_size_tokens)
    return (n_used + forward) * width


def _forward_bytes(cfg: Any, model: ModelFacts) -> int:
    """Of the larger of two: gathering ends at the last hook; the evaluation also makes logits, three times."""
    n_rows = cfg.store_batch_size_prompts
    per_token = 8 * model.d_model + 3 * model.d_mlp + 3 * model.n_heads * cfg.context_size
    gathering = n_rows * cfg.context_size * (per_token + buffer_width(cfg))
    n_eval = (cfg.eval_batch_size_prompts or n_rows) * cfg.context_size
    return 4 * max(gathering, n_eval * (per_token + 4 * model.d_vocab))


def _n_checkpoints(cfg: Any) -> int:
    """At one time on the disk."""
    n = cfg.n_checkpoints
    if cfg.checkpoint_every_steps:
        n += math.ceil(cfg.training_tokens / cfg.train_batch_size_tokens) // cfg.checkpoint_every_steps
    if cfg.keep_checkpoints is not None:
        # A new one is whole before an old one goes.
        n = min(n, cfg.keep_checkpoints + 1)
    return n + bool(cfg.save_final_checkpoint)


def _free_memory(cfg: Any, held: int) -> int | None:
    """Bytes that the run may hold in all: what is free, and what this process holds already."""
    if str(cfg.device).startswith("cuda"):
        return torch.cuda.mem_get_info(cfg.device)[0]
    found = []
    file = Path("/proc/meminfo")
    if file.exists():
        lines = dict(line.split(":") for line in file.read_text("utf-8").splitlines())
        found.append(int(lines["MemAvailable"].split()[0]) * 1024 + held)
    for limit in (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes")):
        if limit.exists() and (text := limit.read_text("utf-8").strip()).isdecimal():
            found.append(int(text))
    return min(found, default=None)


def _free_disk(cfg: Any) -> int | None:
    path = cfg.checkpoint_path or cfg.output_path
    if not path:
        return None
    folder = Path(path).expanduser().absolute()
    while not folder.exists():
        folder = folder.parent
    return shutil.disk_usage(folder).free


# What would fit


def _remedies(cfg: Any, model: ModelFacts, plan: Plan) -> list[str]:
    """Single changes, each large enough, with what would then be needed."""
    found = []

    def half(name: str, least: int) -> Change:
        return lambda now: {name: getattr(now, name) // 2} if getattr(now, name) > max(least, 1) else None

    n_least = math.ceil(cfg.train_batch_size_tokens / (cfg.store_batch_size_prompts * cfg.context_size))
    is_short = plan.free_memory is not None and plan.memory_bytes > plan.free_memory
    changes: list[Change] = []
    if is_short:
        changes += [half("n_batches_in_buffer", n_least), half("store_batch_size_prompts", 1)]
        changes += [lambda now: {"grad_accumulation_steps": 2 * now.grad_accumulation_steps}]
        changes += [lambda now: {"optimizer": "adafactor"} if now.optimizer != "adafactor" else None]
        found += _enough(cfg, model, changes, "memory")
    if len(plan.problems) > is_short:
        changes = [lambda now: {"keep_checkpoints": 1} if now.keep_checkpoints != 1 and _n_checkpoints(now) else None]
        changes += [half("n_checkpoints", 0), half("n_batches_in_buffer", n_least)]
        found += _enough(cfg, model, changes, "disk")
    return found


def _enough(cfg: Any, model: ModelFacts, changes: list[Change], what: str) -> list[str]:
    """Each change that is enough, repeated until it is."""
    found = []
    for change in changes:
        now, told = cfg, {}
        for _ in range(16):
            step = change(now)
            if step is None:
                break
            told |= step
            try:
                now = type(cfg).from_dict({**now.to_dict(), **step})
            except ValueError:
                break
            then = _planned(now, model)
            needed, free = getattr(then, f"{what}_bytes"), getattr(then, f"free_{what}")
            if needed <= free:
                said = ", ".join(f"{name}={value!r}" for name, value in told.items())
                found.append(f"{said} would need {size(needed)} of {what}")
                break
    return found


# How fast


def _load(cfg: Any) -> Any:
    from sae_widgets.model import load_model
    from sae_widgets.runs.job import PROCESSING

    asked = {**cfg.model_from_pretrained_kwargs, **cfg.model_kwargs}
    kwargs = {name: value for name, value in asked.items() if name not in PROCESSING}
    return load_model(cfg.model_name, device=cfg.llm_device or cfg.device, **kwargs)


def _measured(cfg: Any, model: Any, dataset: Any) -> tuple[float, float]:
    """Seconds to gather a token's activations, and seconds of a step without that."""
    from sae_widgets.runs.job import TrainingJob

    anew = {"resume": None, "resume_from_checkpoint": None, "output_path": None}
    copy = type(cfg).from_dict({**cfg.to_dict(), **anew})
    job = TrainingJob(copy, model=model, dataset=dataset)
    store = job.store
    assert store is not None
    batch = store.next_batch()
    gathering, steps = [], []
    for _ in range(N_MEASURED_STEPS):
        start = time.perf_counter()
        raw, _ = store.get_raw_llm_batch()
        gathering.append((time.perf_counter() - start) / len(raw))
        start = time.perf_counter()
        for member in job.members.values():
            member.step(batch, start)
        steps.append(time.perf_counter() - start)
    store.close()
    # The first makes what later ones use again.
    return statistics.median(gathering[1:]), statistics.median(steps[1:])
