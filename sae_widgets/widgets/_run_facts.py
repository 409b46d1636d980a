"""What a training run says of itself: in a title, in a caption, at its end."""

from collections.abc import Sequence
from typing import Any

from sae_widgets.runs.follower import FollowedRun
from sae_widgets.runs.run import TrainingRun
from sae_widgets.widgets._curve_names import event_label, label_of
from sae_widgets.widgets._curve_picture import number

# Of no interest once the run is over.
_PASSING = ("lr", "tokens_per_s", "grad_norm")


def mark_of(event: dict[str, Any]) -> dict[str, Any]:
    return {"step": event["step"], "name": event["name"], "label": event_label(event)}


def title_of(run: TrainingRun | FollowedRun) -> str:
    if isinstance(run, FollowedRun):
        return f"{run.title}, followed in {run.folder}"
    return str(getattr(run.trainable, "title", "") or "an SAE")


def config_of(run: TrainingRun | FollowedRun) -> dict[str, Any]:
    """Model, hook, texts and seed that the run was asked for; what it does not say is left out."""
    config = run.config if isinstance(run, FollowedRun) else vars(getattr(run.trainable, "cfg", None) or object)
    names = {"model_name": "model", "hook_name": "hook", "dataset_path": "data", "seed": "seed"}
    return {to: config[name] for name, to in names.items() if config.get(name) not in (None, "")}


def member_names(run: TrainingRun | FollowedRun) -> list[str]:
    return list(run.member_names if isinstance(run, FollowedRun) else getattr(run.trainable, "member_names", []))


def _loading_code(folder: str, members: Sequence[str]) -> str:
    if members:
        return f"saes = {{name: sw.SAE.load_from_disk(f{folder + '/{name}'!r}) for name in {list(members)!r}}}"
    return f"sae = sw.SAE.load_from_disk({folder!r})"


def outcome_of(run: TrainingRun | FollowedRun, state: dict[str, Any], members: Sequence[str]) -> dict[str, Any]:
    """Final numbers as `rows`, `saved` folder, `code` that gets the SAE."""
    last = {} if members else run.history.last()
    lasting = [name for name in last if name not in _PASSING and not name.endswith("_coefficient")]
    rows = [[label_of(name), number(last[name])] for name in lasting]
    is_kept = state["status"] != "failed"
    if isinstance(run, FollowedRun):
        saved = run.saved or state["checkpoint"]
        return {"rows": rows, "saved": saved, "code": _loading_code(saved, members) if saved else ""}
    result = run.result(0.0) if is_kept else None
    # A finished SAE knows the folder it was written to; else the last checkpoint is what is on disk.
    folders = [getattr(sae, "folder", None) for sae in (result.values() if isinstance(result, dict) else [result])]
    folder = folders[0].parent if folders[0] is not None and isinstance(result, dict) else folders[0]
    code = "saes = run.result()  # by name" if members else "sae = run.result()"
    return {
        "rows": rows,
        "saved": str(folder) if folder is not None else state["checkpoint"],
        "code": code if is_kept else "run.result()  # raises the error again",
    }
