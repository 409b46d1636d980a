"""The shorter forward of a `HookedTransformer` of TransformerLens 3, over its settings, is the model's own."""

import pytest
import torch
from transformer_lens import HookedTransformer, HookedTransformerConfig

from sae_widgets.lean import lean_or_none
from sae_widgets.model import HookedSAETransformer

SHAPE = {
    "n_layers": 2, "d_model": 16, "n_heads": 4, "d_head": 4, "d_mlp": 32, "d_vocab": 50, "n_ctx": 32, "act_fn": "gelu",
    "device": "cpu", "default_prepend_bos": False,
}  # fmt: skip
ROTARY = {"positional_embedding_type": "rotary"}
KNOWN = {
    "LayerNorm": {},
    "folded": {"normalization_type": "LNPre", "scale_attn_by_inverse_layer_idx": True, "act_fn": "gelu_new"},
    "Llama": {
        **ROTARY, "normalization_type": "RMS", "rotary_dim": 4, "gated_mlp": True, "act_fn": "silu",
        "n_key_value_heads": 2,
    },
    "GPT-J": {**ROTARY, "parallel_attn_mlp": True, "rotary_dim": 2, "rotary_adjacent_pairs": True},
    "attention only": {"normalization_type": None, "attn_only": True, "act_fn": None, "d_mlp": None},
    "Gemma": {
        "attn_scores_soft_cap": 3.0, "output_logits_soft_cap": 2.0, "normalization_type": "RMSPre",
        "use_normalization_before_and_after": True,
    },
}  # fmt: skip
UNKNOWN = {
    "positions": {"positional_embedding_type": "shortformer"},
    "activation function": {"act_fn": "solu_ln"},
    "window": {"use_local_attn": True, "window_size": 8, "attn_types": ["global", "local"]},
}
NAMES = ["blocks.1.hook_resid_pre", "blocks.1.hook_attn_out", "blocks.0.hook_resid_post"]


@pytest.fixture(autouse=True)
def without_gradients():
    with torch.no_grad():
        yield


@pytest.fixture
def tokens():
    return torch.randint(0, 50, (3, 20), generator=torch.Generator().manual_seed(0))


def drawn(settings):
    generator = torch.Generator().manual_seed(0)
    model = HookedTransformer(HookedTransformerConfig(**{**SHAPE, **settings})).eval()
    for parameter in model.parameters():
        parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.3)
    return HookedSAETransformer(model)


def close(given, wanted):
    torch.testing.assert_close(given, wanted, rtol=1e-5, atol=1e-5 * float(wanted.abs().max()))


@pytest.mark.filterwarnings("ignore:HookedTransformer is deprecated:DeprecationWarning")
@pytest.mark.parametrize("kind", KNOWN)
def test_every_place_and_the_logits_are_the_models(kind, tokens):
    model = drawn(KNOWN[kind])
    lean = lean_or_none(model, 20, NAMES, changed_names=NAMES)
    assert lean is not None
    whole, cache = model.run_with_cache(tokens, names_filter=NAMES)
    close(lean.logits(tokens), whole)
    kept = lean.cache(20)
    close(torch.cat([lean.logits(part, cache=kept) for part in tokens.split([7, 1, 4, 8], 1)], 1), whole)
    close(lean.logits_from(cache[NAMES[0]], 1), whole)
    for name, captured in zip(NAMES, lean.capture(tokens, NAMES), strict=True):
        close(captured, cache[name])
        changed = model.run_with_hooks(tokens, fwd_hooks=[(name, lambda x, hook: x.roll(1, -1))])
        close(lean.logits(tokens, {name: lambda x: x.roll(1, -1)}), changed)


@pytest.mark.filterwarnings("ignore:HookedTransformer is deprecated:DeprecationWarning")
@pytest.mark.parametrize("kind", UNKNOWN)
def test_what_is_not_known_runs_as_it_is(kind):
    assert lean_or_none(drawn(UNKNOWN[kind]), 20) is None
