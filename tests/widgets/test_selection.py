"""One selection for all widgets: who follows, who does not, and that nobody hears an echo."""

import gc
import threading
import weakref

import pytest
import torch
import traitlets

import sae_widgets as sw
from sae_widgets.widgets._base import SaeWidget
from sae_widgets.widgets.attribution_bars import AttributionBars
from sae_widgets.widgets.feature_dashboard import FeatureDashboard
from sae_widgets.widgets.selection import Link, Selection, sae_id
from sae_widgets.widgets.steering_panel import SteeringPanel
from sae_widgets.widgets.token_heatmap import TokenHeatmap
from tests.tiny_model import TEXT, tiny_topk

HOOK = "blocks.1.hook_resid_pre"


class Chooser(SaeWidget):
    """A widget with a choice and a text, that counts what it is told."""

    _view = traitlets.Unicode("click_test").tag(sync=True)
    choice_traits = ("features", "at", "prompt")
    features = traitlets.List(traitlets.Int()).tag(sync=True)
    at = traitlets.Int(None, allow_none=True).tag(sync=True)
    prompt = traitlets.Unicode("").tag(sync=True)

    def __init__(self, sae, **traits):
        self._sae, self.told = sae, []
        super().__init__(**traits)

    def chosen(self, change):
        if change["name"] == "at":
            return {"tokens": None if change["new"] is None else (change["new"], change["new"] + 1)}
        return {"features": list(change["new"])}

    def take_features(self, features):
        self.told.append(features)
        self.features = features[:1]  # keeps less than it was told: an echo would cut the selection

    def take_tokens(self, span):
        self.at = None if span is None else span[0]


@pytest.fixture
def shared():
    return Selection()


@pytest.fixture
def make(shared):
    made = []

    def make(sae, **traits):
        made.append(Chooser(sae, **{"selection": shared, **traits}))
        return made[-1]

    yield make
    for each in made:
        each.close()


@pytest.fixture(scope="module")
def sae():
    return tiny_topk(HOOK)


@pytest.fixture(scope="module")
def other():
    return tiny_topk(HOOK, seed=5)


def test_a_choice_moves_the_others_over_the_same_sae_alone(make, shared, sae, other):
    a, b, elsewhere = make(sae), make(sae), make(other)
    a.features = [3, 5]
    assert shared.features == [3, 5]
    assert shared.sae_id == sae_id(sae)
    assert b.features == [3]
    assert elsewhere.features == []
    elsewhere.features = [7]
    assert (shared.features, shared.sae_id) == ([7], sae_id(other))
    assert (a.features, b.features) == ([3, 5], [3])


def test_who_chose_hears_no_echo_and_a_follower_does_not_answer(make, shared, sae):
    a, b = make(sae), make(sae)
    a.features = [3, 5]
    assert a.told == []
    assert b.told == [[3, 5]]
    assert shared.features == [3, 5]


def test_python_sees_and_sets_it(make, shared, sae, other):
    a, elsewhere, seen = make(sae), make(other), []
    shared.observe(lambda change: seen.append((shared.sae_id, change["new"])), names="features")
    shared.features = [9]
    assert a.features == [9]
    shared.select(other, 4)
    assert (a.features, elsewhere.features) == ([9], [4])
    shared.select(sae)
    assert shared.features == []
    assert seen == [(sae_id(sae), [9]), (sae_id(other), [4]), (sae_id(sae), [])]
    shared.select(features=[1, 2], tokens=(0, 2), prompt="a b")
    assert repr(shared) == f"Selection({sae_id(sae)}: features [1, 2], tokens 0 to 1, prompt 'a b')"
    shared.clear()
    assert (shared.features, shared.tokens, shared.prompt) == ([], None, "a b")


def test_a_text_moves_along_where_the_old_one_was_shown(make, shared, sae):
    a, b, another = make(sae, prompt="one"), make(sae, prompt="one"), make(sae, prompt="two")
    assert shared.prompt == "one"
    a.at = 2
    assert (shared.tokens, b.at, another.at) == ((2, 3), 2, None)
    a.prompt = "one more"
    assert (b.prompt, another.prompt) == ("one more", "two")
    assert (shared.tokens, b.at) == (None, None)
    another.at = 1  # a choice in another text is of that text, and moves no text
    assert (shared.prompt, shared.tokens) == ("two", (1, 2))
    assert (a.prompt, a.at) == ("one more", 2)
    shared.prompt = "three"
    assert (a.prompt, another.prompt) == ("one more", "three")


