"""Data for training as documents: text, or rows of token ids, in an order that a seed and a position give back exactly.

`open_documents` accepts what people have: a list of strings, a text file (documents split on lines `<|endoftext|>`), a
folder of text or data files, a data file or a saved dataset, a `datasets` object, or the name of a dataset on the hub.
A row may be text, a conversation, or token ids; which, its columns say.
"""

import itertools
import mmap
import re
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import torch

from sae_widgets.activations.held_out import part_of
from sae_widgets.activations.token_files import check_token_files, made_with

SEPARATOR = "<|endoftext|>"
TEXT_SUFFIXES = (".txt", ".md", ".text")
DATA_FILES = {".json": "json", ".jsonl": "json", ".csv": "csv", ".parquet": "parquet", ".arrow": "arrow"}
Kind = Literal["text", "tokens", "chat"]
# Column names in the order in which they are looked for; SAELens' own.
COLUMNS: dict[str, Kind] = {
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

    Rows of known number are shuffled anew each epoch; a stream keeps its own order. Of `world_size` readers each gets
    every `world_size`-th document of the same order, so that no two read the same and together they read all.
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
        made_with: Mapping[str, Any] | None = None,
    ) -> None:
        self.rows, self.kind, self.column, self.name = rows, kind, column, name
        self.seed, self.is_shuffled = seed, is_shuffled
        self.made_with = made_with
        """What `sae_lens.json` says of tokens made beforehand; None where there is no such file."""
        self.n_documents: int | None = len(rows) if hasattr(rows, "__len__") else None
        self.held_out: Documents | None = None
        """Documents that are not among these, for evaluation; None where none were kept out."""

    def read(self, epoch: int, start: int, rank: int = 0, world_size: int = 1) -> Iterator[list[Any]]:
        """Documents of an epoch from number `start` of this share on, a few at a time."""
        if self.n_documents is None:
            yield from self._read_stream(start * world_size + rank, world_size)
            return
        order = self._order(epoch)[rank::world_size]
        for first in range(start, len(order), N_READ_AHEAD):
            chunk = order[first : first + N_READ_AHEAD]
            if self.column is not None and hasattr(self.rows, "column_names"):
                yield list(self.rows[chunk][self.column])
            else:
                yield [self._field(self.rows[index]) for index in chunk]

    def _read_stream(self, start: int, step: int) -> Iterator[list[Any]]:
        # `datasets` streams skip fast; anything else is read over.
        rows = self.rows.skip(start) if start and hasattr(self.rows, "skip") else self.rows
        documents = itertools.islice(rows, start if rows is self.rows else 0, None, step)
        while chunk := list(itertools.islice(documents, N_READ_AHEAD)):
            yield [self._field(row) for row in chunk]

    def shuffled(self, seed: int, buffer_size: int = 1) -> "Documents":
        """The same documents in the order of another seed; a stream is shuffled within `buffer_size` documents."""
        is_stream = self.n_documents is None
        if is_stream and not hasattr(self.rows, "shuffle"):
            raise TypeError(
                f"{self.name} is a stream that cannot be shuffled: pass a dataset of `datasets`, or a list."
            )
        rows = self.rows.shuffle(seed=seed, buffer_size=buffer_size) if is_stream else self.rows
        own = {"kind": self.kind, "column": self.column, "name": self.name, "made_with": self.made_with}
        return Documents(rows, seed=seed, is_shuffled=True, **own)

    def _field(self, row: Any) -> Any:
        if self.column is None or not isinstance(row, Mapping):
            return row
        if self.column not in row:
            raise ValueError(f"A row of {self.name} has no {self.column!r}, which the first had; it has {_names(row)}.")
        return row[self.column]

    def _order(self, epoch: int) -> list[int]:
        if not self.is_shuffled:
            return list(range(self.n_documents or 0))
        generator = torch.Generator().manual_seed(self.seed * 1_000_003 + epoch)
        return torch.randperm(self.n_documents or 0, generator=generator).tolist()


def open_documents(
    source: Any,
    *,
    streaming: bool = True,
    split: str = "train",
    seed: int = 0,
    is_shuffled: bool = True,
    column: str | None = None,
    use_chat_formatting: bool = False,
    is_dataset_tokenized: bool | None = None,
    keep_held_out: bool = False,
    **load_settings: Any,
) -> Documents:
    """The documents of `source`.

    Args:
        source: "demo", the bundled texts; a list of strings; the path of a text file, of a folder of them, of a
            json/csv/parquet file or a folder of them, or of a dataset saved by `datasets`; a `datasets` object; or the
            name of a dataset on the hub.
        streaming: Whether a dataset on the hub is read as it comes instead of downloaded first.
        split: Split of a dataset that has several.
        seed: Of the order.
        is_shuffled: Whether documents of known number come in a shuffled order.
        column: The column to read; None takes the first of `COLUMNS` that is there.
        use_chat_formatting: Whether conversations go before other columns; text is then what a user says.
        is_dataset_tokenized: Which to take where there are tokens and text; None takes the tokens.
        keep_held_out: Leave out the documents that are for evaluation, and give them as `Documents.held_out`; see
            `activations.held_out`.
        **load_settings: Further arguments of `datasets.load_dataset` (name, data_files, data_dir, revision).

    Raises:
        ValueError: If there is nothing in it, no column that can be read, or a saved file is damaged.
        FileNotFoundError: If a path does not exist.
    """
    name, path = "the data", None
    load_settings = {key: value for key, value in load_settings.items() if value is not None}
    if isinstance(source, (str, Path)):
        path = str(source)
        name = repr(path)
        source = _open_path_or_name(path, streaming, split, load_settings)
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
    kind, column = _kind_of(first, name, column, use_chat_formatting, is_dataset_tokenized)
    origin = made_with(path) if path is not None and kind == "tokens" else None
    how = {"kind": kind, "column": column, "name": name, "seed": seed, "is_shuffled": is_shuffled, "made_with": origin}
    documents = Documents(source, **how)
    if keep_held_out and (others := part_of(documents, is_held_out=True)) is not None:
        documents = part_of(documents, is_held_out=False)
        documents.held_out = others
    return documents


