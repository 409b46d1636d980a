"""`LanguageModelSAERunnerConfig`: everything a training run depends on, in either of SAELens' spellings.

    nested (6)   sae=TopKTrainingSAEConfig(d_in=768, d_sae=6144, k=32), logger=LoggingConfig(log_to_wandb=True)
    flat (5)     architecture="topk", d_in=768, expansion_factor=8, activation_fn_kwargs={"k": 32}, log_to_wandb=True

Both make the same config, which answers to both (`cfg.architecture`, `cfg.sae.k`, `cfg.logger.log_to_wandb`).
"""

import copy
import inspect
import json
import re
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from types import EllipsisType
from typing import Any

from sae_widgets.runs.flat_config import FLAT_NAMES, REMOVED, did_you_mean, flat_sae, sae_field_names
from sae_widgets.runs.run_settings import LoggingConfig, RunSettings
from sae_widgets.sae.config import SAEConfig
from sae_widgets.sae.registry import sae_class_for

__all__ = ["LanguageModelSAERunnerConfig", "LoggingConfig", "RunSettings"]


@dataclass(init=False, kw_only=True)
class LanguageModelSAERunnerConfig(RunSettings):
    """Settings of a training run. Fields have the names and, where nothing else is said, the defaults of SAELens 6."""

    sae: SAEConfig
    """What is trained: a training config, e.g. `TopKTrainingSAEConfig`."""
    hook_name: str = "blocks.0.hook_mlp_out"
    """What is read."""
    hook_name_out: str | None = None
    """What a transcoder is to give; None for an SAE, which gives what it reads."""
    hook_names: list[str] | None = None
    """What a crosscoder reads and gives, one hook for each of its sources."""
    hook_names_out: list[str] | None = None
    """What a cross-layer transcoder is to give, one hook for each of its outputs."""
    hook_head_index: int | None = None
    from_pretrained_path: str | None = None
    """Folder of an SAE whose weights are the start."""

    def __init__(self, sae: "SAEConfig | Mapping[str, Any] | EllipsisType | None" = None, **settings: Any) -> None:
        sae = None if sae is ... else sae  # Config(...) as documents write it: everything left out
        own = {each.name: each for each in fields(self)}
        flat, logging = _sort_settings(settings, own)
        if isinstance(sae, Mapping):
            sae = SAEConfig.from_dict(dict(sae))
        if flat.get("jumprelu_sparsity_loss_mode") == "quadratic" and "target_l0" in settings:
            flat["target_l0"] = settings.pop("target_l0")  # its loss aims at an L0; there is nothing to steer
        hook_layer = flat.pop("hook_layer", None)
        _check_not_both("sae", sae, flat)
        _check_not_both("logger", settings.get("logger"), logging)
        self._flat = None if sae is not None else flat
        settings["logger"] = settings.get("logger") or LoggingConfig(**logging)
        if isinstance(settings["logger"], Mapping):
            settings["logger"] = LoggingConfig(**settings["logger"])
        for name, each in own.items():
            if name in settings:
                value = settings[name]
            elif each.default_factory is not MISSING:
                value = each.default_factory()
            else:
                value = None if each.default is MISSING else each.default
            object.__setattr__(self, name, value)
        for name in ("hook_names", "hook_names_out"):
            names = getattr(self, name)
            setattr(self, name, [names] if isinstance(names, str) else list(names) if names else None)
        first = self.hook_names[0] if self.hook_names else None
        self.hook_name = _hook_name(first or settings.get("hook_name"), hook_layer)
        self.seqpos_slice = tuple(self.seqpos_slice)
        if self.model_name == "demo" and not self.dataset_path:
            self.dataset_path = "demo"
        self.sae = copy.deepcopy(sae) if sae is not None else flat_sae(flat, self.device, self.dtype)
        self._check()

    def _check(self) -> None:
        if not isinstance(self.sae, SAEConfig) or not self.sae.is_training:
            raise TypeError(
                f"sae= takes a training config such as TopKTrainingSAEConfig; got {type(self.sae).__name__}."
            )
        self._check_places()
        self.check_shared()

    def _check_places(self) -> None:
        """Refuses places that do not suit the architecture."""
        what = f"architecture {str(self.sae.architecture)!r}"
        n_out, n_sources = (vars(self.sae).get(name, 1) for name in ("n_outputs", "n_sources"))
        named = self.hook_names_out or ([self.hook_name_out] if self.hook_name_out else [])
        if sae_class_for(str(self.sae.architecture)).reconstructs:
            if named and named != [self.hook_name]:
                raise ValueError(f"{what} gives back what it reads: leave hook_name_out out, or train a transcoder.")
        elif len(named) != n_out:
            example = (
                f"hook_names_out=[...] with {n_out} hooks" if n_out > 1 else "hook_name_out='blocks.0.hook_mlp_out'"
            )
            raise ValueError(
                f"{what} gives another activation than it reads; say which: {example}. Got {named or None}."
            )
        if self.hook_names and len(self.hook_names) != n_sources:
            raise ValueError(f"{len(self.hook_names)} hook_names for {what}, which reads {n_sources}.")

    @property
    def members(self) -> "dict[str, LanguageModelSAERunnerConfig]":
        """The configs of a job's SAEs by name; one alone is named ""."""
        return {"": self}

    @property
    def hooks_in(self) -> list[str]:
        """Hooks that are read."""
        return self.hook_names or [self.hook_name]

    @property
    def hooks_out(self) -> list[str]:
        """Hooks whose activations are to be given; none where those are what is read."""
        hooks = self.hook_names_out or ([self.hook_name_out] if self.hook_name_out else [])
        return [] if hooks == self.hooks_in else hooks

    @property
    def hook_layer(self) -> int | None:
        """The number in `hook_name`."""
        return _layer_of(self.hook_name)

    @property
    def is_d_in_known(self) -> bool:
        """Whether the widths of the activations were given, and not only supposed."""
        widths = ("d_in", "d_out") if "d_out" in vars(self.sae) else ("d_in",)
        return self._flat is None or all(self._flat.get(name) is not None for name in widths)

    def with_d_in(self, d_in: int, d_out: int | None = None) -> "LanguageModelSAERunnerConfig":
        """A copy for activations of this width; what followed from the supposed one follows from it."""
        cfg = copy.copy(self)
        cfg._flat = {**(self._flat or {}), "d_in": d_in}
        if "d_out" in vars(self.sae) and d_out is not None:
            cfg._flat.setdefault("d_out", d_out)
        cfg.sae = flat_sae(cfg._flat, self.device, self.dtype)
        return cfg

    def __getattr__(self, name: str) -> Any:  # only called for names that are not found
        if name.startswith("_") or "sae" not in self.__dict__:
            raise AttributeError(name)
        for holder in ("sae", "logger"):
            held = self.__dict__.get(holder)
            if held is not None and (name in vars(held) or name in ("architecture",)):
                return getattr(held, name)
        if name == "activation_fn":
            return "topk" if "topk" in str(self.sae.architecture) else "relu"
        if name == "activation_fn_kwargs":
            return {"k": self.sae.k} if "k" in vars(self.sae) else {}  # type: ignore[attr-defined]
        if name == "expansion_factor":
            return self.sae.d_sae / self.sae.d_in
        known = {each.name for each in fields(self)} | vars(self.sae).keys() | vars(self.logger).keys()
        raise AttributeError(f"The run's config has no {name!r}.{did_you_mean(name, known)}")

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as `runner_cfg.json` holds them."""
        values = {each.name: copy.deepcopy(getattr(self, each.name)) for each in fields(self)}
        return {**values, "sae": self.sae.to_dict(), "logger": vars(self.logger) | {}}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "LanguageModelSAERunnerConfig":
        """The config that `to_dict` wrote; also SAELens' own `runner_cfg.json`, whose further keys are left out."""
        own = {each.name for each in fields(cls)} | FLAT_NAMES.keys() | {each.name for each in fields(LoggingConfig)}
        return cls(**{name: copy.deepcopy(value) for name, value in values.items() if name in own})

    @classmethod
    def from_json(cls, path: str | Path) -> "LanguageModelSAERunnerConfig":
        """The config in a `runner_cfg.json`."""
        return cls.from_dict(json.loads(Path(path).read_text("utf-8")))


