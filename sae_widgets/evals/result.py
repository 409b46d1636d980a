"""What an evaluation found: numbers with n and intervals, as data, table and JSON; of one SAE, or several side by side.

    result["explained_variance"], result.intervals["explained_variance"], result.n["explained_variance"]
    comparison.difference("ce_loss_score", "topk", "standard")        on the same tokens: far narrower than either

A difference of two SAEs on the same rows is taken row by row (the jackknife of the difference), so that what both find
hard cancels.
"""

import html
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch
from jaxtyping import Float
from torch import Tensor

from sae_widgets.evals.formulas import GROUPS, METRICS
from sae_widgets.evals.intervals import interval, jackknife_error
from sae_widgets.sae.config import nearest

if TYPE_CHECKING:
    import pandas

__all__ = ["Comparison", "EvalResult", "FeatureMetrics", "evidence_of"]


class FeatureMetrics(dict[str, Tensor]):
    """Metrics of each feature, `[d_sae]` each; `errors` has standard errors of those that are estimates."""

    def __init__(self, values: Mapping[str, Tensor] | None = None, errors: Mapping[str, Tensor] | None = None) -> None:
        super().__init__(values or {})
        self.errors: dict[str, Tensor] = dict(errors or {})
        """Standard errors, clustered by sequence; weights have none."""

    def to_dict(self) -> dict[str, list[float | None]]:
        """SAELens' lists; None where there is no number."""
        return {name: _numbers(values) for name, values in self.items()}

    def to_frame(self) -> "pandas.DataFrame":
        """One row a feature, with `{metric}_se` beside each estimate. Needs pandas."""
        columns: dict[str, Any] = {}
        for name, values in self.items():
            columns[name] = values.tolist()
            if name in self.errors:
                columns[f"{name}_se"] = self.errors[name].tolist()
        return _pandas().DataFrame(columns).rename_axis("feature")


@dataclass(frozen=True)
class Evidence:
    """What stands behind one number."""

    n: int
    """Tokens it is averaged over."""
    replicates: Float[Tensor, " n_clusters"] | None = field(default=None, repr=False)
    """The number with one cluster of rows left out, for each; None after it was read from a file."""
    interval: tuple[float, float] = (math.nan, math.nan)
    meaning: str = ""
    """In a few words, where `METRICS` does not say."""


