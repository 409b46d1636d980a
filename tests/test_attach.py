"""SAEs of every kind in the place of activations: what they read, what they write, and what is left afterwards."""

from dataclasses import fields

import pytest
import torch

from sae_widgets.architectures import CrosscoderSAEConfig, CrossLayerTranscoderConfig, SkipTranscoderConfig
from sae_widgets.model import SAETransformerBridge, attach, check_fits
from sae_widgets.sae import SAE_CLASSES
from tests.tiny_model import TEXT, tiny_topk
from tests.tiny_sae import random_sae

D, D_HEAD = 16, 8
RESID, MLP_IN, MLP_OUT = "blocks.1.hook_resid_pre", "blocks.1.mlp.hook_in", "blocks.1.hook_mlp_out"
STREAM = ["blocks.0.hook_resid_post", "blocks.1.hook_resid_post"]
MLPS = ["blocks.0.hook_mlp_out", "blocks.1.hook_mlp_out"]


@pytest.fixture
def model(tiny_model):
    return tiny_model


@pytest.fixture
def tokens(tiny_model):
    return tiny_model.to_tokens(TEXT[:30])


def placed(config_class, reads, writes=None, *, seed=0, **settings):
    """A drawn SAE of a config class that reads and writes at these hooks."""
    sae = random_sae(config_class, seed=seed, dtype="float32", d_in=D * len(reads), **settings)
    metadata, writes = sae.cfg.metadata, writes or []
    metadata.hook_name, metadata.hook_name_out = reads[0], writes[0] if len(writes) == 1 else None
    metadata.hook_names = reads if len(reads) > 1 else None
    metadata.hook_names_out = writes if len(writes) > 1 else None
    return sae


def transcoder(read=MLP_IN, write=MLP_OUT, seed=0):
    return placed(SkipTranscoderConfig, [read], [write], d_out=D, seed=seed)


def layers(seed=0, config_class=CrossLayerTranscoderConfig):
    """A whole cross-layer transcoder: what reads layer 0 writes to both layers, what reads layer 1 to that one."""
    return [
        placed(config_class, [f"blocks.{i}.hook_resid_mid"], MLPS[i:], d_out=D, n_outputs=2 - i, seed=seed + i)
        for i in range(2)
    ]


def crosscoder(seed=0):
    return placed(CrosscoderSAEConfig, STREAM, seed=seed)


def of_architecture(name):
    """What one attaches of an architecture, where it belongs."""
    config_class = SAE_CLASSES[name].config_class
    names = {each.name for each in fields(config_class)}
    if "n_outputs" in names:
        return layers(config_class=config_class)
    if "n_sources" in names:
        return [crosscoder()]
    return [placed(config_class, [MLP_IN], [MLP_OUT], d_out=D) if "d_out" in names else placed(config_class, [RESID])]


def replaced_by_hand(model, tokens, saes):
    """The logits where each output is the sum of what `sae(x)` gives for it, by hooks of the user alone."""
    is_joint = len(saes[0].cfg.hooks_in) > 1
    seen = {name: model.capture(tokens, name) for name in saes[0].cfg.hooks_in} if is_joint else {}

    def look(x, hook, name):
        seen[name] = x.clone()

    def written(sae, name, shape):
        x = torch.stack([seen[each] for each in sae.cfg.hooks_in], -2) if is_joint else seen[sae.cfg.hooks_in[0]]
        outs = sae(x).reshape(*shape[:-1], len(sae.cfg.hooks_out), shape[-1])
        return outs[..., sae.cfg.hooks_out.index(name), :]

    def replace(y, hook, name):
        return sum(written(sae, name, y.shape) for sae in saes if name in sae.cfg.hooks_out)

    reads = [] if is_joint else [name for sae in saes for name in sae.cfg.hooks_in]
    writes = dict.fromkeys(name for sae in saes for name in sae.cfg.hooks_out)
    hooks = [(name, lambda x, hook, name=name: look(x, hook, name)) for name in reads]
    hooks += [(name, lambda y, hook, name=name: replace(y, hook, name)) for name in writes]
    return model.run_with_hooks(tokens, fwd_hooks=hooks)


# -- each architecture ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SAE_CLASSES)
def test_attached_is_replaced_and_with_the_error_term_nothing_changes(model, tokens, name):
    saes = of_architecture(name)
    with torch.no_grad():
        clean, by_hand = model(tokens), replaced_by_hand(model, tokens, saes)
        assert not torch.allclose(clean, by_hand, atol=1e-3)
        with attach(model, saes):
            torch.testing.assert_close(model(tokens), by_hand, atol=1e-5, rtol=1e-5)
        with attach(model, saes, use_error_term=True):
            torch.testing.assert_close(model(tokens), clean, atol=1e-5, rtol=1e-5)
        assert torch.equal(model(tokens), clean)


