"""Comparison with SAELens, in its own environment: `make test` builds one and runs this folder with its Python.

SAELens needs transformer-lens 3, we are tested with 4: where it cannot be imported, nothing here is collected.
By hand: a venv with `tests/parity/requirements.txt`, then `<venv>/bin/python -m pytest tests/parity`.
"""

import importlib.util
import warnings
from pathlib import Path

import pytest

HAS_SAE_LENS = importlib.util.find_spec("sae_lens") is not None
collect_ignore_glob = [] if HAS_SAE_LENS else ["test_*.py"]

if HAS_SAE_LENS:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its imports warn of their own deprecations
        import sae_lens  # noqa: F401

# what was compared -> the largest difference seen
LARGEST: dict[str, float] = {}


@pytest.fixture
def note():
    """Remembers the largest difference of what is compared under a name, for the summary; gives it back."""

    def remember(name: str, difference: float) -> float:
        LARGEST[name] = max(LARGEST.get(name, 0.0), difference)
        return difference

    return remember


def pytest_collection_modifyitems(items):
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.filterwarnings("ignore"))  # the peer's warnings are not ours to fail on


def pytest_terminal_summary(terminalreporter):
    if LARGEST:
        terminalreporter.section("largest differences from SAELens")
        for name, difference in sorted(LARGEST.items()):
            terminalreporter.write_line(f"{name:60} {difference:.2e}")
