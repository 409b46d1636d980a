"""Transcoders on numbers one computes in the head, and their objectives against differences of a second writing."""

import numpy as np
import pytest
import torch

import sae_widgets as sw
from sae_widgets.sae import SAE, TrainContext
from tests.architectures.slopes import check_gradients
from tests.tiny_sae import loss_context, random_sae, random_x, target_of, tiny

W_ENC = [[1.0, 0.0, -1.0], [0.0, 1.0, 1.0]]  # d_in 2, d_sae 3
W_DEC = [[3.0, 4.0, 0.0, 0.0], [0.0, 0.0, 0.0, 1.0], [1.0, 1.0, 1.0, 1.0]]  # d_out 4
B_DEC = [0.0, 0.0, 10.0, 0.0]
W_SKIP = [[1.0, 0.0], [0.0, 0.0], [0.0, 2.0], [1.0, 1.0]]  # d_out x d_in
SIZES = {"d_in": 2, "d_sae": 3, "d_out": 4}
X = [2.0, 3.0]  # activations [2, 3, 1]

PLAIN = (sw.TranscoderConfig, sw.TranscoderTrainingConfig)
SKIP = (sw.SkipTranscoderConfig, sw.SkipTranscoderTrainingConfig)
JUMP = (sw.JumpReLUTranscoderConfig, sw.JumpReLUTranscoderTrainingConfig)
JUMP_SKIP = (sw.JumpReLUSkipTranscoderConfig, sw.JumpReLUSkipTranscoderTrainingConfig)


def made(config_class, **weights) -> SAE:
    return tiny(config_class(**SIZES), W_enc=W_ENC, W_dec=W_DEC, b_dec=B_DEC, **weights)


@pytest.mark.parametrize("config_class", PLAIN)
def test_a_transcoder_by_hand(config_class):
    sae = made(config_class)
    assert sae.encode(torch.tensor(X)).tolist() == [2.0, 3.0, 1.0]  # b_dec is not taken from the input
    assert sae(torch.tensor(X)).tolist() == [6.0 + 1.0, 8.0 + 1.0, 10.0 + 1.0, 3.0 + 1.0]
    assert sae.bypass(torch.tensor(X)).tolist() == [0.0] * 4


@pytest.mark.parametrize("config_class", SKIP)
def test_a_skip_transcoder_adds_a_linear_path_by_hand(config_class):
    sae, x = made(config_class, W_skip=W_SKIP), torch.tensor(X)
    assert sae.decode(sae.encode(x)).tolist() == [7.0, 9.0, 11.0, 4.0]
    assert sae.bypass(x).tolist() == [2.0, 0.0, 6.0, 5.0]
    assert sae(x).tolist() == [9.0, 9.0, 17.0, 9.0]
    out, acts = sae.forward_with_activations(x)
    assert (out.tolist(), acts.tolist()) == ([9.0, 9.0, 17.0, 9.0], [2.0, 3.0, 1.0])


@pytest.mark.parametrize("config_class", [*JUMP, *JUMP_SKIP])
def test_a_jumprelu_transcoder_cuts_at_its_threshold_by_hand(config_class):
    sae = made(config_class, threshold=[2.5, 0.0, 0.5])
    assert sae.encode(torch.tensor(X)).tolist() == [0.0, 3.0, 1.0]
    assert sae(torch.tensor(X)).tolist() == [1.0, 1.0, 11.0, 4.0]


def test_the_skip_connection_sees_the_input_as_it_is():
    config = sw.SkipTranscoderConfig(**SIZES, normalize_activations="constant_norm_rescale")
    sae = tiny(config, W_enc=W_ENC, W_dec=W_DEC, W_skip=W_SKIP)
    x = torch.tensor([30.0, 40.0])  # scaled: [0.6, 0.8] * sqrt(2)
    torch.testing.assert_close(sae.encode(x), torch.tensor([0.6, 0.8, 0.2]) * 2**0.5)
    torch.testing.assert_close(sae(x), torch.tensor([2.0, 2.6, 0.2, 1.0]) * 2**0.5 + torch.tensor([30.0, 0, 80, 70]))


