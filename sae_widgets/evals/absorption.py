"""Feature absorption: a general feature stays silent on words whose own feature has taken its direction over.

For each property of spelling (first letters; endings; a capital), on single words after the first token:

    p          unit direction of a logistic probe for the property, trained on the activations of other words
    c_i        acts_i (W_dec[i] . p): what feature i adds along it
    main       the features of the property: k of them by difference of means in standard deviations, the smallest k
               after which one more adds less than `SPLIT_GAIN` to the F1 of a probe on them (k > 1: it is split)
    absorbing  at most `N_ABSORBING` other features with cos(W_dec[i], p) >= `LEAST_COSINE`, largest c_i first; they
               count where together they give at least `LEAST_SHARE` of all that features add along p

    absorption_fraction   mean over words of  sum absorbing c / (sum absorbing c + sum main c)
    absorption_full       share of words on which no main feature fires and absorbing ones count
    splitting             mean k

Only words with the property that the probe gets right are looked at, and only properties that the model represents at
all: those whose probe has an F1 of at least `LEAST_F1` on words it was not trained on. Large models spell; a small one
may represent no first letter and yet know endings and capitals, which is why both are tried.

Sources: Chanin et al. 2024, "A is for Absorption" (arXiv 2409.14507); SAEBench (Karvonen et al. 2025, arXiv 2503.09532)
for the fraction. Departures: words stand alone instead of in a spelling prompt, which small models do not follow; the
share is of what features add along p, since activations have a large part that is the same everywhere; and no ablation
is run, c_i being the effect on the probe.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from sae_widgets.activations.hook_reader import read_input
from sae_widgets.evals.labelled import Probe, best_features, check_linear, fit_probe
from sae_widgets.evals.result import EvalResult, Evidence, evidence_of
from sae_widgets.hooked import as_hooked
from sae_widgets.sae.base import SAE

LEAST_F1 = 0.5
SPLIT_GAIN = 0.03
MOST_SPLIT = 10
LEAST_COSINE = 0.1
LEAST_SHARE = 0.4
N_ABSORBING = 3
FEWEST_WORDS = 20
"""Words with a property, for it to be tried."""
PENALTY = 10.0
"""Of the probes: words are few and activations wide."""


def spellings() -> dict[str, Callable[[str], bool]]:
    """The properties of a word that are tried, by name."""
    found: dict[str, Callable[[str], bool]] = {
        f"begins with {letter}": (lambda word, letter=letter: word[0].lower() == letter)
        for letter in "abcdefghijklmnopqrstuvwxyz"
    }
    for ending in ("s", "ed", "ing", "ly", "er", "est", "ion"):
        found[f"ends in -{ending}"] = lambda word, ending=ending: word.endswith(ending)
    found["has a capital"] = lambda word: word[0].isupper()
    return found


@dataclass(frozen=True)
class Words:
    """Words that are one token, and what they are in the model."""

    texts: list[str]
    x: Float[Tensor, "n_words d_in"]
    acts: Float[Tensor, "n_words d_sae"]


@torch.no_grad()
def single_words(sae: SAE, model: Any, n_words: int = 4000) -> Words:
    """Tokens of the vocabulary that are a space and at least two letters, each after the first token of a text.

    Raises:
        ValueError: If there are none.
        NotImplementedError: If the SAE's decoder is not linear in its features.
    """
    check_linear(sae)
    model = as_hooked(model)
    tokenizer = model.tokenizer
    decoded = {i: tokenizer.decode([i]) for i in range(int(model.cfg.d_vocab))}
    ids = [i for i, text in decoded.items() if text.startswith(" ") and text[1:].isalpha() and len(text) > 2][:n_words]
    if not ids:
        raise ValueError("This tokenizer has no token that is a space and a word; absorption is measured on words.")
    first = [] if tokenizer.bos_token_id is None else [tokenizer.bos_token_id]
    xs, acts = [], []
    for part in torch.tensor(ids).split(512):
        tokens = torch.tensor([[*first, token] for token in part.tolist()])
        x = read_input(model, sae, tokens)[:, -1:]
        xs.append(x.flatten(1).float().cpu())
        acts.append(sae.encode(x)[:, 0].float().cpu())
    return Words([decoded[i][1:] for i in ids], torch.cat(xs), torch.cat(acts))


def feature_absorption(
    sae: SAE,
    model: Any,
    properties: Mapping[str, Callable[[str], bool]] | None = None,
    *,
    words: Words | None = None,
    n_words: int = 4000,
) -> EvalResult:
    """How much of properties of spelling is absorbed; lower is better, with intervals over words.

    Args:
        sae: Whose features.
        model: The model it belongs to.
        properties: Of a word, by name; None takes `spellings`.
        words: From `single_words`, where they are at hand.
        n_words: How many words, from the start of the vocabulary.

    Returns:
        The means over properties that could be measured; `facts["by_property"]` has each one's.

    Raises:
        ValueError: If the model represents none of the properties.
    """
    words = single_words(sae, model, n_words) if words is None else words
    return absorption_of_words(words, sae.W_dec.detach().float().cpu(), properties or spellings())


def absorption_of_words(
    words: Words, W_dec: Float[Tensor, "d_sae d_in"], properties: Mapping[str, Callable[[str], bool]]
) -> EvalResult:
    """`feature_absorption` of words that are there already."""
    order = torch.randperm(len(words.texts), generator=torch.Generator().manual_seed(0))
    train, test = order[: len(order) * 7 // 10], order[len(order) * 7 // 10 :]
    found: dict[str, dict[str, Any]] = {}
    shares: list[tuple[Tensor, Tensor]] = []
    tried: dict[str, float] = {}
    for name, has in properties.items():
        is_so = torch.tensor([bool(has(text)) for text in words.texts])
        if int(is_so[train].sum()) < FEWEST_WORDS or not bool(is_so[test].any()) or bool(is_so[train].all()):
            continue
        probe = fit_probe(words.x[train], is_so[train], PENALTY)
        is_found = probe.logits(words.x[test]) > 0
        tried[name] = f1(is_found, is_so[test])
        if tried[name] < LEAST_F1:
            continue
        main, f1_of_main = main_features(words.acts, is_so, train, test)
        looked_at = test[is_found & is_so[test]]
        each = absorbed(words.acts[looked_at], main, probe, W_dec)
        shares.append(each)
        found[name] = {
            "probe_f1": tried[name],
            "features_f1": f1_of_main,
            "features": main.tolist(),
            "absorption_fraction": float(each[0].mean()),
            "absorption_full": float(each[1].double().mean()),
            "n_words": len(looked_at),
        }
    if not found:
        best = max(tried, key=lambda name: tried[name], default=None)
        most = f"the best probe is for {best!r} with F1 {tried[best]:.2f}" if best else "none has enough words"
        raise ValueError(
            f"This model represents none of {len(properties)} properties of spelling here ({most}, {LEAST_F1} is "
            "needed), so nothing can be absorbed. Take a larger model, or pass properties= that it represents."
        )
    return _result(found, shares, len(tried), len(words.texts))


def _result(
    found: dict[str, dict[str, Any]], shares: list[tuple[Tensor, Tensor]], n_tried: int, n_words: int
) -> EvalResult:
    values: dict[str, float] = {}
    evidence: dict[str, Evidence] = {}
    meanings = ("share of a property that other features carry", "share of words whose property's features are silent")
    for which, (name, meaning) in enumerate(zip(("absorption_fraction", "absorption_full"), meanings, strict=True)):
        each = [share[which].double() for share in shares]
        means = torch.stack([share.mean() for share in each])
        values[name] = float(means.mean())
        # Words of one property left out one at a time, the others as they are.
        replicates = torch.cat(
            [values[name] + (m - s) / max(len(s) - 1, 1) / len(each) for m, s in zip(means, each, strict=True)]
        )
        evidence[name] = evidence_of(values[name], replicates, len(replicates), meaning=meaning)
    splits = torch.tensor([float(len(one["features"])) for one in found.values()], dtype=torch.float64)
    values["splitting"] = float(splits.mean())
    left_out = (splits.sum() - splits) / max(len(splits) - 1, 1)
    evidence["splitting"] = evidence_of(values["splitting"], left_out, len(splits), meaning="features of a property")
    facts = {
        "data": f"{len(found)} of {n_tried} properties of {n_words:,} words",
        "n_sequences": n_words,
        "clusters": "word",
        "by_property": found,
    }
    return EvalResult(values, evidence, facts)


def main_features(
    acts: Float[Tensor, "n_words d_sae"],
    is_so: Bool[Tensor, " n_words"],
    train: Int[Tensor, " n_train"],
    test: Int[Tensor, " n_test"],
) -> tuple[Int[Tensor, " k"], float]:
    """The features of a property, and the F1 of a probe on them; see the module."""
    # Standardised: on single words a few features fire everywhere and hard, and differ more by chance than others can.
    seen = acts[train]
    order = best_features(seen / seen.std(0).clamp_min(1e-6), is_so[train], MOST_SPLIT)
    scores = []
    for k in range(1, len(order) + 1):
        probe = fit_probe(acts[train][:, order[:k]], is_so[train])
        scores.append(f1(probe.logits(acts[test][:, order[:k]]) > 0, is_so[test]))
        if k > 1 and scores[-1] < scores[-2] + SPLIT_GAIN:
            return order[: k - 1], scores[-2]
    return order, scores[-1]


def absorbed(
    acts: Float[Tensor, "n d_sae"], main: Int[Tensor, " k"], probe: Probe, W_dec: Float[Tensor, "d_sae d_in"]
) -> tuple[Float[Tensor, " n"], Bool[Tensor, " n"]]:
    """For each word the share that is absorbed, and whether all of it is; see the module."""
    direction = (probe.weight / probe.weight.norm()).to(W_dec)
    along = W_dec @ direction
    added = acts * along
    is_other = along / W_dec.norm(dim=-1).clamp_min(1e-12) >= LEAST_COSINE
    is_other[main] = False
    of_main = added[:, main].sum(-1).clamp_min(0)
    others = torch.where(is_other, added, 0).clamp_min(0).topk(min(N_ABSORBING, added.shape[1]), dim=-1).values.sum(-1)
    counts = others >= LEAST_SHARE * added.clamp_min(0).sum(-1)
    others = torch.where(counts & (others > 0), others, 0)
    fraction = torch.where(others > 0, others / (others + of_main).clamp_min(1e-12), 0)
    is_silent = (acts[:, main] == 0).all(-1)
    return fraction, is_silent & (others > 0)


def f1(is_found: Bool[Tensor, " n"], is_so: Bool[Tensor, " n"]) -> float:
    """2 true / (found + there); 0 where nothing is found or there."""
    return float(2 * (is_found & is_so).sum() / (is_found.sum() + is_so.sum()).clamp_min(1))