def _kind_of(
    first: Any, name: str, column: str | None, use_chat_formatting: bool, is_dataset_tokenized: bool | None
) -> tuple[Kind, str | None]:
    """What a row holds, and in which column."""
    if isinstance(first, str):
        return ("chat" if use_chat_formatting else "text"), None
    if isinstance(first, Mapping):
        return _column_of(first, name, column, use_chat_formatting, is_dataset_tokenized)
    if isinstance(first, (Sequence, torch.Tensor)) and len(first) > 0:
        if isinstance(first[0], Mapping):
            return "chat", None
        if not isinstance(first[0], str):
            return "tokens", None
    raise TypeError(f"{name} holds {type(first).__name__}; expected strings, rows of token ids or rows with a column.")


def _column_of(
    first: Mapping[str, Any], name: str, column: str | None, is_chat: bool, is_tokenized: bool | None
) -> tuple[Kind, str | None]:
    if column is not None and column not in first:
        raise ValueError(f"{name} has no column {column!r}; it has {_names(first)}.")
    order: list[Kind] = ["chat", "text"] if is_chat else ["tokens", "text", "chat"]
    if is_tokenized is False and not is_chat:
        order = ["text", "chat", "tokens"]
    wanted = [each for kind in order for each, other in COLUMNS.items() if other == kind]
    found = column or next((each for each in wanted if each in first), None)
    if found is None:
        raise ValueError(
            f"No column of {name} can be read{' as conversations' if is_chat else ''}: it has {_names(first)}; "
            f"expected one of {', '.join(map(repr, wanted))}. Rename the one with the text to 'text'."
        )
    kind: Kind = COLUMNS[found] if found in COLUMNS else _kind_of(first[found], name, None, False, None)[0]
    return "chat" if is_chat else kind, found


def _names(row: Mapping[str, Any]) -> str:
    return ", ".join(map(repr, row))


def _open_path_or_name(source: str, streaming: bool, split: str, load_settings: dict[str, Any]) -> Any:
    if not source:
        raise ValueError("dataset_path is empty: name a text file, a folder, a dataset, or pass override_dataset.")
    if source == "demo":
        from sae_widgets.demo import text_folder

        source = str(text_folder())
    path = Path(source).expanduser()
    if path.is_file() and path.suffix.lower() in TEXT_SUFFIXES:
        return TextFile(path)
    if path.is_file() and path.suffix.lower() in DATA_FILES:
        return _data_files([path], streaming)
    if path.is_file():
        raise ValueError(
            f"{source!r} is no text file ({', '.join(TEXT_SUFFIXES)}) or data file ({', '.join(DATA_FILES)})."
        )
    if path.is_dir():
        return _open_folder(path, streaming)
    if path.suffix.lower() in (*TEXT_SUFFIXES, *DATA_FILES) or path.is_absolute() or source.startswith((".", "~")):
        raise FileNotFoundError(f"No file or folder {source!r} (looked from {Path.cwd()}).")
    from datasets import load_dataset

    return load_dataset(source, split=split, streaming=streaming, **load_settings)


def _open_folder(folder: Path, streaming: bool) -> Any:
    check_token_files(folder)
    if (folder / "state.json").is_file() or (folder / "dataset_dict.json").is_file():
        from datasets import load_from_disk

        return load_from_disk(str(folder))
    texts = sorted(file for file in folder.rglob("*") if file.suffix.lower() in TEXT_SUFFIXES)
    # Data sets come with a README of their own.
    data = [] if any(file.suffix.lower() != ".md" for file in texts) else _data_in(folder)
    if data:
        return _data_files(data, streaming)
    if not texts:
        raise ValueError(
            f"The folder {str(folder)!r} holds no text files ({', '.join(TEXT_SUFFIXES)}) and no data files "
            f"({', '.join(DATA_FILES)})."
        )
    return [document for file in texts for document in TextFile(file)]


def _data_in(folder: Path) -> list[Path]:
    """The data files of one kind in a folder; a lone .json is more often a setting than data."""
    for suffix in (".parquet", ".arrow", ".jsonl", ".csv"):
        if files := sorted(folder.rglob(f"*{suffix}")):
            return files
    return []


def _data_files(files: list[Path], streaming: bool) -> Any:
    from datasets import load_dataset

    kind = DATA_FILES[files[0].suffix.lower()]
    return load_dataset(kind, data_files=[str(file) for file in files], split="train", streaming=streaming)
