"""Products in blocks, and the memory of gradients that they are lent."""

import pytest
import torch

from sae_widgets.kernels import Entries, bags, blocks, entry_products, products_by_blocks, recycle, spare


@pytest.mark.parametrize("is_on_accelerator", [False, True])
@pytest.mark.parametrize("is_scaled", [False, True])
@pytest.mark.parametrize("is_cast", [False, True])
def test_products_by_blocks_are_the_dense_product(monkeypatch, is_on_accelerator: bool, is_scaled: bool, is_cast: bool):
    monkeypatch.setattr(blocks, "is_accelerated", lambda x: is_on_accelerator)
    monkeypatch.setattr(blocks, "_LEAST_ROWS", 3)
    monkeypatch.setattr(blocks, "_BLOCK", 1)
    monkeypatch.setattr(blocks, "_ACCELERATED_BLOCK", 1)
    x, W, b, scale = torch.randn(8, 5), torch.randn(7, 5).T, torch.randn(7), torch.rand(7)
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16, enabled=is_cast):
        found = [each.clone() for each in products_by_blocks(x, W, b, scale if is_scaled else None)]
    assert [len(each) for each in found] == [3, 3, 2]
    assert {each.dtype for each in found} == {torch.bfloat16 if is_cast else torch.float32}
    exact = (x.double() @ W.double() + b) * (scale if is_scaled else 1)
    assert (torch.cat(found).double() - exact).norm() <= (1e-2 if is_cast else 1e-6) * exact.norm()


def test_blocks_of_products_are_the_product_in_memory_that_is_lent():
    """Of three blocks each is right when it is there, with and without a gradient's memory to lie in."""
    generator = torch.Generator().manual_seed(0)
    x, rows, b, scale = (torch.randn(shape, generator=generator) for shape in ((1100, 600), (5, 600), (5,), (5,)))
    W = torch.nn.Parameter(rows.T)
    with pytest.MonkeyPatch.context() as patch, torch.no_grad():
        patch.setattr(blocks, "_BLOCK", 0)
        for _ in range(2):
            for by in (None, scale):
                found = torch.cat([block.clone() for block in products_by_blocks(x, W, b, by)])
                torch.testing.assert_close(found, (x @ W + b) * (1.0 if by is None else by))
            W.grad = torch.ones_like(W)
            place = W.grad.data_ptr()
            recycle(W)
        first = next(products_by_blocks(x, W, b, None))
        assert first.data_ptr() == place
    assert spare.memory_for(W.T).data_ptr() == place


def test_a_recycled_gradient_is_written_anew_in_its_place():
    W, x = torch.nn.Parameter(torch.randn(7, 5).T), torch.randn(3, 5)
    found = Entries(torch.tensor([0, 1, 2]), torch.tensor([1, 2, 6]), 3, 7)

    def gradient() -> torch.Tensor:
        entry_products(x, W, None, found, torch.zeros(3)).sum().backward()
        assert W.grad is not None
        return W.grad

    first = gradient()
    expected, place = first.clone(), first.data_ptr()
    first.fill_(torch.nan)
    del first
    recycle(W)
    assert W.grad is None
    second = gradient()
    torch.testing.assert_close(second, expected)
    if bags._is_mkl_for(x):
        assert second.data_ptr() == place
    assert W not in spare._spare
