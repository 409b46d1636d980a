"""Matryoshka BatchTopK on numbers one computes in the head, and its sparse gradient against dense autograd."""

import pytest
import torch

from sae_widgets.architectures import JumpReLUSAE, MatryoshkaBatchTopKTrainingSAEConfig
from sae_widgets.sae import SparseActs
from tests.tiny_sae import loss_context, random_sae, random_x, tiny

X = torch.tensor([[5.0, 4.0, 3.0], [1.0, 0.5, -2.0]])


def identity(*widths: int, **settings):
    config = MatryoshkaBatchTopKTrainingSAEConfig(
        d_in=3, d_sae=3, k=2, matryoshka_widths=list(widths), rescale_acts_by_decoder_norm=False, **settings
    )
    return tiny(config, W_enc=torch.eye(3), W_dec=torch.eye(3)).train()


def losses_of(sae, dead: list[bool] | None = None) -> dict[str, float]:
    mask = None if dead is None else torch.tensor(dead)
    terms = sae.objective(sae.train_parts(X), X, loss_context(sae, mask))
    return {name: term.item() for name, term in terms.items()}


def test_each_width_reconstructs_from_its_features_alone():
    # Chosen: [[5, 4, 3], [1, 0, 0]]; the first one alone gives [[5, 0, 0], [1, 0, 0]], two give [[5, 4, 0], [1, 0, 0]].
    losses = losses_of(identity(1, 2, 3))
    assert losses == {
        "mse_loss": (0 + 4.25) / 2,
        "auxiliary_reconstruction_loss": 0.0,
        "inner_mse_loss_1": (25 + 4.25) / 2,
        "inner_mse_loss_2": (9 + 4.25) / 2,
    }


def test_dead_features_learn_what_the_whole_sae_misses_or_what_their_width_misses():
    dead = [False, True, False]  # feature 1, which would give [[0, 4, 0], [0, 0.5, 0]]
    whole = losses_of(identity(1, 2), dead)["auxiliary_reconstruction_loss"]
    assert whole == (16 + 4) / 2  # all three miss [[0, 0, 0], [0, 0.5, -2]]
    own = losses_of(identity(1, 2, use_matryoshka_aux_loss=True), dead)["auxiliary_reconstruction_loss"]
    assert own == (25 + 4) / 2  # two miss [[0, 0, 3], [0, 0.5, -2]]
    halved = identity(1, 2, use_matryoshka_aux_loss=True, aux_loss_coefficient=0.5)
    assert losses_of(halved, dead)["auxiliary_reconstruction_loss"] == own / 2


def test_the_last_width_is_d_sae_and_the_callers_list_is_left_alone():
    widths = [1, 2]
    config = MatryoshkaBatchTopKTrainingSAEConfig(d_in=3, d_sae=3, k=1, matryoshka_widths=widths)
    assert config.matryoshka_widths == [1, 2, 3]
    assert widths == [1, 2]


@pytest.mark.parametrize(
    ("widths", "problem"),
    [
        ([], "must not be empty"),
        ([2, 2], "strictly increasing"),
        ([2, 1], "strictly increasing"),
        ([4], "strictly increasing, up to d_sae=3"),
        ([0, 3], "positive whole numbers; got 0"),
        ([True, 3], "positive whole numbers; got True"),
    ],
)
def test_widths_that_nest_nothing_are_refused(widths: list, problem: str):
    with pytest.raises(ValueError, match=problem):
        MatryoshkaBatchTopKTrainingSAEConfig(d_in=3, d_sae=3, k=1, matryoshka_widths=widths)


def test_once_trained_it_is_a_jumprelu_sae():
    sae = identity(1, 3)
    sae.topk_threshold.fill_(0.75)
    inference = sae.eval().to_inference()
    assert type(inference) is JumpReLUSAE
    assert inference.encode(X).tolist() == [[5.0, 4.0, 3.0], [1.0, 0.0, 0.0]]
    assert inference.cfg.metadata.training_architecture == "matryoshka_batchtopk"
    assert inference.cfg.metadata.training_architecture_details["matryoshka_widths"] == [1, 3]


