"""Prompts as tokens, checked where they enter."""

from typing import Any

from jaxtyping import Int
from torch import Tensor

from sae_widgets.token_text import clean_prompt


def prompt_tokens(model: Any, prompt: str, *, n_new: int = 0) -> Int[Tensor, "1 n_pos"]:
    """The ids of `prompt`, begun as the model's texts begin, never cut.

    Args:
        model: A hooked model.
        prompt: Any text that is not empty.
        n_new: Tokens that must still fit after it.

    Raises:
        ValueError: If the prompt is empty, or too long for the context; the message says by how much.
        TypeError: If it is no string.
    """
    if not isinstance(prompt, str):
        raise TypeError(f"A prompt is a string; got {type(prompt).__name__}.")
    if not prompt:
        raise ValueError("The prompt is empty. Type at least one character.")
    tokens = model.to_tokens(clean_prompt(prompt), truncate=False)
    n_over = tokens.shape[-1] + n_new - model.cfg.n_ctx
    if n_over > 0:
        room = f" to leave room for {n_new} more" if n_new else ""
        raise ValueError(
            f"The prompt is {tokens.shape[-1]} tokens, {n_over} too many{room}: the context of "
            f"{model.cfg.model_name} is {model.cfg.n_ctx}. Shorten it."
        )
    return tokens
