"""Where few features are active a step is sparse: the same losses and gradients as the dense one, however few."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import sae_widgets.architectures as architectures
from sae_widgets.kernels import entries
from sae_widgets.sae import SAE
from sae_widgets.sae.acts import EntryActs
from sae_widgets.training.firing import firing_counts
from tests.tiny_sae import flat_target, loss_context, random_sae, random_x

CASES = {
    "standard": ("StandardTrainingSAEConfig", {}),
    "standard, rows of unit length": ("StandardTrainingSAEConfig", {"normalize_activations": "layer_norm"}),
    "gated": ("GatedTrainingSAEConfig", {}),
    "gated, rows of unit length": ("GatedTrainingSAEConfig", {"normalize_activations": "layer_norm"}),
    "jumprelu": ("JumpReLUTrainingSAEConfig", {"jumprelu_bandwidth": 0.4}),
    "jumprelu, to the input": ("JumpReLUTrainingSAEConfig", {"jumprelu_ste_to_input": True, "jumprelu_bandwidth": 0.4}),
    "jumprelu, quadratic": (
        "JumpReLUTrainingSAEConfig",
        {"jumprelu_sparsity_loss_mode": "quadratic", "target_l0": 2.0, "jumprelu_bandwidth": 0.4},
    ),
    "jumprelu, tanh": (
        "JumpReLUTrainingSAEConfig",
        {"jumprelu_sparsity_loss_mode": "tanh", "jumprelu_bandwidth": 0.4},
    ),
    "skip transcoder": ("SkipTranscoderTrainingConfig", {}),
    "crosscoder": ("CrosscoderTrainingSAEConfig", {}),
    "cross-layer transcoder": ("CrossLayerTranscoderTrainingConfig", {"jumprelu_bandwidth": 0.4}),
}


def step(sae: SAE, x: torch.Tensor, *, is_sparse: bool) -> tuple[dict[str, torch.Tensor], dict[str, torch.Tensor]]:
    """Loss terms, and gradients by name."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(entries, "MOST", 1.0 if is_sparse else -1.0)
        parts = sae.train_parts(x)
        assert isinstance(parts.feature_acts, EntryActs) == is_sparse
        terms = sae.objective(parts, flat_target(sae, x), loss_context(sae))
    sae.zero_grad()
    torch.stack(list(terms.values())).sum().backward()
    grads = {name: weight.grad for name, weight in sae.named_parameters() if weight.grad is not None}
    counts = firing_counts(parts.feature_acts, sae.d_sae)
    found = {"sae_out": parts.sae_out, "counts": counts, **terms}
    return {name: value.detach() for name, value in found.items()}, grads


@pytest.mark.parametrize("case", CASES)
@settings(deadline=None, max_examples=6)
@given(n=st.integers(1, 9), d_sae=st.sampled_from([3, 8, 20]), seed=st.integers(0, 99))
def test_a_sparse_step_is_the_dense_one(case: str, n: int, d_sae: int, seed: int):
    config, changes = CASES[case]
    sae = random_sae(getattr(architectures, config), seed=seed, d_sae=d_sae, **changes)
    x = random_x(n, sae.d_in, seed=seed)
    (sparse, sparse_grads), (dense, dense_grads) = (step(sae, x, is_sparse=is_sparse) for is_sparse in (True, False))
    torch.testing.assert_close(sparse, dense, rtol=1e-12, atol=1e-12)
    for name, grad in dense_grads.items():
        torch.testing.assert_close(sparse_grads[name], grad, rtol=1e-11, atol=1e-12, msg=lambda m, n=name: f"{n}: {m}")


@pytest.mark.parametrize("case", ["standard", "gated", "jumprelu", "jumprelu, tanh"])
def test_in_float32_gradients_are_those_of_float64(case: str):
    """To a hundred-thousandth of the gradient's length, at sizes where sums have many terms."""
    config, changes = CASES[case]
    sae = random_sae(getattr(architectures, config), d_in=48, d_sae=640, **changes)
    x = random_x(256, 48)
    _, exact = step(sae, x, is_sparse=False)
    exact = {name: grad.clone() for name, grad in exact.items()}
    _, grads = step(sae.to(torch.float32), x.float(), is_sparse=True)
    for name, grad in grads.items():
        assert (grad.double() - exact[name]).norm() <= 1e-5 * exact[name].norm(), name


@pytest.mark.parametrize("kind", ["TopK", "AbsTopK", "BatchTopK"])
@settings(deadline=None, max_examples=8)
@given(n=st.integers(2, 90), d_in=st.integers(2, 40), d_sae=st.integers(17, 200), seed=st.integers(0, 99))
def test_gradients_of_chosen_features_are_those_of_a_dense_float64_step(kind: str, n: int, d_in: int, d_sae: int, seed):
    """In float32, to a hundred-thousandth of the gradient's length, whatever the shapes."""
    sae = random_sae(getattr(architectures, f"{kind}TrainingSAEConfig"), seed=seed, d_in=d_in, d_sae=d_sae, k=4)
    sae, x = sae.to(torch.float32), random_x(n, d_in, seed=seed).float()
    parts = sae.train_parts(x)
    sae.objective(parts, x, loss_context(sae, torch.zeros(d_sae, dtype=torch.bool)))["mse_loss"].backward()
    exact = {name: weight.detach().double().requires_grad_() for name, weight in sae.named_parameters()}
    is_chosen = parts.feature_acts.to_dense(d_sae) != 0
    hidden_pre = (x.double() - exact["b_dec"]) @ exact["W_enc"] + exact["b_enc"]
    out = (hidden_pre * is_chosen) @ exact["W_dec"] + exact["b_dec"]
    (out - x.double()).pow(2).sum(-1).mean().backward()
    for name, weight in sae.named_parameters():
        grad = exact[name].grad
        assert (weight.grad.double() - grad).norm() <= 1e-5 * grad.norm(), name


def test_density_of_each_batch_decides():
    """No state of an earlier batch: a resumed run goes the way that it went."""
    sae = random_sae(architectures.StandardTrainingSAEConfig, d_sae=200)
    x = random_x(40, 6)
    with torch.no_grad():
        sae.b_enc.fill_(-9.0)
        sae.b_enc[:4] = 9.0  # 2 % active
    assert isinstance(sae.train_parts(x).feature_acts, EntryActs)
    with torch.no_grad():
        sae.b_enc[:20] = 9.0  # 10 %
    assert isinstance(sae.train_parts(x).feature_acts, torch.Tensor)


def test_no_active_feature_at_all():
    sae = random_sae(architectures.GatedTrainingSAEConfig)
    with torch.no_grad():
        sae.b_gate.fill_(-99.0)
    terms, grads = step(sae, random_x(5, 6), is_sparse=True)
    assert terms["counts"].sum() == 0
    assert terms["l1_loss"] == 0
    assert all(grads[name].count_nonzero() == 0 for name in ("W_enc", "W_dec", "b_gate", "r_mag"))


@pytest.mark.parametrize("case", ["standard", "gated", "jumprelu"])
def test_what_inactive_features_have_a_share_in_is_dense(case: str):
    config, changes = CASES[case]
    sae = random_sae(getattr(architectures, config), d_sae=200, pre_act_loss_coefficient=0.1, **changes)
    with torch.no_grad():
        (sae.b_gate if case == "gated" else sae.b_enc).fill_(-9.0)
    assert isinstance(sae.train_parts(random_x(4, 6)).feature_acts, torch.Tensor)
