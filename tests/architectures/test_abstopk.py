"""AbsTopK on numbers one computes in the head, and its sparse gradient against dense autograd."""

import pytest
import torch

from sae_widgets.architectures import AbsTopKSAEConfig, AbsTopKTrainingSAEConfig
from sae_widgets.sae import SparseActs
from tests.tiny_sae import loss_context, random_sae, random_x, tiny


def test_abstopk_keeps_the_farthest_from_zero_with_their_sign():
    sae = tiny(AbsTopKSAEConfig(d_in=3, d_sae=3, k=2), W_enc=torch.eye(3), W_dec=torch.eye(3))
    x = torch.tensor([[3.0, -1.0, -2.0], [-1.0, 0.5, -4.0]])
    assert sae.encode(x).tolist() == [[3.0, 0.0, -2.0], [-1.0, 0.0, -4.0]]
    assert sae(x).tolist() == sae.encode(x).tolist()


def test_rescaling_compares_as_if_decoder_rows_had_unit_length():
    config = AbsTopKSAEConfig(d_in=2, d_sae=2, k=1, rescale_acts_by_decoder_norm=True)
    sae = tiny(config, W_enc=torch.eye(2), W_dec=[[10.0, 0.0], [0.0, 1.0]])
    assert sae.encode(torch.tensor([-1.0, 5.0])).tolist() == [-10.0, 0.0]
    assert sae(torch.tensor([-1.0, 5.0])).tolist() == [-10.0, 0.0]


def test_the_auxiliary_loss_takes_the_dead_that_are_farthest_from_zero():
    config = AbsTopKTrainingSAEConfig(d_in=3, d_sae=3, k=1, rescale_acts_by_decoder_norm=False)
    sae = tiny(config, W_enc=torch.eye(3), W_dec=torch.eye(3))
    x = torch.tensor([[5.0, 1.0, -2.0]])  # keeps 5; misses [0, 1, -2]; of the dead (1 and 2) -2 is farthest
    dead = torch.tensor([False, True, True])
    terms = sae.objective(sae.train_parts(x), x, loss_context(sae, dead))
    assert terms["mse_loss"].item() == 5.0
    assert terms["auxiliary_reconstruction_loss"].item() == 1.0  # [0, 0, -2] against [0, 1, -2]; k_aux = 1 of 2 dead


def dense_step(sae, x: torch.Tensor, dead: torch.Tensor) -> tuple[dict[str, float], dict[str, torch.Tensor]]:
    """The losses and gradients from the formulas, dense and by autograd alone."""
    weights = {name: each.detach().clone().requires_grad_() for name, each in sae.named_parameters()}
    W_enc, b_enc, W_dec, b_dec = (weights[name] for name in ("W_enc", "b_enc", "W_dec", "b_dec"))
    norms = W_dec.norm(dim=-1) if sae.is_rescaled else torch.ones(len(W_dec), dtype=x.dtype)
    pre = ((x - b_dec) @ W_enc + b_enc) * norms
    acts = pre * (pre.abs() >= pre.abs().topk(sae.cfg.k).values[:, -1:])
    x_hat = (acts / norms) @ W_dec + b_dec
    k_aux, n_dead = sae.d_in // 2, int(dead.sum())
    of_dead = torch.where(dead, pre.abs(), -torch.inf)
    z = torch.where(of_dead >= of_dead.topk(min(k_aux, n_dead)).values[:, -1:], pre, 0.0)
    missed = (x - x_hat).detach()
    mse = ((x_hat - x) ** 2).sum(-1).mean()
    aux = min(n_dead / k_aux, 1.0) * (((z / norms) @ W_dec - missed) ** 2).sum(-1).mean()
    (mse + aux).backward()
    losses = {"mse_loss": mse.item(), "auxiliary_reconstruction_loss": aux.item()}
    return losses, {name: each.grad for name, each in weights.items()}


@pytest.mark.parametrize("rescale", [True, False])
@pytest.mark.parametrize("n_dead", [1, 11])
def test_the_gradient_is_that_of_the_dense_formulas(rescale: bool, n_dead: int):
    sae, x = random_sae(AbsTopKTrainingSAEConfig, rescale_acts_by_decoder_norm=rescale), random_x(13, 6)
    dead = torch.arange(20) % 20 < n_dead
    parts = sae.train_parts(x)
    assert isinstance(parts.feature_acts, SparseActs)
    terms = sae.objective(parts, x, loss_context(sae, dead))
    sum(terms.values()).backward()
    losses, gradients = dense_step(sae, x, dead)
    assert {name: each.item() for name, each in terms.items()} == pytest.approx(losses, rel=1e-12)
    for name, weight in sae.named_parameters():
        torch.testing.assert_close(weight.grad, gradients[name], rtol=1e-10, atol=1e-12)
