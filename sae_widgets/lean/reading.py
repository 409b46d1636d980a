"""The weights of models that are known, as a `Network` of views.

Known are, of Hugging Face's, the families of `_READERS`, bare or inside a bridge of TransformerLens 4, and
`HookedTransformer` of TransformerLens 3. Whatever is not read here makes a model unknown: a module of another class, a
setting with another meaning. What was read is compared with the model before it is used (`trust`).
"""

import math
import weakref
from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from sae_widgets.lean.network import Attention, Block, Linear, Mlp, Network, Norm, Rotary


class Unknown(Exception):  # noqa: N818  no error: the model is run as it is then
    """Says what about the model is not known here."""


_tanh_gelu = partial(functional.gelu, approximate="tanh")

_ACTS: dict[str, Callable[[Tensor], Tensor]] = {
    "silu": functional.silu,
    "swish": functional.silu,
    "relu": functional.relu,
    "gelu": functional.gelu,
    "gelu_new": _tanh_gelu,
    "gelu_fast": _tanh_gelu,
    "gelu_pytorch_tanh": _tanh_gelu,
}

_BRIDGES = ("transformer_lens.model_bridge.",)
_KNOWN_MODULES = ("transformers.models.", "transformers.pytorch_utils", "torch.nn.")

_FIXED_ROTARY = {"default", "linear", "llama3", "yarn"}
"""Kinds of rotary positions whose angles do not depend on how long the text is."""


def network_of(wrapped: Any, n_pos: int) -> Network:
    """The network of the model inside a shell, for texts of at most `n_pos` tokens.

    Raises:
        Unknown: If it is none of those that are known.
    """
    if type(wrapped).__name__ == "HookedTransformer":
        from sae_widgets.lean.legacy import legacy_network

        return legacy_network(wrapped, n_pos)
    module = getattr(wrapped, "original_model", None)
    config = getattr(module, "config", None)
    reader = _READERS.get(getattr(config, "model_type", ""))
    if not isinstance(module, nn.Module) or reader is None:
        raise Unknown(f"a {getattr(config, 'model_type', type(wrapped).__name__)} model")
    if "forward" in module.__dict__ or "forward" in wrapped.__dict__:
        raise Unknown("a forward of its own")
    window = getattr(config, "sliding_window", None)
    if window is not None and window < n_pos:
        raise Unknown(f"{n_pos} tokens with a window of {window}")
    try:
        return reader(module, config, n_pos)
    except AttributeError as error:
        raise Unknown(str(error)) from error


# -- parts ------------------------------------------------------------------------------------------------------------


def act_named(name: Any) -> Callable[[Tensor], Tensor]:
    """The activation function of that name."""
    if name not in _ACTS:
        raise Unknown(f"the activation function {name!r}")
    return _ACTS[name]


def _bare(module: Any) -> Any:
    """What a bridge wraps, of a class that is known to do what its name says."""
    own = module.__dict__
    while "forward" not in own and (inner := own["_modules"].get("_original_component")) is not None:
        if not _comes_from(type(module), _BRIDGES):
            break
        module, own = inner, inner.__dict__
    if "forward" in own or not _comes_from(type(module), _KNOWN_MODULES):
        raise Unknown(f"a {type(module).__name__}{' with a forward of its own' if 'forward' in own else ''}")
    return module


@lru_cache(maxsize=256)
def _comes_from(kind: type, packages: tuple[str, ...]) -> bool:
    return kind.__module__.startswith(packages)


def _linear(module: Any) -> Linear:
    found = _bare(module)
    kind = type(found).__name__
    if kind not in ("Linear", "Conv1D") or not found.weight.is_floating_point():
        raise Unknown(f"a {kind} for a matrix")
    return Linear(found.weight if kind == "Linear" else found.weight.T, found.bias)


