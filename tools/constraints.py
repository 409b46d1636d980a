"""Write constraints.txt: the exact versions the tests ran with, for users, CI and Binder.

    python tools/constraints.py            # rewrites constraints.txt from the running environment
    python tools/constraints.py --check    # fails if the environment differs from it

Covers what `sae-widgets[dev]` needs, directly or not, and nothing else that happens to be installed.
"""

import argparse
import sys
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).resolve().parent.parent
TARGET = ROOT / "constraints.txt"
HEADER = """\
# The versions the tests ran with (Python 3.11, Linux). Written by tools/constraints.py; use it as
#     pip install torch=={torch} && pip install -c constraints.txt sae-widgets
# Lines with a marker have no release for Python 3.10: there pip takes the newest that fits.
"""


def needed(roots: list[str]) -> dict[str, Distribution]:
    """Every installed distribution that `roots` (requirement strings) pull in, by canonical name."""
    found: dict[str, Distribution] = {}
    seen: set[tuple[str, str]] = set()
    todo = [Requirement(root) for root in roots]
    while todo:
        requirement = todo.pop()
        for extra in ["", *sorted(requirement.extras)]:
            name = canonicalize_name(requirement.name)
            if (name, extra) in seen:
                continue
            seen.add((name, extra))
            try:
                found[name] = distribution(name)
            except PackageNotFoundError:
                raise SystemExit(f"{name} is needed but not installed: run `make dev` first.") from None
            for line in found[name].requires or []:
                child = Requirement(line)
                if child.marker is None or child.marker.evaluate({"extra": extra}):
                    todo.append(child)
    return found


def line_of(name: str, dist: Distribution) -> str:
    """`name==version`, without the local part (`+cpu`), marked where Python 3.10 cannot have it."""
    python = dist.metadata["Requires-Python"]
    marker = "" if not python or "3.10.99" in SpecifierSet(python) else ' ; python_version >= "3.11"'
    return f"{name}=={Version(dist.version).public}{marker}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true")
    args = parser.parse_args()
    found = needed(["sae-widgets[dev]"])
    del found["sae-widgets"]
    text = HEADER.format(torch=Version(found["torch"].version).public)
    text += "".join(line_of(name, found[name]) + "\n" for name in sorted(found))
    if not args.check:
        TARGET.write_text(text)
        print(f"{len(found)} versions in {TARGET.name}")
    elif TARGET.read_text() != text:
        old, new = set(TARGET.read_text().splitlines()), set(text.splitlines())
        sys.exit("constraints.txt differs from this environment:\n" + "\n".join(sorted(old ^ new)))


if __name__ == "__main__":
    main()
