"""Sparse probing: how well a few features tell kinds of text apart, against a probe on the raw activations.

For each kind against the rest (as many rows of each): the k features whose mean differs most on the training rows, a
logistic regression on these k alone, and its accuracy on rows of other documents; the mean over kinds is reported.

    sparse_probing_top_{k}      k features
    probing_raw                 all d_in coordinates of the activation: what is there to be found
    probing_all_features        all d_sae features

Chance is 0.5. An SAE that has a feature of its own for a kind comes near `probing_raw` with k = 1.

Sources: Gurnee et al. 2023 (arXiv 2305.01610); Gao et al. 2024 (arXiv 2406.04093), "probe loss"; SAEBench (Karvonen et
al. 2025, arXiv 2503.09532), whose choice of features by difference of means this is.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor

from sae_widgets.evals.labelled import LabelledRows, accuracy, best_features, fit_probe, labelled_rows, mean_evidence
from sae_widgets.evals.result import EvalResult, Evidence
from sae_widgets.sae.base import SAE


def sparse_probing(
    sae: SAE,
    model: Any,
    texts: Mapping[str, Sequence[str]] | None = None,
    *,
    ks: Sequence[int] = (1, 2, 5, 10),
    rows: LabelledRows | None = None,
    **settings: Any,
) -> EvalResult:
    """Accuracies of probes on k features, all features and raw activations, with intervals over kinds.

    Args:
        sae: Whose features.
        model: The model it belongs to.
        texts: Documents by kind; None takes the bundled texts.
        ks: Numbers of features.
        rows: From `labelled_rows`, where they are at hand.
        settings: For `labelled_rows`.

    Returns:
        The means over kinds; `facts["by_kind"]` has each kind's accuracies and its first feature.
    """
    rows = labelled_rows(sae, model, texts, **settings) if rows is None else rows
    return probe_rows(rows, ks)


def probe_rows(rows: LabelledRows, ks: Sequence[int] = (1, 2, 5, 10)) -> EvalResult:
    """`sparse_probing` of rows that are there already."""
    found: dict[str, list[tuple[float, Evidence]]] = {}
    by_kind: dict[str, dict[str, Any]] = {}
    for i, kind in enumerate(rows.kinds):
        train, test = rows.balanced(i, is_test=False), rows.balanced(i, is_test=True)
        is_kind = rows.labels == i
        order = best_features(rows.acts[train], is_kind[train], max(ks))
        inputs: dict[str, Tensor] = {f"sparse_probing_top_{k}": rows.acts[:, order[:k]] for k in ks}
        inputs |= {"probing_all_features": rows.acts, "probing_raw": rows.x}
        by_kind[kind] = {"feature": int(order[0])}
        for name, values in inputs.items():
            probe = fit_probe(values[train], is_kind[train])
            is_right = (probe.logits(values[test]) > 0) == is_kind[test]
            each = accuracy(is_right, rows.documents[test])
            found.setdefault(name, []).append(each)
            by_kind[kind][name] = each[0]
    meanings = {f"sparse_probing_top_{k}": f"accuracy of a probe on {k} feature{'s' * (k > 1)}" for k in ks}
    meanings |= {
        "probing_all_features": "accuracy of a probe on all features",
        "probing_raw": "accuracy of a probe on the activations themselves",
    }
    means = {name: mean_evidence(each, meanings[name]) for name, each in found.items()}
    facts = {"data": f"{len(rows.kinds)} kinds of text", "n_sequences": len(rows.labels), "clusters": "kind"}
    facts["by_kind"] = by_kind
    return EvalResult({n: v for n, (v, _) in means.items()}, {n: e for n, (_, e) in means.items()}, facts)
