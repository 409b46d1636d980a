"""Train the SAEs of the demo bundle with the project's own runner: one for every two layers of the model.

    python demo/train_saes.py build/demo/model build/demo/text build/demo/saes --tokens 4000000

Writes one native SAE folder per hook. `bundle.py` evaluates them in the form in which they ship.
"""

import argparse
import random
from pathlib import Path

import torch

import sae_widgets as sw

SEED = 0
CONTEXT_TOKENS = 256
D_SAE = 2048


def architectures() -> dict[str, sw.SAEConfig]:
    """Hook -> training form. Two architectures, so that both kinds of file are exercised by everyone who starts."""
    common = {"d_in": 192, "d_sae": D_SAE, "normalize_activations": "expected_average_only_in"}
    return {
        "blocks.2.hook_resid_pre": sw.TopKTrainingSAEConfig(k=32, **common),
        "blocks.3.hook_resid_pre": sw.BatchTopKTrainingSAEConfig(k=30, **common),
    }


def documents(folder: Path, split: str) -> list[str]:
    """Documents of every kind, shuffled together."""
    from train_lm import KIND_WEIGHTS, read_documents

    found = [d for kind, docs in read_documents(folder, split).items() if kind in KIND_WEIGHTS for d in docs]
    random.Random(SEED).shuffle(found)
    return found


def train(model: Path, text: Path, out: Path, n_tokens: int, hooks: list[str]) -> None:
    """Train and save the SAE of each hook in `hooks`."""
    hooked = sw.load_model(model)
    for hook_name in hooks:
        cfg = sw.LanguageModelSAERunnerConfig(
            sae=architectures()[hook_name],
            model_name=str(model),
            hook_name=hook_name,
            context_size=CONTEXT_TOKENS,
            training_tokens=n_tokens,
            train_batch_size_tokens=2048,
            store_batch_size_prompts=16,
            n_batches_in_buffer=16,
            lr=1e-3,
            lr_warm_up_steps=n_tokens // 2048 // 20,
            lr_decay_steps=n_tokens // 2048 // 3,
            exclude_special_tokens=True,
            seed=SEED,
            output_path=str(out / hook_name),
            checkpoint_path=str(out.parent / "checkpoints" / hook_name),
        )
        sw.SAETrainingRunner(cfg, override_model=hooked, override_dataset=documents(text, "train")).run()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("text", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--tokens", type=int, default=4_000_000)
    parser.add_argument("--hooks", nargs="+", default=list(architectures()))
    arguments = parser.parse_args()
    torch.manual_seed(SEED)
    train(arguments.model, arguments.text, arguments.out, arguments.tokens, arguments.hooks)
