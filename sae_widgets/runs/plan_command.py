"""What a training run will take, before it starts: memory, disk, speed, time. Takes what `train` takes.

    sae-widgets plan cfg.yaml --n_batches_in_buffer 64
    sae-widgets plan cfg.yaml --no-measure          # takes no steps: no speed, no time

The exit status is 0 where the run fits, 1 where it does not, 2 for settings that do not fit each other.
"""

import argparse
import json

from sae_widgets.runs import command
from sae_widgets.runs.flags import read_settings


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Those of `train`, and how to tell."""
    command.add_arguments(parser)
    parser.add_argument("--no-measure", action="store_true", help="take no steps")
    parser.add_argument("--json", action="store_true", help="as JSON")


def main(args: argparse.Namespace) -> int:
    """The exit status: 0 it fits, 1 it does not, 2 settings that do not fit each other."""
    try:
        plan = read_settings(args.file, vars(args)).plan(measure=not args.no_measure)
    except (OSError, TypeError, ValueError, NotImplementedError) as error:
        return command.told(error)
    command.say(json.dumps(plan.to_dict(), indent=2) if args.json else str(plan))
    return 0 if plan.fits else 1
