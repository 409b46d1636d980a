"""Whether an SAE belongs at a place in a model; what is wrong otherwise, and the remedy."""

import difflib
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

from sae_widgets.module_names import hook_names_of, layer_of
from sae_widgets.plain_model import PlainPoints
from sae_widgets.sae import SAE

__all__ = ["Places", "check_fits", "hook_spellings", "layer_of", "no_hook_error", "places_of"]

_HEADS = ("hook_z", "hook_q", "hook_k", "hook_v", "hook_result")

# Hook points of TransformerLens that a forward pass passes only where the setting is on, and what turns it on.
_SWITCHES = {
    "hook_result": ("use_attn_result", "set_use_attn_result"),
    "hook_attn_in": ("use_attn_in", "set_use_attn_in"),
    "hook_q_input": ("use_split_qkv_input", "set_use_split_qkv_input"),
    "hook_k_input": ("use_split_qkv_input", "set_use_split_qkv_input"),
    "hook_v_input": ("use_split_qkv_input", "set_use_split_qkv_input"),
}

# What a norm gives with its learned weight, which folding moves into the next layer.
_AFTER_NORM_WEIGHT = (".mlp.hook_in", ".attn.hook_in", ".ln1.hook_out", ".ln2.hook_out")


class Places(NamedTuple):
    """Where an SAE reads and writes in one model, by names that the model has."""

    reads: list[str]
    writes: list[str]


def hook_spellings(points: Mapping[str, Any], hook_name: str) -> list[str]:
    """Every name of the hook point that `hook_name` names, e.g. `blocks.1.hook_resid_pre` and `blocks.1.hook_in`.

    Args:
        points: The model's `hook_dict`.
    """
    if isinstance(points, PlainPoints):
        return points.spellings(hook_name)
    wanted = points[hook_name]
    return [name for name, point in points.items() if point is wanted]


_FOUND: "WeakKeyDictionary[Any, dict[Any, Places]]" = WeakKeyDictionary()
"""By model: places in it, by the names that were asked for. A name that is there once stays; `hook_dict` takes a bridge
a third of a millisecond each time."""


def places_of(model: Any, sae: SAE) -> Places:
    """The hooks of `model` that `sae` reads and writes; a Hugging Face module path will do where it is one's name.

    Raises:
        ValueError: If the SAE does not say, or the model has no such hook.
    """
    metadata = sae.cfg.metadata
    reads, writes = sae.cfg.hooks_in, sae.cfg.hooks_out
    if not reads and metadata.hf_hook_name:
        reads = [metadata.hf_hook_name]
        writes = [metadata.hf_hook_name_out or metadata.hf_hook_name]
    if not reads:
        raise ValueError("This SAE does not say where it belongs; set it: sae.cfg.metadata.hook_name = 'blocks.…'.")
    is_single = metadata.hook_names is None and metadata.hook_names_out is None
    path, path_out = (metadata.hf_hook_name, metadata.hf_hook_name_out) if is_single else (None, None)
    asked = tuple(reads), path, tuple(writes), path_out
    found = _FOUND.setdefault(model, {})
    if asked not in found:
        points = model.hook_dict
        there = [_name_there(model, points, name, path) for name in reads]
        there_out = there if writes == reads else [_name_there(model, points, name, path_out) for name in writes]
        found[asked] = Places(there, there_out)
    return Places(list(found[asked].reads), list(found[asked].writes))


def _name_there(model: Any, points: Mapping[str, Any], name: str, path: str | None) -> str:
    """The first that the model has: `name`, the module path, or a hook name for either."""
    if name in points:
        return name
    model_type = _model_type(model)
    for wanted in (name, path):
        if wanted is None:
            continue
        for each in (wanted, *hook_names_of(wanted, model_type)):
            if each in points:
                return each
    raise no_hook_error(model, name)


def _model_type(model: Any) -> str | None:
    """Hugging Face's name of the model's family, where there is a module of theirs inside."""
    network = getattr(model, "original_model", None)
    return getattr(getattr(network, "config", None), "model_type", None)


