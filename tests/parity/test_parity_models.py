"""The same model with SAELens' `HookedSAETransformer` and with ours: TransformerLens 3's `HookedTransformer`.

SAEs, and transcoders where SAELens is right: without a skip connection, at an input hook that exists and fires.
"""

from types import SimpleNamespace
from typing import Any

import pytest
import sae_lens
import torch
from sae_lens.analysis.hooked_sae_transformer import HookedSAETransformer as PeerModel
from torch import Tensor
from transformer_lens import HookedTransformer, HookedTransformerConfig
from transformers import AutoConfig

import sae_widgets.architectures as ours
from sae_widgets.hooked import HookedSAETransformer
from sae_widgets.model import attach, load_model
from sae_widgets.steering import FeatureSteer, generate_stream
from tests.parity.peer import fill, relative
from tests.tiny_model import N_CTX, TEXT, tiny_gpt2, tiny_llama, tiny_tokenizer

D, RESID, MLP_OUT = 16, "blocks.1.hook_resid_pre", "blocks.1.hook_mlp_out"
POINTS = ("hook_sae_input", "hook_sae_acts_pre", "hook_sae_acts_post", "hook_sae_recons", "hook_sae_output")
PLACES: dict[str, dict[str, Any]] = {
    "residual": {"hook_name": RESID},
    "heads": {"hook_name": "blocks.1.attn.hook_z"},
    "transcoder": {"hook_name": "blocks.1.ln2.hook_normalized", "hook_name_out": MLP_OUT},
    "transcoder at the MLP's input": {"hook_name": "blocks.1.mlp.hook_in", "hook_name_out": MLP_OUT},
}


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    made = tiny_tokenizer()
    made.init_kwargs.update(name_or_path="", add_bos_token=True)  # else TransformerLens looks for it on the hub
    return made


@pytest.fixture(scope="module")
def models(tokenizer: Any) -> tuple[Any, HookedSAETransformer]:
    """One set of drawn weights in SAELens' model and in ours over TransformerLens' own."""
    config = HookedTransformerConfig(
        **{"n_layers": 2, "d_model": D, "n_heads": 2, "d_head": 8, "n_ctx": 48, "d_vocab": 300, "d_mlp": 32},
        **{"act_fn": "gelu_new", "normalization_type": "LN", "seed": 0, "device": "cpu", "init_weights": True},
    )
    peer, plain = PeerModel(config, tokenizer=tokenizer), HookedTransformer(config, tokenizer=tokenizer)
    generator = torch.Generator().manual_seed(0)
    weights = {
        name: value + 0.15 * torch.randn(value.shape, generator=generator) if value.is_floating_point() else value
        for name, value in peer.state_dict().items()
    }
    for model in (peer, plain):
        model.load_state_dict({name: value for name, value in weights.items() if name in model.state_dict()})
    return peer.eval(), load_model(plain.eval())


@pytest.fixture
def tokens(models: Any) -> Tensor:
    return models[1].to_tokens(TEXT[:60])[:, :20]


def pair(place: str, seed: int = 0) -> tuple[Any, Any]:
    """The same SAE in SAELens and here."""
    made = []
    for package in (sae_lens, ours):
        if "hook_name_out" in PLACES[place]:
            sae = package.Transcoder(package.TranscoderConfig(d_in=D, d_out=D, d_sae=40, apply_b_dec_to_input=False))
        else:
            heads = {"reshape_activations": "hook_z"} if place == "heads" else {}
            sae = package.TopKSAE(package.TopKSAEConfig(d_in=D, d_sae=40, k=4, **heads))
        for key, value in PLACES[place].items():
            setattr(sae.cfg.metadata, key, value)
        fill(sae, seed)
        made.append(sae.eval())
    return made[0], made[1]


