"""How often each true feature fires: the same for all, along a line, by a power law, or drawn.

zipfian   p_i = min + (max - min) (q_i - q_F) / (q_1 - q_F),    q_i = i^-exponent,  i from 1
linear    from max to min in equal steps
random    uniform between min and max
constant  the same
"""

from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from sae_widgets.synthetic.registry import FIRING_PROB_REGISTRY, PerFeatureConfig, Registry


@dataclass
class FiringProbabilityConfig(PerFeatureConfig):
    """What kinds of firing probabilities share."""

    registry: ClassVar[Registry[type[Any]]] = FIRING_PROB_REGISTRY


def register_firing_probability(name: str, config_class: type[FiringProbabilityConfig]) -> None:
    """Lets `FiringProbabilityConfig.from_dict` find `config_class` by `name`."""
    FIRING_PROB_REGISTRY.register(name, config_class)


def get_firing_probability_class(name: str) -> type[FiringProbabilityConfig]:
    """The class registered under `name`."""
    return FIRING_PROB_REGISTRY.get_or_raise(name)


def _check(num_features: int, min_prob: float | int, max_prob: float | int, *, may_be_equal: bool = False) -> None:
    if num_features < 1:
        raise ValueError(f"num_features must be at least 1, got {num_features}.")
    is_ordered = min_prob <= max_prob if may_be_equal else min_prob < max_prob
    if not (min_prob > 0 and is_ordered and max_prob <= 1):
        sign = "<=" if may_be_equal else "<"
        raise ValueError(f"Must have 0 < min_prob {sign} max_prob <= 1, got min_prob={min_prob}, max_prob={max_prob}.")


def zipfian_firing_probabilities(
    num_features: int, exponent: float | int = 1.0, max_prob: float | int = 0.3, min_prob: float | int = 0.01
) -> Float[Tensor, " num_features"]:
    """Probabilities that fall by a power law, moved and stretched to go from `max_prob` to `min_prob`."""
    _check(num_features, min_prob, max_prob)
    if not exponent > 0:
        raise ValueError(f"exponent must be positive, got {exponent}.")
    if num_features == 1:
        return torch.tensor([max_prob])
    q = 1.0 / torch.arange(1, num_features + 1, dtype=torch.float32) ** exponent
    return min_prob + (max_prob - min_prob) * (q - q[-1]) / (q[0] - q[-1])


def linear_firing_probabilities(
    num_features: int, max_prob: float | int = 0.3, min_prob: float | int = 0.01
) -> Float[Tensor, " num_features"]:
    """Probabilities that fall from `max_prob` to `min_prob` in equal steps."""
    _check(num_features, min_prob, max_prob, may_be_equal=True)
    return torch.tensor([max_prob]) if num_features == 1 else torch.linspace(max_prob, min_prob, num_features)


def random_firing_probabilities(
    num_features: int, max_prob: float | int = 0.5, min_prob: float | int = 0.01, seed: int | None = None
) -> Float[Tensor, " num_features"]:
    """Probabilities drawn uniformly between the two."""
    _check(num_features, min_prob, max_prob)
    return min_prob + (max_prob - min_prob) * torch.rand(num_features, generator=generator_of(seed))


def generator_of(seed: int | None) -> torch.Generator:
    """A generator that begins at `seed`, or at another place each time."""
    generator = torch.Generator()
    if seed is None:
        generator.seed()
        return generator
    return generator.manual_seed(seed)


@dataclass
class ZipfianFiringProbabilityConfig(FiringProbabilityConfig):
    """A few features fire often, most rarely."""

    exponent: float | int = 1.0
    """Above 0; the larger, the steeper."""
    max_prob: float | int = 0.3
    min_prob: float | int = 0.01

    @classmethod
    def generator_name(cls) -> str:
        return "zipfian"

    def generate(self, num_features: int, seed: int | None = None) -> Float[Tensor, " num_features"]:
        return zipfian_firing_probabilities(num_features, self.exponent, self.max_prob, self.min_prob)


@dataclass
class LinearFiringProbabilityConfig(FiringProbabilityConfig):
    """From often to rarely in equal steps."""

    max_prob: float | int = 0.3
    min_prob: float | int = 0.01

    @classmethod
    def generator_name(cls) -> str:
        return "linear"

    def generate(self, num_features: int, seed: int | None = None) -> Float[Tensor, " num_features"]:
        return linear_firing_probabilities(num_features, self.max_prob, self.min_prob)


@dataclass
class RandomFiringProbabilityConfig(FiringProbabilityConfig):
    """Drawn uniformly between the two."""

    max_prob: float | int = 0.5
    min_prob: float | int = 0.01

    @classmethod
    def generator_name(cls) -> str:
        return "random"

    def generate(self, num_features: int, seed: int | None = None) -> Float[Tensor, " num_features"]:
        return random_firing_probabilities(num_features, self.max_prob, self.min_prob, seed)


@dataclass
class ConstantFiringProbabilityConfig(FiringProbabilityConfig):
    """The same for all."""

    probability: float | int = 0.1

    @classmethod
    def generator_name(cls) -> str:
        return "constant"

    def generate(self, num_features: int, seed: int | None = None) -> Float[Tensor, " num_features"]:
        return torch.full((num_features,), self.probability, dtype=torch.float32)


for _class in (
    *(ZipfianFiringProbabilityConfig, LinearFiringProbabilityConfig),
    *(RandomFiringProbabilityConfig, ConstantFiringProbabilityConfig),
):
    register_firing_probability(_class.generator_name(), _class)
