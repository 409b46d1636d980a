"""Which class an architecture's name stands for."""

from dataclasses import fields
from typing import TYPE_CHECKING, Any, TypeVar

from sae_widgets.sae.config import SAEConfig, nearest

if TYPE_CHECKING:
    from sae_widgets.sae.base import SAE

SAE_CLASSES: "dict[str, type[SAE]]" = {}
"""Architecture name -> SAE class; filled by the modules of `sae_widgets.architectures`."""

Class = TypeVar("Class", bound=type)


def register_sae_class(sae_class: Class) -> Class:
    """`sae_class`, now known under its `architecture`: a decorator.

    Raises:
        ValueError: If another class has that name.
    """
    name = str(sae_class.training_config_class.architecture)
    known = SAE_CLASSES.setdefault(name, sae_class)
    if (known.__module__, known.__qualname__) != (sae_class.__module__, sae_class.__qualname__):
        raise ValueError(f"Architecture {name!r} is registered already, as {known.__qualname__}.")
    SAE_CLASSES[name] = sae_class  # a reloaded module replaces its own entry
    return sae_class


def sae_class_for(architecture: str) -> "type[SAE]":
    """The class registered under `architecture`.

    Raises:
        ValueError: If there is none.
    """
    if architecture not in SAE_CLASSES:
        raise ValueError(f"No SAE architecture {architecture!r}. {nearest(architecture, SAE_CLASSES)}")
    return SAE_CLASSES[architecture]


def inference_class_for(architecture: str) -> type[SAEConfig]:
    """The config class an SAE of this architecture has once it is trained."""
    return sae_class_for(architecture).config_class


def config_class_for(values: dict[str, Any]) -> type[SAEConfig]:
    """The config class that `cfg.json` holds: for training if training's keys are there.

    Raises:
        ValueError: If the architecture is missing or unknown.
    """
    if "architecture" not in values:
        raise ValueError(f"The config names no architecture; it has {', '.join(sorted(values)) or 'nothing'}.")
    sae_class = sae_class_for(values["architecture"])
    inference, training = sae_class.config_class, sae_class.training_config_class
    only_training = {each.name for each in fields(training)} - {each.name for each in fields(inference)}
    is_training = inference.architecture != training.architecture or bool(only_training & values.keys())
    return training if is_training else inference
