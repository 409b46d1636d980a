"""TopK on numbers one computes in the head, and its sparse gradient against dense autograd."""

import pytest
import torch

from sae_widgets.architectures import TopKSAEConfig, TopKTrainingSAEConfig
from sae_widgets.sae import SAE, SparseActs, TrainContext
from tests.tiny_sae import loss_context, random_sae, random_x, tiny


def test_topk_keeps_the_two_largest():
    sae = tiny(TopKSAEConfig(d_in=3, d_sae=3, k=2), W_enc=torch.eye(3), W_dec=torch.eye(3))
    assert sae.encode(torch.tensor([3.0, 1.0, 2.0])).tolist() == [3.0, 0.0, 2.0]


def test_topk_keeps_fewer_when_fewer_are_positive():
    sae = tiny(TopKSAEConfig(d_in=3, d_sae=3, k=2), W_enc=torch.eye(3), W_dec=torch.eye(3))
    assert sae.encode(torch.tensor([3.0, -1.0, -2.0])).tolist() == [3.0, 0.0, 0.0]


def test_rescaling_compares_features_as_if_their_decoder_rows_had_unit_length():
    config = TopKSAEConfig(d_in=2, d_sae=2, k=1, rescale_acts_by_decoder_norm=True)
    sae = tiny(config, W_enc=torch.eye(2), W_dec=[[10.0, 0.0], [0.0, 1.0]])
    x = torch.tensor([1.0, 5.0])  # times the norms: [10, 5]
    assert sae.encode(x).tolist() == [10.0, 0.0]
    assert sae(x).tolist() == [10.0, 0.0]
    sae.cfg.rescale_acts_by_decoder_norm = False
    assert sae.encode(x).tolist() == [0.0, 5.0]


def test_k_can_be_changed_while_it_runs():
    sae, x = random_sae(TopKTrainingSAEConfig), random_x(4, 6)
    for k in (1, 5):
        sae.cfg.k = k
        assert sae.encode_sparse(x).indices.shape == (4, k)
        assert sae.train_parts(x).feature_acts.indices.shape == (4, k)


@pytest.mark.parametrize("k", [0, -1, 21, True])
def test_k_out_of_range_is_refused(k: int):
    with pytest.raises(ValueError, match="k is a whole number from 1 to d_sae=20"):
        TopKSAEConfig(d_in=6, d_sae=20, k=k)


def test_topk_keeps_nothing_dense_for_the_backward_pass():
    """Of all tensors that autograd holds for a step, none has the size of the dense activations."""
    sae = random_sae(TopKTrainingSAEConfig, d_in=6, d_sae=300, k=3)
    x = random_x(50, 6)
    held = []
    with torch.autograd.graph.saved_tensors_hooks(lambda tensor: held.append(tensor.shape) or tensor, lambda t: t):
        parts = sae.train_parts(x)
        terms = sae.objective(parts, x, loss_context(sae))
        sum(terms.values()).backward()
    assert isinstance(parts.feature_acts, SparseActs)
    assert parts.hidden_pre is None
    assert torch.Size([50, 300]) not in held


def dense_step(sae: SAE, x: torch.Tensor, dead: torch.Tensor) -> tuple[dict[str, float], dict[str, torch.Tensor]]:
    """The losses and gradients of a TopK step, from the formulas, dense and by autograd alone."""
    weights = {name: each.detach().clone().requires_grad_() for name, each in sae.named_parameters()}
    W_enc, b_enc, W_dec, b_dec = (weights[name] for name in ("W_enc", "b_enc", "W_dec", "b_dec"))
    norms = W_dec.norm(dim=-1) if sae.cfg.rescale_acts_by_decoder_norm else torch.ones(len(W_dec), dtype=x.dtype)
    pre = ((x - b_dec) @ W_enc + b_enc) * norms
    kth = pre.topk(sae.cfg.k, dim=-1).values[:, -1:]
    acts = pre.relu() * (pre >= kth)
    x_hat = (acts / norms) @ W_dec + b_dec
    mse = ((x_hat - x) ** 2).sum(-1).mean()
    k_aux, n_dead = sae.cfg.d_in // 2, int(dead.sum())
    of_dead = torch.where(dead, pre, -torch.inf)
    kth_dead = of_dead.topk(min(k_aux, n_dead), dim=-1).values[:, -1:]
    z = torch.where(of_dead >= kth_dead, pre, 0.0)
    e_hat = (z / norms) @ W_dec
    scale = sae.cfg.aux_loss_coefficient * min(n_dead / k_aux, 1.0)
    aux = scale * ((e_hat - (x - x_hat).detach()) ** 2).sum(-1).mean()
    (mse + aux).backward()
    losses = {"mse_loss": mse.item(), "auxiliary_reconstruction_loss": aux.item()}
    return losses, {name: each.grad for name, each in weights.items()}


