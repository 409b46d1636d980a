"""A pass over text goes on after a stop, and several processes share one."""

import itertools
import socket

import pytest
import torch
import torch.multiprocessing

from sae_widgets.features.lab import FeatureLab
from sae_widgets.features.state import facts_of, pass_from_bytes, pass_to_bytes
from sae_widgets.features.statistics import FeatureStatistics
from sae_widgets.features.survey import feature_statistics, gather, new_pass, statistics_of
from tests.features.two_processes import HOOK, KEPT, child, plain_model, rows_of_tokens
from tests.tiny_model import TEXT, tiny_topk

NUMBERS = ("density", "max_act", "mean_act", "histogram", "bin_width", "moments", "design_effect", "neurons")


@pytest.fixture(scope="module")
def model():
    return plain_model()


@pytest.fixture(scope="module")
def sae():
    return tiny_topk(HOOK)


@pytest.fixture(scope="module")
def rows():
    return rows_of_tokens()


@pytest.fixture(scope="module")
def alone(model, sae, rows):
    return feature_statistics(model, sae, rows, **KEPT)


def assert_same(one, other):
    assert (one.n_tokens, one.n_rows) == (other.n_tokens, other.n_rows)
    for name in NUMBERS:
        torch.testing.assert_close(getattr(one, name), getattr(other, name), rtol=1e-5, atol=1e-6)
    for name in ("top_contexts", "random_contexts", "interval_contexts"):
        left, right = (
            {f: [(c.row, c.start, c.position) for c in cs] for f, cs in getattr(each, name).items()}
            for each in (one, other)
        )
        assert left == right, name
    for feature, contexts in one.top_contexts.items():
        assert [c.n_times for c in contexts] == [c.n_times for c in other.top_contexts[feature]]
    assert one.top_tokens == other.top_tokens
    for name in ("tokens", "row", "starts", "feature"):
        assert torch.equal(getattr(one.sample, name), getattr(other.sample, name)), name
    torch.testing.assert_close(one.sample.value, other.sample.value)


class CutError(Exception):
    """As of a kernel that is killed, but that Python can tell of it."""


def cut_after(n_batches):
    calls = itertools.count(1)

    def on_progress(done, total):
        if next(calls) == n_batches:
            raise CutError

    return on_progress


@pytest.mark.parametrize("other_size", [4, 5])
def test_a_pass_that_was_cut_goes_on_from_its_folder(model, sae, rows, alone, tmp_path, other_size):
    folder = tmp_path / "features"
    with pytest.raises(CutError):
        feature_statistics(model, sae, rows, folder=folder, on_progress=cut_after(2), **KEPT)
    assert [path.name for path in folder.iterdir()] == ["pass-0.safetensors"]
    seen = []
    found = feature_statistics(
        model, sae, rows, folder=folder, on_progress=lambda *at: seen.append(at), **KEPT | {"n_seqs": other_size}
    )
    assert len(seen) == -(-len(rows) // other_size) - 8 // other_size  # 8 rows were not read again
    assert_same(found, alone)
    assert sorted(path.name for path in folder.iterdir()) == [
        *("contexts.arrow", "statistics.json", "statistics.safetensors")
    ]
    again = feature_statistics(model, sae, rows, folder=folder, on_progress=cut_after(1), **KEPT)
    assert_same(again, alone)


def test_at_most_one_interval_is_lost(model, sae, rows, alone, tmp_path, monkeypatch):
    # As after kill -9: what is written at the end is not.
    saved = []
    from sae_widgets.features.resuming import PassFolder

    def save_when_due(self, gathered, whole=PassFolder.save):
        if gathered.n_rows == 12:
            whole(self, gathered)
            saved.append(gathered.n_rows)

    with monkeypatch.context() as killed:
        killed.setattr(PassFolder, "save_when_due", save_when_due)
        killed.setattr(PassFolder, "save", lambda self, gathered: None)
        with pytest.raises(CutError):
            feature_statistics(model, sae, rows, folder=tmp_path, on_progress=cut_after(4), **KEPT)
    assert saved == [12]
    n_read = []
    found = feature_statistics(model, sae, rows, folder=tmp_path, on_progress=lambda *at: n_read.append(at), **KEPT)
    assert len(n_read) == 3
    assert_same(found, alone)


def test_what_is_not_of_this_pass_is_refused(model, sae, rows, tmp_path):
    folder = tmp_path / "features"
    with pytest.raises(CutError):
        feature_statistics(model, sae, rows, folder=folder, on_progress=cut_after(2), **KEPT)
    with pytest.raises(ValueError, match="of another SAE, whose weights are not these"):
        feature_statistics(model, tiny_topk(HOOK, seed=5), rows, folder=folder, **KEPT)
    with pytest.raises(ValueError, match="has features: 40, not 24"):
        feature_statistics(model, tiny_topk(HOOK, d_sae=24), rows, folder=folder, **KEPT)
    with pytest.raises(ValueError, match="was begun with n_top=3, now n_top=4"):
        feature_statistics(model, sae, rows, folder=folder, **KEPT | {"n_top": 4})
    with pytest.raises(ValueError, match="Row 0 has other tokens than when it was read"):
        feature_statistics(model, sae, rows.flip(1), folder=folder, **KEPT)
    path = folder / "pass-0.safetensors"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ValueError, match="is no whole pass over text"):
        feature_statistics(model, sae, rows, folder=folder, **KEPT)


