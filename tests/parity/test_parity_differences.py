"""Where we depart from SAELens on purpose: one test for each line of docs/differences.md, and both sides in each.

What SAELens does is tested as well: a line is out of date when it changes.
"""

import copy
import pickle
import re
from pathlib import Path

import pytest
import sae_lens
import torch
from sae_lens.loading.pretrained_sae_loaders import handle_config_defaulting
from safetensors.torch import load_file, save_file

import sae_widgets.architectures as ours
from sae_widgets.sae import SAE, TrainContext
from sae_widgets.sae.loading import build
from tests.parity.peer import activations, our_sae, peer_sae, relative, settings_for

TABLE = Path(__file__).parents[2] / "docs" / "differences.md"


def named_tests() -> list[tuple[str, str]]:
    return re.findall(r"`([\w/]+\.py)::(test_\w+)`", TABLE.read_text(encoding="utf-8"))


def test_every_difference_names_a_test_that_exists():
    lines = TABLE.read_text(encoding="utf-8").splitlines()
    rows = [line for line in lines if re.match(r"\| (?!What |\*\*)", line)]
    assert len(rows) > 30
    unnamed = [row for row in rows if not re.search(r"`[\w/]+\.py::test_\w+`", row)]
    assert not unnamed, f"rows that name no test: {unnamed}"
    for file, test in named_tests():
        path = Path(__file__).parents[1] / file
        assert path.is_file(), file
        assert re.search(rf"^(async )?def {test}\(", path.read_text(encoding="utf-8"), re.MULTILINE), f"{file}::{test}"


def test_every_test_here_is_in_the_table():
    files = sorted(Path(__file__).parent.glob("test_parity_differences*.py"))
    assert len(files) == 2
    here = {test for each in files for test in re.findall(r"^def (test_\w+)\(", each.read_text("utf-8"), re.MULTILINE)}
    here -= {test_every_difference_names_a_test_that_exists.__name__, test_every_test_here_is_in_the_table.__name__}
    listed = {test for file, test in named_tests() if file.startswith("parity/test_parity_differences")}
    assert here == listed


# The SAE itself


@pytest.mark.parametrize("mode", ["layer_norm", "constant_norm_rescale"])
@torch.no_grad()
def test_decode_remembers_nothing(mode: str):
    x, other = activations(1), 5 * activations(2)
    peer, mine = (made("StandardSAE", normalize_activations=mode) for made in (peer_sae, our_sae))
    expected = peer(x)
    acts = peer.encode(x)
    peer.encode(other)
    assert relative(peer.decode(acts), expected) > 0.1  # scaled back as `other` would be
    with pytest.raises(AttributeError):
        peer.decode(acts)
    acts = mine.encode(x)
    mine.encode(other)
    assert relative(mine.decode(acts, x), expected) < 1e-5
    assert relative(mine.decode(acts, x), expected) < 1e-5
    with pytest.raises(ValueError, match="needs the input"):
        mine.decode(acts)


@torch.no_grad()
def test_batchtopk_goes_by_its_threshold_in_evaluation_mode():
    x = activations()
    peer, mine = peer_sae("BatchTopKTrainingSAE").eval(), our_sae("BatchTopKTrainingSAE").eval()
    assert torch.equal(peer.encode(x), peer.train().encode(x))
    assert not torch.equal(mine.encode(x), peer.encode(x))
    # A token's features do not depend on its neighbours: the same alone, and as the SAE that is saved.
    assert relative(mine.encode(x[:1]), mine.encode(x)[:1]) < 1e-5
    assert relative(mine(x), mine.to_inference()(x)) < 1e-5
    assert relative(mine.train().encode(x), peer.encode(x)) < 1e-5


def test_batchtopk_keeps_its_threshold_in_float64():
    peer, mine = peer_sae("BatchTopKTrainingSAE"), our_sae("BatchTopKTrainingSAE")
    assert peer.to(torch.bfloat16).topk_threshold.dtype == torch.bfloat16
    assert mine.to(torch.bfloat16).topk_threshold.dtype == torch.float64


