"""How good SAEs become: our trainer against SAELens', same activations and budget, at equal L0.

    python benchmarks/quality.py --peer .venv-parity/bin/python --model demo --text FILE_OR_FOLDER ...

The model's activations are written to a file, scaled to a mean length of sqrt(d_in) and without special tokens. Both
trainers, each in its own process and environment, read the same rows in the same order; each draws its own weights.
Then one evaluator (`compare_saes`) tells how good every SAE is on text that nobody trained on.

    same      the same settings on both sides: here only the weights at the start differ
    default   ours, as a run's config has it by default: `DEFAULT`

TopK and BatchTopK have the same k. For standard and JumpReLU, whose L0 is what the coefficient makes of it, SAELens
trains first; ours is steered to an L0 a little below and above (`target_l0`), and what it would be at SAELens' L0 is
read off between them. Intervals: 95 %, of the mean difference over seeds (Student's t).
"""

import argparse
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

SHARED = {"lr": 2e-3, "dead_feature_window": 100}
"""Training settings of both sides; the learning rate rises over the first 1/20 and falls over the last 1/5."""
DEFAULT = {"b_dec_init_method": "mean"}
"""What a run's config has by default beyond SAELens'."""
ARCHITECTURES: dict[str, dict[str, Any]] = {
    "TopK": {"k": 24},
    "BatchTopK": {"k": 24},
    "Standard": {"l1_coefficient": 1.3, "l1_warm_up_steps": 100},
    "JumpReLU": {
        "l0_coefficient": 0.4,
        "l0_warm_up_steps": 100,
        "jumprelu_sparsity_loss_mode": "tanh",
        "jumprelu_ste_to_input": True,
        "jumprelu_bandwidth": 2.0,
        "jumprelu_init_threshold": 0.1,
    },
}
STEERED = ("Standard", "JumpReLU")
AROUND = (0.92, 1.08)
"""Where ours is trained, as shares of SAELens' L0."""
METRICS = ("l0", "explained_variance", "ce_loss_score", "dead_share")
T_95 = {2: 12.706, 3: 4.303, 4: 3.182, 5: 2.776}
"""Number of seeds -> Student's t."""


def batches(folder: Path, seed: int, size: int) -> Iterator[Any]:
    """Rows of the activations, each once, then again in another order; the same on both sides."""
    import numpy as np
    import torch

    rows = np.load(folder / "activations.npy", mmap_mode="r")
    draw = np.random.default_rng(seed)
    while True:
        order = draw.permutation(len(rows))
        for start in range(0, len(rows) - size + 1, size):
            yield torch.from_numpy(rows[order[start : start + size]].astype("float32"))


# -- one side's process ----------------------------------------------------------------------------------------------


def train_side(side: str, folder: Path) -> None:
    """Trains what `jobs.json` lists for this side, and writes each SAE to a folder of its name."""
    import torch

    torch.set_num_threads(1)
    for job in json.loads((folder / "jobs.json").read_text()):
        if job["side"] != side or (folder / job["name"]).exists():
            continue
        start = time.perf_counter()
        torch.manual_seed(job["seed"])
        (train_peer if side == "sae-lens" else train_ours)(job, folder)
        print(f"{job['name']}: {time.perf_counter() - start:.0f} s", flush=True)


def train_peer(job: dict[str, Any], folder: Path) -> None:
    import sae_lens
    from sae_lens.config import SAETrainerConfig
    from sae_lens.training.sae_trainer import SAETrainer

    name = f"{job['architecture']}TrainingSAE"
    sae = getattr(sae_lens, name)(getattr(sae_lens, f"{name}Config")(**job["sae"]))
    settings = SAETrainerConfig(
        total_training_samples=job["n_steps"] * job["batch"],
        train_batch_size_samples=job["batch"],
        lr_end=job["train"]["lr"] / 10,
        **job["train"],
    )
    SAETrainer(settings, sae, batches(folder, job["seed"], job["batch"])).fit()
    sae.save_inference_model(folder / job["name"])


def train_ours(job: dict[str, Any], folder: Path) -> None:
    import sae_widgets as sw
    from sae_widgets.training.schedules import LearningRateSchedule
    from sae_widgets.training.trainer import Trainer, TrainSettings

    name = f"{job['architecture']}TrainingSAE"
    sae = getattr(sw, name)(getattr(sw, f"{name}Config")(**job["sae"]))
    own = dict(job["train"])
    schedule = LearningRateSchedule(
        job["n_steps"], warm_up_steps=own.pop("lr_warm_up_steps", 0), decay_steps=own.pop("lr_decay_steps", 0)
    )
    data = batches(folder, job["seed"], job["batch"])
    settings = TrainSettings(job["n_steps"] * job["batch"], schedule=schedule, seed=job["seed"], **own)
    trainer = Trainer(sae, settings, lambda is_cancelled: next(data))
    for _ in trainer.train_steps():
        pass
    trainer.give_result(sae)
    sae.save_inference_model(folder / job["name"])


