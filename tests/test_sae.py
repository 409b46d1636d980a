"""The SAE apart from its architecture: metadata, config, files, and what it says when something is wrong."""

import copy
import json
import pickle
import subprocess
import sys

import pytest
import torch
from safetensors.torch import load_file, save_file

import sae_widgets.sae.files as files
from sae_widgets.architectures import (
    GatedSAE,
    JumpReLUSAEConfig,
    JumpReLUTrainingSAEConfig,
    StandardSAE,
    StandardSAEConfig,
    StandardTrainingSAEConfig,
    TopKSAE,
    TopKSAEConfig,
    TopKTrainingSAEConfig,
)
from sae_widgets.sae import SAE, SAE_CLASSES, SAEConfig, SAEMetadata, SparseActs, register_sae_class, write_sparsity
from tests.tiny_sae import random_sae, random_x, tiny

# -- metadata and config ----------------------------------------------------------------------------------------------


def test_metadata_reads_by_attribute_and_by_key():
    metadata = SAEMetadata(hook_name="blocks.3.hook_mlp_out", mine=7)
    assert metadata.hook_name == metadata["hook_name"] == "blocks.3.hook_mlp_out"
    assert metadata.mine == metadata.get("mine") == 7
    assert metadata.model_name is None
    assert "model_name" not in metadata
    assert metadata.get("model_name", "gpt2") == "gpt2"
    metadata["model_name"] = "demo"
    assert metadata.model_name == "demo"
    assert SAEMetadata.from_dict(metadata.to_dict()) == metadata == copy.deepcopy(metadata)
    assert pickle.loads(pickle.dumps(metadata)) == metadata


def test_metadata_offers_the_nearest_name():
    with pytest.raises(AttributeError, match=r"has no 'hook_nam'. Did you mean 'hook_name'"):
        SAEMetadata().hook_nam  # noqa: B018
    with pytest.raises(KeyError, match="Did you mean 'model_name'"):
        SAEMetadata()["modelname"]


def test_architecture_compares_as_a_string_and_answers_when_called():
    config = TopKSAEConfig(d_in=2, d_sae=4, k=1)
    assert config.architecture == "topk" == config.architecture() == TopKSAEConfig.architecture()
    assert type(config.architecture()) is str


def test_flat_names_of_version_5_read_from_the_config():
    metadata = SAEMetadata(hook_name="blocks.11.hook_resid_pre", model_name="gpt2", context_size=128)
    config = TopKSAEConfig(d_in=2, d_sae=4, k=1, metadata=metadata)
    assert (config.hook_name, config.hook_layer, config.model_name) == ("blocks.11.hook_resid_pre", 11, "gpt2")
    assert (config.context_size, config.prepend_bos, config.neuronpedia_id) == (128, None, None)
    assert config.activation_fn_str == "topk"
    assert StandardSAEConfig(d_in=2, d_sae=4).activation_fn_str == "relu"
    assert StandardSAEConfig(d_in=2, d_sae=4).hook_layer is None
    with pytest.raises(AttributeError, match=r"StandardSAEConfig has no 'hook_nme'. Did you mean 'hook_name'"):
        StandardSAEConfig(d_in=2, d_sae=4).hook_nme  # noqa: B018


def test_setting_a_flat_name_sets_the_metadata_and_a_wrong_name_nothing():
    config = StandardSAEConfig(d_in=2, d_sae=4)
    config.hook_name = "blocks.0.hook_mlp_out"
    config.dtype = "bfloat16"
    assert config.metadata.hook_name == "blocks.0.hook_mlp_out"
    assert config.to_dict()["dtype"] == "bfloat16"
    with pytest.raises(AttributeError, match=r"has no 'dtpye'. Did you mean 'dtype'"):
        config.dtpye = "float32"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"d_in": 0}, "d_in is a positive whole number; got 0"),
        ({"d_sae": -3}, "d_sae is a positive whole number; got -3"),
        ({"d_in": True}, "d_in is a positive whole number; got True"),
        ({"dtype": "flaot32"}, "No dtype 'flaot32' for an SAE. Did you mean 'float32'"),
        ({"normalize_activations": "layernorm"}, "Did you mean 'layer_norm'"),
    ],
)
def test_a_config_refuses_what_has_no_meaning(settings: dict, message: str):
    with pytest.raises(ValueError, match=message):
        StandardSAEConfig(**{"d_in": 2, "d_sae": 4, **settings})


