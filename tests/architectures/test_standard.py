"""The standard SAE on numbers one computes in the head."""

import pytest
import torch

from sae_widgets.architectures import StandardSAE, StandardSAEConfig, StandardTrainingSAE, StandardTrainingSAEConfig
from sae_widgets.sae import TrainContext
from tests.tiny_sae import tiny

W_ENC = [[1.0, 0.0, -1.0], [0.0, 1.0, 1.0]]
W_DEC = [[3.0, 4.0], [0.0, 1.0], [0.0, 0.0]]


def test_standard_is_a_relu():
    sae = tiny(StandardSAEConfig(d_in=2, d_sae=3), W_enc=W_ENC, b_enc=[0.5, 0.0, 0.0], W_dec=W_DEC, b_dec=[1.0, 0.0])
    x = torch.tensor([2.0, 3.0])  # less b_dec: [1, 3]
    assert sae.encode(x).tolist() == [1.5, 3.0, 2.0]
    assert sae(x).tolist() == [1.0 + 4.5, 6.0 + 3.0]


def test_standard_without_b_dec_on_the_input():
    sae = tiny(StandardSAEConfig(d_in=2, d_sae=3, apply_b_dec_to_input=False), W_enc=W_ENC, W_dec=W_DEC, b_dec=[1, 0])
    assert sae.encode(torch.tensor([2.0, 3.0])).tolist() == [2.0, 3.0, 1.0]


@pytest.mark.parametrize(("p", "length"), [(1.0, 5.0 * 2 + 1.0 * 3), (2.0, (10.0**2 + 3.0**2) ** 0.5)])
def test_standard_penalty_weighs_by_decoder_norms(p: float, length: float):
    config = StandardTrainingSAEConfig(d_in=2, d_sae=3, l1_coefficient=7.0, l1_warm_up_steps=9, lp_norm=p)
    sae = tiny(config, W_enc=W_ENC, W_dec=W_DEC)
    x = torch.tensor([[2.0, 3.0], [-1.0, -2.0]])  # acts [2, 3, 1], [0, 0, 0]; decoder norms 5, 1, 0
    terms = sae.objective(sae.train_parts(x), x, TrainContext({"l1": 0.5}))
    out = torch.tensor([[6.0, 8.0 + 3.0], [0.0, 0.0]])
    assert list(terms) == ["mse_loss", "l1_loss"]
    assert terms["mse_loss"].item() == pytest.approx(((out - x) ** 2).sum().item() / 2)
    assert terms["l1_loss"].item() == pytest.approx(0.5 * length / 2, rel=1e-6)
    assert sae.coefficients() == {"l1": (7.0, 9)}


def test_the_training_name_is_the_same_class():
    assert StandardTrainingSAE is StandardSAE
