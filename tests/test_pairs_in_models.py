"""Transcoders, crosscoders and cross-layer transcoders in statistics, logit effects, steering and attribution."""

import pytest
import torch

import sae_widgets as sw
from sae_widgets.activations.hook_reader import read_input
from sae_widgets.steering import FeatureSteer, generate_stream, steering_hook
from tests.tiny_sae import random_sae

PROMPT = "The cat sat on"
MLP = ("blocks.0.mlp.hook_in", "blocks.0.hook_mlp_out")
OUTPUTS = ["blocks.0.hook_mlp_out", "blocks.1.hook_mlp_out"]
SOURCES = ["blocks.0.hook_resid_pre", "blocks.1.hook_resid_pre"]
SIZES = {"d_in": 16, "d_sae": 20, "d_out": 16, "dtype": "float32"}


@pytest.fixture
def transcoder():
    sae = random_sae(sw.SkipTranscoderConfig, **SIZES).eval()
    sae.cfg.metadata["hook_name"], sae.cfg.metadata["hook_name_out"] = MLP
    return sae


@pytest.fixture
def crosscoder():
    sae = random_sae(sw.CrosscoderSAEConfig, d_in=32, dtype="float32").eval()
    sae.cfg.metadata["hook_names"] = SOURCES
    return sae


@pytest.fixture
def cross_layer():
    sae = random_sae(sw.CrossLayerTranscoderConfig, **SIZES, n_outputs=2).eval()
    sae.cfg.metadata["hook_name"], sae.cfg.metadata["hook_names_out"] = MLP[0], OUTPUTS
    return sae


def seen_at(model, tokens, *names):
    """Activations at the hooks, in one forward."""
    _, cache = model.run_with_cache(tokens, names_filter=list(names))
    return [cache[name] for name in names]


def logits_with(model, tokens, hooks):
    with torch.no_grad():
        return model.run_with_hooks(tokens, fwd_hooks=hooks)[0, -1].log_softmax(-1)


# What is read


def test_statistics_are_of_what_is_read(tiny_model, transcoder, crosscoder):
    tokens = tiny_model.to_tokens(PROMPT)
    for sae, names in ((transcoder, MLP[:1]), (crosscoder, SOURCES)):
        x = torch.cat(seen_at(tiny_model, tokens, *names), dim=-1)
        torch.testing.assert_close(read_input(tiny_model, sae, tokens), x)
        acts = sae.encode(x)[0, 1:]  # without bos
        statistics = sw.feature_statistics(tiny_model, sae, tokens)
        torch.testing.assert_close(statistics.density, (acts > 0).float().mean(0))
        torch.testing.assert_close(statistics.max_act, acts.amax(0), rtol=1e-3, atol=1e-3)


# What is written


def test_logit_effects_are_those_of_what_is_written(tiny_model, transcoder, cross_layer, crosscoder):
    for sae, rows in ((transcoder, transcoder.W_dec), (cross_layer, cross_layer.W_dec.unflatten(1, (2, 16)).sum(1))):
        plain = random_sae(sw.StandardSAEConfig, d_in=16, dtype="float32")
        plain.W_dec.data = rows.detach().clone()
        plain.cfg.metadata["hook_name"] = "blocks.1.hook_resid_pre"
        expected = sw.logit_effects(tiny_model, plain, 3).effects
        torch.testing.assert_close(sw.logit_effects(tiny_model, sae, 3).effects, expected)
    with pytest.raises(NotImplementedError, match="A crosscoder describes 2 activations"):
        sw.logit_effects(tiny_model, crosscoder, 3)


@pytest.mark.parametrize("mode", ["add", "clamp", "ablate"])
def test_a_transcoder_steers_what_it_writes_by_what_it_reads(mode, tiny_model, transcoder):
    tokens = tiny_model.to_tokens(PROMPT)
    x, y = seen_at(tiny_model, tokens, *MLP)
    feature = int(transcoder.encode(x)[0].sum(0).argmax())
    act = transcoder.encode(x)[..., feature, None]
    change = {"add": torch.full_like(act, 5.0), "clamp": 5.0 - act, "ablate": -act}[mode]
    steered = y + change * transcoder.W_dec[feature]
    expected = logits_with(tiny_model, tokens, [(MLP[1], lambda y, hook: steered)])
    plain = logits_with(tiny_model, tokens, [])
    token = next(generate_stream(tiny_model, transcoder, PROMPT, [FeatureSteer(feature, 5.0, mode)], temperature=0.0))
    assert token.token_id == int(expected.argmax())
    assert token.logprob == pytest.approx(float(expected.max()), abs=1e-4)
    assert token.logprob_plain == pytest.approx(float(plain[token.token_id]), abs=1e-4)


