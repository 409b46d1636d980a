"""FeatureDashboard: both ways with Python, answers to the page, a pass that pauses, safe pictures."""

import copy
import threading

import pytest
import torch

import sae_widgets as sw
from sae_widgets.features.survey import feature_statistics
from tests.tiny_model import TEXT, tiny_topk

HOOK = "blocks.1.hook_resid_pre"


@pytest.fixture(scope="module")
def rows():
    rows = torch.randint(1, 300, (12, 20), generator=torch.Generator().manual_seed(1))
    rows[:, 0] = 0
    return rows


@pytest.fixture
def make(tiny_model, tiny_sae, rows):
    statistics = feature_statistics(tiny_model, tiny_sae, rows, window=(2, 2))
    made = []

    def make(feature=None, **settings):
        feature = int(statistics.density.argmax()) if feature is None else feature
        made.append(sw.FeatureDashboard(tiny_model, tiny_sae, feature, statistics, **settings))
        assert made[-1].wait(20.0)
        return made[-1]

    yield make
    for each in made:
        each.close()


def ask(dashboard, op, **args):
    from sae_widgets.widgets._worker import Job

    return dashboard.ops[op](args, Job(op))


def test_the_page_follows_the_feature(make):
    dashboard = make()
    first = dashboard.page
    assert first["feature"] == dashboard.feature
    assert first["density"] == pytest.approx(float(dashboard.statistics.density[first["feature"]]))
    assert first["density_low"] < first["density"] < first["density_high"]
    other = int(dashboard.statistics.density.topk(2).indices[1])
    dashboard.feature = other
    assert dashboard.wait(10.0)
    assert dashboard.page["feature"] == other
    assert dashboard.page["groups"][0]["kind"] == "top"
    assert str(other) in dashboard.describe()


def test_groups_are_by_range_or_by_quantile(make):
    dashboard = make(group_by="quantile")
    kinds = [group["kind"] for group in dashboard.page["groups"]]
    assert kinds[0] == "top"
    assert "quantile" in kinds
    assert kinds[-1] == "random"
    dashboard.group_by = "interval"
    dashboard.wait(10.0)
    assert "interval" in [group["kind"] for group in dashboard.page["groups"]]


def test_what_cannot_be_is_refused_and_said(make, tiny_model, tiny_sae):
    dashboard = make()
    before = dashboard.feature
    with pytest.raises(ValueError, match="No feature 40: there are 40, 0 to 39"):
        dashboard.feature = 40
    with pytest.raises(ValueError, match="No feature 99"):
        dashboard.pinned = [1, 99]
    assert dashboard.feature == before
    with pytest.raises(ValueError, match="There are no statistics of this SAE"):
        sw.FeatureDashboard(tiny_model, tiny_topk(HOOK))


def test_a_name_is_kept_with_the_statistics(make):
    dashboard = make()
    dashboard.on_message({"kind": "label", "text": "  </script> cats \ud83d "}, [])
    assert dashboard.wait(10.0)
    label = dashboard.statistics.labels[dashboard.feature]
    assert label.startswith("</script> cats")
    assert dashboard.page["label"] == label
    assert "</script>" not in dashboard.fallback_html()
    assert ask(dashboard, "search", query="cats")[0]["feature"] == dashboard.feature
    dashboard.set_label("")
    assert dashboard.feature not in dashboard.statistics.labels


def test_the_page_asks_for_ranks_rows_and_effects(make, tiny_model, rows):
    dashboard = make()
    page = dashboard.page
    up = page["logits"]["up"][0]
    found = ask(dashboard, "token", text=tiny_model.tokenizer.decode([up[0]]))
    assert found["n"] == 300
    assert found["effect"] == pytest.approx(up[2]) or found["rank"] > 1  # bytes that make no character have no text
    with pytest.raises(ValueError, match="tokens, not one"):
        ask(dashboard, "token", text=TEXT)
    context = page["groups"][0]["contexts"][0]
    row = ask(dashboard, "row", feature=page["feature"], group=0, place=0)
    assert row["ids"] == rows[context["row"]].tolist()
    effects = ask(dashboard, "effects", feature=page["feature"], group=0, place=0)
    assert len(effects["loss"]) == len(context["ids"]) == len(effects["up"])
    whole = ask(dashboard, "effects", feature=page["feature"], group=0, place=0, whole=True)
    assert len(whole["kl"]) == 20
    assert whole["loss"][-1] is None
    part = whole["kl"][context["start"] : context["start"] + len(context["ids"])]
    assert part == pytest.approx(effects["kl"], abs=1e-6)
    with pytest.raises(ValueError, match="Another feature is on view"):
        ask(dashboard, "row", feature=page["feature"] + 1, group=0, place=0)
    assert 0 <= ask(dashboard, "random") < 40


