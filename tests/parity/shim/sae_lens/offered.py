"""Which of our names stands under which of SAELens'; and, from `MISSING.md`, why the others stand for nothing."""

import re
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path

MISSING = Path(__file__).parents[1] / "MISSING.md"

_ROW = re.compile(r"^\| `([^`]+)` \| (.+?) \|$", re.MULTILINE)


def _both(name: str) -> list[str]:
    return [f"{name}SAE", f"{name}SAEConfig", f"{name}TrainingSAE", f"{name}TrainingSAEConfig"]


def _training(name: str) -> list[str]:
    return [f"{name}TrainingSAE", f"{name}TrainingSAEConfig"]


_TRANSCODERS = [
    f"{kind}{end}"
    for kind in ("Transcoder", "SkipTranscoder", "JumpReLUTranscoder", "JumpReLUSkipTranscoder")
    for end in ("", "Config")
]

_ARCHITECTURES = {
    "standard_sae": _both("Standard"),
    "gated_sae": _both("Gated"),
    "topk_sae": _both("TopK"),
    "abstopk_sae": _both("AbsTopK"),
    "jumprelu_sae": _both("JumpReLU"),
    "batchtopk_sae": _training("BatchTopK"),
    "matryoshka_batchtopk_sae": _training("MatryoshkaBatchTopK"),
    "matching_pursuit_sae": _both("MatchingPursuit"),
    "temporal_sae": ["TemporalSAE", "TemporalSAEConfig"],
    "transcoder": _TRANSCODERS,
}

_BASE = {
    "SAE": "sae_widgets.sae",
    "SAEConfig": "sae_widgets.sae",
    # One class of ours serves training and inference.
    "TrainingSAE": "sae_widgets.sae:SAE",
    "TrainingSAEConfig": "sae_widgets.sae:SAEConfig",
}

_SAES = {name: "sae_widgets.architectures" for names in _ARCHITECTURES.values() for name in names} | _BASE

_TO_DISK = {
    f"{name}Runner{end}": f"sae_widgets.runs.{module}"
    for name, module in (("CacheActivations", "cache_activations"), ("Pretokenize", "pretokenize"))
    for end in ("", "Config")
} | {"pretokenize_runner": "sae_lens.adapters.data"}

_CONFIGS = {
    **{name: home for name, home in _TO_DISK.items() if name.endswith("Config")},
    "LanguageModelSAERunnerConfig": "sae_widgets.runs.config",
    "LoggingConfig": "sae_widgets.runs.config",
}

_RUNNERS = {
    "LanguageModelSAETrainingRunner": "sae_widgets.runs.runner",
    "SAETrainingRunner": "sae_widgets.runs.runner",
}

_MANY = dict.fromkeys(("MultiSAETrainingRunner", "MultiSAETrainingRunnerConfig"), "sae_widgets.runs.runner")

_NAMES, _TRAINING = "sae_lens.adapters.names", "sae_lens.adapters.training"
_EVALS = "sae_widgets.evals"

_MODELS = {"HookedSAETransformer": "sae_lens.adapters.models", "SAETransformerBridge": "sae_widgets.model"}

