"""A closed widget is gone from Python, with all it holds; so is one whose cell was run again."""

import gc
import time
import weakref

import pytest

import sae_widgets as sw
from sae_widgets.features.survey import feature_statistics
from sae_widgets.widgets import _MODULE_OF
from tests.widgets.test_export import TEXTS, _Training

NO_WIDGETS = {"train", "freeze_all"}


@pytest.fixture
def make(_session_model, tiny_sae):
    """Makers of every public widget that has done some work, by name."""
    model, sae = _session_model, tiny_sae
    statistics = feature_statistics(model, sae, TEXTS, n_top=3)

    def browser():
        made = sw.FeatureBrowser(model, sae, statistics, feature=3, like=3, opened=3, map_method="pca")
        made.contrast(*TEXTS)
        assert made.wait(30)
        assert made.dashboard.wait(30)
        return made

    def training():
        run = sw.TrainingRun(_Training())
        panel = sw.TrainingPanel(run)
        run.run()
        return panel

    return {
        "TokenHeatmap": lambda: sw.TokenHeatmap(model, sae, TEXTS[0], statistics=statistics),
        "TokenHeatmap of values": lambda: sw.TokenHeatmap.from_data(["a", "b"], [0.5, 1.0]),
        "SteeringPanel": lambda: sw.SteeringPanel(model, sae, "The cat", {3: 1.0}, statistics, max_new_tokens=3),
        "FeatureBrowser": browser,
        "FeatureDashboard": lambda: sw.FeatureDashboard(model, sae, 3, statistics),
        "FeatureDashboard of texts": lambda: sw.FeatureDashboard(model, sae, 3, texts=TEXTS),
        "AttributionBars": lambda: sw.AttributionBars(model, sae, "The cat", " dog", methods=["direct"]),
        "PromptView": lambda: sw.PromptView(model, sae, "The cat", statistics=statistics),
        "TrainingPanel": training,
        "CatalogBrowser": lambda: sw.CatalogBrowser(text="gpt2"),
        "ToyModel": lambda: sw.ToyModel(3, with_sae=True).run(5),
    }


def until_gone(references, timeout_s=20.0):
    """The names of those that are still there after a while: a worker lets go of its widget as it ends."""
    end = time.monotonic() + timeout_s
    while True:
        gc.collect()
        left = [name for name, reference in references.items() if reference() is not None]
        if not left or time.monotonic() > end:
            return left
        time.sleep(0.05)


def test_a_closed_widget_is_gone(make):
    assert {name.split()[0] for name in make} == set(_MODULE_OF) - NO_WIDGETS
    references = {}
    for name, maker in make.items():
        widget = maker()
        assert widget.wait(30)
        assert widget.error == {}
        references[name] = weakref.ref(widget)
        widget.close()
    del widget
    assert until_gone(references) == []