def test_finished_statistics_of_something_else_are_refused(model, sae, rows, alone, tmp_path):
    feature_statistics(model, sae, rows, folder=tmp_path, **KEPT)
    with pytest.raises(ValueError, match=r"are of another pass: of another SAE"):
        feature_statistics(model, tiny_topk(HOOK, seed=5), rows, folder=tmp_path, **KEPT)
    with pytest.raises(ValueError, match="do not belong here: of another SAE"):
        FeatureLab(model, tiny_topk(HOOK, seed=5), alone)
    other = plain_model()
    with torch.no_grad():
        other.W_E.add_(1.0)
    with pytest.raises(ValueError, match="do not belong here: of another model"):
        FeatureLab(other, sae, alone)
    half = tiny_topk(HOOK).to(torch.bfloat16)
    assert FeatureLab(model, half, alone).statistics is alone  # the same weights in fewer bits


def test_a_state_holds_all_of_a_pass(model, sae):
    gathered = new_pass(sae, n_top=3, n_random=12, n_per_part=2, n_sample=60)
    texts = [TEXT * 3, "The dog ran. ", TEXT]
    for _ in gather(model, sae, texts, gathered, n_seqs=2):
        pass
    data = pass_to_bytes(gathered, {"model": "tiny"})
    assert facts_of(data)["about"] == {"model": "tiny"}
    again = pass_from_bytes(data, facts_of(data))
    assert_same(statistics_of(again, model, sae), statistics_of(gathered, model, sae))
    assert pass_to_bytes(again, {"model": "tiny"}) == data
    with pytest.raises(ValueError, match="rows are in both passes"):
        again.merge(gathered)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """What two processes left."""
    folder = tmp_path_factory.mktemp("two")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    torch.multiprocessing.start_processes(child, (port, str(folder)), nprocs=2, start_method="spawn")
    return folder


def test_two_processes_gather_what_one_does(folder, alone):
    for rank in (0, 1):
        assert_same(FeatureStatistics.load(folder / f"shared-{rank}"), alone)
    assert sorted((folder / f"forwards-{rank}").read_text() for rank in (0, 1)) == ["3", "3"]  # of 6 batches


def test_one_process_goes_on_with_what_two_began(folder, model, sae, rows, alone):
    stopped = folder / "stopped"
    assert sorted(path.name for path in stopped.iterdir()) == ["pass-0.safetensors", "pass-1.safetensors"]
    seen = []
    found = feature_statistics(model, sae, rows, folder=stopped, on_progress=lambda *at: seen.append(at), **KEPT)
    assert len(seen) == 2
    assert_same(found, alone)
    assert not list(stopped.glob("pass-*"))
