"""What a step of several SAEs tells: the report of each, and the curves of all by name."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from sae_widgets.training.reports import StepReport

SHARED_CURVES = ("tokens_per_s",)  # of the run, not of one SAE


@dataclass(frozen=True)
class JobReport:
    """One step of every SAE that is still trained."""

    n_steps: int
    n_tokens: int
    reports: Mapping[str, StepReport]
    """By the SAE's name."""
    tokens_per_s: float = math.nan
    """Tokens gathered and trained on by all SAEs, per second."""

    def curves(self) -> dict[str, float]:
        """`{"<SAE>/<curve>": value}`, and the curves of the run itself."""
        curves = {
            f"{name}/{curve}": value
            for name, report in self.reports.items()
            for curve, value in report.curves().items()
            if curve not in SHARED_CURVES
        }
        return curves | {"tokens_per_s": self.tokens_per_s} if curves else {}
