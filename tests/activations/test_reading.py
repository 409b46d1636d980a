"""What data may be: conversations, tokens made before, columns, shares; and how far a forward goes."""

import itertools
import json

import pytest
import torch

from sae_widgets.activations import hook_reader
from sae_widgets.activations.chats import messages
from sae_widgets.activations.documents import Documents, open_documents
from sae_widgets.activations.hook_reader import HookReader
from sae_widgets.activations.settings import StoreSettings
from sae_widgets.activations.store import ActivationsStore
from sae_widgets.activations.token_rows import SequencePacker, TokenRows, special_token
from sae_widgets.hooked import as_hooked
from tests.tiny_lm import WORDS, TinyLM, TinyTokenizer, sentences

HOOK = "blocks.1.hook_resid_pre"
SMALL = {"context_size": 8, "train_batch_size_tokens": 32, "store_batch_size_prompts": 4, "n_batches_in_buffer": 6}


def store_of(data, model=None, **settings):
    opened = data if isinstance(data, Documents) else open_documents(data)
    return ActivationsStore(model or TinyLM(), opened, StoreSettings(**{"hook_name": HOOK, **SMALL, **settings}))


class ChatTokenizer(TinyTokenizer):
    """Says who speaks by a word of its own."""

    chat_template = "{{ messages }}"

    def apply_chat_template(self, conversation, tokenize):
        assert not tokenize
        voice = {"user": "cat", "assistant": "dog"}
        return " ".join(f"{voice[each['role']]} {each['content']}" for each in conversation)


def chatting(tokenizer=None):
    model = TinyLM()
    model.tokenizer = tokenizer or ChatTokenizer()
    return model


# Conversations

CHAT = [{"role": "user", "content": "the mat"}, {"role": "assistant", "content": "a tree"}]
SHAREGPT = [{"from": "human", "value": "the mat"}, {"from": "gpt", "value": "a tree"}]


@pytest.mark.parametrize("column", ["conversation", "conversations", "messages"])
@pytest.mark.parametrize("chat", [CHAT, SHAREGPT, json.dumps(CHAT)], ids=["roles", "sharegpt", "json"])
def test_conversations_are_read_by_the_chat_template(column, chat):
    words = ["cat", "the", "mat", "dog", "a", "tree"]
    ids = [1 + WORDS.index(word) for word in words]
    tokens = store_of([{column: chat}] * 20, chatting(), disable_concat_sequences=True, context_size=7).rows.take(3)
    assert tokens.tolist() == [[0, *ids]] * 3


def test_conversations_go_before_text_when_asked_and_text_is_what_a_user_says():
    rows = [{"text": "the mat", "messages": CHAT}]
    assert open_documents(rows).kind == "text"
    asked = open_documents(rows, use_chat_formatting=True)
    assert (asked.kind, asked.column) == ("chat", "messages")
    only_text = open_documents([{"text": "the mat"}], use_chat_formatting=True)
    read = TokenRows(only_text, ChatTokenizer(), SequencePacker(3)).take(1)
    assert read.tolist() == [[1 + WORDS.index(word) for word in ("cat", "the", "mat")]]
    with pytest.raises(ValueError, match=r"No column .* as conversations: it has 'input_ids'"):
        open_documents([{"input_ids": [1, 2]}], use_chat_formatting=True)


def test_a_tokenizer_without_a_chat_template_is_named_as_the_reason():
    with pytest.raises(ValueError, match=r"tokenizer has no chat template .* set tokenizer\.chat_template"):
        store_of([{"messages": CHAT}], chatting(TinyTokenizer())).rows.take(1)


def test_what_is_no_conversation_is_shown():
    assert messages("hello", "data") == [{"role": "user", "content": "hello"}]
    with pytest.raises(ValueError, match=r"cannot be read: \"\[\{'who'.*A message is \{'role'"):
        messages([{"who": "me"}], "data")


# Tokens made before