@pytest.mark.parametrize("settings", [{}, {"use_error_term": True}, {"exclude_special_tokens": [0]}], ids=str)
@pytest.mark.parametrize("place", PLACES)
@torch.no_grad()
def test_attached_saes_agree(place: str, settings: dict[str, Any], models: Any, tokens: Tensor, note: Any):
    (peer, mine), (theirs, sae) = models, pair(place)
    clean = note("models: logits without SAEs", relative(mine(tokens), peer(tokens)))
    out = relative(
        mine.run_with_saes(tokens, saes=[sae], **settings), peer.run_with_saes(tokens, saes=[theirs], **settings)
    )
    assert max(clean, note(f"models: logits, {place}", out)) <= 1e-5
    changes = relative(mine.run_with_saes(tokens, saes=[sae], **settings), mine(tokens))
    assert changes <= 1e-5 if "use_error_term" in settings else changes > 1e-2
    _, cache = mine.run_with_cache_with_saes(tokens, saes=[sae], **settings)
    _, expected = peer.run_with_cache_with_saes(tokens, saes=[theirs], **settings)
    hook_name = PLACES[place].get("hook_name_out", PLACES[place]["hook_name"])
    points = [*POINTS, "hook_sae_error"] if "use_error_term" in settings else POINTS
    for point in points if place != "heads" else ():
        name = f"{hook_name}.{point}"
        if point == "hook_sae_output" and "exclude_special_tokens" in settings:
            continue  # there SAELens' shows the model's own activation at excluded tokens; ours what the SAE gave
        assert note("models: cached, all", relative(cache[name], expected[name])) <= 1e-5, name
    assert relative(cache["resid_post", 1], expected["resid_post", 1]) <= 1e-5
    assert torch.equal(mine(tokens), mine.wrapped(tokens))


@torch.no_grad()
def test_interventions_on_features_agree(models: Any, tokens: Tensor, note: Any):
    peer, mine = models
    theirs, saes = zip(pair("residual"), pair("transcoder", 3), strict=True)

    def push(acts: Tensor, hook: Any) -> Tensor:
        acts[..., 2] += 3.0
        return acts

    for name in (f"{RESID}.hook_sae_acts_post", f"{MLP_OUT}.hook_sae_acts_post"):
        logits = [
            model.run_with_hooks_with_saes(tokens, saes=list(each), fwd_hooks=[(name, push)])
            for model, each in ((mine, saes), (peer, theirs))
        ]
        assert note("models: logits with a changed feature", relative(*logits)) <= 1e-5


@torch.no_grad()
def test_places_that_the_model_passes_by_are_read(models: Any, tokens: Tensor):
    _, mine = models
    stream = mine.capture(tokens, "blocks.1.hook_resid_mid")
    assert torch.equal(mine.capture(tokens, "blocks.1.hook_mlp_in"), stream)
    assert torch.allclose(mine.capture(tokens, "blocks.1.mlp.hook_in"), mine.wrapped.blocks[1].ln2(stream), atol=1e-6)
    sae = ours.SkipTranscoder(ours.SkipTranscoderConfig(d_in=D, d_out=D, d_sae=40))
    fill(sae)
    sae.cfg.metadata.hook_name, sae.cfg.metadata.hook_name_out = "blocks.1.hook_mlp_in", MLP_OUT
    with attach(mine.wrapped, sae) as model:
        _, cache = model.run_with_cache(tokens, names_filter=[MLP_OUT, "blocks.1.hook_mlp_in"])
    assert torch.equal(cache["blocks.1.hook_mlp_in"], stream)
    torch.testing.assert_close(cache[MLP_OUT], sae(stream))
    mine.wrapped.set_use_hook_mlp_in(True)  # where somebody has switched it on, it is the same
    with attach(mine.wrapped, sae) as model:
        torch.testing.assert_close(model.run_with_cache(tokens, names_filter=MLP_OUT)[1][MLP_OUT], sae(stream))
    mine.wrapped.set_use_hook_mlp_in(False)


@torch.no_grad()
def test_saelens_reads_the_output_where_the_input_hook_does_not_fire(models: Any, tokens: Tensor):
    peer, _ = models
    sae, _ = pair("transcoder")
    sae.cfg.metadata.hook_name = "blocks.1.hook_mlp_in"
    _, clean = peer.run_with_cache(tokens)
    _, cache = peer.run_with_cache_with_saes(tokens, saes=[sae])
    assert torch.allclose(cache[f"{MLP_OUT}.hook_sae_input"], clean[MLP_OUT])
    peer.reset_hooks(including_permanent=True)


