"""The ToyModel widget: traits, controls, what it says and what it leaves in a saved notebook."""

import math
import time
import xml.dom.minidom

import pytest

from sae_widgets.widgets._curves import unpack
from sae_widgets.widgets.toy_model import ToyModel


@pytest.fixture
def toy():
    toy = ToyModel(n_features=4, sparsity=0.9, importance=1.0)
    yield toy
    toy.close()


def until(condition, timeout_s: float = 20.0) -> None:
    end = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < end, "it did not come to pass"
        time.sleep(0.01)


def rests(toy: ToyModel) -> ToyModel:
    assert toy.wait(20)
    return toy


def test_run_trains_here_and_sends_what_it_has_learned(toy):
    assert toy.frame["step"] == 0
    assert toy.loss is None
    assert toy.run(250) is toy
    assert toy.frame["step"] == toy.model.n_steps == 250
    assert not toy.frame["playing"]
    assert toy.told.startswith("4 of 4 features are represented in 2 dimensions; opposite pairs: ")
    steps, values = unpack(toy.curve)["loss"]
    assert steps[-1] == 250
    assert values[-1] == pytest.approx(toy.loss)
    assert values[-1] < values[0]


def test_play_and_pause_and_step_work_in_the_background(toy):
    toy.play()
    until(lambda: toy.frame["step"] > 20 and toy.frame["playing"])
    toy.pause()
    at = rests(toy).frame["step"]
    assert not toy.is_playing
    assert not toy.frame["playing"]
    toy.on_message({"kind": "control", "action": "step"}, [])
    assert rests(toy).frame["step"] == at + 1
    toy.on_message({"kind": "control", "action": "close"}, [])  # none of the actions: dropped
    assert rests(toy).frame["step"] == at + 1


def test_settings_of_the_data_are_live_and_others_begin_again(toy):
    toy.run(5)
    toy.sparsity = 0.2
    rests(toy).run(1)
    assert toy.model.sparsity == 0.2
    assert toy.model.n_steps == 6
    toy.n_features = 7
    assert rests(toy).frame["step"] == 0
    assert len(toy.frame["features"]) == 7
    toy.set_state({"seed": 3, "frame": {"step": 99}})
    assert rests(toy).model.n_steps == 0
    assert toy.frame["step"] == 0  # what the kernel writes the page does not
    other = ToyModel(n_features=7, sparsity=0.2, importance=1.0, seed=3)
    assert toy.frame["features"] == other.frame["features"]
    other.close()


def test_reset_keeps_playing_where_it_played(toy):
    toy.play()
    until(lambda: toy.frame["step"] > 20)
    toy.seed = 5
    until(lambda: toy.model.generator.initial_seed() == 5 and toy.frame["step"] > 2)
    assert toy.is_playing
    toy.pause()
    rests(toy)


def test_the_sae_is_drawn_while_it_is_wanted(toy):
    toy.with_sae = True
    rests(toy).run(10)
    assert len(toy.frame["rows"]) == 8
    assert all(math.hypot(*row) == pytest.approx(1, abs=1e-3) for row in toy.frame["rows"])
    assert len(toy.frame["cosines"]) == 4
    assert "the SAE has found" in toy.run(150).told
    assert "stroke-dasharray" in toy.fallback_svg()
    toy.with_sae = False
    assert rests(toy).frame["rows"] == []


def test_the_still_picture_tells_what_was_learned(toy):
    toy.run(30)
    bundle = toy.static_bundle()
    xml.dom.minidom.parseString(bundle["image/svg+xml"])
    assert "ToyModel, sparsity 0.9, importance 1, step 30" in bundle["text/plain"]
    assert "dimensionality" in bundle["text/html"]
    assert "<script" not in bundle["text/html"]
    assert len(bundle["text/html"]) < 20_000


@pytest.mark.parametrize("wrong", [{"n_features": 0}, {"n_features": 25}, {"sparsity": 1.0}, {"importance": 0.0}])
def test_what_cannot_be_is_refused(wrong):
    (name,) = wrong
    with pytest.raises(ValueError, match=name):
        ToyModel(**wrong)


def test_an_unknown_argument_names_the_nearest():
    with pytest.raises(TypeError, match=r"no argument 'sparsness'\. Did you mean 'sparsity'"):
        ToyModel(sparsness=0.5)


def test_where_it_is_shown_it_leaves_its_picture_at_each_rest(toy, monkeypatch):
    published = []
    monkeypatch.setattr("IPython.display.publish_display_data", lambda data, *args, **kwargs: published.append(data))
    toy._ipython_display_()
    rests(toy)
    toy.step(3)
    rests(toy)
    assert toy.error == {}
    assert "step 3" in published[-1]["text/plain"]
    assert "<svg" in published[-1]["image/svg+xml"]
    toy._display_ids.clear()  # else other tests' freeze_all would find it
