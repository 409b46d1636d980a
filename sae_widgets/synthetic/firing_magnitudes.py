"""How strongly each true feature fires when it does: mean or standard deviation, one number per feature.

constant       value
linear         start + (end - start) i / (F - 1)
exponential    start (end / start)^(i / (F - 1))
folded_normal  |mean + std N(0, 1)|, held between min_value and max_value
"""

from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from sae_widgets.synthetic.firing_probabilities import generator_of
from sae_widgets.synthetic.registry import MAGNITUDE_REGISTRY, PerFeatureConfig, Registry


@dataclass
class MagnitudeConfig(PerFeatureConfig):
    """What kinds of magnitudes share."""

    registry: ClassVar[Registry[type[Any]]] = MAGNITUDE_REGISTRY


def register_magnitude(name: str, config_class: type[MagnitudeConfig]) -> None:
    """Lets `MagnitudeConfig.from_dict` find `config_class` by `name`."""
    MAGNITUDE_REGISTRY.register(name, config_class)


def get_magnitude_class(name: str) -> type[MagnitudeConfig]:
    """The class registered under `name`."""
    return MAGNITUDE_REGISTRY.get_or_raise(name)


def generate_magnitudes(
    num_features: int, config: float | int | MagnitudeConfig, seed: int | None = None
) -> Float[Tensor, " num_features"]:
    """One number per feature: the given one, or as the config says."""
    if isinstance(config, (int, float)):
        return torch.full((num_features,), float(config))
    return config.generate(num_features, seed=seed)


@dataclass
class ConstantMagnitudeConfig(MagnitudeConfig):
    """The same for all."""

    value: float | int = 1.0

    @classmethod
    def generator_name(cls) -> str:
        return "constant"

    def generate(self, num_features: int, seed: int | None = None) -> Float[Tensor, " num_features"]:
        return torch.full((num_features,), float(self.value))


@dataclass
class _EndsConfig(MagnitudeConfig):
    """From the first feature's value to the last one's."""

    start: float | int
    end: float | int

    def __post_init__(self) -> None:
        if not (self.start > 0 and self.end > 0):
            raise ValueError(f"start and end must be positive, got {self.start} and {self.end}.")


@dataclass
class LinearMagnitudeConfig(_EndsConfig):
    """In equal steps."""

    @classmethod
    def generator_name(cls) -> str:
        return "linear"

    def generate(self, num_features: int, seed: int | None = None) -> Float[Tensor, " num_features"]:
        return torch.linspace(self.start, self.end, num_features)


@dataclass
class ExponentialMagnitudeConfig(_EndsConfig):
    """By equal factors."""

    @classmethod
    def generator_name(cls) -> str:
        return "exponential"

    def generate(self, num_features: int, seed: int | None = None) -> Float[Tensor, " num_features"]:
        return self.start * (self.end / self.start) ** torch.linspace(0, 1, num_features)


@dataclass
class FoldedNormalMagnitudeConfig(MagnitudeConfig):
    """Sizes of normal numbers."""

    mean: float | int = 0.0
    std: float | int = 0.1
    """Above 0."""
    min_value: float | int | None = None
    max_value: float | int | None = None

    def __post_init__(self) -> None:
        low, high = self.min_value, self.max_value
        if not self.std > 0:
            raise ValueError(f"std must be positive, got {self.std}.")
        if low is not None and low < 0:
            raise ValueError(f"min_value must be non-negative, got {low}.")
        if high is not None and not high > 0:
            raise ValueError(f"max_value must be positive, got {high}.")
        if low is not None and high is not None and low > high:
            raise ValueError(f"min_value must be <= max_value, got {low} and {high}.")

    @classmethod
    def generator_name(cls) -> str:
        return "folded_normal"

    def generate(self, num_features: int, seed: int | None = None) -> Float[Tensor, " num_features"]:
        drawn = (self.mean + torch.randn(num_features, generator=generator_of(seed)) * self.std).abs()
        if self.min_value is None and self.max_value is None:
            return drawn
        return drawn.clamp(min=self.min_value, max=self.max_value)


for _class in (
    *(ConstantMagnitudeConfig, LinearMagnitudeConfig),
    *(ExponentialMagnitudeConfig, FoldedNormalMagnitudeConfig),
):
    register_magnitude(_class.generator_name(), _class)
