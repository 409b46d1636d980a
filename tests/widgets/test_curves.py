"""Curves as the training panel sends them, and the names that they, numbers and changes have."""

import math
import random

import pytest

from sae_widgets.widgets._curve_names import charts_of, event_label
from sae_widgets.widgets._curve_picture import number
from sae_widgets.widgets._curves import MAX_POINTS, MAX_TAIL_POINTS, Curve, CurveFeed, pack, unpack

# --- curves ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [1, 2, 100, 1019, 1020, 1021, 5000, 123_457])
def test_a_curve_keeps_its_extremes_its_end_and_its_bound(n):
    generator = random.Random(n)
    values = [generator.gauss(0, 1) for _ in range(n)]
    spike = n // 3
    values[spike] = 99.0
    curve = Curve()
    for start in range(0, n, 777):
        curve.extend(range(start, min(n, start + 777)), values[start : start + 777])
    steps, kept = curve.points()
    assert len(steps) == len(kept) <= MAX_POINTS
    assert list(steps) == sorted(set(steps))
    assert (max(kept), min(kept)) == (max(values), min(values))
    assert steps[0] <= 4 * n / MAX_POINTS
    assert (steps[-1], kept[-1]) == (n - 1, values[-1])
    assert all(values[int(step)] == value for step, value in zip(steps, kept, strict=True)), "every point is a real one"
    if n <= 1019:
        assert list(kept) == values


def test_a_short_curve_is_kept_whole_and_in_order():
    curve = Curve()
    curve.extend([1, 5, 9], [3.0, math.nan, 1.0])
    assert [*curve.points()[0]] == [1, 5, 9] or [*curve.points()[0]] == [1, 9]
    assert [*curve.points()[1]][-1] == 1.0


def test_values_that_cannot_be_drawn_become_gaps():
    curve = Curve()
    curve.extend(range(8), [1.0, 2.0, math.inf, -math.inf, 1e300, math.nan, 5.0, 6.0])
    values = curve.points()[1]
    assert [value for value in values if value == value] == [1.0, 2.0, 5.0, 6.0]
    assert any(value != value for value in values)


def test_packing_is_float32_and_comes_back():
    packed = pack([("a", [1, 2], [0.5, 3e-4]), ("b", [], [])])
    assert packed["counts"] == [2, 0]
    assert len(packed["data"]) == 16
    curves = unpack(packed)
    assert curves["a"][0] == [1.0, 2.0]
    assert curves["a"][1] == pytest.approx([0.5, 3e-4])
    assert curves["b"] == ([], [])


class Series:
    def __init__(self):
        self.data = {}

    def names(self):
        return list(self.data)

    def series(self, name, start=0):
        steps, values = self.data[name]
        return steps[start:], values[start:]


def shown(feed):
    """What a page sees: the points of `whole`, then those of `tail`."""
    curves = unpack(feed.whole)
    for name, (steps, values) in unpack(feed.tail).items():
        before = curves.get(name, ([], []))
        curves[name] = (before[0] + steps, before[1] + values)
    return curves


def test_whole_and_tail_together_are_always_the_history():
    source, generator = Series(), random.Random(0)
    feed = CurveFeed(source)
    source.data["loss"] = ([], [])
    n_whole = 0
    for i in range(4000):
        source.data["loss"][0].append(i)
        source.data["loss"][1].append(generator.random())
        if i == 2000:
            source.data["late"] = ([i], [1.0])
        if i % 7 and i != 3999:
            continue
        has_new_whole, has_new_tail = feed.update()
        n_whole += has_new_whole
        assert has_new_tail
        assert feed.tail["revision"] == feed.whole["revision"]
        assert max(feed.tail["counts"]) <= MAX_TAIL_POINTS + 3
        seen = shown(feed)["loss"]
        assert len(seen[0]) <= MAX_POINTS
        assert seen[0] == sorted(set(seen[0]))
        assert seen[0][-1] == i
    assert feed.tail["exact"] is False
    assert shown(feed)["late"] == ([2000.0], [1.0])
    assert n_whole < 40, "the big message is the rare one"
    assert feed.update() == (False, False)


# --- words -----------------------------------------------------------------------------------------------------------


def test_curves_are_grouped_best_known_first():
    names = ["grad_norm", "eval/l0", "l0", "mse_loss", "loss", "eval/ce_loss_with_sae", "eval/ce_loss_without_sae"]
    names += ["eval/ce_loss_score", "own_metric", "l1_coefficient", "dead_features"]
    charts = {chart.title: chart for chart in charts_of(names)}
    assert [*charts][:3] == ["Loss", "L0 (active features per token)", "Dead features"]
    assert charts["Loss"].labels == ("mse", "sum")
    assert charts["L0 (active features per token)"].labels == ("in the model", "L0")
    assert charts["CE loss of the model"].labels == ("with sae", "without sae")
    assert charts["Own metric"].names == ("own_metric",)
    assert sum(len(chart.names) for chart in charts.values()) == len(names)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (3e-4, "3e-4"),
        (1.25e-5, "1.25e-5"),
        (0.123456, "0.1235"),
        (31.0, "31"),
        (123456.7, "123,457"),
        (math.nan, "–"),
        (None, "–"),
        (-2.5, "-2.5"),
    ],
)
def test_numbers_read_as_a_person_writes_them(value, text):
    assert number(value) == text


def test_the_label_of_a_change_is_short():
    assert event_label({"step": 1, "name": "l1_coefficient", "old": 2.0, "new": 0.5}) == "l1 2 → 0.5"
