"""`MultiSAETrainingRunnerConfig`: many SAEs (hooks x widths x k x architectures) trained from one forward pass.

    cfg = MultiSAETrainingRunnerConfig(
        saes={"narrow": TopKTrainingSAEConfig(d_in=192, d_sae=768, k=16), "wide": TopKTrainingSAEConfig(...)},
        hook_names="blocks.2.hook_resid_pre",       # one for all, or {"narrow": ..., "wide": ...}
        training_tokens=1_000_000,                  # model, data, training and logging as for one SAE
    )

`grid` makes `saes` for every combination of some values.
"""

import copy
import inspect
import itertools
import json
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import Any

from sae_widgets.runs.config import LanguageModelSAERunnerConfig
from sae_widgets.runs.flat_config import did_you_mean
from sae_widgets.runs.run_settings import LoggingConfig, RunSettings
from sae_widgets.sae.config import SAEConfig

Hooks = str | list[str]


@dataclass(init=False, kw_only=True)
class MultiSAETrainingRunnerConfig(RunSettings):
    """Settings of a run of many SAEs. What is not named here is that of `LanguageModelSAERunnerConfig`, for all alike.

    Args:
        saes: Training configs by name; the name is that of the SAE's folder and of its curves.
        hook_names: What each SAE reads: one hook for all, or one for each name; a list of hooks for a crosscoder.
        hook_head_indices: The head of that hook: one for all, or by name; None joins the heads.
        hook_names_out: What transcoders among them are to give; SAEs are left out.
        settings: Model, data, training and logging.

    Raises:
        ValueError: If names do not suit each other or cannot be folders, or a setting is refused.
        TypeError: If there is no such setting.
    """

    saes: dict[str, SAEConfig]
    hook_names: dict[str, Hooks]
    hook_head_indices: dict[str, int | None]
    hook_names_out: dict[str, Hooks]

    def __init__(
        self,
        saes: Mapping[str, SAEConfig | Mapping[str, Any]],
        hook_names: Mapping[str, Hooks] | str,
        hook_head_indices: Mapping[str, int | None] | int | None = None,
        hook_names_out: Mapping[str, Hooks] | str | None = None,
        **settings: Any,
    ) -> None:
        if not saes:
            raise ValueError("saes is empty: name at least one, e.g. {'k=16': TopKTrainingSAEConfig(...)}.")
        for name in saes:
            _check_name(name)
        self.saes = {
            name: SAEConfig.from_dict(dict(sae)) if isinstance(sae, Mapping) else copy.deepcopy(sae)
            for name, sae in saes.items()
        }
        self.hook_names = _by_name("hook_names", hook_names, self.saes)
        self.hook_head_indices = _by_name("hook_head_indices", hook_head_indices, self.saes, default=None)
        self.hook_names_out = _by_name("hook_names_out", hook_names_out, self.saes, default=None)
        self.hook_names_out = {name: hook for name, hook in self.hook_names_out.items() if hook is not None}
        shared = {each.name for each in fields(RunSettings)}
        logging = {each.name for each in fields(LoggingConfig)}
        if settings.pop("evaluator", None) is not None:
            raise NotImplementedError(
                "evaluator is not offered: listen to the run (run.add_listener), or use run_evals on what comes out."
            )
        for name in settings:
            if name not in shared | logging:
                why = " It is of one SAE: put it into its config in saes." if name in vars(self._first) else ""
                hint = why or did_you_mean(name, shared | logging)
                raise TypeError(f"MultiSAETrainingRunnerConfig has no {name!r}.{hint}")
        self._given = settings
        # One config for each SAE, which checks what it checks for a run of one.
        one = next(iter(self.members.values()))
        for name in shared:
            setattr(self, name, getattr(one, name))

    @property
    def _first(self) -> SAEConfig:
        return next(iter(self.saes.values()))

    @property
    def members(self) -> dict[str, LanguageModelSAERunnerConfig]:
        """The config each SAE would have in a run of its own, by name."""
        shared = {each.name for each in fields(RunSettings)}
        settings = {**self._given, **{name: value for name, value in vars(self).items() if name in shared}}
        return {name: self._member(name, settings) for name in self.saes}

    def _member(self, name: str, settings: Mapping[str, Any]) -> LanguageModelSAERunnerConfig:
        own: dict[str, Any] = {"hook_head_index": self.hook_head_indices[name]}
        for many, one, hooks in (
            ("hook_names", "hook_name", self.hook_names[name]),
            ("hook_names_out", "hook_name_out", self.hook_names_out.get(name)),
        ):
            own[one if hooks is None or isinstance(hooks, str) else many] = hooks
        if "logger" in settings:
            logging = {each.name for each in fields(LoggingConfig)}
            settings = {key: value for key, value in settings.items() if key not in logging}
        try:
            return LanguageModelSAERunnerConfig(sae=self.saes[name], **settings, **own)
        except (TypeError, ValueError) as error:
            raise type(error)(f"saes[{name!r}]: {error}") from error

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as `runner_cfg.json` holds them."""
        values = {each.name: copy.deepcopy(getattr(self, each.name)) for each in fields(self)}
        saes = {name: sae.to_dict() for name, sae in self.saes.items()}
        return {**values, "saes": saes, "logger": vars(self.logger) | {}}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "MultiSAETrainingRunnerConfig":
        """The config that `to_dict` wrote; also SAELens' own `runner_cfg.json`, whose further keys are left out."""
        own = {each.name for each in fields(cls)}
        return cls(**{name: copy.deepcopy(value) for name, value in values.items() if name in own})

    @classmethod
    def from_json(cls, path: str | Path) -> "MultiSAETrainingRunnerConfig":
        """The config in a `runner_cfg.json`."""
        return cls.from_dict(json.loads(Path(path).read_text("utf-8")))


