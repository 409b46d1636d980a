"""Files that are not safetensors or JSON: PyTorch's `.pt`, numpy's `.npz`, YAML. Nothing in them is ever run.

A `.pt` is a pickle, and so is an object array in an `.npz`; both can name any function to call. They are read by
`torch.load(weights_only=True)` and `numpy.load(allow_pickle=False)`, which build tensors and plain containers only.
"""

import os
import pickle
import re
import struct
import warnings
import zipfile
import zlib
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import torch
import yaml
from torch import Tensor

_LARGEST_EXPANSION = 200
"""Weights shrink to half at best; only files of (nearly) one value shrink this much."""

_SMALL_BYTES = 256 * 1024**2
"""An archive that unpacks to less than this is harmless however well it is packed."""


def read_torch(file: Path, device: str = "cpu") -> dict[str, Any]:
    """The dict in a `.pt` file: tensors, and plain values beside them.

    Raises:
        ValueError: If the file is damaged, holds something else, or would run code.
    """
    try:
        held = _load_torch(file, device)
    except pickle.UnpicklingError as error:
        wanted = re.search(r"(?:GLOBAL|class|function|global:?)\s+[`']?([\w.]+\.[\w.]+)", str(error))
        what = f"asks for {wanted.group(1)}" if wanted else "holds more than tensors and plain values, or is damaged"
        raise ValueError(f"{file} {what}; nothing in it was run. Only files of tensors are read.") from error
    except (RuntimeError, EOFError, ValueError, KeyError, AttributeError, OSError) as error:
        reason = str(error).partition("\n")[0][:200]
        raise ValueError(f"{file} is no file that PyTorch can read ({reason}). Copy or download it again.") from error
    if not isinstance(held, dict):
        raise ValueError(f"{file} holds a {type(held).__name__}; expected a dict of tensors.")
    return held


def read_npz(file: Path, device: str = "cpu") -> dict[str, Tensor]:
    """The arrays of an `.npz` file.

    Raises:
        ValueError: If the file is damaged, holds pickled objects, or claims to be far larger than it is.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            _check_sizes(file, archive)
            return {name.removesuffix(".npy"): _array(archive, name).to(device) for name in archive.namelist()}
    except (zipfile.BadZipFile, zlib.error, struct.error, EOFError, OSError, NotImplementedError) as error:
        raise ValueError(f"{file} is damaged ({error}). Copy or download it again.") from error
    except ValueError as error:
        raise ValueError(f"{file}: {error}") from error


def read_yaml(file: Path) -> dict[str, Any]:
    """The mapping in a YAML file.

    Raises:
        ValueError: If the file is not YAML, or not a mapping.
    """
    try:
        values = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ValueError(f"{file} is not YAML ({str(error).partition(chr(10))[0]}).") from error
    if not isinstance(values, dict):
        raise ValueError(f"{file} holds a {type(values).__name__}; expected a mapping with the config's keys.")
    return values


def _load_torch(file: Path, device: str) -> Any:
    with warnings.catch_warnings():
        # Of a newer pickle protocol, which is read or refused all the same.
        warnings.filterwarnings("ignore", message="Detected pickle protocol", category=UserWarning)
        # Not mapped: a `torch.save` to the same file, which writes in place, would take the weights' pages away.
        return torch.load(file, map_location=device, weights_only=True)


def _check_sizes(file: Path, archive: zipfile.ZipFile) -> None:
    unpacked = sum(each.file_size for each in archive.infolist())
    if unpacked > max(_SMALL_BYTES, _LARGEST_EXPANSION * file.stat().st_size):
        raise ValueError(
            f"{file.stat().st_size:,} bytes claim to unpack to {unpacked:,}, which no weights do. Nothing was unpacked."
        )


def _array(archive: zipfile.ZipFile, name: str) -> Tensor:
    # numpy.load makes room for whatever shape the header names; here the header must fit the bytes that are there.
    entry = archive.getinfo(name)
    with _opened(archive, entry) as stream:
        start = stream.tell()
        major, _ = np.lib.format.read_magic(stream)
        read_header = np.lib.format.read_array_header_1_0 if major == 1 else np.lib.format.read_array_header_2_0
        shape, in_columns, dtype = read_header(stream)
        if dtype.hasobject:
            raise ValueError(f"{name} holds pickled objects, not numbers; nothing in it was run.")
        expected = int(np.prod(shape, dtype=np.int64)) * dtype.itemsize
        found = entry.file_size - (stream.tell() - start)
        if expected != found:
            raise ValueError(f"the header of {name} promises {expected:,} bytes and {found:,} are there.")
        numbers = np.empty(shape, dtype, order="F" if in_columns else "C")
        _fill(numbers, stream, name)
    try:
        return torch.from_numpy(numbers)
    except TypeError as error:
        raise ValueError(f"{name} holds {dtype}, which are no numbers of PyTorch.") from error


def _opened(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> BinaryIO:
    """What the entry holds, from its first byte on."""
    if entry.compress_type != zipfile.ZIP_STORED:
        return archive.open(entry)  # type: ignore[return-value]  it is one
    # Straight from the file, which is four times as fast (300 MB in 0.4 s); checksums are what downloads are for.
    file = open(str(archive.filename), "rb")  # noqa: SIM115  the caller closes it
    file.seek(entry.header_offset + 26)
    name_size, extra_size = struct.unpack("<HH", file.read(4))
    file.seek(name_size + extra_size, os.SEEK_CUR)
    return file


def _fill(numbers: np.ndarray, stream: BinaryIO, name: str) -> None:
    room = memoryview(numbers.reshape(-1, order="A").view(np.uint8).data)
    while room:
        n_read = stream.readinto(room)  # type: ignore[attr-defined]  binary streams have it
        if not n_read:
            raise ValueError(f"{name} ends {len(room):,} bytes early; copy or download it again.")
        room = room[n_read:]
