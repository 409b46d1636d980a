"""Checkpoints: a folder with everything a run needs to go on as if it had never stopped.

    sae_weights.safetensors  cfg.json  sparsity.safetensors    the SAE in its training form, SAELens' own files
    runner_cfg.json                                            the run's settings
    training_state.safetensors  training_state.json            optimiser, counts, buffer, positions, random state

Tensors and plain numbers only, no pickles. A folder is written under another name and renamed when it is whole: what
goes wrong on the way leaves neither a half checkpoint nor a temporary folder.
"""

import contextlib
import errno
import json
import os
import shutil
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import Tensor

from sae_widgets.sae.base import SAE
from sae_widgets.sae.files import read_json, read_tensors, write_sparsity

TENSORS_NAME = "training_state.safetensors"
NUMBERS_NAME = "training_state.json"
SETTINGS_NAME = "runner_cfg.json"


class Checkpoint(NamedTuple):
    """What a checkpoint holds."""

    folder: Path
    sae: SAE
    tensors: dict[str, Tensor]
    numbers: dict[str, Any]


def write_checkpoint(
    folder: Path,
    sae: SAE,
    log_sparsity: Tensor,
    tensors: Mapping[str, Tensor],
    numbers: Mapping[str, Any],
    settings: Mapping[str, Any],
) -> Path:
    """The folder, once it is whole.

    Raises:
        OSError: If it cannot be written. What was at `folder` before is unchanged, and nothing else is left.
    """
    with written_folder(folder) as temporary:
        sae.save_model(temporary)
        write_sparsity(temporary, log_sparsity)
        write_json(temporary / SETTINGS_NAME, settings)
        write_json(temporary / NUMBERS_NAME, numbers)
        save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, temporary / TENSORS_NAME)
    sae.folder = None  # saving noted the temporary name
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
    sae = SAE.load_from_disk(folder, device=device)
    return Checkpoint(folder, sae, read_tensors(folder / TENSORS_NAME), read_json(folder / NUMBERS_NAME))


@contextlib.contextmanager
def written_folder(folder: Path) -> Iterator[Path]:
    """A temporary folder that takes the name `folder` when the block ends well, and is removed when it does not."""
    temporary = folder.with_name(f".{folder.name}.{uuid.uuid4().hex[:8]}.part")
    try:
        temporary.mkdir(parents=True)
        yield temporary
        for file in temporary.iterdir():
            with file.open("rb") as stream:
                os.fsync(stream.fileno())
        if folder.exists():
            # The same step again: the old one goes only when the new one is whole.
            replaced = folder.with_name(f".{folder.name}.{uuid.uuid4().hex[:8]}.old")
            folder.rename(replaced)
            temporary.rename(folder)
            shutil.rmtree(replaced, ignore_errors=True)
        else:
            temporary.rename(folder)
    except (OSError, SafetensorError) as error:
        reason = "the disk is full" if getattr(error, "errno", None) == errno.ENOSPC else str(error)
        raise OSError(f"Could not write {folder}: {reason}. Nothing was left there; earlier ones are whole.") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def write_json(file: Path, values: Mapping[str, Any]) -> None:
    """Values as JSON; what JSON does not know (a dtype, a path) as its text."""
    file.write_text(json.dumps(values, indent=2, default=str), encoding="utf-8")
