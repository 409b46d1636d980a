"""EleutherAI's sparsify (formerly `sae`): TopK SAEs, one folder for each module of the model.

    cfg.json: d_in, num_latents (0: d_in * expansion_factor), k, activation ("topk"), signed, transcode,
              skip_connection, normalize_decoder, ...
    sae.safetensors: encoder.weight [d_sae, d_in], encoder.bias [d_sae], W_dec [d_sae, d_out], b_dec [d_out]
    ../config.json, one for all: model, dataset, ctx_len

    feature_acts = the k largest of relu((x - b_dec) @ encoder.weight.T + encoder.bias), else 0
    signed:        the k largest in size, with their sign and without relu

`W_dec` lies as ours does, whatever its decoder's einsum suggests; SAELens transposes it. `normalize_decoder` speaks of
training and changes nothing here. Folder names are modules: `layers.5` is the residual stream after block 5,
`layers.5.mlp` the MLP's output, `layers.5.attention` attention's.

Refused, as no architecture here computes it: transcoders (`transcode`), `skip_connection`, `activation: "groupmax"`,
`embed_skip`, `gram_lookup`, and encoders that are no plain matrix.

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
    "transcode": "a TopK transcoder",
    "skip_connection": "a TopK SAE with a skip connection",
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
    weights = renamed(source.tensors(WEIGHTS, device), _NAMES, WEIGHTS)
    training = source.json("../config.json") if source.path and source.has("../config.json") else {}
    config = config_of(
        "abstopk" if settings.get("signed") else "topk",
        weights,
        d_in=settings["d_in"],
        d_sae=settings.get("num_latents") or settings["d_in"] * settings["expansion_factor"],
        k=settings["k"],
        apply_b_dec_to_input=True,
        model_name=training.get("model"),
        hook_name=hook_name(stem(source)),
        dataset_path=training.get("dataset"),
        context_size=training.get("ctx_len"),
        prepend_bos=True,
    )
    return Loaded(config, weights)


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
    if sae.cfg.architecture not in ("topk", "abstopk"):
        raise NotImplementedError(f"sparsify holds TopK SAEs only; this one is {sae.cfg.architecture}.")
    weights = as_applied(sae, True)
    settings: dict[str, Any] = {
        "activation": "topk",
        "expansion_factor": max(sae.d_sae // sae.d_in, 1),
        "normalize_decoder": bool((weights["W_dec"].norm(dim=1) - 1).abs().max() < 1e-3),
        "num_latents": sae.d_sae,
        "k": sae.cfg.k,
        "multi_topk": False,
        "skip_connection": False,
        "signed": sae.cfg.architecture == "abstopk",
        "transcode": False,
        "d_in": sae.d_in,
    }
    tensors = {
        name.removesuffix(".T"): weights[ours].T if name.endswith(".T") else weights[ours]
        for name, ours in _NAMES.items()
    }
    folder = Path(folder)
    return [write_tensors(folder / WEIGHTS, tensors), write_json(folder / SETTINGS, settings)]


def _refuse(settings: dict[str, Any]) -> None:
    for name, meaning in _REFUSED.items():
        if settings.get(name):
            raise ValueError(f"{SETTINGS} has {name}: {meaning}, which no architecture here computes.")
    if (activation := settings.get("activation", "topk")) != "topk":
        raise ValueError(f"{SETTINGS} has activation {activation!r}; no architecture here computes it, only 'topk'.")
