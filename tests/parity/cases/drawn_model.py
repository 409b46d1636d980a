"""A random transformer of two layers and rows of tokens, the same on both sides."""

from typing import Any

import torch
from transformer_lens import HookedTransformer, HookedTransformerConfig

from tests.parity.cases.drawn import Size

SIZE = Size(32, 96, 0, 6)
HEADS = 4


def model(kind: type = HookedTransformer) -> Any:
    """Two random layers, the same on both sides."""
    config = HookedTransformerConfig(
        n_layers=2, d_model=SIZE.d_in, n_heads=HEADS, d_head=SIZE.d_in // HEADS, d_mlp=64, d_vocab=50, n_ctx=12,
        act_fn="gelu", seed=7, device="cpu", init_weights=True, default_prepend_bos=False,
    )  # fmt: skip
    made = kind(config)
    with torch.no_grad():
        generator = torch.Generator().manual_seed(5)
        for _, weight in sorted(made.named_parameters()):
            weight.copy_(torch.randn(weight.shape, generator=generator) * (0.3 if weight.ndim > 1 else 0.1))
    made.eval()
    return made


class Tokens:
    """An activation store as far as metrics ask: rows of tokens, the same on both sides."""

    store_batch_size_prompts, context_size = 3, 12

    def __init__(self) -> None:
        self.generator = torch.Generator().manual_seed(11)

    def get_batch_tokens(self, batch_size: int) -> torch.Tensor:
        tokens = torch.randint(0, 50, (batch_size, self.context_size), generator=self.generator)
        tokens[:, 0] = 0
        return tokens

    def reset_input_dataset(self) -> None:
        """Rows have no end."""
