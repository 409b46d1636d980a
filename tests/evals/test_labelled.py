"""Probing, perturbation and absorption where the right answer is planted."""

import math

import pytest
import torch

from sae_widgets.architectures import JumpReLUSAEConfig, TopKSAEConfig
from sae_widgets.evals.absorption import Words, absorbed, absorption_of_words, feature_absorption, main_features
from sae_widgets.evals.labelled import LabelledRows, Probe, accuracy, fit_probe, labelled_rows
from sae_widgets.evals.perturbation import concept_features, perturbed_probes, removed_correlations, without
from sae_widgets.evals.sparse_probing import probe_rows, sparse_probing
from sae_widgets.sae import SAE
from tests.evals.test_evaluation import HOOK, random_sae
from tests.tiny_lm import WORDS, TinyLM, sentences

N_KINDS, N_ROWS, D_IN = 5, 40, 24


def planted(seed=0, mixes=False):
    """Kinds with a feature each, on directions of their own, among noise; or, mixed, features that say nothing."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.arange(N_KINDS).repeat_interleave(N_ROWS)
    acts = torch.rand(len(labels), 12, generator=generator) * 0.2
    W_dec = torch.eye(12, D_IN)
    acts[torch.arange(len(labels)), labels] += 2.0
    x = acts @ W_dec
    if mixes:
        acts = acts[torch.randperm(len(acts), generator=generator)]
    documents = torch.arange(len(labels)) // 4
    kinds = [f"kind {i}" for i in range(N_KINDS)]
    return LabelledRows(x, acts, labels, documents, documents % 2 == 1, kinds), W_dec


def test_a_probe_is_the_minimum_of_its_loss():
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(60, 3, generator=generator, dtype=torch.float64) * torch.tensor([1.0, 5.0, 0.1]) + 3
    is_so = (x[:, 0] + 0.3 * x[:, 1] + torch.randn(60, generator=generator)) > 4
    probe = fit_probe(x, is_so)
    z = (x - x.mean(0)) / x.std(0)
    weight = (probe.weight * x.std(0)).requires_grad_()
    bias = torch.tensor(probe.bias + float(probe.weight @ x.mean(0)), dtype=torch.float64, requires_grad=True)
    y = is_so.double() * 2 - 1
    loss = torch.nn.functional.softplus(-y * (z @ weight + bias)).sum() + weight.pow(2).sum() / 2
    loss.backward()
    assert weight.grad.abs().max() < 1e-4
    assert abs(bias.grad) < 1e-4
    assert torch.allclose(probe.logits(x), z @ weight.detach() + bias.detach())
    with pytest.raises(ValueError, match="rows of both kinds; all 60 are of one"):
        fit_probe(x, is_so | True)


def test_one_planted_feature_tells_a_kind_and_features_that_say_nothing_do_not():
    result = probe_rows(planted()[0], ks=(1, 2))
    assert result["sparse_probing_top_1"] == result["probing_raw"] == 1.0
    assert [each["feature"] for each in result.facts["by_kind"].values()] == list(range(N_KINDS))
    mixed = probe_rows(planted(mixes=True)[0], ks=(1, 2))
    assert mixed["probing_raw"] == 1.0
    assert 0.3 < mixed["sparse_probing_top_1"] < 0.7
    low, high = mixed.intervals["sparse_probing_top_1"]
    assert low < 0.5 < high


def test_an_accuracy_has_documents_as_clusters():
    is_right = torch.tensor([True, True, False, True])
    value, evidence = accuracy(is_right, torch.tensor([7, 7, 9, 9]))
    assert value == 0.75
    assert evidence.replicates.tolist() == [0.5, 1.0]


def test_a_concept_on_its_own_features_is_taken_out_alone():
    rows, W_dec = planted()
    result = perturbed_probes(rows, W_dec, n_features=(1,))
    # The own probe falls to chance, which is half of its rows: those of the kind.
    assert result["probe_accuracy"] == 1.0
    assert result["tpp_top_1_intended"] == pytest.approx(0.5)
    assert result["tpp_top_1_others"] < 0.1
    assert result["tpp_top_1"] == pytest.approx(result["tpp_top_1_intended"] - result["tpp_top_1_others"])
    mixed, _ = planted(mixes=True)
    assert abs(perturbed_probes(mixed, W_dec, n_features=(1,))["tpp_top_1"]) < 0.1


def test_features_of_a_concept_are_ranked_by_difference_times_effect():
    acts = torch.tensor([[1.0, 2.0, 0.0], [1.0, 4.0, 1.0], [0.0, 0.0, 5.0], [0.0, 0.0, 0.0]])
    is_concept = torch.tensor([True, True, False, False])
    W_dec = torch.tensor([[3.0, 0.0], [1.0, 0.0], [1.0, 0.0]])
    # differences 1, 3, -2; effects on the probe 3, 1, 1
    probe = Probe(torch.tensor([1.0, 0.0], dtype=torch.float64), 0.0)
    assert concept_features(acts, is_concept, W_dec, probe, 3).tolist() in ([0, 1, 2], [1, 0, 2])
    W_dec[0, 0] = 4.0
    assert concept_features(acts, is_concept, W_dec, probe, 3).tolist() == [0, 1, 2]
    x = torch.zeros(4, 2)
    assert without(x, acts, torch.tensor([0, 2]), W_dec).tolist() == [[-4.0, 0.0], [-5.0, 0.0], [-5.0, 0.0], [0.0, 0.0]]


def test_a_correlation_on_features_of_its_own_is_undone():
    rows, W_dec = planted()
    result = removed_correlations(rows, W_dec, n_features=(2,), n_tasks=6)
    assert result["accuracy_correlated"] < result["accuracy_balanced"] == 1.0
    assert result["scr_top_2"] > 0.9
    mixed, _ = planted(mixes=True)
    assert result["scr_top_2"] > removed_correlations(mixed, W_dec, n_features=(2,), n_tasks=6)["scr_top_2"] + 0.3
    few = LabelledRows(rows.x, rows.acts, rows.labels, rows.documents, rows.is_test, rows.kinds[:3])
    with pytest.raises(ValueError, match="four kinds of text; there are 3"):
        removed_correlations(few, W_dec)


def test_rows_of_text_are_means_over_their_tokens():
    sae, model = random_sae(), TinyLM()
    texts = {"one": sentences(12, seed=1), "other": sentences(12, seed=2)}
    rows = labelled_rows(sae, model, texts, rows_per_kind=8, n_tokens=6)
    assert rows.x.shape == (16, 16)
    assert rows.kinds == ["one", "other"]
    first = next(text for text in texts["one"] if len(text.split()) >= 6).split()[:6]
    with torch.no_grad():
        _, cache = model.run_with_cache(model.to_tokens(" ".join(first)), names_filter=[HOOK])
        acts = sae.encode(cache[HOOK][0, 1:])
    assert torch.allclose(rows.x[0], cache[HOOK][0, 1:].mean(0), atol=1e-6)
    assert torch.allclose(rows.acts[0], acts.mean(0), atol=1e-6)
    of_test = set(rows.documents[rows.is_test].tolist())
    assert of_test
    assert not of_test & set(rows.documents[~rows.is_test].tolist())
    balanced = rows.balanced(0, is_test=True)
    assert (rows.labels[balanced] == 0).double().mean() == 0.5
    result = sparse_probing(sae, model, texts, ks=(1,), rows_per_kind=8, n_tokens=6)
    assert 0 <= result["sparse_probing_top_1"] <= 1


def test_texts_that_cannot_be_told_apart_are_refused():
    sae, model = random_sae(), TinyLM()
    with pytest.raises(ValueError, match=r"at least two, got \['one'\]"):
        labelled_rows(sae, model, {"one": ["the cat sat"]})
    with pytest.raises(ValueError, match="Kind 'a' needs two documents of 32 tokens or more"):
        labelled_rows(sae, model, {"a": ["the cat"], "b": ["a dog"]})
    scaled = SAE.from_config(TopKSAEConfig(d_in=16, d_sae=32, k=4, normalize_activations="layer_norm"))
    with pytest.raises(NotImplementedError, match="TopKSAE scales each row by itself"):
        labelled_rows(scaled, model, {})


def test_a_word_whose_own_feature_carries_the_property_is_absorbed():
    direction = Probe(torch.tensor([2.0, 0.0, 0.0], dtype=torch.float64), 0.0)
    # the property's feature; a word's own with half of its length along it; one across
    W_dec = torch.tensor([[1.0, 0.0, 0.0], [0.5, 0.5, 0.0], [0.0, 0.0, 1.0]])
    acts = torch.tensor([[2.0, 0.0, 1.0], [0.0, 3.0, 0.0], [1.0, 4.0, 0.0], [0.0, 0.0, 5.0], [9.0, 1.0, 0.0]])
    fraction, full = absorbed(acts, torch.tensor([0]), direction, W_dec)
    # nothing; 1.5 of 1.5; 2 of 3; nothing along it at all; 0.5 of 9.5, too little to count
    assert fraction.tolist() == pytest.approx([0, 1, 2 / 3, 0, 0])
    assert full.tolist() == [False, True, False, False, False]


def words(n=200, share_absorbed=0.25, seed=0):
    """Half of them begin with a; of these some have a feature of their own instead of the letter's."""
    generator = torch.Generator().manual_seed(seed)
    is_a = torch.arange(n) % 2 == 0
    is_own = is_a & (torch.rand(n, generator=generator) < share_absorbed)
    acts = torch.zeros(n, 3)
    acts[is_a & ~is_own, 0] = 1.0
    acts[is_own, 1] = 1.0
    acts[:, 2] = torch.rand(n, generator=generator)
    W_dec = torch.tensor([[1.0, 0.0, 0.0], [0.8, 0.6, 0.0], [0.0, 0.0, 1.0]])
    texts = [("a" if a else "b") + "word" for a in is_a.tolist()]
    return Words(texts, acts @ W_dec + 0.01 * torch.randn(n, 3, generator=generator), acts), W_dec, is_own