def _norm(module: Any) -> Norm:
    found = _bare(module)
    kind = type(found).__name__
    if kind == "LayerNorm":
        return Norm(False, found.weight, found.bias, found.eps)
    if not kind.endswith("RMSNorm"):
        raise Unknown(f"a {kind} for a norm")
    eps = found.variance_epsilon if hasattr(found, "variance_epsilon") else found.eps
    return rms_norm(found.weight, eps, found.weight, is_from_one=kind.startswith("Gemma"))


def rms_norm(weight: Tensor | None, eps: float, like: Tensor, *, is_from_one: bool = False) -> Norm:
    """An RMSNorm, the shorter way in float32."""
    return Norm(True, weight, None, eps, _least(eps, like.device) if like.dtype == torch.float32 else None, is_from_one)


@lru_cache(maxsize=16)
def _least(eps: float, device: torch.device) -> Tensor:
    return torch.tensor(eps, device=device)


def rotary_of(cos: Tensor, sin: Tensor, *, is_adjacent: bool = False) -> Rotary:
    """The tables with the sign that goes with the first of each pair."""
    signs = torch.ones_like(sin[0])
    signs[(slice(0, None, 2) if is_adjacent else slice(len(signs) // 2))] = -1
    return Rotary(cos, sin * signs, is_adjacent)


_TABLES: "weakref.WeakKeyDictionary[nn.Module, tuple[Any, Rotary]]" = weakref.WeakKeyDictionary()


def _rotary(module: Any, config: Any, like: Tensor, n_pos: int) -> Rotary:
    found = _bare(module)
    kind = (getattr(config, "rope_parameters", None) or {}).get("rope_type", "default")
    if kind not in _FIXED_ROTARY or getattr(found, "rope_type", kind) != kind:
        raise Unknown(f"rotary positions of the kind {kind!r}")
    n_rows = -(-n_pos // 64) * 64  # texts of nearly the same length share a table
    made_of = found.inv_freq
    key = (n_rows, like.dtype, made_of.device, made_of.data_ptr(), made_of._version, found.attention_scaling)
    if _TABLES.get(found, (None,))[0] != key:
        cos, sin = found(like[:1], torch.arange(n_rows, device=like.device)[None])
        _TABLES[found] = key, rotary_of(cos[0], sin[0])
    return _TABLES[found][1]


# -- families ---------------------------------------------------------------------------------------------------------


def _llama(module: Any, config: Any, n_pos: int) -> Network:
    """Llama, Mistral, Qwen 2 and 3, Gemma 1 and 2."""
    inside = _bare(module.model)
    embed = _bare(inside.embed_tokens)
    act = act_named(getattr(config, "hidden_activation", None) or config.hidden_act)
    blocks = []
    for each in inside.layers:
        layer = _bare(each)
        attention, mlp = _bare(layer.self_attn), _bare(layer.mlp)
        has_posts = hasattr(layer, "pre_feedforward_layernorm")
        q_norm, k_norm = (getattr(attention, name, None) for name in ("q_norm", "k_norm"))
        blocks.append(
            Block(
                norm1=_norm(layer.input_layernorm),
                attention=Attention(
                    *map(_linear, (attention.q_proj, attention.k_proj, attention.v_proj, attention.o_proj)),
                    n_heads=config.num_attention_heads,
                    n_kv_heads=config.num_key_value_heads,
                    scale=attention.scaling,
                    soft_cap=getattr(attention, "attn_logit_softcapping", None),
                    q_norm=None if q_norm is None else _norm(q_norm),
                    k_norm=None if k_norm is None else _norm(k_norm),
                    rotary=0,
                ),
                norm2=_norm(layer.pre_feedforward_layernorm if has_posts else layer.post_attention_layernorm),
                mlp=Mlp(_linear(mlp.up_proj), _linear(mlp.down_proj), act, _linear(mlp.gate_proj)),
                post1=_norm(layer.post_attention_layernorm) if has_posts else None,
                post2=_norm(layer.post_feedforward_layernorm) if has_posts else None,
            )
        )
    return Network(
        embed=embed.weight,
        blocks=blocks,
        norm=_norm(inside.norm),
        unembed=_linear(module.lm_head),
        rotaries=[_rotary(inside.rotary_emb, config, embed.weight, n_pos)],
        embed_scale=getattr(embed, "embed_scale", None),
        logit_cap=getattr(config, "final_logit_softcapping", None),
    )


def _gpt2(module: Any, config: Any, n_pos: int) -> Network:
    inside = _bare(module.transformer)
    if config.add_cross_attention:
        raise Unknown("cross attention")
    blocks = []
    for i, each in enumerate(inside.h):
        layer = _bare(each)
        mlp, attention = _bare(layer.mlp), layer.attn
        scale = (config.n_embd // config.n_head) ** -0.5 if config.scale_attn_weights else 1.0
        blocks.append(
            Block(
                norm1=_norm(layer.ln_1),
                attention=Attention(
                    *_split(attention, "c_attn"),
                    _linear(_bare(attention).c_proj),
                    n_heads=config.n_head,
                    n_kv_heads=config.n_head,
                    scale=scale / (i + 1) if config.scale_attn_by_inverse_layer_idx else scale,
                ),
                norm2=_norm(layer.ln_2),
                mlp=Mlp(_linear(mlp.c_fc), _linear(mlp.c_proj), act_named(config.activation_function)),
            )
        )
    return Network(
        embed=_bare(inside.wte).weight,
        blocks=blocks,
        norm=_norm(inside.ln_f),
        unembed=_linear(module.lm_head),
        positions=_bare(inside.wpe).weight,
    )


def _split(attention: Any, name: str) -> tuple[Linear, Linear, Linear]:
    """Queries, keys and values of one matrix, which a bridge has taken apart."""
    if {"q", "k", "v"} <= attention._modules.keys():
        q, k, v = (_linear(attention._modules[each]) for each in "qkv")
        return q, k, v
    joint = _linear(getattr(_bare(attention), name))
    biases = (None,) * 3 if joint.bias is None else joint.bias.chunk(3)
    q, k, v = (Linear(weight, bias) for weight, bias in zip(joint.weight.chunk(3), biases, strict=True))
    return q, k, v


def _neox(module: Any, config: Any, n_pos: int) -> Network:
    """Pythia's; only inside a bridge, where the matrix that mixes queries, keys and values is taken apart."""
    inside = _bare(module.gpt_neox)
    embed, act = _bare(inside.embed_in), act_named(config.hidden_act)
    blocks = []
    for each in inside.layers:
        layer = _bare(each)
        mlp, attention = _bare(layer.mlp), layer.attention
        if "q" not in attention._modules:
            raise Unknown("queries, keys and values of each head in one matrix")
        blocks.append(
            Block(
                norm1=_norm(layer.input_layernorm),
                attention=Attention(
                    *_split(attention, ""),
                    _linear(_bare(attention).dense),
                    n_heads=config.num_attention_heads,
                    n_kv_heads=config.num_attention_heads,
                    scale=math.sqrt(config.num_attention_heads / config.hidden_size),
                    rotary=0,
                ),
                norm2=_norm(layer.post_attention_layernorm),
                mlp=Mlp(_linear(mlp.dense_h_to_4h), _linear(mlp.dense_4h_to_h), act),
                is_parallel=config.use_parallel_residual,
            )
        )
    return Network(
        embed=embed.weight,
        blocks=blocks,
        norm=_norm(inside.final_layer_norm),
        unembed=_linear(module.lm_head if hasattr(module, "lm_head") else module.embed_out),
        rotaries=[_rotary(inside.rotary_emb, config, embed.weight, n_pos)],
    )


_READERS: dict[str, Callable[[Any, Any, int], Network]] = {
    **dict.fromkeys(("llama", "mistral", "qwen2", "qwen3", "gemma", "gemma2"), _llama),
    "gpt2": _gpt2,
    "gpt_neox": _neox,
}
