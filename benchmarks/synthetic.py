"""How well SAEs find features that are known: our trainer against SAELens', on the same synthetic model.

    python benchmarks/synthetic.py --peer .venv-parity/bin/python          # about 10 minutes on one core of its own
    python benchmarks/synthetic.py                                         # ours alone

The model is "bench-1k" (1,024 features in 128 dimensions, about 7 active), the SAEs have 256 features and, by k or
coefficient, about 5 active. Each architecture is trained with each seed on as many samples, in as many steps, with the
same settings: lr 6e-3, batches of 256, features dead after 100 steps. SAELens trains in a process of its own. Both SAEs
are then scored in inference form by the same function on the same samples, which neither has seen.

"recipe" is ours with what SAELens does not have: averaged weights, features dead earlier (`RECIPE`). Matryoshka is also
shown as SAELens trains it by default (dead after 1,000 steps). Settings were chosen on seed 100, which is none of those
reported.

Intervals hold the mean over seeds with 95 % (Student's t), those of differences the mean of differences by seed.
"""

import argparse
import json
import math
import statistics
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import torch

import sae_widgets as sw
from sae_widgets.sae import SAE
from sae_widgets.synthetic import SyntheticModel, SyntheticSAERunner, SyntheticSAERunnerConfig, bench_1k

SIZE = {"d_in": 128, "d_sae": 256}
K = 5
CASES: dict[str, tuple[str, dict[str, Any]]] = {
    "standard": ("Standard", {"l1_coefficient": 2.9}),
    "gated": ("Gated", {"l1_coefficient": 3.3}),
    "jumprelu": ("JumpReLU", {"l0_coefficient": 4.0, "jumprelu_bandwidth": 0.5, "jumprelu_init_threshold": 0.1}),
    "topk": ("TopK", {"k": K}),
    "batchtopk": ("BatchTopK", {"k": K}),
    "matryoshka": ("MatryoshkaBatchTopK", {"k": K, "matryoshka_widths": [16, 64, 256]}),
    "matching pursuit": ("MatchingPursuit", {"max_iterations": K}),
}
"""Name -> class, its settings."""
TRAIN: dict[str, Any] = {"lr": 6e-3, "batch_size": 256, "dead_feature_window": 100}
RECIPE: dict[str, Any] = {"ema_decay": 0.99, "dead_feature_window": 30}
T_95 = {2: 12.706, 3: 4.303, 4: 3.182, 5: 2.776}
SCORES = {"MCC": "mcc", "F1": "classification/f1_score", "precision": "classification/precision"}
SCORES |= {"recall": "classification/recall", "EV": "explained_variance", "L0": "sae_l0", "dead": "dead_latents"}


def jobs_of(names: list[str], seeds: list[int], steps: int) -> list[dict[str, Any]]:
    """What either side trains."""
    jobs = []
    for name in names:
        kind, settings = CASES[name]
        for window in (1000, 100) if name == "matryoshka" else (100,):
            train = {**TRAIN, "training_samples": steps * TRAIN["batch_size"], "dead_feature_window": window}
            jobs += [
                {"name": f"{name}|{window}|{seed}", "kind": kind, "sae": SIZE | settings, "train": train, "seed": seed}
                for seed in seeds
            ]
    return jobs


def train_theirs(peer: str, folder: Path, jobs: list[dict[str, Any]]) -> dict[str, float]:
    """SAELens' SAEs in `folder`/theirs; seconds by name."""
    (folder / "jobs.json").write_text(json.dumps(jobs))
    script = Path(__file__).with_name("synthetic_peer.py")
    with (folder / "peer.log").open("w") as log:
        done = subprocess.run([peer, str(script), str(folder)], stdout=subprocess.PIPE, stderr=log, text=True)
    if done.returncode:
        raise RuntimeError(f"SAELens' side failed:\n{(folder / 'peer.log').read_text()[-3000:]}")
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith('{"name"')]
    return {line["name"]: line["seconds"] for line in lines}


def train_ours(model: SyntheticModel, folder: Path, job: dict[str, Any], **more: Any) -> tuple[SAE, float]:
    """Our SAE in inference form, and the seconds it took."""
    start = time.perf_counter()
    cfg = SyntheticSAERunnerConfig(
        sae=getattr(sw, f"{job['kind']}TrainingSAEConfig")(**job["sae"]),
        **{**job["train"], **more},
        seed=job["seed"],
        run_final_eval=False,
        checkpoint_path=str(folder / "runs"),
        output_path=None,
        verbose=False,
    )
    sae = SyntheticSAERunner(cfg, override_synthetic_model=model).run().sae
    return sae.to_inference(), time.perf_counter() - start


