"""SAEs written for other libraries: what the files hold, by those libraries' own maths, and back again."""

import json

import pytest
import torch
from safetensors.torch import load_file
from torch.nn.functional import linear

from sae_widgets.architectures import (
    AbsTopKSAEConfig,
    BatchTopKTrainingSAEConfig,
    GatedSAEConfig,
    JumpReLUSAEConfig,
    StandardSAEConfig,
    StandardTrainingSAEConfig,
    TopKSAEConfig,
    TopKSkipTranscoderConfig,
    TopKTrainingSAEConfig,
    TopKTranscoderConfig,
)
from sae_widgets.loaders import load_folder, recognise, save_as
from sae_widgets.sae import SAEMetadata
from tests.loaders.layouts import jump, top_k
from tests.tiny_sae import random_sae, random_x

WHERE = {"hook_name": "blocks.3.hook_mlp_out", "model_name": "pythia-70m", "context_size": 64}


def dictionary_learning_forward(folder, x):
    """What dictionary_learning computes from the files."""
    trainer = json.loads((folder / "config.json").read_text("utf-8"))["trainer"]
    ae = torch.load(folder / "ae.pt", weights_only=True)
    match trainer["dict_class"]:
        case "AutoEncoder":
            acts = linear(x - ae["bias"], ae["encoder.weight"], ae["encoder.bias"]).relu()
            return linear(acts, ae["decoder.weight"]) + ae["bias"]
        case "AutoEncoderNew":
            acts = linear(x, ae["encoder.weight"], ae["encoder.bias"]).relu()
            return linear(acts, ae["decoder.weight"], ae["decoder.bias"])
        case "GatedAutoEncoder":
            x_enc = linear(x - ae["decoder_bias"], ae["encoder.weight"])
            acts = (x_enc + ae["gate_bias"] > 0) * (ae["r_mag"].exp() * x_enc + ae["mag_bias"]).relu()
            return linear(acts, ae["decoder.weight"]) + ae["decoder_bias"]
        case "AutoEncoderTopK":
            assert int(ae["k"]) == trainer["k"]
            pre = linear(x - ae["b_dec"], ae["encoder.weight"], ae["encoder.bias"])
            return linear(top_k(pre.relu(), trainer["k"]), ae["decoder.weight"]) + ae["b_dec"]
        case "JumpReluAutoEncoder":
            return jump(x @ ae["W_enc"] + ae["b_enc"], ae["threshold"]) @ ae["W_dec"] + ae["b_dec"]
    raise AssertionError(trainer["dict_class"])


def sparsify_forward(folder, x):
    """What sparsify computes from the files."""
    cfg, tensors = json.loads((folder / "cfg.json").read_text("utf-8")), load_file(folder / "sae.safetensors")
    pre = linear(x if cfg["transcode"] else x - tensors["b_dec"], tensors["encoder.weight"], tensors["encoder.bias"])
    out = top_k(pre.relu(), cfg["k"]) @ tensors["W_dec"] + tensors["b_dec"]
    return out + x @ tensors["W_skip"].mT if cfg["skip_connection"] else out


@pytest.mark.parametrize("is_applied", [True, False], ids=["less_b_dec", "as_it_is"])
@pytest.mark.parametrize(
    ("config_class", "dict_class"),
    [
        (StandardSAEConfig, {True: "AutoEncoder", False: "AutoEncoderNew"}),
        (GatedSAEConfig, {True: "GatedAutoEncoder", False: "GatedAutoEncoder"}),
        (TopKSAEConfig, {True: "AutoEncoderTopK", False: "AutoEncoderTopK"}),
        (JumpReLUSAEConfig, {True: "JumpReluAutoEncoder", False: "JumpReluAutoEncoder"}),
        (BatchTopKTrainingSAEConfig, {True: "JumpReluAutoEncoder", False: "JumpReluAutoEncoder"}),
    ],
)
def test_dictionary_learning_computes_the_same(tmp_path, config_class, dict_class, is_applied):
    sae = random_sae(config_class, apply_b_dec_to_input=is_applied, metadata=SAEMetadata(**WHERE))
    before = {name: tensor.clone() for name, tensor in sae.state_dict().items()}
    files = save_as(sae, tmp_path, format="dictionary_learning")
    assert sorted(each.name for each in files) == ["ae.pt", "config.json"]
    x = random_x(5, sae.d_in)
    torch.testing.assert_close(dictionary_learning_forward(tmp_path, x), sae.to_inference()(x))
    trainer = json.loads((tmp_path / "config.json").read_text("utf-8"))["trainer"]
    assert trainer["dict_class"] == dict_class[is_applied]
    assert (trainer["layer"], trainer["submodule_name"]) == (3, "mlp_layer_3")
    again = load_folder(tmp_path)
    torch.testing.assert_close(again(x), sae.to_inference()(x))
    assert {name: getattr(again.cfg.metadata, name) for name in WHERE} == WHERE
    assert recognise(tmp_path).architecture == sae.to_inference().cfg.architecture
    assert all(torch.equal(sae.state_dict()[name], tensor) for name, tensor in before.items())


