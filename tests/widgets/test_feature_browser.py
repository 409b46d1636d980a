"""FeatureBrowser: filters and orders as Python sees them, columns of every origin, dashboards, refusals."""

import json
import re
import threading
import zlib

import numpy as np
import pandas as pd
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
def statistics(tiny_model, tiny_sae, rows):
    found = feature_statistics(tiny_model, tiny_sae, rows, window=(2, 2))
    found.labels = {3: "cats", 7: "</script><b>Dogs", 9: "cats and dogs"}
    return found


@pytest.fixture
def make(tiny_model, tiny_sae, statistics):
    made = []

    def make(**settings):
        made.append(sw.FeatureBrowser(tiny_model, tiny_sae, statistics, **settings))
        return made[-1]

    yield make
    for each in made:
        each.close()


def values_of(packed, n):
    """A column as the page reads it."""
    values = np.frombuffer(packed["values"], "<" + packed["dtype"])
    if "at" not in packed:
        return values
    whole = np.zeros(n, values.dtype)
    whole[np.frombuffer(packed["at"], "<i4")] = values
    return whole


def test_the_page_gets_every_column_as_it_is(make):
    browser = make()
    sent = {c["key"]: c for group in ("names", "facts") for c in browser.get_state()[group]["columns"]}
    assert set(sent) == set(browser.columns) - {"feature"}
    for key, column in sent.items():
        np.testing.assert_array_equal(values_of(column, 40), browser.columns[key])
    lines = zlib.decompress(sent["label"]["texts"]).decode().split("\n")
    assert len(lines) == int((~np.isnan(browser.columns["label"])).sum())
    assert "cats" in lines


def test_filters_hold_at_once_and_orders_put_unknown_last(make, statistics):
    browser = make()
    assert browser.order == "-density"
    density = statistics.density.tolist()
    assert browser.filtered == sorted(range(40), key=lambda f: (-density[f], f))
    middle = float(statistics.density.median())
    browser.ranges = {"density": (middle, None)}
    assert browser.filtered
    assert all(density[f] >= middle for f in browser.filtered)
    browser.text = "CATS"
    assert set(browser.filtered) == {f for f in (3, 9) if density[f] >= middle}
    browser.reset()
    assert len(browser.filtered) == 40
    browser.text = "#7"
    assert browser.filtered == [7]
    browser.text, browser.order = "", "label"
    assert browser.filtered[-1] not in (3, 7, 9)
    browser.selected = np.array([9, 3])
    assert browser.filtered == [3, 9]
    frame = browser.to_frame()
    assert frame["feature"].tolist() == [3, 9]
    assert frame["label"].tolist() == ["cats", "cats and dogs"]
    assert frame["density"].tolist() == pytest.approx([density[3], density[9]])
    assert "2 of 40 features" in browser.describe()


def test_a_limit_is_not_rounded_to_float32(make):
    browser = make(columns={"x": [0.1] * 40})
    browser.ranges = {"x": (0.1, None)}
    assert len(browser.filtered) == 40  # float32(0.1) is a little above 0.1
    browser.ranges = {"x": (None, 0.1)}
    assert browser.filtered == []


def test_own_columns_come_and_go(make):
    browser = make(columns=pd.DataFrame({"score": np.arange(40.0), "note": ["n"] * 40}))
    browser.order = "-score"
    browser.ranges = {"score": (None, 30)}
    assert browser.filtered[0] == 30
    browser.add_columns({"score": {5: 1.0}, "extra": range(40)})
    assert browser.filtered == [5]
    assert browser.text == ""
    browser.remove_column("score")
    assert (browser.order, browser.ranges, len(browser.filtered)) == ("feature", {}, 40)
    assert "extra" in browser.columns
    with pytest.raises(ValueError, match=r"No column 'scor' was given"):
        browser.remove_column("scor")
    with pytest.raises(ValueError, match="cannot be named 'density'"):
        browser.add_columns({"density": range(40)})


