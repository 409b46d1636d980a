"""SAEs to the model hub: a folder for each id, a README that says how to load them.

Everything is checked before the first byte is sent. Each SAE is one commit, and files that are there already, byte for
byte, are not sent again: a call that was cut off goes on where it stopped when it is made once more.
"""

import contextlib
import hashlib
import logging
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from sae_widgets.loaders import load_folder
from sae_widgets.model_card import CardEntry, model_card
from sae_widgets.sae import SAE
from sae_widgets.sae.files import CONFIG_NAME, SPARSITY_NAME, WEIGHTS_NAME, is_sae_folder

__all__ = ["upload_dataset", "upload_saes_to_huggingface"]

RUNNER_CONFIG_NAME = "runner_cfg.json"
README_NAME = "README.md"

_ID_PART = re.compile(r"[\w.+=@ -]+", re.ASCII)
_log = logging.getLogger(__name__)

SAEOrFolder = SAE | Path | str
SAEs = Mapping[str, SAEOrFolder] | Sequence[SAEOrFolder] | SAEOrFolder


@dataclass(frozen=True)
class _Upload:
    """One SAE that is fit to be sent."""

    sae_id: str
    sae: SAE
    is_as_stored: bool
    """Whether the files of `sae.folder` are sent as they are."""

    def files(self, folder: Path) -> dict[str, Path]:
        """Path in the repository -> local file, those that need be written in `folder`."""
        source = self.sae.folder
        runner_config = None if source is None else source / RUNNER_CONFIG_NAME
        if self.is_as_stored:
            assert source is not None
            names = (CONFIG_NAME, WEIGHTS_NAME, SPARSITY_NAME, RUNNER_CONFIG_NAME)
            return {f"{self.sae_id}/{name}": source / name for name in names if (source / name).is_file()}
        written = self.sae.to_inference()
        written.save_model(folder, log_sparsity=self.sae.log_sparsity)
        if runner_config is not None and runner_config.is_file():
            shutil.copyfile(runner_config, folder / RUNNER_CONFIG_NAME)
        return {f"{self.sae_id}/{path.name}": path for path in sorted(folder.iterdir())}


def upload_saes_to_huggingface(
    saes_dict: SAEs | None = None,
    hf_repo_id: str | None = None,
    hf_revision: str = "main",
    show_progress: bool = True,
    add_default_readme: bool = True,
    *,
    saes: SAEs | None = None,
    repo_id: str | None = None,
    token: str | bool | None = None,
    private: bool | None = None,
    metrics: Mapping[str, Mapping[str, Any]] | None = None,
) -> str:
    """The address of the repository that now holds the SAEs, one folder for each id.

        upload_saes_to_huggingface({"layer_8": sae, "layer_9": "runs/layer_9"}, "me/my-saes")
        upload_saes_to_huggingface(saes=[sae], repo_id="me/my-saes", token="hf_...")      # id: its hook's name

    An SAE in training form is published in its inference form. A README that is there already is left alone.

    Args:
        saes_dict: SAEs, or folders of any format that `SAE.load_from_disk` reads, by the id they get.
        hf_repo_id: The repository, "owner/name"; made if there is none.
        hf_revision: The branch; made if there is none.
        show_progress: Whether to draw progress bars.
        add_default_readme: Whether to write a README where there is none.
        saes: `saes_dict` under its other name. In a list, or alone, each SAE's id is the name of its hook.
        repo_id: `hf_repo_id` under its other name.
        token: A token that may write; None takes the one `hf auth login` stored.
        private: Whether a new repository is private; None takes your account's default.
        metrics: Numbers for the README by id, e.g. `{"layer_8": sw.run_evals(sae, model, tokens)}`.

    Raises:
        ValueError: If an id, the repository's name or an SAE is not fit to be published; nothing has been sent.
        FileNotFoundError: If a folder holds no SAE, or the hub knows no such repository.
        PermissionError: If the hub does not let this token write there.
        ConnectionError: If the hub cannot be reached, or asks to come back later.
    """
    named = _named(_only("saes_dict", saes_dict, "saes", saes))
    repo = _only("hf_repo_id", hf_repo_id, "repo_id", repo_id)
    check_repo_id(repo)
    unknown = sorted(set(metrics or {}) - set(named))
    if unknown:
        raise ValueError(f"`metrics` has {', '.join(map(repr, unknown))}; the SAEs are {', '.join(map(repr, named))}.")
    uploads = [_checked(sae_id, each) for sae_id, each in named.items()]
    entries = [CardEntry.of(each.sae_id, each.sae, (metrics or {}).get(each.sae_id)) for each in uploads]
    with progress(show_progress), explained(repo):
        return Repository(repo, hf_revision, token).publish(
            uploads, model_card(repo, entries) if add_default_readme else None, private
        )


