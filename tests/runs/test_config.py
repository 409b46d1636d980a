"""The runner's config in SAELens' two spellings."""

import copy
import dataclasses
import inspect
import pickle

import pytest
import torch

import sae_widgets as sw
from sae_widgets.runs.config import LanguageModelSAERunnerConfig, LoggingConfig

# The seeds' keywords, all at once.
SEED = {
    **{"model_name": "gpt2-small", "hook_name": "blocks.8.hook_resid_pre", "hook_layer": 8, "d_in": 768},
    **{"architecture": "standard", "d_sae": 768 * 8, "activation_fn": "relu"},
    **{"lr": 4e-4, "l1_coefficient": 8e-5, "lp_norm": 1.0, "lr_scheduler_name": "constant", "lr_warm_up_steps": 500},
    **{"l1_warm_up_steps": 1000, "use_ghost_grads": True, "feature_sampling_window": 1000},
    **{"dead_feature_window": 5000, "dead_feature_threshold": 1e-8},
    **{"dataset_path": "monology/pile-uncopyrighted", "streaming": True, "context_size": 128},
    **{"train_batch_size_tokens": 4096, "store_batch_size_prompts": 16, "n_batches_in_buffer": 64},
    **{"training_tokens": 100_000_000, "log_to_wandb": True, "wandb_project": "sae-training"},
    **{"wandb_log_frequency": 100, "checkpoint_path": "checkpoints", "n_checkpoints": 5},
    **{"device": "cpu", "dtype": "float32", "lr_decay_steps": 0},
}


def test_the_seeds_flat_spelling_makes_the_nested_config():
    cfg = LanguageModelSAERunnerConfig(**SEED)
    assert isinstance(cfg.sae, sw.StandardTrainingSAEConfig)
    assert (cfg.sae.d_in, cfg.sae.d_sae, cfg.sae.l1_coefficient, cfg.sae.l1_warm_up_steps) == (768, 6144, 8e-5, 1000)
    assert cfg.logger == LoggingConfig(log_to_wandb=True, wandb_project="sae-training", wandb_log_frequency=100)
    assert cfg.use_ghost_grads
    nested_names = {field.name for field in dataclasses.fields(cfg)}
    nested = LanguageModelSAERunnerConfig(
        sae=sw.StandardTrainingSAEConfig(d_in=768, d_sae=6144, l1_coefficient=8e-5, l1_warm_up_steps=1000),
        logger=LoggingConfig(log_to_wandb=True, wandb_project="sae-training", wandb_log_frequency=100),
        **{name: value for name, value in SEED.items() if name in nested_names},
    )
    assert nested == cfg


def test_a_config_of_which_everything_is_left_out_reads_the_bundled_model_and_texts():
    cfg = LanguageModelSAERunnerConfig(...)
    assert (cfg.model_name, cfg.dataset_path) == ("demo", "demo")
    assert cfg == LanguageModelSAERunnerConfig()
    assert LanguageModelSAERunnerConfig(model_name="gpt2").dataset_path == ""


def test_both_spellings_are_read_from_one_config():
    cfg = LanguageModelSAERunnerConfig(architecture="topk", d_in=16, expansion_factor=4, activation_fn_kwargs={"k": 5})
    assert cfg.architecture == "topk"
    assert cfg.architecture() == "topk"
    assert (cfg.d_sae, cfg.k, cfg.activation_fn, cfg.activation_fn_kwargs) == (64, 5, "topk", {"k": 5})
    assert (cfg.expansion_factor, cfg.hook_layer, cfg.log_to_wandb) == (4, 0, False)
    with pytest.raises(AttributeError, match="no 'l1_coeficient'"):
        cfg.l1_coeficient  # noqa: B018


