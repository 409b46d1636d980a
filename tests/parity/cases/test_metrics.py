"""What an SAE does to the model: every number of run_evals, and logits through attached SAEs."""

import math
from typing import Any

import pytest
import torch
from sae_lens.analysis.hooked_sae_transformer import HookedSAETransformer
from sae_lens.evals import EvalConfig, get_eval_everything_config, get_saes_from_regex, run_evals
from sae_lens.saes.sae import SAEMetadata
from sae_lens.training.activation_scaler import ActivationScaler

from tests.parity.cases.drawn import used
from tests.parity.cases.drawn_model import SIZE, Tokens, model
from tests.parity.recording import Recording

BAR = 5e-5
"""Means over tokens: SAELens sums them in float32, we in float64."""
GROUPS = {
    "model_behavior_preservation": ("kl_div_score", "kl_div_with_ablation", "kl_div_with_sae"),
    "model_performance_preservation": (
        *("ce_loss_score", "ce_loss_with_ablation", "ce_loss_with_sae", "ce_loss_without_sae"),
    ),
    "reconstruction_quality": ("explained_variance", "explained_variance_legacy", "mse", "cossim"),
    "shrinkage": ("l2_norm_in", "l2_norm_out", "l2_ratio", "relative_reconstruction_bias"),
    "sparsity": ("l0", "l1"),
}
"""SAELens'; token_stats counts what was asked for there, what was measured here."""
CASES = {
    "standard": "blocks.1.hook_resid_pre",
    "topk-rescaled": "blocks.0.hook_mlp_out",
    "jumprelu": "blocks.1.attn.hook_z",
    "abstopk": "blocks.1.hook_resid_pre",
    "gated": "blocks.0.hook_attn_out",
}


def attached(variant: str) -> Any:
    hook_name = CASES[variant]
    heads = {"reshape_activations": "hook_z"} if hook_name.endswith("hook_z") else {}
    return used(variant, SIZE, metadata=SAEMetadata(hook_name=hook_name), **heads).eval()


@pytest.mark.parametrize("ignored", [[0, 3], False], ids=["special tokens left out", "all tokens"])
@pytest.mark.parametrize("variant", CASES)
def test_run_evals(variant: str, ignored: list[int] | bool, record: Recording):
    record.label = f"run_evals {variant}"
    metrics, features = run_evals(
        sae=attached(variant),
        activation_store=Tokens(),
        model=model(),
        activation_scaler=ActivationScaler(),
        eval_config=get_eval_everything_config(3, 2, 1),
        exclude_special_tokens=ignored,
    )
    for group, names in GROUPS.items():
        for name in names:
            value = metrics[group][name]
            # With tokens left out SAELens ablates at these as well; a score is the quotient of small differences.
            if not (ignored and ("ablation" in name or "score" in name)):
                record(f"{name}: {group}", float(value), bar=1e-3 if "score" in name else BAR)
    for name, values in features.items():
        # None stands for no number here, NaN with SAELens: firings for each prompt with one, where there is none.
        known = [math.nan if value is None else value for value in values]
        record(f"{name}: which are known", [not math.isnan(value) for value in known])
        record(name, torch.tensor(known).nan_to_num(-1.0), bar=BAR)


def test_only_what_is_switched_on_is_there(record: Recording):
    record.label = "run_evals switches"
    for switch in ("compute_kl", "compute_ce_loss", "compute_l2_norms", "compute_featurewise_weight_based_metrics"):
        metrics, features = run_evals(
            sae=attached("standard"),
            activation_store=Tokens(),
            model=model(),
            activation_scaler=ActivationScaler(),
            eval_config=EvalConfig(batch_size_prompts=3, n_eval_reconstruction_batches=2, **{switch: True}),
            exclude_special_tokens=[0],
        )
        record(f"{switch}: groups", sorted(set(metrics) - {"token_stats"}))
        names = [name for group in GROUPS for name in GROUPS[group] if name in metrics.get(group, {})]
        record(f"{switch}: names", names)
        # SAELens adds densities, all NaN, to whatever needs the SAE's activations.
        record(f"{switch}: features", sorted(name for name in features if name.startswith("encoder")))


def test_a_scaler_scales_what_the_sae_reads(record: Recording):
    record.label = "run_evals scaled"
    metrics, _ = run_evals(
        sae=attached("standard"),
        activation_store=Tokens(),
        model=model(),
        activation_scaler=ActivationScaler(scaling_factor=0.5),
        eval_config=get_eval_everything_config(3, 2, 1),
        exclude_special_tokens=False,
    )
    for group, names in GROUPS.items():
        for name in names:
            record(f"{name}: {group}", float(metrics[group][name]), bar=1e-3 if "score" in name else BAR)


def test_patterns_choose_published_saes(record: Recording):
    record.label = "get_saes_from_regex"
    for patterns in (("gpt2-small-res-jb", r"blocks\.(0|11)\..*"), ("gpt2-.*-jb", ".*"), ("no such release", ".*")):
        record(f"{patterns}", sorted(get_saes_from_regex(*patterns)))


@pytest.mark.parametrize("use_error_term", [False, True])
@pytest.mark.parametrize("variant", CASES)
@torch.no_grad()
def test_attached(variant: str, use_error_term: bool, record: Recording):
    record.label, sae, tokens = f"attached {variant}", attached(variant), Tokens().get_batch_tokens(2)
    hooked = model(HookedSAETransformer)
    record("logits without", hooked(tokens))
    record("logits", hooked.run_with_saes(tokens, saes=[sae], use_error_term=use_error_term))
    _, cache = hooked.run_with_cache_with_saes(tokens, saes=[sae], use_error_term=use_error_term)
    for point in ("hook_sae_input", "hook_sae_acts_post", "hook_sae_output"):
        record(f"cache: {point}", cache[f"{CASES[variant]}.{point}"])
    record("logits afterwards", hooked(tokens))
    hooked.add_sae(sae, use_error_term=use_error_term)
    record("attached", sorted(hooked.acts_to_saes))
    record("logits with add_sae", hooked(tokens))
    hooked.reset_saes()
    record("logits after reset", hooked(tokens))
