"""Cross-layer transcoders in circuit-tracer's layout: W_enc_{L}.safetensors, W_dec_{L}.safetensors and config.yaml."""

from collections.abc import Callable
from pathlib import Path

import torch
import yaml
from safetensors.torch import save_file
from torch import Tensor

from tests.loaders.layouts import D_IN, D_SAE, Published, drawn, jump, repository, thresholds

N_LAYERS = 4


def write(folder: Path, layer: int = 1, has_threshold: bool = False) -> Published:
    """One layer; the other layers' files are the business of the other calls."""
    root = repository(folder, "mntss/clt-gemma-2-2b-2.5M")
    config = {
        "model_name": "google/gemma-2-2b",
        "model_kind": "cross_layer_transcoder",
        "feature_input_hook": "hook_resid_mid",
        "feature_output_hook": "hook_mlp_out",
    }
    (root / "config.yaml").write_text(yaml.safe_dump(config), "utf-8")
    enc, bias = drawn(D_SAE, D_IN, seed=10 * layer + 1), drawn(D_SAE, seed=10 * layer + 2)
    dec, b_dec = drawn(D_SAE, N_LAYERS - layer, D_IN, seed=10 * layer + 3), drawn(D_IN, seed=10 * layer + 4)
    threshold = thresholds(10 * layer + 5) if has_threshold else torch.zeros(D_SAE)
    encoder = {f"W_enc_{layer}": enc, f"b_enc_{layer}": bias, f"b_dec_{layer}": b_dec}
    if has_threshold:
        encoder[f"threshold_{layer}"] = threshold
    save_file(encoder, root / f"W_enc_{layer}.safetensors")
    save_file({f"W_dec_{layer}": dec}, root / f"W_dec_{layer}.safetensors")

    def compute(x: Tensor) -> tuple[Tensor, Tensor]:
        acts = jump(x @ enc.T + bias, threshold)
        out = torch.einsum("bf,fld->bld", acts, dec)
        out[:, 0] += b_dec
        return acts, out

    n_outputs = N_LAYERS - layer
    return Published(
        root,
        f"W_enc_{layer}.safetensors",
        weights={
            "W_enc": enc.T,
            "b_enc": bias,
            "W_dec": dec.reshape(D_SAE, -1),
            "b_dec": torch.cat([b_dec, torch.zeros((n_outputs - 1) * D_IN)]),
            "threshold": threshold,
        },
        settings={
            "architecture": "cross_layer_transcoder",
            "d_in": D_IN,
            "d_out": D_IN,
            "d_sae": D_SAE,
            "n_outputs": n_outputs,
        },
        metadata={
            "hook_name": f"blocks.{layer}.hook_resid_mid",
            "hook_names_out": [f"blocks.{each}.hook_mlp_out" for each in range(layer, N_LAYERS)],
            "model_name": "google/gemma-2-2b",
            "model_from_pretrained_kwargs": {"fold_ln": False},
        },
        compute=compute,
        hub_path=str(layer),
    )


CASES: dict[str, Callable[[Path], Published]] = {
    "relu": write,
    "jumprelu": lambda folder: write(folder, layer=2, has_threshold=True),
    "last_layer": lambda folder: write(folder, layer=N_LAYERS - 1),
}
