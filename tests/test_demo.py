"""The bundled model and SAEs: there, whole, and loaded without a network."""

import json
import subprocess
import sys

import pytest
import torch

from sae_widgets.demo import load_demo, model_folder, sae_folders
from sae_widgets.features.statistics import known_statistics
from sae_widgets.fit import layer_of
from sae_widgets.model import attach, check_fits

IN_A_NEW_PROCESS = """
import socket, time
import torch, transformers
from transformer_lens.model_bridge import TransformerBridge
def refuse(*args, **kwargs):
    raise AssertionError("a network was asked")
socket.socket.connect = socket.getaddrinfo = refuse
import sae_widgets as sw
start = time.thread_time()
model, sae = sw.load_demo()
print(time.thread_time() - start)
"""


@pytest.fixture(scope="module")
def demo():
    return load_demo()


def test_it_loads_in_a_moment_without_a_network():
    done = subprocess.run([sys.executable, "-c", IN_A_NEW_PROCESS], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) < 5
    assert "Loading weights" not in done.stderr


def test_the_sae_fits_the_model_and_keeps_its_loss(demo):
    model, sae = demo
    check_fits(model, sae)
    assert model.cfg.model_name == "demo"
    assert model.dtype == sae.dtype == torch.float32
    tokens = model.to_tokens("Once upon a time, there was a little girl who lived in a small house.")
    with torch.no_grad():
        clean = float(model(tokens, return_type="loss"))
        with attach(model, sae):
            spliced = float(model(tokens, return_type="loss"))
    assert clean < 4
    assert spliced - clean < 1


def test_every_layer_listed_can_be_loaded():
    assert sae_folders()
    for layer, folder in sae_folders().items():
        _, sae = load_demo(layer)
        assert layer_of(sae.cfg.hook_name) == layer
        assert sae.folder == folder
        statistics = known_statistics(sae)
        assert statistics is not None
        assert statistics.labels
    with pytest.raises(ValueError, match=r"No demo SAE at layer 77\. There are SAEs at layers"):
        load_demo(77)


def test_texts_of_the_bundle_are_plain_files():
    config = json.loads((model_folder() / "config.json").read_text("utf-8"))
    assert config["model_type"] == "llama"
    assert not [path for path in model_folder().rglob("*") if path.suffix in (".bin", ".pkl", ".pt", ".py")]
