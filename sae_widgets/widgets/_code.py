"""Python that makes a widget's present view again: what "Copy as code" gives.

Every setting that differs from its default is written, as a literal; what cannot be written (a model, an SAE,
statistics) by the name it has in the notebook, or else by that of the argument.
"""

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import anywidget

from sae_widgets.features.statistics import FeatureStatistics
from sae_widgets.widgets import _provenance
from sae_widgets.widgets._clean import visible

if TYPE_CHECKING:
    from sae_widgets.widgets._base import SaeWidget

MAX_LINE = 100
MAX_COMMENT = 300


def settings_of(widget: "SaeWidget", without: tuple[str, ...] = ()) -> dict[str, Any]:
    """The settings of the page and of Python that are not as they begin."""
    base = set(anywidget.AnyWidget.class_trait_names())
    written = [name for kind in reversed(type(widget).__mro__) for name in vars(kind)]  # in the order they stand there
    own = [name for name in dict.fromkeys(written) if name not in base and not name.startswith("_")]
    synced = widget.traits(sync=True)
    return {
        name: getattr(widget, name)
        for name in own
        if name in synced
        and name not in without
        and synced[name].metadata.get("writer") != "kernel"
        and getattr(widget, name) != widget.trait_defaults(name)
    }


def call(name: str, positional: list[str], keywords: Mapping[str, str]) -> str:
    """A call as code, on one line where it fits."""
    arguments = [*positional, *(f"{key}={value}" for key, value in keywords.items())]
    line = f"{name}({', '.join(arguments)})"
    if len(line) <= MAX_LINE:
        return line
    together = ", ".join(positional)
    first = [together] if len(together) <= MAX_LINE else positional
    lines = [*first, *arguments[len(positional) :]] if positional else arguments
    return f"{name}(\n{''.join(f'    {each},' + chr(10) for each in lines)})"


def name_of(value: Any, otherwise: str) -> str:
    """The name of `value` in the notebook; `otherwise` where it has none."""
    ipython = sys.modules.get("IPython")
    shell = None if ipython is None else ipython.get_ipython()
    names = {} if shell is None else shell.user_ns
    return next((n for n, v in names.items() if v is value and n.isidentifier() and not n.startswith("_")), otherwise)


def view_code(widget: "SaeWidget", without: tuple[str, ...] = (), **more: str) -> str:
    """A call of the widget's class with model, SAE, statistics where it needs them, and its settings.

    Args:
        widget: The widget.
        without: Settings that are left out.
        more: Further arguments, as code.
    """
    sae: Any = getattr(widget, "_sae", None)
    model: Any = getattr(widget, "_model", None)
    positional = [] if sae is None else ["None" if model is None else name_of(model, "model"), name_of(sae, "sae")]
    keywords = {name: repr(value) for name, value in settings_of(widget, without).items()}
    keywords = more | keywords | _statistics(widget, sae) | _selection(widget)
    ours = next(kind for kind in type(widget).__mro__ if kind.__module__.startswith("sae_widgets."))
    made = call(f"sw.{ours.__name__}", positional, keywords)
    return program(widget, f"view = {made}\nview\n")


def program(widget: "SaeWidget", body: str) -> str:
    """`body` with its import, and a comment that says what model and SAE it was."""
    facts = _provenance.caption(_provenance.facts_of(getattr(widget, "_sae", None)))
    comment = " ".join(visible(facts).split())[:MAX_COMMENT]  # on one line, whatever a name holds
    return f"import sae_widgets as sw\n\n{f'# {comment}{chr(10)}' if comment else ''}{body}"


def _statistics(widget: "SaeWidget", sae: Any) -> dict[str, str]:
    lab = getattr(widget, "_lab", None)
    statistics: Any = getattr(widget, "_statistics", None) if lab is None else lab.statistics
    if not isinstance(statistics, FeatureStatistics) or sae is None:
        return {}
    is_stored = sae.folder is not None and (sae.folder / "features" / "statistics.json").is_file()
    name = name_of(statistics, "" if is_stored else "statistics")
    return {"statistics": name} if name else {}


def _selection(widget: "SaeWidget") -> dict[str, str]:
    from sae_widgets.widgets.selection import selection

    link = widget._link
    if not widget.choice_traits or getattr(widget, "_sae", None) is None or (link and link.selection is selection):
        return {}
    return {"selection": "False" if link is None else name_of(link.selection, "selection")}
