"""What kernels, training steps, encode and decode cost on a CUDA device, beside the device's own two ceilings.

    PYTHONPATH=. python benchmarks/gpu.py                            # needs torch, triton, safetensors, jaxtyping
    PYTHONPATH=. TRITON_INTERPRET=1 python benchmarks/gpu.py --device cpu --tiny      # whether it runs at all

Measures the rate of a large bfloat16 product and of a large copy first; then checks that values and gradients are those
of the dense maths in float64, at a small size and on fresh numbers; then times. By default the sizes of the bar (d_in
4,096, d_sae 131,072, 16,384 tokens, k 64) in bfloat16 with float32 weights. Everything that does the same is timed in
turns, with device events: median (least - most). The floor of a step is one encoder product at the one ceiling plus
four gathers and Adam, 34 bytes a parameter, at the other. Peers are measured where they are installed.

Ends after `--minutes`, the most important first; what was not measured is told.
"""

import argparse
import gc
import importlib.util
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from interleaved import Part, Row, bar_row, spread
from sides import gpu_cases
from sides.gpu_cases import ARCHITECTURES, Case, DenseTopK, Measured, Sizes
from sides.gpu_peers import PEERS, installed

from sae_widgets import kernels

FULL = {"d_in": 4096, "d_sae": 131_072, "batch": 16_384, "k": 64}
TINY = {"d_in": 16, "d_sae": 128, "batch": 8, "k": 4}
EXACT = {"d_in": 256, "d_sae": 4096, "batch": 512, "k": 16}
KERNELS = ("decode", "gradient of activations", "gradient of decoder rows")
MOST = {"fp32": 1e-5, "bf16": 2e-2}
"""How far from the dense maths is too far; a bfloat16 step chooses a few other features, so its error is told alone."""


class Stopwatch:
    """Times on the device, and how much time is left."""

    def __init__(self, device: str, n_rounds: int, minutes: float) -> None:
        self.device, self.n_rounds = device, n_rounds
        self.end = time.monotonic() + 60 * minutes

    def has_time(self, for_seconds: float = 0.0) -> bool:
        return time.monotonic() + for_seconds < self.end

    def once(self, action: Callable[[], Any]) -> float:
        """Milliseconds."""
        if self.device != "cuda":
            start = time.perf_counter()
            action()
            return 1e3 * (time.perf_counter() - start)
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        start.record()
        action()
        end.record()
        end.synchronize()
        return start.elapsed_time(end)

    def in_turns(self, cases: dict[str, Case], n_warm: int = 3) -> tuple[dict[str, list[float]], dict[str, str]]:
        """Milliseconds of each case, round by round, and why some have none."""
        found: dict[str, list[float]] = {name: [] for name in cases}
        failed: dict[str, str] = {}
        for turn in range(n_warm + self.n_rounds):
            for name, case in cases.items():
                if name in failed:
                    continue
                kernels.use(case.kernels)
                try:
                    took = self.once(case.run)
                except Exception as error:  # a device that is full, a program that does not compile: told, not hidden
                    failed[name] = f"{type(error).__name__}: {str(error).strip().splitlines()[0][:200]}"
                    continue
                if turn >= n_warm:
                    found[name].append(took)
        return {name: times for name, times in found.items() if name not in failed and times}, failed


def ceilings(watch: Stopwatch, device: str, is_tiny: bool, sizes: Sizes) -> dict[str, float]:
    """FLOP/s of bfloat16 products, a square one and a block of the encoder's; bytes/s of a copy, both ways counted."""
    side = 64 if is_tiny else 8192
    a, b = (torch.randn(side, side, device=device).bfloat16() for _ in range(2))
    n = min(2048, sizes.batch)
    x, W = (torch.randn(m, sizes.d_in, device=device).bfloat16() for m in (n, sizes.d_sae))
    big = torch.randn(2**12 if is_tiny else 2**30, device=device)
    to = torch.empty_like(big)
    cases = {"square": Case(lambda: a @ b), "encoder": Case(lambda: x @ W.T), "copy": Case(lambda: to.copy_(big))}
    times, failed = watch.in_turns(cases)
    if failed:
        raise SystemExit(f"The ceilings could not be measured: {failed}.")
    best = {name: spread(each)[0] / 1e3 for name, each in times.items()}
    rates = {"square": 2 * side**3 / best["square"], "encoder": 2 * n * sizes.d_in * sizes.d_sae / best["encoder"]}
    return {"flops": max(rates.values()), **rates, "bytes": 2 * big.nbytes / best["copy"]}