@pytest.mark.parametrize("column", ["tokens", "input_ids"])
def test_tokens_are_taken_as_they_are(column):
    rows = [{column: [5, 6, 7, 8, 9, 10, 11, 12, 13]}] * 20
    assert store_of(rows).rows.take(1).tolist() == [[5, 6, 7, 8, 9, 10, 11, 12]]


def test_where_there_are_tokens_and_text_is_dataset_tokenized_chooses():
    rows = [{"input_ids": [1, 2, 3], "text": "the cat"}]
    assert [open_documents(rows, is_dataset_tokenized=each).kind for each in (None, True, False)] == [
        *("tokens", "tokens", "text"),
    ]


def test_tokens_that_the_model_has_not_are_refused():
    with pytest.raises(ValueError, match=r"token id 50,256, and this model's are 0 to 20: the tokens are another"):
        store_of([{"tokens": [1, 2, 3, 4, 5, 6, 7, 50_256]}] * 20).next_batch()


def test_a_column_can_be_named_and_what_is_not_there_is_listed():
    assert open_documents([{"body": "the cat", "id": 3}], column="body").kind == "text"
    with pytest.raises(ValueError, match="the data has no column 'boddy'; it has 'body', 'id'"):
        open_documents([{"body": "the cat", "id": 3}], column="boddy")
    with pytest.raises(ValueError, match="it has 'id'; expected one of 'tokens', 'input_ids', 'text'"):
        open_documents([{"id": 3}])
    with pytest.raises(ValueError, match="A row of the data has no 'text', which the first had; it has 'body'"):
        store_of([{"text": "the cat"}, {"body": "the cat"}]).next_batch()


# Texts with nothing in them


def test_empty_texts_are_passed_over():
    rows = [{"text": text} for text in ["the cat sat on", "", None, "a big dog ran"]] * 10
    tokens = store_of(rows, prepend_bos=False, sequence_separator_token=None, context_size=4).rows.take(20)
    assert {tuple(row) for row in tokens.tolist()} == {(1, 3, 5, 7), (2, 17, 4, 6)}


def test_data_of_empty_texts_only_says_so():
    with pytest.raises(ValueError, match=r"too small: 3 documents, 3 of them without any text, give 0 rows"):
        store_of(["", "", ""]).next_batch()
    with pytest.raises(TypeError, match="holds int in column 'text'; expected text"):
        store_of([{"text": "the cat"}, {"text": (3,)}, {"text": 7}] * 10, context_size=2).next_batch()


# Special tokens


def test_a_begin_token_of_documents_goes_in_front_of_each():
    packer = SequencePacker(5, begin_row=0, separator=9, begin_sequence=8)
    rows = [row for document in ([1, 2], [8, 3], [4]) for row in packer.add(document)]
    assert rows == [[0, 8, 1, 2, 9], [0, 8, 3, 9, 8]]
    assert packer.row == [0, 4]


def test_a_special_token_has_three_names():
    assert [special_token(TinyTokenizer(), each) for each in ("bos", 7, None)] == [0, 7, None]
    with pytest.raises(ValueError, match="A special token is 'bos', 'eos', 'sep', a token id or None; got 'pad'"):
        special_token(TinyTokenizer(), "pad")


# Files


def test_a_folder_of_data_files_is_read(tmp_path):
    datasets = pytest.importorskip("datasets")
    for number in (0, 1):
        part = datasets.Dataset.from_dict({"text": [f"the cat {number}", "a dog"]})
        part.to_parquet(tmp_path / f"part-{number}.parquet")
    (tmp_path / "README.md").write_text("what this is")
    read = [text for chunk in open_documents(str(tmp_path)).read(0, 0) for text in chunk]
    assert sorted(read) == ["a dog", "a dog", "the cat 0", "the cat 1"]


# Shares


