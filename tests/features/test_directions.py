"""Cosines, matches and maps of decoder rows, against plain formulas."""

import os
import sys

import pytest
import torch

from sae_widgets.architectures import CrosscoderSAEConfig, TopKSAEConfig
from sae_widgets.features.directions import decoder_cosines, direction_map, matched_features
from tests.tiny_sae import random_sae


@pytest.fixture
def sae():
    return random_sae(TopKSAEConfig, d_in=12, d_sae=60)


def test_cosines_are_those_of_the_rows(sae):
    direction = torch.randn(12, generator=torch.Generator().manual_seed(3))
    found = decoder_cosines(sae, direction)
    expected = torch.cosine_similarity(sae.W_dec.detach().float(), direction[None], dim=1)
    torch.testing.assert_close(found, expected)
    crosscoder = random_sae(CrosscoderSAEConfig)
    own = crosscoder.W_dec[4].detach().flatten().float()
    assert decoder_cosines(crosscoder, own)[4] == pytest.approx(1)


@pytest.mark.parametrize(
    ("vector", "message"),
    [
        (torch.ones(5), r"shape \(5,\); decoder rows of this SAE have 12 numbers"),
        (torch.zeros(12), "zero or holds NaN"),
        (torch.full((12,), torch.nan), "zero or holds NaN"),
    ],
)
def test_a_direction_that_is_none_is_refused(sae, vector, message):
    with pytest.raises(ValueError, match=message):
        decoder_cosines(sae, vector)


def test_a_permuted_copy_is_matched_whatever_its_norms(sae):
    other = random_sae(TopKSAEConfig, d_in=12, d_sae=60)
    order = torch.randperm(60, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        other.W_dec.copy_(sae.W_dec[order] * torch.rand(60, 1).add(0.1))
    found = matched_features(sae, other)
    assert found.feature.tolist() == order.argsort().tolist()
    assert found.cosine.min() > 0.999
    with pytest.raises(ValueError, match="12 numbers here, 6 there"):
        matched_features(sae, random_sae(TopKSAEConfig))


def test_the_pca_map_holds_what_an_exact_one_holds(sae):
    with torch.no_grad():  # two directions that stand out, as trained SAEs have them
        sae.W_dec[:30, 0] += 4
        sae.W_dec[10:25, 1] -= 6
    found = direction_map(sae)
    rows = torch.nn.functional.normalize(sae.W_dec.detach().float(), dim=1)
    centred = rows - rows.mean(0)
    exact = torch.linalg.svd(centred, full_matrices=False)
    expected = exact.U[:, :2] * exact.S[:2]
    torch.testing.assert_close(found.points.abs(), expected.abs(), atol=2e-4, rtol=1e-3)
    assert found.explained == pytest.approx(float(exact.S[:2].square().sum() / exact.S.square().sum()), rel=1e-3)
    torch.testing.assert_close(direction_map(sae).points, found.points, atol=0, rtol=0)
    state = torch.get_rng_state()
    direction_map(sae, seed=1)
    assert torch.equal(torch.get_rng_state(), state)


def test_a_map_can_be_cancelled_and_says_what_it_lacks(sae, monkeypatch):
    def stop(done, total, text):
        assert (done, total) == (0, 16)
        raise InterruptedError(text)

    with pytest.raises(InterruptedError, match="Mapping"):
        direction_map(sae, on_progress=stop)
    monkeypatch.setitem(sys.modules, "umap", None)
    with pytest.raises(ValueError, match=r"umap-learn, which is not installed: pip install 'sae-widgets\[map\]'"):
        direction_map(sae, "umap")
    with pytest.raises(ValueError, match="No map 'tsne'"):
        direction_map(sae, "tsne")


def test_umap_runs_beside_the_kernel_and_is_killed_when_not_wanted(sae, monkeypatch, tmp_path):
    program = """
import os, pathlib, time
class UMAP:
    def __init__(self, **settings):
        self.settings = settings
    def fit_transform(self, rows):
        pathlib.Path(__file__).with_name("pid").write_text(str(os.getpid()))
        if self.settings["random_state"] == 7:
            raise ValueError("no such neighbours")
        time.sleep(60 * (self.settings["random_state"] == 3))
        return rows[:, :2]
"""
    (tmp_path / "umap.py").write_text(program)
    monkeypatch.syspath_prepend(tmp_path)
    found = direction_map(sae, "umap")
    assert found.method == "umap"
    torch.testing.assert_close(found.points, torch.nn.functional.normalize(sae.W_dec.detach()).float()[:, :2])
    pid = tmp_path / "pid"
    pid.unlink()

    def stop_once_it_works(done, total, text):
        if pid.exists() and pid.read_text():
            raise InterruptedError(text)

    with pytest.raises(InterruptedError, match="UMAP of 60 decoder rows"):
        direction_map(sae, "umap", seed=3, on_progress=stop_once_it_works)
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid.read_text()), 0)
    with pytest.raises(RuntimeError, match="umap-learn failed: ValueError: no such neighbours"):
        direction_map(sae, "umap", seed=7)


def test_rows_that_are_all_alike_make_a_map_of_one_point(sae):
    with torch.no_grad():
        sae.W_dec.copy_(torch.ones(60, 12))
    found = direction_map(sae)
    assert found.points.abs().max() < 1e-5
    assert direction_map(random_sae(TopKSAEConfig, d_in=1, d_sae=5, k=1)).points.shape == (5, 2)
