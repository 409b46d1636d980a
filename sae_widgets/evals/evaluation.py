"""run_evals: how good an SAE is, in the model it was trained on; compare_saes: several on the same tokens.

    run_evals(sae, model)                                       on text it was not trained on
    run_evals(sae, model, tokens, metrics=["l0", "ce_loss_score"])
    run_evals(sae, activation_store, model, ActivationScaler(), EvalConfig(compute_kl=True))          as in SAELens
    compare_saes({"topk": sae, "standard": other}, model)

What is measured is the activation the SAE gives: x is its input, or for a transcoder the activation at hook_name_out,
which is then also what is replaced (all of them, for several outputs). A crosscoder's sources are replaced one at a
time, and the losses are the means over sources. With several activations each one's explained variance comes as
`explained_variance/{hook}` too.

At special tokens the activation stays as it is and nothing is measured (SAELens' default). Everything is streamed:
memory does not grow with the number of tokens. Formulas are in `formulas`, intervals in `intervals`.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from typing import Any, overload

import torch
from jaxtyping import Int
from torch import Tensor

from sae_widgets.evals.config import EvalConfig, saelens_evals
from sae_widgets.evals.formulas import METRICS, chosen_metrics, explained_variance, needed_sums
from sae_widgets.evals.held_out import HeldOut, held_out_tokens
from sae_widgets.evals.intervals import left_out, totals
from sae_widgets.evals.measuring import Subject, measure
from sae_widgets.evals.places import Places, places_for
from sae_widgets.evals.result import Comparison, EvalResult, Evidence, FeatureMetrics, evidence_of
from sae_widgets.evals.weights import weight_metrics
from sae_widgets.hooked import as_hooked
from sae_widgets.sae.base import SAE

BATCH_BUDGET = 2**25  # numbers in one batch's logits or activations: 128 MiB in float32; a few copies live at once
DEFAULT_METRICS = tuple(name for name in METRICS if not name.startswith("kl_"))

Tokens = Int[Tensor, "n_rows context"] | str | Sequence[str] | Iterable[Tensor] | None


@dataclass(frozen=True)
class Wanted:
    """What is measured, and how."""

    metrics: list[str]
    feature_metrics: list[str]
    ids: list[int]
    """Tokens left alone."""
    batch_size_prompts: int | None = None
    model_kwargs: Mapping[str, Any] = field(default_factory=dict)
    confidence: float = 0.95
    scale: float = 1.0
    is_cancelled: Callable[[int, int], bool] = lambda done, total: False


@overload
def run_evals(
    sae: SAE,
    model: Any,
    tokens: Tokens = None,
    *,
    metrics: str | Iterable[str] | None = None,
    hook_name: str | None = None,
    exclude_special_tokens: bool | Iterable[int] = True,
    compute_kl: bool = False,
    batch_size_prompts: int | None = None,
    n_tokens: int | None = None,
    model_kwargs: Mapping[str, Any] | None = None,
    confidence: float = 0.95,
    is_cancelled: Callable[[int, int], bool] = ...,
) -> EvalResult: ...
@overload
def run_evals(
    sae: SAE,
    activation_store: Any,
    model: Any,
    activation_scaler: Any = None,
    eval_config: EvalConfig | None = None,
    model_kwargs: Mapping[str, Any] | None = None,
    exclude_special_tokens: bool | Iterable[int] = True,
    verbose: bool = False,
) -> tuple[dict[str, Any], dict[str, Any]]: ...
def run_evals(sae: SAE, *args: Any, **kwargs: Any) -> Any:
    """Metrics by name, each with n and an interval; see `formulas` for what each one is.

    Args:
        sae: The SAE, in the unit of the model's activations.
        model: The model, as `load_model` gives it; a list, where a crosscoder's sources are several models.
        tokens: Rows of token ids, one text or several (each on its own, cut at the context), batches of rows; None
            reads text that the SAE was not trained on (`held_out.held_out_tokens`).
        metrics: Names of metrics, of feature metrics, of groups, "features" or "all". Only the passes that these need
            are run. By default every metric but the KL divergences.
        hook_name: Where an SAE that reads and writes at one hook belongs; by default as its metadata says.
        exclude_special_tokens: Leave special tokens alone and out of the means; ids name others.
        compute_kl: Also KL divergences, for about a third more time.
        batch_size_prompts: Rows in a forward; by default as many as keep logits and activations within 128 MiB each.
        n_tokens: How many, where the text is not given; by default `held_out.N_TOKENS`.
        model_kwargs: Further arguments of the model's forward.
        confidence: Of the intervals.
        is_cancelled: Asked before each batch with (rows done, rows in all or 0); True ends with `Cancelled`.

    Returns:
        An `EvalResult`, which is a dict. SAELens' call (a store where the model is here) gives SAELens' pair of dicts.

    Raises:
        ValueError: If there is no token to measure, no such metric, or the model has no such hook.
    """
    second = args[0] if args else kwargs.get("activation_store")
    if hasattr(second, "get_batch_tokens"):
        return saelens_evals(_measured_as_saelens, sae, *args, **kwargs)
    return _short_call(sae, *args, **kwargs)


def _short_call(
    sae: SAE, model: Any, tokens: Tokens = None, *, hook_name: str | None = None, **settings: Any
) -> EvalResult:
    return compare_saes({"": sae}, model, tokens, hook_names=hook_name, **settings)[""]


def compare_saes(
    saes: Mapping[str, SAE] | Sequence[SAE],
    model: Any,
    tokens: Tokens = None,
    *,
    metrics: str | Iterable[str] | None = None,
    hook_names: Mapping[str, str] | str | None = None,
    exclude_special_tokens: bool | Iterable[int] = True,
    compute_kl: bool = False,
    batch_size_prompts: int | None = None,
    n_tokens: int | None = None,
    model_kwargs: Mapping[str, Any] | None = None,
    confidence: float = 0.95,
    is_cancelled: Callable[[int, int], bool] = lambda done, total: False,
) -> Comparison:
    """Each SAE's metrics on the same tokens, from one pass: the model as it is and with zeros is run once for all.

    Args:
        saes: By name; a sequence takes the SAEs' own names.
        hook_names: Where each belongs, if its metadata does not say.

    The other arguments are those of `run_evals`.
    """
    saes = dict(saes) if isinstance(saes, Mapping) else {_name_of(sae, i): sae for i, sae in enumerate(saes)}
    if not saes:
        raise ValueError("No SAE to compare.")
    scalar, features = chosen_metrics(DEFAULT_METRICS if metrics is None else metrics)
    if compute_kl:
        scalar = [name for name in METRICS if name in scalar or name.startswith("kl_")]
    first = as_hooked(model[0] if isinstance(model, (list, tuple)) else model)
    wanted = Wanted(
        scalar,
        features,
        special_ids(first, exclude_special_tokens),
        batch_size_prompts,
        model_kwargs or {},
        confidence,
        is_cancelled=is_cancelled,
    )
    if tokens is not None and n_tokens is not None:
        raise ValueError("n_tokens says how much held-out text is read; with tokens given, give fewer of these.")
    data = held_out_tokens(first, list(saes.values()), n_tokens=n_tokens) if tokens is None else tokens
    hooks = dict.fromkeys(saes, hook_names) if isinstance(hook_names, (str, type(None))) else dict(hook_names)
    return measured(saes, model, data, wanted, hooks)


def special_ids(model: Any, exclude_special_tokens: bool | Iterable[int]) -> list[int]:
    """Ids of the tokens that are left alone."""
    chosen = exclude_special_tokens
    ids = model.tokenizer.all_special_ids if chosen is True else () if chosen is False else chosen
    return sorted({int(each) for each in ids})


def measured(
    saes: Mapping[str, SAE],
    model: Any,
    tokens: Any,
    wanted: Wanted,
    hook_names: Mapping[str, str | None],
) -> Comparison:
    """The metrics of each SAE, from one pass."""
    models = [as_hooked(each) for each in (model if isinstance(model, (list, tuple)) else [model])]
    needs = needed_sums(wanted.metrics)
    counts = bool({"feature_density", "consistent_activation_heuristic"} & set(wanted.feature_metrics))
    subjects = {
        name: Subject(sae, places_for(sae, models, hook_names.get(name)), needs, counts, wanted.scale)
        for name, sae in saes.items()
    }
    data = tokens.name if isinstance(tokens, HeldOut) else None
    tokens = tokens.rows if isinstance(tokens, HeldOut) else tokens
    d_sae = max(sae.d_sae for sae in saes.values())
    with ExitStack() as stack:
        for each in models:
            stack.enter_context(each.without_saes())  # and with its lock
        if needs or counts:
            measure(
                list(subjects.values()),
                token_batches(models[0], tokens, wanted.batch_size_prompts, d_sae),
                torch.tensor(wanted.ids, dtype=torch.int64),
                settings=wanted.model_kwargs,
                n_total=len(tokens) if isinstance(tokens, Tensor) else 0,
                is_cancelled=wanted.is_cancelled,
            )
            if not all(subject.rows.n_rows for subject in subjects.values()):
                raise ValueError("There is nothing to measure: no tokens but special ones.")
    return Comparison(
        {name: _result(subject, wanted, {"name": name, "data": data}) for name, subject in subjects.items()}
    )


def token_batches(model: Any, tokens: Any, batch_size_prompts: int | None, d_sae: int) -> Iterator[Tensor]:
    """Rows of tokens, some at a time."""
    if isinstance(tokens, str):
        tokens = [tokens]
    if isinstance(tokens, Sequence) and tokens and isinstance(tokens[0], str):
        # Rows of their own: texts have different lengths, and padding would have to be masked everywhere.
        for text in tokens:
            yield model.to_tokens(text)[:, : model.cfg.n_ctx].cpu()
        return
    if not isinstance(tokens, Tensor):
        for batch in tokens:
            yield from token_batches(model, torch.as_tensor(batch), batch_size_prompts, d_sae)
        return
    tokens = tokens[None] if tokens.ndim == 1 else tokens
    if tokens.shape[-1] > model.cfg.n_ctx:
        raise ValueError(f"Rows have {tokens.shape[-1]} tokens, but this model reads at most {model.cfg.n_ctx}.")
    n_rows = batch_size_prompts or max(1, BATCH_BUDGET // (tokens.shape[-1] * max(model.cfg.d_vocab, d_sae)))
    yield from tokens.split(n_rows)


def _result(subject: Subject, wanted: Wanted, facts: dict[str, Any]) -> EvalResult:
    rows, places = subject.rows, subject.places
    parts = rows.parts()
    whole, replicates = totals(parts), left_out(parts)
    if subject.features is not None and rows.n_rows:
        n_clusters = len(parts["n_tokens"])
        n_dead = torch.tensor(float(subject.features.n_dead), dtype=torch.float64)
        whole |= {"n_dead": n_dead, "d_sae": torch.tensor(float(subject.sae.d_sae), dtype=torch.float64)}
        replicates["n_dead"] = n_dead + subject.features.n_lone(rows.rows_per_cluster, n_clusters)
        replicates["d_sae"] = whole["d_sae"].expand(n_clusters)
    formulas = {name: (METRICS[name].formula, METRICS[name].per) for name in wanted.metrics}
    for i, name in enumerate(_hook_labels(places)) if "explained_variance" in wanted.metrics else ():
        formulas[f"explained_variance/{name}"] = (lambda sums, i=i: explained_variance(sums, f"{i}."), "n_tokens")
    values: dict[str, float] = {}
    evidence: dict[str, Evidence] = {}
    for name, (formula, per) in formulas.items():
        values[name] = float(formula(whole))
        found = (values[name], formula(replicates), int(whole[per]), wanted.confidence)
        evidence[name] = evidence_of(*found, meaning="" if name in METRICS else "of this hook alone")
    for stat, name, n_times in (
        ("total_tokens_eval_reconstruction", "n_predicted", len(places.replaced)),
        ("total_tokens_eval_sparsity_variance", "n_tokens", 1),
    ):
        if name in whole and (name == "n_predicted" or subject.is_encoded):
            values[stat] = float(whole[name]) / n_times
    facts = {name: value for name, value in facts.items() if value}
    facts |= {"n_sequences": rows.n_rows, "hook_name": ", ".join(p.hook_name for p in places.given)}
    facts |= {"architecture": str(subject.sae.cfg.architecture), "d_sae": subject.sae.d_sae}
    facts |= {"excluded_tokens": wanted.ids}
    return EvalResult(values, evidence, facts, _features(subject, wanted.feature_metrics), wanted.confidence)


def _features(subject: Subject, wanted: Sequence[str]) -> FeatureMetrics:
    counts = subject.features
    values: dict[str, Tensor] = weight_metrics(subject.sae) if wanted else {}
    errors: dict[str, Tensor] = {}
    if counts is not None and subject.rows.n_rows:
        values |= {"feature_density": counts.density, "consistent_activation_heuristic": counts.heuristic}
        errors = {
            "feature_density": counts.density_error,
            "consistent_activation_heuristic": counts.heuristic_error,
        }
    chosen = {name: values[name] for name in wanted if name in values}
    return FeatureMetrics(chosen, {name: error for name, error in errors.items() if name in chosen})


def _hook_labels(places: Places) -> list[str]:
    """A name for each activation that is given, where there are several."""
    if len(places.given) < 2:
        return []
    several = len({id(place.model) for place in places.given}) > 1
    return [f"{i}:{place.hook_name}" if several else place.hook_name for i, place in enumerate(places.given)]


def _name_of(sae: SAE, i: int) -> str:
    return f"{i}: {sae.name}"


def _measured_as_saelens(
    sae: SAE, model: Any, tokens: Tensor, metrics: list[str], features: list[str], settings: dict[str, Any]
) -> EvalResult:
    settings = dict(settings)
    ids = special_ids(as_hooked(model), settings.pop("exclude_special_tokens"))
    wanted = replace(Wanted(metrics, features, ids), **settings)
    return measured({"": sae}, model, tokens, wanted, {})[""]
