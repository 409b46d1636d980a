"""SAEs of every architecture with random weights, and inputs: written for SAELens, so both sides draw the same."""

import zlib
from dataclasses import dataclass, field
from typing import Any

import sae_lens
import torch
from torch import Tensor

from tests.parity.recording import overall


@dataclass(frozen=True)
class Size:
    d_in: int
    d_sae: int
    n_tokens: int
    k: int


SIZES = {"small": Size(8, 24, 6, 3), "middle": Size(64, 512, 96, 16), "odd": Size(130, 324, 33, 7)}
"""A size that one can look at, one like in use, and one that no kernel's block divides."""


@dataclass(frozen=True)
class Bars:
    """How far the two may be apart."""

    output: dict[str, Any]
    gradient: dict[str, Any]


BARS = {
    "float32": Bars({"bar": 1e-5}, {"bar": 1e-4}),
    "bfloat16": Bars({"bar": 3e-2, "measure": overall}, {"bar": 6e-2, "measure": overall}),
}
"""float32: the largest difference, of the largest entry. bfloat16 has 8 significant bits (2^-8 = 4e-3) and a rounding
may choose another feature: the length of the difference. Both sides are up to 9e-2 away from float32's gradients."""

TIED = Bars({"bar": 0.15, "measure": overall}, {"bar": 0.2, "measure": overall})
"""For a choice of thousands of bfloat16 numbers, many of which are equal: any of the equal ones will do."""


def bars_for(variant: str, dtype: str) -> Bars:
    """How far the two may be apart for this architecture."""
    return TIED if dtype == "bfloat16" and ("batchtopk" in variant or "matryoshka" in variant) else BARS[dtype]


@dataclass(frozen=True)
class Variant:
    """One architecture and its settings."""

    name: str
    """Class name without "SAE" or "TrainingSAE"; whole for transcoders."""
    settings: dict[str, Any] = field(default_factory=dict)


TRAINED = {
    "standard": Variant("Standard"),
    "standard-l2": Variant("Standard", {"lp_norm": 2.0, "apply_b_dec_to_input": False}),
    "gated": Variant("Gated"),
    "topk": Variant("TopK"),
    "topk-plain": Variant("TopK", {"rescale_acts_by_decoder_norm": False, "aux_loss_coefficient": 0.03}),
    "abstopk": Variant("AbsTopK"),
    "batchtopk": Variant("BatchTopK"),
    "batchtopk-plain": Variant("BatchTopK", {"rescale_acts_by_decoder_norm": False, "apply_b_dec_to_input": False}),
    "matryoshka": Variant("MatryoshkaBatchTopK"),
    "matryoshka-aux": Variant("MatryoshkaBatchTopK", {"use_matryoshka_aux_loss": True}),
    "jumprelu-step": Variant("JumpReLU"),
    "jumprelu-tanh": Variant("JumpReLU", {"jumprelu_sparsity_loss_mode": "tanh", "jumprelu_bandwidth": 1.0}),
    "jumprelu-quadratic": Variant("JumpReLU", {"jumprelu_sparsity_loss_mode": "quadratic", "target_l0": 5.0}),
    "jumprelu-anthropic": Variant("JumpReLU", {"jumprelu_ste_to_input": True, "pre_act_loss_coefficient": 3e-3}),
    "matching_pursuit": Variant("MatchingPursuit", {"max_iterations": 5}),
}

USED = {
    "standard": Variant("Standard"),
    "gated": Variant("Gated"),
    "topk": Variant("TopK"),
    "topk-rescaled": Variant("TopK", {"rescale_acts_by_decoder_norm": True}),
    "abstopk": Variant("AbsTopK"),
    "jumprelu": Variant("JumpReLU"),
    "jumprelu-no-b_dec": Variant("JumpReLU", {"apply_b_dec_to_input": False}),
    "matching_pursuit": Variant("MatchingPursuit", {"max_iterations": 5}),
    "transcoder": Variant("Transcoder"),
    "skip_transcoder": Variant("SkipTranscoder"),
    "jumprelu_transcoder": Variant("JumpReLUTranscoder"),
    "jumprelu_skip_transcoder": Variant("JumpReLUSkipTranscoder"),
    "temporal": Variant("Temporal", {"n_heads": 2, "bottleneck_factor": 2}),
    "temporal-untied": Variant(
        "Temporal", {"n_heads": 2, "bottleneck_factor": 2, "tied_weights": False, "sae_diff_type": "relu"}
    ),
}


def trained(variant: str, size: Size, **changes: Any) -> Any:
    """An SAE in training form."""
    return _made(TRAINED[variant], "TrainingSAE", size, changes)


def used(variant: str, size: Size, **changes: Any) -> Any:
    """An SAE in inference form."""
    return _made(USED[variant], "" if "Transcoder" in USED[variant].name else "SAE", size, changes)


def _made(variant: Variant, kind: str, size: Size, changes: dict[str, Any]) -> Any:
    name = f"{variant.name}{kind}"
    settings: dict[str, Any] = {"d_in": size.d_in, "d_sae": size.d_sae}
    if "TopK" in name:
        settings["k"] = size.k + 0.4 if "Batch" in name else size.k
    if "Matryoshka" in name:
        settings["matryoshka_widths"] = [size.d_sae // 4, size.d_sae // 2, size.d_sae]
    if "MatchingPursuit" in name and "Training" in name:
        settings["decoder_init_norm"] = 1.0
    if "Transcoder" in name:
        settings |= {"d_out": size.d_in + 2, "apply_b_dec_to_input": False}
    if "Temporal" in name:
        settings["kval_topk"] = size.k
    config = getattr(sae_lens, f"{name}Config")(**{**settings, **variant.settings, **changes})
    sae = getattr(sae_lens, name)(config)
    fill(sae, has_unit_rows="MatchingPursuit" in name)
    return sae


def fill(sae: torch.nn.Module, seed: int = 0, *, has_unit_rows: bool = False) -> None:
    """Draws every weight, each by its name, about as large as after training; thresholds are positive."""
    weights = {**dict(sae.named_parameters()), **dict(sae.named_buffers())}
    with torch.no_grad():
        for name, weight in weights.items():
            generator = torch.Generator().manual_seed(seed + zlib.crc32(name.encode()))
            drawn = torch.randn(weight.shape, generator=generator, dtype=torch.float64)
            if "threshold" in name:
                drawn = drawn.abs() * (0.7 if name == "topk_threshold" else 0.5)
            elif weight.ndim == 2:
                width = weight.shape[0] if name == "W_enc" else weight.shape[1]
                drawn = drawn * width**-0.5
            else:
                drawn = drawn * 0.1
            if has_unit_rows and name == "W_dec":
                drawn = drawn / drawn.norm(dim=-1, keepdim=True)
            weight.copy_(drawn)


def batch(size: Size, *shape: int, seed: int = 1, width: int | None = None) -> Tensor:
    """Activations of unit size, off the origin; `[n_tokens, d_in]` unless a shape is given."""
    leading = shape or (size.n_tokens,)
    x = torch.randn(*leading, width or size.d_in, generator=torch.Generator().manual_seed(seed))
    return x + 0.2


def dead(size: Size) -> Tensor:
    """Some features that count as dead."""
    return torch.arange(size.d_sae) % 7 == 0