def test_what_cannot_be_chosen_is_refused_whole(make, shared, sae):
    a = make(sae)
    a.features = [3]
    with pytest.raises(ValueError, match=r"No feature 40 in .*: there are 40, 0 to 39"):
        shared.features = [40]
    with pytest.raises(ValueError, match="No feature -1"):
        shared.select(features=-1, prompt="new")
    with pytest.raises(ValueError, match="expected \\(start, end\\)"):
        shared.tokens = (3, 3)
    assert (shared.features, shared.prompt, a.features) == ([3], "", [3])
    with pytest.raises(TypeError, match="expected a Selection, None"):
        make(sae, selection="mine")


def test_a_widget_can_keep_to_itself_and_a_closed_one_hears_nothing(make, shared, sae):
    a, alone, closed = make(sae), make(sae, selection=False), make(sae)
    closed.close()
    a.features = [3]
    assert alone.features == closed.features == closed.told == []
    alone.features = [8]
    closed.features = [9]
    assert shared.features == [3]


def test_a_forgotten_widget_is_not_kept_alive(shared, sae):
    class Bare(traitlets.HasTraits):
        choice_traits, comm = ("features",), True
        features = traitlets.List(traitlets.Int())

    widget = Bare()
    Link(widget, shared, sae)
    gone, told = weakref.ref(widget), shared._trait_notifiers[traitlets.All]["change"]
    assert len(told) == 1
    del widget
    gc.collect()
    assert gone() is None
    shared.features = [1]
    assert told == []


def test_choices_of_two_threads_end_alike(make, shared, sae):
    widgets = [make(sae) for _ in range(4)]
    begin = threading.Barrier(2)

    def choose(widget, features):
        begin.wait(10)
        for feature in features:
            widget.features = [feature]

    threads = [threading.Thread(target=choose, args=(widgets[i], range(i, 40, 2))) for i in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert not any(thread.is_alive() for thread in threads)
    shared.features = [7]
    assert [widget.features for widget in widgets] == [[7]] * 4


def test_an_sae_is_known_by_its_weights(sae, other):
    copy = tiny_topk(HOOK)
    assert sae_id(copy) == sae_id(sae) != sae_id(other)
    with torch.no_grad():
        copy.W_dec[:] = other.W_dec
    assert sae_id(copy) == sae_id(sae)  # one that is trained on stays who it is


def test_the_widgets_share_one_selection(tiny_model, tiny_sae, shared):
    rows = torch.randint(1, 300, (8, 16), generator=torch.Generator().manual_seed(1))
    statistics = sw.feature_statistics(tiny_model, tiny_sae, rows)
    prompt = TEXT[:30]
    heatmap = TokenHeatmap(tiny_model, tiny_sae, prompt, selection=shared)
    bars = AttributionBars(tiny_model, tiny_sae, prompt, methods=["gradient"], selection=shared)
    panel = SteeringPanel(tiny_model, tiny_sae, prompt, [2], max_new_tokens=2, selection=shared)
    board = FeatureDashboard(tiny_model, tiny_sae, 1, statistics, selection=shared)
    widgets = [heatmap, bars, panel, board]
    try:
        for widget in widgets:
            assert widget.wait(30)
        assert shared.features == []
        heatmap.set_state({"features": [5], "mode": "feature"})  # as the page does
        assert (board.feature, bars.selected_feature, panel.features) == (5, 5, [2, 5])
        assert panel.strengths == {2: 0.0, 5: 0.0}
        board.feature = 6
        assert (heatmap.features, bars.selected_feature, panel.features) == ([6], 6, [2, 6])
        panel.strengths = {2: 0.0, 6: 1.5}
        bars.selected_feature = 9
        assert (panel.features, panel.strengths[6]) == ([2, 6, 9], 1.5)  # a slider that was moved stays
        shared.features = [3, 4]
        assert (heatmap.features, heatmap.mode, board.feature) == ([3, 4], "overlay", 3)
        bars.selected_feature = None
        assert (shared.features, heatmap.mode, board.feature) == ([], "strongest", 3)
        heatmap.pinned = 2
        assert shared.tokens == (2, 3)
        panel.prompt = TEXT[:20]
        assert (heatmap.prompt, bars.prompt, shared.prompt) == (TEXT[:20],) * 3
        assert all(widget.wait(30) for widget in widgets)
        assert [row["feature"] for row in panel.rows] == panel.features
        shared.features = [11]
        latest = FeatureDashboard(tiny_model, tiny_sae, statistics=statistics, selection=shared)
        assert latest.feature == 11
        assert all(widget.wait(30) for widget in [*widgets, latest])
        latest.close()
    finally:
        for widget in widgets:
            widget.close()


def test_the_shared_one_is_public():
    assert isinstance(sw.selection, sw.Selection)