@pytest.mark.parametrize(
    ("settings", "config_class"),
    [
        ({}, "StandardTrainingSAEConfig"),
        ({"architecture": "gated"}, "GatedTrainingSAEConfig"),
        ({"architecture": "jumprelu"}, "JumpReLUTrainingSAEConfig"),
        ({"architecture": "batchtopk", "k": 7.5}, "BatchTopKTrainingSAEConfig"),
        ({"architecture": "topk", "activation_fn": "relu"}, "TopKTrainingSAEConfig"),
        ({"architecture": "abstopk", "activation_fn": "topk", "k": 9}, "AbsTopKTrainingSAEConfig"),
        ({"architecture": "matching_pursuit", "max_iterations": 9}, "MatchingPursuitTrainingSAEConfig"),
        (
            {"architecture": "standard", "activation_fn": "topk", "activation_fn_kwargs": {"k": 9}},
            "TopKTrainingSAEConfig",
        ),
    ],
)
def test_the_class_follows_from_the_architecture(settings, config_class):
    assert type(LanguageModelSAERunnerConfig(**settings).sae).__name__ == config_class


def test_matryoshka_widths_are_a_flat_keyword_like_any_other():
    flat = {"matryoshka_widths": [100, 300], "use_matryoshka_aux_loss": True, "d_in": 100, "d_sae": 500}
    cfg = LanguageModelSAERunnerConfig(architecture="matryoshka_batchtopk", activation_fn_kwargs={"k": 9}, **flat)
    assert isinstance(cfg.sae, sw.MatryoshkaBatchTopKTrainingSAEConfig)
    assert (cfg.sae.k, cfg.matryoshka_widths, cfg.use_matryoshka_aux_loss) == (9.0, [100, 300, 500], True)
    assert LanguageModelSAERunnerConfig.from_dict(cfg.to_dict()).matryoshka_widths == [100, 300, 500]


def test_jumprelu_takes_l1_coefficient_as_the_weight_of_its_l0_loss():
    cfg = LanguageModelSAERunnerConfig(architecture="jumprelu", l1_coefficient=0.5, l1_warm_up_steps=7)
    assert (cfg.sae.l0_coefficient, cfg.sae.l0_warm_up_steps) == (0.5, 7)


def test_hook_layer_alone_makes_the_hook_name():
    assert LanguageModelSAERunnerConfig(hook_layer=3).hook_name == "blocks.3.hook_mlp_out"


