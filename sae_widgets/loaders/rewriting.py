"""What writers of other libraries' formats have in common."""

import copy
import json
from pathlib import Path
from typing import Any

from torch import Tensor

from sae_widgets.sae import SAE
from sae_widgets.sae.files import save_tensors, written


def plain_inference(sae: SAE, format: str) -> SAE:
    """The inference form of `sae`, known to take its input as it is and to compare its features as they are.

    Raises:
        NotImplementedError: If it scales its input, which the format has no word for.
    """
    sae = sae.to_inference() if sae.cfg.is_training else sae
    mode = sae.cfg.normalize_activations
    if mode != "none":
        how = "fold_activation_norm_scaling_factor(s) makes it one that does not" if "average" in mode else "none can"
        raise NotImplementedError(
            f"{format} has no SAEs that scale their input (normalize_activations={mode!r}); {how}."
        )
    if getattr(sae.cfg, "rescale_acts_by_decoder_norm", False):
        sae = copy.deepcopy(sae)
        sae.fold_W_dec_norm()  # with rows of unit length, comparing as if they had it changes nothing
    return sae


def as_applied(sae: SAE, is_applied: bool) -> dict[str, Tensor]:
    """The weights of `sae`, for a format that takes `b_dec` from the input before encoding, or one that does not.

        (x - b_dec) @ W_enc + b_enc  ==  x @ W_enc + (b_enc - b_dec @ W_enc)

    A gated SAE's two biases change in turn, that of the magnitudes by exp(r_mag) times as much.
    """
    weights = {name: tensor.detach() for name, tensor in sae.state_dict().items()}
    if sae.cfg.apply_b_dec_to_input == is_applied:
        return weights
    shift = weights["b_dec"] @ weights["W_enc"]
    shift = shift if is_applied else -shift
    for name in ("b_enc", "b_gate"):
        if name in weights:
            weights[name] = weights[name] + shift
    if "b_mag" in weights:
        weights["b_mag"] = weights["b_mag"] + shift * weights["r_mag"].exp()
    return weights


def write_json(file: Path, values: dict[str, Any]) -> Path:
    """`file`, which now holds `values`; its folder is made if need be."""
    file.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(values, indent=2)
    with written(file, lambda part: part.write_text(text, encoding="utf-8")) as put:
        put()
    return file


def write_tensors(file: Path, tensors: dict[str, Tensor]) -> Path:
    """`file`, a safetensors file which now holds `tensors`; its folder is made if need be."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with written(file, lambda part: save_tensors(tensors, part)) as put:
        put()
    return file
