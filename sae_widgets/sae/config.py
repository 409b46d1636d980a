"""What an SAE is, apart from its weights: settings that change the maths, and metadata that says where it belongs."""

import copy
import difflib
import math
import re
from collections.abc import ItemsView, Iterable, KeysView, ValuesView
from dataclasses import Field, dataclass, field, fields
from typing import Any, ClassVar, Literal, NoReturn

import torch

from sae_widgets.normalize import NORMALIZE_MODES, PER_ROW_MODES

FORMAT_VERSION = "6.54.12"
"""The SAELens release whose file format we write; its readers take a missing version for one before 6."""

METADATA_KEYS = (
    *("model_name", "model_class_name", "model_from_pretrained_kwargs", "hook_name", "hook_head_index"),
    *("hook_name_out", "hook_head_index_out", "hf_hook_name", "hf_hook_name_out"),
    *("hook_names", "hook_names_out"),
    *("context_size", "seqpos_slice", "prepend_bos", "exclude_special_tokens", "sequence_separator_token"),
    *("disable_concat_sequences", "dataset_path", "dataset_trust_remote_code", "neuronpedia_id", "l0"),
    *("num_dead_features", "sae_lens_version", "sae_lens_training_version", "training_architecture"),
    *("training_architecture_details",),
)
"""Metadata keys with a meaning; they read as None while unset."""

Number = float | int
"""A float in a config; a whole number becomes one."""

DTYPES = {name: getattr(torch, name) for name in ("float32", "float64", "float16", "bfloat16")}


def nearest(name: str, known: Iterable[str], n: int = 3) -> str:
    """A sentence that offers the known names nearest to `name`, or all when none is near; empty without names."""
    names = sorted(map(str, known))
    close = difflib.get_close_matches(str(name), names, n=n, cutoff=0.5)
    if close:
        return f"Did you mean {' or '.join(repr(each) for each in close)}?"
    return f"Known: {', '.join(names)}." if names else ""


def dtype_name(dtype: "str | torch.dtype") -> str:
    """`dtype` as configs spell it: `"float32"`, never `"torch.float32"`.

    Raises:
        ValueError: If an SAE cannot have this dtype.
    """
    name = str(dtype).removeprefix("torch.")
    if name not in DTYPES:
        raise ValueError(f"No dtype {str(dtype)!r} for an SAE. {nearest(name, DTYPES)}")
    return name


class ArchitectureName(str):
    """An architecture's name: compares as a string and, as SAELens 6 spells it, answers when called."""

    __slots__ = ()

    def __call__(self) -> str:
        return str(self)


class SAEMetadata:
    """Where an SAE was trained and how to feed it, by attribute or by key.

    Known keys read as None while unset; an unknown name is an AttributeError (or KeyError) that offers the nearest.
    Any name can be set.
    """

    def __init__(self, **values: Any) -> None:
        self.__dict__["sae_lens_version"] = FORMAT_VERSION
        self.__dict__["sae_lens_training_version"] = None
        self.__dict__.update(values)

    def __getattr__(self, name: str) -> Any:  # only called for names that are not set
        if name in METADATA_KEYS:
            return None
        if name.startswith("__"):  # Python's own questions, e.g. of each copy: not worth a search for near names
            raise AttributeError(name)
        raise AttributeError(f"SAE metadata has no {name!r}. {nearest(name, {*METADATA_KEYS, *self.__dict__})}")

    def __getitem__(self, key: str) -> Any:
        try:
            return getattr(self, key)
        except AttributeError as error:
            raise KeyError(str(error)) from None

    def __setitem__(self, key: str, value: Any) -> None:
        setattr(self, key, value)

    def __contains__(self, key: object) -> bool:
        return key in self.__dict__

    def get(self, key: str, default: Any = None) -> Any:
        """The value of `key`, or `default` where it is not set."""
        return self.__dict__.get(key, default)

    def keys(self) -> KeysView[str]:
        """Names that are set."""
        return self.__dict__.keys()

    def values(self) -> ValuesView[Any]:
        """Values that are set."""
        return self.__dict__.values()

    def items(self) -> ItemsView[str, Any]:
        """Names and values that are set."""
        return self.__dict__.items()

    def to_dict(self) -> dict[str, Any]:
        """A deep copy as a plain dict."""
        return copy.deepcopy(self.__dict__)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "SAEMetadata":
        """The metadata that `to_dict` wrote."""
        return cls(**copy.deepcopy(values))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SAEMetadata) and self.__dict__ == other.__dict__

    __hash__ = None  # type: ignore[assignment]  # mutable

    def __repr__(self) -> str:
        return f"SAEMetadata({', '.join(f'{key}={value!r}' for key, value in self.items())})"


