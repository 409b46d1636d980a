"""Targeted probe perturbation and spurious correlation removal: whether a concept can be taken out, and only that one.

A probe w_c for each concept is trained on the activations. A concept's features are those with the largest

    effect_i = (mean acts_i on the concept - mean acts_i elsewhere) (W_dec[i] . w_c)

and taking the n first of them, S, out of an activation (the SAE's error stays) makes it x - acts_S @ W_dec[S].

Targeted probe perturbation (TPP): take out concept i, look at every probe j,

    tpp_top_{n} = mean over i of (acc_i - acc_i without i's features)
                  - mean over i != j of (acc_j - acc_j without i's features)

1/2 is perfect where probes are right to begin with (the one falls to chance, the others stay), 0 is nothing or all.

Spurious correlation removal (SCR): each example is two pieces of text, one of kinds A or B, one of kinds C or D, and
its activation is the mean of the two. A probe for A against B is trained where A comes with C and B with D alone, so
that it also learns C against D; the features of C against D are then taken out and the probe is tried on all pairs,

    scr_top_{n} = (accuracy without the features - with them) / (accuracy of a probe trained on all pairs - with them)

1 takes away all that the correlation did, 0 nothing, below 0 it does harm.

Sources: Marks et al. 2024 (arXiv 2403.19647, SHIFT); SAEBench (Karvonen et al. 2025, arXiv 2503.09532) for both scores.
Departures: the concepts are kinds of text, the pairs of SCR are pieces of text put side by side (SAEBench has
professions and genders), and what is taken out of each token is taken out of the mean, which for a linear decoder and a
probe on the mean is the same.
"""

from collections.abc import Mapping, Sequence
from itertools import permutations
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from sae_widgets.evals.intervals import left_out
from sae_widgets.evals.labelled import LabelledRows, Probe, fit_probe, labelled_rows
from sae_widgets.evals.result import EvalResult, Evidence, evidence_of
from sae_widgets.sae.base import SAE


def concept_features(
    acts: Float[Tensor, "n d_sae"],
    is_concept: Tensor,
    W_dec: Float[Tensor, "d_sae d_in"],
    probe: Probe,
    n_features: int,
) -> Int[Tensor, " n_features"]:
    """The features that move the probe most on rows of the concept; see the module."""
    difference = (acts[is_concept].mean(0) - acts[~is_concept].mean(0)).double()
    return (difference * (W_dec.double() @ probe.weight)).topk(min(n_features, len(difference))).indices


def without(
    x: Float[Tensor, "n d_in"],
    acts: Float[Tensor, "n d_sae"],
    features: Int[Tensor, " k"],
    W_dec: Float[Tensor, "d_sae d_in"],
) -> Float[Tensor, "n d_in"]:
    """The activations with the features taken out of them."""
    return x - acts[:, features] @ W_dec[features]


@torch.no_grad()
def targeted_probe_perturbation(
    sae: SAE,
    model: Any,
    texts: Mapping[str, Sequence[str]] | None = None,
    *,
    n_features: Sequence[int] = (2, 5, 10, 20),
    rows: LabelledRows | None = None,
    **settings: Any,
) -> EvalResult:
    """TPP scores, higher is better, at most about 0.5; intervals over concepts.

    Args:
        sae: Whose features.
        model: The model it belongs to.
        texts: Documents by kind; None takes the bundled texts.
        n_features: How many features are taken out.
        rows: From `labelled_rows`, where they are at hand.
        settings: For `labelled_rows`.

    Returns:
        `tpp_top_{n}` with its two parts, `..._intended` and `..._others`.
    """
    rows = labelled_rows(sae, model, texts, **settings) if rows is None else rows
    return perturbed_probes(rows, sae.W_dec.detach().float().cpu(), n_features)


def perturbed_probes(
    rows: LabelledRows, W_dec: Float[Tensor, "d_sae d_in"], n_features: Sequence[int] = (2, 5, 10, 20)
) -> EvalResult:
    """`targeted_probe_perturbation` of rows that are there already."""
    n_kinds = len(rows.kinds)
    probes, features = [], []
    tests = [rows.balanced(j, is_test=True) for j in range(n_kinds)]
    for i in range(n_kinds):
        train = rows.balanced(i, is_test=False)
        is_kind = rows.labels[train] == i
        probes.append(fit_probe(rows.x[train], is_kind))
        features.append(concept_features(rows.acts[train], is_kind, W_dec, probes[i], max(n_features)))

    def right(j: int, x: Tensor) -> float:
        return float(((probes[j].logits(x[tests[j]]) > 0) == (rows.labels[tests[j]] == j)).double().mean())

    before = [right(j, rows.x) for j in range(n_kinds)]
    values: dict[str, float] = {"probe_accuracy": sum(before) / n_kinds}
    evidence = {"probe_accuracy": _evidence(torch.tensor(before, dtype=torch.float64), "of the probes, as they are")}
    for n in n_features:
        drops = torch.zeros(n_kinds, n_kinds, dtype=torch.float64)
        for i in range(n_kinds):
            changed = without(rows.x, rows.acts, features[i][:n], W_dec)
            drops[i] = torch.tensor([before[j] - right(j, changed) for j in range(n_kinds)])
        intended = drops.diagonal()
        others = (drops.sum(1) - intended) / (n_kinds - 1)
        for name, each, meaning in (
            (f"tpp_top_{n}", intended - others, f"of {n} features: own probe's fall less the others'"),
            (f"tpp_top_{n}_intended", intended, "fall of the own probe's accuracy"),
            (f"tpp_top_{n}_others", others, "fall of the other probes' accuracy"),
        ):
            values[name] = float(each.mean())
            evidence[name] = _evidence(each, meaning)
    facts = {"data": f"{n_kinds} kinds of text", "n_sequences": len(rows.labels), "clusters": "kind"}
    return EvalResult(values, evidence, facts)


