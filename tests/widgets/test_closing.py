"""A closed widget is gone from Python, with all it holds; so is one whose cell was run again."""

import gc
import threading
import time
import weakref
from typing import Any

import IPython
import pytest
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

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


# -- cells that are run again ------------------------------------------------------------------------------------------


@pytest.fixture
def shell(monkeypatch):
    """A notebook's shell, whose page says which cell is run."""
    config = Config()
    config.HistoryManager.enabled = False
    shell: Any = InteractiveShell(config=config)
    monkeypatch.setattr(IPython, "get_ipython", lambda: shell)
    monkeypatch.setattr(InteractiveShell, "_instance", shell)
    shell.display_formatter.ipython_display_formatter.enabled = True
    monkeypatch.setattr(IPython.display, "publish_display_data", lambda *a, **k: None)
    yield shell
    shell.restore_sys_module_state()


def run_cell(shell, cell, code):
    shell.run_cell(code, store_history=True, cell_id=cell).raise_error()


def newer_outputs(shell):
    """Push it out of `_`, `__` and `___`, which hold the newest three outputs."""
    for n in range(3):
        run_cell(shell, f"other {n}", "0")


@pytest.mark.parametrize("show", ["widget", "display(widget)", "display(widget, widget)\ndel widget"])
def test_a_cell_run_again_lets_its_widgets_go(make, shell, show):
    shell.user_ns |= {"make": make, "references": {}, "weakref": weakref}
    for name in ["TokenHeatmap", *(["FeatureBrowser", "TrainingPanel"] if show == "widget" else [])]:
        code = f"widget = make[{name!r}]()\nassert widget.wait(30)\nreferences[{name!r}] = weakref.ref(widget)\n{show}"
        run_cell(shell, "a", code)
        assert shell.user_ns["references"][name]() is not None
    newer_outputs(shell)
    run_cell(shell, "a", "widget = 0")
    assert until_gone(shell.user_ns["references"], timeout_s=3.0) == []  # before a worker that waits has ended


def test_what_is_held_or_shown_elsewhere_stays(shell):
    from ipywidgets import HBox
    from ipywidgets.widgets.widget import Widget, _instances

    shell.user_ns |= {"sw": sw, "HBox": HBox, "weakref": weakref}
    run_cell(shell, "a", "widget = sw.TokenHeatmap.from_data(['a'], [1.0])\nreference = weakref.ref(widget)\nwidget")
    run_cell(shell, "b", "widget")
    run_cell(shell, "a", "held = [widget]; del widget")
    newer_outputs(shell)
    reference = shell.user_ns["reference"]
    assert reference() in _instances.values()
    run_cell(shell, "b", "row = HBox(held)")
    newer_outputs(shell)
    assert reference().comm is not None
    assert reference().model_id in Widget.get_manager_state()["state"]  # a page that is loaded again asks for all
    run_cell(shell, "b", "held[0]")
    run_cell(shell, "c", "row.close(); del held, row\nimport gc\ngc.collect()")
    newer_outputs(shell)
    assert reference() is not None  # on view
    run_cell(shell, "b", "")
    assert until_gone({"widget": reference}) == []


def test_what_is_shown_beside_cells_stays(shell):
    from IPython.display import display

    first, second = (sw.TokenHeatmap.from_data(["a"], [1.0]) for _ in range(2))
    references: dict[str, Any] = {"between cells": weakref.ref(first), "by a thread": weakref.ref(second)}
    run_cell(shell, "a", "0")
    display(first)
    shell.user_ns["show"] = threading.Thread(target=display, args=(second,))
    run_cell(shell, "b", "show.start(); show.join(); del show")
    run_cell(shell, "b", "0")
    del first, second
    gc.collect()
    left = {name: each() for name, each in references.items()}
    assert None not in left.values()
    for widget in left.values():
        widget.close()
