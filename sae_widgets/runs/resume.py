"""Which checkpoint a run goes on from, and whether it is one of the same settings.

    resume_from_checkpoint="runs/a/40960"    this one
    resume="runs/a"                          the newest whole one of this run
    resume="auto"                            the newest whole one of a run with the same settings, or a new run

Settings are the same when they differ at most in what no weight depends on (`MAY_DIFFER`). With `resume`, settings that
were changed live after the checkpoint was taken are changed again at the same steps.
"""

import json
import logging
import os
import platform
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path
from typing import Any

from sae_widgets.runs.log_lines import ALIVE_EVERY_S, METRICS_NAME, read_log
from sae_widgets.runs.run_settings import RunSettings
from sae_widgets.runs.trainable import FINAL_STATUSES
from sae_widgets.training.checkpoints import SETTINGS_NAME, Checkpoint, checkpoints_in, read_checkpoint, tidy

logger = logging.getLogger(__name__)

MAY_DIFFER = frozenset(
    {
        *("training_tokens", "logger", "device", "llm_device", "act_store_device", "verbose", "output_path"),
        *("checkpoint_path", "n_checkpoints", "checkpoint_every_steps", "checkpoint_every_minutes"),
        *("keep_checkpoints", "save_final_checkpoint", "resume", "resume_from_checkpoint", "from_pretrained_path"),
        *("n_eval_batches", "eval_batch_size_prompts", "eval_dataset_path", "prefetch_llm_batches", "streaming"),
        *("dead_feature_threshold", "cached_activations_path", "model_class_name", "distributed"),
    }
)
"""Fields of a run's config that a resumed run may have otherwise. `training_tokens` also moves what is planned towards
the end: learning rates that fall, and checkpoints."""
_OF_THE_SAE = ("metadata", "device", "reshape_activations")  # follow from the run's own


@dataclass
class Resumed:
    """What a run goes on from."""

    checkpoint: Checkpoint
    events: list[dict[str, Any]] = field(default_factory=list)
    """Settings that were changed after it was taken."""


def find_resumed(cfg: Any) -> Resumed | None:
    """What a run with these settings goes on from; None: it begins anew. Says which in the log.

    Raises:
        FileNotFoundError: If there is no checkpoint where one is named.
        ValueError: If it is of other settings; names the fields that differ.
        RuntimeError: If the run that is named is still going on.
    """
    if cfg.resume_from_checkpoint:
        folder = Path(cfg.resume_from_checkpoint)
        if folder.is_dir():
            check_same(_saved_settings(folder), cfg, folder)
        return Resumed(read_checkpoint(folder, cfg.device))
    if not cfg.resume:
        return None
    return _of_any_run(cfg) if cfg.resume == "auto" else _of_run(Path(cfg.resume), cfg)


def _of_run(folder: Path, cfg: Any) -> Resumed:
    if not folder.is_dir():
        raise FileNotFoundError(f"resume={str(folder)!r} is no folder; it takes a run's folder, or 'auto'.")
    if who := _who_is_writing(folder):
        raise RuntimeError(f"The run in {str(folder)!r} is still going on ({who}): stop it before it is resumed.")
    tidy(folder)
    found = checkpoints_in(folder)
    if not found:
        raise FileNotFoundError(f"The run in {str(folder)!r} has no checkpoint to go on from.")
    check_same(_saved_settings(found[0]), cfg, found[0])
    resumed = _newest_whole(found, cfg)
    if resumed is None:
        raise ValueError(f"Every checkpoint in {str(folder)!r} is damaged.")
    return resumed


def _of_any_run(cfg: Any) -> Resumed | None:
    runs = Path(cfg.checkpoint_path)
    others = 0
    for folder in sorted(_runs_in(runs), key=lambda each: -_last_written(each)):
        if differences(_saved_settings(folder), cfg):
            others += 1
        elif who := _who_is_writing(folder):
            logger.warning("resume='auto': the run in %s has these settings but is going on (%s).", folder, who)
        else:
            tidy(folder)
            if resumed := _newest_whole(checkpoints_in(folder), cfg):
                return resumed
    why = f"{others} of other settings" if others else "none at all"
    logger.info("resume='auto': a new run, as %s has no checkpoint of these settings (runs: %s).", runs, why)
    return None


def _newest_whole(found: list[Path], cfg: Any) -> Resumed | None:
    for folder in found:
        try:
            checkpoint = read_checkpoint(folder, cfg.device)
        except (OSError, ValueError, KeyError) as error:
            logger.warning("%s cannot be read, so an earlier checkpoint is tried: %s", folder, error)
            continue
        logger.info("Going on from %s, step %s.", folder, f"{checkpoint.numbers['n_steps']:,}")
        return Resumed(checkpoint, later_events(folder.parent, checkpoint.numbers))
    return None


def _runs_in(folder: Path) -> Iterator[Path]:
    for file in folder.glob(f"*/{SETTINGS_NAME}") if folder.is_dir() else []:
        if not file.parent.name.startswith("."):
            yield file.parent


def _last_written(folder: Path) -> float:
    files = [folder / SETTINGS_NAME, folder / METRICS_NAME]
    return max((file.stat().st_mtime for file in files if file.exists()), default=0.0)


# Settings


def _saved_settings(folder: Path) -> dict[str, Any]:
    try:
        return json.loads((folder / SETTINGS_NAME).read_text("utf-8"))
    except (OSError, json.JSONDecodeError):
        return {}


