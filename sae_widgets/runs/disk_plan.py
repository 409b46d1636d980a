"""What writing tokens or activations to the disk will take, told before it begins."""

import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SPARE_BYTES = 64 * 1024**2  # what a disk keeps for its own books, and logs


@dataclass(frozen=True)
class DiskPlan:
    """Tokens, bytes and time; None is not known."""

    what: str
    """"tokens" or "activations"."""
    path: str | None
    """Where it goes; None: memory."""
    n_tokens: int | None
    """To be written, less what is there already."""
    bytes_per_token: float | int
    tokens_per_s: float | int | None
    """As measured on the first of them."""

    @property
    def n_bytes(self) -> int | None:
        return None if self.n_tokens is None else int(self.n_tokens * self.bytes_per_token)

    @property
    def free_bytes(self) -> int | None:
        """Free on the disk that it goes to."""
        if self.path is None:
            return None
        folder = Path(self.path).expanduser().absolute()
        while not folder.exists():
            folder = folder.parent
        return shutil.disk_usage(folder).free

    @property
    def seconds(self) -> float | None:
        return None if self.n_tokens is None or not self.tokens_per_s else self.n_tokens / self.tokens_per_s

    @property
    def fits(self) -> bool:
        """Whether the disk can hold it; what is not known fits."""
        free = self.free_bytes
        return free is None or self.n_bytes is None or self.n_bytes + SPARE_BYTES <= free

    def check(self, remedy: str) -> None:
        """Nothing, if the disk can hold it.

        Raises:
            ValueError: If it cannot; says what would fit.
        """
        if not self.fits:
            n_fitting = int(max((self.free_bytes or 0) - SPARE_BYTES, 0) / self.bytes_per_token)
            raise ValueError(
                f"{size(self.n_bytes or 0)} of {self.what} do not fit: {size(self.free_bytes or 0)} are free at "
                f"{self.path!r}, enough for {n_fitting:,} tokens. {remedy}"
            )

    def __str__(self) -> str:
        n_tokens = "an unknown number of" if self.n_tokens is None else f"{self.n_tokens:,}"
        n_bytes = "" if self.n_bytes is None else f", {size(self.n_bytes)}"
        free = "" if self.free_bytes is None else f" ({size(self.free_bytes)} free)"
        speed = "" if not self.tokens_per_s else f", {self.tokens_per_s:,.0f} tokens/s"
        lasts = "" if self.seconds is None else f", about {duration(self.seconds)}"
        where = "memory" if self.path is None else repr(self.path)
        return f"{self.what} of {n_tokens} tokens to {where}{n_bytes}{free}{speed}{lasts}"


def tokens_per_s(make: Callable[[], Any]) -> float:
    """Speed of `make`, which gives a tensor of tokens; its first call is not counted."""
    make()
    start = time.perf_counter()
    n_tokens = make().numel()
    return n_tokens / max(time.perf_counter() - start, 1e-9)


def size(n_bytes: float | int) -> str:
    """ "12.3 GB"."""
    for unit in ("bytes", "kB", "MB", "GB"):
        if n_bytes < 1000:
            return f"{n_bytes:,.0f} {unit}" if unit == "bytes" else f"{n_bytes:.1f} {unit}"
        n_bytes /= 1000
    return f"{n_bytes:.1f} TB"


def duration(seconds: float | int) -> str:
    """ "3 min"."""
    if seconds < 90:
        return f"{max(seconds, 1):.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"
