"""Models: by name, from a folder, or ones that are there already; always a `HookedSAETransformer`.

    load_model("gpt2")                       a name on the model hub
    load_model("path/to/folder")             config.json, weights and tokenizer; no network is asked
    load_model(module, tokenizer=tokenizer)  a Hugging Face module
    load_model(bridge)                       a TransformerBridge, or a HookedTransformer of TransformerLens 3
    load_model(module, plain=True)           a Hugging Face module, hooked where it is, without TransformerLens

TransformerLens is imported when a model is loaded, not before: it takes seconds.
"""

import contextlib
import copy
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from sae_widgets.fit import check_fits, hook_spellings, places_of, wants_centred_weights
from sae_widgets.hooked import HookedSAETransformer, attach
from sae_widgets.plain_model import PlainModel
from sae_widgets.prompt import prompt_tokens
from sae_widgets.shell import HookedModel
from sae_widgets.token_text import token_texts

if TYPE_CHECKING:
    from sae_widgets.sae import SAE

__all__ = [
    "HookedSAETransformer",
    "HookedTransformer",
    "SAETransformerBridge",
    "attach",
    "check_fits",
    "load_model",
    "prompt_tokens",
    "token_texts",
]

# What `model_from_pretrained_kwargs` of SAELens may hold that changes weights, with HookedTransformer's defaults.
_PROCESSING = {"fold_ln": True, "center_writing_weights": True, "center_unembed": True, "fold_value_biases": True}

_PROGRESS_LOCK = threading.Lock()


def load_model(
    source: Any = "demo",
    *,
    device: str | torch.device | None = None,
    dtype: str | torch.dtype | None = None,
    tokenizer: Any = None,
    sae: "SAE | None" = None,
    plain: bool = False,
    **kwargs: Any,
) -> HookedSAETransformer:
    """The model, hooked, in evaluation mode.

    Args:
        source: "demo" for the bundled model, a name on the model hub, a local folder, a Hugging Face module (which is
            wrapped where it is: its submodules become hooked ones), or a hooked model.
        device: Where it goes; None takes a GPU if there is one, and leaves a model that is there already.
        dtype: Of the weights; None is float32 as SAEs are trained on, and leaves a model that is there already.
        tokenizer: Needed for a Hugging Face module that does not say where it was loaded from.
        sae: Get the model ready for this SAE: the weight processing it was trained with, and a check that it fits.
        plain: Hook a Hugging Face module where it is and leave it as it is; see `sae_widgets.plain_model`.
        kwargs: For `TransformerBridge.boot_transformers`: revision, n_ctx, device_map, trust_remote_code ...

    Raises:
        ValueError: If there is no such folder or model, or `sae` does not fit.
        TypeError: If `source` is no model.
    """
    torch_dtype = _torch_dtype(dtype)
    if plain and not isinstance(source, nn.Module):
        raise TypeError(f"plain=True is for a Hugging Face module; got {type(source).__name__}.")
    if isinstance(source, (str, Path)):
        model = _load_named(str(source), device=device, dtype=torch_dtype, tokenizer=tokenizer, **kwargs)
    elif isinstance(source, (HookedModel, HookedSAETransformer)):
        if kwargs:
            raise TypeError(f"{type(source).__name__} is loaded already; {', '.join(kwargs)} cannot be applied to it.")
        model = _moved(HookedSAETransformer(source), device, torch_dtype)
        if tokenizer is not None:
            model.tokenizer = tokenizer
    elif plain and isinstance(source, nn.Module):
        if kwargs:
            raise TypeError(f"{type(source).__name__} is loaded already; {', '.join(kwargs)} cannot be applied to it.")
        model = _moved(HookedSAETransformer(PlainModel(source, tokenizer)), device, torch_dtype)
    elif isinstance(source, nn.Module):
        model = _moved(_wrap_module(source, tokenizer, kwargs), device, torch_dtype)
    else:
        raise TypeError(
            f"Expected a name, a folder, a Hugging Face module or a hooked model; got {type(source).__name__}."
        )
    if sae is not None:
        _process_for(model, sae)
        check_fits(model, sae)
    return model


def _load_named(source: str, *, tokenizer: Any, **kwargs: Any) -> HookedSAETransformer:
    if source == "demo":
        from sae_widgets.demo import model_folder

        model = _load_folder(model_folder(), tokenizer, kwargs)
        model.cfg.model_name = "demo"
        return model
    folder = Path(source).expanduser()
    if folder.is_dir():
        return _load_folder(folder, tokenizer, kwargs)
    if source.startswith((".", "/", "~")) or source.count("/") > 1:
        raise ValueError(f"No folder {source!r}. Expected a folder with config.json, or a name such as 'gpt2'.")
    return _boot(_official_name(source), tokenizer, kwargs)


def _load_folder(folder: Path, tokenizer: Any, kwargs: dict[str, Any]) -> HookedSAETransformer:
    if not (folder / "config.json").is_file():
        if (folder / "cfg.json").is_file():
            raise ValueError(f"{folder} holds an SAE, not a model: SAE.load_from_disk({str(folder)!r}).")
        raise ValueError(f"{folder} holds no model: config.json is missing.")
    if tokenizer is None:
        from transformers import AutoTokenizer

        # As the bridge asks for it, but from the folder alone: a look-up on the hub would be made otherwise.
        tokenizer = AutoTokenizer.from_pretrained(str(folder), add_bos_token=True, local_files_only=True)
    with _quiet_progress():
        return _boot(str(folder), tokenizer, kwargs)


