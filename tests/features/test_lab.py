"""What is said of one feature equals what the weights and the model say by hand."""

import math

import pytest
import torch

from sae_widgets.features.contexts import FeatureContext
from sae_widgets.features.effects import feature_effects
from sae_widgets.features.lab import FeatureLab
from sae_widgets.features.survey import feature_statistics
from tests.tiny_model import tiny_topk

HOOK = "blocks.1.hook_resid_pre"


@pytest.fixture(scope="module")
def rows():
    rows = torch.randint(1, 300, (12, 20), generator=torch.Generator().manual_seed(1))
    rows[:, 0] = 0
    return rows


@pytest.fixture
def lab(tiny_model, tiny_sae, rows):
    return FeatureLab(tiny_model, tiny_sae, feature_statistics(tiny_model, tiny_sae, rows, window=(2, 2)))


def test_effects_are_those_of_leaving_the_feature_out(tiny_model, tiny_sae, rows, lab):
    feature = int(lab.statistics.density.argmax())
    row = rows[3]
    with torch.no_grad():
        x = tiny_model.capture(row[None], HOOK)
        acts = tiny_sae.encode(x)[0, :, feature]
        change = acts[:, None] * tiny_sae.W_dec[feature]
        before = tiny_model(row[None])[0].double().log_softmax(-1)
        hooks = [(HOOK, lambda value, hook: value - change)]
        after = tiny_model.run_with_hooks(row[None], fwd_hooks=hooks)[0].double().log_softmax(-1)
    found = lab.effects(feature, lab.statistics.top_contexts[feature][0])
    assert found.acts.shape == (20,)
    found = feature_effects(tiny_model, tiny_sae, row, feature, k=3)
    torch.testing.assert_close(found.acts, acts)
    by_hand = torch.stack([before[p, row[p + 1]] - after[p, row[p + 1]] for p in range(19)])
    torch.testing.assert_close(found.loss_effect[:-1].double(), by_hand, rtol=1e-3, atol=2e-6)
    assert math.isnan(found.loss_effect[-1])
    kl = (before.exp() * (before - after)).sum(-1)
    torch.testing.assert_close(found.kl.double(), kl, rtol=1e-2, atol=1e-6)
    moved = before - after
    moved = moved - moved.mean(-1, keepdim=True)
    at = int(kl.argmax())
    assert kl[at] > 1e-5
    assert found.up[at].tolist() == moved[at].topk(3).indices.tolist()
    assert found.down[at].tolist() == (-moved[at]).topk(3).indices.tolist()
    torch.testing.assert_close(found.up_effect[at].double(), moved[at].topk(3).values, rtol=1e-2, atol=1e-5)
    assert (found.down_effect[at] < 0).all()
    first = int((acts != 0).nonzero()[0]) if acts[1] == 0 else 0
    assert found.kl[:first].abs().max() < 1e-6 if first else True


def test_effects_refuse_what_they_cannot_say(tiny_model, tiny_sae):
    with pytest.raises(ValueError, match="No feature 40"):
        feature_effects(tiny_model, tiny_sae, [0, 5, 6], 40)


def test_directions_and_weights_by_hand(tiny_sae, lab):
    W = tiny_sae.W_dec.detach()
    cosines = torch.nn.functional.normalize(W, dim=-1) @ torch.nn.functional.normalize(W[7], dim=0)
    cosines[7] = -9
    found = lab.neighbours(7, 4)
    assert [each.feature for each in found] == cosines.topk(4).indices.tolist()
    assert [each.cosine for each in found] == pytest.approx(cosines.topk(4).values.tolist(), abs=1e-5)
    first = lab.alignment(7, 3)[0]
    assert first.index == int(W[7].abs().argmax())
    assert first.value == pytest.approx(float(W[7, first.index]))
    assert first.share == pytest.approx(abs(first.value) / float(W[7].abs().sum()))
    weights = lab.weights(7)
    column = tiny_sae.W_enc[:, 7].detach()
    assert weights.decoder_norm == pytest.approx(float(W[7].norm()))
    assert weights.encoder_decoder_cosine == pytest.approx(
        float(W[7] @ column / (W[7].norm() * column.norm())), abs=1e-5
    )


def test_every_token_has_a_rank(lab):
    effects = lab.logits(5, k=4)
    assert lab.rank_of(effects, effects.promoted[0].token_id)[0] == 1
    assert lab.rank_of(effects, effects.suppressed[0].token_id)[0] == len(effects.effects)
    counts, low, high = lab.logit_histogram(effects)
    assert sum(counts) == len(effects.effects)
    assert (low, high) == (float(effects.effects.min()), float(effects.effects.max()))


def test_a_context_widens_to_its_row(tiny_model, tiny_sae, rows, lab):
    feature = int(lab.statistics.density.argmax())
    context = lab.statistics.top_contexts[feature][0]
    assert len(context.tokens) <= 5
    whole = lab.whole_row(feature, context)
    assert whole.tokens == rows[context.row].tolist()
    assert whole.max_act == pytest.approx(context.max_act, abs=1e-5)
    assert whole.acts[context.start : context.start + len(context.acts)] == pytest.approx(context.acts, abs=1e-5)
    assert whole.acts[0] == 0.0  # bos
    with pytest.raises(ValueError, match="does not know its row"):
        lab.whole_row(feature, FeatureContext([1, 2], [0.0, 1.0], 1))


def test_statistics_of_another_sae_are_refused(tiny_model, lab):
    with pytest.raises(ValueError, match="with 40 features, this one has 8"):
        FeatureLab(tiny_model, tiny_topk(HOOK, d_sae=8), lab.statistics)