@pytest.mark.parametrize("kind", ["list", "stream"])
def test_shares_have_no_document_in_common_and_are_all_together(kind):
    datasets = pytest.importorskip("datasets")
    texts = [str(i) for i in range(70)]
    source = texts if kind == "list" else datasets.Dataset.from_dict({"text": texts}).to_iterable_dataset()
    documents = open_documents(source, seed=3)

    def read(rank, start=0):
        return [text for chunk in documents.read(1, start, rank, 3) for text in chunk]

    shares = [read(rank) for rank in range(3)]
    assert sorted(itertools.chain(*shares), key=int) == texts
    assert [len(share) for share in shares] == [24, 23, 23]
    assert read(1, start=9) == shares[1][9:]


def test_processes_gather_different_activations():
    one, other = (store_of(sentences(), rank=rank, world_size=2) for rank in (0, 1))
    assert not torch.equal(one.rows.take(4), other.rows.take(4))
    with pytest.raises(ValueError, match="rank is from 0 to world_size - 1; got rank 2 of 2"):
        StoreSettings(hook_name=HOOK, rank=2, world_size=2)


# Hooks


def test_a_forward_ends_at_the_last_hook_that_is_read():
    model, passed = TinyLM(), []
    for name in ("blocks.0.hook_resid_post", "blocks.1.mlp.hook_in", "blocks.1.hook_resid_post"):
        model.hook_dict[name].add_hook(lambda act, hook, name=name: passed.append(name))
    read = HookReader(model, ["blocks.1.hook_resid_pre", "blocks.0.hook_mlp_out"])
    passed.clear()
    tokens = torch.tensor([[0, 1, 2, 3]])
    out = read(tokens)
    assert passed == ["blocks.0.hook_resid_post"]
    whole = model.run_with_cache(tokens, names_filter=["blocks.1.hook_resid_pre", "blocks.0.hook_mlp_out"])[1]
    assert torch.equal(out[..., :16], whole["blocks.1.hook_resid_pre"])
    assert torch.equal(out[..., 16:], whole["blocks.0.hook_mlp_out"])
    assert model.n_forwards == 3


@pytest.mark.parametrize(("shape", "sizes"), [((5, 3), [3, 2]), ((2, 20), [1, 1]), ((1, 4), [1]), ((4, 2), [4])])
def test_a_long_forward_is_made_in_parts(monkeypatch, shape, sizes):
    tokens, seen = torch.arange(shape[0] * shape[1]).view(shape) % 7, []

    def captured(model, part, names):
        seen.append(len(part))
        return [part[..., None] * 2.0, part[..., None] * 3.0]

    monkeypatch.setattr(hook_reader, "AT_ONCE", 8)
    monkeypatch.setattr(hook_reader, "captured", captured)
    found = hook_reader.capture_all(as_hooked(TinyLM()), tokens, [HOOK, "blocks.0.hook_resid_pre"])
    assert seen == sizes
    assert all(torch.equal(each, tokens[..., None] * factor) for each, factor in zip(found, (2, 3), strict=True))


def test_a_model_that_is_run_as_it_is_is_run_once(monkeypatch):
    tokens, model = torch.arange(15).view(5, 3) % 7, as_hooked(TinyLM())
    (expected,) = hook_reader.capture_all(model, tokens, [HOOK])
    monkeypatch.setattr(hook_reader, "AT_ONCE", 8)
    (found,) = hook_reader.capture_all(model, tokens, [HOOK])
    assert torch.equal(found, expected)


def test_a_head_that_is_not_there_is_refused():
    with pytest.raises(ValueError, match=r"hook_head_index is 4; 'blocks.0.attn.hook_z' has heads 0 to 3"):
        HookReader(TinyLM(), "blocks.0.attn.hook_z", hook_head_index=4)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "float64"])
def test_batches_have_the_dtype_that_was_asked_for(dtype):
    plain, other = store_of(sentences()), store_of(sentences(), dtype=dtype)
    batch = other.next_batch()
    assert batch.dtype == getattr(torch, dtype)
    assert torch.equal(plain.next_batch().to(batch.dtype), batch)


# Ahead of training


