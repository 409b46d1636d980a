"""Keep notebooks free of outputs, counters and machine traces: a change of one is a change of its words or code.

python tools/clean_notebooks.py            # cleans notebooks/*.ipynb
python tools/clean_notebooks.py --check    # says which are not clean; exit 1
"""

import argparse
import json
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


def cleaned(text: str) -> str:
    """The notebook without outputs and counters, with cell ids by position, as nbformat writes it."""
    notebook = json.loads(text)
    notebook["metadata"] = METADATA
    for number, cell in enumerate(notebook["cells"]):
        cell["id"] = f"cell-{number}"
        tags = cell["metadata"].get("tags")
        cell["metadata"] = {"tags": tags} if tags else {}
        cell.pop("attachments", None)
        if cell["cell_type"] == "code":
            cell["outputs"], cell["execution_count"] = [], None
    return json.dumps(notebook, indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true")
    args = parser.parse_args()
    stale = []
    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        text = path.read_text("utf-8")
        if text != cleaned(text):
            stale.append(str(path.relative_to(ROOT)))
            if not args.check:
                path.write_text(cleaned(text), "utf-8")
    if stale:
        print(("not clean (make fix): " if args.check else "cleaned: ") + ", ".join(stale))
        sys.exit(args.check)


if __name__ == "__main__":
    main()
