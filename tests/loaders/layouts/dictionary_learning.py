"""dictionary_learning: config.json and ae.pt, one case for each dict_class."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from tests.loaders.layouts import D_IN, D_SAE, K, Published, drawn, jump, repository, top_k, write_json

FOLDER = "resid_post_layer_3/trainer_1"
THETA = 0.2
N_SOURCES = 2

_ENC, _BIAS = drawn(D_SAE, D_IN, seed=1), drawn(D_SAE, seed=2)
_DEC, _B_DEC = drawn(D_IN, D_SAE, seed=3), drawn(D_IN, seed=4)
_THRESHOLD = drawn(D_SAE, seed=5).abs()
_NATIVE = {"W_enc": _ENC.T, "b_enc": _BIAS, "W_dec": _DEC.T, "b_dec": _B_DEC}


def _write(
    folder: Path,
    dict_class: str,
    state: dict[str, Any],
    weights: dict[str, Tensor],
    compute: Callable[[Tensor], tuple[Tensor, Tensor]],
    settings: dict[str, Any],
    trainer: dict[str, Any] | None = None,
    hook: dict[str, Any] | None = None,
) -> Published:
    root = repository(folder, "canrager/lm_sae")
    write_json(
        root / FOLDER / "config.json",
        {
            "trainer": {
                "trainer_class": f"{dict_class}Trainer",
                "dict_class": dict_class,
                "lr": 1e-3,
                "activation_dim": D_IN,
                "dict_size": D_SAE,
                "layer": 3,
                "lm_name": "EleutherAI/pythia-70m-deduped",
                "submodule_name": "resid_post_layer_3",
                **(trainer or {}),
            },
            "buffer": {"d_submodule": D_IN, "ctx_len": 128, "io": "out"},
        },
    )
    torch.save(state, root / FOLDER / "ae.pt")
    return Published(
        root,
        FOLDER,
        weights=weights,
        settings={"d_in": D_IN, "d_sae": D_SAE, **settings},
        metadata={
            "hook_name": "blocks.3.hook_resid_post",
            "model_name": "pythia-70m-deduped",
            "context_size": 128,
            "dataset_path": None,
            **(hook or {}),
        },
        compute=compute,
    )


def _decoded(acts: Tensor) -> tuple[Tensor, Tensor]:
    return acts, acts @ _DEC.T + _B_DEC


def _auto_encoder(folder: Path, trainer: dict[str, Any] | None = None, **changes: Any) -> Published:
    state = {"bias": _B_DEC, "encoder.weight": _ENC, "encoder.bias": _BIAS, "decoder.weight": _DEC}
    settings = {"architecture": "standard", "apply_b_dec_to_input": True}
    compute = lambda x: _decoded(((x - _B_DEC) @ _ENC.T + _BIAS).relu())  # noqa: E731
    return _write(folder, "AutoEncoder", state, _NATIVE, compute, settings, trainer, **changes)


def _auto_encoder_new(folder: Path) -> Published:
    state = {"encoder.weight": _ENC, "encoder.bias": _BIAS, "decoder.weight": _DEC, "decoder.bias": _B_DEC}
    settings = {"architecture": "standard", "apply_b_dec_to_input": False}
    return _write(folder, "AutoEncoderNew", state, _NATIVE, lambda x: _decoded((x @ _ENC.T + _BIAS).relu()), settings)


def _gated(folder: Path) -> Published:
    r_mag, gate_bias, mag_bias = (drawn(D_SAE, seed=seed, scale=0.3) for seed in (6, 7, 8))
    state = {
        "decoder_bias": _B_DEC,
        "encoder.weight": _ENC,
        "r_mag": r_mag,
        "gate_bias": gate_bias,
        "mag_bias": mag_bias,
        "decoder.weight": _DEC,
    }

    def compute(x: Tensor) -> tuple[Tensor, Tensor]:
        x_enc = (x - _B_DEC) @ _ENC.T
        return _decoded((x_enc + gate_bias > 0) * (r_mag.exp() * x_enc + mag_bias).relu())

    weights = {
        "W_enc": _ENC.T,
        "W_dec": _DEC.T,
        "b_dec": _B_DEC,
        "r_mag": r_mag,
        "b_gate": gate_bias,
        "b_mag": mag_bias,
    }
    settings = {"architecture": "gated", "apply_b_dec_to_input": True}
    return _write(folder, "GatedAutoEncoder", state, weights, compute, settings)


def _k_state() -> dict[str, Tensor]:
    state = {"encoder.weight": _ENC, "encoder.bias": _BIAS, "decoder.weight": _DEC, "b_dec": _B_DEC}
    return {"k": torch.tensor(K, dtype=torch.int), "threshold": torch.tensor(THETA), **state}


def _pre(x: Tensor) -> Tensor:
    return (x - _B_DEC) @ _ENC.T + _BIAS


def _top_k(folder: Path, prefix: str = "") -> Published:
    state = {f"{prefix}{name}": tensor for name, tensor in _k_state().items()}
    settings = {"architecture": "topk", "apply_b_dec_to_input": True, "k": K}
    compute = lambda x: _decoded(top_k(_pre(x).relu(), K))  # noqa: E731
    return _write(folder, "AutoEncoderTopK", state, _NATIVE, compute, settings, {"k": K})


def _batch_top_k(folder: Path) -> Published:
    weights = {**_NATIVE, "threshold": torch.full((D_SAE,), THETA)}
    settings = {"architecture": "jumprelu", "apply_b_dec_to_input": True}
    compute = lambda x: _decoded(jump(_pre(x), torch.tensor(THETA)))  # noqa: E731
    return _write(folder, "BatchTopKSAE", _k_state(), weights, compute, settings, {"k": K})


def _matryoshka(folder: Path) -> Published:
    groups = torch.tensor([4, 6])
    state = {"k": torch.tensor(K), "threshold": torch.tensor(THETA), "group_sizes": groups, **_NATIVE}
    weights = {**_NATIVE, "threshold": torch.full((D_SAE,), THETA)}
    settings = {"architecture": "jumprelu", "apply_b_dec_to_input": True}
    compute = lambda x: _decoded(jump(_pre(x), torch.tensor(THETA)))  # noqa: E731
    trainer = {"k": K, "group_sizes": groups.tolist()}
    return _write(folder, "MatryoshkaBatchTopKSAE", state, weights, compute, settings, trainer)


def _jump_relu(folder: Path) -> Published:
    weights = {**_NATIVE, "threshold": _THRESHOLD}
    settings = {"architecture": "jumprelu", "apply_b_dec_to_input": False}
    compute = lambda x: _decoded(jump(x @ _ENC.T + _BIAS, _THRESHOLD))  # noqa: E731
    return _write(folder, "JumpReluAutoEncoder", dict(weights), weights, compute, settings)


def _crosscoder(folder: Path) -> Published:
    width = D_IN // N_SOURCES
    encoder, decoder = drawn(N_SOURCES, width, D_SAE, seed=1), drawn(N_SOURCES, D_SAE, width, seed=3)
    biases = drawn(N_SOURCES, width, seed=4)
    state = {"encoder.weight": encoder, "encoder.bias": _BIAS, "decoder.weight": decoder, "decoder.bias": biases}

    def compute(x: Tensor) -> tuple[Tensor, Tensor]:
        sources = x.unflatten(-1, (N_SOURCES, width))
        acts = (torch.einsum("bld,ldD->bD", sources, encoder) + _BIAS).relu()
        return acts, torch.einsum("bD,lDd->bld", acts, decoder) + biases

    weights = {
        "W_enc": torch.cat(list(encoder)),
        "b_enc": _BIAS,
        "W_dec": torch.cat(list(decoder), dim=1),
        "b_dec": biases.reshape(-1),
    }
    settings = {"architecture": "crosscoder", "apply_b_dec_to_input": False, "n_sources": N_SOURCES}
    hooks = ["blocks.1.hook_resid_post", "blocks.3.hook_resid_post"]
    return _write(
        folder,
        "CrossCoder",
        state,
        weights,
        compute,
        settings,
        {"layer": [1, 3], "activation_dim": width, "submodule_name": "resid_post"},
        {"hook_name": None, "hook_names": hooks},
    )


CASES: dict[str, Callable[[Path], Published]] = {
    "AutoEncoder": _auto_encoder,
    "AutoEncoderNew": _auto_encoder_new,
    "GatedAutoEncoder": _gated,
    "AutoEncoderTopK": _top_k,
    "compiled": lambda folder: _top_k(folder, "_orig_mod."),
    "BatchTopKSAE": _batch_top_k,
    "MatryoshkaBatchTopKSAE": _matryoshka,
    "JumpReluAutoEncoder": _jump_relu,
    "CrossCoder": _crosscoder,
    "mlp": lambda folder: _auto_encoder(
        folder, {"submodule_name": "mlp_layer_3"}, hook={"hook_name": "blocks.3.hook_mlp_out"}
    ),
    "unnamed_module": lambda folder: _auto_encoder(folder, {"submodule_name": None}),
    "unknown_module": lambda folder: _auto_encoder(
        folder, {"submodule_name": "value_cache_3"}, hook={"hook_name": None}
    ),
}
