"""Data for training as documents: text, or rows of token ids, in an order that a seed and a position give back exactly.

`open_documents` accepts what people have: a list of strings, a text file (documents split on lines `<|endoftext|>`), a
folder of text files, a data file or a saved dataset, a `datasets` object, or the name of a dataset on the hub.
"""

import itertools
import mmap
import re
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import torch

SEPARATOR = "<|endoftext|>"
TEXT_SUFFIXES = (".txt", ".md", ".text")
DATA_FILES = {".json": "json", ".jsonl": "json", ".csv": "csv", ".parquet": "parquet", ".arrow": "arrow"}
# Column names in the order in which they are looked for; SAELens' own.
COLUMNS: dict[str, str] = {
    "tokens": "tokens",
    "input_ids": "tokens",
    "text": "text",
    "problem": "text",
    "conversation": "chat",
    "conversations": "chat",
    "messages": "chat",
}
N_READ_AHEAD = 32  # documents tokenised in one call: enough for a fast tokenizer's threads, little to repeat on resume
LONGEST_DOCUMENT_BYTES = 1 << 20  # a longer one is cut at a line end, so that a book without separators is shuffled too

Kind = Literal["text", "tokens", "chat"]


class TextFile(Sequence[str]):
    """Documents of a text file, split on lines that hold `<|endoftext|>` alone; read from the disk when asked for."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._bounds = array("q")
        if self.path.stat().st_size == 0:
            return
        with self.path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            start = 0
            for match in re.finditer(rb"(?:^|\n)<\|endoftext\|>[ \t]*(?=\r?\n|\Z)", data):
                self._add(data, start, match.start())
                start = match.end()
            self._add(data, start, len(data))

    def _add(self, data: mmap.mmap, start: int, end: int) -> None:
        while end - start > LONGEST_DOCUMENT_BYTES:
            cut = data.rfind(b"\n", start + 1, start + LONGEST_DOCUMENT_BYTES) + 1 or start + LONGEST_DOCUMENT_BYTES
            self._bounds.extend((start, cut))
            start = cut
        if data[start:end].strip():
            self._bounds.extend((start, end))

    def __len__(self) -> int:
        return len(self._bounds) // 2

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        start, end = self._bounds[2 * index], self._bounds[2 * index + 1]
        with self.path.open("rb") as file:
            file.seek(start)
            text = file.read(end - start).decode("utf-8", errors="replace")
        return text.replace("\r\n", "\n").strip("\n")


class Documents:
    """Documents in an order given by seed and epoch alone, so that reading can go on from any position.

    Rows of known number are shuffled anew each epoch; a stream keeps its own order.
    """

    def __init__(
        self,
        rows: Any,
        *,
        kind: Kind = "text",
        column: str | None = None,
        name: str = "the data",
        seed: int = 0,
        is_shuffled: bool = True,
    ) -> None:
        self.rows, self.kind, self.column, self.name = rows, kind, column, name
        self.seed, self.is_shuffled = seed, is_shuffled
        self.n_documents: int | None = len(rows) if hasattr(rows, "__len__") else None

    def read(self, epoch: int, start: int) -> Iterator[list[Any]]:
        """Documents of an epoch from number `start` on, a few at a time."""
        if self.n_documents is None:
            # `datasets` streams skip fast; anything else is read over.
            rows = self.rows.skip(start) if start and hasattr(self.rows, "skip") else self.rows
            documents = iter(rows)
            if start and rows is self.rows:
                documents = itertools.islice(documents, start, None)
            while chunk := list(itertools.islice(documents, N_READ_AHEAD)):
                yield [self._field(row) for row in chunk]
            return
        order = self._order(epoch)
        for first in range(start, self.n_documents, N_READ_AHEAD):
            chunk = order[first : first + N_READ_AHEAD]
            if self.column is not None and hasattr(self.rows, "column_names"):
                yield list(self.rows[chunk][self.column])
            else:
                yield [self._field(self.rows[index]) for index in chunk]

    def _field(self, row: Any) -> Any:
        return row[self.column] if self.column is not None and isinstance(row, Mapping) else row

    def _order(self, epoch: int) -> list[int]:
        if not self.is_shuffled:
            return list(range(self.n_documents or 0))
        generator = torch.Generator().manual_seed(self.seed * 1_000_003 + epoch)
        return torch.randperm(self.n_documents or 0, generator=generator).tolist()


def open_documents(
    source: Any, *, streaming: bool = True, split: str = "train", seed: int = 0, is_shuffled: bool = True
) -> Documents:
    """The documents of `source`.

    Args:
        source: "demo", the bundled texts; a list of strings; the path of a text file, of a folder of them, of a
            json/csv/parquet file or of a dataset saved by `datasets`; a `datasets` object; or the name of a dataset on
            the hub.
        streaming: Whether a dataset on the hub is read as it comes instead of downloaded first.
        split: Split of a dataset that has several.
        seed: Of the order.
        is_shuffled: Whether documents of known number come in a shuffled order.

    Raises:
        ValueError: If there is nothing in it, or no column that can be read.
        FileNotFoundError: If a path does not exist.
    """
    name = "the data"
    if isinstance(source, (str, Path)):
        name = repr(str(source))
        source = _open_path_or_name(str(source), streaming, split)
    # DatasetDict and IterableDatasetDict
    if isinstance(source, Mapping) and split in source:
        source = source[split]
    elif isinstance(source, Mapping):
        raise ValueError(f"{name} has no split {split!r}; it has: {', '.join(map(str, source))}.")
    if isinstance(source, Iterator):
        raise TypeError(f"{name} can be read only once; pass a list or a dataset, so that a run can be resumed.")
    if not isinstance(source, Iterable):
        raise TypeError(f"Expected texts, a dataset, a path or a name, got {type(source).__name__}.")
    if hasattr(source, "__len__") and len(source) == 0:  # pyright: ignore[reportArgumentType]
        raise ValueError(f"{name} is empty: there is nothing to train on.")
    first = next(iter(source), None)
    if first is None:
        raise ValueError(f"{name} is empty: there is nothing to train on.")
    kind, column = _kind_of(first, name)
    return Documents(source, kind=kind, column=column, name=name, seed=seed, is_shuffled=is_shuffled)


def _kind_of(first: Any, name: str) -> tuple[Kind, str | None]:
    if isinstance(first, str):
        return "text", None
    if isinstance(first, Mapping):
        column = next((column for column in COLUMNS if column in first), None)
        if column is None:
            raise ValueError(
                f"No column of {name} can be read: it has {', '.join(map(repr, first))}; "
                f"expected one of {', '.join(map(repr, COLUMNS))}. Rename the one with the text to 'text'."
            )
        return COLUMNS[column], column  # pyright: ignore[reportReturnType]
    if isinstance(first, (Sequence, torch.Tensor)) and len(first) > 0 and not isinstance(first[0], (str, Mapping)):
        return "tokens", None
    raise TypeError(f"{name} holds {type(first).__name__}; expected strings, rows of token ids or rows with a column.")


def _open_path_or_name(source: str, streaming: bool, split: str) -> Any:
    if not source:
        raise ValueError("dataset_path is empty: name a text file, a folder, a dataset, or pass override_dataset.")
    if source == "demo":
        from sae_widgets.demo import text_folder

        source = str(text_folder())
    path = Path(source).expanduser()
    if path.is_file() and path.suffix.lower() in TEXT_SUFFIXES:
        return TextFile(path)
    if path.is_file() and path.suffix.lower() in DATA_FILES:
        from datasets import load_dataset

        return load_dataset(DATA_FILES[path.suffix.lower()], data_files=str(path), split="train", streaming=streaming)
    if path.is_file():
        raise ValueError(
            f"{source!r} is no text file ({', '.join(TEXT_SUFFIXES)}) or data file ({', '.join(DATA_FILES)})."
        )
    if path.is_dir() and ((path / "state.json").is_file() or (path / "dataset_dict.json").is_file()):
        from datasets import load_from_disk

        return load_from_disk(str(path))
    if path.is_dir():
        files = sorted(file for file in path.rglob("*") if file.suffix.lower() in TEXT_SUFFIXES)
        if not files:
            raise ValueError(f"The folder {source!r} holds no text files ({', '.join(TEXT_SUFFIXES)}).")
        return [document for file in files for document in TextFile(file)]
    if path.suffix.lower() in (*TEXT_SUFFIXES, *DATA_FILES) or path.is_absolute() or source.startswith((".", "~")):
        raise FileNotFoundError(f"No file or folder {source!r} (looked from {Path.cwd()}).")
    from datasets import load_dataset

    return load_dataset(source, split=split, streaming=streaming)
