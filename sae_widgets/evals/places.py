"""Where an SAE reads and writes in a model, and the forward passes that look there or change what is there."""

import inspect
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from sae_widgets.fit import layer_of, no_hook_error, places_of
from sae_widgets.hooked import HookedSAETransformer, as_hooked
from sae_widgets.lean import Lean, captured, lean_or_none
from sae_widgets.sae.base import SAE


class Place(NamedTuple):
    """A hook of a model."""

    model: HookedSAETransformer
    hook_name: str


class Places(NamedTuple):
    """What an SAE reads and gives, and what is replaced at once to try it in the model."""

    read: list[Place]
    given: list[Place]
    replaced: list[list[int]]
    """Indices into `given`: a crosscoder's sources are tried one at a time, a transcoder's outputs together."""
    head: int | None

    def own_part(self, activation: Tensor) -> Tensor:
        """What of an activation is the SAE's: all, or one head; a view."""
        return activation if self.head is None else activation[:, :, self.head]


def places_for(sae: SAE, model: Any, hook_name: str | None = None) -> Places:
    """Where `sae` belongs in `model` (a list: one for each of a crosscoder's sources).

    Raises:
        ValueError: If the SAE does not say, or a model has no such hook.
    """
    models = [as_hooked(each) for each in (model if isinstance(model, (list, tuple)) else [model])]
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
    read = [Place(models[i % len(models)], name) for i, name in enumerate(reads)]
    given = [Place(models[i % len(models)], name) for i, name in enumerate(gives)]
    for place in [*read, *given]:
        if place.hook_name not in place.model.hook_dict:
            raise no_hook_error(place.model, place.hook_name)
    everything = list(range(len(given)))
    replaced = [[i] for i in everything] if sae.reconstructs else [everything]
    return Places(read, given, replaced, sae.cfg.metadata.hook_head_index)


def look(
    places: Iterable[Place], tokens: Int[Tensor, "n_rows context"], with_logits: bool, settings: Mapping[str, Any]
) -> tuple[dict[int, Tensor], dict[Place, Tensor]]:
    """Each model's logits by its id, where asked for, and the activation at each place, in one forward a model.

    Without logits a model is run no further than the last of its places.
    """
    logits: dict[int, Tensor] = {}
    seen: dict[Place, Tensor] = {}
    every = list(dict.fromkeys(places))
    for model in {id(place.model): place.model for place in every}.values():
        names = [place.hook_name for place in every if place.model is model]

        def keep(activation: Tensor, hook: Any = None, *, place: Place) -> None:
            seen[place] = activation

        with model.lock:
            if with_logits and (lean := _lean(model, tokens, settings, names)) is not None:
                changes = {name: partial(keep, place=Place(model, name)) for name in names}
                logits[id(model)] = lean.logits(tokens, changes)
                continue
            if not with_logits and not settings and (found := captured(model, tokens, names)) is not None:
                seen.update({Place(model, name): each for name, each in zip(names, found, strict=True)})
                continue
        hooks = [(name, partial(keep, place=Place(model, name))) for name in names]
        how = {} if with_logits else {"return_type": None, "stop_at_layer": _stop_after(model, names)}
        given = model.run_with_hooks(tokens, fwd_hooks=hooks, **how, **settings)
        if with_logits:
            logits[id(model)] = given
    for place in every:
        if place not in seen:
            raise ValueError(f"The hook {place.hook_name!r} exists but is not passed in a forward of this model.")
    return logits, seen


def _lean(
    model: HookedSAETransformer,
    tokens: Int[Tensor, "n_rows context"],
    settings: Mapping[str, Any],
    names: Sequence[str] = (),
    changed_names: Sequence[str] = (),
) -> Lean | None:
    """The model's forward without its hook points, where it is the same and nothing else is asked of it."""
    return None if settings else lean_or_none(model, tokens.shape[1], names, changed_names)


def _stop_after(model: HookedSAETransformer, names: Sequence[str]) -> int | None:
    """The layer that need not be run any more; None where all have to be."""
    layers = [layer_of(name) for name in names]
    last = max(-1 if layer is None else layer for layer in layers)
    return None if None in layers or last + 1 >= int(model.cfg.n_layers) else last + 1


