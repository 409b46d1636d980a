"""SAEs of the model hub, through its real client, and all that can go wrong on the way."""

import contextlib
import os
import socket
import time
from pathlib import Path

import pytest
import torch

from sae_widgets.architectures import StandardSAEConfig
from sae_widgets.loaders.hub_source import HubSource, why_unreachable
from sae_widgets.sae import SAE
from tests.hub_stand_in import client_at, hub
from tests.tiny_sae import random_sae, random_x

REPO = "someone/their-saes"
WEIGHTS = "layer_8/sae_weights.safetensors"


@pytest.fixture
def sae():
    return random_sae(StandardSAEConfig, dtype="float32")


@pytest.fixture
def stand_in(tmp_path, sae):
    """A hub with one repository of one SAE, and an empty cache."""
    sae.save_model(tmp_path / "repo" / "layer_8", log_sparsity=torch.full((20,), -2.0))
    with hub({REPO: tmp_path / "repo"}) as stand_in:
        yield stand_in


def load(repo_id: str = REPO, sae_id: str = "layer_8", **settings) -> SAE:
    return SAE.from_pretrained(repo_id, sae_id, **settings)


def downloads(stand_in) -> list[str]:
    """What was downloaded, by the files' names."""
    return [path.rsplit("/", 1)[1] for path in stand_in.paths("GET") if "/resolve/" in path]


def in_cache(stand_in) -> set[str]:
    """Names of the files of all snapshots, and of whatever is half-done."""
    files = [each for each in stand_in.cache.rglob("*") if not each.is_dir()]
    return {each.name for each in files if "snapshots" in each.parts or ".incomplete" in each.name}


# -- when all is well -------------------------------------------------------------------------------------------------


def test_a_repository_is_loaded_and_then_taken_from_the_cache(stand_in, sae):
    x = random_x(3, 6, dtype=torch.float32)
    assert torch.equal(load()(x), sae(x))
    assert downloads(stand_in) == ["cfg.json", "sae_weights.safetensors", "sparsity.safetensors"]
    stand_in.requests.clear()
    assert torch.equal(load()(x), sae(x))
    assert downloads(stand_in) == []


def test_files_whose_names_are_known_are_asked_for_without_a_listing(stand_in):
    source = HubSource(REPO, "layer_8")
    source.json("cfg.json")
    source.tensors("sae_weights.safetensors")
    assert not [path for path in stand_in.paths() if "/tree/" in path or path.startswith("/api/")]


def test_a_fresh_cache_costs_one_question_and_a_commit_none(stand_in):
    source = HubSource(REPO, "layer_8")
    commit = source.file("cfg.json").parent.parent.name
    source.file("sae_weights.safetensors")
    stand_in.requests.clear()
    again = HubSource(REPO, "layer_8")
    again.file("cfg.json"), again.file("sae_weights.safetensors")
    assert stand_in.requests == [("HEAD", f"/{REPO}/resolve/main/layer_8/cfg.json")]
    stand_in.requests.clear()
    HubSource(REPO, "layer_8", revision=commit).file("cfg.json")
    assert len(stand_in.requests) <= 1


def test_the_files_of_an_sae_are_of_one_commit(stand_in):
    source = HubSource(REPO, "layer_8")
    commit = source.file("cfg.json").parent.parent.name
    source.file("sae_weights.safetensors")
    assert [path for path in stand_in.paths("GET") if commit in path] == [f"/{REPO}/resolve/{commit}/{WEIGHTS}"]


def test_a_file_that_is_new_on_the_hub_is_downloaded_again(stand_in):
    load()
    other = random_sae(StandardSAEConfig, dtype="float32", seed=5)
    other.save_model(stand_in.repos[REPO] / "layer_8")
    x = random_x(3, 6, dtype=torch.float32)
    assert torch.equal(load()(x), other(x))


def test_the_sparsity_comes_along_and_is_read_when_asked_for(stand_in):
    load()
    assert downloads(stand_in)[-1] == "sparsity.safetensors"
    (stand_in.repos[REPO] / "layer_8" / "sparsity.safetensors").unlink()
    stand_in.requests.clear()
    sae = load(local_files_only=True)
    _, config, sparsity = sae
    assert torch.equal(sparsity, torch.full((20,), -2.0))
    assert (config["d_sae"], config["metadata"]["sae_lens_version"]) == (20, config["sae_lens_version"])
    assert not stand_in.requests


def test_that_there_is_no_sparsity_is_remembered(stand_in):
    (stand_in.repos[REPO] / "layer_8" / "sparsity.safetensors").unlink()
    assert load().log_sparsity is None
    stand_in.requests.clear()
    assert load().log_sparsity is None
    assert [path for path in stand_in.paths() if "sparsity" in path] == []


