"""The catalogue browser: its filters and selection as Python sees them, what it sends, its still pictures."""

import json
import struct
import xml.dom.minidom
import zlib

import numpy as np
import pytest

from sae_widgets.loaders import catalog
from sae_widgets.loaders.catalog import CatalogEntry
from sae_widgets.sae import SAE
from sae_widgets.widgets._catalog import pack
from sae_widgets.widgets.catalog_browser import CatalogBrowser


def entry(sae_id: str, **facts) -> CatalogEntry:
    known = {"release": "gpt2-res", "repo_id": "me/gpt2", "path": sae_id, "format": "saelens", "model": "gpt2-small"}
    return CatalogEntry(sae_id=sae_id, **{**known, **facts})


ENTRIES = [
    entry("blocks.7", layer=7, width=24576, site="resid_pre", l0=60.0, hook_name="blocks.7.hook_resid_pre"),
    entry("blocks.8", layer=8, width=24576, site="resid_pre", neuronpedia_id="gpt2-small/8-res-jb"),
    entry("layer_8", release="scope", model="google/gemma-3-1b", layer=8, width=16384, site="mlp_out", l0=20.0),
    entry("all", release="scope", model="google/gemma-3-1b"),
]


def browser(**settings) -> CatalogBrowser:
    return CatalogBrowser(ENTRIES, **settings)


def found(**settings) -> list[str]:
    return [each.sae_id for each in browser(**settings).results]


def test_all_filters_hold_at_once_and_what_is_not_known_passes_none():
    assert found() == ["blocks.7", "blocks.8", "layer_8", "all"]
    assert found(layer=8, model="gpt2-small") == ["blocks.8"]
    assert found(l0_max=100) == ["blocks.7", "layer_8"]
    assert found(l0_min=21) == ["blocks.7"]
    assert found(site="mlp_out", width=16384) == ["layer_8"]
    assert found(text=" GEMMA layer_8") == ["layer_8"]
    assert found(text="res-jb") == ["blocks.8"]


def test_the_whole_catalogue_is_there_and_small():
    whole = CatalogBrowser(text="jb", model="gpt2-small")
    assert len(whole.rows) < 150_000
    assert whole.results == catalog.find(text="jb", model="gpt2-small")
    assert "of 13,857 published SAEs" in whole.describe()
    assert "more pass the filters" in whole.fallback_html()
    assert len(whole.static_bundle()["text/html"]) < 40_000


def test_what_the_page_gets_is_what_is_known():
    data = zlib.decompress(pack(ENTRIES))
    (size,) = struct.unpack_from("<I", data)
    header = json.loads(data[4 : 4 + size])
    assert header["n"] == 4
    assert [each["name"] for each in header["releases"]] == ["gpt2-res", "scope"]
    assert header["sites"] == ["mlp_out", "resid_pre"]
    at = 4 + size
    assert np.frombuffer(data, "<u2", 4, at).tolist() == [0, 0, 1, 1]
    assert np.frombuffer(data, "<u1", 4, at + 8).tolist() == [1, 1, 0, 255]
    assert np.frombuffer(data, "<i2", 4, at + 12).tolist() == [7, 8, 8, -1]
    assert np.frombuffer(data, "<u4", 4, at + 20).tolist() == [24576, 24576, 16384, 0]
    assert np.nan_to_num(np.frombuffer(data, "<f4", 4, at + 36), nan=-1).tolist() == [60.0, -1.0, 20.0, -1.0]
    assert data[at + 68 :].decode().split("\n")[1] == "blocks.8\tblocks.8\t\tgpt2-small/8-res-jb"


def test_a_models_name_is_completed_and_a_wrong_one_refused():
    assert browser(model="gemma-3-1b").model == "google/gemma-3-1b"
    with pytest.raises(ValueError, match=r"No published SAE of a model 'gpt2-smal'. Did you mean 'gpt2-small'"):
        browser(model="gpt2-smal")
    with pytest.raises(ValueError, match=r"No site 'resid'.*'resid_pre'"):
        browser(site="resid")
    with pytest.raises(TypeError, match=r"no argument 'layers'. Did you mean 'layer'"):
        browser(layers=3)


def test_the_selection_is_a_release_and_an_id():
    shown = browser(selected=("scope", "layer_8"))
    assert shown.entry is ENTRIES[2]
    assert shown.code == 'import sae_widgets as sw\n\nsae = sw.SAE.from_pretrained("scope", "layer_8")'
    shown.set_state({"selected": ["gpt2-res", "blocks.8"]})
    assert shown.selected == ("gpt2-res", "blocks.8")
    with pytest.raises(ValueError, match=r"No SAE 'blocks.9' in a release 'gpt2-res' here. Did you mean 'blocks"):
        shown.selected = ("gpt2-res", "blocks.9")
    shown.selected = None
    with pytest.raises(ValueError, match="No SAE is chosen"):
        shown.load()


def test_a_wrong_value_from_the_page_is_refused_and_put_back():
    shown = browser(selected=("scope", "layer_8"))
    shown.set_state({"selected": ["scope", "none"], "rows": b"x"})
    shown.flush()
    assert shown.selected == ("scope", "layer_8")
    assert "No SAE 'none'" in shown.error["message"]
    assert shown.rows == pack(ENTRIES)


def test_load_loads_the_chosen_one(monkeypatch):
    asked = []
    monkeypatch.setattr(SAE, "from_pretrained", lambda *args, **settings: asked.append((args, settings)))
    browser(selected=("scope", "layer_8")).load(device="cpu")
    assert asked == [(("scope", "layer_8"), {"device": "cpu"})]


def test_pictures_show_the_rows_and_hostile_names_as_text(tmp_path):
    hostile = entry("</script><img src=x>", model="\u202eabc", layer=1)
    shown = CatalogBrowser([*ENTRIES, hostile], selected=("gpt2-res", "blocks.8"))
    bundle = shown.static_bundle()
    assert "blocks.7" in bundle["text/html"]
    assert "24,576" in bundle["text/html"]
    assert "from_pretrained(&quot;gpt2-res&quot;, &quot;blocks.8&quot;)" in bundle["text/html"]
    for text in (bundle["text/html"], bundle["image/svg+xml"]):
        assert "<img" not in text
        assert "<script" not in text
        assert "\u202e" not in text
    xml.dom.minidom.parseString(bundle["image/svg+xml"])
    page = shown.save(tmp_path / "c.html").read_text()
    assert page.count("<script") == 2