class Changed:
    """A model with other activations at some places; it is run from there on where it can be, else as a whole."""

    def __init__(self) -> None:
        self._starts: dict[tuple[int, str], int | None] = {}

    def logits(
        self,
        places: Sequence[Place],
        values: Sequence[Tensor],
        tokens: Int[Tensor, "n_rows context"],
        settings: Mapping[str, Any],
    ) -> Float[Tensor, "n_rows_or_1 context d_vocab"]:
        """The logits with `values` in the place of the activations there; one row where every row's are the same.

        Zeros in the residual stream leave the rows nothing to differ in, so ablation needs one row of a batch.
        """
        model = places[0].model

        def replace(activation: Tensor, hook: Any = None, *, value: Tensor) -> Tensor:
            return value.to(activation)

        hooks = [(place.hook_name, partial(replace, value=value)) for place, value in zip(places, values, strict=True)]
        with model.lock:
            if (lean := _lean(model, tokens, settings, changed_names=[name for name, _ in hooks])) is not None:
                layer = _layer_after(places[0]) if len(places) == 1 else None
                return lean.logits(tokens, dict(hooks)) if layer is None else lean.logits_from(_alike(values[0]), layer)
        start = self._start(places[0], tokens, settings) if len(places) == 1 else None
        if start is not None:
            is_by_row = any(isinstance(given, Tensor) for given in settings.values())
            with model.lock:
                value = values[0] if is_by_row else _alike(values[0])
                return model.wrapped(value, start_at_layer=start, **settings)
        return model.run_with_hooks(tokens, fwd_hooks=hooks, **settings)

    def _start(self, place: Place, tokens: Tensor, settings: Mapping[str, Any]) -> int | None:
        """The layer that takes the activation at `place` as its input, where starting there gives the same logits."""
        key = (id(place.model), place.hook_name)
        if key not in self._starts:
            layer = _layer_after(place) if _can_start_late(place.model) else None
            self._starts[key] = layer if layer and _starts_at(place, layer, tokens[:1, :4], settings) else None
        return self._starts[key]


def _alike(value: Float[Tensor, "n_rows *d"]) -> Float[Tensor, "n_rows_or_1 *d"]:
    """One row of `value` where all are the same, else all."""
    return value[:1] if torch.equal(value, value[:1].expand_as(value)) else value


def _can_start_late(model: HookedSAETransformer) -> bool:
    run = getattr(model.wrapped, "forward", model.wrapped)
    return "start_at_layer" in inspect.signature(run).parameters


def _layer_after(place: Place) -> int | None:
    """The layer whose input is the residual stream at `place`; None elsewhere."""
    layer, n_layers = layer_of(place.hook_name), int(place.model.cfg.n_layers)
    if layer is None:
        return None
    if place.hook_name in (f"blocks.{layer}.hook_resid_pre", f"blocks.{layer}.hook_in"):
        return layer
    if place.hook_name in (f"blocks.{layer}.hook_resid_post", f"blocks.{layer}.hook_out") and layer + 1 < n_layers:
        return layer + 1
    return None


def _starts_at(place: Place, layer: int, tokens: Tensor, settings: Mapping[str, Any]) -> bool:
    """Whether the model, started at `layer` with the activation at `place`, gives the logits it gives as a whole."""
    logits, seen = look([place], tokens, True, settings)
    with place.model.lock:
        started = place.model.wrapped(seen[place], start_at_layer=layer, **settings)
    whole = logits[id(place.model)]
    return started.shape == whole.shape and torch.allclose(started, whole, rtol=1e-5, atol=1e-5)


def put(
    own: Float[Tensor, "n_rows context *d"],
    places: Places,
    activation: Float[Tensor, "n_rows context *all"],
    is_measured: Bool[Tensor, "n_rows context"],
) -> Float[Tensor, "n_rows context *all"]:
    """`activation` with the SAE's part of it replaced by `own` at the tokens that are measured."""
    mask = is_measured.reshape(*is_measured.shape, *[1] * (own.ndim - 2))
    if places.head is None:
        return torch.where(mask, own, activation)
    changed = activation.clone()
    part = places.own_part(changed)
    part.copy_(torch.where(mask, own, part))
    return changed