@torch.no_grad()
def test_batchtopk_learns_no_threshold_without_gradients():
    x = activations()
    peer, mine = peer_sae("BatchTopKTrainingSAE"), our_sae("BatchTopKTrainingSAE")
    before = mine.topk_threshold.item()
    peer.training_forward_pass(sae_lens.saes.sae.TrainStepInput(x, {}, None, 0, False))
    mine.train_parts(x)
    assert peer.topk_threshold.item() != before
    assert mine.topk_threshold.item() == before


@pytest.mark.parametrize("name", ["TopKTrainingSAE", "BatchTopKTrainingSAE"])
def test_the_auxiliary_loss_works_with_rows_normalised(name: str):
    x, dead = activations(), torch.arange(512) % 7 == 0
    peer, mine = (made(name, normalize_activations="layer_norm") for made in (peer_sae, our_sae))
    with pytest.raises(ValueError, match="does not support activation normalization"):
        peer.training_forward_pass(sae_lens.saes.sae.TrainStepInput(x, {}, dead, 0, False))
    losses = mine.objective(mine.train_parts(x), x, TrainContext({}, dead, 0))
    assert losses["auxiliary_reconstruction_loss"] > 0


def test_the_gated_auxiliary_loss_sees_what_the_encoder_sees():
    x = 3 * activations()
    peer, mine = (made("GatedTrainingSAE", normalize_activations="layer_norm") for made in (peer_sae, our_sae))
    theirs = peer.training_forward_pass(sae_lens.saes.sae.TrainStepInput(x, {"l1": 1.0}, None, 0, False)).losses
    parts = mine.train_parts(x)
    losses = mine.objective(parts, x, TrainContext({"l1": 1.0}))
    assert relative(losses["mse_loss"], theirs["mse_loss"]) < 1e-5

    def l1(sae_in: torch.Tensor) -> torch.Tensor:
        return ((sae_in @ mine.W_enc + mine.b_gate).relu() * mine.W_dec.norm(dim=1)).sum(-1).mean()

    assert relative(theirs["l1_loss"], l1(x - mine.b_dec)) < 1e-5
    assert relative(losses["l1_loss"], l1(mine.process_sae_in(x))) < 1e-5


def test_matryoshka_levels_work_with_rows_normalised():
    x = activations()
    name = "MatryoshkaBatchTopKTrainingSAE"
    peer, mine = (made(name, normalize_activations="layer_norm") for made in (peer_sae, our_sae))
    with pytest.raises(AttributeError, match="ln_std"):
        peer.training_forward_pass(sae_lens.saes.sae.TrainStepInput(x, {}, None, 0, False))
    losses = mine.objective(mine.train_parts(x), x, TrainContext())
    acts = mine.train().encode(x)
    for width in (128, 256):
        of_level = mine.decode(acts * (torch.arange(512) < width), x)
        assert relative(losses[f"inner_mse_loss_{width}"], (of_level - x).pow(2).sum(-1).mean()) < 1e-5


@torch.no_grad()
def test_a_pursuit_passes_the_hook_points_of_features():
    x = activations()
    for made, passes in ((peer_sae, False), (our_sae, True)):
        sae, seen = made("MatchingPursuitSAE"), []
        sae.hook_sae_acts_post.add_hook(lambda value, hook, seen=seen: seen.append(value))
        sae(x)
        assert bool(seen) is passes


@torch.no_grad()
def test_an_all_zero_row_stays_finite():
    x = activations()
    x[3] = 0
    peer, mine = (made("StandardSAE", normalize_activations="constant_norm_rescale") for made in (peer_sae, our_sae))
    assert peer(x)[3].isnan().all()
    assert mine(x)[3].isfinite().all()
    others = torch.arange(len(x)) != 3
    assert relative(mine(x)[others], peer(x)[others]) < 1e-5


