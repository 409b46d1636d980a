"""Names of places in a model: TransformerLens' hook names and Hugging Face's module paths, family by family.

    blocks.3.hook_resid_post    model.layers.3            (Llama, Mistral, Qwen, Gemma)
                                transformer.h.3           (GPT-2)
                                gpt_neox.layers.3         (GPT-NeoX, Pythia)

A path is a module's output; `.input` and `.output` after it say which (`model.layers.3.mlp.input`). A place that a
family has not, or that is inside a module (`ln2.hook_normalized`, attention patterns), has no path.
"""

import re
from dataclasses import dataclass

_LAYER = re.compile(r"(?:^|\.)(?:blocks|layers|h)\.(\d+)(?=\.|$)")


def layer_of(name: str) -> int | None:
    """The block that a hook or module belongs to; None outside of blocks."""
    found = _LAYER.search(name)
    return int(found.group(1)) if found else None


@dataclass(frozen=True)
class Family:
    """Where the places of one family of models are."""

    blocks: tuple[str, ...]
    """Paths at which its blocks may stand, the usual one first."""

    places: dict[str, str]
    """Name within a block -> path within the block, "" for the block itself."""


_BLOCK = {
    "hook_resid_pre": ".input",
    "hook_in": ".input",
    "hook_resid_post": ".output",
    "hook_out": ".output",
}
_GATED = {
    "hook_mlp_out": "mlp.output",
    "mlp.hook_in": "mlp.input",
    "mlp.hook_out": "mlp.output",
    "mlp.hook_post": "mlp.down_proj.input",
    "attn.hook_z": "self_attn.o_proj.input",
    "attn.hook_out": "self_attn.output",
    "ln1.hook_out": "input_layernorm.output",
}
_LLAMA = {
    **_BLOCK,
    **_GATED,
    "hook_resid_mid": "post_attention_layernorm.input",
    "hook_mlp_in": "post_attention_layernorm.input",
    "hook_attn_out": "self_attn.output",
    "ln2.hook_out": "post_attention_layernorm.output",
}
_GEMMA = {  # norms after attention and MLP, too: TransformerLens' points are what is added to the stream
    **_BLOCK,
    **_GATED,
    "hook_resid_mid": "pre_feedforward_layernorm.input",
    "hook_mlp_in": "pre_feedforward_layernorm.input",
    "hook_attn_out": "post_attention_layernorm.output",
    "hook_mlp_out": "post_feedforward_layernorm.output",
    "ln2.hook_out": "pre_feedforward_layernorm.output",
}
_GPT2 = {
    **_BLOCK,
    "hook_resid_mid": "ln_2.input",
    "hook_mlp_in": "ln_2.input",
    "hook_attn_out": "attn.output",
    "attn.hook_out": "attn.output",
    "attn.hook_z": "attn.c_proj.input",
    "hook_mlp_out": "mlp.output",
    "mlp.hook_in": "mlp.input",
    "mlp.hook_out": "mlp.output",
    "mlp.hook_post": "mlp.c_proj.input",
    "ln1.hook_out": "ln_1.output",
    "ln2.hook_out": "ln_2.output",
}
_NEOX = {  # attention and MLP side by side: there is no stream between them
    **_BLOCK,
    "hook_mlp_in": "post_attention_layernorm.input",
    "hook_attn_out": "attention.output",
    "attn.hook_out": "attention.output",
    "attn.hook_z": "attention.dense.input",
    "hook_mlp_out": "mlp.output",
    "mlp.hook_in": "mlp.input",
    "mlp.hook_out": "mlp.output",
    "mlp.hook_post": "mlp.dense_4h_to_h.input",
    "ln1.hook_out": "input_layernorm.output",
    "ln2.hook_out": "post_attention_layernorm.output",
}
_LAYERS = ("model.layers", "model.language_model.layers", "language_model.model.layers")
FAMILIES = {
    **dict.fromkeys(("llama", "mistral", "qwen2", "qwen3"), Family(_LAYERS, _LLAMA)),
    **dict.fromkeys(("gemma2", "gemma3", "gemma3_text"), Family(_LAYERS, _GEMMA)),
    "gpt2": Family(("transformer.h", "h"), _GPT2),
    "gpt_neox": Family(("gpt_neox.layers", "layers"), _NEOX),
}
"""By `config.model_type` of transformers."""

_SIDES = (".input", ".output")


def with_side(path: str) -> str:
    """`path` with the side it means: the output, where it says none."""
    return path if path.endswith(_SIDES) else f"{path}.output"


def module_path(family: Family, hook_name: str, blocks: str) -> str | None:
    """The path of a TransformerLens hook, with its side; None where the family has none.

    Args:
        blocks: Where the model's blocks are, e.g. "model.layers".
    """
    found = re.match(r"blocks\.(\d+)\.(.+)$", hook_name)
    place = family.places.get(found.group(2)) if found else None
    if found is None or place is None:
        return None
    return f"{blocks}.{found.group(1)}{place if place.startswith('.') else f'.{place}'}"


def hook_names_of(path: str, model_type: str | None = None) -> list[str]:
    """TransformerLens' names of a module path in a family; of an unknown one, those that all families agree on.

    `model.layers.3.mlp` is `hook_mlp_out` with Llama, not with Gemma, where a norm follows.
    """
    families = (
        [FAMILIES[model_type]] if model_type in FAMILIES else list({id(f): f for f in FAMILIES.values()}.values())
    )
    found = [names for family in families if (names := _names_in(family, with_side(path)))]
    return [name for name in found[0] if all(name in names for names in found)] if found else []


def _names_in(family: Family, path: str) -> list[str]:
    for blocks in family.blocks:
        inside = re.match(rf"{re.escape(blocks)}\.(\d+)(\..+)$", path)
        if inside:
            layer, rest = inside.groups()
            return [f"blocks.{layer}.{name}" for name, place in family.places.items() if rest in (place, f".{place}")]
    return []
