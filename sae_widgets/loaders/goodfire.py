"""Goodfire: ReLU SAEs on Llama Instruct, one file each.

    Llama-3.{1-8B|3-70B}-Instruct-SAE-l{L}.pt[h]: encoder_linear.weight [d_sae, d_in], encoder_linear.bias,
                                                  decoder_linear.weight [d_in, d_sae], decoder_linear.bias

    feature_acts = relu(x @ encoder.weight.T + encoder.bias),  y = feature_acts @ decoder.weight.T + decoder.bias

Model and layer are in the file's name.

Source: repositories Goodfire/Llama-3.1-8B-Instruct-SAE-l19 and Goodfire/Llama-3.3-70B-Instruct-SAE-l50.
"""

import re

from sae_widgets.loaders.facts import config_of, renamed, stem
from sae_widgets.loaders.raw_files import read_torch
from sae_widgets.loaders.source import Loaded, Source

NAME = "goodfire"

_FILE = re.compile(r"(Llama-3\.\d-\d+B-Instruct)-SAE-l(\d+)\.pth?$")
_NAMES = {
    "encoder_linear.weight.T": "W_enc",
    "encoder_linear.bias": "b_enc",
    "decoder_linear.weight.T": "W_dec",
    "decoder_linear.bias": "b_dec",
}


def recognises(source: Source) -> bool:
    """Whether `source` is of this format."""
    return bool(_FILE.search(source.path)) and source.here() == [""]


def read(source: Source, device: str = "cpu") -> Loaded:
    """The SAE in `source`."""
    weights = renamed(read_torch(source.file(""), device), _NAMES, stem(source))
    named = _FILE.search(source.path)
    return Loaded(
        config_of(
            "standard",
            weights,
            model_name=f"meta-llama/{named.group(1)}" if named else None,
            hook_name=f"blocks.{named.group(2)}.hook_resid_post" if named else None,
            prepend_bos=True,
            dataset_path="lmsys/lmsys-chat-1m",
        ),
        weights,
    )
