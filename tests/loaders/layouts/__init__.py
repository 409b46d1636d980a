"""Small SAEs in the exact layout of each format, written with torch, numpy and safetensors alone.

Each module has `CASES`: name -> function that writes one below a folder and gives a `Published`. So the same files meet
our loaders and those of other libraries, and what they must hold is known without either.
"""

import importlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

D_IN, D_SAE, K = 6, 10, 3
N_ROWS = 4

FORMATS = (
    *("sparsify", "dictionary_learning", "gemma_scope", "gemma_transcoder", "gemma_scope_2"),
    *("llama_scope", "llama_scope_r1", "temporal", "goodfire", "deepseek_r1", "qwen_scope"),
    *("openai_gpt2", "hook_z", "mwhanna", "mntss"),
)


@dataclass(frozen=True)
class Published:
    """An SAE in a repository."""

    root: Path
    """The repository's folder; its last two parts are its name on the hub."""

    path: str
    """The SAE in it."""

    weights: dict[str, Tensor]
    """What SAELens' names hold once it is read."""

    settings: dict[str, Any]
    """What the config says."""

    metadata: dict[str, Any]
    """What the metadata say; None for what the files leave open."""

    compute: Callable[[Tensor], tuple[Tensor, Tensor]]
    """Features and output of an input, by the maths of the library that published it."""

    recognised: str = ""
    """The format's name; that of the module if empty."""

    hub_path: str | None = None
    """`path` as the peer's catalogue has it, where that is no file or folder."""

    overrides: dict[str, Any] = field(default_factory=dict)
    """Settings without which it cannot be read."""

    @property
    def repo_id(self) -> str:
        return "/".join(self.root.parts[-2:])

    @property
    def local(self) -> Path:
        return self.root / self.path


def cases() -> dict[str, tuple[str, Callable[[Path], Published]]]:
    """ "format/case" -> format, writer."""
    found = {}
    for name in FORMATS:
        module = importlib.import_module(f"tests.loaders.layouts.{name}")
        found |= {f"{name}/{case}": (name, write) for case, write in module.CASES.items()}
    return found


def repository(folder: Path, repo_id: str) -> Path:
    """The folder of a repository below `folder`."""
    root = folder / repo_id
    root.mkdir(parents=True, exist_ok=True)
    return root


def drawn(*shape: int, seed: int, scale: float = 0.5, dtype: torch.dtype = torch.float32) -> Tensor:
    """Normal numbers, the same for the same seed."""
    return (torch.randn(*shape, generator=torch.Generator().manual_seed(seed)) * scale).to(dtype)


def thresholds(seed: int = 5) -> Tensor:
    """Positive numbers, one for each feature."""
    return drawn(D_SAE, seed=seed, scale=0.3).abs()


def inputs() -> Tensor:
    """Rows to compare on."""
    return drawn(N_ROWS, D_IN, seed=99, scale=1.0)


def write_json(file: Path, values: dict[str, Any]) -> None:
    """Writes `values` to `file`, whose folder is made."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(values), "utf-8")


def top_k(pre: Tensor, k: int) -> Tensor:
    """relu of the k largest of each row, else 0."""
    values, indices = pre.topk(k, dim=-1)
    return torch.zeros_like(pre).scatter(-1, indices, values.relu())


def jump(pre: Tensor, threshold: Tensor) -> Tensor:
    """relu where it passes the threshold, else 0."""
    return pre.relu() * (pre > threshold)