class EvalResult(dict[str, float]):
    """Metrics by name, with `intervals`, `n`, `features` and `facts`; shows itself as a table.

    Args:
        values: Metrics by name.
        evidence: What stands behind each.
        facts: What was measured on what: `n_sequences`, `hook_name`, `data` and so on.
        features: Metrics of each feature.
        confidence: Of the intervals.
    """

    def __init__(
        self,
        values: Mapping[str, float] | None = None,
        evidence: Mapping[str, Evidence] | None = None,
        facts: Mapping[str, Any] | None = None,
        features: FeatureMetrics | None = None,
        confidence: float = 0.95,
    ) -> None:
        super().__init__(values or {})
        self.evidence: dict[str, Evidence] = dict(evidence or {})
        self.facts: dict[str, Any] = dict(facts or {})
        self.features = features if features is not None else FeatureMetrics()
        self.confidence = confidence

    @property
    def intervals(self) -> dict[str, tuple[float, float]]:
        """Confidence intervals, clustered by sequence (jackknife); NaN where one sequence was all there was."""
        return {name: each.interval for name, each in self.evidence.items()}

    @property
    def n(self) -> dict[str, int]:
        """Tokens each metric is averaged over."""
        return {name: each.n for name, each in self.evidence.items()}

    def groups(self) -> dict[str, dict[str, float]]:
        """SAELens' nested form: group -> metric -> value."""
        found = {group: {n: v for n, v in self.items() if _group_of(n) == group} for group in GROUPS}
        return {group: values for group, values in found.items() if values}

    def to_dict(self) -> dict[str, Any]:
        """Everything but the replicates, as JSON takes it: NaN and infinity are None."""
        return {
            "metrics": {name: _number(value) for name, value in self.items()},
            "intervals": {name: [_number(low), _number(high)] for name, (low, high) in self.intervals.items()},
            "n": self.n,
            "confidence": self.confidence,
            "facts": self.facts,
            "features": self.features.to_dict(),
            "feature_errors": {name: _numbers(values) for name, values in self.features.errors.items()},
        }

    def to_json(self, **settings: Any) -> str:
        """`to_dict` as text; `settings` as for `json.dumps`."""
        return json.dumps(self.to_dict(), **settings)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "EvalResult":
        """What `to_dict` gave; differences of two such results are not known any more.

        Raises:
            ValueError: If this is something else.
        """
        missing = [name for name in ("metrics", "intervals", "n", "facts") if name not in data]
        if missing:
            raise ValueError(f"This is no evaluation: it lacks {', '.join(missing)}. Expected what to_dict gave.")
        spans = {name: (_back(span[0]), _back(span[1])) for name, span in data["intervals"].items()}
        evidence = {name: Evidence(n, interval=spans[name]) for name, n in data["n"].items()}
        features, errors = (
            {name: torch.tensor([_back(each) for each in values]) for name, values in data.get(key, {}).items()}
            for key in ("features", "feature_errors")
        )
        values = {name: _back(value) for name, value in data["metrics"].items()}
        return cls(values, evidence, data["facts"], FeatureMetrics(features, errors), data.get("confidence", 0.95))

    def to_frame(self) -> "pandas.DataFrame":
        """One row a metric: value, low, high, n, meaning. Needs pandas."""
        return _pandas().DataFrame(self._rows()).set_index("metric")

    def _rows(self) -> list[dict[str, Any]]:
        nothing = Evidence(0)
        rows = []
        for name, value in self.items():
            if _group_of(name) == "token_stats":
                continue
            each = self.evidence.get(name, nothing)
            low, high = each.interval
            meaning = METRICS[name].meaning if name in METRICS else each.meaning
            rows.append({"metric": name, "value": value, "low": low, "high": high, "n": each.n, "meaning": meaning})
        return rows

    def __str__(self) -> str:
        rows = self._rows()
        width = max((len(row["metric"]) for row in rows), default=0)
        lines = [
            f"{row['metric']:<{width}}  {_short(row['value']):>10}  {_span(row):<22}  {row['meaning']}" for row in rows
        ]
        return "\n".join([self._title(), *lines])

    def _title(self) -> str:
        facts = self.facts
        parts = [str(facts[key]) for key in ("name", "hook_name", "data") if facts.get(key)]
        n_tokens = self.get("total_tokens_eval_sparsity_variance")
        tokens = f"{n_tokens:,.0f} tokens in " if n_tokens else ""
        parts.append(f"{tokens}{facts.get('n_sequences', 0):,} sequences")
        return ", ".join(parts) + f"; {self.confidence:.0%} intervals by {facts.get('clusters', 'sequence')}"

    def _repr_html_(self) -> str:
        rows = [
            (row["metric"], _short(row["value"]), _span(row), f"{row['n']:,}", row["meaning"]) for row in self._rows()
        ]
        return _table(self._title(), ("metric", "value", f"{self.confidence:.0%} interval", "n", ""), rows)


