"""sparsify: cfg.json, sae.safetensors, and the repository's config.json."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

from tests.loaders.layouts import D_IN, D_SAE, K, Published, drawn, repository, top_k, write_json


def _write(
    folder: Path,
    module: str = "layers.5",
    hook_name: str | None = "blocks.5.hook_resid_post",
    settings: dict[str, Any] | None = None,
    has_training_config: bool = True,
) -> Published:
    root = repository(folder, "EleutherAI/sae-pythia-160m-32x")
    weight, bias = drawn(D_SAE, D_IN, seed=1), drawn(D_SAE, seed=2)
    rows, b_dec = drawn(D_SAE, D_IN, seed=3), drawn(D_IN, seed=4)
    settings = {"num_latents": D_SAE, **(settings or {})}
    write_json(
        root / module / "cfg.json",
        {
            "activation": "topk",
            "expansion_factor": 32,
            "normalize_decoder": True,
            "k": K,
            "multi_topk": False,
            "skip_connection": False,
            "d_in": D_IN,
            **settings,
        },
    )
    is_signed, is_transcoder = settings.get("signed", False), settings.get("transcode", False)
    skip = {"W_skip": drawn(D_IN, D_IN, seed=6)} if settings.get("skip_connection") else {}
    tensors = {"encoder.weight": weight, "encoder.bias": bias, "W_dec": rows, "b_dec": b_dec, **skip}
    save_file(tensors, root / module / "sae.safetensors")
    if has_training_config:
        write_json(
            root / "config.json",
            {"model": "EleutherAI/pythia-160m", "dataset": "EleutherAI/rp1t", "ctx_len": 2049, "layers": [5]},
        )

    kind = "abstopk" if is_signed else "topk"

    def compute(x: Tensor) -> tuple[Tensor, Tensor]:
        pre = torch.nn.functional.linear(x if is_transcoder else x - b_dec, weight, bias)
        if is_signed:
            indices = pre.abs().topk(K, dim=-1).indices
            acts = torch.zeros_like(pre).scatter(-1, indices, pre.gather(-1, indices))
        else:
            acts = top_k(pre.relu(), K)
        out = acts @ rows + b_dec
        return acts, out + x @ skip["W_skip"].mT if skip else out

    return Published(
        root,
        module,
        weights={"W_enc": weight.T, "b_enc": bias, "W_dec": rows, "b_dec": b_dec, **skip},
        settings={
            "architecture": f"topk_{'skip_' if skip else ''}transcoder" if is_transcoder else kind,
            "d_in": D_IN,
            "d_sae": D_SAE,
            "k": K,
            "apply_b_dec_to_input": not is_transcoder,
        },
        metadata={
            "hook_name": hook_name,
            "hook_name_out": "blocks.5.hook_mlp_out" if is_transcoder else None,
            "model_name": "EleutherAI/pythia-160m" if has_training_config else None,
            "dataset_path": "EleutherAI/rp1t" if has_training_config else None,
            "context_size": 2049 if has_training_config else None,
        },
        compute=compute,
    )


def _module(module: str, hook_name: str | None) -> Callable[[Path], Published]:
    return lambda folder: _write(folder, module, hook_name)


CASES: dict[str, Callable[[Path], Published]] = {
    "layer": _write,
    "layer_of_gpt2": _module("h.3", "blocks.3.hook_resid_post"),
    "mlp": _module("layers.5.mlp", "blocks.5.hook_mlp_out"),
    "attention": _module("layers.7.attention", "blocks.7.hook_attn_out"),
    "embedding": _module("embed_tokens", "hook_embed"),
    "unknown_module": _module("layers.5.mlp.act", None),
    "signed": lambda folder: _write(folder, settings={"signed": True}),
    "alone": lambda folder: _write(folder, "layers_2", "blocks.2.hook_resid_post", has_training_config=False),
    "transcoder": lambda folder: _write(folder, "layers.5.mlp", "blocks.5.mlp.hook_in", {"transcode": True}),
    "skip_transcoder": lambda folder: _write(
        folder, "layers.5.mlp", "blocks.5.mlp.hook_in", {"transcode": True, "skip_connection": True}
    ),
    "skip": lambda folder: _write(folder, settings={"skip_connection": True}),
    "groupmax": lambda folder: _write(folder, settings={"activation": "groupmax"}),
}
REFUSED = {"skip": "skip_connection without transcode", "groupmax": "groupmax"}
"""Case -> what the refusal names."""