def test_absorption_finds_the_planted_share():
    found, W_dec, is_own = words()
    properties = {"begins with a": lambda word: word[0] == "a", "is long": lambda word: len(word) > 9}
    result = absorption_of_words(found, W_dec, properties)
    assert list(result.facts["by_property"]) == ["begins with a"]
    assert result.facts["by_property"]["begins with a"]["features"][0] == 0
    order = torch.randperm(200, generator=torch.Generator().manual_seed(0))[140:]
    of_test = float(is_own[order].double().sum() / (order % 2 == 0).sum())
    if result["splitting"] == 1:
        assert result["absorption_full"] == pytest.approx(of_test, abs=1e-6)
        assert result["absorption_fraction"] == pytest.approx(of_test, abs=0.01)
    low, high = result.intervals["absorption_full"]
    assert low <= result["absorption_full"] <= high


def test_a_property_on_two_features_is_split():
    acts = torch.zeros(120, 4)
    is_so = torch.arange(120) % 2 == 0
    acts[0::4, 0] = 1.0
    acts[2::4, 1] = 1.0
    train, test = torch.arange(80), torch.arange(80, 120)
    features, score = main_features(acts, is_so, train, test)
    assert sorted(features.tolist()) == [0, 1]
    assert score == 1.0


def test_a_model_that_spells_nothing_is_said_to():
    found, W_dec, _ = words()
    with pytest.raises(ValueError, match=r"none of 1 properties of spelling here \(none has enough words"):
        absorption_of_words(found, W_dec, {"is long": lambda word: len(word) > 9})
    noise = torch.randn(200, 3, generator=torch.Generator().manual_seed(5))
    numbers = Words([str(i) for i in range(200)], noise, found.acts)
    with pytest.raises(ValueError, match=r"the best probe is for 'third' with F1 0\.\d\d, 0\.5 is needed"):
        absorption_of_words(numbers, W_dec, {"third": lambda word: int(word) % 3 == 0})


def test_absorption_needs_words_and_a_linear_decoder():
    model = TinyLM()
    model.tokenizer.decode = lambda ids: WORDS[ids[0] % len(WORDS)]
    with pytest.raises(ValueError, match="no token that is a space and a word"):
        feature_absorption(random_sae(), model)
    scaled = SAE.from_config(JumpReLUSAEConfig(d_in=16, d_sae=32, normalize_activations="layer_norm"))
    with pytest.raises(NotImplementedError, match="scales each row"):
        feature_absorption(scaled, TinyLM())


def test_absorption_reads_each_word_after_the_first_token():
    model, sae = TinyLM(), random_sae()
    model.tokenizer.decode = lambda ids: "<bos>" if ids[0] == 0 else f" {WORDS[ids[0] - 1]}"
    from sae_widgets.evals.absorption import single_words

    found = single_words(sae, model)
    assert found.texts == [word for word in WORDS if len(word) > 1]
    _, cache = model.run_with_cache(torch.tensor([[0, 1 + WORDS.index("cat")]]), names_filter=[HOOK])
    assert torch.allclose(found.x[found.texts.index("cat")], cache[HOOK][0, 1], atol=1e-6)
    assert not math.isnan(float(found.acts.sum()))
