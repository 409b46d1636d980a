"""What `import sae_widgets` adds to `import torch`, and `load_demo()` to the imports it needs; new processes, medians.

    python benchmarks/import_time.py --runs 7

Bars: 0.5 s for the import, 5 s for the demo.
"""

import argparse
import statistics
import subprocess
import sys

IMPORT = """
import time
import torch
start = time.perf_counter()
import sae_widgets
print(time.perf_counter() - start)
"""
DEMO = """
import os, time
os.environ["HF_HUB_OFFLINE"] = "1"
import torch, transformers, transformer_lens
import sae_widgets as sw
start = time.perf_counter()
sw.load_demo()
print(time.perf_counter() - start)
"""


def seconds(program: str, n_runs: int) -> list[float]:
    """Seconds that `program` printed, in `n_runs` new processes."""
    run = [sys.executable, "-c", program]
    return [float(subprocess.run(run, check=True, capture_output=True, text=True).stdout) for _ in range(n_runs)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=7)
    n_runs = parser.parse_args().runs
    for name, program, bar in [("import sae_widgets, beyond torch", IMPORT, 0.5), ("load_demo()", DEMO, 5.0)]:
        taken = seconds(program, n_runs)
        median = statistics.median(taken)
        print(f"{name}: median {median:.3f} s of {n_runs} (min {min(taken):.3f}, max {max(taken):.3f}); bar {bar} s")


if __name__ == "__main__":
    main()
