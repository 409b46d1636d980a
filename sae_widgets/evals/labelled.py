"""Texts of known kinds as one row of numbers each, and linear probes that tell the kinds apart.

    x[r]       mean over the tokens of row r of the activation the SAE reads
    acts[r]    mean over the tokens of row r of the feature activations

Since a decoder is linear, taking features S out of every token of a row takes mean(acts_S) @ W_dec[S] out of the mean:
what is done to single activations can be done to the means, and no forward pass is needed for it.

A probe is a logistic regression with an L2 penalty on standardised inputs, as scikit-learn's default:

    minimise  sum_r log(1 + exp(-y_r (w . z_r + b))) + ||w||^2 / 2,     z = (x - mean) / sd,  y = +-1

Rows of training and of testing are from different documents. Intervals are over documents (jackknife).

Sources: Gurnee et al. 2023 (arXiv 2305.01610) for sparse probing; SAEBench (Karvonen et al. 2025, arXiv 2503.09532)
for mean pooling and the splits.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from sae_widgets.activations.documents import open_documents
from sae_widgets.activations.hook_reader import read_input
from sae_widgets.activations.token_rows import token_ids
from sae_widgets.evals.intervals import left_out
from sae_widgets.evals.result import Evidence, evidence_of
from sae_widgets.hooked import as_hooked
from sae_widgets.sae.base import SAE

N_TOKENS = 32
"""In a row: enough to tell kinds of text apart, few enough to have many rows."""


@dataclass(frozen=True)
class LabelledRows:
    """Rows of text with the kind of each."""

    x: Float[Tensor, "n_rows d_in"]
    acts: Float[Tensor, "n_rows d_sae"]
    labels: Int[Tensor, " n_rows"]
    documents: Int[Tensor, " n_rows"]
    is_test: Bool[Tensor, " n_rows"]
    kinds: list[str]

    def balanced(self, kind: int, *, is_test: bool, seed: int = 0) -> Int[Tensor, " n"]:
        """Rows of `kind` and as many of the others, drawn evenly; of the one split."""
        of_split = self.is_test == is_test
        own = (of_split & (self.labels == kind)).nonzero()[:, 0]
        others = (of_split & (self.labels != kind)).nonzero()[:, 0]
        drawn = torch.randperm(len(others), generator=torch.Generator().manual_seed(seed))[: len(own)]
        return torch.cat([own[: len(drawn)], others[drawn]])


@dataclass(frozen=True)
class Probe:
    """A direction and a threshold, in the unit of what it was fitted to."""

    weight: Float[Tensor, " d"]
    bias: float

    def logits(self, x: Float[Tensor, "n d"]) -> Float[Tensor, " n"]:
        """Above 0 for what the probe takes to be of its kind."""
        return x.double() @ self.weight + self.bias


def fit_probe(x: Float[Tensor, "n d"], is_of_kind: Bool[Tensor, " n"], penalty: float | int = 1.0) -> Probe:
    """The logistic regression of `is_of_kind` on `x`; see the module.

    Raises:
        ValueError: If all rows are of one kind.
    """
    if bool(is_of_kind.all()) or not bool(is_of_kind.any()):
        raise ValueError(f"A probe needs rows of both kinds; all {len(x)} are of one.")
    x, y = x.double(), is_of_kind.double() * 2 - 1
    mean, sd = x.mean(0), x.std(0)
    z = (x - mean) / torch.where(sd > 0, sd, 1.0)
    parameters = torch.zeros(x.shape[1] + 1, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS([parameters], max_iter=200, tolerance_grad=1e-6, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        optimizer.zero_grad()
        margins = y * (z @ parameters[:-1] + parameters[-1])
        value = torch.nn.functional.softplus(-margins).sum() + penalty * parameters[:-1].pow(2).sum() / 2
        value.backward()
        return value

    with torch.enable_grad():
        optimizer.step(loss)
    weight = parameters.detach()[:-1] / torch.where(sd > 0, sd, 1.0)
    return Probe(weight, float(parameters.detach()[-1] - weight @ mean))


def best_features(acts: Float[Tensor, "n d_sae"], is_of_kind: Bool[Tensor, " n"], k: int) -> Int[Tensor, " k"]:
    """The features whose mean differs most between rows of the kind and the others, either way."""
    difference = acts[is_of_kind].mean(0) - acts[~is_of_kind].mean(0)
    return difference.abs().topk(min(k, acts.shape[1])).indices


@torch.no_grad()
def labelled_rows(
    sae: SAE,
    model: Any,
    texts: Mapping[str, Sequence[str]] | None = None,
    *,
    rows_per_kind: int = 100,
    n_tokens: int = N_TOKENS,
) -> LabelledRows:
    """Rows of each kind of text, half of the documents for training and half for testing.

    Args:
        sae: Features of what it reads.
        model: The model it belongs to.
        texts: Documents by kind; None takes the bundled texts' seven kinds.
        rows_per_kind: At most, spread over the documents.
        n_tokens: Of text in a row; special tokens come on top and do not count.

    Raises:
        ValueError: If there are fewer than two kinds, or a kind has fewer than two documents that are long enough.
        NotImplementedError: If features cannot be taken out of a mean: the SAE scales each row by itself.
    """
    check_linear(sae)
    texts = demo_texts() if texts is None else texts
    if len(texts) < 2:
        raise ValueError(f"Kinds of text to tell apart: at least two, got {list(texts)}.")
    model = as_hooked(model)
    rows, labels, documents, n_documents = [], [], [], 0
    for label, (kind, docs) in enumerate(texts.items()):
        found = _rows_of(model.tokenizer, docs, n_tokens, rows_per_kind)
        if len({document for document, _ in found}) < 2:
            raise ValueError(f"Kind {kind!r} needs two documents of {n_tokens} tokens or more, to train and to test.")
        rows += [row for _, row in found]
        labels += [label] * len(found)
        documents += [n_documents + document for document, _ in found]
        n_documents += len(docs)
    x, acts = _means(sae, model, torch.tensor(rows))
    of_document = torch.tensor(documents)
    return LabelledRows(x, acts, torch.tensor(labels), of_document, _is_test(of_document), list(texts))


def _is_test(documents: Int[Tensor, " n_rows"]) -> Bool[Tensor, " n_rows"]:
    """Every other document, of those that gave rows."""
    order = {document: i for i, document in enumerate(dict.fromkeys(documents.tolist()))}
    return torch.tensor([order[document] % 2 == 1 for document in documents.tolist()])


def _rows_of(tokenizer: Any, docs: Sequence[str], n_tokens: int, limit: int) -> list[tuple[int, list[int]]]:
    """(document, token ids) of rows, one of each document after the other until there are enough."""
    parts = [
        [ids[i : i + n_tokens] for i in range(0, len(ids) - n_tokens + 1, n_tokens)]
        for ids in token_ids(tokenizer, list(docs))
    ]
    longest = max(map(len, parts), default=0)
    found = [(i, rows[n]) for n in range(longest) for i, rows in enumerate(parts) if n < len(rows)]
    bos = tokenizer.bos_token_id
    return [(i, [*([] if bos is None else [bos]), *row]) for i, row in found[:limit]]


def _means(sae: SAE, model: Any, tokens: Int[Tensor, "n_rows context"]) -> tuple[Tensor, Tensor]:
    is_text = ~torch.isin(tokens, torch.tensor(model.tokenizer.all_special_ids))
    x_means, act_means = [], []
    for part, mask in zip(tokens.split(32), is_text.split(32), strict=True):
        x = read_input(model, sae, part)
        weights = (mask / mask.sum(1, keepdim=True)).to(x.device)[..., None]
        acts = sae.encode(x)
        x_means.append((x.flatten(2).float() * weights).sum(1).cpu())
        act_means.append((acts.float() * weights).sum(1).cpu())
    return torch.cat(x_means), torch.cat(act_means)


def demo_texts() -> dict[str, list[str]]:
    """The bundled texts by kind; none was trained on."""
    from sae_widgets.demo import text_folder

    return {path.stem: list(open_documents(str(path)).rows) for path in sorted(text_folder().glob("*.txt"))}


def check_linear(sae: SAE) -> None:
    """Nothing, if features can be taken out of a mean of activations.

    Raises:
        NotImplementedError: If not; says why.
    """
    if sae.needs_input_to_decode or not sae.reconstructs:
        why = "scales each row by itself" if sae.reconstructs else "gives another activation than it reads"
        raise NotImplementedError(
            f"Taking features out of a mean of activations needs a decoder that is linear in them; this "
            f"{type(sae).__name__} {why}."
        )


def accuracy(is_right: Bool[Tensor, " n"], documents: Int[Tensor, " n"], meaning: str = "") -> tuple[float, Evidence]:
    """Share of rows that are right, and its evidence with documents as clusters."""
    _, cluster = documents.unique(return_inverse=True)
    n_clusters = int(cluster.max()) + 1
    parts = {
        "right": torch.zeros(n_clusters, dtype=torch.float64).index_add_(0, cluster, is_right.double()),
        "n": torch.bincount(cluster, minlength=n_clusters).double(),
    }
    without = left_out(parts)
    value = float(is_right.double().mean())
    return value, evidence_of(value, without["right"] / without["n"], len(is_right), meaning=meaning)


def mean_evidence(found: Sequence[tuple[float, Evidence]], meaning: str = "") -> tuple[float, Evidence]:
    """The mean of numbers from different tasks, with an interval over tasks."""
    values = torch.tensor([value for value, _ in found], dtype=torch.float64)
    replicates = (values.sum() - values) / max(len(values) - 1, 1)
    value = float(values.mean())
    return value, evidence_of(value, replicates, sum(each.n for _, each in found), meaning=meaning)
