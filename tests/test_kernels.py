"""The sparse products against their dense reference: values and gradients, in float64.

Where Triton is installed and has a CUDA device, its kernels are tested too; TRITON_INTERPRET=1 runs them on a CPU.
"""

import importlib.util
import logging

import pytest
import torch
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from sae_widgets.kernels import (
    Entries,
    PursuitSettings,
    bags,
    decode_entries,
    decode_groups,
    decode_rows,
    entries,
    entry_products,
    few_entries,
    largest,
    largest_of_blocks,
    largest_per_row,
    paths,
    pursue,
    reference,
    selected_products,
    slots,
    squared_error,
    use,
)

DEVICES = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]
HAS_TRITON = importlib.util.find_spec("triton") is not None and (torch.cuda.is_available() or paths.IS_INTERPRETING)
PLACES = [(device, "torch") for device in DEVICES] + [(DEVICES[-1], "triton")] * HAS_TRITON

everywhere = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture
def unchosen(monkeypatch) -> None:
    """Nobody has said which kernels compute."""
    monkeypatch.setattr(paths, "_chosen", None)
    monkeypatch.setattr(paths, "_module", None)


@pytest.fixture(params=PLACES, ids="-".join)
def device(request, unchosen) -> str:
    """Each device, with each kind of kernels computing."""
    where, kernels = request.param
    use(kernels)
    return where


@st.composite
def problems(draw):
    """Sizes (some zero), indices (repeated at will), values (some zero), dense factors."""
    n, k, d_sae, d = (draw(st.integers(low, high)) for low, high in ((0, 7), (0, 5), (1, 9), (1, 6)))
    generator = torch.Generator().manual_seed(draw(st.integers(0, 2**20)))
    indices = torch.randint(0, d_sae, (n, k), generator=generator)
    values = torch.randn(n, k, generator=generator, dtype=torch.float64)
    values = values * (torch.rand(n, k, generator=generator) < draw(st.sampled_from([0.0, 0.5, 1.0])))
    rows = torch.randn(d_sae, d, generator=generator, dtype=torch.float64)
    x = torch.randn(n, d, generator=generator, dtype=torch.float64)
    b = torch.randn(d_sae, generator=generator, dtype=torch.float64)
    return indices, values, rows, x, b


def gradients(fn, *inputs: torch.Tensor) -> tuple[torch.Tensor, list[torch.Tensor]]:
    leaves = [each.detach().clone().requires_grad_(each.is_floating_point()) for each in inputs]
    out = fn(*leaves)
    weights = torch.linspace(-1, 2, out.numel(), dtype=out.dtype, device=out.device).view(out.shape)
    (out * weights).sum().backward()
    return out.detach(), [each.grad if each.grad is not None else torch.zeros_like(each) for each in leaves]


@everywhere
@given(problem=problems())
def test_decode_rows_is_the_dense_product_with_its_gradients(device: str, problem):
    indices, values, rows = (each.to(device) for each in problem[:3])
    out, grads = gradients(decode_rows, indices, values, rows)
    expected, expected_grads = gradients(reference.decode_rows, indices, values, rows)
    torch.testing.assert_close(out, expected, rtol=1e-12, atol=1e-12)
    for one, other in zip(grads[1:], expected_grads[1:], strict=True):
        torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-12)


