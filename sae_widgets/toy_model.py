"""A toy model of superposition: more features than dimensions, and when a network keeps them all the same.

    x_i   = 0 with probability `sparsity`, else uniform in [0, 1]         [n_features]
    h     = W x                                                            [n_hidden]
    x_hat = relu(W^T h + b)                                                [n_features]
    loss  = mean over x of sum_i I_i (x_i - x_hat_i)^2,    I_i = importance^i

Dense features get a direction each, as many as there are dimensions, the most important first. Sparse ones share: in
two dimensions as opposite pairs, as corners of a pentagon and so on, at the price of some interference.

Source: Elhage et al. 2022, "Toy Models of Superposition", its formulas and constants.
"""

import math
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from sae_widgets.architectures import TopKTrainingSAE, TopKTrainingSAEConfig
from sae_widgets.training.schedules import LearningRateSchedule
from sae_widgets.training.trainer import Trainer, TrainSettings

BATCH = 1024
SAE_BATCH = 256
LR = 1e-2
"""Ten times that of the paper, whose runs have ten times the steps."""
MAX_FEATURES = 24
REPRESENTED = 0.5
"""Length of a direction from which a feature counts as kept; lengths end near 0 or near 1."""
OPPOSITE = -0.9
"""Cosine below which two directions are an opposite pair."""


class ToyAutoencoder(nn.Module):
    """The model of the module's head, which draws its own data.

    Args:
        n_features: 1 to `MAX_FEATURES`.
        n_hidden: Dimensions they share.
        sparsity: Probability that a feature is 0, from 0 to below 1.
        importance: Each feature counts this times the one before it, above 0 and at most 1.
        seed: Of the weights at the start and of the data.
    """

    def __init__(
        self,
        n_features: int = 5,
        n_hidden: int = 2,
        sparsity: float | int = 0.9,
        importance: float | int = 0.9,
        seed: int = 0,
    ) -> None:
        super().__init__()
        if not 1 <= n_features <= MAX_FEATURES:
            raise ValueError(f"n_features is a whole number from 1 to {MAX_FEATURES}; got {n_features}.")
        if n_hidden < 1:
            raise ValueError(f"n_hidden is at least 1; got {n_hidden}.")
        self.n_features, self.n_hidden = n_features, n_hidden
        self.set_data(sparsity, importance)
        self.generator = torch.Generator().manual_seed(seed)
        start = torch.randn(n_hidden, n_features, generator=self.generator) * (2 / (n_hidden + n_features)) ** 0.5
        self.W = nn.Parameter(start)
        self.b = nn.Parameter(torch.zeros(n_features))
        self.optimizer = torch.optim.Adam([self.W, self.b], lr=LR)
        self.n_steps = 0

    def set_data(self, sparsity: float | int, importance: float | int) -> None:
        """What is drawn and what it counts from the next step on."""
        if not 0 <= sparsity < 1:
            raise ValueError(f"sparsity is a probability from 0 to below 1; got {sparsity}.")
        if not 0 < importance <= 1:
            raise ValueError(f"importance is above 0 and at most 1; got {importance}.")
        self.sparsity, self.importance = float(sparsity), float(importance)
        self.weights = self.importance ** torch.arange(self.n_features)

    def draw(self, n: int = BATCH) -> Float[Tensor, "n n_features"]:
        """New inputs."""
        values = torch.rand(n, self.n_features, generator=self.generator)
        is_there = torch.rand(n, self.n_features, generator=self.generator) >= self.sparsity
        return values * is_there

    def hidden(self, x: Float[Tensor, "n n_features"]) -> Float[Tensor, "n n_hidden"]:
        """What is left of the inputs in the few dimensions."""
        return x @ self.W.T

    def forward(self, x: Float[Tensor, "n n_features"]) -> Float[Tensor, "n n_features"]:
        """The inputs as far as they can be told again."""
        return (self.hidden(x) @ self.W + self.b).relu()

    def loss(self, x: Float[Tensor, "n n_features"]) -> Float[Tensor, ""]:
        """The squared error, weighted by importance, summed over features."""
        return (self.weights * (x - self(x)) ** 2).sum(-1).mean()

    def step(self, x: Float[Tensor, "n n_features"] | None = None) -> float:
        """One step of Adam on new inputs: the loss before it."""
        loss = self.loss(self.draw() if x is None else x)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        self.n_steps += 1
        return loss.item()

    @property
    def directions(self) -> Float[Tensor, "n_features n_hidden"]:
        """Where each feature points, and how long."""
        return self.W.detach().T.clone()