def no_hook_error(model: Any, hook_name: str, more: Iterable[str] = ()) -> ValueError:
    """The error for a hook that is not there, with the nearest names."""
    names = [*model.hook_dict, *more]
    close = difflib.get_close_matches(hook_name, names, n=3, cutoff=0.6)
    cfg = model.cfg
    hint = f" Did you mean {' or '.join(map(repr, close))}?" if close else ""
    layer = layer_of(hook_name)
    if layer is not None and layer >= cfg.n_layers:
        hint = f" Its layers are 0 to {cfg.n_layers - 1}.{hint}"
    return ValueError(f"No hook {hook_name!r} in {cfg.model_name} ({cfg.n_layers} layers).{hint}")


def check_fits(model: Any, sae: SAE) -> Places:
    """Where `sae` acts in `model`, if it can.

    Raises:
        ValueError: If hook, width, device, model or weight processing differ; the message names the remedy.
        NotImplementedError: If the SAE writes one head of what it does not read.
    """
    places = places_of(model, sae)
    _check_places(model, sae, places)
    head, last = sae.cfg.metadata.hook_head_index, places.reads[0].rsplit(".", 1)[-1]
    if head is not None and (places.reads != places.writes or last not in _HEADS):
        raise NotImplementedError(
            f"This SAE reads head {head} alone; that is for hooks with heads ({', '.join(_HEADS)}) that are read and "
            f"written, not for {places.reads[0]!r}."
        )
    for name in dict.fromkeys([*places.reads, *places.writes]):
        _check_passed(model, name)
    for name in places.reads:
        _check_width(model, sae, name, sae.d_in // sae.n_sources, "takes")
    for name in places.writes if places.writes != places.reads else []:
        _check_width(model, sae, name, sae.d_out, "gives")
    _check_device(model, sae)
    _check_model(model, sae)
    _check_processing(model, sae, places)
    return places


def _check_places(model: Any, sae: SAE, places: Places) -> None:
    reads, writes = places
    n_writes = sae.n_sources if sae.reconstructs else sae.n_outputs
    if len(reads) != sae.n_sources or len(writes) != n_writes:
        raise ValueError(
            f"This {type(sae).__name__} reads {sae.n_sources} and writes {n_writes} activations; its metadata names "
            f"{reads} and {writes}: set metadata.hook_names or metadata.hook_names_out."
        )
    points = model.hook_dict if len(reads) > 1 or len(writes) > 1 else {}
    for names in (reads, writes):
        if len(names) > 1 and len({id(points[name]) for name in names}) < len(names):
            raise ValueError(f"The hooks {names} are not all different: one model has each activation once.")
    for name in writes if writes != reads else []:
        first, last = layer_of(reads[0]), layer_of(name)
        if first is not None and last is not None and last < first:
            raise ValueError(f"This transcoder writes {name!r}, which comes before what it reads, {reads[0]!r}.")


def _check_passed(model: Any, name: str) -> None:
    setting, switch = _SWITCHES.get(name.rsplit(".", 1)[-1], (None, None))
    if setting is not None and getattr(model.cfg, setting, True) is False:
        raise ValueError(f"{name!r} is passed only when asked for: call model.{switch}(True) first.")


def _check_width(model: Any, sae: SAE, name: str, expected: int, does: str) -> None:
    cfg = model.cfg
    width = _width_at(cfg, name)
    if width is not None and sae.cfg.metadata.hook_head_index is not None:
        _check_head(cfg, sae, name)
        width = int(cfg.d_head)
    if width is not None and width != expected:
        raise ValueError(
            f"The SAE {does} width {expected}, but {name!r} of {cfg.model_name} has width {width}. "
            f"It was trained on {sae.cfg.metadata.model_name or 'another model'}; load that one: load_model(sae=sae)."
        )


def _check_head(cfg: Any, sae: SAE, name: str) -> None:
    head, n_heads = sae.cfg.metadata.hook_head_index, int(cfg.n_heads)
    if not 0 <= head < n_heads:
        raise ValueError(f"The SAE reads head {head} of {name!r}; {cfg.model_name} has heads 0 to {n_heads - 1}.")


def _width_at(cfg: Any, hook_name: str) -> int | None:
    """Width of the activation there, heads flattened; None where only a forward can tell."""
    last = hook_name.rsplit(".", 1)[-1]
    block_level = hook_name.count(".") == 2 or layer_of(hook_name) is None
    if last.startswith("hook_resid_") or last in ("hook_attn_out", "hook_mlp_out", "hook_embed"):
        return int(cfg.d_model)
    if block_level and last in ("hook_in", "hook_out") and layer_of(hook_name) is not None:
        return int(cfg.d_model)
    if hook_name.endswith((".mlp.hook_in", ".ln1.hook_out", ".ln2.hook_out", ".hook_mlp_in")):
        return int(cfg.d_model)
    if last == "hook_z":
        return int(cfg.n_heads) * int(cfg.d_head)
    if hook_name.endswith((".mlp.hook_post", ".mlp.hook_pre")):
        return None if cfg.d_mlp is None else int(cfg.d_mlp)
    return None


def _check_device(model: Any, sae: SAE) -> None:
    device = next(iter(model.parameters())).device
    if sae.device.type != device.type:
        raise ValueError(f"The model is on {device}, the SAE on {sae.device}; move it: sae.to({str(device)!r}).")


def _check_model(model: Any, sae: SAE) -> None:
    trained_on, name = sae.cfg.metadata.model_name, model.cfg.model_name
    if not trained_on or not name or _is_local(name) or _is_local(trained_on):
        return  # a folder or a module in memory says nothing of where its weights are from
    if plain_name(trained_on) != plain_name(name):
        raise ValueError(
            f"The SAE was trained on {trained_on}, the model is {name}. Load the SAE's: load_model({trained_on!r}). "
            f"If {name} is meant, say so: sae.cfg.metadata.model_name = {name!r}."
        )


def plain_name(model_name: str) -> str:
    """A model's name without its owner, aliases resolved: "gpt2" for "gpt2-small" and "openai-community/gpt2"."""
    name = model_name.rsplit("/", 1)[-1].lower()
    return "gpt2" if name == "gpt2-small" else name.replace(".", "-")


def _is_local(model_name: str) -> bool:
    """Whether it is a path, or the name of nothing."""
    return (
        model_name in ("external", "custom", "unknown") or model_name.startswith((".", "/", "~")) or "\\" in model_name
    )


def wants_centred_weights(sae: SAE) -> bool:
    """Whether the SAE saw a residual stream made by centred writing weights (`HookedTransformer`'s default)."""
    return bool((sae.cfg.metadata.model_from_pretrained_kwargs or {}).get("center_writing_weights", False))


def _check_processing(model: Any, sae: SAE, places: Places) -> None:
    cfg = model.cfg
    if (sae.cfg.metadata.model_from_pretrained_kwargs or {}).get("fold_ln") is False and _is_folded(model):
        for name in [*places.reads, *places.writes]:
            if name.endswith(_AFTER_NORM_WEIGHT):
                raise ValueError(
                    f"The SAE is for {name!r} as the norm gives it (fold_ln=False), and this model's norms are folded "
                    f"into the weights that follow. Load it as it is: load_model({cfg.model_name!r})."
                )
    if not str(getattr(cfg, "normalization_type", "")).startswith("LN"):
        return  # centring applies to LayerNorm models only
    is_processed = getattr(model, "has_centred_weights", None)
    if wants_centred_weights(sae) and is_processed is False:
        raise ValueError(
            "The SAE was trained on a model whose writing weights are centred (center_writing_weights=True), and this "
            "one's are not, so its activations differ by their mean. Load it for the SAE: "
            f"load_model({cfg.model_name!r}, sae=sae)."
        )


def _is_folded(model: Any) -> bool:
    """Whether the norms' weights were multiplied into the layers after them."""
    return bool(getattr(model, "has_folded_norms", False)) or str(
        getattr(model.cfg, "normalization_type", "")
    ).endswith("Pre")
