"""Settings that say how to make one number per feature, found again by the name in their file."""

from abc import ABC, abstractmethod
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, TypeVar

from jaxtyping import Float
from torch import Tensor

from sae_widgets.sae.config import nearest

T = TypeVar("T")


class Registry(dict[str, T]):
    """Names and what they stand for; a name is given once."""

    def register(self, name: str, value: T) -> None:
        """Adds `name`.

        Raises:
            ValueError: If it is taken.
        """
        if name in self:
            raise ValueError(f"{name!r} is already registered, for {self[name]!r}. Choose another name.")
        self[name] = value

    def get_or_raise(self, name: str) -> T:
        """What `name` stands for.

        Raises:
            ValueError: If nothing has that name; offers the nearest.
        """
        if name not in self:
            raise ValueError(f"Unknown name {name!r}; there are: {', '.join(self)}. {nearest(name, self)}".rstrip())
        return self[name]


@dataclass
class PerFeatureConfig(ABC):
    """Makes a number for each feature; what subclasses register is read back by `from_dict`."""

    registry: ClassVar[Registry[Any]]

    @classmethod
    @abstractmethod
    def generator_name(cls) -> str:
        """The name it is registered under."""

    @abstractmethod
    def generate(self, num_features: int, seed: int | None = None) -> Float[Tensor, " num_features"]:
        """One number for each feature; `seed` decides what is drawn, where something is."""

    def to_dict(self) -> dict[str, Any]:
        """Plain values, the registered name among them."""
        return {**asdict(self), "generator_name": self.generator_name()}

    @classmethod
    def from_dict(cls, d: dict[str, Any]) -> Any:
        """The config that `to_dict` wrote.

        Raises:
            ValueError: If the name is missing or unknown, or a setting cannot work.
        """
        values = dict(d)
        name = values.pop("generator_name", None)
        if name is None:
            raise ValueError(f"generator_name is missing; it is one of {', '.join(cls.registry)}.")
        try:
            return cls.registry.get_or_raise(name)(**values)
        except TypeError as error:
            raise ValueError(f"These are no settings of {name!r}: {error}.") from error


FIRING_PROB_REGISTRY: Registry[type[Any]] = Registry()
MAGNITUDE_REGISTRY: Registry[type[Any]] = Registry()
