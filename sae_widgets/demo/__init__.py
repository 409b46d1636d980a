"""The bundled language model and its SAEs: the default of every example, loaded without a network.

demo/model/               Hugging Face layout: config.json, model.safetensors, tokenizer.json
demo/text/<kind>.txt      texts that the model was not trained on, documents divided by `<|endoftext|>`
demo/saes/<hook_name>/    an SAE folder as `SAE.save_model` writes it, with features/ (statistics and labels)
"""

import json
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sae_widgets.hooked import HookedSAETransformer
    from sae_widgets.sae import SAE

FOLDER = Path(__file__).parent


def load_demo(layer: int | None = None) -> "tuple[HookedSAETransformer, SAE]":
    """The bundled model and the SAE on its residual stream.

    Args:
        layer: Which SAE, by the block its hook belongs to; None takes the one in the middle of the model.

    Raises:
        ValueError: If there is no SAE at that layer; the message lists those there are.
    """
    from sae_widgets.model import load_model
    from sae_widgets.sae import SAE

    folder = sae_folder(layer)
    model = load_model("demo")
    # The files are float16 to be small; the maths is float32, as it was in training.
    return model, SAE.load_from_disk(folder, device=str(model.device), dtype="float32")


def model_folder() -> Path:
    """Where the model is."""
    folder = FOLDER / "model"
    if not (folder / "config.json").is_file():
        raise FileNotFoundError(f"The demo model is not in this installation: no {folder / 'config.json'}.")
    return folder


def text_folder() -> Path:
    """Where the texts are: the data of a training run that names none."""
    folder = FOLDER / "text"
    if not folder.is_dir():
        raise FileNotFoundError(f"The demo texts are not in this installation: no {folder}.")
    return folder


def sae_folders() -> dict[int, Path]:
    """Where the SAEs are, by layer."""
    from sae_widgets.fit import layer_of

    found = sorted((FOLDER / "saes").glob("*/cfg.json"))
    return {layer_of(path.parent.name) or 0: path.parent for path in found}


def sae_folder(layer: int | None = None) -> Path:
    """Where the SAE of `layer` is; of the middle layer for None."""
    folders = sae_folders()
    if not folders:
        raise FileNotFoundError(f"The demo SAEs are not in this installation: none in {FOLDER / 'saes'}.")
    if layer is None:
        n_layers = json.loads((model_folder() / "config.json").read_text(encoding="utf-8"))["num_hidden_layers"]
        layer = min(folders, key=lambda at: (abs(at - n_layers / 2), -at))
    if layer not in folders:
        raise ValueError(f"No demo SAE at layer {layer}. There are SAEs at layers {', '.join(map(str, folders))}.")
    return folders[layer]
