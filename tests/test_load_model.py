"""Models from a folder, a Hugging Face module or a hooked one, and what is refused."""

import socket

import pytest
import torch

from sae_widgets.hooked import HookedSAETransformer
from sae_widgets.model import check_fits, load_model
from tests.tiny_model import TEXT, tiny_gpt2, tiny_llama, tiny_topk

HOOK = "blocks.1.hook_resid_pre"


def test_a_folder_is_loaded_without_a_network(model_folder, monkeypatch):
    def refuse(*args, **kwargs):
        raise AssertionError("a network was asked")

    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    model = load_model(model_folder)
    assert isinstance(model, HookedSAETransformer)
    assert (model.cfg.n_layers, model.cfg.d_model, model.cfg.n_ctx) == (2, 16, 48)
    assert model.to_tokens("cat")[0, 0] == 0


def test_a_hugging_face_module_keeps_its_logits(tokenizer):
    plain, module = tiny_llama(), tiny_llama()
    model = load_model(module, tokenizer=tokenizer)
    tokens = model.to_tokens(TEXT)
    with torch.no_grad():
        torch.testing.assert_close(model(tokens), plain(tokens).logits, atol=1e-5, rtol=1e-5)


def test_a_hooked_model_is_wrapped_and_shares_its_lock(tiny_model):
    again = load_model(tiny_model.wrapped)
    assert again.wrapped is tiny_model.wrapped
    assert again.lock is tiny_model.lock
    assert load_model(tiny_model).wrapped is tiny_model.wrapped


def test_a_module_without_origin_needs_a_tokenizer():
    with pytest.raises(ValueError, match="pass tokenizer="):
        load_model(tiny_llama())


def test_folders_without_a_model_are_refused(tmp_path, tiny_sae):
    with pytest.raises(ValueError, match=r"config\.json is missing"):
        load_model(tmp_path)
    tiny_sae.save_model(tmp_path / "sae")
    with pytest.raises(ValueError, match="holds an SAE, not a model"):
        load_model(tmp_path / "sae")
    with pytest.raises(ValueError, match="No folder"):
        load_model(str(tmp_path / "nowhere"))


def test_weights_have_the_type_that_is_asked_for(model_folder):
    assert load_model(model_folder).dtype == torch.float32
    assert load_model(model_folder, dtype="bfloat16").dtype == torch.bfloat16
    with pytest.raises(ValueError, match="No dtype 'float31'"):
        load_model(model_folder, dtype="float31")


def test_what_is_no_model_is_refused():
    with pytest.raises(TypeError, match="got int"):
        load_model(3)
    with pytest.raises(TypeError, match="no Hugging Face model"):
        load_model(torch.nn.Linear(2, 2))


def test_weights_are_centred_for_an_sae_that_was_trained_so(tokenizer):
    sae = tiny_topk(HOOK)
    sae.cfg.metadata.model_from_pretrained_kwargs = {"center_writing_weights": True}
    raw = load_model(tiny_gpt2(), tokenizer=tokenizer)
    with pytest.raises(ValueError, match="sae=sae"):
        check_fits(raw, sae)
    model = load_model(tiny_gpt2(), tokenizer=tokenizer, sae=sae)
    tokens = model.to_tokens("The cat sat")
    before, after = raw.capture(tokens, HOOK), model.capture(tokens, HOOK)
    torch.testing.assert_close(after, before - before.mean(-1, keepdim=True), atol=1e-4, rtol=1e-4)
