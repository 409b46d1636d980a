"""The crosscoder on numbers one computes in the head, and its objective against differences of a second writing."""

import numpy as np
import pytest
import torch

import sae_widgets as sw
from sae_widgets.sae import TrainContext
from tests.architectures.slopes import check_gradients
from tests.tiny_sae import loss_context, random_sae, random_x, tiny

# Two sources of width 2; feature 0 lives in the first alone, feature 1 in both.
W_ENC = [[1.0, 0.0], [0.0, 1.0], [0.0, 0.0], [0.0, 1.0]]
W_DEC = [[3.0, 4.0, 0.0, 0.0], [0.0, 1.0, 5.0, 12.0]]
SIZES = {"d_in": 4, "d_sae": 2, "n_sources": 2}


@pytest.mark.parametrize("config_class", [sw.CrosscoderSAEConfig, sw.CrosscoderTrainingSAEConfig])
def test_one_code_reads_and_gives_every_source(config_class):
    sae = tiny(config_class(**SIZES), W_enc=W_ENC, W_dec=W_DEC, b_dec=[1.0, 0.0, 0.0, 0.0])
    x = torch.tensor([[3.0, 0.5], [7.0, 1.5]])  # n_sources x d; less b_dec: [2, 0.5], [7, 1.5]
    assert sae.encode(x).tolist() == [2.0, 2.0]
    assert sae(x).tolist() == [[7.0, 10.0], [10.0, 24.0]]
    assert sae(x.flatten()).tolist() == [7.0, 10.0, 10.0, 24.0]  # flat in, flat out
    assert sae.decode(sae.encode(x)).tolist() == [[7.0, 10.0], [10.0, 24.0]]
    assert sae.source_norms.tolist() == [[5.0, 0.0], [1.0, 13.0]]


def test_the_penalty_adds_the_lengths_of_all_sources():
    sae = tiny(sw.CrosscoderTrainingSAEConfig(**SIZES), W_enc=W_ENC, W_dec=W_DEC)
    x = torch.tensor([[2.0, 0.5, 7.0, 1.5], [0.0, 0.0, 0.0, 0.0]])  # activations [2, 2], [0, 0]
    terms = sae.objective(sae.train_parts(x), x, TrainContext({"l1": 0.5}))
    out = torch.tensor([6.0, 10.0, 10.0, 24.0])
    assert terms["mse_loss"].item() == pytest.approx(float(((out - x[0]) ** 2).sum()) / 2)
    assert terms["l1_loss"].item() == pytest.approx(0.5 * (2 * 5 + 2 * (1 + 13)) / 2)


def test_the_gradients_of_the_objective():
    sae, x = random_sae(sw.CrosscoderTrainingSAEConfig, l1_coefficient=0.7), random_x(5, 6)

    def loss(weights):
        acts = np.maximum((x.numpy() - weights["b_dec"]) @ weights["W_enc"] + weights["b_enc"], 0)
        error = acts @ weights["W_dec"] + weights["b_dec"] - x.numpy()
        lengths = sum(np.sqrt((part**2).sum(-1)) for part in (weights["W_dec"][:, :3], weights["W_dec"][:, 3:]))
        return (error**2).sum(-1).mean() + 0.7 * (acts * lengths).sum(-1).mean()

    check_gradients(sae, sae.objective(sae.train_parts(x), x, loss_context(sae)), loss)


def test_each_source_has_a_scaling_factor_of_its_own():
    sae = random_sae(sw.CrosscoderSAEConfig, normalize_activations="expected_average_only_in")
    x, factors = random_x(9, 2, 3), torch.tensor([[2.0], [0.5]], dtype=torch.float64)
    before = sae(x * factors) / factors
    sae.fold_activation_norm_scaling_factor([2.0, 0.5])
    torch.testing.assert_close(sae(x), before, rtol=1e-10, atol=1e-10)


def test_factors_that_fit_no_source_are_refused():
    with pytest.raises(ValueError, match="4 scaling factors for activations of width 6"):
        random_sae(sw.CrosscoderSAEConfig).fold_activation_norm_scaling_factor([1.0, 2.0, 3.0, 4.0])
    with pytest.raises(ValueError, match="What an SAE reads is what it writes"):
        random_sae(sw.CrosscoderSAEConfig).fold_activation_norm_scaling_factor(2.0, 3.0)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"n_sources": 0}, "n_sources is a positive whole number; got 0"),
        ({"n_sources": 4}, "d_in=6 is not n_sources=4 times a width"),
        ({"normalize_activations": "layer_norm"}, "use .expected_average_only_in., which has a factor for each"),
        ({"reshape_activations": "hook_z"}, "sources are flat activations"),
    ],
)
def test_settings_that_cannot_be_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        sw.CrosscoderSAEConfig(**{"d_in": 6, "d_sae": 4, **settings})


def test_a_wrong_number_of_sources_is_said_plainly():
    with pytest.raises(ValueError, match=r"width 6; got shape \(5, 3, 3\), width 3"):
        random_sae(sw.CrosscoderSAEConfig).encode(random_x(5, 3, 3))


def test_three_sources_can_be_read():
    sae = random_sae(sw.CrosscoderSAEConfig, n_sources=3)
    assert sae(random_x(5, 3, 2)).shape == (5, 3, 2)
    assert sae.source_norms.shape == (20, 3)
