"""Activations on the disk: written shard by shard, read row by row in any order, checked as they are read.

    activations.json         what they are, which shards there are, and while it is being made, where to go on
    shard-00000.safetensors  {hook name: [n_rows, n_positions, width], "token_ids": int32 [n_rows, n_positions],
                              "crc32": int64 [n_rows, n_hooks + 1], of each row at each hook and of its tokens}

A row is one text of `context_size` tokens. Reading takes rows with plain file reads, so memory holds what was asked for
and no more, whatever the size of the cache; each row's checksum is compared the first time it is read. The layout of
SAELens (a dataset of `datasets`, one column a hook) is read too.

A shard is written under another name and renamed when it is whole, and `activations.json` changes only then: whatever
stops the work, it goes on after the last whole shard and gives the same shards.
"""

import json
import os
import struct
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import torch
from jaxtyping import Int
from torch import Tensor

MANIFEST_NAME = "activations.json"
FORMAT = "sae_widgets activations 1"
TOKENS, CHECKSUMS = "token_ids", "crc32"
_DTYPES = {
    **{"F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16, "F64": torch.float64},
    **{"I32": torch.int32, "I64": torch.int64},
}
_NAMES = {dtype: name for name, dtype in _DTYPES.items()}


@runtime_checkable
class Rows(Protocol):
    """Cached rows, in whatever layout."""

    hook_names: list[str]
    widths: dict[str, int]
    dtype: torch.dtype
    n_rows: int
    n_positions: int
    has_tokens: bool

    def read(self, rows: Sequence[int], hook_name: str) -> Tensor:
        """Activations `[n, n_positions, width]` of these rows."""
        ...

    def read_tokens(self, rows: Sequence[int]) -> Tensor:
        """Token ids `[n, n_positions]` of these rows."""
        ...


class CachedActivations:
    """Activations in a folder; `CacheActivationsRunner` writes them."""

    def __init__(self, folder: Path, rows: Rows, settings: Mapping[str, Any]) -> None:
        self.folder, self.rows, self.settings = folder, rows, dict(settings)

    @property
    def keeps_held_out(self) -> bool:
        """Whether documents for evaluation were left out of it."""
        return bool(self.settings.get("keep_held_out"))

    @classmethod
    def open(cls, path: str | Path) -> "CachedActivations":
        """What is in the folder, in our layout or SAELens'.

        Raises:
            FileNotFoundError: If there are none.
            ValueError: If they are not finished, or a file is damaged.
        """
        folder = Path(path).expanduser()
        if (folder / MANIFEST_NAME).is_file():
            manifest = read_manifest(folder)
            if not manifest["is_finished"]:
                raise ValueError(
                    f"The activations in {str(folder)!r} are not finished: run CacheActivationsRunner again with the "
                    "same settings; it goes on where it stopped."
                )
            return cls(folder, ShardRows(folder, manifest), manifest["settings"])
        if (folder / "state.json").is_file():
            from sae_widgets.activations.arrow_rows import ArrowRows

            return cls(folder, ArrowRows(folder), {})
        raise FileNotFoundError(
            f"No cached activations in {str(folder)!r}: neither {MANIFEST_NAME} nor state.json (SAELens). "
            "CacheActivationsRunner writes them."
        )

    @property
    def n_rows(self) -> int:
        return self.rows.n_rows

    @property
    def n_tokens(self) -> int:
        return self.rows.n_rows * self.rows.n_positions

    @property
    def hook_names(self) -> list[str]:
        return self.rows.hook_names

    @property
    def context_size(self) -> int | None:
        """Tokens in a text; None where nobody says (SAELens' layout), and it may have been sliced."""
        return self.settings.get("context_size")

    @property
    def seqpos_slice(self) -> tuple[int | None, ...]:
        """The positions of a text that were kept."""
        return tuple(self.settings.get("seqpos_slice") or (None,))

    def __len__(self) -> int:
        return self.n_rows

    def __repr__(self) -> str:
        hooks = ", ".join(f"{name} [{self.rows.widths[name]}]" for name in self.hook_names)
        return (
            f"CachedActivations({str(self.folder)!r}: {self.n_rows:,} rows of {self.rows.n_positions} tokens, {hooks}, "
            f"{str(self.rows.dtype).removeprefix('torch.')})"
        )

    def check(self) -> None:
        """Reads everything once.

        Raises:
            ValueError: If a row is damaged; names the shard and the row.
        """
        for start in range(0, self.n_rows, 64):
            rows = range(start, min(start + 64, self.n_rows))
            for name in self.hook_names:
                self.rows.read(rows, name)
            if self.rows.has_tokens:
                self.rows.read_tokens(rows)


class ShardRows:
    """Rows of our own layout."""

    def __init__(self, folder: Path, manifest: Mapping[str, Any]) -> None:
        self.hook_names: list[str] = list(manifest["widths"])
        self.widths: dict[str, int] = dict(manifest["widths"])
        self.dtype: torch.dtype = getattr(torch, manifest["settings"]["dtype"])
        self.n_positions: int = manifest["n_positions"]
        self.has_tokens = True
        self._shards = [Shard(folder / each["name"], each["n_bytes"]) for each in manifest["shards"]]
        self._starts = torch.tensor([0, *(each["n_rows"] for each in manifest["shards"])]).cumsum(0)
        self.n_rows = int(self._starts[-1])

    def read(self, rows: Sequence[int], hook_name: str) -> Tensor:
        return self._read(rows, hook_name, self.hook_names.index(hook_name), self.widths[hook_name], self.dtype)

    def read_tokens(self, rows: Sequence[int]) -> Tensor:
        return self._read(rows, TOKENS, len(self.hook_names), None, torch.int32).long()

    def _read(self, rows: Sequence[int], name: str, column: int, width: int | None, dtype: torch.dtype) -> Tensor:
        shape = [len(rows), self.n_positions] + ([] if width is None else [width])
        found = torch.empty(shape, dtype=dtype)
        # By shard, so that each file is opened once.
        wanted = torch.as_tensor(list(rows))
        of_shard = torch.searchsorted(self._starts, wanted, right=True) - 1
        for number in of_shard.unique().tolist():
            places = (of_shard == number).nonzero().flatten()
            inside = (wanted[places] - self._starts[number]).tolist()
            self._shards[number].read(name, column, inside, found, places.tolist())
        return found


class Shard:
    """One safetensors file, of which single rows are read.

    Raises:
        ValueError: If it is missing or not as long as it was.
    """

    def __init__(self, path: Path, n_bytes: int) -> None:
        self.path = path
        size = path.stat().st_size if path.is_file() else None
        if size != n_bytes:
            raise self._damaged("is missing" if size is None else f"has {size:,} bytes instead of {n_bytes:,}")
        self._entries: dict[str, Any] | None = None
        self._checksums = torch.empty(0)
        self._is_checked = torch.empty(0)

    def read(self, name: str, column: int, rows: list[int], into: Tensor, places: list[int]) -> None:
        """Rows of one tensor, to these places of `into`."""
        view = _bytes_of(into)
        with self.path.open("rb") as file:
            if self._entries is None:
                self._read_header(file)
            assert self._entries is not None
            start, n_bytes = self._entries[name]["start"], view.shape[1]
            for row, place in zip(rows, places, strict=True):
                file.seek(start + row * n_bytes)
                if file.readinto(view[place]) != n_bytes:
                    raise self._damaged(f"ends before row {row}")
                if not self._is_checked[row, column]:
                    if zlib.crc32(view[place]) != self._checksums[row, column]:
                        raise self._damaged(f"has another content than was written, at row {row} of {name!r}")
                    self._is_checked[row, column] = True

    def _read_header(self, file: Any) -> None:
        try:
            n_header = struct.unpack("<Q", file.read(8))[0]
            entries = json.loads(file.read(n_header))
        except (struct.error, ValueError, OverflowError, MemoryError) as error:
            raise self._damaged("begins with what is no header") from error
        for entry in entries.values():
            entry["start"] = 8 + n_header + entry["data_offsets"][0]
        file.seek(entries[CHECKSUMS]["start"])
        self._checksums = torch.empty(entries[CHECKSUMS]["shape"], dtype=torch.int64)
        file.readinto(_bytes_of(self._checksums))
        self._is_checked = torch.zeros_like(self._checksums, dtype=torch.bool)
        self._entries = entries

    def _damaged(self, how: str) -> ValueError:
        return ValueError(
            f"The shard {self.path} {how}. Delete the folder and run CacheActivationsRunner again, or copy it anew."
        )


def default_folder(dataset_path: str, model_name: str, hook_name: str, hook_head_index: int | None = None) -> str:
    """Where activations are written, and read, unless said otherwise; as SAELens names it."""
    parts = (dataset_path, model_name, hook_name if hook_head_index is None else f"{hook_name}_{hook_head_index}")
    return "/".join(("activations", *(each.strip("/.").replace("/", "_") for each in parts)))


def cache_of(cfg: Any) -> CachedActivations:
    """What a training run with `use_cached_activations` reads."""
    named = (cfg.dataset_path, cfg.model_name, cfg.hook_name, cfg.hook_head_index)
    return CachedActivations.open(cfg.cached_activations_path or default_folder(*named))


class CacheWriter:
    """Writes shards; goes on where an earlier one stopped.

    Args:
        folder: Where; made if there is none.
        settings: Everything that decides what is written.
        widths: Hook name -> width.
        n_positions: Tokens of a row that are kept.

    Raises:
        FileExistsError: If something else is there.
        ValueError: If what is there was begun with other settings; says which differ.
    """

    def __init__(self, folder: Path, settings: Mapping[str, Any], widths: Mapping[str, int], n_positions: int) -> None:
        self.folder = folder
        self._manifest: dict[str, Any] = {
            **{"format": FORMAT, "settings": json.loads(json.dumps(dict(settings))), "widths": dict(widths)},
            **{"n_positions": n_positions, "shards": [], "position": {}, "is_finished": False},
        }
        if (folder / MANIFEST_NAME).is_file():
            self._go_on(read_manifest(folder))
        elif folder.is_dir() and any(not each.name.endswith(".part") for each in folder.iterdir()):
            raise FileExistsError(f"{str(folder)!r} holds something else: name a folder that is empty or new.")
        folder.mkdir(parents=True, exist_ok=True)
        for stray in folder.glob(".*.part"):
            stray.unlink()

    @property
    def is_finished(self) -> bool:
        return self._manifest["is_finished"]

    @property
    def n_rows(self) -> int:
        return sum(each["n_rows"] for each in self._manifest["shards"])

    @property
    def position(self) -> dict[str, Any]:
        """Where reading goes on, as it was given to `add`."""
        return self._manifest["position"]

    def add(self, parts: Mapping[str, Tensor], tokens: Int[Tensor, "n_rows n_positions"], position: Any) -> None:
        """One more shard.

        Raises:
            OSError: If it cannot be written; those before are whole.
        """
        name = f"shard-{len(self._manifest['shards']):05d}.safetensors"
        tensors = {**parts, TOKENS: tokens.to(torch.int32).contiguous()}
        checksums = torch.stack([_row_checksums(each) for each in tensors.values()], dim=1)
        part = self.folder / f".{name}.part"
        try:
            n_bytes = _write_tensors(part, {**tensors, CHECKSUMS: checksums})
            part.rename(self.folder / name)
        except OSError as error:
            part.unlink(missing_ok=True)
            raise OSError(
                f"Could not write {self.folder / name}: {error.strerror or error}. The shards before it are whole; run "
                "it again with the same settings, and it goes on after them."
            ) from error
        self._manifest["shards"].append({"name": name, "n_rows": len(tokens), "n_bytes": n_bytes})
        self._manifest["position"] = position
        self._write_manifest()

    def finish(self) -> None:
        self._manifest["is_finished"] = True
        self._write_manifest()

    def _write_manifest(self) -> None:
        part = self.folder / f".{MANIFEST_NAME}.part"
        with part.open("w", encoding="utf-8") as file:
            json.dump(self._manifest, file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        part.replace(self.folder / MANIFEST_NAME)

    def _go_on(self, begun: dict[str, Any]) -> None:
        there, here = ({**each["settings"], "widths": each["widths"]} for each in (begun, self._manifest))
        differing = [name for name in sorted({*there, *here}) if there.get(name) != here.get(name)]
        if differing:
            told = "; ".join(f"{name}: {there.get(name)!r} there, {here.get(name)!r} here" for name in differing)
            raise ValueError(
                f"The activations in {str(self.folder)!r} were made with other settings ({told}). Name another folder."
            )
        self._manifest = begun


def read_manifest(folder: Path) -> dict[str, Any]:
    """What `activations.json` says.

    Raises:
        ValueError: If it is damaged, or of another version.
    """
    path = folder / MANIFEST_NAME
    try:
        manifest = json.loads(path.read_text("utf-8"))
    except ValueError as error:
        raise ValueError(f"{path} is damaged: {error}.") from error
    if manifest.get("format") != FORMAT:
        raise ValueError(f"{path} is of the format {manifest.get('format')!r}; expected {FORMAT!r}.")
    return manifest


def _row_checksums(rows: Tensor) -> Int[Tensor, " n_rows"]:
    view = _bytes_of(rows)
    return torch.tensor([zlib.crc32(view[row]) for row in range(len(rows))], dtype=torch.int64)


def _bytes_of(rows: Tensor) -> Any:
    """The memory of each row, as an array `[n_rows, n_bytes]`; no copy."""
    return rows.view(torch.uint8).reshape(len(rows), -1).numpy()


def _write_tensors(path: Path, tensors: Mapping[str, Tensor]) -> int:
    """Bytes of the safetensors file; written from where the tensors are, without a copy of them."""
    header: dict[str, Any] = {}
    end = 0
    for name, each in tensors.items():
        start, end = end, end + each.nbytes
        header[name] = {"dtype": _NAMES[each.dtype], "shape": list(each.shape), "data_offsets": [start, end]}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with path.open("wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for each in tensors.values():
            file.write(_bytes_of(each))
        file.flush()
        os.fsync(file.fileno())
    return 8 + len(text) + end
