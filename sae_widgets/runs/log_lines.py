"""The lines of a run's `metrics.jsonl`. Standard library only."""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

METRICS_NAME = "metrics.jsonl"
ALIVE_EVERY_S = 5.0
"""How often a run that is alive says so, also while it takes no steps."""


def read_log(path: str | Path) -> list[dict[str, Any]]:
    """The lines of a `metrics.jsonl`; a last line that was cut off is left out."""
    lines = []
    for line in Path(path).read_text("utf-8").splitlines():
        try:
            lines.append(json.loads(line))
        except json.JSONDecodeError:
            break
    return lines


def curves_of(line: Mapping[str, Any]) -> dict[str, float]:
    """The curves in one line of the log."""
    return {k: math.nan if v is None else float(v) for k, v in line.items() if k not in ("step", "tokens", "event")}
