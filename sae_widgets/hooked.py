"""A hooked language model that SAEs can be attached to.

`HookedSAETransformer` is a thin shell over a model of TransformerLens (the bridge of 4.x, `HookedTransformer` of 3.x)
and depends on a small protocol only: `HookedModel`. Attaching an SAE adds one forward hook at its hook point, which
answers with the SAE's output; leaving removes that hook and nothing else, so hooks of the user stay where they were.

    with attach(model, sae):                      x at the hook becomes sae(x)
        logits, cache = model.run_with_cache(tokens)
        cache["blocks.8.hook_resid_pre.hook_sae_acts_post"]           # or "blocks.8.hook_in.hook_sae_acts_post"

Source: SAELens' `HookedSAETransformer`, whose method names and cache keys these are. Departures: the bypass of an
architecture is included; an unknown hook is an error; both spellings of a hook name answer; `generate` takes hooks.
"""

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from sae_widgets.fit import check_fits, layer_of, no_hook_error
from sae_widgets.module_points import ModulePoint, points_beside
from sae_widgets.plain_model import PlainModel
from sae_widgets.sae import SAE
from sae_widgets.shell import HookedModel, ModelShell
from sae_widgets.splice import FwdHook, Splice, SpliceSettings, acting, hooks_put_back
from sae_widgets.splice_kinds import splice_for
from sae_widgets.splices import Splices


