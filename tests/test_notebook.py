"""The quickstart notebook runs top to bottom, quickly, and its saved page needs neither network nor kernel."""

import re
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import pytest

from sae_widgets.widgets import _static

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOK = ROOT / "notebooks/01_quickstart.ipynb"


@pytest.fixture(scope="module")
def demo(tmp_path_factory) -> tuple[Path, float]:
    """Folder of what tools/demo.py wrote, and the seconds it took."""
    folder = tmp_path_factory.mktemp("demo")
    start = time.monotonic()
    done = subprocess.run(
        [sys.executable, ROOT / "tools/demo.py", "--out", folder], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder, time.monotonic() - start


@pytest.mark.slow
def test_the_quickstart_runs_within_three_minutes(demo):
    assert demo[1] < 180


@pytest.mark.slow
def test_the_summary_tells_what_was_found(demo):
    text = (demo[0] / "quickstart.txt").read_text("utf-8")
    assert "steered:" in text
    assert re.search(r"bundled +\{'l0': [\d.]+, 'explained_variance': 0\.\d+, 'ce_loss_score': [\d.]+\}", text)
    assert "Error" not in text


@pytest.mark.slow
def test_the_page_asks_for_nothing_and_shows_every_widget(demo):
    page = (demo[0] / "quickstart.html").read_text("utf-8")
    assert "widget-view+json" not in page
    assert not re.search(r"""<(script|link|img|iframe)[^>]*\s(src|href)=["']?https?:""", page)
    n_widgets = sum(
        bool(re.search(r"^(sw\.(TokenHeatmap|AttributionBars)\(|panel$|heatmap$|run = sw\.train)", cell.source, re.M))
        for cell in nbformat.read(NOTEBOOK, as_version=4).cells
        if cell.cell_type == "code"
    )
    assert n_widgets >= 5
    assert page.count(_static.paragraph("").split(">")[0]) >= n_widgets


def test_the_notebook_is_committed_without_outputs():
    done = subprocess.run(
        [sys.executable, ROOT / "tools/clean_notebooks.py", "--check"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout
