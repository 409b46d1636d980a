"""What the stand-in hub answers to the client's requests; see tests/hub_stand_in.py."""

import base64
import contextlib
import hashlib
import json
import re
import tempfile
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

LARGE_SUFFIXES = (".safetensors", ".pt", ".pth", ".bin", ".npz", ".parquet", ".arrow")
"""What the hub keeps as a large file, known by its sha256."""

DATE = "2024-01-02T03:04:05.000Z"


class StandIn:
    """The repositories and the troubles of one stand-in; a trouble is there from its setting to its unsetting."""

    def __init__(self, repos: dict[str, Path], workplace: Path) -> None:
        self.repos = {name: Path(folder) for name, folder in repos.items()}
        self.cache = workplace / "cache"
        self.requests: list[tuple[str, str]] = []
        """Method and path of each request, in order."""
        self.commits: list[dict[str, Any]] = []
        """Repository, revision, message and paths of each commit, in order."""
        self.created: list[dict[str, Any]] = []
        """What was asked of each new repository: name, private and the like."""
        self.token: str | None = None
        """Whoever sends another, or none, gets 401."""
        self.gated: set[str] = set()
        """Repositories that answer 403: known, but not to be read."""
        self.n_refusals = 0
        """How many further requests get 429, with `Retry-After: retry_after`."""
        self.retry_after = "0"
        self.cut_at: int | None = None
        """Downloads of more bytes end here, `n_cuts` times."""
        self.n_cuts = 1
        self.damaged: set[str] = set()
        """Files whose content is another than their checksum says, at the right length."""
        self.url = ""
        self._workplace = workplace
        self._large: dict[str, bytes] = {}

    @property
    def env(self) -> dict[str, str]:
        """What makes the client of a child process talk to the stand-in."""
        return {
            "HF_ENDPOINT": self.url,
            "HF_HUB_OFFLINE": "0",
            "HF_HOME": str(self.cache),
            "HF_HUB_CACHE": str(self.cache / "hub"),
            "HF_HUB_DISABLE_XET": "1",
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "HF_HUB_DISABLE_PROGRESS_BARS": "1",
            "HF_UPDATE_DOWNLOAD_COUNTS": "0",
            "NO_PROXY": "127.0.0.1",
            "no_proxy": "127.0.0.1",
        }

    def paths(self, method: str = "") -> list[str]:
        """Paths that were asked for, with `method` if given."""
        return [path for each, path in self.requests if not method or each == method]

    def folder(self, name: str, kind: str, revision: str | None = None) -> Path | None:
        """The folder of a repository at a revision; None if there is none."""
        plain = self.repos.get(f"datasets/{name}") if kind == "datasets" else None
        plain = plain or self.repos.get(name)
        if plain is None or revision in (None, "main", "HEAD") or revision == commit_of(plain):
            return plain
        others = [folder for key, folder in self.repos.items() if key.startswith(f"{name}@")]
        return next((each for each in others if commit_of(each) == revision), self.repos.get(f"{name}@{revision}"))

    def create(self, name: str, kind: str) -> Path:
        """The folder of a new, empty repository."""
        key = f"datasets/{name}" if kind == "datasets" else name
        self.repos[key] = Path(tempfile.mkdtemp(dir=self._workplace))
        return self.repos[key]


def files_of(folder: Path) -> list[str]:
    """Paths of all files below `folder`, with forward slashes."""
    return sorted(each.relative_to(folder).as_posix() for each in folder.rglob("*") if each.is_file())


_hashes: dict[tuple[str, int, int], tuple[str, str]] = {}


def hashes(file: Path) -> tuple[str, str]:
    """Git's name for the content of `file`, and its sha256."""
    state = file.stat()
    key = (str(file), state.st_mtime_ns, state.st_size)
    if key not in _hashes:
        content = file.read_bytes()
        _hashes[key] = (
            hashlib.sha1(f"blob {len(content)}\0".encode() + content).hexdigest(),
            hashlib.sha256(content).hexdigest(),
        )
    return _hashes[key]


def commit_of(folder: Path) -> str:
    """A commit's name for the present content of `folder`."""
    lines = [f"{name} {hashes(folder / name)[0]}" for name in files_of(folder)]
    return hashlib.sha1("\n".join([str(folder), *lines]).encode()).hexdigest()


def is_large(name: str, size: int) -> bool:
    return name.endswith(LARGE_SUFFIXES) or size > 10_000_000


def described(folder: Path, name: str) -> dict[str, Any]:
    """A file as the hub's listings describe it."""
    size = (folder / name).stat().st_size
    oid, sha256 = hashes(folder / name)
    large = {"lfs": {"oid": sha256, "size": size, "pointerSize": 130}} if is_large(name, size) else {}
    return {"type": "file", "path": name, "size": size, "oid": oid, **large}


def listed(folder: Path, below: str, recursive: bool) -> list[dict[str, Any]]:
    """Files and folders in the folder `below`, or in all below that."""
    prefix = f"{below.strip('/')}/" if below.strip("/") else ""
    entries: dict[str, dict[str, Any]] = {}
    for name in files_of(folder):
        if not name.startswith(prefix):
            continue
        parts = name[len(prefix) :].split("/")
        for depth in range(1, len(parts) if recursive else min(len(parts), 2)):
            path = prefix + "/".join(parts[:depth])
            entries[path] = {"type": "directory", "path": path, "oid": hashlib.sha1(path.encode()).hexdigest()}
        if recursive or len(parts) == 1:
            entries[name] = described(folder, name)
    return [entries[path] for path in sorted(entries)]


class Handler(BaseHTTPRequestHandler):
    """Answers one client."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else each answer waits 40 ms for the other side's acknowledgement
    stand_in: StandIn

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: the requests are in `stand_in.requests`."""

    def do_GET(self) -> None:
        self._route("GET")

    def do_HEAD(self) -> None:
        self._route("HEAD")

    def do_POST(self) -> None:
        self._route("POST")

    def do_PUT(self) -> None:
        self._route("PUT")

    def do_DELETE(self) -> None:
        self._route("DELETE")

    def _route(self, method: str) -> None:
        self.body = self._read_body()
        self.path_parts = urlsplit(self.path)
        path = unquote(self.path_parts.path)
        stand_in = self.stand_in
        stand_in.requests.append((method, path))
        if stand_in.n_refusals:
            stand_in.n_refusals -= 1
            return self._json({"error": "Too many requests"}, 429, {"Retry-After": stand_in.retry_after})
        if stand_in.token is not None and self.headers.get("Authorization") != f"Bearer {stand_in.token}":
            given = self.headers.get("Authorization") is not None
            error = {"X-Error-Message": "Invalid credentials in Authorization header"} if given else {}
            code = {} if given else {"X-Error-Code": "RepoNotFound"}
            return self._json({"error": "Invalid username or password."}, 401, {**error, **code})
        for pattern, answer in ROUTES:
            if match := pattern.fullmatch(f"{method} {path}"):
                return answer(self, **match.groupdict())
        return self._json({"error": f"No {method} {path} here"}, 404)

    # -- reading ------------------------------------------------------------------------------------------------------

    def _repo(self, name: str, kind: str | None, revision: str | None = None) -> Path | None:
        """The repository's folder; None once it has been refused."""
        kind = (kind or "models").strip("/")
        if self.stand_in.folder(name, kind) is None:
            self._json({"error": "Repository not found"}, 404, {"X-Error-Code": "RepoNotFound"})
        elif name in self.stand_in.gated:
            message = f"Access to model {name} is restricted and you are not in the authorized list."
            self._json({"error": message}, 403, {"X-Error-Code": "GatedRepo", "X-Error-Message": message})
        elif (folder := self.stand_in.folder(name, kind, revision)) is None:
            self._json({"error": f"Invalid rev id: {revision}"}, 404, {"X-Error-Code": "RevisionNotFound"})
        else:
            return folder
        return None

    def info(self, kind: str, name: str, revision: str | None = None) -> None:
        if (folder := self._repo(name, kind, revision)) is None:
            return
        files = files_of(folder)
        blobs = "blobs" in parse_qs(self.path_parts.query)
        details = [described(folder, each) if blobs else {} for each in files]
        siblings = []
        for each, detail in zip(files, details, strict=True):
            entry = {"rfilename": each}
            if detail:
                entry |= {"size": detail["size"], "blobId": detail["oid"]}
                entry |= {"lfs": {**detail["lfs"], "sha256": detail["lfs"]["oid"]}} if "lfs" in detail else {}
            siblings.append(entry)
        values = {"_id": "0" * 24, "id": name, "modelId": name, "sha": commit_of(folder), "siblings": siblings}
        values |= {"private": False, "gated": False, "disabled": False, "downloads": 0, "likes": 0, "tags": []}
        self._json({**values, "author": name.split("/")[0], "lastModified": DATE, "createdAt": DATE})

    def tree(self, kind: str, name: str, revision: str, below: str | None = None) -> None:
        if (folder := self._repo(name, kind, revision)) is None:
            return
        recursive = parse_qs(self.path_parts.query).get("recursive", ["false"])[0].lower() in ("true", "1")
        below = (below or "").strip("/")
        entries = listed(folder, below, recursive)
        if below and not entries:
            return self._json({"error": f"{below} does not exist"}, 404, {"X-Error-Code": "EntryNotFound"})
        self._json(entries)

    def paths_info(self, kind: str, name: str, revision: str) -> None:
        if (folder := self._repo(name, kind, revision)) is None:
            return
        text = self.body.decode()
        paths = json.loads(text)["paths"] if text.startswith("{") else parse_qs(text).get("paths", [])
        known = {each["path"]: each for each in listed(folder, "", True)}
        self._json([known[path.strip("/")] for path in paths if path.strip("/") in known])

    def refs(self, kind: str, name: str) -> None:
        if (folder := self._repo(name, kind)) is not None:
            branch = {"name": "main", "ref": "refs/heads/main", "targetCommit": commit_of(folder)}
            self._json({"branches": [branch], "tags": [], "converts": []})

    def resolve(self, name: str, revision: str, file: str, kind: str | None = None) -> None:
        if (folder := self._repo(name, kind, revision)) is None:
            return
        commit = {"X-Repo-Commit": commit_of(folder), "Accept-Ranges": "bytes"}
        if file not in files_of(folder):
            return self._json({"error": "Entry not found"}, 404, {**commit, "X-Error-Code": "EntryNotFound"})
        oid, sha256 = hashes(folder / file)
        content = (folder / file).read_bytes()
        etag = sha256 if is_large(file, len(content)) else oid
        if is_large(file, len(content)):
            commit |= {"X-Linked-Etag": f'"{sha256}"', "X-Linked-Size": str(len(content))}
        if file in self.stand_in.damaged:
            content = content[:-1] + bytes([content[-1] ^ 255])
        status, start, stop = 200, 0, len(content)
        if match := re.fullmatch(r"bytes=(\d*)-(\d*)", self.headers.get("Range", "")):
            first, last = match.groups()
            start = int(first) if first else max(0, stop - int(last))
            stop = min(stop, int(last) + 1) if first and last else stop
            status, commit["Content-Range"] = 206, f"bytes {start}-{stop - 1}/{len(content)}"
            if start >= len(content):
                return self._json({"error": "Range"}, 416, {"Content-Range": f"bytes */{len(content)}"})
        self._send(content[start:stop], status, {**commit, "ETag": f'"{etag}"'}, cut=True)

    # -- writing ------------------------------------------------------------------------------------------------------

    def create(self) -> None:
        asked = json.loads(self.body)
        name = "/".join(filter(None, (asked.get("organization") or "me", asked["name"])))
        kind = {"dataset": "datasets"}.get(asked.get("type") or "model", "models")
        link = f"{self.stand_in.url}/{'datasets/' if kind == 'datasets' else ''}{name}"
        if self.stand_in.folder(name, kind) is not None:
            return self._json({"error": "You already created this repo", "url": link, "name": name}, 409)
        self.stand_in.created.append(asked)
        self.stand_in.create(name, kind)
        self._json({"url": link, "name": name, "id": name})

    def preupload(self, kind: str, name: str, revision: str) -> None:
        if (folder := self._repo(name, kind, revision)) is None:
            return
        answers = []
        for each in json.loads(self.body)["files"]:
            there = folder / each["path"]
            mode = "lfs" if is_large(each["path"], each["size"]) else "regular"
            oid = hashes(there)[mode == "lfs"] if there.is_file() else None
            answers.append({"path": each["path"], "uploadMode": mode, "shouldIgnore": False, "oid": oid})
        self._json({"files": answers})

    def batch(self, name: str, kind: str | None = None) -> None:
        if self._repo(name, kind) is None:
            return
        objects = []
        for each in json.loads(self.body)["objects"]:
            upload = {"upload": {"href": f"{self.stand_in.url}/large/{each['oid']}", "header": {}}}
            objects.append({**each, "authenticated": True, "actions": upload})
        self._json({"transfer": "basic", "objects": objects})

    def put_large(self, oid: str) -> None:
        if hashlib.sha256(self.body).hexdigest() != oid:
            return self._json({"error": "Checksum mismatch"}, 400)
        self.stand_in._large[oid] = self.body
        self._json({})

    def commit(self, kind: str, name: str, revision: str) -> None:
        if (folder := self._repo(name, kind, revision)) is None:
            return
        lines = [json.loads(line) for line in self.body.splitlines()]
        summary, paths = "", []
        for each in lines:
            key, value = each["key"], each["value"]
            if key == "header":
                summary = value["summary"]
                continue
            file = folder / value["path"]
            if folder.resolve() not in file.resolve().parents:
                return self._json({"error": "Path outside of the repository"}, 400)
            paths.append(value["path"])
            if key in ("deletedFile", "deletedFolder"):
                gone = [file] if file.is_file() else [part for part in file.rglob("*") if part.is_file()]
                for part in gone:
                    part.unlink()
                continue
            file.parent.mkdir(parents=True, exist_ok=True)
            content = base64.b64decode(value["content"]) if key == "file" else self.stand_in._large[value["oid"]]
            file.write_bytes(content)
        self.stand_in.commits.append({"repo": name, "revision": revision, "message": summary, "paths": paths})
        oid = commit_of(folder)
        self._json({"success": True, "commitOid": oid, "commitUrl": f"{self.stand_in.url}/{name}/commit/{oid}"})

    def branch(self, kind: str, name: str, branch: str) -> None:
        if (folder := self._repo(name, kind)) is None:
            return
        key = f"{name}@{branch}"
        if key in self.stand_in.repos:
            return self._json({"error": "Reference already exists"}, 409)
        copy = self.stand_in.create(key, "models")
        for each in files_of(folder):
            (copy / each).parent.mkdir(parents=True, exist_ok=True)
            (copy / each).write_bytes((folder / each).read_bytes())
        self._json({})

    def whoami(self) -> None:
        access = {"type": "access_token", "accessToken": {"role": "write", "displayName": "stand-in"}}
        self._json({"type": "user", "name": "me", "id": "0", "orgs": [], "auth": access})

    def valid(self) -> None:
        self._json({"errors": [], "warnings": []})

    # -- bytes --------------------------------------------------------------------------------------------------------

    def _read_body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") == "chunked":
            parts = []
            while size := int(self.rfile.readline(), 16):
                parts.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(parts)
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def _json(self, value: Any, status: int = 200, headers: dict[str, str] | None = None) -> None:
        self._send(json.dumps(value).encode(), status, {"Content-Type": "application/json", **(headers or {})})

    def _send(self, content: bytes, status: int, headers: dict[str, str], *, cut: bool = False) -> None:
        self.send_response(status)
        for key, value in {**headers, "Content-Length": str(len(content))}.items():
            self.send_header(key, value)
        self.end_headers()
        if self.command == "HEAD":
            return
        stand_in = self.stand_in
        if cut and stand_in.cut_at is not None and stand_in.n_cuts and len(content) > stand_in.cut_at:
            stand_in.n_cuts -= 1
            content, self.close_connection = content[: stand_in.cut_at], True
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self.wfile.write(content)