class HookedSAETransformer(ModelShell):
    """A hooked model with SAEs on top; made by `load_model`. What is not here is the wrapped model's.

    `lock` guards the model: whoever runs it holds the lock for that forward, and contexts that change it
    (`hooks`, `saes`, `attach`) hold it for their body, so that no other thread runs a model that is being changed.
    """

    def __init__(self, model: Any) -> None:
        super().__init__(model)
        self.attached = Splices()
        """The SAEs that are attached."""
        self.has_centred_weights: bool | None = False if isinstance(self.wrapped, PlainModel) else None
        """Whether the weights that write to the residual stream are centred; None where nobody said."""
        self.has_folded_norms = False
        """Whether the norms' weights were multiplied into the layers after them, here."""

    @property
    def hook_dict(self) -> Mapping[str, Any]:
        """Hook points by name; beside the model's own those in front of its MLPs (`module_points`)."""
        own = self.wrapped.hook_dict
        return {**own, **self._points_beside} if self._points_beside else own

    @functools.cached_property
    def _points_beside(self) -> dict[str, ModulePoint]:
        return {} if isinstance(self.wrapped, PlainModel) else points_beside(self.wrapped)

    @classmethod
    def from_pretrained(
        cls,
        model_name: str,
        fold_ln: bool = True,
        center_writing_weights: bool = True,
        center_unembed: bool = True,
        fold_value_biases: bool = True,
        **kwargs: Any,
    ) -> Any:
        """The model with its weights processed, as TransformerLens 3 loads it unless told not to.

        `load_model(model_name)` leaves them as they are.
        """
        from sae_widgets.model import load_model, process_weights

        model = cls._over(load_model(model_name, **kwargs))
        process_weights(
            model,
            fold_ln=fold_ln,
            center_writing_weights=center_writing_weights,
            center_unembed=center_unembed,
            fold_value_biases=fold_value_biases,
        )
        return model

    @classmethod
    def from_pretrained_no_processing(cls, model_name: str, **kwargs: Any) -> Any:
        """The model with its weights as they are: `load_model(model_name)`."""
        from sae_widgets.model import load_model

        return cls._over(load_model(model_name, **kwargs))

    @classmethod
    def _over(cls, model: "HookedSAETransformer") -> Any:
        """A shell of this class over the same model."""
        new = cls(model)
        new.has_centred_weights, new.has_folded_norms = model.has_centred_weights, model.has_folded_norms
        return new

    def __repr__(self) -> str:
        saes = "".join(f", sae at {name!r}" for name in self.acts_to_saes)
        return f"{super().__repr__()[:-1]}{saes})"

    @torch.no_grad()
    def capture(self, tokens: Int[Tensor, "batch n_pos"], hook_name: str) -> Float[Tensor, "batch n_pos *d"]:
        """The activation at `hook_name`, run no further than its block; attached SAEs are left out.

        Raises:
            ValueError: If there is no such hook.
        """
        if hook_name not in self.hook_dict:
            raise self._no_hook(hook_name)
        seen: list[Tensor] = []

        def keep(activation: Tensor, hook: Any) -> None:
            seen.append(activation.detach().clone())  # hooks that write in place come after

        layer = layer_of(hook_name)
        stop = None if layer is None or layer + 1 >= self.cfg.n_layers else layer + 1
        with self.without_saes(), self.suited_to(tokens), acting(self.hook_dict[hook_name], keep):
            self.wrapped(tokens, return_type=None, stop_at_layer=stop)
        if not seen:
            raise ValueError(f"The hook {hook_name!r} exists but is not passed in a forward of this model.")
        return seen[0]

    # -- hooks --------------------------------------------------------------------------------------------------------

    @contextmanager
    def hooks(
        self, fwd_hooks: Sequence[FwdHook] = (), bwd_hooks: Sequence[FwdHook] = (), **kwargs: Any
    ) -> Iterator["HookedSAETransformer"]:
        """A context in which the hooks act, those on attached SAEs too; they are gone afterwards, come what may."""
        with self.lock, ExitStack() as stack:
            forward = self._enter_hooks(stack, fwd_hooks, is_forward=True)
            backward = self._enter_hooks(stack, bwd_hooks, is_forward=False)
            stack.enter_context(self.wrapped.hooks(fwd_hooks=forward, bwd_hooks=backward, **kwargs))
            yield self

    def run_with_hooks(
        self, tokens: Any, fwd_hooks: Sequence[FwdHook] = (), bwd_hooks: Sequence[FwdHook] = (), **kwargs: Any
    ) -> Any:
        """What the model returns with the hooks acting.

        Raises:
            ValueError: If there is no such hook.
        """
        with self.lock, ExitStack() as stack:
            forward = self._enter_hooks(stack, fwd_hooks, is_forward=True)
            backward = self._enter_hooks(stack, bwd_hooks, is_forward=False)
            stack.enter_context(hooks_put_back(self))
            return self.wrapped.run_with_hooks(self._clean(tokens), fwd_hooks=forward, bwd_hooks=backward, **kwargs)

    def run_with_cache(self, tokens: Any, names_filter: Any = None, **kwargs: Any) -> tuple[Any, Any]:
        """What the model returns, and the activations on the way.

        Those of attached SAEs are under `{hook_name}.hook_sae_acts_post` and so on, in every spelling of the hook.

        Raises:
            ValueError: If `names_filter` names a hook that is not there.
        """
        with self.lock, ExitStack() as stack:
            names_filter, wanted = self.attached.split_filter(names_filter)
            names_filter, beside = self._split_beside(names_filter)
            self._check_names(names_filter)
            if (wanted or beside) and kwargs.get("pos_slice") is not None:
                raise NotImplementedError("pos_slice does not reach the hooks of attached SAEs; slice the result.")
            kept: dict[str, Tensor] = {}
            for splice, point in wanted:
                stack.enter_context(self.attached.capture(splice, point, kept, device=kwargs.get("device")))
            for name in beside:
                keep = functools.partial(_keep, kept, name, kwargs.get("device"))
                stack.enter_context(acting(self._points_beside[name], keep))
            stack.enter_context(hooks_put_back(self))
            stack.enter_context(self.suited_to(tokens))
            out, cache = self.wrapped.run_with_cache(self._clean(tokens), names_filter=names_filter, **kwargs)
            if kwargs.get("remove_batch_dim"):
                kept = {name: value[0] for name, value in kept.items()}
            (cache if isinstance(cache, dict) else cache.cache_dict).update(kept)
        return out, cache

    @torch.no_grad()
    def generate(self, input: Any, max_new_tokens: int = 10, fwd_hooks: Sequence[FwdHook] = (), **kwargs: Any) -> Any:
        """The input with what the model writes after it, while `fwd_hooks` act.

        Keys and values are cached, so after the prompt a hook sees one new position at a time; for a hook that looks
        at other positions say `use_past_kv_cache=False`. Further settings are the wrapped model's: temperature,
        do_sample, top_k, stop_at_eos, return_type ... Departure: no progress bar unless `verbose=True`.
        """
        kwargs.setdefault("verbose", False)
        if self.attached.need_whole_texts():
            kwargs["use_past_kv_cache"] = False
        with self.hooks(fwd_hooks=fwd_hooks), self.suited_to(input):
            return self.wrapped.generate(self._clean(input), max_new_tokens=max_new_tokens, **kwargs)

    # -- SAEs ---------------------------------------------------------------------------------------------------------

    @property
    def acts_to_saes(self) -> dict[str, SAE]:
        """Attached SAEs by the hook that they read (a crosscoder: the first of them)."""
        return {name: splice.sae for name, splice in self.attached.labels()}

    def add_sae(
        self, sae: SAE, use_error_term: bool | None = None, exclude_special_tokens: bool | Sequence[int] = False
    ) -> None:
        """Attach `sae` until `reset_saes`; an SAE that is attached at its hook is replaced.

        Args:
            use_error_term: Add what the SAE misses, so that only interventions have an effect.
            exclude_special_tokens: Leave the activations of special tokens (or of these ids) as they are.

        Raises:
            ValueError: If the SAE does not fit the model.
        """
        with self.lock:
            before = self.attached.state()
            self._attach(sae, use_error_term, exclude_special_tokens)
            self.attached.keep(before)

    def reset_saes(self, act_names: str | Sequence[str] | None = None) -> None:
        """Detach the SAEs at these hooks, or all.

        Raises:
            ValueError: If no SAE is attached at one of them.
        """
        if act_names is None:
            act_names = list(self.acts_to_saes)
        with self.lock:
            for name in [act_names] if isinstance(act_names, str) else act_names:
                splice = self.attached.at(name)
                if splice is None:
                    attached = ", ".join(map(repr, self.acts_to_saes)) or "no SAE"
                    raise ValueError(f"No SAE is attached at {name!r}; attached: {attached}.")
                self.attached.remove(splice)

    @contextmanager
    def saes(
        self,
        saes: SAE | Sequence[SAE] = (),
        reset_saes_end: bool = True,
        use_error_term: bool | None = None,
        exclude_special_tokens: bool | Sequence[int] = False,
    ) -> Iterator["HookedSAETransformer"]:
        """A context in which `saes` are attached; afterwards those are that were before.

        Args:
            reset_saes_end: False leaves them attached.
        """
        with self.lock:
            before = self.attached.state()
            try:
                for sae in [saes] if isinstance(saes, SAE) else saes:
                    displaced = self._attach(sae, use_error_term, exclude_special_tokens)
                    for rival in displaced:
                        if rival not in before.acting:
                            raise _rivals(rival, sae)
                self.attached.check_complete()
                yield self
            except BaseException:
                self.attached.restore(before)
                raise
            if reset_saes_end:
                self.attached.restore(before)
            else:
                self.attached.keep(before)

    @contextmanager
    def without_saes(self) -> Iterator["HookedSAETransformer"]:
        """A context in which attached SAEs do not act."""
        with self.lock:
            before = self.attached.acting()
            try:
                for splice in before:
                    splice.is_active = False
                yield self
            finally:
                for splice in before:
                    splice.is_active = True

    def run_with_saes(self, tokens: Any, saes: SAE | Sequence[SAE] = (), **kwargs: Any) -> Any:
        """What the model returns with `saes` attached for this run."""
        with self.saes(saes, **_sae_settings(kwargs)):
            return self.forward(tokens, **kwargs)

    def run_with_cache_with_saes(
        self, tokens: Any, saes: SAE | Sequence[SAE] = (), names_filter: Any = None, **kwargs: Any
    ) -> tuple[Any, Any]:
        """`run_with_cache` with `saes` attached for this run."""
        with self.saes(saes, **_sae_settings(kwargs)):
            return self.run_with_cache(tokens, names_filter=names_filter, **kwargs)

    def run_with_hooks_with_saes(
        self, tokens: Any, saes: SAE | Sequence[SAE] = (), fwd_hooks: Sequence[FwdHook] = (), **kwargs: Any
    ) -> Any:
        """`run_with_hooks` with `saes` attached for this run; hooks may name the SAEs' own points."""
        with self.saes(saes, **_sae_settings(kwargs)):
            return self.run_with_hooks(tokens, fwd_hooks=fwd_hooks, **kwargs)

    # -- inside -------------------------------------------------------------------------------------------------------

    def _attach(
        self, sae: SAE, use_error_term: bool | None, exclude_special_tokens: bool | Sequence[int]
    ) -> list[Splice]:
        """Attaches the SAE; gives those that no longer act."""
        check_fits(self, sae)
        chosen = exclude_special_tokens
        if chosen is True and self.tokenizer is None:
            raise ValueError("Which tokens are special, the tokenizer says, and there is none; give their ids.")
        ids = self.tokenizer.all_special_ids if chosen is True else () if chosen is False else chosen
        settings = SpliceSettings(bool(use_error_term), tuple(ids))
        return self.attached.add(splice_for(self, sae, settings, self.attached))

    def _enter_hooks(self, stack: ExitStack, hooks: Sequence[FwdHook], *, is_forward: bool) -> list[FwdHook]:
        """The hooks on the model's own points; the others are entered into `stack`."""
        own: list[FwdHook] = []
        beside = self._points_beside
        for wanted, fn in self.attached.enter_hooks(stack, hooks, is_forward=is_forward):
            names = [name for name in beside if (wanted == name if isinstance(wanted, str) else wanted(name))]
            for name in names:
                stack.enter_context(acting(beside[name], fn, "fwd" if is_forward else "bwd"))
            if not isinstance(wanted, str):
                own.append((_without(beside, wanted), fn))
            elif not names:
                own.append((wanted, fn))
        self._check_names([name for name, _ in own if isinstance(name, str)])
        return own

    def _split_beside(self, names_filter: Any) -> tuple[Any, list[str]]:
        """The part of a `names_filter` that the model itself answers, and the names beside it."""
        beside = self._points_beside
        if names_filter is None or not beside:
            return names_filter, []
        if callable(names_filter):
            return _without(beside, names_filter), [name for name in beside if names_filter(name)]
        asked = [names_filter] if isinstance(names_filter, str) else list(names_filter)
        rest = [name for name in asked if name not in beside]
        return rest or (lambda name: False), [name for name in asked if name in beside]

    def _check_names(self, names: Any) -> None:
        for name in [] if names is None or callable(names) else names:
            if name not in self.hook_dict:
                raise self._no_hook(name)

    def _no_hook(self, hook_name: str) -> ValueError:
        return no_hook_error(self, hook_name, more=self.attached.point_names())


