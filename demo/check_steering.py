"""Does steering move the text from one kind to another? One feature of each kind is pushed up, and a judge reads on.

    python demo/check_steering.py build/demo/text sae_widgets/demo/model sae_widgets/demo/saes/blocks.2.hook_resid_pre

The judge is naive Bayes over the model's tokens, fitted to the training text; its accuracy on held-out documents is
printed beside. A feature is picked for a kind by its label, the one with the most activation in all; strength is a
multiple of its largest activation.
"""

import argparse
import re
from pathlib import Path

import torch
from torch import Tensor

import sae_widgets as sw

PROMPT = "I went to the"
N_TOKENS = 40
SEEDS = range(6)
STRENGTHS = (0.0, 0.5, 1.0, 1.5)


class Judge:
    """Naive Bayes: log p(kind | tokens) up to a constant, each kind equally likely beforehand."""

    def __init__(self, model: sw.HookedSAETransformer, documents: dict[str, list[str]]) -> None:
        self.kinds = list(documents)
        self._tokenizer = model.tokenizer
        counts = torch.stack([self._count(docs) for docs in documents.values()]) + 0.5
        self._log_p = (counts / counts.sum(1, keepdim=True)).log()

    def _count(self, texts: list[str]) -> Tensor:
        ids = [t for row in self._tokenizer(texts, add_special_tokens=False)["input_ids"] for t in row]
        return torch.tensor(ids).bincount(minlength=len(self._tokenizer)).float()

    def probabilities(self, text: str) -> Tensor:
        """`[n_kinds]`, p(kind | text)."""
        return (self._log_p @ self._count([text])).softmax(0)


def feature_of(kind: str, statistics: sw.FeatureStatistics) -> int | None:
    """Of the features whose label is this kind alone, the one with the most activation in all."""
    named = [f for f, label in statistics.labels.items() if re.fullmatch(rf"{kind} \(\d+%\)", label)]
    return max(named, key=lambda f: float(statistics.density[f] * statistics.mean_act[f]), default=None)


def check(text: Path, model_folder: Path, sae_folder: Path) -> str:
    """A Markdown table: p(kind) by strength, mean over seeds, and one steered text."""
    from train_lm import KIND_WEIGHTS, read_documents

    model = sw.load_model(model_folder)
    sae = sw.SAE.load_from_disk(sae_folder, dtype="float32")
    statistics = sw.known_statistics(sae)
    assert statistics is not None, "run describe_features.py first"
    judge = Judge(model, {k: d for k, d in read_documents(text, "train").items() if k in KIND_WEIGHTS})
    valid = {k: d[:40] for k, d in read_documents(text, "valid").items() if k in KIND_WEIGHTS}
    right = [
        judge.kinds[int(judge.probabilities(d[:200]).argmax())] == kind for kind, docs in valid.items() for d in docs
    ]
    lines = [
        f"Steering `{sae_folder.name}` on the prompt {PROMPT!r}, {N_TOKENS} tokens, mean over {len(SEEDS)} seeds. "
        "The table gives the probability that a naive Bayes judge gives the kind of text "
        f"(right on {sum(right) / len(right):.0%} of held-out passages of 200 characters).",
        "",
        f"| kind | feature | {' | '.join(f'{s} × max' for s in STRENGTHS)} | text at {STRENGTHS[2]} × max |",
        f"|---|---|{'---|' * len(STRENGTHS)}---|",
    ]
    for index, kind in enumerate(judge.kinds):
        feature = feature_of(kind, statistics)
        if feature is None:
            continue
        row, example = [], ""
        for strength in STRENGTHS:
            steers = (
                [sw.FeatureSteer(feature, strength * float(statistics.max_act[feature]), "add")] if strength else []
            )
            texts = [
                "".join(t.text for t in sw.generate_stream(model, sae, PROMPT, steers, max_new_tokens=N_TOKENS, seed=s))
                for s in SEEDS
            ]
            row.append(sum(float(judge.probabilities(t)[index]) for t in texts) / len(texts))
            example = texts[0] if strength == STRENGTHS[2] else example
        shown = " ".join(example.split()).replace("|", "\\|")
        lines.append(f"| {kind} | {feature} | {' | '.join(f'{p:.2f}' for p in row)} | {shown} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("text", type=Path)
    parser.add_argument("model", type=Path)
    parser.add_argument("sae", type=Path)
    arguments = parser.parse_args()
    print(check(arguments.text, arguments.model, arguments.sae))
