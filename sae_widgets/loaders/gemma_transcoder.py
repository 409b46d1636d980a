"""Gemma Scope's transcoders: JumpReLU, from an MLP's normalised input to its output, on Gemma 2.

    params.npz: w_enc [d_in, d_sae], w_dec [d_sae, d_out], b_enc [d_sae], b_dec [d_out], threshold [d_sae]

Names of the arrays in any case, also without the underscore or as w_e, w_d, b_e, b_d. They read
`blocks.L.ln2.hook_normalized` (before the norm's learned weight) and write `blocks.L.hook_mlp_out`; model and layer are
in the names, as in Gemma Scope.

Source: repository google/gemma-scope-2b-pt-transcoders.
"""

from sae_widgets.loaders.facts import config_of, number_in, renamed
from sae_widgets.loaders.gemma_scope import CONTEXT_TOKENS, DATASET, PARAMS, is_of_transcoders, model_name
from sae_widgets.loaders.raw_files import read_npz
from sae_widgets.loaders.source import Loaded, Source

NAME = "gemma_transcoder"
OTHER_NAMES = ("gemma_2_transcoder",)

_SPELLINGS = {
    **dict.fromkeys(("w_enc", "wenc", "w_e"), "W_enc"),
    **dict.fromkeys(("w_dec", "wdec", "w_d"), "W_dec"),
    **dict.fromkeys(("b_enc", "benc", "b_e"), "b_enc"),
    **dict.fromkeys(("b_dec", "bdec", "b_d"), "b_dec"),
    "threshold": "threshold",
}


def recognises(source: Source) -> bool:
    """Whether `source` is of this format."""
    return source.has(PARAMS) and is_of_transcoders(source.name)


def read(source: Source, device: str = "cpu") -> Loaded:
    """The transcoder in `source`."""
    arrays = read_npz(source.file(PARAMS), device)
    arrays = {_SPELLINGS.get(name.lower(), name): array for name, array in arrays.items()}
    weights = renamed(arrays, {name: name for name in dict.fromkeys(_SPELLINGS.values())}, PARAMS)
    layer = number_in(r"layer_(\d+)", source.name)
    return Loaded(
        config_of(
            "jumprelu_transcoder",
            weights,
            d_out=len(weights["b_dec"]),
            model_name=model_name(source.name),
            hook_name=None if layer is None else f"blocks.{layer}.ln2.hook_normalized",
            hook_name_out=None if layer is None else f"blocks.{layer}.hook_mlp_out",
            prepend_bos=True,
            context_size=CONTEXT_TOKENS,
            dataset_path=DATASET,
            l0=number_in(r"average_l0_(\d+)", source.name),
        ),
        weights,
    )
