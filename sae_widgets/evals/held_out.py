"""Text that an SAE was not trained on, as rows of tokens: what an evaluation reads unless it is given other text.

In order: the data that was kept out of the SAE's own training run (`part_of`), the bundled texts for the bundled model,
and else the data the SAE was trained on in an order of its own, of which parts may have been trained on; `HeldOut.name`
says which it is.
"""

import copy
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from jaxtyping import Int
from torch import Tensor

from sae_widgets.activations.documents import Documents, open_documents
from sae_widgets.activations.token_rows import SequencePacker, TokenRows
from sae_widgets.sae.base import SAE

N_TOKENS = 16_384
"""Enough for an interval of about 0.01 in the CE score of the demo SAEs."""
EVERY = 20
"""Of so many documents the last is kept out of training."""
FEWEST_DOCUMENTS = 2 * EVERY
"""With fewer than this nothing is kept out: what is trained on would shrink too much."""


class HeldOut(NamedTuple):
    """Rows of tokens, and what they are."""

    rows: Int[Tensor, "n_rows context"]
    name: str


def held_out_tokens(
    model: Any,
    saes: Sequence[SAE],
    data: Any = None,
    n_tokens: int | None = None,
    context_size: int | None = None,
) -> HeldOut:
    """Rows of tokens for an evaluation of `saes`, made as in the first one's training.

    Args:
        model: Whose tokenizer and context these are.
        saes: Their metadata name the data, the context and the special tokens.
        data: As for `open_documents`; None takes what the module says.
        n_tokens: How many, fewer where there are fewer; `N_TOKENS` by default.
        context_size: Tokens in a row; by default the least of the SAEs' own and the model's.

    Raises:
        ValueError: If nobody knows any text, or there is less than one row of it.
    """
    metadata = saes[0].cfg.metadata
    contexts = [int(sae.cfg.metadata.context_size) for sae in saes if sae.cfg.metadata.context_size]
    size = context_size or min([int(model.cfg.n_ctx), *(contexts or [128])])
    documents, name = _documents(model, metadata, data)
    begins = metadata.prepend_bos if metadata.prepend_bos is not None else True
    tokenizer = model.tokenizer
    separator = metadata.sequence_separator_token
    packer = SequencePacker(
        size,
        begin_row=tokenizer.bos_token_id if begins else None,
        separator=getattr(tokenizer, f"{separator}_token_id") if isinstance(separator, str) else separator,
        is_concatenated=not metadata.disable_concat_sequences,
    )
    n_rows = max(1, (n_tokens or N_TOKENS) // size)
    rows = TokenRows(documents, tokenizer, packer).take_of_epoch(n_rows)
    if not len(rows):
        raise ValueError(f"{documents.name} gives no row of {size} tokens. Use more text, or a smaller context_size.")
    return HeldOut(rows, name)


def _documents(model: Any, metadata: Any, data: Any) -> tuple[Documents, str]:
    if data is not None:
        documents = open_documents(data, seed=1)
        return documents, documents.name
    source = metadata.dataset_path or None
    is_split = bool(metadata.get("is_held_out_kept"))
    if source is None and model.cfg.model_name != "demo":
        raise ValueError(
            "This SAE does not say what it was trained on. Give the text to evaluate on: tokens=[...], a list of texts "
            "or rows of token ids."
        )
    documents = open_documents(source or "demo", seed=1)
    if source is None:
        return documents, "texts kept out of the demo's training"
    if is_split and (kept := part_of(documents, is_held_out=True)) is not None:
        return kept, f"documents of {documents.name} kept out of training"
    return documents, f"documents of {documents.name}, of which some may have been trained on"


def part_of(documents: Documents, *, is_held_out: bool) -> Documents | None:
    """The documents that are kept out of training, or the others; None where there are too few to keep any out.

    Every `EVERY`-th document of the data as it lies is kept out, in whatever order the rest is read.
    """
    if documents.n_documents is not None and documents.n_documents < FEWEST_DOCUMENTS:
        return None
    part = copy.copy(documents)
    if documents.n_documents is None:
        part.rows = _StreamPart(documents.rows, is_held_out)
        return part
    chosen = [i for i in range(documents.n_documents) if _is_kept(i) == is_held_out]
    rows = documents.rows
    part.rows = rows.select(chosen) if hasattr(rows, "select") else _RowsAt(rows, chosen)
    part.n_documents = len(chosen)
    return part


def _is_kept(index: int) -> bool:
    return index % EVERY == EVERY - 1


class _RowsAt(Sequence[Any]):
    """Some rows of a sequence."""

    def __init__(self, rows: Any, chosen: list[int]) -> None:
        self._rows, self._chosen = rows, chosen

    def __len__(self) -> int:
        return len(self._chosen)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return [self._rows[i] for i in self._chosen[index]]
        return self._rows[self._chosen[index]]


class _StreamPart:
    """Some documents of a stream, from any of them on; what `datasets` can skip fast is skipped fast."""

    def __init__(self, rows: Any, is_held_out: bool, start: int = 0) -> None:
        self._rows, self._is_held_out, self._start = rows, is_held_out, start

    def skip(self, n: int) -> "_StreamPart":
        """The part from its document number `n` on."""
        return _StreamPart(self._rows, self._is_held_out, self._start + n)

    def __iter__(self) -> Iterator[Any]:
        if self._is_held_out:
            first = self._start * EVERY
        else:
            first = self._start // (EVERY - 1) * EVERY + self._start % (EVERY - 1)
        rows = self._rows.skip(first) if first and hasattr(self._rows, "skip") else self._rows
        for i, row in enumerate(rows, start=first if rows is not self._rows else 0):
            if i >= first and _is_kept(i) == self._is_held_out:
                yield row
