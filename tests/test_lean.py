"""The shorter forward is the model's own: the same activations and logits, and the model itself wherever it is not."""

import copy
import logging
from functools import cache

import pytest
import torch

from sae_widgets.activations.hook_reader import HookReader, read_input
from sae_widgets.lean import keeping, lean_or_none
from sae_widgets.model import HookedSAETransformer, load_model, process_weights
from tests.tiny_model import N_CTX, random_model, tiny_gpt2, tiny_llama, tiny_tokenizer

HOOK = "blocks.1.hook_resid_pre"
NAMES = [
    f"blocks.{place}"
    for place in ("0.hook_resid_post", "1.hook_resid_pre", "1.hook_attn_out", "1.mlp.hook_in", "1.hook_mlp_out")
]
SHAPE = {"vocab_size": 300, "hidden_size": 16, "num_hidden_layers": 2, "max_position_embeddings": N_CTX}
HEADS = {"intermediate_size": 32, "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 8}
SPECIAL = {"bos_token_id": 0, "eos_token_id": 0, "pad_token_id": 0}
STRETCHED = {
    "rope_type": "llama3", "rope_theta": 500.0, "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
    "original_max_position_embeddings": 8,
}  # fmt: skip
BUILT = {
    "Llama": {**HEADS, "rope_parameters": STRETCHED, "attention_bias": True, "mlp_bias": True},
    "Qwen3": HEADS,
    "Gemma2": {**HEADS, "query_pre_attn_scalar": 8, "sliding_window": 24, "final_logit_softcapping": 2.0},
    "GPTNeoX": {"intermediate_size": 32, "num_attention_heads": 2, "rotary_pct": 0.5},
}


@cache
def made(kind):
    if kind == "gpt2, processed":
        model = load_model(tiny_gpt2(), tokenizer=tiny_tokenizer())
        process_weights(model, fold_ln=True, center_writing_weights=True, center_unembed=True, fold_value_biases=True)
        return model
    if kind in ("llama, plain", "gpt2, plain"):
        module = (tiny_llama if kind.startswith("llama") else tiny_gpt2)()
        return load_model(module, tokenizer=tiny_tokenizer(), plain=True)
    import transformers

    config = getattr(transformers, f"{kind}Config")(**SHAPE, **SPECIAL, **BUILT[kind])
    return load_model(random_model(getattr(transformers, f"{kind}ForCausalLM"), config, 0), tokenizer=tiny_tokenizer())


KINDS = ["tiny_model", "tiny_gpt2_model", "gpt2, processed", "llama, plain", "gpt2, plain", *BUILT]


@pytest.fixture(params=KINDS)
def model(request):
    return request.getfixturevalue(request.param) if request.param.startswith("tiny") else made(request.param)


@pytest.fixture
def tokens():
    return torch.randint(0, 300, (3, 20), generator=torch.Generator().manual_seed(0))


def close(given, wanted):
    torch.testing.assert_close(given, wanted, rtol=1e-5, atol=1e-5 * float(wanted.abs().max()))


@pytest.fixture(autouse=True)
def without_gradients():
    with torch.no_grad():
        yield


def test_every_place_and_the_logits_are_the_models(model, tokens):
    lean = lean_or_none(model, 20, NAMES, changed_names=NAMES)
    assert lean is not None
    whole, cache = model.run_with_cache(tokens, names_filter=NAMES)
    close(lean.logits(tokens), whole)
    for name, captured in zip(NAMES, lean.capture(tokens, NAMES), strict=True):
        close(captured, cache[name])
    close(lean.logits_from(cache[HOOK], 1), whole)
    vector = torch.randn(16, generator=torch.Generator().manual_seed(1))
    for name in NAMES:
        steered = model.run_with_hooks(tokens, fwd_hooks=[(name, lambda x, hook: x + vector)])
        close(lean.logits(tokens, {name: lambda x: x + vector}), steered)


def test_cached_keys_and_values_change_nothing(model, tokens):
    lean = lean_or_none(model, 20)
    kept = lean.cache(20)
    parts = [lean.logits(part, cache=kept) for part in tokens.split([7, 1, 1, 4, 1, 6], dim=1)]
    close(torch.cat(parts, dim=1), lean.logits(tokens))
    assert kept.n == 20


def test_one_text_becomes_two_where_they_begin_to_differ(tiny_model, tokens):
    """Rows that are equal before a hook are computed once there."""
    lean = lean_or_none(tiny_model, 20, changed_names=[HOOK])
    vector = torch.ones(16)
    kept = lean.cache(20)
    split = {HOOK: lambda x: torch.cat([x + vector, x])}
    one = tokens[:1]
    first = lean.logits(one[:, :10], {HOOK: lambda x: torch.cat([x, x])}, cache=kept)
    rest = [lean.logits(one[:, i : i + 1], split, cache=kept) for i in range(10, 20)]
    both = torch.cat([first, *rest], dim=1)

    def late(x, hook):
        return torch.cat([x[:, :10], x[:, 10:] + vector], 1)

    close(both[:1], tiny_model.run_with_hooks(one, fwd_hooks=[(HOOK, late)]))
    close(both[1:], tiny_model(one))


def test_weights_are_followed(tiny_model, tokens):
    model = load_model(tiny_llama(seed=3), tokenizer=tiny_tokenizer())
    lean = lean_or_none(model, 20)
    close(lean.logits(tokens), model(tokens))
    for parameter in model.original_model.parameters():
        parameter.data.mul_(1.1)
    close(lean.logits(tokens), model(tokens))
    model.to(torch.float64)
    again = lean_or_none(model, 20)
    assert again.logits(tokens).dtype == torch.float64
    close(again.logits(tokens), model(tokens))


@pytest.mark.parametrize("kind", ["llama", "gpt2", "llama, plain"])
def test_what_was_read_is_kept_until_the_model_is_made_of_something_else(kind, tokens, monkeypatch):
    """Nothing is read again that is the same; whatever is exchanged is followed, and its hooks are heard."""
    module = (tiny_llama if kind.startswith("llama") else tiny_gpt2)(seed=6)
    model = load_model(module, tokenizer=tiny_tokenizer(), plain="plain" in kind)
    network, reads = model.original_model, []
    read = keeping.network_of
    monkeypatch.setattr(keeping, "network_of", lambda *given: reads.append(given) or read(*given))

    def check(n_reads):
        close(lean_or_none(model, 20, NAMES, NAMES).logits(tokens), model(tokens))
        assert len(reads) == n_reads, reads
        reads.clear()

    check(1)
    with model.hooks([(HOOK, lambda x, hook: None)]):
        assert lean_or_none(model, 20) is None
    model.run_with_cache(tokens)
    for parameter in model.parameters():
        parameter.mul_(1.1)
        parameter.data.mul_(0.95)
    check(0)
    for parameter in network.parameters():
        parameter.data = parameter.data * 1.1  # another place
    check(1)
    for owner in list(network.modules()):
        for name, parameter in owner.named_parameters(recurse=False):
            setattr(owner, name, torch.nn.Parameter(parameter * 0.9))
    check(1)
    network.load_state_dict({name: it * 1.2 for name, it in network.state_dict().items()}, assign=True)
    check(1)
    if kind.startswith("llama"):
        network.model.rotary_emb.inv_freq.mul_(0.5)
        check(1)
    norm = next(m for m in network.modules() if type(m).__name__ in ("LlamaRMSNorm", "LayerNorm"))
    epsilon = "variance_epsilon" if hasattr(norm, "variance_epsilon") else "eps"
    setattr(norm, epsilon, 0.3)
    if kind == "gpt2":  # the bridge has an epsilon of its own, so that the forwards are not the same any more
        assert lean_or_none(model, 20) is None
        setattr(norm, epsilon, 1e-5)
        assert len(reads) == 1
        reads.clear()
    check(1)
    owner, name = next((m, n) for m in network.modules() for n, it in m._modules.items() if it is norm)
    other = copy.deepcopy(norm)
    owner._modules[name] = other
    assert lean_or_none(model, 20) is not None
    with other.register_forward_hook(lambda *_: None):
        assert lean_or_none(model, 20) is None
    other.forward = lambda x: 2 * x
    assert lean_or_none(model, 20) is None


def test_whoever_listens_is_heard(tiny_model, tiny_sae, tokens):
    """A hook of any kind, anywhere, makes the model itself run; when it is gone the short way is taken again."""
    block = tiny_model.original_model.model.layers[0]
    seen = []
    ways = [
        lambda: tiny_model.hooks([("blocks.0.attn.hook_pattern", lambda x, hook: seen.append(x))]),
        lambda: block.register_forward_hook(lambda *_: seen.append(1)),
        lambda: block.mlp.register_forward_pre_hook(lambda *_: seen.append(1)),
        lambda: torch.nn.modules.module.register_module_forward_hook(lambda *_: seen.append(1)),
        lambda: tiny_model.saes(tiny_sae),
    ]
    for n, way in enumerate(ways):
        assert lean_or_none(tiny_model, 20) is not None
        held = lean_or_none(tiny_model, 20)
        with way():
            assert lean_or_none(tiny_model, 20) is None, n
            assert not held.still_holds(), n
            tiny_model.capture(tokens, HOOK)
        assert held.still_holds(), n
    assert len(seen) >= 4
    with tiny_model.saes(tiny_sae), tiny_model.without_saes():
        assert lean_or_none(tiny_model, 20) is not None
    with torch.enable_grad():
        assert lean_or_none(tiny_model, 20) is None
    with torch.autocast("cpu", torch.bfloat16):
        assert lean_or_none(tiny_model, 20) is None


def test_harvest_takes_the_short_way(tiny_model, tiny_sae, tokens, monkeypatch):
    wanted = tiny_model.run_with_cache(tokens, names_filter=[HOOK])[1][HOOK]
    close(HookReader(tiny_model, HOOK)(tokens), wanted)
    monkeypatch.setattr(type(tiny_model.wrapped), "forward", None)  # the model cannot be run any more
    close(HookReader(tiny_model, HOOK)(tokens), wanted)
    close(read_input(tiny_model, tiny_sae, tokens), wanted)


@pytest.mark.parametrize("name", [HOOK, "blocks.1.hook_resid_post", "blocks.1.hook_mlp_out"])
def test_an_evaluation_is_the_same_the_short_way(tiny_model, tiny_sae, tokens, monkeypatch, name):
    """Losses, with the SAE and with zeros, and activations; a place whose block is the last, and one within a block."""
    from sae_widgets.evals import places, run_evals

    short = run_evals(tiny_sae, tiny_model, tokens, hook_name=name)
    asked = []
    monkeypatch.setattr(places, "lean_or_none", lambda *given: asked.append(given))
    monkeypatch.setattr(places, "captured", lambda *given: asked.append(given))
    whole = run_evals(tiny_sae, tiny_model, tokens, hook_name=name)
    assert asked
    assert short.keys() == whole.keys()
    for metric in whole:
        assert short[metric] == pytest.approx(whole[metric], rel=1e-4, abs=1e-5, nan_ok=True), metric


def test_a_model_that_is_not_known_runs_as_it_is(tokens, caplog):
    from transformers import OPTConfig, OPTForCausalLM

    config = OPTConfig(
        vocab_size=300, hidden_size=16, ffn_dim=32, num_hidden_layers=2, num_attention_heads=2,
        max_position_embeddings=N_CTX, word_embed_proj_dim=16, **SPECIAL,
    )  # fmt: skip
    model = load_model(random_model(OPTForCausalLM, config, 0), tokenizer=tiny_tokenizer(), plain=True)
    with caplog.at_level(logging.INFO, logger="sae_widgets.lean"):
        for _ in range(2):
            assert lean_or_none(model, 20) is None
    assert [record.message for record in caplog.records] == [
        "The model is run with its hook points, not by the shorter forward: a opt model is not known to it."
    ]
    assert model.capture(tokens, "model.decoder.layers.1").shape == (3, 20, 16)


def test_a_forward_that_differs_is_not_used(caplog):
    model = load_model(tiny_llama(seed=4), tokenizer=tiny_tokenizer(), plain=True)
    mlp = model.original_model.model.layers[1].mlp
    assert lean_or_none(HookedSAETransformer(model), 8) is not None
    mlp.act_fn = torch.nn.ReLU()
    other = load_model(model.original_model, tokenizer=tiny_tokenizer(), plain=True)
    other.original_model.config.rms_norm_eps = 0.1  # another network, which has to be compared anew
    for layer in other.original_model.model.layers:
        layer.input_layernorm.variance_epsilon = 0.1
    with caplog.at_level(logging.INFO, logger="sae_widgets.lean"):
        assert lean_or_none(other, 8) is None
    assert "its logits would be off by" in caplog.text
    # A method that was replaced is not the model's own either.
    model = load_model(tiny_llama(seed=5), tokenizer=tiny_tokenizer(), plain=True)
    assert lean_or_none(model, 8) is not None
    own = model.original_model.model.norm.forward
    model.original_model.model.norm.forward = lambda x: 2 * own(x)
    assert lean_or_none(model, 8) is None


def test_longer_texts_than_a_window_run_as_they_are():
    model = made("Gemma2")
    assert lean_or_none(model, 24) is not None
    assert lean_or_none(model, 25) is None
    assert lean_or_none(model, N_CTX + 1) is None
