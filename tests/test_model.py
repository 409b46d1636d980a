"""Attaching SAEs, running the model with them, and leaving the model as it was."""

import threading

import pytest
import torch

from sae_widgets.architectures import TopKSAEConfig
from sae_widgets.hooked import HookedSAETransformer
from sae_widgets.model import attach, check_fits, prompt_tokens
from sae_widgets.sae import SAE
from tests.tiny_model import tiny_topk

HOOK = "blocks.1.hook_resid_pre"
SAME_HOOK = "blocks.1.hook_in"


@pytest.fixture
def tokens(tiny_model):
    return tiny_model.to_tokens("The cat sat on the mat.")


# -- attaching --------------------------------------------------------------------------------------------------------


def test_an_attached_sae_stands_in_for_the_activation(tiny_model, tiny_sae, tokens):
    by_hand = tiny_model.run_with_hooks(tokens, fwd_hooks=[(HOOK, lambda x, hook: tiny_sae(x))])
    with attach(tiny_model, tiny_sae) as model:
        assert torch.equal(model(tokens), by_hand)
    assert torch.equal(tiny_model.run_with_saes(tokens, saes=[tiny_sae]), by_hand)


def test_several_saes_act_at_once(tiny_model, tiny_sae, tokens):
    other = tiny_topk("blocks.0.hook_mlp_out", seed=5)
    hooks = [(HOOK, lambda x, hook: tiny_sae(x)), ("blocks.0.hook_mlp_out", lambda x, hook: other(x))]
    by_hand = tiny_model.run_with_hooks(tokens, fwd_hooks=hooks)
    with tiny_model.saes([tiny_sae, other]):
        assert torch.equal(tiny_model(tokens), by_hand)
        assert set(tiny_model.acts_to_saes) == {HOOK, "blocks.0.hook_mlp_out"}


def test_the_error_term_makes_an_sae_invisible(tiny_model, tiny_sae, tokens):
    clean = tiny_model(tokens)
    with attach(tiny_model, tiny_sae, use_error_term=True):
        torch.testing.assert_close(tiny_model(tokens), clean, atol=1e-5, rtol=1e-5)


def test_the_bypass_of_an_architecture_is_included(tiny_model, tokens, monkeypatch):
    sae = tiny_topk(HOOK)
    before = tiny_model.run_with_saes(tokens, saes=[sae])
    monkeypatch.setattr(sae, "bypass", lambda x: x)
    monkeypatch.setattr(type(sae), "has_bypass", True)
    by_hand = tiny_model.run_with_hooks(tokens, fwd_hooks=[(HOOK, lambda x, hook: sae.decode(sae.encode(x)) + x)])
    torch.testing.assert_close(tiny_model.run_with_saes(tokens, saes=[sae]), by_hand)
    assert not torch.allclose(before, by_hand)


def test_special_tokens_can_be_left_alone(tiny_model, tiny_sae, tokens):
    x = tiny_model.capture(tokens, HOOK)
    special = (tokens == 0)[..., None]
    by_hand = tiny_model.run_with_hooks(
        tokens, fwd_hooks=[(HOOK, lambda _, hook: torch.where(special, x, tiny_sae(x)))]
    )
    assert torch.equal(tiny_model.run_with_saes(tokens, saes=tiny_sae, exclude_special_tokens=True), by_hand)
    third = int(tokens[0, 3])
    x3 = (tokens == third)[..., None]
    by_id = tiny_model.run_with_hooks(tokens, fwd_hooks=[(HOOK, lambda _, hook: torch.where(x3, x, tiny_sae(x)))])
    assert torch.equal(tiny_model.run_with_saes(tokens, saes=tiny_sae, exclude_special_tokens=[third]), by_id)


class Interrupted(KeyboardInterrupt):
    """As Ctrl-C, but not the test's own."""


@pytest.mark.parametrize("error", [RuntimeError, Interrupted])
def test_the_model_is_as_before_after_an_exception(tiny_model, tiny_sae, tokens, error):
    clean = tiny_model(tokens)
    point = tiny_model.hook_dict[HOOK]
    tiny_model.add_hook(HOOK, lambda x, hook: None)
    before = list(point.fwd_hooks)

    def fail(x, hook):
        raise error

    with pytest.raises(error), attach(tiny_model, tiny_sae):
        tiny_model.run_with_hooks(tokens, fwd_hooks=[("blocks.1.hook_resid_post", fail)])
    assert [a is b for a, b in zip(point.fwd_hooks, before, strict=True)] == [True]
    tiny_model.reset_hooks()
    assert torch.equal(tiny_model(tokens), clean)


