"""Settings of a run from a file and from flags: every field of every config, in both of SAELens' spellings.

    cfg.yaml        {sae: {architecture: topk, d_in: 192, k: 16}, lr: 3e-4}      or flat: {architecture: topk, k: 16}
    flags           --lr 1e-4 --sae.k 32 --logger.wandb_project x                 or flat: --k 32 --wandb_project x

A flag goes before the file. Texts become what the field takes; numbers may be written 2_000_000, 2e6 or 1e-4.
"""

import argparse
import ast
import inspect
import json
import re
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, Field, fields
from functools import cache
from pathlib import Path
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import yaml

from sae_widgets.runs.config import LanguageModelSAERunnerConfig
from sae_widgets.runs.flat_config import FLAT_NAMES, did_you_mean, sae_field_names
from sae_widgets.runs.multi_config import MultiSAETrainingRunnerConfig
from sae_widgets.runs.run_settings import LoggingConfig, RunSettings
from sae_widgets.sae.config import SAEConfig
from sae_widgets.sae.registry import SAE_CLASSES, sae_class_for

AnyConfig = LanguageModelSAERunnerConfig | MultiSAETrainingRunnerConfig
_FLAT_TYPES = {"expansion_factor": int | float, "hook_layer": int, "activation_fn_kwargs": dict[str, Any]}
_NOT_FLAGS = ("sae", "logger", "saes")
_YES_NO = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
_BELOW = {"sae": "the SAE", "logger": "the log"}


@cache
def setting_types() -> dict[str, Any]:
    """What each setting takes, by its name: the run's, the log's ("logger.x"), the SAE's ("sae.x")."""
    types: dict[str, Any] = {}
    for kind in (LanguageModelSAERunnerConfig, RunSettings):
        types |= {name: hint for name, hint in get_type_hints(kind).items() if name not in _NOT_FLAGS}
    types |= {f"logger.{name}": hint for name, hint in get_type_hints(LoggingConfig).items()}
    names = sae_field_names()
    for each in SAE_CLASSES.values():
        hints = get_type_hints(each.training_config_class)
        types |= {f"sae.{name}": hint for name, hint in hints.items() if name in names}
    types["sae.architecture"] = str
    return types | {name: _FLAT_TYPES.get(name, str) for name in FLAT_NAMES if name != "architecture"}


def add_flags(parser: argparse.ArgumentParser) -> None:
    """A flag for each setting; hyphens will do for underscores."""
    parser.formatter_class = _OneSpelling
    types, told = setting_types(), _told()
    groups = {
        "": parser.add_argument_group("the run"),
        "sae": parser.add_argument_group("the SAE (also --sae.<name>); which of these it has, its architecture says"),
        "logger": parser.add_argument_group("the log (also --logger.<name>)"),
    }
    taken: set[str] = set()
    for full, kind in types.items():
        holder, _, name = full.rpartition(".")
        group = "sae" if full in FLAT_NAMES else holder
        is_first = name not in taken
        taken.add(name)
        spellings = [name] if is_first else []
        spellings += [full] if holder else []
        options = [f"--{each}" for each in spellings]
        options += [f"--{each.replace('_', '-')}" for each in spellings if "_" in each]
        switch: dict[str, Any] = {"nargs": "?", "const": "true"} if bool in _alternatives(kind) else {}
        groups[group].add_argument(
            *options,
            dest=full,
            default=argparse.SUPPRESS,
            metavar="BOOL" if kind is bool else "VALUE",
            help=(told.get(full, "") if is_first else argparse.SUPPRESS).replace("%", "%%"),
            **switch,
        )


def read_settings(file: str | Path | None, args: Mapping[str, Any]) -> AnyConfig:
    """The config of a file and of flags, as `add_flags` gave them.

    Raises:
        FileNotFoundError: If there is no such file.
        TypeError: If there is no such setting.
        ValueError: If a value is not what it takes, or they do not fit each other.
    """
    values = read_file(file) if file is not None else {}
    types = setting_types()
    for full, text in args.items():
        if full in types:
            _put(values, full, text if not isinstance(text, str) else text.strip())
    if "saes" in values:
        return MultiSAETrainingRunnerConfig(**_typed(values))
    return LanguageModelSAERunnerConfig(**_typed(values))


