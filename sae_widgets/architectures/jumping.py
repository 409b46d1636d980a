"""What JumpReLU SAEs and transcoders share: a feature is zero until its pre-activation passes its own threshold.

    feature_acts = hidden_pre where hidden_pre > threshold, else 0        (inference: relu of it)

The threshold gets its gradient from a rectangle of width eps around it (K(u) = 1 for |u| < 1/2):

    d feature_acts / d threshold = -(threshold / eps) K((hidden_pre - threshold) / eps)
    d step         / d threshold = -(1 / eps)         K((hidden_pre - threshold) / eps)

    mse_loss     = mean ||x - x_hat||^2
    l0_loss      = l0 * mean sum_i step(hidden_pre_i - threshold_i)                   (mode "step")
                 = l0 * mean 2 / target_l0 * (L0 - target_l0)^2                       (mode "quadratic")
                 = l0 * mean sum_i tanh(scale * feature_acts_i * ||W_dec_i||)         (mode "tanh")
    pre_act_loss = coef * mean sum_{i dead} relu(threshold_i - hidden_pre_i) ||W_dec_i||

Source: Rajamanoharan et al. 2024, "Jumping Ahead"; Gemma Scope 2 (quadratic); Anthropic, January 2025 update (tanh,
pre_act_loss, estimator to the input too), in the form of SAELens 6: the threshold itself is trained, not its log.

Where few pre-activations are above their threshold or within the rectangle below it, all but the encoder's product is
sparse: the others have no gradient.
"""

from dataclasses import dataclass
from typing import Any, ClassVar, Literal, NamedTuple, final

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.autograd import Function

from sae_widgets.architectures.encoding import through_bias, train_product
from sae_widgets.kernels.entries import places
from sae_widgets.sae.acts import (
    Coefficient,
    EntryActs,
    TrainContext,
    TrainParts,
    decoder_norms,
    few_products,
    pre_act_loss,
    squared_error,
)
from sae_widgets.sae.base import SAE
from sae_widgets.sae.config import Number


@dataclass(kw_only=True)
class JumpSettings:
    """How thresholds are trained: fields of a training config."""

    jumprelu_init_threshold: Number = 0.01
    """Threshold at the start, in the unit of the pre-activations, at least 0."""

    jumprelu_bandwidth: Number = 0.05
    """Width of the rectangle that estimates the gradient, above 0."""

    jumprelu_sparsity_loss_mode: Literal["step", "tanh", "quadratic"] = "step"
    """Which l0_loss."""

    l0_coefficient: Number = 1.0
    """Weight of the l0_loss, at least 0."""

    l0_warm_up_steps: int = 0
    """Optimiser steps over which the weight rises from 0."""

    pre_act_loss_coefficient: Number | None = None
    """Weight of the pre_act_loss; None leaves it out. Anthropic uses 3e-6."""

    jumprelu_tanh_scale: Number = 4.0
    """Steepness of mode "tanh"."""

    jumprelu_ste_to_input: bool = False
    """Whether the estimator reaches the encoder as well (Anthropic) or the threshold alone (DeepMind)."""

    target_l0: Number | None = None
    """Features per token that mode "quadratic" aims at, from 0 (excluded) to d_sae."""

    def check_jumps(self, d_sae: int) -> None:
        """Refuses settings that no training could use."""
        if self.jumprelu_sparsity_loss_mode not in ("step", "tanh", "quadratic"):
            raise ValueError(
                "jumprelu_sparsity_loss_mode is 'step', 'tanh' or 'quadratic'; "
                f"got {self.jumprelu_sparsity_loss_mode!r}."
            )
        if not self.jumprelu_bandwidth > 0:
            raise ValueError(f"jumprelu_bandwidth is above 0; got {self.jumprelu_bandwidth}.")
        if self.jumprelu_init_threshold < 0:
            raise ValueError(f"jumprelu_init_threshold is at least 0; got {self.jumprelu_init_threshold}.")
        if self.jumprelu_sparsity_loss_mode == "quadratic" and not 0 < (self.target_l0 or 0) <= d_sae:
            raise ValueError(f"Mode 'quadratic' needs target_l0 between 0 and d_sae={d_sae}; got {self.target_l0}.")


