"""Training from text to SAE, beside SAELens' own runner: tokens per second with forwards, mixing and all else.

    python benchmarks/end_to_end.py                     # the bundled model; `make bench` sets SAELens up

Same model, texts, sizes, settings and first weights: a topk SAE, 192 -> 4,096 features, k 32, batches of 4,096 tokens,
one forward of 32 rows of 128 tokens for each, a mixing buffer of eight of them. Before anything is timed the first
tokens must be the same, their activations as long, and the losses of three steps on unmixed batches equal.

Each side is a process with an interpreter of its own and is held up after every four steps, which is how often SAELens
fills its buffer; then it is the other's turn. The first eight steps fill buffers and are left out.

Bar: 3.5 times the tokens per second.
"""

from typing import Any

from interleaved import Part, Side, bar_row, parser_of, ratios, spread

CHUNK = 4
N_WARM_UP = 2
"""Chunks that fill the buffers."""


def setup_of(args: Any) -> dict[str, Any]:
    cfg = {
        "model_name": "demo", "hook_name": args.hook, "context_size": 128, "store_batch_size_prompts": 32,
        "train_batch_size_tokens": 4096, "training_tokens": 4096 * 10_000, "lr": 3e-4, "seed": 42,
    }  # fmt: skip
    sae = {"d_in": 192, "d_sae": args.d_sae, "k": args.k}
    return {"cfg": cfg, "sae": sae, "n_forwards_in_buffer": 8, "chunk": CHUNK, "threads": args.threads}


def check(found: dict[str, dict[str, Any]]) -> None:
    ours, theirs = (found[name]["value"] for name in ("sae_widgets", "sae_lens"))
    if ours["tokens"] != theirs["tokens"]:
        raise SystemExit("The sides do not read the same tokens.")
    pairs = zip([ours["norm"], *ours["losses"]], [theirs["norm"], *theirs["losses"]], strict=True)
    if any(abs(one / other - 1) > 1e-3 for one, other in pairs):
        raise SystemExit(f"The sides do not compute the same: {ours['losses']}, {theirs['losses']}.")


def main() -> None:
    parser = parser_of(__doc__, 5)
    parser.add_argument("--hook", default="blocks.2.hook_resid_pre")
    parser.add_argument("--d-sae", type=int, default=4096)
    parser.add_argument("--k", type=int, default=32)
    args = parser.parse_args()
    setup = setup_of(args)
    with (
        Side("train_side.py", {**setup, "side": "sae_widgets"}) as ours,
        Side("train_side.py", {**setup, "side": "sae_lens"}, args.peers) as theirs,
    ):
        sides = {"sae_widgets": ours, "sae_lens": theirs}
        checked = {name: side.ask("check") for name, side in sides.items()}
        check(checked)
        rounds: dict[str, list[dict[str, Any]]] = {name: [] for name in sides}
        for turn in range(N_WARM_UP + args.rounds):
            for name, side in sides.items():
                found = side.ask("steps")
                if turn >= N_WARM_UP:
                    rounds[name].append(found)
    mine, other = rounds.values()
    n_tokens = CHUNK * setup["cfg"]["train_batch_size_tokens"]
    speed = {name: spread(n_tokens / each["wall"] for each in found) for name, found in rounds.items()}
    peak = {name: found[-1]["mib"] for name, found in rounds.items()}
    sizes = f"192 → {args.d_sae:,}, k {args.k}"
    part = Part("end_to_end", details={"setup": setup, "tokens_per_s": speed, "rounds": rounds})
    part.rows = [
        bar_row(
            "6",
            f"training on the demo model, topk {sizes}: {what}",
            f"{speed['sae_widgets'][0]:,.0f} tokens/s",
            f"SAELens {speed['sae_lens'][0]:,.0f} tokens/s",
            ratios(other, mine, key),
            least=3.5,
        )
        for what, key in (("CPU time", "cpu"), ("wall time", "wall"))
    ]
    shares = [peak["sae_lens"] / peak["sae_widgets"]] * 3
    part.rows.append(
        bar_row("", "peak memory of it", f"{peak['sae_widgets']:,.0f} MiB", f"{peak['sae_lens']:,.0f} MiB", shares)
    )
    part.tell(args.out)


if __name__ == "__main__":
    main()
