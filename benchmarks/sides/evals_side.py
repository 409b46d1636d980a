# pyright: reportMissingImports=false
"""One side of `evals.py`: SAELens' call for an evaluation, of its own function or of ours."""

import json
import logging
import sys
import warnings
from typing import Any

import torch
from answers import Answers, serve
from demo_model import DEMO, rows_of_tokens, their_model

warnings.simplefilter("ignore")
logging.disable(logging.WARNING)


class Rows:
    """An activation store as far as evaluations ask."""

    def __init__(self, tokens: torch.Tensor, n_rows: int) -> None:
        self.tokens, self.store_batch_size_prompts, self.context_size = tokens, n_rows, tokens.shape[1]
        self.reset_input_dataset()

    def reset_input_dataset(self) -> None:
        """From the first row on again."""
        self.at = 0

    def get_batch_tokens(self, batch_size: int) -> torch.Tensor:
        """The next rows, from the first on again after the last."""
        self.at = self.at if self.at + batch_size <= len(self.tokens) else 0
        self.at += batch_size
        return self.tokens[self.at - batch_size : self.at]


def main() -> None:
    setup = json.loads(sys.argv[1])
    torch.set_num_threads(setup["threads"])
    answers = Answers()
    folder = DEMO / "saes" / "blocks.2.hook_resid_pre"
    if setup["side"] == "sae_widgets":
        import sae_widgets as sw
        from sae_widgets.evals import EvalConfig, run_evals

        model, sae = sw.load_demo()[0], sw.SAE.load_from_disk(str(folder), dtype="float32")
        scaler: Any = None
    else:
        from sae_lens import SAE
        from sae_lens.evals import EvalConfig, run_evals
        from sae_lens.training.activation_scaler import ActivationScaler

        model, sae, scaler = their_model(), SAE.load_from_disk(folder), ActivationScaler()
        sae = sae.to(torch.float32)
    sae.eval()
    tokens = rows_of_tokens(setup["n_rows"] * setup["n_batches"], 128)
    numbers = {f"n_eval_{what}_batches": setup["n_batches"] for what in ("reconstruction", "sparsity_variance")}

    def evaluate(names: list[str]) -> dict[str, float]:
        config = EvalConfig(**numbers, **dict.fromkeys(names, True))
        rows = Rows(tokens, setup["n_rows"])
        found = run_evals(sae, rows, model, scaler, config, exclude_special_tokens=[0])[0]
        return {name: float(value) for group in found.values() for name, value in group.items()}

    serve(answers, {what: lambda names=names: evaluate(names) for what, names in setup["asked"].items()})


if __name__ == "__main__":
    main()
