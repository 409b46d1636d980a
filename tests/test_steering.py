"""Steered text: the three formulas, and a stream that equals running the model with hooks and no cache."""

import copy
import math

import pytest
import torch

from sae_widgets import writer
from sae_widgets.architectures import StandardSAEConfig
from sae_widgets.model import attach, load_model
from sae_widgets.sae import SAE
from sae_widgets.steering import FeatureSteer, generate_stream, steering_hook
from tests.tiny_model import tiny_llama, tiny_topk

HOOK = "blocks.1.hook_resid_pre"
PROMPT = "The cat sat"


def active_feature(model, sae):
    acts = sae.encode(model.capture(model.to_tokens(PROMPT), HOOK))
    return int(acts[0, -1].argmax())


# -- what a steer does ------------------------------------------------------------------------------------------------


def test_add_clamp_and_ablate_by_hand(tiny_sae):
    x = torch.randn(2, 5, 16, generator=torch.Generator().manual_seed(0))
    acts = tiny_sae.encode(x)
    f = int(acts[0, 0].argmax())
    row = tiny_sae.W_dec[f]
    expected = {
        "add": x + 2.5 * row,
        "clamp": x + (2.5 - acts[..., f : f + 1]) * row,
        "ablate": x - acts[..., f : f + 1] * row,
    }
    for mode, by_hand in expected.items():
        steered = steering_hook(tiny_sae, [FeatureSteer(f, 2.5, mode)])(x, None)
        torch.testing.assert_close(steered, by_hand, msg=mode)
    assert not torch.allclose(expected["ablate"], x)


def test_steers_act_together_from_the_same_activation(tiny_sae):
    x = torch.randn(1, 4, 16, generator=torch.Generator().manual_seed(1))
    steers = [FeatureSteer(3, 1.0), FeatureSteer(5, 4.0, "clamp"), FeatureSteer(7, mode="ablate")]
    together = steering_hook(tiny_sae, steers)(x, None) - x
    apart = sum(steering_hook(tiny_sae, [steer])(x, None) - x for steer in steers)
    torch.testing.assert_close(together, apart)


def test_a_clamped_feature_has_the_value(tiny_sae):
    """With an orthonormal dictionary, encoding what was clamped gives the value back."""
    cfg = StandardSAEConfig(d_in=4, d_sae=4)
    cfg.metadata.hook_name = HOOK
    sae = SAE.from_config(cfg)
    with torch.no_grad():
        sae.W_enc.copy_(torch.eye(4))
        sae.W_dec.copy_(torch.eye(4))
        sae.b_enc.zero_()
        sae.b_dec.zero_()
    x = torch.tensor([[1.0, 2.0, 0.5, 3.0]])
    clamped = steering_hook(sae, [FeatureSteer(1, 7.0, "clamp"), FeatureSteer(3, mode="ablate")])(x, None)
    assert sae.encode(clamped).tolist() == [[1.0, 7.0, 0.5, 0.0]]


def test_an_sae_that_normalises_rows_writes_in_their_scale():
    sae = tiny_topk(HOOK, normalize_activations="layer_norm")
    x = torch.randn(1, 3, 16, generator=torch.Generator().manual_seed(2)) * 5 + 1
    acts = sae.encode(x)
    f = int(acts[0, 0].argmax())
    raised = acts.clone()
    raised[..., f] += 2.0
    by_hand = x + sae.decode(raised, x) - sae.decode(acts, x)
    torch.testing.assert_close(steering_hook(sae, [FeatureSteer(f, 2.0)])(x, None), by_hand, atol=1e-4, rtol=1e-4)


def test_heads_may_be_apart():
    sae = tiny_topk("blocks.1.attn.hook_z", reshape_activations="hook_z")
    x = torch.randn(1, 3, 2, 8, generator=torch.Generator().manual_seed(3))
    for mode in ("add", "clamp"):
        steered = steering_hook(sae, [FeatureSteer(4, 2.0, mode)])(x, None)
        acts = sae.encode(x)[..., 4:5]
        change = 2.0 if mode == "add" else 2.0 - acts
        torch.testing.assert_close(steered, x + (change * sae.W_dec[4]).expand(1, 3, 16).reshape(x.shape))


def test_an_sae_of_one_head_is_refused():
    sae = tiny_topk("blocks.1.attn.hook_z", reshape_activations="hook_z")
    sae.cfg.metadata["hook_head_index"] = 1
    with pytest.raises(NotImplementedError, match="of head 1 alone"):
        steering_hook(sae, [FeatureSteer(4, 2.0)])


