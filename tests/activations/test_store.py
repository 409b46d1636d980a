"""Documents, rows of tokens, and batches of activations."""

import pytest
import torch

from sae_widgets.activations.documents import TextFile, open_documents
from sae_widgets.activations.store import ActivationsStore, Cancelled, StoreSettings
from sae_widgets.activations.token_rows import SequencePacker, TokenRows
from sae_widgets.sae import SAE
from tests.tiny_lm import TinyLM, TinyTokenizer, sentences

HOOK = "blocks.1.hook_resid_pre"


def store_of(data=None, model=None, d_in=None, seed=42, **settings):
    values = {
        **{"context_size": 8, "train_batch_size_tokens": 32, "store_batch_size_prompts": 4, "n_batches_in_buffer": 6},
        **settings,
    }
    documents = open_documents(sentences() if data is None else data, seed=seed)
    return ActivationsStore(model or TinyLM(), documents, StoreSettings(hook_name=HOOK, seed=seed, **values), d_in)


# Documents


def test_a_text_file_is_split_on_separator_lines(tmp_path):
    path = tmp_path / "text.txt"
    path.write_bytes(
        "one\ntwo\n<|endoftext|>\r\nthree <|endoftext|> inside\n<|endoftext|>\n\n<|endoftext|>\né\n".encode()
    )
    file = TextFile(path)
    assert list(file) == ["one\ntwo", "three <|endoftext|> inside", "é"]
    assert file[1:] == ["three <|endoftext|> inside", "é"]


def test_a_long_document_is_cut_at_a_line_end(tmp_path):
    path = tmp_path / "book.txt"
    path.write_text("a line of the book\n" * 100_000)
    file = TextFile(path)
    assert len(file) == 2
    assert all(part.startswith("a line") and part.endswith("book") for part in file)
    assert "\n".join(file) == path.read_text().strip()


def test_bytes_that_are_no_text_do_not_stop_reading(tmp_path):
    path = tmp_path / "text.txt"
    path.write_bytes(b"good \xff\xfe bad")
    assert list(TextFile(path)) == ["good \ufffd\ufffd bad"]


@pytest.mark.parametrize("kind", ["file", "folder", "jsonl", "saved", "dataset", "stream", "list"])
def test_documents_are_the_same_from_every_source(kind, tmp_path):
    datasets = pytest.importorskip("datasets")
    texts = ["the cat", "a dog sat", "it was red"]
    dataset = datasets.Dataset.from_dict({"text": texts})
    if kind in ("file", "folder"):
        (tmp_path / "text.txt").write_text("\n<|endoftext|>\n".join(texts))
    dataset.to_json(tmp_path / "rows.jsonl")
    dataset.save_to_disk(tmp_path / "saved")
    source = {
        "file": str(tmp_path / "text.txt"),
        "folder": str(tmp_path),
        "jsonl": str(tmp_path / "rows.jsonl"),
        "saved": str(tmp_path / "saved"),
        "dataset": dataset,
        "stream": dataset.to_iterable_dataset(),
        "list": texts,
    }[kind]
    documents = open_documents(source)
    for epoch in (0, 1):
        assert sorted(text for chunk in documents.read(epoch, 0) for text in chunk) == sorted(texts)


def test_the_order_depends_on_seed_and_epoch_and_can_be_entered_anywhere():
    texts = [str(i) for i in range(100)]

    def order(seed, epoch, start=0):
        return [text for chunk in open_documents(texts, seed=seed).read(epoch, start) for text in chunk]

    assert order(0, 0) == order(0, 0) != order(0, 1) != order(1, 1)
    assert order(0, 1, start=37) == order(0, 1)[37:]
    assert sorted(order(0, 3), key=int) == texts


def test_a_stream_keeps_its_order_and_is_skipped_into():
    datasets = pytest.importorskip("datasets")
    stream = datasets.Dataset.from_dict({"text": [str(i) for i in range(80)]}).to_iterable_dataset()
    read = [text for chunk in open_documents(stream).read(0, 50) for text in chunk]
    assert read == [str(i) for i in range(50, 80)]


