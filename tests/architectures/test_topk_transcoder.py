"""TopK transcoders on numbers one computes in the head, and their gradient against dense autograd."""

import pytest
import torch

from sae_widgets.architectures import (
    TopKSkipTranscoderConfig,
    TopKSkipTranscoderTrainingConfig,
    TopKTranscoderConfig,
    TopKTranscoderTrainingConfig,
)
from tests.tiny_sae import loss_context, random_sae, random_x, target_of, tiny

SIZES = {"d_in": 2, "d_sae": 3, "d_out": 4, "k": 1}
W_ENC = [[1.0, 0.0, -1.0], [0.0, 1.0, 1.0]]
W_DEC = [[3.0, 4.0, 0.0, 0.0], [0.0, 0.0, 0.0, 1.0], [1.0, 1.0, 1.0, 1.0]]
B_DEC = [0.0, 0.0, 10.0, 0.0]
W_SKIP = [[1.0, 0.0], [0.0, 0.0], [0.0, 2.0], [1.0, 1.0]]  # d_out x d_in


def test_a_topk_transcoder_by_hand():
    sae = tiny(TopKTranscoderConfig(**SIZES), W_enc=W_ENC, W_dec=W_DEC, b_dec=B_DEC)
    x = torch.tensor([2.0, 3.0])  # pre-activations [2, 3, 1]; b_dec is not taken from the input
    assert sae.encode(x).tolist() == [0.0, 3.0, 0.0]
    assert sae(x).tolist() == [0.0, 0.0, 10.0, 3.0]


def test_a_topk_skip_transcoder_adds_a_linear_path_by_hand():
    sae = tiny(TopKSkipTranscoderConfig(**SIZES), W_enc=W_ENC, W_dec=W_DEC, b_dec=B_DEC, W_skip=W_SKIP)
    assert sae(torch.tensor([2.0, 3.0])).tolist() == [0.0 + 2.0, 0.0, 10.0 + 6.0, 3.0 + 5.0]


def test_b_dec_is_never_taken_from_the_input():
    with pytest.raises(ValueError, match="apply_b_dec_to_input=True has no meaning for a transcoder"):
        TopKTranscoderConfig(**SIZES, apply_b_dec_to_input=True)


@pytest.mark.parametrize("config_class", [TopKTranscoderTrainingConfig, TopKSkipTranscoderTrainingConfig])
def test_its_gradient_is_that_of_dense_maths(config_class):
    sae = random_sae(config_class, d_out=5, rescale_acts_by_decoder_norm=False)
    x = random_x(9, 6)
    target = target_of(sae, x)
    terms = sae.objective(sae.train_parts(x), target, loss_context(sae))
    weights = dict(sae.named_parameters())
    found = torch.autograd.grad(sum(terms.values()), list(weights.values()))

    pre = x @ sae.W_enc + sae.b_enc
    kept = torch.zeros_like(pre).scatter(-1, pre.topk(3, dim=-1).indices, 1.0)
    out = (pre.relu() * kept) @ sae.W_dec + sae.b_dec
    out = out + x @ sae.W_skip.T if sae.has_bypass else out
    expected = torch.autograd.grad((out - target).pow(2).sum(-1).mean(), list(weights.values()))
    for name, mine, theirs in zip(weights, found, expected, strict=True):
        torch.testing.assert_close(mine, theirs, msg=lambda text, n=name: f"{n}: {text}")