@pytest.mark.parametrize("name", ["standard", "skip_transcoder", "cross_layer_transcoder", "crosscoder"])
def test_with_the_error_term_a_changed_feature_has_its_effect_alone(model, tokens, name):
    saes = of_architecture(name)
    sae, clean = saes[-1], model(tokens)
    names = sae.cfg.hooks_out
    row = 3.0 * sae.W_dec[2].unflatten(0, (len(names), -1))

    def by_hand(y, hook, i):
        return y + row[i]

    def push(acts, hook):
        acts[..., 2] += 3.0
        return acts

    if name == "crosscoder":  # what a source is changed by does not add to the next one's change
        values = {each: model.capture(tokens, each) for each in names}
        hooks = [(each, lambda y, hook, i=i, each=each: values[each] + row[i]) for i, each in enumerate(names)]
    else:
        hooks = [(each, lambda y, hook, i=i: by_hand(y, hook, i)) for i, each in enumerate(names)]
    expected = model.run_with_hooks(tokens, fwd_hooks=hooks)
    assert not torch.allclose(expected, clean, atol=1e-3)
    with attach(model, saes, use_error_term=True):
        hooks = [(f"{sae.cfg.hooks_in[0]}.hook_sae_acts_post", push)]
        torch.testing.assert_close(model.run_with_hooks(tokens, fwd_hooks=hooks), expected, atol=1e-4, rtol=1e-4)


# -- transcoders ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("which", ["tiny_model", "tiny_gpt2_model"])
@pytest.mark.parametrize("place", ["mlp.hook_in", "hook_mlp_in", "ln2.hook_normalized", "hook_resid_mid"])
def test_a_transcoder_reads_at_its_input_hook(which, place, request):
    model = request.getfixturevalue(which)
    tokens = model.to_tokens(TEXT[:30])
    sae = transcoder(read=f"blocks.1.{place}")
    twin = {"mlp.hook_in": "ln2.hook_out", "hook_mlp_in": "hook_resid_mid"}.get(place, place)
    _, cache = model.run_with_cache(tokens, names_filter=[f"blocks.1.{twin}", MLP_OUT])
    expected = sae(cache[f"blocks.1.{twin}"])
    _, seen = model.run_with_cache_with_saes(tokens, saes=[sae])
    torch.testing.assert_close(seen[MLP_OUT], expected)
    torch.testing.assert_close(seen[f"{MLP_OUT}.hook_sae_input"], cache[f"blocks.1.{twin}"])


def test_the_stream_in_front_of_an_mlp_can_be_read_and_changed_without_a_switch(model, tokens):
    stream = model.capture(tokens, "blocks.0.hook_resid_mid")
    name = "blocks.0.hook_mlp_in"
    assert torch.equal(model.capture(tokens, name), stream)
    for chosen in (name, [name, RESID], lambda asked: asked == name):
        _, cache = model.run_with_cache(tokens, names_filter=chosen)
        assert torch.equal(cache[name], stream)
    for chosen in (name, lambda asked: asked == name):
        with model.hooks(fwd_hooks=[(chosen, lambda x, hook: torch.zeros_like(x))]):
            assert not model.capture(tokens, MLPS[0]).any()  # the MLP of a Llama maps zero to zero


def test_a_transcoder_is_found_under_the_hook_it_writes_and_the_one_it_reads(model, tokens):
    sae, other = transcoder(), tiny_topk("blocks.1.hook_resid_mid")
    _, cache = model.run_with_cache_with_saes(tokens, saes=[sae, other])
    for name in (MLP_OUT, "blocks.1.mlp.hook_out", MLP_IN):
        assert cache[f"{name}.hook_sae_acts_post"].shape[-1] == sae.d_sae
    assert cache["blocks.1.hook_resid_mid.hook_sae_acts_post"].shape[-1] == other.d_sae
    with attach(model, [transcoder("blocks.1.hook_resid_mid"), other]):
        _, cache = model.run_with_cache(tokens, names_filter=["blocks.1.hook_resid_mid.hook_sae_acts_post"])
        assert cache["blocks.1.hook_resid_mid.hook_sae_acts_post"].shape[-1] == other.d_sae  # its own name
        assert sorted(model.acts_to_saes.values(), key=repr) == sorted(model.acts_to_saes.values(), key=repr)


def test_a_transcoder_sees_what_was_there_before_later_hooks_wrote_in_place(model, tokens):
    sae = transcoder(read="blocks.1.hook_resid_mid")
    alone = model.run_with_cache_with_saes(tokens, saes=[sae])[1][MLP_OUT]
    clean = model.capture(tokens, "blocks.1.hook_resid_mid")

    def spoil(x, hook):
        x += 5.0

    with attach(model, sae):
        with model.hooks(fwd_hooks=[("blocks.1.hook_resid_mid", spoil)]):
            _, cache = model.run_with_cache(tokens, names_filter=MLP_OUT)
        assert torch.equal(cache[MLP_OUT], alone)
    assert torch.equal(model.capture(tokens, "blocks.1.hook_resid_mid"), clean)


