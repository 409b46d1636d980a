"""Checkpoints: a folder with everything a run needs to go on as if it had never stopped.

    sae_weights.safetensors  cfg.json  sparsity.safetensors    the SAE in its training form, SAELens' own files
    runner_cfg.json                                            the run's settings
    training_state.safetensors  training_state.json            optimiser, counts, buffer, positions, random state
    sharded/                                                   of these, what was spread over processes (`sharding`)

A run of several SAEs has a folder of that name for each of them, with the files of the first line in it.

Tensors and plain numbers only, no pickles. A folder is written under another name and renamed when it is whole: what
goes wrong on the way leaves neither a half checkpoint nor a temporary folder.
"""

import contextlib
import errno
import json
import os
import shutil
import uuid
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import Tensor

from sae_widgets.sae.base import SAE
from sae_widgets.sae.files import read_json, read_tensors, write_sparsity
from sae_widgets.training.sharding import FOLDER, read_shards

TENSORS_NAME = "training_state.safetensors"
NUMBERS_NAME = "training_state.json"
SETTINGS_NAME = "runner_cfg.json"
FINAL = "final_"
"""What the name of a run's last checkpoint begins with."""


class Checkpoint(NamedTuple):
    """What a checkpoint holds."""

    folder: Path
    saes: dict[str, SAE]
    """By name; a run of one SAE has it under ""."""
    tensors: dict[str, Tensor]
    numbers: dict[str, Any]

    @property
    def sae(self) -> SAE:
        """The SAE of a run of one."""
        return self.saes[""]


def write_checkpoint(
    folder: Path,
    sae: SAE | Mapping[str, SAE],
    log_sparsity: Tensor | Mapping[str, Tensor],
    tensors: Mapping[str, Tensor],
    numbers: Mapping[str, Any],
    settings: Mapping[str, Any],
    write_more: Callable[[Path], object] = lambda temporary: None,
) -> Path:
    """The folder, once it is whole.

    Args:
        folder: Where to write it.
        sae: The SAE, or several by name.
        log_sparsity: Of each feature; by the same names where there are several SAEs.
        tensors: State of the training.
        numbers: State that is no tensor.
        settings: The run's config.
        write_more: Writes what else belongs into it.

    Raises:
        OSError: If it cannot be written. What was at `folder` before is unchanged, and nothing else is left.
    """
    saes = sae if isinstance(sae, Mapping) else {"": sae}
    sparsities = log_sparsity if isinstance(log_sparsity, Mapping) else {"": log_sparsity}
    with written_folder(folder) as temporary:
        for name, each in saes.items():
            each.save_model(temporary / name)
            write_sparsity(temporary / name, sparsities[name])
        write_json(temporary / SETTINGS_NAME, settings)
        write_json(temporary / NUMBERS_NAME, numbers)
        save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, temporary / TENSORS_NAME)
        write_more(temporary)
    for each in saes.values():
        each.folder = None  # saving noted the temporary name
    return folder


def read_checkpoint(folder: str | Path, device: str = "cpu") -> Checkpoint:
    """What `write_checkpoint` wrote.

    Raises:
        FileNotFoundError: If there is none; names the checkpoints nearby.
        ValueError: If a file is damaged.
    """
    folder = Path(folder)
    if not (folder / NUMBERS_NAME).is_file():
        inside = sorted(file.parent for file in folder.glob(f"*/{NUMBERS_NAME}")) if folder.is_dir() else []
        hint = f" There are checkpoints in it: {', '.join(map(str, inside))}." if inside else ""
        raise FileNotFoundError(f"No checkpoint of a run in {str(folder)!r}.{hint}")
    numbers = read_json(folder / NUMBERS_NAME)
    saes = {name: SAE.load_from_disk(folder / name, device=device) for name in numbers.get("saes", [""])}
    tensors = read_tensors(folder / TENSORS_NAME)
    if (folder / FOLDER).is_dir():
        tensors |= read_shards(folder / FOLDER)
    return Checkpoint(folder, saes, tensors, numbers)