def _boot(name: str, tokenizer: Any, kwargs: dict[str, Any]) -> HookedSAETransformer:
    from transformer_lens.model_bridge import TransformerBridge

    settings = {key: value for key, value in kwargs.items() if value is not None}
    if tokenizer is not None:
        # TransformerLens would load it anew by name to make it prepend bos, which asks the hub; marked as one that does
        # it is taken as it is, and bos is prepended by TransformerLens itself. On a copy: it is the caller's.
        tokenizer = copy.deepcopy(tokenizer)
        tokenizer.init_kwargs.setdefault("name_or_path", "")
        tokenizer.init_kwargs["add_bos_token"] = True
    bridge = TransformerBridge.boot_transformers(name, tokenizer=tokenizer, **settings)
    model = HookedSAETransformer(bridge.eval())
    model.has_centred_weights = False
    return model


def _wrap_module(module: nn.Module, tokenizer: Any, kwargs: dict[str, Any]) -> HookedSAETransformer:
    config = getattr(module, "config", None)
    if not callable(getattr(config, "to_dict", None)):
        raise TypeError(f"{type(module).__name__} is no Hugging Face model (it has no config) and no hooked model.")
    name = str(getattr(config, "_name_or_path", "") or "")
    if tokenizer is None:
        if not name:
            raise ValueError(f"This {type(module).__name__} does not say where it is from; pass tokenizer=….")
        from transformers import AutoTokenizer

        tokenizer = AutoTokenizer.from_pretrained(name, local_files_only=Path(name).is_dir())
    return _boot(name or "external", tokenizer, {**kwargs, "hf_model": module, "device": _device_of(module)})


def _torch_dtype(dtype: str | torch.dtype | None) -> torch.dtype | None:
    """The type that `dtype` names."""
    if not isinstance(dtype, str):
        return dtype
    found = getattr(torch, dtype.removeprefix("torch."), None)
    if not isinstance(found, torch.dtype) or not found.is_floating_point:
        raise ValueError(f"No dtype {dtype!r} for a model. Use float32, bfloat16, float16 or float64.")
    return found


def _device_of(module: nn.Module) -> torch.device:
    return next(module.parameters()).device


def _moved(
    model: HookedSAETransformer, device: str | torch.device | None, dtype: torch.dtype | None
) -> HookedSAETransformer:
    for target in (device, dtype):
        if target is not None:
            model.wrapped.to(target)
    return model


def _official_name(name: str) -> str:
    """The hub's name for TransformerLens' alias, e.g. "gpt2" for "gpt2-small", which the loader warns about."""
    from transformer_lens.tools.model_registry.registry_io import resolve_model_alias

    return resolve_model_alias(name) or name


def process_weights(model: HookedSAETransformer, **settings: bool) -> None:
    """Folds and centres the weights, in place, as `HookedTransformer` does when it loads a model."""
    if not any(settings.values()):
        return
    if isinstance(model.wrapped, PlainModel) or not callable(getattr(model.wrapped, "enable_compatibility_mode", None)):
        raise TypeError(f"The weights of a {type(model.wrapped).__name__} cannot be processed; load the model by name.")
    with model.lock:
        model.wrapped.enable_compatibility_mode(disable_warnings=True, **settings)
    model.has_centred_weights = settings.get("center_writing_weights", False)
    model.has_folded_norms = settings.get("fold_ln", False)


def _process_for(model: HookedSAETransformer, sae: "SAE") -> None:
    """Fold and centre the weights as they were where `sae` was trained; raw weights give the same residual stream
    unless the writing weights were centred, so nothing else is touched."""
    if not wants_centred_weights(sae) or model.has_centred_weights is not False:
        return
    if isinstance(model.wrapped, PlainModel) or not str(model.cfg.normalization_type).startswith("LN"):
        return
    asked = sae.cfg.metadata.model_from_pretrained_kwargs or {}
    settings = {name: bool(asked.get(name, default)) for name, default in _PROCESSING.items()}
    process_weights(model, **settings)


HookedTransformer = HookedSAETransformer
"""TransformerLens 3's name: a hooked model to which nothing is attached yet."""


class SAETransformerBridge(HookedSAETransformer):
    """SAELens' name for a model that keeps Hugging Face's weights as they are; here every model can be that."""

    @classmethod
    def boot_transformers(cls, model_name: str, **kwargs: Any) -> "SAETransformerBridge":
        """`load_model(model_name, ...)`."""
        return cls._over(load_model(model_name, **kwargs))

    def get_sae_hook_name(self, sae: "SAE", internal: str = "hook_sae_acts_post") -> str:
        """The name of one of the SAE's hook points in caches, by the model's own spelling of the hook it writes.

        Others (`blocks.1.hook_resid_pre` for `blocks.1.hook_in`) answer as well.
        """
        return f"{hook_spellings(self.hook_dict, places_of(self, sae).writes[0])[0]}.{internal}"


@contextlib.contextmanager
def _quiet_progress() -> Iterator[None]:
    """Without transformers' bar for a load that takes a moment."""
    from transformers.utils import logging

    with _PROGRESS_LOCK:
        was_shown = logging.is_progress_bar_enabled()
        logging.disable_progress_bar()
        try:
            yield
        finally:
            if was_shown:
                logging.enable_progress_bar()
