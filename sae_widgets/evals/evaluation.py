"""How good an SAE is, in the model it was trained on: SAELens' metrics under SAELens' names.

    l0, l1                                features per token, sum of their absolute values
    mse, cossim                           of the reconstruction (mse: summed over d_in), averaged over tokens
    explained_variance                    1 - E||x - x_hat||^2 / (E||x||^2 - ||E x||^2)
    explained_variance_legacy             mean over tokens of 1 - ||x - x_hat||^2 / ||x - mean of its batch||^2
    l2_norm_in, l2_norm_out, l2_ratio     lengths of x and x_hat, mean of ||x_hat|| / ||x||
    relative_reconstruction_bias          E||x_hat||^2 / E[x . x_hat]
    ce_loss_without_sae, ..._with_sae, ..._with_ablation     next-token loss as is, through the SAE, with the hook at 0
    ce_loss_score                         (ablation - sae) / (ablation - without)
    kl_div_with_sae, ..._with_ablation, kl_div_score         KL(as is || changed), and (ablation - sae) / ablation

What is measured is the activation the SAE gives: x is its input, or for a transcoder the activation at hook_name_out,
which is then also what is replaced (all of them, for several outputs). A crosscoder's sources are replaced one at a
time, and the losses are the means over sources. With several activations each one's explained variance comes as
`explained_variance/{hook}` too.

At special tokens the activation stays as it is and nothing is measured (SAELens' default). Everything is streamed:
memory does not grow with the number of tokens. Source: SAELens 6 `evals.py`.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from functools import partial
from typing import Any, NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from sae_widgets.activations.store import Cancelled
from sae_widgets.fit import no_hook_error, places_of
from sae_widgets.hooked import HookedSAETransformer, as_hooked
from sae_widgets.sae.base import SAE

BATCH_BUDGET = 2**25  # numbers in one batch's logits or activations: 128 MiB in float32; a few copies live at once


class Sums:
    """Running sums by name, in float64."""

    def __init__(self) -> None:
        self._sums: dict[str, Tensor] = {}

    def add(self, name: str, value: Tensor) -> None:
        value = value.detach().to("cpu", torch.float64)
        self._sums[name] = self._sums[name] + value if name in self._sums else value

    def __getitem__(self, name: str) -> Tensor:
        return self._sums[name]


@torch.no_grad()
def run_evals(
    sae: SAE,
    model: Any,
    tokens: Int[Tensor, "n_rows context"] | str | Sequence[str] | Iterable[Tensor],
    *,
    hook_name: str | None = None,
    exclude_special_tokens: bool | list[int] = True,
    compute_kl: bool = False,
    batch_size_prompts: int | None = None,
    is_cancelled: Callable[[int, int], bool] = lambda done, total: False,
) -> dict[str, float]:
    """Metrics by name; see the module for each one's formula.

    Args:
        sae: The SAE, in the unit of the model's activations.
        model: The model, as `load_model` gives it; a list, where a crosscoder's sources are several models.
        tokens: Rows of token ids, one text or several (each on its own, cut at the context), or batches of rows.
        hook_name: Where an SAE that reads and writes at one hook belongs; by default as its metadata says.
        exclude_special_tokens: Leave special tokens alone and out of the means; a list names the ids.
        compute_kl: Also KL divergences, for about a third more time.
        batch_size_prompts: Rows in a forward; by default as many as keep logits and activations within 128 MiB each.
        is_cancelled: Asked before each batch with (rows done, rows in all or 0); True ends with `Cancelled`.

    Raises:
        ValueError: If there is no token to measure, or the model has no such hook.
    """
    models = [as_hooked(each) for each in (model if isinstance(model, (list, tuple)) else [model])]
    places, model = _places(models, sae, hook_name), models[0]
    special = model.tokenizer.all_special_ids if exclude_special_tokens is True else exclude_special_tokens or []
    ignored = torch.tensor(sorted(set(special)), dtype=torch.int64)
    sums, n_rows, n_total = Sums(), 0, len(tokens) if isinstance(tokens, Tensor) else 0
    for batch in _batches(model, tokens, batch_size_prompts, sae.d_sae):
        if is_cancelled(n_rows, n_total):
            raise Cancelled
        with ExitStack() as stack:
            for each in models:
                stack.enter_context(each.without_saes())  # and with its lock
            _add_batch(sums, sae, places, batch.to(model.device), ignored, compute_kl)
        n_rows += len(batch)
    if n_rows == 0 or sums["n_tokens"] == 0:
        raise ValueError("There is nothing to measure: no tokens but special ones.")
    return _metrics(sums, places, compute_kl)


class _Place(NamedTuple):
    """A hook of a model."""

    model: HookedSAETransformer
    hook_name: str


class _Places(NamedTuple):
    """What an SAE reads and gives, and what is replaced at once to try it in the model."""

    read: list[_Place]
    given: list[_Place]
    replaced: list[list[int]]
    head: int | None

    def own_part(self, activation: Tensor) -> Tensor:
        """What of an activation is the SAE's: all, or one head; a view."""
        return activation if self.head is None else activation[:, :, self.head]


