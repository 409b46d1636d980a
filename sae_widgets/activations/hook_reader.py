"""Activations at one or several hooks, of one or several models, read from as few forward passes as possible."""

from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from sae_widgets.fit import no_hook_error, places_of
from sae_widgets.hooked import HookedSAETransformer, as_hooked
from sae_widgets.lean import captured
from sae_widgets.sae import SAE
from sae_widgets.splice import acting

AT_ONCE = 2048
"""Tokens of one forward on a CPU. Of more what a block makes is so large that the system hands out fresh pages for it
each time: 12,000 for 4,096 tokens of the bundled model, a tenth of the forward's time."""


class _AllSeen(Exception):  # noqa: N818  no error: it ends a forward pass that need not go on
    pass


class HookReader:
    """Hooks' activations on rows of tokens, side by side; a model is run once and no further than the last of them.

    Args:
        model: One model for all hooks, or one for each: a crosscoder's sources may be several models.
        hook_names: One hook, or several.
        hook_head_index: The one head to take of activations that have heads; None joins all heads.

    Raises:
        ValueError: If a model has no such hook, or does not pass it; names what to use instead.
    """

    def __init__(self, model: Any, hook_names: str | Sequence[str], hook_head_index: int | None = None) -> None:
        names = [hook_names] if isinstance(hook_names, str) else list(hook_names)
        models = [as_hooked(each) for each in model] if isinstance(model, (list, tuple)) else [as_hooked(model)]
        if len(models) not in (1, len(names)):
            raise ValueError(f"{len(models)} models for {len(names)} hooks: give one model, or one for each hook.")
        self.places = list(zip(models * (len(names) // len(models)), names, strict=True))
        """Model and hook of each part."""
        self.hook_head_index = hook_head_index
        bos = getattr(models[0].tokenizer, "bos_token_id", None)
        parts = self._parts(torch.full((1, 2), bos if bos is not None else 0))
        self.widths: list[int] = [part.shape[-1] for part in parts]
        """Width of each part."""

    @property
    def width(self) -> int:
        """Width of all parts together."""
        return sum(self.widths)

    @torch.no_grad()
    def __call__(self, tokens: Int[Tensor, "n_rows context"]) -> Float[Tensor, "n_rows context width"]:
        """The parts side by side, in the first model's dtype; heads joined, or one of them picked."""
        parts = self._parts(tokens)
        return parts[0] if len(parts) == 1 else torch.cat([part.to(parts[0]) for part in parts], dim=-1)

    @torch.no_grad()
    def _parts(self, tokens: Tensor) -> list[Tensor]:
        seen: dict[tuple[int, str], Tensor] = {}
        for model in {id(model): model for model, _ in self.places}.values():
            names = list(dict.fromkeys(name for other, name in self.places if other is model))
            found = capture_all(model, tokens, names)
            seen.update({(id(model), name): each for name, each in zip(names, found, strict=True)})
        return [self._flat(seen[id(model), name], name) for model, name in self.places]

    def _flat(self, activations: Tensor, name: str) -> Tensor:
        if activations.ndim == 4 and self.hook_head_index is not None:
            n_heads = activations.shape[2]
            if not 0 <= self.hook_head_index < n_heads:
                raise ValueError(f"hook_head_index is {self.hook_head_index}; {name!r} has heads 0 to {n_heads - 1}.")
            activations = activations[:, :, self.hook_head_index]
        return activations.flatten(2)


@torch.no_grad()
def capture_all(model: HookedSAETransformer, tokens: Tensor, names: list[str]) -> list[Tensor]:
    """The activations at `names`, of one forward that ends at the last of them; attached SAEs are left out."""
    seen: dict[str, Tensor] = {}
    tokens = tokens.to(model.device)
    with ExitStack() as stack:
        stack.enter_context(model.without_saes())
        stack.enter_context(model.suited_to(tokens))
        if (found := _captured_in_parts(model, tokens, names)) is not None:
            return found
        points = model.hook_dict  # once: a bridge makes it anew each time, which takes a millisecond
        for name in names:
            if name not in points:
                raise no_hook_error(model, name)

            def keep(activation: Tensor, hook: Any, name: str = name) -> None:
                seen[name] = activation.detach()
                if len(seen) == len(names):
                    raise _AllSeen
                seen[name] = seen[name].clone()  # what comes after may write in place

            stack.enter_context(acting(points[name], keep))
        try:
            model.wrapped(tokens, return_type=None)
        except _AllSeen:
            return [seen[name] for name in names]
    missing = next(name for name in names if name not in seen)
    raise ValueError(f"The hook {missing!r} exists but is not passed in a forward of this model.")


def _captured_in_parts(model: HookedSAETransformer, tokens: Tensor, names: list[str]) -> list[Tensor] | None:
    """`captured`, at most `AT_ONCE` tokens after the other, or a row."""
    n_parts = min(-(-tokens.numel() // AT_ONCE), len(tokens)) if tokens.ndim == 2 and tokens.device.type == "cpu" else 1
    parts = []
    for part in tokens.tensor_split(max(n_parts, 1)):
        if (found := captured(model, part, names)) is None:
            return None
        parts.append(found)
    return parts[0] if len(parts) == 1 else [torch.cat(each) for each in zip(*parts, strict=True)]


def read_input(
    model: HookedSAETransformer, sae: SAE, tokens: Int[Tensor, "n_rows context"]
) -> Float[Tensor, "n_rows context *d"]:
    """What `sae` reads on `tokens`: the activation at its hook, one head of it, or a crosscoder's sources side by side.

    Raises:
        ValueError: If the SAE does not say where it belongs, or the model has no such hook.
    """
    names = places_of(model, sae).reads
    if len(names) == 1:
        (activations,) = capture_all(model, tokens, names)
        head = sae.cfg.metadata.hook_head_index
        return activations if head is None else activations[:, :, head]
    return torch.cat([part.flatten(2) for part in capture_all(model, tokens, names)], dim=-1)
