"""qresearch's ReLU SAE on DeepSeek's R1 distil of Llama 3.1 8B, one file each.

    DeepSeek-R1-Distill-Llama-8B-SAE-l{L}.pt: encoder.weight [d_sae, d_in], encoder.bias, decoder.weight [d_in, d_sae],
                                              decoder.bias

    feature_acts = relu(x @ encoder.weight.T + encoder.bias),  y = feature_acts @ decoder.weight.T + decoder.bias

Model and layer are in the file's name.

Source: repository qresearch/DeepSeek-R1-Distill-Llama-8B-SAE-l19.
"""

import re

from sae_widgets.loaders.facts import config_of, renamed, stem
from sae_widgets.loaders.raw_files import read_torch
from sae_widgets.loaders.source import Loaded, Source

NAME = "deepseek_r1"

_FILE = re.compile(r"(DeepSeek-R1-Distill-[\w.-]+?)-SAE-l(\d+)\.pth?$")
_NAMES = {
    "encoder.weight.T": "W_enc",
    "encoder.bias": "b_enc",
    "decoder.weight.T": "W_dec",
    "decoder.bias": "b_dec",
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
            model_name=f"deepseek-ai/{named.group(1)}" if named else None,
            hook_name=f"blocks.{named.group(2)}.hook_resid_post" if named else None,
            prepend_bos=True,
            context_size=1024,
            dataset_path="lmsys/lmsys-chat-1m",
        ),
        weights,
    )