def _places(models: list[HookedSAETransformer], sae: SAE, hook_name: str | None) -> _Places:
    if not (hook_name or sae.cfg.hooks_in or sae.cfg.metadata.hf_hook_name):
        raise ValueError("This SAE does not say where it belongs; pass hook_name=.")
    reads, gives = ([hook_name], [hook_name]) if hook_name else places_of(models[0], sae)
    if len(reads) != sae.n_sources or len(gives) != (sae.n_sources if sae.reconstructs else sae.n_outputs):
        raise ValueError(
            f"This {type(sae).__name__} reads {sae.n_sources} and gives {sae.n_outputs} activations; its metadata "
            f"names {reads} and {gives}."
        )
    if len(models) not in (1, len(reads)) or (len(models) > 1 and not sae.reconstructs):
        raise ValueError(f"{len(models)} models for {len(reads)} hooks: give one model, or one for each hook.")
    read = [_Place(models[i % len(models)], name) for i, name in enumerate(reads)]
    given = [_Place(models[i % len(models)], name) for i, name in enumerate(gives)]
    for place in [*read, *given]:
        if place.hook_name not in place.model.hook_dict:
            raise no_hook_error(place.model, place.hook_name)
    everything = list(range(len(given)))
    replaced = [[i] for i in everything] if sae.reconstructs else [everything]
    return _Places(read, given, replaced, sae.cfg.metadata.hook_head_index)


