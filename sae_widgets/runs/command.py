"""Train an SAE, or several, as a file and flags say.

    sae-widgets train cfg.yaml --lr 1e-4 --sae.k 32 --resume auto
    sae-widgets train --architecture topk --k 16 --d_sae 768 --hook_name blocks.2.hook_resid_pre --training_tokens 1e6

Ctrl-C and SIGTERM (a job that is preempted) finish the step, save a checkpoint and end with status 130 or 143; the same
line with `--resume auto` goes on from there, and begins anew where there is nothing to go on from.
"""

import argparse
import logging
import signal
import sys
from typing import Any

from sae_widgets.runs.flags import AnyConfig, add_flags, read_settings


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The file, and a flag for each setting."""
    parser.usage = f"{parser.prog} [FILE] [--setting VALUE ...]"
    parser.add_argument("file", nargs="?", metavar="FILE", help="settings as YAML or JSON; a run's runner_cfg.json too")
    add_flags(parser)


def main(args: argparse.Namespace) -> int:
    """The exit status: 0 done, 1 failed, 2 settings that do not fit, 130 or 143 after a signal."""
    logging.getLogger("sae_widgets").setLevel(logging.INFO)
    given = vars(args)
    try:
        cfg = read_settings(args.file, given)
    except (OSError, TypeError, ValueError, NotImplementedError) as error:
        return told(error)
    return train(cfg, is_shown=cfg.verbose and ("verbose" in given or sys.stderr.isatty()))


def train(cfg: AnyConfig, is_shown: bool, **overrides: Any) -> int:
    """Trains, with a progress bar where `is_shown`; the exit status."""
    # Not before: it costs seconds, and mistyped settings should not.
    from sae_widgets.runs.log import ProgressBar
    from sae_widgets.runs.processes import without_signals
    from sae_widgets.runs.runner import prepare

    try:
        run = prepare(cfg, **overrides)
    except (OSError, TypeError, ValueError, NotImplementedError, RuntimeError) as error:
        return told(error)
    job: Any = run.trainable
    if not job.group.is_first:
        with without_signals():
            run.run(foreground=True)
        return 0 if run.exception is None else told(run.exception, status=1)
    begun = f"goes on from step {run.n_steps:,}" if run.n_steps else "begins"
    say(f"{job.title}: {begun}, {cfg.training_tokens:,} tokens; log and checkpoints in {job.run_folder}")
    if is_shown:
        ProgressBar(run)
    signals: list[int] = []

    def on_signal(number: int, frame: Any) -> None:
        signals.append(number)
        run.stop()

    before = signal.signal(signal.SIGTERM, on_signal)
    try:
        run.run(foreground=True)
    except KeyboardInterrupt:
        return 130  # asked twice
    finally:
        signal.signal(signal.SIGTERM, before)
    state = run.snapshot()
    if run.status == "failed":
        return told(run.exception, status=1)
    if run.status == "stopped":
        say(f"Stopped at step {run.n_steps:,}; checkpoint {state['checkpoint'] or 'none: ' + str(state['error'])}")
        return 128 + (signals[0] if signals else signal.SIGINT)
    say(f"Done: {run.n_steps:,} steps in {state['elapsed_s']:.0f} s; {cfg.output_path or 'no output_path'}")
    for name, metrics in ({"": job.metrics} if job.members.is_single else job.metrics).items():
        shown = ("l0", "explained_variance", "ce_loss_score", "dead_features")
        values = ", ".join(f"{each} {metrics[each]:.4g}" for each in shown if each in metrics)
        say(f"{name}: {values}" if name else values)
    return 0


def say(line: str) -> None:
    print(line, flush=True)  # noqa: T201


def told(error: BaseException | None, status: int = 2) -> int:
    """The status, with the error's words on standard error."""
    print(f"{type(error).__name__}: {error}", file=sys.stderr, flush=True)  # noqa: T201
    return status
