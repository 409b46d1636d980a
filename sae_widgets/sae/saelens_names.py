"""What code written for SAELens 6 calls on an SAE, in terms of what ours offers.

    SAELens                                   here
    training_forward_pass(TrainStepInput)     train_parts(x) and objective(parts, target, ctx)
    get_coefficients()                        coefficients()
    get_W_dec_norm()                          decoder_norms(W_dec)
    run_with_cache, run_with_hooks, hooks     hook points, for as long as it takes
    turn_off_forward_pass_hook_z_reshaping()  nothing: the input's shape says whether heads stand apart

Nothing here computes anything of its own.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from sae_widgets.sae.acts import Coefficient, HookPoint, TrainContext, decoder_norms
from sae_widgets.sae.config import nearest

Chosen = str | Callable[[str], bool]
"""A hook point's name, or a function that says of a name whether it is meant."""

TrainCoefficientConfig = Coefficient
"""SAELens' name for a coefficient with its warm-up."""


@dataclass
class TrainStepInput:
    """A batch and what the loss needs to know of the run."""

    sae_in: Float[Tensor, "*batch d_in"]
    """Activations, scaled as training scales them."""

    coefficients: Mapping[str, float | int]
    """Current coefficients by name."""

    dead_neuron_mask: Bool[Tensor, " d_sae"] | None
    """Features that have not fired for long."""

    n_training_steps: int = 0
    """Optimiser steps done so far."""

    is_logging_step: bool = False
    """Read by SAELens alone."""

    target: Float[Tensor, "*batch d_out"] | None = None
    """What a transcoder's output is compared with; None is the input itself. SAELens trains no transcoder."""


@dataclass
class TrainStepOutput:
    """What a training step computed; `loss` has the graph."""

    sae_in: Float[Tensor, "*batch d_in"]
    sae_out: Float[Tensor, "..."]
    feature_acts: Float[Tensor, "*batch d_sae"]
    hidden_pre: Float[Tensor, "*batch d_sae"]
    loss: Float[Tensor, ""]
    losses: dict[str, Tensor]
    metrics: dict[str, Any] = field(default_factory=dict)
    """Empty: the trainer measures (`sae_widgets.training.trainer.StepReport`)."""


class SAELensNames:
    """Methods of SAELens' SAE classes under their names there."""

    def training_forward_pass(self: Any, step_input: TrainStepInput) -> TrainStepOutput:
        """The parts of a training step, its loss terms and their sum."""
        x = step_input.sae_in
        parts = self.train_parts(x)
        target = x.to(self.dtype) if step_input.target is None else step_input.target
        ctx = TrainContext(step_input.coefficients, step_input.dead_neuron_mask, step_input.n_training_steps)
        losses = self.objective(parts, target, ctx)
        acts = parts.feature_acts
        dense = acts if isinstance(acts, Tensor) else acts.to_dense(self.d_sae)
        hidden_pre = parts.hidden_pre if isinstance(parts.hidden_pre, Tensor) else self._hidden_pre(parts.sae_in)
        return TrainStepOutput(x, parts.sae_out, dense, hidden_pre, torch.stack([*losses.values()]).sum(), losses)

    def _hidden_pre(self: Any, sae_in: Float[Tensor, "*batch d_in"]) -> Float[Tensor, "*batch d_sae"]:
        """`hidden_pre` of training, for who asks for it where the step keeps none."""
        return self.pre_activations(sae_in)

    def get_coefficients(self: Any) -> dict[str, Coefficient]:
        """The loss coefficients that may change while training."""
        return self.coefficients()

    @torch.no_grad()
    def get_W_dec_norm(self: Any) -> Float[Tensor, " d_sae"]:  # noqa: N802  SAELens' name
        """Length of each decoder row, at least 1e-8."""
        return decoder_norms(self.W_dec).clamp_min(1e-8)

    def fold_and_get_W_dec_norm(self: Any) -> Float[Tensor, " d_sae"]:  # noqa: N802  SAELens' name
        """The lengths of the decoder rows, which then have length 1; see `fold_W_dec_norm`."""
        norms = self.get_W_dec_norm()
        self.fold_W_dec_norm()
        return norms

    def turn_on_forward_pass_hook_z_reshaping(self) -> None:
        """Does nothing: with `reshape_activations="hook_z"` the shape of each input says whether heads stand apart."""

    def turn_off_forward_pass_hook_z_reshaping(self) -> None:
        """Does nothing, for the same reason."""

    @property
    def hook_dict(self: Any) -> dict[str, HookPoint]:
        """Hook points by name."""
        return self.hook_points

    @contextmanager
    def hooks(self: Any, fwd_hooks: Sequence[tuple[Chosen, Callable]] = ()) -> Iterator[Any]:
        """The SAE with `hook(value, hook=point)` at each named point, within the block.

        Raises:
            ValueError: If there is no hook point of that name.
        """
        with ExitStack() as stack:
            for chosen, hook in fwd_hooks:
                for point in _chosen(self.hook_points, chosen):
                    stack.callback(point.add_hook(hook).remove)
            yield self

    def run_with_hooks(self: Any, *args: Any, fwd_hooks: Sequence[tuple[Chosen, Callable]] = (), **kwargs: Any) -> Any:
        """What `forward` returns with these hooks, which are gone afterwards."""
        with self.hooks(fwd_hooks):
            return self(*args, **kwargs)

    def run_with_cache(
        self: Any, *args: Any, names_filter: Chosen | Sequence[str] | None = None, **kwargs: Any
    ) -> tuple[Any, dict[str, Tensor]]:
        """What `forward` returns, and what passed each hook point, detached."""
        cache: dict[str, Tensor] = {}

        def keep(value: Tensor, hook: HookPoint) -> None:
            cache[hook.name] = value.detach()

        chosen = (lambda name: True) if names_filter is None else names_filter
        each = list(chosen) if isinstance(chosen, Sequence) and not isinstance(chosen, str) else [chosen]
        out = self.run_with_hooks(*args, fwd_hooks=[(one, keep) for one in each], **kwargs)
        return out, cache

    def reset_hooks(self: Any) -> None:
        """Removes every hook from the hook points."""
        for point in self.hook_points.values():
            point._forward_hooks.clear()


def _chosen(points: dict[str, HookPoint], chosen: Chosen) -> list[HookPoint]:
    if not isinstance(chosen, str):
        return [point for name, point in points.items() if chosen(name)]
    if chosen not in points:
        raise ValueError(f"An SAE has no hook point {chosen!r}. {nearest(chosen, points)}")
    return [points[chosen]]