_SYNTHETIC = {
    "activation_generator": [
        *("ActivationGenerator", "ActivationsModifier", "ActivationsModifierInput", "CorrelationMatrixInput")
    ],
    "correlation": [
        *("LowRankCorrelationMatrix", "create_correlation_matrix_from_correlations"),
        *("generate_random_correlation_matrix", "generate_random_correlations"),
        "generate_random_low_rank_correlation_matrix",
    ],
    "evals": [
        *("ClassificationMetrics", "ClassificationMetricsCalculator", "DeadLatentsCalculator", "L0Calculator"),
        *("ShrinkageCalculator", "SyntheticDataEvalResult", "compute_classification_metrics"),
        *("eval_sae_on_synthetic_data", "feature_uniqueness", "mean_correlation_coefficient"),
    ],
    "feature_dictionary": [
        *("FeatureDictionary", "FeatureDictionaryInitializer", "orthogonal_initializer", "orthogonalize_embeddings")
    ],
    "firing_magnitudes": [
        *("ConstantMagnitudeConfig", "ExponentialMagnitudeConfig", "FoldedNormalMagnitudeConfig"),
        *("LinearMagnitudeConfig", "MagnitudeConfig", "generate_magnitudes", "get_magnitude_class"),
        "register_magnitude",
    ],
    "firing_probabilities": [
        *("ConstantFiringProbabilityConfig", "FiringProbabilityConfig", "LinearFiringProbabilityConfig"),
        *("RandomFiringProbabilityConfig", "ZipfianFiringProbabilityConfig", "get_firing_probability_class"),
        *("linear_firing_probabilities", "random_firing_probabilities", "register_firing_probability"),
        "zipfian_firing_probabilities",
    ],
    "initialization": ["init_sae_to_match_feature_dict"],
    "plotting": [
        *("find_best_feature_ordering", "find_best_feature_ordering_across_saes"),
        *("find_best_feature_ordering_from_sae", "plot_sae_feature_similarity"),
    ],
    "stats": [
        *("CorrelationMatrixStats", "SuperpositionStats", "compute_correlation_matrix_stats"),
        *("compute_low_rank_correlation_matrix_stats", "compute_superposition_stats"),
    ],
    "synthetic_model": [
        *("LowRankCorrelationConfig", "OrthogonalizationConfig", "SyntheticModel", "SyntheticModelConfig"),
        *("SYNTHETIC_MODEL_CONFIG_FILENAME", "SYNTHETIC_MODEL_HIERARCHY_FILENAME"),
        "SYNTHETIC_MODEL_WEIGHTS_FILENAME",
    ],
    "synthetic_sae_runner": [
        *("RUNNER_CONFIG_FILENAME", "SyntheticSAERunner", "SyntheticSAERunnerConfig", "SyntheticSAERunnerResult")
    ],
    "training": ["SyntheticActivationIterator", "train_toy_sae"],
    "upload_synthetic_model": ["upload_synthetic_model_to_huggingface"],
}
_HIERARCHY = {
    "config": ["HierarchyConfig"],
    "hierarchy": ["Hierarchy", "generate_hierarchy"],
    "modifier": ["hierarchy_modifier"],
    "node": ["HierarchyNode"],
}
_FORESTS = dict.fromkeys(sum(_HIERARCHY.values(), ["ActivationsModifier"]), "sae_widgets.synthetic")

_FILE_NAMES = {
    "SAE_WEIGHTS_FILENAME": "sae_widgets.sae.files:WEIGHTS_NAME",
    "SAE_CFG_FILENAME": "sae_widgets.sae.files:CONFIG_NAME",
    "SPARSITY_FILENAME": "sae_widgets.sae.files:SPARSITY_NAME",
}

