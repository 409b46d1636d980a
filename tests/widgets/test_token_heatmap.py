"""The token heatmap: its numbers, its traits, its answers, its still pictures."""

import re
import xml.dom.minidom

import numpy as np
import pytest
import torch

from sae_widgets.features.statistics import FeatureStatistics
from sae_widgets.widgets._heatmap import MAX_SENT, from_rows
from sae_widgets.widgets._worker import Job
from sae_widgets.widgets.token_heatmap import TokenHeatmap

TOKENS = ["<bos>", "The", " cat", " sat", ".\n"]
VALUES = {7: [9.0, 0.0, 2.0, 0.0, 0.0], 3: [0.0, 1.0, 1.5, 0.0, 0.0], 5: [0.0, 0.0, 0.0, 0.5, 4.0]}
SPECIAL = [True, False, False, False, False]
HOSTILE = ["</script>", "<img src=x onerror=alert(1)>", "\u202eabc", "\ud800", "\0", "x" * 10_000]


def heatmap(**settings):
    return TokenHeatmap.from_data(TOKENS, VALUES, labels={7: "cats", 5: "ends"}, is_special=SPECIAL, **settings)


def floats(data):
    return np.frombuffer(data, np.float32)


def ints(data):
    return np.frombuffer(data, np.int32)


def test_data_is_plain_arrays():
    data = heatmap().data
    assert data.tokens == TOKENS
    assert data.column(7).tolist() == VALUES[7]
    features, values = data.top(2)
    assert features.tolist() == [[7, -1], [3, -1], [7, 3], [5, -1], [5, -1]]
    assert values[2].tolist() == [2.0, 1.5]
    assert data.to_dense()[:, [7, 3, 5]].T.tolist() == list(VALUES.values())


def test_the_summary_leaves_special_tokens_out_unless_asked():
    summary = heatmap().data.summary()
    assert summary["feature"].tolist() == [5, 7, 3]
    assert summary["peak"].tolist() == [4.0, 2.0, 1.5]
    assert summary["position"].tolist() == [4, 2, 2]
    assert summary["mean"].tolist() == [1.125, 0.5, 0.625]
    assert summary["count"].tolist() == [2, 1, 2]
    assert heatmap().data.summary(skip_special=False)["feature"].tolist() == [7, 5, 3]


def test_the_page_gets_every_activation_of_a_short_text():
    payload = heatmap().payload
    assert payload["is_complete"]
    assert ints(payload["starts"]).tolist() == [0, 1, 2, 4, 5, 6]
    assert ints(payload["features"]).tolist() == [7, 3, 7, 3, 5, 5]
    assert floats(payload["values"]).tolist() == [9.0, 1.0, 2.0, 1.5, 0.5, 4.0]
    assert payload["labels"] == {"7": "cats", "5": "ends"}


def test_a_long_text_sends_the_strongest_of_each_token_and_whole_columns_of_the_selection():
    rng = np.random.default_rng(0)
    n, k = 10_000, 16
    indices = np.argsort(rng.random((n, 64)), axis=1)[:, :k]
    values = rng.random((n, k)).astype(np.float32) + 0.01
    data = from_rows(
        [" a"] * n, indices, values, n_features=64, prompt="", token_ids=None, is_special=np.zeros(n, bool)
    )
    payload = data.payload(top_k=8)
    assert not payload["is_complete"]
    assert len(floats(payload["values"])) == MAX_SENT
    starts, sent = ints(payload["starts"]), floats(payload["values"])
    expected = np.sort(values[17])[::-1][:12]
    assert sent[starts[17] : starts[18]].tolist() == expected.tolist()
    column = floats(data.columns([3])["values"])
    assert column.tolist() == data.column(3).tolist()
    assert np.count_nonzero(column) == np.count_nonzero(indices == 3)


def test_selecting_a_feature_of_a_long_text_sends_its_column():
    n = MAX_SENT // 2
    widget = TokenHeatmap.from_data([" a"] * n, np.ones((n, 3)) * [1.0, 2.0, 3.0])
    widget.features = [0]
    assert widget.wait(10.0)
    assert widget.columns["features"] == [0]
    assert floats(widget.columns["values"]).tolist() == [1.0] * n


def test_signs_and_nan_survive():
    data = TokenHeatmap.from_data(["a", "b", "c"], [-1.0, float("nan"), 0.0]).data
    assert data.column(0)[0] == -1.0
    assert np.isnan(data.column(0)[1])


@pytest.mark.parametrize(
    ("values", "message"),
    [([1.0], r"shape \[2\]"), (np.ones((2, 2, 2)), r"got \[2, 2, 2\]"), ({1: [1.0, 2.0, 3.0]}, r"got \[3, 1\]")],
)
def test_values_of_the_wrong_shape_are_refused(values, message):
    with pytest.raises(ValueError, match=message):
        TokenHeatmap.from_data(["a", "b"], values)


def test_tensors_are_taken():
    assert TokenHeatmap.from_data(["a"], torch.tensor([2.0], dtype=torch.bfloat16)).data.column(0).tolist() == [2.0]


def test_an_unknown_feature_is_refused_with_the_nearest_one():
    widget = heatmap()
    with pytest.raises(ValueError, match=r"No feature 99: there are 8, 0 to 7. The nearest is 7"):
        widget.features = [99]
    widget.set_state({"features": [-1]})
    widget.flush()
    assert widget.features == []
    assert "nearest is 0" in widget.error["message"]