def test_pictures_hold_the_contexts_and_no_script(make):
    dashboard = make()
    html, svg = dashboard.fallback_html(), dashboard.fallback_svg()
    assert "Strongest contexts" in html
    assert "<script" not in html + svg
    assert f"Feature {dashboard.feature}" in svg


def test_a_feature_that_never_fired_says_so(tiny_model, tiny_sae, rows):
    statistics = feature_statistics(tiny_model, tiny_sae, rows[:2])
    dashboard = sw.FeatureDashboard(tiny_model, tiny_sae, int(statistics.density.argmin()), statistics)
    assert dashboard.wait(10.0)
    assert (dashboard.page["density"], dashboard.page["groups"]) == (0.0, [])
    assert dashboard.page["density_high"] > 0
    assert "It never fired." in dashboard.fallback_html()
    assert "It never fired." in dashboard.fallback_svg()
    assert dashboard.to_csv().startswith("group,low,high,activation,token,text,")
    dashboard.close()


def test_it_begins_with_a_feature_that_fires(tiny_model, tiny_sae, rows):
    sae = copy.deepcopy(tiny_sae)
    with torch.no_grad():
        sae.b_enc[:3] = -1e3
    shared = sw.Selection()
    gathering = sw.FeatureDashboard(tiny_model, sae, texts=rows, selection=shared)
    assert gathering.wait_gathered(60)
    statistics = gathering.statistics
    first = int(statistics.density.nonzero()[0])
    assert gathering.feature == gathering.page["feature"] == first >= 3
    assert shared.features == []
    given = sw.FeatureDashboard(tiny_model, sae, statistics=statistics, selection=False)
    assert given.feature == first
    asked = sw.FeatureDashboard(tiny_model, sae, 0, statistics, selection=False)
    assert asked.feature == 0
    for each in (gathering, given, asked):
        each.close()


def test_statistics_sharpen_while_texts_are_read_and_can_be_paused(tiny_model, tiny_sae):
    reading, go = threading.Event(), threading.Event()

    def texts():
        for i in range(60):
            if i == 20:
                reading.set()
                assert go.wait(30)
            yield f"{TEXT * 3}{i}"

    dashboard = sw.FeatureDashboard(tiny_model, tiny_sae, texts=texts(), n_tokens=None)
    try:
        with pytest.raises(ValueError, match="Nothing is gathered yet"):
            _ = dashboard.statistics
        assert reading.wait(30)
        dashboard.pause()
        assert dashboard._lanes["pass"].is_idle() is False
        go.set()
        dashboard.resume()
        assert dashboard.wait_gathered(60)
        assert dashboard.gathering == {}
        n_all = dashboard.statistics.n_tokens
        assert dashboard.page["n_tokens"] == n_all > 3000
    finally:
        dashboard.close()


def test_gathering_stops_with_what_there_is(tiny_model, tiny_sae):
    started = threading.Event()

    def texts():
        for i in range(100_000):
            if i == 40:
                started.set()
            yield f"{TEXT}{i}"

    dashboard = sw.FeatureDashboard(tiny_model, tiny_sae, texts=texts(), n_tokens=None)
    try:
        assert started.wait(30)
        dashboard.on_message({"kind": "gathering", "action": "stop"}, [])
        assert dashboard.wait_gathered(60)
        assert 0 < dashboard.statistics.n_tokens < 100_000
    finally:
        dashboard.close()


def test_gathering_goes_on_in_a_new_kernel(tiny_model, tiny_sae, tmp_path):
    texts = [f"{TEXT * 3}{i}" for i in range(60)]
    started, go = threading.Event(), threading.Event()

    def slow():
        for i, text in enumerate(texts):
            if i == 40:
                started.set()
                assert go.wait(30)
            yield text

    first = sw.FeatureDashboard(tiny_model, tiny_sae, texts=slow(), n_tokens=None, folder=tmp_path)
    assert started.wait(30)
    first.stop()
    go.set()
    assert first.wait_gathered(60)
    n_early = first.statistics.n_tokens
    first.close()
    second = sw.FeatureDashboard(tiny_model, tiny_sae, texts=texts, n_tokens=None, folder=tmp_path)
    assert second.wait_gathered(60)
    n_all = second.statistics.n_tokens
    second.close()
    third = sw.FeatureDashboard(tiny_model, tiny_sae, folder=tmp_path)
    assert 0 < n_early < n_all == third.statistics.n_tokens
    third.close()
