"""What `test_processes` has two processes do; each leaves what it found in `<folder>/<scenario>-<rank>.pt`."""

import os
from pathlib import Path

import torch

from sae_widgets.runs.runner import LanguageModelSAERunnerConfig, SAETrainingRunner
from tests.tiny_lm import TinyLM, sentences

ARCHITECTURES = {
    "standard": {"l1_coefficient": 0.2},
    "jumprelu": {"l0_coefficient": 0.2, "normalize_activations": "expected_average_only_in"},
    "topk": {"k": 4, "grad_accumulation_steps": 2, "ema_decay": 0.9},
    "batchtopk": {"k": 4},
}
N_STEPS = 12


def config(folder, architecture="topk", **settings):
    values = {
        **{"architecture": architecture, "model_name": "tiny", "hook_name": "blocks.1.hook_resid_pre"},
        **{"d_in": 16, "d_sae": 48, "training_tokens": 64 * N_STEPS, "train_batch_size_tokens": 64, "seed": 1},
        **{"context_size": 16, "store_batch_size_prompts": 5, "n_batches_in_buffer": 6, "lr": 3e-3, "verbose": False},
        **{"checkpoint_path": str(folder), "output_path": None, "dead_feature_window": 3, "n_eval_batches": 1},
        **ARCHITECTURES.get(architecture, {}),
        **settings,
    }
    return LanguageModelSAERunnerConfig(**values)


class CountingLM(TinyLM):
    """Counts the rows it reads."""

    n_rows = 0

    def __call__(self, tokens, *args, **kwargs):
        self.n_rows += len(tokens)
        return super().__call__(tokens, *args, **kwargs)


def trained(cfg, model=None, prepare=lambda run: None):
    """A finished run as tensors and numbers, and how many rows its model read."""
    model = model or CountingLM()
    runner = SAETrainingRunner(cfg, override_model=model, override_dataset=sentences())
    losses = []
    runner.training_run.add_listener(lambda report: losses.append((report.loss, report.l0, report.grad_norm)))
    prepare(runner.training_run)
    sae = runner.run()
    return {
        "losses": torch.tensor(losses, dtype=torch.float64),
        "weights": dict(sae.state_dict()),
        "n_rows": model.n_rows,
        "status": runner.training_run.status,
        "d_sae": sae.cfg.d_sae,
    }


def child(rank, port, folder, threads=1):
    """Everything that two processes do, one thing after another: starting them costs more than all of it."""
    os.environ |= {"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1"}
    os.environ["MASTER_PORT"] = str(port)
    torch.set_num_threads(threads)
    folder = Path(folder)

    def leave(name, found):
        torch.save(found, folder / f"{name}-{rank}.pt")

    for kind in ("data", "shard"):
        for architecture in ARCHITECTURES:
            runs = folder / f"{kind}-{architecture}"
            leave(f"{kind}-{architecture}", trained(config(runs, architecture, distributed=kind, n_checkpoints=1)))
        leave(f"resumed-{kind}", trained(config(folder, distributed=kind, resume=str(folder / "stopped"))))
    leave("steered", trained(config(folder / "steered"), prepare=steer if rank == 0 else lambda run: None))
    model = CountingLM()
    if rank == 1:
        model.when_called = fail
    leave("failed", said(lambda: trained(config(folder / "failed"), model)))


def steer(run):
    """A change of lr after step 3, and a stop after step 6."""

    def on_report(report):
        if report.n_steps == 3:
            run.set(lr=1e-4)
        if report.n_steps == 6:
            run.stop()

    run.add_listener(on_report)


def fail(n_forwards):
    if n_forwards == 8:
        raise ValueError("this machine has lost its model")


def said(work):
    try:
        work()
    except Exception as error:
        return {"said": f"{type(error).__name__}: {error}"}
    return {"said": "nothing"}
