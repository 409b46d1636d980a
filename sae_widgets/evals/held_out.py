"""Text that an SAE was not trained on, as rows of tokens: what an evaluation reads unless it is given other text.

In order: the documents that were kept out of the SAE's own training (`activations.held_out`); the bundled texts for the
bundled model; and else the data the SAE was trained on in an order of its own, of which parts may have been trained on.
`HeldOut.name` says which it is.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from jaxtyping import Int
from torch import Tensor

from sae_widgets.activations.documents import Documents, open_documents
from sae_widgets.activations.held_out import part_of
from sae_widgets.activations.token_rows import SequencePacker, TokenRows
from sae_widgets.sae.base import SAE

N_TOKENS = 16_384
"""Enough for an interval of about 0.01 in the CE score of the demo SAEs."""


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
    return HeldOut(TokenRows(documents, tokenizer, packer).take_of_epoch(n_rows), name)


def _documents(model: Any, metadata: Any, data: Any) -> tuple[Documents, str]:
    if data is not None:
        documents = open_documents(data, seed=1)
        return documents, documents.name
    source = metadata.dataset_path or None
    is_split = bool(metadata.get("keep_held_out"))
    if source is None and model.cfg.model_name != "demo":
        raise ValueError(
            "This SAE does not say what it was trained on. Give the text to evaluate on: tokens=[...], a list of texts "
            "or rows of token ids."
        )
    documents = open_documents(source or "demo", seed=1)
    if source is None:
        return documents, "texts the demo was not trained on"
    if is_split and (kept := part_of(documents, is_held_out=True)) is not None:
        return kept, f"documents of {documents.name} kept out of training"
    return documents, f"documents of {documents.name}, of which some may have been trained on"