def upload_dataset(
    folder: Path,
    hf_repo_id: str,
    *,
    revision: str = "main",
    private: bool | None = None,
    files: Mapping[str, bytes] | None = None,
) -> str:
    """The address of the dataset repository that now holds the files of `folder`, and `files` beside them.

    Raises:
        ValueError: If the repository's name is none.
        PermissionError: If the hub does not let this token write there.
        ConnectionError: If the hub cannot be reached, or asks to come back later.
    """
    from huggingface_hub import HfApi

    check_repo_id(hf_repo_id)
    api = HfApi(library_name="sae_widgets")
    with progress(False), explained(hf_repo_id):
        url = str(api.create_repo(hf_repo_id, private=private, exist_ok=True, repo_type="dataset"))
        place: dict[str, Any] = {"repo_id": hf_repo_id, "repo_type": "dataset", "revision": revision}
        if revision != "main":
            api.create_branch(hf_repo_id, branch=revision, exist_ok=True, repo_type="dataset")
        api.upload_folder(folder_path=folder, commit_message="Upload dataset", ignore_patterns=".*", **place)
        for name, content in (files or {}).items():
            api.upload_file(path_or_fileobj=content, path_in_repo=name, commit_message=f"Add {name}", **place)
    return url


# -- checks -----------------------------------------------------------------------------------------------------------


def _only(name: str, value: Any, other_name: str, other: Any) -> Any:
    if (value is None) == (other is None):
        found = "neither" if value is None else "both"
        raise ValueError(f"Give {name} or, under its other name, {other_name}; got {found}.")
    return other if value is None else value


def _named(saes: SAEs) -> dict[str, SAEOrFolder]:
    """Id -> SAE; ids are checked."""
    if isinstance(saes, (SAE, str, Path)):
        saes = [saes]
    if not saes:
        raise ValueError("There is no SAE to upload: the dict or list is empty.")
    if isinstance(saes, Mapping):
        named: dict[str, SAEOrFolder] = dict(saes)
    else:
        ids = [str((each if isinstance(each, SAE) else _load(each)).cfg.metadata.hook_name or "") for each in saes]
        if "" in ids or len(set(ids)) < len(ids):
            what = "an SAE without a hook name" if "" in ids else "several SAEs of one hook"
            raise ValueError(f"A list has {what}, so its hook cannot be its id. Give a dict: {{'my_id': sae, ...}}.")
        named = dict(zip(ids, saes, strict=True))
    for sae_id in named:
        _check_id(sae_id)
    for sae_id in named:
        inside = [other for other in named if other.startswith(f"{sae_id}/")]
        if inside:
            raise ValueError(f"The folder of {inside[0]!r} would lie inside that of {sae_id!r}; choose other ids.")
    return named


def _check_id(sae_id: object) -> None:
    if not isinstance(sae_id, str):
        raise TypeError(f"An id is a string, the folder's name in the repository; got {sae_id!r}.")
    parts = sae_id.split("/")
    is_plain = all(_ID_PART.fullmatch(part) and part.strip(" .") and part == part.strip() for part in parts)
    if not is_plain or parts[0] == ".git":
        raise ValueError(
            f"{sae_id!r} cannot be an id: it names a folder in the repository, e.g. 'blocks.8.hook_resid_pre' or "
            "'layer_8/width_16k', of letters, digits and . _ - + = @."
        )


