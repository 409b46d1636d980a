"""The ways out that every widget has: files of each kind, tables, charts; safe for spreadsheets, pages and readers."""

import base64
import io
import json
import re
import xml.dom.minidom
import zlib

import numpy as np
import pandas as pd
import pytest

import sae_widgets as sw
from sae_widgets.features.survey import feature_statistics
from sae_widgets.sae.fingerprint import fingerprint
from sae_widgets.widgets import _figure, _tables
from sae_widgets.widgets._clean import clean_text
from tests.hostile import HOSTILE

TEXTS = ["The cat sat on the mat, and then the dog ran under the tree.", "The dog ran. " * 3]
CHARTS = {
    "heatmap": ["tokens"],
    "dashboard": ["activations", "logits", "logit_histogram", "contexts"],
    "bars": ["gradient", "direct"],
    "steering": ["kl", "logprobs"],
    "toy": ["directions", "loss"],
    "catalog": [],
    "training": ["curves"],
}


@pytest.fixture(scope="module")
def widgets(_session_model, tiny_sae):
    model, sae = _session_model, tiny_sae
    statistics = feature_statistics(model, sae, TEXTS, n_top=3)
    feature = int(statistics.density.argmax())
    toy = sw.ToyModel(3, with_sae=True)
    toy.run(20)
    run = sw.TrainingRun(_Training())
    made = {
        "heatmap": sw.TokenHeatmap(model, sae, TEXTS[0], statistics=statistics),
        "dashboard": sw.FeatureDashboard(model, sae, feature, statistics),
        "bars": sw.AttributionBars(
            model, sae, "The cat", " dog", methods=["direct", "gradient"], statistics=statistics
        ),
        "steering": sw.SteeringPanel(model, sae, "The cat", {feature: 1.0}, statistics, max_new_tokens=3),
        "toy": toy,
        "catalog": sw.CatalogBrowser(text="gpt2-small-res-jb"),
        "training": sw.TrainingPanel(run),
    }
    run.run()
    for widget in made.values():
        assert widget.wait(60)
        assert widget.error == {}, widget
    yield made
    for widget in made.values():
        widget.close()


class _Training:
    title, total_tokens, is_checkpoint_due, settings = "three steps", 3, False, {}

    def train_steps(self, breathe):
        from types import SimpleNamespace

        for n in range(1, 4):
            yield SimpleNamespace(n_steps=n, n_tokens=n, curves=lambda n=n: {"mse_loss": 1.0 / n})

    def save_checkpoint(self):
        raise OSError("no folder")

    def check_setting(self, name, value):
        return value

    def apply_setting(self, name, value):
        self.settings[name] = value

    def finish(self, is_complete):
        return None


@pytest.mark.parametrize("name", CHARTS)
def test_every_widget_saves_files_of_every_kind(tmp_path, widgets, name):
    widget = widgets[name]
    for kind, begins in {"html": b"<!doctype", "png": b"\x89PNG", "svg": b"<svg", "pdf": b"%PDF", "json": b"{"}.items():
        path = widget.save(tmp_path / f"x.{kind}")
        assert path.read_bytes().startswith(begins)
        assert repr(path).endswith((" kB)", " bytes)"))
    again = pd.read_csv(widget.save(tmp_path / "x.csv"))
    frame = widget.to_frame()
    assert list(again) == list(frame)
    assert len(again) == len(frame) > 0
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith(".")] == []


@pytest.mark.parametrize("name", CHARTS)
def test_every_picture_has_its_chart(widgets, name):
    widget, wanted = widgets[name], CHARTS[name]
    assert list(widget._charts()) == wanted
    for each in wanted:
        spec = widget.to_altair(each).to_dict()
        assert spec["$schema"].startswith("https://vega.github.io/schema/vega-lite")
        assert "url" not in json.dumps(spec.get("data", {}))
    if wanted:
        with pytest.raises(ValueError, match=f"No chart 'x' in .*{wanted[0]}"):
            widget.to_altair("x")
    else:
        with pytest.raises(ValueError, match="has no chart"):
            widget.to_altair()


def test_nothing_is_white_in_a_chart():
    import vl_convert

    heatmap = sw.TokenHeatmap.from_data([" a", " b"], [[0.0, 3.0], [1.0, 0.0]])
    drawn = vl_convert.vegalite_to_svg(heatmap.to_altair().to_dict())
    fills = re.findall(r'<path aria-label="[^"]*activation: ([\d.]+)[^>]*fill="([^"]+)"', drawn)
    assert dict(fills)["0"] in ("rgb(255, 255, 255)", "#ffffff", "white")
    assert dict(fills)["3"] == "rgb(122, 46, 0)"
    heatmap.close()


def test_tables_hold_the_numbers_of_the_widget(widgets):
    data, frame = widgets["heatmap"].data, widgets["heatmap"].to_frame()
    assert frame["activation"].to_numpy() == pytest.approx(data.values)
    assert [data.tokens[i] for i in frame["position"]] == list(frame["token"])
    page = widgets["dashboard"].page
    contexts = widgets["dashboard"].to_frame("contexts")
    assert contexts["activation"].max() == pytest.approx(page["max_act"], abs=1e-5)
    assert widgets["dashboard"].to_frame("histogram")["tokens"].sum() == page["n_active"]
    assert widgets["dashboard"].to_frame("logit_histogram")["tokens"].sum() == 300
    bars = widgets["bars"].to_frame("bars")
    for _, method in bars.groupby("method"):
        parts = method[method["part"] != "total"]["effect"].sum()
        assert parts == pytest.approx(float(method[method["part"] == "total"]["effect"].iloc[0]), abs=1e-4)
    steered = widgets["steering"].to_frame().query("text == 'steered'")
    assert "".join(steered["token"]) == "".join(t.text for t in widgets["steering"].result.steered)
    assert list(widgets["training"].to_frame()["mse_loss"]) == [1.0, 0.5, 1 / 3]
    rows = json.loads(widgets["toy"].to_json())
    assert len(rows["tables"]["features"]) == 3
    assert rows["about"]["seed"] == 0


