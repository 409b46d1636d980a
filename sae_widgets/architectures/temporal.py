"""Temporal SAE: attention over earlier tokens predicts a part of the activation, sparse features carry what is new.

    r = sae_in;  for each attention layer:
        codes = relu(lam * r @ W_enc)                                lam = 1 / (4 d_in)
        guess = relu(attention(queries: codes, keys and values: codes of the tokens before, causal))
        share = <guess @ W_dec, r> / (||guess @ W_dec|| + 1e-6)^2
        predicted += share * guess;   r -= share * guess @ W_dec
    hidden_pre   = lam * r @ W_enc
    feature_acts = relu(hidden_pre), at its kval_topk largest if sae_diff_type is "topk"

    encode(x) = feature_acts         decode(feature_acts) = undo(feature_acts @ W_dec + b_dec)
    bypass(x) = the predicted part, undo(predicted @ W_dec)          forward(x) = decode(encode(x)) + bypass(x)

b_dec is added unless the encoder is the decoder transposed (tied_weights) and b_dec was not taken from the input.

Unlike any other SAE it reads sequences: the axis before the last is the position, `[*batch, position, d_in]`. A 2-D
input is one sequence, a 1-D input one of a single token; tokens shuffled or taken out of their sequence mean another
thing. Inference only, like in SAELens.

Source: "Priors in Time: Missing Inductive Biases for Language Model Interpretability", arXiv 2511.01836, as in SAELens
6. Where that is attached to a model the predicted part stays in the output here, as it has to.
"""

from dataclasses import dataclass
from typing import Any, ClassVar, Literal, NoReturn, final

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from sae_widgets.normalize import NORMALIZE_MODES, SCALAR_MODE, Scale, Undo, normalize, spread
from sae_widgets.sae.acts import TrainContext, TrainParts
from sae_widgets.sae.base import SAE
from sae_widgets.sae.config import DTYPES, ArchitectureName, Number, SAEConfig
from sae_widgets.sae.module import encoder_layout
from sae_widgets.sae.registry import register_sae_class

_SMALLEST_LENGTH = 1e-6  # added to the length of what attention predicts


@dataclass
class TemporalSAEConfig(SAEConfig):
    """Settings of a temporal SAE."""

    architecture: ClassVar[ArchitectureName] = ArchitectureName("temporal")
    normalize_modes: ClassVar[tuple[str, ...]] = (
        *(mode for mode in NORMALIZE_MODES if mode != "covariance_whitening"),
        SCALAR_MODE,
    )

    n_heads: int = 8
    """Attention heads."""

    n_attn_layers: int = 1
    """Attention layers."""

    bottleneck_factor: int = 64
    """Times that queries and keys are narrower than `d_sae`."""

    sae_diff_type: Literal["relu", "topk"] = "topk"
    """Whether only the largest features stay active."""

    kval_topk: int | None = None
    """Active features per token for "topk"; None keeps all."""

    tied_weights: bool = True
    """Whether the encoder is the decoder transposed."""

    activation_normalization_factor: Number = 1.0
    """What constant_scalar_rescale multiplies the input with, above 0."""

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("n_heads", "n_attn_layers", "bottleneck_factor", "kval_topk"):
            value = getattr(self, name)
            may_be_none = name == "kval_topk"
            if not (value is None and may_be_none) and (
                isinstance(value, bool) or not isinstance(value, int) or value < (name != "n_attn_layers")
            ):
                raise ValueError(f"{name} is a positive whole number{' or None' * may_be_none}; got {value!r}.")
        if self.d_sae % (self.bottleneck_factor * self.n_heads):
            raise ValueError(
                f"d_sae={self.d_sae} must be a multiple of bottleneck_factor={self.bottleneck_factor} times "
                f"n_heads={self.n_heads}: each head has as many features."
            )
        if self.sae_diff_type not in ("relu", "topk"):
            raise ValueError(f"sae_diff_type is 'relu' or 'topk'; got {self.sae_diff_type!r}.")
        if (self.kval_topk or 0) > self.d_sae:
            raise ValueError(f"kval_topk is at most d_sae={self.d_sae}; got {self.kval_topk}.")
        if not self.activation_normalization_factor > 0:
            raise ValueError(f"activation_normalization_factor is above 0; got {self.activation_normalization_factor}.")


