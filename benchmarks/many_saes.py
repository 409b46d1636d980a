"""Many SAEs on one forward pass, beside as many runs of SAELens one after the other, and beside their own parts.

    python benchmarks/many_saes.py                      # 8 SAEs; `make bench` sets SAELens up

Same model, texts, sizes and settings as `end_to_end.py`, which says what is checked first. Three processes take turns
of four steps: one SAE here, all of them here, one in SAELens' runner. Of the run of one it is told what the gathering
of activations took (forwards, buffer) and what the step.

Bars: together they cost no more than one gathering and as many steps; a quarter of as many runs of SAELens.
"""

from typing import Any

from end_to_end import CHUNK, N_WARM_UP, check, setup_of
from interleaved import Part, Side, bar_row, parser_of, spread


def main() -> None:
    parser = parser_of(__doc__, 4)
    parser.add_argument("--n-saes", type=int, default=8)
    parser.add_argument("--hook", default="blocks.2.hook_resid_pre")
    parser.add_argument("--d-sae", type=int, default=1536)
    parser.add_argument("--k", type=int, default=32)
    args = parser.parse_args()
    setup, n = setup_of(args), args.n_saes
    with (
        Side("train_side.py", {**setup, "side": "sae_widgets"}) as one,
        Side("train_side.py", {**setup, "side": "sae_widgets", "n_saes": n}) as many,
        Side("train_side.py", {**setup, "side": "sae_lens"}, args.peers) as theirs,
    ):
        check({"sae_widgets": one.ask("check"), "sae_lens": theirs.ask("check")})
        sides = {"one": one, "many": many, "theirs": theirs}
        rounds: dict[str, list[dict[str, Any]]] = {name: [] for name in sides}
        for turn in range(N_WARM_UP + args.rounds):
            for name, side in sides.items():
                found = side.ask("steps")
                if turn >= N_WARM_UP:
                    rounds[name].append(found)
    n_tokens = CHUNK * setup["cfg"]["train_batch_size_tokens"]
    speed = {name: spread(n_tokens / each["wall"] for each in found)[0] for name, found in rounds.items()}
    triples = list(zip(rounds["one"], rounds["many"], rounds["theirs"], strict=True))
    runs = spread(n * theirs["cpu"] / many["cpu"] for _, many, theirs in triples)
    parts = [(own["value"]["gathering_cpu"], own["cpu"], many["cpu"]) for own, many, _ in triples]
    whole = spread(many / (gathering + n * (own - gathering)) for gathering, own, many in parts)
    told = f"{speed['many']:,.0f} tokens/s for all"
    part = Part("many_saes", details={"setup": setup, "n_saes": n, "tokens_per_s": speed, "rounds": rounds})
    part.rows = [
        bar_row("10", f"{n} SAEs on one hook, CPU time of {n} runs of SAELens / ours", told,
                f"SAELens {speed['theirs'] / n:,.0f} tokens/s", runs, least=4.0),
        bar_row("10", f"{n} SAEs on one hook, CPU time / one gathering and {n} steps", told,
                f"one alone {speed['one']:,.0f} tokens/s", whole, most=1.0),
    ]  # fmt: skip
    part.tell(args.out)


if __name__ == "__main__":
    main()
