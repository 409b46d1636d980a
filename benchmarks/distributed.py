"""Training in two processes against one: the same losses, and how much faster. `python benchmarks/distributed.py`.

Each line is a fresh process (or two) training the same run of the demo model: one process with one thread, one with
two, two with one thread each that share out the tokens, and the same with the features shared out. Prints the largest
relative difference of the losses from the first line's, and tokens per second after the first steps.
"""

import argparse
import itertools
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

CASES = {
    "1 process, 1 thread": (1, 1, None),
    "1 process, 2 threads": (1, 2, None),
    "2 processes, data": (2, 1, "data"),
    "2 processes, shard": (2, 1, "shard"),
}


def train(settings: dict) -> None:
    """One process's part; the first leaves losses and times."""
    import torch

    torch.set_num_threads(settings["n_threads"])
    import sae_widgets as sw
    from sae_widgets.runs.runner import SAETrainingRunner

    config = sw.BatchTopKTrainingSAEConfig if settings["architecture"] == "batchtopk" else sw.TopKTrainingSAEConfig
    d_in = settings["d_in"]
    cfg = sw.LanguageModelSAERunnerConfig(
        sae=config(d_in=d_in, d_sae=settings["d_sae"], k=32),
        hook_name=settings["hook_name"],
        train_batch_size_tokens=settings["batch"],
        training_tokens=settings["batch"] * settings["n_steps"],
        distributed=settings["distributed"],
        output_path=None,
        checkpoint_path=settings["folder"],
        n_eval_batches=1,
        verbose=False,
    )
    runner = SAETrainingRunner(cfg)
    steps = []
    runner.training_run.add_listener(lambda report: steps.append((report.loss, time.perf_counter())))
    runner.run()
    if int(os.environ.get("RANK", 0)) == 0:
        Path(settings["folder"], "steps.json").write_text(json.dumps(steps))


def measured(settings: dict, n_processes: int, port: int) -> tuple[list[float], float]:
    """Losses, and the median of the time of a step in the second half, s."""
    with tempfile.TemporaryDirectory() as folder:
        settings = {**settings, "folder": folder}
        env = {**os.environ, "OMP_NUM_THREADS": str(settings["n_threads"])}
        if n_processes > 1:
            env |= {"WORLD_SIZE": str(n_processes), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
        command = [sys.executable, __file__, "--child", json.dumps(settings)]
        ranks = [{"RANK": str(rank), "LOCAL_RANK": str(rank)} if n_processes > 1 else {} for rank in range(n_processes)]
        children = [subprocess.Popen(command, env=env | rank) for rank in ranks]
        if any(child.wait() for child in children):
            raise SystemExit("A process failed.")
        steps = json.loads(Path(folder, "steps.json").read_text())
    times = [late[1] - early[1] for early, late in itertools.pairwise(steps)]
    return [loss for loss, _ in steps], statistics.median(times[len(times) // 2 :])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--child", help=argparse.SUPPRESS)
    parser.add_argument("--architecture", choices=["topk", "batchtopk"], default="batchtopk")
    parser.add_argument("--hook_name", default="blocks.2.hook_resid_post")
    parser.add_argument("--d_in", type=int, default=192)
    parser.add_argument("--d_sae", type=int, default=4096)
    parser.add_argument("--batch", type=int, default=4096)
    parser.add_argument("--n_steps", type=int, default=40)
    args = parser.parse_args()
    if args.child:
        train(json.loads(args.child))
        return
    settings = {name: value for name, value in vars(args).items() if name != "child"}
    first: tuple[list[float], float] | None = None
    for i, (name, (n_processes, n_threads, kind)) in enumerate(CASES.items()):
        own = {**settings, "n_threads": n_threads, "distributed": kind}
        losses, step_s = measured(own, n_processes, 29_700 + i)
        first = first or (losses, step_s)
        off = max(abs(a - b) / abs(b) for a, b in zip(losses, first[0], strict=True))
        print(
            f"{name:22} loss off by {off:.1e}   {args.batch / step_s:8,.0f} tokens/s   x {first[1] / step_s:.2f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
