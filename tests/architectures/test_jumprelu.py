"""JumpReLU on numbers one computes in the head: the jump, its estimated gradient, the three penalties."""

import math

import pytest
import torch

from sae_widgets.architectures import JumpReLUSAEConfig, JumpReLUTrainingSAEConfig
from sae_widgets.sae import SAE, TrainContext
from tests.tiny_sae import loss_context, random_sae, random_x, tiny

THRESHOLD = [0.5, 2.0]


def identity(**settings) -> SAE:
    config = JumpReLUTrainingSAEConfig(d_in=2, d_sae=2, jumprelu_bandwidth=0.5, **settings)
    return tiny(config, W_enc=torch.eye(2), W_dec=[[1.0, 0.0], [0.0, 2.0]], threshold=THRESHOLD)


@pytest.mark.parametrize("config_class", [JumpReLUSAEConfig, JumpReLUTrainingSAEConfig])
def test_jumprelu_cuts_at_its_threshold(config_class):
    sae = tiny(config_class(d_in=2, d_sae=2), W_enc=torch.eye(2), W_dec=torch.eye(2), threshold=THRESHOLD)
    assert sae.encode(torch.tensor([[0.6, 1.9], [0.5, 2.1], [-1.0, 3.0]])).tolist() == [
        pytest.approx([0.6, 0.0]),
        pytest.approx([0.0, 2.1]),
        pytest.approx([0.0, 3.0]),
    ]


def test_an_inference_threshold_below_zero_lets_nothing_negative_through():
    sae = tiny(JumpReLUSAEConfig(d_in=1, d_sae=1), W_enc=[[1.0]], W_dec=[[1.0]], threshold=[-1.0])
    assert sae.encode(torch.tensor([-0.5])).tolist() == [0.0]


@pytest.mark.parametrize("to_input", [False, True])
def test_the_estimated_gradients_by_hand(to_input: bool):
    """x_hat and l0 each push on the threshold of the features whose pre-activation is within eps / 2 of it."""
    sae = identity(jumprelu_ste_to_input=to_input)
    x = torch.tensor([[0.6, 5.0]])  # the first is 0.1 above its threshold, inside the rectangle; the second is not
    parts = sae.train_parts(x)
    terms = sae.objective(parts, torch.zeros(1, 2), TrainContext({"l0": 3.0}))
    assert terms["l0_loss"].item() == pytest.approx(3.0 * 2)
    sum(terms.values()).backward()
    d_act = 2 * 0.6  # of the squared error with target 0 and a decoder row of [1, 0]
    rectangle = 1 / 0.5
    assert sae.threshold.grad.tolist() == pytest.approx([-(0.5 * rectangle * d_act + rectangle * 3.0), 0.0])
    through = (0.5 * rectangle * d_act + rectangle * 3.0) if to_input else 0.0
    assert sae.b_enc.grad.tolist() == pytest.approx([d_act + through, 2 * 10.0 * 2.0])


def test_quadratic_penalty_by_hand():
    sae = identity(jumprelu_sparsity_loss_mode="quadratic", target_l0=1.5)
    x = torch.tensor([[0.6, 5.0], [0.0, 0.0]])  # L0 2 and 0
    loss = sae.objective(sae.train_parts(x), x, TrainContext({"l0": 3.0}))["l0_loss"]
    assert loss.item() == pytest.approx(3.0 * 2 / 1.5 * (0.5**2 + 1.5**2) / 2)


def test_tanh_penalty_by_hand():
    sae = identity(jumprelu_sparsity_loss_mode="tanh", jumprelu_tanh_scale=0.5)
    x = torch.tensor([[0.6, 2.5]])
    loss = sae.objective(sae.train_parts(x), x, TrainContext({"l0": 3.0}))["l0_loss"]
    assert loss.item() == pytest.approx(3.0 * (math.tanh(0.3) + math.tanh(0.5 * 2.5 * 2.0)), rel=1e-6)


def test_pre_act_loss_lifts_dead_features_only():
    sae = identity(pre_act_loss_coefficient=0.1)
    x = torch.tensor([[-1.0, 0.5], [0.6, 3.0]])  # below the threshold by [1.5, 1.5] and [0, 0]
    context = TrainContext({"l0": 0.0}, torch.tensor([False, True]))
    assert sae.objective(sae.train_parts(x), x, context)["pre_act_loss"].item() == pytest.approx(0.1 * 1.5 * 2.0 / 2)
    nobody_counted = TrainContext({"l0": 0.0}, None)
    assert sae.objective(sae.train_parts(x), x, nobody_counted)["pre_act_loss"].item() == 0.0


def test_after_a_step_thresholds_are_not_negative():
    sae = identity()
    with torch.no_grad():
        sae.threshold.copy_(torch.tensor([-0.2, 0.3]))
    sae.after_step()
    assert sae.threshold.tolist() == pytest.approx([0.0, 0.3])


def test_thresholds_are_trained_in_float32_and_saved_in_the_saes_dtype(tmp_path):
    config = JumpReLUTrainingSAEConfig(d_in=2, d_sae=2, dtype="bfloat16", jumprelu_init_threshold=0.001)
    sae = SAE.from_config(config)
    assert sae.threshold.dtype == torch.float32
    assert sae.threshold.tolist() == [torch.tensor(0.001).item()] * 2
    assert sae.to(torch.float64).to(torch.bfloat16).threshold.tolist() == [torch.tensor(0.001).item()] * 2
    sae.save_inference_model(tmp_path)
    assert SAE.load_from_disk(tmp_path).threshold.dtype == torch.bfloat16


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"jumprelu_bandwidth": 0.0}, "jumprelu_bandwidth is above 0"),
        ({"jumprelu_init_threshold": -1.0}, "jumprelu_init_threshold is at least 0"),
        ({"jumprelu_sparsity_loss_mode": "quadratic"}, "needs target_l0 between 0 and d_sae=2"),
        ({"jumprelu_sparsity_loss_mode": "quadratic", "target_l0": 3.0}, "needs target_l0 between 0 and d_sae=2"),
        ({"l0_coefficient": float("nan")}, "l0_coefficient is a finite number"),
    ],
)
def test_settings_out_of_range_are_refused(settings: dict, message: str):
    with pytest.raises(ValueError, match=message):
        JumpReLUTrainingSAEConfig(d_in=2, d_sae=2, **settings)


def test_leading_axes_change_no_gradient():
    flat, folded = (random_sae(JumpReLUTrainingSAEConfig, jumprelu_bandwidth=2.0) for _ in range(2))
    x = random_x(6, 6)
    for sae, shaped in ((flat, x), (folded, x.view(2, 3, 6))):
        sum(sae.objective(sae.train_parts(shaped), shaped, loss_context(sae)).values()).backward()
    torch.testing.assert_close(flat.threshold.grad, folded.threshold.grad)
    assert flat.threshold.grad.abs().sum() > 0