# -- the stream -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("which", ["tiny_model", "tiny_gpt2_model"])
@pytest.mark.parametrize("mode", ["add", "clamp", "ablate"])
@pytest.mark.parametrize("way", ["shorter forward", "hook points"])
def test_the_stream_equals_hooks_without_a_cache(way, which, mode, tiny_sae, request, monkeypatch):
    model = request.getfixturevalue(which)
    if way == "hook points":
        monkeypatch.setattr(writer, "lean_or_none", lambda *_: None)
    steers = [FeatureSteer(active_feature(model, tiny_sae), 3.0, mode), FeatureSteer(2, 5.0)]
    streamed = list(generate_stream(model, tiny_sae, PROMPT, steers, max_new_tokens=12, temperature=0.0))
    tokens = model.to_tokens(PROMPT)
    with torch.no_grad():
        for token in streamed:
            steered = model.run_with_hooks(tokens, fwd_hooks=[(HOOK, steering_hook(tiny_sae, steers))])
            steered, plain = steered[0, -1].log_softmax(-1), model(tokens)[0, -1].log_softmax(-1)
            assert token.token_id == int(steered.argmax())
            assert token.logprob == pytest.approx(float(steered[token.token_id]), abs=1e-4)
            assert token.logprob_plain == pytest.approx(float(plain[token.token_id]), abs=1e-4)
            kl = float((steered.exp() * (steered - plain)).sum())
            assert token.kl == pytest.approx(kl, abs=1e-4)
            tokens = torch.cat([tokens, torch.tensor([[token.token_id]])], dim=1)
    assert [token.index for token in streamed] == list(range(12))
    assert max(token.kl for token in streamed) > 1e-3


@pytest.mark.parametrize("where", ["all", "prompt", "generated"])
@pytest.mark.parametrize("mode", ["add", "clamp"])
def test_a_listener_may_come_in_the_middle(where, mode, tiny_model, tiny_sae):
    """The text goes on with hooks, keys and values made anew, as it would have without them."""
    steers = [FeatureSteer(active_feature(tiny_model, tiny_sae), 3.0, mode)]
    settings = {"max_new_tokens": 9, "temperature": 0.9, "where": where}
    wanted = list(generate_stream(tiny_model, tiny_sae, PROMPT, steers, **settings))
    stream = generate_stream(tiny_model, tiny_sae, PROMPT, steers, **settings)
    given, seen = [next(stream) for _ in range(4)], []
    with tiny_model.hooks([("blocks.0.attn.hook_pattern", lambda x, hook: seen.append(x.shape[-1]))]):
        given += [next(stream) for _ in range(2)]
    given += stream
    assert len(seen) == 2
    for one, other in zip(given, wanted, strict=True):
        assert one.token_id == other.token_id
        assert (one.logprob_plain, one.kl) == pytest.approx((other.logprob_plain, other.kl), abs=1e-4)


@pytest.mark.parametrize("where", ["all", "prompt", "generated"])
def test_one_who_does_not_compare_gets_the_same_text(where, tiny_model, tiny_sae):
    def written(**settings):
        steers = [FeatureSteer(3, 4.0), FeatureSteer(7, mode="ablate")]
        return list(generate_stream(tiny_model, tiny_sae, PROMPT, steers, max_new_tokens=8, where=where, **settings))

    alone, beside = written(compare=False), written()
    assert [token.token_id for token in alone] == [token.token_id for token in beside]
    assert [token.logprob for token in alone] == pytest.approx([token.logprob for token in beside], abs=1e-4)
    assert all(math.isnan(token.kl) and math.isnan(token.logprob_plain) for token in alone)


def test_without_steers_it_is_the_models_own_text(tiny_model, tiny_sae):
    plain = list(generate_stream(tiny_model, tiny_sae, PROMPT, max_new_tokens=10, temperature=0.0))
    tokens = tiny_model.to_tokens(PROMPT)
    own = tiny_model.generate(tokens, max_new_tokens=10, do_sample=False, stop_at_eos=False)
    assert [token.token_id for token in plain] == own[0, tokens.shape[1] :].tolist()
    assert all(token.kl == 0 and token.logprob == token.logprob_plain for token in plain)


def test_the_same_seed_draws_with_the_same_numbers(tiny_model, tiny_sae):
    def ids(steers, seed):
        tokens = generate_stream(tiny_model, tiny_sae, PROMPT, steers, max_new_tokens=20, temperature=1.0, seed=seed)
        return [token.token_id for token in tokens]

    assert ids((), 1) == ids((), 1) == ids([FeatureSteer(3, 0.0)], 1)
    assert ids((), 1) != ids((), 2)


def test_draws_follow_the_softmax(tiny_model, tiny_sae):
    with torch.no_grad():
        logits = tiny_model(tiny_model.to_tokens(PROMPT))[0, -1]
    probabilities = (logits / 0.8).softmax(-1)
    drawn = torch.tensor(
        [
            next(generate_stream(tiny_model, tiny_sae, PROMPT, max_new_tokens=1, temperature=0.8, seed=seed)).token_id
            for seed in range(150)
        ]
    )
    likely = probabilities > 0.02
    share = torch.bincount(drawn, minlength=300)[likely].sum() / 150
    assert float(share) == pytest.approx(float(probabilities[likely].sum()), abs=0.12)


