"""The dictionary_learning library: SAEs and crosscoders of many kinds, one folder each.

    config.json: trainer {dict_class, activation_dim, dict_size, layer, lm_name, submodule_name, k}, buffer {ctx_len}
    ae.pt: a state dict; by dict_class

    AutoEncoder             bias [d_in], encoder.weight [d_sae, d_in], encoder.bias, decoder.weight [d_in, d_sae]
    AutoEncoderNew          encoder.weight, encoder.bias, decoder.weight, decoder.bias; nothing is taken from the input
    GatedAutoEncoder        decoder_bias, encoder.weight, r_mag, gate_bias, mag_bias, decoder.weight
    AutoEncoderTopK         k, threshold, encoder.weight, encoder.bias, decoder.weight, b_dec
    BatchTopKSAE            the same; afterwards a JumpReLU with one threshold for all features
    MatryoshkaBatchTopKSAE  k, threshold, group_sizes, W_enc [d_in, d_sae], b_enc, W_dec [d_sae, d_in], b_dec; likewise
    JumpReluAutoEncoder     W_enc, b_enc, W_dec, b_dec, threshold [d_sae]; nothing is taken from the input
    CrossCoder              encoder.weight [n, d, d_sae], encoder.bias, decoder.weight [n, d_sae, d],
                            decoder.bias [n, d]

A state dict saved from a compiled model has `_orig_mod.` before each name. `layer` and `submodule_name` (`mlp_layer_3`)
give the hook, the residual stream after the layer unless named otherwise. The library multiplies the activations of
GatedAutoEncoder and JumpReluAutoEncoder by the decoder's lengths, and divides again before decoding; here they are as
computed, and `fold_W_dec_norm()` gives the library's numbers.

Source: github.com/saprmarks/dictionary_learning, `dictionary.py` and `trainers/`. The BatchTopKCrossCoder of its forks
is refused: it compares each feature with a threshold, and a crosscoder here has a ReLU.
"""

import re
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from sae_widgets.loaders.facts import config_of, renamed, threshold_of
from sae_widgets.loaders.raw_files import read_torch
from sae_widgets.loaders.rewriting import as_applied, plain_inference, write_json
from sae_widgets.loaders.source import Loaded, Source
from sae_widgets.sae import SAE
from sae_widgets.sae.config import nearest
from sae_widgets.sae.files import written

NAME = "dictionary_learning"
OTHER_NAMES = ("dictionary_learning_1",)

SETTINGS = "config.json"
WEIGHTS = "ae.pt"


class _Kind(NamedTuple):
    architecture: str
    names: dict[str, str]
    is_applied: bool
    """Whether b_dec is taken from the input."""


_LINEAR = {"encoder.weight.T": "W_enc", "encoder.bias": "b_enc", "decoder.weight.T": "W_dec"}
_PLAIN = {name: name for name in ("W_enc", "b_enc", "W_dec", "b_dec", "threshold")}
_GATED = {
    "encoder.weight.T": "W_enc",
    "decoder.weight.T": "W_dec",
    "decoder_bias": "b_dec",
    "r_mag": "r_mag",
    "gate_bias": "b_gate",
    "mag_bias": "b_mag",
}
_CROSS = {"encoder.weight": "W_enc", "encoder.bias": "b_enc", "decoder.weight": "W_dec", "decoder.bias": "b_dec"}
_KINDS = {
    "AutoEncoder": _Kind("standard", {**_LINEAR, "bias": "b_dec"}, True),
    "AutoEncoderNew": _Kind("standard", {**_LINEAR, "decoder.bias": "b_dec"}, False),
    "GatedAutoEncoder": _Kind("gated", _GATED, True),
    "AutoEncoderTopK": _Kind("topk", {**_LINEAR, "b_dec": "b_dec"}, True),
    "BatchTopKSAE": _Kind("jumprelu", {**_LINEAR, "b_dec": "b_dec", "threshold": "threshold"}, True),
    "MatryoshkaBatchTopKSAE": _Kind("jumprelu", _PLAIN, True),
    "JumpReluAutoEncoder": _Kind("jumprelu", _PLAIN, False),
    "CrossCoder": _Kind("crosscoder", _CROSS, False),
}
_SITES = {
    "resid_post": "hook_resid_post",
    "resid_pre": "hook_resid_pre",
    "resid_mid": "hook_resid_mid",
    "mlp": "hook_mlp_out",
    "attn": "hook_attn_out",
    "attention": "hook_attn_out",
}


def recognises(source: Source) -> bool:
    """Whether `source` is of this format."""
    return source.has(SETTINGS) and source.has(WEIGHTS)


def read(source: Source, device: str = "cpu") -> Loaded:
    """The SAE or crosscoder in `source`."""
    settings = source.json(SETTINGS)
    trainer = settings["trainer"]
    held = {name.removeprefix("_orig_mod."): each for name, each in read_torch(source.file(WEIGHTS), device).items()}
    kind = _kind(trainer["dict_class"])
    weights = renamed(held, kind.names, WEIGHTS)
    values: dict[str, Any] = {
        "apply_b_dec_to_input": kind.is_applied,
        "model_name": _model_name(trainer.get("lm_name")),
        "hook_name": hook_name(trainer.get("layer"), trainer.get("submodule_name")),
        "context_size": settings.get("buffer", {}).get("ctx_len"),
        "prepend_bos": True,
    }
    if kind.architecture == "crosscoder":
        return _crosscoder(weights, held, trainer, values)
    if kind.architecture == "topk":
        values["k"] = _agreed_k(trainer.get("k"), held.get("k"))
    if "threshold" in weights:
        weights["threshold"] = threshold_of(weights["threshold"], trainer["dict_size"])
    config = config_of(kind.architecture, weights, d_in=trainer["activation_dim"], d_sae=trainer["dict_size"], **values)
    return Loaded(config, weights)