def check_repo_id(repo_id: Any) -> None:
    from huggingface_hub.utils import HFValidationError, validate_repo_id

    try:
        validate_repo_id(repo_id)
    except HFValidationError as error:
        raise ValueError(f"{repo_id!r} is no repository's name, which is 'owner/name'. {error}") from error


def _checked(sae_id: str, given: Any) -> _Upload:
    """`given`, known to be an SAE that others can load.

    Raises:
        TypeError, ValueError, FileNotFoundError: If it is not.
    """
    if not isinstance(given, (SAE, str, Path)):
        raise TypeError(f"{sae_id!r} is a {type(given).__name__}; expected an SAE or the folder of one.")
    is_sae = isinstance(given, SAE)
    sae = given if is_sae else _load(given)
    for name, weight in sae.state_dict().items():
        if not bool(torch.isfinite(weight).all()):
            raise ValueError(f"The SAE {sae_id!r} has NaN or infinity in {name}; nothing has been uploaded.")
    is_as_stored = not is_sae and not sae.cfg.is_training and is_sae_folder(given)
    return _Upload(sae_id, sae, is_as_stored)


def _load(folder: str | Path) -> SAE:
    return load_folder(Path(folder).expanduser())


# -- the repository ---------------------------------------------------------------------------------------------------


class Repository:
    """One branch of one repository on the hub."""

    def __init__(self, repo_id: str, revision: str, token: str | bool | None) -> None:
        from huggingface_hub import HfApi

        self._api = HfApi(token=token, library_name="sae_widgets")
        self._repo_id, self._revision = repo_id, revision

    def publish(self, uploads: Sequence[_Upload], readme: str | None, private: bool | None) -> str:
        """The repository's address, once `uploads` are in it, and `readme` if it had none."""
        url = self._open(private)
        there = self._there()
        for number, each in enumerate(uploads, 1):
            with tempfile.TemporaryDirectory() as folder:
                files = each.files(Path(folder))
                new = {name: path for name, path in files.items() if not _is_same(path, there.get(name))}
                if new:
                    _log.info("Uploading %s (%d of %d) to %s.", each.sae_id, number, len(uploads), self._repo_id)
                    self._commit(new, f"Upload SAE {each.sae_id}")
        self._add_readme(readme, there)
        return url

    def publish_files(self, files: Mapping[str, Path], message: str, readme: str | None, private: bool | None) -> str:
        """The repository's address, once these files are in it by one commit, and `readme` if it had none."""
        url = self._open(private)
        there = self._there()
        new = {name: path for name, path in files.items() if not _is_same(path, there.get(name))}
        if new:
            self._commit(new, message)
        self._add_readme(readme, there)
        return url

    def _open(self, private: bool | None) -> str:
        url = str(self._api.create_repo(self._repo_id, private=private, exist_ok=True))
        if self._revision != "main":
            self._api.create_branch(self._repo_id, branch=self._revision, exist_ok=True)
        return url

    def _add_readme(self, readme: str | None, there: Mapping[str, Any]) -> None:
        if readme is None:
            return
        if README_NAME in there:
            _log.info("%s has a README; it is left as it is.", self._repo_id)
        else:
            self._commit({README_NAME: readme.encode("utf-8")}, "Add a README")

    def _there(self) -> dict[str, Any]:
        """The files of the branch, by path."""
        tree = self._api.list_repo_tree(self._repo_id, recursive=True, revision=self._revision)
        return {each.path: each for each in tree if hasattr(each, "blob_id")}  # folders have none

    def _commit(self, files: Mapping[str, Path | bytes], message: str) -> None:
        from huggingface_hub import CommitOperationAdd

        operations = [CommitOperationAdd(path_in_repo=name, path_or_fileobj=file) for name, file in files.items()]
        self._api.create_commit(self._repo_id, operations, commit_message=message, revision=self._revision)


