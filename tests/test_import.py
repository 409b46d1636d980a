"""`import sae_widgets` costs next to nothing: heavy packages load when they are used."""

import json
import subprocess
import sys

HEAVY = ("transformer_lens", "transformers", "datasets", "altair", "wandb", "pandas", "anywidget", "IPython")


def run(program: str) -> str:
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout


def test_import_loads_no_heavy_package():
    loaded = json.loads(run("import json, sys, sae_widgets; print(json.dumps(sorted(sys.modules)))"))
    assert [name for name in HEAVY if name in loaded] == []


def test_naming_an_sae_loads_no_model_library():
    loaded = json.loads(
        run("import json, sys, sae_widgets as sw; sw.SAE; sw.TopKSAE; print(json.dumps(sorted(sys.modules)))")
    )
    assert [name for name in ("transformers", "datasets", "altair", "anywidget") if name in loaded] == []


def test_widgets_load_pandas_and_altair_when_tables_and_charts_are_asked_for():
    program = """
import sys
import sae_widgets as sw
from sae_widgets.widgets._base import SaeWidget
for name in sw.__all__:
    if name.endswith(("Heatmap", "Panel", "Bars", "View", "Browser", "Dashboard", "ToyModel")):
        assert issubclass(getattr(sw, name), SaeWidget), name
print([name for name in ("altair", "pandas") if name in sys.modules])
"""
    assert run(program) == "[]\n"


def test_import_changes_nothing_of_the_process():
    program = """
import logging, os, random, threading, warnings
import torch
def state():
    return [
        dict(os.environ), random.getstate(), torch.initial_seed(), torch.get_num_threads(), torch.is_grad_enabled(),
        list(warnings.filters), threading.active_count(), list(logging.getLogger().handlers),
    ]
before = state()
import sae_widgets
print(before == state())
"""
    assert run(program).strip() == "True"


def test_every_public_name_is_there():
    program = "import sae_widgets as sw; print([n for n in sw.__all__ if getattr(sw, n, None) is None])"
    assert run(program).strip() == "[]"


def test_an_unknown_name_is_an_attribute_error():
    program = """
import sae_widgets as sw
try:
    sw.TokenHeatMap
except AttributeError as error:
    print(error)
"""
    assert "TokenHeatMap" in run(program)


def test_no_public_name_is_hidden_by_a_module_of_that_name():
    program = """
import json, pkgutil, sae_widgets
modules = {each.name for each in pkgutil.iter_modules(sae_widgets.__path__)}
hidden = [name for name, module in sae_widgets._MODULE_OF.items() if name in modules and name != module]
print(json.dumps(hidden))
"""
    assert json.loads(run(program)) == []