def test_the_bundled_texts_are_documents():
    documents = open_documents("demo")
    assert documents.n_documents > 200
    text = next(documents.read(0, 0))[0]
    assert len(text) > 100
    assert "<|endoftext|>" not in text


@pytest.mark.parametrize(
    ("source", "error", "message"),
    [
        ("", ValueError, "dataset_path is empty"),
        ("./nothing.txt", FileNotFoundError, "No file or folder './nothing.txt'"),
        ([], ValueError, "is empty: there is nothing to train on"),
        (3, TypeError, "Expected texts, a dataset, a path or a name, got int"),
        ([3], TypeError, "holds int; expected strings"),
        ({"test": ["a"]}, ValueError, "no split 'train'; it has: test"),
        (iter(["a"]), TypeError, "can be read only once"),
    ],
)
def test_what_cannot_be_read_is_refused(source, error, message):
    with pytest.raises(error, match=message):
        open_documents(source)


# Rows of tokens


def packed(documents, **settings):
    packer = SequencePacker(4, **settings)
    return [row for document in documents for row in packer.add(document)], packer.row


@pytest.mark.parametrize(
    ("documents", "settings", "rows", "left"),
    [
        # By hand, as SAELens' concat_and_batch_sequences.
        ([[1, 2, 3, 4, 5]], {}, [[1, 2, 3, 4]], [5]),
        ([[1, 2, 3, 4, 5]], {"begin_row": 0}, [[0, 1, 2, 3]], [0, 4, 5]),
        ([[0, 1, 2, 3, 4]], {"begin_row": 0}, [[0, 1, 2, 3]], [0, 4]),
        ([[1, 2], [3, 4]], {"begin_row": 0, "separator": 9}, [[0, 1, 2, 9]], [0, 3, 4]),
        ([[1], [2, 3]], {"separator": 9}, [[1, 9, 2, 3]], []),
        ([[1], [9, 3, 4]], {"separator": 9}, [[1, 9, 3, 4]], []),
        ([[1, 2, 3, 4], [5]], {"separator": 9}, [[1, 2, 3, 4]], [5]),
        ([[], [1, 2, 3, 4]], {}, [[1, 2, 3, 4]], []),
        ([[1, 2, 3], [1, 2, 3, 4, 5]], {"begin_row": 0, "is_concatenated": False}, [[0, 1, 2, 3]] * 2, []),
        ([[1, 2], [0, 2, 3, 4, 5]], {"begin_row": 0, "is_concatenated": False}, [[0, 2, 3, 4]], []),
    ],
)
def test_documents_are_packed_into_rows(documents, settings, rows, left):
    assert packed(documents, **settings) == (rows, left)


def rows_of(source=None, n_rows_needed=1, context_size=8):
    return TokenRows(
        open_documents(sentences(30) if source is None else source),
        TinyTokenizer(),
        SequencePacker(context_size, begin_row=0, separator=0),
        n_rows_needed=n_rows_needed,
    )


def test_rows_go_on_exactly_where_their_state_was_taken():
    whole, first = rows_of(), rows_of()
    expected = whole.take(200)
    taken = first.take(77)
    state = first.state_dict()
    first.take(9)
    second = rows_of()
    second.load_state_dict(state)
    assert torch.equal(torch.cat([taken, second.take(123)]), expected)
    assert whole.epoch == 1


def test_taking_rows_one_by_one_equals_taking_them_at_once():
    one_by_one = rows_of()
    assert torch.equal(torch.cat([one_by_one.take(1) for _ in range(40)]), rows_of().take(40))


def test_data_without_a_whole_row_is_an_error():
    with pytest.raises(ValueError, match=r"too small: 1 documents give 0 rows of 8 tokens \(0 tokens\)"):
        rows_of(["the cat"]).take(1)


