"""The driver itself, with a widget of a few lines: what it reports is true before it judges ours."""

import pytest

WIDGET = '''
import anywidget, traitlets
class Counter(anywidget.AnyWidget):
    _esm = """
    export default { render({ model, el }) {
      const root = el.attachShadow({ mode: "open" });
      const button = document.createElement("button");
      const draw = () => { button.textContent = "count " + model.get("n"); };
      button.addEventListener("click", () => { model.set("n", model.get("n") + 1); model.save_changes(); });
      model.on("change:n", draw);
      draw();
      root.append(button);
    } };
    """
    n = traitlets.Int(0).tag(sync=True)
counter = Counter()
counter
'''


OUTSIDE = """
import socket
try:
    socket.create_connection(("192.0.2.1", 80), 1)
except OSError as error:
    said = str(error)
"""


@pytest.fixture(scope="module")
def notebook(lab):
    with lab.notebook([WIDGET, "1 / 0", "import time; time.sleep(0.5); 'slept'"]) as notebook:
        yield notebook


def test_a_click_reaches_the_kernel_and_a_kernel_change_the_page(notebook):
    notebook.run(0)
    button = notebook.output(0).get_by_role("button", name="count 0")
    button.click()
    assert notebook.wait_python("counter.n") == 1
    notebook.python("setattr(counter, 'n', 41)")
    notebook.output(0).get_by_role("button", name="count 41").press("Enter")
    assert notebook.wait_python("counter.n == 42 and counter.n") == 42


def test_a_failing_cell_fails_the_run(notebook):
    with pytest.raises(AssertionError, match="ZeroDivisionError"):
        notebook.run(1)


def test_outputs_are_those_of_the_finished_cell(notebook):
    notebook.run(2)
    assert notebook.outputs(2)[0]["data"]["text/plain"] == "'slept'"


def test_the_outside_is_refused_and_written_down(lab):
    with lab.notebook([OUTSIDE]) as notebook:
        notebook.run(0)
        assert "no network" in notebook.python("said")
        assert lab.kernel_external() == ["socket.getaddrinfo 192.0.2.1"]
        lab.kernel_log.unlink()
        notebook.page.evaluate("() => fetch('http://example.invalid/x').catch(() => {})")
        assert notebook.external == ["http://example.invalid/x"]
        notebook.page.evaluate("() => { alert('hello'); }")
        assert notebook.dialogs == ["hello"]
