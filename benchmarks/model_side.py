"""The language model's part of the work, on the bundled model: harvest against a forward, writing against generate.

    python benchmarks/model_side.py                 # CPU time, one thread, in turns

harvest     activations of one batch of rows, against the model's own forward of the same rows up to the hook
batches     the same tokens through rows, forward and mixing buffer
writing     a token, and the first one after a prompt: `generate_stream` against transformer-lens' `generate` with its
            cache of keys and values; and steered against not

Bars: harvest at least 95 % of the bare forward's speed; writing at least 3 times transformer-lens', steered at most
5 % slower; the same tokens with and without a cache.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from interleaved import Part, Row, bar_row, in_turns, parser_of, ratios, spread
from sides.answers import timed

import sae_widgets as sw
from sae_widgets.activations.documents import open_documents
from sae_widgets.activations.settings import StoreSettings
from sae_widgets.activations.store import ActivationsStore
from sae_widgets.steering import FeatureSteer, generate_stream

PROMPT = "Once upon a time there was a little girl who"
Figures = dict[str, list[dict[str, Any]]]


def measured(cases: dict[str, Callable[[], Any]], n_rounds: int) -> Figures:
    """Seconds of each case, round by round."""
    return in_turns({name: partial(timed, case) for name, case in cases.items()}, n_rounds)


def ms(rounds: list[dict[str, Any]], n: int = 1) -> str:
    return f"{1e3 * spread(each['wall'] for each in rounds)[0] / n:,.1f} ms"


def harvest(model: Any, hook: str, n_rounds: int) -> tuple[Figures, list[Row]]:
    settings = StoreSettings(
        hook, context_size=128, store_batch_size_prompts=32, train_batch_size_tokens=4096, n_batches_in_buffer=8
    )
    store = ActivationsStore(model, open_documents("demo"), settings)
    tokens = store.get_batch_tokens()
    layer = int(hook.split(".")[1])
    for _ in range(settings.n_batches_in_buffer):
        store.next_batch()
    with torch.no_grad():
        bare = model(tokens, stop_at_layer=layer, return_type=None)
        torch.testing.assert_close(store.get_activations(tokens), bare, rtol=1e-4, atol=1e-4)
        found = measured(
            {
                "bare": lambda: model(tokens, stop_at_layer=layer, return_type=None),
                "harvest": lambda: store.get_activations(tokens),
                "batches": store.next_batch,
            },
            n_rounds,
        )
    rows = [
        bar_row(
            "7",
            f"{what}, share of the bare forward's speed ({hook})",
            ms(found[name]),
            f"bare forward {ms(found['bare'])}",
            ratios(found["bare"], found[name]),
            least=least,
        )
        for what, name, least in (
            ("harvest of 4,096 tokens", "harvest", 0.95),
            ("tokenised, harvested and mixed", "batches", None),
        )
    ]
    return found, rows


def writing(model: Any, sae: Any, n_rounds: int, n_tokens: int) -> tuple[Figures, list[Row]]:
    def ours(n: int, steers: tuple[FeatureSteer, ...] = ()) -> list[int]:
        return [each.token_id for each in generate_stream(model, sae, PROMPT, steers, max_new_tokens=n, temperature=0)]

    def theirs(n: int, use_cache: bool = True) -> list[int]:
        tokens = model.to_tokens(PROMPT)
        out = model.generate(
            tokens, max_new_tokens=n, do_sample=False, use_past_kv_cache=use_cache, verbose=False, return_type="tokens"
        )
        return out[0, tokens.shape[1] :].tolist()

    written = ours(n_tokens)
    if written != theirs(len(written), use_cache=False):
        raise SystemExit("A cache changes what is written.")
    n, steer = len(written), (FeatureSteer(0, 1e-6),)
    with torch.no_grad():
        found = measured(
            {
                "first": lambda: ours(1),
                "their first": lambda: theirs(1),
                "all": lambda: ours(n),
                "their all": lambda: theirs(n),
                "steered": lambda: ours(n, steer),
            },
            n_rounds,
        )
    peer = "transformer-lens"
    rows = [
        bar_row("9", "first token after a prompt", ms(found["first"]), f"{peer} {ms(found['their first'])}",
                ratios(found["their first"], found["first"]), least=3.0),
        bar_row("9", f"a token of {n}", ms(found["all"], n), f"{peer} {ms(found['their all'], n)}",
                ratios(found["their all"], found["all"]), least=3.0),
        bar_row("9", "steered, times unsteered", ms(found["steered"], n), f"unsteered {ms(found['all'], n)}",
                ratios(found["steered"], found["all"]), most=1.05),
    ]  # fmt: skip
    return found, rows


def main() -> None:
    parser = parser_of(__doc__, 7)
    parser.set_defaults(threads=1)
    parser.add_argument("--tokens", type=int, default=48)
    parser.add_argument("--hook", default="blocks.2.hook_resid_pre")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    model, sae = sw.load_demo()
    part = Part("model_side")
    for name, (found, rows) in (
        ("harvest", harvest(model, args.hook, args.rounds)),
        ("writing", writing(model, sae, args.rounds, args.tokens)),
    ):
        part.details[name] = found
        part.rows += rows
    part.tell(args.out)


if __name__ == "__main__":
    main()
