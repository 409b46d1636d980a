"""`SAE.from_pretrained` and `SAE.load_from_disk`: what the catalogue adds, and every way to name an SAE."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

import sae_widgets as sw
from sae_widgets.architectures import JumpReLUSAE, StandardSAE, StandardSAEConfig, TopKSAE
from sae_widgets.sae import SAE
from tests.hub_stand_in import hub
from tests.loaders.layouts import cases
from tests.tiny_sae import random_sae, random_x

RES_JB = "jbloom/GPT2-Small-SAEs-Reformatted"
RELEASE, SAE_ID = "gpt2-small-res-jb", "blocks.8.hook_resid_pre"

# As SAELens 3 wrote it: much of the run stands in it, too.
V3 = {
    **{"model_name": "gpt2-small", "hook_point": SAE_ID, "hook_point_layer": 8, "hook_point_head_index": None},
    **{"dataset_path": "Skylion007/openwebtext", "context_size": 128, "d_in": 6, "d_sae": 20, "device": "mps"},
    **{"dtype": "torch.float32", "expansion_factor": 32, "l1_coefficient": 8e-05, "lp_norm": 1, "lr": 0.0004},
    **{"l1_warm_up_steps": 5000, "seed": 42, "feature_sampling_window": 2000, "use_ghost_grads": False},
}


def write(folder: Path, config: dict, *, sparsity: bool = True, seed: int = 0) -> SAE:
    """An SAE under SAELens' file names; the one that it should be."""
    sae = random_sae(StandardSAEConfig, dtype="float32", seed=seed)
    folder.mkdir(parents=True)
    (folder / "cfg.json").write_text(json.dumps(config), "utf-8")
    save_file({name: each.contiguous() for name, each in sae.state_dict().items()}, folder / "sae_weights.safetensors")
    if sparsity:
        save_file({"sparsity": torch.full((20,), -3.0)}, folder / "sparsity.safetensors")
    return sae


@pytest.fixture
def stand_in(tmp_path):
    """The repository of a release, with one of its SAEs."""
    write(tmp_path / "jb" / SAE_ID, V3)
    with hub({RES_JB: tmp_path / "jb"}) as stand_in:
        yield stand_in


X = random_x(3, 6, dtype=torch.float32)


def test_a_release_and_an_id_are_an_sae(stand_in):
    sae = SAE.from_pretrained(release=RELEASE, sae_id=SAE_ID, device="cpu")
    assert type(sae) is StandardSAE
    assert not sae.cfg.is_training
    assert not sae.training
    assert torch.equal(sae(X), random_sae(StandardSAEConfig, dtype="float32")(X))
    assert (sae.cfg.hook_name, sae.cfg.hook_layer, sae.cfg.model_name) == (SAE_ID, 8, "gpt2-small")


def test_what_the_catalogue_knows_reaches_the_metadata(stand_in):
    metadata = SAE.from_pretrained(RELEASE, SAE_ID).cfg.metadata
    assert metadata.neuronpedia_id == "gpt2-small/8-res-jb"
    assert metadata.model_from_pretrained_kwargs == {"center_writing_weights": True}
    assert metadata.l0 == 60.0
    assert metadata.context_size == 128


def test_it_unpacks_into_three_as_before_version_6(stand_in):
    sae, config, sparsity = SAE.from_pretrained(RELEASE, SAE_ID)
    assert (config["d_in"], config["hook_name"], config["hook_layer"]) == (6, SAE_ID, 8)
    assert (config["metadata"]["hook_name"], config["activation_fn_str"]) == (SAE_ID, "relu")
    assert torch.equal(sparsity, torch.full((20,), -3.0))
    again, same_config, same_sparsity = SAE.from_pretrained_with_cfg_and_sparsity(RELEASE, SAE_ID)
    assert torch.equal(again.W_dec, sae.W_dec)
    assert same_config == config
    assert torch.equal(same_sparsity, sparsity)


def test_sparsity_that_nobody_wrote_is_none(stand_in, tmp_path):
    write(tmp_path / "jb" / "blocks.7.hook_resid_pre", V3, sparsity=False)
    assert SAE.from_pretrained(RELEASE, "blocks.7.hook_resid_pre").log_sparsity is None


def test_the_sparsity_stays_with_copies(stand_in):
    sae = SAE.from_pretrained(RELEASE, SAE_ID)
    assert torch.equal(sae.to_training().to_inference().log_sparsity, torch.full((20,), -3.0))


