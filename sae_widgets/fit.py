"""Whether an SAE belongs at a place in a model; what is wrong otherwise, and the remedy."""

import difflib
import re
from collections.abc import Iterable
from typing import Any

from sae_widgets.sae import SAE

_LAYER = re.compile(r"^blocks\.(\d+)\.")


def layer_of(hook_name: str) -> int | None:
    """The block a hook belongs to; None outside of blocks."""
    found = _LAYER.match(hook_name)
    return int(found.group(1)) if found else None


def hook_spellings(model: Any, hook_name: str) -> list[str]:
    """Every name of the hook point that `hook_name` names, e.g. `blocks.1.hook_resid_pre` and `blocks.1.hook_in`."""
    points = model.hook_dict
    return [name for name, point in points.items() if point is points[hook_name]]


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


def check_fits(model: Any, sae: SAE) -> None:
    """Nothing, if `sae` can act in `model`.

    Raises:
        ValueError: If hook, width, device, model or weight processing differ; the message names the remedy.
        NotImplementedError: If the SAE reads and writes at different hooks, or one head only.
    """
    metadata = sae.cfg.metadata
    if not metadata.hook_name:
        raise ValueError("This SAE does not say where it belongs; set it: sae.cfg.metadata.hook_name = 'blocks.…'.")
    if metadata.hook_name not in model.hook_dict:
        raise no_hook_error(model, metadata.hook_name)
    if metadata.hook_name_out not in (None, metadata.hook_name):
        raise NotImplementedError(
            f"This SAE reads {metadata.hook_name!r} and writes {metadata.hook_name_out!r} (a transcoder); "
            "only SAEs that read and write at one hook can be attached."
        )
    if metadata.hook_head_index is not None:
        raise NotImplementedError(f"This SAE reads head {metadata.hook_head_index} alone; that cannot be attached.")
    _check_width(model, sae)
    _check_device(model, sae)
    _check_model(model, sae)
    _check_processing(model, sae)


def _check_width(model: Any, sae: SAE) -> None:
    hook_name, cfg = sae.cfg.metadata.hook_name, model.cfg
    width = _width_at(cfg, hook_name)
    if width is not None and width != sae.cfg.d_in:
        raise ValueError(
            f"The SAE takes width {sae.cfg.d_in}, but {hook_name!r} of {cfg.model_name} has width {width}. "
            f"It was trained on {sae.cfg.metadata.model_name or 'another model'}; load that one: load_model(sae=sae)."
        )


def _width_at(cfg: Any, hook_name: str) -> int | None:
    """Width of the activation there, heads flattened; None where only a forward can tell."""
    last = hook_name.rsplit(".", 1)[-1]
    block_level = hook_name.count(".") == 2 or layer_of(hook_name) is None
    if last.startswith("hook_resid_") or last in ("hook_attn_out", "hook_mlp_out", "hook_embed"):
        return int(cfg.d_model)
    if block_level and last in ("hook_in", "hook_out") and layer_of(hook_name) is not None:
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


def _check_processing(model: Any, sae: SAE) -> None:
    cfg = model.cfg
    if not str(getattr(cfg, "normalization_type", "")).startswith("LN"):
        return  # centring applies to LayerNorm models only
    is_processed = getattr(model, "has_centred_weights", None)
    if wants_centred_weights(sae) and is_processed is False:
        raise ValueError(
            "The SAE was trained on a model whose writing weights are centred (center_writing_weights=True), and this "
            "one's are not, so its activations differ by their mean. Load it for the SAE: "
            f"load_model({cfg.model_name!r}, sae=sae)."
        )