def grid(
    config_class: type[SAEConfig] | Sequence[type[SAEConfig]], *, hook_names: Sequence[str] | str, **values: Any
) -> dict[str, Any]:
    """`saes` and `hook_names` for every combination of what is given as a list.

        cfg = sw.MultiSAETrainingRunnerConfig(
            **sw.grid(sw.TopKTrainingSAEConfig, hook_names=HOOK, d_in=192, d_sae=[768, 1536], k=[16, 32, 64]),
            training_tokens=1_000_000,
        )

    Args:
        config_class: A training config, or several.
        hook_names: One hook, or several.
        values: Fields of the config. What varies is in an SAE's name: "d_sae=768 k=16".

    Returns:
        `{"saes": {name: config}, "hook_names": {name: hook}}`.
    """
    classes = [config_class] if isinstance(config_class, type) else list(config_class)
    hooks = [hook_names] if isinstance(hook_names, str) else list(hook_names)
    varied: dict[str, list[Any]] = {
        name: list(value) for name, value in values.items() if isinstance(value, (list, tuple, range))
    }
    fixed = {name: value for name, value in values.items() if name not in varied}
    saes: dict[str, SAEConfig] = {}
    places: dict[str, str] = {}
    for hook, kind, chosen in itertools.product(hooks, classes, itertools.product(*varied.values())):
        own: dict[str, Any] = dict(zip(varied, chosen, strict=True))
        config = kind(**fixed, **own)
        parts = [hook] * (len(hooks) > 1) + [str(config.architecture)] * (len(classes) > 1)
        name = " ".join([*parts, *(f"{key}={value}" for key, value in own.items())]) or hook
        saes[name], places[name] = config, hook
    return {"saes": saes, "hook_names": places}


def _signature() -> inspect.Signature:
    """What `help` and the completion of a notebook show."""
    own = list(inspect.signature(MultiSAETrainingRunnerConfig.__init__).parameters.values())[1:-1]
    shared = [
        inspect.Parameter(each.name, inspect.Parameter.KEYWORD_ONLY, default=each.default)
        for each in (*fields(RunSettings), *fields(LoggingConfig))
        if each.default is not MISSING or each.name == "logger"
    ]
    return inspect.Signature([*own, *shared])


MultiSAETrainingRunnerConfig.__signature__ = _signature()  # type: ignore[attr-defined]


def _check_name(name: str) -> None:
    is_folder = bool(name) and name == name.strip(" .") and not set(name) & set('/\\:*?"<>|') and name.isprintable()
    if not is_folder or name.startswith("training_state"):
        raise ValueError(
            f'saes has the name {name!r}, which cannot be a folder: leave out / \\ : * ? " < > | and dots at the ends.'
        )


def _by_name(what: str, given: Any, saes: Mapping[str, Any], default: Any = ...) -> dict[str, Any]:
    """One value for each SAE, from one for all or some by name."""
    if not isinstance(given, Mapping):
        return dict.fromkeys(saes, given)
    unknown = sorted(given.keys() - saes.keys())
    missing = [] if default is None else sorted(saes.keys() - given.keys())
    if unknown or missing:
        told = [f"no SAE is called {name!r}" for name in unknown] + [f"{name!r} is missing" for name in missing]
        raise ValueError(f"{what} does not suit saes: {', '.join(told)}. The SAEs are {', '.join(map(repr, saes))}.")
    return {name: given.get(name, default) for name in saes}
