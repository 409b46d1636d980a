"""Features in files: a set written and shown again without its model, names that keep to their SAE, explanations."""

import copy
import dataclasses
import json

import pytest

import sae_widgets as sw
from sae_widgets.features.labels import read_labels, write_labels
from sae_widgets.features.survey import feature_statistics
from sae_widgets.neuronpedia import Neuronpedia, neuronpedia_explanations
from sae_widgets.neuronpedia_writing import write_neuronpedia
from sae_widgets.widgets._worker import Job
from tests.hostile import HOSTILE
from tests.neuronpedia_stand_in import neuronpedia

TEXTS = ["The cat sat on the mat, and then the dog ran under the tree.", "The dog ran. " * 3]
ID = "tiny/1-res"


@pytest.fixture(scope="module")
def sae(tiny_sae):
    sae = copy.deepcopy(tiny_sae)
    sae.cfg.metadata.neuronpedia_id = ID
    return sae


@pytest.fixture(scope="module")
def gathered(_session_model, sae):
    return feature_statistics(_session_model, sae, TEXTS, n_top=3)


@pytest.fixture
def statistics(gathered):
    return dataclasses.replace(gathered, labels={})


@pytest.fixture
def show():
    made = []

    def show(dashboard):
        made.append(dashboard)
        assert dashboard.wait(20)
        assert dashboard.error == {}
        return dashboard

    yield show
    for each in made:
        each.close()


def test_a_written_set_is_shown_as_it_was_without_its_model(tmp_path, show, tiny_model, sae, statistics):
    feature = int(statistics.density.argmax())
    statistics.labels = {feature: "the strongest"}
    write_neuronpedia(tmp_path, statistics, sae, tiny_model)
    live = show(sw.FeatureDashboard(tiny_model, sae, feature, statistics, selection=False)).page
    dashboard = show(sw.FeatureDashboard.from_files(tmp_path, feature))
    page = dashboard.page
    assert not dashboard.has_model
    assert dashboard.listed == statistics.density.nonzero()[:, 0].tolist()
    for name in ("feature", "label", "n_active"):
        assert page[name] == live[name]
    assert [page["density"], page["max_act"]] == pytest.approx([live["density"], live["max_act"]], rel=1e-4)
    assert [text for _, text, _ in page["logits"]["up"]] == [text for _, text, _ in live["logits"]["up"]]
    assert page["logits"]["counts"] == live["logits"]["counts"]
    assert [each[0] for each in page["correlated"]] == [each[0] for each in live["correlated"]][:3]
    # Those at random are no part of the files; the groups are the same.
    groups = [group for group in live["groups"] if group["kind"] != "random"]
    assert [group["kind"] for group in page["groups"]] == [group["kind"] for group in groups]
    for ours, theirs in zip(page["groups"], groups, strict=True):
        assert [each["texts"] for each in ours["contexts"]] == [each["texts"] for each in theirs["contexts"]]
        for one, other in zip(ours["contexts"], theirs["contexts"], strict=True):
            assert one["acts"] == pytest.approx(other["acts"], abs=1e-4)
            assert one["at"] == other["at"]
    density = dashboard.statistics.density.tolist()
    assert density == pytest.approx(statistics.density[: len(density)].tolist(), rel=1e-4)


def test_what_was_read_is_walked_searched_named_and_saved(tmp_path, show, tiny_model, sae, statistics):
    some = statistics.density.topk(3).indices.tolist()
    statistics.labels = {some[0]: "dogs that bark"}
    write_neuronpedia(tmp_path, statistics, sae, tiny_model, features=some)
    dashboard = show(sw.FeatureDashboard.from_files(tmp_path))
    assert dashboard.feature == min(some)
    assert [each["feature"] for each in dashboard.ops["search"]({"query": "bark"}, Job("search"))] == [some[0]]
    assert dashboard.ops["random"]({}, Job("random")) in some
    other = next(feature for feature in range(40) if feature not in some)
    with pytest.raises(ValueError, match=f"No feature {other} in .*: it has 3"):
        dashboard.feature = other
    dashboard.set_label("cats", some[1])
    dashboard.feature = some[1]
    assert dashboard.wait(20)
    assert dashboard.page["label"] == "cats"
    assert json.loads(dashboard.to_json())["tables"]["facts"][0]["label"] == "cats"
    for kind in ("html", "svg", "csv"):
        assert dashboard.save(tmp_path / f"x.{kind}").exists()
    with pytest.raises(ValueError, match="read from files: it has no model"):
        dashboard.ops["token"]({"text": "a"}, Job("token"))


