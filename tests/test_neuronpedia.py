"""Links, labels and lists of Neuronpedia, with a server on the loopback in its place."""

import webbrowser

import pytest

from sae_widgets.architectures import TopKSAEConfig
from sae_widgets.neuronpedia import (
    NeuronpediaActivation,
    NeuronpediaFeature,
    get_neuronpedia_feature,
    get_neuronpedia_quick_list,
    make_neuronpedia_list_with_features,
    neuronpedia_explanations,
    neuronpedia_labels,
    neuronpedia_url,
    open_neuronpedia_feature_dashboard,
)
from sae_widgets.neuronpedia import test_key as check_key
from sae_widgets.neuronpedia_json import neuronpedia_statistics
from sae_widgets.sae import SAEMetadata
from tests.neuronpedia_stand_in import KEY, neuronpedia
from tests.tiny_sae import random_sae

ID = "gpt2-small/8-res-jb"


@pytest.fixture
def stand_in():
    with neuronpedia() as server:
        yield server


@pytest.fixture
def sae():
    return random_sae(TopKSAEConfig, metadata=SAEMetadata(model_name="gpt2", neuronpedia_id=ID))


@pytest.fixture
def explained(stand_in):
    """A stand-in that exports explanations by two models, in three batches and two pages of its listing."""
    by = {"explanationModelName": "gpt-4o-mini", "typeName": "oai_token-act-pair"}
    stand_in.export(f"{ID}/explanations/batch-0.jsonl.gz", [{"index": "3", "description": " dogs", **by}])
    stand_in.export(f"{ID}/explanations/batch-1.jsonl.gz", [{"index": "4", "description": "cats", **by}])
    others = [
        {"index": 3, "description": "hounds", "explanationModelName": "claude"},
        {"index": 7, "description": "birds", "explanationModelName": "claude"},
        {"index": 8, "description": "", "explanationModelName": "claude"},
        {"index": "x", "description": "no number"},
    ]
    stand_in.export(f"{ID}/explanations-claude/batch-0.jsonl.gz", others)
    stand_in.export(f"{ID}/features/batch-0.jsonl.gz", [{"index": "3"}])
    stand_in.export(f"{ID}x/explanations/batch-0.jsonl.gz", [{"index": "9", "description": "of another source"}])
    return stand_in


# -- links ------------------------------------------------------------------------------------------------------------


def test_links_are_made_without_a_browser_or_a_network(sae, monkeypatch):
    opened = []
    monkeypatch.setattr(webbrowser, "open", opened.append)
    assert neuronpedia_url(sae, 12) == "https://neuronpedia.org/gpt2-small/8-res-jb/12"
    assert sae.neuronpedia_url(12) == neuronpedia_url(sae, 12)
    assert neuronpedia_url(ID) == "https://neuronpedia.org/gpt2-small/8-res-jb"
    url = get_neuronpedia_quick_list(sae, [1, 2], "a & b")
    assert url.startswith("https://neuronpedia.org/quick-list/?name=a%20%26%20b&features=")
    assert "%22layer%22%3A%20%228-res-jb%22%2C%20%22index%22%3A%20%221%22" in url
    assert opened == []
    assert open_neuronpedia_feature_dashboard(sae, 12) == neuronpedia_url(sae, 12)
    assert opened == [neuronpedia_url(sae, 12)]


@pytest.mark.parametrize("bad", ["gpt2", "a/b/c", "../x", "a/b?c=d", "a/b#", "javascript:alert(1)/x", "a/..", "a/b\n"])
def test_an_id_that_leads_elsewhere_is_refused(bad):
    with pytest.raises(ValueError, match="no Neuronpedia id"):
        neuronpedia_url(bad, 1)


def test_an_sae_without_an_id_says_what_to_do():
    with pytest.raises(ValueError, match=r"no Neuronpedia id.*cfg.metadata.neuronpedia_id = "):
        neuronpedia_url(random_sae(TopKSAEConfig), 1)


def test_a_feature_that_is_not_there_has_no_link(sae):
    with pytest.raises(ValueError, match="No feature 20; the SAE has 20, from 0"):
        neuronpedia_url(sae, 20)


# -- explanations -----------------------------------------------------------------------------------------------------


def test_labels_are_the_explanations_of_whoever_explained_most(explained, sae, tmp_path):
    client = explained.client(tmp_path)
    assert neuronpedia_labels(sae, client=client) == {3: "hounds", 4: "cats", 7: "birds"}
    assert neuronpedia_labels(sae, client=client, explainer="GPT-4o") == {3: "dogs", 4: "cats", 7: "birds"}
    with pytest.raises(ValueError, match=r"No explanations by 'llama'.*By: claude, gpt-4o-mini"):
        neuronpedia_labels(sae, client=client, explainer="llama")


def test_labels_are_downloaded_once_and_then_read_from_this_machine(explained, sae, tmp_path):
    client = explained.client(tmp_path)
    first = neuronpedia_labels(sae, client=client)
    explained.requests.clear()
    assert neuronpedia_labels(ID, client=client) == first
    assert explained.requests == []
    explained.export(f"{ID}/explanations/batch-1.jsonl.gz", [{"index": "5", "description": "new"}])
    assert 5 in neuronpedia_labels(sae, client=client, refresh=True)


def test_a_damaged_cache_is_downloaded_again(explained, sae, tmp_path):
    client = explained.client(tmp_path)
    first = neuronpedia_explanations(sae, client=client)
    (client.folder(ID) / "explanations.json").write_text('[{"feature": 1')
    assert neuronpedia_explanations(sae, client=client) == first


