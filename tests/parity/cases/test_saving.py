"""What is written: names, numbers and settings, for inference and to train further."""

import json
from pathlib import Path

import pytest
import sae_lens
import torch
from sae_lens.saes.sae import SAEMetadata
from safetensors.torch import load_file

from tests.parity.cases.drawn import SIZES, TRAINED, USED, batch, trained, used
from tests.parity.recording import Recording

SIZE = SIZES["small"]
METADATA = {"hook_name": "blocks.3.hook_mlp_out", "model_name": "tiny", "context_size": 128, "prepend_bos": True}


def record_folder(record: Recording, name: str, folder: Path, bar: float) -> None:
    weights = load_file(folder / "sae_weights.safetensors")
    record(f"{name}: files", sorted(each.name for each in folder.iterdir()))
    # A trained threshold is float32 in SAELens' file and of the SAE's dtype in ours; SAELens casts it when it loads.
    record(f"{name}: dtypes", {key: str(w.dtype) for key, w in sorted(weights.items()) if "threshold" not in key})
    record.all({f"{name}: {key}": weight for key, weight in weights.items()}, bar=bar)
    config = json.loads((folder / "cfg.json").read_text())
    for key in ("sae_lens_version", "sae_lens_training_version"):  # says who wrote it
        config["metadata"].pop(key)
    record(f"{name}: config", config)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("variant", USED)
def test_files_of_an_sae(variant: str, dtype: str, tmp_path: Path, record: Recording):
    record.label = "saved SAEs"
    sae = used(variant, SIZE, dtype=dtype, metadata=SAEMetadata(**METADATA))
    sae.save_model(tmp_path)
    record_folder(record, "as is", tmp_path, bar=0.0)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("variant", TRAINED)
def test_files_of_an_sae_in_training(variant: str, dtype: str, tmp_path: Path, record: Recording):
    record.label = "saved SAEs in training"
    sae = trained(variant, SIZE, dtype=dtype, metadata=SAEMetadata(**METADATA))
    sae.save_model(tmp_path / "training")
    record_folder(record, "to train further", tmp_path / "training", bar=0.0)
    sae = trained(variant, SIZE, dtype=dtype, metadata=SAEMetadata(**METADATA))
    sae.save_inference_model(tmp_path / "inference")
    record_folder(record, "for inference", tmp_path / "inference", bar=1e-6 if dtype == "float32" else 1e-2)


@pytest.mark.parametrize("variant", TRAINED)
@torch.no_grad()
def test_loading_what_was_saved(variant: str, tmp_path: Path, record: Recording):
    record.label = "saved, loaded and used"
    sae = trained(variant, SIZE)
    sae.save_model(tmp_path / "training")
    sae.save_inference_model(tmp_path / "inference")
    x = batch(SIZE)
    back = sae_lens.SAE.load_from_disk(tmp_path / "inference")
    record("class", type(back).__name__)
    record("forward: inference", back(x))
    back = sae_lens.TrainingSAE.load_from_disk(tmp_path / "training")
    back.train()  # where BatchTopK chooses by batch on both sides
    record("forward: training", back(x))
    folded = {"fold_W_dec_norm": True} if "plain" not in variant and "pursuit" not in variant else {}
    back = sae_lens.SAE.load_from_disk(tmp_path / "inference", dtype="float64", **folded)
    record("dtype", back.cfg.dtype)
    if folded:
        record("weights, folded: norm", back.W_dec.norm(dim=-1))
