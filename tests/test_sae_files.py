"""SAEs on the disk: written and read back, a write that fails, files of older versions."""

import json
import subprocess
import sys

import pytest
import torch
from safetensors.torch import load_file, save_file

import sae_widgets.sae.files as files
from sae_widgets.architectures import (
    JumpReLUSAEConfig,
    StandardSAE,
    StandardSAEConfig,
    StandardTrainingSAEConfig,
    TopKSAE,
    TopKSAEConfig,
)
from sae_widgets.sae import SAE, write_sparsity
from tests.tiny_sae import random_sae, random_x

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