def test_tokenised_rows_are_cut_and_short_ones_refused():
    data = [{"input_ids": list(range(1, 11))}, {"input_ids": list(range(11, 21))}]
    rows = rows_of(data).take(2)
    assert sorted(rows[:, 0].tolist()) == [1, 11]
    assert rows.shape == (2, 8)
    with pytest.raises(ValueError, match=r"rows of 10 tokens, fewer than context_size 12\. Set context_size=10"):
        rows_of(data, context_size=12).take(1)


# Activations


def test_activations_are_those_of_the_model_at_the_hook():
    model = TinyLM()
    store = store_of(model=model)
    tokens = store.get_batch_tokens(3)
    expected = model.run_with_cache(tokens, names_filter=[HOOK])[1][HOOK]
    torch.testing.assert_close(store.get_activations(tokens), expected, rtol=0.0, atol=0.0)


def test_a_model_that_stops_elsewhere_is_still_read_at_the_hook():
    class Shifted(TinyLM):
        def __call__(self, tokens, return_type="logits", stop_at_layer=None):
            out = super().__call__(tokens, return_type, stop_at_layer)
            return out + 1 if stop_at_layer == 1 else out

    model = Shifted()
    tokens = torch.tensor([[0, 1, 2, 3]])
    expected = model.run_with_cache(tokens, names_filter=[HOOK])[1][HOOK]
    assert torch.equal(store_of(model=model).get_activations(tokens), expected)


def test_heads_are_joined_or_one_is_picked():
    model = TinyLM()
    tokens = torch.tensor([[0, 1, 2, 3]])
    z = model.run_with_cache(tokens, names_filter=["blocks.0.attn.hook_z"])[1]["blocks.0.attn.hook_z"]
    settings = {"hook_name": "blocks.0.attn.hook_z", "context_size": 8, "train_batch_size_tokens": 8}
    documents = open_documents(sentences())
    joined = ActivationsStore(model, documents, StoreSettings(**settings))
    one = ActivationsStore(model, documents, StoreSettings(hook_head_index=2, **settings))
    assert torch.equal(joined.get_activations(tokens), z.flatten(2))
    assert torch.equal(one.get_activations(tokens), z[:, :, 2])
    assert (joined.d_in, one.d_in) == (16, 4)


def test_every_activation_is_served_once():
    # Activations that say who they are: the embedding of word i is i, the position is told by order alone.
    store = store_of(n_batches_in_buffer=4, prepend_bos=False, sequence_separator_token=None)
    seen = store.rows.take(4 * 40)
    fresh = store_of(n_batches_in_buffer=4, prepend_bos=False, sequence_separator_token=None)
    served = torch.cat([fresh.next_batch() for _ in range(36)])
    pool = store.get_activations(seen).flatten(0, 1)

    def counted(rows):
        return sorted(map(tuple, rows.double().mul(1e6).round().tolist()))

    everything = counted(torch.cat([served, fresh._buffer.rows]))
    assert everything == counted(pool[: len(everything)])


def test_batches_mix_the_text_unless_told_not_to():
    ordered = store_of(activations_mixing_fraction=0.0)
    tokens = store_of().rows.take(20)
    expected = store_of().get_activations(tokens).flatten(0, 1)
    served = torch.cat([ordered.next_batch() for _ in range(5)])
    assert torch.equal(served, expected[:160])
    assert not torch.equal(store_of().next_batch(), expected[:32])


def test_special_tokens_can_be_left_out():
    model = TinyLM()
    bos = store_of(model=model).get_activations(torch.tensor([[0, 1]]))[0, 0]
    store = store_of(model=model, exclude_special_tokens=True)
    batches = torch.cat([store.next_batch() for _ in range(10)])
    assert not (batches - bos).abs().amax(1).lt(1e-6).any()
    with_bos = torch.cat([store_of(model=model).next_batch()])
    assert (with_bos - bos).abs().amax(1).lt(1e-6).any()


def test_only_the_wanted_positions_are_kept():
    store = store_of(seqpos_slice=(2, -1))
    assert store.get_activations(torch.tensor([[0, 1, 2, 3, 4, 5, 6, 7]])).shape == (1, 5, 16)
    assert store.next_batch().shape == (32, 16)


