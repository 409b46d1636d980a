"""Llama Scope on DeepSeek's R1 distil of Llama 3.1 8B: JumpReLU SAEs with a learned threshold, one folder each.

    config.json: d_model, expansion_factor, hook_point_in, hook_point_out, act_fn, norm_activation,
                 sparsity_include_decoder_norm, ...
    sae_weights.safetensors: encoder.weight [d_sae, d_model], encoder.bias, decoder.weight [d_model, d_sae],
                             decoder.bias, log_jumprelu_threshold [d_sae], and dataset_average_activation_norm.{hook}

As Llama Scope (`sae_widgets.loaders.llama_scope`), but the threshold is compared in the unit of training, so it is not
scaled: exp(log_jumprelu_threshold), over ||W_dec_i|| where sparsity_include_decoder_norm says that lengths count.

Files that lack dataset_average_activation_norm say nothing about the scale: the SAE then is read with
normalize_activations = "expected_average_only_in", and the catalogue's scaling factor is what folds it.

Source: repository fnlp/Llama-Scope-R1-Distill, written by OpenMOSS's Language-Model-SAEs.
"""

from sae_widgets.loaders.facts import renamed
from sae_widgets.loaders.llama_scope import decoder_lengths, lm_saes_config, lm_saes_weights, scaled
from sae_widgets.loaders.source import Loaded, Source

NAME = "llama_scope_r1"
OTHER_NAMES = ("llama_scope_r1_distill",)

WEIGHTS = "sae_weights.safetensors"


def recognises(source: Source) -> bool:
    """Whether `source` is of this format."""
    return source.has("config.json") and source.has(WEIGHTS) and not source.has("cfg.json")


def read(source: Source, device: str = "cpu") -> Loaded:
    """The SAE in `source`."""
    settings = source.json("config.json")
    tensors = source.tensors(WEIGHTS, device)
    weights = lm_saes_weights(tensors, settings, WEIGHTS)
    threshold = renamed(tensors, {"log_jumprelu_threshold": "threshold"}, WEIGHTS)["threshold"].float().exp()
    if settings.get("sparsity_include_decoder_norm"):
        threshold = threshold / decoder_lengths(weights["W_dec"])
    weights["threshold"] = threshold
    config = lm_saes_config(
        settings,
        weights,
        d_sae=settings["d_model"] * settings["expansion_factor"],
        model_name="deepseek-ai/DeepSeek-R1-Distill-Llama-8B",
    )
    hooks = (settings["hook_point_in"], settings.get("hook_point_out") or settings["hook_point_in"])
    norms = [tensors.get(f"dataset_average_activation_norm.{hook}") for hook in hooks]
    if norms[0] is None or norms[1] is None:
        return Loaded({**config, "normalize_activations": "expected_average_only_in"}, weights)
    s, t = (settings["d_model"] ** 0.5 / norm.item() for norm in norms if norm is not None)
    return Loaded(config, scaled(weights, s, t))
