"""Steering a sparsity coefficient so that the SAE gets the L0 asked for.

    level <- level + (log l0 - level) / smoothing              what L0 is, without the batches' noise
    trend <- trend + ((change of level) - trend) / n           where it goes by itself
    error  = level + lead * trend - log target
    drift <- drift + gain^2 / 8 * error                        while |error| < 1/2 and nothing below is the case
    log coefficient <- log coefficient + clip(gain * error + drift, -3 limit, limit)                    (each step)

Everything is in logarithms, since L0 follows the coefficient over orders of magnitude by a power near -1. L0 answers
late, as weights move by about lr a step: `lead` looks ahead by that delay, else the coefficient would overshoot. As
features are learned the coefficient that gives an L0 falls on and on: `drift` learns how fast, else L0 would lag behind
by a tenth. `limit` is the trust region: the coefficient may not run off while L0 cannot have answered yet; down it may
go faster, since a penalty that is too strong kills features. All three are measured in shares of the run.

The coefficient stays where what is seen is no answer to it: while it or the learning rate warms up. Nor does it rise
while the penalty outweighs the error by far, or fall while the penalty is next to nothing: every gradient is then the
one's or the other's already, and moving further changes nothing now and has to be undone later.
"""

import math

SMOOTHING_STEPS = 5.0
TREND_STEPS = 20.0
LEAD_SHARE = 1 / 8
"""Of the run; at least 20 and at most 250 steps."""
FAST_FALL = 3.0
USEFUL = (0.01, 2.0)
"""Penalty over error: below, the coefficient does not fall, above, it does not rise."""
WIDEST = 1e4
"""The coefficient stays within this factor of where it began."""


class L0Control:
    """The state of the loop; plain numbers, so the same observations give the same coefficients."""

    def __init__(self, target: float, coefficient: float, n_steps: int) -> None:
        if not coefficient > 0:
            raise ValueError(f"target_l0 needs a coefficient above 0 to start from, got {coefficient:g}.")
        self.lead = min(max(LEAD_SHARE * n_steps, 20.0), 250.0)
        self.gain = 1.2 / self.lead
        self.limit = 1.6 / self.lead
        self.target = target
        self.start = self.coefficient = coefficient
        self.level: float | None = None
        self.trend = self.drift = 0.0

    def observe(self, l0: float, n_steps: int = 1, *, is_held: bool = False, share: float = 1.0) -> float:
        """The coefficient for the next steps, after `n_steps` steps of mean `l0` with a penalty of `share` times the
        error.
        """
        seen = math.log(max(l0, 1e-3))
        if self.level is None:
            self.level = seen
            return self.coefficient
        before = self.level
        self.level += (seen - before) * min(n_steps / SMOOTHING_STEPS, 1.0)
        self.trend += ((self.level - before) / n_steps - self.trend) * min(n_steps / TREND_STEPS, 1.0)
        if is_held:
            return self.coefficient
        error = self.level + self.lead * self.trend - math.log(self.target)
        wanted = self.gain * error + self.drift
        if (share > USEFUL[1] and wanted > 0) or (share < USEFUL[0] and wanted < 0):
            return self.coefficient
        if abs(error) < 0.5 and abs(wanted) < self.limit:
            self.drift += n_steps * self.gain**2 / 8 * error
        moved = self.coefficient * math.exp(n_steps * min(max(wanted, -FAST_FALL * self.limit), self.limit))
        self.coefficient = min(max(moved, self.start / WIDEST), self.start * WIDEST)
        return self.coefficient

    def set_coefficient(self, coefficient: float) -> None:
        """Goes on from another coefficient."""
        self.start = self.coefficient = coefficient

    def state_dict(self) -> dict[str, float | None]:
        names = ("target", "start", "coefficient", "level", "trend", "drift")
        return {name: getattr(self, name) for name in names}

    def load_state_dict(self, state: dict[str, float | None]) -> None:
        for name, value in state.items():
            setattr(self, name, value)