def test_config_round_trips_through_its_dict():
    config = JumpReLUTrainingSAEConfig(d_in=2, d_sae=4, l0_coefficient=3, metadata=SAEMetadata(model_name="demo"))
    values = json.loads(json.dumps(config.to_dict()))
    back = SAEConfig.from_dict(values)
    assert type(back) is JumpReLUTrainingSAEConfig
    assert back.to_dict() == config.to_dict()
    assert values["metadata"]["training_architecture_details"]["l0_coefficient"] == 3.0


def test_dtype_names_lose_their_prefix():
    assert StandardSAEConfig(d_in=2, d_sae=4, dtype="torch.bfloat16").dtype == "bfloat16"


def test_from_dict_finds_the_class_and_ignores_foreign_keys():
    values = {**StandardSAEConfig(d_in=2, d_sae=4).to_dict(), "wandb_project": "mats"}
    assert type(SAEConfig.from_dict(values)) is StandardSAEConfig
    assert type(SAE.from_dict(values)) is StandardSAE


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"architecture": "topkk"}, "No SAE architecture 'topkk'. Did you mean 'topk'"),
        ({"architecture": "quantum"}, "Known: .*batchtopk, .*gated, jumprelu"),
    ],
)
def test_an_unknown_architecture_offers_the_nearest(change: dict, message: str):
    with pytest.raises(ValueError, match=message):
        SAEConfig.from_dict({**StandardSAEConfig(d_in=2, d_sae=4).to_dict(), **change})


def test_a_config_without_sizes_says_which_are_missing():
    with pytest.raises(ValueError, match=r"lacks d_in, d_sae; it has .*architecture"):
        SAEConfig.from_dict({"architecture": "standard"})


def test_calling_sae_makes_the_class_its_config_is_for():
    sae = SAE(TopKSAEConfig(d_in=2, d_sae=4, k=1))
    assert type(sae) is TopKSAE
    assert sae.W_enc.shape == (2, 4)


def test_making_and_loading_leave_the_global_generator_alone(tmp_path):
    sae = random_sae(StandardSAEConfig)
    sae.save_model(tmp_path)
    state = torch.get_rng_state()
    SAE.load_from_disk(tmp_path)
    sae.to_training().to_inference()
    assert torch.equal(torch.get_rng_state(), state)


def test_a_class_takes_only_its_own_config():
    with pytest.raises(TypeError, match="GatedSAE takes a GatedTrainingSAEConfig or GatedSAEConfig; got StandardSAEC"):
        GatedSAE(StandardSAEConfig(d_in=2, d_sae=4))
    with pytest.raises(ValueError, match="TopKSAEConfig cannot hold an SAE of architecture 'standard'"):
        TopKSAEConfig.from_dict(StandardSAEConfig(d_in=2, d_sae=4).to_dict())


def test_a_name_is_registered_once():
    class Impostor(SAE):
        training_config_class = TopKTrainingSAEConfig

    with pytest.raises(ValueError, match="'topk' is registered already, as TopKSAE"):
        register_sae_class(Impostor)
    assert SAE_CLASSES["topk"] is TopKSAE


# -- sparse activations -----------------------------------------------------------------------------------------------


def test_sparse_acts_become_dense_and_back():
    dense = torch.tensor([[0.0, 3.0, 0.0, -1.0], [0.0, 0.0, 0.0, 0.0]])
    sparse = SparseActs.from_dense(dense)
    assert sparse.indices.shape == (2, 2)
    assert torch.equal(sparse.to_dense(4), dense)
    assert SparseActs.from_dense(torch.zeros(3, 4)).indices.shape == (3, 0)
    assert SparseActs.from_dense(torch.zeros(0, 4)).to_dense(4).shape == (0, 4)


def test_an_unused_slot_does_not_erase_a_used_one():
    sparse = SparseActs(torch.tensor([[1, 1]]), torch.tensor([[2.0, 0.0]]))
    assert sparse.to_dense(3).tolist() == [[0.0, 2.0, 0.0]]


# -- hooks ------------------------------------------------------------------------------------------------------------


def test_a_hook_can_replace_what_it_sees_and_be_removed():
    sae = tiny(StandardSAEConfig(d_in=2, d_sae=2), W_enc=torch.eye(2), W_dec=torch.eye(2))
    x = torch.tensor([1.0, 2.0])
    handle = sae.hook_points["hook_sae_acts_post"].add_hook(lambda value, hook: value * 10)
    assert sae(x).tolist() == [10.0, 20.0]
    handle.remove()
    assert not sae.hook_points["hook_sae_acts_post"].is_hooked
    assert sae(x).tolist() == [1.0, 2.0]


