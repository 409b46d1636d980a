"""Feature statistics in one pass equal statistics by brute force, and survive the disk."""

import pytest
import torch

from sae_widgets.features.contexts import FeatureContext
from sae_widgets.features.gathering import Rows, token_rows
from sae_widgets.features.logits import logit_effects
from sae_widgets.features.statistics import FeatureStatistics, known_statistics
from sae_widgets.features.survey import feature_statistics, gather, new_pass, statistics_of
from tests.tiny_model import TEXT, tiny_topk

HOOK = "blocks.1.hook_resid_pre"
DOCUMENTS = [TEXT, "A zebra ran. " * 8, "It was night, and the cat sat under the tree. " * 3, "old dog", ""]


@pytest.fixture(scope="module")
def rows():
    generator = torch.Generator().manual_seed(0)
    rows = torch.randint(1, 300, (23, 30), generator=generator)
    rows[:, 0] = 0
    return rows


@pytest.fixture
def statistics(tiny_model, tiny_sae, rows):
    return feature_statistics(tiny_model, tiny_sae, rows, n_seqs=4, n_top=3, n_random=12, n_per_part=2)


def acts_of(model, sae, rows):
    with torch.no_grad():
        return sae.encode(model.capture(rows, HOOK))[:, 1:]  # bos left out