OFFERED: dict[str, dict[str, str]] = {
    "sae_lens": {
        **_SAES,
        **_CONFIGS,
        **_RUNNERS,
        **_MANY,
        **_TO_DISK,
        **_MODELS,
        "ActivationsStore": "sae_widgets.activations.store",
        "SAETrainer": _TRAINING,
        "run_evals": _EVALS,
        "upload_saes_to_huggingface": "sae_widgets.hub",
    },
    "sae_lens.analysis": _MODELS,
    "sae_lens.analysis.hooked_sae_transformer": {"HookedSAETransformer": "sae_lens.adapters.models"},
    "sae_lens.analysis.sae_transformer_bridge": {"SAETransformerBridge": "sae_widgets.model"},
    "sae_lens.analysis.neuronpedia_integration": {
        "NeuronpediaActivation": "sae_widgets.neuronpedia",
        "NeuronpediaFeature": "sae_widgets.neuronpedia",
        "get_neuronpedia_feature": "sae_widgets.neuronpedia",
        "get_neuronpedia_quick_list": "sae_widgets.neuronpedia",
        "make_neuronpedia_list_with_features": "sae_widgets.neuronpedia",
        "open_neuronpedia_feature_dashboard": "sae_widgets.neuronpedia",
        "test_key": "sae_widgets.neuronpedia",
    },
    "sae_lens.cache_activations_runner": {
        name: _TO_DISK[name] for name in ("CacheActivationsRunner", "CacheActivationsRunnerConfig")
    },
    "sae_lens.pretokenize_runner": {
        **{name: _TO_DISK[name] for name in ("PretokenizeRunner", "PretokenizeRunnerConfig", "pretokenize_runner")},
        "get_special_token_from_cfg": "sae_lens.adapters.data",
    },
    "sae_lens.tokenization_and_batching": dict.fromkeys(
        ("concat_and_batch_sequences", "tokenize_with_chat_template"), "sae_lens.adapters.data"
    ),
    "sae_lens.config": {**_CONFIGS, "SAETrainerConfig": _TRAINING, "DTYPE_MAP": _NAMES},
    "sae_lens.constants": {**_FILE_NAMES, "DTYPE_MAP": _NAMES, "DTYPE_TO_STR": _NAMES},
    "sae_lens.evals": {
        "EvalConfig": _EVALS,
        "all_loadable_saes": _EVALS,
        "get_eval_everything_config": _EVALS,
        "get_featurewise_weight_based_metrics": "sae_widgets.evals.weights:weight_metrics",
        "get_saes_from_regex": _EVALS,
        "multiple_evals": _EVALS,
        "process_results": _EVALS,
        "run_evals": _EVALS,
        "run_evals_cli": "sae_widgets.evals.command",
    },
    "sae_lens.llm_sae_training_runner": _RUNNERS,
    "sae_lens.multi_sae_training_runner": _MANY,
    "sae_lens.loading": {},
    "sae_lens.loading.pretrained_sae_loaders": {
        "handle_config_defaulting": "sae_widgets.sae.versions:upgrade_config",
        "handle_pre_6_0_config": "sae_widgets.sae.versions:upgrade_config",
        "sae_lens_disk_loader": _NAMES,
        "sparsify_disk_loader": _NAMES,
    },
    "sae_lens.loading.pretrained_saes_directory": dict.fromkeys(
        (
            *("get_repo_id_and_folder_name", "get_norm_scaling_factor"),
            *("get_config_overrides", "get_releases_for_repo_id"),
        ),
        _NAMES,
    ),
    "sae_lens.registry": {"get_sae_class": _NAMES, "get_sae_training_class": _NAMES},
    "sae_lens.saes": _SAES,
    "sae_lens.saes.sae": {
        **_BASE,
        "SAEMetadata": "sae_widgets.sae",
        "TrainStepInput": "sae_widgets.sae",
        "TrainStepOutput": "sae_widgets.sae",
        "TrainCoefficientConfig": "sae_widgets.sae",
        "mse_loss": _NAMES,
    },
    **{f"sae_lens.saes.{module}": dict.fromkeys(names, "sae_widgets.architectures")
       for module, names in _ARCHITECTURES.items()},
    "sae_lens.synthetic": {
        **dict.fromkeys(sum(_SYNTHETIC.values(), ["cosine_similarities"]), "sae_widgets.synthetic"),
        **_FORESTS,
    },
    **{f"sae_lens.synthetic.{module}": dict.fromkeys(names, "sae_widgets.synthetic")
       for module, names in _SYNTHETIC.items()},
    "sae_lens.synthetic.hierarchy": _FORESTS,
    **{f"sae_lens.synthetic.hierarchy.{module}": dict.fromkeys(names, "sae_widgets.synthetic")
       for module, names in _HIERARCHY.items()},
    "sae_lens.synthetic.hierarchy.validation": {"validate_hierarchy": "sae_widgets.synthetic.hierarchy"},
    "sae_lens.synthetic.registry": dict.fromkeys(
        ("FIRING_PROB_REGISTRY", "MAGNITUDE_REGISTRY", "Registry"), "sae_widgets.synthetic.registry"
    ),
    "sae_lens.training": {},
    "sae_lens.training.activation_scaler": {"ActivationScaler": _TRAINING, "ActivationWhitening": _TRAINING},
    "sae_lens.training.activations_store": {"ActivationsStore": "sae_widgets.activations.store"},
    "sae_lens.training.optim": {"get_lr_scheduler": _TRAINING, "CoefficientScheduler": _TRAINING},
    "sae_lens.training.sae_trainer": {"SAETrainer": _TRAINING},
    "sae_lens.training.upload_saes_to_huggingface": {"upload_saes_to_huggingface": "sae_widgets.hub"},
    "sae_lens.util": {
        "cosine_similarities": "sae_widgets.synthetic",
        "dtype_to_str": "sae_widgets.sae.config:dtype_name",
        "str_to_dtype": _NAMES,
        "extract_layer_from_tlens_hook_name": _NAMES,
        "filter_valid_dataclass_fields": _NAMES,
    },
}  # fmt: skip
"""SAELens' module -> its name -> "our.module" or "our.module:our_name"."""


@cache
def missing() -> dict[str, str]:
    """What `MISSING.md` lists: a name or pattern -> why it is not offered."""
    return dict(_ROW.findall(MISSING.read_text(encoding="utf-8")))


def why_missing(name: str) -> str | None:
    """Why `name` is not offered; None if nobody says."""
    return next((reason for pattern, reason in missing().items() if fnmatchcase(name, pattern)), None)