@final
@register_sae_class
class TemporalSAE(SAE):
    """See the module. It has no `b_enc`, and a `W_enc` of its own only with `tied_weights=False`."""

    config_class = TemporalSAEConfig
    training_config_class = TemporalSAEConfig
    has_bypass: ClassVar[bool] = True
    reads_sequences: ClassVar[bool] = True

    @property
    def is_tied(self) -> bool:
        return bool(self.cfg.tied_weights)

    def encode_with_predictions(
        self, x: Float[Tensor, "..."]
    ) -> tuple[Float[Tensor, "... d_sae"], Float[Tensor, "... d_sae"]]:
        """The feature activations, of what is new in each token, and the codes predicted from the tokens before it."""
        sae_in, _ = self._prepare(x, hooked=True)
        hidden_pre, predicted = self._split(sae_in)
        return self._active(hidden_pre, hooked=True), predicted

    def bypass(self, x: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
        """What the tokens before each one predict of it, in the unit and shape of `x`."""
        sae_in, undo = self._prepare(x, hooked=False)
        return self._predicted_part(self._split(sae_in)[1], undo).view(x.shape)

    def pre_activations(self, sae_in: Float[Tensor, "*batch d_in"]) -> Float[Tensor, "*batch d_sae"]:
        return self._split(sae_in)[0]

    def activate(self, hidden_pre: Float[Tensor, "*batch d_sae"]) -> Float[Tensor, "*batch d_sae"]:
        acts = hidden_pre.relu()
        if self.cfg.sae_diff_type == "relu" or self.cfg.kval_topk is None:
            return acts
        kept = acts.topk(self.cfg.kval_topk, dim=-1)
        return torch.zeros_like(acts).scatter_(-1, kept.indices, kept.values)

    def objective(self, parts: TrainParts, target: Float[Tensor, "*batch d_out"], ctx: TrainContext) -> NoReturn:
        raise NotImplementedError("Temporal SAEs are for inference: their training is not offered here.")

    def to_training(self, **settings: Any) -> NoReturn:
        raise NotImplementedError("Temporal SAEs are for inference: their training is not offered here.")

    def fold_W_dec_norm(self) -> NoReturn:  # noqa: N802  SAELens' name
        raise NotImplementedError(
            "Folding decoder norms would change what attention predicts: a temporal SAE's attention reads its features."
        )

    def fold_activation_norm_scaling_factor(self, scaling_factor: Scale, output_factor: Scale | None = None) -> None:
        if not self.cfg.is_normalized_per_row:
            spread(scaling_factor, self.d_in)
            raise NotImplementedError(
                "A scale of the input would change what attention predicts in a temporal SAE, so it cannot be folded; "
                f"normalize_activations={SCALAR_MODE!r} keeps it in the config."
            )
        super().fold_activation_norm_scaling_factor(scaling_factor, output_factor)

    def _check_whitening(self) -> NoReturn:
        raise NotImplementedError("Whitening cannot be folded into a temporal SAE: its attention reads its features.")

    def _split(
        self, sae_in: Float[Tensor, "*batch d_in"]
    ) -> tuple[Float[Tensor, "*batch d_sae"], Float[Tensor, "*batch d_sae"]]:
        """`hidden_pre` and `predicted`."""
        n_positions = sae_in.shape[-2] if sae_in.ndim > 1 else 1
        n_sequences = sae_in.shape[:-2].numel()
        residual = sae_in.reshape(n_sequences, n_positions, self.d_in)
        lam, W_enc = 1 / (4 * self.d_in), self.W_enc
        predicted = residual.new_zeros(n_sequences, n_positions, self.d_sae)
        for attention in self.attn_layers:
            codes = (residual * lam @ W_enc).relu()
            earlier = F.pad(codes, (0, 0, 1, 0))[:, :-1]  # the first token has none
            guess = attention(earlier, codes).relu()
            part = guess @ self.W_dec
            length = torch.linalg.vector_norm(part, dim=-1, keepdim=True) + _SMALLEST_LENGTH
            share = (part * residual).sum(-1, keepdim=True) / length.square()
            predicted = predicted + share * guess
            residual = residual - share * part
        hidden_pre = residual * lam @ W_enc
        shape = (*sae_in.shape[:-1], self.d_sae)
        return hidden_pre.view(shape), predicted.view(shape)

    def _active(self, hidden_pre: Tensor, *, hooked: bool) -> Tensor:
        hidden_pre = self._through(self.hook_sae_acts_pre, hidden_pre, hooked)
        return self._through(self.hook_sae_acts_post, self.activate(hidden_pre), hooked)

    def _reconstruct(self, x: Tensor, *, hooked: bool) -> Tensor:
        # As in every SAE; overridden because features and bypass come out of one pass through attention.
        sae_in, undo = self._prepare(x, hooked=hooked)
        hidden_pre, predicted = self._split(sae_in)
        recons = self._decode(self._active(hidden_pre, hooked=hooked))
        out = self._restore(self._through(self.hook_sae_recons, recons, hooked), undo, x)
        return out + self._predicted_part(predicted, undo).view(out.shape)

    def _predicted_part(self, predicted: Float[Tensor, "*batch d_sae"], undo: Undo) -> Float[Tensor, "*batch d_in"]:
        part = predicted @ self.W_dec
        return undo(part) - undo(torch.zeros_like(part))  # layer_norm's mean is in the other part already

    def _decode(self, feature_acts: Any) -> Float[Tensor, "*batch d_out"]:
        out = self._decoded_rows(feature_acts)
        return out + self.b_dec if self.cfg.apply_b_dec_to_input or not self.is_tied else out

    def _normalized(self, x: Float[Tensor, "*batch d_in"]) -> tuple[Float[Tensor, "*batch d_in"], Undo]:
        return normalize(x, self.cfg.normalize_activations, self.cfg.activation_normalization_factor)

    def _make_weights(self, generator: torch.Generator | None) -> None:
        """Normal numbers; the attention's rows of a length that keeps the size of what goes through."""
        self.W_dec = nn.Parameter(self._normal(self.d_in, generator))
        if not self.is_tied:
            self.W_enc = nn.Parameter(encoder_layout(self._normal(self.d_in, generator).T, self.cfg.is_training))
        self.b_dec = nn.Parameter(self._zeros(self.d_in))
        layers = range(self.cfg.n_attn_layers)
        self.attn_layers = nn.ModuleList([_Attention(self.cfg, generator) for _ in layers])

    def _normal(self, width: int, generator: torch.Generator | None) -> Tensor:
        return self._drawn(width, generator, nn.init.normal_)

    def _repr_settings(self) -> str:
        kept = "" if self.cfg.kval_topk is None else f", k={self.cfg.kval_topk}"
        return f"{kept}, n_heads={self.cfg.n_heads}"


class _Attention(nn.Module):
    """Causal attention between codes: `c_proj(softmax(q k^T / sqrt(width of a head)) v)`."""

    def __init__(self, cfg: SAEConfig, generator: torch.Generator | None) -> None:
        super().__init__()
        self.n_heads, narrow = cfg.n_heads, cfg.d_sae // cfg.bottleneck_factor
        of_key, of_value = (narrow // cfg.n_heads) ** -0.5, (cfg.d_sae // cfg.n_heads) ** -0.5
        self.k_ctx = _Linear(cfg, narrow, of_key, generator)
        self.q_target = _Linear(cfg, narrow, of_key, generator)
        self.v_ctx = _Linear(cfg, cfg.d_sae, of_value, generator)
        self.c_proj = _Linear(cfg, cfg.d_sae, cfg.d_sae**-0.5, generator)

    def forward(
        self, earlier: Float[Tensor, "batch position d_sae"], codes: Float[Tensor, "batch position d_sae"]
    ) -> Float[Tensor, "batch position d_sae"]:
        if not codes.numel():
            return codes
        q, k, v = (self._heads(each) for each in (self.q_target(codes), self.k_ctx(earlier), self.v_ctx(earlier)))
        mixed = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.c_proj(mixed.transpose(1, 2).flatten(2))

    def _heads(self, x: Float[Tensor, "batch position width"]) -> Float[Tensor, "batch n_heads position d_head"]:
        return x.unflatten(-1, (self.n_heads, -1)).transpose(1, 2)


class _Linear(nn.Module):
    """`x @ weight.T + bias`, as torch's own, but drawn from a generator, rows of length `scale`."""

    def __init__(self, cfg: SAEConfig, n_out: int, scale: float, generator: torch.Generator | None) -> None:
        super().__init__()
        place = generator.device if generator is not None else cfg.device
        bound = cfg.d_sae**-0.5
        drawn = torch.empty(n_out, cfg.d_sae + 1, dtype=DTYPES[cfg.dtype], device=place)
        weight, bias = nn.init.uniform_(drawn, -bound, bound, generator=generator).split([cfg.d_sae, 1], dim=1)
        length = torch.linalg.vector_norm(weight, dim=1, keepdim=True) + 1e-6
        self.weight = nn.Parameter((scale * weight / length).to(cfg.device))
        self.bias = nn.Parameter(bias.flatten().contiguous().to(cfg.device))

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x, self.weight, self.bias)