def test_a_width_that_is_not_given_can_be_filled_in_later():
    cfg = LanguageModelSAERunnerConfig(architecture="topk", expansion_factor=2)
    assert not cfg.is_d_in_known
    wide = cfg.with_d_in(100)
    assert (wide.sae.d_in, wide.sae.d_sae, cfg.sae.d_in) == (100, 200, 512)
    assert LanguageModelSAERunnerConfig(d_in=64).is_d_in_known


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        (
            {"sae": sw.TopKTrainingSAEConfig(d_in=8, d_sae=16, k=2), "architecture": "topk", "d_in": 8},
            ValueError,
            r"Both sae= and architecture, d_in were given: put architecture, d_in into TopKTrainingSAEConfig",
        ),
        ({"logger": LoggingConfig(), "log_to_wandb": True}, ValueError, "Both logger= and log_to_wandb were given"),
        ({"l1_coeficient": 1.0}, TypeError, "has no 'l1_coeficient'.*Did you mean 'l1_coefficient'"),
        ({"training_token": 1}, TypeError, "Did you mean 'training_tokens'"),
        ({"architecture": "top_k"}, ValueError, "No SAE architecture 'top_k'.*Did you mean 'topk'"),
        ({"activation_fn": "tanh-relu"}, ValueError, "activation_fn='tanh-relu' is not offered"),
        (
            {"architecture": "gated", "activation_fn": "topk"},
            ValueError,
            "activation_fn='topk' and architecture='gated'",
        ),
        ({"architecture": "temporal"}, ValueError, "architecture='temporal' is for inference"),
        ({"architecture": "matryoshka_batchtopk"}, ValueError, "matryoshka_widths must not be empty"),
        ({"architecture": "topk", "k": 3, "activation_fn_kwargs": {"k": 4}}, ValueError, "k=3 and .*disagree"),
        ({"activation_fn_kwargs": {"q": 4}}, ValueError, "activation_fn_kwargs has 'q'; only 'k' is known"),
        ({"architecture": "topk", "l1_coefficient": 1e-3}, ValueError, "no meaning for architecture 'topk', whose"),
        ({"d_in": 8, "d_sae": 20, "expansion_factor": 4}, ValueError, "d_sae=20 and expansion_factor=4"),
        (
            {"hook_layer": 3, "hook_name": "blocks.4.hook_resid_pre"},
            ValueError,
            "hook_layer=3 and hook_name=.*disagree",
        ),
        ({"hook_point": "blocks.4.hook_resid_pre"}, ValueError, "hook_point=.*not offered any more: use hook_name"),
        ({"resume": True, "resume_from_checkpoint": "runs/a/64"}, ValueError, "not both"),
        ({"resume": "auto", "checkpoint_path": None}, ValueError, "checkpoint_path, which is empty"),
        ({"keep_checkpoints": 0}, ValueError, "keep_checkpoints must be above 0"),
        ({"checkpoint_every_steps": 2.5}, ValueError, "whole number"),
        ({"noise_scale": 0.1}, ValueError, "noise_scale=0.1 is not offered"),
        ({"dataset_trust_remote_code": True}, NotImplementedError, "code from the hub is never run"),
        ({"sae": sw.TopKSAEConfig(d_in=8, d_sae=16, k=2)}, TypeError, "takes a training config"),
        ({"lr": 0.0}, ValueError, "lr must be above 0"),
        ({"training_tokens": 0}, ValueError, "training_tokens is a positive whole number; got 0"),
        ({"train_batch_size_tokens": 1.5}, ValueError, "train_batch_size_tokens is a positive whole number; got 1.5"),
        ({"n_checkpoints": -1}, ValueError, "n_checkpoints at least 0"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_the_remedy(settings, error, message):
    with pytest.raises(error, match=message):
        LanguageModelSAERunnerConfig(**settings)


@pytest.mark.parametrize(
    "settings",
    [
        {"normalize_sae_decoder": False},
        {"finetuning_tokens": 0},
        {"init_encoder_as_decoder_transpose": True},
        {"noise_scale": 0.0},
        {"architecture": "topk", "l1_coefficient": None},
        {"scale_sparsity_penalty_by_decoder_norm": True},
        {"hook_eval": "NOT_IN_USE"},
    ],
)
def test_removed_keywords_that_ask_for_what_happens_anyway_are_accepted(settings):
    LanguageModelSAERunnerConfig(**settings)


@pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without a CUDA GPU")
def test_a_missing_gpu_is_said_at_once_and_auto_does_without():
    with pytest.raises(ValueError, match=r"device='cuda', but torch sees no CUDA device.*device='cpu'"):
        LanguageModelSAERunnerConfig(device="cuda")
    assert LanguageModelSAERunnerConfig(device="auto").device == "cpu"


def test_a_config_survives_copying_pickling_and_json(tmp_path):
    cfg = LanguageModelSAERunnerConfig(**SEED, seqpos_slice=(1, None))
    path = tmp_path / "runner_cfg.json"
    from sae_widgets.training.checkpoints import write_json

    write_json(path, cfg.to_dict())
    for other in (copy.deepcopy(cfg), pickle.loads(pickle.dumps(cfg)), LanguageModelSAERunnerConfig.from_json(path)):
        assert other.to_dict() == cfg.to_dict()
    assert dataclasses.replace(cfg, lr=1e-3).lr == 1e-3


def test_what_is_put_in_is_not_changed_by_the_config():
    sae = sw.TopKTrainingSAEConfig(d_in=8, d_sae=16, k=2)
    cfg = LanguageModelSAERunnerConfig(sae=sae)
    cfg.sae.k = 3
    assert sae.k == 2


def test_the_signature_shows_every_keyword():
    names = inspect.signature(LanguageModelSAERunnerConfig).parameters
    assert set(SEED) <= set(names)
    assert {"sae", "logger", "k", "expansion_factor", "jumprelu_bandwidth"} <= set(names)