def test_statistics_equal_brute_force(tiny_model, tiny_sae, rows, statistics):
    acts = acts_of(tiny_model, tiny_sae, rows)
    flat = acts.flatten(0, 1)
    active = flat > 0
    assert statistics.n_tokens == flat.shape[0]
    torch.testing.assert_close(statistics.density, active.float().mean(0))
    torch.testing.assert_close(statistics.max_act, flat.max(0).values, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(statistics.mean_act, flat.sum(0) / active.sum(0).clamp_min(1), atol=1e-5, rtol=1e-5)
    assert statistics.histogram.sum(1).tolist() == active.sum(0).tolist()


def test_the_shape_of_activations_equals_brute_force(tiny_model, tiny_sae, rows, statistics):
    flat = acts_of(tiny_model, tiny_sae, rows).flatten(0, 1).double()
    for feature in statistics.top_contexts:
        values = flat[:, feature][flat[:, feature] > 0]
        mean, centred = values.mean(), values - values.mean()
        variance = centred.pow(2).mean()
        shape = statistics.shape(feature)
        assert shape["mean"] == pytest.approx(float(mean), rel=1e-5)
        assert shape["variance"] == pytest.approx(float(variance), rel=1e-5, abs=1e-8)
        if len(values) > 3:
            assert shape["skewness"] == pytest.approx(float(centred.pow(3).mean() / variance**1.5), rel=1e-5, abs=1e-5)
            assert shape["kurtosis"] == pytest.approx(
                float(centred.pow(4).mean() / variance**2 - 3), rel=1e-5, abs=1e-5
            )


def test_density_intervals_know_that_a_row_is_about_one_thing(tiny_model, tiny_sae, rows, statistics):
    active = (acts_of(tiny_model, tiny_sae, rows) > 0).double()  # n_rows n_pos d_sae
    p, n = active.mean((0, 1)), active.shape[0] * active.shape[1]
    effect = (active.sum(1) - p * active.shape[1]).pow(2).sum(0) / (n * p * (1 - p)).clamp_min(1e-9)
    expected = torch.where(p > 0, effect, 1.0).clamp_min(1.0).float()
    torch.testing.assert_close(statistics.design_effect, expected, rtol=1e-5, atol=1e-5)
    feature = int(statistics.density.argmax())
    low, high = statistics.density_interval(feature)
    assert 0 <= low < float(statistics.density[feature]) < high <= 1
    silent = int(statistics.density.argmin())
    assert statistics.density_interval(silent)[0] == 0.0 < statistics.density_interval(silent)[1]


def test_coordinates_and_features_that_go_together_equal_brute_force(tiny_model, tiny_sae, rows, statistics):
    with torch.no_grad():
        x = tiny_model.capture(rows, HOOK)[:, 1:].flatten(0, 1).double()
    acts = acts_of(tiny_model, tiny_sae, rows).flatten(0, 1).double()
    assert len(statistics.sample) == len(acts)  # few enough to be all
    both = torch.corrcoef(torch.cat([acts, x], 1).T)
    feature = int(statistics.density.argmax())
    with_x = both[feature, acts.shape[1] :]
    index, pearson, cosine = statistics.neurons[:, feature]
    assert index.long().tolist() == with_x.abs().topk(len(index)).indices.tolist()
    torch.testing.assert_close(pearson, with_x[index.long()].float(), rtol=1e-5, atol=1e-5)
    by_hand = torch.cosine_similarity(acts[:, feature, None], x, dim=0)[index.long()]
    torch.testing.assert_close(cosine, by_hand.float(), rtol=1e-5, atol=1e-5)
    others = both[feature, : acts.shape[1]].nan_to_num(-9).clone()
    others[feature] = -9
    for found in statistics.sample.correlated(feature, 4):
        assert found.pearson == pytest.approx(float(others.max()), abs=1e-5)
        assert found.n_both == int(((acts[:, feature] > 0) & (acts[:, found.feature] > 0)).sum())
        assert found.cosine == pytest.approx(
            float(torch.cosine_similarity(acts[:, feature], acts[:, found.feature], dim=0)), abs=1e-5
        )
        assert found.low < found.pearson < found.high
        others[found.feature] = -9


def test_tokens_that_excite_a_feature_equal_brute_force(tiny_model, tiny_sae, rows, statistics):
    acts, tokens = acts_of(tiny_model, tiny_sae, rows).flatten(0, 1), rows[:, 1:].flatten()
    feature = int(statistics.density.argmax())
    means = {int(t): float(acts[tokens == t, feature].mean()) for t in tokens.unique() if (tokens == t).sum() >= 2}
    for token, mean, n_firing, n_all in statistics.sample.best_tokens(feature, 5):
        assert mean == pytest.approx(max(means.values()), abs=1e-5)
        assert (n_firing, n_all) == (int((acts[tokens == token, feature] > 0).sum()), int((tokens == token).sum()))
        del means[token]


def test_quantiles_are_within_a_bin_of_the_true_ones(tiny_model, tiny_sae, rows, statistics):
    acts = acts_of(tiny_model, tiny_sae, rows).flatten(0, 1)
    for feature in statistics.top_contexts:
        values = acts[:, feature][acts[:, feature] > 0]
        for q in (0.1, 0.5, 0.9):
            low, high = (torch.quantile(values, q, interpolation=kind) for kind in ("lower", "higher"))
            width = float(statistics.bin_width[feature])
            assert float(low) - width <= statistics.quantile(feature, q) <= float(high) + width


@pytest.mark.parametrize("by", ["interval", "quantile"])
def test_groups_hold_contexts_of_their_strength(tiny_model, tiny_sae, rows, statistics, by):
    acts = acts_of(tiny_model, tiny_sae, rows)
    for feature in statistics.top_contexts:
        values = acts[..., feature][acts[..., feature] > 0]
        groups = statistics.groups(feature, n_groups=4, n=3, by=by)
        assert groups[0].high == float(statistics.max_act[feature])
        assert groups[-1].low == 0.0
        assert sum(group.share for group in groups) == pytest.approx(1.0, abs=1e-6)
        for group in groups:
            width = float(statistics.bin_width[feature])
            inside = float(((values >= group.low) & (values < group.high)).float().mean())
            near = sum(float(((values - edge).abs() < width).float().mean()) for edge in (group.low, group.high))
            assert abs(inside - group.share) <= near + 1 / len(values)  # edges lie inside bins
            for context in group.contexts:
                assert group.low <= context.max_act <= group.high
                assert rows[context.row].tolist()[context.start :][: len(context.tokens)] == context.tokens
                at = context.start + context.position - 1  # bos left out
                assert context.max_act == pytest.approx(float(acts[context.row, at, feature]), abs=1e-5)
    with pytest.raises(ValueError, match="'interval' or 'quantile'"):
        statistics.groups(0, by="rank")


def test_two_shares_of_the_rows_add_up(tiny_model, tiny_sae, rows, statistics):
    shares = []
    for start in (0, 1):
        part = new_pass(tiny_sae, n_top=3, n_random=12, n_per_part=2)
        numbers = torch.arange(start, len(rows), 2)
        tokens = rows[numbers]
        with torch.no_grad():
            x = tiny_model.capture(tokens, HOOK)
        counts = tokens != 0
        part.add(tokens, tiny_sae.encode(x).detach(), counts, x, Rows(tokens, numbers, 0 * numbers, numbers))
        shares.append(part)
    shares[0].merge(shares[1])
    merged = statistics_of(shares[0], tiny_model, tiny_sae)
    for name in ("density", "max_act", "histogram", "bin_width", "design_effect", "moments", "neurons"):
        torch.testing.assert_close(getattr(merged, name), getattr(statistics, name), rtol=1e-4, atol=1e-5)
    for feature, contexts in statistics.top_contexts.items():
        assert [c.row for c in merged.top_contexts[feature]] == [c.row for c in contexts]
        for name in ("random_contexts", "interval_contexts"):
            drawn = [
                {(c.row, c.start + c.position) for c in getattr(each, name)[feature]} for each in (merged, statistics)
            ]
            assert drawn[0] == drawn[1]
    assert merged.sample.tokens.tolist() == statistics.sample.tokens.tolist()


def test_a_pass_goes_on_where_it_stopped(tiny_model, tiny_sae, rows, statistics):
    gathered = new_pass(tiny_sae, n_top=3, n_random=12, n_per_part=2)
    for n_tokens in gather(tiny_model, tiny_sae, rows, gathered, n_seqs=4):
        if n_tokens > 200:
            break
    early = statistics_of(gathered, tiny_model, tiny_sae)
    assert 200 < early.n_tokens < statistics.n_tokens
    seen = list(gather(tiny_model, tiny_sae, rows, gathered, n_seqs=4))
    assert seen[0] > early.n_tokens
    whole = statistics_of(gathered, tiny_model, tiny_sae)
    assert torch.equal(whole.histogram, statistics.histogram)
    assert dict(whole.top_contexts) == dict(statistics.top_contexts)


def window(row, acts):
    """Tokens around the peak, where they begin, and where the peak is."""
    peak = int(acts.argmax()) + 1
    first = max(0, peak - 16)
    return row[first : peak + 8].tolist(), first, peak


def test_contexts_are_the_strongest_of_each_row(tiny_model, tiny_sae, rows, statistics):
    acts = acts_of(tiny_model, tiny_sae, rows)
    peaks = acts.max(1).values  # n_rows d_sae
    for feature, contexts in statistics.top_contexts.items():
        best = peaks[:, feature].sort(descending=True)
        assert [c.max_act for c in contexts] == pytest.approx(best.values[:3][best.values[:3] > 0].tolist(), abs=1e-5)
        for context in contexts:
            row = next(r for r in best.indices.tolist() if window(rows[r], acts[r, :, feature])[0] == context.tokens)
            _, first, peak = window(rows[row], acts[row, :, feature])
            assert context.position == peak - first
            inside = acts[row, max(0, first - 1) : peak + 7, feature].tolist()
            assert context.acts[-len(inside) :] == pytest.approx(inside, abs=1e-5)
    silent = (peaks.max(0).values == 0).nonzero().squeeze(-1).tolist()
    assert not set(silent) & set(statistics.top_contexts)


def test_batches_do_not_matter(tiny_model, tiny_sae, rows, statistics):
    at_once = feature_statistics(tiny_model, tiny_sae, rows, n_seqs=23, n_top=3, n_random=12, n_per_part=2)
    for name in ("density", "max_act", "mean_act", "histogram", "bin_width"):
        torch.testing.assert_close(getattr(at_once, name), getattr(statistics, name), atol=1e-5, rtol=1e-5)
    for feature, contexts in at_once.top_contexts.items():
        assert [c.tokens for c in contexts] == [c.tokens for c in statistics.top_contexts[feature]]


def rows_of(batches):
    return [row[1:].tolist() for batch in batches for row in batch.tokens]


def test_texts_are_cut_into_rows_of_their_own(tiny_model, tiny_sae):
    batches = list(token_rows(tiny_model, tiny_sae, DOCUMENTS, n_seqs=2))
    assert all(len(b.tokens) <= 2 and b.tokens.shape[1] <= 48 and not b.tokens[:, 0].any() for b in batches)
    assert sorted(number for b in batches for number in b.numbers.tolist()) == list(range(len(rows_of(batches))))
    for batch in batches:
        for row, document, start in zip(batch.tokens, batch.documents.tolist(), batch.starts.tolist(), strict=True):
            ids = tiny_model.tokenizer(DOCUMENTS[document], add_special_tokens=False)["input_ids"]
            assert row[1:].tolist() == ids[start : start + len(row) - 1]
    rows = rows_of(batches)
    for document in DOCUMENTS:
        ids = tiny_model.tokenizer(document, add_special_tokens=False)["input_ids"]
        for start in range(0, len(ids), 47):
            assert ids[start : start + 47] in rows
    n = sum(len(tiny_model.tokenizer(d, add_special_tokens=False)["input_ids"]) for d in DOCUMENTS)
    assert feature_statistics(tiny_model, tiny_sae, DOCUMENTS).n_tokens == n


def test_it_stops_at_n_tokens_and_when_cancelled(tiny_model, tiny_sae, rows):
    seen = []
    some = feature_statistics(
        tiny_model, tiny_sae, rows, n_seqs=2, n_tokens=100, on_progress=lambda *at: seen.append(at)
    )
    assert some.n_tokens == 116  # two rows of 29 at a time
    assert seen == [(58, 100), (116, 100)]
    few = feature_statistics(
        tiny_model,
        tiny_sae,
        rows,
        n_seqs=2,
        is_cancelled=lambda: True,
        on_progress=lambda *at: seen.append(at),
    )
    assert few.n_tokens == 58
    with pytest.raises(ValueError, match="no token to count"):
        feature_statistics(tiny_model, tiny_sae, ["", ""])


def test_saved_and_loaded_they_are_the_same(statistics, tmp_path):
    statistics.labels = {3: "</script> 🙂 \u202e", 7: "cats"}
    loaded = FeatureStatistics.load(statistics.save(tmp_path / "features"))
    for name in ("n_tokens", "n_rows", "labels", "top_tokens", "about"):
        assert getattr(loaded, name) == getattr(statistics, name), name
    for name in ("density", "max_act", "mean_act", "histogram", "bin_width", "moments", "design_effect", "neurons"):
        assert torch.equal(getattr(loaded, name), getattr(statistics, name)), name
    for name in ("top_contexts", "random_contexts", "interval_contexts"):
        assert dict(getattr(loaded, name)) == dict(getattr(statistics, name)), name
    for feature in statistics.top_contexts:
        assert loaded.groups(feature) == statistics.groups(feature)
        assert loaded.sample.correlated(feature) == statistics.sample.correlated(feature)
    again = FeatureStatistics.load(loaded.save(tmp_path / "again"))
    assert dict(again.top_contexts) == dict(statistics.top_contexts)


def test_contexts_made_by_hand_are_saved_too(statistics, tmp_path):
    one = FeatureContext([4, 5, 6], [0.0, 1.0, 3.0], 2)
    two = FeatureContext([7, 8], [2.0, 0.5], 0)
    statistics.top_contexts, statistics.random_contexts, statistics.interval_contexts = {3: [one, two]}, None, None
    statistics.sample = None
    loaded = FeatureStatistics.load(statistics.save(tmp_path))
    found = [(c.tokens, c.acts, c.position) for c in loaded.top_contexts[3]]
    assert found == [(one.tokens, one.acts, 2), (two.tokens, two.acts, 0)]
    assert (loaded.random_contexts, loaded.interval_contexts, loaded.sample) == (None, None, None)


FILES = ["contexts.arrow", "statistics.json", "statistics.safetensors"]


def test_damaged_files_are_refused(statistics, tmp_path):
    with pytest.raises(FileNotFoundError, match="No feature statistics"):
        FeatureStatistics.load(tmp_path)
    statistics.save(tmp_path)
    weights, texts = tmp_path / "statistics.safetensors", tmp_path / "statistics.json"
    whole = weights.read_bytes()
    weights.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match="are damaged"):
        FeatureStatistics.load(tmp_path)
    weights.write_bytes(whole)
    texts.write_text('{"format": 1, "n_tokens": ')
    with pytest.raises(ValueError, match="are damaged"):
        FeatureStatistics.load(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == FILES
    statistics.save(tmp_path)
    before = (tmp_path / "contexts.arrow").read_bytes()
    statistics.save(tmp_path)
    (tmp_path / "contexts.arrow").write_bytes(before)  # as after a cut between two files
    with pytest.raises(ValueError, match="of another gathering"):
        FeatureStatistics.load(tmp_path)


def test_known_statistics_lie_beside_the_sae(statistics, tmp_path):
    sae = tiny_topk(HOOK)
    assert known_statistics(sae) is None
    sae.save_model(tmp_path)
    assert known_statistics(sae) is None
    statistics.save(tmp_path / "features")
    assert known_statistics(sae).n_tokens == statistics.n_tokens
    other = tiny_topk(HOOK, d_sae=8)
    other.folder = tmp_path
    with pytest.raises(ValueError, match="an SAE with 40 features, this one has 8"):
        known_statistics(other)


def test_search_looks_at_labels_tokens_and_numbers(statistics):
    statistics.labels = {3: "Cats and dogs", 9: "dogs", 11: "recipes <b>"}
    statistics.density[9] = statistics.density[3] + 0.1
    assert statistics.search("dogs")[:2] == [9, 3]
    assert statistics.search("dogs cats")[0] == 3
    assert statistics.search("#11")[0] == statistics.search("11")[0] == 11
    assert statistics.search("<B>") == [11]
    assert statistics.search("dogs", limit=1) == [9]
    assert statistics.search("  ") == statistics.search("nothing like this") == []
    feature, tokens = next((f, t) for f, t in statistics.top_tokens.items() if t[0].strip().isalpha())
    assert feature in statistics.search(tokens[0])


@pytest.mark.parametrize("which", ["tiny_model", "tiny_gpt2_model"])
def test_logit_effects_by_hand(which, tiny_sae, request):
    model = request.getfixturevalue(which)
    row = tiny_sae.W_dec[5].detach()
    row = row - row.mean() if which == "tiny_gpt2_model" else row
    by_hand = (row * model.wrapped.ln_final.weight.detach()) @ model.W_U.detach()
    by_hand = by_hand - by_hand.mean()
    found = logit_effects(model, tiny_sae, 5, k=4)
    torch.testing.assert_close(found.effects, by_hand, atol=1e-5, rtol=1e-5)
    assert [t.token_id for t in found.promoted] == by_hand.topk(4).indices.tolist()
    assert [t.token_id for t in found.suppressed] == (-by_hand).topk(4).indices.tolist()
    assert found.suppressed[0].effect < 0 < found.promoted[0].effect
    with pytest.raises(ValueError, match="No feature 40"):
        logit_effects(model, tiny_sae, 40)


def test_logit_effects_need_the_residual_stream(tiny_model):
    with pytest.raises(NotImplementedError, match="no direct effect"):
        logit_effects(tiny_model, tiny_topk("blocks.0.mlp.hook_post", d_in=32), 5)