def test_no_threshold_is_below_zero_after_a_step():
    """SAELens projects before a forward, so what it saves after the last step may let negative values through."""
    peer, mine = peer_sae("JumpReLUTrainingSAE"), our_sae("JumpReLUTrainingSAE")
    for sae in (peer, mine):
        with torch.no_grad():
            sae.threshold.fill_(1e-4)
        sae.threshold.grad = torch.ones_like(sae.threshold)
        torch.optim.SGD([sae.threshold], lr=0.1).step()
    mine.after_step()
    assert peer.threshold.min() < 0
    assert mine.threshold.min() == 0


def test_a_saved_threshold_has_the_dtype_of_the_sae(tmp_path: Path):
    for made in (peer_sae, our_sae):
        made("JumpReLUTrainingSAE", dtype="bfloat16").save_inference_model(tmp_path / made.__name__)
    peer, mine = (load_file(tmp_path / each / "sae_weights.safetensors") for each in ("peer_sae", "our_sae"))
    assert peer["threshold"].dtype == torch.float32
    assert mine["threshold"].dtype == torch.bfloat16
    loaded = sae_lens.SAE.load_from_disk(tmp_path / "peer_sae")
    assert torch.equal(loaded.threshold, mine["threshold"])  # so it is there once it has loaded, too


@torch.no_grad()
def test_transcoders_pass_the_output_hook_point():
    config = {"d_in": 8, "d_out": 6, "d_sae": 16, "apply_b_dec_to_input": False}
    for home, passes in ((sae_lens, False), (ours, True)):
        sae, seen = home.SkipTranscoder(home.SkipTranscoderConfig(**config)), []
        sae.hook_sae_output.add_hook(lambda value, hook, seen=seen: seen.append(value))
        sae(torch.randn(4, 8))
        assert bool(seen) is passes


def test_the_default_of_a_transcoder_is_one_it_takes():
    with pytest.raises(ValueError, match="apply_b_dec_to_input"):
        sae_lens.TranscoderConfig(d_in=8, d_sae=16, d_out=6)
    assert not ours.TranscoderConfig(d_in=8, d_sae=16, d_out=6).apply_b_dec_to_input


def test_transcoders_can_be_trained():
    assert not any("Transcoder" in name and "Training" in name for name in dir(sae_lens))
    config = ours.SkipTranscoderTrainingConfig(d_in=8, d_out=6, d_sae=16)
    mine, x, y = SAE.from_config(config), torch.randn(32, 8), torch.randn(32, 6)
    context = TrainContext({name: each.value for name, each in mine.coefficients().items()})
    sum(mine.objective(mine.train_parts(x), y, context).values()).backward()
    assert all(weight.grad is not None for weight in mine.parameters())


def test_saes_can_be_copied_and_pickled():
    peer, mine, x = peer_sae("TopKSAE"), our_sae("TopKSAE"), activations()
    with pytest.raises((AttributeError, pickle.PicklingError)):
        pickle.dumps(peer)
    assert torch.equal(pickle.loads(pickle.dumps(mine))(x), mine(x))
    assert torch.equal(copy.deepcopy(mine)(x), mine(x))


def test_an_architecture_is_a_name_and_can_be_called():
    peer, mine = peer_sae("TopKSAE").cfg, our_sae("TopKSAE").cfg
    assert peer.architecture() == mine.architecture() == "topk"
    assert (peer.architecture == "topk") is False
    assert mine.architecture == "topk"


def test_a_config_answers_older_names():
    peer, mine = peer_sae("TopKSAE").cfg, our_sae("TopKSAE").cfg
    for cfg in (peer, mine):
        cfg.metadata.hook_name = "blocks.3.hook_mlp_out"
    with pytest.raises(AttributeError):
        peer.hook_name  # noqa: B018
    assert (mine.hook_name, mine.hook_layer, mine.activation_fn_str) == ("blocks.3.hook_mlp_out", 3, "topk")


def test_a_misspelt_metadata_name_is_an_error():
    peer, mine = peer_sae("TopKSAE").cfg.metadata, our_sae("TopKSAE").cfg.metadata
    assert peer.hook_nam is None
    with pytest.raises(AttributeError, match="hook_name"):
        mine.hook_nam  # noqa: B018
    assert mine.hook_name is None


