"""Temporal SAE on numbers one computes in the head, and what it does with sequences."""

import pytest
import torch

from sae_widgets.architectures import StandardSAEConfig, TemporalSAE, TemporalSAEConfig
from tests.tiny_sae import random_sae, random_x, tiny

EYE = torch.eye(2)
CLOSE = {"rtol": 0, "atol": 1e-4}  # 1e-6 is added to a length of what attention predicts


def small(weights: dict | None = None, **settings) -> TemporalSAE:
    """Two dimensions, two features, one head; lam is 1 / 8."""
    config = TemporalSAEConfig(d_in=2, d_sae=2, n_heads=1, bottleneck_factor=1, **settings)
    return tiny(config, W_dec=EYE, **(weights or {}))


ALWAYS_FIRST = {"attn_layers.0.c_proj.bias": [1.0, 0.0]}
TOKEN_BEFORE = {"attn_layers.0.v_ctx.weight": EYE, "attn_layers.0.c_proj.weight": EYE}


def test_without_a_prediction_features_are_the_input_times_lam():
    sae, x = small(), torch.tensor([[8.0, 16.0], [-8.0, 24.0]])
    assert sae.encode(x).tolist() == [[1.0, 2.0], [0.0, 3.0]]
    assert sae.bypass(x).tolist() == [[0.0, 0.0], [0.0, 0.0]]
    assert sae(x).tolist() == [[1.0, 2.0], [0.0, 3.0]]


def test_what_is_predicted_is_taken_away_and_passes_by():
    sae, x = small(ALWAYS_FIRST), torch.tensor([[8.0, 16.0]])
    new, predicted = sae.encode_with_predictions(x)
    torch.testing.assert_close(predicted, torch.tensor([[8.0, 0.0]]), **CLOSE)  # all of x along the first row
    torch.testing.assert_close(new, torch.tensor([[0.0, 2.0]]), **CLOSE)
    torch.testing.assert_close(sae.encode(x), new)
    torch.testing.assert_close(sae.decode(new), torch.tensor([[0.0, 2.0]]), **CLOSE)
    torch.testing.assert_close(sae.bypass(x), torch.tensor([[8.0, 0.0]]), **CLOSE)
    torch.testing.assert_close(sae(x), torch.tensor([[8.0, 2.0]]), **CLOSE)


def test_attention_sees_the_tokens_before():
    """Queries and keys are zero, so a token's guess is the mean code of those before it, and of one that is none."""
    sae, x = small(TOKEN_BEFORE), torch.tensor([[8.0, 0.0], [8.0, 8.0]])
    new, predicted = sae.encode_with_predictions(x)
    torch.testing.assert_close(predicted, torch.tensor([[0.0, 0.0], [8.0, 0.0]]), **CLOSE)  # a guess of [0.5, 0]
    torch.testing.assert_close(new, torch.tensor([[1.0, 0.0], [0.0, 1.0]]), **CLOSE)


def test_topk_keeps_the_largest_and_relu_all():
    x = torch.tensor([[8.0, 16.0]])
    assert small(kval_topk=1).encode(x).tolist() == [[0.0, 2.0]]
    assert small(kval_topk=1, sae_diff_type="relu").encode(x).tolist() == [[1.0, 2.0]]
    assert small(kval_topk=None).encode(x).tolist() == [[1.0, 2.0]]


def test_a_constant_factor_is_taken_in_and_back_out():
    plain = small(ALWAYS_FIRST)
    scaled = small(ALWAYS_FIRST, normalize_activations="constant_scalar_rescale", activation_normalization_factor=4.0)
    x = torch.tensor([[8.0, 16.0], [1.0, 3.0]])
    torch.testing.assert_close(scaled.encode(x), plain.encode(4 * x))
    torch.testing.assert_close(scaled(x), plain(4 * x) / 4)
    torch.testing.assert_close(scaled.bypass(x), plain.bypass(4 * x) / 4)
    torch.testing.assert_close(scaled.decode(scaled.encode(x)) + scaled.bypass(x), scaled(x))  # x is not needed


def test_other_architectures_have_no_constant_factor():
    with pytest.raises(ValueError, match="No normalize_activations mode 'constant_scalar_rescale' for architecture"):
        StandardSAEConfig(d_in=2, d_sae=2, normalize_activations="constant_scalar_rescale")


def test_an_untied_encoder_is_a_weight_and_adds_b_dec_always():
    x = torch.tensor([[8.0, 16.0]])
    untied = small({"W_enc": 2 * EYE, "b_dec": [1.0, 1.0]}, tied_weights=False, apply_b_dec_to_input=False)
    assert "W_enc" in untied.state_dict()
    assert untied.encode(x).tolist() == [[2.0, 4.0]]
    assert untied(x).tolist() == [[3.0, 5.0]]
    tied = small({"b_dec": [1.0, 1.0]}, apply_b_dec_to_input=False)
    assert "W_enc" not in tied.state_dict()
    assert tied(x).tolist() == [[1.0, 2.0]]


def test_sequences_do_not_see_each_other():
    sae, x = random_sae(TemporalSAEConfig, n_attn_layers=2), random_x(2, 3, 4, 6)
    assert sae.encode(x).shape == (2, 3, 4, 20)
    torch.testing.assert_close(sae(x)[1, 2], sae(x[1, 2]))
    torch.testing.assert_close(sae(x[0, 0, 0]), sae(x[0, 0, :1])[0])
    assert not torch.allclose(sae(x).flatten(0, 2), sae(x.flatten(0, 2)))


def test_a_hook_on_the_features_leaves_the_prediction():
    sae, x = random_sae(TemporalSAEConfig), random_x(5, 6)
    sae.hook_points["hook_sae_acts_post"].add_hook(lambda value, hook: torch.zeros_like(value))
    torch.testing.assert_close(sae(x), sae.bypass(x) + sae.b_dec)


def test_new_attention_keeps_the_size_of_what_goes_through():
    sae = TemporalSAE(TemporalSAEConfig(d_in=8, d_sae=64, n_heads=2, bottleneck_factor=4))
    layer = sae.attn_layers[0]
    for name, n_rows, length in (("k_ctx", 16, 8**-0.5), ("v_ctx", 64, 32**-0.5), ("c_proj", 64, 64**-0.5)):
        weight = getattr(layer, name).weight
        torch.testing.assert_close(weight.norm(dim=1), torch.full((n_rows,), length), rtol=1e-4, atol=0)


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"bottleneck_factor": 3}, "multiple of bottleneck_factor=3 times n_heads=1"),
        ({"n_heads": 0}, "n_heads is a positive whole number"),
        ({"kval_topk": 3}, "kval_topk is at most d_sae=2"),
        ({"activation_normalization_factor": 0.0}, "activation_normalization_factor is above 0"),
    ],
)
def test_settings_that_cannot_work_are_refused(settings: dict, problem: str):
    with pytest.raises(ValueError, match=problem):
        TemporalSAEConfig(**{"d_in": 2, "d_sae": 2, "n_heads": 1, "bottleneck_factor": 1, **settings})