# A name has an owner but for the oldest models ("gpt2"); what follows it tells where it ends.
_NAME = r"(?P<name>[^/]+(?:/[^/]+)?)"
_API = rf"/api/(?P<kind>models|datasets)/{_NAME}"
ROUTES = [
    (re.compile(pattern), answer)
    for pattern, answer in (
        (rf"GET {_API}/(?:revision)/(?P<revision>.+)", Handler.info),
        (rf"GET {_API}/tree/(?P<revision>[^/]+)(?P<below>/.*)?", Handler.tree),
        (rf"POST {_API}/paths-info/(?P<revision>[^/]+)", Handler.paths_info),
        (rf"GET {_API}/refs", Handler.refs),
        (rf"POST {_API}/preupload/(?P<revision>.+)", Handler.preupload),
        (rf"POST {_API}/commit/(?P<revision>.+)", Handler.commit),
        (rf"POST {_API}/branch/(?P<branch>.+)", Handler.branch),
        (rf"GET {_API}", Handler.info),
        (rf"(?:GET|HEAD) /(?P<kind>datasets/)?{_NAME}/resolve/(?P<revision>[^/]+)/(?P<file>.+)", Handler.resolve),
        (rf"POST /(?P<kind>datasets/)?{_NAME}\.git/info/lfs/objects/batch", Handler.batch),
        (r"PUT /large/(?P<oid>[0-9a-f]{64})", Handler.put_large),
        (r"POST /api/repos/create", Handler.create),
        (r"GET /api/whoami-v2", Handler.whoami),
        (r"POST /api/validate-yaml", Handler.valid),
    )
]
