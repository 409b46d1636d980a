"""A model's own forward pass at the cost of its arithmetic, for when nobody listens at its hook points.

    lean = lean_or_none(model, n_pos=..., names=[hook_name])          the one place that decides
    if lean is not None:
        activations, = lean.capture(tokens, [hook_name])

A forward of a hooked model passes some hundred hook points, each of which may call anything. Where none has a hook,
gradients are off and the model is of a family that is known, the same computation is a few dozen torch calls over the
same weights: 10 times faster for one token of the bundled model, 1.5 times for thousands (`benchmarks/model_side.py`).
Everywhere else `lean_or_none` is None, and the model is run as it is; so it is the reference that tests hold this to.

Weights are the model's parameters and views of them, looked up anew when the model is made of other parts (`keeping`):
edits in place, a move and a change of type are followed. Before a model's network is used it is compared with the model
on a few tokens, and so is each hook name. A prompt that comes again begins at the first of the hooks (`beginning`).
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import lru_cache, partial
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from sae_widgets.lean import beginning, trust
from sae_widgets.lean.beginning import forget
from sae_widgets.lean.keeping import kept_network
from sae_widgets.lean.network import Cache, Change, Network, Reached, Tap
from sae_widgets.lean.reading import Unknown
from sae_widgets.module_names import layer_of

__all__ = ["Cache", "Change", "Lean", "captured", "forget", "lean_or_none"]

_SIDES = {
    "hook_resid_pre": "resid_pre",
    "hook_in": "resid_pre",
    "hook_attn_out": "attn_out",
    "attn.hook_out": "attn_out",
    "hook_resid_mid": "resid_mid",
    "mlp.hook_in": "mlp_in",
    "hook_mlp_out": "mlp_out",
    "mlp.hook_out": "mlp_out",
    "hook_resid_post": "resid_post",
    "hook_out": "resid_post",
}


def lean_or_none(model: Any, n_pos: int, names: Sequence[str] = (), changed_names: Sequence[str] = ()) -> "Lean | None":
    """The model's forward for texts of at most `n_pos` tokens, where it is the same computation; else None.

    To be asked, and used, under the model's lock; it does not outlive it unless `still_holds` says so.

    Args:
        model: A `HookedSAETransformer`; SAEs that act in it make it None.
        names: Hooks whose activations are to be seen.
        changed_names: Hooks whose activations are to be changed.
    """
    network = getattr(model.wrapped, "original_model", model.wrapped)
    if torch.is_grad_enabled() or not isinstance(network, nn.Module):
        return None
    n_ctx = int(model.cfg.n_ctx)
    if n_pos > n_ctx:
        return None
    try:
        kept = kept_network(model, network, min(max(n_pos, trust.N_PROBED), n_ctx))
        taps = {name: _tap(name) for name in (*names, *changed_names)}
    except Unknown as unknown:
        trust.say_once(network, f"{unknown} is not known to it")
        return None
    lean, key = kept.network, kept.signature
    if not trust.is_untouched(model, network) or torch.is_autocast_enabled(lean.embed.device.type):
        return None
    wrong = trust.verdict(network, key, lambda: trust.logits_differ(model, lean, n_ctx))
    for name in taps:
        if not wrong:
            find = partial(trust.place_differs, model, lean, name, taps[name], n_ctx, is_changed=name in changed_names)
            wrong = trust.verdict(network, (name, name in changed_names, key), find)
    if wrong:
        trust.say_once(network, wrong)
        return None
    return Lean(model, network, lean, taps)


def captured(model: Any, tokens: Int[Tensor, "batch n_pos"], names: Sequence[str]) -> list[Float[Tensor, "..."]] | None:
    """The activations at `names`, of a forward that ends at the last of them; None where it is the model's to run.

    To be asked under the model's lock.
    """
    if tokens.ndim != 2 or not tokens.numel() or tokens.is_floating_point():
        return None
    lean = lean_or_none(model, tokens.shape[1], names)
    return None if lean is None else lean.capture(tokens, names)


@lru_cache(maxsize=256)
def _tap(name: str) -> Tap:
    """Where on the way a hook is."""
    layer, side = layer_of(name), _SIDES.get(".".join(name.split(".")[2:]))
    if layer is None or side is None or not name.startswith("blocks."):
        raise Unknown(f"the place {name!r}")
    return Tap(layer, side)


class Lean:
    """One model's forward; made by `lean_or_none`."""

    def __init__(self, model: Any, network: nn.Module, lean: Network, taps: Mapping[str, Tap]) -> None:
        self._model, self._network, self._lean, self._taps = model, network, lean, taps
        self._device_type = lean.embed.device.type

    def still_holds(self) -> bool:
        """Whether nothing was hooked since; for uses that give the lock back in between."""
        return not torch.is_autocast_enabled(self._device_type) and trust.is_untouched(self._model, self._network)

    def cache(self, n_room: int) -> Cache:
        """An empty cache of keys and values, for a text of at most `n_room` tokens."""
        return Cache(len(self._lean.blocks), n_room)

    def logits(
        self,
        tokens: Int[Tensor, "batch n_pos"],
        changes: Mapping[str, Change] | None = None,
        cache: Cache | None = None,
        *,
        last_only: bool = False,
    ) -> Float[Tensor, "rows n_said d_vocab"]:
        """What the model says after `tokens`, which follow those in `cache`.

        Args:
            changes: By hook name: sees the activation, and what it returns takes its place.
            last_only: Of the last position alone.
        """
        x = self._lean.embedded(tokens, 0 if cache is None else cache.n)
        own = {self._taps[name]: change for name, change in (changes or {}).items()}
        return self._lean.logits(self._lean.through(x, own, cache=cache, last_only=last_only))

    def first_logits(
        self, tokens: Int[Tensor, "1 n_pos"], changes: Mapping[str, Change], cache: Cache
    ) -> Float[Tensor, "rows 1 d_vocab"]:
        """What the model says after a prompt, which begins where it did the last time up to the first of the taps."""
        layer = min((tap.layer for tap in self._taps.values()), default=0)
        x = beginning.entered(self._model, self._lean, tokens, layer, cache)
        own = {self._taps[name]: change for name, change in changes.items()}
        return self._lean.logits(self._lean.through(x, own, layer, cache, last_only=True))

    def logits_from(self, x: Float[Tensor, "batch n_pos d_model"], layer: int) -> Float[Tensor, "batch n_pos d_vocab"]:
        """What the model says where `x` enters block `layer`."""
        return self._lean.logits(self._lean.through(x, {}, first=layer))

    def capture(self, tokens: Int[Tensor, "batch n_pos"], names: Sequence[str]) -> list[Float[Tensor, "..."]]:
        """The activations at `names`, of a forward that ends at the last of them."""
        seen: dict[Tap, Tensor] = {}
        wanted = {self._taps[name] for name in names}

        def keeping(tap: Tap) -> Change:
            def keep(x: Tensor) -> None:
                seen[tap] = x
                if len(seen) == len(wanted):
                    raise Reached

            return keep

        with suppress(Reached):
            self._lean.through(self._lean.embedded(tokens), {tap: keeping(tap) for tap in wanted})
        return [seen[self._taps[name]] for name in names]
