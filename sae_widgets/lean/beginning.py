"""What a prompt comes to before the block that is changed, kept from one text to the next.

When a slider of a steering panel moves, everything before the steered block is as it was: what entered that block, and
keys and values of the blocks before it. They are taken where model, prompt and block are those of the last text:

    the network is the same object       `keeping` saw to its modules, settings and places
    tokens and their embeddings          are compared
    the weights of the blocks before     are weighed, each row by one product with a fixed vector: any edit shows, those
                                         of `.data` too, unless it is below the rounding of its row

To weigh reads the weights once, as one token does: a tenth of a prompt's first token. So it is done when a prompt comes
for the second time, and the third begins where it can. One prompt is kept for each model, and goes with it or when
`forget` is called. In types shorter than float32 a product rounds too much to weigh with: those models begin anew.
"""

import weakref
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from sae_widgets.lean.network import Block, Cache, Network


class Kept(NamedTuple):
    """What a prompt came to, and of which weights."""

    embedded: Tensor
    weights: Tensor
    entered: Tensor
    keys_and_values: list[tuple[Tensor, Tensor]]


class Prompt(NamedTuple):
    """The last prompt of a model."""

    network: Network
    layer: int
    tokens: Tensor
    kept: Kept | None = None
    """None where it came once."""

    def is_(self, network: Network, layer: int, tokens: Tensor) -> bool:
        return self.network is network and self.layer == layer and torch.equal(self.tokens, tokens)


_LAST: "weakref.WeakKeyDictionary[Any, Prompt]" = weakref.WeakKeyDictionary()
"""By the shell, which nothing inside refers to."""


def forget(model: Any) -> None:
    """Gives the memory back that is kept of the model's last prompt, if anything is."""
    _LAST.pop(model, None)


def entered(
    model: Any, network: Network, tokens: Int[Tensor, "1 n_pos"], layer: int, cache: Cache
) -> Float[Tensor, "1 n_pos d_model"]:
    """What enters block `layer` after these tokens, which begin a text; the cache has the blocks before it then."""
    x = network.embedded(tokens)
    if layer == 0 or x.dtype not in (torch.float32, torch.float64):
        return network.through(x, {}, end=layer, cache=cache)
    last = _LAST.get(model)
    if last is None or not last.is_(network, layer, tokens):
        _LAST[model] = Prompt(network, layer, tokens)
        return network.through(x, {}, end=layer, cache=cache)
    weights = _weighed(network.blocks[:layer])
    kept = last.kept
    if kept is None or not (torch.equal(kept.embedded, x) and torch.equal(kept.weights, weights)):
        out = network.through(x, {}, end=layer, cache=cache)
        kept = Kept(x, weights, out, cache.keys_and_values(layer))
        _LAST[model] = last._replace(kept=kept)
        return out
    cache.begin_with(kept.keys_and_values)
    return kept.entered


def _weighed(blocks: Sequence[Block]) -> Tensor:
    """The product of every row of every weight with a fixed vector."""
    return torch.cat([(each @ _vector(each.shape[-1], each.dtype, each.device)).flatten() for each in _weights(blocks)])


@lru_cache(maxsize=32)
def _vector(n: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    return torch.randn(n, generator=torch.Generator().manual_seed(n), dtype=torch.float64).to(device, dtype)


def _weights(blocks: Sequence[Block]) -> Iterator[Tensor]:
    for block in blocks:
        attention, mlp = block.attention, block.mlp
        parts = (block.norm1, block.norm2, block.post1, block.post2, attention.q_norm, attention.k_norm)
        matrices = (attention.q, attention.k, attention.v, attention.o)
        inner = () if mlp is None else (mlp.up, mlp.down, mlp.gate)
        for part in (*parts, *matrices, *inner):
            if part is not None:
                yield from (each for each in (part.weight, part.bias) if each is not None)
        if mlp is not None and mlp.inner_bias is not None:
            yield mlp.inner_bias
