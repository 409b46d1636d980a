"""What a training step, an encode and a decode cost, here and in the peers: in encoder products, in one run.

    python benchmarks/steps.py                                        # all architectures; `make bench` sets peers up
    python benchmarks/steps.py --architectures topk --d-sae 24576     # one, wider
    python benchmarks/steps.py --sides sae_widgets --threads 1        # without peers

Each side is a process of its own and is asked in turn, so that all meet the same load of the machine. The unit is one
fp32 `x @ W_enc` of the same size in the same process and round, in CPU time. Before anything is timed the first
step's error must be the same on all sides. Figures: median over rounds (least - most).

Weights: unit decoder rows drawn at random, the encoder their transpose; for ReLU's kin a bias (a threshold) at which L0
is `--l0`; `-start` means that without one, half of all features active, as at the start of a training.
Peak: resident memory above that before the SAE is made.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

ROOT = Path(__file__).parents[1]
PEERS = ROOT / ".venv-bench" / "bin" / "python"
ARCHITECTURES = ("topk", "batchtopk", "matryoshka", "abstopk", "standard", "gated", "jumprelu")
STARTS = tuple(f"{name}-start" for name in ARCHITECTURES[4:])
KNOWN = {"sparsify": ("topk",), "dictionary_learning": ("topk", "batchtopk")}
"""What peers are compared in; the others in everything."""
BARS = {"topk": 1.8, "batchtopk": 1.9, "matryoshka": 2.5, "standard": 1.9, "gated": 2.8, "jumprelu": 2.2}


class Side:
    """A process that answers."""

    def __init__(self, setup: dict[str, Any], python: str) -> None:
        env = {**os.environ, "OMP_NUM_THREADS": str(setup["threads"]), "OMP_WAIT_POLICY": "PASSIVE"}
        command = [python, str(Path(__file__).parent / "sides" / "step_side.py"), json.dumps(setup)]
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, env=env)
        self._read(setup["side"])

    def ask(self, what: str) -> dict[str, float]:
        assert self.process.stdin is not None
        print(json.dumps({"do": what}), file=self.process.stdin, flush=True)
        return self._read(what)

    def _read(self, what: str) -> dict[str, float]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"A side failed at {what!r}.")
        return json.loads(line)

    def end(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()


def make_weights(architecture: str, args: argparse.Namespace, file: Path) -> None:
    generator = torch.Generator().manual_seed(0)
    W_dec = torch.nn.functional.normalize(torch.randn(args.d_sae, args.d_in, generator=generator))
    x = torch.randn(args.batch, args.d_in, generator=generator)
    floor = 0.0
    if architecture in ARCHITECTURES[4:]:
        some = (x[:256] @ W_dec.T).flatten()
        floor = some.topk(int(args.l0 * 256)).values[-1].item()
    bias = torch.full((args.d_sae,), -floor)
    weights = {"x": x, "W_enc": W_dec.T.contiguous(), "W_dec": W_dec}
    if architecture.startswith("jumprelu"):
        weights["threshold"] = -bias if floor else torch.full_like(bias, 0.01)
    else:
        weights |= {"b_enc": bias, "b_gate": bias.clone(), "b_mag": bias.clone()}
    save_file(weights, file)


def measure(architecture: str, args: argparse.Namespace) -> dict[str, Any]:
    """Figures of every side, by side."""
    names = [name for name in args.sides if architecture in KNOWN.get(name, (architecture,))]
    with tempfile.TemporaryDirectory() as folder:
        weights = Path(folder, "weights.safetensors")
        make_weights(architecture, args, weights)
        setup = {name: getattr(args, name) for name in ("d_in", "d_sae", "batch", "k", "threads")}
        setup |= {"architecture": architecture, "weights": str(weights)}
        pythons = {name: sys.executable if name == "sae_widgets" else args.peers for name in names}
        sides = {name: Side({**setup, "side": name}, python) for name, python in pythons.items()}
        errors = {name: side.ask("step")["value"] for name, side in sides.items()}
        for name, error in errors.items():
            if abs(error / errors[names[0]] - 1) > 1e-4:
                raise SystemExit(f"{architecture}: {name} does not compute what {names[0]} does: {errors}.")
        rows: dict[str, list[dict]] = {name: [] for name in names}
        for name, side in sides.items():
            side.ask("step")
            result = side.ask("peak")
            rows[name].append(result)
        for _ in range(args.rounds):
            for name, side in sides.items():
                row = {what: side.ask(what) for what in ("product", "step", *_extras(architecture, name))}
                rows[name].append(row)
        for side in sides.values():
            side.end()
    result = {name: summary(peak["mib"], rounds) for name, (peak, *rounds) in rows.items()}
    for name in names:
        result[name]["loss"] = errors[name]
        ratios = [
            theirs["step"]["cpu"] / ours["step"]["cpu"]
            for theirs, ours in zip(rows[name][1:], rows[names[0]][1:], strict=True)
        ]
        result[name]["step_cpu_to_first"] = spread_of(ratios)
    return result


def _extras(architecture: str, side: str) -> tuple[str, ...]:
    if architecture.endswith("-start"):
        return ()
    return ("encode", "decode", *(("encode_sparse",) if side == "sae_widgets" else ()))


def spread_of(values: list[float]) -> list[float]:
    """Median, least and most."""
    return [round(each, 4) for each in (statistics.median(values), min(values), max(values))]


def summary(peak_mib: float, rounds: list[dict]) -> dict[str, Any]:
    result: dict[str, Any] = {"peak_mib": round(peak_mib)}
    for what in rounds[0]:
        result[f"{what}_products"] = spread_of([row[what]["cpu"] / row["product"]["cpu"] for row in rounds])
        result[f"{what}_wall_ms"] = spread_of([1e3 * row[what]["wall"] for row in rounds])
    return result


def table(results: dict[str, dict[str, Any]]) -> str:
    lines = [
        "| architecture | side | step, products | bar | times the first | step, ms | encode | encode sparse | decode "
        "| peak, MiB |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for architecture, sides in results.items():
        for name, row in sides.items():
            products = {what: row.get(f"{what}_products", [None])[0] for what in ("encode", "encode_sparse", "decode")}
            cells = [f"{value:.2f}" if value is not None else "" for value in products.values()]
            step, ratio = row["step_products"], row["step_cpu_to_first"]
            bar = BARS.get(architecture, "") if name == "sae_widgets" else ""
            lines.append(
                f"| {architecture} | {name} | {step[0]:.2f} ({step[1]:.2f} - {step[2]:.2f}) | {bar} | {ratio[0]:.2f} "
                f"({ratio[1]:.2f} - {ratio[2]:.2f}) | {row['step_wall_ms'][0]:,.0f} | {' | '.join(cells)} "
                f"| {row['peak_mib']:,} |"
            )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--architectures", nargs="+", default=[*ARCHITECTURES, *STARTS])
    parser.add_argument("--sides", nargs="+", default=["sae_widgets", "sae_lens", "sparsify", "dictionary_learning"])
    parser.add_argument("--peers", default=str(PEERS), help="python where the peers are installed")
    parser.add_argument("--d-in", type=int, default=768)
    parser.add_argument("--d-sae", type=int, default=12_288)
    parser.add_argument("--batch", type=int, default=2048)
    parser.add_argument("--k", type=int, default=32)
    parser.add_argument("--l0", type=float, default=60.0, help="of ReLU's kin")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--out", help="folder for steps.json and steps.md")
    args = parser.parse_args()
    if not Path(args.peers).exists() and args.sides != ["sae_widgets"]:
        raise SystemExit(f"No peers at {args.peers}: `make bench` installs them; or give --sides sae_widgets.")
    results = {}
    for architecture in args.architectures:
        results[architecture] = measure(architecture, args)
        print(table({architecture: results[architecture]}), flush=True)
    if args.out:
        folder = Path(args.out)
        folder.mkdir(parents=True, exist_ok=True)
        settings = {name: value for name, value in vars(args).items() if name not in ("peers", "out")}
        (folder / "steps.json").write_text(json.dumps({"settings": settings, "results": results}, indent=1))
        (folder / "steps.md").write_text(f"{table(results)}\n")


if __name__ == "__main__":
    main()
