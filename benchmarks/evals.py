"""Time of an evaluation beside SAELens': the same model, SAE, tokens and metrics.

    python benchmarks/evals.py                          # the bundled model and SAE; `make bench` sets SAELens up

Both get SAELens' own call, in processes of their own and in turns. Before anything is timed the metrics of both must
be equal. With SAELens' defaults its sparsity metrics see a tenth of the rows that its losses do; here both see all of
them, which is what our single pass does anyway.

Bar: half the time for cross-entropy, KL divergence, L0 and variance together.
"""

from typing import Any

from interleaved import Part, Side, bar_row, in_turns, parser_of, ratios, spread

N_ROWS, N_BATCHES, CONTEXT = 8, 4, 128
ASKED = {
    "cross-entropy, KL, L0, variance": [
        "compute_ce_loss",
        "compute_kl",
        "compute_sparsity_metrics",
        "compute_variance_metrics",
    ],
    "cross-entropy": ["compute_ce_loss"],
    "L0 and variance": ["compute_sparsity_metrics", "compute_variance_metrics"],
}
SAME = ("ce_loss_with_sae", "ce_loss_without_sae", "kl_div_with_sae", "l0", "explained_variance", "mse")
"""Scores are not the same: what they compare with differs (docs/differences.md)."""


def check(ours: dict[str, float], theirs: dict[str, float]) -> dict[str, tuple[float, float]]:
    """The metrics that both tell, ours first; ends with an error where they differ."""
    both = {name: (ours[name], theirs[name]) for name in SAME if name in ours and name in theirs}
    wrong = {name: pair for name, pair in both.items() if abs(pair[0] - pair[1]) > 1e-3 * abs(pair[1])}
    if wrong or len(both) < 5:
        raise SystemExit(f"The sides do not compute the same: {wrong or sorted({*ours} ^ {*theirs})}.")
    return both


def main() -> None:
    args = parser_of(__doc__, 5).parse_args()
    setup = {"asked": ASKED, "n_rows": N_ROWS, "n_batches": N_BATCHES, "threads": args.threads}
    with (
        Side("evals_side.py", {**setup, "side": "sae_widgets"}) as ours,
        Side("evals_side.py", {**setup, "side": "sae_lens"}, args.peers) as theirs,
    ):
        first = next(iter(ASKED))
        same = check(ours.ask(first)["value"], theirs.ask(first)["value"])
        part = Part("evals", details={"setup": setup, "metrics": same})
        for what in ASKED:
            cases: dict[str, Any] = {"ours": lambda w=what: ours.ask(w), "theirs": lambda w=what: theirs.ask(w)}
            found = in_turns(cases, args.rounds)
            part.details[what] = found
            ms = {name: f"{1e3 * spread(r['wall'] for r in rounds)[0]:,.0f} ms" for name, rounds in found.items()}
            tokens = f"{N_ROWS * N_BATCHES * CONTEXT:,} tokens"
            part.rows.append(
                bar_row(
                    "8",
                    f"evaluation of {tokens}: {what}",
                    ms["ours"],
                    f"SAELens {ms['theirs']}",
                    ratios(found["theirs"], found["ours"]),
                    least=2.0 if what == first else None,
                )
            )
    part.tell(args.out)


if __name__ == "__main__":
    main()