def read_file(file: str | Path) -> dict[str, Any]:
    """The settings in a YAML or JSON file; also a run's `runner_cfg.json`.

    Raises:
        FileNotFoundError: If there is none.
        ValueError: If it cannot be read, or is no list of settings.
    """
    path = Path(file).expanduser()
    if not path.is_file():
        raise FileNotFoundError(f"No file {str(file)!r} (looked from {Path.cwd()}).")
    try:
        values = yaml.safe_load(path.read_text("utf-8"))  # JSON is YAML
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is neither YAML nor JSON: {error}") from error
    if not isinstance(values, Mapping):
        raise ValueError(f"{path} holds {type(values).__name__}; expected settings, one `name: value` a line.")
    return dict(values)


def _put(values: dict[str, Any], full: str, value: Any) -> None:
    """A flag's value to where the file has what it is about: nested, or flat beside the run's own."""
    holder, _, name = full.rpartition(".")
    if holder == "sae" or full in FLAT_NAMES:
        if "saes" in values:
            raise ValueError(f"--{name} is of one SAE, and the file has several (saes): change it there.")
        if isinstance(values.get("sae"), Mapping):
            if full in FLAT_NAMES:
                raise ValueError(f"--{name} does not go with the file's `sae:`; give {FLAT_NAMES[name]} instead.")
            values["sae"] = {**values["sae"], name: value}
            return
    elif holder == "logger" and isinstance(values.get("logger"), Mapping):
        values["logger"] = {**values["logger"], name: value}
        return
    values[name] = value


def _typed(values: Mapping[str, Any]) -> dict[str, Any]:
    """The settings, each as its field takes it."""
    types = setting_types()
    plain = {full.rpartition(".")[2]: kind for full, kind in reversed(types.items())} | dict(types)
    typed: dict[str, Any] = {}
    for name, value in values.items():
        if name == "sae" and isinstance(value, Mapping):
            own = _typed_below("sae", value)
            # Without its widths it is not whole: as flat settings it gets them from the model.
            typed |= {"sae": _sae_config(own)} if {"d_in", "d_sae"} <= own.keys() else own
        elif name == "saes" and isinstance(value, Mapping):
            typed["saes"] = {key: _sae_config(_typed_below("sae", own)) for key, own in value.items()}
        elif name == "logger" and isinstance(value, Mapping):
            typed["logger"] = _typed_below("logger", value)
        elif name in plain and not ("saes" in values and name in ("hook_names", "hook_names_out")):
            typed[name] = as_type(value, plain[name], name)
        else:
            typed[name] = value  # its config says what is wrong with it
    return typed


def _typed_below(holder: str, values: Mapping[str, Any]) -> dict[str, Any]:
    types = {full.partition(".")[2]: kind for full, kind in setting_types().items() if full.startswith(f"{holder}.")}
    types |= dict.fromkeys(("dtype", "device"), str) if holder == "sae" else {}
    for name in values:
        if name not in types and name != "metadata":
            raise TypeError(f"There is no setting {name!r} of {_BELOW[holder]}.{did_you_mean(name, types)}")
    return {
        name: as_type(value, types[name], f"{holder}.{name}") for name, value in values.items() if name != "metadata"
    }


def _sae_config(own: dict[str, Any]) -> SAEConfig:
    if "architecture" not in own:
        raise ValueError(f"sae names no architecture; there are {', '.join(_architectures())}.")
    kind = sae_class_for(own["architecture"]).training_config_class
    known = {each.name for each in fields(kind)}
    for name in own:
        if name not in known and name != "architecture":
            raise TypeError(f"{kind.__name__} has no {name!r}.{did_you_mean(name, known)}")
    return kind(**{name: value for name, value in own.items() if name != "architecture"})


def _architectures() -> list[str]:
    return [name for name, each in SAE_CLASSES.items() if each.training_config_class.is_training]


def _alternatives(kind: Any) -> tuple[Any, ...]:
    return get_args(kind) if get_origin(kind) in (Union, UnionType) else (kind,)


def as_type(value: Any, kind: Any, name: str) -> Any:
    """A text, or what YAML makes of it, as the type it is for.

    Raises:
        ValueError: If it cannot be read so.
    """
    # "none" before lists; last a text, as which anything can be read
    for each in sorted(_alternatives(kind), key=lambda each: 2 * (each is str) - (each is type(None))):
        try:
            return _as_one(value, each)
        except (ValueError, TypeError, SyntaxError):
            continue
    raise ValueError(f"{name} takes {_name_of(kind)}; got {value!r}.")


