"""Feature statistics in one pass equal statistics by brute force, and survive the disk."""

import pytest
import torch

from sae_widgets.features.gathering import FeaturePass, Histogram, token_rows
from sae_widgets.features.statistics import FeatureStatistics, feature_statistics, known_statistics, logit_effects
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
    return feature_statistics(tiny_model, tiny_sae, rows, n_seqs=4, n_top=3)


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
    at_once = feature_statistics(tiny_model, tiny_sae, rows, n_seqs=23, n_top=3)
    for name in ("density", "max_act", "mean_act", "histogram", "bin_width"):
        torch.testing.assert_close(getattr(at_once, name), getattr(statistics, name), atol=1e-5, rtol=1e-5)
    for feature, contexts in at_once.top_contexts.items():
        assert [c.tokens for c in contexts] == [c.tokens for c in statistics.top_contexts[feature]]


def test_histograms_are_exact_counts():
    histogram = Histogram(3)
    generator = torch.Generator().manual_seed(0)
    values = torch.rand(400, generator=generator).pow(3) * 100 + 1e-6
    features = torch.randint(0, 2, (400,), generator=generator)
    for part in range(0, 400, 7):
        histogram.add(features[part : part + 7], values[part : part + 7])
    for feature in (0, 1):
        width = float(histogram.widths[feature])
        expected = torch.bincount((values[features == feature] / width).long(), minlength=24)
        assert histogram.counts[feature].tolist() == expected.tolist()
        assert 12 * width <= float(values[features == feature].max()) < 24 * width
    assert histogram.counts[2].sum() == 0


def test_a_value_on_a_bins_edge_stays_inside():
    histogram = Histogram(1)
    histogram.add(torch.tensor([0]), torch.tensor([24.0]))
    histogram.add(torch.tensor([0]), torch.tensor([48.0]))
    assert histogram.counts.sum() == 2


def test_the_same_text_is_shown_once():
    gathered = FeaturePass(1, n_top=3, before=2, after=1)
    tokens = torch.tensor([[5, 6, 7, 8]] * 4 + [[1, 2, 3, 4]])
    acts = torch.zeros(5, 4, 1)
    acts[:4, 2], acts[4, 1] = 2.0, 1.0
    gathered.add(tokens, acts, torch.ones(5, 4, dtype=torch.bool))
    assert gathered.contexts() == {
        0: [([5, 6, 7, 8], [0.0, 0.0, 2.0, 0.0], 2), ([1, 2, 3], [0.0, 1.0, 0.0], 1)],
    }


def test_texts_are_cut_into_rows_of_their_own(tiny_model, tiny_sae):
    batches = list(token_rows(tiny_model, tiny_sae, DOCUMENTS, n_seqs=2))
    assert all(len(batch) <= 2 and batch.shape[1] <= 48 and not batch[:, 0].any() for batch in batches)
    rows = [row[1:].tolist() for batch in batches for row in batch]
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
        is_cancelled=lambda: len(seen) > 2,
        on_progress=lambda *at: seen.append(at),
    )
    assert few.n_tokens == 58
    with pytest.raises(ValueError, match="no token to count"):
        feature_statistics(tiny_model, tiny_sae, ["", ""])


def test_saved_and_loaded_they_are_the_same(statistics, tmp_path):
    statistics.labels = {3: "</script> 🙂 \u202e", 7: "cats"}
    loaded = FeatureStatistics.load(statistics.save(tmp_path / "features"))
    assert loaded.n_tokens == statistics.n_tokens
    assert loaded.labels == statistics.labels
    assert loaded.top_tokens == statistics.top_tokens
    for name in ("density", "max_act", "mean_act", "histogram", "bin_width"):
        assert torch.equal(getattr(loaded, name), getattr(statistics, name)), name
    for feature, contexts in statistics.top_contexts.items():
        for ours, theirs in zip(contexts, loaded.top_contexts[feature], strict=True):
            assert (ours.tokens, ours.position) == (theirs.tokens, theirs.position)
            assert theirs.acts == pytest.approx(ours.acts, rel=1e-3, abs=1e-3 * float(statistics.max_act[feature]))


def test_they_are_small(tiny_sae, statistics, tmp_path):
    folder = statistics.save(tmp_path)
    n_contexts = sum(map(len, statistics.top_contexts.values()))
    # 24 tokens of 2 bytes and a few activations each, 60 bytes of histogram and sums a feature
    assert (folder / "statistics.safetensors").stat().st_size < 80 * n_contexts + 70 * 40 + 1500


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
    assert sorted(path.name for path in tmp_path.iterdir()) == ["statistics.json", "statistics.safetensors"]


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
    torch.testing.assert_close(found.effects, by_hand, atol=1e-4, rtol=1e-3)
    assert [t.token_id for t in found.promoted] == by_hand.topk(4).indices.tolist()
    assert [t.token_id for t in found.suppressed] == (-by_hand).topk(4).indices.tolist()
    assert found.suppressed[0].effect < 0 < found.promoted[0].effect
    with pytest.raises(ValueError, match="No feature 40"):
        logit_effects(model, tiny_sae, 40)


def test_logit_effects_need_the_residual_stream(tiny_model):
    with pytest.raises(NotImplementedError, match="no direct effect"):
        logit_effects(tiny_model, tiny_topk("blocks.0.mlp.hook_post", d_in=32), 5)
