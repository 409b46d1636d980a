"""What the live view costs a training run: steps with and without a panel, in a real kernel, alternating.

    python benchmarks/live_view_cost.py [--seconds 10] [--rounds 5]

A kernel trains the same SAE on the same numbers, one stretch with an open TrainingPanel (its messages really go out to
a connected front end) and one without, in turns. Told per stretch: processor time of a step, and the processor time of
all threads but the training one as a share of it. The live view's cost is how much that share grows; the difference of
whole steps is printed too, but on a shared machine its noise is larger than the bar of 1 %.
"""

import argparse
import statistics
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.kernels.lab import kernel_pythons, lab

CODE = """
import time, resource, torch
from IPython.display import display
from tests.kernels.small_training import small_run
from sae_widgets.widgets import TrainingPanel
torch.set_num_threads(1)

def stretch(seconds, has_panel):
    run = small_run({folder!r}, d_in={d_in}, d_sae={d_sae})
    panel = TrainingPanel(run) if has_panel else None
    if panel is not None:
        display(panel)
    # Taken in the training thread at the end of a step: steps, processor time of all threads and of this one, time.
    last = []
    run.add_listener(
        lambda report: last.append((report.n_steps, time.process_time(), time.thread_time(), time.perf_counter()))
    )
    run.run()
    while len(last) < 5:
        time.sleep(0.01)
    before = last[-1]
    time.sleep(seconds)
    n, cpu, own, wall = (b - a for a, b in zip(before, last[-1]))
    run.stop()
    run.result(30.0)
    if panel is not None:
        panel.close()
    print(cpu / n * 1000, wall / n * 1000, (cpu - own) / own)
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=10.0, help="length of one stretch")
    parser.add_argument("--rounds", type=int, default=5, help="stretches of each kind")
    parser.add_argument("--d-in", type=int, default=192)
    parser.add_argument("--d-sae", type=int, default=2048)
    args = parser.parse_args()
    found: dict[bool, list[tuple[float, ...]]] = {False: [], True: []}
    with tempfile.TemporaryDirectory() as folder, lab(kernel_pythons()[0]) as kernel:
        kernel.run(CODE.format(folder=folder, d_in=args.d_in, d_sae=args.d_sae))
        kernel.run("stretch(2.0, True)")  # warm
        for i in range(args.rounds):
            # The order turns round, so that a machine that warms up or slows down favours neither.
            for has_panel in (False, True) if i % 2 == 0 else (True, False):
                n_before = kernel.n_updates
                cpu, wall, share = map(float, kernel.run(f"stretch({args.seconds}, {has_panel})").split())
                found[has_panel].append((cpu, wall, share))
                rate = (kernel.n_updates - n_before) / args.seconds
                name = "with panel   " if has_panel else "without panel"
                print(f"{name} {cpu:7.2f} ms CPU, {wall:7.2f} ms a step; other threads {100 * share:5.2f} %", end="")
                print(f"; {rate:.1f} messages a second" if has_panel else "")
    pairs = [(b[0] / a[0] - 1, b[2] - a[2]) for a, b in zip(found[False], found[True], strict=True)]
    print(f"live view: {100 * statistics.median(p[1] for p in pairs):+.2f} % of the training thread's processor time")
    print(f"whole steps: {100 * statistics.median(p[0] for p in pairs):+.2f} % processor time (median of neighbours)")


if __name__ == "__main__":
    main()
