"""Features on a prompt: each metric against a plain model in float64, ranks, comparison, and what is refused."""

import copy

import pytest
import torch

from sae_widgets.features.effects import feature_effects
from sae_widgets.features.prompt import PromptStudy, compare_prompts, prompt_features
from sae_widgets.features.prompt_scores import METRICS, aligned, overall, quantiles_of
from sae_widgets.features.survey import feature_statistics
from tests.tiny_model import N_CTX, TEXT, tiny_llama, tiny_topk

PROMPT = "The cat sat on the mat. The dog"
OTHER = "The cat ran on the old mat. The dog"


class Plain:
    """The tiny model in float64, without any of our code but the SAE's encoder."""

    def __init__(self, sae, tokens):
        self.model = tiny_llama().double()
        self.sae = copy.deepcopy(sae).double()
        self.row = torch.tensor([tokens])
        self.x = None
        self.logits()
        self.acts = self.sae.encode(self.x[0]).detach()  # n_pos d_sae

    def logits(self, add=0.0):
        def edit(module, args, kwargs):
            x = args[0] if args else kwargs["hidden_states"]
            self.x = x.detach()
            return ((x + add, *args[1:]), kwargs) if args else (args, {**kwargs, "hidden_states": x + add})

        handle = self.model.model.layers[1].register_forward_pre_hook(edit, with_kwargs=True)
        try:
            return self.model(self.row).logits[0]
        finally:
            handle.remove()

    def losses(self, add=0.0):
        with torch.no_grad():
            return torch.nn.functional.cross_entropy(self.logits(add)[:-1], self.row[0, 1:], reduction="none")

    def loss_effect(self, feature):
        written = self.acts[:, feature, None] * self.sae.W_dec[feature]
        return self.losses(-written[None]) - self.losses()

    def attribution(self, target):
        change = torch.zeros_like(self.acts, requires_grad=True)
        last = self.logits((change @ self.sae.W_dec)[None])[-1]
        (last[target] - last.mean()).backward()
        return self.acts * change.grad


@pytest.fixture(scope="module")
def rows():
    rows = torch.randint(1, 300, (30, 24), generator=torch.Generator().manual_seed(1))
    rows[:, 0] = 0
    return rows


@pytest.fixture
def statistics(tiny_model, tiny_sae, rows):
    return feature_statistics(tiny_model, tiny_sae, rows)


@pytest.fixture
def plain(tiny_model, tiny_sae):
    return Plain(tiny_sae, tiny_model.to_tokens(PROMPT)[0].tolist())


