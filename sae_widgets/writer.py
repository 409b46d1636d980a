"""What writes a text token by token: the model, steered and as it is, and the draw from what it says.

Keys and values are cached from the first token on. Where nobody listens at the model's hook points its shorter forward
is taken; somebody who begins to listen in the middle of a text is heard from the next token on.
"""

from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from sae_widgets.fit import Places
from sae_widgets.hooked import HookedSAETransformer
from sae_widgets.lean import Lean, lean_or_none
from sae_widgets.splice import acting

Steer = Callable[[Tensor, Tensor, int], Tensor]
"""What is read, what is at the place that is changed, and which of these places it is -> what is to be there."""


class Writer:
    """The steered and the unsteered model, one token after the other.

    Both rows are one text before the first place that is changed, and are computed once there, where the model's
    shorter forward is taken (`lean`); where it is not, both rows run through the model's hook points.

    Args:
        places: Where what decides is read, and what is changed.
        steer: The activation at a place as it is to be; None writes the model's own text.
        where: Steer "all" positions, those of the "prompt", or those "generated" after it.
        is_compared: Run the unsteered model beside the steered one.
        is_constant: Whether `steer` adds the same to every activation, whatever is read.
    """

    def __init__(
        self,
        model: HookedSAETransformer,
        places: Places,
        steer: Steer | None,
        *,
        where: str,
        is_compared: bool,
        is_constant: bool,
    ) -> None:
        self.model = model
        self._places, self._steer, self._where = places, steer, where
        self.is_compared = is_compared or steer is None
        """Whether what the unsteered model would say is known."""
        self._n_rows = 2 if steer is not None and is_compared else 1
        self._is_apart = False
        self._is_constant = is_constant
        self._added: dict[int, Tensor] = {}
        self._seen: Tensor | None = None
        self._written: list[Tensor] = []
        self._lean: Lean | None = None
        self._cache: Any = None

    def step(self, tokens: Int[Tensor, "1 n_new"], n_room: int) -> Float[Tensor, "rows d_vocab"]:
        """Log-probabilities after `tokens`: of the steered model, and below of the unsteered one if it differs.

        Args:
            n_room: Tokens of the whole text at most, for the first step.
        """
        is_prompt = not self._written
        self._written.append(tokens)
        is_steered = self._steer is not None and self._where in ("all", "prompt" if is_prompt else "generated")
        self._is_apart = self._n_rows == 2 and (self._is_apart or is_steered)
        with self.model.lock:
            if is_prompt:
                reads, writes = ([], []) if self._steer is None else self._places
                self._lean = lean_or_none(self.model, n_room, [] if self._is_constant else reads, writes)
                self._cache = None if self._lean is None else self._lean.cache(n_room)
            elif self._lean is not None and not self._lean.still_holds():
                self._lean, self._cache = None, None  # somebody listens from now on: the model itself writes on
            if self._lean is not None:
                with torch.inference_mode():  # nobody else sees these tensors; views of them cost half as much
                    changes = self._changes(is_steered)
                    if is_prompt:
                        logits = self._lean.first_logits(tokens, changes, self._cache)[:, -1]
                    else:
                        logits = self._lean.logits(tokens, changes, self._cache, last_only=True)[:, -1]
            else:
                logits = self._hooked_logits(tokens)
        return logits.float().log_softmax(dim=-1)

    # The shorter forward

    def _changes(self, is_steered: bool) -> dict[str, Callable[[Tensor], Tensor | None]]:
        if not is_steered and not self._is_apart:
            return {}
        changes: dict[str, Callable[[Tensor], Tensor | None]] = {
            name: partial(self._apart, is_steered=is_steered, output=output)
            for output, name in enumerate(self._places.writes)
        }
        if not self._is_constant:
            name = self._places.reads[0]
            changes[name] = partial(self._see, then=changes.get(name))
        return changes

    def _see(self, activation: Tensor, then: Callable[[Tensor], Tensor | None] | None) -> Tensor | None:
        self._seen = activation[:1]
        return None if then is None else then(activation)

    def _apart(self, activation: Tensor, *, is_steered: bool, output: int) -> Tensor | None:
        """The steered row, and the row as it was if it is wanted."""
        if not is_steered:
            return activation.expand(2, *activation.shape[1:])
        assert self._steer is not None
        own = activation if len(activation) == 1 else activation[:1]
        if self._is_constant:
            if output not in self._added:
                nothing = torch.zeros_like(own[:, :1])
                self._added[output] = self._steer(nothing, nothing, output)
            steered = own + self._added[output]
        else:
            assert self._seen is not None  # what is read comes before what is written
            steered = self._steer(self._seen, own, output)
        return torch.cat([steered, activation[-1:]]) if self._is_apart else steered

    # The model itself

    def _hooked_logits(self, tokens: Int[Tensor, "1 n_new"]) -> Float[Tensor, "rows d_vocab"]:
        n_before = 0 if self._cache is None else sum(part.shape[1] for part in self._written[:-1])
        if self._cache is None:
            tokens = torch.cat(self._written, dim=1)
        n_prompt, n_all = self._written[0].shape[1], n_before + tokens.shape[1]
        begin = n_prompt if self._where == "generated" else 0
        end = n_prompt if self._where == "prompt" else n_all
        steered = slice(max(begin - n_before, 0), max(end - n_before, 0))
        with ExitStack() as stack:
            if self._steer is not None and steered.start < min(steered.stop, tokens.shape[1]):
                points = self.model.hook_dict  # once: a bridge makes it anew each time, which takes a millisecond
                stack.enter_context(acting(points[self._places.reads[0]], self._see_first_row))
                for output, name in enumerate(self._places.writes):
                    steer = partial(self._steer_first_row, output=output, steered=steered)
                    stack.enter_context(acting(points[name], steer))
            logits, self._cache = self.model.step(tokens.expand(self._n_rows, -1), self._cache)
        return logits

    def _see_first_row(self, activation: Tensor, hook: Any) -> None:
        self._seen = activation[:1]

    def _steer_first_row(self, activation: Tensor, hook: Any, *, output: int, steered: slice) -> Tensor:
        assert self._steer is not None
        assert self._seen is not None  # what is read comes before what is written
        new = activation.clone()
        new[:1, steered] = self._steer(self._seen[:, steered], activation[:1, steered], output)
        return new


class Sampler:
    """Draws tokens; the same seed draws with the same random numbers."""

    def __init__(self, temperature: float, seed: int) -> None:
        self._temperature = temperature
        self._generator = torch.Generator().manual_seed(seed)

    def draw(self, logprobs: Float[Tensor, " d_vocab"]) -> int:
        """argmax(logprobs / temperature + Gumbel noise), which is a draw from their softmax.

        One number per token of the vocabulary: two models that nearly agree then draw the same token nearly always.
        """
        if self._temperature == 0:
            return int(logprobs.argmax())
        uniform = torch.rand(len(logprobs), generator=self._generator, dtype=torch.float64).clamp_(1e-300)
        noise = -torch.log(-torch.log(uniform))
        return int((logprobs.double().cpu() / self._temperature + noise).argmax())
