"""Notebook widgets. One widget is one module here and one module of the same name under `js/widgets`."""

import importlib
from typing import Any

# public name -> module of this package; a new widget adds one line here.
_MODULE_OF = {
    "TokenHeatmap": "token_heatmap",
    "SteeringPanel": "steering_panel",
    "FeatureBrowser": "feature_browser",
    "FeatureDashboard": "feature_dashboard",
    "AttributionBars": "attribution_bars",
    "PromptView": "prompt_view",
    "TrainingPanel": "training_panel",
    "CatalogBrowser": "catalog_browser",
    "ToyModel": "toy_model",
    "train": "training_panel",
    "freeze_all": "_shown",
}

__all__ = [*_MODULE_OF]  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module 'sae_widgets.widgets' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"sae_widgets.widgets.{_MODULE_OF[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
