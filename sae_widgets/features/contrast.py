"""Features that fire on one text and not on another.

    score[f] = reduce over tokens of text_a |act[t, f]|  -  the same of text_b        reduce: max, or mean

Special tokens are left out: the first token of a text fires features harder than any word does.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch
from jaxtyping import Float
from torch import Tensor

from sae_widgets.activations.hook_reader import read_input
from sae_widgets.fit import check_fits
from sae_widgets.hooked import as_hooked
from sae_widgets.prompt import prompt_tokens
from sae_widgets.sae import SAE

if TYPE_CHECKING:
    import pandas

REDUCE = ("max", "mean")


@dataclass(frozen=True, eq=False)
class Contrast:
    """Every feature's activation on two texts."""

    text_a: str
    text_b: str
    by: str
    """"max" or "mean" over a text's tokens."""
    act_a: Float[Tensor, " d_sae"] = field(repr=False)
    act_b: Float[Tensor, " d_sae"] = field(repr=False)

    @property
    def score(self) -> Float[Tensor, " d_sae"]:
        """Activation on A less that on B."""
        return self.act_a - self.act_b

    def top(self, k: int = 10) -> list[int]:
        """The features of the largest score, largest first; those above 0 alone."""
        best = self.score.topk(min(k, len(self.act_a)))
        return [f for f, value in zip(best.indices.tolist(), best.values.tolist(), strict=True) if value > 0]

    def to_frame(self) -> "pandas.DataFrame":
        """A row for each feature that fires on either text, largest score first."""
        import pandas

        fires = ((self.act_a != 0) | (self.act_b != 0)).nonzero()[:, 0]
        columns = {"score": self.score[fires], "on_a": self.act_a[fires], "on_b": self.act_b[fires]}
        frame = pandas.DataFrame(
            {name: each.numpy() for name, each in columns.items()}, pandas.Index(fires.numpy(), name="feature")
        )
        return frame.sort_values("score", ascending=False, kind="stable")


@torch.no_grad()
def contrast(
    model: Any,
    sae: SAE,
    text_a: str,
    text_b: str,
    *,
    by: str = "max",
    on_progress: Callable[[int, int, str], None] | None = None,
) -> Contrast:
    """What fires on `text_a` but not on `text_b`, of all features of `sae`.

        sw.contrast(model, sae, "She said yes.", "She said no.").to_frame().head()

    Args:
        model: What the SAE was trained on.
        sae: The SAE.
        text_a: Where features shall fire.
        text_b: Where they shall not.
        by: "max": the strongest token of a text counts; "mean": all its tokens, silent ones as 0.
        on_progress: Called with texts done and 2 before each text; may raise to end the work.

    Raises:
        ValueError: If a text is empty, too long or of special tokens alone, or the SAE does not fit the model.
    """
    if by not in REDUCE:
        raise ValueError(f"by={by!r}: activations of a text are taken together by 'max' or 'mean'.")
    hooked = as_hooked(model)
    check_fits(hooked, sae)
    acts = []
    for name, text in (("first", text_a), ("second", text_b)):
        if on_progress is not None:
            on_progress(len(acts), 2, f"Reading the {name} text")
        acts.append(_on_text(hooked, sae, text, name, by))
    return Contrast(text_a, text_b, by, *acts)


def _on_text(hooked: Any, sae: SAE, text: str, name: str, by: str) -> Float[Tensor, " d_sae"]:
    try:
        tokens = prompt_tokens(hooked, text)
    except ValueError as error:
        raise ValueError(f"The {name} text: {error}") from None
    counts = ~torch.isin(tokens[0].cpu(), torch.tensor(sorted(hooked.tokenizer.all_special_ids), dtype=torch.long))
    if not counts.any():
        raise ValueError(f"The {name} text holds special tokens alone, which are left out. Add a word.")
    with hooked.lock:
        acts = sae.encode(read_input(hooked, sae, tokens))[0].float().cpu()[counts].abs()
    return acts.amax(0) if by == "max" else acts.mean(0)