@pytest.mark.parametrize(
    ("name", "changes", "match"),
    [
        ("StandardSAE", {"d_sae": 0}, "d_sae"),
        ("StandardSAE", {"dtype": "int8"}, "dtype"),
        ("TopKSAE", {"k": 0}, "k is"),
        ("TopKSAE", {"k": 10**6}, "k is"),
        ("JumpReLUTrainingSAE", {"jumprelu_bandwidth": 0.0}, "bandwidth"),
        ("JumpReLUTrainingSAE", {"l0_coefficient": float("nan")}, "l0_coefficient"),
    ],
)
def test_a_setting_that_cannot_work_is_refused_where_it_is_made(name: str, changes: dict, match: str):
    getattr(sae_lens, f"{name}Config")(**settings_for(name, **changes))
    with pytest.raises(ValueError, match=match):
        getattr(ours, f"{name}Config")(**settings_for(name, **changes))


def test_activations_of_another_width_are_explained():
    with pytest.raises(RuntimeError, match="size of tensor"):
        peer_sae("StandardSAE").encode(torch.randn(4, 65))
    with pytest.raises(ValueError, match="reads activations of width 64"):
        our_sae("StandardSAE").encode(torch.randn(4, 65))


@torch.no_grad()
def test_the_two_forms_are_one_class():
    mine, x = our_sae("TopKTrainingSAE"), activations()
    assert ours.TopKTrainingSAE is ours.TopKSAE
    assert sae_lens.TopKTrainingSAE is not sae_lens.TopKSAE
    again = mine.to_inference().to_training(aux_loss_coefficient=0.5)
    assert again.cfg.aux_loss_coefficient == 0.5
    assert relative(again(x), mine(x)) < 1e-5


# Files


def test_weights_that_are_no_numbers_are_refused(tmp_path: Path):
    our_sae("StandardSAE").save_model(tmp_path)
    weights = load_file(tmp_path / "sae_weights.safetensors")
    weights["W_dec"][3, 5] = float("nan")
    save_file(weights, tmp_path / "sae_weights.safetensors")
    assert sae_lens.SAE.load_from_disk(tmp_path).W_dec.isnan().any()
    with pytest.raises(ValueError, match="W_dec"):
        SAE.load_from_disk(tmp_path)


def test_a_finetuned_scaling_factor_is_used(tmp_path: Path):
    """Version 5 decoded (feature_acts * scaling_factor) @ W_dec after finetuning."""
    sae = our_sae("StandardSAE")
    sae.save_model(tmp_path)
    weights = load_file(tmp_path / "sae_weights.safetensors")
    scale = torch.linspace(0.5, 2, sae.d_sae)
    save_file({**weights, "scaling_factor": scale}, tmp_path / "sae_weights.safetensors")
    (tmp_path / "cfg.json").write_text(
        '{"architecture": "standard", "d_in": 64, "d_sae": 512, "dtype": "torch.float32", "hook_name": "hook_embed",'
        ' "activation_fn_str": "relu", "finetuning_scaling_factor": true, "apply_b_dec_to_input": true}'
    )
    with pytest.raises(RuntimeError, match="finetuning_scaling_factor"):
        sae_lens.SAE.load_from_disk(tmp_path)
    x = activations()
    with torch.no_grad():
        expected = (sae.encode(x) * scale) @ sae.W_dec + sae.b_dec
        assert relative(SAE.load_from_disk(tmp_path)(x), expected) < 1e-5


def test_an_activation_that_nothing_here_computes_is_refused(tmp_path: Path):
    our_sae("StandardSAE").save_model(tmp_path)
    (tmp_path / "cfg.json").write_text(
        '{"architecture": "standard", "d_in": 64, "d_sae": 512, "dtype": "float32", "activation_fn_str": "tanh-relu"}'
    )
    peer = sae_lens.SAE.load_from_disk(tmp_path)  # a plain ReLU, whatever the config says
    x = activations()
    assert relative(peer.encode(x), our_sae("StandardSAE").encode(x)) < 1e-5
    with pytest.raises(ValueError, match="tanh-relu"):
        SAE.load_from_disk(tmp_path)