@pytest.mark.parametrize(
    "settings",
    [{}, {"apply_b_dec_to_input": False}, {"rescale_acts_by_decoder_norm": True}],
    ids=["plain", "input_as_it_is", "rescaled"],
)
def test_sparsify_computes_the_same(tmp_path, settings):
    sae = random_sae(TopKSAEConfig, **settings)
    files = save_as(sae, tmp_path / "layers.5", format="sparsify")
    assert sorted(each.name for each in files) == ["cfg.json", "sae.safetensors"]
    x = random_x(5, sae.d_in)
    torch.testing.assert_close(sparsify_forward(tmp_path / "layers.5", x), sae(x))
    again = load_folder(tmp_path / "layers.5")
    torch.testing.assert_close(again(x), sae(x))
    assert again.cfg.metadata.hook_name == "blocks.5.hook_resid_post"
    cfg = json.loads((tmp_path / "layers.5/cfg.json").read_text("utf-8"))
    assert cfg["normalize_decoder"] == ("rescale_acts_by_decoder_norm" in settings)


@pytest.mark.parametrize("config_class", [TopKTranscoderConfig, TopKSkipTranscoderConfig])
def test_sparsify_computes_the_same_transcoder(tmp_path, config_class):
    sae = random_sae(config_class, d_out=6)
    save_as(sae, tmp_path / "layers.5.mlp", format="sparsify")
    x = random_x(5, sae.d_in)
    torch.testing.assert_close(sparsify_forward(tmp_path / "layers.5.mlp", x), sae(x))
    again = load_folder(tmp_path / "layers.5.mlp")
    torch.testing.assert_close(again(x), sae(x))
    assert again.cfg.metadata.hook_name == "blocks.5.mlp.hook_in"


def test_an_sae_in_training_is_written_as_it_will_be_used(tmp_path):
    sae = random_sae(TopKTrainingSAEConfig)
    save_as(sae, tmp_path / "sparsify", format="sparsify")
    save_as(random_sae(StandardTrainingSAEConfig), tmp_path / "dictionary", format="dictionary_learning")
    save_as(sae, tmp_path / "native", format="saelens")
    x = random_x(5, sae.d_in)
    for folder in ("sparsify", "native"):
        again = load_folder(tmp_path / folder)
        assert not again.cfg.is_training
        torch.testing.assert_close(again(x), sae.to_inference()(x))


def test_what_a_format_has_no_word_for_is_refused(tmp_path):
    for config_class in (StandardSAEConfig, JumpReLUSAEConfig, BatchTopKTrainingSAEConfig):
        with pytest.raises(NotImplementedError, match="sparsify holds TopK SAEs and transcoders only"):
            save_as(random_sae(config_class), tmp_path, format="sparsify")
    with pytest.raises(NotImplementedError, match=r"scale their input \(normalize_activations='layer_norm'\)"):
        save_as(random_sae(TopKSAEConfig, normalize_activations="layer_norm"), tmp_path, format="sparsify")
    with pytest.raises(NotImplementedError, match="no longer has signed SAEs"):
        save_as(random_sae(AbsTopKSAEConfig), tmp_path, format="sparsify")
    with pytest.raises(NotImplementedError, match="as many numbers as they take, not 9"):
        save_as(random_sae(TopKTranscoderConfig, d_out=9), tmp_path, format="sparsify")
    assert not list(tmp_path.iterdir())


def test_a_format_that_is_only_read_says_which_are_written(tmp_path):
    with pytest.raises(ValueError, match="written are saelens, sparsify, dictionary_learning"):
        save_as(random_sae(TopKSAEConfig), tmp_path, format="gemma_scope")
