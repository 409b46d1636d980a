"""Neuronpedia and its export bucket on the loopback."""

import contextlib
import gzip
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit
from xml.sax.saxutils import escape

from sae_widgets.neuronpedia import Neuronpedia
from sae_widgets.web import Web

KEY = "sk-np-right"
PAGE = 2
"""Files in one answer of the bucket's listing; further ones need another question."""


class StandIn:
    """What the stand-in knows, and what it was asked."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        """The bucket, by key."""
        self.features: dict[str, dict[str, Any]] = {}
        """The API's features, by "model/source/index"."""
        self.requests: list[str] = []
        self.lists: list[dict[str, Any]] = []
        self.n_refusals = 0
        """How many further requests get `refusal`."""
        self.refusal: tuple[int, dict[str, str]] = (429, {"Retry-After": "0"})
        self.url = ""

    def export(self, key: str, rows: list[dict[str, Any]]) -> None:
        """Put rows into the bucket."""
        self.files[f"v1/{key}"] = gzip.compress("\n".join(map(json.dumps, rows)).encode())

    def client(self, cache: Path, **settings: Any) -> Neuronpedia:
        """A client that talks to the stand-in, and does not wait between tries."""
        return Neuronpedia(self.url, self.url, cache, Web(pause_s=0, **settings))


class Handler(BaseHTTPRequestHandler):
    """Answers one client."""

    protocol_version = "HTTP/1.1"
    stand_in: StandIn

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: the requests are in `stand_in.requests`."""

    def do_GET(self) -> None:
        if self._is_refused():
            return
        parts = urlsplit(self.path)
        query = parse_qs(parts.query)
        if "list-type" in query:
            return self._list(query["prefix"][0], int(query.get("continuation-token", ["0"])[0]))
        path = parts.path.strip("/")
        if path in self.stand_in.files:
            return self._send(self.stand_in.files[path])
        found = self.stand_in.features.get(path.removeprefix("api/feature/"))
        if found is None:
            return self._send(b"not found", 404)
        self._send(json.dumps(found).encode())

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self._is_refused():
            return
        if self.path == "/api/test":
            return self._send(b"{}", 200 if asked.get("apiKey") == KEY else 400)
        if self.headers.get("x-api-key") != KEY:
            return self._send(b'{"message": "Invalid API Key"}', 401)
        if not asked["features"]:
            return self._send(b'{"message": "A list needs features"}')
        self.stand_in.lists.append(asked)
        self._send(json.dumps({"url": f"{self.stand_in.url}/list/1"}).encode())

    def _is_refused(self) -> bool:
        self.stand_in.requests.append(self.path)
        if not self.stand_in.n_refusals:
            return False
        self.stand_in.n_refusals -= 1
        status, headers = self.stand_in.refusal
        self._send(b"", status, headers)
        return True

    def _list(self, prefix: str, start: int) -> None:
        keys = sorted(key for key in self.stand_in.files if key.startswith(prefix))
        shown = "".join(f"<Contents><Key>{escape(key)}</Key></Contents>" for key in keys[start : start + PAGE])
        more = f"<NextContinuationToken>{start + PAGE}</NextContinuationToken>" if start + PAGE < len(keys) else ""
        self._send(f"<ListBucketResult>{shown}{more}</ListBucketResult>".encode())

    def _send(self, content: bytes, status: int = 200, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(content)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)


@contextlib.contextmanager
def neuronpedia() -> Iterator[StandIn]:
    """A stand-in that knows nothing yet."""
    stand_in = StandIn()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("NeuronpediaHandler", (Handler,), {"stand_in": stand_in}))
    server.daemon_threads = True
    stand_in.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield stand_in
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
