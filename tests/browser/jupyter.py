"""A real JupyterLab in a real Chromium, for tests: one server and one browser, a notebook and a kernel per `Notebook`.

    with Lab(tmp) as lab, lab.notebook(["import sae_widgets as sw", "sw.TokenHeatmap(model, sae, 'hi')"]) as nb:
        nb.run_all()
        nb.output(1).get_by_role("slider").press("ArrowRight")

Nothing outside this machine is reached: the browser resolves no other name, kernels refuse other addresses, and both
keep a list (`nb.external`, `lab.kernel_external()`) so that a test can say that it stayed empty.
"""

import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlparse

from playwright.sync_api import Locator, Page, Request, Route, expect, sync_playwright

ROOT = Path(__file__).resolve().parents[2]
LOOPBACK = {"127.0.0.1", "localhost", "::1", ""}
VIEWPORT = {"width": 1280, "height": 900}
CHROMIUM_ARGS = [
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-proxy-server",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
]

# Runs first in every kernel: an address outside this machine is written down and refused.
KERNEL_STARTUP = """
def _guard():
    import json, sys
    log = {log!r}
    def hook(event, args):
        if event not in ("socket.getaddrinfo", "socket.connect"):
            return
        host = args[0] if event == "socket.getaddrinfo" else (args[1][0] if isinstance(args[1], tuple) else None)
        host = host.decode() if isinstance(host, bytes) else host
        if host and not (str(host) in ("localhost", "::1", "0.0.0.0") or str(host).startswith("127.")):
            with open(log, "a") as file:
                file.write(json.dumps([event, str(host)]) + "\\n")
            raise OSError(f"this test has no network: {{host}}")
    sys.addaudithook(hook)
_guard()
del _guard
"""

# JupyterLab's own objects (--expose-app-in-browser): running a cell this way waits for the kernel's reply.
PAGE_SCRIPT = """
window.sw = {
  panel() {
    for (const widget of window.jupyterapp?.shell.widgets('main') ?? [])
      if (widget.sessionContext && widget.content?.widgets) return widget;
  },
  cells() { return sw.panel().content.model.sharedModel.cells.map(c => c.toJSON()); },
  async run(i) {
    const panel = sw.panel();
    jupyterapp.shell.activateById(panel.id);
    panel.content.activeCellIndex = i;
    panel.content.deselectAll();
    return await jupyterapp.commands.execute('notebook:run-cell');
  },
  runs: [],
  start(i) {
    const run = {done: false};
    sw.runs.push(run);
    sw.run(i).finally(() => { run.done = true; });
    return sw.runs.length - 1;
  },
  async evaluate(code) {
    const kernel = sw.panel().sessionContext.session.kernel;
    const future = kernel.requestExecute({code: '', silent: true, store_history: false, user_expressions: {x: code}});
    return (await future.done).content.user_expressions.x;
  },
};
"""


def is_external(url: str) -> bool:
    parts = urlparse(url)
    return parts.scheme in ("http", "https", "ws", "wss") and (parts.hostname or "") not in LOOPBACK