def test_what_cannot_be_is_refused(make, tiny_model, tiny_sae, statistics):
    browser = make()
    for name, value, message in (
        ("ranges", {"densty": (0, 1)}, "No column 'densty'. Did you mean 'density'"),
        ("ranges", {"density": 3}, r"is \(low, high\), None for an open end; got 3"),
        ("ranges", {"density": (2, 1)}, "ends at 1, before it begins at 2"),
        ("ranges", {"label": (0, 1)}, "holds texts"),
        ("order", "-densty", "No column 'densty'"),
        ("shown", ["nothing"], "No column 'nothing'"),
        ("selected", [40], "No feature 40: there are 40, 0 to 39"),
        ("feature", -1, "No feature -1"),
    ):
        with pytest.raises(ValueError, match=message):
            setattr(browser, name, value)
    assert (browser.ranges, browser.order, browser.selected) == ({}, "-density", [])
    with pytest.raises(ValueError, match=r"shape \(3,\); decoder rows of this SAE have 16 numbers"):
        browser.set_vector([1.0, 2.0, 3.0])
    other = tiny_topk(HOOK, d_sae=50)
    with pytest.raises(ValueError, match="SAE with 40 features, this one has 50"):
        sw.FeatureBrowser(tiny_model, other, statistics)
    with pytest.raises(ValueError, match=r"SAE at blocks.1.hook_resid_pre, this one reads blocks.0"):
        sw.FeatureBrowser(tiny_model, tiny_topk("blocks.0.hook_resid_pre"), statistics)
    twin = tiny_topk(HOOK)
    with torch.no_grad():
        twin.W_enc.neg_()
    with pytest.raises(ValueError, match="These statistics do not belong here: of another SAE"):
        sw.FeatureBrowser(None, twin, statistics)
    with pytest.raises(ValueError, match="'a' has shape"):
        sw.FeatureBrowser(tiny_model, tiny_sae, statistics, columns={"a": [1]})


def test_directions_texts_and_maps_become_columns(make, tiny_sae):
    browser = make()
    browser.like = 4
    assert browser.wait(20)
    assert browser.columns["cosine"][4] == pytest.approx(1)
    browser.set_vector(-tiny_sae.W_dec[6].detach(), "away")
    assert browser.wait(20)
    assert (browser.like, browser.order) == (None, "-cosine")
    assert browser.filtered[-1] == 6
    assert browser.cosines["columns"][0]["title"] == "cos away"
    browser.contrast(TEXT[:30], "then it was night")
    assert browser.wait(20)
    best = browser.filtered[0]
    assert browser.columns["contrast"][best] == browser.columns["on_a"][best] - browser.columns["on_b"][best] > 0
    browser.map_method = "pca"
    browser.match(tiny_sae, "itself")
    assert browser.wait(20)
    assert browser.columns["match"].tolist() == list(range(40))
    assert browser.mapped["method"] == "pca"
    browser.ranges = {"map_x": (0, None)}
    assert 0 < len(browser.filtered) < 40
    browser.on_message({"kind": "contrast"}, [])
    browser.text_b = ""
    assert browser.wait(20)
    browser.contrast(text_b="")
    assert browser.wait(20)
    assert "The second text: The prompt is empty" in browser.error["message"]


def test_a_row_opens_its_dashboard(make, statistics):
    browser = make()
    browser.opened = 3
    assert browser.wait(20)
    assert browser.dashboard.wait(20)
    assert browser.dashboard_id == browser.dashboard.model_id
    assert browser.dashboard.page["feature"] == 3
    browser.opened = 5
    assert browser.wait(20)
    assert browser.dashboard.wait(20)
    assert browser.dashboard.page["feature"] == 5
    browser.dashboard.set_label("five")
    assert browser.dashboard.wait(20)
    assert browser.wait(20)
    browser.text = "five"
    assert browser.filtered == [5]


def test_a_saved_page_has_the_dashboards_that_were_asked_for(make, monkeypatch, tmp_path):
    monkeypatch.setattr("sae_widgets.widgets.feature_browser.N_SAVED", 3)
    browser = make(order="-max_act", feature=5)
    assert browser.wait(20)

    def saved(**settings):
        page = browser.save(tmp_path / "page.html", **settings).read_text("utf-8")
        state = re.search(r'id="sae-widget-state">(.*?)</script>', page)[1]
        return json.loads(state)["dashboard"]["saved"]["features"]

    fire = [each for each in browser.filtered if browser.columns["max_act"][each]]
    first = [5] * (5 in fire) + [each for each in fire if each != 5]
    assert saved() == sorted(first[:3])
    assert saved(dashboards=1) == first[:1]
    assert saved(dashboards=[7, 3]) == [3, 7]
    browser.text = "cats"
    assert saved(dashboards="all") == [each for each in (3, 9) if each in fire]
    with pytest.raises(ValueError, match="features='some': expected numbers"):
        saved(dashboards="some")
    with pytest.raises(ValueError, match="No feature 400"):
        saved(dashboards=[400])