def test_a_repository_that_a_release_names_is_known_too(stand_in):
    assert SAE.from_pretrained(RES_JB, SAE_ID).cfg.metadata.neuronpedia_id == "gpt2-small/8-res-jb"


def test_the_factor_of_scaled_activations_is_folded(tmp_path):
    release, sae_id = "gpt2-small-mlp-tm", "blocks.6.hook_mlp_out"
    entry = sw.catalog.entry(release, sae_id)
    scaled = write(tmp_path / "tm" / entry.path, {**V3, "hook_point": sae_id, "normalize_activations": True})
    with hub({entry.repo_id: tmp_path / "tm"}):
        sae = SAE.from_pretrained(release, sae_id)
        assert sw.catalog.config(release, sae_id)["normalize_activations"] == "none"
    s = entry.norm_scaling_factor
    assert sae.cfg.normalize_activations == "none"
    torch.testing.assert_close(sae(X), scaled(s * X) / s)


def test_the_catalogues_settings_stand_above_the_files(tmp_path):
    entry = sw.catalog.entry("mistral-7b-res-wg", "blocks.8.hook_resid_pre")
    write(tmp_path / "wg" / entry.path, {**V3, "normalize_activations": "none"})
    with hub({entry.repo_id: tmp_path / "wg"}):
        assert entry.load().cfg.normalize_activations == "constant_norm_rescale"


def test_a_config_costs_one_small_file(stand_in):
    config = sw.catalog.config(RELEASE, SAE_ID)
    assert (config["d_sae"], config["l0"], config["neuronpedia_id"]) == (20, 60.0, "gpt2-small/8-res-jb")
    assert [path for path in stand_in.paths("GET") if "/resolve/" in path] == [
        f"/{RES_JB}/resolve/main/{SAE_ID}/cfg.json"
    ]
    assert config == SAE.from_pretrained(RELEASE, SAE_ID).cfg.to_flat_dict()


@pytest.mark.parametrize("case", ["sparsify/layer", "dictionary_learning/AutoEncoder", "gemma_scope/residual"])
def test_a_repository_outside_the_catalogue_may_be_of_any_format(case, tmp_path):
    published = cases()[case][1](tmp_path)
    with hub({"someone/else": published.root}):
        sae = SAE.from_pretrained("someone/else", published.path, dtype=None)
        assert sw.catalog.config("someone/else", published.path)["d_sae"] == sae.d_sae
    for name, weight in published.weights.items():
        torch.testing.assert_close(sae.state_dict()[name], weight)


@pytest.mark.parametrize(
    "case",
    [
        *(
            "gemma_scope/embedding",
            "gemma_scope_2/affine_transcoder",
            "llama_scope/residual",
            "llama_scope_r1/with_scale",
        ),
        *("temporal/untied", "goodfire/8b", "deepseek_r1/layer", "hook_z/layer", "mwhanna/4b", "mntss/relu"),
    ],
)
def test_the_catalogues_names_lead_to_saes_of_each_format(case, tmp_path):
    published = cases()[case][1](tmp_path)
    entry = sw.catalog.lookup(published.repo_id, published.hub_path or published.path)
    assert entry.format == cases()[case][0]
    with hub({entry.repo_id: published.root}):
        sae = entry.load(dtype=None)
    metadata = sae.cfg.metadata
    assert metadata.neuronpedia_id == entry.neuronpedia_id
    assert metadata.model_name.lower().endswith(entry.model.lower().rsplit("/", 1)[-1])
    assert metadata.hook_name == (entry.hook_name or metadata.hook_name)
    assert sae.cfg.normalize_activations != "expected_average_only_in"


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (("gpt2-small-res-jv", SAE_ID), r"No release 'gpt2-small-res-jv'.*Did you mean 'gpt2-small-res-jb'"),
        ((RELEASE, "blocks.8.resid_pre"), r"No SAE 'blocks.8.resid_pre'.*Did you mean 'blocks.8.hook_resid_pre'"),
    ],
)
def test_unknown_names_offer_the_nearest_and_ask_nobody(stand_in, names, message):
    with pytest.raises(ValueError, match=message):
        SAE.from_pretrained(*names)
    assert not stand_in.requests


