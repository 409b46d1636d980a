"""Activations whose true features are known: `SyntheticModel` is a dictionary, and who fires.

    x = feature_acts @ feature_vectors + bias

Everything follows from the config: with a seed, the parts are the same each time, and those SAELens makes of it.

    synthetic_model_config.json  synthetic_model.safetensors  hierarchy.json        its folder: SAELens' own files

Beside SAELens' tensors the folder holds the magnitudes, which SAELens draws anew when it loads, so that a model with
random ones and no seed comes back as another.
"""

import copy
import json
import logging
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import embedding_bag

from sae_widgets.loaders.hub_source import HubSource
from sae_widgets.loaders.source import FolderSource, Source
from sae_widgets.sae.files import save_tensors, written
from sae_widgets.synthetic.activation_generator import ActivationGenerator
from sae_widgets.synthetic.correlation import LowRankCorrelationMatrix, generate_random_low_rank_correlation_matrix
from sae_widgets.synthetic.feature_dictionary import FeatureDictionary, orthogonal_initializer
from sae_widgets.synthetic.firing_magnitudes import MagnitudeConfig, generate_magnitudes
from sae_widgets.synthetic.firing_probabilities import FiringProbabilityConfig, ZipfianFiringProbabilityConfig
from sae_widgets.synthetic.forest import Entries
from sae_widgets.synthetic.hierarchy import Hierarchy, HierarchyConfig, generate_hierarchy

logger = logging.getLogger(__name__)

SYNTHETIC_MODEL_CONFIG_FILENAME = "synthetic_model_config.json"
SYNTHETIC_MODEL_WEIGHTS_FILENAME = "synthetic_model.safetensors"
SYNTHETIC_MODEL_HIERARCHY_FILENAME = "hierarchy.json"
MAGNITUDES = ("mean_firing_magnitudes", "std_firing_magnitudes")


@dataclass
class _PlainConfig:
    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, d: dict[str, Any]) -> Any:
        """The config that `to_dict` wrote."""
        return cls(**d)


@dataclass
class OrthogonalizationConfig(_PlainConfig):
    """How features are pushed away from each other; see `orthogonalize_embeddings`."""

    num_steps: int = 200
    lr: float | int = 0.01
    chunk_size: int = 1024


@dataclass
class LowRankCorrelationConfig(_PlainConfig):
    """Which features fire together; see `generate_random_low_rank_correlation_matrix`."""

    rank: int = 32
    correlation_scale: float | int = 0.1
    seed: int | None = None
    """Read and written for SAELens, where nothing reads it either: the model's seed decides."""