@torch.no_grad()
def spurious_correlation_removal(
    sae: SAE,
    model: Any,
    texts: Mapping[str, Sequence[str]] | None = None,
    *,
    n_features: Sequence[int] = (2, 5, 10, 20),
    rows: LabelledRows | None = None,
    n_tasks: int = 12,
    **settings: Any,
) -> EvalResult:
    """SCR scores, higher is better, at most 1; intervals over tasks, of which each is a choice of four kinds.

    Args:
        n_tasks: Choices of kinds (A, B, C, D), drawn evenly.

    The other arguments are those of `targeted_probe_perturbation`.

    Raises:
        ValueError: If there are fewer than four kinds.
    """
    rows = labelled_rows(sae, model, texts, **settings) if rows is None else rows
    return removed_correlations(rows, sae.W_dec.detach().float().cpu(), n_features, n_tasks)


def removed_correlations(
    rows: LabelledRows,
    W_dec: Float[Tensor, "d_sae d_in"],
    n_features: Sequence[int] = (2, 5, 10, 20),
    n_tasks: int = 12,
) -> EvalResult:
    """`spurious_correlation_removal` of rows that are there already."""
    if len(rows.kinds) < 4:
        raise ValueError(f"Spurious correlations are made of four kinds of text; there are {len(rows.kinds)}.")
    choices = list(permutations(range(len(rows.kinds)), 4))
    order = torch.randperm(len(choices), generator=torch.Generator().manual_seed(0)).tolist()
    tasks = [_scr_task(rows, W_dec, choices[i], n_features) for i in order[:n_tasks]]
    parts = {name: torch.tensor([task[name] for task in tasks], dtype=torch.float64) for name in tasks[0]}
    whole, rest = {name: part.mean() for name, part in parts.items()}, left_out(parts)
    values: dict[str, float] = {}
    evidence: dict[str, Evidence] = {}
    for name, key, meaning in (
        ("accuracy_correlated", "with", "of a probe trained where the kinds are correlated"),
        ("accuracy_balanced", "oracle", "of a probe trained on all pairs"),
    ):
        values[name], evidence[name] = float(whole[key]), _evidence(parts[key], meaning)
    for n in n_features:
        name, key = f"scr_top_{n}", f"without {n}"
        # A ratio of means over tasks: a single task with little to gain must not decide.
        values[name] = float((whole[key] - whole["with"]) / (whole["oracle"] - whole["with"]))
        replicates = (rest[key] - rest["with"]) / (rest["oracle"] - rest["with"])
        meaning = f"of {n} features: share of what the correlation did that is undone"
        evidence[name] = evidence_of(values[name], replicates, len(tasks), meaning=meaning)
    facts = {
        "data": f"{len(tasks)} choices of four kinds of text",
        "n_sequences": len(rows.labels),
        "clusters": "choice",
    }
    return EvalResult(values, evidence, facts)


def _scr_task(rows: LabelledRows, W_dec: Tensor, kinds: tuple[int, ...], n_features: Sequence[int]) -> dict[str, float]:
    """Accuracies for A against B: of the correlated probe, of it without features, of one trained on all pairs."""
    train, test = (_Pairs(rows, kinds, is_test=is_test) for is_test in (False, True))
    is_correlated = train.is_a == train.is_c
    biased = fit_probe(train.x[is_correlated], train.is_a[is_correlated])
    oracle = fit_probe(train.x, train.is_a)
    spurious = fit_probe(train.x, train.is_c)
    found = {"with": test.accuracy(biased, test.x), "oracle": test.accuracy(oracle, test.x)}
    # Features of D lower what features of C raise, so both are among the first.
    features = concept_features(train.acts, train.is_c, W_dec, spurious, max(n_features))
    for n in n_features:
        found[f"without {n}"] = test.accuracy(biased, without(test.x, test.acts, features[:n], W_dec))
    return found


class _Pairs:
    """Pieces of A or B beside pieces of C or D, all four combinations equally often."""

    def __init__(self, rows: LabelledRows, kinds: tuple[int, ...], *, is_test: bool) -> None:
        at = [((rows.labels == kind) & (rows.is_test == is_test)).nonzero()[:, 0] for kind in kinds]
        n = min(map(len, at))
        first, second, is_a, is_c = [], [], [], []
        for i, one in enumerate(at[:2]):
            for j, other in enumerate(at[2:]):
                first.append(one[:n])
                second.append(other[:n].roll(1 + i))
                is_a.append(torch.full((n,), i == 0))
                is_c.append(torch.full((n,), j == 0))
        left, right = torch.cat(first), torch.cat(second)
        self.x = (rows.x[left] + rows.x[right]) / 2
        self.acts = (rows.acts[left] + rows.acts[right]) / 2
        self.is_a, self.is_c = torch.cat(is_a), torch.cat(is_c)

    def accuracy(self, probe: Probe, x: Tensor) -> float:
        return float(((probe.logits(x) > 0) == self.is_a).double().mean())


def _evidence(values: Float[Tensor, " n"], meaning: str) -> Evidence:
    """What stands behind the mean of `values`."""
    replicates = (values.sum() - values) / max(len(values) - 1, 1)
    return evidence_of(float(values.mean()), replicates, len(values), meaning=meaning)