class JumpingSAE(SAE):
    """An SAE, or transcoder, with a threshold for each feature; its training config has `JumpSettings`."""

    # float32 whatever the SAE's dtype: Adam's steps of ~lr vanish in bfloat16 near 1.
    kept_dtypes: ClassVar[dict[str, torch.dtype]] = {"threshold": torch.float32}

    threshold: nn.Parameter

    def activate(self, hidden_pre: Float[Tensor, "*batch d_sae"]) -> Float[Tensor, "*batch d_sae"]:
        if self.cfg.is_training:
            return self._jumped(hidden_pre, self.threshold.to(hidden_pre.dtype))
        return torch.where(hidden_pre <= self.threshold.clamp_min(0.0), 0.0, hidden_pre)

    @final
    def train_parts(self, x: Float[Tensor, "*batch d_in"]) -> TrainParts:
        cfg = self._training_config()
        sae_in, undo = self._prepare(x, hooked=False)
        rows, b = through_bias(self, x, sae_in, self.b_enc)
        hidden_pre, few = train_product(self, rows, b), None
        # Of what is short of firing, all features have a share.
        if cfg.pre_act_loss_coefficient is None:
            # A little more than half the rectangle's width, since its own test rounds in another way.
            floor = self.threshold - 0.501 * cfg.jumprelu_bandwidth
            few = few_products(rows, self.W_enc, b, hidden_pre, hidden_pre.detach() > floor.to(hidden_pre.dtype))
        if few is not None:
            pre, acts = few, EntryActs(few.entries, self._jumped(few.values, self._threshold_of(few)))
        else:
            pre, acts = hidden_pre, self.activate(hidden_pre)
        return TrainParts(sae_in, pre, acts, self._train_out(x, self._decode(acts), undo))

    def coefficients(self) -> dict[str, Coefficient]:
        cfg = self._training_config()
        return {"l0": Coefficient(cfg.l0_coefficient, cfg.l0_warm_up_steps)}

    def objective(
        self, parts: TrainParts, target: Float[Tensor, "*batch d_out"], ctx: TrainContext
    ) -> dict[str, Float[Tensor, ""]]:
        cfg = self._training_config()
        terms = {
            "mse_loss": squared_error(parts.sae_out, target),
            "l0_loss": ctx.coefficients["l0"] * self._sparsity(parts).mean(),
        }
        if cfg.pre_act_loss_coefficient is not None:
            assert isinstance(parts.hidden_pre, Tensor)
            below = (self.threshold.to(parts.hidden_pre.dtype) - parts.hidden_pre).relu()
            short = self.peers.total(pre_act_loss(below, decoder_norms(self.W_dec), ctx))
            terms["pre_act_loss"] = cfg.pre_act_loss_coefficient * short
        return terms

    @torch.no_grad()
    def after_step(self) -> None:
        # Below zero the gate would let negative pre-activations through. Projected here, not clamped in the forward:
        # a clamp has no gradient there and would pin the feature for good.
        self.threshold.clamp_(min=0.0)

    def _sparsity(self, parts: TrainParts) -> Float[Tensor, "*batch"]:
        cfg, acts, pre = self._training_config(), parts.feature_acts, parts.hidden_pre
        if isinstance(acts, EntryActs):
            assert isinstance(pre, EntryActs)
            norms = decoder_norms(self.W_dec).index_select(0, acts.entries.features)
            steps = EntryActs(acts.entries, self._steps(acts.values, pre.values, norms, self._threshold_of(pre)))
            l0 = self.peers.total(steps.per_token())
        else:
            assert isinstance(acts, Tensor)
            assert isinstance(pre, Tensor)
            l0 = self._steps(acts, pre, decoder_norms(self.W_dec), self.threshold.to(pre.dtype)).sum(-1)
            l0 = self.peers.total(l0)
        if cfg.jumprelu_sparsity_loss_mode == "quadratic":
            return 2 / cfg.target_l0 * (l0 - cfg.target_l0) ** 2
        return l0

    def _steps(self, acts: Tensor, pre: Tensor, norms: Tensor, threshold: Tensor) -> Tensor:
        """What the loss counts of each feature: 1 where it fires, or in mode "tanh" nearly."""
        cfg = self._training_config()
        if cfg.jumprelu_sparsity_loss_mode == "tanh":
            return torch.tanh(cfg.jumprelu_tanh_scale * (acts * norms))
        return _Step.apply(pre, threshold, cfg.jumprelu_bandwidth, cfg.jumprelu_ste_to_input)  # type: ignore[return-value]

    def _jumped(self, pre: Tensor, threshold: Tensor) -> Tensor:
        cfg = self._training_config()
        return _JumpReLU.apply(pre, threshold, cfg.jumprelu_bandwidth, cfg.jumprelu_ste_to_input)  # type: ignore[return-value]

    def _threshold_of(self, few: EntryActs) -> Float[Tensor, " m"]:
        return self.threshold.to(few.values.dtype).index_select(0, few.entries.features)

    def _make_biases(self) -> None:
        super()._make_biases()
        threshold = self._zeros(self.d_sae)
        if self.cfg.is_training:
            threshold = torch.full_like(threshold, self.cfg.jumprelu_init_threshold, dtype=torch.float32)
        self.threshold = nn.Parameter(threshold)

    def feature_starts(self) -> dict[str, float]:
        return {**super().feature_starts(), "threshold": float(self._training_config().jumprelu_init_threshold)}

    def _scale_features(self, norms: Float[Tensor, " d_sae"]) -> None:
        super()._scale_features(norms)
        self.threshold.mul_(norms)


