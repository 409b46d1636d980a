"""What many SAEs cost when they share one forward pass: tokens per second of 1 and of N SAEs on one hook.

    python benchmarks/many_saes.py                      # the bundled model, 8 SAEs of 768 features
    python benchmarks/many_saes.py --n-saes 8 --d-sae 3072 --hook blocks.2.hook_resid_pre

Two runs on the same data and threads: one SAE, and N together; of each step it is told what the gathering of
activations (the forward) and what the SAEs' steps took. Training N SAEs one after the other takes N times the first
run. The first `--warm-up` steps, which fill the buffer, are not timed.
"""

import argparse
import json
import tempfile
import time
from typing import Any

import torch

import sae_widgets as sw

clock = time.perf_counter


def config(args: argparse.Namespace, n_saes: int, d_in: int) -> Any:
    """`n_saes` equal TopK SAEs on one hook."""
    sae = sw.TopKTrainingSAEConfig(d_in=d_in, d_sae=args.d_sae, k=args.k)
    return sw.MultiSAETrainingRunnerConfig(
        saes={str(i): sae for i in range(n_saes)},
        hook_names=args.hook,
        training_tokens=args.n_steps * args.batch,
        train_batch_size_tokens=args.batch,
        context_size=args.context,
        n_batches_in_buffer=3,  # full after the warm-up, so that each step gathers what it takes
        checkpoint_path=tempfile.mkdtemp(),
        output_path=None,
        eval_every_n_wandb_logs=0,
        verbose=False,
    )


def seconds(args: argparse.Namespace, model: Any, n_saes: int, d_in: int) -> tuple[float, float]:
    """Seconds a step takes for gathering, and for the SAEs."""
    runner = sw.MultiSAETrainingRunner(config(args, n_saes, d_in), override_model=model)
    run, store = runner.training_run, runner._job.store
    assert store is not None
    gathered, ended = [], []
    next_batch = store.next_batch

    def timed_batch(*args: Any) -> Any:
        start = clock()
        batch = next_batch(*args)
        gathered.append(clock() - start)
        return batch

    store.next_batch = timed_batch
    run.add_listener(lambda report: ended.append(clock()))
    # The run is stopped before what follows the last step, its evaluation.
    run.add_listener(lambda report: run.stop() if report.n_steps == args.n_steps - 1 else None)
    runner.run()
    whole = (ended[-1] - ended[args.warm_up - 1]) / (len(ended) - args.warm_up)
    gathering = sum(gathered[args.warm_up : len(ended)]) / (len(ended) - args.warm_up)
    return gathering, whole - gathering


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n-saes", type=int, default=8)
    parser.add_argument("--d-sae", type=int, default=768)
    parser.add_argument("--k", type=int, default=16)
    parser.add_argument("--hook", default="blocks.2.hook_resid_pre")
    parser.add_argument("--batch", type=int, default=4096, help="tokens in a batch")
    parser.add_argument("--context", type=int, default=128)
    parser.add_argument("--n-steps", type=int, default=24)
    parser.add_argument("--warm-up", type=int, default=6, help="steps that are not timed")
    parser.add_argument("--cpu-time", action="store_true", help="CPU seconds, for a machine that others use, too")
    args = parser.parse_args()
    if args.cpu_time:
        globals()["clock"] = time.process_time
    model, sae = sw.load_demo()
    d_in = sae.cfg.d_in
    one, many = (seconds(args, model, n, d_in) for n in (1, args.n_saes))
    result = {
        "threads": torch.get_num_threads(),
        "n_saes": args.n_saes,
        "d_sae": args.d_sae,
        "tokens_per_s_of_one": round(args.batch / sum(one)),
        "tokens_per_s_of_all_together": round(args.batch / sum(many)),
        "times_faster_than_one_after_the_other": round(args.n_saes * sum(one) / sum(many), 2),
        "ms_gathering_for_one": round(1e3 * one[0]),
        "ms_gathering_for_all": round(1e3 * many[0]),
        "ms_step_of_one": round(1e3 * one[1]),
        "ms_steps_of_all": round(1e3 * many[1]),
    }
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
