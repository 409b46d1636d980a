"""Which widgets are shown, to freeze them, and by which cells: once all of those were run again, a widget can go.

ipywidgets keeps every widget until it is closed. Of a cell run fifty times, fifty panels would follow the selection,
hold their tensors, and travel to the page with each reload. Here a cell that is run again takes its earlier widgets
off the screen, so what keeps them for the screen's sake lets go: ipywidgets' registry, and `Out` of that earlier run.
From then on Python decides: one that a variable, a container or another widget holds lives on and can be shown again;
one that nobody holds is closed. Hosts that do not say which cell they run (Colab) keep every widget, as is usual.
"""

import gc
import sys
import threading
import weakref
from typing import Any

from ipywidgets.widgets import widget as ipywidgets_widget

_on_view: "weakref.WeakSet[Any]" = weakref.WeakSet()
_new: "weakref.WeakSet[Any]" = weakref.WeakSet()
"""Those that the running cell has shown so far."""
_by_cell: dict[str, "weakref.WeakSet[Any]"] = {}
"""Id of a cell -> those that its last run showed."""


def keep(widget: Any) -> None:
    """Keep a widget that is being shown, until its cells are run again."""
    ipywidgets_widget._instances[widget.model_id] = widget
    _on_view.add(widget)
    ipython = sys.modules.get("IPython")
    shell = None if ipython is None else ipython.get_ipython()
    # What a thread shows is in the output of a cell that ended long ago: no telling which.
    if shell is None or threading.current_thread() is not threading.main_thread():
        return
    _new.add(widget)
    for event, listener in (("pre_run_cell", _before_cell), ("post_run_cell", _after_cell)):
        if listener not in shell.events.callbacks[event]:
            shell.events.register(event, listener)


def _before_cell(info: Any) -> None:
    """Forget what was shown between cells: by a task, or a button."""
    _new.clear()


def _after_cell(result: Any) -> None:
    """Let go of what the cell showed before, and shows no longer."""
    cell = getattr(result.info, "cell_id", None)
    if cell is None:  # run by a magic, whose own cell follows; or a host that tells no cells
        return
    before, _by_cell[cell] = _by_cell.get(cell, ()), weakref.WeakSet(_new)
    _new.clear()
    gone = [widget for widget in before if not any(widget in shown for shown in _by_cell.values())]
    for widget in gone:
        _let_go(widget)
    if gone:
        del widget, before
        gone.clear()
        gc.collect()  # widgets refer to themselves, and until they are found they work for nobody: 0.25 s at most


def freeze_all() -> int:
    """Freeze every widget that is shown in this notebook; returns how many."""
    shown = [widget for widget in list(_on_view) if widget._display_ids]
    for widget in shown:
        widget.freeze()
    return len(shown)


def release(widget: Any) -> None:
    """Keep a widget no longer; a page that is loaded still finds it, as long as somebody else holds it."""
    if widget.comm is not None:
        stand_in: Any = weakref.proxy(widget)
        ipywidgets_widget._instances[widget.model_id] = stand_in


def _let_go(widget: Any) -> None:
    release(widget)
    widget._display_ids.clear()
    shell = sys.modules["IPython"].get_ipython()
    outputs = shell.user_ns.get("_oh", {})
    for number in [number for number, value in outputs.items() if value is widget]:
        del outputs[number]
        shell.del_var(f"_{number}", by_name=True)