# -- files ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def saved(tmp_path):
    sae = random_sae(StandardSAEConfig, dtype="float32")
    sae.save_model(tmp_path / "sae", log_sparsity=torch.linspace(-3, 0, 20))
    return tmp_path / "sae"


def test_a_saved_folder_holds_saelens_files(saved):
    assert sorted(each.name for each in saved.iterdir()) == [
        "cfg.json",
        "sae_weights.safetensors",
        "sparsity.safetensors",
    ]
    weights = load_file(saved / "sae_weights.safetensors")
    assert {name: tuple(each.shape) for name, each in weights.items()} == {
        "W_enc": (6, 20),
        "W_dec": (20, 6),
        "b_enc": (20,),
        "b_dec": (6,),
    }
    assert json.loads((saved / "cfg.json").read_text())["architecture"] == "standard"
    torch.testing.assert_close(SAE.load_from_disk(saved).log_sparsity, torch.linspace(-3, 0, 20))


def test_sparsity_is_none_where_there_is_none(saved):
    (saved / "sparsity.safetensors").unlink()
    assert SAE.load_from_disk(saved).log_sparsity is None
    assert random_sae(StandardSAEConfig).log_sparsity is None
    write_sparsity(saved, torch.zeros(20))
    assert SAE.load_from_disk(saved).log_sparsity.tolist() == [0.0] * 20


def test_loading_can_change_the_dtype(saved):
    assert SAE.load_from_disk(saved, dtype="bfloat16").dtype == torch.bfloat16
    assert SAE.load_from_disk(saved, dtype=torch.float64).cfg.dtype == "float64"
    with pytest.raises(ValueError, match="No dtype 'float99'"):
        SAE.load_from_disk(saved, dtype="float99")


def test_loading_by_an_architectures_class_checks_it(saved):
    assert isinstance(StandardSAE.load_from_disk(saved), StandardSAE)
    with pytest.raises(TypeError, match="holds a StandardSAE, not a TopKSAE"):
        TopKSAE.load_from_disk(saved)


def test_no_folder(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"No folder '.*nowhere'"):
        SAE.load_from_disk(tmp_path / "nowhere")


def test_a_file_of_the_folder_stands_for_it(saved):
    assert isinstance(SAE.load_from_disk(saved / "cfg.json"), StandardSAE)


def test_a_folder_without_sae_says_what_is_there(tmp_path):
    (tmp_path / "notes.txt").touch()
    (tmp_path / "plots").mkdir()
    with pytest.raises(FileNotFoundError, match=r"No SAE in .*: found notes.txt, which is none of the formats saelens"):
        SAE.load_from_disk(tmp_path)
    with pytest.raises(FileNotFoundError, match="found nothing"):
        SAE.load_from_disk(tmp_path / "plots")


def test_a_folder_of_saes_names_them(saved):
    with pytest.raises(FileNotFoundError, match="SAEs are in it: sae"):
        SAE.load_from_disk(saved.parent)


@pytest.mark.parametrize("n_bytes", [0, 4, 100, 700])
def test_truncated_weights_say_how_much_is_missing(saved, n_bytes: int):
    file = saved / "sae_weights.safetensors"
    whole = file.read_bytes()
    file.write_bytes(whole[:n_bytes])
    with pytest.raises(ValueError, match=r"sae_weights.safetensors is damaged: .*Copy or download it again") as caught:
        SAE.load_from_disk(saved)
    if n_bytes == 700:
        assert f"it has 700 bytes where its header promises {len(whole):,}" in str(caught.value)


def test_corrupt_weights_are_said_to_be(saved):
    (saved / "sae_weights.safetensors").write_bytes(b"\x10\0\0\0\0\0\0\0not json at all!" + bytes(64))
    with pytest.raises(ValueError, match="its header cannot be read"):
        SAE.load_from_disk(saved)


@pytest.mark.parametrize(("text", "message"), [('{"d_in": 6', "is not JSON"), ("[1, 2]", "holds a list; expected an")])
def test_a_damaged_config_is_said_to_be(saved, text: str, message: str):
    (saved / "cfg.json").write_text(text)
    with pytest.raises(ValueError, match=message):
        SAE.load_from_disk(saved)


def test_missing_and_unexpected_weights_are_listed_in_order(saved):
    file = saved / "sae_weights.safetensors"
    weights = load_file(file)
    save_file({"zeta": torch.zeros(1), "alpha": torch.zeros(1), "b_dec": weights["b_dec"]}, file)
    with pytest.raises(ValueError, match="missing W_dec, W_enc, b_enc; unexpected alpha, zeta"):
        SAE.load_from_disk(saved)


