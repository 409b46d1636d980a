"""Names of features in a file of their own, which says whose they are.

{"format": 1, "sae": {"name", "d_sae", "sha256"}, "labels": {"42": "dates", ...}}
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sae_widgets.sae import SAE
from sae_widgets.sae.fingerprint import fingerprint
from sae_widgets.web import write_whole

FORMAT = 1


def write_labels(path: str | Path, labels: Mapping[int, str], sae: SAE) -> Path:
    """The file, with the names of features of `sae` in it."""
    path = Path(path).expanduser()
    named = {str(feature): text for feature, text in sorted(labels.items()) if text}
    whole = {"format": FORMAT, "sae": _whose(sae), "labels": named}
    write_whole(path, (json.dumps(whole, indent=1, ensure_ascii=True) + "\n").encode())
    return path


def read_labels(path: str | Path, sae: SAE) -> dict[int, str]:
    """The names that `write_labels` wrote.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is damaged, or names features of another SAE.
    """
    path = Path(path).expanduser()
    try:
        whole = json.loads(path.read_text("utf-8"))
        theirs, found = dict(whole["sae"]), {int(feature): str(text) for feature, text in whole["labels"].items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{path} is no labels file, or damaged ({error}); sw.write_labels writes one.") from error
    own = _whose(sae)
    if theirs.get("sha256") != own["sha256"]:
        raise ValueError(
            f"{path} names features of another SAE: {_said(theirs)}; this one is {_said(own)}. Give another file, or "
            "the SAE it was written for."
        )
    outside = [feature for feature in found if not 0 <= feature < sae.cfg.d_sae]
    if outside:
        raise ValueError(f"{path} is damaged: it names feature {outside[0]}; there are {sae.cfg.d_sae}, from 0.")
    return found


def _whose(sae: SAE) -> dict[str, Any]:
    return {"name": sae.name, "d_sae": sae.cfg.d_sae, "sha256": fingerprint(sae)}


def _said(whose: Mapping[str, Any]) -> str:
    return f"{whose.get('name', 'unnamed')}, {whose.get('d_sae')} features, SHA-256 {whose.get('sha256')}"
