"""Kissane's and Krzyzanowski's SAEs on the attention heads of GPT-2 small, one file each and its config beside it.

    {name}.pt: W_enc [d_in, d_sae], b_enc [d_sae], W_dec [d_sae, d_in], b_dec [d_in]
    {name}_cfg.json: act_size, dict_size, act_name ("blocks.0.attn.hook_z")

    feature_acts = relu((x - b_dec) @ W_enc + b_enc),  the heads of x as one axis

Source: repository ckkissane/attn-saes-gpt2-small-all-layers.
"""

from sae_widgets.loaders.facts import config_of, renamed, stem
from sae_widgets.loaders.raw_files import read_torch
from sae_widgets.loaders.source import Loaded, Source

NAME = "hook_z"
OTHER_NAMES = ("connor_rob_hook_z",)


def recognises(source: Source) -> bool:
    """Whether `source` is of this format."""
    return source.path.endswith(".pt") and source.here() == [""] and source.has(_settings(source))


def read(source: Source, device: str = "cpu") -> Loaded:
    """The SAE in `source`."""
    settings = source.json(_settings(source))
    names = {name: name for name in ("W_enc", "b_enc", "W_dec", "b_dec")}
    weights = renamed(read_torch(source.file(""), device), names, stem(source))
    hook_name = settings["act_name"]
    return Loaded(
        config_of(
            "standard",
            weights,
            d_in=settings["act_size"],
            d_sae=settings["dict_size"],
            apply_b_dec_to_input=True,
            reshape_activations="hook_z" if hook_name.endswith("hook_z") else "none",
            model_name=settings.get("model_name", "gpt2-small"),
            hook_name=hook_name,
            prepend_bos=True,
            context_size=settings.get("seq_len", 128),
            dataset_path="Skylion007/openwebtext",
        ),
        weights,
    )


def _settings(source: Source) -> str:
    return f"../{source.path.rsplit('/', 1)[-1].removesuffix('.pt')}_cfg.json"
