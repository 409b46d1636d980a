"""Upload of SAEs with the hub's real client, against a server on the loopback."""

from pathlib import Path

import pytest
import torch
import yaml

from sae_widgets.architectures import BatchTopKTrainingSAEConfig, StandardSAEConfig, TopKSAEConfig
from sae_widgets.hub import upload_saes_to_huggingface
from sae_widgets.model_card import CardEntry, model_card
from sae_widgets.sae import SAE, SAEMetadata
from tests.hub_stand_in import hub
from tests.tiny_sae import random_sae, random_x

# The hub's client passes bytes to its HTTP library in a way that this deprecates.
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")


@pytest.fixture
def stand_in():
    with hub() as server:
        yield server


def sae_at(hook: str = "blocks.8.hook_resid_pre", config=TopKSAEConfig, **settings) -> SAE:
    metadata = SAEMetadata(model_name="gpt2", hook_name=hook, l0=3.0)
    return random_sae(config, metadata=metadata, dtype="float32", **settings)


@pytest.fixture
def saved(tmp_path) -> Path:
    """A folder with an SAE, its sparsity and the run it came from."""
    sae_at(config=StandardSAEConfig, seed=4).save_model(tmp_path / "run", log_sparsity=torch.full((20,), -2.0))
    (tmp_path / "run/runner_cfg.json").write_text('{"seed": 1}')
    (tmp_path / "run/trainer_state.pt").write_bytes(b"not for the hub")
    return tmp_path / "run"


def same_function(one: SAE, other: SAE) -> bool:
    x = random_x(5, one.cfg.d_in, dtype=torch.float32)
    return bool(torch.equal(one(x), other(x)))


def test_saes_and_folders_become_folders_named_by_their_ids(stand_in, saved):
    sae = sae_at()
    url = upload_saes_to_huggingface({"a/topk": sae, "b": saved}, "me/saes", show_progress=False, token="hf_x")
    assert url == f"{stand_in.url}/me/saes"
    folder = stand_in.repos["me/saes"]
    assert sorted(p.name for p in (folder / "b").iterdir()) == [
        *("cfg.json", "runner_cfg.json", "sae_weights.safetensors", "sparsity.safetensors"),
    ]
    assert sorted(p.name for p in (folder / "a/topk").iterdir()) == ["cfg.json", "sae_weights.safetensors"]
    assert same_function(SAE.load_from_disk(folder / "a/topk"), sae)
    assert (folder / "b/sae_weights.safetensors").read_bytes() == (saved / "sae_weights.safetensors").read_bytes()
    assert [commit["message"] for commit in stand_in.commits] == ["Upload SAE a/topk", "Upload SAE b", "Add a README"]


def test_the_other_spelling_names_each_sae_by_its_hook(stand_in):
    saes = [sae_at("blocks.8.hook_resid_pre"), sae_at("blocks.9.hook_resid_pre")]
    upload_saes_to_huggingface(saes=saes, repo_id="me/saes", token="hf_x", show_progress=False)
    upload_saes_to_huggingface(saes=saes[0], repo_id="me/one", token="hf_x", show_progress=False)
    assert (stand_in.repos["me/one"] / "blocks.8.hook_resid_pre").is_dir()
    names = {path.name for path in stand_in.repos["me/saes"].iterdir()}
    assert names == {"blocks.8.hook_resid_pre", "blocks.9.hook_resid_pre", "README.md"}


def test_a_training_sae_is_published_in_its_inference_form(stand_in):
    sae = sae_at(config=BatchTopKTrainingSAEConfig)
    upload_saes_to_huggingface({"x": sae}, "me/saes", show_progress=False, token="hf_x")
    published = SAE.load_from_disk(stand_in.repos["me/saes"] / "x")
    assert published.cfg.architecture == "jumprelu"
    assert same_function(published, sae.to_inference())
    assert sae.cfg.is_training


def test_what_was_published_loads_by_repository_and_id(stand_in):
    sae = sae_at()
    upload_saes_to_huggingface(saes=[sae], repo_id="me/saes", token="hf_x", show_progress=False)
    loaded, config, _ = SAE.from_pretrained("me/saes", "blocks.8.hook_resid_pre")
    assert same_function(loaded, sae)
    assert config["d_sae"] == 20


