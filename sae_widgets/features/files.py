"""Feature statistics on disk: `statistics.safetensors` and `statistics.json` in one folder.

    density max_act mean_act bin_width   [d_sae] float32
    histogram                            [d_sae, n_bins] int32, or uint16 where all counts fit
    n_contexts                           [d_sae] uint8
    lengths peaks                        [n] uint8        tokens in each context, and where its peak is
    tokens                               [n_all] uint16   all contexts end to end (int32 for a larger vocabulary)
    n_firing                             [n] uint8        positions of each context with an activation
    where shares                         [n_firing.sum()] uint8, float16: the activation, as a share of max_act

Most positions of a context are silent, so only the others are stored: a third of the dense size.
"""

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor

if TYPE_CHECKING:
    from sae_widgets.features.statistics import FeatureStatistics

FORMAT = 1
WEIGHTS, TEXTS = "statistics.safetensors", "statistics.json"


def write_statistics(statistics: "FeatureStatistics", folder: Path) -> Path:
    """`folder`, with both files in it, each whole or not there."""
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {
        name: getattr(statistics, name).float().contiguous() for name in ("density", "max_act", "mean_act", "bin_width")
    }
    tensors["histogram"] = _smallest(statistics.histogram.long())
    tensors.update(_packed(statistics))
    texts = {
        "format": FORMAT,
        "n_tokens": statistics.n_tokens,
        "labels": {str(f): label for f, label in sorted(statistics.labels.items())},
        "top_tokens": {str(f): tokens for f, tokens in sorted(statistics.top_tokens.items())},
    }
    _replace(folder / WEIGHTS, lambda path: path.write_bytes(save(tensors)))  # save_file hides it from others
    text = json.dumps(texts, ensure_ascii=True, indent=None, separators=(",", ":"))
    _replace(folder / TEXTS, lambda path: path.write_text(text, encoding="ascii"))
    return folder


def read_statistics(folder: Path) -> dict[str, Any]:
    """The fields of `FeatureStatistics`, with the contexts as plain tuples under `contexts`."""
    for name in (WEIGHTS, TEXTS):
        if not (folder / name).is_file():
            raise FileNotFoundError(f"No feature statistics in {folder}: {name} is missing.")
    try:
        texts = json.loads((folder / TEXTS).read_text(encoding="utf-8"))
        tensors = load_file(folder / WEIGHTS)
        if texts["format"] != FORMAT:
            raise ValueError(f"format {texts['format']}, expected {FORMAT}")
        return {
            "n_tokens": int(texts["n_tokens"]),
            **{name: tensors[name] for name in ("density", "max_act", "mean_act", "bin_width")},
            "histogram": tensors["histogram"].float(),
            "contexts": _unpacked(tensors),
            "labels": {int(f): str(label) for f, label in texts["labels"].items()},
            "top_tokens": {int(f): [str(t) for t in tokens] for f, tokens in texts["top_tokens"].items()},
        }
    except (SafetensorError, KeyError, IndexError, TypeError, ValueError, AttributeError, RuntimeError) as error:
        raise ValueError(f"The feature statistics in {folder} are damaged: {error}. Gather them anew.") from error


def _packed(statistics: "FeatureStatistics") -> dict[str, Tensor]:
    contexts = [statistics.top_contexts.get(feature, []) for feature in range(statistics.d_sae)]
    flat = [context for found in contexts for context in found]
    maxima = [m for m, found in zip(statistics.max_act.tolist(), contexts, strict=True) for _ in found]
    firing = [
        [(at, act / largest) for at, act in enumerate(context.acts) if act != 0]
        for context, largest in zip(flat, maxima, strict=True)
    ]
    return {
        "n_contexts": torch.tensor([len(found) for found in contexts], dtype=torch.uint8),
        "lengths": torch.tensor([len(context.tokens) for context in flat], dtype=torch.uint8),
        "peaks": torch.tensor([context.position for context in flat], dtype=torch.uint8),
        "tokens": _smallest(torch.tensor([t for context in flat for t in context.tokens], dtype=torch.long)),
        "n_firing": torch.tensor([len(found) for found in firing], dtype=torch.uint8),
        "where": torch.tensor([at for found in firing for at, _ in found], dtype=torch.uint8),
        "shares": torch.tensor([share for found in firing for _, share in found], dtype=torch.float16),
    }


def _unpacked(tensors: dict[str, Tensor]) -> dict[int, list[tuple[list[int], list[float], int]]]:
    lengths, peaks, n_firing = (tensors[name].tolist() for name in ("lengths", "peaks", "n_firing"))
    tokens, where, shares = (tensors[name].tolist() for name in ("tokens", "where", "shares"))
    n_contexts, maxima = tensors["n_contexts"].tolist(), tensors["max_act"].tolist()
    if not (
        sum(n_contexts) == len(lengths) and sum(lengths) == len(tokens) and sum(n_firing) == len(where) == len(shares)
    ):
        raise ValueError("the contexts do not fit together")
    found: dict[int, list[tuple[list[int], list[float], int]]] = {}
    context = token = fired = 0
    for feature, n in enumerate(n_contexts):
        for _ in range(n):
            values = [0.0] * lengths[context]
            firing = slice(fired, fired + n_firing[context])
            for at, share in zip(where[firing], shares[firing], strict=True):
                values[at] = share * maxima[feature]
            ids = tokens[token : token + lengths[context]]
            found.setdefault(feature, []).append((ids, values, peaks[context]))
            token, fired, context = token + lengths[context], fired + n_firing[context], context + 1
    return found


def _smallest(values: Tensor) -> Tensor:
    """`values` as uint16 where they fit, else int32."""
    fits = values.numel() == 0 or int(values.max()) < 2**16
    return values.to(torch.uint16 if fits else torch.int32)


def _replace(path: Path, write: Any) -> None:
    """Write beside `path`, then rename: a reader sees the old file or the new one."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        write(beside)
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