def test_hooks_of_the_user_survive_and_keep_their_order(tiny_model, tiny_sae, tokens):
    seen = []
    tiny_model.add_hook(HOOK, lambda x, hook: seen.append("first"))
    tiny_model.add_sae(tiny_sae)
    tiny_model.add_hook(HOOK, lambda x, hook: seen.append("last"))
    with tiny_model.saes([tiny_topk(HOOK, seed=9)]):
        pass
    with tiny_model.hooks(fwd_hooks=[(f"{HOOK}.hook_sae_input", lambda x, hook: seen.append("sae"))]):
        tiny_model(tokens)
    assert seen == ["first", "sae", "last"]
    tiny_model.reset_saes()
    tiny_model.reset_hooks()


def test_an_sae_at_the_same_hook_is_replaced_and_comes_back(tiny_model, tiny_sae, tokens):
    other = tiny_topk(SAME_HOOK, seed=9)
    tiny_model.add_sae(tiny_sae)
    alone = tiny_model(tokens)
    with tiny_model.saes(other):
        assert list(tiny_model.acts_to_saes.values()) == [other]
        assert not torch.equal(tiny_model(tokens), alone)
        with tiny_model.saes([]):
            tiny_model.reset_saes()
            assert tiny_model.acts_to_saes == {}
        assert list(tiny_model.acts_to_saes.values()) == [other]
    assert torch.equal(tiny_model(tokens), alone)
    tiny_model.add_sae(other)
    assert len(tiny_model.hook_dict[HOOK].fwd_hooks) == 1
    tiny_model.reset_saes(HOOK)  # in either spelling


def test_saes_stay_when_asked_to_and_through_reset_hooks(tiny_model, tiny_sae, tokens):
    with_sae = tiny_model.run_with_saes(tokens, saes=[tiny_sae])
    tiny_model.run_with_saes(tokens, saes=[tiny_sae], reset_saes_end=False)
    tiny_model.reset_hooks()
    assert torch.equal(tiny_model(tokens), with_sae)
    with pytest.raises(ValueError, match=r"No SAE is attached at 'blocks\.0.*attached: 'blocks\.1"):
        tiny_model.reset_saes("blocks.0.hook_resid_pre")
    tiny_model.reset_saes()


def test_no_other_thread_runs_the_model_while_it_is_changed(tiny_model, tiny_sae):
    def try_lock():
        got.append(tiny_model.lock.acquire(timeout=0.01))

    for context in (attach(tiny_model, tiny_sae), tiny_model.hooks(fwd_hooks=[])):
        got = []
        with context:
            thread = threading.Thread(target=try_lock)
            thread.start()
            thread.join()
        assert got == [False]


# -- caches and hooks of SAEs -----------------------------------------------------------------------------------------


def test_cache_keys_answer_in_both_spellings(tiny_model, tiny_sae, tokens):
    x = tiny_model.capture(tokens, HOOK)
    _, cache = tiny_model.run_with_cache_with_saes(tokens, saes=[tiny_sae])
    for name in (HOOK, SAME_HOOK):
        assert torch.equal(cache[f"{name}.hook_sae_input"], x)
        torch.testing.assert_close(cache[f"{name}.hook_sae_acts_post"], tiny_sae.encode(x))
        torch.testing.assert_close(cache[f"{name}.hook_sae_output"], tiny_sae(x))
        torch.testing.assert_close(cache[name], tiny_sae(x))  # what the rest of the model sees


@pytest.mark.parametrize("name", [HOOK, SAME_HOOK])
def test_a_filter_names_points_of_saes_in_either_spelling(tiny_model, tiny_sae, tokens, name):
    wanted = f"{name}.hook_sae_acts_post"
    with attach(tiny_model, tiny_sae):
        for chosen in (wanted, [wanted], lambda asked: asked == wanted):
            _, cache = tiny_model.run_with_cache(tokens, names_filter=chosen)
            assert set(cache.keys()) == {f"{HOOK}.hook_sae_acts_post", f"{SAME_HOOK}.hook_sae_acts_post"}
        _, cache = tiny_model.run_with_cache(tokens, names_filter=[wanted, "blocks.0.hook_mlp_out"])
        assert "blocks.0.hook_mlp_out" in cache


