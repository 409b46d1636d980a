"""Who fires: when each feature was last active, and on what share of tokens; integers, never a dense float mask."""

from collections.abc import Mapping
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from sae_widgets.sae.acts import EntryActs, SparseActs


class FiringCounts:
    """Counts over the steps of a run."""

    def __init__(self, d_sae: int, device: torch.device, dead_after_steps: int, window_steps: int) -> None:
        self.dead_after_steps, self.window_steps = dead_after_steps, window_steps
        self.n_steps = 0
        self.last_fired = torch.zeros(d_sae, dtype=torch.int64, device=device)
        """Step at which each feature fired last."""
        # Two windows, so that the counts never rest on a window that has just begun.
        self.n_fired = torch.zeros(2, d_sae, dtype=torch.int64, device=device)
        self.n_tokens = [0, 0]

    def add(self, counts: Int[Tensor, " d_sae"], n_tokens: int) -> None:
        """Takes in a step: on how many of its `n_tokens` each feature fired."""
        self.n_steps += 1
        self.last_fired = torch.where(counts > 0, self.n_steps, self.last_fired)
        if (self.n_steps - 1) % self.window_steps == 0:
            self.n_fired = torch.stack([self.n_fired[1], torch.zeros_like(self.n_fired[1])])
            self.n_tokens = [self.n_tokens[1], 0]
        self.n_fired[1] += counts
        self.n_tokens[1] += n_tokens

    @property
    def can_be_dead(self) -> bool:
        """Whether enough steps were taken for a feature to be dead: asking whether one is means waiting for it."""
        return self.n_steps > self.dead_after_steps

    def dead_mask(self) -> Bool[Tensor, " d_sae"]:
        """Features that have not fired for more than `dead_after_steps` steps."""
        return self.n_steps - self.last_fired > self.dead_after_steps

    def revive(self, features: Int[Tensor, " n_features"]) -> None:
        """Counts these features as alive from now on."""
        self.last_fired[features] = self.n_steps

    def log_sparsity(self) -> Float[Tensor, " d_sae"]:
        """log10 of the share of tokens each feature fires on, over the last one to two windows.

        log10(n_fired / n_tokens + 1e-10)
        """
        share = self.n_fired.sum(0).double() / max(sum(self.n_tokens), 1)
        return torch.log10(share + 1e-10).float().cpu()

    def state_dict(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Tensors, and plain numbers."""
        tensors = {"last_fired": self.last_fired, "n_fired": self.n_fired}
        return tensors, {"n_steps": self.n_steps, "n_tokens": self.n_tokens}

    def load_state_dict(self, tensors: Mapping[str, Tensor], numbers: Mapping[str, Any]) -> None:
        device = self.last_fired.device
        self.last_fired, self.n_fired = tensors["last_fired"].to(device), tensors["n_fired"].to(device)
        self.n_steps, self.n_tokens = int(numbers["n_steps"]), [int(n) for n in numbers["n_tokens"]]


def firing_counts(feature_acts: Tensor | SparseActs | EntryActs, d_sae: int) -> Int[Tensor, " d_sae"]:
    """Number of tokens on which each feature is not zero."""
    if isinstance(feature_acts, Tensor):
        return feature_acts.detach().count_nonzero(dim=tuple(range(feature_acts.ndim - 1)))
    is_entries = isinstance(feature_acts, EntryActs)
    features = feature_acts.entries.features if is_entries else feature_acts.indices.flatten()
    counts = torch.zeros(d_sae, dtype=torch.int64, device=features.device)
    is_used = (feature_acts.values.detach() != 0).flatten().to(counts.dtype)
    return counts.scatter_add_(0, features.to(counts.dtype), is_used)
