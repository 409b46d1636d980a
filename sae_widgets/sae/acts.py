"""What an SAE hands around: sparse activations, the parts of a training step, and named points to hook."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import torch
from jaxtyping import Bool, Float, Int, Shaped
from torch import Tensor, nn
from torch.autograd import Function
from torch.autograd.function import once_differentiable
from torch.utils.hooks import RemovableHandle

from sae_widgets import kernels
from sae_widgets.kernels import Entries, decode_entries, decode_rows, entry_products, few_entries


class SparseActs(NamedTuple):
    """The active features of each token; unused slots have value 0 (and any index)."""

    indices: Int[Tensor, "*batch k"]
    """Which features are active; at most once each per token, unused slots aside."""

    values: Float[Tensor, "*batch k"]
    """Their activations, in no promised order."""

    @classmethod
    def from_dense(cls, feature_acts: Float[Tensor, "*batch d_sae"]) -> "SparseActs":
        """The non-zero entries, largest first; k is the largest l0 of any token."""
        k = int((feature_acts != 0).sum(-1).max()) if feature_acts.numel() else 0
        indices = feature_acts.abs().topk(k, dim=-1).indices
        return cls(indices, feature_acts.gather(-1, indices))

    def to_dense(self, d_sae: int) -> Float[Tensor, "*batch d_sae"]:
        """The same activations as one value per feature."""
        dense = self.values.new_zeros(*self.values.shape[:-1], d_sae)
        # Added, not written: an unused slot may name a feature that another slot uses.
        return dense.scatter_add_(-1, self.indices, self.values)


class EntryActs(NamedTuple):
    """A value for each of few features of each token, as many as it may be: what a training step has of ReLU's kin.

    At the features that are not there, activations are 0 and the loss has no gradient.
    """

    entries: Entries
    """Which features of which tokens."""

    values: Float[Tensor, " m"]
    """Of each entry."""

    def to_dense(self, d_sae: int) -> Float[Tensor, "n d_sae"]:
        """The same values as one per feature, 0 where there is none."""
        dense = self.values.new_zeros(self.entries.n_tokens, d_sae)
        return dense.index_put_((self.entries.tokens, self.entries.features), self.values)

    def per_feature(self) -> Float[Tensor, " d_sae"]:
        """Sums over tokens."""
        return self.values.new_zeros(self.entries.n_features).index_add_(0, self.entries.features, self.values)

    def per_token(self) -> Float[Tensor, " n"]:
        """Sums over features."""
        return self.values.new_zeros(self.entries.n_tokens).index_add_(0, self.entries.tokens, self.values)


class TrainParts(NamedTuple):
    """What one training forward computed, for the objective and for metrics."""

    sae_in: Float[Tensor, "*batch d_in"]
    """What the encoder multiplies: the input cast, normalised and less `b_dec`. Metrics compare `sae_out` with the
    input itself, not with this."""

    hidden_pre: Float[Tensor, "*batch d_sae"] | EntryActs | None
    """Pre-activations; where few features are active only theirs, or none."""

    feature_acts: Float[Tensor, "*batch d_sae"] | SparseActs | EntryActs
    """Activations; sparse for architectures that know their k, and for others where few are active."""

    sae_out: Float[Tensor, "*batch d_out"]
    """Reconstruction, in the unit of the target; several outputs lie side by side."""

    gate_pre: Float[Tensor, "*batch d_sae"] | EntryActs | None = None
    """Pre-activations of the gate (gated only)."""

    inner_outs: tuple[Float[Tensor, "*batch d_out"], ...] = ()
    """Further reconstructions: from the first features alone, fewest first (matryoshka), or from the gate (gated)."""


@dataclass(frozen=True)
class TrainContext:
    """What the objective needs to know of the run."""

    coefficients: Mapping[str, float | int | Tensor] = field(default_factory=dict)
    """Current coefficients by the names of `SAE.coefficients()`, warm-up already applied; as tensors of one number
    where the forward is compiled."""

    dead_mask: Bool[Tensor, " d_sae"] | None = None
    """Features that have not fired for long; None when nobody counted."""

    n_steps: int = 0
    """Optimiser steps done so far."""


class Coefficient(NamedTuple):
    """A loss coefficient that can be changed while training runs."""

    value: float
    """Value after warm-up."""

    warm_up_steps: int = 0
    """Optimiser steps over which it rises from 0 to `value`, linearly."""


class HookPoint(nn.Module):
    """The identity, with a name: a place where a forward hook can see or replace a value.

    The same idea as TransformerLens' class of this name, which takes eleven seconds to import.
    """

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name

    def forward(self, value: Tensor) -> Tensor:
        return value

    @property
    def is_hooked(self) -> bool:
        """Whether a hook would see or change the value."""
        return bool(self._forward_hooks or self._forward_pre_hooks or self._backward_hooks or self._backward_pre_hooks)

    def add_hook(self, hook: Callable[[Tensor, "HookPoint"], Tensor | None]) -> RemovableHandle:
        """A handle that removes `hook(value, hook=self)`; what the hook returns, if not None, replaces the value."""

        def call(_module: nn.Module, _args: Any, value: Tensor) -> Tensor | None:
            return hook(value, hook=self)  # type: ignore[call-arg]

        return self.register_forward_hook(call)


def is_any_hooked(points: "list[HookPoint]") -> bool:
    """Whether at least one of `points` has a hook."""
    return any(point.is_hooked for point in points)


def rows_of(x: Shaped[Tensor, "*batch d"]) -> Shaped[Tensor, "n d"]:
    """`x` with its leading axes made one."""
    # Counted, not -1: an axis of length 0 leaves -1 without an answer.
    return x.reshape(x.shape[:-1].numel(), x.shape[-1])


def summed_rows(
    weights: Float[Tensor, "*batch d_sae"] | SparseActs | EntryActs, W_dec: Float[Tensor, "d_sae d_out"]
) -> Float[Tensor, "*batch d_out"]:
    """`weights @ W_dec`."""
    if isinstance(weights, Tensor):
        return weights @ W_dec
    if isinstance(weights, EntryActs):
        return decode_entries(weights.entries, weights.values, W_dec)
    indices, values = weights
    rows = decode_rows(rows_of(indices), rows_of(values), W_dec)
    return rows.view(*values.shape[:-1], rows.shape[-1])


def few_products(
    x: Float[Tensor, "*batch d_in"],
    W: Float[Tensor, "d_in d_sae"],
    b: Float[Tensor, " d_sae"] | None,
    dense: Float[Tensor, "*batch d_sae"],
    chosen: Bool[Tensor, "*batch d_sae"],
) -> EntryActs | None:
    """`dense = x @ W + b` where `chosen`, with its gradient; None, if these are so many that `dense` will do."""
    entries = few_entries(chosen) if chosen.ndim == 2 else None
    if entries is None:
        return None
    values = dense.detach().flatten()[entries.flat].to(W.dtype)
    return EntryActs(entries, entry_products(x, W, b, entries, values))


def squared_error(x_hat: Float[Tensor, "*batch d"], x: Float[Tensor, "*batch d"]) -> Float[Tensor, ""]:
    """Squared error, summed over the last axis and averaged over tokens: the `mse_loss` of every objective."""
    return kernels.squared_error(x_hat, x)


def pre_act_loss(
    below: Float[Tensor, "*batch d_sae"], norms: Float[Tensor, " d_sae"], ctx: TrainContext
) -> Float[Tensor, ""]:
    """How far dead features are from firing, weighted by their decoder norms; 0 when nobody counted who is dead.

    mean sum_{i dead} below_i ||W_dec_i||                              (mean over tokens)

    Args:
        below: By how much each pre-activation is short of firing, at least 0.
        norms: Lengths of the decoder rows.
        ctx: Who is dead.

    Source: Anthropic, January 2025 update, with weight 3e-6; there for all features, here as in SAELens for dead ones.
    """
    if ctx.dead_mask is None:
        return below.new_zeros(())
    return (below * ctx.dead_mask * norms).sum(-1).mean()


def decoder_norms(W_dec: Float[Tensor, "d_sae d_out"]) -> Float[Tensor, " d_sae"]:
    """Length of each feature's decoder row."""
    if torch.compiler.is_compiling():
        return torch.linalg.vector_norm(W_dec, dim=-1)
    return _Norms.apply(W_dec)  # type: ignore[return-value]


class _Norms(Function):
    """Lengths of rows, whose gradient is one multiplication, where autograd passes six times over the weights."""

    @staticmethod
    def forward(ctx: Any, rows: Tensor) -> Tensor:
        norms = torch.linalg.vector_norm(rows, dim=-1)
        ctx.save_for_backward(rows, norms)
        return norms

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> Tensor:  # type: ignore[override]
        rows, norms = ctx.saved_tensors
        return rows * torch.where(norms > 0, grad / norms, 0.0)[:, None]
