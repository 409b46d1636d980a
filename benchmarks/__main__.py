"""All comparisons, one after the other: JSON in build/bench, and one table, which docs/speed.md shows.

    make bench                          # sets the peers up, then this; half an hour on two cores
    python benchmarks --quick           # the main figures in 5 minutes; docs/speed.md stays as it is
    python benchmarks --only evals end_to_end    # again; the page keeps what was found last of the others
    python benchmarks --more            # what has no peer, or compares quality: hours
    python benchmarks --gate main       # two minutes: is a training step slower than at another revision?

A part that fails or takes too long is told at the end, the others go on, and the exit code is 1. What a part prints to
standard error is in build/bench/<part>.log.
"""

import argparse
import datetime
import io
import json
import os
import signal
import subprocess
import sys
import tarfile
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from interleaved import DASHBOARD, OUT, PEERS, ROOT
from steps import ARCHITECTURES, STARTS

PAGE = ROOT / "docs" / "speed.md"
BEGIN, END = "<!-- the table: written by `make bench` -->", "<!-- end of the table -->"


@dataclass(frozen=True)
class Script:
    """One part: its script, what it is given in a whole run and in a quick one (None: left out), and its limit."""

    name: str
    whole: str
    quick: str | None = None
    limit_s: int = 420
    peers: Path | None = PEERS
    script: str | None = None
    """Where it is not `name`."""


_TOPK = "--part topk_steps --architectures topk"
PARTS = [
    Script("topk_steps", f"{_TOPK} --rounds 7 --d-sae 12288 24576 49152", f"{_TOPK} --rounds 2", 900, script="steps"),
    Script("steps", f"--rounds 3 --architectures {' '.join((*ARCHITECTURES, *STARTS)[1:])}", limit_s=1500),
    Script("end_to_end", "--rounds 5", "--rounds 2"),
    Script("many_saes", "--rounds 3"),
    Script("model_side", "--rounds 25", "--rounds 5", peers=None),
    Script("evals", "--rounds 5", "--rounds 2"),
    Script("feature_statistics", "--rows 512 --features 1024", limit_s=600, peers=DASHBOARD),
]
MORE = [
    *("browser", "curves", "distributed", "import_time", "kill_resume", "live_view_cost", "load", "memory"),
    *("pass_traffic", "quality", "recipes", "synthetic"),
]
"""Scripts that speak for themselves."""


def run(name: str, arguments: list[str], limit_s: float | None, script: str | None = None) -> str:
    """Why it failed; "" where it did not."""
    OUT.mkdir(parents=True, exist_ok=True)
    (OUT / f"{name}.json").unlink(missing_ok=True)
    command = [sys.executable, str(Path(__file__).with_name(f"{script or name}.py")), *arguments]
    print(f"\n== {name} {' '.join(arguments)}", flush=True)
    with (OUT / f"{name}.log").open("w") as log:
        # A session of its own, so that what it started ends with it.
        process = subprocess.Popen(command, stderr=log, cwd=ROOT, start_new_session=True)
        try:
            code = process.wait(limit_s)
        except (subprocess.TimeoutExpired, KeyboardInterrupt) as error:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            if isinstance(error, KeyboardInterrupt):
                raise
            return f"took more than {limit_s:.0f} s"
    if not code:
        return ""
    lines = (OUT / f"{name}.log").read_text(errors="replace").strip().splitlines()
    print("\n".join(lines[-3:]), flush=True)
    return f"ended with {code}"


def run_parts(parts: list[Script], is_quick: bool, threads: int) -> dict[str, str]:
    """Runs them; why each that failed did."""
    problems = {}
    for part in parts:
        chosen = part.quick if is_quick else part.whole
        if chosen is None:
            continue
        if part.peers is not None and not part.peers.exists():
            problems[part.name] = f"found no {part.peers.relative_to(ROOT)}, which `make bench` sets up"
            continue
        arguments = [*chosen.split(), "--out", str(OUT)]
        # Model, harvest and writing are measured with one thread, as their bars are.
        arguments += ["--threads", str(threads)] if part.peers is not None else []
        started = time.monotonic()
        if problem := run(part.name, arguments, part.limit_s, part.script):
            problems[part.name] = problem
            print(f"{part.name} {problem}", flush=True)
        print(f"-- {part.name}: {time.monotonic() - started:.0f} s", flush=True)
    return problems