def scores_of(sae: SAE, model: SyntheticModel, n_samples: int) -> dict[str, float]:
    generator = torch.Generator().manual_seed(999)
    found = sw.eval_sae_on_synthetic_data(
        sae, model.feature_dict, model.activation_generator, n_samples, generator=generator
    )
    flat = found.to_log_dict()
    return {name: float(flat[key]) for name, key in SCORES.items()}


def interval(values: list[float]) -> str:
    mean = statistics.fmean(values)
    if len(values) < 2:
        return f"{mean:.3f}"
    return f"{mean:.3f} ± {T_95[len(values)] * statistics.stdev(values) / math.sqrt(len(values)):.3f}"


def row_of(name: str, who: str, window: str) -> str:
    return f"{name}, {who}, dead after {window}"


def show(rows: dict[str, list[dict[str, float]]]) -> None:
    """The table, then differences by architecture, and those of the recipe to SAELens' best."""
    columns = [*SCORES, "seconds"]
    print(f"{'':44}" + "".join(f"{name:>16}" for name in columns))
    for row, runs in rows.items():
        print(f"{row:44}" + "".join(f"{interval([run[name] for run in runs]):>16}" for name in columns))
    theirs = {row: runs for row, runs in rows.items() if ", SAELens, " in row}
    for row, runs in theirs.items():
        for mine in (row.replace("SAELens", "ours"), f"{row.split(',')[0]}, ours, recipe"):
            if mine in rows:
                print(f"{mine} - {row}: {differences(rows[mine], runs)}")
    ours = [row for row in rows if ", ours, " in row]
    for score in ("MCC", "F1"):
        if theirs and ours:
            best, mine = (max(each, key=lambda row: _mean(rows[row], score)) for each in (list(theirs), ours))
            print(f"best by {score}: {mine} - {best}: {differences(rows[mine], rows[best])}")


def _mean(runs: list[dict[str, float]], score: str) -> float:
    return statistics.fmean(run[score] for run in runs)


def differences(one: list[dict[str, float]], other: list[dict[str, float]]) -> str:
    pairs = list(zip(one, other, strict=True))
    return ", ".join(f"{score} {interval([a[score] - b[score] for a, b in pairs])}" for score in ("MCC", "F1"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peer", help="a Python with sae-lens; without it ours alone")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument("--samples", type=int, default=20_000, help="that scores are taken on")
    parser.add_argument("--only", nargs="+", choices=list(CASES), default=list(CASES))
    parser.add_argument("--out", type=Path, help="file for all scores, as JSON; what it holds is not done again")
    args = parser.parse_args()
    torch.set_num_threads(1)
    rows: dict[str, list[dict[str, float]]] = {}
    if args.out and args.out.exists():
        rows = json.loads(args.out.read_text())
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        SyntheticModel(bench_1k()).save(folder / "model")
        model = SyntheticModel.load_from_disk(folder / "model")

        def add(row: str, sae: SAE, seconds: float) -> None:
            rows.setdefault(row, []).append({**scores_of(sae, model, args.samples), "seconds": seconds})
            print(row, rows[row][-1], flush=True)
            if args.out:
                args.out.write_text(json.dumps(rows, indent=1))

        for name in args.only:
            jobs = jobs_of([name], args.seeds, args.steps)
            is_new = row_of(name, "ours", "100") not in rows
            seconds = train_theirs(args.peer, folder, jobs) if args.peer and is_new else {}
            for job in jobs:
                _, window, _ = job["name"].split("|")
                if job["name"] in seconds:
                    theirs = SAE.load_from_disk(folder / "theirs" / job["name"])
                    add(row_of(name, "SAELens", window), theirs, seconds[job["name"]])
                if window == "100" and is_new:
                    add(row_of(name, "ours", window), *train_ours(model, folder, job))
                if window == "100" and len(rows.get(f"{name}, ours, recipe", ())) < len(args.seeds):
                    add(f"{name}, ours, recipe", *train_ours(model, folder, job, **RECIPE))
    show(rows)


if __name__ == "__main__":
    main()
