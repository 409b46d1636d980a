"""A widget's numbers as text: CSV that no spreadsheet takes for formulas, and JSON with where they come from."""

import json
from collections.abc import Mapping
from typing import Any

import pandas as pd

from sae_widgets.widgets._clean import clean_text, json_safe, visible

# What a spreadsheet takes for a formula when a cell begins with it: OWASP, "CSV injection".
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def to_csv(frame: pd.DataFrame, *, safe: bool = True) -> str:
    """`frame` as CSV.

    Args:
        frame: The table.
        safe: Write `'` before a text that a spreadsheet would run as a formula, and show hidden characters by name;
            False writes texts as they are.
    """
    cell = _safe_cell if safe else _plain_cell
    shown = frame.map(cell).rename(columns=cell)
    return shown.to_csv(index=False, lineterminator="\n")


def _safe_cell(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    text = visible(value)
    return f"'{text}" if text.startswith(_FORMULA) else text


def _plain_cell(value: Any) -> Any:
    return clean_text(value) if isinstance(value, str) else value


def to_json(frames: Mapping[str, pd.DataFrame], about: Mapping[str, Any]) -> str:
    """`about` and each table as a list of rows."""
    tables = {name: frame.to_dict("records") for name, frame in frames.items()}
    return json.dumps(json_safe({"about": about, "tables": tables}), ensure_ascii=False, allow_nan=False)
