"""Run the quickstart notebook without a browser and keep what it shows.

    python tools/demo.py                                   # -> build/quickstart.html, build/quickstart.txt
    python tools/demo.py --notebook N.ipynb --out FOLDER

The page needs neither network nor kernel: each widget is the still picture it carries (live widget state would ask a
CDN for code and show nothing without it). The text file is what each section printed. Exit 1 if a cell failed.
"""

import argparse
import re
import sys
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbconvert import HTMLExporter

ROOT = Path(__file__).resolve().parent.parent
WIDGET_MIME = "application/vnd.jupyter.widget-view+json"
ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
MAX_LINES = 14  # of one cell, in the summary


def execute(path: Path) -> tuple[nbformat.NotebookNode, CellExecutionError | None]:
    """The notebook with its outputs, and the error that ended it early, if one did."""
    notebook = nbformat.read(path, as_version=4)
    # Last of all, each widget's picture is renewed: curves, say, have grown since they were shown.
    freeze = nbformat.v4.new_code_cell("import sae_widgets as sw\nfrozen = sw.freeze_all()")
    notebook.cells.append(freeze)
    where = {"metadata": {"path": path.parent}}
    client = NotebookClient(notebook, timeout=600, store_widget_state=False, resources=where)
    try:
        client.execute()
        failure = None
    except CellExecutionError as error:
        failure = error
    notebook.cells.remove(freeze)
    return notebook, failure


def still(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """The notebook with pictures in place of live widgets."""
    notebook.metadata.pop("widgets", None)
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            output.get("data", {}).pop(WIDGET_MIME, None)
    return notebook


def page(notebook: nbformat.NotebookNode, title: str) -> str:
    """The notebook as one HTML page that asks for nothing: no require.js, no MathJax, no Mermaid from a CDN."""
    exporter = HTMLExporter(require_js_url="", jquery_url="", mathjax_url="", mermaid_js_url="", embed_images=True)
    html, _ = exporter.from_notebook_node(notebook, {"metadata": {"name": title}})
    # The template's element around an empty address would load the page itself.
    return re.sub(r'<script src="">\s*</script>', "", html)


def summary(notebook: nbformat.NotebookNode) -> str:
    """Each heading with what its cells printed or showed, in a few lines."""
    lines: list[str] = []
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            lines += [f"\n{line.lstrip('# ')}" for line in cell.source.splitlines() if line.startswith("#")]
            continue
        for output in cell.outputs:
            if output.get("name") == "stderr":
                continue
            text = output.get("text") or output.get("data", {}).get("text/plain") or ""
            if output.output_type == "error":
                text = f"{output.ename}: {output.evalue}"
            printed = ANSI.sub("", text).rstrip().splitlines()
            lines += [f"    {line}"[:160] for line in printed[:MAX_LINES]]
            if len(printed) > MAX_LINES:
                lines.append(f"    … {len(printed) - MAX_LINES} more lines")
    return "\n".join(lines).strip() + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--notebook", type=Path, default=ROOT / "notebooks/01_quickstart.ipynb")
    parser.add_argument("--out", type=Path, default=ROOT / "build")
    args = parser.parse_args()
    name = re.sub(r"^\d+_", "", args.notebook.stem)
    start = time.monotonic()
    notebook, error = execute(args.notebook)
    seconds = time.monotonic() - start
    args.out.mkdir(parents=True, exist_ok=True)
    (args.out / f"{name}.html").write_text(page(still(notebook), name), "utf-8")
    text = summary(notebook) + f"\n{args.notebook.name} ran in {seconds:.0f} s" + (" and failed\n" if error else "\n")
    (args.out / f"{name}.txt").write_text(text, "utf-8")
    print(text)
    if error:
        sys.exit(ANSI.sub("", str(error)))


if __name__ == "__main__":
    main()