def test_a_cut_file_says_what_is_missing(tmp_path: Path):
    our_sae("StandardSAE").save_model(tmp_path)
    file = tmp_path / "sae_weights.safetensors"
    file.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(Exception, match=r"(?i)incomplete metadata"):
        sae_lens.SAE.load_from_disk(tmp_path)
    with pytest.raises(ValueError, match="bytes where its header promises"):
        SAE.load_from_disk(tmp_path)


def test_a_loaded_sae_unpacks_with_its_sparsity(tmp_path: Path):
    log_sparsity = torch.linspace(-10, 0, 512)
    our_sae("StandardSAE").save_model(tmp_path, log_sparsity=log_sparsity)
    with pytest.warns(DeprecationWarning, match="Unpacking"):
        _, _, theirs = sae_lens.SAE.load_from_disk(tmp_path)
    sae, config, mine = SAE.load_from_disk(tmp_path)
    assert theirs is None
    assert torch.equal(mine, log_sparsity)
    assert config["d_sae"] == sae.d_sae


def test_one_door_reads_both_forms(tmp_path: Path):
    peer_sae("TopKTrainingSAE").save_model(tmp_path)
    inference = sae_lens.SAE.load_from_disk(tmp_path)
    assert type(inference).__name__ == "TopKSAE"  # what training knew is gone
    mine = SAE.load_from_disk(tmp_path)
    assert mine.cfg.is_training
    assert mine.cfg.aux_loss_coefficient == 1.0


def test_what_the_catalogue_adds_is_kept():
    config = our_sae("StandardSAE").cfg.to_dict()
    added = {"neuronpedia_id": "gpt2-small/8-res-jb", "dataset_path": "Skylion007/openwebtext"}
    read = handle_config_defaulting({**config, **added})  # as its loaders put it, whatever version the config is
    assert sae_lens.SAEConfig.from_dict(read).metadata.neuronpedia_id is None
    mine = build(config, dict(our_sae("StandardSAE").state_dict()), where="here", overrides=added)
    assert {name: getattr(mine.cfg.metadata, name) for name in added} == added


# Training


def test_a_run_that_names_no_sizes_can_begin():
    from sae_lens.training.mixing_buffer import mixing_buffer

    from sae_widgets.activations.store import StoreSettings

    peer = sae_lens.LanguageModelSAERunnerConfig(
        sae=sae_lens.StandardTrainingSAEConfig(**settings_for("StandardSAE")),
        logger=sae_lens.LoggingConfig(log_to_wandb=False),
    )
    # As its store calls it: the buffer is counted in rows of tokens, not in forwards of many rows.
    size = peer.n_batches_in_buffer * peer.context_size
    with pytest.raises(ValueError, match="Buffer size must be greater than or equal to batch size"):
        next(mixing_buffer(size, peer.train_batch_size_tokens, iter([torch.zeros(10_000, 64)])))
    mine = StoreSettings(hook_name=peer.hook_name)
    assert mine.buffer_tokens == peer.n_batches_in_buffer * peer.store_batch_size_prompts * peer.context_size
    assert mine.buffer_tokens >= mine.train_batch_size_tokens == peer.train_batch_size_tokens


def test_nothing_is_uploaded_unless_asked():
    from sae_widgets.runs.config import LoggingConfig

    assert sae_lens.LoggingConfig().log_to_wandb
    assert not LoggingConfig().log_to_wandb


def test_flat_settings_make_the_same_config():
    from sae_widgets.runs.config import LanguageModelSAERunnerConfig

    flat = {"architecture": "topk", "d_in": 64, "expansion_factor": 8, "activation_fn_kwargs": {"k": 4}}
    with pytest.raises(TypeError, match="unexpected keyword"):
        sae_lens.LanguageModelSAERunnerConfig(**flat)
    mine = LanguageModelSAERunnerConfig(**flat)
    assert (type(mine.sae).__name__, mine.sae.d_sae, mine.sae.k) == ("TopKTrainingSAEConfig", 512, 4)
