"""Many SAEs evaluated one after the other: published ones chosen by pattern, folders, and the bundled ones.

    results = multiple_evals("gpt2-small-res-jb", r"blocks\\.[68]\\..*", datasets=["my_texts.txt"])
    results = multiple_evals("demo", ".*")
    process_results(results, "eval_results")

SAEs of one model that are read on the same tokens are measured in one pass, as many at a time as fit in
`WEIGHTS_AT_ONCE`. Departures from SAELens: everything is measured on the same rows (its sparsity metrics see a tenth of
them by default), files hold intervals and None instead of -1 for what is no number, and lists of features are in the
JSON alone.
"""

import csv
import io
import json
import math
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from sae_widgets.demo import FOLDER as DEMO
from sae_widgets.evals.config import EvalConfig, get_eval_everything_config
from sae_widgets.evals.evaluation import compare_saes
from sae_widgets.evals.held_out import held_out_tokens
from sae_widgets.evals.result import EvalResult
from sae_widgets.loaders import catalog, find_saes
from sae_widgets.model import load_model
from sae_widgets.sae.base import SAE

WEIGHTS_AT_ONCE = 2**28
"""Weights of SAEs kept in memory together: 1 GiB in float32."""
DEFAULT_DATASET = "Skylion007/openwebtext"
"""For published SAEs that do not say what they were trained on: SAELens' default."""


@dataclass(frozen=True)
class Candidate:
    """An SAE that can be evaluated."""

    unique_id: str
    sae_set: str
    """Release, or folder."""
    sae_id: str
    load: Callable[[], SAE] = field(repr=False, compare=False)


def all_loadable_saes() -> list[tuple[str, str, float, float]]:
    """Every published SAE: release, id, expected explained variance (1 where nobody knows), expected L0 (then 0)."""
    return [
        (release.name, entry.sae_id, *_expected(entry))
        for release in catalog.releases()
        for entry in (catalog.entry(release.name, each) for each in catalog.ids(release.name))
    ]


def _expected(entry: catalog.CatalogEntry) -> tuple[float, float]:
    known = entry.variance_explained, entry.l0
    return (1.0 if known[0] is None else known[0]), (0.0 if known[1] is None else known[1])


def get_saes_from_regex(sae_regex_pattern: str, sae_block_pattern: str) -> list[tuple[str, str, float, float]]:
    """The published SAEs whose release and id match the two patterns as a whole; as `all_loadable_saes` gives them.

    Raises:
        ValueError: If a pattern is no regular expression.
    """
    of_release, of_id = _compiled(sae_regex_pattern), _compiled(sae_block_pattern)
    names = [release.name for release in catalog.releases() if of_release.fullmatch(release.name)]
    found = [catalog.entry(name, sae_id) for name in names for sae_id in catalog.ids(name) if of_id.fullmatch(sae_id)]
    return [(entry.release, entry.sae_id, *_expected(entry)) for entry in found]


def candidates(sae_regex_pattern: str, sae_block_pattern: str, device: str) -> list[Candidate]:
    """What the patterns stand for: "demo", a folder with SAEs in it, or releases of the catalogue.

    Raises:
        ValueError: If that is nothing.
    """
    of_id = _compiled(sae_block_pattern)
    if sae_regex_pattern == "demo":
        found = _of_folder(DEMO / "saes", "demo", of_id, device)
    elif Path(sae_regex_pattern).expanduser().is_dir():
        folder = Path(sae_regex_pattern).expanduser()
        found = _of_folder(folder, folder.resolve().name, of_id, device)
    else:
        found = [
            Candidate(
                f"{release}-{sae_id}",
                release,
                sae_id,
                lambda release=release, sae_id=sae_id: SAE.from_pretrained(release, sae_id, device=device),
            )
            for release, sae_id, *_ in get_saes_from_regex(sae_regex_pattern, sae_block_pattern)
        ]
    if not found:
        raise ValueError(
            f"No SAE matches {sae_regex_pattern!r} and {sae_block_pattern!r}. Give a regular expression for the whole "
            "name of a release and one for the SAE's id (sw.catalog.find searches), a folder, or 'demo'."
        )
    return found