def test_an_sae_publishes_itself(stand_in):
    sae = sae_at()
    assert sae.push_to_hub("me/saes", show_progress=False, token="hf_x") == f"{stand_in.url}/me/saes"
    sae.push_to_hub("me/saes", "other/name", show_progress=False, token="hf_x")
    folder = stand_in.repos["me/saes"]
    assert same_function(SAE.load_from_disk(folder / "blocks.8.hook_resid_pre"), sae)
    assert same_function(SAE.load_from_disk(folder / "other/name"), sae)


# -- the README -------------------------------------------------------------------------------------------------------


def test_the_readme_lists_the_saes_and_how_to_load_them(stand_in):
    metrics = {"layer_8": {"explained_variance": 0.8125}}
    saes = {"layer_8": sae_at(), "layer_9": sae_at("blocks.9.hook_resid_pre")}
    upload_saes_to_huggingface(saes, "me/saes", show_progress=False, token="hf_x", metrics=metrics)
    readme = (stand_in.repos["me/saes"] / "README.md").read_text()
    head = yaml.safe_load(readme.split("---")[1])
    assert head["library_name"] == "saelens"
    assert "sae_widgets" in head["tags"]
    assert "| `layer_8` | gpt2 | `blocks.8.hook_resid_pre` | 20 | topk | 3 | 0.8125 |" in readme
    assert "| `layer_9` | gpt2 | `blocks.9.hook_resid_pre` | 20 | topk | 3 | – |" in readme
    assert 'sw.SAE.from_pretrained("me/saes", "layer_8")' in readme


def test_a_readme_that_is_there_is_left_alone(stand_in):
    (stand_in.create("me/saes", "models") / "README.md").write_text("mine")
    upload_saes_to_huggingface({"x": sae_at()}, "me/saes", show_progress=False, token="hf_x")
    assert (stand_in.repos["me/saes"] / "README.md").read_text() == "mine"


def test_no_readme_where_none_is_wanted(stand_in):
    upload_saes_to_huggingface({"x": sae_at()}, "me/saes", "main", False, False, token="hf_x")
    assert not (stand_in.repos["me/saes"] / "README.md").exists()


def test_names_cannot_write_markup_into_the_readme():
    hostile = "x\n---\n<script>|`"
    card = model_card("me/saes", [CardEntry("a b", "topk", hostile, hostile, 4, 8, {hostile: 1.0})])
    assert "\n<script>" not in card
    assert card.count("\n---\n") == 1  # the end of the front matter
    rows = [line for line in card.splitlines() if line.startswith("|")]
    assert {line.replace(r"\|", "").count("|") for line in rows} == {7}
    assert list(yaml.safe_load(card.split("---\n")[1])) == ["library_name", "tags"]


def test_a_model_of_the_hub_is_named_as_the_base_model():
    card = model_card("me/saes", [CardEntry("x", "topk", "google/gemma-2-2b", None, 4, 8)])
    assert yaml.safe_load(card.split("---\n")[1])["base_model"] == ["google/gemma-2-2b"]


# -- checks before the first byte -------------------------------------------------------------------------------------


@pytest.mark.parametrize("sae_id", ["", "../x", "/x", "a//b", "a/../b", ".git/x", "x\n", "a\\b", ".", "ü/x"])
def test_ids_that_are_no_folder_are_refused(stand_in, sae_id):
    with pytest.raises(ValueError, match="cannot be an id"):
        upload_saes_to_huggingface({"good": sae_at(), sae_id: sae_at()}, "me/saes", token="hf_x")
    assert stand_in.requests == []


def broken_sae() -> SAE:
    sae = sae_at()
    with torch.no_grad():
        sae.b_dec[0] = float("nan")
    return sae