def test_activations_are_those_of_float64_and_special_tokens_are_left_out(tiny_model, tiny_sae, plain):
    found = prompt_features(tiny_model, tiny_sae, PROMPT, k=100)
    assert found.features
    expected = plain.acts[1:, found.features].T.float()
    torch.testing.assert_close(found.acts[:, 1:], expected, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(found.scores[:, 1:], expected, atol=1e-5, rtol=1e-5)
    assert found.is_special == [True] + [False] * (len(found.tokens) - 1)
    assert bool(found.scores[:, 0].isnan().all())
    assert float(found.acts[:, 0].abs().sum()) == 0
    assert sorted(found.features) == plain.acts[1:].abs().sum(0).nonzero()[:, 0].tolist()


def test_attributions_are_gradient_times_activation_of_float64(tiny_model, tiny_sae, plain):
    found = prompt_features(tiny_model, tiny_sae, PROMPT, "attribution", k=100)
    likeliest = int(plain.logits()[-1].argmax())
    assert found.target == tiny_model.tokenizer.decode([likeliest])
    expected = plain.attribution(likeliest)[:, found.features].T.float()
    torch.testing.assert_close(found.scores[:, 1:], expected[:, 1:], atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(found.overall, expected[:, 1:].sum(1), atol=1e-5, rtol=1e-4)
    chosen = prompt_features(tiny_model, tiny_sae, PROMPT, "attribution", target=" the", features=found.features)
    other = plain.attribution(tiny_model.tokenizer(" the")["input_ids"][-1])[:, found.features].T.float()
    torch.testing.assert_close(chosen.scores[:, 1:], other[:, 1:], atol=1e-5, rtol=1e-4)
    assert chosen.target == " the"


def test_loss_effects_are_those_of_leaving_each_feature_out_in_float64(tiny_model, tiny_sae, plain, monkeypatch):
    monkeypatch.setattr("sae_widgets.features.effects._TOKENS_AT_ONCE", 30)  # several batches, the last one smaller
    found = prompt_features(tiny_model, tiny_sae, PROMPT, "loss_effect", k=2)
    assert len(found.features) > 4
    assert bool(found.scores[:, -1].isnan().all())
    for i, feature in enumerate(found.features):
        expected = plain.loss_effect(feature)[1:].float()
        torch.testing.assert_close(found.scores[i, 1:-1], expected, atol=1e-5, rtol=1e-4)
        assert float(found.overall[i]) == pytest.approx(float(expected.sum()), abs=1e-5)
    one = feature_effects(tiny_model, tiny_sae, found.tokens, found.features[0])
    torch.testing.assert_close(one.loss_effect[1:-1], found.scores[0, 1:-1], atol=1e-5, rtol=1e-4)


def test_quantiles_are_the_share_of_smaller_activations(tiny_model, tiny_sae, statistics):
    found = prompt_features(tiny_model, tiny_sae, PROMPT, "act_quantile", k=100, statistics=statistics)
    feature = found.features[0]
    for place in (found.acts[0] > 0).nonzero()[:, 0].tolist():
        act = float(found.acts[0, place])
        expected = 1.0 if act >= float(statistics.max_act[feature]) else statistics.share_between(feature, 0.0, act)
        assert float(found.scores[0, place]) == pytest.approx(expected, abs=1e-5)
    alive = (statistics.max_act > 0).nonzero()[:, 0].tolist()
    largest = statistics.max_act[alive][:, None]
    acts = torch.cat([largest, 2 * largest, 0 * largest], 1)
    torch.testing.assert_close(quantiles_of(statistics, alive, acts), torch.tensor([[1.0, 1.0, 0.0]] * len(alive)))
    half = torch.tensor([[statistics.quantile(feature, 0.5)] for feature in alive])
    torch.testing.assert_close(quantiles_of(statistics, alive, half), torch.full((len(alive), 1), 0.5))
    never = (statistics.max_act == 0).nonzero()[:, 0].tolist()[:1] or [alive[0]]
    if statistics.max_act[never[0]] == 0:
        assert quantiles_of(statistics, never, torch.tensor([[1.0]])).tolist() == [[0.0]]


@pytest.mark.parametrize("metric", METRICS)
def test_the_best_of_a_token_and_of_the_prompt_come_first(tiny_model, tiny_sae, statistics, metric):
    study = PromptStudy(tiny_model, tiny_sae, PROMPT, statistics)
    everything = study.scored(metric, study.firing)
    position = 3
    fires = everything.acts[:, position] != 0
    order = everything.scores[:, position].nan_to_num().abs().masked_fill(~fires, -1.0).argsort(descending=True)
    expected = [everything.features[i] for i in order[:3].tolist()]
    assert [each.feature for each in everything.top(3, position)] == expected
    best = study.best(metric, 3, position)
    if metric != "loss_effect":  # there the three that fire most are measured
        assert best == expected
    top = everything.top(5)
    assert [abs(each.score) for each in top] == sorted((abs(each.score) for each in top), reverse=True)
    assert len(everything.table()) == int((everything.acts != 0).sum())
    assert set(everything.table()[0]) == {"feature", "label", "position", "token", "activation", metric}


def test_the_whole_prompt_is_a_sum_or_a_largest_value():
    scores = torch.tensor([[1.0, -3.0, torch.nan], [torch.nan] * 3, [0.5, 0.25, 0.0]])
    assert overall(scores, "act_size").nan_to_num(7.0).tolist() == [-3.0, 7.0, 0.5]
    assert overall(scores, "loss_effect").nan_to_num(7.0).tolist() == [-2.0, 7.0, 0.75]


def test_tokens_stand_side_by_side():
    assert aligned([0, 1, 2, 3], [0, 1, 9, 3]) == [(0, 0), (1, 1), (2, 2), (3, 3)]
    assert aligned([0, 1, 3], [0, 1, 9, 9, 3]) == [(0, 0), (1, 1), (None, 2), (None, 3), (2, 4)]
    assert aligned([0, 4, 5, 3], [0, 9, 3]) == [(0, 0), (1, 1), (2, None), (3, 2)]
    assert aligned([5], [5]) == [(0, 0)]


def test_two_prompts_are_compared_by_the_same_features(tiny_model, tiny_sae):
    both = compare_prompts(tiny_model, tiny_sae, PROMPT, OTHER, k=3)
    assert both.left.features == both.right.features
    alone = prompt_features(tiny_model, tiny_sae, OTHER, features=both.left.features)
    torch.testing.assert_close(both.right.scores, alone.scores, equal_nan=True)
    torch.testing.assert_close(both.difference, both.right.overall - both.left.overall)
    assert both.differences.shape == (len(both.left.features), len(both.pairs))
    for column, (i, j) in enumerate(both.pairs):
        if i is not None and j is not None:
            expected = both.right.scores[:, j] - both.left.scores[:, i]
            torch.testing.assert_close(both.differences[:, column], expected, equal_nan=True)
        else:
            assert bool(both.differences[:, column].isnan().all())
    rows = both.table()
    assert [abs(row["difference"]) for row in rows] == sorted((abs(r["difference"]) for r in rows), reverse=True)
    target = compare_prompts(tiny_model, tiny_sae, PROMPT, OTHER, "attribution", k=3)
    assert target.left.target == target.right.target


def test_what_is_known_is_not_computed_again(tiny_model, tiny_sae):
    study = PromptStudy(tiny_model, tiny_sae, PROMPT)
    features = study.best("loss_effect", 2, position=3)
    assert study.missing_effects(features) == features
    study.scores("loss_effect", features)
    assert study.missing_effects(features) == []
    done = []
    study.scores("loss_effect", [*features, 0], on_progress=lambda *at: done.append(at))
    assert done == [(1, 1)] or 0 in features
    cancelled = PromptStudy(tiny_model, tiny_sae, PROMPT).scores("loss_effect", features, is_cancelled=lambda: True)
    assert bool(cancelled.isnan().all())


def test_what_cannot_be_is_refused(tiny_model, tiny_sae):
    study = PromptStudy(tiny_model, tiny_sae, PROMPT)
    with pytest.raises(ValueError, match=r"only special tokens .*Type a word"):
        PromptStudy(tiny_model, tiny_sae, "<|endoftext|>")
    with pytest.raises(ValueError, match="The prompt is empty"):
        prompt_features(tiny_model, tiny_sae, "")
    with pytest.raises(ValueError, match=rf"the context of .* is {N_CTX}"):
        prompt_features(tiny_model, tiny_sae, TEXT * 4)
    with pytest.raises(ValueError, match=r"No metric 'activation'; there are act_size.* Did you mean"):
        prompt_features(tiny_model, tiny_sae, PROMPT, "activation")
    with pytest.raises(ValueError, match="there are no statistics of this SAE"):
        study.scores("act_quantile", [1])
    with pytest.raises(ValueError, match=r"'The cat' is \d tokens, not one"):
        prompt_features(tiny_model, tiny_sae, PROMPT, "attribution", target="The cat")
    with pytest.raises(ValueError, match="feature 40"):
        prompt_features(tiny_model, tiny_sae, PROMPT, features=[40])
    scored = study.scored("act_size", study.firing)
    with pytest.raises(ValueError, match="Token 0 is special"):
        scored.top(3, 0)
    with pytest.raises(ValueError, match="No token 99: the prompt has"):
        study.best("act_size", 3, 99)
    with pytest.raises(ValueError, match=r"d_model|width|wide|d_in"):
        PromptStudy(tiny_model, tiny_topk("blocks.1.hook_resid_pre", d_in=8), PROMPT)