def test_hooks_on_feature_activations_act_and_go(tiny_model, tiny_sae, tokens):
    def silence(acts, hook):
        return torch.zeros_like(acts)

    by_hand = tiny_model.run_with_hooks(
        tokens, fwd_hooks=[(HOOK, lambda x, hook: tiny_sae.decode(torch.zeros_like(tiny_sae.encode(x))))]
    )
    hooks = [(f"{SAME_HOOK}.hook_sae_acts_post", silence)]
    torch.testing.assert_close(tiny_model.run_with_hooks_with_saes(tokens, saes=tiny_sae, fwd_hooks=hooks), by_hand)
    chosen = [(lambda name: name.endswith("hook_sae_acts_post"), silence)]
    torch.testing.assert_close(tiny_model.run_with_hooks_with_saes(tokens, saes=tiny_sae, fwd_hooks=chosen), by_hand)
    assert not any(point.is_hooked for point in tiny_sae.hook_points.values())


def test_gradients_reach_features_of_an_attached_sae(tiny_model, tiny_sae, tokens):
    kept = {}

    def keep(acts, hook):
        acts.retain_grad()
        kept["acts"] = acts

    with torch.enable_grad(), attach(tiny_model, tiny_sae, use_error_term=True):
        logits = tiny_model.run_with_hooks(tokens, fwd_hooks=[(f"{HOOK}.hook_sae_acts_post", keep)])
        logits[0, -1, 5].backward()
    assert float(kept["acts"].grad.abs().sum()) > 0
    tiny_model.zero_grad()
    tiny_sae.zero_grad()


# -- errors -----------------------------------------------------------------------------------------------------------


def test_unknown_hooks_are_errors_with_the_nearest_names(tiny_model, tiny_sae, tokens):
    for run in (
        lambda: tiny_model.run_with_hooks(tokens, fwd_hooks=[("blocks.1.hook_resid_prr", print)]),
        lambda: tiny_model.run_with_cache(tokens, names_filter=["blocks.1.hook_resid_prr"]),
        lambda: tiny_model.capture(tokens, "blocks.1.hook_resid_prr"),
        lambda: tiny_model.run_with_saes(tokens, saes=tiny_topk("blocks.1.hook_resid_prr")),
    ):
        with pytest.raises(
            ValueError, match=r"No hook 'blocks\.1\.hook_resid_prr'.*Did you mean 'blocks\.1\.hook_resid_pre'"
        ):
            run()
    with pytest.raises(ValueError, match="layers are 0 to 1"):
        check_fits(tiny_model, tiny_topk("blocks.7.hook_resid_pre"))
    with attach(tiny_model, tiny_sae), pytest.raises(ValueError, match="hook_sae_acts_post"):
        tiny_model.run_with_cache(tokens, names_filter=f"{HOOK}.hook_sae_acts_pos")


def test_an_sae_that_does_not_fit_is_refused(tiny_model):
    with pytest.raises(ValueError, match=r"takes width 8, but .* has width 16"):
        check_fits(tiny_model, tiny_topk(HOOK, d_in=8))
    with pytest.raises(ValueError, match="does not say where it belongs"):
        check_fits(tiny_model, SAE.from_config(TopKSAEConfig(d_in=16, d_sae=8, k=2)))


def test_an_sae_of_another_model_is_refused(tiny_model, monkeypatch):
    sae = tiny_topk(HOOK)
    sae.cfg.metadata.model_name = "gpt2-small"
    check_fits(tiny_model, sae)  # a folder does not say which model it holds
    monkeypatch.setattr(tiny_model.cfg, "model_name", "EleutherAI/pythia-70m")
    with pytest.raises(ValueError, match=r"trained on gpt2-small, the model is EleutherAI/pythia-70m.*load_model"):
        check_fits(tiny_model, sae)
    monkeypatch.setattr(tiny_model.cfg, "model_name", "openai-community/gpt2")
    check_fits(tiny_model, sae)


# -- running ----------------------------------------------------------------------------------------------------------


def test_capture_is_the_activation_and_sees_no_sae(tiny_model, tiny_sae, tokens):
    for name in ("blocks.0.hook_resid_pre", HOOK, "blocks.1.hook_resid_post", "blocks.0.mlp.hook_post"):
        _, cache = tiny_model.run_with_cache(tokens, names_filter=name)
        with attach(tiny_model, tiny_sae):
            assert torch.equal(tiny_model.capture(tokens, name), cache[name])


