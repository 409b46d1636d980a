"""The stand-in answers the real client as the hub would."""

import json
import os
from pathlib import Path

import pytest
from datasets import load_dataset
from huggingface_hub import HfApi, HfFileSystem, constants, hf_hub_download, snapshot_download
from huggingface_hub.errors import EntryNotFoundError, RepositoryNotFoundError, RevisionNotFoundError

from tests.hub_stand_in import hub

LARGE = bytes(range(256)) * 40


@pytest.fixture
def stand_in(tmp_path):
    (tmp_path / "model" / "a" / "b").mkdir(parents=True)
    (tmp_path / "model" / "a" / "b" / "cfg.json").write_text("{}")
    (tmp_path / "model" / "a" / "x.safetensors").write_bytes(LARGE)
    (tmp_path / "rows").mkdir()
    (tmp_path / "rows" / "train.jsonl").write_text("\n".join(json.dumps({"text": f"row {i}"}) for i in range(5)))
    with hub({"o/model": tmp_path / "model", "datasets/o/rows": tmp_path / "rows"}) as stand_in:
        yield stand_in


def test_files_are_listed_and_read_whole_and_in_part(stand_in):
    assert HfApi().list_repo_files("o/model") == ["a/b/cfg.json", "a/x.safetensors"]
    entries = list(HfApi().list_repo_tree("o/model", "a"))
    assert [each.path for each in entries] == ["a/b", "a/x.safetensors"]
    assert (entries[1].size, entries[1].lfs.size) == (len(LARGE), len(LARGE))
    assert Path(hf_hub_download("o/model", "a/x.safetensors")).read_bytes() == LARGE
    with HfFileSystem().open("o/model/a/x.safetensors", "rb", block_size=64) as file:
        file.seek(1000)
        assert file.read(10) == LARGE[1000:1010]
    assert (Path(snapshot_download("o/model")) / "a" / "b" / "cfg.json").read_text() == "{}"


def test_what_is_not_there_is_not_there(stand_in):
    with pytest.raises(RepositoryNotFoundError):
        HfApi().repo_info("o/nothing")
    with pytest.raises(EntryNotFoundError):
        hf_hub_download("o/model", "nothing")
    with pytest.raises(RevisionNotFoundError):
        hf_hub_download("o/model", "a/b/cfg.json", revision="nothing")
    with pytest.raises(RepositoryNotFoundError):
        HfApi().repo_info("o/rows")


def test_a_data_set_streams(stand_in):
    rows = load_dataset("o/rows", split="train", streaming=True)
    assert [row["text"] for row in rows] == [f"row {i}" for i in range(5)]


@pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")  # the client's own, for large files
def test_uploads_are_there_afterwards(stand_in, tmp_path):
    api = HfApi(token="hf_x")
    api.create_repo("me/new")
    api.create_repo("me/new", exist_ok=True)
    api.upload_folder(repo_id="me/new", folder_path=tmp_path / "model", path_in_repo="sae", commit_message="First")
    api.upload_file(repo_id="me/new", path_or_fileobj=b"# Mine", path_in_repo="README.md")
    assert api.list_repo_files("me/new") == ["README.md", "sae/a/b/cfg.json", "sae/a/x.safetensors"]
    assert Path(hf_hub_download("me/new", "sae/a/x.safetensors")).read_bytes() == LARGE
    assert [each["message"] for each in stand_in.commits] == ["First", "Upload README.md with huggingface_hub"]


def test_the_clients_settings_are_as_before_afterwards(tmp_path):
    before = (constants.ENDPOINT, constants.HF_HUB_CACHE, constants.HF_HUB_OFFLINE, os.environ.get("HF_ENDPOINT"))
    with hub() as stand_in:
        assert constants.ENDPOINT == os.environ["HF_ENDPOINT"] == stand_in.url
    after = (constants.ENDPOINT, constants.HF_HUB_CACHE, constants.HF_HUB_OFFLINE, os.environ.get("HF_ENDPOINT"))
    assert after == before