def _of_folder(folder: Path, name: str, of_id: re.Pattern[str], device: str) -> list[Candidate]:
    found = []
    for path in find_saes(folder):
        sae_id = path.relative_to(folder).as_posix() if path != folder else path.resolve().name
        if of_id.fullmatch(sae_id):

            def load(path: Path = path) -> SAE:
                return SAE.load_from_disk(path, device=device, dtype="float32")

            found.append(Candidate(f"{name}-{sae_id}", name, sae_id, load))
    return found


def _compiled(pattern: str) -> re.Pattern[str]:
    try:
        return re.compile(pattern)
    except re.error as error:
        raise ValueError(f"{pattern!r} is no regular expression: {error}. Escape dots and the like: r'\\.'.") from error


def multiple_evals(
    sae_regex_pattern: str,
    sae_block_pattern: str,
    n_eval_reconstruction_batches: int = 10,
    n_eval_sparsity_variance_batches: int = 1,
    eval_batch_size_prompts: int = 8,
    datasets: Sequence[Any] | None = None,
    dataset_trust_remote_code: bool = False,
    ctx_lens: Sequence[int] | None = (128,),
    output_dir: str | Path | None = None,
    verbose: bool = False,
    *,
    eval_config: EvalConfig | None = None,
    device: str | None = None,
    report: Callable[[str], object] = lambda line: None,
) -> list[dict[str, Any]]:
    """One entry for each SAE, context and dataset: `unique_id, sae_set, sae_id, eval_cfg, metrics, feature_metrics ...`

    Args:
        sae_regex_pattern: For the whole name of a release; or "demo", or a folder.
        sae_block_pattern: For the whole id of an SAE; in a folder, for the path below it.
        n_eval_reconstruction_batches: Batches that are read; the larger of this and the next counts.
        n_eval_sparsity_variance_batches: See above.
        eval_batch_size_prompts: Rows in a batch.
        datasets: As for `open_documents`; None takes text that each SAE was not trained on.
        ctx_lens: Tokens in a row; None takes each SAE's own.
        output_dir: Where each entry is written as soon as it is there; None writes nothing.
        eval_config: Which metrics; all by default.
        device: Where models and SAEs go; None takes a GPU if there is one.
        report: Told a line for each SAE.
        dataset_trust_remote_code: Refused: no code of a dataset is run.
        verbose: Taken and not used; see `report`.

    Raises:
        ValueError: If nothing matches, or code of a dataset is to be run.
    """
    if dataset_trust_remote_code:
        raise ValueError("dataset_trust_remote_code: code that comes with a dataset is not run. Download it as data.")
    n_batches = max(n_eval_reconstruction_batches, n_eval_sparsity_variance_batches)
    if n_batches < 1:
        raise ValueError(f"There has to be at least one batch, got {n_batches}.")
    device = device or ("cuda" if _has_gpu() else "cpu")
    cfg = eval_config or get_eval_everything_config(
        eval_batch_size_prompts, n_eval_reconstruction_batches, n_eval_sparsity_variance_batches
    )
    cfg = replace(cfg, batch_size_prompts=eval_batch_size_prompts)
    chosen = candidates(sae_regex_pattern, sae_block_pattern, device)
    results = []
    for group in _groups(chosen):
        for context in ctx_lens or (None,):
            for dataset in datasets or (None,):
                for result in _evaluated(group, device, cfg, n_batches, context, dataset):
                    results.append(result)
                    report(_line(result))
                    if output_dir is not None:
                        _write(Path(output_dir) / _file_name(result), json.dumps(result, indent=2))
    return results


def _has_gpu() -> bool:
    import torch

    return torch.cuda.is_available()


def _groups(chosen: list[Candidate]) -> Iterator[dict[Candidate, SAE]]:
    """SAEs of one model that are measured in one pass, as few at a time as memory asks for."""
    group: dict[Candidate, SAE] = {}
    for candidate in chosen:
        sae = candidate.load()
        n_weights = sum(each.numel() for one in (*group.values(), sae) for each in one.parameters())
        if group and (_kind(sae) != _kind(next(iter(group.values()))) or n_weights > WEIGHTS_AT_ONCE):
            yield group
            group = {}
        group[candidate] = sae
    if group:
        yield group


