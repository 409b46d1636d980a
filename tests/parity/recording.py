"""What a case recorded: arrays and facts by name, written by one side and compared by the other."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

Measure = Callable[[np.ndarray, np.ndarray], float]


def largest(ours: np.ndarray, theirs: np.ndarray) -> float:
    """The largest difference in units of the largest entry."""
    return float(np.abs(ours - theirs).max(initial=0.0) / max(np.abs(theirs).max(initial=0.0), 1e-30))


def typical(ours: np.ndarray, theirs: np.ndarray) -> float:
    """The mean difference in units of the largest entry: where rounding may turn single entries."""
    return float(np.abs(ours - theirs).mean() / max(np.abs(theirs).max(initial=0.0), 1e-30))


def overall(ours: np.ndarray, theirs: np.ndarray) -> float:
    """The length of the difference in units of the whole's: where rounding may choose another feature."""
    return float(np.linalg.norm(ours - theirs) / max(np.linalg.norm(theirs), 1e-30))


class Recording:
    """`record(name, value, bar=...)`: a tensor or number is compared within the bar, anything else exactly."""

    def __init__(self) -> None:
        self.label = ""
        """What the summary calls the case."""
        self.arrays: dict[str, np.ndarray] = {}
        self.facts: dict[str, Any] = {}
        self.bars: dict[str, tuple[float, Measure]] = {}

    def __call__(self, name: str, value: Any, *, bar: float = 1e-5, measure: Measure = largest) -> None:
        assert name not in self.arrays.keys() | self.facts.keys(), f"{name} is recorded already"
        if isinstance(value, torch.Tensor):
            self.facts[f"{name}: shape"] = list(value.shape)
            value = value.detach().double().numpy()
        if isinstance(value, (np.ndarray, float)):
            self.arrays[name], self.bars[name] = np.asarray(value, dtype=np.float64), (bar, measure)
        else:
            self.facts[name] = json.loads(json.dumps(value, default=str))

    def all(self, values: dict[str, Any], **bars: Any) -> None:
        """Records each under its name."""
        for name, value in values.items():
            self(name, value, **bars)

    def attempt(self, name: str, action: Callable[[], Any]) -> bool:
        """Does `action`; records whether it was refused, and how. True if it was done."""
        try:
            action()
        except (NotImplementedError, ValueError, TypeError) as error:
            self.facts[f"{name}: refused"] = type(error).__name__
            return False
        self.facts[f"{name}: refused"] = None
        return True

    # -- on disk ---------------------------------------------------------------------------------------------------

    def write(self, folder: Path, test: str) -> None:
        stem = folder / stem_of(test)
        np.savez(stem.with_suffix(".npz"), **{key.replace("/", "|"): value for key, value in self.arrays.items()})
        stem.with_suffix(".json").write_text(json.dumps(self.facts))

    def differences(self, folder: Path, test: str) -> tuple[dict[str, float], list[str]]:
        """Each array's difference from what the other side wrote, and what is wrong."""
        stem = folder / stem_of(test)
        with np.load(stem.with_suffix(".npz"), allow_pickle=False) as file:
            ours = {key.replace("|", "/"): file[key] for key in file.files}
        facts = json.loads(stem.with_suffix(".json").read_text())
        wrong = [
            f"{key}: {facts.get(key)!r} here, {self.facts.get(key)!r} in SAELens"
            for key in sorted(facts.keys() | self.facts.keys())
            if facts.get(key) != self.facts.get(key)
        ]
        wrong += [f"{key}: recorded by one side alone" for key in sorted(ours.keys() ^ self.arrays.keys())]
        found = {}
        for key, theirs in self.arrays.items():
            if key not in ours or ours[key].shape != theirs.shape:
                continue
            bar, measure = self.bars[key]
            found[key] = measure(ours[key], theirs)
            if not found[key] <= bar:
                wrong.append(f"{key}: differs by {found[key]:.2e}, bar {bar:.0e}")
        return found, wrong


def stem_of(test: str) -> str:
    """A file name for a test's id."""
    return hashlib.sha256(test.encode()).hexdigest()[:20]