def test_a_class_loads_its_own_architecture_only(stand_in, tmp_path):
    assert type(StandardSAE.from_pretrained(RELEASE, SAE_ID)) is StandardSAE
    with pytest.raises(TypeError, match=rf"{RELEASE}, {SAE_ID} holds a StandardSAE, not a JumpReLUSAE"):
        JumpReLUSAE.from_pretrained(RELEASE, SAE_ID)
    with pytest.raises(TypeError, match="holds a StandardSAE, not a TopKSAE"):
        TopKSAE.load_from_disk(tmp_path / "jb" / SAE_ID)


def test_dtype_and_decoder_norm_are_as_asked(stand_in):
    sae = SAE.from_pretrained(RELEASE, SAE_ID, "cpu", "bfloat16", fold_W_dec_norm=True)
    assert (sae.dtype, sae.cfg.dtype) == (torch.bfloat16, "bfloat16")
    assert (sae.W_dec.float().norm(dim=1) - 1).abs().max() < 0.01
    with pytest.raises(ValueError, match="No dtype 'float23'"):
        SAE.from_pretrained(RELEASE, SAE_ID, dtype="float23")


# -- converters -------------------------------------------------------------------------------------------------------


def test_saelens_converters_read_from_the_hub_and_from_disk(tmp_path):
    expected = random_sae(StandardSAEConfig, dtype="float32")
    asked = []

    def from_hub(repo_id, folder_name, device="cpu", force_download=False, cfg_overrides=None):
        asked.append((repo_id, folder_name, device, force_download, cfg_overrides))
        return expected.cfg.to_dict(), dict(expected.state_dict()), torch.full((20,), -1.0)

    def from_disk(path, device="cpu", cfg_overrides=None):
        return expected.cfg.to_dict(), dict(expected.state_dict())

    sae = SAE.from_pretrained("a/b", "c", converter=from_hub, force_download=True)
    assert asked == [("a/b", "c", "cpu", True, {"device": "cpu", "dtype": "float32"})]
    assert torch.equal(sae(X), expected(X))
    assert torch.equal(sae.log_sparsity, torch.full((20,), -1.0))
    assert torch.equal(SAE.load_from_disk(tmp_path, converter=from_disk)(X), expected(X))
    with pytest.raises(FileNotFoundError, match="No folder"):
        SAE.load_from_disk(tmp_path / "nowhere", converter=from_disk)
    with pytest.raises(TypeError, match=r"gives \(config, weights\) or .*; got 1 values"):
        SAE.load_from_disk(tmp_path, converter=lambda **_: (1,))


def test_a_converter_may_be_a_formats_name(tmp_path):
    sae = random_sae(StandardSAEConfig, dtype="float32")
    sae.save_model(tmp_path)
    assert torch.equal(SAE.load_from_disk(tmp_path, converter="saelens")(X), sae(X))
    with pytest.raises(ValueError, match=r"No format 'saelen'. Did you mean 'saelens'"):
        SAE.load_from_disk(tmp_path, converter="saelen")


# -- from disk --------------------------------------------------------------------------------------------------------


def test_an_inference_sae_from_disk_is_not_copied_and_not_changed_by_folding(tmp_path):
    sae = random_sae(StandardSAEConfig, dtype="float32")
    sae.save_model(tmp_path)
    before = (tmp_path / "sae_weights.safetensors").read_bytes()
    loaded = SAE.load_from_disk(tmp_path, fold_W_dec_norm=True)
    torch.testing.assert_close(loaded(X), sae(X))
    torch.testing.assert_close(loaded.W_dec.norm(dim=1), torch.ones(20))
    assert (tmp_path / "sae_weights.safetensors").read_bytes() == before
    assert loaded.W_enc.is_contiguous()


def test_saving_over_the_files_of_a_loaded_sae_leaves_it_whole(tmp_path):
    sae = random_sae(StandardSAEConfig, dtype="float32")
    sae.save_model(tmp_path)
    loaded = SAE.load_from_disk(tmp_path)
    loaded.save_model(tmp_path)
    random_sae(StandardSAEConfig, dtype="float32", seed=9).save_model(tmp_path)
    assert torch.equal(loaded(X), sae(X))


def test_a_config_of_version_3_is_that_of_a_finished_sae(tmp_path):
    expected = write(tmp_path / "old", V3)
    sae = SAE.load_from_disk(tmp_path / "old")
    assert not sae.cfg.is_training
    assert torch.equal(sae(X), expected(X))
    assert (sae.cfg.hook_name, sae.cfg.context_size, sae.cfg.device) == (SAE_ID, 128, "cpu")
    _, config, sparsity = sae
    assert config["model_name"] == "gpt2-small"
    assert torch.equal(sparsity, torch.full((20,), -3.0))
