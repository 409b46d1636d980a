"""Training on pairs and on several hooks: transcoders, crosscoders, cross-layer transcoders, from text to a file."""

import pytest
import torch

import sae_widgets as sw
from sae_widgets.activations.documents import open_documents
from sae_widgets.activations.store import ActivationsStore, StoreSettings
from sae_widgets.runs.runner import LanguageModelSAERunnerConfig, SAETrainingRunner, start
from sae_widgets.training.schedules import LearningRateSchedule
from sae_widgets.training.trainer import Trainer, TrainSettings
from tests.tiny_lm import TinyLM, sentences
from tests.tiny_sae import random_x

MLP = ("blocks.1.mlp.hook_in", "blocks.1.hook_mlp_out")
LAYERS = ["blocks.0.hook_resid_pre", "blocks.1.hook_resid_pre"]
OUTPUTS = ["blocks.0.hook_mlp_out", "blocks.1.hook_mlp_out"]
SIZES = {"d_in": 16, "d_out": 16, "d_sae": 64}
SCALED = {"normalize_activations": "expected_average_only_in"}

KINDS = {
    "transcoder": (
        sw.TranscoderTrainingConfig(**SIZES, **SCALED, l1_coefficient=0.1, l1_warm_up_steps=5),
        {"hook_name": MLP[0], "hook_name_out": MLP[1]},
    ),
    "skip_transcoder": (
        sw.SkipTranscoderTrainingConfig(**SIZES, l1_coefficient=0.1),
        {"hook_name": MLP[0], "hook_name_out": MLP[1]},
    ),
    "jumprelu_transcoder": (
        sw.JumpReLUTranscoderTrainingConfig(**SIZES, **SCALED, l0_coefficient=0.02, l0_warm_up_steps=5),
        {"hook_name": MLP[0], "hook_name_out": MLP[1]},
    ),
    "jumprelu_skip_transcoder": (
        sw.JumpReLUSkipTranscoderTrainingConfig(**SIZES, l0_coefficient=0.02),
        {"hook_name": MLP[0], "hook_name_out": MLP[1]},
    ),
    "crosscoder": (
        sw.CrosscoderTrainingSAEConfig(d_in=32, d_sae=64, **SCALED, l1_coefficient=0.1),
        {"hook_names": LAYERS},
    ),
    "cross_layer_skip_transcoder": (
        sw.CrossLayerSkipTranscoderTrainingConfig(**SIZES, **SCALED, n_outputs=2, l0_coefficient=0.02),
        {"hook_name": "blocks.0.mlp.hook_in", "hook_names_out": OUTPUTS},
    ),
}


def config(folder, kind="transcoder", **settings):
    sae, places = KINDS[kind]
    values = {
        **{"sae": sae, "model_name": "tiny", "training_tokens": 2048, "train_batch_size_tokens": 64},
        **{"context_size": 16, "store_batch_size_prompts": 4, "n_batches_in_buffer": 6, "lr": 3e-3},
        **{"lr_warm_up_steps": 4, "verbose": False, "n_eval_batches": 2},
        **{"output_path": str(folder / "out"), "checkpoint_path": str(folder / "runs")},
        **places,
        **settings,
    }
    return LanguageModelSAERunnerConfig(**values)


def begin(cfg, **overrides):
    return start(cfg, **{"override_model": TinyLM(), "override_dataset": sentences(), **overrides})


def store_of(model=None, **settings):
    values = {"hook_name": MLP[0], "context_size": 16, "train_batch_size_tokens": 32, "store_batch_size_prompts": 4}
    documents = open_documents(sentences(), streaming=True, seed=0)
    return ActivationsStore(
        model or TinyLM(), documents, StoreSettings(**{**values, "n_batches_in_buffer": 4, **settings})
    )


# Batches


def test_input_and_target_of_a_token_stay_together():
    model = TinyLM()
    W_in, W_out, _ = model.layers[1]
    store = store_of(model, hook_name_out=MLP[1])
    assert (store.d_in, store.d_out) == (16, 16)
    for _ in range(5):
        x, target = store.next_batch()
        assert x.shape == target.shape == (32, 16)
        torch.testing.assert_close((x @ W_in).relu() @ W_out, target, rtol=1e-4, atol=1e-4)


