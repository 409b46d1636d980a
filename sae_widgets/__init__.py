"""Sparse autoencoders on language models, inside the notebook: see, steer, attribute and train.

Names are imported from their modules when first used, so that `import sae_widgets` costs next to nothing.
"""

import importlib
from typing import Any

__version__ = "0.1.0"

# module -> public names; the one list of what `sae_widgets` offers.
_PUBLIC = {
    "sae": ["SAE", "SAEConfig", "SAEMetadata", "SparseActs", "SAE_CLASSES"],
    "loaders": ["catalog", "recognise", "save_as"],
    "architectures": [
        f"{name}{kind}"
        for name in ("Standard", "Gated", "TopK", "AbsTopK", "JumpReLU", "MatchingPursuit", "Crosscoder")
        for kind in ("SAE", "SAEConfig", "TrainingSAE", "TrainingSAEConfig")
    ]
    + [
        f"{name}TrainingSAE{kind}"  # once trained these are JumpReLU SAEs
        for name in ("BatchTopK", "MatryoshkaBatchTopK")
        for kind in ("", "Config")
    ]
    + ["TemporalSAE", "TemporalSAEConfig"]
    + [
        f"{name}Transcoder{kind}"
        for name in ("", "Skip", "TopK", "TopKSkip", "JumpReLU", "JumpReLUSkip", "CrossLayer", "CrossLayerSkip")
        for kind in ("", "Config", "Training", "TrainingConfig")
    ],
    "model": [
        "HookedSAETransformer",
        "HookedTransformer",
        "SAETransformerBridge",
        "attach",
        "load_model",
        "token_texts",
    ],
    "demo": ["load_demo"],
    "activations.cache": ["CachedActivations"],
    "activations.store": ["ActivationsStore"],
    "runs.cache_activations": ["CacheActivationsRunner", "CacheActivationsRunnerConfig"],
    "runs.pretokenize": ["PretokenizeRunner", "PretokenizeRunnerConfig"],
    "runs.follower": ["FollowedRun"],
    "runs.replay": ["replay"],
    "runs.run": ["TrainingRun"],
    "runs.runner": [
        "LanguageModelSAERunnerConfig",
        "LanguageModelSAETrainingRunner",
        "LoggingConfig",
        "MultiSAETrainingRunner",
        "MultiSAETrainingRunnerConfig",
        "SAETrainingRunner",
        "grid",
    ],
    "evals": [
        "Comparison",
        "EvalConfig",
        "EvalResult",
        "compare_saes",
        "feature_absorption",
        "get_eval_everything_config",
        "multiple_evals",
        "run_evals",
        "sparse_probing",
        "spurious_correlation_removal",
        "targeted_probe_perturbation",
    ],
    "features.statistics": ["FeatureStatistics", "known_statistics"],
    "features.survey": ["feature_statistics"],
    "features.labels": ["read_labels", "write_labels"],
    "features.contexts": ["FeatureContext"],
    "features.contrast": ["Contrast", "contrast"],
    "features.directions": ["DirectionMap", "Matches", "direction_map", "matched_features"],
    "features.logits": ["LogitEffects", "logit_effects"],
    "features.prompt": ["compare_prompts", "prompt_features"],
    "features.prompt_scores": ["PromptComparison", "PromptFeatures"],
    "attribution": ["Attribution", "MethodAttribution", "attribute"],
    "steering": ["FeatureSteer", "GeneratedToken", "generate_stream", "steering_hook"],
    "hub": ["upload_saes_to_huggingface"],
    "neuronpedia": [
        "NeuronpediaActivation",
        "NeuronpediaFeature",
        "get_neuronpedia_feature",
        "get_neuronpedia_quick_list",
        "make_neuronpedia_list_with_features",
        "neuronpedia_explanations",
        "neuronpedia_labels",
        "neuronpedia_url",
        "open_neuronpedia_feature_dashboard",
    ],
    "neuronpedia_json": ["neuronpedia_statistics", "read_neuronpedia"],
    "neuronpedia_writing": ["write_neuronpedia"],
    "synthetic": [
        "ActivationGenerator",
        "FeatureDictionary",
        "HierarchyConfig",
        "HierarchyNode",
        "SyntheticActivationIterator",
        "SyntheticDataEvalResult",
        "SyntheticModel",
        "SyntheticModelConfig",
        "SyntheticSAERunner",
        "SyntheticSAERunnerConfig",
        "SyntheticSAERunnerResult",
        "eval_sae_on_synthetic_data",
        "hierarchy_modifier",
        "mean_correlation_coefficient",
        "train_toy_sae",
    ],
    "widgets": [
        "AttributionBars",
        "CatalogBrowser",
        "FeatureBrowser",
        "FeatureDashboard",
        "PromptView",
        "SteeringPanel",
        "TokenHeatmap",
        "ToyModel",
        "TrainingPanel",
        "freeze_all",
        "train",
    ],
    "widgets.selection": ["Selection", "selection"],
    "checkup": ["doctor"],
}
_MODULE_OF = {name: module for module, names in _PUBLIC.items() for name in names}

__all__ = [*_MODULE_OF, "load_ipython_extension", "unload_ipython_extension"]  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module 'sae_widgets' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"sae_widgets.{_MODULE_OF[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def load_ipython_extension(ipython: Any) -> None:
    """`%load_ext sae_widgets`: register the magics."""
    from sae_widgets.magics import load

    load(ipython)


def unload_ipython_extension(ipython: Any) -> None:
    """`%unload_ext sae_widgets`: take back everything `%load_ext` did."""
    from sae_widgets.magics import unload

    unload(ipython)
