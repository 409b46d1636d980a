"""One SAE of a training job: its settings, its trainer, and which columns of the shared activations are its own.

    batch   = hooks side by side, one forward for all                       [n_tokens, sum of widths]
    inputs  = the columns of the hooks that this SAE reads, targets = those that it is to give

A job of one SAE has a single member, named ""; the store then serves inputs and targets apart.
"""

import copy
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from sae_widgets.activations.store import N_TOKENS_FOR_NORM, Batch
from sae_widgets.normalize import whitening_of
from sae_widgets.runs.config import LanguageModelSAERunnerConfig
from sae_widgets.runs.job_start import one_or_all, train_settings
from sae_widgets.runs.metadata import title_of
from sae_widgets.sae import peers
from sae_widgets.sae.base import SAE
from sae_widgets.training.distributed import ALONE, Group
from sae_widgets.training.reports import StepReport
from sae_widgets.training.sharding import own_state, placed, whole_of
from sae_widgets.training.trainer import Trainer

WHITENING = "covariance_whitening"
_MEASURED = ("expected_average_only_in", WHITENING)


class Place(NamedTuple):
    """A hook's columns in the activations that the store gathers."""

    hook_name: str
    start: int
    stop: int


class Member:
    """One SAE of a job, trained in place."""

    def __init__(
        self,
        name: str,
        cfg: LanguageModelSAERunnerConfig,
        sae: SAE,
        next_batch: Callable[[Any], Batch],
        group: Group = ALONE,
    ) -> None:
        self.name, self.cfg = name, cfg
        settings = train_settings(cfg)
        self.sae, sharing = placed(sae, settings, group, cfg.distributed)
        self.trainer = Trainer(self.sae, settings, lambda is_cancelled: self.part(next_batch(is_cancelled)), sharing)
        self.inputs: Sequence[Place] = ()
        """Where in the store's columns its inputs are; known once the store is open."""
        self.targets: Sequence[Place] = ()
        """The same of its targets; none where they are its inputs."""
        self.is_scaled = sae.cfg.normalize_activations not in _MEASURED
        self._log_sparsity: Tensor | None = None
        self.problem: str | None = None
        """Why it is trained no more, while the others are."""

    @property
    def prefix(self) -> str:
        """What its curves and settings begin with."""
        return f"{self.name}/" if self.name else ""

    @property
    def title(self) -> str:
        return title_of(self.sae)

    # Steps

    def part(self, batch: Batch) -> Batch:
        """Its own columns of a shared batch."""
        if isinstance(batch, tuple) or not self.name:
            return batch
        inputs = _columns(batch, self.inputs)
        return (inputs, _columns(batch, self.targets)) if self.targets else inputs

    def step(self, batch: Batch, start: float) -> StepReport:
        """One step on a shared batch.

        Raises:
            FloatingPointError: If the loss is not finite; the weights are then those of the step before.
        """
        return self.trainer.step(self.part(batch), start)

    # Scale

    @property
    def is_white(self) -> bool:
        """Whether the covariance of its inputs is measured, and not only their length."""
        return self.sae.cfg.normalize_activations == WHITENING

    @property
    def n_tokens_to_measure(self) -> int:
        """Tokens whose activations have to be seen before the first step."""
        if self.is_scaled:
            return 0
        n_tokens = self.cfg.n_batches_for_norm_estimate * self.cfg.train_batch_size_tokens
        return n_tokens if self.is_white else min(n_tokens, N_TOKENS_FOR_NORM)

    def measure(self, seen: Tensor) -> None:
        """Sets its scale, or what makes its inputs white, from the activations `[n_tokens, width]` of the store.

        Raises:
            ValueError: If they are not finite or too few.
        """
        if self.is_white:
            self._measure_covariance(_columns(seen, self.inputs))
        else:
            scales = [_scale_of(seen, place) for place in (*self.inputs, *self.targets)]
            self.trainer.scale = one_or_all(scales[: len(self.inputs)])
            self.trainer.scale_out = one_or_all(scales[len(self.inputs) :] or [1.0])
        self.is_scaled = True

    def _measure_covariance(self, seen: Tensor) -> None:
        if len(seen) <= seen.shape[1]:
            raise ValueError(
                f"covariance_whitening needs more tokens than activations are wide; {len(seen):,} for width "
                f"{seen.shape[1]:,}. Raise n_batches_for_norm_estimate and n_batches_in_buffer."
            )
        self.trainer.whitening = whitening_of(seen)

    # What comes out

    def sae_in_model_units(self) -> SAE:
        """The SAE as it would come out now: itself once it is finished, before that a copy."""
        if not self.sae.training:
            return self.sae
        sae = copy.deepcopy(self.sae).eval()
        self.trainer.give_result(sae)
        self._fold_scale(sae)
        return whole_of(sae, self.sae.peers)

    def finish(self) -> None:
        """Makes the SAE what comes out: in the unit of the model's activations, for inference."""
        self.trainer.give_result(self.sae)
        self._fold_scale(self.sae)
        self.trainer.scale = self.trainer.scale_out = 1.0
        self.trainer.whitening = None
        self.sae.eval()
        if self.cfg.hook_name.endswith("hook_z") and self.cfg.hook_head_index is None:
            # Training saw the heads joined; from now on the SAE takes them as the model gives them.
            self.sae.cfg.reshape_activations = "hook_z"
        self.sae.cfg.metadata["num_dead_features"] = self.n_dead
        self._log_sparsity = self.log_sparsity()
        # From here on it is this process's own.
        self.sae = whole_of(self.sae, self.sae.peers)
        self.sae.peers = peers.ALONE

    @property
    def n_dead(self) -> int:
        return self.sae.peers.n_features(int(self.trainer.dead_mask().sum()))

    def log_sparsity(self) -> Tensor:
        """log10 of the share of tokens each feature fires on."""
        if not self.sae.training and self._log_sparsity is not None:
            return self._log_sparsity
        return self.sae.peers.whole(self.trainer.log_sparsity())

    def whole_sae(self) -> SAE:
        """The SAE in its training form."""
        return whole_of(self.sae, self.sae.peers)

    def _fold_scale(self, sae: SAE) -> None:
        if self.trainer.whitening is not None:
            sae.fold_activation_whitening(*self.trainer.whitening)
        if self.trainer.scale != 1.0:
            scales = [self.trainer.scale] if sae.reconstructs else [self.trainer.scale, self.trainer.scale_out]
            sae.fold_activation_norm_scaling_factor(*scales)

    # Resume

    def state_dict(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """All but the weights: tensors, and plain numbers."""
        tensors, numbers = self.trainer.state_dict()
        return tensors, {**numbers, "is_scaled": self.is_scaled, "problem": self.problem}

    def load_state_dict(self, tensors: dict[str, Tensor], numbers: dict[str, Any]) -> None:
        """Goes on where `state_dict` was taken."""
        self.trainer.load_state_dict(own_state(self.sae, tensors), numbers)
        self.is_scaled = bool(numbers["is_scaled"])
        self.problem = numbers.get("problem")


def _columns(batch: Tensor, places: Sequence[Place]) -> Tensor:
    if len(places) == 1:
        return batch[:, places[0].start : places[0].stop]
    return torch.cat([batch[:, place.start : place.stop] for place in places], dim=-1)


def _scale_of(seen: Tensor, place: Place) -> float:
    """What gives the activations at `place` a mean length of sqrt(width)."""
    part = seen[:, place.start : place.stop].float()
    norm = float(torch.linalg.vector_norm(part, dim=-1).mean(dtype=torch.float64))
    if not 0 < norm < float("inf"):
        raise ValueError(f"The activations at {place.hook_name} have mean length {norm}; is the model sound?")
    return (place.stop - place.start) ** 0.5 / norm
