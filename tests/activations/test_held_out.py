"""Documents kept out of training are kept out, whatever they lie in and wherever reading begins."""

import pytest

from sae_widgets.activations.documents import open_documents
from sae_widgets.activations.held_out import EVERY, part_of

TEXTS = [f"text {i}" for i in range(100)]
KEPT = [f"text {i}" for i in range(EVERY - 1, 100, EVERY)]


def read(documents, start=0):
    return [text for chunk in documents.read(0, start) for text in chunk]


class Stream:
    """Documents without a length."""

    def __init__(self, can_skip):
        if can_skip:
            self.skip = lambda n: _Skipped(n)

    def __iter__(self):
        return iter(TEXTS)


class _Skipped:
    def __init__(self, n):
        self.n = n

    def __iter__(self):
        return iter(TEXTS[self.n :])


def of_datasets(is_stream):
    import datasets

    made = datasets.Dataset.from_dict({"text": TEXTS})
    return made.to_iterable_dataset() if is_stream else made


SOURCES = {
    "list": lambda: TEXTS,
    "stream": lambda: Stream(False),
    "stream that skips": lambda: Stream(True),
    "dataset": lambda: of_datasets(False),
    "streamed dataset": lambda: of_datasets(True),
}


@pytest.mark.parametrize("kind", SOURCES)
def test_every_twentieth_document_is_kept_out(kind):
    documents = open_documents(SOURCES[kind](), is_shuffled=False, keep_held_out=True)
    trained = [text for text in TEXTS if text not in KEPT]
    assert read(documents) == trained
    assert read(documents.held_out) == KEPT
    for start in (1, 18, 19, 20, 40):
        assert read(documents, start) == trained[start:]
    assert read(documents.held_out, 2) == KEPT[2:]


def test_in_a_shuffled_order_the_same_are_kept_out():
    for seed in range(3):
        documents = open_documents(TEXTS, seed=seed, keep_held_out=True)
        assert sorted(read(documents.held_out)) == sorted(KEPT)
        assert not set(read(documents)) & set(KEPT)
    shuffled = open_documents(of_datasets(True), keep_held_out=True).shuffled(3, buffer_size=30)
    assert sorted(read(shuffled)) == sorted(set(TEXTS) - set(KEPT))
    with pytest.raises(TypeError, match="This stream cannot be shuffled"):
        open_documents(Stream(False), keep_held_out=True).shuffled(3)


def test_few_documents_are_all_trained_on():
    documents = open_documents(TEXTS[:39], keep_held_out=True)
    assert documents.held_out is None
    assert len(read(documents)) == 39
    assert part_of(documents, is_held_out=True) is None
    assert open_documents(TEXTS).held_out is None
