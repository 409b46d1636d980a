import sys
import types

import pytest

from sae_widgets import checkup as module
from sae_widgets.checkup import Finding, Report, doctor, find_host, version_of

HOST_VARIABLES = (
    "VSCODE_PID",
    "VSCODE_CWD",
    "JPY_SESSION_NAME",
    "KAGGLE_KERNEL_RUN_TYPE",
    "BINDER_SERVICE_HOST",
    "BINDER_REPO_URL",
)


@pytest.fixture
def shell(monkeypatch):
    """A shell as `get_ipython()` gives it in a kernel."""
    shell = types.SimpleNamespace(kernel=object(), user_ns={})
    monkeypatch.setattr(module, "find_shell", lambda: shell)
    for name in (
        "VSCODE_PID",
        "VSCODE_CWD",
        "JPY_SESSION_NAME",
        "KAGGLE_KERNEL_RUN_TYPE",
        "BINDER_SERVICE_HOST",
        "BINDER_REPO_URL",
    ):
        monkeypatch.delenv(name, raising=False)
    for name in ("marimo", "google.colab"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    return shell


def test_each_host_is_known_by_what_it_leaves_behind(shell, monkeypatch):
    assert find_host() == "Jupyter kernel (front end unknown)"
    monkeypatch.setenv("JPY_SESSION_NAME", "notebook.ipynb")
    assert find_host() == "Jupyter (JupyterLab or Notebook)"
    monkeypatch.setenv("BINDER_SERVICE_HOST", "x")
    assert find_host() == "Binder (Jupyter)"
    shell.user_ns["__vsc_ipynb_file__"] = "x.ipynb"
    assert find_host() == "VS Code"
    monkeypatch.setitem(sys.modules, "google.colab", types.ModuleType("google.colab"))
    assert find_host() == "Colab"
    monkeypatch.setitem(sys.modules, "marimo", types.SimpleNamespace(running_in_notebook=lambda: True))
    assert find_host() == "marimo"
    sys.modules["marimo"].running_in_notebook = lambda: False
    assert find_host() == "Colab"


def test_terminals_are_told_apart(shell, monkeypatch):
    shell.kernel = None
    assert find_host() == "IPython terminal"
    monkeypatch.setattr(module, "find_shell", lambda: None)
    assert find_host().startswith("Python ")


def test_a_report_tells_versions_and_device_and_has_no_page_here():
    report = doctor()
    assert report["torch"] == version_of("torch")
    assert report["device"]
    assert "core" in report["cpu"]
    assert "no page to click on" in report["clicks while a cell runs"]
    with pytest.raises(KeyError, match="No finding 'gpu'; there are: host, python"):
        report["gpu"]


@pytest.mark.parametrize(
    ("version", "told", "has_remedy"),
    [("6.31.0", "clicks wait", False), ("7.0.0", "loses what threads send", True), ("7.4.0", "can take clicks", False)],
)
def test_a_broken_kernel_is_named_with_its_remedy(shell, monkeypatch, version, told, has_remedy):
    monkeypatch.setattr(module, "version_of", lambda name: version if name == "ipykernel" else "1.0")
    report = doctor(click_wait_s=0)
    assert told in report["kernel"]
    assert ("kernel" in {finding.name for finding in report.problems}) is has_remedy
    assert report["clicks while a cell runs"].startswith("unknown")


def test_a_report_prints_as_lines_and_as_an_escaped_table():
    report = Report((Finding("host", "<b>lab</b>"), Finding("kernel", "old", "pip install new")))
    assert str(report).splitlines() == [
        "sae_widgets doctor",
        "  host    <b>lab</b>",
        "  kernel  old",
        "          → pip install new",
        "  1 to look at",
    ]
    html = report._repr_html_()
    assert "&lt;b&gt;lab" in html
    assert "<b>" not in html
    assert str(Report((Finding("host", "x"),))).endswith("All is well.")


def test_the_click_test_says_when_the_message_came():
    from sae_widgets.widgets.click_test import ClickTest

    test = ClickTest()
    assert test.wait_for_click(0.01) is None
    test.on_message({"kind": "other"}, [])
    assert test.arrival is None
    test.on_message({"kind": "click"}, [])
    test.flush()
    assert test.arrival.thread == "main thread"
    assert "Clicks wait until the cell has ended" in test.verdict

    early = ClickTest()
    early.on_message({"kind": "click"}, [])
    assert early.wait_for_click(1.0) is early.arrival
    early.flush()
    assert early.verdict.startswith("Clicks arrive while a cell runs")
    for widget in (test, early):
        widget.close()


def test_the_public_name_is_the_function_whoever_imported_the_module_first():
    import sae_widgets

    assert sae_widgets.doctor is doctor
