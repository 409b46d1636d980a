"""Feature statistics on disk: one folder that holds all a dashboard shows.

    statistics.safetensors   density max_act mean_act bin_width [d_sae] float32, histogram [d_sae, n_bins],
                             and where they were gathered: moments [4, d_sae] float64, design_effect [d_sae],
                             neurons [3, d_sae, n], rows.* (tokens of every row that is shown), sample.* (see `sample`)
    contexts.arrow           a context a line: kind (0 strongest, 1 random, 2 by interval), feature, row, position,
                             n_times, lot, acts (a list of the window's length); Arrow IPC, compressed
    statistics.json          format, n_tokens, n_rows, what they are of, labels, top tokens

Each file is written whole or not at all, `statistics.json` last. All three carry the same `written`: files of two
gatherings are not read together.
"""

import json
import os
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from sae_widgets.features.contexts import ContextTable, FeatureContext, RowTable
from sae_widgets.features.sample import TokenSample

if TYPE_CHECKING:
    from sae_widgets.features.statistics import FeatureStatistics

FORMAT = 2
WEIGHTS, CONTEXTS, TEXTS = "statistics.safetensors", "contexts.arrow", "statistics.json"
_NUMBERS = ("density", "max_act", "mean_act", "bin_width")
_OPTIONAL = ("moments", "design_effect", "neurons")
_COLUMNS = ("feature", "row", "position", "n_times", "lot")


def write_statistics(statistics: "FeatureStatistics", folder: Path) -> Path:
    """`folder`, with the three files in it."""
    folder.mkdir(parents=True, exist_ok=True)
    tables = [as_table(statistics.top_contexts)]
    tables += [each for each in (statistics.random_contexts, statistics.interval_contexts) if each is not None]
    sample = statistics.sample
    shown = torch.cat([*(table.row.long() for table in tables), *([sample.row] if sample is not None else [])])
    rows = tables[0].rows.only(shown)  # a pass has one table of rows
    tensors = {name: getattr(statistics, name).float() for name in _NUMBERS}
    tensors |= {name: each for name in _OPTIONAL if (each := getattr(statistics, name)) is not None}
    tensors["histogram"] = _smallest(statistics.histogram.long())
    tensors |= {f"rows.{name}": each for name, each in vars(rows).items()}
    if sample is not None:
        parts = ("tokens", "row", "starts", "feature", "value")
        tensors |= {f"sample.{name}": getattr(sample, name) for name in parts}
        tensors |= {f"sample.{name}": _smallest(tensors[f"sample.{name}"]) for name in ("tokens", "feature")}
    written = uuid.uuid4().hex
    texts = {
        "format": FORMAT,
        "written": written,
        "n_tokens": statistics.n_tokens,
        "n_rows": statistics.n_rows,
        "before": [table.before for table in tables],
        "about": statistics.about,
        "labels": {str(f): label for f, label in sorted(statistics.labels.items())},
        "top_tokens": {str(f): tokens for f, tokens in sorted(statistics.top_tokens.items())},
    }
    contiguous = {name: each.contiguous() for name, each in tensors.items()}
    # save_file hides the file from other users.
    replaced(folder / WEIGHTS, lambda path: path.write_bytes(save(contiguous, {"written": written})))
    replaced(folder / CONTEXTS, lambda path: _write_tables(tables, path, written))
    text = json.dumps(texts, ensure_ascii=True, indent=None, separators=(",", ":"))
    replaced(folder / TEXTS, lambda path: path.write_text(text, encoding="ascii"))
    return folder


def read_statistics(folder: Path) -> dict[str, Any]:
    """The fields of `FeatureStatistics`.

    Raises:
        FileNotFoundError: If a file is missing.
        ValueError: If one is damaged, or of another format.
    """
    import pyarrow

    for name in (TEXTS, WEIGHTS):
        if not (folder / name).is_file():
            raise FileNotFoundError(f"No feature statistics in {folder}: {name} is missing.")
    try:
        texts = json.loads((folder / TEXTS).read_text(encoding="utf-8"))
        if texts["format"] != FORMAT:
            raise ValueError(f"format {texts['format']}, expected {FORMAT}")
        with safe_open(folder / WEIGHTS, "pt") as file:
            if (file.metadata() or {}).get("written") != texts["written"]:
                raise ValueError("statistics.safetensors is of another gathering")
            tensors = {name: file.get_tensor(name) for name in list(file.keys())}
        rows = RowTable(**{name: tensors[f"rows.{name}"] for name in RowTable.__dataclass_fields__})
        top, random, parts, *_ = [*_read_tables(folder / CONTEXTS, rows, texts["before"], texts["written"]), None, None]
        d_sae = len(tensors["density"])
        return {
            "n_tokens": int(texts["n_tokens"]),
            "n_rows": int(texts["n_rows"]),
            "about": dict(texts["about"]),
            **{name: tensors[name] for name in _NUMBERS},
            **{name: tensors.get(name) for name in _OPTIONAL},
            "histogram": tensors["histogram"].float(),
            "top_contexts": top,
            "random_contexts": random,
            "interval_contexts": parts,
            "sample": _sample(tensors, d_sae),
            "labels": {int(f): str(label) for f, label in texts["labels"].items()},
            "top_tokens": {int(f): [str(t) for t in tokens] for f, tokens in texts["top_tokens"].items()},
        }
    except (
        *(SafetensorError, pyarrow.ArrowException, OSError),
        *(KeyError, IndexError, TypeError, ValueError, AttributeError, RuntimeError),
    ) as error:
        raise ValueError(f"The feature statistics in {folder} are damaged: {error}. Gather them anew.") from error