def _sort_settings(settings: dict[str, Any], own: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The flat SAE keywords and the flat logging keywords, taken out of `settings`."""
    logging_names = {each.name for each in fields(LoggingConfig)}
    flat_names = sae_field_names() | FLAT_NAMES.keys()
    flat: dict[str, Any] = {}
    logging: dict[str, Any] = {}
    for name in list(settings):
        if name in own:
            continue
        value = settings.pop(name)
        if name in logging_names:
            logging[name] = value
        elif name in flat_names:
            flat[name] = value
        elif name in REMOVED:
            is_harmless, instead = REMOVED[name]
            if not is_harmless(value):
                raise ValueError(f"{name}={value!r} is not offered any more: {instead}.")
        else:
            hint = did_you_mean(name, {*own, *logging_names, *flat_names})
            raise TypeError(f"LanguageModelSAERunnerConfig has no {name!r}.{hint}")
    return flat, logging


def _check_not_both(holder: str, held: Any, flat: Mapping[str, Any]) -> None:
    if held is not None and flat:
        names = ", ".join(flat)
        raise ValueError(f"Both {holder}= and {names} were given: put {names} into {type(held).__name__}(...).")


def _layer_of(hook_name: str) -> int | None:
    match = re.search(r"\d+", hook_name)
    return int(match.group()) if match else None


def _hook_name(hook_name: str | None, hook_layer: int | None) -> str:
    if hook_name is None:
        default = LanguageModelSAERunnerConfig.hook_name
        return default if hook_layer is None else default.replace("0", str(hook_layer), 1)
    if hook_layer is not None and _layer_of(hook_name) != hook_layer:
        raise ValueError(f"hook_layer={hook_layer} and hook_name={hook_name!r} disagree; hook_name alone is enough.")
    return hook_name


def _signature() -> inspect.Signature:
    """What `help` and the completion of a notebook show: every keyword, of both spellings."""
    parameters = [inspect.Parameter("sae", inspect.Parameter.POSITIONAL_OR_KEYWORD, default=None)]
    for each in fields(LanguageModelSAERunnerConfig):
        if each.name != "sae":
            default = None if each.default is MISSING else each.default
            parameters.append(inspect.Parameter(each.name, inspect.Parameter.KEYWORD_ONLY, default=default))
    known = {parameter.name for parameter in parameters}
    flat = ["architecture", "d_in", "d_sae", *FLAT_NAMES, *sorted(sae_field_names())]
    for name in [*flat, *(each.name for each in fields(LoggingConfig))]:
        if name not in known:
            parameters.append(inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=inspect.Parameter.empty))
            known.add(name)
    return inspect.Signature(parameters)


LanguageModelSAERunnerConfig.__signature__ = _signature()  # type: ignore[attr-defined]
