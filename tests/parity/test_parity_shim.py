"""The shim offers SAELens' public names, or says why not."""

import json
import os
import subprocess
import sys
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from tests.parity.public_names import names_of

SHIM = Path(__file__).parent / "shim"


def with_the_shim(*arguments: str, stdin: str = "") -> str:
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-W", "ignore", *arguments],
        input=stdin,
        capture_output=True,
        text=True,
        cwd=root,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(SHIM), str(root)])},
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


@pytest.fixture(scope="module")
def rows() -> list[str]:
    """The names and patterns that MISSING.md lists."""
    lines = (SHIM / "MISSING.md").read_text(encoding="utf-8").splitlines()
    return [line.split("`")[1] for line in lines if line.startswith("| `")]


@pytest.fixture(scope="module")
def lacking() -> list[str]:
    """SAELens' public names that the shim does not offer."""
    names = names_of("sae_lens")
    assert sum(map(len, names.values())) > 1000
    return json.loads(with_the_shim("-m", "tests.parity.public_names", stdin=json.dumps(names)))


def test_each_name_of_saelens_is_offered_or_listed_as_missing(lacking: list[str], rows: list[str]):
    unlisted = [name for name in lacking if not any(fnmatchcase(name, row) for row in rows)]
    assert not unlisted, f"neither offered by the shim nor listed in MISSING.md: {', '.join(unlisted)}"


def test_what_is_listed_as_missing_is_missing(lacking: list[str], rows: list[str]):
    stale = [row for row in rows if not any(fnmatchcase(name, row) for name in lacking)]
    assert not stale, f"MISSING.md lists what is offered by now: {', '.join(stale)}"


def test_missing_names_say_why():
    code = """
import sae_lens
for action in (lambda: sae_lens.PretrainedSaeDiskLoader, lambda: __import__("sae_lens.analysis.compat")):
    try:
        action()
    except (AttributeError, ImportError) as error:
        print(error)
"""
    first, second = with_the_shim("-c", code).splitlines()
    assert first == (
        "sae_lens.PretrainedSaeDiskLoader is not offered here: "
        "A format is a module of `sae_widgets.loaders` that reads folders and repositories alike."
    )
    assert second == (
        "sae_lens.analysis.compat is not offered here: "
        "Models are told apart by what they offer, not by a version number."
    )


def test_the_shim_is_us_and_never_saelens():
    code = """
import sys, sae_lens
from sae_lens.saes.topk_sae import TopKSAE
print(TopKSAE.__module__, *sorted(m for m in sys.modules if m.startswith("transformer_lens")))
print(sae_lens.__file__)
"""
    classes, where = with_the_shim("-c", code).splitlines()
    assert classes == "sae_widgets.architectures.topk"
    assert where == str(SHIM / "sae_lens" / "__init__.py")
