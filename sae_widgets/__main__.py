"""`python -m sae_widgets <command>`, also `sae-widgets <command>`: train, plan, evaluate from a shell.

Each command is a module with `add_arguments(parser)` and `main(args) -> int`, loaded when it is asked for. The exit
status is 0 when all is done, 1 when it failed, 2 for arguments that do not fit, 130 or 143 after an interrupt.
"""

import argparse
import difflib
import importlib
import logging
import sys
from collections.abc import Sequence
from typing import NoReturn

# command -> module, and a line for the list of commands.
COMMANDS: dict[str, tuple[str, str]] = {
    "doctor": ("sae_widgets.checkup", "what works on this machine, and what to do about the rest"),
    "plan": ("sae_widgets.runs.plan_command", "what a training run will take, before it starts"),
    "train": ("sae_widgets.runs.command", "train an SAE, or several, as a file and flags say"),
    "pretokenize": ("sae_widgets.runs.pretokenize", "text to rows of token ids on the disk"),
    "cache-activations": ("sae_widgets.runs.cache_activations", "a model's activations on the disk, to train on"),
    "evals": ("sae_widgets.evals.command", "how good SAEs are, by the field's measures"),
}


class Parser(argparse.ArgumentParser):
    """argparse's, which also offers the nearest flag for one that is not known."""

    def error(self, message: str) -> NoReturn:
        # What is beside flags on the line is not known; values that stand after "=" are cut off.
        unknown = [word.split("=")[0] for word in message.split() if word.startswith("--")]
        known = [name for name in self._option_string_actions if name.startswith("--")]
        for name in unknown if message.startswith("unrecognized") else []:
            if near := difflib.get_close_matches(name, known, n=2, cutoff=0.6):
                message += f". Did you mean {' or '.join(near)}?"
        super().error(message)


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit status of a command."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    about = "commands:\n" + "".join(f"  {name:18} {text}\n" for name, (_, text) in sorted(COMMANDS.items()))
    front = Parser(
        prog="sae-widgets",
        description="Sparse autoencoders on language models.",
        epilog=about + "\n`sae-widgets <command> --help` tells about one of them.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        usage="sae-widgets <command> ...",
    )
    front.add_argument("--version", action="version", version=_version())
    if not arguments or arguments[0].startswith("-"):
        front.parse_args(arguments)
        front.print_help()
        return 2
    name, *rest = arguments
    if name not in COMMANDS:
        near = difflib.get_close_matches(name, COMMANDS, n=1, cutoff=0.5)
        hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(sorted(COMMANDS))}."
        front.error(f"no command {name!r}; {hint}")
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    module = importlib.import_module(COMMANDS[name][0])
    parser = Parser(
        prog=f"sae-widgets {name}",
        description=(module.__doc__ or "").strip(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    module.add_arguments(parser)
    return module.main(parser.parse_args(rest))


def _version() -> str:
    import sae_widgets

    return f"sae-widgets {sae_widgets.__version__}"


if __name__ == "__main__":
    sys.exit(main())
