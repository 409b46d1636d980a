"""Averaged weights: a running mean over the steps, which is less noisy than any one of them.

    average <- average + (1 - d) * (weight - average),     d = min(decay, (1 + t) / (10 + t)) at step t

The growing d lets the start be forgotten, which a plain mean of decay 0.999 would remember for thousands of steps.

Source: Polyak and Juditsky 1992; the growing decay is that of TensorFlow's ExponentialMovingAverage, used for SAEs by
Gao et al. 2024, "Scaling and evaluating sparse autoencoders".
"""

from collections.abc import Mapping

import torch
from torch import Tensor, nn


class WeightAverage:
    """The running mean of named weights."""

    def __init__(self, named: Mapping[str, nn.Parameter], decay: float) -> None:
        self.named, self.decay = dict(named), decay
        self.weights = {name: weight.detach().clone() for name, weight in self.named.items()}

    @torch.no_grad()
    def update(self, n_steps: int) -> None:
        """Takes the present weights in; `n_steps` steps are taken."""
        decay = min(self.decay, (1 + n_steps) / (10 + n_steps))
        for name, average in self.weights.items():
            average.lerp_(self.named[name].detach(), 1 - decay)

    @torch.no_grad()
    def restart(self, name: str, axis: int, features: Tensor) -> None:
        """Forgets the past of these features, of which `axis` of the weight has one entry each."""
        self.weights[name].index_copy_(axis, features, self.named[name].detach().index_select(axis, features))

    def load(self, tensors: Mapping[str, Tensor]) -> None:
        """Puts the means back that `weights` were."""
        for name, average in self.weights.items():
            average.copy_(tensors[name])
