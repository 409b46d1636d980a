"""The notebooks run top to bottom, and their saved pages need neither network nor kernel."""

import os
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from sae_widgets.widgets import _static

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOK = ROOT / "notebooks/01_quickstart.ipynb"
PUBLISHED = ROOT / "notebooks/02_published_saes.ipynb"
TRAINING = ROOT / "notebooks/03_training.ipynb"
FEATURES = ROOT / "notebooks/04_features.ipynb"


def run_offline(notebook: Path, folder: Path) -> tuple[str, str]:
    """What it found, and its page."""
    done = subprocess.run(
        [sys.executable, ROOT / "tools/demo.py", "--notebook", notebook, "--out", folder],
        env={**os.environ, "HF_HUB_OFFLINE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    stem = notebook.stem.partition("_")[2]
    return tuple((folder / f"{stem}.{kind}").read_text("utf-8") for kind in ("txt", "html"))


@pytest.fixture(scope="module")
def demo(tmp_path_factory) -> Path:
    """Folder of what tools/demo.py wrote."""
    folder = tmp_path_factory.mktemp("demo")
    done = subprocess.run(
        [sys.executable, ROOT / "tools/demo.py", "--out", folder], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.mark.slow
def test_the_summary_tells_what_was_found(demo):
    text = (demo / "quickstart.txt").read_text("utf-8")
    assert "steered:" in text
    assert re.search(r"bundled +\{'l0': [\d.]+, 'explained_variance': 0\.\d+, 'ce_loss_score': [\d.]+\}", text)
    assert "Error" not in text


@pytest.mark.slow
def test_the_page_asks_for_nothing_and_shows_every_widget(demo):
    page = (demo / "quickstart.html").read_text("utf-8")
    assert "widget-view+json" not in page
    assert not re.search(r"""<(script|link|img|iframe)[^>]*\s(src|href)=["']?https?:""", page)
    n_widgets = sum(
        bool(re.search(r"^(sw\.(TokenHeatmap|AttributionBars)\(|panel$|heatmap$|run = sw\.train)", cell.source, re.M))
        for cell in nbformat.read(NOTEBOOK, as_version=4).cells
        if cell.cell_type == "code"
    )
    assert n_widgets >= 5
    assert page.count(_static.paragraph("").split(">")[0]) >= n_widgets


@pytest.mark.slow
def test_published_saes_runs_without_a_network(tmp_path):
    text, page = run_offline(PUBLISHED, tmp_path)
    assert re.search(r"13,\d{3} SAEs in 1\d\d releases", text)
    assert 'sw.SAE.from_pretrained("gpt2-small-res-jb", "blocks.8.hook_resid_pre")' in text
    assert "dictionary_learning: topk, 192 -> 2048 features" in text
    difference, size = map(float, re.findall(r"largest difference: ([\d.e-]+), of values up to ([\d.]+)", text)[0])
    assert difference < 1e-5 * size
    plain, _, afterwards = map(float, re.findall(r"loss: ([\d.]+) plain, ([\d.]+) .*?, ([\d.]+) afterwards", text)[0])
    assert plain == afterwards
    assert "widget-view+json" not in page
    assert not re.search(r"""<(script|link|img|iframe)[^>]*\s(src|href)=["']?https?:""", page)


def test_the_notebook_is_committed_without_outputs():
    done = subprocess.run(
        [sys.executable, ROOT / "tools/clean_notebooks.py", "--check"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout


@pytest.mark.slow
def test_training_runs_without_a_network(tmp_path):
    text, page = run_offline(TRAINING, tmp_path)
    assert "largest difference from the run that was never stopped: 0.0" in text
    assert float(re.findall(r"mean correlation with the true features: ([\d.]+)", text)[0]) > 0.75
    assert "5 of 5 features are represented in 2 dimensions; the SAE has found 5 of the 5." in text
    assert "2 of 5 features are represented in 2 dimensions: 1, 2." in text
    assert "widget-view+json" not in page
    assert page.count(_static.paragraph("").split(">")[0]) >= 5


@pytest.mark.slow
def test_the_feature_laboratory_runs_without_a_network(tmp_path):
    text, page = run_offline(FEATURES, tmp_path)
    chosen = int(re.findall(r"Feature (\d+) “scripture", text)[0])
    assert f"features [{chosen}]" in text
    assert "FeatureBrowser: 2,048 of 2,048 features" in text
    for name in ("html", "png", "csv"):
        assert float(re.findall(rf"dashboard\.{name}  (\d+) kB", text)[0]) > 1
    assert "widget-view+json" not in page
    assert not re.search(r"""<(script|link|img|iframe)[^>]*\s(src|href)=["']?https?:""", page)
