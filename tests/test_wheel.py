"""What a user gets: the wheel, in an environment that never saw the sources, runs the demo and shows a widget."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

PROGRAM = """
import sys
import sae_widgets as sw
assert "site-packages" in sw.__file__, sw.__file__
model, sae = sw.load_demo()
heatmap = sw.TokenHeatmap(model, sae, "Once upon a time")
assert heatmap.wait(120)
assert heatmap.status["state"] == "done", heatmap.status
assert "Once" in heatmap.fallback_html()
text = "".join(t.text for t in sw.generate_stream(model, sae, "Once upon a time", max_new_tokens=5))
assert text
for package in ("pytest", "jupyterlab", "playwright"):
    assert package not in sys.modules
print("features:", sae.cfg.d_sae)
"""


def run(*command: str | Path, cwd: Path) -> str:
    env = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "PYTEST"))}
    done = subprocess.run(
        [*map(str, command)], cwd=cwd, env=env | {"HF_HUB_OFFLINE": "1"}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """The built wheel. From a copy of the files git knows, so that what is only on this disk cannot slip in."""
    folder = tmp_path_factory.mktemp("wheel")
    files = run("git", "ls-files", "--cached", "--others", "--exclude-standard", cwd=ROOT).splitlines()
    for name in files:
        if (ROOT / name).is_file() and name.startswith(
            ("sae_widgets/", "pyproject", "README", "LICENSE", "constraints")
        ):
            (folder / "src" / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / "src" / name).write_bytes((ROOT / name).read_bytes())
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, cwd=folder / "src")
    return next(folder.glob("*.whl"))


def test_the_wheel_holds_page_and_demo_and_nothing_foreign(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"sae_widgets"}
    needed = {"static/token_heatmap.js", "loaders/catalog.txt", "py.typed"}
    assert {f"sae_widgets/{name}" for name in needed} <= set(names)
    assert any(name.startswith("sae_widgets/demo/") and name.endswith(".safetensors") for name in names)
    assert not [name for name in names if name.endswith((".pyc", ".ipynb", ".map", ".pkl", ".pt"))]
    assert wheel.stat().st_size < 14e6


@pytest.mark.slow
def test_the_wheel_runs_the_demo_in_a_clean_environment(wheel, tmp_path):
    run(sys.executable, "-m", "venv", tmp_path / "venv", cwd=tmp_path)
    python = tmp_path / "venv/bin/python"
    pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-compile"]
    torch = next(line for line in (ROOT / "constraints.txt").read_text().splitlines() if line.startswith("torch=="))
    run(*pip, torch, cwd=tmp_path)
    run(*pip, "-c", ROOT / "constraints.txt", wheel, cwd=tmp_path)
    assert "features:" in run(python, "-c", PROGRAM, cwd=tmp_path)