OWN = {"is_own": True}
"""Metadata of a config's field that SAELens does not have."""


@dataclass
class SAEConfig:
    """The settings every architecture has; one subclass each for inference, and one of that for training.

    Names that older code reads from the config (`cfg.hook_name`, `cfg.hook_layer`, `cfg.activation_fn_str` ...)
    are answered from the metadata.
    """

    architecture: ClassVar[ArchitectureName]
    """Name of the architecture: `cfg.architecture == "topk"`, and `cfg.architecture()` as in SAELens 6."""

    is_training: ClassVar[bool] = False
    """Whether the config has what an objective needs."""

    activation_fn_str: ClassVar[str] = "relu"
    """The activation's name in SAELens 5."""

    d_in: int
    """Width of the activations."""

    d_sae: int
    """Number of features."""

    dtype: str = "float32"
    """Type of the weights: float32, float64, float16 or bfloat16."""

    normalize_modes: ClassVar[tuple[str, ...]] = NORMALIZE_MODES
    """What `normalize_activations` may be."""

    device: str = "cpu"
    """Where the weights are made."""

    apply_b_dec_to_input: bool = True
    """Whether `b_dec` is taken from the input before encoding."""

    normalize_activations: str = "none"
    """How the input is scaled; see `sae_widgets.normalize`."""

    reshape_activations: Literal["none", "hook_z"] = "none"
    """`"hook_z"`: the input's last two axes (head, d_head) are one axis to the SAE."""

    metadata: SAEMetadata = field(default_factory=SAEMetadata)
    """Where the SAE belongs."""

    def __post_init__(self) -> None:
        for name in ("d_in", "d_sae"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise ValueError(f"{name} is a positive whole number; got {value!r}.")
        self._check_numbers()
        self.dtype = dtype_name(self.dtype)
        self.device = str(self.device)
        if self.normalize_activations not in self.normalize_modes:
            raise ValueError(
                f"No normalize_activations mode {self.normalize_activations!r} for architecture "
                f"{str(self.architecture)!r}. {nearest(self.normalize_activations, self.normalize_modes)}"
            )
        if self.reshape_activations not in ("none", "hook_z"):
            raise ValueError(f"reshape_activations is 'none' or 'hook_z'; got {self.reshape_activations!r}.")

    def _check_numbers(self) -> None:
        """Makes whole numbers floats where floats are meant, and refuses NaN, infinity and what is no number."""
        for each in fields(self):
            value = getattr(self, each.name)
            if each.type == Number or (each.type == Number | None and value is not None):
                if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
                    raise ValueError(f"{each.name} is a finite number; got {value!r}.")
                setattr(self, each.name, float(value))

    @property
    def hook_layer(self) -> int | None:
        """Layer of the hook point, read from its name; None where the name has none."""
        match = re.search(r"\d+", self.metadata.hook_name or "")
        return int(match.group()) if match else None

    @property
    def hooks_in(self) -> list[str]:
        """Hook points that are read, in the order in which they lie in the input; empty where nobody said."""
        metadata = self.metadata
        return list(metadata.hook_names or ([metadata.hook_name] if metadata.hook_name else []))

    @property
    def hooks_out(self) -> list[str]:
        """Hook points that are written, in the order in which they lie in the output."""
        metadata = self.metadata
        named = metadata.hook_names_out or ([metadata.hook_name_out] if metadata.hook_name_out else [])
        return list(named) or self.hooks_in

    @property
    def is_normalized_per_row(self) -> bool:
        """Whether each row of the input is scaled by a factor of its own."""
        return self.normalize_activations in PER_ROW_MODES

    def __getattr__(self, name: str) -> Any:  # only called for names that are not found
        metadata = self.__dict__.get("metadata")
        if metadata is not None and not name.startswith("_") and (name in METADATA_KEYS or name in metadata):
            return getattr(metadata, name)
        if name.startswith("_"):
            raise AttributeError(name)
        self._refuse(name)

    def __setattr__(self, name: str, value: Any) -> None:
        if name in self.__dataclass_fields__:
            object.__setattr__(self, name, value)
        elif name in METADATA_KEYS:
            setattr(self.metadata, name, value)
        else:
            self._refuse(name)

    def _refuse(self, name: str) -> NoReturn:
        known = {each.name for each in fields(self)} | {"architecture", "hook_layer", *METADATA_KEYS}
        raise AttributeError(f"{type(self).__name__} has no {name!r}. {nearest(name, known)}")

    def to_dict(self) -> dict[str, Any]:
        """The config as `cfg.json` holds it."""
        values = {each.name: copy.deepcopy(getattr(self, each.name)) for each in fields(self) if self._is_said(each)}
        return {**values, "metadata": self._metadata_to_save(), "architecture": str(self.architecture)}

    def _is_said(self, each: Field) -> bool:
        """Whether a setting goes into files: one that SAELens does not know does where it is not its default."""
        return not each.metadata.get("is_own") or getattr(self, each.name) != each.default

    def to_flat_dict(self) -> dict[str, Any]:
        """`to_dict` with the metadata's keys on top, too, and SAELens 5's names: for code that reads either."""
        flat = {**self.metadata.to_dict(), **self.to_dict()}
        return {**flat, "hook_layer": self.hook_layer, "activation_fn_str": self.activation_fn_str}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "SAEConfig":
        """The config that `to_dict` wrote; keys of `cfg.json` that no config has are ignored, as SAELens does.

        Called on `SAEConfig` the class follows from `architecture` and from whether training's keys are there.

        Raises:
            ValueError: If a key is missing, or the architecture is unknown or another than this class's.
        """
        from sae_widgets.sae.registry import config_class_for
        from sae_widgets.sae.versions import upgrade_config

        values = upgrade_config(values)
        config_class = config_class_for(values) if cls is SAEConfig else cls
        named = values.get("architecture", config_class.architecture)
        if named != config_class.architecture:
            raise ValueError(f"{config_class.__name__} cannot hold an SAE of architecture {named!r}.")
        own = {each.name for each in fields(config_class)}
        missing = sorted({"d_in", "d_sae"} - values.keys())
        if missing:
            raise ValueError(f"The config lacks {', '.join(missing)}; it has {', '.join(sorted(values))}.")
        kept = {key: copy.deepcopy(value) for key, value in values.items() if key in own and key != "metadata"}
        return config_class(**kept, metadata=SAEMetadata.from_dict(values.get("metadata") or {}))

    def inference_config(self) -> "SAEConfig":
        """The config without what only training needs."""
        from sae_widgets.sae.registry import inference_class_for

        config_class = inference_class_for(str(self.architecture))
        own = {each.name for each in fields(config_class)} - {"metadata"}
        kept = {each.name: copy.deepcopy(getattr(self, each.name)) for each in fields(self) if each.name in own}
        return config_class(**kept, metadata=SAEMetadata.from_dict(self._metadata_to_save()))

    def _metadata_to_save(self) -> dict[str, Any]:
        values = self.metadata.to_dict()
        if self.is_training:
            from sae_widgets.sae.registry import inference_class_for

            inference_fields = {each.name for each in fields(inference_class_for(str(self.architecture)))}
            values["training_architecture"] = str(self.architecture)
            values["training_architecture_details"] = {
                each.name: getattr(self, each.name)
                for each in fields(self)
                if each.name not in inference_fields and self._is_said(each)
            }
        return values
