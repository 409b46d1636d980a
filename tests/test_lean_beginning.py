"""A prompt that comes again begins where the model is steered, and gives what it gives from the start."""

import gc
import weakref

import pytest
import torch

from sae_widgets.lean import beginning, forget
from sae_widgets.model import load_model
from sae_widgets.steering import FeatureSteer, generate_stream
from tests.tiny_model import tiny_gpt2, tiny_llama, tiny_tokenizer, tiny_topk

HOOK = "blocks.1.hook_resid_pre"
PROMPT = "The cat sat on the mat"
STEERS = {
    "add": [FeatureSteer(3, 4.0)],
    "clamp": [FeatureSteer(3, 4.0, "clamp"), FeatureSteer(7, mode="ablate")],
}


@pytest.fixture
def model():
    return load_model(tiny_llama(seed=11), tokenizer=tiny_tokenizer())


@pytest.fixture
def begun(monkeypatch):
    """How often a text began later than at its start."""
    taken = []
    begin_with = beginning.Cache.begin_with
    monkeypatch.setattr(beginning.Cache, "begin_with", lambda *given: taken.append(begin_with(*given)))
    return taken


def written(model, steers=STEERS["add"], prompt=PROMPT, **settings):
    settings = {"max_new_tokens": 5, "temperature": 0.8, **settings}
    return list(generate_stream(model, tiny_topk(HOOK), prompt, steers, **settings))


def is_the_same(given, wanted):
    assert [token.token_id for token in given] == [token.token_id for token in wanted]
    for one, other in zip(given, wanted, strict=True):
        assert (one.logprob, one.kl) == pytest.approx((other.logprob, other.kl), abs=1e-4, nan_ok=True)


@pytest.mark.parametrize(
    ("kind", "mode", "where", "compare"),
    [
        (tiny_llama, "add", "all", True),
        (tiny_llama, "clamp", "prompt", True),
        (tiny_llama, "add", "generated", True),
        (tiny_gpt2, "clamp", "all", False),
        (tiny_gpt2, "add", "prompt", False),
    ],
)
def test_the_third_text_of_a_prompt_begins_at_the_steered_block(kind, mode, where, compare, begun):
    model = load_model(kind(seed=11), tokenizer=tiny_tokenizer())
    settings = {"where": where, "compare": compare}
    wanted = written(model, STEERS[mode], **settings)
    for n in range(3):  # also after another strength, and after a text that went on from what is kept
        written(model, [FeatureSteer(3, float(n))], **settings)
        is_the_same(written(model, STEERS[mode], **settings), wanted)
    assert len(begun) == 5


def edit_data(model):
    model.original_model.model.layers[0].mlp.down_proj.weight.data[3, 4] += 0.5


def swap_rows(model):
    weight = model.original_model.model.layers[0].self_attn.q_proj.weight.data
    weight[:2] = weight[:2].flip(0)


def edit_in_place(model):
    with torch.no_grad():
        model.original_model.model.layers[0].input_layernorm.weight[5] *= 3


def edit_an_embedding(model):
    model.original_model.model.embed_tokens.weight.data[int(model.to_tokens(PROMPT)[0, 3]), 2] += 1


def load_others(model):
    own = model.original_model
    own.load_state_dict({name: value * 1.1 for name, value in own.state_dict().items()})


def exchange(model):
    block = model.original_model.model.layers[0]
    block.input_layernorm.weight = torch.nn.Parameter(block.input_layernorm.weight.detach() * 1.5)


@pytest.mark.parametrize("change", [edit_data, swap_rows, edit_in_place, edit_an_embedding, load_others, exchange])
def test_other_weights_begin_anew(change, model, begun):
    before = [written(model) for _ in range(3)][-1]
    change(model)
    given = written(model)
    assert len(begun) == 1
    forget(model)
    is_the_same(given, written(model))
    assert [token.logprob for token in given] != [token.logprob for token in before]


def test_edits_after_the_place_and_other_prompts_are_followed(model, begun):
    for _ in range(3):
        written(model)
    model.original_model.model.layers[1].mlp.down_proj.weight.data.mul_(2)
    given = written(model)
    assert len(begun) == 2
    forget(model)
    is_the_same(given, written(model))
    other = written(model, prompt="The dog ran")
    forget(model)
    is_the_same(other, written(model, prompt="The dog ran"))
    assert len(begun) == 2


def test_whoever_listens_hears_the_whole_prompt(model, begun):
    for _ in range(3):
        written(model)
    wanted, seen = written(model), []
    with model.hooks([("blocks.0.hook_resid_pre", lambda x, hook: seen.append(x.shape[1]))]):
        is_the_same(written(model), wanted)
    assert seen[0] == model.to_tokens(PROMPT).shape[1]
    assert len(begun) == 2
    is_the_same(written(model), wanted)


def test_what_is_kept_goes_when_told_and_with_the_model():
    model = load_model(tiny_llama(seed=11), tokenizer=tiny_tokenizer())
    entered = []
    for _ in range(2):
        for _ in range(2):
            written(model)
        entered.append(weakref.ref(beginning._LAST[model].kept.entered))
        if len(entered) == 1:
            forget(model)
            assert entered[0]() is None
    del model
    gc.collect()
    assert entered[1]() is None


def test_short_types_begin_anew(model, begun):
    model.to(torch.bfloat16)
    sae = tiny_topk(HOOK)
    for _ in range(3):
        list(generate_stream(model, sae, PROMPT, STEERS["add"], max_new_tokens=2))
    assert not begun
    assert model not in beginning._LAST


def test_a_panel_that_closes_keeps_nothing(model):
    from sae_widgets.widgets.steering_panel import SteeringPanel

    panel = SteeringPanel(model, tiny_topk(HOOK), PROMPT, {3: 1.0}, max_new_tokens=2)
    panel.wait()
    for strength in (2.0, 3.0):
        panel.strengths = {3: strength}
        panel.wait()
    assert beginning._LAST[model].kept is not None
    panel.close()
    assert model not in beginning._LAST
