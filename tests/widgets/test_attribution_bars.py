import threading
import xml.etree.ElementTree as ET
from types import SimpleNamespace

import pytest
import torch

from sae_widgets.architectures import TopKSAE, TopKSAEConfig
from sae_widgets.attribution import Attribution, MethodAttribution
from sae_widgets.widgets import attribution_bars
from sae_widgets.widgets._attribution import NextTokens, bar_rows, bar_table
from sae_widgets.widgets.attribution_bars import AttributionBars

HOSTILE = "</script><img src=x onerror=alert(1)>\u202e\x00\ud800"
TOKENS = ["<bos>", "The", " capital", " is"]
TOTAL = 3.0


def method(features, by_position, error_term, other):
    """One method's numbers; the remainder makes them add up."""
    by_position = torch.tensor(by_position)
    totals = by_position.sum(dim=1)
    remainder = TOTAL - float(totals.sum()) - error_term - other
    return MethodAttribution(torch.tensor(features), totals, by_position, other, error_term, remainder, TOTAL)


FAST = method([7, 5, 3], [[0.0, 0.0, -2.0, 0.0], [0.0, 1.0, 0.5, 0.0], [0.0, 0.25, 0.0, 0.0]], 0.125, 0.25)
SLOW = method([9, 7], [[4.0, 0.0, 0.0, 0.0], [0.0, 0.0, -1.0, 0.0]], -0.5, 0.5)


def made(prompt="The capital is", target=" Paris", contrast=None, methods=("direct", "gradient", "ablation")):
    found = {name: SLOW if name == "ablation" else FAST for name in methods}
    return Attribution(prompt, [0, 1, 2, 3], TOKENS, target, 1, contrast, None, TOTAL, found)


class Attributor:
    """Stands in for `attribute`: keeps what was asked, and waits at a gate before it ablates when there is one."""

    def __init__(self):
        self.asked = []
        self.gate = None
        self.is_waiting = threading.Event()
        self.error = None

    def __call__(self, model, sae, prompt, target, contrast=None, *, methods, top, on_progress, is_cancelled):
        self.asked.append((prompt, target, contrast, methods))
        if self.error is not None:
            raise self.error
        if "ablation" in methods and self.gate is not None:
            on_progress(1, 4)
            self.is_waiting.set()
            assert self.gate.wait(10)
        return made(prompt, target, contrast, () if is_cancelled() else methods)


def likely(model, prompt):
    return NextTokens(prompt, torch.tensor([0.1, 0.6, 0.3]), [1, 2, 0], [" Paris", " London", "Paris"])


@pytest.fixture
def attributor(monkeypatch):
    attributor = Attributor()
    monkeypatch.setattr(attribution_bars, "attribute", attributor)
    monkeypatch.setattr(attribution_bars, "next_tokens", likely)
    monkeypatch.setattr(attribution_bars, "as_hooked", lambda model: model)
    monkeypatch.setattr(attribution_bars, "check_fits", lambda model, sae: None)
    monkeypatch.setattr(attribution_bars, "known_statistics", lambda sae: None)
    return attributor


@pytest.fixture
def make(attributor):
    widgets = []

    def make(prompt="The capital is", target=" Paris", contrast=None, **settings):
        sae = TopKSAE(TopKSAEConfig(d_in=4, d_sae=16, k=2))
        widget = AttributionBars(SimpleNamespace(), sae, prompt, target, contrast, **settings)
        widgets.append(widget)
        return widget

    yield make
    for widget in widgets:
        widget.close()


def test_the_result_has_all_methods(make):
    widget = make()
    assert widget.wait(10.0)
    assert list(widget.result.methods) == ["direct", "gradient", "ablation"]
    assert widget.bars["logit_difference"] == TOTAL
    assert widget.status["state"] == "done"


def test_quick_methods_are_shown_before_the_ablation_ends(make, attributor):
    attributor.gate = threading.Event()
    widget = make()
    assert attributor.is_waiting.wait(10)
    widget.flush()
    assert list(widget.bars["methods"]) == ["direct", "gradient"]
    assert (widget.status["done"], widget.status["total"]) == (1, 4)
    attributor.gate.set()
    assert widget.wait(10.0)
    assert list(widget.bars["methods"]) == ["direct", "gradient", "ablation"]


def test_stop_keeps_the_quick_methods(make, attributor):
    attributor.gate = threading.Event()
    widget = make()
    assert attributor.is_waiting.wait(10)
    widget._on_custom_message(widget, {"kind": "stop"}, [])
    attributor.gate.set()
    assert widget.wait(10.0)
    assert list(widget.result.methods) == ["direct", "gradient"]
    attributor.gate = None
    widget._on_custom_message(widget, {"kind": "run"}, [])
    assert widget.wait(10.0)
    assert "ablation" in widget.result.methods


