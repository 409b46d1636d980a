"""PromptView: the numbers of the Python API, both ways with the page, cost stated, state kept after bad input."""

import math
import threading
import xml.etree.ElementTree as ET

import numpy as np
import pytest
import torch

from sae_widgets.features.prompt import PromptStudy, compare_prompts, prompt_features
from sae_widgets.features.survey import feature_statistics
from sae_widgets.widgets import prompt_view
from sae_widgets.widgets._prompt_picture import column_texts, matrix
from sae_widgets.widgets._worker import Job
from sae_widgets.widgets.prompt_view import PromptView
from sae_widgets.widgets.selection import Selection
from tests.tiny_model import TEXT, tiny_topk

PROMPT = "The cat sat on the mat. The dog"
OTHER = "The cat ran on the old mat. The dog"
HOSTILE = "</script><img src=x onerror=alert(1)>\u202e\x00\ud800"


@pytest.fixture(scope="module")
def rows():
    rows = torch.randint(1, 300, (20, 24), generator=torch.Generator().manual_seed(1))
    rows[:, 0] = 0
    return rows


@pytest.fixture
def statistics(tiny_model, tiny_sae, rows):
    return feature_statistics(tiny_model, tiny_sae, rows)


@pytest.fixture
def make(tiny_model, tiny_sae, statistics):
    made = []

    def make(prompt=PROMPT, **settings):
        made.append(
            PromptView(tiny_model, tiny_sae, prompt, **{"statistics": statistics, "selection": False, **settings})
        )
        assert made[-1].wait(30.0)
        return made[-1]

    yield make
    for each in made:
        assert each.wait(30.0)  # a pass that still runs would hold its hooks
        each.close()


def scores(view, side="left"):
    payload = view.payload
    return np.frombuffer(payload[side]["scores"], np.float32).reshape(len(payload["features"]), -1)


def test_the_page_has_the_numbers_of_the_python_function(make, tiny_model, tiny_sae, statistics):
    view = make(top=100)
    features = [row["feature"] for row in view.payload["features"]]
    expected = prompt_features(tiny_model, tiny_sae, PROMPT, features=features, statistics=statistics)
    np.testing.assert_allclose(scores(view), expected.scores.numpy(), atol=1e-6)
    assert [row["left"] for row in view.payload["features"]] == pytest.approx(expected.overall.tolist(), abs=1e-6)
    torch.testing.assert_close(view.data.scores, expected.scores, equal_nan=True)
    for metric in ("act_quantile", "attribution"):
        view.metric = metric
        shown = view.data
        same = prompt_features(tiny_model, tiny_sae, PROMPT, metric, features=shown.features, statistics=statistics)
        torch.testing.assert_close(shown.scores, same.scores, equal_nan=True)
        assert view.payload["target"] == same.target
    sizes = [abs(row["left"]) for row in view.payload["features"]]
    assert sizes == sorted(sizes, reverse=True)
    assert view.suggestions[0][0] == view.payload["target"]


def test_a_token_has_its_own_features_and_cards(make, statistics):
    view = make(n_cards=2)
    view.position = 3
    assert view.wait(10)
    here = view.data.top(100, 3)
    assert [row["feature"] for row in view.payload["features"]] == [each.feature for each in here]
    assert [row["left"] for row in view.payload["features"]] == [each.score for each in here]
    card = view.cards[0]
    assert len(view.cards) == 2
    assert card["feature"] == here[0].feature
    assert sum(card["counts"]) == int(statistics.histogram[card["feature"]].sum())
    assert len(card["up"]) == len(card["down"]) == 5
    assert card["contexts"][0]["acts"][card["contexts"][0]["at"]] == pytest.approx(card["max_act"], abs=1e-5)
    view.prompt = OTHER
    assert view.wait(10)
    assert (view.position, view.payload["position"]) == (None, None)


def test_loss_effects_say_their_cost_and_wait_to_be_asked(make, tiny_model, tiny_sae):
    view = make(metric="loss_effect", top=5)
    assert (view.cost["n"], view.cost["tokens"]) == (5, len(view.payload["left"]["tokens"]))
    assert view.cost["seconds"] > 0
    assert view.payload["metric"] == view.data.metric == "act_size"
    by_act = [row["feature"] for row in view.payload["features"]]
    assert by_act == PromptStudy(tiny_model, tiny_sae, PROMPT).best("act_size", 100)[:5]
    view.on_message({"kind": "measure"}, [])
    assert view.wait(30)
    assert (view.cost, view.payload["metric"]) == ({}, "loss_effect")
    expected = prompt_features(tiny_model, tiny_sae, PROMPT, "loss_effect", features=view.data.features)
    torch.testing.assert_close(view.data.scores, expected.scores, equal_nan=True)
    sizes = [abs(row["left"]) for row in view.payload["features"]]
    assert sizes == sorted(sizes, reverse=True)
    view.top = 4
    assert view.wait(10)
    assert view.cost == {}  # known already
    view.top = 8
    assert view.wait(10)
    assert view.cost["n"] == 3


