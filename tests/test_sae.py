"""The SAE apart from its architecture: metadata, config, sparse activations, what it says when something is wrong."""

import copy
import json
import pickle
import subprocess
import sys

import pytest
import torch

from sae_widgets.architectures import (
    GatedSAE,
    JumpReLUTrainingSAEConfig,
    StandardSAE,
    StandardSAEConfig,
    TopKSAE,
    TopKSAEConfig,
    TopKTrainingSAEConfig,
)
from sae_widgets.sae import SAE, SAE_CLASSES, SAEConfig, SAEMetadata, SparseActs, register_sae_class
from tests.tiny_sae import random_sae, tiny

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


# -- import -----------------------------------------------------------------------------------------------------------


def test_the_core_imports_nothing_heavy():
    code = (
        "import sys, sae_widgets.sae, sae_widgets.loaders\n"
        "heavy = {'transformer_lens', 'transformers', 'datasets', 'altair', 'anywidget', 'IPython', 'pandas'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout.strip() == "[]"
