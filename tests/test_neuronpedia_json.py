"""Features as SAEDashboard and Neuronpedia write them: out, in, and out again."""

import gzip
import json

import pytest
import torch

from sae_widgets.features.contexts import FeatureContext
from sae_widgets.features.statistics import FeatureStatistics
from sae_widgets.features.survey import feature_statistics
from sae_widgets.neuronpedia_json import read_features, read_neuronpedia
from sae_widgets.neuronpedia_writing import _by_head, write_neuronpedia
from sae_widgets.token_text import token_texts

TEXTS = [
    "The cat sat on the mat, and then the dog ran under the tree.",
    "It was night — naïve 🙂 owls.",
    "The dog ran. " * 3,
]

# A feature as SAEDashboard writes it, with NaN where it divides by zero.
DASHBOARD = """{"model_id": "gpt2-small", "layer": 8, "sae_set": "res-jb", "features": [{"feature_index": 2,
"neg_str": [" a"], "neg_values": [-1.0], "pos_str": [" b"], "pos_values": [1.0], "frac_nonzero": 0.25,
"freq_hist_data_bar_values": [1.5, 2.5, 3.5], "freq_hist_data_bar_heights": [4.0, 0.0, 2.0], "n_prompts_total": 10,
"n_tokens_in_prompt": 4, "dataset": "x", "correlated_neurons_pearson": [NaN], "decoder_weights_dist": [],
"activations": [
{"bin_min": -1, "bin_max": 4.0, "bin_contains": -1, "tokens": ["The", " dog"], "values": [0.5, 4.0]},
{"bin_min": 0, "bin_max": 1.0, "bin_contains": 0.5, "tokens": [" dog", "."], "values": [1.0, NaN]},
{"bin_min": -1, "bin_max": 4.0, "bin_contains": -1, "tokens": ["The", " dog"], "values": [0.5, 4.0]}]}]}"""


@pytest.fixture
def statistics(tiny_model, tiny_sae):
    found = feature_statistics(tiny_model, tiny_sae, TEXTS, n_top=3)
    fired = found.density.nonzero()[:, 0].tolist()
    found.labels.update({fired[0]: "dogs <b>", fired[1]: "naïve 🙂"})
    return found


def test_what_is_written_is_read_again(tmp_path, tiny_model, tiny_sae, statistics):
    files = write_neuronpedia(tmp_path, statistics, tiny_sae, tiny_model, dataset="mine")
    assert [path.relative_to(tmp_path).as_posix() for path in files] == [
        *("run_settings.json", "skipped_indexes.json", "batch-0.json", "explanations/batch-0.jsonl.gz")
    ]
    again = read_neuronpedia(tmp_path, d_sae=tiny_sae.cfg.d_sae, tokenizer=tiny_model.tokenizer)
    assert again.labels == statistics.labels
    assert again.n_tokens == statistics.n_tokens
    for name in ("density", "max_act", "bin_width"):
        torch.testing.assert_close(getattr(again, name), getattr(statistics, name), rtol=1e-4, atol=1e-6)
    n_bins = again.histogram.shape[1]
    assert torch.equal(again.histogram, statistics.histogram[:, :n_bins])
    # A window of tokens may cut a character in two; no text says which tokens those were.
    texts = {
        feature: [token_texts(tiny_model.tokenizer, context.tokens) for context in contexts]
        for feature, contexts in statistics.top_contexts.items()
    }
    is_cut = {feature for feature, windows in texts.items() if any("\\x" in "".join(window) for window in windows)}
    assert again.top_contexts.keys() >= statistics.top_contexts.keys() - is_cut
    assert any("🙂" in window for feature in again.top_contexts for window in texts[feature])
    for feature in statistics.top_contexts.keys() - is_cut:
        contexts, before = again.top_contexts[feature], statistics.top_contexts[feature]
        assert [each.tokens for each in contexts] == [each.tokens for each in before]
        assert [each.max_act for each in contexts] == pytest.approx([each.max_act for each in before], rel=1e-4)
    assert again.search("dogs") == statistics.search("dogs")


def test_the_file_has_saedashboards_fields(tmp_path, tiny_model, tiny_sae, statistics):
    write_neuronpedia(tmp_path, statistics, tiny_sae, tiny_model, features=list(statistics.top_contexts)[:1])
    batch = json.loads((tmp_path / "batch-0.json").read_text())
    assert set(batch) == {"model_id", "layer", "sae_set", "sae_id_suffix", "features"}
    assert (batch["layer"], batch["sae_set"]) == (1, "hook_resid_pre")
    # What SAEDashboard's NeuronpediaDashboardFeature and its activations take, no more.
    taken = (
        "feature_index neuron_alignment_indices neuron_alignment_values neuron_alignment_l1 correlated_neurons_indices"
    )
    taken += " correlated_neurons_l1 correlated_neurons_pearson correlated_features_indices correlated_features_l1"
    taken += " correlated_features_pearson neg_str neg_values pos_str pos_values frac_nonzero freq_hist_data_bar_values"
    taken += " freq_hist_data_bar_heights logits_hist_data_bar_heights logits_hist_data_bar_values n_prompts_total"
    taken += " n_tokens_in_prompt dataset activations decoder_weights_dist vector"
    (feature,) = batch["features"]
    assert set(feature) == set(taken.split())
    assert len(feature["pos_str"]) == len(feature["neg_values"]) == 10
    assert feature["pos_values"] == sorted(feature["pos_values"], reverse=True)
    assert sum(feature["logits_hist_data_bar_heights"]) == 300
    direction = tiny_sae.W_dec[feature["feature_index"]]
    assert feature["neuron_alignment_indices"][0] == int(direction.argmax())
    taken = "bin_min bin_max bin_contains tokens values qualifying_token_index"
    assert set(feature["activations"][0]) == set(taken.split())
    assert feature["correlated_features_indices"] == [
        each.feature for each in statistics.sample.correlated(feature["feature_index"], 3)
    ]
    groups = {each["bin_min"] for each in feature["activations"]}
    assert len(groups) > 1
    for each in feature["activations"]:
        act = each["values"][each["qualifying_token_index"]]
        assert each["bin_min"] <= act <= each["bin_max"] * (1 + 1e-5)
    skipped = json.loads((tmp_path / "skipped_indexes.json").read_text())["skipped_indexes"]
    assert len(skipped) == tiny_sae.cfg.d_sae - 1
    assert feature["feature_index"] not in skipped


