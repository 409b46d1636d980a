"""How the cost of a TopK training step grows: with tokens, d_sae, k and the number of SAEs, here and in SAELens.

    python benchmarks/curves.py --out build/bench              # all four curves; `make bench` sets SAELens up
    python benchmarks/curves.py --vary d_sae 12288 24576 49152 --vary k 16 64 --sides sae_widgets

One thing is varied at a time, the others stay what `--d-in`, `--batch`, `--k` and the first d_sae say; how each point
is measured is told in `steps.py`. With `n_saes` as many equal SAEs take a step on the same tokens.
"""

import argparse
from pathlib import Path
from typing import Any

from interleaved import Part, Row, parser_of, ratios, spread
from steps import measure, products, seconds

VARIED = ("batch", "d_sae", "k", "n_saes")
CURVES = [
    ["batch", "512", "1024", "2048", "4096"],
    ["d_sae", "6144", "12288", "24576", "49152"],
    ["k", "8", "32", "128"],
    ["n_saes", "1", "2", "4"],
]


def point_of(what: str, value: int, args: argparse.Namespace) -> tuple[list[Row], dict[str, Any]]:
    """A line for each side, and a point of the curve."""
    point = argparse.Namespace(**{**vars(args), what: [value] if what == "d_sae" else value})
    sides = measure("topk", point.d_sae[0], point)
    (_, own), *_ = sides.items()
    rows, figures = [], {}
    for name, side in sides.items():
        ms = 1e3 * spread(each["wall"] for each in seconds(side, "step"))[0]
        times = ratios(seconds(side, "step"), seconds(own, "step"))
        in_products = products(side, "step")
        figures[name] = {"ms": ms, "products": in_products, "times_ours": times, "peak_mib": side["peak_mib"]}
        told = f"{ms:,.0f} ms, {in_products[0]:.2f} products, {side['peak_mib']:,} MiB"
        rows.append(Row("2" if what == "d_sae" else "", f"topk step, {what} {value:,}, {name}", told, "", times))
    return rows, figures


def main() -> None:
    parser = parser_of(__doc__, 3)
    parser.add_argument("--vary", nargs="+", action="append", metavar="NAME VALUE", help="a curve and its points")
    parser.add_argument("--sides", nargs="+", default=["sae_widgets", "sae_lens"])
    parser.add_argument("--d-in", type=int, default=768)
    parser.add_argument("--d-sae", type=int, nargs=1, default=[12_288])
    parser.add_argument("--batch", type=int, default=2048)
    parser.add_argument("--k", type=int, default=32)
    parser.set_defaults(n_saes=1, l0=0.0)
    args = parser.parse_args()
    if not Path(args.peers).exists() and args.sides != ["sae_widgets"]:
        raise SystemExit(f"No peers at {args.peers}: `make bench` installs them; or give --sides sae_widgets.")
    part = Part("curves")
    for what, *values in args.vary or CURVES:
        if what not in VARIED:
            parser.error(f"--vary takes one of {', '.join(VARIED)} and its values; got {what!r}.")
        for value in map(int, values):
            rows, part.details.setdefault(what, {})[str(value)] = point_of(what, value, args)
            Part("curves", rows).tell(None)
            part.rows += rows
    part.write(args.out)


if __name__ == "__main__":
    main()
