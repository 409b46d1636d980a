"""The README of a repository with SAEs: what is in it, and the code that loads each."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sae_widgets.sae import SAE

TAGS = ("sparse-autoencoder", "interpretability", "saelens", "sae_widgets")

_HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")
_SHOWN = {"l0": "L0", "explained_variance": "explained variance", "ce_loss_score": "CE loss score"}
"""Column titles of the usual metrics; others go by their own name."""


@dataclass(frozen=True)
class CardEntry:
    """What the card says of one SAE; None where nobody knows."""

    sae_id: str
    architecture: str
    model_name: str | None
    hook_name: str | None
    d_in: int
    d_sae: int
    metrics: dict[str, float] = field(default_factory=dict)
    """Numbers measured by whoever publishes, by name."""

    @classmethod
    def of(cls, sae_id: str, sae: SAE, metrics: Mapping[str, Any] | None = None) -> "CardEntry":
        """The entry of `sae`; what its metadata knows of L0 is a metric unless `metrics` says otherwise."""
        metadata = sae.cfg.metadata
        hooks = metadata.get("hook_names") or [metadata.hook_name]
        known = {"l0": metadata.l0, **(metrics or {})}
        return cls(
            sae_id,
            str(sae.cfg.architecture),
            metadata.model_name,
            ", ".join(str(hook) for hook in hooks if hook) or None,
            sae.cfg.d_in,
            sae.cfg.d_sae,
            {name: float(value) for name, value in known.items() if value is not None},
        )


def model_card(repo_id: str, entries: Sequence[CardEntry]) -> str:
    """The README of the repository `repo_id` that holds `entries`."""
    models = sorted({each.model_name for each in entries if each.model_name})
    of_models = f" for {_listed(models)}" if models else ""
    plural = "A sparse autoencoder" if len(entries) == 1 else f"{len(entries)} sparse autoencoders"
    first = json.dumps(entries[0].sae_id, ensure_ascii=False)
    repo = json.dumps(repo_id)
    return "\n".join(
        [
            _front_matter(models),
            f"# {repo_id.split('/')[-1]}",
            "",
            f"{plural}{of_models}, in the format of SAELens.",
            "",
            "## What is here",
            "",
            *_table(entries),
            "",
            "## Load one",
            "",
            "```python",
            "import sae_widgets as sw",
            "",
            f"sae = sw.SAE.from_pretrained({repo}, {first})",
            "```",
            "",
            "The id is the name of a folder of this repository, as the table lists them. SAELens reads the same files:",
            "",
            "```python",
            "from sae_lens import SAE",
            "",
            f"sae = SAE.from_pretrained({repo}, {first})",
            "```",
            "",
        ]
    )


def _front_matter(models: Sequence[str]) -> str:
    lines = ["---", "library_name: saelens", "tags:", *(f"- {tag}" for tag in TAGS)]
    # Only a hub id may stand here; "gpt2-small", say, is a name of transformer-lens.
    on_hub = [model for model in models if _HUB_ID.fullmatch(model)]
    if on_hub:
        lines += ["base_model:", *(f"- {json.dumps(model)}" for model in on_hub)]
    return "\n".join([*lines, "---", ""])


def _table(entries: Sequence[CardEntry]) -> list[str]:
    names = list(dict.fromkeys([n for n in _SHOWN if any(n in e.metrics for e in entries)]))
    names += sorted({name for each in entries for name in each.metrics} - set(names))
    header = ["id", "model", "hook", "width", "architecture", *(_SHOWN.get(name, name) for name in names)]
    rows = [
        [
            _code(each.sae_id),
            _cell(each.model_name),
            _code(each.hook_name),
            f"{each.d_sae:,}",
            _cell(each.architecture),
            *(f"{each.metrics[name]:.4g}" if name in each.metrics else "–" for name in names),
        ]
        for each in entries
    ]
    lines = [[_cell(name) for name in header], ["---"] * len(header), *rows]
    return [f"| {' | '.join(line)} |" for line in lines]


def _cell(text: str | None) -> str:
    """`text` for a cell of a table: one line, nothing in it that Markdown or HTML would take for markup."""
    if not text:
        return "–"
    return re.sub(r"([\\`*_{}\[\]<>|#~!&])", r"\\\1", " ".join(text.split()))


def _code(text: str | None) -> str:
    """`text` as code in a cell; as plain text where it holds a character that ends code or a cell."""
    return f"`{text}`" if text and not re.search(r"[`|\s\\]", text) else _cell(text)


def _listed(names: Sequence[str]) -> str:
    cells = [_cell(name) for name in names[:4]]
    if len(names) > 4:
        cells.append(f"{len(names) - 4} more")
    return cells[0] if len(cells) == 1 else f"{', '.join(cells[:-1])} and {cells[-1]}"