def found(names: list[str]) -> dict[str, dict[str, Any]]:
    files = {name: OUT / f"{name}.json" for name in names}
    return {name: json.loads(file.read_text()) for name, file in files.items() if file.exists()}


def table(parts: dict[str, dict[str, Any]], problems: dict[str, str], threads: int) -> str:
    """Markdown: a line for each figure, then machine and commands."""
    lines = ["| bar | what | ours | peer | ratio | wanted | |", "|---|---|---|---|---|---|---|"]
    rows = [row for part in parts.values() for row in part.get("rows", [])]
    for row in sorted(rows, key=lambda row: int(row["bar"] or 99)):
        middle, least, most = row["ratio"]
        ratio = f"{middle:.2f} ({least:.2f} – {most:.2f})"
        met = {None: "", True: "met", False: "**not met**"}[row["is_met"]]
        cells = (row["bar"], row["what"], row["ours"], row["peer"], ratio, row["wanted"], met)
        lines.append(f"| {' | '.join(cells)} |")
    lines += [
        "",
        "Ratios are medians over rounds (least – most) of CPU time unless said otherwise; times are wall time.",
    ]
    for name, problem in problems.items():
        lines += ["", f"`{name}` is missing: it {problem}."]
    if parts:
        facts = next(iter(parts.values()))["machine"]
        day = datetime.datetime.now(datetime.timezone.utc).date()
        lines += [
            "",
            f"{day}, {facts['cpu']}, {facts['cores']} cores, {threads} threads (model side: 1), Python "
            f"{facts['python']}, torch {facts['torch']}. Commands:",
            "",
            "```sh",
            *(part["command"] for part in parts.values()),
            "```",
        ]
    return "\n".join(lines)


def write_page(text: str) -> None:
    """Puts the table between its marks."""
    page = PAGE.read_text("utf-8")
    before, rest = page.split(BEGIN)
    _, after = rest.split(END)
    temporary = PAGE.with_suffix(".part")
    temporary.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{after}", encoding="utf-8")
    os.replace(temporary, PAGE)


def gate(revision: str) -> int:
    """Compares training steps with those of another revision, in turns; no peers, two minutes."""
    archive = subprocess.run(["git", "archive", revision, "sae_widgets"], cwd=ROOT, stdout=subprocess.PIPE)
    if archive.returncode:
        return 1  # git has told why
    with tempfile.TemporaryDirectory() as folder:
        with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as files:
            files.extractall(folder, filter="data")
        cases = "--sides sae_widgets --architectures topk batchtopk standard --d-in 256 --d-sae 4096 --batch 4096"
        arguments = [*cases.split(), "--rounds", "9", "--before", folder, "--out", str(OUT / "gate")]
        if problem := run("steps", arguments, 300):
            print(f"steps {problem}")
            return 1
    rows = json.loads((OUT / "gate" / "steps.json").read_text())["rows"]
    rows = [row for row in rows if row["what"].endswith("times before")]
    for row in rows:
        print(f"{row['what']} ({revision}): {row['ratio'][0]:.2f}{'' if row['is_met'] else '  SLOWER'}")
    return int(not all(row["is_met"] for row in rows))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", nargs="+", choices=[part.name for part in PARTS])
    parser.add_argument("--more", action="store_true")
    parser.add_argument("--gate", metavar="REVISION", help="what a training step is compared with")
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    if args.gate:
        return gate(args.gate)
    if args.more:
        problems = {name: problem for name in MORE if (problem := run(name, [], None))}
        print("\n".join(f"{name} {problem}" for name, problem in problems.items()))
        return bool(problems)
    chosen = [part for part in PARTS if args.only is None or part.name in args.only]
    started = time.monotonic()
    problems = run_parts(chosen, args.quick, args.threads)
    told = [part.name for part in PARTS if not args.quick or (part in chosen and part.quick)]
    text = table(found(told), problems, args.threads)
    (OUT / "table.md").write_text(f"{text}\n", encoding="utf-8")
    if not args.quick:
        write_page(text)
    print(f"\n{text}\n\n{time.monotonic() - started:.0f} s")
    return bool(problems)


if __name__ == "__main__":
    sys.exit(main())