def test_training_keeps_nothing_dense_for_the_backward_pass():
    sae = random_sae(MatryoshkaBatchTopKTrainingSAEConfig, d_in=6, d_sae=300, k=3, matryoshka_widths=[30, 90])
    x, held = random_x(50, 6), []
    with torch.autograd.graph.saved_tensors_hooks(lambda tensor: held.append(tensor.shape) or tensor, lambda t: t):
        parts = sae.train_parts(x)
        sum(sae.objective(parts, x, loss_context(sae)).values()).backward()
    assert isinstance(parts.feature_acts, SparseActs)
    assert torch.Size([50, 300]) not in held


def dense_step(sae, x: torch.Tensor, dead: torch.Tensor) -> tuple[dict[str, float], dict[str, torch.Tensor]]:
    """The losses and gradients from the formulas, dense and by autograd alone."""
    weights = {name: each.detach().clone().requires_grad_() for name, each in sae.named_parameters()}
    W_enc, b_enc, W_dec, b_dec = (weights[name] for name in ("W_enc", "b_enc", "W_dec", "b_dec"))
    norms = W_dec.norm(dim=-1) if sae.is_rescaled else torch.ones(len(W_dec), dtype=x.dtype)
    pre = ((x - b_dec) @ W_enc + b_enc) * norms
    acts = pre.relu() * (pre >= pre.flatten().topk(int(sae.cfg.k * len(x))).values[-1])
    widths, k_aux = sae.cfg.matryoshka_widths, sae.d_in // 2
    x_hats = [(acts / norms)[:, :width] @ W_dec[:width] + b_dec for width in widths]
    losses = {"mse_loss": ((x_hats[-1] - x) ** 2).sum(-1).mean(), "auxiliary_reconstruction_loss": 0.0}
    for width, x_hat in zip(widths, x_hats[:-1], strict=False):
        losses[f"inner_mse_loss_{width}"] = ((x_hat - x) ** 2).sum(-1).mean()
    levels = [(0, 20, x_hats[-1])]
    if sae.cfg.use_matryoshka_aux_loss:
        levels = list(zip([0, *widths], widths, x_hats, strict=False))
    for start, end, x_hat in levels:
        of_level = dead & (torch.arange(20) >= start) & (torch.arange(20) < end)
        n_dead = int(of_level.sum())
        if n_dead:
            of_dead = torch.where(of_level, pre, -torch.inf)
            z = torch.where(of_dead >= of_dead.topk(min(k_aux, n_dead)).values[:, -1:], pre, 0.0)
            off = ((z / norms) @ W_dec - (x - x_hat).detach()) ** 2
            losses["auxiliary_reconstruction_loss"] += min(n_dead / k_aux, 1.0) * off.sum(-1).mean()
    sum(losses.values()).backward()
    return {name: term.item() for name, term in losses.items()}, {name: each.grad for name, each in weights.items()}


@pytest.mark.parametrize("rescale", [True, False])
@pytest.mark.parametrize("own_aux", [True, False])
def test_the_gradient_is_that_of_the_dense_formulas(rescale: bool, own_aux: bool):
    settings = {"rescale_acts_by_decoder_norm": rescale, "use_matryoshka_aux_loss": own_aux}
    sae, x = random_sae(MatryoshkaBatchTopKTrainingSAEConfig, **settings).train(), random_x(13, 6)
    dead = (torch.arange(20) < 4) | (torch.arange(20) > 18)  # none in the middle width, few in the last
    terms = sae.objective(sae.train_parts(x), x, loss_context(sae, dead))
    sum(terms.values()).backward()
    losses, gradients = dense_step(sae, x, dead)
    assert {name: each.item() for name, each in terms.items()} == pytest.approx(losses, rel=1e-12)
    for name, weight in sae.named_parameters():
        torch.testing.assert_close(weight.grad, gradients[name], rtol=1e-10, atol=1e-12)


def test_inner_losses_are_in_the_unit_of_the_input():
    """Scaling the input of an SAE that normalises each row scales every loss alike."""
    sae = random_sae(MatryoshkaBatchTopKTrainingSAEConfig, normalize_activations="constant_norm_rescale").train()
    x, dead = random_x(5, 6), torch.arange(20) < 8
    once = sae.objective(sae.train_parts(x), x, loss_context(sae, dead))
    thrice = sae.objective(sae.train_parts(3 * x), 3 * x, loss_context(sae, dead))
    for name, term in once.items():
        torch.testing.assert_close(thrice[name], 9 * term)