def as_table(contexts: Mapping[int, list[FeatureContext]]) -> ContextTable:
    """Contexts as a table; each that is not from one becomes a row of its own."""
    if isinstance(contexts, ContextTable):
        return contexts
    flat = [(feature, context) for feature in sorted(contexts) for context in contexts[feature]]
    before = max((context.position for _, context in flat), default=0)
    after = max((len(context.tokens) - context.position for _, context in flat), default=1)
    acts = torch.zeros(len(flat), before + after)
    rows = {}
    for i, (_, context) in enumerate(flat):
        start = before - context.position
        acts[i, start : start + len(context.acts)] = torch.tensor(context.acts)
        rows[i] = (torch.tensor(context.tokens, dtype=torch.int32), context.document or i, context.start)
    return ContextTable(
        RowTable.of(rows),
        torch.tensor([feature for feature, _ in flat], dtype=torch.int32),
        torch.arange(len(flat)),
        torch.tensor([context.position for _, context in flat], dtype=torch.int32),
        acts,
        before,
        torch.tensor([context.n_times for _, context in flat], dtype=torch.int32),
        acts[:, before].abs().double(),
    )


def _write_tables(tables: list[ContextTable], path: Path, written: str) -> None:
    import pyarrow as pa

    width = max(table.acts.shape[1] for table in tables)
    batches = []
    for kind, table in enumerate(tables):
        columns = {name: pa.array(getattr(table, name).numpy()) for name in _COLUMNS}
        acts = torch.nn.functional.pad(table.acts.float(), (0, width - table.acts.shape[1]))
        columns["acts"] = pa.FixedSizeListArray.from_arrays(pa.array(acts.flatten().numpy()), width)
        kinds = pa.array([kind] * len(table.feature), pa.uint8())
        types = {"feature": pa.int32(), "row": pa.int64(), "position": pa.int32(), "n_times": pa.int32()}
        cast = {name: column.cast(types.get(name, column.type)) for name, column in columns.items()}
        batches.append(pa.table({"kind": kinds, **cast}))
    whole = pa.concat_tables(batches).replace_schema_metadata({"written": written})
    options = pa.ipc.IpcWriteOptions(compression="zstd")
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, whole.schema, options=options) as writer:
        writer.write_table(whole)


def _read_tables(path: Path, rows: RowTable, before: list[int], written: str) -> list[ContextTable]:
    import pyarrow as pa

    with pa.OSFile(str(path), "rb") as source:
        whole = pa.ipc.open_file(source).read_all()
    if (whole.schema.metadata or {}).get(b"written", b"").decode() != written:
        raise ValueError("contexts.arrow is of another gathering")
    kinds = torch.from_numpy(whole["kind"].to_numpy().copy())
    columns = {name: torch.from_numpy(whole[name].to_numpy().copy()) for name in _COLUMNS}
    acts = torch.from_numpy(whole["acts"].combine_chunks().flatten().to_numpy(zero_copy_only=False).copy())
    acts = acts.view(len(kinds), whole.schema.field("acts").type.list_size)
    index = torch.searchsorted(rows.numbers, columns["row"])
    if len(columns["row"]) and not torch.equal(rows.numbers[index.clamp_max(len(rows) - 1)], columns["row"]):
        raise ValueError("contexts.arrow names rows that statistics.safetensors does not have")
    tables = []
    for kind in range(len(before)):
        own = kinds == kind
        feature, row, position, n_times, lot = (columns[name][own] for name in _COLUMNS)
        tables.append(ContextTable(rows, feature, row, position, acts[own], before[kind], n_times, lot))
    return tables


def _sample(tensors: dict[str, Tensor], d_sae: int) -> TokenSample | None:
    if "sample.tokens" not in tensors:
        return None
    parts = ("tokens", "row", "starts", "feature", "value")
    found = {name: tensors[f"sample.{name}"] for name in parts}
    return TokenSample(d_sae, **(found | {name: found[name].int() for name in ("tokens", "feature")}))


def _smallest(values: Tensor) -> Tensor:
    """`values` as uint16 where they fit, else int32."""
    fits = values.numel() == 0 or int(values.max()) < 2**16
    return values.to(torch.uint16 if fits else torch.int32)


def replaced(path: Path, write: Callable[[Path], Any]) -> None:
    """Write beside `path`, then rename: a reader sees the old file or the new one."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        write(beside)
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