def _as_one(value: Any, kind: Any) -> Any:
    origin = get_origin(kind) or kind
    if origin is Any:
        return value
    if origin is type(None):
        if value is None or (isinstance(value, str) and value.lower() in ("none", "null", "")):
            return None
        raise ValueError
    if origin is Literal:
        if value in get_args(kind):
            return value
        raise ValueError
    if origin is bool:
        if str(value).lower() not in _YES_NO:
            raise ValueError
        return _YES_NO[str(value).lower()]
    if origin is int:
        return _whole(value)
    if origin is float:
        if isinstance(value, bool):
            raise ValueError
        return float(value)
    if origin is str:
        if isinstance(value, Mapping | list) or value is None:
            raise ValueError
        return str(value)
    if isinstance(origin, type) and issubclass(origin, dict | Mapping):
        value = json.loads(value) if isinstance(value, str) else value
        return dict(value)
    return _several(value, kind, origin)


def _whole(value: Any) -> int:
    if isinstance(value, bool):
        raise ValueError
    if isinstance(value, str) and not value.lstrip("+-").replace("_", "").isdecimal():
        value = float(value)  # 2e6
    if isinstance(value, float) and not value.is_integer():
        raise ValueError
    return int(value)


def _several(value: Any, kind: Any, origin: Any) -> Any:
    """A list or tuple; a text is JSON, Python, or parts between commas."""
    if isinstance(value, str):
        is_bracketed = value[:1] in "[("
        value = ast.literal_eval(value.replace("null", "None")) if is_bracketed else value.split(",")
    if not isinstance(value, Sequence) or isinstance(value, str):
        raise ValueError
    inner = [each for each in get_args(kind) if each is not Ellipsis]
    items = [as_type(each, inner[0], "") if inner else each for each in value]
    return tuple(items) if origin is tuple else items


def _name_of(kind: Any) -> str:
    names = {bool: "true or false", int: "a whole number", float: "a number", str: "a text", type(None): "none"}
    if get_origin(kind) is Literal:
        return f"one of {', '.join(map(repr, get_args(kind)))}"
    return " or ".join(names.get(each, str(each).replace("typing.", "")) for each in _alternatives(kind))


# What `--help` says


class _OneSpelling(argparse.RawDescriptionHelpFormatter):
    """Shows the first spelling of a flag alone."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=36)

    def _format_action_invocation(self, action: argparse.Action) -> str:
        if len(action.option_strings) < 2 or action.option_strings[0] == "-h":
            return super()._format_action_invocation(action)
        return f"{action.option_strings[0]} {action.metavar or ''}"


@cache
def _told() -> dict[str, str]:
    """A line on each setting: its docstring's first sentence, and its default."""
    told: dict[str, str] = {}
    for each in reversed(list(SAE_CLASSES.values())):
        told |= {f"sae.{name}": text for name, text in _fields_of(each.training_config_class).items()}
    told["sae.architecture"] = f"one of {', '.join(_architectures())}"
    for kind in (RunSettings, LanguageModelSAERunnerConfig):
        told |= _fields_of(kind)
    told |= {f"logger.{name}": text for name, text in _fields_of(LoggingConfig).items()}
    told |= {name: f"SAELens 5's; see {meant}" for name, meant in FLAT_NAMES.items()}
    return told


def _fields_of(kind: Any) -> dict[str, str]:
    documented: dict[str, str] = {}
    for base in reversed(kind.__mro__):
        if base is not object and base.__module__.startswith("sae_widgets"):
            documented |= _documented(base)
    return {
        each.name: " ".join(filter(None, (documented.get(each.name, ""), _default_of(each)))) for each in fields(kind)
    }


@cache
def _documented(kind: type) -> dict[str, str]:
    """The first sentence of the text under each field."""
    (tree,) = ast.parse(textwrap.dedent(inspect.getsource(kind))).body
    assert isinstance(tree, ast.ClassDef)
    found = {}
    for line, after in zip(tree.body, tree.body[1:], strict=False):
        if isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name):
            text = after.value.value if isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant) else ""
            text = " ".join(str(text).split())
            found[line.target.id] = re.split(r"(?<!e\.g)\.(?: |$)", text)[0]
    return found


def _default_of(each: Field) -> str:
    if each.default is MISSING or each.default is None or each.default == "":
        return ""
    return f"[{each.default}]"
