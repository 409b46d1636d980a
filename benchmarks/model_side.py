"""The language model's part of the work: harvest against a forward, writing against transformer-lens' generate.

    python benchmarks/model_side.py                 # CPU seconds, one thread, in turns; medians (least - most)

harvest     activations of one batch of rows, against the model's own forward of the same rows up to the hook
batches     the same tokens through rows, forward and mixing buffer
writing     the first token after a prompt that is new, and each one more: `generate_stream` against
            transformer-lens' `generate` with its cache of keys and values, on the bundled model and on one of six
            million parameters; steered without and with the unsteered model beside it, against unsteered
slider      the first token after a prompt of a hundred tokens that comes again with another strength, against the first
            time

Before anything is timed the tokens are compared: ours, and steered ones with the model run with hooks and no cache;
those of a prompt that comes again with those of its first time.

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
from sae_widgets.lean import forget
from sae_widgets.steering import FeatureSteer, generate_stream, steering_hook

PROMPTS = (
    "Once upon a time there was a little girl who",
    "Once upon a time there was a young boy who",
    "One day a big dog went to the park with",
    "There was a small cat who liked to play in",
    "Tom and Lily had a red ball and they would",
)
"""Eleven tokens each. They take turns, since what comes again need not be run from the start."""
LONG = (
    "Once upon a time there was a little girl who lived in a small house near the forest with her mother and her big "
    "brown dog. Every day she walked to the river to play with the fish, and every night she told her mother about "
    "them. One day the dog ran away, and the girl was very sad. She looked for him under the trees, behind the house "
    "and near the river, but he was not there. Then she heard a sound, and she ran to the big tree"
)
"""A hundred tokens."""
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
    tokens, written = model.to_tokens(PROMPTS[0]), []
    hooks = [(sae.cfg.metadata.hook_name, steering_hook(sae, steers))] if steers else []
    while len(written) < n_tokens:
        written.append(int(model.run_with_hooks(tokens, fwd_hooks=hooks)[0, -1].argmax()))
        tokens = torch.cat([tokens, torch.tensor([written[-1:]])], dim=1)
    return written


STEERS = (FeatureSteer(0, 2.0),)


class Writers:
    """Ours and transformer-lens' way to write with one model; the likeliest token each time."""

    def __init__(self, model: Any, sae: Any) -> None:
        self.model, self.sae = model, sae

    def ours(self, n: int, steers: Any = (), compare: bool = False, prompt: str = PROMPTS[0]) -> list[int]:
        settings = {"max_new_tokens": n, "temperature": 0, "compare": compare}
        return [each.token_id for each in generate_stream(self.model, self.sae, prompt, steers, **settings)]

    def theirs(self, n: int, prompt: str = PROMPTS[0]) -> list[int]:
        tokens = self.model.to_tokens(prompt)
        out = self.model.wrapped.generate(
            tokens, max_new_tokens=n, do_sample=False, use_past_kv_cache=True, verbose=False, return_type="tokens"
        )
        return out[0, tokens.shape[1] :].tolist()

    def first(self, prompt: str) -> list[int]:
        """The first token of a prompt as if it were new."""
        forget(self.model)
        return self.ours(1, STEERS, prompt=prompt)

    def check(self, n_tokens: int) -> int:
        """How many tokens both texts have, if they are as they should be."""
        written, steered = self.ours(n_tokens), self.ours(n_tokens, STEERS)
        for text, of in ((written, ()), (steered, STEERS)):
            if text != without_a_cache(self.model, self.sae, len(text), of):
                raise SystemExit("A cache changes what is written.")
        if any(steered != self.ours(n_tokens, STEERS) for _ in range(3)):
            raise SystemExit("What is kept of a prompt changes what is written.")
        if steered != self.ours(n_tokens, STEERS, compare=True):
            raise SystemExit("Comparing changes what is written.")
        return min(len(written), len(steered))


@torch.no_grad()
def writing(model: Any, sae: Any, n_rounds: int, n_tokens: int) -> tuple[Figures, list[Row]]:
    it = Writers(model, sae)
    n = it.check(n_tokens)
    ways: dict[str, Callable[..., Any]] = {
        "": it.ours,
        "steered ": partial(it.ours, steers=STEERS),
        "compared ": partial(it.ours, steers=STEERS, compare=True),
        "their ": it.theirs,
    }
    cases: dict[str, Callable[[], Any]] = {}
    for who, way in ways.items():
        cases[f"{who}first"] = lambda way=way: [way(1, prompt=prompt) for prompt in PROMPTS]
        cases[f"{who}all"] = partial(way, n)
    cases |= {
        "long first": partial(it.first, LONG),
        "long again": partial(it.ours, 1, (FeatureSteer(0, 3.0),), prompt=LONG),
        "long moved": partial(it.ours, 1, (FeatureSteer(0, 4.0),), prompt=LONG),
        "their long first": partial(it.theirs, 1, LONG),
    }
    found = measured(cases, n_rounds)
    for who in ways:
        for each in found[f"{who}first"]:
            each.update({unit: each[unit] / len(PROMPTS) for unit in ("cpu", "wall")})
        pairs = zip(found[f"{who}all"], found[f"{who}first"], strict=True)
        found[f"{who}each"] = [
            {unit: (every[unit] - first[unit]) / (n - 1) for unit in ("cpu", "wall")} for every, first in pairs
        ]
    size = sum(each.numel() for each in model.parameters()) / 1e6
    return found, writing_rows(found, n, f"{size:.1f} million parameters")


def writing_rows(found: Figures, n: int, size: str) -> list[Row]:
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
    told, moved = f"first token after a prompt of 100 tokens, {size}", found["long moved"]
    theirs_long, anew = found["their long first"], found["long first"]
    return [
        *rows,
        bar_row("", f"{told}, steered", ms(anew), f"transformer-lens {ms(theirs_long)}", ratios(theirs_long, anew)),
        bar_row("", f"{told}, after a slider moved", ms(moved), f"for the first time {ms(anew)}", ratios(anew, moved)),
        bar_row("", f"{told}, after a slider moved, times transformer-lens", ms(moved),
                f"transformer-lens {ms(theirs_long)}", ratios(theirs_long, moved)),
    ]  # fmt: skip


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
