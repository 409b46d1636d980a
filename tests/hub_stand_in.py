"""A model hub on the loopback, for the real client: repositories, downloads with ranges, uploads, and its troubles.

    with hub({"owner/name": folder}) as stand_in:        # the client of this process talks to it, and only to it
        hf_hub_download("owner/name", "cfg.json")
        stand_in.token = "hf_right"                      # from now on 401 without it
        stand_in.env                                     # for a child process

A repository answers as a model and as a data set; "datasets/owner/name" only as the latter. Its folder is its one
branch, "main"; "owner/name@v2" is another revision of "owner/name". Uploads change the folder; a created repository
gets a new one, in `stand_in.repos`.
"""

import contextlib
import os
import tempfile
import threading
from collections.abc import Iterator
from http.server import ThreadingHTTPServer
from pathlib import Path
from unittest import mock

from tests.hub_answers import Handler, StandIn

__all__ = ["StandIn", "hub"]


@contextlib.contextmanager
def hub(repos: dict[str, Path] | None = None) -> Iterator[StandIn]:
    """A stand-in with the given repositories, which `huggingface_hub`, `datasets` and `transformers` talk to.

    Inside, the client's cache is an empty folder of its own and it reads no token from this machine.
    """
    with tempfile.TemporaryDirectory() as workplace:
        stand_in = StandIn(repos or {}, Path(workplace))
        server = ThreadingHTTPServer(("127.0.0.1", 0), type("StandInHandler", (Handler,), {"stand_in": stand_in}))
        server.daemon_threads = True
        stand_in.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            with client_at(stand_in.url, stand_in.cache, stand_in.env):
                yield stand_in
        finally:
            server.shutdown()
            server.server_close()
            thread.join()


@contextlib.contextmanager
def client_at(url: str, cache: Path, env: dict[str, str]) -> Iterator[None]:
    """The hub's client of this process, which read its settings when it was imported, talks to `url`."""
    # Imported before the environment changes: datasets would keep the address of its first import for good.
    import datasets.config
    import huggingface_hub.constants as constants
    from huggingface_hub import hf_api

    settings = {
        "ENDPOINT": url,
        "HUGGINGFACE_CO_URL_TEMPLATE": url + "/{repo_id}/resolve/{revision}/{filename}",
        "HF_HUB_OFFLINE": False,
        "HF_HUB_CACHE": str(cache / "hub"),
        "HF_TOKEN_PATH": str(cache / "token"),
        "HF_HUB_DISABLE_XET": True,
        "HF_HUB_DISABLE_TELEMETRY": True,
    }
    for_datasets = {
        "HF_ENDPOINT": url,
        "HUB_DATASETS_URL": url + "/datasets/{repo_id}/resolve/{revision}/{path}",
        "HF_HUB_OFFLINE": False,
        "HF_DATASETS_OFFLINE": False,
        "HF_DATASETS_CACHE": cache / "datasets",
        "HF_UPDATE_DOWNLOAD_COUNTS": False,
    }
    with contextlib.ExitStack() as stack:
        stack.enter_context(mock.patch.dict(os.environ, env))
        for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"):
            os.environ.pop(name, None)
        for name, value in settings.items():
            if hasattr(constants, name):
                stack.enter_context(mock.patch.object(constants, name, value))
        stack.enter_context(mock.patch.object(hf_api.api, "endpoint", url))
        for name, value in for_datasets.items():
            stack.enter_context(mock.patch.object(datasets.config, name, value))
        stack.callback(_forget_connections)
        _forget_connections()
        yield


def _forget_connections() -> None:
    from huggingface_hub import HfFileSystem
    from huggingface_hub.utils import _http

    HfFileSystem.clear_instance_cache()
    close = getattr(_http, "close_session", None) or _http.reset_sessions  # the name before version 1
    close()
