"""A decoder-only transformer as its weights and a forward pass of plain torch calls, with keys and values cached.

Nothing here holds a hook or a copy of a weight: parts are views of a model's parameters, as `reading` found them. What
is to be seen or changed on the way is named by a `Tap`, the only places that a forward pass passes one by one.

    x = embed(tokens) + positions
    x = x + post1(attend(norm1(x)));  x = x + post2(mlp(norm2(x)))      each block; both from the same x where parallel
    logits = cap(norm(x) @ W_U + b_U)
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional

SIDES = ("resid_pre", "attn_out", "resid_mid", "mlp_in", "mlp_out", "resid_post")


class Tap(NamedTuple):
    """A place on the way through a block."""

    layer: int
    side: str
    """One of `SIDES`."""


Change = Callable[[Tensor], Tensor | None]
"""Sees an activation; what it returns, if anything, takes its place, with as many rows or more."""


class Linear(NamedTuple):
    """x @ weight.T + bias."""

    weight: Float[Tensor, "n_out n_in"]
    bias: Float[Tensor, " n_out"] | None = None

    def __call__(self, x: Tensor) -> Tensor:
        return functional.linear(x, self.weight, self.bias)

    def heads(self, x: Float[Tensor, "batch n_pos n_in"], n_heads: int) -> Float[Tensor, "batch n_heads n_pos d_head"]:
        """The result with heads apart."""
        return self(x).view(*x.shape[:2], n_heads, -1).transpose(1, 2)  # `unflatten` takes three times as long


class ByHead(NamedTuple):
    """One product a head, of weights that lie so: a view of them side by side there is not."""

    weight: Float[Tensor, "n_heads n_in d_head"]
    bias: Float[Tensor, "n_heads d_head"] | None = None

    def heads(self, x: Float[Tensor, "batch n_pos n_in"], n_heads: int) -> Float[Tensor, "batch n_heads n_pos d_head"]:
        """The result with heads apart."""
        out = torch.matmul(x.flatten(0, 1), self.weight)  # n_heads batch*n_pos d_head
        out = out if self.bias is None else out + self.bias[:, None]
        return out.unflatten(1, x.shape[:2]).transpose(0, 1)


class Norm(NamedTuple):
    """LayerNorm, or RMSNorm, which neither centres nor shifts."""

    is_rms: bool
    weight: Tensor | None
    bias: Tensor | None
    eps: float
    least: Tensor | None = None
    """`eps` as a tensor of an RMSNorm's, in float32."""
    is_from_one: bool = False
    """Whether an RMSNorm's weight is what it adds to one."""

    def __call__(self, x: Tensor) -> Tensor:
        shape = x.shape[-1:]
        if not self.is_rms:
            return functional.layer_norm(x, shape, self.weight, self.bias, self.eps)
        if self.least is None:
            weight = self.weight + 1 if self.is_from_one and self.weight is not None else self.weight
            return functional.rms_norm(x, shape, weight, self.eps)
        # Three passes for rms_norm's six: 19 us for 35 of one prompt, 285 for 950 of 4,096 tokens.
        norm = torch.linalg.vector_norm(x, dim=-1, keepdim=True)
        scale = torch.addcmul(self.least, norm, norm, value=1 / shape[0]).rsqrt_()
        if self.weight is None:
            return x * scale
        return (torch.addcmul(x, x, self.weight) if self.is_from_one else x * self.weight).mul_(scale)


