"""Synthetic models by name.

    bench-1k    1,024 features in 128 dimensions, about 7 active: a minute on a laptop
    bench-16k   SynthSAEBench-16k's settings: 16,384 features in 768 dimensions, about 34 active

Both have what makes features hard to find: frequencies over orders of magnitude, trees whose children fire with their
parent only and exclude each other, correlations, superposition, and an offset.

Source of bench-16k: decoderesearch/synth-sae-bench-16k-v2 on the model hub, whose weights
`SyntheticModel.from_pretrained` loads.
"""

from collections.abc import Callable

from sae_widgets.synthetic.firing_magnitudes import FoldedNormalMagnitudeConfig, LinearMagnitudeConfig
from sae_widgets.synthetic.firing_probabilities import ZipfianFiringProbabilityConfig
from sae_widgets.synthetic.hierarchy import HierarchyConfig
from sae_widgets.synthetic.synthetic_model import (
    LowRankCorrelationConfig,
    OrthogonalizationConfig,
    SyntheticModelConfig,
)


def bench_1k() -> SyntheticModelConfig:
    """The small one; SAEs of 256 features and an L0 near 6 are of the size it is made for."""
    return SyntheticModelConfig(
        num_features=1024,
        hidden_dim=128,
        firing_probability=ZipfianFiringProbabilityConfig(exponent=0.5, max_prob=0.4, min_prob=5e-4),
        hierarchy=HierarchyConfig(
            total_root_nodes=8,
            branching_factor=4,
            max_depth=3,
            mutually_exclusive_portion=1.0,
            compensate_probabilities=True,
            scale_children_by_parent=True,
        ),
        orthogonalization=OrthogonalizationConfig(num_steps=100, lr=3e-3),
        correlation=LowRankCorrelationConfig(rank=10, correlation_scale=0.1),
        std_firing_magnitudes=FoldedNormalMagnitudeConfig(mean=0.5, std=0.5),
        mean_firing_magnitudes=LinearMagnitudeConfig(start=5.0, end=4.0),
        bias=0.5,
        seed=42,
    )


def bench_16k() -> SyntheticModelConfig:
    """The published one's settings; made anew, its features are made orthogonal for an hour on a CPU."""
    return SyntheticModelConfig(
        num_features=16_384,
        hidden_dim=768,
        firing_probability=ZipfianFiringProbabilityConfig(exponent=0.5, max_prob=0.4, min_prob=5e-4),
        hierarchy=HierarchyConfig(
            total_root_nodes=128,
            branching_factor=4,
            max_depth=3,
            mutually_exclusive_portion=1.0,
            compensate_probabilities=True,
            scale_children_by_parent=True,
        ),
        orthogonalization=OrthogonalizationConfig(num_steps=100, lr=3e-4),
        correlation=LowRankCorrelationConfig(rank=25, correlation_scale=0.1),
        std_firing_magnitudes=FoldedNormalMagnitudeConfig(mean=0.5, std=0.5),
        mean_firing_magnitudes=LinearMagnitudeConfig(start=5.0, end=4.0),
        bias=0.5,
        seed=42,
    )


PRESETS: dict[str, Callable[[], SyntheticModelConfig]] = {"bench-1k": bench_1k, "bench-16k": bench_16k}
