"""What a trained SAE says of itself: model, hooks, context, data."""

from typing import Any

from sae_widgets.activations.cache import cache_of
from sae_widgets.runs.config import LanguageModelSAERunnerConfig
from sae_widgets.sae.base import SAE


def describe_sae(sae: SAE, cfg: LanguageModelSAERunnerConfig, models: list[Any]) -> None:
    """Writes into the SAE's metadata what it is trained on.

    Raises:
        ValueError: If a crosscoder reads from more places than `cfg` names.
    """
    metadata, model = sae.cfg.metadata, models[0] if models else None
    n_sources = sae.n_sources
    if n_sources > 1 and len(cfg.hook_names or models) != n_sources:
        raise ValueError(
            f"This crosscoder has {n_sources} sources; say what they are: hook_names with {n_sources} hooks, or as "
            "many models."
        )
    for name in (
        *("model_name", "model_class_name", "hook_name", "hook_head_index", "context_size", "prepend_bos"),
        *("model_from_pretrained_kwargs", "exclude_special_tokens", "sequence_separator_token"),
        *("disable_concat_sequences", "dataset_path", "keep_held_out"),
    ):
        metadata[name] = getattr(cfg, name)
    if cfg.use_cached_activations:
        metadata["keep_held_out"] = cfg.keep_held_out and cache_of(cfg).keeps_held_out
    for name in ("hook_name_out", "hook_names", "hook_names_out"):
        if getattr(cfg, name) is not None:
            metadata[name] = getattr(cfg, name)
    if len(models) > 1:
        metadata["hook_names"] = cfg.hook_names or [cfg.hook_name] * len(models)
        metadata["model_names"] = [each.cfg.model_name for each in models]
    if model is not None and cfg.model_name == LanguageModelSAERunnerConfig.model_name:
        metadata["model_name"] = model.cfg.model_name  # given as it is, not by name
    metadata["seqpos_slice"] = list(cfg.seqpos_slice)
    # The store joins the heads; `Member.finish` says again that the model has them apart.
    sae.cfg.reshape_activations = "none"


def title_of(sae: SAE) -> str:
    """The SAE in a few words: kind, size, places."""
    kind = str(sae.cfg.architecture).replace("_", " ")
    kind = kind if kind.endswith("coder") else f"{kind} SAE"
    reads, writes = (", ".join(dict.fromkeys(hooks)) for hooks in (sae.cfg.hooks_in, sae.cfg.hooks_out))
    return f"{kind}, {sae.d_sae:,} features, {reads if reads == writes else f'{reads} → {writes}'}"
