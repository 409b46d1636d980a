"""BatchTopK on numbers one computes in the head: the choice over a batch, the threshold, the JumpReLU it becomes."""

import pytest
import torch

from sae_widgets.architectures import BatchTopKTrainingSAEConfig, JumpReLUSAE, TopKTrainingSAEConfig
from sae_widgets.sae import TrainContext
from tests.tiny_sae import random_sae, random_x, tiny

X = torch.tensor([[5.0, 4.0, 3.0], [1.0, 0.5, -2.0]])


def identity(k: float, **settings):
    config = BatchTopKTrainingSAEConfig(d_in=3, d_sae=3, k=k, rescale_acts_by_decoder_norm=False, **settings)
    return tiny(config, W_enc=torch.eye(3), W_dec=torch.eye(3)).train()


@pytest.mark.parametrize(
    ("k", "kept"),
    [
        (1.0, [[5.0, 4.0, 0.0], [0.0, 0.0, 0.0]]),
        (1.5, [[5.0, 4.0, 3.0], [0.0, 0.0, 0.0]]),
        (1.9, [[5.0, 4.0, 3.0], [0.0, 0.0, 0.0]]),  # int(1.9 * 2) == 3
        (2.0, [[5.0, 4.0, 3.0], [1.0, 0.0, 0.0]]),
        (3.0, [[5.0, 4.0, 3.0], [1.0, 0.5, 0.0]]),  # never a negative one
        (0.4, [[0.0, 0.0, 0.0], [0.0, 0.0, 0.0]]),  # int(0.8) == 0
    ],
)
def test_batchtopk_keeps_the_largest_of_the_batch(k: float, kept: list):
    sae = identity(k)
    assert sae.encode(X).tolist() == kept
    assert sae.encode_sparse(X).to_dense(3).tolist() == kept
    assert sae.train_parts(X).feature_acts.to_dense(3).tolist() == kept
    assert sae(X).tolist() == kept


def test_the_threshold_follows_the_smallest_chosen_activation():
    sae = identity(1.5, topk_threshold_lr=0.25)
    sae.train_parts(X)
    assert sae.topk_threshold.item() == 0.25 * 3.0
    sae.train_parts(X)
    assert sae.topk_threshold.item() == 0.75 * (0.25 * 3.0) + 0.25 * 3.0
    assert sae.topk_threshold.dtype == torch.float64


def test_the_threshold_stays_when_nobody_trains_or_nothing_fires():
    sae = identity(1.5)
    with torch.no_grad():
        sae.train_parts(X)
    sae.encode(X)
    sae(X)
    sae.train_parts(-X.abs())
    assert sae.topk_threshold.item() == 0.0


def test_in_evaluation_mode_the_threshold_decides():
    sae = identity(1.0).eval()
    sae.topk_threshold.fill_(0.75)
    assert sae.encode(X).tolist() == [[5.0, 4.0, 3.0], [1.0, 0.0, 0.0]]


@pytest.mark.parametrize("rescale", [True, False])
def test_the_inference_form_is_a_jumprelu(rescale: bool, tmp_path):
    sae = random_sae(BatchTopKTrainingSAEConfig, rescale_acts_by_decoder_norm=rescale).eval()
    sae.topk_threshold.fill_(0.3)
    x = random_x(50, 6)
    inference = sae.to_inference()
    assert type(inference) is JumpReLUSAE
    assert inference.threshold.tolist() == pytest.approx([0.3] * 20)
    assert inference.cfg.metadata.training_architecture == "batchtopk"
    assert inference.cfg.metadata.training_architecture_details["k"] == 3
    torch.testing.assert_close(inference.encode(x), sae.encode(x), rtol=1e-12, atol=1e-12)
    sae.save_inference_model(tmp_path)
    torch.testing.assert_close(JumpReLUSAE.load_from_disk(tmp_path)(x), sae(x), rtol=1e-12, atol=1e-12)


def test_gradients_are_those_of_topk_where_both_choose_the_same():
    """One token a batch: the k largest of the batch are the k largest of the token."""
    batch, topk = random_sae(BatchTopKTrainingSAEConfig), random_sae(TopKTrainingSAEConfig)
    topk.load_state_dict({name: each for name, each in batch.state_dict().items() if name != "topk_threshold"})
    x, dead = random_x(1, 6), torch.arange(20) < 8
    for sae in (batch, topk):
        sum(sae.objective(sae.train_parts(x), x, TrainContext(dead_mask=dead)).values()).backward()
    for name, weight in topk.named_parameters():
        torch.testing.assert_close(dict(batch.named_parameters())[name].grad, weight.grad, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("k", [0, -1, 21, float("nan")])
def test_k_out_of_range_is_refused(k: float):
    with pytest.raises(ValueError, match="k is"):
        BatchTopKTrainingSAEConfig(d_in=6, d_sae=20, k=k)


@pytest.mark.parametrize("lr", [-0.1, 1.1])
def test_the_rate_of_the_threshold_is_a_share(lr: float):
    with pytest.raises(ValueError, match="topk_threshold_lr is from 0 to 1"):
        BatchTopKTrainingSAEConfig(d_in=6, d_sae=20, k=2, topk_threshold_lr=lr)


@pytest.mark.parametrize("shape_of", ["noise", "few large columns", "rounded"])
def test_the_choice_is_exact_where_a_sample_narrows_it_down(shape_of: str):
    """A batch so large that only entries likely to be chosen are compared."""
    pre = random_x(400, 700, dtype=torch.float32)
    if shape_of == "few large columns":
        pre[:, ::5] += 10.0
    elif shape_of == "rounded":
        pre = (pre * 2).round()
    sae = random_sae(BatchTopKTrainingSAEConfig, d_sae=700, k=30, dtype="float32").train()
    chosen = sae.select(pre)
    expected = pre.flatten().topk(30 * 400).values
    assert torch.equal(chosen.values[chosen.values > 0].sort(descending=True).values, expected)
    is_used = chosen.values > 0
    assert torch.equal(chosen.values[is_used], pre.gather(1, chosen.indices)[is_used])
    assert int(is_used.sum()) == len(
        set(zip(is_used.nonzero()[:, 0].tolist(), chosen.indices[is_used].tolist(), strict=True))
    )