def test_special_tokens_keep_what_a_transcoder_would_replace(model, tokens):
    sae = transcoder()
    y = model.capture(tokens, MLP_OUT)
    with attach(model, sae, exclude_special_tokens=True):
        _, cache = model.run_with_cache(tokens, names_filter=MLP_OUT)
    torch.testing.assert_close(cache[MLP_OUT][:, 0], y[:, 0])
    torch.testing.assert_close(cache[MLP_OUT][:, 1:], sae(model.capture(tokens, MLP_IN))[:, 1:])


def test_transcoders_and_saes_act_at_once_and_generate(model, tokens):
    saes = [transcoder(), tiny_topk(RESID), tiny_topk("blocks.0.hook_mlp_out")]
    settings = {"max_new_tokens": 6, "do_sample": False, "stop_at_eos": False}
    with attach(model, saes):
        cached = model.generate(tokens, **settings)
        whole = model.generate(tokens, use_past_kv_cache=False, **settings)
    assert cached.tolist() == whole.tolist()


# -- cross-layer transcoders ------------------------------------------------------------------------------------------


def test_a_part_of_a_cross_layer_transcoder_needs_the_others_or_the_error_term(model, tokens):
    first, second = layers()
    clean = model(tokens)
    for part, missing in ((first, "hook_resid_mid'"), (second, r"blocks\.0\.hook_resid_mid")):
        with (
            pytest.raises(ValueError, match=rf"Attach in one call the layers that read .*{missing}"),
            attach(model, part),
        ):
            pass
        with attach(model, part, use_error_term=True):
            torch.testing.assert_close(model(tokens), clean, atol=1e-5, rtol=1e-5)
    model.add_sae(first)
    with pytest.raises(ValueError, match=r"needs the layers that read 'blocks\.1"):
        model(tokens)
    model.add_sae(second)
    with attach(model, [first, second]):
        expected = model(tokens)
    assert torch.equal(model(tokens), expected)
    model.reset_saes()
    assert torch.equal(model(tokens), clean)


def test_layers_of_one_transcoder_have_the_same_settings(model, tokens):
    first, second = layers()
    model.add_sae(first, use_error_term=True)
    model.add_sae(second)
    with pytest.raises(ValueError, match="the same settings"):
        model(tokens)
    model.reset_saes()
    with pytest.raises(ValueError, match=r"reads 1 and writes 2 activations.*hook_names_out"):
        check_fits(model, placed(CrossLayerTranscoderConfig, [MLP_IN], [MLP_OUT], d_out=D, n_outputs=2))


# -- crosscoders ------------------------------------------------------------------------------------------------------


def test_a_crosscoder_generates_without_cached_keys(model, tokens):
    sae = crosscoder()
    settings = {"max_new_tokens": 4, "do_sample": False, "stop_at_eos": False}
    with attach(model, sae):
        expected = tokens
        for _ in range(4):
            expected = torch.cat([expected, model(expected)[:, -1:].argmax(-1)], dim=1)
        assert model.generate(tokens, **settings).tolist() == expected.tolist()
        _, cache = model.step(tokens[:, :3])
        with pytest.raises(ValueError, match="use_past_kv_cache=False"):
            model.step(tokens[:, 3:4], cache)


def test_an_sae_that_reads_sequences_generates_from_whole_texts(model, tokens):
    sae = of_architecture("temporal")[0]
    settings = {"max_new_tokens": 3, "do_sample": False, "stop_at_eos": False}
    with attach(model, sae):
        expected = tokens
        for _ in range(3):
            expected = torch.cat([expected, model(expected)[:, -1:].argmax(-1)], dim=1)
        assert model.generate(tokens, **settings).tolist() == expected.tolist()


def test_a_crosscoder_of_two_models_is_not_attached_to_one(model):
    sae = crosscoder()
    sae.cfg.metadata.hook_names = [RESID, "blocks.1.hook_in"]
    with pytest.raises(ValueError, match="not all different"):
        check_fits(model, sae)


# -- heads ------------------------------------------------------------------------------------------------------------


