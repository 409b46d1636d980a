"""Each method's parts add up to the logit difference, and are what their formulas say."""

import pytest
import torch

from sae_widgets.attribution import attribute, token_id_of
from sae_widgets.model import attach
from tests.tiny_model import tiny_topk

HOOK = "blocks.1.hook_resid_pre"
PROMPT = "The cat sat on"
METHODS = ("direct", "gradient", "ablation")


@pytest.fixture(params=["tiny_model", "tiny_gpt2_model"])
def model(request):
    return request.getfixturevalue(request.param)


def difference(logits, target, contrast=None):
    last = logits[0, -1]
    return float(last[target] - (last.mean() if contrast is None else last[contrast]))


def value_of(method, feature):
    return float(method.totals[method.features.tolist().index(feature)])


@pytest.mark.parametrize("contrast", [None, " old"])
@pytest.mark.parametrize("top", [3, 100])
def test_the_parts_add_up_to_the_logit_difference(model, tiny_sae, contrast, top):
    result = attribute(model, tiny_sae, PROMPT, " the", contrast, top=top)
    with torch.no_grad():
        y = difference(model(model.to_tokens(PROMPT)), result.target_id, result.contrast_id)
    assert (result.target, result.contrast) == (" the", contrast)
    assert result.logit_difference == pytest.approx(y, abs=1e-5)
    assert result.token_texts[0] == "<|endoftext|>"
    assert "".join(result.token_texts[1:]) == PROMPT
    assert set(result.methods) == set(METHODS)
    for name, method in result.methods.items():
        parts = float(method.totals.sum()) + method.other_features + method.error_term + method.remainder
        assert parts == pytest.approx(y, abs=1e-4), name
        assert method.total == pytest.approx(y, abs=1e-5)
        assert len(method.features) <= top
        assert method.by_position.shape == (len(method.features), len(result.tokens))
        if name != "ablation":
            torch.testing.assert_close(method.by_position.sum(1), method.totals, atol=1e-5, rtol=1e-4)
        assert method.totals.abs().tolist() == sorted(method.totals.abs().tolist(), reverse=True)
    if top == 100:
        assert all(abs(method.other_features) < 1e-6 for method in result.methods.values())


def test_features_that_are_not_listed_are_summed(tiny_model, tiny_sae):
    few, all_of_them = (attribute(tiny_model, tiny_sae, PROMPT, " the", top=top).methods for top in (3, 100))
    for name in METHODS:
        unlisted = float(all_of_them[name].totals[3:].sum())
        assert unlisted != 0
        assert few[name].other_features == pytest.approx(unlisted, abs=1e-5)


@pytest.mark.parametrize("contrast", [None, " old"])
def test_direct_is_what_the_final_norm_and_unembedding_make_of_it(model, tiny_sae, contrast):
    result = attribute(model, tiny_sae, PROMPT, " the", contrast, methods=["direct"], top=100)
    direct = result.methods["direct"]
    tokens = model.to_tokens(PROMPT)
    names = [HOOK, "blocks.1.hook_resid_post", "ln_final.hook_scale"]
    with torch.no_grad():
        _, cache = model.run_with_cache(tokens, names_filter=names)
        x, last, scale = (cache[name][0, -1] for name in names)
        W_U, norm = model.W_U, model.wrapped.ln_final
        u = W_U[:, result.target_id] - (W_U.mean(-1) if contrast is None else W_U[:, result.contrast_id])

        def read(v):
            v = v - v.mean() if "LN" in model.cfg.normalization_type else v
            return float((v * norm.weight / scale) @ u)

        acts = tiny_sae.encode(x)
        for feature in acts.nonzero().squeeze(-1).tolist():
            assert value_of(direct, feature) == pytest.approx(read(acts[feature] * tiny_sae.W_dec[feature]), abs=1e-5)
        assert direct.error_term == pytest.approx(read(x - tiny_sae(x)), abs=1e-5)
        bias = getattr(norm, "bias", None)
        constant = 0.0 if bias is None else float(bias @ u)
        # what the remainder is made of: the last layer, the decoder's bias, the norm's bias
        assert direct.remainder == pytest.approx(read(last - x) + read(tiny_sae.b_dec) + constant, abs=1e-4)
    assert direct.by_position[:, :-1].abs().sum() == 0


def test_gradient_is_the_slope_along_the_feature(model, tiny_sae):
    result = attribute(model, tiny_sae, PROMPT, " the", " old", methods=["gradient"], top=100)
    gradient = result.methods["gradient"]
    tokens = model.to_tokens(PROMPT)
    acts = tiny_sae.encode(model.capture(tokens, HOOK))
    feature = int(gradient.features[0])
    eps = 1e-2

    def y(share):
        def hook(x, hook):
            return x + share * acts[..., feature : feature + 1] * tiny_sae.W_dec[feature]

        with torch.no_grad():
            logits = model.run_with_hooks(tokens, fwd_hooks=[(HOOK, hook)])
        return difference(logits, result.target_id, result.contrast_id)

    assert float(gradient.totals[0]) == pytest.approx((y(eps) - y(-eps)) / (2 * eps), rel=0.02, abs=2e-3)