@pytest.mark.parametrize("config_class", [*PLAIN, *SKIP, *JUMP, *JUMP_SKIP])
def test_b_dec_on_the_input_is_refused(config_class):
    with pytest.raises(ValueError, match="apply_b_dec_to_input=True has no meaning for a transcoder"):
        config_class(**SIZES, apply_b_dec_to_input=True)
    assert config_class(**SIZES).apply_b_dec_to_input is False


@pytest.mark.parametrize(
    ("settings", "message"),
    [({"d_out": 0}, "d_out is a positive whole number; got 0"), ({"b_dec_init": "median"}, "'mean' or 'zeros'")],
)
def test_settings_out_of_range_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        sw.SkipTranscoderTrainingConfig(**{**SIZES, **settings})


def test_the_penalty_by_hand():
    sae = made(sw.SkipTranscoderTrainingConfig, W_skip=W_SKIP)
    x, target = torch.tensor([X, [-1.0, -2.0]]), torch.zeros(2, 4)
    terms = sae.objective(sae.train_parts(x), target, TrainContext({"l1": 0.5}))
    assert list(terms) == ["mse_loss", "l1_loss"]
    silent = [-1.0, 0.0, 10.0 - 4.0, -3.0]  # b_dec and the skip connection alone
    assert terms["mse_loss"].item() == pytest.approx((81 + 81 + 289 + 81 + sum(v * v for v in silent)) / 2)
    assert terms["l1_loss"].item() == pytest.approx(0.5 * (2 * 5 + 3 * 1 + 1 * 2) / 2)
    assert sae.coefficients() == {"l1": (1.0, 0)}


def test_a_transcoder_trained_on_scaled_activations_is_folded_with_both_factors():
    for config_class in (sw.SkipTranscoderTrainingConfig, sw.JumpReLUSkipTranscoderTrainingConfig):
        sae, x = random_sae(config_class, normalize_activations="expected_average_only_in"), random_x(9, 6)
        before = sae(2.5 * x) / 0.4
        sae.fold_activation_norm_scaling_factor(2.5, 0.4)
        torch.testing.assert_close(sae(x), before, rtol=1e-10, atol=1e-10)


def test_the_error_term_is_what_is_missing_of_the_target():
    sae = made(sw.SkipTranscoderConfig, W_skip=W_SKIP)
    x, target = torch.tensor([X]), torch.tensor([[1.0, 2.0, 3.0, 4.0]])
    assert sae(x, use_error_term=True, target=target).tolist() == target.tolist()
    sae.hook_points["hook_sae_acts_post"].add_hook(lambda acts, hook: acts * torch.tensor([0.0, 1.0, 1.0]))
    torch.testing.assert_close(sae(x, use_error_term=True, target=target), target - torch.tensor([[6.0, 8.0, 0, 0]]))


# Objectives


def forward_of(weights, x, acts):
    out = acts @ weights["W_dec"] + weights["b_dec"]
    return out + x @ weights["W_skip"].T if "W_skip" in weights else out


@pytest.mark.parametrize("config_class", [PLAIN[1], SKIP[1]])
def test_the_gradients_of_the_penalised_objective(config_class):
    sae, x = random_sae(config_class, d_in=3, d_sae=7, d_out=4, l1_coefficient=0.7), random_x(5, 3)
    target = target_of(sae, x)

    def loss(weights):
        acts = np.maximum(x.numpy() @ weights["W_enc"] + weights["b_enc"], 0)
        error = forward_of(weights, x.numpy(), acts) - target.numpy()
        lengths = np.sqrt((weights["W_dec"] ** 2).sum(-1))
        return (error**2).sum(-1).mean() + 0.7 * (acts * lengths).sum(-1).mean()

    check_gradients(sae, sae.objective(sae.train_parts(x), target, loss_context(sae)), loss)