def test_several_hooks_come_from_one_forward():
    model = TinyLM()
    store = store_of(model, hook_names=LAYERS, hook_names_out=["blocks.0.mlp.hook_post"])
    tokens = store.get_batch_tokens(2)
    before = model.n_forwards
    found = store.get_activations(tokens)
    assert model.n_forwards == before + 1
    expected = [store_of(model, hook_name=name).get_activations(tokens) for name in (*LAYERS, "blocks.0.mlp.hook_post")]
    torch.testing.assert_close(found, torch.cat(expected, dim=-1))
    assert (store.d_in, store.d_out, store.widths) == (32, 64, [16, 16, 64])


def test_the_same_text_goes_through_every_model():
    models = [TinyLM(seed=0), TinyLM(seed=1)]
    store = store_of(models, hook_name=LAYERS[1])
    tokens = store.get_batch_tokens(2)
    expected = [store_of(model, hook_name=LAYERS[1]).get_activations(tokens) for model in models]
    torch.testing.assert_close(store.get_activations(tokens), torch.cat(expected, dim=-1))


def test_widths_that_are_not_the_models_are_refused():
    documents = open_documents(sentences(), streaming=True, seed=0)
    settings = StoreSettings(hook_name=LAYERS[0], hook_name_out="blocks.1.mlp.hook_post", context_size=16)
    with pytest.raises(ValueError, match=r"d_out is 16, but 'blocks.1.mlp.hook_post' of this model is 64 wide"):
        ActivationsStore(TinyLM(), documents, settings, d_in=16, d_out=16)
    with pytest.raises(ValueError, match="3 models for 2 hooks"):
        store_of([TinyLM()] * 3, hook_names=LAYERS)


def test_pairs_go_on_exactly_where_their_state_was_taken():
    store = store_of(hook_name_out=MLP[1])
    for _ in range(3):
        store.next_batch()
    state = {name: value.clone() for name, value in store.state_dict().items()}
    later = [store.next_batch() for _ in range(4)]
    resumed = store_of(hook_name_out=MLP[1])
    resumed.load_state_dict(state)
    for expected in later:
        assert all(torch.equal(one, other) for one, other in zip(resumed.next_batch(), expected, strict=True))


def test_each_hook_has_its_own_mean_norm():
    store = store_of(hook_name_out=MLP[1])
    norms = store.mean_norms(64)
    assert norms == [pytest.approx(store_of(hook_name=name).mean_norm(64), rel=1e-6) for name in MLP]


# Whole runs