# -- data and evaluation ---------------------------------------------------------------------------------------------


def documents(paths: list[Path]) -> list[str]:
    """The texts in files and folders, divided by `<|endoftext|>`, long ones cut."""
    found = []
    for path in paths:
        for file in sorted(path.rglob("*.txt")) if path.is_dir() else [path]:
            for text in file.read_text("utf-8").split("<|endoftext|>"):
                found += [text[i : i + 4000].strip() for i in range(0, len(text), 4000)]
    return [text for text in found if text]


def prepare(args: argparse.Namespace, folder: Path) -> Any:
    """Writes the activations; the model, the rows kept for the evaluation, and the scale."""
    import numpy as np
    import torch

    from sae_widgets.activations.documents import open_documents
    from sae_widgets.activations.token_rows import SequencePacker, TokenRows
    from sae_widgets.model import load_model

    model = load_model(args.model)
    bos = model.tokenizer.bos_token_id
    packer = SequencePacker(128, begin_row=bos, separator=bos, is_concatenated=True)
    source = open_documents(documents(args.text) if args.text else "demo", seed=0)
    rows = TokenRows(source, model.tokenizer, packer).take_of_epoch(args.tokens // 120 + args.eval_rows)
    held_out, rows = rows[: args.eval_rows], rows[args.eval_rows :]
    special = torch.tensor(sorted(model.tokenizer.all_special_ids))
    parts = []
    with torch.no_grad():
        for batch in rows.split(32):
            _, cache = model.run_with_cache(batch, names_filter=args.hook)
            parts.append(cache[args.hook][~torch.isin(batch, special)].half())
    acts = torch.cat(parts)[: args.tokens]
    scale = acts.shape[1] ** 0.5 / acts[:50_000].float().norm(dim=-1).mean().item()
    np.save(folder / "activations.npy", (acts.float() * scale).half().numpy())
    print(f"{args.model}, {args.hook}: {len(acts):,} tokens x {acts.shape[1]}, {len(held_out)} rows kept", flush=True)
    return model, held_out, scale, acts.shape[1]


def evaluate(folder: Path, names: list[str], model: Any, rows: Any, scale: float, hook: str) -> dict[str, dict]:
    import sae_widgets as sw

    saes = {}
    for name in names:
        sae = sw.SAE.load_from_disk(folder / name)
        sae.fold_activation_norm_scaling_factor(scale)
        saes[name] = sae.eval()
    found = {}
    for i in range(0, len(names), 6):
        part = {name: saes[name] for name in names[i : i + 6]}
        metrics = sw.compare_saes(part, model, rows, metrics=METRICS, hook_names=hook)
        found |= {name: {each: float(result[each]) for each in METRICS} for name, result in metrics.items()}
    return found


# -- the comparison --------------------------------------------------------------------------------------------------


def jobs_of(side: str, kind: str, args: argparse.Namespace, d_in: int) -> list[dict[str, Any]]:
    jobs = []
    for architecture in args.architectures:
        if side == "ours" and kind == "same" and architecture in STEERED:
            continue
        for seed in range(args.seeds):
            sae = {"d_in": d_in, "d_sae": args.expansion * d_in, **ARCHITECTURES[architecture]}
            course = {"lr_warm_up_steps": args.steps // 20, "lr_decay_steps": args.steps // 5}
            train = {**SHARED, **course, **(DEFAULT if kind == "default" else {})}
            name = f"{side}-{kind}-{architecture}-{seed}"
            jobs.append(
                {
                    "side": side,
                    "kind": kind,
                    "name": name,
                    "architecture": architecture,
                    "seed": seed,
                    "sae": sae,
                    "train": train,
                    "batch": args.batch,
                    "n_steps": args.steps,
                }
            )
    return jobs


def steered(job: dict[str, Any], l0: float) -> list[dict[str, Any]]:
    """The job at an L0 a little below and above."""
    if job["architecture"] not in STEERED:
        return [job]
    return [
        {**job, "name": f"{job['name']}-{share}", "train": {**job["train"], "target_l0": share * l0}}
        for share in AROUND
    ]


def at_l0(l0: float, found: list[dict[str, float]], metric: str) -> float:
    """What ours would be at this L0: on the line through its two, in log L0."""
    low, high = found[0], found[-1]
    if low["l0"] == high["l0"]:
        return low[metric]
    share = (math.log(l0) - math.log(low["l0"])) / (math.log(high["l0"]) - math.log(low["l0"]))
    return low[metric] + share * (high[metric] - low[metric])


def interval(values: list[float]) -> tuple[float, float]:
    """Mean, and half the width of its interval."""
    n = len(values)
    return statistics.mean(values), T_95.get(n, math.nan) * statistics.stdev(values) / math.sqrt(n) if n > 1 else 0.0


def run_side(side: str, python: str, folder: Path) -> None:
    env = {**os.environ, "OMP_NUM_THREADS": "1", "TQDM_DISABLE": "1", "PYTHONWARNINGS": "ignore"}
    subprocess.run([python, __file__, "--train", side, "--folder", str(folder)], check=True, env=env)


def compare(args: argparse.Namespace, folder: Path) -> None:
    model, rows, scale, d_in = prepare(args, folder)
    peer = jobs_of("sae-lens", "same", args, d_in)
    (folder / "jobs.json").write_text(json.dumps(peer))
    run_side("sae-lens", args.peer, folder)
    theirs = evaluate(folder, [job["name"] for job in peer], model, rows, scale, args.hook)
    mine = {}
    for kind in args.kinds:
        for job in jobs_of("ours", kind, args, d_in):
            l0 = theirs[f"sae-lens-same-{job['architecture']}-{job['seed']}"]["l0"]
            mine[job["name"]] = steered(job, l0)
    (folder / "jobs.json").write_text(json.dumps([each for group in mine.values() for each in group]))
    run_side("ours", sys.executable, folder)
    names = [each["name"] for group in mine.values() for each in group]
    ours = evaluate(folder, names, model, rows, scale, args.hook)
    (folder / "found.json").write_text(json.dumps({**theirs, **ours}, indent=1))
    groups = {name: [ours[each["name"]] for each in group] for name, group in mine.items()}
    report(args, theirs, groups)


def report(args: argparse.Namespace, theirs: dict[str, dict], ours: dict[str, list[dict]]) -> None:
    print(f"| {args.model}, {args.steps * args.batch:,} tokens | L0 | explained variance | CE score | never active |")
    print("|---|---|---|---|---|")
    for architecture in args.architectures:
        seeds = range(args.seeds)
        peer = [theirs[f"sae-lens-same-{architecture}-{seed}"] for seed in seeds]
        print(f"| {architecture}: SAELens | " + " | ".join(_mean(peer, metric) for metric in METRICS) + " |")
        for kind in ("same", "default"):
            if f"ours-{kind}-{architecture}-0" not in ours:
                continue
            each = [ours[f"ours-{kind}-{architecture}-{seed}"] for seed in seeds]
            cells = [
                _change([at_l0(p["l0"], found, metric) - p[metric] for p, found in zip(peer, each, strict=True)])
                for metric in METRICS
            ]
            print(f"| {architecture}: ours, {kind}, less SAELens | " + " | ".join(cells) + " |", flush=True)


def _mean(found: list[dict[str, float]], metric: str) -> str:
    mean, half = interval([each[metric] for each in found])
    return f"{mean:.4g} ± {half:.2g}"


def _change(values: list[float]) -> str:
    mean, half = interval(values)
    return f"{mean:+.4f} ± {half:.4f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peer", default=".venv-parity/bin/python", help="Python of an environment with sae-lens")
    parser.add_argument("--model", default="demo", help="a name or a local folder")
    parser.add_argument("--hook", default="blocks.2.hook_resid_pre")
    parser.add_argument("--text", type=Path, nargs="*", default=[], help="files and folders; none: the bundled texts")
    parser.add_argument("--tokens", type=int, default=400_000, help="activations written")
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--batch", type=int, default=512)
    parser.add_argument("--expansion", type=int, default=4, help="d_sae / d_in")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--eval-rows", type=int, default=128)
    parser.add_argument("--architectures", nargs="*", default=[*ARCHITECTURES])
    parser.add_argument("--kinds", nargs="*", default=["same", "default"])
    parser.add_argument(
        "--folder", type=Path, help="where files go and stay, so that a second call goes on; none: temporary"
    )
    parser.add_argument("--train", choices=("sae-lens", "ours"), help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.train:
        train_side(args.train, args.folder)
    elif not Path(args.peer).exists():
        sys.exit(f"No {args.peer}: make parity builds one; or name another with --peer.")
    elif args.folder:
        args.folder.mkdir(parents=True, exist_ok=True)
        compare(args, args.folder)
    else:
        with tempfile.TemporaryDirectory() as folder:
            compare(args, Path(folder))


if __name__ == "__main__":
    main()
