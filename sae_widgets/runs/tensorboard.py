"""A run's curves as TensorBoard's event files, when `log_to_tensorboard` asks for them."""

import logging
import math
from pathlib import Path
from typing import Any

from sae_widgets.runs.run import FINAL_STATUSES, Status, TrainingRun

logger = logging.getLogger(__name__)


class TensorBoardLog:
    """Writes curves into the run's folder every `wandb_log_frequency` steps; says so once where it cannot."""

    def __init__(self, run: TrainingRun, cfg: Any, folder: Path) -> None:
        self._every_steps = cfg.logger.wandb_log_frequency
        try:
            from torch.utils.tensorboard.writer import SummaryWriter
        except ImportError:
            logger.warning(
                "log_to_tensorboard: tensorboard is not installed (pip install tensorboard); the run is logged to its "
                "metrics.jsonl only."
            )
            return
        # Steps that a resumed run takes again are not shown twice.
        self._writer = SummaryWriter(str(folder), purge_step=run.n_steps + 1 if run.n_steps else None)
        run.add_listener(self._on_report)
        run.add_status_listener(self._on_status)

    def _on_report(self, report: Any) -> None:
        if report.n_steps % self._every_steps:
            return
        for name, value in report.curves().items():
            if math.isfinite(value):
                self._writer.add_scalar(name, value, report.n_steps)

    def _on_status(self, status: Status) -> None:
        if status in FINAL_STATUSES:
            self._writer.close()