def test_batches_go_on_exactly_where_their_state_was_taken():
    whole, first = store_of(), store_of()
    expected = [whole.next_batch() for _ in range(30)]
    for _ in range(13):
        first.next_batch()
    state = {name: value.clone() for name, value in first.state_dict().items()}
    first.next_batch()
    second = store_of()
    second.load_state_dict(state)
    assert all(torch.equal(second.next_batch(), batch) for batch in expected[13:])


def test_a_batch_given_up_between_two_forwards_is_not_lost():
    plain, cancelled = store_of(), store_of()
    asked = []

    def every_other(done, total):
        asked.append((done, total))
        return len(asked) % 2 == 1

    batches = []
    while len(batches) < 10:
        try:
            batches.append(cancelled.next_batch(every_other))
        except Cancelled:
            continue
    assert all(torch.equal(batch, plain.next_batch()) for batch in batches)
    assert all(done < total for done, total in asked)


def test_a_state_of_other_settings_is_refused():
    state = store_of(n_batches_in_buffer=20).state_dict() | {"buffer": torch.zeros(10_000, 16)}
    with pytest.raises(ValueError, match="resume with the settings the run was started with"):
        store_of().load_state_dict(state)


def test_evaluation_tokens_leave_training_alone():
    plain, evaluated = store_of(), store_of()
    first = evaluated.eval_tokens(5)
    batches = [evaluated.next_batch() for _ in range(3)]
    assert torch.equal(evaluated.eval_tokens(5), first)
    assert all(torch.equal(batch, plain.next_batch()) for batch in batches)
    assert not torch.equal(first, store_of().rows.take(5))
    assert len(store_of(["the cat sat on the mat and then it was red"] * 8).eval_tokens(1000)) < 20


def test_the_mean_norm_is_that_of_the_next_tokens_which_are_still_served():
    plain, measured = store_of(), store_of()
    norm = measured.mean_norm(64)
    expected = plain.get_activations(store_of().rows.take(8)).norm(dim=-1).mean()
    assert norm == pytest.approx(float(expected), rel=1e-6)


def test_a_model_in_use_is_waited_for():
    import threading

    model = TinyLM()
    store = store_of(model=model)
    done = threading.Event()
    with store.model.lock:
        worker = threading.Thread(target=lambda: (store.next_batch(), done.set()))
        worker.start()
        assert not done.wait(0.2)
    assert done.wait(5.0)
    worker.join()


def test_the_store_of_an_sae_reads_what_the_sae_says():
    from sae_widgets.architectures import StandardSAEConfig

    sae = SAE.from_config(StandardSAEConfig(d_in=16, d_sae=8))
    with pytest.raises(ValueError, match="does not say what it was trained on"):
        ActivationsStore.from_sae(TinyLM(), sae)
    for name, value in {"hook_name": HOOK, "context_size": 8, "prepend_bos": True}.items():
        sae.cfg.metadata[name] = value
    store = ActivationsStore.from_sae(
        TinyLM(), sae, sentences(), store_batch_size_prompts=8, train_batch_size_tokens=64, n_batches_in_buffer=2
    )
    assert store.get_batch_tokens().shape == (8, 8)
    assert next(iter(store)).shape == (64, 16)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"context_size": 1}, "context_size must be at least 2"),
        ({"n_batches_in_buffer": 0}, "n_batches_in_buffer must be at least 1"),
        ({"activations_mixing_fraction": 1.5}, r"activations_mixing_fraction is in \[0, 1\]"),
        ({"seqpos_slice": (8, None)}, "leaves no position of 8"),
        ({"train_batch_size_tokens": 4096}, "cannot hold a batch of 4,096. Raise n_batches_in_buffer"),
        ({"d_in": 24}, f"d_in is 24, but '{HOOK}' of this model is 16 wide: set d_in=16"),
    ],
)
def test_settings_that_cannot_work_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        store_of(**settings)