def test_saes_of_single_heads_act_side_by_side(model, tokens):
    name = "blocks.1.attn.hook_z"
    saes = [tiny_topk(name, d_in=D_HEAD, seed=head) for head in range(2)]
    for head, sae in enumerate(saes):
        sae.cfg.metadata.hook_head_index = head

    def by_hand(z, hook):
        return torch.stack([saes[head](z[:, :, head]) for head in range(2)], dim=2)

    expected = model.run_with_hooks(tokens, fwd_hooks=[(name, by_hand)])
    z = model.capture(tokens, name)
    _, cache = model.run_with_cache_with_saes(tokens, saes=saes)
    with attach(model, saes):
        torch.testing.assert_close(model(tokens), expected)
        assert set(model.acts_to_saes) == {f"{name}.0", f"{name}.1"}
    for head in range(2):
        torch.testing.assert_close(cache[f"{name}.{head}.hook_sae_acts_post"], saes[head].encode(z[:, :, head]))
    saes[1].cfg.metadata.hook_head_index = 2
    with pytest.raises(ValueError, match="has heads 0 to 1"):
        check_fits(model, saes[1])
    saes[1].cfg.metadata.hook_name, saes[1].cfg.metadata.hook_head_index = MLP_OUT, 0
    with pytest.raises(NotImplementedError, match="reads head 0 alone"):
        check_fits(model, saes[1])


def test_an_sae_of_all_heads_takes_them_as_one(model, tokens):
    sae = tiny_topk("blocks.1.attn.hook_z", reshape_activations="hook_z")
    z = model.capture(tokens, "blocks.1.attn.hook_z")
    by_hand = [("blocks.1.attn.hook_z", lambda z, hook: sae(z.flatten(2)).reshape(z.shape))]
    assert z.shape[-2:] == (2, D_HEAD)
    torch.testing.assert_close(model.run_with_saes(tokens, saes=sae), model.run_with_hooks(tokens, fwd_hooks=by_hand))


# -- what is refused, and what is left --------------------------------------------------------------------------------


def test_saes_that_cannot_act_are_refused(model):
    with pytest.raises(ValueError, match="comes before what it reads"):
        check_fits(model, transcoder(write=MLPS[0]))
    with pytest.raises(ValueError, match=r"No hook 'blocks\.1\.hook_mlp_ou'.*Did you mean"):
        check_fits(model, transcoder(write="blocks.1.hook_mlp_ou"))
    with pytest.raises(ValueError, match="gives width 5, but"):
        check_fits(model, placed(SkipTranscoderConfig, [MLP_IN], [MLP_OUT], d_out=5))
    with pytest.raises(ValueError, match=r"set_use_split_qkv_input\(True\)"):
        check_fits(model, tiny_topk("blocks.1.hook_q_input"))
    with (
        pytest.raises(ValueError, match="Two of these SAEs write"),
        attach(model, [tiny_topk(RESID), tiny_topk(RESID)]),
    ):
        pass
    assert not model.acts_to_saes


class Interrupted(KeyboardInterrupt):
    """As Ctrl-C, but not the test's own."""


@pytest.mark.parametrize("kind", [transcoder, layers, crosscoder])
@pytest.mark.parametrize("error", [RuntimeError, Interrupted])
def test_every_kind_leaves_the_model_as_it_was(model, tokens, kind, error):
    saes = kind() if isinstance(kind(), list) else [kind()]
    clean, seen = model(tokens), []
    model.add_hook(MLP_OUT, lambda y, hook: seen.append("first"))
    before = list(model.hook_dict[MLP_OUT].fwd_hooks)

    def fail(x, hook):
        raise error

    for failing in ("blocks.1.ln2.hook_out", MLP_OUT):
        with pytest.raises(error), attach(model, saes):
            model.run_with_hooks(tokens, fwd_hooks=[(failing, fail)])
        assert all(a is b for a, b in zip(model.hook_dict[MLP_OUT].fwd_hooks, before, strict=True))
        network = model.wrapped.original_model
        assert not network._forward_pre_hooks
        assert torch.equal(model(tokens), clean)
    assert seen
    model.reset_hooks()


def test_a_displaced_transcoder_comes_back(model, tokens):
    sae = transcoder()
    model.add_sae(sae)
    alone = model(tokens)
    with model.saes([tiny_topk(MLP_OUT)]):
        assert not torch.allclose(model(tokens), alone)
    assert torch.equal(model(tokens), alone)
    model.reset_saes(MLP_IN)
    assert not model.acts_to_saes


def test_a_bridge_tells_the_name_of_an_saes_point(model, tokens):
    bridge = SAETransformerBridge(model)
    sae, other = tiny_topk(RESID), transcoder()
    assert bridge.get_sae_hook_name(sae) == "blocks.1.hook_in.hook_sae_acts_post"
    _, cache = bridge.run_with_cache_with_saes(tokens, saes=[sae, other], exclude_special_tokens=True)
    assert bridge.get_sae_hook_name(sae) in cache
    assert bridge.get_sae_hook_name(other, "hook_sae_recons") in cache