def _is_same(file: Path, remote: Any) -> bool:
    """Whether the hub's `remote` file has the bytes of `file`."""
    if remote is None or remote.size != file.stat().st_size:
        return False
    if remote.lfs is not None:
        return _digest(file, hashlib.sha256()) == remote.lfs.sha256
    return _digest(file, hashlib.sha1(b"blob %d\0" % remote.size)) == remote.blob_id  # git's own name for it


def _digest(file: Path, digest: Any) -> str:
    with file.open("rb") as stream:
        while chunk := stream.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


@contextlib.contextmanager
def progress(is_shown: bool) -> Iterator[None]:
    """The hub client's progress bars off, unless they are to be shown."""
    from huggingface_hub.utils import are_progress_bars_disabled, disable_progress_bars, enable_progress_bars

    if is_shown or are_progress_bars_disabled():
        yield
        return
    disable_progress_bars()
    try:
        yield
    finally:
        enable_progress_bars()


@contextlib.contextmanager
def explained(repo_id: str) -> Iterator[None]:
    """Errors of the hub client in words that say what to do."""
    try:
        yield
    except Exception as error:
        # The client wraps what went wrong with a large file in a RuntimeError.
        cause = error.__cause__ if type(error) is RuntimeError and error.__cause__ is not None else error
        explained = _explanation(cause, repo_id)
        if explained is None:
            raise
        raise explained from error


def _explanation(error: BaseException, repo_id: str) -> OSError | None:
    """What to say of `error`; None where it speaks for itself."""
    from huggingface_hub.errors import HfHubHTTPError, LocalTokenNotFoundError, OfflineModeIsEnabled

    if isinstance(error, LocalTokenNotFoundError):
        return PermissionError(f"Writing to {repo_id!r} needs a token: {_TOKEN_HELP}")
    if isinstance(error, OfflineModeIsEnabled):
        return ConnectionError(f"Cannot upload to {repo_id!r}: HF_HUB_OFFLINE is set. Unset it and restart.")
    if isinstance(error, HfHubHTTPError):
        return _refusal(error, repo_id)
    # requests, httpx or httpx2, by the version of the client
    if isinstance(error, ConnectionError) or type(error).__module__.split(".")[0] in ("requests", "httpx", "httpx2"):
        return ConnectionError(f"The hub ({_endpoint()}) cannot be reached: {error}. {_AGAIN}")
    return None


_AGAIN = "What was uploaded stays; the same call goes on from there."
_TOKEN_HELP = (
    "make one with the permission to write at https://huggingface.co/settings/tokens, then pass token=... or run "
    "`hf auth login`."
)


def _refusal(error: Any, repo_id: str) -> OSError:
    status = getattr(error.response, "status_code", None)  # no response: the client gave up before it had one
    if status == 401:
        return PermissionError(f"The hub does not accept the token for {repo_id!r} (401): {_TOKEN_HELP}")
    if status == 403:
        return PermissionError(
            f"This token may not write to {repo_id!r} (403). Is the owner's name right, are you a member there, and "
            f"may the token write? Else {_TOKEN_HELP}"
        )
    if status == 404:
        return FileNotFoundError(
            f"The hub knows no repository {repo_id!r}, or hides it from this token (404). Is the owner's name right?"
        )
    if status == 429:
        wait = re.sub(r"[^\w :,-]", "", str(error.response.headers.get("Retry-After", "")))[:40]
        when = f"Wait {wait} seconds" if wait.isdecimal() else f"Wait until {wait}" if wait else "Wait a few minutes"
        return ConnectionError(f"The hub has had too many requests from you (429). {when}, then call again. {_AGAIN}")
    return ConnectionError(f"The hub refused the upload to {repo_id!r}: {error} {_AGAIN}")


def _endpoint() -> str:
    from huggingface_hub import constants

    return str(constants.ENDPOINT)
