"""The same SAE in SAELens and here, for each architecture and form."""

from pathlib import Path
from typing import Any

import sae_lens
import torch
from torch import Tensor

import sae_widgets.architectures as ours
from sae_widgets.sae import SAE

D_IN, D_SAE, N_TOKENS = 64, 512, 256

TRANSCODERS = ("Transcoder", "SkipTranscoder", "JumpReLUTranscoder", "JumpReLUSkipTranscoder")
INFERENCE = (
    *("StandardSAE", "GatedSAE", "TopKSAE", "JumpReLUSAE", "AbsTopKSAE", "MatchingPursuitSAE", "TemporalSAE"),
    *TRANSCODERS,
)
TRAINING = (
    *("StandardTrainingSAE", "GatedTrainingSAE", "TopKTrainingSAE", "JumpReLUTrainingSAE", "AbsTopKTrainingSAE"),
    *("BatchTopKTrainingSAE", "MatryoshkaBatchTopKTrainingSAE", "MatchingPursuitTrainingSAE"),
)

OWN: dict[str, dict[str, Any]] = {
    "TopK": {"k": 16},
    "Matryoshka": {"matryoshka_widths": [128, 256, D_SAE]},
    "Transcoder": {"d_out": D_IN - 2, "apply_b_dec_to_input": False},
    "MatchingPursuit": {"max_iterations": 4},
    "MatchingPursuitTraining": {"decoder_init_norm": 1.0},
    "Temporal": {"n_heads": 2, "bottleneck_factor": 4, "kval_topk": 16},
}
"""Part of a class's name -> settings that it needs."""


def settings_for(name: str, **changes: Any) -> dict[str, Any]:
    """Arguments of the config of the class `name`, the same for both."""
    own = {key: value for part, values in OWN.items() if part in name for key, value in values.items()}
    return {"d_in": D_IN, "d_sae": D_SAE, **own, **changes}


def fill(sae: torch.nn.Module, seed: int = 0) -> None:
    """Draws every weight, about as large as after training; thresholds are positive."""
    generator = torch.Generator().manual_seed(seed)
    weights = {**dict(sae.named_parameters()), **dict(sae.named_buffers())}
    with torch.no_grad():
        for name in sorted(weights):
            drawn = torch.randn(weights[name].shape, generator=generator, dtype=torch.float64)
            scale = {"W_enc": D_IN**-0.5, "W_dec": D_IN**-0.5, "threshold": 0.5, "topk_threshold": 0.7}.get(name, 0.1)
            scale = weights[name].shape[-1] ** -0.5 if name.startswith("attn_layers") else scale
            weights[name].copy_((drawn.abs() if "threshold" in name else drawn) * scale)


def activations(seed: int = 1, name: str = "") -> Tensor:
    """A batch of activations of unit size, off the origin; in sequences where the class `name` looks along them."""
    x = torch.randn(N_TOKENS, D_IN, generator=torch.Generator().manual_seed(seed)) + 0.2
    return x.unflatten(0, (-1, 16)) if "Temporal" in name else x


def our_sae(name: str, **changes: Any) -> SAE:
    """Our SAE of the class `name`, drawn."""
    sae = getattr(ours, name)(getattr(ours, f"{name}Config")(**settings_for(name, **changes)))
    fill(sae)
    return sae


def peer_sae(name: str, **changes: Any) -> sae_lens.SAE:
    """SAELens' SAE of the class `name`, drawn."""
    sae = getattr(sae_lens, name)(getattr(sae_lens, f"{name}Config")(**settings_for(name, **changes)))
    fill(sae)
    return sae


def peer_from(folder: Path, *, training: bool) -> sae_lens.SAE:
    """The SAE in `folder`, loaded by SAELens."""
    return (sae_lens.TrainingSAE if training else sae_lens.SAE).load_from_disk(folder)


def largest(a: Tensor, b: Tensor) -> float:
    """The largest absolute difference."""
    return (a - b).abs().max().item()


def relative(a: Tensor, b: Tensor) -> float:
    """The largest difference in units of the largest entry of `b`."""
    return largest(a, b) / max(b.abs().max().item(), 1e-30)
