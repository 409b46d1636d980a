"""Imports point downwards only, and what is below the widgets runs without notebook packages."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "sae_widgets"

# Modules of one number may use each other and everything below. A new module of the package gets a line here.
LAYERS: dict[int, set[str]] = {
    0: {"sae", "normalize", "architectures", "kernels"},
    1: {"loaders"},
    2: {
        *("training", "model", "activations"),
        *("hooked", "shell", "splice", "fit", "prompt", "token_text", "threads", "interrupts", "demo"),
        *("splice_kinds", "splices", "module_points", "module_names", "plain_model", "lean"),
    },
    3: {
        *("evals", "features", "attribution", "steering", "writer"),
        *("hub", "model_card", "neuronpedia", "neuronpedia_json", "neuronpedia_writing", "web"),
        *("runs", "synthetic", "toy_model"),
    },
    4: {"widgets", "charts"},
    5: {"checkup", "magics", "magics_completion"},
    6: {"__main__"},
}
LAYER_OF = {name: number for number, names in LAYERS.items() for name in names}
NOTEBOOK_PACKAGES = ("anywidget", "ipywidgets", "altair", "IPython", "wandb")


def modules() -> dict[str, Path]:
    """Top-level module or package of sae_widgets -> its files."""
    return {
        path.stem: path
        for path in sorted(PACKAGE.iterdir())
        if (path.suffix == ".py" and path.stem != "__init__") or (path / "__init__.py").exists()
    }


def imported(path: Path) -> set[str]:
    """Top-level modules of sae_widgets that a file names in an import, wherever it stands."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: imports are absolute"
            full = [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            full = [alias.name for alias in node.names]
        else:
            continue
        names |= {parts[1] for name in full if (parts := name.split("."))[0] == "sae_widgets" and len(parts) > 1}
    return names & set(modules())


def test_every_module_has_a_layer():
    assert set(modules()) == set(LAYER_OF)


@pytest.mark.parametrize("module", modules())
def test_imports_point_downwards(module):
    path = modules()[module]
    files = [path] if path.is_file() else sorted(path.rglob("*.py"))
    upward = {
        (str(file.relative_to(PACKAGE)), name)
        for file in files
        for name in imported(file)
        if LAYER_OF[name] > LAYER_OF[module]
    }
    assert not upward


def test_layers_below_the_widgets_need_no_notebook_package():
    below = sorted(name for name, layer in LAYER_OF.items() if layer <= 3)
    program = f"""
import importlib, sys
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {NOTEBOOK_PACKAGES!r}:
            raise ImportError("a layer below the widgets imports " + name)
sys.meta_path.insert(0, Refuse())
for name in {below!r}:
    importlib.import_module("sae_widgets." + name)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
