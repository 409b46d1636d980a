"""One SAE's folder: `sae_weights.safetensors`, `cfg.json` and, where known, `sparsity.safetensors`.

The layout is SAELens' own, so its version 6 reads what is written here. Each file is written whole under another name
and then renamed: an interrupted or failed write leaves the file that was there before.
"""

import contextlib
import json
import os
import struct
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

WEIGHTS_NAME = "sae_weights.safetensors"
CONFIG_NAME = "cfg.json"
SPARSITY_NAME = "sparsity.safetensors"


def is_sae_folder(path: str | Path) -> bool:
    """Whether `path` holds weights and config under SAELens' names."""
    return all((Path(path) / name).is_file() for name in (WEIGHTS_NAME, CONFIG_NAME))


def write_folder(path: str | Path, config: dict[str, Any], weights: dict[str, Tensor]) -> tuple[Path, Path]:
    """The paths of the weights and config written to `path`, which is made if need be.

    Both files are complete on the disk before either takes its name.
    """
    path = Path(path)
    path.mkdir(parents=True, exist_ok=True)
    text = json.dumps(config, indent=2)
    with (
        written(path / WEIGHTS_NAME, lambda part: save_tensors(weights, part)) as put_weights,
        written(path / CONFIG_NAME, lambda part: part.write_text(text, encoding="utf-8")) as put_config,
    ):
        put_weights()
        put_config()
    return path / WEIGHTS_NAME, path / CONFIG_NAME


def write_sparsity(path: str | Path, log_sparsity: Tensor) -> Path:
    """The path of the file that now holds `log_sparsity`: log10(share of tokens where each feature fires + 1e-10)."""
    path = Path(path)
    path.mkdir(parents=True, exist_ok=True)
    tensors = {"sparsity": log_sparsity.detach().float()}
    with written(path / SPARSITY_NAME, lambda part: save_tensors(tensors, part)) as put:
        put()
    return path / SPARSITY_NAME


def read_sparsity(path: str | Path) -> Tensor | None:
    """The `log_sparsity` in `path`; None where the folder has none.

    Raises:
        ValueError: If the file is damaged or holds something else.
    """
    file = Path(path) / SPARSITY_NAME
    if not file.is_file():
        return None
    tensors = read_tensors(file)
    if "sparsity" not in tensors:
        raise ValueError(f"{file} holds {', '.join(sorted(tensors)) or 'nothing'}; expected 'sparsity'.")
    return tensors["sparsity"]


def read_json(file: Path) -> dict[str, Any]:
    """The object in a JSON file.

    Raises:
        ValueError: If the file is not JSON, or not an object.
    """
    try:
        values = json.loads(file.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{file} is not JSON ({error}). Was it cut off while copying?") from error
    if not isinstance(values, dict):
        raise ValueError(f"{file} holds a {type(values).__name__}; expected an object with the config's keys.")
    return values


def read_tensors(file: Path, device: str = "cpu") -> dict[str, Tensor]:
    """The tensors of a safetensors file.

    Raises:
        ValueError: If the file is damaged; says how many bytes are missing where that is known.
    """
    try:
        return load_file(file, device=str(device))
    except (SafetensorError, struct.error) as error:
        raise ValueError(f"{file} is damaged: {_what_is_wrong(file)} ({error}). Copy or download it again.") from error


def _what_is_wrong(file: Path) -> str:
    size = file.stat().st_size
    if size < 8:
        return f"{size} bytes are too few for a safetensors file"
    with file.open("rb") as stream:
        header_size = struct.unpack("<Q", stream.read(8))[0]
        if header_size > size - 8:
            return f"its header should have {header_size:,} bytes and the whole file has {size:,}"
        try:
            header = json.loads(stream.read(header_size))
            end = max((entry["data_offsets"][1] for name, entry in header.items() if name != "__metadata__"), default=0)
        except (ValueError, KeyError, TypeError, AttributeError):
            return "its header cannot be read"
    expected = 8 + header_size + end
    return (
        f"it has {size:,} bytes where its header promises {expected:,}" if expected != size else "its header is wrong"
    )


def save_tensors(tensors: dict[str, Tensor], file: Path) -> None:
    """Writes a safetensors file."""
    save_file({name: tensor.detach().contiguous() for name, tensor in tensors.items()}, file)


@contextlib.contextmanager
def written(file: Path, write: Callable[[Path], Any]) -> Iterator[Callable[[], None]]:
    """Calls `write` with a temporary file; yields the function that gives it its name. Unnamed, it is removed."""
    temporary = file.with_name(f".{file.name}.{uuid.uuid4().hex[:8]}.part")
    try:
        try:
            write(temporary)
            _flush(temporary)
        except (OSError, SafetensorError) as error:
            raise OSError(f"Could not write {file}: {error}. The file that was there is unchanged.") from error
        yield lambda: os.replace(temporary, file)
    finally:
        with contextlib.suppress(FileNotFoundError):
            temporary.unlink()


def _flush(file: Path) -> None:
    with file.open("rb+") as stream:
        os.fsync(stream.fileno())