@everywhere
@given(problem=problems(), cuts=st.sets(st.integers(1, 9), max_size=3))
def test_decode_groups_are_the_dense_products_of_each_group(device: str, problem, cuts: set[int]):
    indices, values, rows = (each.to(device) for each in problem[:3])
    ends = torch.tensor(sorted({cut for cut in cuts if cut < len(rows)} | {len(rows)}), device=device)
    out, grads = gradients(lambda v, r: decode_groups(indices, v, r, ends), values, rows)
    expected, expected_grads = gradients(lambda v, r: reference.decode_groups(indices, v, r, ends), values, rows)
    torch.testing.assert_close(out, expected, rtol=1e-12, atol=1e-12)
    for one, other in zip(grads, expected_grads, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("device", DEVICES)
@settings(deadline=None)
@given(problem=problems(), n_steps=st.integers(1, 5), smallest=st.sampled_from([0.0, 0.7]), is_stopping=st.booleans())
def test_a_pursuit_is_the_dense_one_with_its_gradients(device: str, problem, n_steps, smallest, is_stopping):
    rows, x = problem[2].to(device), problem[3].to(device)
    rows = torch.nn.functional.normalize(rows, dim=-1)
    ends = PursuitSettings(n_steps, smallest, is_stopping)

    def dense(x: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        indices, values = pursue(x, rows, ends)
        return torch.zeros(len(x), len(rows), dtype=x.dtype, device=device).scatter_add(-1, indices, values)

    out, grads = gradients(dense, x, rows)
    expected, expected_grads = gradients(lambda x, rows: reference.pursue(x, rows, ends), x, rows)
    torch.testing.assert_close(out, expected, rtol=1e-9, atol=1e-10)
    for one, other in zip(grads, expected_grads, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-10)


@everywhere
@given(problem=problems())
def test_selected_products_have_the_gradient_of_the_dense_product(device: str, problem):
    indices, _, rows, x, b = (each.to(device) for each in problem)
    W = rows.T
    values = (x @ W + b).gather(-1, indices)
    out, grads = gradients(lambda x, W, b: selected_products(x, W, b, indices, values), x, W, b)
    expected, expected_grads = gradients(lambda x, W, b: reference.selected_products(x, W, b, indices, values), x, W, b)
    torch.testing.assert_close(out, expected, rtol=1e-12, atol=1e-12)
    for one, other in zip(grads, expected_grads, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-12)


def test_gradients_pass_torchs_own_check(device: str):
    generator = torch.Generator().manual_seed(0)
    indices = torch.tensor([[0, 2], [1, 1], [2, 0]], device=device)
    values, rows, x, W = (
        torch.randn(shape, generator=generator, dtype=torch.float64).to(device).requires_grad_()
        for shape in ((3, 2), (3, 4), (3, 5), (5, 3))
    )
    b = torch.zeros(3, dtype=torch.float64, device=device, requires_grad=True)
    assert torch.autograd.gradcheck(lambda v, r: decode_rows(indices, v, r), (values, rows))

    def products(x: torch.Tensor, W: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        dense = (x @ W + b).detach().gather(-1, indices)
        return selected_products(x, W, b, indices, dense)

    assert torch.autograd.gradcheck(products, (x, W, b))


def test_only_gradients_that_are_asked_for_are_made():
    rows = torch.randn(4, 3, requires_grad=True)
    indices, values = torch.tensor([[0, 1]]), torch.ones(1, 2)
    decode_rows(indices, values, rows).sum().backward()
    assert rows.grad is not None
    assert values.grad is None


def test_unused_slots_get_no_share_of_the_rows_gradient():
    rows = torch.randn(4, 3, requires_grad=True)
    decode_rows(torch.tensor([[2, 0, 0]]), torch.tensor([[1.0, 0.0, 0.0]]), rows).sum().backward()
    assert rows.grad.tolist() == [[0.0] * 3, [0.0] * 3, [1.0] * 3, [0.0] * 3]


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-5), (torch.float16, 2e-2), (torch.bfloat16, 2e-1)])
@settings(everywhere, max_examples=30)
@given(problem=problems())
def test_every_float_type_is_served(dtype: torch.dtype, tolerance: float, device: str, problem):
    indices, values, rows = (each.to(device) for each in problem[:3])
    values, rows = values.to(dtype), rows.to(dtype)
    out, (_, d_values, d_rows) = gradients(decode_rows, indices, values, rows)
    exact = gradients(reference.decode_rows, indices, values.double(), rows.double())
    for one, other in zip((out, d_values, d_rows), (exact[0], *exact[1][1:]), strict=True):
        assert one.dtype == dtype
        torch.testing.assert_close(one.double(), other, rtol=tolerance, atol=tolerance)


def test_a_weight_stored_by_features_gets_a_gradient_stored_by_features():
    """W_enc lies in memory one row a feature; a gradient laid out otherwise would be copied at every step."""
    W = torch.randn(7, 5).T.requires_grad_()
    x, indices = torch.randn(3, 5), torch.randint(0, 7, (3, 2))
    values = (x @ W).detach().gather(-1, indices)
    bags.selected_products(x, W, torch.zeros(7), indices, values).sum().backward()
    assert W.grad.stride() == W.stride()


@st.composite
def chosen_entries(draw):
    """A matrix of choices (some with none), and a number for each that is chosen."""
    n, d_sae = draw(st.integers(1, 9)), draw(st.sampled_from([1, 3, 8, 16]))
    generator = torch.Generator().manual_seed(draw(st.integers(0, 2**20)))
    chosen = torch.rand(n, d_sae, generator=generator) < draw(st.sampled_from([0.0, 0.1, 0.5, 1.0]))
    tokens, features = chosen.nonzero().unbind(-1)
    found = Entries(tokens, features, n, d_sae)
    return chosen, found, torch.randn(len(tokens), generator=generator, dtype=torch.float64), generator


@settings(deadline=None)
@given(problem=chosen_entries())
def test_few_entries_are_where_the_choice_is_true(problem):
    chosen, expected, *_ = problem
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(entries, "MOST", 1.0)
        found = few_entries(chosen)
    assert found is not None
    assert (found.n_tokens, found.n_features) == chosen.shape
    assert torch.equal(found.tokens, expected.tokens)
    assert torch.equal(found.features, expected.features)