def test_neuronpedias_exports_are_shown(tmp_path, show):
    rows = {"index": "7", "frac_nonzero": 0.25, "maxActApprox": 9.0, "pos_str": [" a"], "pos_values": [1.0]}
    rows |= {"neg_str": [" b"], "neg_values": [-1.0], "explanations": [{"description": "a", "typeName": "by hand"}]}
    found = {"tokens": ["x", " y"], "values": [0, 3.0], "binMin": -1, "binMax": 3.0, "binContains": -1}
    other = {"tokens": ["z"], "values": [1.0], "binMin": 0, "binMax": 1.5, "binContains": 0.6}
    (tmp_path / "7.json").write_text(json.dumps(rows | {"activations": [other, found]}))
    page = show(sw.FeatureDashboard.from_files(tmp_path / "7.json")).page
    assert page["explanations"] == [["a", "by hand"]]
    assert page["logits"]["down"] == [[None, " b", -1.0]]
    assert [(g["kind"], g["contexts"][0]["texts"]) for g in page["groups"]] == [
        ("top", ["x", " y"]),
        ("interval", ["z"]),
    ]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_files_are_text(tmp_path, show, text):
    row = {"index": "1", "frac_nonzero": 0.5, "pos_str": [text], "pos_values": [1.0], "neg_str": [], "neg_values": []}
    row |= {"activations": [{"tokens": [text], "values": [1.0]}], "explanations": [{"description": text}]}
    (tmp_path / "1.json").write_text(json.dumps(row))
    dashboard = show(sw.FeatureDashboard.from_files(tmp_path / "1.json"))
    html = dashboard.fallback_html() + dashboard.save(tmp_path / "x.svg").read_text("utf-8")
    assert not set("\u202e\u2066\u2028\0\ud800") & set(html)
    for markup in ("<img", "<script", "<iframe", "<style", "<b>"):
        assert markup not in html


# -- names ------------------------------------------------------------------------------------------------------------


def test_names_are_kept_in_their_file(tmp_path, show, tiny_model, sae, statistics):
    file, feature = tmp_path / "labels.json", int(statistics.density.argmax())
    show(sw.FeatureDashboard(tiny_model, sae, feature, statistics, labels=file, selection=False)).set_label("dogs <b>")
    assert read_labels(file, sae) == {feature: "dogs <b>"}
    statistics.labels = {}
    again = show(sw.FeatureDashboard(tiny_model, sae, feature, statistics, labels=file, selection=False))
    assert again.page["label"] == "dogs <b>"
    again.set_label("")
    assert read_labels(file, sae) == {}


def test_names_of_another_sae_are_refused(tmp_path, tiny_model, sae, statistics):
    other = copy.deepcopy(sae)
    other.W_dec.data[0, 0] += 1
    file = write_labels(tmp_path / "labels.json", {1: "dogs"}, other)
    with pytest.raises(ValueError, match=r"names features of another SAE: .*40 features, SHA-256.*Give another file"):
        sw.FeatureDashboard(tiny_model, sae, 0, statistics, labels=file)
    assert json.loads(file.read_text())["labels"] == {"1": "dogs"}
    for text, why in {
        "[]": "no labels file",
        '{"labels": {"x": 1}, "sae": {}}': "invalid literal",
        "{": "damaged",
    }.items():
        file.write_text(text)
        with pytest.raises(ValueError, match=why):
            read_labels(file, sae)


def test_a_downloaded_explanation_is_shown_beside_the_own_name(
    tmp_path, show, monkeypatch, tiny_model, sae, statistics
):
    feature = int(statistics.density.argmax())
    monkeypatch.setattr("sae_widgets.neuronpedia.cache_folder", lambda: tmp_path)
    make = lambda: show(sw.FeatureDashboard(tiny_model, sae, feature, statistics, selection=False))  # noqa: E731
    assert make().page["explanations"] == []
    with neuronpedia() as server:
        rows = [{"index": str(feature), "description": "<i>dogs</i>", "explanationModelName": "gpt-4o"}]
        server.export(f"{ID}/explanations/batch-0.jsonl.gz", rows)
        client = server.client(Neuronpedia().folder(ID).parents[1])
        neuronpedia_explanations(sae, client=client)
    dashboard = make()
    assert dashboard.page["explanations"] == [["<i>dogs</i>", "gpt-4o"]]
    assert dashboard.page["label"] == ""
    assert "&lt;i&gt;dogs" in dashboard.fallback_html()
    dashboard.on_message({"kind": "label", "text": "<i>dogs</i>"}, [])
    assert dashboard.wait(20)
    assert dashboard.page["label"] == "<i>dogs</i>"