def _kind(sae: SAE) -> tuple[str, ...]:
    """What SAEs have to share to be measured together."""
    metadata = sae.cfg.metadata
    shared = ("model_name", "model_from_pretrained_kwargs", "prepend_bos", "context_size", "dataset_path")
    return tuple(repr(metadata[name]) for name in shared)


def _evaluated(
    group: dict[Candidate, SAE],
    device: str,
    cfg: EvalConfig,
    n_batches: int,
    context: int | None,
    dataset: Any,
) -> Iterator[dict[str, Any]]:
    saes = list(group.values())
    model = load_model(saes[0].cfg.metadata.model_name, device=device, sae=saes[0])
    n_rows = n_batches * (cfg.batch_size_prompts or 8)
    is_known = saes[0].cfg.metadata.dataset_path or model.cfg.model_name == "demo"
    size = min(int(context or saes[0].cfg.metadata.context_size or 128), int(model.cfg.n_ctx))
    data = dataset if dataset is not None or is_known else DEFAULT_DATASET
    rows = held_out_tokens(model, saes, data, n_rows * size, size)
    found = compare_saes(
        {str(i): sae for i, sae in enumerate(saes)},
        model,
        rows.rows,
        metrics=[*cfg.model_metrics, *cfg.sae_metrics, *cfg.feature_metrics],
        batch_size_prompts=cfg.batch_size_prompts,
    )
    for (candidate, sae), result in zip(group.items(), found.values(), strict=True):
        entry = _entry(candidate, sae, result, cfg)
        entry["eval_cfg"] |= {"context_size": size, "dataset": "held_out" if dataset is None else str(dataset)}
        yield entry | {"data": rows.name}


def _entry(candidate: Candidate, sae: SAE, result: EvalResult, cfg: EvalConfig) -> dict[str, Any]:
    data = result.to_dict()
    groups = {group: {name: data["metrics"][name] for name in values} for group, values in result.groups().items()}
    return {
        "unique_id": candidate.unique_id,
        "sae_set": candidate.sae_set,
        "sae_id": candidate.sae_id,
        "eval_cfg": dict(vars(cfg)),
        "metrics": groups,
        "intervals": data["intervals"],
        "n": data["n"],
        "n_sequences": result.facts["n_sequences"],
        "feature_metrics": data["features"],
        "sae_cfg": sae.cfg.to_dict(),
    }


def _line(result: Mapping[str, Any]) -> str:
    flat = {name: value for values in result["metrics"].values() for name, value in values.items()}
    shown = ("l0", "explained_variance", "ce_loss_score")
    parts = [f"{name} {flat[name]:.4g}" for name in shown if isinstance(flat.get(name), float)]
    return f"{result['unique_id']}  {'  '.join(parts)}"


def process_results(eval_results: Sequence[Mapping[str, Any]], output_dir: str | Path) -> dict[str, Any]:
    """Writes a JSON for each result, `all_eval_results.json` and `all_eval_results.csv`; gives their paths."""
    folder = Path(output_dir)
    results = [_jsonable(each) for each in eval_results]
    paths = [_write(folder / _file_name(each), json.dumps(each, indent=2)) for each in results]
    combined = _write(folder / "all_eval_results.json", json.dumps(results, indent=2))
    rows = [dict(_flat(each)) for each in results]
    columns = list(dict.fromkeys(column for row in rows for column in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    table = _write(folder / "all_eval_results.csv", text.getvalue())
    return {"individual_jsons": paths, "combined_json": combined, "csv": table}


def _jsonable(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _jsonable(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_jsonable(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _flat(value: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Columns as pandas' `json_normalize` names them; features have no place in a row."""
    for key, each in value.items():
        if key == "feature_metrics":
            continue
        if key == "intervals":
            for name, (low, high) in each.items():
                yield from ((f"intervals.{name}.low", low), (f"intervals.{name}.high", high))
        elif isinstance(each, Mapping):
            yield from _flat(each, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", json.dumps(each) if isinstance(each, list) else each


def _file_name(result: Mapping[str, Any]) -> str:
    cfg = result["eval_cfg"]
    name = f"{result['unique_id']}_{cfg['context_size']}_{cfg['dataset']}"
    return re.sub(r"[^\w.-]+", "_", name)[:200] + ".json"


def _write(path: Path, text: str) -> Path:
    """`path`, written under another name and renamed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        partial.write_text(text, encoding="utf-8")
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    return path
