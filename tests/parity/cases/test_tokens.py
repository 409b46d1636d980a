"""Rows of tokens and the activations on them: the same documents give the same in the same order."""

from typing import Any

import datasets
import pytest
import torch
from sae_lens.saes.sae import SAEMetadata
from sae_lens.tokenization_and_batching import concat_and_batch_sequences
from sae_lens.training.activations_store import ActivationsStore

from tests.parity.cases.drawn import used
from tests.parity.cases.drawn_model import SIZE, model
from tests.parity.recording import Recording

BEGIN, SEPARATOR, DOCUMENT = 0, 1, 2
RULES = {
    "nothing added": {},
    "rows begin": {"begin_batch_token_id": BEGIN},
    "rows begin, separated": {"begin_batch_token_id": BEGIN, "sequence_separator_token_id": BEGIN},
    "all three": {
        "begin_batch_token_id": BEGIN,
        "sequence_separator_token_id": SEPARATOR,
        "begin_sequence_token_id": DOCUMENT,
    },
    "documents begin": {"begin_sequence_token_id": DOCUMENT},
    "one a row": {"begin_batch_token_id": BEGIN, "disable_concat_sequences": True},
    "one a row, documents begin": {"begin_sequence_token_id": DOCUMENT, "disable_concat_sequences": True},
}


def documents(n: int = 60) -> list[torch.Tensor]:
    """Of 0 to 20 tokens, special ones among them, at the beginning, too."""
    generator = torch.Generator().manual_seed(3)
    lengths = torch.randint(0, 21, (n,), generator=generator).tolist()
    return [torch.randint(0, 6, (length,), generator=generator) for length in lengths]


@pytest.mark.parametrize("context_size", [2, 5, 12])
@pytest.mark.parametrize("rule", RULES)
def test_rows(rule: str, context_size: int, record: Recording):
    rows = list(concat_and_batch_sequences(iter(documents()), context_size, **RULES[rule]))
    record("rows", [row.tolist() for row in rows])


def store_of(**settings: Any) -> ActivationsStore:
    """On 40 rows of 14 tokens, of which 12 are read."""
    tokens = torch.randint(0, 50, (40, 14), generator=torch.Generator().manual_seed(4))
    stream = datasets.Dataset.from_dict({"input_ids": tokens.tolist()}).to_iterable_dataset()
    metadata = SAEMetadata(
        model_name="drawn", hook_name="blocks.1.hook_resid_pre", context_size=12, prepend_bos=True, **settings
    )
    sae = used("standard", SIZE, metadata=metadata)
    sizes = {"store_batch_size_prompts": 4, "n_batches_in_buffer": 6, "train_batch_size_tokens": 24}
    return ActivationsStore.from_sae(model(), sae, stream, **sizes)


@pytest.mark.parametrize("positions", [(None,), (2, -1), (0, 12, 3)], ids=str)
def test_activations_of_tokens_made_before(positions: tuple[int | None, ...], record: Recording):
    record.label = "activations of the store"
    store = store_of(seqpos_slice=positions)
    record("tokens", store.get_batch_tokens(3).tolist())
    for number in range(12):  # past the end of the data, where it begins anew
        activations, tokens = store.get_raw_llm_batch()
        record(f"tokens: {number}", tokens.tolist())
        record(f"activations: {number}", activations)
    record("activations of given tokens", store.get_activations(torch.arange(24).reshape(2, 12)))