@pytest.mark.parametrize(
    ("bad", "error", "message"),
    [
        (broken_sae, ValueError, "NaN or infinity in b_dec"),
        (lambda: "/no/such/folder", FileNotFoundError, "/no/such/folder"),
        (lambda: Path(__file__).parent / "browser", FileNotFoundError, "No SAE in"),
    ],
)
def test_one_bad_sae_stops_all_before_anything_is_sent(stand_in, bad, error, message):
    with pytest.raises(error, match=message):
        upload_saes_to_huggingface({"good": sae_at(), "bad": bad()}, "me/saes", token="hf_x")
    assert stand_in.requests == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"saes_dict": {}, "repo_id": "me/x"}, "no SAE to upload"),
        ({"repo_id": "me/x"}, "saes_dict or, under its other name, saes; got neither"),
        ({"saes": ["x"], "saes_dict": {}, "repo_id": "me/x"}, "got both"),
        ({"saes_dict": {"x": "y"}}, "hf_repo_id or, under its other name, repo_id; got neither"),
        ({"saes_dict": {"x": "y"}, "repo_id": "a/b/c"}, "no repository's name"),
        ({"saes_dict": {"x": "y"}, "repo_id": "me/x", "metrics": {"z": {}}}, "`metrics` has 'z'"),
        ({"saes_dict": {"x": "y", "x/y": "y"}, "repo_id": "me/x"}, "'x/y' would lie inside that of 'x'"),
    ],
)
def test_wrong_arguments_are_explained(stand_in, arguments, message):
    with pytest.raises(ValueError, match=message):
        upload_saes_to_huggingface(**arguments)
    assert stand_in.requests == []


def test_a_list_of_saes_of_one_hook_needs_ids(stand_in):
    with pytest.raises(ValueError, match="several SAEs of one hook"):
        upload_saes_to_huggingface(saes=[sae_at(), sae_at()], repo_id="me/x")


# -- troubles on the way ----------------------------------------------------------------------------------------------


class _Revoked(list):
    """Commits of a repository that says no after the first."""

    def __init__(self, stand_in):
        super().__init__()
        self.stand_in = stand_in

    def append(self, commit):
        super().append(commit)
        self.stand_in.gated.add("me/saes")


def test_an_upload_that_was_cut_off_goes_on_where_it_stopped(stand_in):
    saes = {"one": sae_at(), "two": sae_at("blocks.9.hook_resid_pre", seed=3)}
    stand_in.commits = _Revoked(stand_in)
    with pytest.raises(PermissionError, match="403"):
        upload_saes_to_huggingface(saes, "me/saes", show_progress=False, token="hf_x")
    assert (stand_in.repos["me/saes"] / "one/cfg.json").is_file()
    assert not (stand_in.repos["me/saes"] / "two").exists()
    stand_in.commits, stand_in.gated = [], set()
    upload_saes_to_huggingface(saes, "me/saes", show_progress=False, token="hf_x")
    assert [commit["message"] for commit in stand_in.commits] == ["Upload SAE two", "Add a README"]


def test_uploading_the_same_again_changes_nothing(stand_in):
    for _ in range(2):
        upload_saes_to_huggingface({"x": sae_at()}, "me/saes", show_progress=False, token="hf_x")
    assert len(stand_in.commits) == 2
    upload_saes_to_huggingface({"x": sae_at(seed=9)}, "me/saes", show_progress=False, token="hf_x")
    assert stand_in.commits[-1]["paths"] == ["x/sae_weights.safetensors"]


def test_another_branch_is_made(stand_in):
    upload_saes_to_huggingface({"x": sae_at()}, "me/saes", "v2", show_progress=False, token="hf_x")
    assert {commit["revision"] for commit in stand_in.commits} == {"v2"}


def test_a_wrong_token_is_explained(stand_in):
    stand_in.token = "hf_right"
    with pytest.raises(PermissionError, match=r"does not accept the token.*settings/tokens"):
        upload_saes_to_huggingface({"x": sae_at()}, "me/saes", show_progress=False, token="hf_wrong")
    with pytest.raises(PermissionError, match="token"):
        upload_saes_to_huggingface({"x": sae_at()}, "me/saes", show_progress=False)
    assert "me/saes" not in stand_in.repos


def test_too_many_requests_says_when_to_come_back(stand_in):
    stand_in.n_refusals, stand_in.retry_after = 1000, "17"
    with pytest.raises(ConnectionError, match=r"429\). Wait 17 seconds, then call again"):
        upload_saes_to_huggingface({"x": sae_at()}, "me/saes", show_progress=False, token="hf_x")


def test_offline_mode_is_named(monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(ConnectionError, match="HF_HUB_OFFLINE is set"):
        upload_saes_to_huggingface({"x": sae_at()}, "me/saes", show_progress=False, token="hf_x")


def test_a_private_repository_is_asked_for(stand_in):
    upload_saes_to_huggingface({"x": sae_at()}, "me/saes", show_progress=False, token="hf_x", private=True)
    asked = stand_in.created[0]
    assert asked.get("private") is True or asked.get("visibility") == "private"
