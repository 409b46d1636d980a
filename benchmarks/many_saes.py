"""What many SAEs cost when they share one forward pass: tokens per second of 1 and of N SAEs on one hook.

    python benchmarks/many_saes.py                      # the bundled model, 8 SAEs of 768 features
    python benchmarks/many_saes.py --n-saes 8 --d-sae 3072 --hook blocks.2.hook_resid_pre

Timed on the same data and threads: one SAE; N SAEs together; and gathering alone, which is the forward. Training N SAEs
one after the other takes N times the first. Steps before `--warm-up` are not timed.
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
    """`n_saes` TopK SAEs with different k on one hook."""
    return sw.MultiSAETrainingRunnerConfig(
        **sw.grid(
            sw.TopKTrainingSAEConfig,
            hook_names=args.hook,
            d_in=d_in,
            d_sae=args.d_sae,
            k=[8 + 4 * i for i in range(n_saes)],
        ),
        training_tokens=args.n_steps * args.batch,
        train_batch_size_tokens=args.batch,
        context_size=args.context,
        checkpoint_path=tempfile.mkdtemp(),
        output_path=None,
        eval_every_n_wandb_logs=0,
        verbose=False,
    )


def tokens_per_s(args: argparse.Namespace, model: Any, n_saes: int, d_in: int) -> float:
    """Of the steps after the warm-up, gathering included."""
    runner = sw.MultiSAETrainingRunner(config(args, n_saes, d_in), override_model=model)
    times: list[float] = []
    runner.training_run.add_listener(lambda report: times.append(clock()))
    # The run stops itself before what follows the last step, which no training needs twice.
    runner.training_run.add_listener(
        lambda report: runner.training_run.stop() if report.n_steps == args.n_steps - 1 else None
    )
    runner.run()
    timed = times[args.warm_up :]
    return (len(timed) - 1) * args.batch / (timed[-1] - timed[0])


def gathering_tokens_per_s(args: argparse.Namespace, model: Any, d_in: int) -> float:
    """Of batches that nothing is trained on."""
    runner = sw.MultiSAETrainingRunner(config(args, 1, d_in), override_model=model)
    store = runner._job.store
    assert store is not None
    for _ in range(args.warm_up):
        store.next_batch()
    start = clock()
    for _ in range(args.n_steps - args.warm_up):
        store.next_batch()
    return (args.n_steps - args.warm_up) * args.batch / (clock() - start)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n-saes", type=int, default=8)
    parser.add_argument("--d-sae", type=int, default=768)
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
    one = tokens_per_s(args, model, 1, d_in)
    many = tokens_per_s(args, model, args.n_saes, d_in)
    gathering = gathering_tokens_per_s(args, model, d_in)
    step_s = args.batch / one - args.batch / gathering
    result = {
        "threads": torch.get_num_threads(),
        "n_saes": args.n_saes,
        "d_sae": args.d_sae,
        "tokens_per_s_of_one": round(one),
        "tokens_per_s_of_all_together": round(many),
        "tokens_per_s_of_gathering_alone": round(gathering),
        "times_faster_than_one_after_the_other": round(args.n_saes * many / one, 2),
        "seconds_a_step": round(args.batch / many, 4),
        "seconds_of_one_forward_and_all_steps": round(args.batch / gathering + args.n_saes * step_s, 4),
    }
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
