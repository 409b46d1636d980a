"""Gradients by central differences, in float64, of losses written down a second time with numpy alone."""

from collections.abc import Callable

import numpy as np
import torch

from sae_widgets.sae import SAE

Weights = dict[str, np.ndarray]


def check_gradients(sae: SAE, terms: dict[str, torch.Tensor], loss: Callable[[Weights], float], *skipped: str) -> None:
    """Nothing, if `loss` of the SAE's weights is the sum of `terms`, and their gradients are its slopes.

    Args:
        sae: Its parameters' gradients are made anew.
        terms: What its objective gave.
        loss: The same loss by other means.
        skipped: Parameters whose gradient is an estimate, which no difference shows.
    """
    for weight in sae.parameters():
        weight.grad = None
    total = torch.stack(list(terms.values())).sum()
    total.backward()
    weights = {name: weight.detach().double().numpy().copy() for name, weight in sae.named_parameters()}
    np.testing.assert_allclose(total.item(), loss(weights), rtol=1e-9)
    for name, weight in sae.named_parameters():
        if name in skipped:
            continue
        assert weight.grad is not None, name
        np.testing.assert_allclose(weight.grad.numpy(), slopes(loss, weights, name), rtol=1e-5, atol=1e-7, err_msg=name)


def slopes(loss: Callable[[Weights], float], weights: Weights, name: str, step: float = 1e-6) -> np.ndarray:
    """The slope of `loss` along each number of one weight."""
    found = np.zeros_like(weights[name])
    for at in np.ndindex(*found.shape):
        before = weights[name][at]
        weights[name][at] = before + step
        above = loss(weights)
        weights[name][at] = before - step
        found[at] = (above - loss(weights)) / (2 * step)
        weights[name][at] = before
    return found
