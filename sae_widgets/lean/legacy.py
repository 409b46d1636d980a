"""The weights of a `HookedTransformer` of TransformerLens 3, as a `Network` of views."""

from typing import Any

from torch import Tensor

from sae_widgets.lean.network import Attention, Block, ByHead, Linear, Mlp, Network, Norm, Rotary
from sae_widgets.lean.reading import Unknown, act_named, rms_norm, rotary_of

_PLAIN = {
    "attention_dir": "causal",
    "post_embedding_ln": False,
    "num_experts": None,
    "load_in_4bit": False,
    "use_qk_norm": False,
    "clip_qkv": None,
    "use_dynamic_ntk_rope": False,
    "use_logn_attn": False,
    "use_attention_sinks": False,
    "ungroup_grouped_query_attention": False,
}
"""Settings that have to be as they usually are; a version that lacks one does not know another."""

_POST_NORM = ("Olmo2ForCausalLM", "Olmo3ForCausalLM", "OlmoeForCausalLM")


def legacy_network(model: Any, n_pos: int) -> Network:
    """Of the model as its settings describe it.

    Raises:
        Unknown: If a setting has a meaning that is not known here.
    """
    cfg = model.cfg
    _check(model, cfg, n_pos)
    rotaries: list[Rotary] = []
    blocks = [_block(block, cfg, rotaries, n_pos) for block in model.blocks]
    cap = float(cfg.output_logits_soft_cap)
    return Network(
        embed=model.embed.W_E,
        blocks=blocks,
        norm=_norm(model, "ln_final", cfg),
        unembed=Linear(model.unembed.W_U.T, model.unembed.b_U),
        positions=model.pos_embed.W_pos if cfg.positional_embedding_type == "standard" else None,
        rotaries=rotaries,
        logit_cap=cap if cap > 0 else None,
    )


def _check(model: Any, cfg: Any, n_pos: int) -> None:
    for name, usual in _PLAIN.items():
        if getattr(cfg, name, usual) not in (usual, False if usual is None else usual):
            raise Unknown(f"{name}={getattr(cfg, name)!r}")
    if cfg.positional_embedding_type not in ("standard", "rotary"):
        raise Unknown(f"positions of the kind {cfg.positional_embedding_type!r}")
    if cfg.original_architecture in _POST_NORM:
        raise Unknown(f"the architecture {cfg.original_architecture}")
    if getattr(model.tokenizer, "padding_side", "right") == "left":
        raise Unknown("padding on the left, which it masks")
    if cfg.use_local_attn and cfg.window_size < n_pos:
        raise Unknown(f"{n_pos} tokens with a window of {cfg.window_size}")
    if len({block.attn.W_O.device for block in model.blocks} | {model.embed.W_E.device}) > 1:
        raise Unknown("several devices")


def _block(block: Any, cfg: Any, rotaries: list[Rotary], n_pos: int) -> Block:
    attn, is_double = block.attn, bool(cfg.use_normalization_before_and_after)
    rotary = None
    if cfg.positional_embedding_type == "rotary":
        cos, sin = attn.rotary_cos, attn.rotary_sin
        if len(cos) < n_pos:
            raise Unknown(f"{n_pos} tokens with a table of {len(cos)}")
        if not rotaries or getattr(cfg, "rotary_base_local", None) is not None:  # else all blocks have the same
            rotaries.append(rotary_of(cos[:n_pos], sin[:n_pos], is_adjacent=bool(cfg.rotary_adjacent_pairs)))
        rotary = len(rotaries) - 1
    mlp = None
    if not cfg.attn_only:
        inner, gate = block.mlp, getattr(block.mlp, "W_gate", None)
        up_bias = inner.b_in if gate is None else None
        mlp = Mlp(
            Linear(inner.W_in.T, up_bias),
            Linear(inner.W_out.T, inner.b_out),
            act_named(cfg.act_fn),
            None if gate is None else Linear(gate.T),
            None if gate is None else inner.b_in,
        )
    grouped = "_W_K" in attn._parameters
    mark = "_" if grouped else ""
    keys, values = (ByHead(getattr(attn, f"{mark}W_{each}"), getattr(attn, f"{mark}b_{each}")) for each in "KV")
    cap = float(cfg.attn_scores_soft_cap)
    return Block(
        norm1=_norm(block, "ln1", cfg),
        attention=Attention(
            ByHead(attn.W_Q, attn.b_Q),
            keys,
            values,
            Linear(_flat(attn.W_O).T, attn.b_O),
            n_heads=cfg.n_heads,
            n_kv_heads=cfg.n_key_value_heads or cfg.n_heads,
            scale=1 / float(attn.attn_scale),
            soft_cap=cap if cap > 0 else None,
            rotary=rotary,
        ),
        norm2=None if cfg.attn_only else _norm(block, "ln2", cfg),
        mlp=mlp,
        post1=_norm(block, "ln1_post", cfg) if is_double else None,
        post2=_norm(block, "ln2_post", cfg) if is_double and not cfg.attn_only else None,
        is_parallel=bool(cfg.parallel_attn_mlp),
    )


def _flat(weight: Tensor) -> Tensor:
    flat = weight.flatten(0, 1)
    if flat.data_ptr() != weight.data_ptr():
        raise Unknown("a W_O that lies in pieces")
    return flat


def _norm(owner: Any, name: str, cfg: Any) -> Norm | None:
    if cfg.normalization_type is None:
        return None
    found = getattr(owner, name)
    kind = type(found).__name__
    if kind == "Identity":
        return None
    if kind not in ("LayerNorm", "LayerNormPre", "RMSNorm", "RMSNormPre"):
        raise Unknown(f"a {kind} for a norm")
    weight, bias, eps = getattr(found, "w", None), getattr(found, "b", None), float(cfg.eps)
    like = next(owner.parameters())
    return rms_norm(weight, eps, like) if kind.startswith("RMS") else Norm(False, weight, bias, eps)
