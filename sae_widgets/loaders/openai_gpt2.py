"""OpenAI's SAEs on GPT-2 small, one file for each layer.

    {location}[_v4|_v5_32k|_v5_128k]/autoencoders/{L}.pt: pre_bias [d_in], latent_bias [d_sae],
        encoder.weight [d_sae, d_in], decoder.weight [d_in, d_sae], activation ("TopK" or "ReLU"),
        activation_state_dict {k, postact_fn}, latents_activation_frequency [d_sae], other statistics

    x_n          = (x - mean(x)) / (std(x) + 1e-5)         (TopK only; std with ddof 1, over the row)
    hidden_pre   = (x_n - pre_bias) @ encoder.weight.T + latent_bias
    feature_acts = relu(hidden_pre), of TopK only the k largest
    y            = (feature_acts @ decoder.weight.T + pre_bias) * std(x) + mean(x)

That normalisation is ours under the name layer_norm. A tied decoder stands as `decoder.linear.weight`, the encoder's.
Locations: resid_post_attn and resid_post_mlp are the residual stream after attention and after the MLP, resid_delta_*
what each adds, mlp_post_act the MLP's hidden layer.

Source: Gao et al. 2024, "Scaling and evaluating sparse autoencoders"; az://openaipublic/sparse-autoencoder/gpt2-small.
"""

import re
from typing import Any

from torch import Tensor

from sae_widgets.loaders.facts import config_of, number_in, renamed, stem
from sae_widgets.loaders.raw_files import read_torch
from sae_widgets.loaders.source import Loaded, Source

NAME = "openai_gpt2"

_HOOKS = {
    "resid_delta_attn": "hook_attn_out",
    "resid_delta_mlp": "hook_mlp_out",
    "resid_post_attn": "hook_resid_mid",
    "resid_post_mlp": "hook_resid_post",
    "mlp_post_act": "mlp.hook_post",
}
_FILE = re.compile(rf"(?:^|/)(?:autoencoders|(?:{'|'.join(_HOOKS)})\w*)/\d+\.pt$")
_NAMES = {"encoder.weight.T": "W_enc", "latent_bias": "b_enc", "pre_bias": "b_dec"}


def recognises(source: Source) -> bool:
    """Whether `source` is of this format."""
    return bool(_FILE.search(source.path)) and source.here() == [""]


def read(source: Source, device: str = "cpu") -> Loaded:
    """The SAE in `source`."""
    held = read_torch(source.file(""), device)
    is_tied = "decoder.weight" not in held and "decoder.linear.weight" in held
    decoder = {"decoder.linear.weight": "W_dec"} if is_tied else {"decoder.weight.T": "W_dec"}
    weights = renamed(held, {**_NAMES, **decoder}, stem(source))
    location = re.findall(rf"({'|'.join(_HOOKS)})(?:_v\d\w*)?/", source.name)
    layer = number_in(r"/(\d+)\.pt$", source.name)
    settings = _activation(held)
    is_topk = "k" in settings
    return Loaded(
        config_of(
            "topk" if is_topk else "standard",
            weights,
            **settings,
            apply_b_dec_to_input=True,
            normalize_activations="layer_norm" if is_topk else "none",
            model_name="gpt2-small",
            hook_name=f"blocks.{layer}.{_HOOKS[location[-1]]}" if location and layer is not None else None,
            prepend_bos=not is_topk,
            context_size=64 if is_topk else None,
            dataset_path="Skylion007/openwebtext" if is_topk else None,
        ),
        weights,
        _log_sparsity(held),
    )


def _activation(held: dict[str, Any]) -> dict[str, Any]:
    """`{"k": k}`, or nothing for ReLU."""
    name = held.get("activation", "ReLU")
    if name == "ReLU":
        return {}
    state = held.get("activation_state_dict") or {}
    if name != "TopK" or state.get("postact_fn", "ReLU") != "ReLU":
        shown = f"{name} with postact_fn {state.get('postact_fn')!r}"
        raise ValueError(f"The activation is {shown}; OpenAI's files have ReLU, or TopK followed by ReLU.")
    return {"k": int(state["k"])}


def _log_sparsity(held: dict[str, Any]) -> Tensor | None:
    frequency = held.get("latents_activation_frequency")
    if not isinstance(frequency, Tensor) or bool((frequency == 1).all()):
        return None  # all 1 is what it starts with
    return (frequency.float() + 1e-10).log10()