def differences(saved: Mapping[str, Any], cfg: Any) -> dict[str, tuple[Any, Any]]:
    """What weights depend on and is not the same: dotted name -> (saved, present). A field that was not there when
    `saved` was written counts as its default."""
    defaults = {each.name: each.default for each in fields(cfg) if each.default is not MISSING}
    ours = _flat(_plain(_with_saved_width(saved, cfg).to_dict()), defaults)
    theirs = _flat(_plain({**{name: defaults[name] for name in ours if name in defaults}, **saved}), defaults)
    names = [name for name in {**ours, **theirs} if name.split(".")[0] not in MAY_DIFFER]
    nothing = object()
    found = {name: (theirs.get(name, nothing), ours.get(name, nothing)) for name in names}
    known = vars(RunSettings).keys() | {each.name for each in fields(cfg)}
    return {
        name: tuple(None if value is nothing else value for value in pair)  # type: ignore[misc]
        for name, pair in found.items()
        # What only the file has is of a later version, or SAELens' own.
        if pair[0] != pair[1] and not (pair[1] is nothing and name.split(".")[0] not in known)
    }


def check_same(saved: Mapping[str, Any], cfg: Any, folder: Path) -> None:
    """Nothing, if a run with `cfg` may go on from a checkpoint with the settings `saved`.

    Raises:
        ValueError: If not; names each field with its two values.
    """
    if not saved:
        return  # written without: what does not fit is found when its tensors are loaded
    if ("saes" in saved) != ("saes" in vars(cfg)):
        has, is_for = ("many SAEs", "one") if "saes" in saved else ("one SAE", "many")
        raise ValueError(f"The checkpoint {str(folder)!r} is of a run of {has}, and this config is for {is_for}.")
    if not (found := differences(saved, cfg)):
        return
    shown = "; ".join(f"{name} was {theirs!r} and is {ours!r}" for name, (theirs, ours) in sorted(found.items()))
    raise ValueError(
        f"The checkpoint {str(folder)!r} is of another config: {shown}. Set them as they were, or start anew with "
        f"from_pretrained_path={str(folder)!r}. These may differ: {', '.join(sorted(MAY_DIFFER))}; and run.set() "
        "changes lr and coefficients of a run that goes on."
    )


def with_width_of(cfg: Any, checkpoint: Checkpoint) -> Any:
    """`cfg`, for activations as wide as those of the checkpoint where it leaves the width to the model."""
    if getattr(cfg, "is_d_in_known", True) or "" not in checkpoint.saes:
        return cfg
    saved = checkpoint.sae.cfg
    return cfg.with_d_in(saved.d_in, vars(saved).get("d_out"))


def _with_saved_width(saved: Mapping[str, Any], cfg: Any) -> Any:
    sae = saved.get("sae")
    if getattr(cfg, "is_d_in_known", True) or not isinstance(sae, Mapping) or "d_in" not in sae:
        return cfg
    return cfg.with_d_in(sae["d_in"], sae.get("d_out"))


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """As a file would have them."""
    return json.loads(json.dumps(values, default=str))


def _flat(values: Mapping[str, Any], known: Mapping[str, Any]) -> dict[str, Any]:
    """Dotted names; dicts that are one setting (`model_kwargs`) stay whole."""
    flat: dict[str, Any] = {}
    for name, value in values.items():
        if name == "sae" and isinstance(value, Mapping):
            flat |= {f"sae.{key}": each for key, each in value.items() if key not in _OF_THE_SAE}
        elif name == "saes" and isinstance(value, Mapping):
            for sae, own in value.items():
                flat |= {f"saes.{sae}.{key}": each for key, each in own.items() if key not in _OF_THE_SAE}
        else:
            flat[name] = value
    return flat


# Events


def later_events(run_folder: Path, numbers: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Changes of settings that the run's log has and the state `numbers` has not: made after it or still to make."""
    later = not_in(logged_events(run_folder), numbers.get("events", []))
    return [event for event in later if event["step"] >= numbers["n_steps"]]


def logged_events(run_folder: Path) -> list[dict[str, Any]]:
    """Changes of settings in a run's log, in order; those that a replay had still to make come last."""
    file = run_folder / METRICS_NAME
    made: list[dict[str, Any]] = []
    planned: list[dict[str, Any]] = []
    for line in read_log(file) if file.is_file() else []:
        if line.get("event") in ("start", "resume"):
            planned = list(line.get("replays") or [])
        elif line.get("event") == "set":
            event = {name: line[name] for name in ("step", "name", "old", "new")}
            made.append(event)
            planned = not_in(planned, [event])
    return made + planned


def not_in(events: Sequence[Mapping[str, Any]], others: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The events less those of `others`, each of which takes one away."""
    rest = [dict(event) for event in events]
    for other in others:
        for i, event in enumerate(rest):
            if all(event[name] == other[name] for name in ("step", "name", "new")):
                del rest[i]
                break
    return rest


# Runs that go on


def _who_is_writing(folder: Path) -> str | None:
    """Who trains in this folder now; None: nobody."""
    file = folder / METRICS_NAME
    lines = read_log(file) if file.is_file() else []
    about = next((line for line in reversed(lines) if line.get("event") in ("start", "resume")), None)
    status = next((line["status"] for line in reversed(lines) if line.get("event") == "status"), None)
    if about is None or status in FINAL_STATUSES:
        return None
    pid, host = about.get("pid"), about.get("host")
    if time.time() - file.stat().st_mtime > 20 * ALIVE_EVERY_S:
        return None  # who is alive says so every few seconds, paused or not
    if host == platform.node() and os.name == "posix" and isinstance(pid, int) and not _is_running(pid):
        return None
    return f"process {pid} on {host}"


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)  # signal 0 only asks
    except ProcessLookupError:
        return False
    except OSError:
        return True
    try:
        # A killed process whose parent has not asked yet is still listed.
        return Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()[0] != "Z"
    except (OSError, IndexError):
        return True
