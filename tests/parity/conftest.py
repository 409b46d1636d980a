"""Comparison with SAELens, in its own environment: `make test` builds one and runs this folder with its Python.

SAELens needs transformer-lens 3, we are tested with 4: where it cannot be imported, nothing here is collected.
By hand: a venv with `tests/parity/requirements.txt`, then `<venv>/bin/python -m pytest tests/parity`.

The tests in `cases/` are written for SAELens and import `sae_lens` alone. They run twice: here with SAELens itself, and
in a second process where `shim/` stands first on the path, so that `sae_lens` is us. Each records its numbers; a case
passes if it passes on both sides and the numbers agree.
"""

import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
import warnings
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.parity.recording import Recording, stem_of

HERE = Path(__file__).parent
HAS_SAE_LENS = importlib.util.find_spec("sae_lens") is not None
collect_ignore_glob = [] if HAS_SAE_LENS else ["test_*.py", "cases/*"]

OURS_WRITES_TO = "SAE_WIDGETS_PARITY_RECORDS"
"""Environment variable of the second process: the folder for its records."""
RECORDS = Path(os.environ[OURS_WRITES_TO]) if OURS_WRITES_TO in os.environ else None

if HAS_SAE_LENS:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its imports warn of their own deprecations
        import sae_lens  # noqa: F401
    import torch

    torch.set_num_threads(1)  # the sizes are small, and two processes share the cores

# what was compared -> the largest difference seen
LARGEST: dict[str, float] = {}


@pytest.fixture
def note():
    """Remembers the largest difference of what is compared under a name, for the summary; gives it back."""

    def remember(name: str, difference: float) -> float:
        LARGEST[name] = max(LARGEST.get(name, 0.0), difference)
        return difference

    return remember


@pytest.fixture
def record(request, ours) -> Recording:
    """Where a case puts its numbers; compared with the other side's when the case has ended."""
    return Recording()


@dataclass
class Other:
    """The second process, which runs the same cases with us as `sae_lens`, while the first goes on."""

    folder: Path
    process: subprocess.Popen


OTHER = pytest.StashKey[Other]()


def pytest_collection_finish(session):
    cases = sorted({item.nodeid for item in session.items if HERE / "cases" in item.path.parents})
    if RECORDS is not None or not cases or session.config.option.collectonly:
        return
    folder = Path(tempfile.mkdtemp(prefix="parity-"))
    paths = os.pathsep.join([str(HERE / "shim"), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)
    with (folder / "output.txt").open("w") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *cases],
            cwd=session.config.rootpath,
            env={**os.environ, OURS_WRITES_TO: str(folder), "PYTHONPATH": paths, "OMP_NUM_THREADS": "1"},
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    session.config.stash[OTHER] = Other(folder, process)


def pytest_sessionfinish(session):
    if other := session.config.stash.get(OTHER, None):
        other.process.kill()
        other.process.wait()
        shutil.rmtree(other.folder)


@pytest.fixture(scope="session")
def ours(request) -> Path:
    """The folder with the records of the second process, which has ended."""
    if RECORDS is not None:
        return RECORDS
    other = request.config.stash[OTHER]
    other.process.wait()
    return other.folder


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item):
    yield
    recording = getattr(item, "funcargs", {}).get("record")
    if recording is None:
        return
    if RECORDS is not None:
        recording.write(RECORDS, item.nodeid)
    else:
        _compare(item, recording, item.funcargs["ours"])


def _compare(item, recording: Recording, folder: Path) -> None:
    stem = folder / stem_of(item.nodeid)
    if not stem.with_suffix(".npz").exists():
        report = stem.with_suffix(".txt")
        text = report.read_text() if report.exists() else (folder / "output.txt").read_text()[-6000:]
        pytest.fail(f"The case fails with us in SAELens' place:\n{text}", pytrace=False)
    found, wrong = recording.differences(folder, item.nodeid)
    for name, difference in found.items():
        key = f"{recording.label or item.originalname}, {name.partition(':')[0]}"
        LARGEST[key] = max(LARGEST.get(key, 0.0), difference)
    if wrong:
        pytest.fail("Not the same here as in SAELens:\n  " + "\n  ".join(wrong), pytrace=False)


def pytest_runtest_logreport(report):
    if RECORDS is not None and report.failed:
        (RECORDS / f"{stem_of(report.nodeid)}.txt").write_text(report.longreprtext)


def pytest_collection_modifyitems(items):
    items.sort(key=lambda item: HERE / "cases" in item.path.parents)  # last: until then the second process is done
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.filterwarnings("ignore"))  # the peer's warnings are not ours to fail on


def pytest_terminal_summary(terminalreporter):
    if LARGEST:
        terminalreporter.section("largest differences from SAELens")
        for name, difference in sorted(LARGEST.items()):
            terminalreporter.write_line(f"{name:80} {difference:.2e}")
