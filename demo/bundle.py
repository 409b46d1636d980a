"""Put the bundle into the package, weights in float16, and evaluate exactly what was put there.

    python demo/bundle.py build/demo sae_widgets/demo

Writes `model/`, `saes/<hook>/` (with feature statistics), `text/` (kept out of training) and `EVALUATION.md`, prints
the same table, and fails when the bundle passes 12 MB.
"""

import argparse
import json
import shutil
from pathlib import Path

import torch
from check_steering import check
from train_saes import CONTEXT_TOKENS, documents
from transformers import AutoModelForCausalLM

import sae_widgets as sw

MAX_BYTES = 12_000_000
STEERED_HOOK = "blocks.2.hook_resid_pre"
KINDS_NOT_SHIPPED = ("wiki",)  # share-alike
METRICS = [
    "l0",
    "explained_variance",
    "ce_loss_score",
    "ce_loss_without_sae",
    "ce_loss_with_sae",
    "ce_loss_with_ablation",
]


def copy(build: Path, package: Path) -> None:
    """Copy with the weights rounded to float16."""
    for name in ("model", "saes"):
        shutil.rmtree(package / name, ignore_errors=True)
    AutoModelForCausalLM.from_pretrained(build / "model", dtype=torch.float16).save_pretrained(package / "model")
    for name in ("tokenizer.json", "tokenizer_config.json", "training.json"):
        shutil.copy(build / "model" / name, package / "model" / name)
    for folder in sorted(p.parent for p in (build / "saes").glob("*/cfg.json")):
        target = package / "saes" / folder.name
        sae = sw.SAE.load_from_disk(folder, dtype=torch.float16)
        sae.cfg.metadata.model_name = "demo"  # `load_model` knows it by this name, wherever it was trained
        sae.save_model(target)
        shutil.copy(folder / "sparsity.safetensors", target)
        shutil.copytree(folder / "features", target / "features")
    (package / "text").mkdir(exist_ok=True)
    for file in sorted((build / "text").glob("*.valid.txt")):
        if (kind := file.name.removesuffix(".valid.txt")) not in KINDS_NOT_SHIPPED:
            shutil.copy(file, package / "text" / f"{kind}.txt")


def held_out(model: sw.HookedSAETransformer, text: Path, n_seqs: int = 160) -> torch.Tensor:
    """`[n_seqs, CONTEXT_TOKENS]` tokens of held-out documents of every kind, each row led by bos."""
    bos = model.tokenizer.bos_token_id
    encoded = model.tokenizer(documents(text, "valid"), add_special_tokens=False)["input_ids"]
    stream = torch.tensor([token for ids in encoded for token in [bos, *ids]])
    n_seqs = min(n_seqs, len(stream) // CONTEXT_TOKENS)
    rows = stream[: n_seqs * CONTEXT_TOKENS].view(n_seqs, CONTEXT_TOKENS)
    rows[:, 0] = bos
    return rows


def evaluate(build: Path, package: Path) -> str:
    """The evaluation of the bundle as Markdown."""
    training = json.loads((package / "model" / "training.json").read_text("utf-8"))
    lines = [
        "# Evaluation of the demo bundle",
        "",
        f"Printed by `demo/bundle.py`. Language model: {training['steps']:,} steps, {training['tokens']:,} tokens, "
        f"seed {training['seed']}; loss on held-out text:",
        "",
        "| kind | nats per token | bits per character |",
        "|---|---|---|",
        *(f"| {k} | {v['nats_per_token']:.3f} | {v['bits_per_character']:.3f} |" for k, v in training["valid"].items()),
        "",
        "SAEs, on held-out text of every kind, special tokens left out:",
        "",
        f"| hook | architecture | d_sae | {' | '.join(METRICS)} | tokens trained on |",
        f"|---|---|---|{'---|' * len(METRICS)}---|",
    ]
    model = sw.load_model(package / "model")
    tokens = held_out(model, build / "text")
    for folder in sorted((package / "saes").iterdir()):
        sae = sw.SAE.load_from_disk(folder, dtype=torch.float32)
        metrics = sw.run_evals(sae, model, tokens)
        runner = json.loads((build / "saes" / folder.name / "runner_cfg.json").read_text("utf-8"))
        values = " | ".join(f"{metrics[name]:.4f}" for name in METRICS)
        lines.append(
            f"| `{folder.name}` | {sae.cfg.architecture} | {sae.cfg.d_sae} | {values} | {runner['training_tokens']:,} |"
        )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", type=Path, help="folder with text/, model/ and saes/")
    parser.add_argument("package", type=Path)
    arguments = parser.parse_args()
    copy(arguments.build, arguments.package)
    steered = arguments.package / "saes" / STEERED_HOOK
    report = "\n".join(
        [
            evaluate(arguments.build, arguments.package),
            check(arguments.build / "text", arguments.package / "model", steered),
        ]
    )
    (arguments.package / "EVALUATION.md").write_text(report, "utf-8")
    size = sum(f.stat().st_size for f in arguments.package.rglob("*") if f.is_file())
    print(report, f"{size:,} bytes")
    if size > MAX_BYTES:
        raise SystemExit(
            f"The bundle has {size:,} bytes; at most {MAX_BYTES:,} may ship. Use fewer features or contexts."
        )
