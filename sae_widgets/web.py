"""Requests to web services: retried while that helps, refused in words that say what to do, kept on this machine."""

import contextlib
import gzip
import io
import json
import os
import time
import uuid
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

_PASSING = (429, 500, 502, 503, 504)
"""Answers that another try may change."""

MAX_UNPACKED_BYTES = 1 << 30


@dataclass(frozen=True)
class Web:
    """How patiently services are asked."""

    n_tries: int = 4
    pause_s: float | int = 0.5
    """Wait before the second try; it doubles with each further one."""
    max_wait_s: float | int = 60
    """Longest wait that a service may ask for; where it asks for more, that is an error at once."""
    timeout_s: float | int = 30

    def get(self, url: str) -> bytes:
        """What is at `url`."""
        return self.request("GET", url)

    def json(self, method: str, url: str, values: Any = None, headers: dict[str, str] | None = None) -> Any:
        """The JSON that the service answers.

        Raises:
            ValueError: If it answers something else.
        """
        content = self.request(method, url, values, headers)
        try:
            return json.loads(content)
        except ValueError as error:
            raise ValueError(f"{_host(url)} did not answer with JSON: {content[:80]!r}") from error

    def request(self, method: str, url: str, values: Any = None, headers: dict[str, str] | None = None) -> bytes:
        """The content of a good answer, after as many tries as it takes.

        Raises:
            PermissionError: If the service does not accept the key (401, 403).
            ValueError: If the service knows no such thing (400, 404 and the like).
            ConnectionError: If it cannot be reached, fails, or asks to come back later.
        """
        import requests  # not above: only who asks the network pays for it

        response, reason = None, ""
        for attempt in range(self.n_tries):
            wait = self.pause_s * 2**attempt
            try:
                # A key must not follow a redirect to another host; only requests' own header is taken off then.
                response = requests.request(
                    method,
                    url,
                    json=values,
                    headers={"User-Agent": "sae_widgets", **(headers or {})},
                    timeout=self.timeout_s,
                    allow_redirects=not headers,
                )
            except requests.RequestException as error:
                response, reason = None, f"cannot be reached ({type(error).__name__}); is this machine online?"
            else:
                if response.status_code not in _PASSING:
                    break
                asked = response.headers.get("Retry-After", "")
                wait = max(wait, float(asked)) if asked.isdecimal() and float(asked) else wait
                reason = f"answers {response.status_code}"
                if response.status_code == 429:
                    reason = f"has had too many requests (429); come back {f'in {asked} s' if asked else 'later'}."
            if wait > self.max_wait_s or attempt + 1 == self.n_tries:
                break
            time.sleep(wait)
        if response is None or response.status_code in _PASSING:
            raise ConnectionError(f"{_host(url)} {reason}")
        return _good(response, url)


def _good(response: Any, url: str) -> bytes:
    status = response.status_code
    if status == 200:
        return response.content
    said = f" It says: {response.text[:200].strip()}" if response.text.strip() else ""
    if status in (401, 403):
        raise PermissionError(f"{_host(url)} does not let you do this ({status}): is the key right?{said}")
    raise ValueError(f"{_host(url)} has no {urlsplit(url).path} ({status}).{said}")


def _host(url: str) -> str:
    return urlsplit(url).netloc


def cache_folder() -> Path:
    """Where downloads are kept: `$SAE_WIDGETS_CACHE`, else `sae_widgets` in the user's cache folder."""
    own = os.environ.get("SAE_WIDGETS_CACHE")
    if own:
        return Path(own).expanduser()
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "sae_widgets"


def write_whole(file: Path, content: bytes) -> None:
    """`file` with `content`, whole or not there: it is written under another name and then renamed."""
    file.parent.mkdir(parents=True, exist_ok=True)
    beside = file.with_name(f".{file.name}.{uuid.uuid4().hex[:8]}.part")
    try:
        beside.write_bytes(content)
        beside.replace(file)
    finally:
        with contextlib.suppress(FileNotFoundError):
            beside.unlink()


def gunzip(content: bytes) -> bytes:
    """What was packed with gzip.

    Raises:
        ValueError: If it is damaged, or unpacks to more than anybody would send.
    """
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(content)) as stream:
            unpacked = stream.read(MAX_UNPACKED_BYTES + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise ValueError(f"A packed file is damaged ({error}). Was the download cut off?") from error
    if len(unpacked) > MAX_UNPACKED_BYTES:
        raise ValueError(f"A packed file holds more than {MAX_UNPACKED_BYTES:,} bytes.")
    return unpacked
