"""Time of an evaluation against SAELens': the same model, weights, tokens and metrics, one thread, in turns.

    .venv-parity/bin/python benchmarks/evals.py --rounds 5        # where SAELens is installed

Ours is given SAELens' own call. Bar: half the time for everything. With SAELens' defaults its sparsity metrics see a
tenth of the rows that its losses do; here both see all of them, which is what our single pass does anyway.
"""

import argparse
import statistics
import time
import warnings
from typing import Any

import torch

warnings.simplefilter("ignore")
CONTEXT, N_ROWS, N_BATCHES, D_VOCAB = 128, 8, 4, 8192


class Rows:
    """An activation store as far as evaluations ask."""

    store_batch_size_prompts, context_size = N_ROWS, CONTEXT

    def __init__(self) -> None:
        self.reset_input_dataset()

    def reset_input_dataset(self) -> None:
        """From the first row on again."""
        self.generator = torch.Generator().manual_seed(0)

    def get_batch_tokens(self, batch_size: int) -> torch.Tensor:
        """The next rows; a special token first in each."""
        tokens = torch.randint(1, D_VOCAB, (batch_size, self.context_size), generator=self.generator)
        tokens[:, 0] = 0
        return tokens


def main() -> None:
    import sae_lens
    from sae_lens.evals import EvalConfig, run_evals
    from sae_lens.saes.sae import SAEMetadata
    from sae_lens.training.activation_scaler import ActivationScaler
    from transformer_lens import HookedTransformer, HookedTransformerConfig

    import sae_widgets as sw
    import sae_widgets.evals as ours

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--d-model", type=int, default=256)
    parser.add_argument("--n-layers", type=int, default=6)
    parser.add_argument("--d-sae", type=int, default=4096)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    model = HookedTransformer(
        HookedTransformerConfig(
            n_layers=arguments.n_layers, d_model=arguments.d_model, n_heads=8, d_head=arguments.d_model // 8,
            d_mlp=4 * arguments.d_model, d_vocab=D_VOCAB, n_ctx=CONTEXT, act_fn="gelu", device="cpu",
            default_prepend_bos=False,
        )
    ).eval()  # fmt: skip
    hook = f"blocks.{arguments.n_layers // 2}.hook_resid_pre"
    sizes: dict[str, Any] = {"d_in": arguments.d_model, "d_sae": arguments.d_sae}
    switches = [name for name in EvalConfig.__dataclass_fields__ if name.startswith("compute_")]
    asked = {
        "everything": switches,
        "losses": ["compute_ce_loss"],
        "sparsity and variance": ["compute_sparsity_metrics", "compute_variance_metrics"],
    }
    for kind, settings in (("StandardSAE", {}), ("TopKSAE", {"k": 32})):
        theirs = getattr(sae_lens, kind)(
            getattr(sae_lens, f"{kind}Config")(**sizes, **settings, metadata=SAEMetadata(hook_name=hook))
        )
        mine = sw.SAE.from_config(getattr(sw, f"{kind}Config")(**sizes, **settings))
        mine.load_state_dict(theirs.state_dict())
        mine.cfg.metadata["hook_name"] = hook
        for what, names in asked.items():
            numbers = {"n_eval_reconstruction_batches": N_BATCHES, "n_eval_sparsity_variance_batches": N_BATCHES}
            numbers |= dict.fromkeys(names, True)
            calls = {
                "SAELens": lambda sae=theirs, n=numbers: run_evals(
                    sae, Rows(), model, ActivationScaler(), EvalConfig(**n), exclude_special_tokens=[0]
                ),
                "here": lambda sae=mine, n=numbers: ours.run_evals(
                    sae, Rows(), model, None, ours.EvalConfig(**n), exclude_special_tokens=[0]
                ),
            }
            taken: dict[str, list[float]] = {name: [] for name in calls}
            for turn in range(arguments.rounds + 1):
                for name, call in calls.items():
                    start = time.perf_counter()
                    call()
                    if turn:  # the first warms up
                        taken[name].append(time.perf_counter() - start)
            n_tokens = N_BATCHES * N_ROWS * CONTEXT
            medians = {name: statistics.median(times) for name, times in taken.items()}
            least = min(taken["SAELens"]) / min(taken["here"])
            print(
                f"{kind}, {what}: SAELens {n_tokens / medians['SAELens']:,.0f} tokens/s, here "
                f"{n_tokens / medians['here']:,.0f}; {medians['SAELens'] / medians['here']:.2f} times (of the least "
                f"of {arguments.rounds} times {least:.2f})"
            )


if __name__ == "__main__":
    main()
