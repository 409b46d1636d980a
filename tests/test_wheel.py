"""What a user gets: the wheel, in an environment that never saw the sources, runs the demo and shows a widget."""

import os
import subprocess
import sys
import zipfile
from collections.abc import Iterable
from importlib.metadata import Distribution, distribution, distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

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


def required(names: Iterable[str], extras: Iterable[str] = ("",)) -> dict[str, Distribution]:
    """The installed distributions that `names` need, with all that these need, by name; missing ones are an error."""
    found: dict[str, Distribution] = {}
    wanted = [(Requirement(name), tuple(extras)) for name in names]
    while wanted:
        requirement, of_extras = wanted.pop()
        if requirement.marker is not None and not any(requirement.marker.evaluate({"extra": e}) for e in of_extras):
            continue
        its_extras = (*requirement.extras, "")
        key = canonicalize_name(requirement.name) + ",".join(sorted(requirement.extras))
        if key in found:
            continue
        found[key] = there = distribution(requirement.name)
        assert requirement.specifier.contains(there.version, prereleases=True), f"{requirement}: {there.version}"
        wanted += [(Requirement(each), its_extras) for each in there.requires or ()]
    return found


def test_the_wheel_runs_the_demo_in_a_clean_environment(wheel, tmp_path):
    """In an environment that has the packages the wheel asks for, and no other: links to those of this one."""
    run(sys.executable, "-m", "venv", "--without-pip", tmp_path / "venv", cwd=tmp_path)
    python = tmp_path / "venv/bin/python"
    site = Path(run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=tmp_path).strip())
    run(
        sys.executable,
        "-m",
        "pip",
        "--python",
        python,
        "install",
        "--quiet",
        "--no-index",
        "--no-deps",
        wheel,
        cwd=tmp_path,
    )
    asked = next(iter(distributions(path=[str(site)]))).requires or []
    for each in required(asked).values():
        for top in {file.parts[0] for file in each.files or ()} - {"..", "__pycache__"}:
            if not (site / top).exists():
                (site / top).symlink_to(Path(str(each.locate_file(top))))
    assert "features:" in run(python, "-c", PROGRAM, cwd=tmp_path)