def test_only_the_prompt_or_only_what_follows(tiny_model, tiny_sae):
    def first_two(where):
        steers = [FeatureSteer(3, 30.0)]
        return list(
            generate_stream(tiny_model, tiny_sae, PROMPT, steers, max_new_tokens=2, temperature=0.0, where=where)
        )

    assert first_two("generated")[0].kl == 0
    assert first_two("generated")[1].kl > 0
    assert first_two("prompt")[0].kl == pytest.approx(first_two("all")[0].kl)
    assert first_two("prompt")[1].kl > 0  # through the keys and values of the prompt


def test_texts_join_to_the_text(tiny_model, tiny_sae):
    tokens = list(generate_stream(tiny_model, tiny_sae, PROMPT, max_new_tokens=30, temperature=3.0, seed=4))
    data = tiny_model.tokenizer.convert_ids_to_tokens([token.token_id for token in tokens])
    assert len(data) == len(tokens)
    from sae_widgets.token_text import CONTINUATION, token_texts

    texts = token_texts(tiny_model.tokenizer, [token.token_id for token in tokens])
    assert "".join(token.text for token in tokens) == "".join(text for text in texts if text != CONTINUATION)


def test_it_ends_at_end_of_text(tiny_model, tiny_sae, tokenizer):
    ids = [t.token_id for t in generate_stream(tiny_model, tiny_sae, PROMPT, max_new_tokens=8, temperature=0.0)]
    other = copy.deepcopy(tokenizer)
    other.eos_token = other.convert_ids_to_tokens(ids[3])
    model = load_model(tiny_llama(), tokenizer=other)
    ended = [t.token_id for t in generate_stream(model, tiny_sae, PROMPT, max_new_tokens=8, temperature=0.0)]
    assert ended == ids[: ids.index(ids[3]) + 1]


def test_it_ends_where_the_context_is_full(tiny_model, tiny_sae):
    prompt = "z" * 40
    assert len(list(generate_stream(tiny_model, tiny_sae, prompt, max_new_tokens=100, temperature=1.0))) <= 7
    with pytest.raises(ValueError, match="1 too many to leave room for 1 more"):
        generate_stream(tiny_model, tiny_sae, "z" * 47)


def test_it_is_cancelled_before_the_next_token(tiny_model, tiny_sae):
    asked = []

    def is_cancelled():
        asked.append(True)
        return len(asked) > 3

    assert len(list(generate_stream(tiny_model, tiny_sae, PROMPT, is_cancelled=is_cancelled))) == 3


def test_between_tokens_the_model_is_free_and_unhooked(tiny_model, tiny_sae):
    point = tiny_model.hook_dict[HOOK]
    clean = tiny_model(tiny_model.to_tokens(PROMPT))
    stream = generate_stream(tiny_model, tiny_sae, PROMPT, [FeatureSteer(3, 30.0)])
    next(stream)
    assert not point.fwd_hooks
    assert torch.equal(tiny_model(tiny_model.to_tokens(PROMPT)), clean)
    with attach(tiny_model, tiny_sae):
        pass
    next(stream)
    stream.close()


def test_hooks_are_gone_after_an_exception(tiny_model, tiny_sae, monkeypatch):
    def fail(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(writer, "lean_or_none", lambda *_: None)
    monkeypatch.setattr(type(tiny_model), "step", fail)
    with pytest.raises(KeyboardInterrupt):
        next(generate_stream(tiny_model, tiny_sae, PROMPT, [FeatureSteer(3, 1.0)]))
    assert not tiny_model.hook_dict[HOOK].fwd_hooks


# -- errors -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("strength", [float("nan"), float("inf"), -float("inf")])
def test_strengths_are_finite(strength):
    with pytest.raises(ValueError, match="must be a finite number"):
        FeatureSteer(3, strength)


def test_bad_values_are_refused_at_once(tiny_model, tiny_sae):
    with pytest.raises(ValueError, match="No steering mode 'push'; there are add, clamp, ablate"):
        FeatureSteer(3, 1.0, "push")
    with pytest.raises(ValueError, match="an index from 0"):
        FeatureSteer(-1)
    with pytest.raises(ValueError, match="No feature 40 in this SAE: it has 40, 0 to 39"):
        generate_stream(tiny_model, tiny_sae, PROMPT, [FeatureSteer(40, 1.0)])
    with pytest.raises(ValueError, match="The prompt is empty"):
        generate_stream(tiny_model, tiny_sae, "")
    with pytest.raises(ValueError, match="53 too many"):
        generate_stream(tiny_model, tiny_sae, "z" * 99)
    with pytest.raises(ValueError, match="temperature"):
        generate_stream(tiny_model, tiny_sae, PROMPT, temperature=float("nan"))
    with pytest.raises(ValueError, match="max_new_tokens"):
        generate_stream(tiny_model, tiny_sae, PROMPT, max_new_tokens=0)
    with pytest.raises(ValueError, match="has width 16"):
        generate_stream(tiny_model, tiny_topk(HOOK, d_in=8), PROMPT)


def test_strengths_past_all_numbers_are_an_error(tiny_model, tiny_sae):
    stream = generate_stream(tiny_model, tiny_sae, PROMPT, [FeatureSteer(3, 1e39)])
    with pytest.raises(ValueError, match=r"not a number\. Use smaller ones"):
        list(stream)
