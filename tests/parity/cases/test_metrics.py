"""What an SAE does to the model: every number of run_evals, and logits through attached SAEs."""

from typing import Any

import pytest
import torch
from sae_lens.analysis.hooked_sae_transformer import HookedSAETransformer
from sae_lens.evals import get_eval_everything_config, run_evals
from sae_lens.saes.sae import SAEMetadata
from sae_lens.training.activation_scaler import ActivationScaler

from tests.parity.cases.drawn import used
from tests.parity.cases.drawn_model import SIZE, Tokens, model
from tests.parity.recording import Recording

BAR = 5e-5
"""Means over tokens: SAELens sums them in float32, we in float64."""
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
    metrics, _ = run_evals(
        sae=attached(variant),
        activation_store=Tokens(),
        model=model(),
        activation_scaler=ActivationScaler(),
        eval_config=get_eval_everything_config(3, 2, 1),
        exclude_special_tokens=ignored,
    )
    metrics.pop("token_stats", None)  # SAELens counts what it has asked for, not what it has measured
    for group, values in metrics.items():
        for name, value in values.items():
            # With tokens left out SAELens ablates at these as well; a score is the quotient of small differences.
            if not (ignored and ("ablation" in name or "score" in name)):
                record(f"{name}: {group}", float(value), bar=1e-3 if "score" in name else BAR)


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
