"""What the comparisons share: a process for each side, asked in turns; figures of rounds; the file a part leaves.

Both sides meet the same load of the machine because they are asked one after the other, round by round; what is told is
the median of the ratios within rounds, with the least and the most.
"""

import argparse
import contextlib
import json
import os
import platform
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
PEERS = ROOT / ".venv-bench" / "bin" / "python"
"""Python where SAELens, sparsify and dictionary_learning are; `make bench` makes it."""
DASHBOARD = ROOT / ".venv-dashboard" / "bin" / "python"
"""The same of sae-dashboard, which wants an older TransformerLens."""
OUT = ROOT / "build" / "bench"


class SideError(RuntimeError):
    """A side's process ended where an answer was due."""


class Side:
    """A process that answers; `setup` is what its script is given, `python` whose packages it runs with.

    Packages in the folder `path` come before those.
    """

    def __init__(
        self, script: str, setup: Mapping[str, Any], python: str | Path = sys.executable, path: Path | None = None
    ) -> None:
        threads = str(setup.get("threads", 2))
        env = {**os.environ, "OMP_NUM_THREADS": threads, "OMP_WAIT_POLICY": "PASSIVE"}
        env |= {} if path is None else {"PYTHONPATH": str(path)}
        command = [str(python), str(Path(__file__).parent / "sides" / script), json.dumps(setup)]
        self.name = f"{script} ({setup.get('side', '')})"
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, env=env)
        self._is_ready = False  # sides start at the same time: what they import takes seconds

    def ask(self, what: str) -> dict[str, Any]:
        """What `what` took (`cpu`, `wall`, seconds) and, as `value`, gave."""
        assert self.process.stdin is not None
        if not self._is_ready:
            self._read("start")
            self._is_ready = True
        print(json.dumps({"do": what}), file=self.process.stdin, flush=True)
        return self._read(what)

    def _read(self, what: str) -> dict[str, Any]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise SideError(f"{self.name} failed at {what!r}; why is told above.")
        return json.loads(line)

    def end(self) -> None:
        assert self.process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        self.process.wait()

    def __enter__(self) -> "Side":
        return self

    def __exit__(self, *error: object) -> None:
        if any(error):
            self.process.kill()
        self.end()


def in_turns(cases: Mapping[str, Callable[[], Any]], n_rounds: int) -> dict[str, list[Any]]:
    """What each case gave, round by round; a first round, which warms up, is left out."""
    found: dict[str, list[Any]] = {name: [] for name in cases}
    for turn in range(n_rounds + 1):
        for name, case in cases.items():
            given = case()
            if turn:
                found[name].append(given)
    return found


def spread(values: Iterable[float]) -> list[float]:
    """Median, least and most."""
    values = list(values)
    return [statistics.median(values), min(values), max(values)]


def ratios(theirs: list[dict[str, Any]], ours: list[dict[str, Any]], what: str = "cpu") -> list[float]:
    """By how much theirs is more, round by round: median, least and most."""
    return spread(b[what] / a[what] for a, b in zip(ours, theirs, strict=True))


@dataclass
class Row:
    """A line of the table: what was measured, and what it should be."""

    bar: str
    """Number of the bar it belongs to; "" for what has none."""
    what: str
    ours: str
    peer: str
    ratio: list[float]
    """Median, least and most."""
    wanted: str = ""
    """As the bar has it, e.g. "≥ 3.5"."""
    is_met: bool | None = None


def bar_row(bar: str, what: str, ours: str, peer: str, ratio: list[float], *, least: float | None = None,
            most: float | None = None) -> Row:  # fmt: skip
    """A row whose ratio has to be at least, or at most, so much."""
    if least is not None:
        return Row(bar, what, ours, peer, ratio, f"≥ {least:g}", round(ratio[0], 2) >= least)
    if most is not None:
        return Row(bar, what, ours, peer, ratio, f"≤ {most:g}", round(ratio[0], 2) <= most)
    return Row(bar, what, ours, peer, ratio)


@dataclass
class Part:
    """What a benchmark found: rows for the table, all else for the file."""

    name: str
    rows: list[Row] = field(default_factory=list)
    details: dict[str, Any] = field(default_factory=dict)

    def tell(self, out: Path | None) -> None:
        """Prints the rows and writes them."""
        for row in self.rows:
            middle, least, most = row.ratio
            met = {None: "", True: "met", False: "NOT met"}[row.is_met]
            wanted = f"; bar {row.wanted}: {met}" if row.wanted else ""
            print(f"{row.what}: {row.ours}; {row.peer}; {middle:.2f} ({least:.2f} - {most:.2f}){wanted}", flush=True)
        self.write(out)

    def write(self, out: Path | None) -> None:
        """Writes `<name>.json` into the folder `out`, if there is one to write to."""
        if out is None:
            return
        out.mkdir(parents=True, exist_ok=True)
        told = {"machine": machine(), "command": command(), "rows": [asdict(row) for row in self.rows], **self.details}
        temporary = out / f"{self.name}.part"
        temporary.write_text(json.dumps(told, indent=1), encoding="utf-8")
        os.replace(temporary, out / f"{self.name}.json")


def command() -> str:
    """How this was called; folders as seen from the repository."""
    arguments = [os.path.relpath(each, ROOT) if Path(each).is_absolute() else each for each in sys.argv[1:]]
    return " ".join(["python", f"benchmarks/{Path(sys.argv[0]).name}", *arguments])


def machine() -> dict[str, Any]:
    """What the figures depend on."""
    import torch

    with open("/proc/cpuinfo") as file:
        names = [line.split(":")[1].strip() for line in file if line.startswith("model name")]
    return {
        "cpu": names[0] if names else platform.processor(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "load": round(os.getloadavg()[0], 1),
    }


def parser_of(doc: str, n_rounds: int) -> argparse.ArgumentParser:
    """The options that all parts have."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peers", default=str(PEERS), help="python where SAELens is installed")
    parser.add_argument("--rounds", type=int, default=n_rounds)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--out", type=Path, help="folder for the figures as JSON")
    return parser