def test_batches_made_ahead_are_those_made_when_asked_for():
    plain, ahead = store_of(sentences()), store_of(sentences(), prefetch_llm_batches=3)
    for _ in range(12):
        assert torch.equal(ahead.next_batch(), plain.next_batch())


def test_a_state_taken_while_others_are_made_ahead_gives_the_same_batches():
    whole = store_of(sentences())
    expected = [whole.next_batch() for _ in range(14)]
    first = store_of(sentences(), prefetch_llm_batches=2)
    for _ in range(5):
        first.next_batch()
    state = {name: value.clone() for name, value in first.state_dict().items()}
    resumed = store_of(sentences(), prefetch_llm_batches=True)
    resumed.load_state_dict(state)
    assert all(torch.equal(resumed.next_batch(), batch) for batch in expected[5:])


def test_tokens_taken_by_hand_are_the_next_although_others_were_made_ahead():
    plain, ahead = store_of(sentences()), store_of(sentences(), prefetch_llm_batches=4)
    assert torch.equal(ahead.next_batch(), plain.next_batch())
    assert torch.equal(ahead.get_batch_tokens(3), plain.get_batch_tokens(3))
    assert torch.equal(ahead.next_batch(), plain.next_batch())


def test_an_error_made_ahead_is_raised_where_the_batch_is_asked_for():
    model = TinyLM()
    store = store_of(sentences(), model, prefetch_llm_batches=2)
    store.next_batch()

    def fail(n_forwards):
        raise RuntimeError("the model broke")

    model.when_called = fail
    with pytest.raises(RuntimeError, match="the model broke"):
        [store.next_batch() for _ in range(9)]
    model.when_called = lambda n_forwards: None
    assert store.next_batch().shape == (32, 16)


def test_the_thread_ends_with_its_store():
    import gc
    import threading

    others = set(threading.enumerate())
    store = store_of(sentences(), prefetch_llm_batches=2)
    store.next_batch()
    (thread,) = set(threading.enumerate()) - others
    del store
    gc.collect()
    thread.join(5.0)
    assert not thread.is_alive()


# SAELens' methods


def test_raw_and_filtered_forwards():
    store, plain = (store_of(sentences(), exclude_special_tokens=True) for _ in range(2))
    activations, tokens = store.get_raw_llm_batch()
    assert activations.shape == (32, 16)
    assert torch.equal(tokens, store_of(sentences()).rows.take(4).flatten())
    assert torch.equal(plain.get_filtered_llm_batch(), activations[tokens != 0])
    short = store_of(sentences(40))
    with pytest.raises(StopIteration, match="The documents end here"):
        [short.get_raw_llm_batch(raise_on_epoch_end=True) for _ in range(1000)]


def test_the_data_can_be_shuffled_and_begun_anew():
    store = store_of(sentences())
    loader = store.get_data_loader()
    first = next(loader)
    store.shuffle_input_dataset(seed=9)
    shuffled = store.get_batch_tokens(4)
    assert not torch.equal(shuffled, store_of(sentences()).get_batch_tokens(4))
    store.reset_input_dataset()
    assert torch.equal(store.get_batch_tokens(4), shuffled)
    assert first.shape == next(loader).shape


def test_a_stream_is_shuffled_where_it_can_be():
    datasets = pytest.importorskip("datasets")
    stream = datasets.Dataset.from_dict({"text": sentences()}).to_iterable_dataset()
    store = store_of(stream)
    first = store.get_batch_tokens(4)
    store.shuffle_input_dataset(seed=1, buffer_size=50)
    assert not torch.equal(store.get_batch_tokens(4), first)


def test_the_state_goes_to_a_checkpoint_and_back(tmp_path):
    store = store_of(sentences())
    store.next_batch()
    store.save_to_checkpoint(tmp_path)
    assert (tmp_path / "activations_store_state.safetensors").is_file()
    other = store_of(sentences())
    other.load_from_checkpoint(tmp_path)
    assert torch.equal(store.next_batch(), other.next_batch())