@torch.no_grad()
def test_kinds_that_saelens_has_not_keep_the_contract(models: Any, tokens: Tensor):
    _, mine = models
    clean = mine(tokens)
    crosscoder = ours.CrosscoderSAE(ours.CrosscoderSAEConfig(d_in=2 * D, d_sae=40))
    crosscoder.cfg.metadata.hook_names = ["blocks.0.hook_resid_post", "blocks.1.hook_resid_post"]
    layers = []
    for layer in range(2):
        cfg = ours.CrossLayerTranscoderConfig(d_in=D, d_out=D, d_sae=40, n_outputs=2 - layer)
        cfg.metadata.hook_name = f"blocks.{layer}.hook_mlp_in"
        cfg.metadata.hook_names_out = [f"blocks.{each}.hook_mlp_out" for each in range(layer, 2)]
        layers.append(ours.CrossLayerTranscoder(cfg))
    for saes in ([crosscoder], layers):
        for sae in saes:
            fill(sae)
        with attach(mine, saes, use_error_term=True):
            torch.testing.assert_close(mine(tokens), clean, atol=1e-5, rtol=1e-5)
        with attach(mine, saes):
            assert not torch.allclose(mine(tokens), clean, atol=1e-3)
        assert torch.equal(mine(tokens), clean)
    assert not [point for point in mine.hook_dict.values() if point.fwd_hooks]


@torch.no_grad()
def test_generation_takes_hooks_and_steers(models: Any):
    _, mine = models
    prompt = mine.to_tokens("The cat sat")
    direction = 40.0 * torch.randn(D, generator=torch.Generator().manual_seed(1))

    def steering_hook(activation: Tensor, hook: Any) -> Tensor:
        activation += direction
        return activation

    settings = {"max_new_tokens": 8, "do_sample": False, "stop_at_eos": False}
    expected = prompt
    for _ in range(8):
        logits = mine.run_with_hooks(expected, fwd_hooks=[(RESID, steering_hook)])
        expected = torch.cat([expected, logits[:, -1:].argmax(-1)], dim=1)
    out = mine.generate(prompt, fwd_hooks=[(RESID, steering_hook)], **settings)
    assert out.tolist() == expected.tolist() != mine.generate(prompt, **settings).tolist()
    assert isinstance(mine.to_string(out[0]), str)
    assert mine.W_U[:, mine.to_single_token(" the")].shape == (D,)
    pieces = list(generate_stream(mine, pair("transcoder")[1], "The cat", [FeatureSteer(2, 8.0)], max_new_tokens=4))
    assert len(pieces) == 4


@torch.no_grad()
def test_a_bridge_of_this_release_works_too(tokenizer: Any):
    model, plain = load_model(tiny_llama(), tokenizer=tokenizer), tiny_llama()
    tokens = model.to_tokens(TEXT[:40])
    torch.testing.assert_close(model(tokens), plain(tokens).logits, atol=1e-4, rtol=1e-4)
    _, sae = pair("transcoder at the MLP's input")
    with attach(plain, sae), attach(model, sae):
        torch.testing.assert_close(model(tokens), plain(tokens).logits, atol=1e-4, rtol=1e-4)
        _, cache = model.run_with_cache(tokens)
    torch.testing.assert_close(cache[f"{MLP_OUT}.hook_sae_input"], cache["blocks.1.mlp.hook_in"])


@torch.no_grad()
def test_from_pretrained_processes_weights_as_transformer_lens_does(
    tokenizer: Any, tmp_path: Any, note: Any, monkeypatch: Any
):
    tiny_gpt2().save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    settings = AutoConfig.from_pretrained(tmp_path)
    settings.n_ctx = N_CTX  # as in the published file
    config = SimpleNamespace(from_pretrained=lambda *_, **__: settings)
    monkeypatch.setattr("transformer_lens.loading_from_pretrained.AutoConfig", config)  # asks the hub
    theirs = HookedTransformer.from_pretrained("gpt2", hf_model=tiny_gpt2(), tokenizer=tokenizer, device="cpu")
    mine = HookedSAETransformer.from_pretrained(str(tmp_path), device="cpu")
    raw = HookedSAETransformer.from_pretrained_no_processing(str(tmp_path), device="cpu")
    tokens = mine.to_tokens(TEXT[:40])
    for name in (RESID, "blocks.1.hook_resid_post"):
        expected = theirs.run_with_cache(tokens)[1][name]
        assert (
            note("models: residual stream of processed weights", relative(mine.capture(tokens, name), expected)) <= 1e-4
        )
        assert relative(raw.capture(tokens, name), expected) > 1e-2
    assert relative(mine.W_U, theirs.W_U) <= 1e-5
