"""Memory of a long run: resident memory at step 200 and step 2,000, and what a plan had said.

    python benchmarks/memory.py --steps 2000 --out memory.json        # Linux

Trains a TopK SAE on the demo model in this process, with the log, a checkpoint (the last two kept) and an
evaluation every 100 steps, and reads the process's resident memory after each step.

Bars: at the last step at most 2 % more than at step 200; the plan within 25 % of the peak.
"""

import argparse
import json
import tempfile
from pathlib import Path

import sae_widgets as sw
from sae_widgets.runs.gauges import process_memory_bytes

MIB = 2**20


def peak_bytes() -> int:
    # Not getrusage, whose peak a new process inherits from the one that started it.
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--d-sae", type=int, default=1536)
    parser.add_argument("--batch", type=int, default=1024)
    parser.add_argument("--buffer", type=int, default=20)
    parser.add_argument("--prompts", type=int, default=8)
    parser.add_argument("--out", help="file for the curve, JSON")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        cfg = sw.LanguageModelSAERunnerConfig(
            sae=sw.TopKTrainingSAEConfig(d_in=192, d_sae=options.d_sae, k=16),
            hook_name="blocks.2.hook_resid_pre",
            training_tokens=options.steps * options.batch,
            train_batch_size_tokens=options.batch,
            store_batch_size_prompts=options.prompts,
            n_batches_in_buffer=options.buffer,
            logger=sw.LoggingConfig(wandb_log_frequency=10, eval_every_n_wandb_logs=10),
            n_eval_batches=1,
            checkpoint_every_steps=100,
            keep_checkpoints=2,
            checkpoint_path=str(Path(folder) / "runs"),
            output_path=str(Path(folder) / "out"),
            verbose=False,
        )
        plan = cfg.plan(measure=False)
        run = sw.SAETrainingRunner(cfg)
        seen: list[int] = []
        run.training_run.add_listener(lambda report: seen.append(process_memory_bytes() or 0))
        run.run()
        peak = peak_bytes()
    early = seen[min(200, len(seen) // 2) - 1]
    growth = seen[-1] / early - 1
    error = plan.memory_bytes / peak - 1
    print(plan)
    first = min(200, len(seen) // 2)
    print(f"resident: {early / MIB:,.1f} MiB at step {first}, {seen[-1] / MIB:,.1f} MiB at step {len(seen)}")
    print(
        f"growth {growth:+.2%}; peak {peak / MIB:,.1f} MiB, planned {plan.memory_bytes / MIB:,.1f} MiB ({error:+.0%})"
    )
    if options.out:
        every = {step: round(seen[step - 1] / MIB, 1) for step in range(50, len(seen) + 1, 50)}
        Path(options.out).write_text(json.dumps({"mib": every, "peak": peak / MIB, "plan": plan.to_dict()}, indent=1))
    raise SystemExit(growth > 0.02 or abs(error) > 0.25)


if __name__ == "__main__":
    main()
