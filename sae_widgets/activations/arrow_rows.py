"""Cached activations in SAELens' layout: a dataset of `datasets` with a column [n_positions, width] for each hook."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

TOKENS = "token_ids"


class ArrowRows:
    """Rows that SAELens' CacheActivationsRunner wrote; the files are mapped, not loaded.

    Raises:
        ValueError: If a file is damaged, or holds no activations.
    """

    def __init__(self, folder: Path) -> None:
        from datasets import load_from_disk

        try:
            dataset: Any = load_from_disk(str(folder))
        except Exception as error:  # pyarrow has many
            raise ValueError(f"The cached activations in {str(folder)!r} cannot be read: {error}") from error
        shapes = {name: getattr(each, "shape", ()) for name, each in dataset.features.items()}
        self.hook_names = [name for name, shape in shapes.items() if len(shape) == 2]
        if not self.hook_names:
            raise ValueError(f"{str(folder)!r} holds no activations: its columns are {', '.join(map(repr, shapes))}.")
        self.widths = {name: int(shapes[name][1]) for name in self.hook_names}
        self.n_positions = int(shapes[self.hook_names[0]][0])
        self.dtype = getattr(torch, dataset.features[self.hook_names[0]].dtype)
        self.n_rows = len(dataset)
        self.has_tokens = TOKENS in shapes
        self._dataset = dataset.with_format("numpy")

    def read(self, rows: Sequence[int], hook_name: str) -> Tensor:
        # A column at a time: reading a row makes every column's array.
        values = self._dataset.select_columns([hook_name])[list(rows)][hook_name]
        return torch.from_numpy(np.array(values, dtype=str(self.dtype).removeprefix("torch.")))

    def read_tokens(self, rows: Sequence[int]) -> Tensor:
        return torch.from_numpy(np.array(self._dataset.select_columns([TOKENS])[list(rows)][TOKENS], dtype=np.int64))