def test_a_feature_has_its_direction_and_what_each_head_has_of_it(
    tmp_path, tiny_model, tiny_sae, statistics, monkeypatch
):
    feature = next(iter(statistics.top_contexts))
    row = tiny_sae.W_dec[feature].detach()
    write_neuronpedia(tmp_path, statistics, tiny_sae, tiny_model, features=[feature])
    written = json.loads((tmp_path / "batch-0.json").read_text())["features"][0]
    assert written["vector"] == pytest.approx(row.tolist(), rel=1e-5)
    assert written["decoder_weights_dist"] == []  # no heads in the residual stream
    monkeypatch.setattr(tiny_sae.cfg.metadata, "hook_name", "blocks.1.attn.hook_z")
    shares = row.float().reshape(tiny_model.cfg.n_heads, -1).norm(dim=1)
    assert _by_head(tiny_sae, tiny_model, feature) == pytest.approx((shares / shares.sum()).tolist(), rel=1e-5)


def test_saedashboards_file_is_read(tmp_path, tiny_model):
    (tmp_path / "batch-0.json").write_text(DASHBOARD)
    found = read_neuronpedia(tmp_path / "batch-0.json", tokenizer=tiny_model.tokenizer)
    assert found.d_sae == 3
    assert found.n_tokens == 40
    assert found.density.tolist() == [0.0, 0.0, 0.25]
    assert found.max_act.tolist() == [0.0, 0.0, 4.0]
    assert found.bin_width[2] == 1.0
    assert found.histogram[2].tolist() == [0.0, 4.0, 0.0, 2.0]
    assert found.mean_act[2] == pytest.approx((1.5 * 4 + 3.5 * 2) / 6)
    assert found.top_tokens == {2: [" dog"]}
    assert [context.acts for context in found.top_contexts[2]] == [[0.5, 4.0]]
    (low, high, share) = read_features(tmp_path / "batch-0.json")[2].contexts[1].group
    assert (low, high, share) == (0.0, 1.0, 0.5)
    assert read_neuronpedia(tmp_path).top_contexts == {}


def test_neuronpedias_exports_are_read(tmp_path):
    def write(name, rows):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_bytes(gzip.compress("\n".join(map(json.dumps, rows)).encode()))

    write("features/batch-0.jsonl.gz", [{"index": "1", "maxActApprox": 9.5, "frac_nonzero": 0.5}])
    write("activations/batch-0.jsonl.gz", [{"index": "1", "tokens": ["a", "b"], "values": [1, 3], "maxValue": 3}])
    write("explanations/batch-0.jsonl.gz", [{"index": "1", "description": "second letters"}])
    (tmp_path / "source.jsonl").write_text('{"id": "8-res-jb", "num_prompts": 3}\n')
    found = read_neuronpedia(tmp_path, d_sae=4)
    assert found.max_act.tolist() == [0.0, 9.5, 0.0, 0.0]
    assert found.density[1] == 0.5
    assert found.top_tokens == {1: ["b"]}
    assert found.labels == {1: "second letters"}


def test_an_answer_of_the_api_is_read(tmp_path):
    answer = {"modelId": "gpt2-small", "layer": "8-res-jb", "index": "0", "frac_nonzero": 0.1, "maxActApprox": 2.0}
    answer |= {"explanations": [{"description": "dogs"}, {"description": "cats"}], "activations": None}
    (tmp_path / "feature.json").write_text(json.dumps(answer))
    found = read_neuronpedia(tmp_path / "feature.json")
    assert found.labels == {0: "dogs"}
    assert found.max_act.tolist() == [2.0]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"features": [{"feature_index": 1', "not JSON.*cut off"),
        ("{}", "holds no features"),
        ("[1, 2]", "holds no features"),
        ('{"feature_index": "x", "frac_nonzero": 0.1}', "damaged: invalid literal"),
        ('{"index": 1, "tokens": ["a"], "values": [1, 2]}', "damaged: 1 tokens have 2 values"),
        ('{"index": 9, "frac_nonzero": 0.1}', "names feature 9; the SAE has 3"),
        ('{"index": -1, "frac_nonzero": 0.1}', "names feature -1"),
    ],
)
def test_damaged_files_are_explained(tmp_path, text, message):
    (tmp_path / "x.json").write_text(text)
    with pytest.raises(ValueError, match=message):
        read_neuronpedia(tmp_path / "x.json", d_sae=3)


def test_statistics_of_another_sae_are_refused(tmp_path, tiny_model, tiny_sae):
    zeros = torch.zeros(3)
    other = FeatureStatistics(1, zeros, zeros, zeros, torch.zeros(3, 2), zeros, {1: [FeatureContext([1], [1.0], 0)]})
    with pytest.raises(ValueError, match="of 3 features, the SAE has"):
        write_neuronpedia(tmp_path, other, tiny_sae, tiny_model)
    with pytest.raises(FileNotFoundError, match="No file or folder"):
        read_neuronpedia(tmp_path / "none.json")
