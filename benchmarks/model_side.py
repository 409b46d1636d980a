"""The language model's part of the work: harvest against a forward, writing against transformer-lens' generate.

    python benchmarks/model_side.py                 # CPU seconds, one thread, in turns; medians (least - most)

harvest     activations of one batch of rows, against the model's own forward of the same rows up to the hook
batches     the same tokens through rows, forward and mixing buffer
writing     the first token after a prompt, and each one more: `generate_stream` against transformer-lens' `generate`
            with its cache of keys and values, on the bundled model and on one of six million parameters; steered
            without and with the unsteered model beside it, against unsteered

Before anything is timed the tokens are compared: ours, and steered ones with the model run with hooks and no cache.

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
from sae_widgets.steering import FeatureSteer, generate_stream, steering_hook

PROMPT = "Once upon a time there was a little girl who"
Figures = dict[str, list[dict[str, Any]]]


def measured(cases: dict[str, Callable[[], Any]], n_rounds: int) -> Figures:
    """Seconds of each case, round by round."""
    return in_turns({name: partial(timed, case) for name, case in cases.items()}, n_rounds)


def ms(rounds: list[dict[str, Any]], n: int = 1) -> str:
    return f"{1e3 * spread(each['wall'] for each in rounds)[0] / n:,.2f} ms"


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


def six_million() -> Any:
    """A Llama of drawn weights, with the bundled tokenizer."""
    from transformers import LlamaConfig, LlamaForCausalLM

    demo = sw.load_model("demo")
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=demo.cfg.d_vocab, hidden_size=256, intermediate_size=704, num_hidden_layers=6, num_attention_heads=8,
        max_position_embeddings=256, tie_word_embeddings=True, bos_token_id=0, eos_token_id=0, pad_token_id=0,
        initializer_range=0.1,
    )  # fmt: skip
    return sw.load_model(LlamaForCausalLM(config).eval(), tokenizer=demo.tokenizer)


def sae_for(model: Any) -> Any:
    """An SAE of drawn weights in the middle of the model."""
    cfg = sw.TopKSAEConfig(d_in=model.cfg.d_model, d_sae=2048, k=16)
    cfg.metadata.hook_name = f"blocks.{model.cfg.n_layers // 2}.hook_resid_pre"
    return sw.SAE.from_config(cfg)


def without_a_cache(model: Any, sae: Any, n_tokens: int, steers: tuple[FeatureSteer, ...]) -> list[int]:
    """What the model writes when it is run anew, hooks and all, for each token."""
    tokens, written = model.to_tokens(PROMPT), []
    hooks = [(sae.cfg.metadata.hook_name, steering_hook(sae, steers))] if steers else []
    while len(written) < n_tokens:
        written.append(int(model.run_with_hooks(tokens, fwd_hooks=hooks)[0, -1].argmax()))
        tokens = torch.cat([tokens, torch.tensor([written[-1:]])], dim=1)
    return written


@torch.no_grad()
def writing(model: Any, sae: Any, n_rounds: int, n_tokens: int) -> tuple[Figures, list[Row]]:
    steers = (FeatureSteer(0, 2.0),)

    def ours(n: int, steers: tuple[FeatureSteer, ...] = (), compare: bool = False) -> list[int]:
        settings = {"max_new_tokens": n, "temperature": 0, "compare": compare}
        return [each.token_id for each in generate_stream(model, sae, PROMPT, steers, **settings)]

    def theirs(n: int) -> list[int]:
        tokens = model.to_tokens(PROMPT)
        out = model.wrapped.generate(
            tokens, max_new_tokens=n, do_sample=False, use_past_kv_cache=True, verbose=False, return_type="tokens"
        )
        return out[0, tokens.shape[1] :].tolist()

    written, steered = ours(n_tokens), ours(n_tokens, steers)
    for text, of in ((written, ()), (steered, steers)):
        if text != without_a_cache(model, sae, len(text), of):
            raise SystemExit("A cache changes what is written.")
    if steered != ours(n_tokens, steers, compare=True):
        raise SystemExit("Comparing changes what is written.")
    n = min(len(written), len(steered))
    found = measured(
        {
            "first": lambda: ours(1),
            "all": lambda: ours(n),
            "steered first": lambda: ours(1, steers),
            "steered all": lambda: ours(n, steers),
            "compared first": lambda: ours(1, steers, compare=True),
            "compared all": lambda: ours(n, steers, compare=True),
            "their first": lambda: theirs(1),
            "their all": lambda: theirs(n),
        },
        n_rounds,
    )
    for who in ("", "steered ", "compared ", "their "):
        pairs = zip(found[f"{who}all"], found[f"{who}first"], strict=True)
        found[f"{who}each"] = [
            {unit: (every[unit] - first[unit]) / (n - 1) for unit in ("cpu", "wall")} for every, first in pairs
        ]
    size = f"{sum(each.numel() for each in model.parameters()) / 1e6:.1f} million parameters"
    rows = []
    for what, told in (("first", f"first token after a prompt, {size}"), ("each", f"each of {n - 1} more, {size}")):
        unsteered, steered_one = f"unsteered {ms(found[what])}", ms(found[f"steered {what}"])
        theirs_one = f"transformer-lens {ms(found[f'their {what}'])}"
        rows += [
            bar_row("9", told, ms(found[what]), theirs_one, ratios(found[f"their {what}"], found[what]), least=3.0),
            bar_row("9", f"{told}, steered", steered_one, theirs_one,
                    ratios(found[f"their {what}"], found[f"steered {what}"]), least=3.0),
            bar_row("9", f"{told}, steered times unsteered", steered_one, unsteered,
                    ratios(found[f"steered {what}"], found[what]), most=1.05),
            bar_row("", f"{told}, steered and compared times unsteered", ms(found[f"compared {what}"]), unsteered,
                    ratios(found[f"compared {what}"], found[what])),
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
    larger = six_million()
    part = Part("model_side")
    for name, (found, rows) in (
        ("harvest", harvest(model, args.hook, args.rounds)),
        ("writing", writing(model, sae, args.rounds, args.tokens)),
        ("writing, six million parameters", writing(larger, sae_for(larger), args.rounds, args.tokens)),
    ):
        part.details[name] = found
        part.rows += rows
    part.tell(args.out)


if __name__ == "__main__":
    main()