class _Near(NamedTuple):
    """Pre-activations within the rectangle around their threshold: few, however many are active."""

    at: tuple[Tensor, ...]
    """Where they are."""

    features: Int[Tensor, " m"]

    @classmethod
    def of(cls, pre: Tensor, threshold: Tensor, bandwidth: float) -> "_Near":
        is_near = (pre - threshold).div_(bandwidth).abs_() < 0.5
        # Not `nonzero` of all: on CUDA that takes less than 2^31 numbers.
        at = torch.unravel_index(places(is_near.flatten()), is_near.shape)
        return cls(at, at[-1])


def _through(
    grad: Tensor, pre: Tensor, threshold: Tensor, bandwidth: float, scale: Tensor | None
) -> tuple[_Near, Tensor]:
    """Which entries the estimator reaches, and what it says of each: `scale / eps * grad`."""
    near = _Near.of(pre, threshold, bandwidth)
    each = grad[near.at] / bandwidth
    return near, each if scale is None else each * scale[near.features]


class _JumpReLU(Function):
    @staticmethod
    def forward(ctx: Any, pre: Tensor, threshold: Tensor, bandwidth: float, ste_to_input: bool) -> Tensor:
        ctx.save_for_backward(pre, threshold)
        ctx.bandwidth, ctx.ste_to_input = bandwidth, ste_to_input
        # Not a product, which would make numbers of the comparison first; what is no number stays so.
        return torch.where(pre <= threshold, 0.0, pre)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:  # type: ignore[override]
        pre, threshold = ctx.saved_tensors
        near, through = _through(grad, pre, threshold, ctx.bandwidth, threshold)
        d_pre = torch.where(pre <= threshold, 0.0, grad)
        if ctx.ste_to_input:
            d_pre[near.at] += through
        return d_pre, torch.zeros_like(threshold).index_add_(0, near.features, -through), None, None


class _Step(Function):
    @staticmethod
    def forward(ctx: Any, pre: Tensor, threshold: Tensor, bandwidth: float, ste_to_input: bool) -> Tensor:
        ctx.save_for_backward(pre, threshold)
        ctx.bandwidth, ctx.ste_to_input = bandwidth, ste_to_input
        return (pre > threshold).to(pre.dtype)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:  # type: ignore[override]
        pre, threshold = ctx.saved_tensors
        near, through = _through(grad, pre, threshold, ctx.bandwidth, None)
        d_pre = None
        if ctx.ste_to_input:
            d_pre = torch.zeros_like(pre)
            d_pre[near.at] = through
        return d_pre, torch.zeros_like(threshold).index_add_(0, near.features, -through), None, None