@pytest.mark.parametrize("config_class", [JUMP[1], JUMP_SKIP[1]])
@pytest.mark.parametrize("mode", ["step", "tanh", "quadratic"])
def test_the_gradients_of_the_jumping_objective(config_class, mode):
    bandwidth = 0.5
    sae = random_sae(
        config_class,
        **{"d_in": 3, "d_sae": 7, "d_out": 4, "jumprelu_sparsity_loss_mode": mode, "target_l0": 2.0},
        **{"l0_coefficient": 0.7, "jumprelu_bandwidth": bandwidth},
    )
    sae.threshold.data = sae.threshold.data.double()
    x = random_x(5, 3)
    target = target_of(sae, x)

    def parts(weights):
        pre = x.numpy() @ weights["W_enc"] + weights["b_enc"]
        acts = pre * (pre > weights["threshold"])
        return pre, acts, forward_of(weights, x.numpy(), acts) - target.numpy()

    def sparsity(l0, acts, lengths):
        if mode == "tanh":
            return np.tanh(4.0 * acts * lengths).sum(-1)
        return l0 if mode == "step" else 2 / 2.0 * (l0 - 2.0) ** 2

    def loss(weights):
        pre, acts, error = parts(weights)
        l0 = (pre > weights["threshold"]).sum(-1)
        lengths = np.sqrt((weights["W_dec"] ** 2).sum(-1))
        return (error**2).sum(-1).mean() + 0.7 * sparsity(l0, acts, lengths).mean()

    check_gradients(sae, sae.objective(sae.train_parts(x), target, loss_context(sae)), loss, "threshold")
    # The threshold's is an estimate: the loss's slope along what jumps, seen through a rectangle.
    weights = {name: weight.detach().numpy() for name, weight in sae.named_parameters()}
    pre, acts, error = parts(weights)
    rectangle = np.abs((pre - weights["threshold"]) / bandwidth) < 0.5
    by_act = 2 * error @ weights["W_dec"].T
    by_step = np.zeros_like(pre)
    if mode == "tanh":
        lengths = np.sqrt((weights["W_dec"] ** 2).sum(-1))
        by_act = by_act + 0.7 * 4.0 * lengths / np.cosh(4.0 * acts * lengths) ** 2
    elif mode == "step":
        by_step += 0.7
    else:
        by_step += 0.7 * 2 * ((pre > weights["threshold"]).sum(-1, keepdims=True) - 2.0)
    expected = -(rectangle / bandwidth * (weights["threshold"] * by_act + by_step)).sum(0) / len(pre)
    assert rectangle.any()
    np.testing.assert_allclose(sae.threshold.grad.numpy(), expected, rtol=1e-8, atol=1e-12)


# Names and files


@pytest.mark.parametrize("name", ["", "Skip", "JumpReLU", "JumpReLUSkip", "CrossLayer", "CrossLayerSkip"])
def test_the_training_name_is_the_same_class(name):
    inference = getattr(sw, f"{name}Transcoder")
    assert getattr(sw, f"{name}TranscoderTraining") is inference
    assert inference.config_class is getattr(sw, f"{name}TranscoderConfig")
    assert inference.training_config_class is getattr(sw, f"{name}TranscoderTrainingConfig")


def test_the_folder_is_that_of_saelens(tmp_path):
    sae = random_sae(sw.JumpReLUSkipTranscoderTrainingConfig)
    sae.cfg.metadata["hook_name"] = "blocks.0.ln2.hook_normalized"
    sae.cfg.metadata["hook_name_out"] = "blocks.0.hook_mlp_out"
    sae.save_inference_model(tmp_path)
    loaded = sw.SAE.load_from_disk(tmp_path)
    shapes = {name: tuple(weight.shape) for name, weight in loaded.state_dict().items()}
    assert shapes == {
        **{"W_enc": (6, 20), "b_enc": (20,), "W_dec": (20, 5), "b_dec": (5,), "threshold": (20,), "W_skip": (5, 6)}
    }
    values = loaded.cfg.to_dict()
    assert (values["architecture"], values["d_out"]) == ("jumprelu_skip_transcoder", 5)
    assert (loaded.cfg.hooks_in, loaded.cfg.hooks_out) == (["blocks.0.ln2.hook_normalized"], ["blocks.0.hook_mlp_out"])
