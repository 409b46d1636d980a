"""Activations that are no numbers are found where they are made, while it is known which text made them.

Once mixed, NaN would be in a later step's batch among rows of many forwards, and nobody could tell where it came from.
"""

from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

SHOWN_TOKENS = 24


def check_finite(
    activations: Float[Tensor, "n_rows n_positions width"],
    tokens: Int[Tensor, "n_rows n_positions"] | None,
    *,
    hook_names: Sequence[str],
    widths: Sequence[int],
    tokenizer: Any,
    origin: str,
) -> None:
    """Nothing, if all are finite.

    Args:
        activations: Of one forward, hooks side by side.
        tokens: What they are of; None: not known.
        hook_names: The hooks.
        widths: Of each hook.
        tokenizer: For the text; one that cannot decode leaves it out.
        origin: Where the rows come from, in words.

    Raises:
        FloatingPointError: If not; names the hooks, how many tokens, the first row and its text.
    """
    # A sum is finite where every term is; it may overflow where they are, so what it finds is looked at again.
    if torch.isfinite(activations.sum(dtype=torch.float32)):
        return
    is_bad = ~torch.isfinite(activations)
    if not is_bad.any():
        return
    names = [
        name for name, part in zip(hook_names, is_bad.split(list(widths), dim=-1), strict=True) if bool(part.any())
    ]
    at_tokens = is_bad.any(-1)
    row, position = (int(i) for i in at_tokens.nonzero()[0])
    text = "" if tokens is None else _text(tokens[row].tolist(), tokenizer)
    what = "NaN" if bool(torch.isnan(activations).any()) else "infinite"
    raise FloatingPointError(
        f"The model's activations at {' and '.join(map(repr, names))} are {what} on {int(at_tokens.sum()):,} of "
        f"{at_tokens.numel():,} tokens of a batch of {len(activations):,} rows: {origin}; first in its row {row}, from "
        f"position {position} on{text}. Try a wider dtype for the model, or look at the text."
    )


def _text(ids: list[int], tokenizer: Any) -> str:
    decode = getattr(tokenizer, "decode", None)
    told = f", token ids {', '.join(map(str, ids[:8]))} ..."
    return f", {decode(ids[:SHOWN_TOKENS])!r}" if decode is not None else told
