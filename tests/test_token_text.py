"""Display text of tokens is exact to the byte, in every kind of vocabulary."""

from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sae_widgets.token_text import CONTINUATION, TextStream, clean_prompt, token_bytes, token_texts
from tests.tiny_model import tiny_tokenizer

HOSTILE = "</script><img onerror=x>\u202e\x00\u2028 🏳️‍🌈 日本 é"


@pytest.fixture(scope="module")
def sentencepiece():
    """A vocabulary as Llama's: ▁ for spaces, <0xXX> for bytes that have no piece."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    pieces = ["<unk>", "<s>", "▁the", "▁cat", "s", *(f"<0x{byte:02X}>" for byte in range(256)), "▁"]
    vocabulary = {piece: i for i, piece in enumerate(pieces)}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[], unk_token="<unk>", byte_fallback=True))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()])
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token="<s>", unk_token="<unk>")


def ids_of(tokenizer, text):
    return tokenizer(text, add_special_tokens=False)["input_ids"]


def test_a_character_of_several_tokens_reads_on_the_first(tokenizer):
    ids = ids_of(tokenizer, "a🙂b")
    assert token_texts(tokenizer, ids) == ["a", "🙂", CONTINUATION, CONTINUATION, CONTINUATION, "b"]


def test_bytes_that_make_no_character_are_escaped(tokenizer):
    cut = ids_of(tokenizer, "🙂")[:3]
    assert token_texts(tokenizer, cut) == [r"\xF0", r"\x9F", r"\x99"]
    assert token_texts(tokenizer, [*cut, *ids_of(tokenizer, "a")]) == [r"\xF0", r"\x9F", r"\x99", "a"]
    middle = ids_of(tokenizer, "🙂")[1:2]
    assert token_texts(tokenizer, middle) == [r"\x9F"]


def test_spaces_are_kept_and_special_tokens_read_by_name(tokenizer):
    ids = [0, *ids_of(tokenizer, " the cat\n\n"), 0]
    texts = token_texts(tokenizer, ids)
    assert texts[0] == texts[-1] == "<|endoftext|>"
    assert "".join(texts[1:-1]) == " the cat\n\n"
    # a special token ends a character that was begun
    begun = ids_of(tokenizer, "é")[:1]
    assert token_texts(tokenizer, [*begun, 0, *ids_of(tokenizer, "é")[1:]]) == [r"\xC3", "<|endoftext|>", r"\xA9"]


def test_ids_past_the_tokenizers_end_read_as_numbers(tokenizer):
    assert token_texts(tokenizer, [5000]) == ["[5000]"]


def test_sentencepiece_keeps_spaces_and_joins_bytes(sentencepiece):
    byte = {n: sentencepiece.convert_tokens_to_ids(f"<0x{n:02X}>") for n in range(256)}
    the, cat = sentencepiece.convert_tokens_to_ids(["▁the", "▁cat"])
    smile = [byte[n] for n in "🙂".encode()]
    texts = token_texts(sentencepiece, [1, the, cat, *smile, byte[0xFF]])
    assert texts == ["<s>", " the", " cat", "🙂", CONTINUATION, CONTINUATION, CONTINUATION, r"\xFF"]


def test_slow_tokenizers_read_the_same(tokenizer):
    slow = SimpleNamespace(  # what a slow byte-level tokenizer of transformers has
        byte_decoder={"a": 97},
        all_special_ids=tokenizer.all_special_ids,
        added_tokens_decoder=tokenizer.added_tokens_decoder,
        convert_ids_to_tokens=tokenizer.convert_ids_to_tokens,
    )
    ids = ids_of(tokenizer, HOSTILE)
    assert token_texts(slow, ids) == token_texts(tokenizer, ids)


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=30))
def test_texts_streams_and_bytes_all_give_the_text_back(text):
    tokenizer = TOKENIZER
    ids = ids_of(tokenizer, text)
    assert "".join(t for t in token_texts(tokenizer, ids) if t != CONTINUATION) == text.replace(CONTINUATION, "")
    stream = TextStream(tokenizer)
    assert "".join(stream.push(i) for i in ids) + stream.flush() == text
    assert b"".join(token_bytes(tokenizer, ids)) == text.encode()


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 299), max_size=20))
def test_any_ids_have_texts_and_streams_agree_with_them(ids):
    tokenizer = TOKENIZER
    texts = token_texts(tokenizer, ids)
    assert len(texts) == len(ids)
    assert all(texts)
    stream = TextStream(tokenizer)
    streamed = "".join(stream.push(i) for i in ids) + stream.flush()
    assert streamed == "".join(text for text in texts if text != CONTINUATION)


TOKENIZER = tiny_tokenizer()


def test_hostile_text_comes_through_unchanged(tokenizer):
    texts = token_texts(tokenizer, ids_of(tokenizer, HOSTILE))
    assert "".join(text for text in texts if text != CONTINUATION) == HOSTILE


def test_surrogates_are_joined_or_replaced():
    assert clean_prompt("a\ud83d\ude42") == "a🙂"
    assert clean_prompt("a\ud83d") == "a\ufffd"
    assert clean_prompt("\ude42a") == "\ufffda"
    assert clean_prompt(HOSTILE) == HOSTILE


def test_ten_thousand_tokens_take_no_time(tokenizer):
    import time

    ids = ids_of(tokenizer, "The cat 🙂 日本 " * 900)
    assert len(ids) > 10_000
    start = time.thread_time()
    token_texts(tokenizer, ids)
    assert time.thread_time() - start < 1.0
