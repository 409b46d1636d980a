"""What every side of a comparison does: answer requests, a line of JSON each, with what an action took and gave."""

import json
import os
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any, TextIO


class Answers:
    """The way back to whoever asks; whatever else is printed goes to standard error."""

    def __init__(self) -> None:
        self._file: TextIO = os.fdopen(os.dup(1), "w")
        os.dup2(2, 1)

    def give(self, answer: Mapping[str, Any]) -> None:
        print(json.dumps(answer), file=self._file, flush=True)

    def ready(self) -> None:
        self.give({"ready": True})


def next_request() -> str | None:
    """What is asked for next; None at the end."""
    line = sys.stdin.readline()
    return json.loads(line)["do"] if line.strip() else None


class Watch:
    """CPU and wall seconds since it was started."""

    def __init__(self) -> None:
        self.start()

    def start(self) -> None:
        self._cpu, self._wall = time.process_time(), time.perf_counter()

    def seconds(self) -> dict[str, float]:
        return {"cpu": time.process_time() - self._cpu, "wall": time.perf_counter() - self._wall}


def timed(action: Callable[[], Any]) -> dict[str, Any]:
    """Seconds of `action`, and as `value` what it gave where that is a number or a dict."""
    watch = Watch()
    out = action()
    found = watch.seconds()
    return {**found, "value": out} if isinstance(out, (float, int, dict)) else found


class Memory:
    """Resident memory beyond what there was when it was made, Linux alone."""

    def __init__(self) -> None:
        with open("/proc/self/clear_refs", "w") as file:
            file.write("5")  # forget the peak so far
        self._before = _mib("VmRSS")

    def peak_mib(self) -> float:
        return _mib("VmHWM") - self._before


def _mib(field: str) -> float:
    # Not getrusage, whose peak a new process inherits from the one that started it.
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) / 1024 for line in status if line.startswith(field))


def serve(answers: Answers, actions: Mapping[str, Callable[[], Any]], memory: Memory | None = None) -> None:
    """Answers until nothing is asked any more; `peak` besides the actions, of `memory` or from now on."""
    memory = memory or Memory()
    answers.ready()
    while (request := next_request()) is not None:
        answers.give({"mib": memory.peak_mib()} if request == "peak" else timed(actions[request]))