def test_a_transposed_weight_is_recognised(saved):
    file = saved / "sae_weights.safetensors"
    weights = load_file(file)
    weights["W_enc"] = weights["W_enc"].T.contiguous()
    save_file(weights, file)
    with pytest.raises(ValueError, match=r"W_enc is \[20, 6\] where the config asks for \[6, 20\] \(transposed\?\)"):
        SAE.load_from_disk(saved)


def test_weights_of_whole_numbers_are_refused(saved):
    file = saved / "sae_weights.safetensors"
    weights = load_file(file)
    weights["b_dec"] = weights["b_dec"].long()
    save_file(weights, file)
    with pytest.raises(ValueError, match="no floating-point numbers: b_dec"):
        SAE.load_from_disk(saved)


# -- a write that fails -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["sae_weights.safetensors", "cfg.json"])
def test_a_write_that_fails_leaves_the_old_sae_whole(saved, name: str, monkeypatch):
    """A full disk, acted: half a file is written, then the write fails."""
    before = {each.name: each.read_bytes() for each in saved.iterdir()}

    def fails(file, *args):
        file.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    if name == "cfg.json":
        monkeypatch.setattr(files.Path, "write_text", lambda self, *args, **kwargs: fails(self))
    else:
        monkeypatch.setattr(files, "save_tensors", lambda tensors, file: fails(file))
    with pytest.raises(OSError, match=r"Could not write .*No space left on device.*is unchanged"):
        random_sae(StandardSAEConfig, seed=9).save_model(saved)
    assert {each.name: each.read_bytes() for each in saved.iterdir()} == before