@everywhere
@given(problem=chosen_entries())
def test_entries_are_the_dense_products_with_their_gradients(device: str, problem):
    _, (tokens, features, *sizes), values, generator = problem
    x, rows, b = (
        torch.randn(shape, generator=generator, dtype=torch.float64).to(device)
        for shape in ((sizes[0], 4), (sizes[1], 5), (sizes[1],))
    )
    W = torch.randn(sizes[1], 4, generator=generator, dtype=torch.float64).T.to(device)
    found, values = Entries(tokens.to(device), features.to(device), *sizes), values.to(device)
    known = (x @ W + b)[found.tokens, found.features]
    cases = [
        (decode_entries, reference.decode_entries, lambda of: lambda v, r: of(found, v, r), (values, rows)),
        (entry_products, reference.entry_products, lambda of: lambda *each: of(*each, found, known), (x, W, b)),
    ]
    for ours, dense, of, inputs in cases:
        out, grads = gradients(of(ours), *inputs)
        expected, expected_grads = gradients(of(dense), *inputs)
        torch.testing.assert_close(out, expected, rtol=1e-12, atol=1e-12)
        for one, other in zip(grads, expected_grads, strict=True):
            torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-12)


def test_chosen_features_are_sorted_once_for_all_gradients_and_anew_when_they_change():
    indices = torch.randint(0, 9, (5, 3))
    first = slots.slots_by_feature(indices, None, 9)
    assert slots.slots_by_feature(indices.view(1, 5, 3).view(5, 3), None, 9) is first
    assert torch.equal(first.features.long(), indices.flatten().sort().values)
    assert torch.equal(first.tokens.long(), first.order // 3)
    assert first.bounds.tolist() == [int((indices < i).sum()) for i in range(10)]
    tokens = torch.randint(0, 4, (15,))
    others = slots.slots_by_feature(indices, tokens, 9)
    assert slots.slots_by_feature(indices, tokens, 9) is others
    assert torch.equal(others.tokens.long(), tokens[others.order])
    assert torch.equal(slots.slots_by_feature(indices, tokens + 1, 9).tokens, others.tokens + 1)
    indices[0] = 8
    assert slots.slots_by_feature(indices, None, 9).bounds[8] == (indices < 8).sum()
    assert slots.slots_by_feature(indices[1:], None, 9).features.shape == (12,)
    n_known = len(slots._known)
    del indices
    assert len(slots._known) == n_known - 1


@pytest.mark.parametrize("is_on_accelerator", [False, True])
def test_without_mkl_gradients_are_the_same(monkeypatch, is_on_accelerator: bool):
    found = Entries(torch.tensor([0, 0, 0, 2]), torch.tensor([1, 0, 3, 3]), 3, 4)
    values, rows = torch.tensor([1.0, 0.0, -2.0, 3.0], dtype=torch.float64), torch.randn(4, 5, dtype=torch.float64)
    with_mkl = gradients(lambda v, r: decode_entries(found, v, r), values, rows)[1]
    monkeypatch.setattr(bags, "_is_mkl_for", lambda x: False)
    monkeypatch.setattr(bags, "is_accelerated", lambda x: is_on_accelerator)
    without = gradients(lambda v, r: decode_entries(found, v, r), values, rows)[1]
    torch.testing.assert_close(with_mkl, without, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("most_threads", [0, 10**6], ids=["topk", "numpy"])
@everywhere
@given(
    n=st.integers(0, 4),
    m=st.sampled_from([1, 64, 96, 200, 1024]),
    k=st.integers(1, 9),
    levels=st.sampled_from([2, 50, 10**6]),
    n_nan=st.sampled_from([0, 0, 1, 9]),
)
@example(n=1, m=64, k=2, levels=50, n_nan=1)  # two are equal and one is NaN: k reach the k-th
def test_the_largest_of_rows_are_those_of_topk(device, most_threads, n: int, m: int, k: int, levels: int, n_nan: int):
    k = min(k, m)
    values = torch.randint(0, levels, (n, m), generator=torch.Generator().manual_seed(n * m + k)) - levels / 2
    values[:1, :n_nan] = torch.nan
    values = values.to(device)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(largest, "_LEAST", 1)
        patch.setattr(largest, "_MOST_THREADS", most_threads)
        indices, found = largest_per_row(values, k)
    assert torch.equal(values.gather(1, indices).nan_to_num(levels), found.nan_to_num(levels))
    expected = values.topk(k).values.nan_to_num(levels)
    assert torch.equal(found.nan_to_num(levels).sort(-1).values, expected.sort(-1).values)
    assert all(len(set(row)) == k for row in indices.tolist())


@pytest.mark.parametrize("first", [0.0, -9.0, 9.0])
def test_the_largest_of_blocks_are_those_of_all_or_it_says_so(first: float):
    """Also where the first block, from which a sample is taken, is not as the others are."""
    generator = torch.Generator().manual_seed(0)
    whole = torch.randn(12, 40, generator=generator)
    whole[:4] += first
    found = largest_of_blocks(whole.split(4), 60, whole.numel())
    assert (found is None) == (first > 0)
    if found is not None:
        at, values = found
        assert torch.equal(at, whole.flatten().topk(60).indices.sort().values)
        assert torch.equal(values, whole.flatten()[at])
    assert largest_of_blocks(whole.split(4), whole.numel(), whole.numel()) is None


def test_a_bfloat16_row_with_something_that_is_no_number_keeps_it(device: str):
    values = torch.arange(256.0, dtype=torch.bfloat16, device=device)[None].clone()
    values[0, 7] = torch.nan
    assert 7 in largest_per_row(values, 2)[0][0].tolist()


@everywhere
@given(problem=problems())
def test_the_squared_error_is_that_of_the_formula_with_its_gradients(device: str, problem):
    x, x_hat = problem[3].to(device), problem[3].flip(0).to(device) + 1
    dense = lambda x_hat, x: ((x_hat - x) ** 2).sum(-1).mean()  # noqa: E731
    (out, grads), (expected, expected_grads) = (gradients(of, x_hat, x) for of in (squared_error, dense))
    torch.testing.assert_close(out, expected, rtol=1e-12, atol=1e-12, equal_nan=True)
    for one, other in zip(grads, expected_grads, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-12)


def test_a_feature_of_very_many_tokens_gets_the_sum_of_all(device: str):
    """Its tokens are added in several places at once."""
    n = 1000
    indices = torch.zeros(n, 2, dtype=torch.long, device=device)
    indices[::3, 0], indices[:, 1] = 2, torch.arange(n, device=device) % 2 + 1
    values, x = (torch.randn(n, d, dtype=torch.float64, device=device) for d in (2, 3))
    W, b = torch.randn(4, 3, dtype=torch.float64, device=device).T, torch.zeros(4, dtype=torch.float64, device=device)
    rows = torch.randn(4, 3, dtype=torch.float64, device=device)
    for ours, dense, inputs in (
        (lambda v, r: decode_rows(indices, v, r), lambda v, r: reference.decode_rows(indices, v, r), (values, rows)),
        (
            lambda *each: selected_products(*each, indices, values),
            lambda *each: reference.selected_products(*each, indices, values),
            (x, W, b),
        ),
    ):
        for one, other in zip(gradients(ours, *inputs)[1], gradients(dense, *inputs)[1], strict=True):
            torch.testing.assert_close(one, other, rtol=1e-11, atol=1e-11)


def test_under_autocast_gradients_stay_those_of_float32_weights(device: str):
    generator = torch.Generator().manual_seed(0)
    indices = torch.randint(0, 12, (6, 4), generator=generator).to(device)
    values, rows = (torch.randn(shape, generator=generator).to(device) for shape in ((6, 4), (12, 8)))
    with torch.autocast(device, torch.bfloat16):
        out, (_, d_values, d_rows) = gradients(decode_rows, indices, values, rows)
    exact = gradients(reference.decode_rows, indices, values.double(), rows.double())
    for one, other in zip((out, d_values, d_rows), (exact[0], *exact[1][1:]), strict=True):
        assert one.dtype == torch.float32
        assert (one.double() - other).norm() <= 1e-2 * other.norm()


def test_asking_for_what_is_not_there_says_what_to_do(unchosen, monkeypatch):
    with pytest.raises(ValueError, match=r"'torch' and 'triton'; got 'cuda'"):
        use("cuda")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ImportError, match=r"pip install 'sae-widgets\[triton\]'"):
        use("triton")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: object())
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(paths, "IS_INTERPRETING", False)
    with pytest.raises(RuntimeError, match=r"need a CUDA device, and torch sees none: install a CUDA build"):
        use("triton")


def test_without_triton_torchs_kernels_compute_and_the_log_says_so_once(unchosen, monkeypatch, caplog):
    monkeypatch.setenv(paths.VARIABLE, "triton")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)

    class OnCuda(torch.Tensor):
        is_cuda = True  # type: ignore[assignment]

    on_cuda = torch.empty(1).as_subclass(OnCuda)
    with caplog.at_level(logging.WARNING):
        assert [paths.path_for(on_cuda) for _ in range(2)] == [bags, bags]
    assert caplog.messages == [
        f"{paths.VARIABLE}=triton: Triton is not installed: pip install 'sae-widgets[triton]' (Linux), or the triton "
        "that your torch names. Torch's kernels compute."
    ]
