"""What a training step, an encode and a decode cost, here and in the peers: in encoder products, in one run.

    python benchmarks/steps.py                                        # all architectures; `make bench` sets peers up
    python benchmarks/steps.py --architectures topk --d-sae 12288 24576 49152    # one, and wider
    python benchmarks/steps.py --sides sae_widgets --threads 1        # without peers

Each side is a process of its own and is asked in turn, so that all meet the same load of the machine. The unit is one
fp32 `x @ W_enc` of the same size in the same process and round, in CPU time. Before anything is timed the first
step's error must be the same on all sides. Figures: median over rounds (least - most).

Weights: unit decoder rows drawn at random, the encoder their transpose; for ReLU's kin a bias (a threshold) at which L0
is `--l0`; `-start` means that without one, half of all features active, as at the start of a training.
Peak: resident memory above that before the SAE is made.
"""

import argparse
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import torch
from interleaved import Part, Row, Side, bar_row, parser_of, ratios, spread
from safetensors.torch import save_file

ARCHITECTURES = ("topk", "batchtopk", "matryoshka", "abstopk", "standard", "gated", "jumprelu")
STARTS = tuple(f"{name}-start" for name in ARCHITECTURES[4:])
KNOWN = {"sparsify": ("topk",), "dictionary_learning": ("topk", "batchtopk")}
"""What peers are compared in; the others in everything."""
OWN = ("sae_widgets", "before")
NO_SLOWER = 0.87
"""What `before` took has to be at least so much of what is taken now."""
Case = tuple[str, int]
"""Architecture and d_sae."""
BARS = {"topk": 1.8, "batchtopk": 1.9, "matryoshka": 2.5, "standard": 1.9, "gated": 2.8, "jumprelu": 2.2}


def make_weights(architecture: str, d_sae: int, args: argparse.Namespace, file: Path) -> None:
    generator = torch.Generator().manual_seed(0)
    W_dec = torch.nn.functional.normalize(torch.randn(d_sae, args.d_in, generator=generator))
    x = torch.randn(args.batch, args.d_in, generator=generator)
    floor = 0.0
    if architecture in ARCHITECTURES[4:]:
        some = (x[:256] @ W_dec.T).flatten()
        floor = some.topk(int(args.l0 * 256)).values[-1].item()
    bias = torch.full((d_sae,), -floor)
    weights = {"x": x, "W_enc": W_dec.T.contiguous(), "W_dec": W_dec}
    if architecture.startswith("jumprelu"):
        weights["threshold"] = -bias if floor else torch.full_like(bias, 0.01)
    else:
        weights |= {"b_enc": bias, "b_gate": bias.clone(), "b_mag": bias.clone()}
    save_file(weights, file)


def measure(cases: list[Case], names: list[str], args: argparse.Namespace) -> dict[Case, dict[str, Any]]:
    """Seconds of every side of each case, round by round, by side; and its peak. Cases take turns like sides."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        sides = {
            case: _sides(case, names, args, Path(folder, f"{i}.safetensors"), stack) for i, case in enumerate(cases)
        }
        found = {case: _begun(case, sides[case]) for case in cases}
        for _ in range(args.rounds):
            for (architecture, d_sae), of_case in sides.items():
                for name, side in of_case.items():
                    row = {what: side.ask(what) for what in ("product", "step", *_extras(architecture, name))}
                    found[architecture, d_sae][name]["rounds"].append(row)
    return found


def _sides(case: Case, names: list[str], args: argparse.Namespace, weights: Path, stack: ExitStack) -> dict[str, Side]:
    architecture, d_sae = case
    make_weights(architecture, d_sae, args, weights)
    setup = {name: getattr(args, name) for name in ("d_in", "batch", "k", "n_saes", "threads")}
    setup |= {"architecture": architecture, "weights": str(weights), "d_sae": d_sae}
    sides = {}
    for name in names:
        python = sys.executable if name in OWN else args.peers
        path = args.before if name == "before" else None
        sides[name] = stack.enter_context(Side("step_side.py", {**setup, "side": name}, python, path))
    return sides


def _begun(case: Case, sides: dict[str, Side]) -> dict[str, Any]:
    """What the first step gives, which has to be the same on all sides; and each side's peak after the second."""
    errors = {name: side.ask("step")["value"] for name, side in sides.items()}
    first, *_ = errors
    for name, error in errors.items():
        if abs(error / errors[first] - 1) > 1e-4:
            raise SystemExit(f"{case}: {name} does not compute what {first} does: {errors}.")
    found: dict[str, Any] = {}
    for name, side in sides.items():
        side.ask("step")
        if not case[0].endswith("-start"):
            side.ask("prepare")
        found[name] = {"loss": errors[name], "peak_mib": round(side.ask("peak")["mib"]), "rounds": []}
    return found


def _extras(architecture: str, side: str) -> tuple[str, ...]:
    if architecture.endswith("-start"):
        return ()
    return ("encode", "decode", *(("encode_sparse",) if side == "sae_widgets" else ()))


def seconds(side: dict[str, Any], what: str) -> list[dict[str, float]]:
    """What each round took."""
    return [each[what] for each in side["rounds"]]


def told(side: dict[str, Any], what: str = "step") -> str:
    """Its time, and how many encoder products of its own process that is."""
    wall = spread(each["wall"] for each in seconds(side, what))[0]
    return f"{1e3 * wall:,.0f} ms, {products(side, what)[0]:.2f} products"