def eventually(condition: Callable[[], bool], page: Page, *, timeout_s: float = 20) -> None:
    """Wait until something of the page that no locator can say is true; the page is drawn after Python is done."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, f"not true within {timeout_s} s"
        page.wait_for_timeout(50)


def chromium_path() -> str:
    """The Chromium that tools/chromium.py finds; exits with what to do where there is none."""
    found = subprocess.run([sys.executable, ROOT / "tools/chromium.py"], capture_output=True, text=True, check=False)
    if found.returncode:
        raise RuntimeError(found.stderr)
    return found.stdout.strip()


# What a widget shows when its work or its view failed; a test that wants such a panel marks its view (`expect_error`).
ERROR_PANELS = (
    ".sw-root:not([data-fails]) .sw-error:not([data-seen]):visible, .sw-view > .sw-error:not([data-seen]):visible"
)


def expect_error(view: Locator) -> None:
    """Wait for the error that `view` is meant to show; `check_clean` lets it pass, but not a view that failed."""
    expect(view.locator(".sw-error").first).to_be_visible()
    view.evaluate("root => root.setAttribute('data-fails', '')")


class Watched:
    """What a page did: requests outside this machine, errors, dialogs. All lists stay empty in a good page."""

    def __init__(self, page: Page) -> None:
        self.watched_page = page
        self.external: list[str] = []
        self.page_errors: list[str] = []
        self.console_errors: list[str] = []
        self.dialogs: list[str] = []
        page.context.on("request", self._on_request)
        page.context.route(is_external, self._block)
        page.on("pageerror", lambda error: self.page_errors.append(str(error)))
        page.on("console", lambda m: self.console_errors.append(m.text) if m.type == "error" else None)
        page.on("dialog", self._on_dialog)

    def check_clean(self) -> None:
        """Fails when the page asked another machine, raised or shows an error, or opened a dialog; then forgets it."""
        panels = self.watched_page.locator(ERROR_PANELS)
        seen = {
            "requests": [*self.external],
            "errors": [*self.page_errors],
            "dialogs": [*self.dialogs],
            "shown": panels.all_inner_texts(),
        }
        for found in (self.external, self.page_errors, self.dialogs):
            found.clear()
        panels.evaluate_all("panels => panels.forEach(panel => panel.setAttribute('data-seen', ''))")
        assert not any(seen.values()), seen

    def _on_request(self, request: Request) -> None:
        if is_external(request.url):
            self.external.append(request.url)

    def _block(self, route: Route) -> None:
        route.abort("namenotresolved")

    def _on_dialog(self, dialog) -> None:
        self.dialogs.append(dialog.message)
        dialog.dismiss()


class Lab:
    """JupyterLab on a free loopback port plus Chromium; a context manager."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.root = folder / "notebooks"
        self.root.mkdir(parents=True)
        self.kernel_log = folder / "kernel_network.jsonl"
        self.token = secrets.token_hex(16)

    def __enter__(self) -> "Lab":
        self._write_settings("Light")
        self.server = self._start_server()
        self.playwright = sync_playwright().start()
        self.browser = self.playwright.chromium.launch(executable_path=chromium_path(), args=CHROMIUM_ARGS)
        return self

    def __exit__(self, *_exc) -> None:
        self.browser.close()
        self.playwright.stop()
        os.killpg(self.server.pid, signal.SIGTERM)
        try:
            self.server.wait(15)
        except subprocess.TimeoutExpired:
            os.killpg(self.server.pid, signal.SIGKILL)
            self.server.wait()

    def notebook(self, cells: list[str], *, theme: str = "light", name: str | None = None) -> "Notebook":
        """A new notebook of these code cells, opened in a tab of its own."""
        name = name or f"nb-{secrets.token_hex(3)}"
        write_notebook(self.root / f"{name}.ipynb", cells)
        return self.open(f"{name}.ipynb", theme=theme)

    def open(self, name: str, *, theme: str = "light") -> "Notebook":
        """An existing notebook of the server's folder."""
        self._write_settings(theme.capitalize())
        return Notebook(self, name, theme)

    def page(self, *, theme: str = "light", javascript: bool = True) -> Page:
        """A page without JupyterLab, e.g. for a saved file."""
        context = self.browser.new_context(viewport=VIEWPORT, color_scheme=theme, java_script_enabled=javascript)
        context.set_default_timeout(30_000)
        return context.new_page()

    def kernel_external(self) -> list[str]:
        """What kernels asked of other machines, as `event host` (nothing, in a good test)."""
        lines = self.kernel_log.read_text().splitlines() if self.kernel_log.exists() else []
        return [" ".join(json.loads(line)) for line in lines]

    def _write_settings(self, theme: str) -> None:
        settings = {
            "apputils-extension/themes": {"theme": f"JupyterLab {theme}"},
            "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
            "notebook-extension/tracker": {"windowingMode": "none"},
        }
        for name, values in settings.items():
            path = self.folder / "settings/@jupyterlab" / f"{name}.jupyterlab-settings"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(values))

    def _environment(self) -> dict[str, str]:
        data, startup = self.folder / "data", self.folder / "ipython/profile_default/startup"
        spec = data / "kernels/python3/kernel.json"
        for path in (spec.parent, startup):
            path.mkdir(parents=True, exist_ok=True)
        argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        # JUPYTER_PATH comes first: the kernel is this Python, whatever kernelspecs the machine has.
        spec.write_text(json.dumps({"argv": argv, "display_name": "Python 3", "language": "python"}))
        (startup / "00-guard.py").write_text(KERNEL_STARTUP.format(log=str(self.kernel_log)))
        foreign = ("JUPYTER", "IPYTHON", "PYTEST")
        env = {key: value for key, value in os.environ.items() if not key.startswith(foreign)}
        return env | {
            "JUPYTER_TOKEN": self.token,
            "JUPYTER_PATH": str(data),
            "JUPYTER_DATA_DIR": str(data),
            "JUPYTER_CONFIG_DIR": str(self.folder / "config"),
            "JUPYTER_RUNTIME_DIR": str(self.folder / "runtime"),
            "JUPYTERLAB_SETTINGS_DIR": str(self.folder / "settings"),
            "JUPYTERLAB_WORKSPACES_DIR": str(self.folder / "workspaces"),
            "IPYTHONDIR": str(self.folder / "ipython"),
            "HF_HUB_OFFLINE": "1",
        }

    def _start_server(self) -> subprocess.Popen:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        argv = [sys.executable, "-m", "jupyterlab", "--no-browser", "--ip=127.0.0.1", f"--port={port}"]
        argv += ["--ServerApp.port_retries=0", "--allow-root", f"--ServerApp.root_dir={self.root}"]
        argv += ["--expose-app-in-browser", "--LabApp.extension_manager=readonly"]
        argv += ["--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate"]
        with (self.folder / "server.log").open("ab") as log:
            server = subprocess.Popen(
                argv, cwd=self.root, env=self._environment(), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True,
            )  # fmt: skip
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            if server.poll() is not None:
                break
            try:
                urllib.request.urlopen(f"{self.url}/api/status?token={self.token}", timeout=5).close()
                return server
            except OSError:
                time.sleep(0.1)
        raise RuntimeError("JupyterLab did not start:\n" + (self.folder / "server.log").read_text()[-3000:])


