"""Steering a sparsity coefficient so that the SAE gets the L0 asked for.

    level <- level + (log l0 - level) / smoothing              what L0 is, without the batches' noise
    trend <- trend + ((change of level) - trend) / n           where it goes by itself
    error  = level + lead * trend - log target
    drift <- drift + gain^2 / 4 * error                        while |error| < 1/2 and nothing below is the case
    log coefficient <- log coefficient + clip(gain * error + drift, -3 limit, limit)                    (each step)

Everything is in logarithms, since L0 follows the coefficient over orders of magnitude by a power near -1. L0 answers
late, as weights move by about lr a step: `lead` looks ahead by that delay, else the coefficient would overshoot. As
features are learned the coefficient that gives an L0 falls on and on: `drift` learns how fast, else L0 would lag behind
by a tenth. `limit` is the trust region: the coefficient may not run off while L0 cannot have answered yet; down it may
go faster, since a penalty that is too strong kills features. All three are measured in shares of the run.

The coefficient stays where what is seen is no answer to it: while it or the learning rate warms up. It does not rise in
the first `lead` steps, when L0 is high whatever the coefficient, since nothing is learned yet. Nor does it rise to
where the penalty of an SAE with the target L0 would outweigh the error by far, or fall to where it would be next to
nothing: every gradient is then the one's or the other's already, and what L0 does is a matter of time alone.

In JumpReLU's mode "step" the penalty reaches nothing but thresholds, and Adam moves those by lr a step whatever the
coefficient: from 0.01 they may not get anywhere in a run, or not stop in time. There all thresholds are pushed,

    push  = clip(2 gain * (level - log target) + drift, -3 limit, 3 limit)
    log threshold   <- log threshold + push                                                         (each step)
    log coefficient <- log coefficient + clip(0.3 * mean of push, -3 limit, limit)

which L0 answers at once, in whatever unit the activations are; the coefficient follows until no push is needed.
"""

import math

SMOOTHING_STEPS = 5.0
TREND_STEPS = 20.0
LEAD_SHARE = 1 / 15
"""Of the run; at least 20 and at most 250 steps."""
FAST_FALL = 3.0
USEFUL = (0.02, 5.0)
"""Penalty over error, at the target L0, beyond which the coefficient does not move."""
PUSH_GAIN = 2.0
FOLLOWING = 0.3
WIDEST = 1e4
"""The coefficient stays within this factor of where it began."""


class L0Control:
    """The state of the loop; plain numbers, so the same observations give the same coefficients."""

    def __init__(self, target: float, coefficient: float, n_steps: int, pushes: bool = False) -> None:
        if not coefficient > 0:
            raise ValueError(f"target_l0 needs a coefficient above 0 to start from, got {coefficient:g}.")
        self.lead = min(max(LEAD_SHARE * n_steps, 20.0), 250.0)
        self.gain = 1.4 / self.lead
        self.limit = 1.6 / self.lead
        self.target = target
        self.pushes = pushes
        """Whether thresholds are pushed, and not the coefficient alone steered."""
        self.start = self.coefficient = coefficient
        self.level: float | None = None
        self.n_steps = 0
        """Steps seen, those of warm-ups aside."""
        self.trend = self.drift = 0.0
        self.push = self.mean_push = 0.0
        """What log thresholds are to rise by now, and by step on the mean."""
        self.price: float | None = None
        """Penalty of one active feature at coefficient 1."""

    def observe(
        self,
        l0: float,
        n_steps: int = 1,
        *,
        penalty: float | None = None,
        error: float | None = None,
        is_held: bool = False,
    ) -> float:
        """The coefficient for the next steps.

        Args:
            l0: Its mean over the last `n_steps` steps.
            n_steps: Steps since the last time.
            penalty: The loss term that the coefficient weighs, as it was; None: not known.
            error: The reconstruction error beside it.
            is_held: Whether something warms up.
        """
        seen = math.log(max(l0, 1e-3))
        if self.level is None:
            self.level = seen
            return self.coefficient
        before = self.level
        self.level += (seen - before) * min(n_steps / SMOOTHING_STEPS, 1.0)
        self.trend += ((self.level - before) / n_steps - self.trend) * min(n_steps / TREND_STEPS, 1.0)
        self.push = 0.0
        if is_held:
            return self.coefficient
        self.n_steps += n_steps
        if penalty is not None and l0 > 0:
            self.price = penalty / (l0 * self.coefficient)
        if self.pushes:
            return self._follow_push(n_steps, error)
        off = self.level + self.lead * self.trend - math.log(self.target)
        wanted = self.gain * off + self.drift
        if wanted > 0 and self.n_steps < self.lead:
            return self.coefficient
        if self._move(wanted, n_steps, error) and abs(off) < 0.5 and abs(wanted) < self.limit:
            self.drift += n_steps * self.gain**2 / 4 * off
        return self.coefficient

    def _follow_push(self, n_steps: int, error: float | None) -> float:
        """Sets `push`, and lets the coefficient do more of what thresholds had to be pushed for."""
        off = (self.level or 0.0) - math.log(self.target)
        gain, limit = PUSH_GAIN * self.gain, n_steps * FAST_FALL * self.limit
        push = min(n_steps * gain, 0.25) * off + n_steps * self.drift
        if abs(off) < 0.5 and abs(push) < limit:
            self.drift += n_steps * gain**2 / 4 * off
        self.push = min(max(push, -limit), limit)
        self.mean_push += (self.push / n_steps - self.mean_push) * min(n_steps / TREND_STEPS, 1.0)
        self._move(FOLLOWING * self.mean_push, n_steps, error)
        return self.coefficient

    def _move(self, wanted: float, n_steps: int, error: float | None) -> bool:
        """Multiplies the coefficient by exp(`wanted`) for each step, within bounds; False where it is at one."""
        moved = self.coefficient * math.exp(n_steps * min(max(wanted, -FAST_FALL * self.limit), self.limit))
        if error and self.price:
            share = moved * self.price * self.target / error
            if (share > USEFUL[1] and wanted > 0) or (share < USEFUL[0] and wanted < 0):
                return False
        self.coefficient = min(max(moved, self.start / WIDEST), self.start * WIDEST)
        return True

    def set_coefficient(self, coefficient: float) -> None:
        """Goes on from another coefficient."""
        self.start = self.coefficient = coefficient

    def state_dict(self) -> dict[str, float | None]:
        names = ("target", "start", "coefficient", "level", "trend", "drift", "mean_push", "price", "n_steps")
        return {name: getattr(self, name) for name in names}

    def load_state_dict(self, state: dict[str, float | None]) -> None:
        for name, value in state.items():
            setattr(self, name, value)
