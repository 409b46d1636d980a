"""Documents made into rows of tokens of one length, resumable at any row."""

import json
from collections import deque
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from jaxtyping import Int
from torch import Tensor

from sae_widgets.activations.documents import Documents


class SequencePacker:
    """Documents of any length made into rows of `context_size` tokens, with special tokens where SAELens puts them.

    A row begins with `begin_row`, and `separator` goes between two documents in a row; neither is added where the
    text has that token already. With `is_concatenated=False` a row holds the start of one document and documents
    that are too short are left out.
    """

    def __init__(
        self,
        context_size: int,
        begin_row: int | None = None,
        separator: int | None = None,
        is_concatenated: bool = True,
    ) -> None:
        self.context_size, self.begin_row, self.separator = context_size, begin_row, separator
        self.is_concatenated = is_concatenated
        self.row: list[int] = []

    def add(self, document: Sequence[int]) -> list[list[int]]:
        """The rows that `document` completes."""
        if not self.is_concatenated:
            return self._first_row(document)
        rows: list[list[int]] = []
        offset = 0
        while offset < len(document):
            if not self.row:
                self.row = [] if self.begin_row in (None, document[offset]) else [self.begin_row]
            elif offset == 0 and self.separator not in (None, document[0]):
                # May be the row's last place: the next one then begins with this document.
                self.row.append(self.separator)
            n_taken = self.context_size - len(self.row)
            self.row.extend(document[offset : offset + n_taken])
            offset += n_taken
            if len(self.row) == self.context_size:
                rows.append(self.row)
                self.row = []
        return rows

    def _first_row(self, document: Sequence[int]) -> list[list[int]]:
        prefix = [] if not document or self.begin_row in (None, document[0]) else [self.begin_row]
        row = [*prefix, *document[: self.context_size - len(prefix)]]
        return [row] if len(row) == self.context_size else []


class TokenRows:
    """Rows `[context_size]` of token ids without end: an epoch follows the other."""

    def __init__(
        self, documents: Documents, tokenizer: Any, packer: SequencePacker, *, n_rows_needed: int = 1, epoch: int = 0
    ) -> None:
        self.documents, self.tokenizer, self.packer = documents, tokenizer, packer
        self.n_rows_needed = n_rows_needed
        """Fewer rows than this in a whole epoch are an error: one batch would hold the same text twice."""
        self.epoch = epoch
        self.n_documents = self.n_rows_of_epoch = 0
        self._rows: deque[list[int]] = deque()
        self._reader: Iterator[list[int]] | None = None

    def take(self, n_rows: int) -> Int[Tensor, "n_rows context"]:
        """The next rows.

        Raises:
            ValueError: If the data is too small.
        """
        while len(self._rows) < n_rows:
            self._read_document()
        return torch.tensor([self._rows.popleft() for _ in range(n_rows)])

    def take_of_epoch(self, n_rows: int) -> Int[Tensor, "n_rows context"]:
        """The next rows, or fewer where the epoch ends first."""
        epoch = self.epoch
        while len(self._rows) < n_rows and self.epoch == epoch:
            self._read_document()
        return torch.tensor([self._rows.popleft() for _ in range(min(n_rows, len(self._rows)))])

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
        rows = self._cut(document) if self.documents.kind == "tokens" else self.packer.add(document)
        self.n_rows_of_epoch += len(rows)
        self._rows.extend(rows)

    def _end_epoch(self) -> None:
        if self.n_rows_of_epoch < self.n_rows_needed:
            size, n_rows = self.packer.context_size, self.n_rows_of_epoch
            raise ValueError(
                f"{self.documents.name} is too small: {self.n_documents:,} documents give {n_rows:,} rows of {size} "
                f"tokens ({n_rows * size:,} tokens), and one batch needs {self.n_rows_needed:,} rows. "
                "Use more text, a smaller context_size or a smaller train_batch_size_tokens."
            )
        self.epoch += 1
        self.n_documents = self.n_rows_of_epoch = 0
        self.packer.row = []
        self._reader = None

    def _tokenized(self, epoch: int, start: int) -> Iterator[list[int]]:
        for chunk in self.documents.read(epoch, start):
            if self.documents.kind == "tokens":
                yield from (row.tolist() if isinstance(row, Tensor) else list(row) for row in chunk)
            else:
                texts = chunk if self.documents.kind == "text" else [self._chat_text(chat) for chat in chunk]
                yield from token_ids(self.tokenizer, texts)

    def _chat_text(self, chat: Any) -> str:
        return self.tokenizer.apply_chat_template(json.loads(chat) if isinstance(chat, str) else chat, tokenize=False)

    def _cut(self, row: list[int]) -> list[list[int]]:
        if len(row) < self.packer.context_size:
            raise ValueError(
                f"{self.documents.name} is tokenised in rows of {len(row)} tokens, fewer than context_size "
                f"{self.packer.context_size}. Set context_size={len(row)}, or tokenise it again in longer rows."
            )
        return [row[: self.packer.context_size]]


def token_ids(tokenizer: Any, texts: list[str]) -> list[list[int]]:
    """Token ids of each text, without special tokens."""
    # verbose=False: documents are longer than the model's context by nature, which the tokenizer would warn of.
    return tokenizer(texts, add_special_tokens=False, verbose=False)["input_ids"]
