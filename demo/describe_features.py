"""Gather feature statistics and short labels for the SAEs of the demo bundle, from a run over text sorted by kind.

    python demo/describe_features.py build/demo/model build/demo/text build/demo/saes

A label says where a feature's activation mass lies: on which words, after or before which word, in which kind of text.
No label is written by hand. Every kind is given the same number of tokens, so that shares of kinds can be compared.
Writes `<sae>/features/` and prints how many features a reader can name, with the clearest ones of each kind.
"""

import argparse
import random
import sys
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor

import sae_widgets as sw

SEED = 0
CONTEXT_TOKENS = 256
N_SEQS = 16


@dataclass
class Mass:
    """Activation mass of each feature by token, previous token, next token and kind of text."""

    kinds: list[str]
    d_sae: int
    d_vocab: int
    token: Tensor = field(init=False)
    previous: Tensor = field(init=False)
    following: Tensor = field(init=False)
    kind: Tensor = field(init=False)

    def __post_init__(self) -> None:
        self.token, self.previous, self.following = (torch.zeros(self.d_sae * self.d_vocab) for _ in range(3))
        self.kind = torch.zeros(self.d_sae, len(self.kinds))

    def add(self, kind: int, tokens: Tensor, acts: sw.SparseActs) -> None:
        """Count one batch; position 0 holds bos and is left out."""
        inner = acts.indices[:, 1:-1], acts.values[:, 1:-1]
        feature, value = (x.reshape(-1) for x in inner)
        n_slots = acts.indices.shape[-1]
        for table, shifted in (
            (self.token, tokens[:, 1:-1]),
            (self.previous, tokens[:, :-2]),
            (self.following, tokens[:, 2:]),
        ):
            where = feature * self.d_vocab + shifted[..., None].expand(*shifted.shape, n_slots).reshape(-1)
            table.index_add_(0, where, value)
        self.kind[:, kind].index_add_(0, feature, value)


def rows_of(model: sw.HookedSAETransformer, docs: list[str], n_tokens: int) -> Tensor:
    """`[n, CONTEXT_TOKENS]` tokens of `docs`, each row led by bos."""
    bos = model.tokenizer.bos_token_id
    stream: list[int] = []
    for ids in model.tokenizer(docs, add_special_tokens=False)["input_ids"]:
        stream += [bos, *ids]
        if len(stream) >= n_tokens:
            break
    n = min(n_tokens, len(stream)) // CONTEXT_TOKENS
    rows = torch.tensor(stream[: n * CONTEXT_TOKENS]).view(n, CONTEXT_TOKENS)
    rows[:, 0] = bos
    return rows


@torch.no_grad()
def weigh(model: sw.HookedSAETransformer, sae: sw.SAE, rows: dict[str, Tensor]) -> Mass:
    """Activation mass of every feature of `sae` over `rows`."""
    mass = Mass(list(rows), sae.cfg.d_sae, len(model.tokenizer))
    hook_name = sae.cfg.hook_name
    for index, tokens in enumerate(rows.values()):
        for part in tokens.split(N_SEQS):
            _, cache = model.run_with_cache(part, names_filter=[hook_name])
            mass.add(index, part, sae.encode_sparse(cache[hook_name]))
    return mass


def word_classes(words: list[str]) -> dict[str, Tensor]:
    """Classes of tokens that make a better name than their four commonest members."""

    def where(test) -> Tensor:
        return torch.tensor([bool(test(w)) for w in words])

    return {
        "numbers": where(lambda w: w.strip().isdigit()),
        "line breaks": where(lambda w: "\n" in w),
        "indentation": where(lambda w: len(w) > 1 and w.isspace() and "\n" not in w),
        "capitalised words": where(lambda w: w.strip()[:1].isupper() and len(w.strip()) > 1),
        "ALL CAPITALS": where(lambda w: w.strip().isupper() and len(w.strip()) > 1),
        "brackets": where(lambda w: w.strip() and set(w.strip()) <= set("()[]{}")),
        "quotation marks": where(lambda w: w.strip() and set(w.strip()) <= set("\"'`")),
        "punctuation": where(lambda w: w.strip() and not any(c.isalnum() for c in w)),
    }