def test_an_sae_alone_is_enough(tiny_sae, tmp_path):
    browser = sw.FeatureBrowser(None, tiny_sae, order="-encoder_norm")
    assert "density" not in browser.columns
    assert browser.filtered[0] == int(tiny_sae.W_enc.norm(dim=0).argmax())
    assert "decoder norm" in browser.fallback_html()
    with pytest.raises(ValueError, match="A contrast search runs the model"):
        browser.contrast("a", "b")
    browser.opened = 2
    assert browser.wait(20)
    assert "There are no statistics of this SAE" in browser.error["message"]
    assert browser.opened is None
    with pytest.raises(ValueError, match="There are no statistics of this SAE"):
        browser.save(tmp_path / "page.html", dashboards=3)
    assert browser.save(tmp_path / "page.html").exists()
    browser.close()


def test_texts_are_gathered_while_the_list_is_looked_at(tiny_model, tiny_sae, tmp_path):
    reading, go = threading.Event(), threading.Event()

    def texts():
        for i in range(300):
            if i == 250:
                reading.set()
                assert go.wait(30)
            yield f"{TEXT * 3}{i}"

    browser = sw.FeatureBrowser(tiny_model, tiny_sae, texts=texts(), n_tokens=None, folder=tmp_path / "kept")
    try:
        assert browser.filtered == list(range(40))
        assert reading.wait(30)
        assert browser.can_open
        assert browser.order == "-density"
        browser.opened = 3
        assert browser.wait(30)
        browser.dashboard.set_label("cats")
        early = browser.dashboard.statistics.n_tokens
        browser.on_message({"kind": "gathering", "action": "pause"}, [])
        browser.flush()
        assert browser.gathering["is_paused"]
        go.set()
        browser.on_message({"kind": "gathering", "action": "resume"}, [])
        assert browser.wait_gathered(60)
        assert browser.gathering == {}
        late = browser.dashboard.statistics
        assert late.n_tokens > early > 4000
        assert browser.columns["density"].tolist() == late.density.tolist()
        browser.text = "cats"
        assert browser.filtered == [3]
    finally:
        browser.close()
    again = sw.FeatureBrowser(tiny_model, tiny_sae, folder=tmp_path / "kept")
    assert again.columns["density"].tolist() == late.density.tolist()
    again.close()
    with pytest.raises(ValueError, match="Texts are read by the model, and there is none"):
        sw.FeatureBrowser(None, tiny_sae, texts=["a"])


def test_pictures_hold_the_first_rows_and_no_script(make):
    browser = make()
    browser.ranges = {"density": (0.9999, None)}
    assert browser.fallback_html()  # nothing passes
    browser.reset()
    browser.text = "dogs"
    html, svg = browser.fallback_html(), browser.fallback_svg()
    assert "&lt;/script&gt;&lt;b&gt;Dogs" in html
    assert "<script" not in html + svg
    assert "2 of 40 features" in svg


def test_one_selection_moves_it_and_it_moves_others(make, tiny_model, tiny_sae, statistics):
    shared = sw.Selection()
    browser = make(selection=shared)
    beside = sw.FeatureDashboard(tiny_model, tiny_sae, 1, statistics, selection=shared)
    browser.feature = 6
    assert (shared.features, beside.feature) == ([6], 6)
    beside.feature = 8
    assert (browser.feature, browser.opened) == (8, None)
    beside.close()


def test_tables_and_charts_hold_what_passes(make, tmp_path):
    browser = make(order="-max_act")
    browser.ranges = {"density": (1e-9, None)}
    n = len(browser.filtered)
    assert len(browser.to_frame("features")) == n
    assert browser.to_csv().startswith("feature,label,density")
    bars = browser.to_altair().to_dict()
    assert bars["title"]["text"] == "maximum"
    assert sum(row["features"] for row in bars["data"]["values"]) == n
    browser.map_method = "pca"
    assert browser.wait(20)
    assert len(browser.to_altair("map").to_dict()["data"]["values"]) == n
    assert "decoder rows" in browser.to_altair("map").to_dict()["title"]["text"]
    page = browser.save(tmp_path / "x.html").read_text("utf-8")
    assert "</script><b>" not in page


def test_code_names_what_it_cannot_write(make, tiny_sae):
    browser = make(columns={"own": range(40)}, selected=[1, 2])
    browser.set_vector(tiny_sae.W_dec[6].detach())
    browser.contrast(TEXT[:30], "then it was night")
    assert browser.wait(20)
    code = browser.as_code()
    assert "columns=columns" in code
    assert "selected=[1, 2]" in code
    assert code.endswith("view.set_vector(vector)\nview.contrast()\nview\n")