class Geometry(NamedTuple):
    """How features share the dimensions."""

    norms: Float[Tensor, " n_features"]
    """Lengths: near 0 for a feature that is given up, near 1 for one that is kept."""
    dimensionality: Float[Tensor, " n_features"]
    """D_i = |W_i|^2 / sum_j (unit W_i . W_j)^2: 1 has a dimension to itself, 1/2 shares it with an opposite one."""
    kept: list[int]
    pairs: list[tuple[int, int]]
    """Kept features that point in opposite directions."""


def geometry(directions: Float[Tensor, "n_features n_hidden"]) -> Geometry:
    """The paper's measures of some directions."""
    norms = directions.norm(dim=-1)
    unit = directions / norms.clamp_min(1e-8)[:, None]
    overlap = (unit @ directions.T) ** 2
    dimensionality = norms**2 / overlap.sum(-1).clamp_min(1e-8)
    kept = (norms > REPRESENTED).nonzero().flatten().tolist()
    cosines = unit @ unit.T
    pairs = [(i, j) for i in kept for j in kept if i < j and cosines[i, j] < OPPOSITE]
    return Geometry(norms, dimensionality, kept, pairs)


class FittedSAE:
    """A TopK SAE of one active feature, trained on the hidden activations of a toy model beside it.

    It has twice as many features as the model, in two dimensions evenly spread over the circle at the start: with as
    many, or drawn at random, some stay between two directions.
    """

    def __init__(self, toy: ToyAutoencoder, seed: int = 0) -> None:
        config = TopKTrainingSAEConfig(
            d_in=toy.n_hidden, d_sae=2 * toy.n_features, k=1, decoder_init_norm=1.0, apply_b_dec_to_input=False
        )
        self.toy = toy
        self.sae = TopKTrainingSAE.from_config(config, generator=torch.Generator().manual_seed(seed))
        if toy.n_hidden == 2:
            angles = torch.arange(self.sae.d_sae) * (2 * math.pi / self.sae.d_sae)
            circle = torch.stack([angles.cos(), angles.sin()])
            with torch.no_grad():
                self.sae.W_enc.copy_(circle)
                self.sae.W_dec.copy_(circle.T)
        n_steps = 10**9  # until somebody stops it
        settings = TrainSettings(n_steps, LR, LearningRateSchedule(n_steps), dead_feature_window=50, seed=seed)
        self.trainer = Trainer(self.sae, settings, lambda is_cancelled: toy.hidden(toy.draw()).detach())

    def step(self) -> float:
        """One step on new activations, those of inputs that are not all zero: the loss before it."""
        x = self.toy.draw()
        x = x[(x > 0).any(-1)][:SAE_BATCH]
        return self.trainer.step(self.toy.hidden(x).detach()).loss if len(x) else 0.0

    @property
    def directions(self) -> Float[Tensor, "d_sae n_hidden"]:
        """Decoder rows at unit length."""
        rows = self.sae.W_dec.detach()
        return rows / rows.norm(dim=-1, keepdim=True).clamp_min(1e-8)

    def cosines(self, directions: Float[Tensor, "n_features n_hidden"]) -> Float[Tensor, " n_features"]:
        """Of each feature with the decoder row that is nearest: 1 where the SAE has found it."""
        unit = directions / directions.norm(dim=-1, keepdim=True).clamp_min(1e-8)
        return (unit @ self.directions.T).max(-1).values