def test_a_picture_says_where_it_comes_from(tmp_path, widgets, tiny_sae):
    text = widgets["dashboard"].save(tmp_path / "x.svg").read_text("utf-8")
    plain = " ".join(node.firstChild.data for node in xml.dom.minidom.parseString(text).getElementsByTagName("text"))
    for word in (fingerprint(tiny_sae), "sae-widgets 0.1.0", "torch ", "statistics "):
        assert word in plain
    assert "versions" not in widgets["dashboard"].save(tmp_path / "x.svg", caption=False).read_text("utf-8")
    assert "Figure 1" in widgets["dashboard"].save(tmp_path / "x.svg", caption="Figure 1").read_text("utf-8")
    assert fingerprint(tiny_sae) in widgets["bars"].save(tmp_path / "x.html").read_text("utf-8")


def test_what_cannot_be_saved_is_said(tmp_path, widgets):
    toy = widgets["toy"]
    with pytest.raises(
        ValueError, match=r"'x.docx' ends in no kind of file.*\.html, \.png, \.svg, \.pdf, \.csv, \.json"
    ):
        toy.save(tmp_path / "x.docx")
    with pytest.raises(ValueError, match=r"No table 'lost' in ToyModel\. Did you mean 'loss'"):
        toy.save(tmp_path / "x.csv", table="lost")
    with pytest.raises(TypeError, match="no argument 'features' for a page"):
        toy.save(tmp_path / "x.html", features=[1])
    assert list(tmp_path.iterdir()) == []


def test_a_page_of_many_features_has_each_of_them(tmp_path, widgets):
    dashboard = widgets["dashboard"]
    alive = dashboard.statistics.density.nonzero()[:, 0].tolist()
    one, all_of_them = (dashboard.save(tmp_path / "x.html", features=wanted).stat().st_size for wanted in (None, "all"))
    assert one < all_of_them < one * len(alive)
    text = (tmp_path / "x.html").read_text("utf-8")
    state = json.loads(re.search(r'id="sae-widget-state">(.*?)</script>', text, re.DOTALL)[1])
    saved = state["saved"]
    assert saved["features"] == alive
    pages = [page for chunk in saved["chunks"] for page in json.loads(zlib.decompress(base64.b64decode(chunk["$b64"])))]
    assert [page["feature"] for page in pages] == alive
    peaks = dashboard.statistics.max_act[alive].tolist()
    assert [page["max_act"] for page in pages] == saved["peaks"] == pytest.approx(peaks, rel=1e-4)
    assert state["page"]["feature"] == state["feature"] == dashboard.feature
    dashboard.save(tmp_path / "y.html", features=[alive[1], alive[0]])
    assert f'"features": [{alive[0]}, {alive[1]}]' in (tmp_path / "y.html").read_text("utf-8")
    with pytest.raises(ValueError, match='expected numbers, or "all"'):
        dashboard.save(tmp_path / "z.html", features="some")
    with pytest.raises(ValueError, match="No feature 40"):
        dashboard.save(tmp_path / "z.html", features=[40])
    assert not (tmp_path / "z.html").exists()


def test_two_copies_of_an_sae_have_one_fingerprint_and_a_changed_one_another(tiny_sae):
    import copy

    other = copy.deepcopy(tiny_sae)
    assert fingerprint(other) == fingerprint(tiny_sae)
    other.b_dec.data[0] += 1e-3
    assert fingerprint(other) != fingerprint(tiny_sae)


# -- hostile text -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "＝1+1", '=HYPERLINK("x","y")'])
def test_a_spreadsheet_runs_no_cell(text):
    frame = pd.DataFrame({text: [text, "a" + text], "n": [-1.5, 2.0]})
    read = pd.read_csv(io.StringIO(_tables.to_csv(frame)))
    assert read.columns[0].startswith("'")
    assert read.iloc[0, 0].startswith("'")
    assert not read.iloc[1, 0].startswith("'")
    assert list(read["n"]) == [-1.5, 2.0]
    assert "'" not in _tables.to_csv(frame, safe=False)


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_leaves_as_text(tmp_path, text):
    heatmap = sw.TokenHeatmap.from_data([text, " b"], np.ones((2, 1)), features=[3], labels={3: text})
    for kind in ("html", "png", "svg", "pdf", "csv", "json"):
        assert heatmap.save(tmp_path / f"x.{kind}").stat().st_size > 100
    svg = xml.dom.minidom.parse(str(tmp_path / "x.svg"))
    assert {node.tagName for node in svg.getElementsByTagName("*")} <= {"svg", "g", "rect", "text", "tspan", "title"}
    rows = json.loads((tmp_path / "x.json").read_text("utf-8"))
    assert clean_text(text) in {row["token"] for row in rows["tables"]["activations"]}
    assert not set("\u202e\u2066\u2028\0") & set((tmp_path / "x.csv").read_text("utf-8"))
    chart = json.dumps(heatmap.to_altair().to_dict())
    assert "\\u202e" not in chart
    assert "expr" not in chart
    heatmap.close()


def test_emoji_of_a_colour_font_are_named_in_a_pdf():
    picture = '<svg xmlns="http://www.w3.org/2000/svg" width="90" height="20"><text x="2" y="15">a 🙂</text></svg>'
    assert _figure.to_pdf(picture).startswith(b"%PDF")