@pytest.mark.parametrize("which", ["tiny_model", "tiny_gpt2_model"])
def test_steps_with_a_cache_equal_one_forward(which, request):
    model = request.getfixturevalue(which)
    tokens = model.to_tokens(["A zebra, a goat", "Two zoo keepers"])[:, :8]
    logits, cache = model.step(tokens[:, :3])
    for at in range(3, 8):
        with torch.no_grad():
            torch.testing.assert_close(logits, model(tokens[:, :at])[:, -1], atol=1e-4, rtol=1e-4)
        logits, cache = model.step(tokens[:, at : at + 1], cache)


def test_small_work_takes_one_core_and_gives_the_others_back(tiny_model, tokens, monkeypatch):
    seen = []
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        watch = [(HOOK, lambda x, hook: seen.append(torch.get_num_threads()))]
        with tiny_model.hooks(fwd_hooks=watch):
            tiny_model(tokens)
            tiny_model.step(tokens)
            monkeypatch.setattr("sae_widgets.shell._SMALL_WORK", 1000)
            tiny_model(tokens)
            with pytest.raises(IndexError):
                tiny_model(torch.tensor([[99999]]))
            assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
    assert seen == [1, 1, 2]


def test_generate_takes_hooks_that_write_in_place(tiny_model, tiny_sae, tokens):
    direction = 40.0 * tiny_sae.W_dec[3]

    def steering_hook(activation, hook):
        activation += direction
        return activation

    hooks = [(HOOK, steering_hook)]
    expected = tokens
    with torch.no_grad():
        for _ in range(12):
            logits = tiny_model.run_with_hooks(expected, fwd_hooks=hooks)
            expected = torch.cat([expected, logits[:, -1].argmax(-1, keepdim=True)], dim=1)
    settings = {"max_new_tokens": 12, "do_sample": False, "stop_at_eos": False}
    steered = tiny_model.generate(tokens, fwd_hooks=hooks, **settings)
    assert steered.tolist() == expected.tolist()
    assert (
        steered.tolist() == tiny_model.generate(tokens, fwd_hooks=hooks, use_past_kv_cache=False, **settings).tolist()
    )
    plain = tiny_model.generate(tokens, **settings)
    assert plain.tolist() != steered.tolist()
    assert isinstance(tiny_model.to_string(steered[0]), str)


def test_generate_removes_hooks_after_an_exception(tiny_model, tokens):
    def fail(activation, hook):
        raise RuntimeError("in a hook")

    with pytest.raises(RuntimeError, match="in a hook"):
        tiny_model.generate(tokens, max_new_tokens=3, fwd_hooks=[(HOOK, fail)])


def test_text_goes_to_tokens_and_back(tiny_model):
    assert tiny_model.to_string(tiny_model.to_tokens("The cat", prepend_bos=False)[0]) == "The cat"
    assert tiny_model.to_string([tiny_model.to_single_token(" the")]) == " the"
    with pytest.raises(ValueError, match=r"'zebra' is \d tokens, not one: \['z', 'e'"):
        tiny_model.to_single_token("zebra")
    half_an_emoji = "a\ud83d"
    assert tiny_model.to_string(tiny_model.to_tokens(half_an_emoji)[0, 1:]) == "a\ufffd"


def test_prompts_are_checked(tiny_model):
    with pytest.raises(ValueError, match="empty"):
        prompt_tokens(tiny_model, "")
    with pytest.raises(ValueError, match=r"52 too many: the context of .* is 48"):
        prompt_tokens(tiny_model, "z" * 99)
    assert prompt_tokens(tiny_model, "z" * 47).shape == (1, 48)
    with pytest.raises(ValueError, match="1 too many to leave room for 1 more"):
        prompt_tokens(tiny_model, "z" * 47, n_new=1)


def test_a_model_put_in_another_mode_or_place_keeps_its_saes(tiny_model, tiny_sae):
    hooked = HookedSAETransformer(tiny_model)
    hooked.add_sae(tiny_sae)
    try:
        assert hooked.train() is hooked
        assert hooked.wrapped.training
        assert hooked.eval().to("cpu") is hooked
        assert not hooked.wrapped.training
        assert list(hooked.acts_to_saes.values()) == [tiny_sae]
    finally:
        hooked.reset_saes()


def test_the_shell_says_what_it_is(tiny_model, tiny_sae):
    assert "n_layers=2, d_model=16" in repr(tiny_model)
    with attach(tiny_model, tiny_sae):
        assert f"sae at {HOOK!r}" in repr(tiny_model)
    assert tiny_model.blocks is tiny_model.wrapped.blocks