def test_a_damaged_download_leaves_nothing_behind(explained, sae, tmp_path):
    key = f"v1/{ID}/explanations/batch-0.jsonl.gz"
    explained.files[key] = explained.files[key][:-6]
    with pytest.raises(ValueError, match="damaged"):
        neuronpedia_labels(sae, client=explained.client(tmp_path))
    assert not list(tmp_path.rglob("*.*"))


def test_explanations_of_a_larger_sae_are_refused(explained, tmp_path):
    small = random_sae(TopKSAEConfig, d_sae=6, metadata=SAEMetadata(neuronpedia_id=ID))
    with pytest.raises(ValueError, match=r"explains feature 7 .* but this SAE has 6 features"):
        neuronpedia_labels(small, client=explained.client(tmp_path))


def test_a_source_without_explanations_names_its_page(stand_in, sae, tmp_path):
    with pytest.raises(ValueError, match=r"exports no explanations of 'gpt2-small/8-res-jb'.*neuronpedia\.org/gpt2"):
        neuronpedia_labels(sae, client=stand_in.client(tmp_path))


def test_statistics_of_all_features_are_downloaded_once(explained, sae, tmp_path):
    bars = {"freq_hist_data_bar_values": [0.5, 1.5], "freq_hist_data_bar_heights": [3, 1]}
    rows = [{"index": "3", "maxActApprox": 1.9, "frac_nonzero": 0.25, **bars}]
    explained.export(f"{ID}/features/batch-0.jsonl.gz", rows)
    client = explained.client(tmp_path)
    first = neuronpedia_statistics(sae, client=client)
    assert first.d_sae == sae.cfg.d_sae
    assert first.labels == neuronpedia_labels(sae, client=client)
    assert (first.density[3], first.bin_width[3]) == (0.25, 1.0)
    assert first.histogram[3].tolist() == [3.0, 1.0]
    explained.requests.clear()
    again = neuronpedia_statistics(sae, client=client)
    assert explained.requests == []
    assert again.labels == first.labels
    assert again.max_act.tolist() == first.max_act.tolist()
    small = random_sae(TopKSAEConfig, d_sae=6, metadata=SAEMetadata(neuronpedia_id=ID))
    with pytest.raises(ValueError, match="names feature 7; the SAE has 6"):
        neuronpedia_statistics(small, client=client)


# -- troubles ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("refusal", [(429, {"Retry-After": "0"}), (503, {}), (500, {})])
def test_passing_troubles_are_waited_for(explained, sae, tmp_path, refusal):
    explained.n_refusals, explained.refusal = 2, refusal
    assert neuronpedia_labels(sae, client=explained.client(tmp_path))[4] == "cats"


def test_a_rate_limit_that_stays_says_when_to_come_back(stand_in, sae, tmp_path):
    stand_in.n_refusals, stand_in.refusal = 100, (429, {"Retry-After": "3600"})
    with pytest.raises(ConnectionError, match=r"too many requests \(429\); come back in 3600 s"):
        neuronpedia_labels(sae, client=stand_in.client(tmp_path))
    assert len(stand_in.requests) == 1


def test_no_network_is_said(stand_in, sae, tmp_path):
    client = stand_in.client(tmp_path, n_tries=2)
    stand_in.url = ""
    unreachable = type(client)("http://127.0.0.1:9", "http://127.0.0.1:9", tmp_path, client.web)
    with pytest.raises(ConnectionError, match=r"127.0.0.1:9 cannot be reached .*is this machine online"):
        neuronpedia_labels(sae, client=unreachable)


# -- the API ----------------------------------------------------------------------------------------------------------


def test_a_feature_is_fetched_by_saelens_names(stand_in, tmp_path):
    stand_in.features["gpt2-small/8-res-jb/12"] = {"index": "12", "explanations": [{"description": "dogs"}]}
    found = get_neuronpedia_feature(12, 8, client=stand_in.client(tmp_path))
    assert found == {"index": 12, "explanations": [{"description": "dogs"}]}
    with pytest.raises(ValueError, match=r"has no /api/feature/gpt2-small/8-res-jb/13 \(404\)"):
        get_neuronpedia_feature(13, 8, client=stand_in.client(tmp_path))


def test_a_list_is_made_with_the_right_key_only(stand_in, tmp_path, monkeypatch):
    monkeypatch.setattr(webbrowser, "open", lambda url: pytest.fail("opened a browser"))
    client = stand_in.client(tmp_path)
    features = [NeuronpediaFeature("gpt2-small", 8, "res-jb", 12, "dogs")]
    assert make_neuronpedia_list_with_features(KEY, "mine", features, client=client) == f"{stand_in.url}/list/1"
    assert stand_in.lists[0]["features"] == [
        {"modelId": "gpt2-small", "layer": "8-res-jb", "index": 12, "description": "dogs"}
    ]
    with pytest.raises(PermissionError, match=r"\(401\): is the key right\?.*Invalid API Key"):
        make_neuronpedia_list_with_features("wrong", "mine", features, client=client)
    with pytest.raises(ValueError, match="did not make the list 'mine': A list needs features"):
        make_neuronpedia_list_with_features(KEY, "mine", [], client=client)


def test_a_key_is_tested(stand_in, tmp_path):
    check_key(KEY, client=stand_in.client(tmp_path))
    with pytest.raises(PermissionError, match="does not accept this API key"):
        check_key("wrong", client=stand_in.client(tmp_path))


def test_activating_text_is_one_with_a_positive_activation():
    feature = NeuronpediaFeature("gpt2-small", 8, "res-jb", 1)
    assert not feature.has_activating_text()
    feature.activations = [NeuronpediaActivation("a", [" x"], [0.0])]
    assert not feature.has_activating_text()
    feature.activations.append(NeuronpediaActivation("b", [" x", " y"], [0.0, 0.5]))
    assert feature.has_activating_text()