def test_ablation_is_the_change_without_the_feature(model, tiny_sae):
    done = []
    result = attribute(
        model, tiny_sae, PROMPT, " the", methods=["ablation"], top=4, on_progress=lambda *at: done.append(at)
    )
    ablation = result.methods["ablation"]
    tokens = model.to_tokens(PROMPT)
    acts = tiny_sae.encode(model.capture(tokens, HOOK))

    def y(change):
        with torch.no_grad():
            return difference(model.run_with_hooks(tokens, fwd_hooks=[(HOOK, change)]), result.target_id)

    for row, feature in enumerate(ablation.features.tolist()):
        alone = acts[..., feature : feature + 1] * tiny_sae.W_dec[feature]
        effect = result.logit_difference - y(lambda x, hook, alone=alone: x - alone)
        assert float(ablation.totals[row]) == pytest.approx(effect, abs=1e-4)
        position = int(acts[0, :, feature].argmax())
        here = torch.zeros_like(alone)
        here[:, position] = alone[:, position]
        effect = result.logit_difference - y(lambda x, hook, here=here: x - here)
        assert float(ablation.by_position[row, position]) == pytest.approx(effect, abs=1e-4)
        silent = acts[0, :, feature] == 0
        assert not ablation.by_position[row, silent].any()
    effect = result.logit_difference - y(lambda x, hook: tiny_sae(x))
    assert ablation.error_term == pytest.approx(effect, abs=1e-4)
    n_active = int((acts[0].abs().sum(0) > 0).sum())
    assert done[-1] == (n_active, n_active)


def test_an_attached_sae_changes_nothing(tiny_model, tiny_sae):
    alone = attribute(tiny_model, tiny_sae, PROMPT, " the")
    with attach(tiny_model, tiny_topk(HOOK, seed=7)):
        attached = attribute(tiny_model, tiny_sae, PROMPT, " the")
    for name in METHODS:
        assert torch.equal(alone.methods[name].totals, attached.methods[name].totals)


def test_other_hooks_have_no_direct_path_and_say_so(tiny_model):
    sae = tiny_topk("blocks.0.hook_mlp_out")
    result = attribute(tiny_model, sae, PROMPT, " the")
    assert set(result.methods) == {"gradient", "ablation"}
    assert "not in the residual stream" in result.unavailable["direct"]


def test_an_sae_that_normalises_rows_adds_up_too(tiny_model):
    sae = tiny_topk(HOOK, normalize_activations="layer_norm")
    result = attribute(tiny_model, sae, PROMPT, " the", top=100)
    tokens = tiny_model.to_tokens(PROMPT)
    x = tiny_model.capture(tokens, HOOK)
    acts = sae.encode(x)
    feature = int(result.methods["ablation"].features[0])
    without = acts.clone()
    without[..., feature] = 0
    change = sae.decode(without, x) - sae.decode(acts, x)
    with torch.no_grad():
        ablated = tiny_model.run_with_hooks(tokens, fwd_hooks=[(HOOK, lambda x, hook: x + change)])
    effect = result.logit_difference - difference(ablated, result.target_id)
    assert value_of(result.methods["ablation"], feature) == pytest.approx(effect, abs=1e-4)
    for method in result.methods.values():
        parts = float(method.totals.sum()) + method.other_features + method.error_term + method.remainder
        assert parts == pytest.approx(result.logit_difference, abs=1e-4)


def test_a_cancelled_ablation_leaves_the_other_methods(tiny_model, tiny_sae):
    result = attribute(tiny_model, tiny_sae, PROMPT, " the", is_cancelled=lambda: True)
    assert set(result.methods) == {"direct", "gradient"}
    assert result.unavailable == {"ablation": "cancelled"}


def test_no_gradient_is_left_on_any_weight(tiny_model, tiny_sae):
    attribute(tiny_model, tiny_sae, PROMPT, " the", methods=["gradient"])
    assert all(p.grad is None or not p.grad.any() for p in tiny_model.parameters())
    assert all(p.grad is None or not p.grad.any() for p in tiny_sae.parameters())


def test_targets_are_one_token(tiny_model, tiny_sae):
    the = tiny_model.to_single_token(" the")
    assert token_id_of(tiny_model, " the") == token_id_of(tiny_model, the) == the
    assert attribute(tiny_model, tiny_sae, PROMPT, the, methods=["direct"]).target == " the"
    with pytest.raises(ValueError, match=r"'zoo' is 3 tokens.*\['z', 'o', 'o'\]\. Explain its first piece: 'z'"):
        attribute(tiny_model, tiny_sae, PROMPT, "zoo")
    with pytest.raises(ValueError, match="Did you mean ' old'"):
        attribute(tiny_model, tiny_sae, PROMPT, "old")
    with pytest.raises(ValueError, match="The target is empty"):
        attribute(tiny_model, tiny_sae, PROMPT, "")
    with pytest.raises(ValueError, match="ids 0 to 299"):
        attribute(tiny_model, tiny_sae, PROMPT, 300)


def test_bad_values_are_refused(tiny_model, tiny_sae):
    with pytest.raises(ValueError, match="The prompt is empty"):
        attribute(tiny_model, tiny_sae, "", " the")
    with pytest.raises(ValueError, match="too many"):
        attribute(tiny_model, tiny_sae, "z" * 99, " the")
    with pytest.raises(ValueError, match="No attribution method 'shapley'"):
        attribute(tiny_model, tiny_sae, PROMPT, " the", methods=["shapley"])
    with pytest.raises(ValueError, match="has width 16"):
        attribute(tiny_model, tiny_topk(HOOK, d_in=8), PROMPT, " the")


def test_the_likeliest_token_offered_is_one_that_can_be_typed(tiny_model, monkeypatch):
    from sae_widgets.widgets import _attribution

    half = tiny_model.tokenizer("é", add_special_tokens=False)["input_ids"][0]
    the = tiny_model.to_single_token(" the")
    logits = torch.zeros(1, 3, tiny_model.cfg.d_vocab)
    logits[0, -1, half], logits[0, -1, the] = 9.0, 8.0
    monkeypatch.setattr(type(tiny_model), "__call__", lambda self, tokens: logits)
    following = _attribution.next_tokens(tiny_model, PROMPT)
    assert following.likeliest[:2] == [half, the]
    assert following.texts[following.first] == " the"