def check(names: list[str], sizes: Sizes) -> dict[str, dict[str, float]]:
    """The errors; ends the run where one is too large."""
    told: dict[str, dict[str, float]] = {}
    for name in names:
        for kind in ("fp32", "bf16"):
            is_cast = kind == "bf16"
            told[f"kernels, {name}, {kind}"] = gpu_cases.kernel_errors(sizes, name, is_cast)
            for architecture in ARCHITECTURES:
                errors = gpu_cases.step_errors(architecture, sizes, name, is_cast)
                told[f"{architecture} step, {name}, {kind}"] = errors
    for what, errors in told.items():
        limit = MOST["fp32"] if what.endswith("fp32") else MOST["bf16"]
        is_told_alone = "step" in what and what.endswith("bf16")
        for part, error in errors.items():
            if not is_told_alone and not error <= limit:
                raise SystemExit(f"{what}: {part} is {error:.2e} from the dense maths in float64; at most {limit:g}.")
    return told


def measure(measured: Measured, watch: Stopwatch, rates: dict[str, float]) -> dict[str, Any]:
    """Times of the cases, beside the least that the work takes."""
    is_on_cuda = watch.device == "cuda"
    peaks = {}
    for name, case in measured.cases.items():
        if is_on_cuda:
            torch.cuda.synchronize()
            torch.cuda.reset_peak_memory_stats()
        watch_once = Stopwatch(watch.device, 1, 10.0)
        watch_once.in_turns({name: case}, n_warm=1)
        if is_on_cuda:
            peaks[name] = round(torch.cuda.max_memory_allocated() / 2**20)
    times, failed = watch.in_turns(measured.cases)
    floor = measured.flops / rates["flops"] + measured.n_bytes / rates["bytes"]
    rows = {}
    for name, each in times.items():
        seconds = spread(each)[0] / 1e3
        rows[name] = {
            "ms": spread(each),
            "rounds": each,
            "tflops": measured.flops / seconds / 1e12,
            "tbs": measured.n_bytes / seconds / 1e12,
            "of_floor": floor / seconds,
            "peak_mib": peaks.get(name),
        }
    return {"what": measured.what, "floor_ms": 1e3 * floor, "rows": rows, "failed": failed}


