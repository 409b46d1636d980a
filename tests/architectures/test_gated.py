"""The gated SAE on numbers one computes in the head."""

import math

import pytest
import torch

from sae_widgets.architectures import GatedSAEConfig, GatedTrainingSAEConfig
from sae_widgets.sae import TrainContext
from tests.tiny_sae import random_sae, random_x, tiny


def test_the_gate_decides_and_the_magnitude_says_how_much():
    sae = tiny(
        GatedSAEConfig(d_in=2, d_sae=2),
        W_enc=[[1.0, 0.0], [0.0, 1.0]],
        r_mag=[math.log(2.0), 0.0],
        b_mag=[0.5, -4.0],
        b_gate=[0.0, 1.0],
        W_dec=torch.eye(2),
    )
    # gate [1, 4] open; magnitude [2.5, -1]: the second is cut by its relu
    assert sae.encode(torch.tensor([1.0, 3.0])).tolist() == [2.5, 0.0]
    # gate [-1, 6]: the first is shut although its magnitude is not
    sae.b_mag.data[0] = 9.0
    assert sae.encode(torch.tensor([-1.0, 5.0])).tolist() == [0.0, 1.0]


def test_gated_losses_by_hand():
    sae = tiny(
        GatedTrainingSAEConfig(d_in=2, d_sae=2),
        W_enc=torch.eye(2),
        b_gate=[1.0, -9.0],
        b_mag=[1.0, 0.0],
        W_dec=[[0.0, 2.0], [1.0, 0.0]],
    )
    x = torch.tensor([[1.0, 1.0]])
    # gate_pre [2, -8]; acts [2, 0]; x_hat [0, 4]; gate path [2, 0] -> [0, 4]
    terms = sae.objective(sae.train_parts(x), x, TrainContext({"l1": 0.25}))
    assert {name: value.item() for name, value in terms.items()} == {
        "mse_loss": 1 + 9,
        "l1_loss": 0.25 * 2 * 2,
        "auxiliary_reconstruction_loss": 1 + 9,
    }


@pytest.mark.parametrize("mode", ["none", "layer_norm", "constant_norm_rescale"])
def test_the_auxiliary_term_sees_what_the_gate_saw(mode: str):
    """Where gate and magnitude agree, the gate's reconstruction is the SAE's own, whatever the normalisation."""
    sae = random_sae(GatedTrainingSAEConfig, normalize_activations=mode)
    with torch.no_grad():
        sae.r_mag.zero_()
        sae.b_mag.copy_(sae.b_gate)
    x = random_x(5, 6)
    terms = sae.objective(sae.train_parts(x), x, TrainContext({"l1": 0.0}))
    torch.testing.assert_close(terms["auxiliary_reconstruction_loss"], terms["mse_loss"])


def test_one_product_gives_what_two_gave():
    sae, x = random_sae(GatedTrainingSAEConfig), random_x(30, 6)
    sae_in = x - sae.b_dec
    gate = (sae_in @ sae.W_enc + sae.b_gate) > 0
    magnitude = (sae_in @ (sae.W_enc * sae.r_mag.exp()) + sae.b_mag).relu()
    torch.testing.assert_close(sae.encode(x), gate * magnitude, rtol=1e-12, atol=1e-12)
