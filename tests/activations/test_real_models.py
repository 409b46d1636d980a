"""Reading hooks of real models: a bridge of TransformerLens and plain Hugging Face modules."""

import pytest
import torch

from sae_widgets.activations.documents import open_documents
from sae_widgets.activations.hook_reader import HookReader
from sae_widgets.activations.settings import StoreSettings
from sae_widgets.activations.store import ActivationsStore
from sae_widgets.model import load_model
from tests.tiny_model import TEXT, tiny_gpt2, tiny_llama, tiny_tokenizer

TOKENS = torch.tensor([[0, 12, 40, 33, 7, 90]])


def modules_run(network):
    """Names of the network's modules, as their forwards end."""
    done = []
    for path, module in network.named_modules():
        name = path.replace("._original_component", "")  # a bridge puts its own modules around them
        module.register_forward_hook(lambda *_, name=name: done.append(name))
    return done


@pytest.mark.parametrize("plain", [False, True], ids=["bridge", "plain"])
@pytest.mark.parametrize(
    ("make", "hooks", "not_run"),
    [
        (tiny_gpt2, ["blocks.0.hook_mlp_out"], ["h.1", "h.0", "ln_f", "lm_head"]),
        (tiny_gpt2, ["blocks.1.hook_resid_pre"], ["h.1.ln_1", "lm_head"]),
        (tiny_gpt2, ["blocks.1.hook_resid_post"], ["ln_f", "lm_head"]),
        (
            tiny_llama,
            ["blocks.1.attn.hook_z", "blocks.0.hook_resid_post"],
            ["layers.1.self_attn.o_proj", "layers.1.mlp", "model.norm", "lm_head"],
        ),
    ],
)
def test_a_forward_ends_at_the_last_hook_and_the_model_is_as_before(make, hooks, not_run, plain):
    model = load_model(make(), tokenizer=tiny_tokenizer(), plain=plain)
    logits = model(TOKENS)
    _, cache = model.run_with_cache(TOKENS, names_filter=hooks)
    done = modules_run(model.original_model)
    read = HookReader(model, hooks)
    model(TOKENS)
    for name in not_run:
        assert [each for each in done if each.endswith(name)], name
    done.clear()
    found = read(TOKENS)
    for name in not_run:
        assert not [each for each in done if each.endswith(name)], name
    expected = torch.cat([cache[name].flatten(2) for name in hooks], dim=-1)
    torch.testing.assert_close(found, expected, rtol=0.0, atol=1e-6)
    assert torch.equal(model(TOKENS), logits)


@pytest.mark.parametrize("buffer", ["bfloat16", "float32"])
def test_a_bfloat16_model_is_read_in_its_own_dtype_and_kept_in_the_asked_one(buffer):
    model = load_model(tiny_llama(), tokenizer=tiny_tokenizer(), plain=True, dtype="bfloat16")
    settings = StoreSettings(
        hook_name="blocks.1.hook_resid_pre",
        context_size=16,
        train_batch_size_tokens=32,
        store_batch_size_prompts=2,
        n_batches_in_buffer=3,
        dtype=buffer,
        activations_mixing_fraction=0.0,
    )
    store = ActivationsStore(model, open_documents([TEXT] * 30), settings)
    assert store.get_activations(TOKENS).dtype == torch.bfloat16
    batch = store.next_batch()
    assert batch.dtype == getattr(torch, buffer)
    again = ActivationsStore(model, open_documents([TEXT] * 30), settings)
    expected = again.get_activations(again.get_batch_tokens(2)).flatten(0, 1)
    assert torch.equal(batch, expected.to(batch.dtype))


def test_a_context_longer_than_the_models_is_refused():
    model = load_model(tiny_gpt2(), tokenizer=tiny_tokenizer(), plain=True)
    settings = StoreSettings(hook_name="blocks.1.hook_resid_pre", context_size=64)
    with pytest.raises(ValueError, match="context_size is 64, but this model reads at most 48 tokens"):
        ActivationsStore(model, open_documents([TEXT] * 30), settings)


def test_a_real_chat_template_gives_its_own_special_tokens_once():
    tokenizer = tiny_tokenizer()
    tokenizer.chat_template = "{% for m in messages %}<|endoftext|>{{ m['role'] }}: {{ m['content'] }}\n{% endfor %}"
    model = load_model(tiny_llama(), tokenizer=tokenizer, plain=True)
    chat = [{"role": "user", "content": "The cat sat"}, {"role": "assistant", "content": "on the mat."}]
    ids = tokenizer.apply_chat_template(chat, tokenize=True, return_dict=False)
    settings = StoreSettings(
        hook_name="blocks.1.hook_resid_pre",
        context_size=len(ids),
        train_batch_size_tokens=32,
        disable_concat_sequences=True,
    )
    store = ActivationsStore(model, open_documents([{"messages": chat}] * 200), settings)
    assert store.get_batch_tokens(1).tolist() == [list(ids)]
    assert ids[0] == tokenizer.bos_token_id
