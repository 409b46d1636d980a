"""Cached activations as the source of a store: in a new random order of all rows each epoch."""

from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from sae_widgets.activations.cache import CachedActivations
from sae_widgets.activations.settings import StoreSettings
from sae_widgets.activations.soundness import check_finite
from sae_widgets.activations.sources import excluded_ids, without
from sae_widgets.fit import plain_name
from sae_widgets.training.distributed import Group

_EVAL_EPOCH = -1


class CacheSource:
    """Rows of the cache, shuffled across all shards; memory holds those of one forward.

    Args:
        model: The language model, whose tokenizer says which tokens are special.
        cached: The activations.
        settings: What is wanted of them.

    Raises:
        ValueError: If they are of another hook, model, context or slice; says which differ.
    """

    def __init__(self, model: Any, cached: CachedActivations, settings: StoreSettings) -> None:
        self.cached, self.settings = cached, settings
        self.group = Group()  # each process reads the files by itself
        self.hook_names = [*settings.hooks_in, *settings.hooks_out]
        missing = [name for name in self.hook_names if name not in cached.hook_names]
        if missing:
            has = ", ".join(map(repr, cached.hook_names))
            raise ValueError(f"The activations in {str(cached.folder)!r} are of {has}, not of {missing[0]!r}.")
        self.widths = [cached.rows.widths[name] for name in self.hook_names]
        self._slice = self._check(model)
        self.excluded = excluded_ids(model.tokenizer, settings.exclude_special_tokens)
        if len(self.excluded) and not cached.rows.has_tokens:
            raise ValueError(
                f"exclude_special_tokens needs the tokens, and {str(cached.folder)!r} has none: cache the activations "
                "again, or set exclude_special_tokens=False."
            )
        self._order: list[int] | None = None
        self.restart()

    def _check(self, model: Any) -> slice:
        """The positions to take of a cached row."""
        cached, own = self.cached, self.settings
        there = cached.settings
        differing = [
            f"{name} is {getattr(own, name)!r} here and {there[name]!r} there"
            for name in ("context_size", "prepend_bos", "hook_head_index")
            if name in there and there[name] != getattr(own, name)
        ]
        made_of, name = there.get("model_name"), getattr(model.cfg, "model_name", None)
        if made_of and name and plain_name(made_of) != plain_name(name):
            differing.append(f"the model is {name!r} here and {made_of!r} there")
        if cached.seqpos_slice == tuple(own.seqpos_slice):
            taken, n_whole = slice(None), own.n_positions
        else:
            taken, n_whole = slice(*own.seqpos_slice), own.context_size
        if cached.rows.n_positions != n_whole and not differing:
            differing.append(f"a row has {n_whole} positions here and {cached.rows.n_positions} there")
        if differing:
            raise ValueError(f"The activations in {str(cached.folder)!r} do not fit: {'; '.join(differing)}.")
        return taken

    def restart(self) -> None:
        """Begins with the first row of the first epoch."""
        self.epoch = self.n_read = 0
        self._order = None

    def gather_raw(self) -> tuple[Float[Tensor, "n_tokens width"], Int[Tensor, " n_tokens"] | None]:
        """The next activations and their tokens, where there are tokens."""
        rows = self._next_rows(self.settings.store_batch_size_prompts)
        parts = [self.cached.rows.read(rows, name)[:, self._slice].flatten(0, 1) for name in self.hook_names]
        activations = parts[0] if len(parts) == 1 else torch.cat(parts, dim=-1)
        check_finite(
            activations.unflatten(0, (len(rows), -1)),
            None,
            hook_names=self.hook_names,
            widths=self.widths,
            tokenizer=None,
            origin=f"rows {', '.join(map(str, rows[:4]))} ... of {str(self.cached.folder)!r}, epoch {self.epoch}",
        )
        if not self.cached.rows.has_tokens:
            return activations, None
        return activations, self.cached.rows.read_tokens(rows)[:, self._slice].flatten()

    def gather(self) -> Float[Tensor, "n_tokens width"]:
        activations, tokens = self.gather_raw()
        return activations if tokens is None else without(activations, tokens, self.excluded)

    def eval_tokens(self, n_rows: int) -> Int[Tensor, "n_rows context"]:
        """Texts of the cache in another order.

        Raises:
            ValueError: If they are not whole.
        """
        if not self.cached.rows.has_tokens or self.cached.seqpos_slice != (None,):
            raise ValueError(
                f"{str(self.cached.folder)!r} has no whole texts to evaluate on: set dataset_path or "
                "eval_dataset_path to some."
            )
        order = self._shuffled(_EVAL_EPOCH)[: min(n_rows, self.cached.n_rows)]
        return self.cached.rows.read_tokens(order)

    def state_dict(self) -> dict[str, Tensor]:
        return {"cache.position": torch.tensor([self.epoch, self.n_read])}

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        if "cache.position" not in state:
            raise ValueError("The saved state is of a run without cached activations: use_cached_activations=False.")
        self.epoch, self.n_read = state["cache.position"].tolist()
        self._order = None

    def _next_rows(self, n: int) -> list[int]:
        rows: list[int] = []
        while len(rows) < n:
            if self._order is None:
                self._order = self._shuffled(self.epoch)[self.settings.rank :: self.settings.world_size]
                if not self._order:
                    raise ValueError(f"{self.cached!r} has fewer rows than there are processes.")
            taken = self._order[self.n_read : self.n_read + n - len(rows)]
            rows += taken
            self.n_read += len(taken)
            if self.n_read == len(self._order):
                self.epoch, self.n_read, self._order = self.epoch + 1, 0, None
        return rows

    def _shuffled(self, epoch: int) -> list[int]:
        if not self.cached.settings.get("shuffle", True):
            return list(range(self.cached.n_rows))
        generator = torch.Generator().manual_seed(self.settings.seed * 1_000_003 + epoch)
        return torch.randperm(self.cached.n_rows, generator=generator).tolist()
