"""Recipes at work: does `target_l0` get there from a bad start, and how many features are dead in the end?

    python benchmarks/recipes.py l0                                     target_l0=32 on the demo model, one core
    python benchmarks/recipes.py dead [--model FOLDER --text FILE]      share of dead features for each architecture

`l0`: the coefficient starts ten times too high and too low; L0 in the last 50 steps, and what `run_evals` measures on
60,000 tokens of texts held out, with its interval: texts differ by more than the control does.
`dead`: a feature is dead that fired on none of the last quarter of the training tokens. One seed, short runs.
"""

import argparse
import tempfile
import time
from pathlib import Path
from typing import Any

import torch

import sae_widgets as sw
from sae_widgets.demo import text_folder
from sae_widgets.evals import held_out_tokens

NORMALIZED = {"normalize_activations": "expected_average_only_in"}
LIFTED = {"pre_act_loss_coefficient": 3e-6}
# Anthropic's form of JumpReLU (January 2025), where the estimator reaches the encoder too. "jumprelu_step" is SAELens'
# default form, where the penalty reaches thresholds alone.
JUMPS = {
    "jumprelu_sparsity_loss_mode": "tanh",
    "jumprelu_ste_to_input": True,
    "jumprelu_bandwidth": 2.0,
    "jumprelu_init_threshold": 0.1,
    "l0_warm_up_steps": 100,
}
RECIPES: dict[str, dict[str, Any]] = {
    "standard": {"l1_coefficient": 1.2, "l1_warm_up_steps": 100, **LIFTED},
    "gated": {"l1_coefficient": 1.6, "l1_warm_up_steps": 100, **LIFTED},
    "jumprelu": {"l0_coefficient": 0.22, **JUMPS, **LIFTED},
    "jumprelu_step": {"l0_coefficient": 0.22},
    "topk": {"k": 32},
    "batchtopk": {"k": 32.0},
    "matryoshka_batchtopk": {"k": 32.0},
}
"""SAE settings for an L0 of 32 in the unit of normalised activations."""
STEERED = ("standard", "gated", "jumprelu", "jumprelu_step", "jumprelu_transcoder")


def settings_of(architecture: str, d_in: int, expansion: int) -> dict[str, Any]:
    """Flat keywords of the SAE."""
    own = dict(RECIPES[architecture.removesuffix("_transcoder")])
    if architecture == "matryoshka_batchtopk":
        own["matryoshka_widths"] = [d_in, d_in * expansion]
    sizes = {"architecture": architecture.removesuffix("_step"), "d_in": d_in, "d_sae": d_in * expansion}
    return {**sizes, **NORMALIZED, **own}


def split_demo_texts() -> tuple[list[str], list[str]]:
    """The bundled documents for training, and every tenth for measuring."""
    joined = [file.read_text("utf-8") for file in sorted(text_folder().glob("*.txt"))]
    documents = [each.strip() for text in joined for each in text.split("<|endoftext|>") if each.strip()]
    return [d for i, d in enumerate(documents) if i % 10], documents[::10]


def train(model: Any, texts: Any, n_steps: int, batch: int, **settings: Any) -> Any:
    """The runner, after its run."""
    cfg = sw.LanguageModelSAERunnerConfig(
        **settings,
        training_tokens=n_steps * batch,
        train_batch_size_tokens=batch,
        store_batch_size_prompts=16,
        n_batches_in_buffer=16,
        exclude_special_tokens=True,
        lr=1e-3,
        dead_feature_window=min(1000, n_steps // 10),
        feature_sampling_window=n_steps // 8,
        output_path=None,
        checkpoint_path=tempfile.mkdtemp(),
        verbose=False,
    )
    runner = sw.SAETrainingRunner(cfg, override_model=model, override_dataset=texts)
    runner.run()
    return runner


def show_l0(arguments: argparse.Namespace) -> None:
    """The table of starts and ends."""
    model = sw.load_model("demo")
    texts, held_out = split_demo_texts()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "held_out.txt"
        file.write_text("\n<|endoftext|>\n".join(held_out), encoding="utf-8")
        print("| architecture | start | L0 | off | L0 held out | off | coefficient | seconds |\n" + "|---" * 8 + "|")
        for architecture in arguments.architectures or STEERED:
            settings = settings_of(architecture, 192, arguments.expansion)
            name = "l1_coefficient" if "l1_coefficient" in settings else "l0_coefficient"
            places = {"hook_name": "blocks.2.hook_resid_pre"}
            if "transcoder" in architecture:
                places = {"hook_name": "blocks.2.hook_resid_mid", "hook_name_out": "blocks.2.hook_mlp_out"}
                settings["d_out"] = 192
            for factor in (0.1, 10.0):
                start = time.perf_counter()
                bad = {**settings, **places, name: settings[name] * factor, "target_l0": 32.0}
                runner = train(model, texts, arguments.steps, arguments.batch, **bad)
                took = time.perf_counter() - start
                sae = runner.training_run.result()
                tokens = held_out_tokens(model, [sae], str(file), n_tokens=60_000).rows
                apart = sw.run_evals(sae, model, tokens, metrics=["l0"])
                ends = runner.training_run.history.series("l0")[1][-50:]
                l0 = sum(ends) / len(ends)
                now = next(iter(runner.training_run.settings[key] for key in [name]))
                low, high = apart.intervals["l0"]
                print(
                    f"| {architecture} | x {factor:g} | {l0:.2f} | {100 * (l0 / 32 - 1):+.1f} % "
                    f"| {apart['l0']:.2f} ({low:.2f} to {high:.2f}) | {100 * (apart['l0'] / 32 - 1):+.1f} % "
                    f"| {now:.3g} | {took:.0f} |",
                    flush=True,
                )


def show_dead(arguments: argparse.Namespace) -> None:
    """The table of architectures."""
    model = sw.load_model(arguments.model)
    texts = split_demo_texts()[0] if arguments.model == "demo" else arguments.text
    d_in = model.cfg.d_model
    print("| architecture | L0 | explained variance | dead | of | seconds |\n|---|---|---|---|---|---|")
    for architecture in arguments.architectures or RECIPES:
        start = time.perf_counter()
        settings = settings_of(architecture, d_in, arguments.expansion)
        hook = f"blocks.{model.cfg.n_layers // 2}.hook_resid_pre"
        steered = {} if "k" in settings else {"target_l0": 32.0}
        runner = train(model, texts, arguments.steps, arguments.batch, hook_name=hook, **settings, **steered)
        trainer = runner.training_run.trainable.members[""].trainer
        dead = float((10 ** trainer.log_sparsity() < 1e-9).float().mean())
        measured = runner.metrics
        print(
            f"| {architecture} | {measured['l0']:.1f} | {measured['explained_variance']:.3f} | {100 * dead:.1f} % "
            f"| {settings['d_sae']} | {time.perf_counter() - start:.0f} |",
            flush=True,
        )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["l0", "dead"])
    parser.add_argument("--model", default="demo")
    parser.add_argument("--text", default=None, help="texts for another model than the demo")
    parser.add_argument("--architectures", nargs="+")
    parser.add_argument("--steps", type=int, default=800)
    parser.add_argument("--batch", type=int, default=512)
    parser.add_argument("--expansion", type=int, default=4)
    torch.set_num_threads(1)
    chosen = parser.parse_args()
    {"l0": show_l0, "dead": show_dead}[chosen.what](chosen)
