"""A synthetic model that has everything, and is made in a moment."""

from typing import Any

from sae_widgets.synthetic import (
    FoldedNormalMagnitudeConfig,
    HierarchyConfig,
    LinearMagnitudeConfig,
    LowRankCorrelationConfig,
    OrthogonalizationConfig,
    SyntheticModelConfig,
    ZipfianFiringProbabilityConfig,
)


def small_config(**changes: Any) -> SyntheticModelConfig:
    """24 features in 12 dimensions, about 2 active."""
    settings: dict[str, Any] = {
        "num_features": 24,
        "hidden_dim": 12,
        "firing_probability": ZipfianFiringProbabilityConfig(0.5, 0.3, 0.02),
        "hierarchy": HierarchyConfig(2, (2, 3), 2, 0.5, compensate_probabilities=True, scale_children_by_parent=True),
        "orthogonalization": OrthogonalizationConfig(10, 0.01),
        "correlation": LowRankCorrelationConfig(3, 0.2),
        "std_firing_magnitudes": FoldedNormalMagnitudeConfig(0.2, 0.2),
        "mean_firing_magnitudes": LinearMagnitudeConfig(5.0, 4.0),
        "bias": 0.5,
        "seed": 3,
    }
    return SyntheticModelConfig(**{**settings, **changes})
