"""A flag on the command line for each field of a dataclass."""

import argparse
import json
from dataclasses import MISSING, fields
from typing import Any, TypeVar

Config = TypeVar("Config")


def add_flags(parser: argparse.ArgumentParser, config_class: Any) -> None:
    """`--name value` for each field, `--name` or `--no-name` where it is yes or no."""
    for each in fields(config_class):
        default = None if each.default is MISSING else each.default
        shown = f"default: {default!r}"
        if isinstance(default, bool):
            action = argparse.BooleanOptionalAction
            parser.add_argument(f"--{each.name}", action=action, default=argparse.SUPPRESS, help=shown)
        else:
            parser.add_argument(f"--{each.name}", default=argparse.SUPPRESS, help=shown, metavar="VALUE")


def config_from_flags(args: argparse.Namespace, config_class: type[Config]) -> Config:
    """The config with the flags that were given; a value is JSON where it can be read as such, else text."""
    given = vars(args)
    own = {each.name for each in fields(config_class)}  # pyright: ignore[reportArgumentType]
    return config_class(**{name: _value(value) for name, value in given.items() if name in own})


def _value(text: Any) -> Any:
    if not isinstance(text, str):
        return text
    try:
        value = json.loads({"None": "null", "True": "true", "False": "false"}.get(text, text))
    except json.JSONDecodeError:
        return text
    return tuple(value) if isinstance(value, list) else value