def table(results: list[dict[str, Any]]) -> str:
    lines = [
        "| what | by | ms | floor, ms | share of floor | TFLOP/s | TB/s | peak, MiB |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for result in results:
        for name, row in result["rows"].items():
            middle, least, most = row["ms"]
            peak = "" if row["peak_mib"] is None else f"{row['peak_mib']:,}"
            lines.append(
                f"| {result['what']} | {name} | {middle:.3g} ({least:.3g} - {most:.3g}) | {result['floor_ms']:.3g} "
                f"| {row['of_floor']:.0%} | {row['tflops']:.0f} | {row['tbs']:.2f} | {peak} |"
            )
        lines += [f"| {result['what']} | {name} | {why} | | | | | |" for name, why in result["failed"].items()]
    return "\n".join(lines)


def run(args: argparse.Namespace) -> dict[str, Any]:
    watch = Stopwatch(args.device, args.rounds, args.minutes)
    sizes = Sizes(args.d_in, args.d_sae, args.batch, args.k, args.device)
    names = ["torch", "triton"] if importlib.util.find_spec("triton") else ["torch"]
    if args.device == "cpu" and not kernels.paths.IS_INTERPRETING:
        names = ["torch"]
    told: dict[str, Any] = {"device": device_of(args.device), "sizes": vars(sizes)}
    told["ceilings"] = rates = ceilings(watch, args.device, args.tiny, sizes)
    print(f"products {rates['flops'] / 1e12:.0f} TFLOP/s, copies {rates['bytes'] / 1e12:.2f} TB/s", flush=True)
    told["errors"] = check(names, Sizes(**(TINY if args.tiny else EXACT), device=args.device))
    for what, errors in told["errors"].items():
        print(f"{what}: at most {max(errors.values()):.1e} from the dense maths in float64", flush=True)
    told["results"], told["not_measured"] = [], []

    def take(measured: Measured) -> None:
        told["results"].append(result := measure(measured, watch, rates))
        print(table([result]).split("\n", 2)[2], flush=True)
        Part("gpu", bars(told), told).write(args.out)  # a lent machine may be gone at any moment

    def free() -> None:
        gc.collect()
        if args.device == "cuda":
            torch.cuda.empty_cache()

    if "topk" in args.architectures:
        # With and without others, since these may need all the memory.
        take(gpu_cases.step_cases("topk", sizes, names, {}))
        free()
    for measured in gpu_cases.kernel_cases(sizes, names):
        take(measured)
    free()
    for name, make in {"dense": lambda: DenseTopK(sizes), **{name: _peer(name, sizes) for name in installed()}}.items():
        if not watch.has_time(60):
            told["not_measured"].append(f"topk step beside {name}")
            continue
        try:
            take(gpu_cases.step_cases("topk", sizes, names[-1:], {name: make()}))
        except torch.cuda.OutOfMemoryError:
            told["not_measured"].append(f"topk step beside {name}: the device's memory is full")
        free()
    for architecture in args.architectures:
        if not watch.has_time(40):
            told["not_measured"].append(architecture)
            continue
        for measured in gpu_cases.use_cases(architecture, sizes, names):
            take(measured)
        free()
        if architecture != "topk":
            take(gpu_cases.step_cases(architecture, sizes, names, {}))
            free()
    kernels.use("torch")
    return told


def _peer(name: str, sizes: Sizes) -> Callable[[], Any]:
    return lambda: PEERS[name](sizes.d_in, sizes.d_sae, sizes.k, sizes.batch, sizes.device)


def device_of(device: str) -> dict[str, Any]:
    told = {"torch": torch.__version__, "triton": None}
    if importlib.util.find_spec("triton"):
        import triton

        told["triton"] = triton.__version__
    return {**told, "name": torch.cuda.get_device_name() if device == "cuda" else "cpu"}


def bars(told: dict[str, Any]) -> list[Row]:
    """What the bars ask of a GPU: shares of the floor, and of the peers' times."""
    found = []
    for result in told["results"]:
        rows, floor = result["rows"], result["floor_ms"]
        own = next((name for name in ("triton", "torch") if name in rows), None)
        for name in ("torch", "triton"):
            is_bar = result["what"] in ("topk step", *KERNELS) or result["what"].endswith("decode")
            if name in rows:
                shares = spread(floor / each for each in rows[name]["rounds"])
                number = "11" if result["what"] == "topk step" else "12"
                told_ms, least = f"{rows[name]['ms'][0]:.3g} ms", 0.6 if is_bar and name == own else None
                found.append(bar_row(number, f"{result['what']} by {name}, share of its floor", told_ms,
                                     f"floor {floor:.3g} ms", shares, least=least))  # fmt: skip
        for name, least in (("sae_lens", 2.5), ("sparsify", 1.5)):
            if name in rows and own is not None:
                ratios = [b / a for a, b in zip(rows[own]["rounds"], rows[name]["rounds"], strict=True)]
                found.append(bar_row("11", f"{result['what']}, times {name}", f"{rows[own]['ms'][0]:.3g} ms",
                                     f"{rows[name]['ms'][0]:.3g} ms", spread(ratios), least=least))  # fmt: skip
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    parser.add_argument("--tiny", action="store_true", help="sizes for a test of this script")
    parser.add_argument("--architectures", nargs="+", default=list(ARCHITECTURES), choices=ARCHITECTURES)
    for name in FULL:
        parser.add_argument(f"--{name.replace('_', '-')}", type=int)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--minutes", type=float, default=7.5)
    parser.add_argument("--out", type=Path, help="folder for gpu.json and gpu.md")
    args = parser.parse_args()
    for name, value in (TINY if args.tiny else FULL).items():
        setattr(args, name, getattr(args, name) or value)
    if args.device == "cuda" and not torch.cuda.is_available():
        print("No CUDA device, so nothing to measure; --device cpu --tiny tries the script.")
        return
    told = run(args)
    text = table(told["results"])
    print(f"\n{text}\n\nnot measured: {', '.join(told['not_measured']) or 'nothing left out'}")
    Part("gpu", bars(told), told).tell(args.out)
    if args.out:
        (args.out / "gpu.md").write_text(f"{text}\n")


if __name__ == "__main__":
    main()