def as_hooked(model: Any) -> HookedSAETransformer:
    """`model` itself if it is ours, else a shell over it; a Hugging Face module is hooked where it is."""
    if isinstance(model, HookedSAETransformer):
        return model
    is_plain = isinstance(model, torch.nn.Module) and not isinstance(model, HookedModel)
    return HookedSAETransformer(PlainModel(model) if is_plain else model)


@contextmanager
def attach(
    model: Any,
    saes: SAE | Sequence[SAE],
    use_error_term: bool | None = None,
    exclude_special_tokens: bool | Sequence[int] = False,
) -> Iterator[HookedSAETransformer]:
    """A context in which `saes` act inside `model`, which afterwards is as before, also after an exception.

    Args:
        model: From `load_model`, any hooked model, or a Hugging Face module.
        saes: One or several; each goes where its config says.
        use_error_term: Add what the SAE misses, so that only interventions have an effect.
        exclude_special_tokens: Leave the activations of special tokens (or of these ids) as they are.

    Raises:
        ValueError: If an SAE does not fit the model.
    """
    hooked = as_hooked(model)
    with hooked.saes(saes, use_error_term=use_error_term, exclude_special_tokens=exclude_special_tokens):
        yield hooked


def _sae_settings(kwargs: dict[str, Any]) -> dict[str, Any]:
    """The arguments of `saes()`, taken out of `kwargs`."""
    names = ("reset_saes_end", "use_error_term", "exclude_special_tokens")
    return {name: kwargs.pop(name) for name in names if name in kwargs}


def _rivals(splice: Splice, sae: SAE) -> ValueError:
    return ValueError(
        f"Two of these SAEs write {splice.places.writes[0]!r}: {splice.sae.name} and {sae.name}. Give one of them."
    )


def _keep(kept: dict[str, Tensor], name: str, device: Any, value: Tensor, hook: Any) -> None:
    kept[name] = value.detach().to(device)


def _without(names: Mapping[str, Any], chosen: Callable[..., Any]) -> Callable[[str], bool]:
    """The choice less `names`, which are looked after elsewhere."""
    return lambda name: name not in names and bool(chosen(name))