def test_every_column_of_the_table_adds_up(make):
    widget = make()
    widget.wait(10.0)
    for top in (1, 2, 15):
        for sort_by in ("direct", "ablation"):
            rows = bar_rows(widget.bars, sort_by, top)
            assert rows[-1][0] == "Sum"
            assert rows[-1][1] == pytest.approx([TOTAL] * 3)
            assert len(rows) == min(top, 4) + 4


def test_rows_are_sorted_by_the_size_of_the_chosen_method(make):
    bars = bar_table(made(), str, 15)
    assert [name.split()[0] for name, _ in bar_rows(bars, "direct", 3)[:3]] == ["#7", "#5", "#3"]
    assert [name.split()[0] for name, _ in bar_rows(bars, "ablation", 2)[:2]] == ["#9", "#7"]


def test_a_feature_that_a_method_does_not_list_has_no_value_there():
    bars = bar_table(made(), str, 15)
    by_feature = {row["feature"]: row for row in bars["features"]}
    assert by_feature[9]["values"] == {"direct": None, "gradient": None, "ablation": 4.0}
    assert by_feature[5]["at"]["direct"] == [[1, 1.0], [2, 0.5]]


def test_without_a_target_the_likeliest_is_explained(make, attributor):
    widget = make(target="")
    widget.wait(10.0)
    assert widget.target == " Paris"
    assert {asked[1] for asked in attributor.asked} == {" Paris"}
    assert len(attributor.asked) == 2  # writing the target into its box asks for nothing again


def test_a_new_target_or_contrast_is_explained(make, attributor):
    widget = make()
    widget.wait(10.0)
    widget.contrast = " London"
    widget.wait(10.0)
    assert attributor.asked[-1] == ("The capital is", " Paris", " London", ("ablation",))
    widget.contrast = ""
    widget.wait(10.0)
    assert widget.contrast is None
    assert attributor.asked[-1][2] is None


def test_sorting_and_selecting_ask_for_no_work(make, attributor):
    widget = make()
    widget.wait(10.0)
    n = len(attributor.asked)
    widget.set_state({"sort_by": "ablation", "selected_feature": 9})
    assert (widget.sort_by, widget.selected_feature) == ("ablation", 9)
    assert widget.wait(10.0)
    assert len(attributor.asked) == n


def test_suggestions_are_the_likeliest_tokens(make):
    widget = make()
    widget.wait(10.0)
    assert [text for text, _, _ in widget.suggestions] == [" Paris", " London", "Paris"]
    assert widget.suggestions[0][1:] == [1, pytest.approx(0.6)]


def test_a_typed_word_finds_tokens_that_begin_with_it_first():
    following = NextTokens("x", torch.tensor([0.5, 0.3, 0.2]), [0, 1, 2], [" tsar", " star", "ar"])
    assert [text for text, _, _ in following.suggest("ar", 5)] == ["ar", " tsar", " star"]
    assert following.suggest("q", 5) == []


def test_an_unknown_target_says_so_and_keeps_the_last_result(make, attributor):
    widget = make()
    widget.wait(10.0)
    before = widget.result
    attributor.error = ValueError("'Pariss' is 2 tokens, not one: ['Par', 'iss']. Did you mean ' Paris'?")
    widget.target = "Pariss"
    widget.wait(10.0)
    assert "Did you mean ' Paris'" in widget.error["message"]
    assert widget.result is before
    assert widget.bars["target"] == " Paris"


def test_an_empty_prompt_says_so(make):
    widget = make(prompt="")
    widget.wait(10.0)
    assert "empty" in widget.error["message"]


def test_an_unknown_selected_feature_is_refused_with_the_range(make):
    widget = make()
    with pytest.raises(ValueError, match="it has 16 features, 0 to 15"):
        widget.selected_feature = 16


def test_sorting_goes_by_a_method_that_is_shown(make):
    widget = make(methods=["direct"])
    assert widget.sort_by == "direct"
    widget.wait(10.0)
    assert list(widget.bars["methods"]) == ["direct"]


def test_pictures_show_the_numbers_and_hold_no_markup_of_the_text(make):
    widget = make(prompt=HOSTILE, target=HOSTILE, contrast=HOSTILE)
    widget.wait(10.0)
    bundle = widget.static_bundle()
    for mime in ("text/html", "image/svg+xml"):
        picture = bundle[mime]
        assert "<script" not in picture
        assert "<img" not in picture
        assert "\u202e" not in picture
        assert "−2.000" in picture
        assert "Remainder" in picture
        assert "+3.000" in picture  # the sum
        picture.encode()
    ET.fromstring(bundle["image/svg+xml"])


def test_pictures_before_the_first_result_say_why(make, attributor):
    attributor.error = ValueError("No such token.")
    widget = make()
    widget.wait(10.0)
    assert "No such token." in widget.fallback_html()
    ET.fromstring(widget.fallback_svg())