def test_one_column_is_shown_as_one_feature_and_several_as_the_strongest():
    assert TokenHeatmap.from_data(["a"], [1.0]).mode == "feature"
    assert heatmap().mode == "strongest"


def test_search_by_number_by_label_and_by_what_fires():
    widget = heatmap()
    found = lambda query: [line["feature"] for line in widget._search({"query": query}, Job("search"))]  # noqa: E731
    assert found("") == [5, 7, 3]
    assert found("#3") == [3]
    assert found("CAT") == [7]
    assert found("4") == [4]  # it exists but does not fire
    assert found("99") == []


@pytest.mark.parametrize("mode", ["strongest", "feature", "overlay"])
def test_pictures_show_hostile_text_as_text(mode, tmp_path):
    tokens = ["<bos>", *HOSTILE, "\n", " end"]
    values = np.arange(1.0, 1.0 + 2 * len(tokens)).reshape(len(tokens), 2)
    widget = TokenHeatmap.from_data(tokens, values, labels=["</title><script>", "\u202eb"], selected=[0, 1], mode=mode)
    bundle = widget.static_bundle()
    for text in (bundle["text/html"], bundle["image/svg+xml"]):
        assert not re.search(r"<script|<img|[\u202e\0\ud800]|</title>", text)
        assert "&lt;/script&gt;" in text
    assert len(bundle["text/html"]) < 200_000
    xml.dom.minidom.parseString(bundle["image/svg+xml"])
    page = widget.save(tmp_path / "h.html").read_text()
    assert page.count("<script") == 2
    assert "<img" not in page.split("<script", 1)[0]


def test_the_still_picture_has_a_table_twin_and_the_peaks():
    html = heatmap().fallback_html()
    assert "<td>2</td><td> cat</td><td>7 (2), 3 (1.5)</td>" in html
    assert "The strongest features" in html
    assert "ends" in html


def test_a_long_text_keeps_its_picture_small():
    html = TokenHeatmap.from_data([f" token{i}" for i in range(10_000)], np.random.default_rng(0).random(10_000))
    assert len(html.fallback_html()) < 200_000
    assert "9,100 more tokens" in html.fallback_html()


# -- with a model ---------------------------------------------------------------------------------------------------


@pytest.fixture
def widget(tiny_model, tiny_sae):
    made = TokenHeatmap(tiny_model, tiny_sae, "the cat sat")
    yield made
    made.close()


def test_values_are_the_saes_on_the_models_activations(widget, tiny_model, tiny_sae):
    name = tiny_sae.cfg.hook_name
    tokens = tiny_model.to_tokens("the cat sat")
    _, cache = tiny_model.run_with_cache(tokens, names_filter=name)
    expected = tiny_sae.encode(cache[name][0]).detach().numpy()
    assert np.abs(widget.data.to_dense() - expected).max() < 1e-6
    assert widget.data.token_ids.tolist() == tokens[0].tolist()
    assert widget.data.is_special.tolist() == [True] + [False] * (tokens.shape[-1] - 1)


def test_a_new_prompt_from_the_page_is_analysed_and_the_last_one_wins(widget):
    for n in range(1, 9):
        widget.set_state({"prompt": "cat " * n})
    assert widget.wait(20.0)
    assert widget.data.prompt == "cat " * 8
    assert widget.status["state"] == "done"


@pytest.mark.parametrize(("prompt", "message"), [("", "empty"), ("cat dog " * 200, "too many")])
def test_a_refused_prompt_is_explained_and_the_old_result_stays(widget, prompt, message):
    before = widget.data
    widget.prompt = prompt
    assert widget.wait(20.0)
    assert widget.status["state"] == "failed"
    assert message in widget.error["message"]
    assert widget.data is before


@pytest.mark.parametrize("prompt", HOSTILE[:5])
def test_hostile_prompts_are_analysed(widget, prompt):
    widget.prompt = prompt
    assert widget.wait(20.0)
    assert widget.status["state"] == "done"
    assert widget.data.n_tokens > 1


def test_labels_and_maxima_come_from_statistics(tiny_model, tiny_sae):
    d_sae = tiny_sae.cfg.d_sae
    statistics = _statistics(d_sae, {f: f"label {f}" for f in range(d_sae)})
    widget = TokenHeatmap(tiny_model, tiny_sae, "the cat", statistics=statistics)
    first = int(widget.data.summary()["feature"][0])
    assert widget.payload["labels"][str(first)] == f"label {first}"
    assert widget.payload["maxima"][str(first)] == pytest.approx(2.0)
    assert {"feature": d_sae - 1, "label": f"label {d_sae - 1}"}.items() <= widget._search(
        {"query": f"label {d_sae - 1}"}, Job("search")
    )[0].items()
    widget.close()


def _statistics(d_sae: int, labels: dict[int, str]) -> FeatureStatistics:
    class Known:
        max_act = torch.full((d_sae,), 2.0)

    Known.labels = labels
    return Known()


def test_an_sae_of_the_wrong_width_is_refused(tiny_model):
    from tests.tiny_model import tiny_topk

    with pytest.raises(ValueError, match=r"width|d_in|wide"):
        TokenHeatmap(tiny_model, tiny_topk("blocks.1.hook_resid_pre", d_in=8), "x")