def words_label(mass: Tensor, groups: list[str], share: float) -> str | None:
    """Up to four quoted words that hold `share` of `mass`, or None."""
    total = float(mass.sum())
    by_group: Counter[str] = Counter()
    for token in mass.topk(min(40, len(mass))).indices.tolist():
        by_group[groups[token]] += float(mass[token])
    named, held = [], 0.0
    for group, weight in by_group.most_common(4):
        if weight < 0.08 * total and named:
            break
        named.append(group)
        held += weight
        if held >= share * total:
            return " ".join(f"“{g}”" for g in named)
    return None


def label(feature: int, mass: Mass, words: list[str], classes: dict[str, Tensor]) -> str | None:
    """A short name for a feature, or None when its mass is spread too widely to name."""
    token, previous, following = (
        t.view(mass.d_sae, mass.d_vocab)[feature] for t in (mass.token, mass.previous, mass.following)
    )
    total = float(token.sum())
    if total == 0:
        return None
    groups = [w.strip().casefold() or repr(w)[1:-1] for w in words]
    share, best = (mass.kind[feature] / mass.kind[feature].sum()).sort(descending=True)
    kind = mass.kinds[int(best[0])] if share[0] > 0.7 else None
    what = words_label(token, groups, 0.55)
    if what is None:
        what = next((name for name, members in classes.items() if float(token[members].sum()) > 0.75 * total), None)
    if what is None and (after := words_label(previous, groups, 0.5)):
        what = f"after {after}"
    if what is None and (before := words_label(following, groups, 0.5)):
        what = f"before {before}"
    if what and kind:
        return f"{what} in {kind}"
    return what or (f"{kind} ({share[0]:.0%})" if kind else None)


# What is shown of a feature costs the wheel more than anything but the weights.
KEPT = {"n_tokens": 300_000, "n_top": 5, "n_random": 6, "n_per_part": 0, "n_sample": 2048}


def describe(model_path: Path, text: Path, out: Path, n_tokens: int) -> None:
    """Write `features/` beside every SAE in `out`."""
    sys.path.insert(0, str(Path(__file__).parent))
    from train_lm import KIND_WEIGHTS, read_documents

    model = sw.load_model(model_path)
    docs = {k: d for k, d in read_documents(text, "train").items() if k in KIND_WEIGHTS}
    for found in docs.values():
        random.Random(SEED).shuffle(found)
    rows = {kind: rows_of(model, found, n_tokens // len(docs)) for kind, found in docs.items()}
    order = torch.randperm(sum(map(len, rows.values())), generator=torch.Generator().manual_seed(SEED))
    words = [model.tokenizer.decode([t]) for t in range(len(model.tokenizer))]
    classes = word_classes(words)
    for folder in sorted(p.parent for p in out.glob("*/cfg.json")):
        sae = sw.SAE.load_from_disk(folder, dtype="float32")
        statistics = sw.feature_statistics(model, sae, torch.cat(list(rows.values()))[order], **KEPT)
        mass = weigh(model, sae, rows)
        labels = {f: name for f in range(sae.cfg.d_sae) if (name := label(f, mass, words, classes))}
        statistics.labels = labels
        statistics.save(folder / "features")
        kinds = mass.kind / mass.kind.sum(1, keepdim=True).clamp_min(1e-9)
        n_silent = int((mass.kind.sum(1) == 0).sum())
        print(f"\n{folder.name}: {len(labels)} of {sae.cfg.d_sae} features named, {n_silent} silent")
        for index, kind in enumerate(mass.kinds):
            score = kinds[:, index].pow(4) * mass.kind.sum(1)
            clearest = score.topk(8).indices.tolist()
            print(
                f"  {kind}: " + "; ".join(f"{f} {labels.get(f)} [{kinds[f, index]:.0%}]" for f in clearest), flush=True
            )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("text", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--tokens", type=int, default=800_000)
    arguments = parser.parse_args()
    describe(arguments.model, arguments.text, arguments.out, arguments.tokens)
