"""A kernel per ipykernel version named by SAE_WIDGETS_KERNELS, with the package and its libraries importable."""

import subprocess
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kernels.lab import Lab, kernel_pythons, lab


def _version(python: str) -> str:
    code = "import importlib.metadata as m; print(m.version('ipykernel'))"
    found = subprocess.run([python, "-c", code], capture_output=True, text=True, check=False)
    return found.stdout.strip() or f"broken-{Path(python).name}"


@pytest.fixture(scope="module", params=kernel_pythons(), ids=_version)
def kernel(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A live kernel with a small training run ready to be started: `new_run()` shows its panel and starts it."""
    folder = tmp_path_factory.mktemp("checkpoints")
    # The kernels' environments hold ipykernel and little more: torch comes from this one, behind their own packages.
    libraries = sysconfig.get_paths()["purelib"]
    with lab(request.param) as session:
        session.run(f"import sys; sys.path.append({libraries!r})")
        session.run(
            "import time, threading\n"
            "from IPython.display import display\n"
            "from tests.kernels.small_training import small_run\n"
            "from sae_widgets.widgets import TrainingPanel\n"
            "def new_run(**settings):\n"
            "    global run, panel\n"
            f"    run = small_run({str(folder)!r}, **settings)\n"
            "    panel = TrainingPanel(run)\n"
            "    display(panel)\n"
            "    run.run()\n"
        )
        yield session
