"""When a run takes its checkpoints: so many over its length, every so many steps, every so many minutes."""

import time
from typing import Any

from sae_widgets.runs.run_settings import RunSettings


class CheckpointTimes:
    """Whether a checkpoint is due; `job` tells `n_steps`, `n_tokens`, `total_tokens`."""

    def __init__(self, cfg: RunSettings, job: Any) -> None:
        self._cfg, self._job = cfg, job
        self.note()

    def note(self) -> None:
        """One is taken, or was tried now: to try at every step would cost the run more than it is worth."""
        self._n_passed, self._step, self._s = self._n_thresholds_passed(), self._job.n_steps, time.monotonic()

    @property
    def is_due(self) -> bool:
        steps, minutes = self._cfg.checkpoint_every_steps, self._cfg.checkpoint_every_minutes
        n_steps = self._job.n_steps
        return (
            self._n_thresholds_passed() > self._n_passed
            or (steps is not None and n_steps % steps == 0 and n_steps > self._step)
            or (minutes is not None and time.monotonic() - self._s >= 60 * minutes)
        )

    def _n_thresholds_passed(self) -> int:
        n = self._cfg.n_checkpoints
        # Of n + 1 equal parts the ends, but for the last: SAELens' `range(0, total, ceil(total / (n + 1)))[1:]`.
        return min(self._job.n_tokens // -(-self._job.total_tokens // (n + 1)), n)