LIMITED = """
import resource, signal, sys
import torch
from sae_widgets.architectures import StandardSAEConfig
from sae_widgets.sae import SAE
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
sae = SAE.from_config(StandardSAEConfig(d_in=64, d_sae=1024))
resource.setrlimit(resource.RLIMIT_FSIZE, (65536, 65536))
try:
    sae.save_model(sys.argv[1])
except OSError as error:
    print("refused:", error)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="file-size limits are POSIX")
def test_a_write_that_the_system_cuts_off_leaves_the_old_sae_whole(saved):
    """The same for real: the system refuses to write past 64 kB."""
    before = {each.name: each.read_bytes() for each in saved.iterdir()}
    done = subprocess.run([sys.executable, "-c", LIMITED, str(saved)], capture_output=True, text=True, timeout=120)
    assert "refused: Could not write" in done.stdout, done.stderr
    assert {each.name: each.read_bytes() for each in saved.iterdir()} == before


def test_saving_over_an_sae_replaces_it(saved):
    other = random_sae(TopKSAEConfig, dtype="float32")
    other.save_model(saved)
    x = random_x(3, 6, dtype=torch.float32)
    assert torch.equal(SAE.load_from_disk(saved)(x), other(x))
    assert not list(saved.glob("*.part")) + list(saved.glob(".*"))


# -- older files ------------------------------------------------------------------------------------------------------

V5 = {
    "architecture": "standard",
    "d_in": 6,
    "d_sae": 20,
    "dtype": "torch.float32",
    "device": "cuda",
    "model_name": "gpt2-small",
    "hook_name": "blocks.8.hook_resid_pre",
    "hook_layer": 8,
    "hook_head_index": None,
    "activation_fn_str": "relu",
    "activation_fn_kwargs": {},
    "apply_b_dec_to_input": True,
    "finetuning_scaling_factor": False,
    "sae_lens_training_version": None,
    "prepend_bos": True,
    "dataset_path": "Skylion007/openwebtext",
    "context_size": 128,
    "normalize_activations": "none",
    "neuronpedia_id": "gpt2-small/8-res-jb",
    "model_from_pretrained_kwargs": {"center_writing_weights": True},
}


def write_v5(folder, change: dict | None = None, **weights: torch.Tensor):
    folder.mkdir(exist_ok=True)
    sae = random_sae(StandardSAEConfig, dtype="float32")
    save_file(
        {**{name: each.contiguous() for name, each in sae.state_dict().items()}, **weights},
        folder / "sae_weights.safetensors",
    )
    (folder / "cfg.json").write_text(json.dumps({**V5, **(change or {})}))
    return sae


def test_a_flat_config_of_version_5_is_read(tmp_path):
    sae = write_v5(tmp_path)
    loaded = SAE.load_from_disk(tmp_path)
    x = random_x(4, 6, dtype=torch.float32)
    assert torch.equal(loaded(x), sae(x))
    assert (loaded.cfg.dtype, loaded.cfg.device) == ("float32", "cpu")
    assert (loaded.cfg.hook_name, loaded.cfg.hook_layer) == ("blocks.8.hook_resid_pre", 8)
    assert (loaded.cfg.model_name, loaded.cfg.prepend_bos, loaded.cfg.context_size) == ("gpt2-small", True, 128)
    assert loaded.cfg.metadata.neuronpedia_id == "gpt2-small/8-res-jb"
    assert loaded.cfg.metadata.model_from_pretrained_kwargs == {"center_writing_weights": True}
    loaded.save_model(tmp_path / "again")
    assert SAE.load_from_disk(tmp_path / "again").cfg.to_dict() == loaded.cfg.to_dict()


def test_version_5_topk_is_an_activation_function(tmp_path):
    write_v5(tmp_path, {"activation_fn_str": "topk", "activation_fn_kwargs": {"k": 4}})
    loaded = SAE.load_from_disk(tmp_path)
    assert (type(loaded), loaded.cfg.k, loaded.cfg.rescale_acts_by_decoder_norm) == (TopKSAE, 4, False)


def test_older_spellings_are_read(tmp_path):
    change = {"hook_point": "blocks.2.attn.hook_z", "hook_point_head_index": 3, "normalize_activations": True}
    write_v5(tmp_path, {**change, "hook_name": None})
    config = json.loads((tmp_path / "cfg.json").read_text())
    for key in ("hook_name", "hook_head_index", "architecture", "activation_fn_str", "prepend_bos"):
        del config[key]
    (tmp_path / "cfg.json").write_text(json.dumps(config))
    cfg = SAE.load_from_disk(tmp_path).cfg
    assert (cfg.hook_name, cfg.hook_head_index, cfg.hook_layer) == ("blocks.2.attn.hook_z", 3, 2)
    assert (cfg.normalize_activations, cfg.reshape_activations) == ("expected_average_only_in", "hook_z")
    assert (cfg.architecture, cfg.prepend_bos) == ("standard", True)


def test_an_activation_function_nobody_computes_is_refused(tmp_path):
    write_v5(tmp_path, {"activation_fn_str": "tanh-relu"})
    with pytest.raises(ValueError, match="names the activation function 'tanh-relu'; only 'relu' and 'topk'"):
        SAE.load_from_disk(tmp_path)


def test_a_finetuning_scale_is_folded_into_the_decoder(tmp_path):
    scale = torch.linspace(0.5, 1.5, 20)
    sae = write_v5(tmp_path, {"finetuning_scaling_factor": True}, scaling_factor=scale)
    x = random_x(4, 6, dtype=torch.float32)
    expected = (sae.encode(x) * scale) @ sae.W_dec + sae.b_dec
    torch.testing.assert_close(SAE.load_from_disk(tmp_path)(x), expected)


def test_a_finetuning_scale_of_ones_is_dropped_and_any_other_needs_its_flag(tmp_path):
    sae = write_v5(tmp_path, scaling_factor=torch.ones(20))
    assert torch.equal(SAE.load_from_disk(tmp_path).W_dec, sae.W_dec)
    write_v5(tmp_path, scaling_factor=torch.full((20,), 2.0))
    with pytest.raises(ValueError, match=r"scaling_factor that the config .* denies"):
        SAE.load_from_disk(tmp_path)


def test_a_log_threshold_of_older_checkpoints_is_read(tmp_path):
    sae = random_sae(JumpReLUSAEConfig, dtype="float32")
    sae.save_model(tmp_path)
    weights = load_file(tmp_path / "sae_weights.safetensors")
    weights["log_threshold"] = weights.pop("threshold").log()
    save_file(weights, tmp_path / "sae_weights.safetensors")
    torch.testing.assert_close(SAE.load_from_disk(tmp_path).threshold, sae.threshold)


def test_a_training_checkpoint_loads_as_one(tmp_path):
    random_sae(StandardTrainingSAEConfig, l1_coefficient=4.0).save_model(tmp_path)
    loaded = SAE.load_from_disk(tmp_path)
    assert loaded.cfg.is_training
    assert loaded.coefficients()["l1"].value == 4.0
    assert not loaded.training


# -- import -----------------------------------------------------------------------------------------------------------


def test_the_core_imports_nothing_heavy():
    code = (
        "import sys, sae_widgets.sae, sae_widgets.loaders\n"
        "heavy = {'transformer_lens', 'transformers', 'datasets', 'altair', 'anywidget', 'IPython', 'pandas'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout.strip() == "[]"
