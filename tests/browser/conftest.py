import pytest
from playwright.sync_api import expect

from tests.browser.jupyter import Lab

SETUP = """
import sae_widgets as sw
model, sae = sw.load_demo()
statistics = sw.known_statistics(sae)
PROMPT = "And the LORD said unto Moses.\\nOnce upon a time there was a little girl.\\ndef read(self, name): return 1"
"""

expect.set_options(timeout=20_000)  # other work may keep the machine busy


@pytest.fixture(scope="session")
def lab(tmp_path_factory):
    with Lab(tmp_path_factory.mktemp("lab")) as lab:
        yield lab


@pytest.fixture(scope="session")
def demo_notebook(lab):
    """One open notebook, with model and SAE loaded, that the widget tests share."""
    with lab.notebook([SETUP]) as notebook:
        notebook.run(0)
        yield notebook


@pytest.fixture
def book(demo_notebook):
    """The shared notebook; a test leaves no error, dialog or outside request behind."""
    yield demo_notebook
    demo_notebook.check_clean()
    assert demo_notebook.lab.kernel_external() == []


def pytest_collection_modifyitems(items):
    for item in items:
        if "browser" in item.path.parts:
            item.add_marker(pytest.mark.browser)