@pytest.mark.parametrize("rescale", [True, False])
@pytest.mark.parametrize("n_dead", [1, 2, 3, 7, 20])
def test_losses_and_gradients_are_those_of_the_dense_formulas(rescale: bool, n_dead: int):
    sae = random_sae(TopKTrainingSAEConfig, rescale_acts_by_decoder_norm=rescale, aux_loss_coefficient=0.7)
    x = random_x(13, 6)
    dead = torch.zeros(20, dtype=torch.bool)
    dead[torch.randperm(20, generator=torch.Generator().manual_seed(n_dead))[:n_dead]] = True
    terms = sae.objective(sae.train_parts(x), x, loss_context(sae, dead))
    sum(terms.values()).backward()
    losses, gradients = dense_step(sae, x, dead)
    assert {name: each.item() for name, each in terms.items()} == pytest.approx(losses, rel=1e-12)
    for name, weight in sae.named_parameters():
        torch.testing.assert_close(weight.grad, gradients[name], rtol=1e-10, atol=1e-12)


def test_gradient_to_the_input_is_that_of_the_dense_path():
    """Attribution differentiates through the features; a hook that only looks takes the dense path."""
    sae, x = random_sae(TopKTrainingSAEConfig), random_x(5, 6)
    sparse_x, dense_x = x.clone().requires_grad_(), x.clone().requires_grad_()
    sae(sparse_x).pow(2).sum().backward()
    sae.hook_points["hook_sae_acts_post"].add_hook(lambda value, hook: None)
    sae(dense_x).pow(2).sum().backward()
    torch.testing.assert_close(sparse_x.grad, dense_x.grad, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("dead", [None, torch.zeros(20, dtype=torch.bool)])
def test_without_dead_features_the_auxiliary_loss_is_zero(dead):
    sae, x = random_sae(TopKTrainingSAEConfig), random_x(5, 6)
    terms = sae.objective(sae.train_parts(x), x, TrainContext(dead_mask=dead))
    assert terms["auxiliary_reconstruction_loss"].item() == 0.0


def test_the_auxiliary_loss_is_in_the_unit_of_the_input():
    """Scaling the input of an SAE that normalises each row scales both losses alike."""
    sae = random_sae(TopKTrainingSAEConfig, normalize_activations="constant_norm_rescale")
    x, dead = random_x(5, 6), torch.arange(20) < 8
    for name, term in sae.objective(sae.train_parts(x), x, loss_context(sae, dead)).items():
        scaled = sae.objective(sae.train_parts(3 * x), 3 * x, loss_context(sae, dead))[name]
        torch.testing.assert_close(scaled, 9 * term)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_a_step_runs_in_half_precision(dtype: str):
    sae, x = random_sae(TopKTrainingSAEConfig, dtype=dtype), random_x(5, 6)
    terms = sae.objective(sae.train_parts(x), x.to(sae.dtype), loss_context(sae, torch.arange(20) < 8))
    sum(terms.values()).backward()
    assert all(torch.isfinite(weight.grad).all() for weight in sae.parameters())


def test_a_step_runs_under_autocast():
    sae, x = random_sae(TopKTrainingSAEConfig, dtype="float32"), random_x(5, 6, dtype=torch.float32)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        terms = sae.objective(sae.train_parts(x), x, loss_context(sae, torch.arange(20) < 8))
    sum(terms.values()).backward()
    assert all(torch.isfinite(weight.grad).all() for weight in sae.parameters())
