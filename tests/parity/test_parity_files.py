"""Files written by one and read by the other compute the same, in both directions."""

import json

import pytest
import torch
from sae_lens.loading.pretrained_sae_loaders import handle_config_defaulting

from sae_widgets.sae import SAE
from sae_widgets.sae.versions import upgrade_config
from tests.parity.peer import INFERENCE, TRAINING, activations, fill, largest, our_sae, peer_from, peer_sae

TOLERANCE = 1e-5
MODES = ("none", "expected_average_only_in", "constant_norm_rescale", "layer_norm")
VARIANTS = [{"normalize_activations": mode, "apply_b_dec_to_input": apply} for mode in MODES for apply in (True, False)]


def variants(name: str) -> list[dict]:
    if any(part in name for part in ("Transcoder", "Temporal", "Pursuit", "Matryoshka", "AbsTopK")):
        return [{}, {"normalize_activations": "layer_norm"}]  # the rest is the base's, which the others go through
    if "TopK" not in name:
        return VARIANTS
    return [{**each, "rescale_acts_by_decoder_norm": rescale} for each in VARIANTS for rescale in (True, False)]


def cases(names: tuple[str, ...]):
    return [pytest.param(name, each, id=f"{name}-{i}") for name in names for i, each in enumerate(variants(name))]


@pytest.mark.parametrize(("name", "variant"), cases(INFERENCE))
def test_our_inference_files_compute_the_same_in_sae_lens(name: str, variant: dict, tmp_path, note):
    mine, x = our_sae(name, **variant), activations(name=name)
    mine.save_model(tmp_path)
    peer = peer_from(tmp_path, training=False)
    with torch.no_grad():
        assert note(f"{name}: forward, our file in SAELens", largest(mine(x), peer(x))) <= TOLERANCE
        assert note(f"{name}: encode, our file in SAELens", largest(mine.encode(x), peer.encode(x))) <= TOLERANCE


@pytest.mark.parametrize(("name", "variant"), cases(INFERENCE))
def test_sae_lens_inference_files_compute_the_same_here(name: str, variant: dict, tmp_path, note):
    peer, x = peer_sae(name, **variant), activations(name=name)
    peer.save_model(tmp_path)
    mine = SAE.load_from_disk(tmp_path)
    assert type(mine).__name__ == name
    with torch.no_grad():
        assert note(f"{name}: forward, SAELens' file here", largest(mine(x), peer(x))) <= TOLERANCE
        assert note(f"{name}: encode, SAELens' file here", largest(mine.encode(x), peer.encode(x))) <= TOLERANCE


@pytest.mark.parametrize(("name", "variant"), cases(TRAINING))
def test_our_checkpoints_compute_the_same_in_sae_lens(name: str, variant: dict, tmp_path, note):
    mine, x = our_sae(name, **variant), activations(name=name)
    mine.save_model(tmp_path)
    peer = peer_from(tmp_path, training=True)
    with torch.no_grad():
        assert note(f"{name}: forward, our file in SAELens", largest(mine(x), peer(x))) <= TOLERANCE


@pytest.mark.parametrize(("name", "variant"), cases(TRAINING))
def test_sae_lens_checkpoints_compute_the_same_here(name: str, variant: dict, tmp_path, note):
    peer, x = peer_sae(name, **variant), activations(name=name)
    peer.save_model(tmp_path)
    mine = SAE.load_from_disk(tmp_path).train()  # in evaluation mode BatchTopK goes by its threshold
    assert mine.cfg.is_training
    with torch.no_grad():
        assert note(f"{name}: forward, SAELens' file here", largest(mine(x), peer(x))) <= TOLERANCE


@pytest.mark.parametrize(("name", "variant"), cases(TRAINING))
def test_inference_saves_agree(name: str, variant: dict, tmp_path, note):
    """Four ways to the same numbers: each saves for inference, each loads what the other saved."""
    mine, peer, x = our_sae(name, **variant), peer_sae(name, **variant), activations(name=name)
    mine.save_inference_model(tmp_path / "mine")
    peer.save_inference_model(tmp_path / "peer")
    with torch.no_grad():
        outputs = [
            SAE.load_from_disk(tmp_path / "mine")(x),
            SAE.load_from_disk(tmp_path / "peer")(x),
            peer_from(tmp_path / "mine", training=False)(x),
            peer_from(tmp_path / "peer", training=False)(x),
        ]
    for other in outputs[1:]:
        assert note(f"{name}: forward, saved for inference", largest(outputs[0], other)) <= TOLERANCE
    configs = [json.loads((tmp_path / who / "cfg.json").read_text()) for who in ("mine", "peer")]
    for config in configs:
        config["metadata"] = {
            key: config["metadata"][key] for key in ("training_architecture", "training_architecture_details")
        }
    assert configs[0] == configs[1]


