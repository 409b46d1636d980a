"""`python -m sae_widgets evals SAE_REGEX BLOCK_REGEX`: `sweep.multiple_evals` from a shell, with SAELens' arguments."""

import argparse
import sys

from sae_widgets.evals.config import EvalConfig, get_eval_everything_config
from sae_widgets.evals.sweep import multiple_evals, process_results

SWITCHES = {
    "compute_kl": "KL divergences",
    "compute_ce_loss": "next-token losses",
    "compute_l2_norms": "lengths",
    "compute_sparsity_metrics": "L0, L1, dead features",
    "compute_variance_metrics": "explained variance, errors, cosine",
    "compute_featurewise_density_statistics": "how often each feature fires",
    "compute_featurewise_weight_based_metrics": "each feature's weights",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """SAELens' arguments, on `parser`."""
    parser.add_argument("sae_regex_pattern", help="pattern for the whole name of a release; or 'demo'; or a folder")
    parser.add_argument(
        "sae_block_pattern", nargs="?", default=".*", help="pattern for the whole id of an SAE (default: all)"
    )
    parser.add_argument("--batch_size_prompts", type=int, default=16, help="rows in a batch (default: 16)")
    parser.add_argument("--n_eval_reconstruction_batches", type=int, default=10, help="batches (default: 10)")
    parser.add_argument(
        "--n_eval_sparsity_variance_batches", type=int, default=1, help="batches, if that is more (default: 1)"
    )
    for name, what in SWITCHES.items():
        parser.add_argument(f"--{name}", action="store_true", help=f"{what}; without any --compute_* all of them")
    parser.add_argument("--datasets", nargs="+", help="text to read; by default what each SAE was not trained on")
    parser.add_argument("--dataset_trust_remote_code", action="store_true", help="refused: no such code is run")
    parser.add_argument("--ctx_lens", nargs="+", type=int, default=[128], help="tokens in a row (default: 128)")
    parser.add_argument("--output_dir", default="eval_results", help="where results go (default: eval_results)")
    parser.add_argument("--device", help="cpu, cuda ... (default: a GPU if there is one)")
    parser.add_argument("--verbose", action="store_true", help="a line for each SAE as it is done")


def main(args: argparse.Namespace) -> int:
    """The exit status: 0, or 2 where nothing could be evaluated."""
    chosen = [name for name in SWITCHES if getattr(args, name)]
    batches = (args.batch_size_prompts, args.n_eval_reconstruction_batches, args.n_eval_sparsity_variance_batches)
    cfg = EvalConfig(*batches[:2]) if chosen else get_eval_everything_config(*batches)
    for name in chosen:
        setattr(cfg, name, True)
    try:
        results = multiple_evals(
            args.sae_regex_pattern,
            args.sae_block_pattern,
            *batches[1:],
            batches[0],
            args.datasets,
            args.dataset_trust_remote_code,
            args.ctx_lens,
            args.output_dir,
            eval_config=cfg,
            device=args.device,
            report=_say if args.verbose else lambda line: None,
        )
        files = process_results(results, args.output_dir)
    except (ValueError, OSError) as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)  # noqa: T201
        return 2
    _say(f"{len(results)} evaluated. {files['combined_json']}  {files['csv']}")
    return 0


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201


def run_evals_cli(args: list[str]) -> int:
    """`main` for arguments as a shell gives them."""
    parser = argparse.ArgumentParser(prog="python -m sae_widgets evals", description=__doc__)
    add_arguments(parser)
    return main(parser.parse_args(args))
