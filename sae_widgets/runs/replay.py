"""A run once more, with the settings that were changed on the way changed again at the same steps.

    run.replay()                 of a run at hand
    replay("checkpoints/abc")    of one that left its folder: settings from runner_cfg.json, changes from metrics.jsonl

The weights are the same bit for bit, on the same machine with the same versions and data.
"""

import json
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from sae_widgets.runs.config import LanguageModelSAERunnerConfig
from sae_widgets.runs.follower import run_folder
from sae_widgets.runs.multi_config import MultiSAETrainingRunnerConfig
from sae_widgets.runs.resume import logged_events
from sae_widgets.runs.run import TrainingRun
from sae_widgets.training.checkpoints import SETTINGS_NAME

AnyConfig = LanguageModelSAERunnerConfig | MultiSAETrainingRunnerConfig


def replay(folder: str | Path, **settings: Any) -> TrainingRun:
    """Starts the run of this folder once more; the new run has a folder of its own.

    Args:
        folder: The run's, e.g. "checkpoints/20260102-030405-ab12".
        settings: `override_model` and `override_dataset` as for the run, where it had them; and fields of the config to
            have otherwise. `output_path` is None unless given here.

    Raises:
        FileNotFoundError: If there is no run in it.
        TypeError: If the config has no such field.
    """
    from sae_widgets.runs.runner import start

    folder = run_folder(folder)
    overrides = {name: settings.pop(name) for name in list(settings) if name.startswith("override_")}
    cfg = replay_config(read_config(json.loads((folder / SETTINGS_NAME).read_text("utf-8"))), settings)
    return start(cfg, events=logged_events(folder), **overrides)


def replay_config(cfg: AnyConfig, changes: Mapping[str, Any]) -> AnyConfig:
    """The config for a run from the first step on, in a folder of its own."""
    known = {each.name for each in fields(cfg)}
    for name in changes:
        if name not in known:
            raise TypeError(f"The run's config has no {name!r}; it has: {', '.join(sorted(known))}.")
    anew = {"resume": None, "resume_from_checkpoint": None, "output_path": None}
    logger = {**vars(cfg.logger), "wandb_id": None}
    return type(cfg).from_dict({**cfg.to_dict(), **anew, "logger": logger, **changes})


def read_config(values: Mapping[str, Any]) -> AnyConfig:
    """The config of one SAE's run, or of that of many."""
    kind = MultiSAETrainingRunnerConfig if "saes" in values else LanguageModelSAERunnerConfig
    return kind.from_dict(values)
