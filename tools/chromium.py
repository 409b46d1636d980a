"""Find the Chromium that the browser tests drive, or get one.

    python tools/chromium.py            # prints its path; exit 1 where there is none
    python tools/chromium.py --install  # the distribution's package, else Playwright's build; else exit 1, what to do

Order: $SAE_WIDGETS_CHROMIUM, what the system has, what Playwright has downloaded.
"""

import argparse
import os
import shutil
import subprocess
import sys
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome", "chrome")
MAC = "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"
REMEDY = """\
No Chromium found, and the browser tests are never skipped in silence. Do one of
    apt-get install chromium              (as root, or with sudo)
    python -m playwright install --with-deps chromium
    export SAE_WIDGETS_CHROMIUM=/path/to/chromium
and run again."""


def find() -> str | None:
    """Path of a Chromium that starts, or None."""
    asked = os.environ.get("SAE_WIDGETS_CHROMIUM")
    if asked:
        if not starts(asked):
            raise SystemExit(f"SAE_WIDGETS_CHROMIUM={asked} does not start (`{asked} --version`).")
        return asked
    candidates = [shutil.which(name) for name in NAMES] + [MAC, playwrights()]
    return next((c for c in candidates if c and Path(c).exists() and starts(c)), None)


def starts(path: str) -> bool:
    # Ubuntu's chromium-browser may be a stub that only says "install the snap": existing is not enough.
    try:
        return subprocess.run([path, "--version"], capture_output=True, timeout=60).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def playwrights() -> str | None:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        return playwright.chromium.executable_path


def install() -> None:
    """Get a Chromium: the distribution's where we may install packages, else Playwright's."""
    for command in install_commands():
        print("+", " ".join(command), file=sys.stderr, flush=True)
        if subprocess.run(command, stdin=subprocess.DEVNULL, stdout=sys.stderr).returncode:
            print(f"  did not succeed: {' '.join(command)}", file=sys.stderr)
        elif found := find():
            print(found)
            return
    raise SystemExit(REMEDY)


def install_commands() -> list[list[str]]:
    commands = []
    if shutil.which("apt-get"):
        env = ["env", "DEBIAN_FRONTEND=noninteractive"]
        if os.geteuid() == 0:
            prefix = env
        elif shutil.which("sudo") and subprocess.run(["sudo", "-n", "true"], capture_output=True).returncode == 0:
            prefix = ["sudo", "-n", *env]
        else:
            prefix = None
        if prefix is not None:
            script = "apt-get update -q && apt-get install -yq --no-install-recommends chromium fonts-dejavu-core"
            commands.append([*prefix, "sh", "-c", script])
    commands.append([sys.executable, "-m", "playwright", "install", "chromium"])
    return commands


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--install", action="store_true")
    args = parser.parse_args()
    if path := find():
        print(path)
    elif args.install:
        install()
    else:
        raise SystemExit(REMEDY)


if __name__ == "__main__":
    main()
