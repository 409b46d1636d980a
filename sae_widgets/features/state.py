"""A pass half done, as one file or some bytes: to go on with after a stop, and to be added to another process's.

    {sums}          the sums and counts of `gathering.FeaturePass`, by name
    {kept}.{name}   what is kept of the strongest (top), of all (random) and by part (parts), and its floor
    sample.{name}   the rows drawn to compare features by
    rows.{name}     tokens and origin of every row that was read
    metadata        settings, counts, what the pass is of; JSON

safetensors, written under another name and renamed: what is there is whole.
"""

import json
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load, save
from torch import Tensor

from sae_widgets.features.contexts import RowTable
from sae_widgets.features.files import replaced
from sae_widgets.features.gathering import FeaturePass
from sae_widgets.features.sample import SampleRow

FORMAT = 1
_SUMS = ("n_active", "n_active_rows", "sum_squared_counts", "powers", "sum_act", "max_act", "x_powers", "products")
_KEPT = ("top", "random", "parts")
_COUNTS = ("n_tokens", "n_rows", "n_rows_seen")


def pass_to_bytes(gathered: FeaturePass, about: dict[str, Any]) -> bytes:
    """All of a pass, with what it is of."""
    tensors: dict[str, Tensor] = {name: each for name in _SUMS if (each := getattr(gathered, name)) is not None}
    tensors |= {"histogram.counts": gathered.histogram.counts, "histogram.widths": gathered.histogram.widths}
    for kind in _KEPT:
        kept = getattr(gathered, kind)
        tensors |= {f"{kind}.{name}": each for name, each in kept.entries().items()}
        tensors[f"{kind}.floor"] = kept.floor
    sampled = gathered.sample.rows
    tensors["sample.lot"] = torch.tensor([each.lot for each in sampled], dtype=torch.float64)
    tensors["sample.number"] = torch.tensor([each.number for each in sampled], dtype=torch.long)
    for name in ("tokens", "position", "feature", "value"):
        parts = [getattr(each, name) for each in sampled]
        tensors[f"sample.{name}"] = torch.cat(parts) if parts else torch.zeros(0)
    for name in ("tokens", "value"):
        tensors[f"sample.n_{name}"] = torch.tensor([len(getattr(each, name)) for each in sampled], dtype=torch.long)
    tensors |= {f"rows.{name}": each for name, each in vars(RowTable.of(gathered.rows)).items()}
    facts = {
        "format": FORMAT,
        "settings": gathered.settings,
        "counts": {name: getattr(gathered, name) for name in _COUNTS},
        "below": str(gathered.sample.below),
        "about": about,
    }
    return save({name: each.contiguous() for name, each in tensors.items()}, {"pass": json.dumps(facts)})


def pass_from_bytes(data: bytes, facts: dict[str, Any]) -> FeaturePass:
    """The pass that `pass_to_bytes` wrote."""
    tensors = load(data)
    gathered = FeaturePass(**facts["settings"] | {"window": tuple(facts["settings"]["window"])})
    for name in _COUNTS:
        setattr(gathered, name, int(facts["counts"][name]))
    for name in _SUMS:
        if name in tensors:
            setattr(gathered, name, tensors[name])
    gathered.histogram.counts, gathered.histogram.widths = tensors["histogram.counts"], tensors["histogram.widths"]
    for kind in _KEPT:
        entries = {name.partition(".")[2]: each for name, each in tensors.items() if name.startswith(f"{kind}.")}
        getattr(gathered, kind).restore(entries, floor=entries.pop("floor"))
    sizes = tensors["sample.n_tokens"].tolist(), tensors["sample.n_value"].tolist()
    columns = [tensors["sample.tokens"].split(sizes[0])]
    columns += [tensors[f"sample.{name}"].split(sizes[1]) for name in ("position", "feature", "value")]
    origin = tensors["sample.lot"].tolist(), tensors["sample.number"].tolist()
    rows = [SampleRow(*each) for each in zip(*origin, *columns, strict=True)]
    gathered.sample.restore(rows, float(facts["below"]))
    table = RowTable(**{name: tensors[f"rows.{name}"] for name in RowTable.__dataclass_fields__})
    starts = [0, *table.ends.tolist()]
    for i, number in enumerate(table.numbers.tolist()):
        own = table.tokens[starts[i] : starts[i + 1]].clone()
        gathered.rows[number] = (own, int(table.documents[i]), int(table.starts[i]))
    return gathered


def facts_of(data: bytes | Path) -> dict[str, Any]:
    """The metadata: format, settings, counts, what it is of.

    Raises:
        ValueError: If it is no pass, or damaged.
    """
    try:
        if isinstance(data, Path):
            with safe_open(data, "pt") as file:
                text = (file.metadata() or {})["pass"]
        else:
            length = int.from_bytes(data[:8], "little")
            text = json.loads(data[8 : 8 + length])["__metadata__"]["pass"]
        facts = json.loads(text)
        if facts["format"] != FORMAT:
            raise ValueError(f"format {facts['format']}, expected {FORMAT}")
        return facts
    except (SafetensorError, OSError, KeyError, TypeError, ValueError) as error:
        where = str(data) if isinstance(data, Path) else "What another process sent"
        raise ValueError(f"{where} is no whole pass over text: {error}. Delete it, and gather anew.") from error


def write_pass(gathered: FeaturePass, about: dict[str, Any], path: Path) -> None:
    """The pass as a file that is whole or not there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    data = pass_to_bytes(gathered, about)
    replaced(path, lambda beside: beside.write_bytes(data))


def read_pass(path: Path) -> tuple[FeaturePass, dict[str, Any]]:
    """The pass in a file, and what it is of.

    Raises:
        ValueError: If the file is damaged.
    """
    facts = facts_of(path)
    try:
        return pass_from_bytes(path.read_bytes(), facts), facts["about"]
    except (SafetensorError, OSError, KeyError, TypeError, ValueError, RuntimeError) as error:
        raise ValueError(f"{path} is no whole pass over text: {error}. Delete it, and gather anew.") from error
