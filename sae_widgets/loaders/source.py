"""Where an SAE's files are, the same for a folder on this machine and for a repository on the model hub.

A format asks a `Source` for files by name and never learns which of the two it talks to. What a format can only know
from names (Gemma Scope's layer, Qwen Scope's k) it reads from `source.name`.
"""

import copy
import os
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple, TypeVar, final

from torch import Tensor

from sae_widgets.sae.files import read_json, read_tensors

SourceType = TypeVar("SourceType", bound="Source")


class Loaded(NamedTuple):
    """What a format reads: an SAE as SAELens' own files would hold it."""

    config: dict[str, Any]
    """A `cfg.json`, of version 6 or before; see `sae_widgets.sae.versions`."""

    weights: dict[str, Tensor]
    """Under SAELens' names and in its orientation (`W_enc [d_in, d_sae]`, `W_dec [d_sae, d_out]`)."""

    log_sparsity: Tensor | Callable[[], Tensor | None] | None = None
    """log10 of each feature's firing frequency, where the files hold it; or what reads it."""


class Source(ABC):
    """A folder of files at `path` below a root; the root is a local folder or a repository."""

    path: str
    """Where in the root the SAE is, with forward slashes; "" is the root itself. May name a file: some formats keep
    each SAE in one."""

    @property
    @abstractmethod
    def name(self) -> str:
        """Names that formats read facts from: "owner/repo/folder/in/repo", or the absolute local path."""

    @property
    @abstractmethod
    def repo_id(self) -> str | None:
        """ "owner/repo"; None for a local folder."""

    @abstractmethod
    def names(self) -> list[str]:
        """Files of the root, as paths below it; for a hub repository this asks the hub once."""

    def _exists(self, name: str) -> bool:
        """Whether the root has the file `name`."""
        return name in self.names()

    @abstractmethod
    def _fetch(self, name: str) -> Path:
        """The local file for the path `name` below the root; FileNotFoundError if there is none."""

    @final
    def file(self, name: str) -> Path:
        """The local path of the file `name`, relative to `path` ("" is `path` itself, "../x" one above it).

        Raises:
            FileNotFoundError: If there is no such file.
            ValueError: If the name leads out of the root.
        """
        return self._fetch(self.resolved(name))

    @final
    def has(self, name: str) -> bool:
        """Whether the file `name`, relative to `path`, is there."""
        return self._exists(self.resolved(name))

    @final
    def here(self) -> list[str]:
        """Files at and below `path`, relative to it; [""] where `path` is a file."""
        if self.path in (names := self.names()):
            return [""]
        prefix = f"{self.path}/" if self.path else ""
        return [name[len(prefix) :] for name in names if name.startswith(prefix)]

    @final
    def at(self: SourceType, path: str) -> SourceType:
        """The same root, at `path` relative to this one's."""
        other = copy.copy(self)
        other.path = self.resolved(path)
        return other

    @final
    def json(self, name: str) -> dict[str, Any]:
        """The object in the JSON file `name`."""
        return read_json(self.file(name))

    @final
    def tensors(self, name: str, device: str = "cpu") -> dict[str, Tensor]:
        """The tensors of the safetensors file `name`."""
        return read_tensors(self.file(name), device)

    @final
    def resolved(self, name: str) -> str:
        """`name`, relative to `path`, as a path below the root.

        Raises:
            ValueError: If it leads out of the root.
        """
        if name.startswith(("/", "\\")) or "\\" in name or "\0" in name or PurePosixPath(name).is_absolute():
            raise ValueError(f"{name!r} is no path inside {self.name!r}.")
        parts: list[str] = []
        for part in [*self.path.split("/"), *name.split("/")]:
            if part == ".." and not parts:
                raise ValueError(f"{name!r} leads out of {self.name!r}.")
            if part == "..":
                parts.pop()
            elif part not in ("", "."):
                parts.append(part)
        return "/".join(parts)


class FolderSource(Source):
    """Files on this machine.

    Args:
        path: The folder with the SAE, or the file that is one. The root is two folders up at most, so that a format
            can read what stands beside it (sparsify's `../config.json`).
    """

    def __init__(self, path: str | Path) -> None:
        local = Path(path).expanduser().absolute()
        if not local.exists():
            raise FileNotFoundError(f"No folder {str(path)!r}.")
        self._root = local.parents[min(1, len(local.parents) - 1)] if local.parents else local
        self.path = local.relative_to(self._root).as_posix().removeprefix(".")
        self._names: list[str] | None = None

    @property
    def local(self) -> Path:
        """The folder with the SAE, or the file that is one."""
        return self._root / self.path

    @property
    def name(self) -> str:
        return self.local.as_posix()

    @property
    def repo_id(self) -> str | None:
        return None

    def names(self) -> list[str]:
        """Files near the SAE: those beside it and above it in the root, and those below it, three folders deep."""
        if self._names is None:
            below = [self.local] if self.local.is_file() else _files(self.local, depth=3)
            beside = [p for folder in {self.local.parent, self._root} for p in _files(folder, depth=0)]
            self._names = sorted({p.relative_to(self._root).as_posix() for p in (*below, *beside)})
        return self._names

    def _exists(self, name: str) -> bool:
        return (self._root / name).is_file()

    def _fetch(self, name: str) -> Path:
        file = self._root / name
        if not file.is_file():
            raise FileNotFoundError(f"No file {str(file)!r}.")
        return file


def _files(folder: Path, depth: int) -> list[Path]:
    """Files in `folder` and down to `depth` folders below it."""
    found = []
    for place, below, names in os.walk(folder):
        found += [Path(place, name) for name in names]
        if len(Path(place).relative_to(folder).parts) >= depth:
            below.clear()
    return [each for each in found if each.is_file()]
