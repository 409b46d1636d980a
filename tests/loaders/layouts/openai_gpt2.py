"""OpenAI's SAEs on GPT-2 small: {location}/autoencoders/{L}.pt."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from tests.loaders.layouts import D_IN, D_SAE, K, Published, drawn, repository, top_k


def write(
    folder: Path,
    location: str = "resid_post_mlp_v5_32k",
    hook_name: str = "blocks.8.hook_resid_post",
    activation: str = "TopK",
    is_tied: bool = False,
) -> Published:
    """One SAE."""
    root = repository(folder, "openaipublic/sparse-autoencoder")
    path = f"gpt2-small/{location}/autoencoders/8.pt"
    enc, bias = drawn(D_SAE, D_IN, seed=1), drawn(D_SAE, seed=2)
    dec, b_dec = (enc.T if is_tied else drawn(D_IN, D_SAE, seed=3)), drawn(D_IN, seed=4)
    frequency = drawn(D_SAE, seed=6).abs().clamp(max=1)
    is_topk = activation == "TopK"
    state: dict[str, Any] = {
        "pre_bias": b_dec,
        "latent_bias": bias,
        "encoder.weight": enc,
        "decoder.linear.weight" if is_tied else "decoder.weight": enc if is_tied else dec,
        "stats_last_nonzero": torch.zeros(D_SAE, dtype=torch.long),
        "latents_activation_frequency": frequency if is_topk else torch.ones(D_SAE),
        "latents_mean_square": torch.zeros(D_SAE),
        "activation": activation,
        "activation_state_dict": {"k": K, "postact_fn": "ReLU"} if is_topk else {},
    }
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    torch.save(state, root / path)

    def compute(x: Tensor) -> tuple[Tensor, Tensor]:
        mean, std = x.mean(-1, keepdim=True), x.std(-1, keepdim=True)
        x = (x - mean) / (std + 1e-5) if is_topk else x
        pre = torch.nn.functional.linear(x - b_dec, enc, bias)
        acts = top_k(pre, K) if is_topk else pre.relu()
        out = torch.nn.functional.linear(acts, dec) + b_dec
        return acts, out * std + mean if is_topk else out

    return Published(
        root,
        path,
        weights={"W_enc": enc.T, "b_enc": bias, "W_dec": dec.T, "b_dec": b_dec},
        settings={
            "architecture": "topk" if is_topk else "standard",
            "d_in": D_IN,
            "d_sae": D_SAE,
            "apply_b_dec_to_input": True,
            "normalize_activations": "layer_norm" if is_topk else "none",
            **({"k": K} if is_topk else {}),
        },
        metadata={
            "hook_name": hook_name,
            "model_name": "gpt2-small",
            "context_size": 64 if is_topk else None,
            "prepend_bos": not is_topk,
        },
        compute=compute,
    )


CASES: dict[str, Callable[[Path], Published]] = {
    "topk": write,
    "topk_attention": lambda folder: write(folder, "resid_delta_attn_v5_128k", "blocks.8.hook_attn_out"),
    "topk_mid": lambda folder: write(folder, "resid_post_attn_v5_32k", "blocks.8.hook_resid_mid"),
    "relu": lambda folder: write(folder, "resid_delta_mlp_v4", "blocks.8.hook_mlp_out", "ReLU"),
    "relu_tied": lambda folder: write(folder, "mlp_post_act", "blocks.8.mlp.hook_post", "ReLU", is_tied=True),
}
