"""EleutherAI's sparsify (formerly `sae`): TopK SAEs, one folder for each module of the model.

    cfg.json: d_in, num_latents (0: d_in * expansion_factor), k, activation ("topk"), signed, transcode,
              skip_connection, normalize_decoder, ...
    sae.safetensors: encoder.weight [d_sae, d_in], encoder.bias [d_sae], W_dec [d_sae, d_out], b_dec [d_out]
    ../config.json, one for all: model, dataset, ctx_len

    feature_acts = the k largest of relu((x - b_dec) @ encoder.weight.T + encoder.bias), else 0
    signed:          the k largest in size, with their sign and without relu
    transcode:       b_dec is not taken from x; the module's output is reconstructed from its input x
    skip_connection: x @ W_skip.T [d_out, d_in] is added to the output of a transcoder

`W_dec` lies as ours does, whatever its decoder's einsum suggests; SAELens transposes it. `normalize_decoder` speaks of
training and changes nothing here. Folder names are modules: `layers.5` is the residual stream after block 5,
`layers.5.mlp` the MLP's output, `layers.5.attention` attention's.

Refused, as no architecture here computes it: `skip_connection` without `transcode`, `signed` transcoders,
`activation: "groupmax"`, `embed_skip`, `gram_lookup`, and encoders that are no plain matrix.

Source: github.com/EleutherAI/sparsify, `sparse_coder.py`; `signed` in releases before it was renamed.
"""

import re
from pathlib import Path
from typing import Any

from sae_widgets.loaders.facts import config_of, renamed, stem
from sae_widgets.loaders.rewriting import as_applied, plain_inference, write_json, write_tensors
from sae_widgets.loaders.source import Loaded, Source
from sae_widgets.sae import SAE

NAME = "sparsify"

SETTINGS = "cfg.json"
WEIGHTS = "sae.safetensors"

_NAMES = {"encoder.weight.T": "W_enc", "encoder.bias": "b_enc", "W_dec": "W_dec", "b_dec": "b_dec"}
_REFUSED = {
    "embed_skip": "a skip connection from the embedding",
    "gram_lookup": "a lookup of n-gram means",
}
_ATTENTION = ("attention", "self_attn", "attn")


def recognises(source: Source) -> bool:
    """Whether `source` is of this format."""
    return source.has(SETTINGS) and source.has(WEIGHTS)


def read(source: Source, device: str = "cpu") -> Loaded:
    """The SAE in `source`."""
    settings = source.json(SETTINGS)
    _refuse(settings)
    is_transcoder, has_skip = bool(settings.get("transcode")), bool(settings.get("skip_connection"))
    names = {**_NAMES, "W_skip": "W_skip"} if has_skip else _NAMES
    weights = renamed(source.tensors(WEIGHTS, device), names, WEIGHTS)
    training = source.json("../config.json") if source.path and source.has("../config.json") else {}
    module = hook_name(stem(source))
    config = config_of(
        _architecture(settings),
        weights,
        d_in=settings["d_in"],
        d_out=len(weights["b_dec"]) if is_transcoder else None,
        d_sae=settings.get("num_latents") or settings["d_in"] * settings["expansion_factor"],
        k=settings["k"],
        apply_b_dec_to_input=not is_transcoder,
        model_name=training.get("model"),
        hook_name=_input_of(module) if is_transcoder else module,
        hook_name_out=module if is_transcoder else None,
        dataset_path=training.get("dataset"),
        context_size=training.get("ctx_len"),
        prepend_bos=True,
    )
    return Loaded(config, weights)


def _architecture(settings: dict[str, Any]) -> str:
    if settings.get("transcode"):
        return "topk_skip_transcoder" if settings.get("skip_connection") else "topk_transcoder"
    return "abstopk" if settings.get("signed") else "topk"


def _input_of(hook_name: str | None) -> str | None:
    """The hook of a module's input, by that of its output; None where no hook has it."""
    return hook_name.replace("hook_mlp_out", "mlp.hook_in") if hook_name and "hook_mlp_out" in hook_name else None


def hook_name(folder: str) -> str | None:
    """The hook of the module that `folder` names; None where no hook has its output."""
    if folder.split(".")[-1] in ("embed_tokens", "embed_in", "wte"):
        return "hook_embed"
    named = re.search(r"(?:^|\.)(?:layers|h)[._](\d+)(?:\.(\w+))?$", folder)
    if named is None:
        return None
    layer, module = named.groups()
    if module is None:
        return f"blocks.{layer}.hook_resid_post"
    site = "hook_mlp_out" if module == "mlp" else "hook_attn_out" if module in _ATTENTION else None
    return f"blocks.{layer}.{site}" if site else None


def write(sae: SAE, folder: str | Path) -> list[Path]:
    """The files written to `folder`, which sparsify's `SparseCoder.load_from_disk` reads.

    Raises:
        NotImplementedError: If sparsify has no such SAE.
    """
    sae = plain_inference(sae, NAME)
    architecture = str(sae.cfg.architecture)
    if architecture == "abstopk":
        raise NotImplementedError("sparsify no longer has signed SAEs: it would take this one for a TopK SAE.")
    if architecture not in ("topk", "topk_transcoder", "topk_skip_transcoder"):
        raise NotImplementedError(f"sparsify holds TopK SAEs and transcoders only; this one is {architecture}.")
    if sae.d_out != sae.d_in:
        raise NotImplementedError(f"sparsify's transcoders give as many numbers as they take, not {sae.d_out}.")
    is_transcoder, has_skip = "transcoder" in architecture, "skip" in architecture
    weights = as_applied(sae, not is_transcoder)
    settings: dict[str, Any] = {
        "activation": "topk",
        "expansion_factor": max(sae.d_sae // sae.d_in, 1),
        "normalize_decoder": bool((weights["W_dec"].norm(dim=1) - 1).abs().max() < 1e-3),
        "num_latents": sae.d_sae,
        "k": sae.cfg.k,
        "multi_topk": False,
        "skip_connection": has_skip,
        "transcode": is_transcoder,
        "d_in": sae.d_in,
    }
    names = {**_NAMES, "W_skip": "W_skip"} if has_skip else _NAMES
    tensors = {
        name.removesuffix(".T"): weights[ours].T if name.endswith(".T") else weights[ours]
        for name, ours in names.items()
    }
    folder = Path(folder)
    return [write_tensors(folder / WEIGHTS, tensors), write_json(folder / SETTINGS, settings)]


def _refuse(settings: dict[str, Any]) -> None:
    for name, meaning in _REFUSED.items():
        if settings.get(name):
            raise ValueError(f"{SETTINGS} has {name}: {meaning}, which no architecture here computes.")
    if settings.get("skip_connection") and not settings.get("transcode"):
        raise ValueError(
            f"{SETTINGS} has skip_connection without transcode: an SAE that no architecture here computes."
        )
    if settings.get("signed") and settings.get("transcode"):
        raise ValueError(f"{SETTINGS} has signed and transcode: a transcoder that no architecture here computes.")
    if (activation := settings.get("activation", "topk")) != "topk":
        raise ValueError(f"{SETTINGS} has activation {activation!r}; no architecture here computes it, only 'topk'.")