def test_a_cross_layer_transcoder_steers_each_of_its_outputs(tiny_model, cross_layer):
    tokens = tiny_model.to_tokens(PROMPT)
    rows = cross_layer.W_dec[3].view(2, 16)
    hooks = [(name, lambda y, hook, row=row: y + 5.0 * row) for name, row in zip(OUTPUTS, rows, strict=True)]
    expected = logits_with(tiny_model, tokens, hooks)
    token = next(generate_stream(tiny_model, cross_layer, PROMPT, [FeatureSteer(3, 5.0)], temperature=0.0))
    assert token.token_id == int(expected.argmax())
    assert token.logprob == pytest.approx(float(expected.max()), abs=1e-4)


def test_what_cannot_be_steered_says_why(tiny_model, transcoder, crosscoder):
    with pytest.raises(NotImplementedError, match="what is added at one of them already reaches the next"):
        generate_stream(tiny_model, crosscoder, PROMPT, [FeatureSteer(3, 5.0)])
    with pytest.raises(NotImplementedError, match="one hook cannot steer it; generate_stream"):
        steering_hook(transcoder, [FeatureSteer(3, 5.0)])


# Attribution


def test_attribution_to_a_transcoder_adds_up_and_is_what_its_methods_say(tiny_model, transcoder):
    result = sw.attribute(tiny_model, transcoder, PROMPT, " the", top=100)
    tokens = tiny_model.to_tokens(PROMPT)
    x, y = seen_at(tiny_model, tokens, *MLP)
    acts = transcoder.encode(x)
    assert "is not in the residual stream" in result.unavailable["direct"]

    def metric(at_hook):
        with torch.no_grad():
            logits = tiny_model.run_with_hooks(tokens, fwd_hooks=[(MLP[1], lambda y, hook: at_hook)])[0, -1]
        return float(logits[result.target_id] - logits.mean())

    assert result.logit_difference == pytest.approx(metric(y), abs=1e-5)
    for method in (result.methods["gradient"], result.methods["ablation"]):
        parts = float(method.totals.sum()) + method.other_features + method.error_term + method.remainder
        assert parts == pytest.approx(result.logit_difference, abs=1e-4)
    ablation, gradient = result.methods["ablation"], result.methods["gradient"]
    feature = int(ablation.features[0])
    written = acts[..., feature, None] * transcoder.W_dec[feature]
    assert float(ablation.totals[0]) == pytest.approx(metric(y) - metric(y - written), abs=1e-4)
    error = y - transcoder(x)
    assert ablation.error_term == pytest.approx(metric(y) - metric(y - error), abs=1e-4)
    step = 1e-3
    slope = (metric(y + step * written) - metric(y - step * written)) / (2 * step)
    assert float(gradient.totals[gradient.features.tolist().index(feature)]) == pytest.approx(slope, abs=2e-3)


def test_what_cannot_be_attributed_says_why(tiny_model, crosscoder, cross_layer):
    with pytest.raises(NotImplementedError, match="A crosscoder describes 2 activations at once"):
        sw.attribute(tiny_model, crosscoder, PROMPT, " the")
    with pytest.raises(NotImplementedError, match="A cross-layer transcoder writes 2 activations"):
        sw.attribute(tiny_model, cross_layer, PROMPT, " the")


# In the model


def test_a_trained_transcoder_is_attached_where_it_was_trained(tiny_model, tmp_path):
    cfg = sw.LanguageModelSAERunnerConfig(
        sw.SkipTranscoderTrainingConfig(d_in=16, d_out=16, d_sae=40, l1_coefficient=0.1),
        **{"hook_name": MLP[0], "hook_name_out": MLP[1], "training_tokens": 1024, "train_batch_size_tokens": 64},
        **{"context_size": 16, "store_batch_size_prompts": 4, "n_batches_in_buffer": 4, "verbose": False, "lr": 3e-3},
        **{"output_path": str(tmp_path / "out"), "checkpoint_path": str(tmp_path / "runs")},
    )
    text = ["The cat sat on the mat.", "The dog ran under the old tree, and then it was night."] * 20
    sw.SAETrainingRunner(cfg, override_model=tiny_model, override_dataset=text).run()
    sae = sw.SAE.load_from_disk(tmp_path / "out")
    tokens = tiny_model.to_tokens(text[0])
    x, _ = seen_at(tiny_model, tokens, *MLP)
    expected = logits_with(tiny_model, tokens, [(MLP[1], lambda y, hook: sae(x))])
    with sw.attach(tiny_model, sae), torch.no_grad():
        torch.testing.assert_close(tiny_model(tokens)[0, -1].log_softmax(-1), expected)