def products(side: dict[str, Any], what: str) -> list[float]:
    return ratios(seconds(side, what), seconds(side, "product"))


def times(sides: dict[str, Any], name: str) -> list[float]:
    """By how much a step of `name` takes longer than ours, round by round."""
    own, other = next(iter(sides.values())), sides[name]
    return [b["cpu"] / a["cpu"] for a, b in zip(seconds(own, "step"), seconds(other, "step"), strict=True)]


def rows_of(architecture: str, d_sae: int, sides: dict[str, Any], narrow: dict[str, Any]) -> list[Row]:
    """Lines of the table; `narrow` is what was found at the first width."""
    (_, own), *others = sides.items()
    is_wider = sides is not narrow
    what = f"{architecture} step" + (f" at {d_sae:,}" if is_wider else "")
    product = f"product {1e3 * spread(each['wall'] for each in seconds(own, 'product'))[0]:,.0f} ms"
    is_start, is_topk = architecture.endswith("-start"), architecture == "topk"
    number = "1" if is_topk else "3" if "top" in architecture or architecture == "matryoshka" else "4"
    number = "2" if is_wider else number
    rows = [bar_row(number, f"{what}, encoder products", told(own), product, products(own, "step"),
                    most=None if is_wider else BARS.get(architecture))]  # fmt: skip
    for name, side in others:
        least = 1.0 if is_start else None if is_wider or not is_topk else {"sae_lens": 6.0, "sparsify": 2.0}.get(name)
        least = NO_SLOWER if name == "before" else least
        rows.append(bar_row(number, f"{what}, times {name}", told(own), f"{name} {told(side)}",
                            ratios(seconds(side, "step"), seconds(own, "step")), least=least))  # fmt: skip
        if is_wider and name != "before":
            changes = [wide / first for wide, first in zip(times(sides, name), times(narrow, name), strict=True)]
            # "Does not fall", as far as a median of rounds can tell.
            rows.append(bar_row(number, f"{what}, times {name}, over that at the first width", "", "",
                                spread(changes), least=0.95))  # fmt: skip
        if name == "sae_lens":
            memory = [side["peak_mib"] / max(own["peak_mib"], 1)] * 3
            row = bar_row(number, f"{what}, peak memory", f"{own['peak_mib']:,} MiB",
                          f"{name} {side['peak_mib']:,} MiB", memory, least=3.0 if is_topk else None)  # fmt: skip
            rows.append(row)
    if is_topk and not is_wider:
        for part, bar in (("encode_sparse", 1.3), ("encode", 1.3), ("decode", 0.06)):
            if part in own["rounds"][0]:
                name = {"encode": "encode, [batch, d_sae] out"}.get(part, part.replace("_", " "))
                rows.append(bar_row("5", f"topk {name}, encoder products", told(own, part), product,
                                    products(own, part), most=bar))  # fmt: skip
    return rows


def told_rows(cases: dict[Case, dict[str, Any]], found: dict[Case, dict[str, Any]]) -> list[Row]:
    """Their lines, printed; `found` holds the first width besides."""
    rows: list[Row] = []
    for (architecture, d_sae), sides in cases.items():
        part = Part("steps", rows_of(architecture, d_sae, sides, next(iter(found.values()))))
        part.tell(None)
        rows += part.rows
    return rows


def main() -> None:
    parser = parser_of(__doc__, 5)
    parser.add_argument("--architectures", nargs="+", default=[*ARCHITECTURES, *STARTS])
    parser.add_argument("--sides", nargs="+", default=["sae_widgets", "sae_lens", "sparsify", "dictionary_learning"])
    parser.add_argument("--d-in", type=int, default=768)
    parser.add_argument("--d-sae", type=int, nargs="+", default=[12_288], help="the first of all, the others of topk")
    parser.add_argument("--batch", type=int, default=2048)
    parser.add_argument("--k", type=int, default=32)
    parser.add_argument("--n-saes", type=int, default=1, help="equal ones, which take a step each on the same tokens")
    parser.add_argument("--l0", type=float, default=60.0, help="of ReLU's kin")
    parser.add_argument("--part", default="steps", help="name of the file of figures")
    parser.add_argument("--before", type=Path, help="folder of another revision, which is one more side")
    args = parser.parse_args()
    if args.before is not None:
        args.sides = ["sae_widgets", "before", *args.sides[1:]]
    if not Path(args.peers).exists() and not set(args.sides) <= set(OWN):
        raise SystemExit(f"No peers at {args.peers}: `make bench` installs them; or give --sides sae_widgets.")
    whole = Part(args.part)
    for name in args.architectures:
        sides = [side for side in args.sides if name in KNOWN.get(side, (name,))]
        found = measure([(name, args.d_sae[0])], sides, args)
        whole.rows += told_rows(found, found)
        whole.details |= {f"{name} {args.d_sae[0]}": each for each in found.values()}
    if "topk" in args.architectures and len(args.d_sae) > 1:
        # All widths in one group: how the ratio changes is told within rounds. By themselves, since many processes
        # take more from each other's caches than few.
        found = measure([("topk", d_sae) for d_sae in args.d_sae], [side for side in args.sides if side not in KNOWN],
                        args)  # fmt: skip
        wider = {case: sides for case, sides in found.items() if case[1] != args.d_sae[0]}
        whole.rows += told_rows(wider, found)
        whole.details |= {f"{name} {d_sae}, by width": sides for (name, d_sae), sides in found.items()}
    whole.write(args.out)


if __name__ == "__main__":
    main()
