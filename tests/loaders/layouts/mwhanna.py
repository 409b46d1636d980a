"""Hanna's transcoders, and others in circuit-tracer's layout: layer_{N}.safetensors and YAML beside it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml
from safetensors.torch import save_file
from torch import Tensor

from tests.loaders.layouts import D_IN, D_SAE, Published, drawn, jump, repository, thresholds


def write(
    folder: Path,
    repo_id: str = "mwhanna/qwen3-4b-transcoders",
    log: str | None = "wandb-config.yaml",
    config: dict[str, str] | None = None,
    facts: dict[str, Any] | None = None,
    has_skip: bool = False,
    has_threshold: bool = False,
) -> Published:
    """One transcoder; `facts` are the metadata that the configs mean."""
    root = repository(folder, repo_id)
    enc, bias = drawn(D_SAE, D_IN, seed=1), drawn(D_SAE, seed=2)
    dec, b_dec = drawn(D_SAE, D_IN, seed=3), drawn(D_IN, seed=4)
    extra = {
        **({"W_skip": drawn(D_IN, D_IN, seed=6)} if has_skip else {}),
        **({"threshold": thresholds()} if has_threshold else {}),
    }
    save_file({"W_enc": enc, "W_dec": dec, "b_enc": bias, "b_dec": b_dec, **extra}, root / "layer_9.safetensors")
    if log is not None:
        logged = {"d_model": {"value": D_IN}, "d_feature": {"value": D_SAE}, "batch_size": {"value": 4096}}
        (root / log).write_text(yaml.safe_dump(logged), "utf-8")
    if config is not None:
        (root / "config.yaml").write_text(yaml.safe_dump(config), "utf-8")

    def compute(x: Tensor) -> tuple[Tensor, Tensor]:
        pre = x @ enc.T + bias
        acts = jump(pre, extra["threshold"]) if has_threshold else pre.relu()
        out = acts @ dec + b_dec
        return acts, out + x @ extra["W_skip"].T if has_skip else out

    kind = ("jumprelu_" if has_threshold else "") + ("skip_" if has_skip else "") + "transcoder"
    return Published(
        root,
        "layer_9.safetensors",
        weights={"W_enc": enc.T, "b_enc": bias, "W_dec": dec, "b_dec": b_dec, **extra},
        settings={"architecture": kind, "d_in": D_IN, "d_out": D_IN, "d_sae": D_SAE, "apply_b_dec_to_input": False},
        metadata={
            "hook_name": "blocks.9.mlp.hook_in",
            "hook_name_out": "blocks.9.hook_mlp_out",
            "model_name": "Qwen/Qwen3-4B",
            "model_from_pretrained_kwargs": {"fold_ln": False},
            "context_size": None,
            **(facts or {}),
        },
        compute=compute,
    )


CASES: dict[str, Callable[[Path], Published]] = {
    "4b": lambda folder: write(
        folder,
        config={
            "model_name": "Qwen/Qwen3-4B",
            "feature_input_hook": "mlp.hook_in",
            "feature_output_hook": "mlp.hook_out",
        },
    ),
    "14b_misspelt": lambda folder: write(
        folder, "mwhanna/qwen3-14b-transcoders-lowl0", "wanb-config.yaml", facts={"model_name": "Qwen/Qwen3-14B"}
    ),
    "other_hooks": lambda folder: write(
        folder,
        "mntss/transcoder-Llama-3.2-1B",
        None,
        {
            "model_name": "meta-llama/Llama-3.2-1B",
            "feature_input_hook": "hook_resid_mid",
            "feature_output_hook": "hook_mlp_out",
        },
        {"model_name": "meta-llama/Llama-3.2-1B", "hook_name": "blocks.9.hook_resid_mid"},
        has_skip=True,
    ),
    "threshold": lambda folder: write(folder, has_threshold=True),
}
