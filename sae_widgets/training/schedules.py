"""Learning rate and coefficients as pure functions of the step, so that resuming needs no scheduler's state.

The values are those of SAELens 6 (`LinearLR`, `CosineAnnealingLR`, `CosineAnnealingWarmRestarts` in sequence). It has
no "linear", which versions before 3 called "linearwarmupdecay".
"""

import math
from dataclasses import dataclass
from typing import Literal, get_args

SchedulerName = Literal["constant", "cosineannealing", "cosineannealingwarmrestarts", "linear"]

OLDER_NAMES = {
    "constantwithwarmup": "constant",
    "linearwarmupdecay": "linear",
    "cosineannealingwarmup": "cosineannealing",
}
"""Names of SAELens before version 3, which said the warm-up with the course."""


@dataclass(frozen=True)
class LearningRateSchedule:
    """Multiplier of the learning rate: warm-up, then the named course, then linear decay to 0."""

    n_steps: int
    """Steps of the whole run."""
    name: str = "constant"
    """One of `SchedulerName`, or of `OLDER_NAMES`, in any case."""
    warm_up_steps: int = 0
    decay_steps: int = 0
    end: float | None = None
    """What the cosine or the line falls to, as a share of the learning rate, in [0, 1]. None: cosine 0.1, line 0."""
    n_restart_cycles: int = 1

    def __post_init__(self) -> None:
        name = self.name.lower()
        object.__setattr__(self, "name", OLDER_NAMES.get(name, name))
        if self.name not in get_args(SchedulerName):
            raise ValueError(f"No lr_scheduler_name {self.name!r}; there are: {', '.join(get_args(SchedulerName))}.")
        for field in ("warm_up_steps", "decay_steps"):
            if getattr(self, field) < 0:
                raise ValueError(f"lr_{field} must be at least 0, got {getattr(self, field)}.")
        if self.n_restart_cycles < 1:
            raise ValueError(f"n_restart_cycles must be at least 1, got {self.n_restart_cycles}.")
        if not 0 <= self.last <= 1:
            raise ValueError(f"lr_end must be between 0 and lr, got {self.last:g} of lr.")
        if self.warm_up_steps + self.decay_steps > self.n_steps:
            raise ValueError(
                f"lr_warm_up_steps {self.warm_up_steps} and lr_decay_steps {self.decay_steps} are more than the "
                f"{self.n_steps} steps of this run (training_tokens / train_batch_size_tokens)."
            )

    @property
    def last(self) -> float:
        """What the course falls to."""
        if self.end is not None:
            return self.end
        return 0.0 if self.name == "linear" else 0.1

    def factor(self, step: int) -> float:
        """Multiplier at `step`, counted from 0.

        warm-up   (step + 1) / warm_up_steps
        cosine    end + (1 - end) (1 + cos(pi t / T)) / 2
        linear    end + (1 - end) (1 - t / T)
        decay     from where the course ended (constant: 1, else: end) to 0
        """
        if step < self.warm_up_steps:
            return (step + 1) / self.warm_up_steps
        n_main = self.n_steps - self.warm_up_steps - self.decay_steps
        t = step - self.warm_up_steps
        if self.decay_steps and t >= n_main:
            start = 1.0 if self.name == "constant" else self.last
            return start * max(0.0, 1 - (t - n_main) / self.decay_steps)
        if self.name == "constant":
            return 1.0
        if self.name == "cosineannealingwarmrestarts":
            period = max(n_main // self.n_restart_cycles, 1)
            share = t % period / period
        else:
            share = min(t / max(n_main, 1), 1.0)
        if self.name == "linear":
            return self.last + (1 - self.last) * (1 - share)
        return self.last + (1 - self.last) * (1 + math.cos(math.pi * share)) / 2


def warmed_up(value: float, step: int, warm_up_steps: int) -> float:
    """A coefficient at `step`: it rises from 0 at the first step to `value` at `warm_up_steps`."""
    return value * step / warm_up_steps if step < warm_up_steps else value
