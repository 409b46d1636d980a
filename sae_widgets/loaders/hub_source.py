"""Files of a repository on the model hub, through its own client and cache.

One SAE's files come from one commit: the first file settles it, the others are asked for by it, and what the cache has
of that commit is taken without a question. A hub that cannot be reached is found out by one connection that may take
`PROBE_S`, not by the client's retries (about 23 s on a closed port, minutes where packets vanish); the cache then
stands in for it.

The client checks the length of what it downloads; the checksum is checked here.
"""

import contextlib
import hashlib
import logging
import os
import socket
import threading
import time
import urllib.request
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from sae_widgets.loaders.hub_errors import explained, is_missing_file, is_of_network, not_cached, unreachable
from sae_widgets.loaders.source import Source
from sae_widgets.sae.config import nearest

logger = logging.getLogger(__name__)

PROBE_S = 0.7
"""How long a connection to the hub may take, name look-up included, before the hub counts as out of reach."""

FRESH_S = 30.0
"""How long a hub that could be reached is not probed again."""

_reached: dict[tuple[str, int], float] = {}


class HubSource(Source):
    """A folder, or file, of a repository.

    Args:
        repo_id: "owner/name".
        path: Folder or file in it; "" is the root.
        revision: Branch, tag or commit; None is the main branch.
        token: For private and gated repositories; None takes the one that `hf auth login` keeps.
        cache_dir: Where downloads are kept; None takes the hub's own place.
        local_files_only: Whether the hub is not asked at all.
        force_download: Whether files in the cache are downloaded again.

    Raises:
        ValueError: If `path` leads out of the repository, or `repo_id` is no repository's name.
    """

    def __init__(
        self,
        repo_id: str,
        path: str = "",
        *,
        revision: str | None = None,
        token: str | bool | None = None,
        cache_dir: str | Path | None = None,
        local_files_only: bool = False,
        force_download: bool = False,
    ) -> None:
        from huggingface_hub import constants
        from huggingface_hub.utils import validate_repo_id

        try:
            validate_repo_id(repo_id)
        except ValueError as error:
            raise explained(error, repo_id, path) from None
        self._repo_id = repo_id
        self.path = ""
        self.path = self.resolved(path)
        self._revision = revision
        self._token = token
        self._cache_dir = Path(cache_dir or constants.HF_HUB_CACHE).expanduser()
        self._is_local = local_files_only or bool(constants.HF_HUB_OFFLINE)
        self._force = force_download
        # Shared with the sources that `at` makes: the commit, listings, and what was downloaded again.
        self._state: dict[str, Any] = {"commit": None, "listings": {}, "folders": {}, "fetched": set()}

    @property
    def name(self) -> str:
        return f"{self._repo_id}/{self.path}".rstrip("/")

    @property
    def repo_id(self) -> str:
        return self._repo_id

    def names(self) -> list[str]:
        """Files at and below `path`, beside it, and in the repository's root."""
        if not self.path:
            return sorted(self._listing("", True))
        below, beside = self._listing(self.path, True), self._listing(self._parent(self.path), False)
        if not below and self.path not in beside:
            raise FileNotFoundError(f"{self._repo_id} has no {self.path!r}. {self._nearest(self.path)}")
        return sorted({*below, *beside, *self._listing("", False)})

    def _exists(self, name: str) -> bool:
        below = self._state["listings"].get((self.path, True))
        if below is not None and name in below:
            return True
        return name in self._listing(self._parent(name), False)

    # -- one file -----------------------------------------------------------------------------------------------------

    def _fetch(self, name: str) -> Path:
        cached = self._cached(name)
        if cached is not None and self._force and name not in self._state["fetched"]:
            cached = None
        if cached is not None and (self._is_local or self._is_settled):
            return cached
        if (self._is_local or self._is_settled) and self._is_known_missing(name):
            raise FileNotFoundError(f"{self._repo_id} has no {name!r}.")
        if self._is_local:
            raise not_cached(self._repo_id, name, self._cache_dir)
        try:
            if (reason := self._why_unreachable()) is not None:
                raise self._unreachable(reason)
            return self._asked(name, cached)
        except (ConnectionError, PermissionError) as error:
            if cached is None:
                raise
            logger.info("%s is taken from the cache: %s", name, error)
            # A file of the snapshot settles the commit for the others: .../snapshots/<commit>/<name>
            self._state["commit"] = cached.parents[name.count("/")].name
            return cached

    def _asked(self, name: str, cached: Path | None) -> Path:
        """The file as the hub has it now; `cached` as the cache had it last."""
        from huggingface_hub import hf_hub_download

        commit = self._state["commit"] or self._commit_of(name)
        before = self._cached(name, commit)
        if before is not None and before == cached:
            self._state["commit"] = commit
            return before
        try:
            file = hf_hub_download(
                self._repo_id,
                name,
                revision=self._state["commit"] or self._revision,
                token=self._token,
                cache_dir=self._cache_dir,
                force_download=self._force,
            )
        except Exception as error:
            raise self._explained(error, name) from error
        if before is None or self._force:
            _check(Path(file), name, self._repo_id)
        self._state["commit"] = commit
        self._state["fetched"].add(name)
        return Path(file)

    def _commit_of(self, name: str) -> str | None:
        """The commit that the revision now stands for, asked of the file `name`.

        The client asks it, too, when it downloads, but answers a refusal by minutes of retries.
        """
        from huggingface_hub import constants, get_hf_file_metadata, hf_hub_url

        try:
            url = hf_hub_url(self._repo_id, name, revision=self._revision)
            timeout_s = constants.HF_HUB_ETAG_TIMEOUT
            return get_hf_file_metadata(url, token=self._token, timeout=timeout_s).commit_hash
        except Exception as error:
            if is_of_network(error):
                raise self._unreachable(f"{type(error).__name__}: {error}") from error
            raise self._explained(error, name) from error

    def _unreachable(self, reason: str) -> ConnectionError:
        return unreachable(_endpoint(), reason, self._repo_id, self.path, self._cache_dir)

    def _explained(self, error: Exception, name: str) -> Exception:
        shown = explained(error, self._repo_id, name, self._revision)
        if isinstance(shown, FileNotFoundError) and is_missing_file(error):
            with contextlib.suppress(OSError):
                return FileNotFoundError(f"{shown} {self._nearest(name)}")
        return shown

    def _nearest(self, name: str) -> str:
        """A sentence that offers what is in the folder where `name` should be, or the nearest above that is there."""
        folder = self._parent(name)
        while not (there := self._listing(folder, False) + self._state["folders"].get(folder, [])) and folder:
            name, folder = folder, self._parent(folder)
        return nearest(name, there)

    @property
    def has_downloaded(self) -> bool:
        """Whether any of the files came from the hub just now."""
        return bool(self._state["fetched"])

    @property
    def _is_settled(self) -> bool:
        """Whether the commit is known."""
        return self._state["commit"] is not None

    def _cached(self, name: str, commit: str | None = None) -> Path | None:
        from huggingface_hub import try_to_load_from_cache

        revision = commit or self._state["commit"] or self._revision
        found = try_to_load_from_cache(self._repo_id, name, cache_dir=self._cache_dir, revision=revision)
        return Path(found) if isinstance(found, str) else None

    def _is_known_missing(self, name: str) -> bool:
        """Whether the hub has said before that the commit has no such file."""
        from huggingface_hub import _CACHED_NO_EXIST, try_to_load_from_cache

        revision = self._state["commit"] or self._revision
        found = try_to_load_from_cache(self._repo_id, name, cache_dir=self._cache_dir, revision=revision)
        return found is _CACHED_NO_EXIST and not self._force

    # -- listings -----------------------------------------------------------------------------------------------------

    def _listing(self, folder: str, deep: bool) -> list[str]:
        """Files in `folder`, or at any depth below; a folder that is not there has none."""
        listings = self._state["listings"]
        if (folder, deep) not in listings:
            offline = self._is_local or self._why_unreachable() is not None
            listings[folder, deep] = (self._cached_names if offline else self._hub_names)(folder, deep)
        return listings[folder, deep]

    def _hub_names(self, folder: str, deep: bool) -> list[str]:
        from huggingface_hub import HfApi
        from huggingface_hub.errors import EntryNotFoundError
        from huggingface_hub.hf_api import RepoFolder

        revision = self._state["commit"] or self._revision
        try:
            api = HfApi(token=self._token)
            entries = list(api.list_repo_tree(self._repo_id, folder or None, recursive=deep, revision=revision))
        except EntryNotFoundError:
            return []
        except Exception as error:
            raise explained(error, self._repo_id, folder, self._revision) from error
        self._state["folders"][folder] = [each.path for each in entries if isinstance(each, RepoFolder)]
        return [each.path for each in entries if not isinstance(each, RepoFolder)]

    def _cached_names(self, folder: str, deep: bool) -> list[str]:
        root = self._snapshot()
        if root is None:
            if self._is_local:
                raise not_cached(self._repo_id, self.path, self._cache_dir)
            raise self._unreachable(self._why_unreachable() or "it could not be reached a moment ago")
        place = root / folder
        found = place.rglob("*") if deep else place.iterdir() if place.is_dir() else ()
        return sorted(each.relative_to(root).as_posix() for each in found if each.is_file())

    def _snapshot(self) -> Path | None:
        """The cache's folder for the revision; None if it has nothing of it."""
        base = self._cache_dir / f"models--{self._repo_id.replace('/', '--')}"
        revision = self._state["commit"] or self._revision or "main"
        with contextlib.suppress(OSError):
            revision = (base / "refs" / revision).read_text("utf-8").strip()
        folder = base / "snapshots" / revision
        return folder if folder.is_dir() else None

    def _why_unreachable(self) -> str | None:
        return why_unreachable(_endpoint())

    @staticmethod
    def _parent(name: str) -> str:
        return name.rpartition("/")[0]


