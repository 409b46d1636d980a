"""Llama Scope: JumpReLU SAEs and transcoders on Llama 3.1 8B, one folder each.

    hyperparams.json: d_model, d_sae, hook_point_in, hook_point_out, act_fn, jump_relu_threshold, norm_activation,
                      dataset_average_activation_norm {in, out}, sparsity_include_decoder_norm, use_decoder_bias,
                      apply_decoder_bias_to_pre_encoder
    checkpoints/final.safetensors: encoder.weight [d_sae, d_model], encoder.bias, decoder.weight [d_model, d_sae],
                                   decoder.bias

It is trained on x * s with s = sqrt(d_model) / norm.in, and gives y * t with t = sqrt(d_model) / norm.out. Both are
folded into the weights here, so the SAE takes and gives activations as the model has them:

    hidden_pre   = s * x @ W_enc + b_enc
    feature_acts = hidden_pre where hidden_pre > threshold, else 0
    y            = (feature_acts @ W_dec + b_dec) / t

`jump_relu_threshold` is one number for features of unit decoder length in the model's own unit: s times it, over the
length s / t * ||W_dec_i|| where sparsity_include_decoder_norm says that lengths count. SAELens leaves the length out.

Source: He et al. 2024, "Llama Scope"; repositories fnlp/Llama3_1-8B-Base-*; the order of the steps is that of
OpenMOSS's Language-Model-SAEs.
"""

from typing import Any

import torch
from torch import Tensor

from sae_widgets.loaders.facts import config_of, renamed
from sae_widgets.loaders.source import Loaded, Source

NAME = "llama_scope"

SETTINGS = "hyperparams.json"
WEIGHTS = "checkpoints/final.safetensors"

NAMES = {"encoder.weight.T": "W_enc", "encoder.bias": "b_enc", "decoder.weight.T": "W_dec"}


def recognises(source: Source) -> bool:
    """Whether `source` is of this format."""
    return source.has(SETTINGS) and source.has(WEIGHTS)


def read(source: Source, device: str = "cpu") -> Loaded:
    """The SAE or transcoder in `source`."""
    settings = source.json(SETTINGS)
    weights = lm_saes_weights(source.tensors(WEIGHTS, device), settings, WEIGHTS)
    norms = settings["dataset_average_activation_norm"]
    s, t = (settings["d_model"] ** 0.5 / norms[side] for side in ("in", "out"))
    threshold = torch.full_like(weights["b_enc"], settings["jump_relu_threshold"] * s, dtype=torch.float32)
    if settings.get("sparsity_include_decoder_norm"):
        threshold /= s / t * decoder_lengths(weights["W_dec"])
    return Loaded(
        lm_saes_config(
            settings,
            weights,
            d_sae=settings["d_sae"],
            model_name="meta-llama/Llama-3.1-8B",
            context_size=1024,
            dataset_path="cerebras/SlimPajama-627B",
        ),
        scaled({**weights, "threshold": threshold}, s, t),
    )


def lm_saes_weights(tensors: dict[str, Tensor], settings: dict[str, Any], where: str) -> dict[str, Tensor]:
    """The weights of OpenMOSS's library, but for the threshold.

    Raises:
        ValueError: If they are of another kind than a JumpReLU.
    """
    if settings.get("act_fn", "jumprelu").lower() != "jumprelu":
        raise ValueError(f"act_fn is {settings['act_fn']!r}; only 'jumprelu' is read, as all published ones are.")
    if settings.get("use_glu_encoder"):
        raise ValueError("use_glu_encoder multiplies the encoder by a gate, which no architecture here computes.")
    has_bias = settings.get("use_decoder_bias", True)
    weights = renamed(tensors, {**NAMES, **({"decoder.bias": "b_dec"} if has_bias else {})}, where)
    weights.setdefault("b_dec", weights["W_dec"].new_zeros(weights["W_dec"].shape[1]))
    return weights


def lm_saes_config(settings: dict[str, Any], weights: dict[str, Tensor], **values: Any) -> dict[str, Any]:
    """The config for the weights of OpenMOSS's library."""
    hook_name, hook_name_out = settings["hook_point_in"], settings.get("hook_point_out") or settings["hook_point_in"]
    is_transcoder = hook_name_out != hook_name
    if settings.get("apply_decoder_bias_to_pre_encoder") and is_transcoder:
        raise ValueError("apply_decoder_bias_to_pre_encoder has no meaning where another hook is written than read.")
    return config_of(
        "jumprelu_transcoder" if is_transcoder else "jumprelu",
        weights,
        d_in=settings["d_model"],
        d_out=settings["d_model"] if is_transcoder else None,
        apply_b_dec_to_input=bool(settings.get("apply_decoder_bias_to_pre_encoder")),
        hook_name=hook_name,
        hook_name_out=hook_name_out if is_transcoder else None,
        prepend_bos=True,
        **values,
    )


def scaled(weights: dict[str, Tensor], s: float, t: float) -> dict[str, Tensor]:
    """The weights of an SAE that takes x and gives y, from those of one that takes s * x and gives t * y."""
    return {
        **weights,
        "W_enc": weights["W_enc"] * s,
        "W_dec": weights["W_dec"] / t,
        "b_dec": weights["b_dec"] / t,
    }


def decoder_lengths(W_dec: Tensor) -> Tensor:
    """The length of each feature's row, in float32."""
    return torch.linalg.vector_norm(W_dec, dim=1, dtype=torch.float32)
