"""Runs the comparison with SAELens (tests/parity) in its own environment, where `make test` has built one."""

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.mark.slow
@pytest.mark.skipif("SAE_WIDGETS_PARITY" not in os.environ, reason="no environment with SAELens (make test builds it)")
def test_we_agree_with_sae_lens():
    python = os.environ["SAE_WIDGETS_PARITY"]
    done = subprocess.run(
        [python, "-m", "pytest", "tests/parity", "-q", "-p", "no:cacheprovider"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=1800,
    )
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
    print(done.stdout[-4000:])
