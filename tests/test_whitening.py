"""covariance_whitening: the estimate, runs that train on white activations, and what comes out of them."""

import pytest
import torch

from sae_widgets.normalize import whitening_of
from tests.runs.test_runner import begin, config, same_weights, stop_at
from tests.tiny_lm import TinyLM, sentences

WHITE = {"normalize_activations": "covariance_whitening", "d_sae": 48, "architecture": "topk"}


def skewed(n: int = 2000) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    mix = torch.randn(5, 5, generator=generator, dtype=torch.float64)
    return torch.randn(n, 5, generator=generator, dtype=torch.float64) @ mix + 3


def test_whitening_by_hand():
    """Columns with mean 1 and -2, variance 4 and 1, no correlation."""
    x = torch.tensor([[3.0, -2.0], [-1.0, -2.0], [1.0, -0.5], [1.0, -3.5]], dtype=torch.float64)
    whitening = whitening_of(x)  # unbiased variances: 8 / 3 and 4.5 / 3
    assert whitening.mean.tolist() == [1.0, -2.0]
    lengths = whitening.apply(x).norm(dim=-1)
    expected = [2 / (8 / 3 + 1e-3) ** 0.5] * 2 + [1.5 / (1.5 + 1e-3) ** 0.5] * 2
    torch.testing.assert_close(lengths, torch.tensor(expected, dtype=torch.float64))


def test_white_activations_have_mean_zero_and_the_identity_as_covariance():
    z = whitening_of(skewed()).apply(skewed())
    torch.testing.assert_close(z.mean(0), torch.zeros(5, dtype=torch.float64), rtol=0, atol=1e-10)
    torch.testing.assert_close(z.T.cov(), torch.eye(5, dtype=torch.float64), rtol=0, atol=2e-2)


def test_undo_takes_back_what_apply_did_also_where_a_direction_is_missing():
    x = skewed()
    x[:, 4] = x[:, 0]
    whitening = whitening_of(x)
    torch.testing.assert_close(whitening.undo(whitening.apply(x)), x)


@pytest.mark.parametrize("x", [torch.zeros(1, 3), torch.full((4, 3), torch.nan)])
def test_too_few_or_broken_rows_are_refused(x: torch.Tensor):
    with pytest.raises(ValueError, match="at least two rows of finite activations"):
        whitening_of(x)


@pytest.mark.parametrize("architecture", ["topk", "gated"])
def test_a_run_on_white_activations_gives_an_sae_for_activations_as_they_are(architecture: str, tmp_path):
    cfg = config(tmp_path, architecture, training_tokens=8192, normalize_activations="covariance_whitening")
    run = begin(cfg)
    sae = run.result(60.0)
    assert sae.cfg.normalize_activations == "none"
    _, loss = run.history.series("mse_loss")
    assert sum(loss[:3]) / 3 == pytest.approx(16, rel=0.3)  # white, so at the start as much as there are dimensions
    assert run.trainable.metrics["explained_variance"] > 0.5


def test_a_stopped_and_resumed_run_gives_the_same_weights(tmp_path):
    whole = begin(config(tmp_path, **WHITE))
    first = begin(config(tmp_path, **WHITE))
    stop_at(first, 7)
    first.result(60.0)
    resumed = begin(config(tmp_path, resume_from_checkpoint=first.snapshot()["checkpoint"], **WHITE))
    assert same_weights(resumed.result(60.0), whole.result(60.0))


def test_too_few_tokens_for_the_covariance_are_said_before_the_first_step(tmp_path):
    cfg = config(tmp_path, n_batches_for_norm_estimate=1, train_batch_size_tokens=8, context_size=8, **WHITE)
    cfg.store_batch_size_prompts = 1
    run = begin(cfg, override_model=TinyLM(), override_dataset=sentences())
    with pytest.raises(ValueError, match="needs more tokens than activations are wide"):
        run.result(60.0)