def test_two_prompts_stand_side_by_side(make, tiny_model, tiny_sae):
    view = make(other=OTHER, sort="difference", top=6)
    both = view.data
    expected = compare_prompts(tiny_model, tiny_sae, PROMPT, OTHER, k=100)
    assert both.pairs == expected.pairs
    assert [row["feature"] for row in both.table()] == [row["feature"] for row in expected.table()[:6]]
    for row, known in zip(view.payload["features"], expected.table(), strict=False):
        assert row["feature"] == known["feature"]
        assert row["difference"] == pytest.approx(known["difference"], abs=1e-6)
        assert row["difference"] == pytest.approx(row["right"] - row["left"], abs=1e-6)
    np.testing.assert_allclose(matrix(view.payload, "difference"), both.differences.numpy(), atol=1e-6)
    lone = next(column for column, pair in enumerate(both.pairs) if None in pair)
    assert "–" in column_texts(view.payload)[lone]
    column = next(column for column, pair in enumerate(both.pairs) if None not in pair and column > 2)
    view.position = column
    assert view.wait(10)
    i, j = both.pairs[column]
    for row, left, right in zip(
        view.payload["features"], view.data.left.scores[:, i], view.data.right.scores[:, j], strict=True
    ):
        assert row["difference"] == pytest.approx(float(right - left), abs=1e-6)
    view.other = ""
    assert view.wait(10)
    assert view.payload["right"] == {}


def test_bad_input_is_said_and_the_state_before_stays(make, tiny_model, tiny_sae):
    view = make(metric="attribution")
    before = view.payload
    for trait, value, words in [
        ("prompt", "<|endoftext|>", "only special tokens"),
        ("prompt", "", "The prompt is empty"),
        ("prompt", TEXT * 4, "too many"),
        ("target", "The cat", "tokens, not one"),
        ("other", TEXT * 4, "The second prompt: .*too many"),
        ("position", 99, "No token 99"),
        ("position", 0, "Token 0 is special"),
    ]:
        good = getattr(view, trait)
        setattr(view, trait, value)
        assert view.wait(20)
        with pytest.raises(ValueError, match=words):
            raise ValueError(view.error["message"])
        assert view.error["traceback"] == ""
        assert view.payload is before
        assert view.data.prompt == PROMPT
        setattr(view, trait, good)
        assert view.wait(20)
        assert view.error == {}
        before = view.payload
    with pytest.raises(ValueError, match="No feature 40 in this SAE"):
        view.feature = 40
    nothing = PromptView(tiny_model, tiny_topk("blocks.1.hook_resid_pre", seed=3), "", selection=False)
    assert nothing.wait(10)
    assert nothing.status["text"] == "Type a prompt."
    with pytest.raises(ValueError, match="set a prompt"):
        _ = nothing.data
    nothing.prompt = PROMPT
    nothing.metric = "act_quantile"
    assert nothing.wait(20)
    assert "there are no statistics" in nothing.error["message"]
    nothing.close()


def test_leaving_features_out_can_be_stopped(make, monkeypatch):
    started, go = threading.Event(), threading.Event()
    view = make(metric="loss_effect", top=5)
    before = view.payload

    def slow(study, features, on_progress=None, is_cancelled=lambda: False):
        started.set()
        assert go.wait(20)
        assert is_cancelled()
        return None

    monkeypatch.setattr(prompt_view.PromptStudy, "loss_effects", slow)
    view.measure()
    assert started.wait(20)
    view.on_message({"kind": "stop"}, [])
    go.set()
    assert view.wait(20)
    assert view.payload is before
    assert view.status["text"] == "Stopped"


def test_the_selection_moves_it_and_is_moved(make):
    shared = Selection()
    view, twin = make(selection=shared), make(selection=shared, top=3)
    features = [row["feature"] for row in view.payload["features"]]
    last = features[-1]
    assert last not in [row["feature"] for row in twin.payload["features"]]
    view.set_state({"feature": last})
    assert shared.features == [last]
    assert twin.wait(10)
    assert twin.payload["features"][-1]["feature"] == last or last in twin.data.features
    view.position = 4
    assert (shared.tokens, twin.position) == ((4, 5), 4)
    shared.tokens = (2, 4)
    assert (view.position, twin.position) == (2, 2)
    view.prompt = OTHER
    assert (twin.prompt, shared.tokens, twin.position) == (OTHER, None, None)


def test_pictures_are_safe_and_hold_the_numbers(make):
    view = make(f"The cat {HOSTILE} sat", metric="attribution")
    assert view.payload, view.error
    html, svg = view.fallback_html(), view.fallback_svg()
    for text in (html, svg):
        assert "<script" not in text
        assert "<img" not in text
        assert "\u202e" not in text
    ET.fromstring(svg)
    first = view.payload["features"][0]
    assert f"#{first['feature']}" in html
    assert f"{first['left']:.4g}" in html
    assert f"#{first['feature']}" in svg
    compared = make(other=OTHER)
    assert "Difference" in compared.fallback_html()
    ET.fromstring(compared.fallback_svg())
    assert "against" in repr(compared)
    assert all(math.isfinite(row["difference"]) for row in compared.payload["features"])


def test_tables_and_charts_hold_the_numbers_on_view(make):
    view = make(top=5)
    frame = view.to_frame()
    assert frame["feature"].tolist() == [row["feature"] for row in view.payload["features"]]
    assert frame["score"].tolist() == pytest.approx([row["left"] for row in view.payload["features"]])
    assert view.to_frame("tokens")["activation"].abs().min() > 0
    assert "matrix" in view._charts()
    assert view.about()["metric"] == "act_size"
    compared = make(other=OTHER, sort="difference", top=5)
    frame = compared.to_frame()
    assert frame["difference"].tolist() == pytest.approx([row["difference"] for row in compared.payload["features"]])
    pairs = compared.to_frame("pairs")
    assert pairs["left"].isna().sum() + pairs["right"].isna().sum() > 0
    values = compared.to_altair().to_dict()["data"]["values"]
    assert len(values) == 5 * len(pairs)
    assert all(row["value"] is None or math.isfinite(row["value"]) for row in values)


def test_the_page_asks_for_next_tokens(make):
    view = make()
    found = view.ops["suggest"]({"query": "e"}, Job("suggest"))
    assert found
    assert all("e" in text.lower() for text, _, _ in found)
