"""Where a picture or a table comes from: model, SAE and its hash, data, seed, versions. The caption of every export."""

import functools
import importlib.metadata
from collections.abc import Mapping
from typing import Any

from sae_widgets.features.statistics import FeatureStatistics
from sae_widgets.sae import SAE
from sae_widgets.sae.fingerprint import fingerprint
from sae_widgets.widgets._clean import clean_text

PACKAGES = ("sae-widgets", "torch", "transformer-lens", "transformers")


@functools.cache
def versions() -> str:
    """The packages that numbers depend on, with their versions."""
    found = []
    for name in PACKAGES:
        try:
            found.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            continue  # a model of one's own needs neither of the last two
    return ", ".join(found)


def facts_of(sae: SAE | None, statistics: FeatureStatistics | None = None) -> dict[str, str]:
    """What is known of an SAE and of the statistics that are shown with it; unknown facts are left out."""
    facts: dict[str, str] = {}
    if sae is not None:
        metadata = sae.cfg.metadata
        name = metadata.neuronpedia_id or (sae.folder.name if sae.folder is not None else "")
        parts = [str(name), sae.cfg.architecture, f"{sae.d_sae:,} features"]
        facts |= {"model": str(metadata.model_name or ""), "hook": str(metadata.hook_name or "")}
        facts |= {"sae": ", ".join(part for part in parts if part), "sae_sha256": fingerprint(sae)}
        facts["training_data"] = str(metadata.dataset_path or "")
    if statistics is not None:
        source = next((str(statistics.about[key]) for key in ("dataset", "texts") if statistics.about.get(key)), "")
        facts["statistics"] = f"{statistics.n_tokens:,} tokens" + (f" of {source}" if source else "")
    return {key: clean_text(value) for key, value in facts.items() if value}


def caption(facts: Mapping[str, Any]) -> str:
    """The facts in a line or two: `model gelu-1l; SAE ...`."""
    names = {"widget": "", "sae": "SAE", "sae_sha256": "SHA-256", "training_data": "trained on", "versions": ""}
    texts = ("prompt", "other", "target", "contrast")  # of which a reader must see where they begin and end
    shown = {key: f"“{value}”" if key in texts else str(value) for key, value in facts.items()}
    return "; ".join(f"{names.get(key, key)} {value}".strip() for key, value in shown.items())
