"""How good an SAE is, in the model it was trained on, and what its features are worth.

evaluation   run_evals, compare_saes: one pass over tokens, every metric with n and an interval
formulas     what each metric is, as a function of sums over tokens
intervals    confidence intervals clustered by sequence
measuring    the pass: what is run, and what is summed
places       where an SAE reads and writes, and forwards with something else there
weights      metrics of each feature that weights alone give
held_out     text an SAE was not trained on
config       SAELens' way to ask
result       EvalResult, Comparison: data, table, JSON
sweep        many SAEs by pattern, and the files of results
command      the same from a shell

labelled        texts of known kinds as means of activations, and linear probes
sparse_probing  a few features against a probe on raw activations
perturbation    targeted probe perturbation, spurious correlation removal
absorption      feature absorption on spelling
"""

from sae_widgets.evals.absorption import feature_absorption
from sae_widgets.evals.config import EvalConfig, get_eval_everything_config
from sae_widgets.evals.evaluation import compare_saes, run_evals
from sae_widgets.evals.held_out import held_out_tokens
from sae_widgets.evals.measuring import kl_divergence, next_token_loss
from sae_widgets.evals.perturbation import spurious_correlation_removal, targeted_probe_perturbation
from sae_widgets.evals.result import Comparison, EvalResult, FeatureMetrics
from sae_widgets.evals.sparse_probing import sparse_probing
from sae_widgets.evals.sweep import all_loadable_saes, get_saes_from_regex, multiple_evals, process_results

__all__ = [
    "Comparison",
    "EvalConfig",
    "EvalResult",
    "FeatureMetrics",
    "all_loadable_saes",
    "compare_saes",
    "feature_absorption",
    "get_eval_everything_config",
    "get_saes_from_regex",
    "held_out_tokens",
    "kl_divergence",
    "multiple_evals",
    "next_token_loss",
    "process_results",
    "run_evals",
    "sparse_probing",
    "spurious_correlation_removal",
    "targeted_probe_perturbation",
]
