"""What this notebook can do: host, versions, device, and whether clicks arrive while a cell runs.

`doctor()` looks and tells; it changes nothing and asks no network. Whether clicks arrive is found out, not guessed: a
small view sends one message while the calling cell waits, and the report says when and on which thread it came.
"""

import argparse
import importlib.metadata
import os
import platform
import sys
from dataclasses import dataclass, field
from typing import Any

PACKAGES = (
    "sae-widgets",
    "torch",
    "transformer-lens",
    "transformers",
    "anywidget",
    "ipywidgets",
    "ipykernel",
    "IPython",
)
CLICK_WAIT_S = 3.0


@dataclass(frozen=True)
class Finding:
    """One line of the report."""

    name: str
    value: str
    remedy: str = ""
    """What to do about it; empty when all is well."""


@dataclass(frozen=True)
class Report:
    """What `doctor()` found. Prints as text; a notebook shows it as a table."""

    findings: tuple[Finding, ...] = field(default_factory=tuple)

    def __getitem__(self, name: str) -> str:
        for finding in self.findings:
            if finding.name == name:
                return finding.value
        raise KeyError(f"No finding {name!r}; there are: {', '.join(f.name for f in self.findings)}.")

    @property
    def problems(self) -> tuple[Finding, ...]:
        """The findings that want something done."""
        return tuple(finding for finding in self.findings if finding.remedy)

    def __str__(self) -> str:
        width = max((len(finding.name) for finding in self.findings), default=0)
        lines = ["sae_widgets doctor"]
        for finding in self.findings:
            lines.append(f"  {finding.name:<{width}}  {finding.value}")
            if finding.remedy:
                lines.append(f"  {'':<{width}}  → {finding.remedy}")
        lines.append(f"  {len(self.problems)} to look at" if self.problems else "  All is well.")
        return "\n".join(lines)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        from sae_widgets.widgets import _static

        rows = [(finding.name, finding.value, finding.remedy) for finding in self.findings]
        verdict = f"{len(self.problems)} to look at" if self.problems else "All is well."
        return _static.card("sae_widgets doctor", _static.table(("", "found", "what to do"), rows), note=verdict)


def doctor(click_wait_s: int | float = CLICK_WAIT_S) -> Report:
    """What this session is and can do, as a `Report`.

    Args:
        click_wait_s: How long to wait for the page's message, seconds; 0 leaves that question open.
    """
    host = find_host()
    findings = [
        Finding("host", host),
        Finding("python", f"{platform.python_version()} on {platform.system()} {platform.machine()}"),
        *(Finding(name, version_of(name) or "not installed") for name in PACKAGES),
        _kernel(),
        Finding("device", _device()),
        Finding("cpu", _cpu()),
        _clicks(host, click_wait_s),
    ]
    return Report(tuple(findings))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Of `sae-widgets doctor`: none, there is nothing to choose."""


def main(args: argparse.Namespace) -> int:
    """`sae-widgets doctor`. Always 0: a finding is no failure."""
    print(doctor(click_wait_s=0))  # noqa: T201
    return 0


def version_of(name: str) -> str | None:
    """The installed version of a distribution, or None."""
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def find_shell() -> Any:
    """The running IPython shell, or None; does not import IPython."""
    ipython = sys.modules.get("IPython")
    return ipython.get_ipython() if ipython is not None else None


def find_host() -> str:
    """Where this runs, from what each host leaves behind: "JupyterLab", "VS Code", "Colab", "marimo", "terminal" ..."""
    marimo = sys.modules.get("marimo")
    if marimo is not None and marimo.running_in_notebook():
        return "marimo"
    if "google.colab" in sys.modules:
        return "Colab"
    shell = find_shell()
    if shell is None:
        return "Python script" if hasattr(sys.modules.get("__main__"), "__file__") else "Python terminal"
    if getattr(shell, "kernel", None) is None:
        return "IPython terminal"
    environment = os.environ
    if "VSCODE_PID" in environment or "VSCODE_CWD" in environment or "__vsc_ipynb_file__" in shell.user_ns:
        return "VS Code"
    if environment.get("KAGGLE_KERNEL_RUN_TYPE"):
        return "Kaggle"
    if environment.get("BINDER_SERVICE_HOST") or environment.get("BINDER_REPO_URL"):
        return "Binder (Jupyter)"
    if environment.get("JPY_SESSION_NAME"):
        return "Jupyter (JupyterLab or Notebook)"
    return "Jupyter kernel (front end unknown)"


def _kernel() -> Finding:
    version = version_of("ipykernel")
    shell = find_shell()
    if version is None or getattr(shell, "kernel", None) is None:
        return Finding("kernel", "none: widgets need a notebook")
    if version.startswith("7.0.0"):
        return Finding("kernel", "ipykernel 7.0.0 loses what threads send", "pip install 'ipykernel!=7.0.0'")
    if int(version.split(".")[0]) < 7:
        return Finding("kernel", f"ipykernel {version}: clicks wait while a cell runs; training runs beside the cells")
    return Finding("kernel", f"ipykernel {version}: can take clicks while a cell runs, if the page asks for it")


def _device() -> str:
    import torch

    if torch.cuda.is_available():
        free, total = torch.cuda.mem_get_info()
        return f"cuda: {torch.cuda.get_device_name()}, {free / 1e9:.1f} of {total / 1e9:.1f} GB free"
    if torch.backends.mps.is_available():
        return "mps (Apple GPU)"
    return f"cpu, {torch.get_num_threads()} threads"


def _cpu() -> str:
    count = os.cpu_count() or 1
    return f"{count} core{'s' if count != 1 else ''}{_memory()}"


def _memory() -> str:
    try:
        return f", {os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 1e9:.1f} GB memory"
    except (AttributeError, ValueError, OSError):  # Windows
        return ""


def _clicks(host: str, wait_s: int | float) -> Finding:
    name = "clicks while a cell runs"
    if getattr(find_shell(), "kernel", None) is None:
        return Finding(name, f"no page to click on in a {host}")
    if wait_s <= 0:
        return Finding(name, "unknown: not tried; doctor() waits for an answer of the page")
    from sae_widgets.widgets.click_test import ClickTest

    test = ClickTest()
    test.show()
    arrival = test.wait_for_click(wait_s)
    if arrival is None:
        return Finding(
            name,
            f"none came within {wait_s:g} s: either this host holds them back until the cell ends, or no page is open",
            "Train as usual: work runs beside the cells, and clicks act as soon as no cell runs. "
            "The line above this report says when the click came.",
        )
    return Finding(name, f"yes: one came after {arrival.after_s * 1000:.0f} ms, on the {arrival.thread}")
