"""Steering a sparsity coefficient so that the SAE gets the L0 asked for.

    s     <- s + (log l0 - s) / smoothing                                  what L0 is, without the batches' noise
    v     <- v + ((change of s) - v) / trend                               where it goes by itself
    error  = s + lead * v - log target
    log coefficient <- log coefficient + clip(gain * error, -limit, limit)    (each step; times n for n steps at once)

Everything is in logarithms, since L0 follows the coefficient over orders of magnitude by a power near -1. L0 answers
late: weights move by about lr a step. The term with `lead` looks ahead by that delay, without it the coefficient would
overshoot; `limit` keeps the coefficient from running off while L0 cannot have answered yet. While the coefficient or
the learning rate warms up, what is seen is no answer to the coefficient: s and v are kept up to date, the coefficient
stays.
"""

import math

SMOOTHING_STEPS = 5.0
TREND_STEPS = 20.0
LEAD_STEPS = 60.0
GAIN = 0.01
LIMIT = 0.03
"""Of the logarithm, a step: a factor of 10 takes at least 77 steps."""
WIDEST = 1e4
"""The coefficient stays within this factor of where it began."""


class L0Control:
    """The state of the loop; plain numbers, so the same observations give the same coefficients."""

    def __init__(self, target: float, coefficient: float) -> None:
        if not coefficient > 0:
            raise ValueError(f"target_l0 needs a coefficient above 0 to start from, got {coefficient:g}.")
        self.target = target
        self.start = self.coefficient = coefficient
        self.level: float | None = None
        self.trend = 0.0

    def observe(self, l0: float, n_steps: int = 1, is_held: bool = False) -> float:
        """The coefficient for the next steps, after `n_steps` steps of mean `l0`."""
        seen = math.log(max(l0, 1e-3))
        if self.level is None:
            self.level = seen
            return self.coefficient
        before = self.level
        self.level += (seen - before) * min(n_steps / SMOOTHING_STEPS, 1.0)
        self.trend += ((self.level - before) / n_steps - self.trend) * min(n_steps / TREND_STEPS, 1.0)
        if not is_held:
            error = self.level + LEAD_STEPS * self.trend - math.log(self.target)
            move = n_steps * min(max(GAIN * error, -LIMIT), LIMIT)
            wanted = self.coefficient * math.exp(move)
            self.coefficient = min(max(wanted, self.start / WIDEST), self.start * WIDEST)
        return self.coefficient

    def set_coefficient(self, coefficient: float) -> None:
        """Goes on from another coefficient."""
        self.start = self.coefficient = coefficient

    def state_dict(self) -> dict[str, float | None]:
        return {name: getattr(self, name) for name in ("target", "start", "coefficient", "level", "trend")}

    def load_state_dict(self, state: dict[str, float | None]) -> None:
        for name, value in state.items():
            setattr(self, name, value)
