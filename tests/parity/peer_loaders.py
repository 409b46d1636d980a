"""SAELens' loaders on a folder in the place of a hub repository."""

import json
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import sae_lens
from huggingface_hub.utils import EntryNotFoundError
from sae_lens.loading import pretrained_sae_loaders as loaders
from sae_lens.registry import get_sae_class

CONVERTERS = {
    "sparsify": "sparsify",
    "dictionary_learning": "dictionary_learning_1",
    "gemma_scope": "gemma_2",
    "gemma_transcoder": "gemma_2_transcoder",
    "gemma_scope_2": "gemma_3",
    "llama_scope": "llama_scope",
    "llama_scope_r1": "llama_scope_r1_distill",
    "temporal": "temporal",
    "goodfire": "goodfire",
    "deepseek_r1": "deepseek_r1",
    "qwen_scope": "qwen_scope",
    "hook_z": "connor_rob_hook_z",
    "mwhanna": "mwhanna_transcoder",
    "mntss": "mntss_clt_layer_transcoder",
}
"""Our format -> SAELens' converter."""


@contextmanager
def repository(root: Path) -> Iterator[None]:
    """Within the block every repository has the files of `root`."""

    def download(repo_id: str, filename: str, subfolder: str | None = None, **_: Any) -> str:
        filename = f"{subfolder}/{filename}" if subfolder else filename
        if not (root / filename).is_file():
            raise EntryNotFoundError(f"no {filename}")
        return str(root / filename)

    def shapes(repo_id: str, filename: str) -> dict[str, list[int]]:
        with (root / filename).open("rb") as stream:
            header = json.loads(stream.read(struct.unpack("<Q", stream.read(8))[0]))
        return {name: each["shape"] for name, each in header.items() if name != "__metadata__"}

    with (
        patch.object(loaders, "hf_hub_download", download),
        patch.object(loaders, "get_safetensors_tensor_shapes", shapes),
    ):
        yield


def load(converter: str, repo_id: str, path: str, root: Path, overrides: dict[str, Any]) -> sae_lens.SAE:
    """The SAE that SAELens makes of it, as `from_pretrained` does."""
    with repository(root):
        config, weights, _ = loaders.NAMED_PRETRAINED_SAE_LOADERS[converter](
            repo_id=repo_id, folder_name=path, device="cpu", force_download=False, cfg_overrides=overrides
        )
    config = loaders.handle_config_defaulting(config)
    sae_class, config_class = get_sae_class(config["architecture"])
    sae = sae_class(config_class.from_dict(config))
    sae.process_state_dict_for_loading(weights)
    sae.load_state_dict(weights)
    return sae