@pytest.mark.parametrize("kind", KINDS)
def test_a_run_learns_and_writes_what_loads_the_same(kind, tmp_path):
    cfg = config(tmp_path, kind, training_tokens=8192)
    runner = SAETrainingRunner(cfg, override_model=TinyLM(), override_dataset=sentences(1000))
    sae = runner.run()
    _, loss = runner.training_run.history.series("mse_loss")
    assert len(loss) == 128
    assert sum(loss[-10:]) < 0.5 * sum(loss[:10])
    metrics = runner.metrics
    assert metrics["explained_variance"] > 0.5
    assert 0 < metrics["l0"] < 64
    assert metrics["ce_loss_with_ablation"] != metrics["ce_loss_without_sae"]
    loaded = sw.SAE.load_from_disk(tmp_path / "out")
    assert not loaded.cfg.is_training
    assert (loaded.cfg.hooks_in, loaded.cfg.hooks_out) == (sae.cfg.hooks_in, sae.cfg.hooks_out)
    assert loaded.cfg.normalize_activations == "none"
    batch = runner._job._store_of(sentences()).next_batch()
    x = batch[0] if isinstance(batch, tuple) else batch
    torch.testing.assert_close(loaded(x), sae(x), rtol=1e-4, atol=1e-4)
    tokens = store_of().eval_tokens(20)
    trained, read = (sw.run_evals(each, TinyLM(), tokens) for each in (sae, loaded))
    assert read["explained_variance"] == pytest.approx(trained["explained_variance"], abs=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_a_stopped_and_resumed_run_gives_the_same_weights_bit_for_bit(kind, tmp_path):
    whole = begin(config(tmp_path, kind)).result(60.0)
    run = begin(config(tmp_path, kind))
    run.add_listener(lambda report: run.stop() if report.n_steps == 13 else None)
    run.wait(timeout=60.0)
    checkpoint = run.snapshot()["checkpoint"]
    resumed = begin(config(tmp_path, kind, resume_from_checkpoint=checkpoint)).result(60.0)
    for name, weight in whole.state_dict().items():
        assert torch.equal(weight, resumed.state_dict()[name]), name


def test_live_settings_reach_a_transcoder(tmp_path):
    run = begin(config(tmp_path, "jumprelu_transcoder"))
    assert run.settings.keys() == {"lr", "l0_coefficient"}
    run.set(l0_coefficient=0.5)
    run.wait(timeout=60.0)
    assert run.settings["l0_coefficient"] == 0.5
    assert [event["name"] for event in run.events] == ["l0_coefficient"]


def test_the_reported_variance_is_that_of_the_target(tmp_path):
    reports = []
    run = start(config(tmp_path, "skip_transcoder"), override_model=TinyLM(), override_dataset=sentences())
    run.add_listener(reports.append)
    run.wait(timeout=60.0)
    store = run.trainable.store  # type: ignore[attr-defined]
    _, target = store.next_batch()
    variance = target.var(0, unbiased=False).sum()
    shares = [1 - report.losses["mse_loss"] / float(variance) for report in reports[-5:]]
    assert [report.explained_variance for report in reports[-5:]] == [
        pytest.approx(share, abs=0.15) for share in shares
    ]


@pytest.mark.parametrize(("b_dec_init", "share"), [("mean", 1.0), ("zeros", 0.0)])
def test_b_dec_begins_at_the_mean_target_unless_told_not_to(b_dec_init, share):
    sae = sw.SAE(sw.TranscoderTrainingConfig(**SIZES, b_dec_init=b_dec_init))
    settings = TrainSettings(total_tokens=64, lr=1e-9, schedule=LearningRateSchedule(n_steps=2))
    trainer = Trainer(sae, settings, lambda is_cancelled: torch.zeros(0))
    batches = [(random_x(32, 16, seed=i).float(), random_x(32, 16, seed=i + 9).float() + 3) for i in range(2)]
    for batch in batches:
        trainer.step(batch)
    torch.testing.assert_close(sae.b_dec, share * batches[0][1].mean(0))  # of the first, and of no later one


def test_a_crosscoder_of_two_models_is_trained_and_tried_in_each(tmp_path):
    models = [TinyLM(seed=0), TinyLM(seed=1)]
    cfg = config(tmp_path, "crosscoder", hook_names=None, hook_name=LAYERS[1], training_tokens=4096)
    runner = SAETrainingRunner(cfg, override_model=models, override_dataset=sentences())
    sae = runner.run()
    assert sae.cfg.hooks_in == [LAYERS[1]] * 2
    assert sae.cfg.metadata["model_names"] == ["tiny", "tiny"]
    assert {f"explained_variance/{i}:{LAYERS[1]}" for i in range(2)} <= runner.metrics.keys()
    assert runner.metrics["explained_variance"] > 0.3


def test_widths_are_taken_from_the_model_where_they_are_not_given(tmp_path):
    cfg = LanguageModelSAERunnerConfig(
        **{"architecture": "transcoder", "model_name": "tiny", "hook_name": MLP[0], "d_sae": 32, "context_size": 16},
        **{"hook_name_out": "blocks.1.mlp.hook_post", "training_tokens": 256, "train_batch_size_tokens": 64},
        **{"store_batch_size_prompts": 4, "output_path": None, "checkpoint_path": str(tmp_path), "verbose": False},
    )
    sae = begin(cfg).result(60.0)
    assert (sae.d_in, sae.d_out) == (16, 64)


@pytest.mark.parametrize(
    ("kind", "settings", "message"),
    [
        ("transcoder", {"hook_name_out": None}, "gives another activation than it reads; say which: hook_name_out="),
        ("cross_layer_skip_transcoder", {"hook_names_out": OUTPUTS[:1]}, r"hook_names_out=\[...\] with 2 hooks"),
        ("crosscoder", {"hook_name_out": MLP[1]}, "gives back what it reads: leave hook_name_out out"),
        ("crosscoder", {"hook_names": [*LAYERS, MLP[1]]}, "3 hook_names for architecture 'crosscoder', which reads 2"),
    ],
)
def test_places_that_do_not_suit_the_architecture_are_refused(kind, settings, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        config(tmp_path, kind, **settings)


@pytest.mark.parametrize(
    ("kind", "settings", "message"),
    [
        ("transcoder", {"hook_name_out": "blocks.1.mlp.hook_post"}, "gives width 16, but .* of tiny has width 64"),
        ("transcoder", {"hook_name_out": "blocks.1.hook_mlp_aut"}, "No hook 'blocks.1.hook_mlp_aut'"),
        ("crosscoder", {"hook_names": None}, "This crosscoder has 2 sources; say what they are"),
        ("crosscoder", {"hook_names": [LAYERS[0], "blocks.1.mlp.hook_post"]}, "takes width 16, but .* has width 64"),
    ],
)
def test_places_that_the_model_does_not_have_are_refused(kind, settings, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        begin(config(tmp_path, kind, **settings))


# Metrics


def test_a_transcoder_that_is_the_layer_changes_nothing():
    model = TinyLM()
    W_in, W_out, _ = model.layers[1]
    sae = sw.Transcoder(sw.TranscoderConfig(d_in=16, d_sae=64, d_out=16))
    sae.cfg.metadata.hook_name, sae.cfg.metadata.hook_name_out = MLP
    with torch.no_grad():
        sae.W_enc.copy_(W_in)
        sae.W_dec.copy_(W_out)
    metrics = sw.run_evals(sae, model, model.to_tokens("the cat sat on the mat and then it was red"), compute_kl=True)
    assert metrics["explained_variance"] == pytest.approx(1.0, abs=1e-5)
    assert metrics["ce_loss_score"] == pytest.approx(1.0, abs=1e-5)
    assert metrics["ce_loss_with_sae"] == pytest.approx(metrics["ce_loss_without_sae"], abs=1e-5)
    assert metrics["kl_div_with_sae"] == pytest.approx(0.0, abs=1e-5)


def test_metrics_count_what_a_skip_connection_gives():
    model = TinyLM()
    sae = sw.SkipTranscoder(sw.SkipTranscoderConfig(d_in=16, d_sae=8, d_out=16))
    sae.cfg.metadata.hook_name = sae.cfg.metadata.hook_name_out = LAYERS[1]
    with torch.no_grad():
        sae.W_dec.zero_()
        sae.W_skip.copy_(torch.eye(16))
    metrics = sw.run_evals(sae, model, model.to_tokens("the cat sat on the mat"))
    assert metrics["explained_variance"] == pytest.approx(1.0, abs=1e-6)
    assert metrics["ce_loss_score"] == pytest.approx(1.0, abs=1e-5)


def test_a_crosscoders_sources_are_replaced_one_at_a_time():
    model = TinyLM()
    sae = sw.CrosscoderSAE(sw.CrosscoderSAEConfig(d_in=32, d_sae=4))
    sae.cfg.metadata.hook_names = LAYERS
    with torch.no_grad():  # gives nothing but zeros: every source is ablated
        for weight in sae.parameters():
            weight.zero_()
    tokens = model.to_tokens("the cat sat on the mat and then it was red")
    metrics = sw.run_evals(sae, model, tokens)
    assert metrics["ce_loss_with_sae"] == pytest.approx(metrics["ce_loss_with_ablation"])
    alone = []
    for name in LAYERS:
        one = sw.StandardSAE(sw.StandardSAEConfig(d_in=16, d_sae=4))
        one.cfg.metadata.hook_name = name
        alone.append(sw.run_evals(one, model, tokens))
    for name in ("ce_loss_with_ablation", "ce_loss_without_sae"):
        assert metrics[name] == pytest.approx(sum(each[name] for each in alone) / 2)
    assert metrics["total_tokens_eval_reconstruction"] == alone[0]["total_tokens_eval_reconstruction"]


def test_metrics_of_a_cross_layer_transcoder_name_its_outputs(tmp_path):
    sae = sw.CrossLayerTranscoder(sw.CrossLayerTranscoderConfig(d_in=16, d_sae=8, d_out=16, n_outputs=2))
    model = TinyLM()
    with pytest.raises(ValueError, match="does not say where it belongs"):
        sw.run_evals(sae, model, "the cat sat")
    sae.cfg.metadata.hook_name = "blocks.0.mlp.hook_in"
    with pytest.raises(ValueError, match="reads 1 and gives 2 activations"):
        sw.run_evals(sae, model, "the cat sat")
    sae.cfg.metadata.hook_names_out = OUTPUTS
    metrics = sw.run_evals(sae, model, "the cat sat on the mat")
    assert {f"explained_variance/{name}" for name in OUTPUTS} <= metrics.keys()
