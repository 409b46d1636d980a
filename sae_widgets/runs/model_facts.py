"""How large a language model is, seen without loading it: from its files, or from the model where it is at hand."""

import json
import math
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sae_widgets.fit import layer_of


@dataclass(frozen=True)
class ModelFacts:
    """What matters of a language model; None: not known."""

    n_bytes: int
    is_there: bool
    """Whether it is in memory already."""
    n_weights: int | None
    d_model: int
    d_mlp: int
    n_heads: int
    n_layers: int
    d_vocab: int


def model_facts(cfg: Any, model: Any) -> ModelFacts:
    if model is not None:
        model = model[0] if isinstance(model, (list, tuple)) else model
        facts, weights = model.cfg, list(model.parameters())
        n_bytes = sum(weight.numel() * weight.element_size() for weight in weights)
        sizes = (facts.d_model, facts.d_mlp or 4 * facts.d_model, facts.n_heads, facts.n_layers, facts.d_vocab)
        return ModelFacts(n_bytes, True, _n_up_to(cfg, sum(weight.numel() for weight in weights), facts), *sizes)
    folder = _model_folder(cfg.model_name)
    file = folder / "config.json" if folder is not None else None
    if folder is None or file is None or not file.is_file():
        d_model = buffer_width(cfg)
        return ModelFacts(0, False, None, d_model, 4 * d_model, max(d_model // 64, 1), 1, 50_000)
    values = json.loads(file.read_text("utf-8"))
    d_model = _first(values, "hidden_size", "n_embd", "d_model")
    n_layers = _first(values, "num_hidden_layers", "n_layer")
    n_weights = sum(_n_weights_in(each) for each in folder.glob("*.safetensors"))
    d_mlp = _first(values, "intermediate_size", "n_inner", default=4 * d_model)
    facts = type("Facts", (), {"n_layers": n_layers})
    heads, d_vocab = _first(values, "num_attention_heads", "n_head"), _first(values, "vocab_size")
    return ModelFacts(4 * n_weights, False, _n_up_to(cfg, n_weights, facts), d_model, d_mlp, heads, n_layers, d_vocab)


def _n_up_to(cfg: Any, n_weights: int, facts: Any) -> int:
    """About how many weights a forward up to the last hook uses."""
    layers = [layer_of(hook) for each in cfg.members.values() for hook in (*each.hooks_in, *each.hooks_out)]
    last = max((layer + 1 for layer in layers if layer is not None), default=facts.n_layers)
    return int(n_weights * min(last, facts.n_layers) / facts.n_layers)


def _model_folder(name: str) -> Path | None:
    """Where its files are: the bundled model, a folder, or the hub's cache."""
    if name == "demo":
        from sae_widgets.demo import model_folder

        return model_folder()
    if Path(name).is_dir():
        return Path(name)
    from huggingface_hub import try_to_load_from_cache

    try:
        found = try_to_load_from_cache(name, "config.json")
    except ValueError:
        return None  # no name of the hub
    return Path(found).parent if isinstance(found, str) else None


def _n_weights_in(file: Path) -> int:
    """From the header alone."""
    with file.open("rb") as stream:
        (n,) = struct.unpack("<Q", stream.read(8))
        header = json.loads(stream.read(n))
    return sum(math.prod(each["shape"]) for name, each in header.items() if name != "__metadata__")


def _first(values: dict[str, Any], *names: str, default: int = 1) -> int:
    return next((int(values[name]) for name in names if values.get(name)), default)


def buffer_width(cfg: Any) -> int:
    """Width of a row of the mixing buffer."""
    hooks: dict[str, int] = {}
    for each in cfg.members.values():
        reads, writes = each.hooks_in, each.hooks_out
        hooks |= {hook: each.sae.d_in // len(reads) for hook in reads}
        d_out = vars(each.sae).get("d_out", each.sae.d_in)
        hooks |= dict.fromkeys(writes, d_out)
    return sum(hooks.values())
