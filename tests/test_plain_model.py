"""Hugging Face modules hooked where they are: the same places, names and results as with TransformerLens."""

from typing import Any

import pytest
import torch

from sae_widgets import steering
from sae_widgets.architectures import CrosscoderSAEConfig, SkipTranscoderConfig
from sae_widgets.evals import run_evals
from sae_widgets.model import attach, load_model
from sae_widgets.module_names import hook_names_of
from tests.tiny_model import N_CTX, TEXT, random_model, tiny_gpt2, tiny_llama, tiny_topk
from tests.tiny_sae import random_sae

NAMES = [
    *("hook_resid_pre", "hook_resid_mid", "hook_resid_post", "hook_attn_out", "hook_mlp_out", "hook_mlp_in"),
    *("mlp.hook_in", "mlp.hook_post", "attn.hook_z", "attn.hook_out", "ln1.hook_out", "ln2.hook_out"),
]


def small(model_type: str) -> Any:
    """A random model of a family: d_model 16, two layers."""
    from transformers import Gemma2Config, Gemma2ForCausalLM, GPTNeoXConfig, GPTNeoXForCausalLM

    sizes = {"vocab_size": 300, "hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2}
    sizes |= {"num_attention_heads": 2, "max_position_embeddings": N_CTX, "bos_token_id": 0, "eos_token_id": 0}
    if model_type == "gemma2":
        config = Gemma2Config(**sizes, num_key_value_heads=2, head_dim=8, pad_token_id=0)
        return random_model(Gemma2ForCausalLM, config, 0)
    if model_type == "gpt_neox":
        return random_model(GPTNeoXForCausalLM, GPTNeoXConfig(**sizes), 0)
    return {"llama": tiny_llama, "gpt2": tiny_gpt2}[model_type]()


@pytest.fixture
def module():
    return tiny_llama()


@pytest.fixture
def tokens():
    return torch.tensor([[0, 12, 40, 33, 7, 90, 5, 61]])


def at_path(path, path_out=None):
    """An SAE that knows its place by a module's path alone; with two, a skip transcoder."""
    if path_out is None:
        sae = tiny_topk("")
        sae.cfg.metadata.hook_name = None
    else:
        sae = random_sae(SkipTranscoderConfig, d_in=16, d_out=16, dtype="float32")
    sae.cfg.metadata.hf_hook_name, sae.cfg.metadata.hf_hook_name_out = path, path_out
    return sae


@pytest.mark.parametrize("model_type", ["llama", "gpt2", "gemma2", "gpt_neox"])
def test_places_are_those_of_transformer_lens(model_type, tokenizer, tokens):
    plain, bridge = load_model(small(model_type), plain=True), load_model(small(model_type), tokenizer=tokenizer)
    is_parallel = model_type == "gpt_neox"  # attention and MLP side by side: no stream between them
    names = [f"blocks.1.{name}" for name in NAMES if not (is_parallel and name == "hook_resid_mid")]
    logits, cache = plain.run_with_cache(tokens)
    expected, seen = bridge.run_with_cache(tokens, names_filter=names)
    torch.testing.assert_close(logits, expected, atol=1e-4, rtol=1e-4)
    for name in names:
        torch.testing.assert_close(cache[name], seen[name], atol=1e-4, rtol=1e-4)
    assert "blocks.1.ln2.hook_normalized" not in plain.hook_dict
    assert ("blocks.1.hook_resid_mid" in plain.hook_dict) is not is_parallel


def test_an_sae_attaches_to_a_module_that_stays_as_it_is(module, tokens):
    kinds = {name: type(each) for name, each in module.named_modules()}
    sae = at_path("model.layers.0")
    seen = []
    with torch.no_grad():
        clean = module(tokens).logits
        by_hand = module.model.layers[0].register_forward_hook(lambda _m, _args, out: sae(out))
        expected = module(tokens).logits
        by_hand.remove()
        user = module.model.layers[0].register_forward_hook(lambda _m, _args, out: seen.append(out))
        with attach(module, sae) as model:
            assert torch.equal(module(tokens).logits, expected)
            _, cache = model.run_with_cache(tokens, names_filter="model.layers.0.hook_sae_acts_post")
            assert torch.equal(cache["model.layers.0.hook_sae_acts_post"], sae.encode(seen[-1]))
            assert torch.equal(
                cache["blocks.0.hook_resid_post.hook_sae_acts_post"], cache["model.layers.0.hook_sae_acts_post"]
            )
            assert len(module.model.layers[0]._forward_hooks) == 2
        with attach(module, sae, use_error_term=True):
            torch.testing.assert_close(module(tokens).logits, clean, atol=1e-5, rtol=1e-5)
        user.remove()
        assert torch.equal(module(tokens).logits, clean)
    assert len(seen) == 3
    assert not [each for each in module.modules() if each._forward_hooks or each._forward_pre_hooks]
    assert {name: type(each) for name, each in module.named_modules()} == kinds


def test_a_multimodal_model_answers_to_the_usual_paths(tokens):
    from transformers import Gemma3Config, Gemma3ForConditionalGeneration

    text = {"vocab_size": 300, "hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2, "head_dim": 8}
    text |= {"num_attention_heads": 2, "num_key_value_heads": 1, "max_position_embeddings": N_CTX, "pad_token_id": 0}
    image = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
    image |= {"image_size": 28, "patch_size": 14}
    config = Gemma3Config(text_config=text, vision_config=image, mm_tokens_per_image=4)
    model = load_model(random_model(Gemma3ForConditionalGeneration, config, 0), plain=True)
    paths = ("model.layers.1", "model.language_model.layers.1", "blocks.1.hook_resid_post")
    activations = [model.capture(tokens, path) for path in paths]
    assert torch.equal(activations[0], activations[1])
    assert torch.equal(activations[0], activations[2])
    sae = at_path("model.layers.1")
    with attach(model, sae):
        torch.testing.assert_close(
            model.run_with_cache(tokens, names_filter=paths[1])[1][paths[1]], sae(activations[0])
        )


def test_a_tuple_keeps_what_is_behind_its_activation(tokens):
    module = tiny_gpt2()
    sae = at_path("transformer.h.1.attn")
    with torch.no_grad():
        with attach(module, sae, use_error_term=True):
            logits = module(tokens).logits
        torch.testing.assert_close(logits, module(tokens).logits, atol=1e-5, rtol=1e-5)
        with attach(module, sae):
            assert not torch.allclose(module(tokens).logits, logits, atol=1e-3)


@pytest.mark.parametrize("kind", ["transcoder", "crosscoder", "heads"])
def test_every_kind_acts_as_in_a_hooked_model(kind, module, tokenizer, tokens):
    if kind == "transcoder":
        saes = [random_sae(SkipTranscoderConfig, d_in=16, d_out=16, dtype="float32")]
        saes[0].cfg.metadata.hook_name = "blocks.1.mlp.hook_in"
        saes[0].cfg.metadata.hook_name_out = "blocks.1.hook_mlp_out"
    elif kind == "crosscoder":
        saes = [random_sae(CrosscoderSAEConfig, d_in=32, dtype="float32")]
        saes[0].cfg.metadata.hook_names = ["blocks.0.hook_resid_post", "blocks.1.hook_resid_post"]
    else:
        saes = [
            tiny_topk("blocks.1.attn.hook_z", d_in=8),
            tiny_topk("blocks.0.attn.hook_z", reshape_activations="hook_z"),
        ]
        saes[0].cfg.metadata.hook_head_index = 1
    with torch.no_grad(), attach(load_model(tiny_llama(), tokenizer=tokenizer), saes) as bridge:
        expected = bridge(tokens)
    with torch.no_grad(), attach(module, saes, exclude_special_tokens=[299]):
        torch.testing.assert_close(module(tokens).logits, expected, atol=1e-5, rtol=1e-5)


def test_a_transcoder_is_placed_by_paths(module, tokens):
    named = at_path("model.layers.1.mlp.input", "model.layers.1.mlp")
    by_name = at_path("", "")
    by_name.cfg.metadata.hook_name, by_name.cfg.metadata.hook_name_out = "blocks.1.mlp.hook_in", "blocks.1.hook_mlp_out"
    logits = []
    for sae in (named, by_name):
        with attach(module, sae), torch.no_grad():
            logits.append(module(tokens).logits)
    assert torch.equal(*logits)


def test_paths_are_understood_by_a_hooked_model(tiny_model, tiny_gpt2_model):
    sae = at_path("model.layers.1.post_attention_layernorm.output", "model.layers.1.mlp.output")
    tokens = tiny_model.to_tokens(TEXT[:20])
    _, cache = tiny_model.run_with_cache_with_saes(tokens, saes=[sae])
    torch.testing.assert_close(cache["blocks.1.hook_mlp_out"], sae(cache["blocks.1.ln2.hook_out"]))
    with pytest.raises(ValueError, match=r"No hook 'model\.layers\.1"):
        tiny_gpt2_model.run_with_saes(tokens, saes=[sae])
    assert hook_names_of("model.layers.3.mlp", "llama") == ["blocks.3.hook_mlp_out", "blocks.3.mlp.hook_out"]
    assert hook_names_of("model.layers.3.mlp", "gemma2") == ["blocks.3.mlp.hook_out"]
    assert hook_names_of("model.layers.3.mlp") == ["blocks.3.mlp.hook_out"]
    assert hook_names_of("lm_head") == []


def test_a_plain_model_runs_generates_and_stops_like_a_hooked_one(module, tokenizer, tokens):
    plain = load_model(module, tokenizer=tokenizer, plain=True)
    bridge = load_model(tiny_llama(), tokenizer=tokenizer)
    hooks = [("blocks.1.hook_resid_pre", lambda x, hook: x + 1.0)]
    settings = {"max_new_tokens": 5, "do_sample": False, "stop_at_eos": False, "fwd_hooks": hooks}
    assert plain.generate(tokens, **settings).tolist() == bridge.generate(tokens, **settings).tolist()
    assert plain.generate("The cat", **settings) == bridge.generate("The cat", **settings)
    for name in ("blocks.0.hook_resid_post", "blocks.1.mlp.hook_post"):
        torch.testing.assert_close(plain.capture(tokens, name), bridge.capture(tokens, name), atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(plain.W_U, bridge.W_U)
    torch.testing.assert_close(plain.W_E, bridge.W_E)
    assert plain.to_tokens(TEXT).tolist() == bridge.to_tokens(TEXT).tolist()
    assert plain.to_tokens(["The cat", "A"]).tolist() == bridge.to_tokens(["The cat", "A"]).tolist()
    assert plain.to_str_tokens("The cat") == bridge.to_str_tokens("The cat")
    assert plain.to_single_token(" the") == bridge.to_single_token(" the")
    logits, cache = plain.step(tokens[:, :4])
    logits, cache = plain.step(tokens[:, 4:], cache)
    torch.testing.assert_close(logits, plain(tokens)[:, -1], atol=1e-4, rtol=1e-4)


def test_steering_and_metrics_work_on_a_plain_model(module, tokenizer):
    plain, bridge = load_model(module, tokenizer=tokenizer, plain=True), load_model(tiny_llama(), tokenizer=tokenizer)
    sae = tiny_topk("blocks.1.hook_resid_pre")
    texts = [
        [each.token_id for each in steering.generate_stream(model, sae, "The cat", [steering.FeatureSteer(3, 9.0)])]
        for model in (plain, bridge)
    ]
    assert texts[0] == texts[1]
    metrics = [run_evals(sae, model, TEXT[:40]) for model in (plain, bridge)]
    assert metrics[0] == pytest.approx(metrics[1], rel=1e-3)


def test_gradients_are_seen_by_backward_hooks(module, tokenizer, tokens):
    seen = {}
    for kind in ("plain", "bridge"):
        is_plain = kind == "plain"
        model = load_model(module if is_plain else tiny_llama(), tokenizer=tokenizer, plain=is_plain)

        def keep(gradient, hook, kind=kind):
            seen[kind] = gradient.clone()

        with torch.enable_grad(), model.hooks(bwd_hooks=[("blocks.1.hook_resid_post", keep)]):
            model(tokens)[0, -1, 5].backward()
    torch.testing.assert_close(seen["plain"], seen["bridge"], atol=1e-5, rtol=1e-5)


def test_what_a_plain_model_cannot_do_is_said(module, tokens):
    plain = load_model(module, plain=True)
    with pytest.raises(ValueError, match="no tokenizer"):
        plain.to_tokens("The cat")
    with pytest.raises(ValueError, match=r"No hook 'model\.layers\.7'"), attach(module, at_path("model.layers.7")):
        pass
    with (
        pytest.raises(ValueError, match="give their ids"),
        attach(module, at_path("model.layers.1"), exclude_special_tokens=True),
    ):
        pass
    with pytest.raises(ValueError, match="No return_type 'loss'"):
        plain(tokens, return_type="loss")
    with pytest.raises(TypeError, match="plain=True is for"):
        load_model("gpt2", plain=True)
    with pytest.raises(TypeError, match="no Hugging Face model"), attach(torch.nn.Linear(2, 2), []):
        pass
