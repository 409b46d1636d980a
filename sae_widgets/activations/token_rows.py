"""Documents made into rows of tokens of one length, resumable at any row.

Special tokens are where SAELens puts them, and nowhere else: a row begins with `begin_row` (bos, where `prepend_bos`),
a document with `begin_sequence`, and `separator` goes between two documents in a row. None is added where the text has
that token already. The tokenizer itself adds none; a chat template writes its own into the text. Tokens made
beforehand are taken as they are.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from jaxtyping import Int
from torch import Tensor

from sae_widgets.activations.chats import chat_text
from sae_widgets.activations.documents import Documents


class SequencePacker:
    """Documents of any length made into rows of `context_size` tokens.

    With `is_concatenated=False` a row holds the start of one document and documents that are too short are left out.
    """

    def __init__(
        self,
        context_size: int,
        begin_row: int | None = None,
        separator: int | None = None,
        is_concatenated: bool = True,
        begin_sequence: int | None = None,
    ) -> None:
        self.context_size, self.begin_row, self.separator = context_size, begin_row, separator
        self.is_concatenated, self.begin_sequence = is_concatenated, begin_sequence
        self.row: list[int] = []

    def add(self, document: Sequence[int]) -> list[list[int]]:
        """The rows that `document` completes."""
        if not self.is_concatenated:
            return self._first_row(document)
        rows: list[list[int]] = []
        offset = 0
        is_start = True
        while offset < len(document):
            prefix = self._prefix(document[offset], is_start)
            n_free = self.context_size - len(self.row)
            # What begins the document may be cut off by the row's end: the next row then begins with it.
            is_start = is_start and len(prefix) > n_free and self.begin_sequence not in (None, document[0])
            taken = [*prefix, *document[offset : offset + n_free]][:n_free]
            offset += max(n_free - len(prefix), 0)
            self.row.extend(taken)
            if len(self.row) == self.context_size:
                rows.append(self.row)
                self.row = []
        return rows

    def _prefix(self, first: int, is_start: bool) -> list[int]:
        """The special tokens in front of what goes into the row next."""
        prefix: list[int] = []
        if is_start and self.begin_sequence not in (None, first):
            prefix = [self.begin_sequence]
        first = prefix[0] if prefix else first
        in_front = self.separator if self.row and is_start else None if self.row else self.begin_row
        return prefix if in_front in (None, first) else [in_front, *prefix]

    def _first_row(self, document: Sequence[int]) -> list[list[int]]:
        begin = self.begin_row if self.begin_sequence is None else self.begin_sequence
        prefix = [] if not document or begin in (None, document[0]) else [begin]
        row = [*prefix, *document[: self.context_size - len(prefix)]]
        return [row] if len(row) == self.context_size else []


class TokenRows:
    """Rows `[context_size]` of token ids without end: an epoch follows the other."""

    def __init__(
        self,
        documents: Documents,
        tokenizer: Any,
        packer: SequencePacker,
        *,
        n_rows_needed: int = 1,
        epoch: int = 0,
        rank: int = 0,
        world_size: int = 1,
    ) -> None:
        if tokenizer is None and documents.kind != "tokens":
            raise ValueError(
                f"{documents.name} is text, and this model has no tokenizer: load_model(model, tokenizer=...), or "
                "give tokens (column 'input_ids')."
            )
        self.documents, self.tokenizer, self.packer = documents, tokenizer, packer
        self.n_rows_needed = n_rows_needed
        """Fewer rows than this in a whole epoch are an error: one batch would hold the same text twice."""
        self.epoch, self.rank, self.world_size = epoch, rank, world_size
        self.n_documents = self.n_rows_of_epoch = self.n_empty = 0
        self._rows: deque[list[int]] = deque()
        self._reader: Iterator[list[int]] | None = None

    def take(self, n_rows: int) -> Int[Tensor, "n_rows context"]:
        """The next rows.

        Raises:
            ValueError: If the data is too small.
        """
        while len(self._rows) < n_rows:
            self._read_document()
        return self._pop(n_rows)

    def take_of_epoch(self, n_rows: int) -> Int[Tensor, "n_rows context"]:
        """The next rows, or fewer where the epoch ends first."""
        epoch = self.epoch
        while len(self._rows) < n_rows and self.epoch == epoch:
            self._read_document()
        return self._pop(min(n_rows, len(self._rows)))

    def _pop(self, n_rows: int) -> Int[Tensor, "n_rows context"]:
        rows = [self._rows.popleft() for _ in range(n_rows)]
        return torch.tensor(rows, dtype=torch.int64).reshape(n_rows, self.packer.context_size)

    def state_dict(self) -> dict[str, Tensor]:
        return {
            "position": torch.tensor([self.epoch, self.n_documents, self.n_rows_of_epoch]),
            "row": torch.tensor(self.packer.row, dtype=torch.int64),
            "rows": torch.tensor(list(self._rows), dtype=torch.int64).reshape(-1, self.packer.context_size),
        }

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        self.epoch, self.n_documents, self.n_rows_of_epoch = state["position"].tolist()
        self.packer.row = state["row"].tolist()
        self._rows = deque(state["rows"].tolist())
        self._reader = None

    def _read_document(self) -> None:
        if self._reader is None:
            self._reader = self._tokenized(self.epoch, self.n_documents)
        document = next(self._reader, None)
        if document is None:
            self._end_epoch()
            return
        self.n_documents += 1
        self.n_empty += not document
        rows = self._cut(document) if self.documents.kind == "tokens" else self.packer.add(document)
        self.n_rows_of_epoch += len(rows)
        self._rows.extend(rows)

    def _end_epoch(self) -> None:
        if self.n_rows_of_epoch < self.n_rows_needed:
            size, n_rows = self.packer.context_size, self.n_rows_of_epoch
            empty = f", {self.n_empty:,} of them without any text," if self.n_empty else ""
            raise ValueError(
                f"{self.documents.name} is too small: {self.n_documents:,} documents{empty} give {n_rows:,} rows of "
                f"{size} tokens ({n_rows * size:,} tokens), and one batch needs {self.n_rows_needed:,} rows. "
                "Use more text, a smaller context_size or a smaller train_batch_size_tokens."
            )
        self.epoch += 1
        self.n_documents = self.n_rows_of_epoch = self.n_empty = 0
        self.packer.row = []
        self._reader = None

    def _tokenized(self, epoch: int, start: int) -> Iterator[list[int]]:
        for chunk in self.documents.read(epoch, start, self.rank, self.world_size):
            if self.documents.kind == "tokens":
                yield from (row.tolist() if hasattr(row, "tolist") else list(row) for row in chunk)
            else:
                yield from token_ids(self.tokenizer, [self._text(each) for each in chunk])

    def _text(self, document: Any) -> str:
        if document is None or document in ("", []):
            return ""  # empty rows are common in data sets, and nothing is lost without them
        if self.documents.kind == "chat":
            return chat_text(self.tokenizer, document, self.documents.name)
        if not isinstance(document, str):
            column = f" in column {self.documents.column!r}" if self.documents.column else ""
            raise TypeError(f"{self.documents.name} holds {type(document).__name__}{column}; expected text.")
        return document

    def _cut(self, row: list[int]) -> list[list[int]]:
        if len(row) < self.packer.context_size:
            raise ValueError(
                f"{self.documents.name} is tokenised in rows of {len(row)} tokens, fewer than context_size "
                f"{self.packer.context_size}. Set context_size={len(row)}, or tokenise it again in longer rows."
            )
        return [row[: self.packer.context_size]]


def token_ids(tokenizer: Any, texts: list[str]) -> list[list[int]]:
    """Token ids of each text, without special tokens."""
    if not any(texts):
        return [[] for _ in texts]
    # verbose=False: documents are longer than the model's context by nature, which the tokenizer would warn of.
    return tokenizer(texts, add_special_tokens=False, verbose=False)["input_ids"]


def special_token(tokenizer: Any, token: str | int | None) -> int | None:
    """The id that "bos", "eos", "sep" or a number names; None for none.

    Raises:
        ValueError: If it is another name.
    """
    if token is None or isinstance(token, int):
        return token
    if token not in ("bos", "eos", "sep"):
        raise ValueError(f"A special token is 'bos', 'eos', 'sep', a token id or None; got {token!r}.")
    return getattr(tokenizer, f"{token}_token_id", None)
