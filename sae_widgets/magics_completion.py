"""Tab completion for the magics: options, and for some of them values: SAE folders, hook names, settings, variables."""

import argparse
import inspect
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

_MAX_FOLDERS = 50


def install(shell: Any, parsers: Mapping[str, argparse.ArgumentParser]) -> Any:
    """Adds a matcher to the shell's completer and returns it; None where IPython offers no way (before 8.6)."""
    matchers = getattr(getattr(shell, "Completer", None), "custom_matchers", None)
    if matchers is None:
        return None
    from IPython.core.completer import SimpleCompletion, context_matcher

    def match(context: Any) -> Any:
        found = complete(context.full_text, context.line_with_cursor, context.token, parsers, shell.user_ns)
        return {"completions": [SimpleCompletion(text, type="param") for text in found], "suppress": bool(found)}

    matcher: Any = context_matcher(identifier="sae_widgets.magics")(cast(Any, match))
    matchers.append(matcher)
    return matcher


def remove(shell: Any, matcher: Any) -> None:
    """Takes the matcher away again."""
    matchers = getattr(getattr(shell, "Completer", None), "custom_matchers", [])
    matchers[:] = [other for other in matchers if other is not matcher]


def complete(
    full_text: str, line: str, token: str, parsers: Mapping[str, argparse.ArgumentParser], names: Mapping[str, Any]
) -> list[str]:
    """What may stand in place of `token`, the word at the end of `line`; nothing outside of our magics."""
    stripped = line.lstrip()
    word = stripped.split(maxsplit=1)[0] if stripped else ""
    parser = parsers.get(word.lstrip("%"))
    if not word.startswith("%") or parser is None or stripped == word:
        return []
    before = stripped[: len(stripped) - len(token)] if token else stripped
    last = before.split()[-1] if before.split() else ""
    if before.endswith("="):
        choices = _setting_values(last.rstrip("=").split("=")[0], names)
    elif token.startswith("-"):
        choices = [option for action in parser._actions for option in action.option_strings]
    else:
        choices = _values(parser, last, names)
    return sorted({choice for choice in choices if choice.startswith(token)})


def _values(parser: argparse.ArgumentParser, option: str, names: Mapping[str, Any]) -> list[str]:
    """What may follow `option`."""
    magic = parser.prog.lstrip("%")
    if magic == "sae_load" and option == "--sae":
        return sae_folders()
    if option in ("--model", "--sae"):
        return [name for name, value in names.items() if not name.startswith("_") and _is_kind(value, option[2:])]
    for action in parser._actions:
        if option in action.option_strings and action.nargs != 0:
            return [str(choice) for choice in action.choices or ()]
    if magic == "sae_train":
        return [f"{name}=" for name in setting_names()] + _of_type(names, "LanguageModelSAERunnerConfig")
    if magic == "sae_freeze":
        return ["all", *(name for name, value in names.items() if callable(getattr(value, "freeze", None)))]
    return []


def _setting_values(setting: str, names: Mapping[str, Any]) -> list[str]:
    if setting == "architecture":
        from sae_widgets.sae.registry import SAE_CLASSES

        return [str(name) for name in SAE_CLASSES]
    if setting == "hook_name":
        models = [value for value in names.values() if _is_kind(value, "model")]
        return [name for model in models for name in model.hook_dict]
    if setting == "model_name":
        return ["demo"]
    return []


def _is_kind(value: Any, kind: str) -> bool:
    if inspect.isclass(value) or inspect.ismodule(value):
        return False
    if kind == "model":
        return isinstance(getattr(value, "hook_dict", None), Mapping)
    return getattr(getattr(value, "cfg", None), "d_sae", None) is not None and hasattr(value, "encode")


def _of_type(names: Mapping[str, Any], name: str) -> list[str]:
    return [variable for variable, value in names.items() if type(value).__name__ == name]


def setting_names() -> list[str]:
    """Names that a training config takes."""
    from dataclasses import fields

    from sae_widgets.runs.config import LanguageModelSAERunnerConfig

    own = [each.name for each in fields(LanguageModelSAERunnerConfig) if each.name not in ("sae", "logger")]
    return [*own, "architecture", "d_sae", "expansion_factor", "k", "l1_coefficient"]


def sae_folders() -> list[str]:
    """Folders with an SAE: below the present one, two levels deep, and those of the demo."""
    patterns = ("cfg.json", "*/cfg.json", "*/*/cfg.json")
    here = [path.parent for pattern in patterns for path in Path().glob(pattern)]
    found = [str(folder) for folder in here if (folder / "sae_weights.safetensors").is_file()]
    from sae_widgets.demo import sae_folders as bundled

    return [*found[:_MAX_FOLDERS], *(str(folder) for folder in bundled().values())]
