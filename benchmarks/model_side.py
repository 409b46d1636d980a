"""The language model's part of the work, on the bundled model: harvest against a forward, writing against generate.

    python benchmarks/model_side.py                 # CPU seconds, one thread, in turns; medians (least - most)

harvest     activations of one batch of rows, against the model's own forward of the same rows up to the hook
batches     the same tokens through rows, forward and mixing buffer
writing     a token, and the first one after a prompt: `generate_stream` against transformer-lens' `generate` with its
            cache of keys and values; and steered against not

Bars: harvest at least 95 % of the bare forward's speed; writing at least 3 times transformer-lens', steered at most
5 % slower; the same tokens with and without a cache.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable
from typing import Any

import torch

import sae_widgets as sw
from sae_widgets.activations.documents import open_documents
from sae_widgets.activations.settings import StoreSettings
from sae_widgets.activations.store import ActivationsStore
from sae_widgets.steering import FeatureSteer, generate_stream

PROMPT = "Once upon a time there was a little girl who"
Figures = dict[str, list[float]]


def in_turns(cases: dict[str, Callable[[], Any]], n_rounds: int) -> Figures:
    """CPU seconds of each case, round by round; the first round warms up and is left out."""
    seconds: Figures = {name: [] for name in cases}
    for turn in range(n_rounds + 1):
        for name, case in cases.items():
            start = time.process_time()
            case()
            if turn:
                seconds[name].append(time.process_time() - start)
    return seconds


def ratio(seconds: Figures, one: str, other: str) -> str:
    """By how much `other` takes longer."""
    ratios = [b / a for a, b in zip(seconds[one], seconds[other], strict=True)]
    return f"{statistics.median(ratios):.2f} ({min(ratios):.2f} - {max(ratios):.2f})"


def harvest(model: Any, hook: str, n_rounds: int) -> dict[str, str]:
    settings = StoreSettings(
        hook, context_size=128, store_batch_size_prompts=32, train_batch_size_tokens=4096, n_batches_in_buffer=4
    )
    store = ActivationsStore(model, open_documents([PROMPT * 20] * 400), settings)
    tokens = store.get_batch_tokens()
    layer = int(hook.split(".")[1])
    cases = {
        "bare": lambda: model(tokens, stop_at_layer=layer, return_type=None),
        "harvest": lambda: store.get_activations(tokens),
        "batches": store.next_batch,
    }
    store.next_batch()
    with torch.no_grad():
        seconds = in_turns(cases, n_rounds)
    return {
        f"{name}, share of the bare forward's speed": ratio(seconds, name, "bare") for name in ("harvest", "batches")
    }


def writing(model: Any, sae: Any, n_rounds: int, n_tokens: int) -> dict[str, Any]:
    def ours(n: int, steers: tuple[FeatureSteer, ...] = ()) -> list[int]:
        return [each.token_id for each in generate_stream(model, sae, PROMPT, steers, max_new_tokens=n, temperature=0)]

    def theirs(n: int, use_cache: bool = True) -> list[int]:
        tokens = model.to_tokens(PROMPT)
        out = model.generate(
            tokens, max_new_tokens=n, do_sample=False, use_past_kv_cache=use_cache, verbose=False, return_type="tokens"
        )
        return out[0, tokens.shape[1] :].tolist()

    written = ours(n_tokens)
    assert written == theirs(len(written), use_cache=False), "A cache changes what is written."
    n_tokens, steer = len(written), (FeatureSteer(0, 1e-6),)
    with torch.no_grad():
        seconds = in_turns(
            {
                "first": lambda: ours(1),
                "their first": lambda: theirs(1),
                "all": lambda: ours(n_tokens),
                "their all": lambda: theirs(n_tokens),
                "steered": lambda: ours(n_tokens, steer),
            },
            n_rounds,
        )
    return {
        "tokens": n_tokens,
        "ms a token": round(1e3 * statistics.median(seconds["all"]) / n_tokens, 2),
        "theirs, times the first token": ratio(seconds, "first", "their first"),
        "theirs, times all": ratio(seconds, "all", "their all"),
        "steered beside unsteered, times unsteered alone": ratio(seconds, "all", "steered"),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--tokens", type=int, default=48)
    parser.add_argument("--hook", default="blocks.2.hook_resid_pre")
    args = parser.parse_args()
    torch.set_num_threads(1)
    model, sae = sw.load_demo()
    found = {
        "harvest": harvest(model, args.hook, args.rounds),
        "writing": writing(model, sae, args.rounds, args.tokens),
    }
    print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
