"""What went wrong at the model hub, as an error that says what to do."""

import os
from pathlib import Path

_NETWORK_PACKAGES = {"httpx", "httpx2", "httpcore", "httpcore2", "requests", "urllib3", "ssl", "socket"}
"""Packages whose exceptions mean that no answer came; which of them the hub's client uses depends on its version."""


def explained(error: Exception, repo_id: str, what: str, revision: str | None = None) -> Exception:
    """The error to raise in place of the client's `error`; `error` itself if it is none of the hub or the network.

    Args:
        error: As `huggingface_hub` raised it.
        repo_id: Repository it is about.
        what: File or folder in the repository.
        revision: Branch, tag or commit asked for.
    """
    from huggingface_hub import errors

    if isinstance(error.__cause__, Exception) and not _is_of_hub(error) and _is_of_hub(error.__cause__):
        error = error.__cause__  # "Force download failed due to the above error."
    status = _status(error)
    if isinstance(error, errors.HFValidationError):
        return ValueError(f"{repo_id!r} is no name of a repository (owner/name): {error}")
    if isinstance(error, errors.GatedRepoError) or status == 403:
        return PermissionError(
            f"{repo_id} is gated, and its owner has not let you in (yet): ask on {_page(repo_id)}, then log in with "
            "`hf auth login`, or pass token=."
        )
    if status == 401:
        return PermissionError(
            f"The hub lets you see no repository {repo_id!r}: it does not exist, or is private and the token is "
            "missing or wrong. Log in with `hf auth login`, or pass token=."
        )
    if isinstance(error, errors.RevisionNotFoundError):
        return FileNotFoundError(f"{repo_id} has no revision {revision!r}. See {_page(repo_id)}/tree/main.")
    if is_missing_file(error):
        return FileNotFoundError(f"{repo_id} has no {what!r}.")
    if isinstance(error, errors.RepositoryNotFoundError) or status == 404:
        return FileNotFoundError(f"The hub has no repository {repo_id!r} (or it is private: pass token=).")
    if status == 429:
        wait = error.response.headers.get("Retry-After")  # pyright: ignore[reportAttributeAccessIssue]
        when = f"in {wait} seconds" if wait and wait.isdigit() else "in some minutes"
        return ConnectionError(
            f"The hub refuses further requests for now (429): try again {when}. With a token it allows more."
        )
    if status is not None:
        return ConnectionError(f"The hub answered {status} for {what!r} of {repo_id}. Try again later.")
    if is_of_network(error):
        return ConnectionError(
            f"The download of {what!r} from {repo_id} was cut off: {error}. Nothing half-downloaded was kept; run it "
            "again."
        )
    return error


def is_missing_file(error: Exception) -> bool:
    """Whether the hub said that the repository has no such file."""
    from huggingface_hub import errors

    return isinstance(error, errors.EntryNotFoundError) and not isinstance(error, errors.LocalEntryNotFoundError)


def is_of_network(error: BaseException) -> bool:
    """Whether no answer came."""
    if _status(error) is not None:
        return False
    packages = {each.__module__.split(".")[0] for each in type(error).__mro__}
    return bool(packages & _NETWORK_PACKAGES) or isinstance(error, (ConnectionError, TimeoutError))


def unreachable(endpoint: str, reason: str, repo_id: str, path: str, cache_dir: str | Path) -> ConnectionError:
    """The error for files that are not in the cache while the hub cannot be asked."""
    include = f" --include '{path}*'" if path else ""
    return ConnectionError(
        f"{_joined(repo_id, path)} is not in the cache ({os.fspath(cache_dir)}), and the model hub at {endpoint} "
        f"cannot be asked: {reason}. Check the network, HF_ENDPOINT and proxies; or run `hf download {repo_id}{include}"
        " --local-dir FOLDER` where there is a network, and SAE.load_from_disk(FOLDER) here."
    )


def not_cached(repo_id: str, path: str, cache_dir: str | Path) -> FileNotFoundError:
    """The error for files that are not in the cache where the caller wants no others."""
    return FileNotFoundError(
        f"{_joined(repo_id, path)} is not in the cache ({os.fspath(cache_dir)}), and nothing else was allowed "
        "(local_files_only=True or HF_HUB_OFFLINE=1)."
    )


def _joined(repo_id: str, path: str) -> str:
    return f"{repo_id}/{path}".rstrip("/")


def _page(repo_id: str) -> str:
    from huggingface_hub import constants

    return f"{constants.ENDPOINT}/{repo_id}"


def _status(error: BaseException) -> int | None:
    """The hub's answer, if it gave one."""
    return getattr(getattr(error, "response", None), "status_code", None)


def _is_of_hub(error: BaseException) -> bool:
    return type(error).__module__.split(".")[0] == "huggingface_hub" or is_of_network(error)