@contextlib.contextmanager
def written_folder(folder: Path) -> Iterator[Path]:
    """A temporary folder that takes the name `folder` when the block ends well, and is removed when it does not.

    Everything is on the disk, not only in the system's memory, before it takes the name: a power cut at any moment
    leaves the old folder or the new one. `tidy` clears away what a killed process left.
    """
    temporary = _aside(folder, "part")
    try:
        temporary.mkdir(parents=True)
        yield temporary
        for each in [*temporary.rglob("*"), temporary]:
            _sync(each)
        if folder.exists():
            # The same step again: the old one goes only when the new one is whole.
            replaced = _aside(folder, "old")
            folder.rename(replaced)
            temporary.rename(folder)
            _sync(folder.parent)
            shutil.rmtree(replaced, ignore_errors=True)
        else:
            temporary.rename(folder)
            _sync(folder.parent)
    except (OSError, SafetensorError) as error:
        reason = "the disk is full" if is_disk_full(error) else str(error)
        raise OSError(f"Could not write {folder}: {reason}. Nothing was left there; earlier ones are whole.") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def is_disk_full(error: BaseException) -> bool:
    """Whether an error says that; safetensors has it only as text."""
    return getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT) or "No space left" in str(error)


def checkpoints_in(run_folder: Path) -> list[Path]:
    """The checkpoints of a run, that of the latest step first; of one step its final one first."""
    found = []
    for file in run_folder.glob(f"*/{NUMBERS_NAME}"):
        if file.parent.name.startswith("."):
            continue
        try:
            n_steps = int(read_json(file)["n_steps"])
        except (OSError, ValueError, KeyError, TypeError):
            n_steps = -1  # damaged: the last to be tried
        found.append((n_steps, file.parent.name.startswith(FINAL), file.parent))
    return [folder for _, _, folder in sorted(found, reverse=True)]


def prune(run_folder: Path, n_kept: int) -> list[Path]:
    """The checkpoints that were removed: all but the latest `n_kept`, and but the final one."""
    removed = [each for each in checkpoints_in(run_folder) if not each.name.startswith(FINAL)][n_kept:]
    for folder in removed:
        # Under another name first: a folder that is being emptied is no checkpoint.
        gone = _aside(folder, "gone")
        folder.rename(gone)
        shutil.rmtree(gone, ignore_errors=True)
    return removed


def tidy(run_folder: Path) -> None:
    """Clears away what a killed process left in a run's folder; a checkpoint that it was replacing comes back."""
    for part in run_folder.glob(".*.old"):
        folder = run_folder / part.name[1:].rsplit(".", 2)[0]
        if not folder.exists():
            part.rename(folder)
    for kind in ("part", "old", "gone"):
        for part in run_folder.glob(f".*.{kind}"):
            if part.is_dir():
                shutil.rmtree(part, ignore_errors=True)
            else:
                part.unlink(missing_ok=True)


def write_json(file: Path, values: Mapping[str, Any]) -> None:
    """Values as JSON; what JSON does not know (a dtype, a path) as its text. The file is the old one or the new one."""
    temporary = _aside(file, "part")
    try:
        temporary.write_text(json.dumps(values, indent=2, default=str), encoding="utf-8")
        _sync(temporary)
        os.replace(temporary, file)
    finally:
        temporary.unlink(missing_ok=True)


def _aside(path: Path, kind: str) -> Path:
    return path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.{kind}")


def _sync(path: Path) -> None:
    """Waits until a file, or what a folder lists, is on the disk."""
    if path.is_dir():
        if os.name != "posix":
            return  # Windows opens no folders
        number = os.open(path, os.O_RDONLY)
    else:
        number = os.open(path, os.O_RDWR)
    try:
        os.fsync(number)
    finally:
        os.close(number)
