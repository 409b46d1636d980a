"""What SAELens offers in public, by walking its modules, and what of that stands for something here.

python -m tests.parity.public_names < names.json    with the shim first on the path: those that it lacks
"""

import ast
import dataclasses
import importlib
import inspect
import json
import pkgutil
import sys
import warnings
from pathlib import Path
from typing import Any

DOORS = (
    *("SAE", "TrainingSAE", "SAEConfig", "TrainingSAEConfig", "SAEMetadata", "TrainStepInput", "TrainStepOutput"),
    *("HookedSAETransformer", "SAETransformerBridge", "ActivationsStore", "SAETrainer"),
    *("LanguageModelSAERunnerConfig", "LoggingConfig", "LanguageModelSAETrainingRunner", "EvalConfig"),
)
"""Classes whose members are names as well: those that users hold in hand, and every config."""


def names_of(package: str) -> dict[str, list[str]]:
    """Module -> its public names; members as `Class.member`."""
    root = importlib.import_module(package)
    found = {}
    for name in [package, *(each.name for each in pkgutil.walk_packages(root.__path__, f"{package}."))]:
        if any(part.startswith("_") for part in name.split(".")):
            continue
        module = importlib.import_module(name)
        assigned = _assigned(module)
        own = [key for key, value in vars(module).items() if _is_public(module, key, value, assigned)]
        found[name] = sorted({*own, *(m for key in own for m in members_of(module, key))})
    return found


def members_of(module: Any, key: str) -> list[str]:
    """`Class.member` for what the class defines in this module, and not only where it is handed on."""
    value = getattr(module, key)
    if not inspect.isclass(value) or not (key in DOORS or key.endswith("Config")):
        return []
    if getattr(value, "__module__", None) != module.__name__:
        return []
    fields = {each.name for each in dataclasses.fields(value)} if dataclasses.is_dataclass(value) else set()
    bases = [base for base in value.__mro__ if base.__module__.startswith("sae_lens")]
    if key == "SAE":
        bases += [base for base in value.__mro__ if base.__name__ == "HookedRootModule"]
    own = {name for base in bases for name in vars(base)}
    return sorted(f"{key}.{name}" for name in fields | own if not name.startswith("_"))


def _assigned(module: Any) -> set[str]:
    """Names that a statement of the module itself gives a value, types' own names aside."""
    found = set()
    for statement in ast.parse(Path(module.__file__).read_text()).body:
        targets = statement.targets if isinstance(statement, ast.Assign) else [getattr(statement, "target", None)]
        is_type = "TypeVar" in ast.unparse(statement) if targets != [None] else False
        found |= {each.id for each in targets if isinstance(each, ast.Name) and not is_type}
    return found


def _is_public(module: Any, key: str, value: Any, assigned: set[str]) -> bool:
    if key.startswith("_") or inspect.ismodule(value):
        return False
    if key in getattr(module, "__all__", ()):
        return True
    if inspect.isclass(value) or inspect.isroutine(value):
        return getattr(value, "__module__", None) == module.__name__
    return key.isupper() and key in assigned


def lacking(names: dict[str, list[str]]) -> list[str]:
    """Of `names`, those that cannot be imported or read, as `module.name`."""
    return [f"{module}.{name}" for module, own in names.items() for name in own if not _is_there(module, name)]


def _is_there(module: str, name: str) -> bool:
    holder, _, member = name.partition(".")
    try:
        value = getattr(importlib.import_module(module), holder)
    except (ImportError, AttributeError):
        return False
    return not member or hasattr(value, member) or member in {*_fields(value), *_parameters(value)}


def _fields(value: Any) -> set[str]:
    return {name for base in inspect.getmro(value) for name in vars(base).get("__annotations__", {})}


def _parameters(value: Any) -> set[str]:
    return set(inspect.signature(value).parameters)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    json.dump(lacking(json.load(sys.stdin)), sys.stdout)