def hook_name(layer: Any, submodule_name: str | None) -> str | None:
    """The hook that a trainer's `layer` and `submodule_name` mean; None where they name none."""
    if not isinstance(layer, int):
        return None
    if not submodule_name:
        return f"blocks.{layer}.hook_resid_post"  # the library's own choice
    found = re.search(r"resid_post|resid_pre|resid_mid|mlp|attention|attn", submodule_name)
    return f"blocks.{layer}.{_SITES[found.group()]}" if found else None


def _kind(dict_class: str) -> _Kind:
    if dict_class == "BatchTopKCrossCoder":
        raise ValueError("A BatchTopKCrossCoder compares features with a threshold; crosscoders here have a ReLU.")
    if dict_class not in _KINDS:
        raise ValueError(f"dict_class {dict_class!r} is none that is read. {nearest(dict_class, _KINDS)}")
    return _KINDS[dict_class]


def _agreed_k(named: int | None, held: Any) -> int:
    held = int(held) if isinstance(held, (int, Tensor)) else None
    if named is not None and held is not None and named != held:
        raise ValueError(f"{SETTINGS} has k={named} and {WEIGHTS} has k={held}.")
    if named is None and held is None:
        raise ValueError(f"Neither {SETTINGS} nor {WEIGHTS} says what k is.")
    return named if named is not None else held  # type: ignore[return-value]  one of them is a number


def _model_name(lm_name: Any) -> str | None:
    return lm_name.rsplit("/", 1)[-1] if isinstance(lm_name, str) else None


def _crosscoder(
    weights: dict[str, Tensor], held: dict[str, Any], trainer: dict[str, Any], values: dict[str, Any]
) -> Loaded:
    for name in ("activation_mean", "activation_std", "target_rms"):
        if name in held:
            raise ValueError(f"{WEIGHTS} has {name}: a crosscoder that scales its input, which is not read.")
    n_sources = len(weights["W_enc"])
    weights["W_enc"] = weights["W_enc"].flatten(0, 1)
    weights["W_dec"] = weights["W_dec"].transpose(0, 1).flatten(1)
    weights["b_dec"] = weights["b_dec"].flatten()
    layers, site = trainer.get("layer"), trainer.get("submodule_name")
    layers = layers if isinstance(layers, list) else [layers] * n_sources
    hooks = [hook_name(each, site) for each in layers]
    del values["hook_name"]
    config = config_of(
        "crosscoder",
        weights,
        d_in=n_sources * trainer["activation_dim"],
        d_sae=trainer["dict_size"],
        n_sources=n_sources,
        hook_names=hooks if all(hooks) and len(hooks) == n_sources else None,
        **values,
    )
    return Loaded(config, weights)


def write(sae: SAE, folder: str | Path) -> list[Path]:
    """The files written to `folder`, which the library's `load_dictionary` reads.

    Raises:
        NotImplementedError: If the library has no such SAE.
    """
    sae = plain_inference(sae, NAME)
    dict_class = _dict_class(sae)
    kind = _KINDS[dict_class]
    weights = as_applied(sae, kind.is_applied)
    tensors = {
        name.removesuffix(".T"): (weights[ours].T if name.endswith(".T") else weights[ours]).contiguous()
        for name, ours in kind.names.items()
    }
    trainer: dict[str, Any] = {
        "dict_class": dict_class,
        "activation_dim": sae.d_in,
        "dict_size": sae.d_sae,
        "layer": sae.cfg.hook_layer,
        "lm_name": sae.cfg.metadata.model_name,
        "submodule_name": _submodule_name(sae),
    }
    if kind.architecture == "topk":
        trainer["k"] = sae.cfg.k
        # -1: no threshold was learned, which is also what the library starts with.
        tensors |= {"k": torch.tensor(trainer["k"], dtype=torch.int), "threshold": torch.tensor(-1.0)}
    settings = {"trainer": trainer, "buffer": {"ctx_len": sae.cfg.metadata.context_size}}
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    with written(folder / WEIGHTS, lambda part: torch.save({k: v.cpu() for k, v in tensors.items()}, part)) as put:
        put()
    return [folder / WEIGHTS, write_json(folder / SETTINGS, settings)]


def _dict_class(sae: SAE) -> str:
    architecture = str(sae.cfg.architecture)
    if architecture == "standard":
        return "AutoEncoder" if sae.cfg.apply_b_dec_to_input else "AutoEncoderNew"
    classes = {"gated": "GatedAutoEncoder", "topk": "AutoEncoderTopK", "jumprelu": "JumpReluAutoEncoder"}
    if architecture not in classes:
        raise NotImplementedError(
            f"dictionary_learning has no {architecture} SAE; it has standard, {', '.join(classes)}."
        )
    return classes[architecture]


def _submodule_name(sae: SAE) -> str | None:
    hook, layer = (sae.cfg.metadata.hook_name or "").rsplit(".", 1)[-1], sae.cfg.hook_layer
    site = {ours: theirs for theirs, ours in reversed(_SITES.items())}.get(hook)
    return f"{site}_layer_{layer}" if site else None