@dataclass
class SyntheticModelConfig:
    """Everything a synthetic model follows from."""

    num_features: int
    hidden_dim: int
    firing_probability: FiringProbabilityConfig = field(default_factory=ZipfianFiringProbabilityConfig)
    hierarchy: HierarchyConfig | None = None
    orthogonalization: OrthogonalizationConfig | None = None
    """None leaves features as drawn."""
    correlation: LowRankCorrelationConfig | None = None
    std_firing_magnitudes: float | int | MagnitudeConfig = 0.0
    mean_firing_magnitudes: float | int | MagnitudeConfig = 1.0
    bias: bool | float | int = 1.0
    """Length of an offset of all activations; True is 1."""
    dtype: str = "float32"
    """Of feature activations."""
    seed: int | None = None
    """None makes another model each time."""

    def __post_init__(self) -> None:
        for name in ("num_features", "hidden_dim"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}.")

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as `synthetic_model_config.json` holds them."""
        values = {name: getattr(self, name) for name in vars(self)}
        return {name: each.to_dict() if hasattr(each, "to_dict") else each for name, each in values.items()}

    @classmethod
    def from_dict(cls, d: dict[str, Any]) -> "SyntheticModelConfig":
        """The config that `to_dict` wrote.

        Raises:
            ValueError: If a setting is unknown or cannot work.
        """
        values, kinds = copy.deepcopy(d), {**_PARTS, **dict.fromkeys(MAGNITUDES, MagnitudeConfig)}
        for name, kind in kinds.items():
            if isinstance(values.get(name), dict):
                values[name] = kind.from_dict(values[name])
        try:
            return cls(**values)
        except TypeError as error:
            raise ValueError(f"These are no settings of a synthetic model: {error}.") from error


_PARTS: dict[str, Any] = {
    "firing_probability": FiringProbabilityConfig,
    "hierarchy": HierarchyConfig,
    "orthogonalization": OrthogonalizationConfig,
    "correlation": LowRankCorrelationConfig,
}


class SyntheticModel(nn.Module):
    """Draws activations with known features. What is not given is made as `cfg` says.

    Args:
        cfg: The settings.
        feature_dict: The directions.
        activation_generator: Who fires.
        hierarchy: Who fires with whom.
        correlation_matrix: Who fires together.
        device: Where it computes.
    """

    def __init__(
        self,
        cfg: SyntheticModelConfig,
        feature_dict: FeatureDictionary | None = None,
        activation_generator: ActivationGenerator | None = None,
        hierarchy: Hierarchy | None = None,
        correlation_matrix: LowRankCorrelationMatrix | None = None,
        device: str | torch.device = "cpu",
    ) -> None:
        super().__init__()
        self.cfg, self.device = cfg, str(device)
        self.hierarchy = hierarchy or self._make_hierarchy()
        self.correlation_matrix = correlation_matrix or self._make_correlation()
        self.feature_dict = (feature_dict or self._make_dictionary()).to(self.device)
        self.activation_generator = activation_generator or self._make_generator()

    # Each part has a seed of its own, so that none depends on what else is drawn; the numbers are SAELens'.

    def _seed(self, offset: int) -> int | None:
        return None if self.cfg.seed is None else self.cfg.seed + offset

    def _make_dictionary(self) -> FeatureDictionary:
        cfg = self.cfg
        initializer = None
        if cfg.orthogonalization is not None:
            initializer = orthogonal_initializer(**cfg.orthogonalization.to_dict())
        return FeatureDictionary(cfg.num_features, cfg.hidden_dim, cfg.bias, initializer, seed=self._seed(0))

    def _make_hierarchy(self) -> Hierarchy | None:
        if self.cfg.hierarchy is None:
            return None
        return generate_hierarchy(self.cfg.num_features, self.cfg.hierarchy, seed=self._seed(3))

    def _make_correlation(self) -> LowRankCorrelationMatrix | None:
        cfg = self.cfg.correlation
        if cfg is None:
            return None
        return generate_random_low_rank_correlation_matrix(
            self.cfg.num_features, cfg.rank, cfg.correlation_scale, self._seed(4), dtype=self.cfg.dtype
        )

    def _make_generator(self, saved: dict[str, Tensor] | None = None) -> ActivationGenerator:
        n, saved = self.cfg.num_features, saved or {}
        p = saved.get("firing_probabilities")
        mean, std = (saved.get(name) for name in MAGNITUDES)
        if p is None:
            p = self._compensated(self.cfg.firing_probability.generate(n, seed=self._seed(0)))
        if std is None:
            std = generate_magnitudes(n, self.cfg.std_firing_magnitudes, seed=self._seed(1))
        if mean is None:
            mean = generate_magnitudes(n, self.cfg.mean_firing_magnitudes, seed=self._seed(2))
        modifier = self.hierarchy.modifier if self.hierarchy is not None else None
        return ActivationGenerator(
            n, p, std, mean, modifier, self.correlation_matrix, device=self.device, dtype=self.cfg.dtype
        )

    def _compensated(self, p: Tensor) -> Tensor:
        """Firing probabilities, raised where the hierarchy is to be made up for."""
        if self.hierarchy is None or self.cfg.hierarchy is None or not self.cfg.hierarchy.compensate_probabilities:
            return p
        raised = p * self.hierarchy.compute_probability_correction_factors(p)
        if n_cut := int(((raised >= 1) & (p < 1)).sum()):
            logger.warning(
                "The hierarchy would need firing probabilities up to %.3f; those of %d features are cut to 1, so that "
                "these fire less often than asked for. Lower the probabilities of features with parents.",
                float(raised.max()),
                n_cut,
            )
        return raised.clamp(max=1.0)

    # What it gives

    @property
    def use_sparse_tensors(self) -> bool:
        """Whether feature activations are sparse (COO) tensors."""
        return self.activation_generator.use_sparse_tensors

    @use_sparse_tensors.setter
    def use_sparse_tensors(self, value: bool) -> None:
        self.activation_generator.use_sparse_tensors = value

    @torch.no_grad()
    def sample(self, batch_size: int, generator: torch.Generator | None = None) -> Float[Tensor, "n hidden_dim"]:
        """Activations of `batch_size` tokens.

        Args:
            batch_size: How many.
            generator: What is drawn from; None takes torch's own.
        """
        return hidden_of(self.activation_generator.sample_entries(batch_size, generator), batch_size, self.feature_dict)

    @torch.no_grad()
    def sample_with_features(
        self, batch_size: int, generator: torch.Generator | None = None
    ) -> tuple[Float[Tensor, "n hidden_dim"], Float[Tensor, "n num_features"]]:
        """Activations, and the feature activations they are made of."""
        entries = self.activation_generator.sample_entries(batch_size, generator)
        to = entries.to_sparse if self.use_sparse_tensors else entries.to_dense
        return hidden_of(entries, batch_size, self.feature_dict), to(batch_size, self.cfg.num_features)

    def forward(self, batch_size: int) -> Float[Tensor, "n hidden_dim"]:
        return self.sample(batch_size)

    def to(self, device: str | torch.device | None = None, *others: Any, **settings: Any) -> "SyntheticModel":  # type: ignore[override]
        """This model, moved; its dtype is that of its config."""
        if device is not None and not isinstance(device, torch.dtype):
            self.device = str(device)
            saved = {"firing_probabilities": self.activation_generator.firing_probabilities}
            saved |= {name: getattr(self.activation_generator, name) for name in MAGNITUDES}
            is_sparse = self.use_sparse_tensors
            self.feature_dict = self.feature_dict.to(device)
            self.activation_generator = self._make_generator(saved)
            self.use_sparse_tensors = is_sparse
        return self

    # Files

    def save(self, path: str | Path) -> None:
        """Writes its folder; each file whole or not at all."""
        folder = Path(path)
        folder.mkdir(parents=True, exist_ok=True)
        weights: dict[str, Tensor] = dict(self.feature_dict.named_parameters())
        weights["firing_probabilities"] = self.activation_generator.firing_probabilities
        weights |= {name: getattr(self.activation_generator, name) for name in MAGNITUDES}
        if self.correlation_matrix is not None:
            weights |= self.correlation_matrix._asdict()
        texts = {SYNTHETIC_MODEL_CONFIG_FILENAME: json.dumps(self.cfg.to_dict(), indent=2)}
        if self.hierarchy is not None:
            texts[SYNTHETIC_MODEL_HIERARCHY_FILENAME] = json.dumps(self.hierarchy.to_dict(), indent=2)
        else:
            (folder / SYNTHETIC_MODEL_HIERARCHY_FILENAME).unlink(missing_ok=True)
        with written(folder / SYNTHETIC_MODEL_WEIGHTS_FILENAME, lambda part: save_tensors(weights, part)) as put:
            put()
        for name, text in texts.items():
            with written(folder / name, lambda part, text=text: part.write_text(text, encoding="utf-8")) as put:
                put()

    @classmethod
    def load_from_disk(cls, path: str | Path, device: str = "cpu") -> "SyntheticModel":
        """The model in a folder.

        Raises:
            FileNotFoundError: If there is none.
            ValueError: If a file is damaged, or does not fit the config.
        """
        return cls._read(FolderSource(path), device)

    @classmethod
    def from_pretrained(
        cls,
        repo_id: str,
        model_path: str | None = None,
        device: str = "cpu",
        force_download: bool = False,
        **hub: Any,
    ) -> "SyntheticModel":
        """The model in a repository on the hub, e.g. "decoderesearch/synth-sae-bench-16k-v2".

        Args:
            repo_id: The repository, "owner/name".
            model_path: The folder in it; None is its root.
            device: Where the model computes.
            force_download: Whether what is in the cache is downloaded again.
            hub: As for `HubSource`: revision, token, cache_dir, local_files_only.

        Raises:
            FileNotFoundError: If there is no such model.
            ValueError: If a file is damaged, or does not fit the config.
            ConnectionError: If it is not in the cache and the hub cannot be reached.
        """
        return cls._read(HubSource(repo_id, model_path or "", force_download=force_download, **hub), device)

    @classmethod
    def load_from_source(cls, source: SyntheticModelConfig | str | Path, device: str = "cpu") -> "SyntheticModel":
        """The model of a config, in a folder, or on the hub ("repo_id" or "repo_id:folder")."""
        if isinstance(source, SyntheticModelConfig):
            return cls(source, device=device)
        text = str(source)
        if text.startswith(("/", "./", "../", "~")) or "\\" in text or Path(text).exists():
            return cls.load_from_disk(Path(text).expanduser(), device=device)
        repo_id, _, model_path = text.partition(":")
        return cls.from_pretrained(repo_id, model_path or None, device=device)

    @classmethod
    def _read(cls, source: Source, device: str) -> "SyntheticModel":
        cfg = SyntheticModelConfig.from_dict(source.json(SYNTHETIC_MODEL_CONFIG_FILENAME))
        weights = source.tensors(SYNTHETIC_MODEL_WEIGHTS_FILENAME, "cpu")
        _check_weights(weights, cfg, source.name)
        hierarchy = None
        if source.has(SYNTHETIC_MODEL_HIERARCHY_FILENAME):
            hierarchy = Hierarchy.from_dict(source.json(SYNTHETIC_MODEL_HIERARCHY_FILENAME))
        correlation = None
        if "correlation_factor" in weights:
            correlation = LowRankCorrelationMatrix(weights["correlation_factor"], weights["correlation_diag"])
        # Without bias=...: the offset is set below, and a drawn one would be thrown away.
        directions = FeatureDictionary(cfg.num_features, cfg.hidden_dim, initializer=None)
        directions.feature_vectors.data, directions.bias.data = weights["feature_vectors"], weights["bias"]
        parts = cls.__new__(cls)
        nn.Module.__init__(parts)
        parts.cfg, parts.device = cfg, str(device)
        parts.hierarchy, parts.correlation_matrix = hierarchy, correlation
        parts.feature_dict = directions.to(device)
        parts.activation_generator = parts._make_generator(weights)
        return parts


def hidden_of(entries: Entries, n: int, feature_dict: FeatureDictionary) -> Float[Tensor, "n hidden_dim"]:
    """Activations made of these feature activations, without a dense `[n, num_features]`."""
    starts = torch.searchsorted(entries.rows, torch.arange(n, device=entries.rows.device))
    vectors = feature_dict.feature_vectors
    values = entries.values.to(vectors.dtype)
    return embedding_bag(entries.features, vectors, starts, mode="sum", per_sample_weights=values) + feature_dict.bias


def _check_weights(weights: dict[str, Tensor], cfg: SyntheticModelConfig, where: str) -> None:
    n, width = cfg.num_features, cfg.hidden_dim
    expected: dict[str, tuple[int, ...]] = {
        "feature_vectors": (n, width),
        "bias": (width,),
        "firing_probabilities": (n,),
    }
    expected |= {name: (n,) for name in (*MAGNITUDES, "correlation_diag") if name in weights}
    for name, shape in expected.items():
        if name not in weights:
            raise ValueError(f"{where}: {SYNTHETIC_MODEL_WEIGHTS_FILENAME} has no {name}; is it a synthetic model?")
        if tuple(weights[name].shape) != shape:
            raise ValueError(f"{where}: {name} has shape {tuple(weights[name].shape)}; its config says {shape}.")
        if not bool(torch.isfinite(weights[name]).all()):
            raise ValueError(f"{where}: {name} holds numbers that are not finite; the file is damaged.")
    if ("correlation_factor" in weights) != ("correlation_diag" in weights):
        raise ValueError(f"{where}: correlation_factor and correlation_diag come together; one is missing.")
