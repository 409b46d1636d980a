"""Which model and SAE statistics are of: their names, and some weights (why no hash: `sae/fingerprint.py`)."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from sae_widgets.hooked import as_hooked
from sae_widgets.sae import SAE

N_WEIGHTS = 16  # compared with a tolerance, so that float32's statistics serve the same SAE in bfloat16


def identity_of(model: Any, sae: SAE) -> dict[str, Any]:
    """What `check_identity` compares, as plain values."""
    hooked = as_hooked(model)
    return {
        "model": str(hooked.cfg.model_name),
        "hooks": list(sae.cfg.hooks_in),
        "architecture": str(sae.cfg.architecture),
        "d_sae": sae.d_sae,
        "model_weights": _some(hooked.W_E),
        "sae_weights": [*_some(sae.W_enc), *_some(sae.W_dec)],
    }


def check_identity(about: Mapping[str, Any], model: Any | None, sae: SAE, where: str) -> None:
    """Refuse statistics that say they are of another model or SAE; what they do not say is not compared.

    Args:
        about: `FeatureStatistics.about`.
        model: Its model; None where only the SAE is at hand.
        sae: The SAE.
        where: What is refused, to begin the message with.

    Raises:
        ValueError: If they are of something else; says of what.
    """
    own = identity_of(model, sae) if model is not None else {"sae_weights": [*_some(sae.W_enc), *_some(sae.W_dec)]}
    remedy = "Take another folder, or gather them anew: sw.feature_statistics(model, sae, texts)."
    for name, what in (("hooks", "reads"), ("architecture", "is"), ("d_sae", "has features:")):
        if name in own and about.get(name) not in (None, own[name]):
            raise ValueError(f"{where}: of an SAE that {what} {about[name]}, not {own[name]}. {remedy}")
    for name, what in (("sae_weights", "another SAE"), ("model_weights", f"another model ({about.get('model')})")):
        if name in own and name in about and not _are_same(about[name], own[name]):
            raise ValueError(f"{where}: of {what}, whose weights are not these. {remedy}")


def _some(weights: Tensor) -> list[float]:
    flat = weights.detach().flatten()
    return flat[:: max(1, len(flat) // N_WEIGHTS)][:N_WEIGHTS].float().cpu().tolist()


def _are_same(one: list[float], other: list[float]) -> bool:
    if len(one) != len(other):
        return False
    a, b = torch.tensor(one), torch.tensor(other)
    return float((a - b).abs().max()) <= 0.01 * max(float(b.abs().max()), 1e-12)