class Comparison(dict[str, EvalResult]):
    """Evaluations of several SAEs on the same tokens, by name; shows itself as a table, one row an SAE."""

    def difference(self, metric: str, name: str, other: str) -> tuple[float, tuple[float, float]]:
        """The metric of `name` less that of `other`, and its interval, with the two paired row by row.

        Raises:
            ValueError: If there is no such SAE or metric, or the results were read from files.
        """
        for each in (name, other):
            if each not in self:
                raise ValueError(f"No SAE {each!r} in this comparison. {nearest(each, self)}")
            if metric not in self[each]:
                raise ValueError(f"No metric {metric!r} of {each!r}. {nearest(metric, self[each])}")
        first, second = (self[each].evidence.get(metric, Evidence(0)).replicates for each in (name, other))
        if first is None or second is None or len(first) != len(second):
            raise ValueError(
                f"The difference in {metric!r} has no interval: it needs both evaluated together, by compare_saes."
            )
        value = self[name][metric] - self[other][metric]
        error = jackknife_error(first - second)
        return value, interval(value, error, len(first), self[name].confidence)

    def to_frame(self) -> "pandas.DataFrame":
        """One row an SAE, a column for each metric and its interval's ends. Needs pandas."""
        rows = {}
        for name, result in self.items():
            row: dict[str, Any] = {}
            for metric, value in result.items():
                row[metric] = value
                if metric in result.evidence:
                    row[f"{metric}_low"], row[f"{metric}_high"] = result.evidence[metric].interval
            rows[name] = row
        return _pandas().DataFrame.from_dict(rows, orient="index").rename_axis("sae")

    def to_dict(self) -> dict[str, Any]:
        """Each result's `to_dict`."""
        return {name: result.to_dict() for name, result in self.items()}

    def to_json(self, **settings: Any) -> str:
        """`to_dict` as text; `settings` as for `json.dumps`."""
        return json.dumps(self.to_dict(), **settings)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "Comparison":
        """What `to_dict` gave."""
        return cls({name: EvalResult.from_dict(each) for name, each in data.items()})

    def _columns(self) -> list[str]:
        shared = [name for name in METRICS if all(name in result for result in self.values())]
        first = ("l0", "explained_variance", "ce_loss_score", "mse", "cossim", "dead_share", "kl_div_score")
        return [name for name in first if name in shared]

    def _cells(self) -> list[list[str]]:
        columns = self._columns()
        return [[name, *(_with_error(result, metric) for metric in columns)] for name, result in self.items()]

    def __str__(self) -> str:
        lines = [["", *self._columns()], *self._cells()]
        widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
        return "\n".join(
            "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in lines
        )

    def _repr_html_(self) -> str:
        title = f"{len(self)} SAEs on the same tokens"
        return _table(title, ("SAE", *self._columns()), self._cells())


def evidence_of(
    estimate: float, replicates: Float[Tensor, " n_clusters"], n: int, confidence: float = 0.95, meaning: str = ""
) -> Evidence:
    """What stands behind `estimate`, by the jackknife."""
    span = interval(estimate, jackknife_error(replicates), len(replicates), confidence)
    return Evidence(n, replicates, span, meaning)


def _group_of(name: str) -> str:
    if name in METRICS:
        return METRICS[name].group
    if name.startswith("total_tokens"):
        return "token_stats"
    return "reconstruction_quality" if name.startswith("explained_variance/") else ""


def _with_error(result: EvalResult, metric: str) -> str:
    low, high = result.intervals.get(metric, (math.nan, math.nan))
    half = (high - low) / 2
    return _short(result[metric]) + (f" ± {_short(half)}" if math.isfinite(half) else "")


def _span(row: Mapping[str, Any]) -> str:
    return f"{_short(row['low'])} to {_short(row['high'])}" if math.isfinite(row["low"]) else ""


def _short(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 10_000 else f"{value:.4g}"


def _number(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def _numbers(values: Tensor) -> list[float | None]:
    return [_number(each) for each in values.tolist()]


def _back(value: float | None) -> float:
    return math.nan if value is None else value


def _pandas() -> Any:
    import pandas

    return pandas


def _table(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table that every notebook and page shows; nothing in it is read as HTML."""
    head = "".join(f'<th style="text-align:left">{_escaped(column)}</th>' for column in columns)
    body = "".join(
        "<tr>" + "".join(f'<td style="text-align:left">{_escaped(cell)}</td>' for cell in row) + "</tr>" for row in rows
    )
    caption = f'<caption style="text-align:left">{_escaped(title)}</caption>'
    return f"<table>{caption}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _escaped(text: str) -> str:
    """`text` as HTML, with characters that hide or reorder text shown by number."""
    return html.escape("".join(c if c.isprintable() else f"⟨U+{ord(c):04X}⟩" for c in text))
