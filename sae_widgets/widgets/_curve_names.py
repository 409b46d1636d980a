"""Names of curves and settings as words, and which curves share a chart."""

from collections.abc import Mapping, Sequence
from typing import Any

from sae_widgets.widgets._curve_picture import Chart, number

_TITLES = {
    "l0": "L0 (active features per token)",
    "explained_variance": "Explained variance",
    "dead_features": "Dead features",
    "lr": "Learning rate",
    "coefficient": "Sparsity coefficient",
    "tokens_per_s": "Tokens per second",
    "grad_norm": "Gradient norm",
    "ce_loss_score": "CE loss score",
    "ce_loss": "CE loss of the model",
}
_LABELS = {
    "lr": "learning rate",
    "k": "k (active features)",
    "l0": "L0",
    "tokens_per_s": "tokens per second",
    "grad_norm": "gradient norm",
    "ce_loss_score": "CE loss score",
    "auxiliary_reconstruction_loss": "auxiliary loss",
}
HAS_LOG = {"Loss", _TITLES["l0"], "Learning rate", "Gradient norm"}
# What SAEs are compared by, best first; the rest follows by name.
COMPARED = ("explained_variance", "l0", "mse_loss", "loss", "dead_features", "eval/ce_loss_score")
_TABLED = ("explained_variance", "l0", "mse_loss", "dead_features", "eval/ce_loss_score")


def label_of(name: str) -> str:
    """A curve's or a setting's name as words: "mse_loss" -> "mse loss"."""
    short = name.rsplit("/", 1)[-1]
    return _LABELS.get(short) or short.replace("_", " ")


def event_label(event: Mapping[str, Any]) -> str:
    """A change of a setting, as short as a mark on a curve must be: "lr 0.0003 → 1e-4"."""
    short = event["name"].removesuffix("_coefficient")
    return f"{short} {number(event['old'], 3)} → {number(event['new'], 3)}"


def charts_of(names: Sequence[str], prefix: str = "") -> list[Chart]:
    """Which curves share a chart, best-known first: all loss terms, what is measured twice, the rest one each.

    Args:
        names: Curves of one SAE.
        prefix: What they begin with in a run of many.
    """
    titles = {"Loss": [], **{title: [] for title in _TITLES.values()}}
    for name in names:
        titles.setdefault(_chart_title(name), []).append(name)
    return [
        Chart(title, tuple(shown), tuple(_series_label(name.removeprefix(prefix)) for name in shown), title in HAS_LOG)
        for title, shown in titles.items()
        if shown
    ]


def chart_for_page(chart: Chart) -> dict[str, Any]:
    """`marked` says which settings' changes carry their label in this chart; elsewhere they are a line."""
    marked: dict[str, Any] = {"Loss": True, _TITLES["lr"]: ["lr"]}
    if chart.title in (_TITLES["l0"], _TITLES["coefficient"]):
        marked[chart.title] = ["k", "l0_coefficient", "l1_coefficient"]
    return {
        "title": chart.title,
        "names": list(chart.names),
        "labels": list(chart.labels),
        "log": chart.has_log,
        # Smoothing what was set, not measured, would only blur it.
        "noisy": chart.title not in (_TITLES["lr"], _TITLES["coefficient"]),
        "marked": marked.get(chart.title, []),
    }


def _chart_title(name: str) -> str:
    short = name.rsplit("/", 1)[-1]
    if short.startswith("ce_loss_with"):
        return _TITLES["ce_loss"]
    if short.endswith("coefficient"):
        return _TITLES["coefficient"]
    if short.endswith("loss"):
        return "Loss"
    return _TITLES.get(short) or label_of(short).capitalize()


def _series_label(name: str) -> str:
    """Within its chart: "mse_loss" -> "mse", "eval/l0" -> "in the model"."""
    prefix, _, short = name.rpartition("/")
    if prefix == "eval" and not short.startswith("ce_loss"):
        return "in the model"
    if short == "loss":
        return "sum"
    label = label_of(short.removeprefix("ce_loss_"))
    return label.removesuffix(" loss").removesuffix(" coefficient")


# Many SAEs


def compared_curves(names: Sequence[str], members: Sequence[str]) -> list[str]:
    """The curves that any of these SAEs has, without the SAE's name; best-known first."""
    known = set(members)
    found = dict.fromkeys(own for name in names for member, _, own in [name.partition("/")] if member in known)
    return [name for name in COMPARED if name in found] + sorted(found.keys() - set(COMPARED))


def comparison_of(curve: str, members: Sequence[str]) -> Chart:
    """One chart with this curve of every SAE."""
    title = _TITLES.get(curve.rpartition("/")[2]) or _words(curve)
    return Chart(title, tuple(f"{name}/{curve}" for name in members), tuple(members), _chart_title(curve) in HAS_LOG)


def choice_for_page(curve: str) -> dict[str, Any]:
    """A curve that can be chosen: `name`, `label`, `log`."""
    return {"name": curve, "label": _words(curve), "log": _chart_title(curve) in HAS_LOG}


def _words(curve: str) -> str:
    prefix, _, short = curve.rpartition("/")
    words = "total loss" if curve == "loss" else label_of(short).replace("mse", "MSE")
    return f"{words[:1].upper()}{words[1:]}{' in the model' if prefix == 'eval' and short != 'ce_loss_score' else ''}"


def numbers_of(
    last: Mapping[str, float], members: Sequence[str]
) -> tuple[list[dict[str, str]], list[list[float | None]]]:
    """The table that compares SAEs: its columns, `{name, label}`, and the newest values, None where there is none."""
    columns = [name for name in _TABLED if any(f"{member}/{name}" in last for member in members)]
    rows = [[_finite(last.get(f"{member}/{name}")) for name in columns] for member in members]
    return [{"name": name, "label": _words(name)} for name in columns], rows


def _finite(value: float | None) -> float | None:
    return value if value is not None and abs(value) < float("inf") else None