def _batches(model: Any, tokens: Any, batch_size_prompts: int | None, d_sae: int) -> Iterator[Tensor]:
    if isinstance(tokens, str):
        tokens = [tokens]
    if isinstance(tokens, Sequence) and tokens and isinstance(tokens[0], str):
        # Rows of their own: texts have different lengths, and padding would have to be masked everywhere.
        for text in tokens:
            yield model.to_tokens(text)[:, : model.cfg.n_ctx].cpu()
        return
    if not isinstance(tokens, Tensor):
        for batch in tokens:
            yield from _batches(model, torch.as_tensor(batch), batch_size_prompts, d_sae)
        return
    tokens = tokens[None] if tokens.ndim == 1 else tokens
    if tokens.shape[-1] > model.cfg.n_ctx:
        raise ValueError(f"Rows have {tokens.shape[-1]} tokens, but this model reads at most {model.cfg.n_ctx}.")
    n_rows = batch_size_prompts or max(1, BATCH_BUDGET // (tokens.shape[-1] * max(model.cfg.d_vocab, d_sae)))
    yield from tokens.split(n_rows)


def _add_batch(sums: Sums, sae: SAE, places: _Places, tokens: Tensor, ignored: Tensor, compute_kl: bool) -> None:
    is_measured = ~torch.isin(tokens, ignored.to(tokens.device))
    kept = is_measured[:, :-1]
    as_is, seen = _look(places, tokens)
    inputs = [places.own_part(seen[place]) for place in places.read]
    x = inputs[0] if len(inputs) == 1 else torch.cat([each.flatten(2) for each in inputs], dim=-1)
    feature_acts = sae.encode(x)
    out = sae.decode(feature_acts, x) + (sae.bypass(x) if sae.has_bypass else 0)
    targets = [places.own_part(seen[place]) for place in places.given]
    widths = [target.flatten(2).shape[-1] for target in targets]
    parts = out.flatten(2).split(widths, dim=-1)
    changed = [part.to(target.dtype).reshape(target.shape) for part, target in zip(parts, targets, strict=True)]
    measured, measured_hat = ([each.flatten(2)[is_measured] for each in some] for some in (targets, changed))
    _add_reconstruction(sums, torch.cat(measured, -1), torch.cat(measured_hat, -1), feature_acts[is_measured])
    for i in range(len(targets)) if len(targets) > 1 else ():
        _add_variance(sums, f"{i}.", measured[i].float(), measured_hat[i].float())
    for which in places.replaced:
        model = places.given[which[0]].model
        logits = as_is[id(model)]
        sums.add("ce_loss_without_sae", next_token_loss(logits, tokens)[kept].sum())
        sums.add("n_predicted", kept.sum())
        log_probs = logits.float().log_softmax(-1) if compute_kl else None
        for name, values in (("with_sae", changed), ("with_ablation", [torch.zeros_like(each) for each in targets])):
            logits = _replaced(places, {places.given[i]: values[i] for i in which}, tokens, is_measured)
            sums.add(f"ce_loss_{name}", next_token_loss(logits, tokens)[kept].sum())
            if log_probs is not None:
                sums.add(f"kl_div_{name}", kl_divergence(log_probs, logits)[is_measured].sum())
            del logits


def _look(places: _Places, tokens: Tensor) -> tuple[dict[int, Tensor], dict[_Place, Tensor]]:
    """Each model's logits, by its id, and the activation at each place."""
    logits: dict[int, Tensor] = {}
    seen: dict[_Place, Tensor] = {}
    every = list(dict.fromkeys([*places.read, *places.given]))
    for model in {id(place.model): place.model for place in every}.values():

        def look(activation: Tensor, hook: Any = None, *, place: _Place) -> None:
            seen[place] = activation

        hooks = [(place.hook_name, partial(look, place=place)) for place in every if place.model is model]
        logits[id(model)] = model.run_with_hooks(tokens, fwd_hooks=hooks)
    for place in every:
        if place not in seen:
            raise ValueError(f"The hook {place.hook_name!r} exists but is not passed in a forward of this model.")
    return logits, seen


def _replaced(
    places: _Places, values: dict[_Place, Tensor], tokens: Tensor, is_measured: Tensor
) -> Float[Tensor, "n_rows context d_vocab"]:
    """The logits with these activations in the place of one model's own, special tokens left alone."""

    def replace(activation: Tensor, hook: Any = None, *, value: Tensor) -> Tensor:
        changed = activation.clone()
        own = places.own_part(changed)
        own.copy_(torch.where(is_measured.reshape(*is_measured.shape, *[1] * (own.ndim - 2)), value, own))
        return changed

    hooks = [(place.hook_name, partial(replace, value=value)) for place, value in values.items()]
    return next(iter(values)).model.run_with_hooks(tokens, fwd_hooks=hooks)


def next_token_loss(
    logits: Float[Tensor, "n_rows context d_vocab"], tokens: Int[Tensor, "n_rows context"]
) -> Float[Tensor, "n_rows predicted"]:
    """Cross entropy of each next token, nats; `predicted` is context - 1."""
    logits = logits[:, :-1].float()
    return logits.logsumexp(-1) - logits.gather(-1, tokens[:, 1:, None])[..., 0]


def kl_divergence(
    log_probs: Float[Tensor, "n_rows context d_vocab"], logits: Float[Tensor, "n_rows context d_vocab"]
) -> Float[Tensor, "n_rows context"]:
    """KL(log_probs || logits) at each position, nats."""
    return (log_probs.exp() * (log_probs - logits.float().log_softmax(-1))).sum(-1)


def _add_reconstruction(
    sums: Sums,
    x: Float[Tensor, "n_tokens d_in"],
    x_hat: Float[Tensor, "n_tokens d_in"],
    feature_acts: Float[Tensor, "n_tokens d_sae"],
) -> None:
    x, x_hat = x.float(), x_hat.float()
    error = (x - x_hat).pow(2).sum(-1)
    length, length_hat = x.norm(dim=-1), x_hat.norm(dim=-1)
    sums.add("n_tokens", torch.tensor(len(x)))
    sums.add("l0", (feature_acts != 0).sum())
    sums.add("l1", feature_acts.abs().sum(dtype=torch.float64))
    sums.add("legacy", (1 - error / (x - x.mean(0)).pow(2).sum(-1)).sum(dtype=torch.float64))
    _add_variance(sums, "", x, x_hat)
    sums.add("x_hat^2", x_hat.double().pow(2).sum())
    sums.add("x.x_hat", (x.double() * x_hat).sum())
    sums.add("cossim", torch.cosine_similarity(x, x_hat, dim=-1).sum(dtype=torch.float64))
    sums.add("l2_norm_in", length.sum(dtype=torch.float64))
    sums.add("l2_norm_out", length_hat.sum(dtype=torch.float64))
    sums.add("l2_ratio", (length_hat / length).sum(dtype=torch.float64))


def _add_variance(sums: Sums, prefix: str, x: Float[Tensor, "n_tokens d"], x_hat: Float[Tensor, "n_tokens d"]) -> None:
    sums.add(f"{prefix}mse", (x - x_hat).pow(2).sum(-1).sum(dtype=torch.float64))
    sums.add(f"{prefix}x", x.sum(0, dtype=torch.float64))
    sums.add(f"{prefix}x^2", x.double().pow(2).sum())


def _explained_variance(sums: Sums, prefix: str = "") -> Tensor:
    n = sums["n_tokens"]
    variance = sums[f"{prefix}x^2"] / n - (sums[f"{prefix}x"] / n).pow(2).sum()
    return 1 - sums[f"{prefix}mse"] / n / variance


def _metrics(sums: Sums, places: _Places, compute_kl: bool) -> dict[str, float]:
    n, n_predicted = sums["n_tokens"], sums["n_predicted"]
    kinds = ("without_sae", "with_sae", "with_ablation")
    without, with_sae, ablated = (sums[f"ce_loss_{kind}"] / n_predicted for kind in kinds)
    metrics = {
        "l0": sums["l0"] / n,
        "l1": sums["l1"] / n,
        "mse": sums["mse"] / n,
        "cossim": sums["cossim"] / n,
        "explained_variance": _explained_variance(sums),
        "explained_variance_legacy": sums["legacy"] / n,
        "l2_norm_in": sums["l2_norm_in"] / n,
        "l2_norm_out": sums["l2_norm_out"] / n,
        "l2_ratio": sums["l2_ratio"] / n,
        "relative_reconstruction_bias": sums["x_hat^2"] / sums["x.x_hat"],
        "ce_loss_score": (ablated - with_sae) / (ablated - without),
        "ce_loss_with_sae": with_sae,
        "ce_loss_without_sae": without,
        "ce_loss_with_ablation": ablated,
        "total_tokens_eval_reconstruction": n_predicted / len(places.replaced),
        "total_tokens_eval_sparsity_variance": n,
    }
    if compute_kl:
        n_tried = n * len(places.replaced)
        kl, kl_ablated = sums["kl_div_with_sae"] / n_tried, sums["kl_div_with_ablation"] / n_tried
        metrics |= {"kl_div_score": (kl_ablated - kl) / kl_ablated}
        metrics |= {"kl_div_with_sae": kl, "kl_div_with_ablation": kl_ablated}
    for i, place in enumerate(places.given if len(places.given) > 1 else []):
        several = len({id(each.model) for each in places.given}) > 1
        name = f"{i}:{place.hook_name}" if several else place.hook_name
        metrics[f"explained_variance/{name}"] = _explained_variance(sums, f"{i}.")
    return {name: float(value) for name, value in metrics.items()}
