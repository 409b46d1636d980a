"""The cross-layer transcoder on numbers one computes in the head, and its objective against differences."""

import numpy as np
import pytest
import torch

import sae_widgets as sw
from tests.architectures.slopes import check_gradients
from tests.tiny_sae import flat_target, loss_context, random_sae, random_x, tiny

W_DEC = [[1.0, 2.0, 0.0, 0.0], [0.0, 0.0, 3.0, 0.0]]  # two outputs of width 2, one after the other
SIZES = {"d_in": 2, "d_sae": 2, "d_out": 2, "n_outputs": 2}


@pytest.mark.parametrize("config_class", [sw.CrossLayerTranscoderConfig, sw.CrossLayerTranscoderTrainingConfig])
def test_each_feature_writes_to_every_output(config_class):
    sae = tiny(config_class(**SIZES), W_enc=torch.eye(2), W_dec=W_DEC, b_dec=[0.0, 0, 0, 9], threshold=[0.0, 1.0])
    assert (sae.d_out, sae.n_outputs) == (2, 2)
    x = torch.tensor([[2.0, 4.0], [2.0, 0.5]])
    assert sae.encode(x).tolist() == [[2.0, 4.0], [2.0, 0.0]]
    assert sae(x).tolist() == [[[2.0, 4.0], [12.0, 9.0]], [[2.0, 4.0], [0.0, 9.0]]]
    assert sae.decode(sae.encode_sparse(x)).tolist() == sae(x).tolist()


def test_the_skip_connection_reaches_every_output():
    w_skip = [[1.0, 0.0], [0.0, 0.0], [0.0, 1.0], [0.0, 10.0]]
    sae = tiny(sw.CrossLayerSkipTranscoderConfig(**SIZES), W_enc=torch.eye(2), W_dec=W_DEC, W_skip=w_skip)
    x = torch.tensor([2.0, 4.0])
    assert sae.bypass(x).tolist() == [[2.0, 0.0], [4.0, 40.0]]
    assert sae(x).tolist() == [[4.0, 4.0], [16.0, 40.0]]


def test_the_gradients_of_the_objective():
    settings = {"d_in": 3, "d_sae": 6, "d_out": 2, "n_outputs": 2, "l0_coefficient": 0.7}
    sae, x = random_sae(sw.CrossLayerSkipTranscoderTrainingConfig, **settings), random_x(5, 3)
    assert sae.cfg.jumprelu_sparsity_loss_mode == "tanh"
    sae.threshold.data = sae.threshold.data.double()
    target = flat_target(sae, x)

    def loss(weights):
        pre = x.numpy() @ weights["W_enc"] + weights["b_enc"]
        acts = pre * (pre > weights["threshold"])
        total = 0.0
        for layer in range(2):
            part = slice(2 * layer, 2 * layer + 2)
            out = acts @ weights["W_dec"][:, part] + weights["b_dec"][part] + x.numpy() @ weights["W_skip"][part].T
            total += ((out - target.numpy()[:, part]) ** 2).sum(-1).mean()
        lengths = np.sqrt((weights["W_dec"] ** 2).sum(-1))
        return total + 0.7 * np.tanh(4.0 * acts * lengths).sum(-1).mean()

    check_gradients(sae, sae.objective(sae.train_parts(x), target, loss_context(sae)), loss, "threshold")


def test_each_output_has_a_scaling_factor_of_its_own():
    sae = random_sae(sw.CrossLayerSkipTranscoderConfig, normalize_activations="expected_average_only_in")
    x, factors = random_x(9, 6), torch.tensor([[2.0], [0.5], [3.0]], dtype=torch.float64)
    before = sae(0.7 * x) / factors
    sae.fold_activation_norm_scaling_factor(0.7, [2.0, 0.5, 3.0])
    torch.testing.assert_close(sae(x), before, rtol=1e-10, atol=1e-10)


def test_no_output_is_refused():
    with pytest.raises(ValueError, match="n_outputs is a positive whole number; got 0"):
        sw.CrossLayerTranscoderConfig(**{**SIZES, "n_outputs": 0})