@pytest.mark.parametrize("name", [*INFERENCE, *TRAINING])
@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float64"])
def test_weights_survive_the_round_trip_bit_for_bit(name: str, dtype: str, tmp_path):
    mine = our_sae(name, dtype=dtype)
    mine.save_model(tmp_path / "mine")
    peer = peer_from(tmp_path / "mine", training=name in TRAINING)
    peer.save_model(tmp_path / "peer")
    back = SAE.load_from_disk(tmp_path / "peer")
    for key, weight in mine.state_dict().items():
        if key in mine.kept_dtypes and mine.cfg.is_training:  # SAELens casts these to the SAE's dtype when it loads
            continue
        assert torch.equal(back.state_dict()[key], weight), key
        assert back.state_dict()[key].dtype == weight.dtype, key


@pytest.mark.parametrize("name", [*INFERENCE, *TRAINING])
def test_config_keys_are_the_same(name: str):
    mine, peer = our_sae(name).cfg.to_dict(), peer_sae(name).cfg.to_dict()
    assert {key: value for key, value in mine.items() if key != "metadata"} == {
        key: value for key, value in peer.items() if key != "metadata"
    }


FLAT = {"d_in": 4, "d_sae": 8, "model_name": "gpt2", "hook_point": "blocks.3.attn.hook_z", "hook_point_layer": 3}


@pytest.mark.parametrize(
    "flat",
    [
        FLAT,
        {**FLAT, "hook_name": "blocks.3.hook_resid_pre", "hook_point": None, "dtype": "torch.float32"},
        {**FLAT, "activation_fn_str": "topk", "activation_fn_kwargs": {"k": 3}},
        {**FLAT, "normalize_activations": True, "prepend_bos": False, "context_size": 128},
        {**FLAT, "normalize_activations": "layer_norm", "architecture": "gated", "neuronpedia_id": "a/b"},
        {**FLAT, "architecture": "jumprelu", "sae_lens_version": "5.9.0"},
    ],
)
def test_older_configs_are_read_alike(flat: dict):
    flat = {key: value for key, value in flat.items() if value is not None}
    mine, peer = upgrade_config(flat), handle_config_defaulting(dict(flat))
    for key in ("architecture", "normalize_activations", "reshape_activations", "apply_b_dec_to_input", "device", "k"):
        assert mine.get(key) == peer.get(key), key
    ignored = {"dataset_trust_remote_code"}
    for key in (mine["metadata"].keys() | peer["metadata"].keys()) - ignored:
        assert mine["metadata"].get(key) == peer["metadata"].get(key), key


@pytest.mark.parametrize("name", ["StandardSAE", "GatedSAE", "JumpReLUSAE", "TopKTrainingSAE", "BatchTopKTrainingSAE"])
def test_folding_gives_the_same_weights(name: str, note):
    mine, peer = our_sae(name), peer_sae(name)
    for sae in (mine, peer):
        sae.fold_activation_norm_scaling_factor(3.7)
        sae.fold_W_dec_norm()
    for key, weight in peer.state_dict().items():
        assert note(f"{name}: weights after folding", largest(mine.state_dict()[key], weight)) <= 1e-6


@pytest.mark.parametrize("name", TRAINING)
def test_fresh_weights_have_the_same_distribution(name: str):
    config = type(our_sae(name).cfg)(**our_sae(name).cfg.__dict__)
    mine = SAE.from_config(config)
    peer = type(peer_sae(name))(peer_sae(name).cfg)
    for key, weight in peer.state_dict().items():
        ours = mine.state_dict()[key]
        assert ours.shape == weight.shape
        assert ours.dtype == weight.dtype
        chance = 6 * weight.float().std().item() / weight.numel() ** 0.5 if weight.numel() > 1 else 0.0
        assert ours.mean().item() == pytest.approx(weight.mean().item(), abs=chance + 1e-9)
        if weight.numel() > 1:
            assert ours.std().item() == pytest.approx(weight.std().item(), rel=0.05, abs=1e-9)


def test_the_two_sides_start_from_the_same_weights():
    """What every comparison here stands on."""
    mine, peer = our_sae("GatedTrainingSAE"), peer_sae("GatedTrainingSAE")
    for key, weight in peer.state_dict().items():
        assert torch.equal(mine.state_dict()[key], weight)
    fill(mine, seed=5)
    assert not torch.equal(mine.W_enc, peer.W_enc)
