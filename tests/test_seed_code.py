"""The code of the documents this project answers to runs with only its import lines changed.

Where it names the hub, a loopback stand-in answers with small repositories under the same names; a placeholder path
("/path/to/sae") becomes a folder that exists; "cuda" is the CPU; and training runs of a hundred million tokens are
stopped after a few steps, as the Stop button does. The code itself is as it stands in `seeds/blocks.md`.
"""

import re
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch.overrides import TorchFunctionMode

import sae_widgets as sw
from sae_widgets.runs import run_settings
from sae_widgets.sae import files
from tests.hub_answers import files_of
from tests.hub_stand_in import hub
from tests.seed_repos import D_SAE, write_native_6, write_repos

TEXT = (Path(__file__).parent / "seeds" / "blocks.md").read_text("utf-8")
BLOCKS = {
    title.strip(): re.findall(r"```python\n(.*?)```", section, re.S)
    for title, section in re.findall(r"^## (.*?)\n(.*?)(?=^## |\Z)", TEXT, re.S | re.M)
}
N_STEPS = 1

pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")  # of the hub's client to its own


class CudaIsCpu(TorchFunctionMode):
    """Gives "cuda" the meaning of "cpu" in every call of torch."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = {name: on_cpu(value) for name, value in (kwargs or {}).items()}
        return func(*map(on_cpu, args), **kwargs)


def on_cpu(value: Any) -> Any:
    is_cuda = isinstance(value, (str, torch.device)) and str(value).startswith("cuda")
    return torch.device("cpu") if is_cuda else value


def changed(code: str, folder: Path) -> str:
    """`code` with its import lines and its placeholder paths made real."""
    code = re.sub(r"^from (sae_lens|transformer_lens) import", "from sae_widgets import", code, flags=re.M)
    return code.replace('"/path/to/', f'"{folder.as_posix()}/')


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Runs the blocks of a document, in one namespace for all; gives the namespace back."""
    root = tmp_path_factory.mktemp("seeds")
    write_native_6(root / "local")
    (root / "local" / "path" / "to" / "sae").rename(root / "sae")
    names: dict[str, Any] = {}
    with pytest.MonkeyPatch.context() as patch, hub(repos=write_repos(root / "repos")) as stand_in:
        patch.chdir(root)
        patch.setenv("WANDB_MODE", "disabled")
        has_cuda = SimpleNamespace(cuda=SimpleNamespace(is_available=lambda: True))
        patch.setattr(run_settings, "torch", has_cuda)  # the one place that asks
        patch.setattr(files, "load_file", lambda file, device, load=files.load_file: load(file, device="cpu"))
        done: dict[str, dict[str, Any]] = {}

        def run(document: str) -> dict[str, Any]:
            if document not in done:
                here = dict(names) if document.endswith("(apart)") else names
                with CudaIsCpu(), stopping(here):
                    for number, block in enumerate(BLOCKS[document]):
                        exec(compile(changed(block, root), f"{document}, block {number}", "exec"), here)
                done[document] = {**here, "stand_in": stand_in, "folder": root}
            return done[document]

        yield run


class stopping:  # noqa: N801  read as a verb
    """A context in which every training run in `names` is stopped once it has done `N_STEPS`."""

    def __init__(self, names: dict[str, Any]) -> None:
        self.names, self.over = names, threading.Event()
        self.thread = threading.Thread(target=self.watch, daemon=True)

    def watch(self) -> None:
        while not self.over.wait(0.05):
            for value in list(self.names.values()):
                if isinstance(value, sw.SAETrainingRunner) and value.training_run.snapshot()["n_steps"] >= N_STEPS:
                    value.training_run.stop()

    def __enter__(self) -> None:
        self.thread.start()

    def __exit__(self, *_: object) -> None:
        self.over.set()
        self.thread.join()


def test_every_document_is_run():
    sections = {title: len(blocks) for title, blocks in BLOCKS.items()}
    assert sections == {
        **{"skill: quick start": 6, "skill: workflows": 2, "home page": 2, "reference: overview": 1},
        **{"reference: api": 7, "reference: runner (apart)": 2, "reference: api, continued": 8},
    }


def test_quick_start(ran, capsys):
    names = ran("skill: quick start")
    assert names["sae_features"].shape == (1, 7, D_SAE)
    assert torch.equal(names["sparsity"], torch.full((D_SAE,), -2.0))
    assert names["cfg_dict"]["d_in"] == 768
    assert names["trainer"].sae is names["sae"]
    assert names["sae"].d_sae == 768 * 8
    assert names["features"].shape == (768 * 8,)
    assert 0 < names["trainer"].metrics["l0"] <= 768 * 8
    assert isinstance(names["result"], str)
    assert names["result"].startswith("I think the best", len("<|endoftext|>"))
    assert str(names["cfg_topk"].architecture) == "topk"
    printed = capsys.readouterr().out
    assert "Top features contributing to 'Paris' prediction:" in printed
    assert "CE Loss Recovered: " in printed


def test_steering_code_changes_the_text(ran):
    names = ran("skill: quick start")
    model, sae = names["model"], names["sae"]
    with CudaIsCpu():
        torch.manual_seed(0)
        plain = names["steer_with_feature"](model, sae, "I think the best", 1234, strength=0.0)
        torch.manual_seed(0)
        steered = names["steer_with_feature"](model, sae, "I think the best", 1234, strength=1e4)
    assert steered != plain


def test_workflows(ran):
    names = ran("skill: workflows")
    assert torch.isfinite(names["reconstruction_error"])
    assert {"l0", "ce_loss_score", "explained_variance"} <= names["trainer"].metrics.keys()
    assert list((names["folder"] / "checkpoints").iterdir())


def test_home_page(ran):
    names = ran("home page")
    assert str(names["sae"].cfg.architecture) == "jumprelu"
    assert names["reconstructed"].shape == (1, 128, 2304)


def test_reference(ran):
    names = ran("reference: overview")
    assert names["reconstructed"].shape == names["activations"].shape
    names = ran("reference: api")
    assert names["sae"].d_sae == D_SAE
    saved = names["folder"] / "save"
    assert sw.SAE.load_from_disk(saved).cfg.hook_name == "blocks.8.hook_resid_pre"
    assert ran("reference: runner (apart)")["sae"].cfg.model_name == "demo"
    names = ran("reference: api, continued")
    assert names["activations"].shape == (8, 128)
    assert names["output"].shape[:2] == names["tokens"].shape
    assert names["cache"]["blocks.8.hook_resid_pre.hook_sae_acts_post"].shape[-1] == names["sae"].d_sae
    uploaded = files_of(names["stand_in"].repos["username/my-saes"])
    assert any(name.endswith("sae_weights.safetensors") for name in uploaded)
    assert "README.md" in uploaded
