"""Synthetic activations whose features are known, and how well an SAE finds them.

    firing_probabilities, firing_magnitudes    how often and how strongly each feature fires
    correlation, hierarchy, forest             which fire together, with whom, or never together
    feature_dictionary                         their directions
    activation_generator, synthetic_model      draw, save, load; presets: two to begin with; upload
    training, config, job, runner              train_toy_sae, SyntheticSAERunner
    evals, matching, stats, plotting           MCC, F1 and the other scores, with intervals; pictures

model = SyntheticModel(bench_1k())
result = SyntheticSAERunner(SyntheticSAERunnerConfig("bench-1k", training_samples=2_000_000)).run()
result.final_eval.mcc, result.final_eval.classification.f1_score

Names, defaults and files are SAELens' (`sae_lens.synthetic`). What is drawn comes from a `torch.Generator` where one
is given, and from torch's own where none is.
"""

from sae_widgets.synthetic.activation_generator import (
    ActivationGenerator,
    ActivationsModifier,
    ActivationsModifierInput,
    CorrelationMatrixInput,
)
from sae_widgets.synthetic.config import RUNNER_CONFIG_FILENAME, SyntheticSAERunnerConfig
from sae_widgets.synthetic.correlation import (
    LowRankCorrelationMatrix,
    create_correlation_matrix_from_correlations,
    generate_random_correlation_matrix,
    generate_random_correlations,
    generate_random_low_rank_correlation_matrix,
)
from sae_widgets.synthetic.evals import (
    ClassificationMetrics,
    ClassificationMetricsCalculator,
    DeadLatentsCalculator,
    L0Calculator,
    ShrinkageCalculator,
    SyntheticDataEvalResult,
    compute_classification_metrics,
    eval_sae_on_synthetic_data,
    feature_uniqueness,
    mean_correlation_coefficient,
)
from sae_widgets.synthetic.feature_dictionary import (
    FeatureDictionary,
    FeatureDictionaryInitializer,
    cosine_similarities,
    orthogonal_initializer,
    orthogonalize_embeddings,
)
from sae_widgets.synthetic.firing_magnitudes import (
    ConstantMagnitudeConfig,
    ExponentialMagnitudeConfig,
    FoldedNormalMagnitudeConfig,
    LinearMagnitudeConfig,
    MagnitudeConfig,
    generate_magnitudes,
    get_magnitude_class,
    register_magnitude,
)
from sae_widgets.synthetic.firing_probabilities import (
    ConstantFiringProbabilityConfig,
    FiringProbabilityConfig,
    LinearFiringProbabilityConfig,
    RandomFiringProbabilityConfig,
    ZipfianFiringProbabilityConfig,
    get_firing_probability_class,
    linear_firing_probabilities,
    random_firing_probabilities,
    register_firing_probability,
    zipfian_firing_probabilities,
)
from sae_widgets.synthetic.hierarchy import (
    Hierarchy,
    HierarchyConfig,
    HierarchyNode,
    generate_hierarchy,
    hierarchy_modifier,
)
from sae_widgets.synthetic.initialization import init_sae_to_match_feature_dict
from sae_widgets.synthetic.job import SyntheticSAERunnerResult
from sae_widgets.synthetic.matching import best_matching
from sae_widgets.synthetic.plotting import (
    find_best_feature_ordering,
    find_best_feature_ordering_across_saes,
    find_best_feature_ordering_from_sae,
    plot_sae_feature_similarity,
)
from sae_widgets.synthetic.presets import PRESETS, bench_1k, bench_16k
from sae_widgets.synthetic.runner import SyntheticSAERunner, start
from sae_widgets.synthetic.stats import (
    CorrelationMatrixStats,
    SuperpositionStats,
    compute_correlation_matrix_stats,
    compute_low_rank_correlation_matrix_stats,
    compute_superposition_stats,
)
from sae_widgets.synthetic.synthetic_model import (
    SYNTHETIC_MODEL_CONFIG_FILENAME,
    SYNTHETIC_MODEL_HIERARCHY_FILENAME,
    SYNTHETIC_MODEL_WEIGHTS_FILENAME,
    LowRankCorrelationConfig,
    OrthogonalizationConfig,
    SyntheticModel,
    SyntheticModelConfig,
)
from sae_widgets.synthetic.training import SyntheticActivationIterator, train_toy_sae
from sae_widgets.synthetic.upload import upload_synthetic_model_to_huggingface

__all__ = [
    "PRESETS",
    "RUNNER_CONFIG_FILENAME",
    "SYNTHETIC_MODEL_CONFIG_FILENAME",
    "SYNTHETIC_MODEL_HIERARCHY_FILENAME",
    "SYNTHETIC_MODEL_WEIGHTS_FILENAME",
    "ActivationGenerator",
    "ActivationsModifier",
    "ActivationsModifierInput",
    "ClassificationMetrics",
    "ClassificationMetricsCalculator",
    "ConstantFiringProbabilityConfig",
    "ConstantMagnitudeConfig",
    "CorrelationMatrixInput",
    "CorrelationMatrixStats",
    "DeadLatentsCalculator",
    "ExponentialMagnitudeConfig",
    "FeatureDictionary",
    "FeatureDictionaryInitializer",
    "FiringProbabilityConfig",
    "FoldedNormalMagnitudeConfig",
    "Hierarchy",
    "HierarchyConfig",
    "HierarchyNode",
    "L0Calculator",
    "LinearFiringProbabilityConfig",
    "LinearMagnitudeConfig",
    "LowRankCorrelationConfig",
    "LowRankCorrelationMatrix",
    "MagnitudeConfig",
    "OrthogonalizationConfig",
    "RandomFiringProbabilityConfig",
    "ShrinkageCalculator",
    "SuperpositionStats",
    "SyntheticActivationIterator",
    "SyntheticDataEvalResult",
    "SyntheticModel",
    "SyntheticModelConfig",
    "SyntheticSAERunner",
    "SyntheticSAERunnerConfig",
    "SyntheticSAERunnerResult",
    "ZipfianFiringProbabilityConfig",
    "bench_1k",
    "bench_16k",
    "best_matching",
    "compute_classification_metrics",
    "compute_correlation_matrix_stats",
    "compute_low_rank_correlation_matrix_stats",
    "compute_superposition_stats",
    "cosine_similarities",
    "create_correlation_matrix_from_correlations",
    "eval_sae_on_synthetic_data",
    "feature_uniqueness",
    "find_best_feature_ordering",
    "find_best_feature_ordering_across_saes",
    "find_best_feature_ordering_from_sae",
    "generate_hierarchy",
    "generate_magnitudes",
    "generate_random_correlation_matrix",
    "generate_random_correlations",
    "generate_random_low_rank_correlation_matrix",
    "get_firing_probability_class",
    "get_magnitude_class",
    "hierarchy_modifier",
    "init_sae_to_match_feature_dict",
    "linear_firing_probabilities",
    "mean_correlation_coefficient",
    "orthogonal_initializer",
    "orthogonalize_embeddings",
    "plot_sae_feature_similarity",
    "random_firing_probabilities",
    "register_firing_probability",
    "register_magnitude",
    "start",
    "train_toy_sae",
    "upload_synthetic_model_to_huggingface",
    "zipfian_firing_probabilities",
]