class Rotary(NamedTuple):
    """Rotation of pairs by an angle that grows with the position."""

    cos: Float[Tensor, "n_ctx d_rotary"]
    sin: Float[Tensor, "n_ctx d_rotary"]
    """Negative for the first of each pair."""
    is_adjacent: bool
    """Whether pairs lie beside each other, and not half the width apart."""

    def at(self, start: int, n: int) -> "Rotary":
        """The part for these positions; from the end, where `start` is negative."""
        return Rotary(self.cos.narrow(0, start, n), self.sin.narrow(0, start, n), self.is_adjacent)

    def turn(self, x: Float[Tensor, "batch n_heads n_pos d_head"]) -> Float[Tensor, "batch n_heads n_pos d_head"]:
        """`x` rotated; what is wider than the table stays."""
        width = self.cos.shape[-1]
        part = x if width == x.shape[-1] else x[..., :width]
        other = part.unflatten(-1, (-1, 2)).flip(-1).flatten(-2) if self.is_adjacent else part.roll(width // 2, -1)
        turned = torch.addcmul(part * self.cos, other, self.sin)
        return turned if width == x.shape[-1] else torch.cat([turned, x[..., width:]], -1)


@dataclass(frozen=True)
class Attention:
    """Attention to the tokens before and the token itself."""

    q: Linear | ByHead
    k: Linear | ByHead
    v: Linear | ByHead
    o: Linear
    n_heads: int
    n_kv_heads: int
    scale: float
    soft_cap: float | None = None
    q_norm: Norm | None = None
    k_norm: Norm | None = None
    rotary: int | None = None
    """Index into the network's tables."""

    def __call__(
        self,
        x: Float[Tensor, "batch n_pos d_model"],
        rotaries: list[Rotary],
        past: "LayerCache | None",
        *,
        last_only: bool = False,
    ) -> Float[Tensor, "batch n_said d_model"]:
        k, v = self.k.heads(x, self.n_kv_heads), self.v.heads(x, self.n_kv_heads)
        q = self.q.heads(x[:, -1:] if last_only else x, self.n_heads)
        if self.q_norm is not None and self.k_norm is not None:
            q, k = self.q_norm(q), self.k_norm(k)
        if self.rotary is not None:
            rotary = rotaries[self.rotary]
            q, k = (rotary.at(-1, 1) if last_only else rotary).turn(q), rotary.turn(k)
        if past is not None:
            k, v = past.add(k, v)
        return self.o(self._mixed(q, k, v).transpose(1, 2).flatten(2))

    def _mixed(self, q: Tensor, k: Tensor, v: Tensor) -> Float[Tensor, "batch n_heads n_pos d_head"]:
        n_new, n_all = q.shape[2], k.shape[2]
        n_groups = self.n_heads // self.n_kv_heads
        if n_new == 1 and self.soft_cap is None:  # the last token sees all; queries of one key are like positions
            q = q if n_groups == 1 else q.reshape(q.shape[0], self.n_kv_heads, n_groups, -1)
            mixed = functional.scaled_dot_product_attention(q, k, v, scale=self.scale)
            return mixed if n_groups == 1 else mixed.reshape(q.shape[0], self.n_heads, 1, -1)
        if n_groups > 1:
            k, v = k.repeat_interleave(n_groups, 1), v.repeat_interleave(n_groups, 1)
        if n_new == n_all and self.soft_cap is None:
            return functional.scaled_dot_product_attention(q, k, v, is_causal=True, scale=self.scale)
        visible = torch.ones(n_new, n_all, dtype=torch.bool, device=q.device).tril(n_all - n_new)
        if self.soft_cap is None:
            return functional.scaled_dot_product_attention(q, k, v, attn_mask=visible, scale=self.scale)
        scores = (q @ k.transpose(-1, -2)).mul_(self.scale / self.soft_cap).tanh_().mul_(self.soft_cap)
        return scores.masked_fill_(~visible, float("-inf")).softmax(-1) @ v


@dataclass(frozen=True)
class Mlp:
    """down(act(up(x))), or down(act(gate(x)) * up(x))."""

    up: Linear
    down: Linear
    act: Callable[[Tensor], Tensor]
    gate: Linear | None = None
    inner_bias: Tensor | None = None
    """Added after the product with the gate."""

    def __call__(self, x: Float[Tensor, "batch n_pos d_model"]) -> Float[Tensor, "batch n_pos d_model"]:
        inner = self.act(self.up(x) if self.gate is None else self.gate(x))
        if self.gate is not None:
            inner = inner.mul_(self.up(x))
        return self.down(inner if self.inner_bias is None else inner + self.inner_bias)


@dataclass(frozen=True)
class Block:
    """Attention and MLP around the residual stream."""

    norm1: Norm | None
    attention: Attention
    norm2: Norm | None = None
    mlp: Mlp | None = None
    post1: Norm | None = None
    post2: Norm | None = None
    is_parallel: bool = False

    def __call__(
        self,
        x: Float[Tensor, "batch n_pos d_model"],
        changes: Mapping[str, Change],
        rotaries: list[Rotary],
        past: "LayerCache | None",
        *,
        last_only: bool = False,
    ) -> Float[Tensor, "rows n_said d_model"]:
        x = _tapped(x, changes, "resid_pre")
        out = self.attention(x if self.norm1 is None else self.norm1(x), rotaries, past, last_only=last_only)
        x = x[:, -1:] if last_only else x
        out = _tapped(out if self.post1 is None else self.post1(out), changes, "attn_out")
        mid = x + out if self.is_parallel or self.mlp is None else _tapped(x + out, changes, "resid_mid")
        if self.mlp is not None:
            inside = x if self.is_parallel else mid
            inside = _tapped(inside if self.norm2 is None else self.norm2(inside), changes, "mlp_in")
            out = self.mlp(inside)
            mid = mid + _tapped(out if self.post2 is None else self.post2(out), changes, "mlp_out")
        return _tapped(mid, changes, "resid_post")


def _tapped(x: Tensor, changes: Mapping[str, Change], side: str) -> Tensor:
    if side not in changes:
        return x
    changed = changes[side](x)
    return x if changed is None else changed


class LayerCache:
    """Keys and values of one layer, with room for what comes."""

    def __init__(self, n_room: int) -> None:
        self.n_room, self.n = n_room, 0
        self._k: Tensor | None = None
        self._v: Tensor | None = None

    def add(self, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        """All keys and values there are, these included; rows that were one until now become several."""
        n_new, n_rows = k.shape[2], k.shape[0]
        if self._k is None or self._v is None:  # the prompt's, as they are: room is made when more come
            self._k, self._v, self.n = k, v, n_new
            return k, v
        if self._k.shape[2] < self.n_room or self._k.shape[0] < n_rows:
            self._k, self._v = (self._with_room(t, n_rows) for t in (self._k, self._v))
        self._k.narrow(2, self.n, n_new).copy_(k)
        self._v.narrow(2, self.n, n_new).copy_(v)
        self.n += n_new
        return self._k.narrow(2, 0, self.n), self._v.narrow(2, 0, self.n)

    def begin_with(self, k: Tensor, v: Tensor) -> None:
        """Take what another cache kept of the same tokens; it is not written to."""
        self._k, self._v, self.n = k, v, k.shape[2]

    def kept(self) -> tuple[Tensor, Tensor]:
        """What came first, as long as nothing followed."""
        assert self._k is not None
        assert self._v is not None
        return self._k, self._v

    def _with_room(self, before: Tensor, n_rows: int) -> Tensor:
        room = before.new_empty(n_rows, before.shape[1], self.n_room, before.shape[3])
        room.narrow(2, 0, self.n).copy_(before.narrow(2, 0, self.n))
        return room


class Cache:
    """Keys and values of a text that goes on, at most `n_room` tokens of it."""

    def __init__(self, n_layers: int, n_room: int) -> None:
        self.layers = [LayerCache(n_room) for _ in range(n_layers)]

    @property
    def n(self) -> int:
        """Tokens so far."""
        return self.layers[0].n

    def keys_and_values(self, end: int) -> list[tuple[Tensor, Tensor]]:
        """Those of the first tokens in the layers before `end`."""
        return [layer.kept() for layer in self.layers[:end]]

    def begin_with(self, keys_and_values: list[tuple[Tensor, Tensor]]) -> None:
        """The first layers as another cache of the same tokens had them."""
        for layer, (k, v) in zip(self.layers, keys_and_values, strict=False):
            layer.begin_with(k, v)


class Reached(Exception):  # noqa: N818  no error: it ends a forward pass that need not go on
    """Raised by a change: what was looked for is found."""


_NO_CHANGES: Mapping[str, Change] = {}


@dataclass(frozen=True)
class Network:
    """The whole model."""

    embed: Float[Tensor, "d_vocab d_model"]
    blocks: list[Block]
    norm: Norm | None
    unembed: Linear
    positions: Float[Tensor, "n_ctx d_model"] | None = None
    rotaries: list[Rotary] = field(default_factory=list)
    embed_scale: Tensor | None = None
    logit_cap: float | None = None

    def embedded(self, tokens: Int[Tensor, "batch n_pos"], start: int = 0) -> Float[Tensor, "batch n_pos d_model"]:
        """What enters the first block."""
        x = functional.embedding(tokens, self.embed)
        x = x if self.embed_scale is None else x * self.embed_scale
        return x if self.positions is None else x + self.positions.narrow(0, start, tokens.shape[1])

    def through(
        self,
        x: Float[Tensor, "batch n_pos d_model"],
        changes: Mapping[Tap, Change],
        first: int = 0,
        cache: Cache | None = None,
        *,
        end: int | None = None,
        last_only: bool = False,
    ) -> Float[Tensor, "rows n_said d_model"]:
        """What leaves the last block, or enters block `end`, of what enters block `first`; rows as changes made them.

        With `last_only` of the last position: the last block then computes no others, where nobody looks on.
        """
        n_new, start = x.shape[1], 0 if cache is None else cache.layers[first].n
        rotaries = [each.at(start, n_new) for each in self.rotaries]
        own: dict[int, dict[str, Change]] = {}
        for tap, change in changes.items():
            own.setdefault(tap.layer, {})[tap.side] = change
        for i in range(first, len(self.blocks) if end is None else end):
            past, here = None if cache is None else cache.layers[i], own.get(i, _NO_CHANGES)
            is_end = last_only and i == len(self.blocks) - 1 and n_new > 1 and here.keys() <= {"resid_pre"}
            x = self.blocks[i](x, here, rotaries, past, last_only=is_end)
        return x[:, -1:] if last_only else x

    def logits(self, x: Float[Tensor, "batch n_pos d_model"]) -> Float[Tensor, "batch n_pos d_vocab"]:
        """What the model says, of what leaves the last block."""
        logits = self.unembed(x if self.norm is None else self.norm(x))
        return logits if self.logit_cap is None else logits.div_(self.logit_cap).tanh_().mul_(self.logit_cap)
