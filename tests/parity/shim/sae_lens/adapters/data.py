"""Rows of tokens, and runners that write to the disk."""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from sae_widgets.activations.chats import chat_text
from sae_widgets.activations.token_rows import SequencePacker, special_token, token_ids
from sae_widgets.runs.pretokenize import PretokenizeRunner


def concat_and_batch_sequences(
    tokens_iterator: Iterator[Tensor],
    context_size: int,
    begin_batch_token_id: int | None = None,
    begin_sequence_token_id: int | None = None,
    sequence_separator_token_id: int | None = None,
    disable_concat_sequences: bool = False,
) -> Iterator[Tensor]:
    packer = SequencePacker(
        context_size,
        begin_batch_token_id,
        sequence_separator_token_id,
        not disable_concat_sequences,
        begin_sequence_token_id,
    )
    for tokens in tokens_iterator:
        yield from (torch.tensor(row) for row in packer.add(tokens.tolist()))


def tokenize_with_chat_template(conversation: Any, tokenizer: Any) -> Tensor:
    return torch.tensor(token_ids(tokenizer, [chat_text(tokenizer, conversation, "the data")])[0])


def get_special_token_from_cfg(cfg_token: Any, tokenizer: Any) -> int | None:
    return special_token(tokenizer, cfg_token)


def pretokenize_runner(cfg: Any) -> Any:
    return PretokenizeRunner(cfg).run()