def why_unreachable(url: str, timeout_s: float = PROBE_S) -> str | None:
    """Why no connection to the host of `url`, or to the proxy before it, comes about; None if one does."""
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    proxies = {} if urllib.request.proxy_bypass(host) else urllib.request.getproxies()
    if proxy := proxies.get(parts.scheme) or proxies.get("all"):
        via = urlsplit(proxy if "//" in proxy else f"//{proxy}")
        host, port = via.hostname or host, via.port or (443 if via.scheme == "https" else 80)
    if time.monotonic() - _reached.get((host, port), -FRESH_S) < FRESH_S:
        return None
    answer = [f"no answer from {host} within {timeout_s} s"]

    def connect() -> None:
        try:
            socket.create_connection((host, port), timeout=timeout_s).close()
        except OSError as error:
            answer[0] = f"{host}: {error.strerror or error}"
        else:
            _reached[host, port] = time.monotonic()
            answer[0] = ""

    # In a thread, since a name look-up has no time limit of its own.
    thread = threading.Thread(target=connect, daemon=True)
    thread.start()
    thread.join(timeout_s + 0.1)
    return answer[0] or None


def _endpoint() -> str:
    from huggingface_hub import constants

    return constants.ENDPOINT


def _check(file: Path, name: str, repo_id: str) -> None:
    """Compares a download with its checksum, by which the cache names it: sha256, or git's for small files.

    Raises:
        OSError: If they differ; the file is then gone.
    """
    if not file.is_symlink():
        return  # a file system without links: the cache does not say what the checksum is
    expected = os.path.basename(os.readlink(file))
    if len(expected) == 64:
        digest = hashlib.sha256()
    elif len(expected) == 40:
        digest = hashlib.sha1(f"blob {file.stat().st_size}\0".encode(), usedforsecurity=False)
    else:
        return
    with file.open("rb") as stream:
        while part := stream.read(1 << 20):
            digest.update(part)
    if digest.hexdigest() == expected:
        return
    blob = file.parent / os.readlink(file)
    file.unlink()
    blob.unlink(missing_ok=True)
    raise OSError(
        f"The download of {name!r} from {repo_id} is damaged: its checksum is {digest.hexdigest()[:12]}… where the hub "
        f"says {expected[:12]}…. It was removed; run it again."
    )
