"""Whether a run that is killed loses anything: kill -9 at random moments, resume, compare weights bit for bit.

    python benchmarks/kill_resume.py --kills 20        # Linux, macOS

Each run trains a TopK SAE on the demo model in a process of its own and is killed once: half of them at a moment drawn
evenly over the run's time, half while a checkpoint is being written. Then every checkpoint that has a name is read, the
run is resumed with `resume="auto"`, and what comes out is compared with the run that nobody killed.

Bar: 20 of 20 the same bits; no broken checkpoint.
"""

import argparse
import os
import random
import signal
import sys
import tempfile
import time
from pathlib import Path

import torch
from safetensors.torch import load_file

import sae_widgets as sw
from sae_widgets.training.checkpoints import checkpoints_in, read_checkpoint

torch.set_num_threads(1)  # before any work: threads do not survive a fork


def config(folder: Path, n_steps: int) -> sw.LanguageModelSAERunnerConfig:
    return sw.LanguageModelSAERunnerConfig(
        sae=sw.TopKTrainingSAEConfig(d_in=192, d_sae=1536, k=16, normalize_activations="expected_average_only_in"),
        hook_name="blocks.2.hook_resid_pre",
        training_tokens=n_steps * 512,
        train_batch_size_tokens=512,
        store_batch_size_prompts=4,
        n_batches_in_buffer=20,
        lr=1e-3,
        lr_warm_up_steps=10,
        lr_decay_steps=20,
        dead_feature_window=20,
        n_batches_for_norm_estimate=4,
        n_eval_batches=1,
        logger=sw.LoggingConfig(eval_every_n_wandb_logs=0),
        checkpoint_every_steps=5,
        keep_checkpoints=2,
        resume="auto",
        checkpoint_path=str(folder / "runs"),
        output_path=str(folder / "out"),
        verbose=False,
    )


def begin(folder: Path, n_steps: int, model: object) -> int:
    """The id of a process that trains."""
    pid = os.fork()
    if pid:
        return pid
    try:
        sw.SAETrainingRunner(config(folder, n_steps), override_model=model).run()
        os._exit(0)
    except BaseException as error:
        print(type(error).__name__, error, file=sys.stderr, flush=True)
        os._exit(1)


def kill_while_writing(pid: int, folder: Path, n_th: int) -> bool:
    """Kills as soon as the n-th checkpoint is being written; False where the run ended before."""
    seen: set[str] = set()
    while os.waitpid(pid, os.WNOHANG) == (0, 0):
        seen |= {str(part) for part in (folder / "runs").glob("*/.*.part") if part.suffix == ".part" and part.is_dir()}
        if len(seen) >= n_th:
            time.sleep(random.random() * 0.02)
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            return True
        time.sleep(0.0005)
    return False


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    random.seed(options.seed)
    model = sw.load_model("demo")
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        start = time.monotonic()
        os.waitpid(begin(root / "whole", options.steps, model), 0)
        lasts = time.monotonic() - start
        expected = load_file(root / "whole" / "out" / "sae_weights.safetensors")
        print(f"uninterrupted: {options.steps} steps in {lasts:.1f} s", flush=True)
        n_same = n_broken = n_parts = n_missed = 0
        for i in range(options.kills):
            folder = root / str(i)
            pid = begin(folder, options.steps, model)
            if i % 2:
                n_missed += not kill_while_writing(pid, folder, random.randint(1, options.steps // 5))
            else:
                time.sleep(random.random() * lasts)
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
            runs = list((folder / "runs").glob("*")) if (folder / "runs").exists() else []
            left = [part.name for run in runs for part in run.glob(".*")]
            at = []
            for checkpoint in (each for run in runs for each in checkpoints_in(run)):
                try:
                    at.append(read_checkpoint(checkpoint).numbers["n_steps"])
                except (OSError, ValueError) as error:
                    n_broken += 1
                    print("broken:", error, flush=True)
            _, status = os.waitpid(begin(folder, options.steps, model), 0)
            found = load_file(folder / "out" / "sae_weights.safetensors")
            is_same = status == 0 and all(torch.equal(found[key], value) for key, value in expected.items())
            n_same += is_same
            n_parts += bool(left)
            n_left = sum(1 for run in (folder / "runs").glob("*") for _ in run.glob(".*"))
            print(
                f"{i:3} {'while writing' if i % 2 else 'any moment':13} checkpoints at {at or 'none'}, "
                f"{'half written: ' + str(len(left)) if left else 'nothing half written'}, "
                f"{'same bits' if is_same else 'OTHER BITS'}{f', {n_left} not cleared' if n_left else ''}",
                flush=True,
            )
        print(
            f"{n_same} of {options.kills} the same bits; {n_broken} broken checkpoints; {n_parts} kills in the middle "
            f"of a checkpoint; {n_missed} runs ended before their kill"
        )
    sys.exit(n_same != options.kills or n_broken > 0)


if __name__ == "__main__":
    main()