def test_revisions_and_cache_folders_are_kept_apart(stand_in, tmp_path):
    other = random_sae(StandardSAEConfig, dtype="float32", seed=5)
    other.save_model(tmp_path / "v2" / "layer_8")
    stand_in.repos[f"{REPO}@v2"] = tmp_path / "v2"
    x = random_x(3, 6, dtype=torch.float32)
    assert torch.equal(load(revision="v2", cache_dir=tmp_path / "cache")(x), other(x))
    assert not in_cache(stand_in)
    assert not torch.equal(load()(x), other(x))


def test_a_forced_download_downloads_again(stand_in):
    load()
    stand_in.requests.clear()
    load(force_download=True)
    assert downloads(stand_in) == ["cfg.json", "sae_weights.safetensors", "sparsity.safetensors"]


def test_the_root_of_a_repository_may_be_the_sae(stand_in, tmp_path, sae):
    sae.save_model(tmp_path / "root")
    stand_in.repos["someone/one"] = tmp_path / "root"
    assert SAE.from_pretrained("someone/one").d_sae == 20
    assert sorted(HubSource("someone/one").here()) == ["cfg.json", "sae_weights.safetensors"]


# -- refusals ---------------------------------------------------------------------------------------------------------


def test_401_asks_for_a_token_and_takes_it(stand_in):
    stand_in.token = "hf_right"
    for settings in ({}, {"token": "hf_wrong"}):
        with pytest.raises(PermissionError, match=r"does not exist, or is private.*hf auth login.*token=") as caught:
            load(**settings)
        assert "hf_wrong" not in str(caught.value)
    assert not in_cache(stand_in)
    assert load(token="hf_right").d_sae == 20


def test_403_says_where_to_ask(stand_in):
    stand_in.gated = {REPO}
    with pytest.raises(PermissionError, match=rf"{REPO} is gated.*ask on {stand_in.url}/{REPO}"):
        load()
    assert not in_cache(stand_in)


def test_404_of_a_repository(stand_in):
    with pytest.raises(FileNotFoundError, match="no repository 'someone/theirs'"):
        load("someone/theirs")


def test_404_of_a_folder_offers_the_nearest(stand_in):
    with pytest.raises(FileNotFoundError, match=r"has no 'layer_9'. Did you mean 'layer_8'\?"):
        load(sae_id="layer_9")
    with pytest.raises(FileNotFoundError, match=r"has no 'layer-8/deep/er'. Did you mean 'layer_8'\?"):
        load(sae_id="layer-8/deep/er")


def test_404_of_a_file_offers_the_nearest(stand_in):
    with pytest.raises(FileNotFoundError, match=r"has no 'layer_8/config.json'. Did you mean 'layer_8/cfg.json'"):
        HubSource(REPO, "layer_8").file("config.json")


def test_404_of_a_revision(stand_in):
    with pytest.raises(FileNotFoundError, match="has no revision 'v3'"):
        load(revision="v3")


def test_429_says_when_to_try_again_and_does_not_wait(stand_in):
    stand_in.n_refusals, stand_in.retry_after = 1, "17"
    start = time.perf_counter()
    with pytest.raises(ConnectionError, match=r"429\): try again in 17 seconds"):
        HubSource(REPO, "layer_8").file("cfg.json")
    assert time.perf_counter() - start < 10
    assert load().d_sae == 20


def test_the_cache_stands_in_for_a_hub_that_refuses(stand_in):
    load()
    stand_in.token = "hf_right"
    sae = SAE.from_pretrained(REPO, "layer_8", converter="saelens")
    assert sae.d_sae == 20


# -- downloads that go wrong ------------------------------------------------------------------------------------------


def test_a_download_that_is_cut_off_goes_on_where_it_stopped(stand_in, sae, monkeypatch):
    monkeypatch.setattr("huggingface_hub.file_download.time.sleep", lambda seconds: None)
    stand_in.cut_at, stand_in.n_cuts = 500, 2
    x = random_x(3, 6, dtype=torch.float32)
    assert torch.equal(load()(x), sae(x))
    assert stand_in.n_cuts == 0
    assert downloads(stand_in).count("sae_weights.safetensors") + downloads(stand_in).count("cfg.json") == 4


def test_a_download_that_never_ends_leaves_nothing_half_done(stand_in, monkeypatch):
    monkeypatch.setattr("huggingface_hub.file_download.time.sleep", lambda seconds: None)
    source = HubSource(REPO, "layer_8")
    source.file("cfg.json")
    stand_in.cut_at, stand_in.n_cuts = 0, 100
    with pytest.raises(ConnectionError, match=r"sae_weights.safetensors' from .* was cut off.*Nothing half-downloaded"):
        source.file("sae_weights.safetensors")
    assert in_cache(stand_in) == {"cfg.json"}