class Notebook(Watched):
    """One notebook in one browser tab. Cells are counted from 0."""

    def __init__(self, lab: Lab, name: str, theme: str) -> None:
        self.lab, self.name, self.theme = lab, name, theme
        self.path = lab.root / name
        self.page = lab.page(theme=theme)
        super().__init__(self.page)
        self.page.add_init_script(PAGE_SCRIPT)

    def __enter__(self) -> "Notebook":
        self.load()
        return self

    def __exit__(self, *_exc) -> None:
        self.end_kernel()
        self.page.context.close()

    def end_kernel(self) -> None:
        self.page.evaluate("async () => { try { await sw.panel().sessionContext.shutdown(); } catch {} }")

    def load(self) -> None:
        """Open (or reload) the page and wait until a kernel answers."""
        # A workspace of its own: JupyterLab would restore another notebook's tabs.
        url = f"{self.lab.url}/lab/workspaces/{secrets.token_hex(4)}/tree/{self.name}?token={self.lab.token}"
        self.page.goto(url)
        self.page.wait_for_function("() => window.jupyterapp && sw.panel()")
        self.page.evaluate("async () => { const p = sw.panel(); await p.context.ready; await p.sessionContext.ready; }")
        self.page.wait_for_function("() => sw.panel().sessionContext.session?.kernel?.connectionStatus === 'connected'")
        self.page.evaluate("async () => { await sw.panel().sessionContext.session.kernel.info; }")
        self.page.evaluate("() => { jupyterapp.shell.collapseLeft(); jupyterapp.shell.collapseRight(); }")

    # --- cells --------------------------------------------------------------------------------------------------------
    def run(self, cell: int, *, timeout_s: float = 180) -> None:
        """Run one cell and wait; a Python error fails here."""
        self.wait_run(self.start(cell), timeout_s=timeout_s)
        for output in self.outputs(cell):
            if output["output_type"] == "error":
                raise AssertionError(f"cell {cell}: {output['ename']}: {output['evalue']}")

    def run_all(self, *, timeout_s: float = 180) -> None:
        for cell in range(len(self.page.evaluate("() => sw.cells()"))):
            self.run(cell, timeout_s=timeout_s)

    def start(self, cell: int) -> int:
        """Run a cell without waiting; the number is for `wait_run`."""
        return self.page.evaluate("i => sw.start(i)", cell)

    def wait_run(self, number: int, *, timeout_s: float = 180) -> None:
        self.page.wait_for_function("i => sw.runs[i].done", arg=number, timeout=timeout_s * 1000)

    def outputs(self, cell: int) -> list[dict]:
        """The cell's outputs as nbformat would save them."""
        return self.page.evaluate("i => sw.cells()[i].outputs ?? []", cell)

    def add(self, source: str) -> int:
        """Append a code cell; its number."""
        script = """source => {
            const model = sw.panel().content.model.sharedModel;
            model.insertCell(model.cells.length, {cell_type: 'code', source, metadata: {}});
            return model.cells.length - 1;
        }"""
        return self.page.evaluate(script, source)

    def python(self, expression: str):
        """Value of an expression in the kernel (anything JSON can carry). Waits while the kernel is busy."""
        answer = self.page.evaluate("code => sw.evaluate(code)", f"__import__('json').dumps({expression})")
        if answer["status"] != "ok":
            raise AssertionError(f"{expression}: {answer['ename']}: {answer['evalue']}")
        return json.loads(json.loads(_python_string(answer["data"]["text/plain"])))

    def wait_python(self, expression: str, *, timeout_s: float = 60):
        """The first true value of an expression; asks ten times a second."""
        deadline = time.monotonic() + timeout_s
        while not (value := self.python(expression)):
            if time.monotonic() > deadline:
                raise AssertionError(f"not true within {timeout_s} s: {expression}")
            self.page.wait_for_timeout(100)
        return value

    def show(self, source: str, *, timeout_s: float = 180) -> Locator:
        """Append a cell, run it, and the widget it shows: the root inside its shadow root."""
        cell = self.add(source)
        self.run(cell, timeout_s=timeout_s)
        root = self.output(cell).locator(".sw-root").first
        root.wait_for()
        return root

    # --- what is seen -------------------------------------------------------------------------------------------------
    def cell(self, cell: int) -> Locator:
        return self.page.locator(".jp-Notebook .jp-Cell").nth(cell)

    def output(self, cell: int) -> Locator:
        return self.cell(cell).locator(".jp-Cell-outputArea")

    def set_theme(self, theme: str) -> None:
        """ "light" or "dark", as a reader changes it: in the open notebook."""
        name = f"JupyterLab {theme.capitalize()}"
        self.page.evaluate("theme => jupyterapp.commands.execute('apputils:change-theme', {theme})", name)
        flag = "true" if theme == "light" else "false"
        self.page.wait_for_selector(f'body[data-jp-theme-light="{flag}"]', state="attached")

    def screenshots(self, name: str, what: Locator) -> None:
        """Pictures for a person to look at: build/screens/<name>-light.png and -dark.png."""
        # Tall enough that JupyterLab does not cut a long widget.
        self.page.set_viewport_size({"width": 1280, "height": 1500})
        for theme in ("dark", "light"):
            self.set_theme(theme)
            self.page.wait_for_timeout(400)
            shoot(what, f"{name}-{theme}")
        self.page.set_viewport_size(VIEWPORT)

    def save(self) -> None:
        self.page.evaluate("async () => { await sw.panel().context.save(); }")


def shoot(what: Locator | Page, name: str) -> Path:
    """A picture in build/screens/."""
    path = ROOT / "build/screens" / f"{name}.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(what, Locator):
        what.scroll_into_view_if_needed()
    what.screenshot(path=path)
    return path


def _python_string(text: str) -> str:
    """repr of a str, as JSON text."""
    import ast

    return json.dumps(ast.literal_eval(text))


def write_notebook(path: Path, cells: list[str]) -> None:
    import nbformat

    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(notebook, path)