@pytest.mark.parametrize("name", ["cfg.json", "sae_weights.safetensors"], ids=["git's sha1", "sha256"])
def test_a_wrong_checksum_is_refused_and_the_file_removed(stand_in, name):
    stand_in.damaged = {f"layer_8/{name}"}
    with pytest.raises(OSError, match=rf"'layer_8/{name}' from .* is damaged: its checksum is .* where the hub says"):
        load()
    assert name not in in_cache(stand_in)
    stand_in.damaged = set()
    assert load().d_sae == 20


# -- no hub -----------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def dead_address(kind: str):
    """An address where nothing listens, or one whose queue of connections is full, so that nothing ever answers."""
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(socket.socket())
        server.bind(("127.0.0.1", 0))
        if kind == "black hole":
            server.listen(0)
            for _ in range(4):
                waiting = stack.enter_context(socket.socket())
                waiting.setblocking(False)
                waiting.connect_ex(server.getsockname())
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


@pytest.mark.parametrize("kind", ["closed port", "black hole"])
def test_offline_the_cache_is_used_and_a_miss_is_said_soon(stand_in, sae, kind):
    load()
    with dead_address(kind) as url, client_at(url, stand_in.cache, {**stand_in.env, "HF_ENDPOINT": url}):
        start = time.perf_counter()
        with pytest.raises(ConnectionError, match=rf"layer_9 is not in the cache .*{url} cannot be asked.*hf download"):
            load(sae_id="layer_9", converter="saelens")
        # 0.02 and 0.71 s by benchmarks/load.py; the hub's own client would wait for 10 seconds and try again
        assert time.perf_counter() - start < 5
        x = random_x(3, 6, dtype=torch.float32)
        assert torch.equal(load()(x), sae(x))


def test_a_hub_that_hangs_after_connecting_is_no_cut_off_download(stand_in, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_ETAG_TIMEOUT", 0.1)
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(8)
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
        with (
            client_at(url, stand_in.cache, {**stand_in.env, "HF_ENDPOINT": url}),
            pytest.raises(ConnectionError, match=r"cannot be asked: .*Timeout"),
        ):
            HubSource(REPO, "layer_8").file("cfg.json")


def test_a_hub_behind_a_proxy_is_reached_through_it(stand_in, monkeypatch):
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name)
    assert "no-such-host.invalid" in why_unreachable("http://no-such-host.invalid")
    monkeypatch.setenv("http_proxy", stand_in.url)
    assert why_unreachable("http://no-such-host.invalid") is None
    monkeypatch.setenv("no_proxy", ".invalid")
    assert "no-such-host.invalid" in why_unreachable("http://no-such-host.invalid")


def test_local_files_only_asks_nobody(stand_in):
    with pytest.raises(FileNotFoundError, match=r"layer_8 is not in the cache .*local_files_only"):
        load(local_files_only=True)
    assert not stand_in.requests
    load()
    stand_in.requests.clear()
    assert load(local_files_only=True).d_sae == 20
    assert not stand_in.requests


def test_the_hubs_own_switch_for_offline_counts(stand_in, monkeypatch):
    load()
    stand_in.requests.clear()
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    assert load().d_sae == 20
    with pytest.raises(FileNotFoundError, match="HF_HUB_OFFLINE=1"):
        load("someone/else")
    assert not stand_in.requests


# -- names ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sae_id", ["../../etc", "layer_8/../../x", "/etc/passwd", "a\\..\\b", "x\0y"])
def test_names_that_lead_out_of_the_repository_are_refused(stand_in, sae_id):
    with pytest.raises(ValueError, match=r"leads out of|is no path inside"):
        load(sae_id=sae_id)
    with pytest.raises(ValueError, match=r"leads out of|is no path inside"):
        HubSource(REPO).file(sae_id)
    assert not stand_in.requests


@pytest.mark.parametrize("repo_id", ["../x/y", "a/b/c", "a//b", "-a/b", "a/..b"])
def test_names_that_no_repository_can_have_are_refused(stand_in, repo_id):
    with pytest.raises(ValueError, match="is no name of a repository"):
        HubSource(repo_id)
    assert not stand_in.requests


def test_a_damaged_file_of_the_hub_is_explained(stand_in):
    weights = stand_in.repos[REPO] / WEIGHTS
    weights.write_bytes(weights.read_bytes()[:-40])
    with pytest.raises(ValueError, match=r"has .* bytes where its header promises"):
        load()


def test_nothing_of_the_cache_is_written_outside_of_it(stand_in, tmp_path):
    before = set(tmp_path.rglob("*"))
    home = Path(os.environ["HF_HOME"])
    load(), load(force_download=True)
    assert set(tmp_path.rglob("*")) == before
    assert home == stand_in.cache
