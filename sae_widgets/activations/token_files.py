"""Token rows on disk: a dataset of `datasets` in Arrow files, which SAELens reads too.

    data-00000.arrow ...   column input_ids, `context_size` ids a row
    sae_lens.json          how they were made (SAELens' names), and of each file its size and checksum
    state.json  dataset_info.json      written last: a folder without them is not finished
    progress.json          while it is being made: where to go on

A file is written under another name and renamed when it is whole, and `progress.json` changes only then, so whatever
stops the work, it goes on after the last whole file and gives the same files.
"""

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Int
from torch import Tensor

ORIGIN_NAME = "sae_lens.json"
PROGRESS_NAME = "progress.json"
STATE_NAME = "state.json"


def made_with(source: str) -> dict[str, Any] | None:
    """What `sae_lens.json` says of the tokens in a folder, or in a dataset on the hub; None where there is none."""
    folder = Path(source).expanduser()
    if folder.is_dir():
        file = folder / ORIGIN_NAME
        return json.loads(file.read_text("utf-8")) if file.is_file() else None
    if folder.exists():
        return None
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    try:
        return json.loads(Path(hf_hub_download(source, ORIGIN_NAME, repo_type="dataset")).read_text("utf-8"))
    except (HfHubHTTPError, LocalEntryNotFoundError):
        return None


def vocabulary_digest(tokenizer: Any) -> str | None:
    """A checksum of the tokenizer's vocabulary, ids included; None where it cannot be listed."""
    list_all = getattr(tokenizer, "get_vocab", None)
    if list_all is None:
        return None
    pairs = sorted((index, piece) for piece, index in list_all().items())
    return hashlib.sha256(json.dumps(pairs).encode()).hexdigest()


def check_tokenizer(origin: Mapping[str, Any] | None, tokenizer: Any, name: str) -> None:
    """Nothing, if tokens made with `origin` are those of `tokenizer`, or nobody can tell.

    Raises:
        ValueError: If the vocabularies differ.
    """
    made, own = (origin or {}).get("tokenizer_name"), vocabulary_digest(tokenizer)
    if origin is None or made is None or own is None:
        return
    digest = origin.get("vocabulary_sha256") or _digest_of(made, str(getattr(tokenizer, "name_or_path", "")))
    if digest not in (None, own):
        raise ValueError(
            f"{name} was tokenised with {made!r}, and this model has another vocabulary. Tokenise the text with the "
            f"model's own tokenizer (PretokenizeRunner), or train on the model that belongs to {made!r}."
        )


def _digest_of(tokenizer_name: str, own_name: str) -> str | None:
    """Checksum of the vocabulary of a tokenizer that is loaded for it; None where it is the same or cannot be had."""
    if tokenizer_name == own_name:
        return None
    from transformers import AutoTokenizer

    try:
        return vocabulary_digest(AutoTokenizer.from_pretrained(tokenizer_name))
    except (OSError, ValueError):  # not in the cache and no network; the range of the ids is still checked
        return None


def check_token_files(folder: Path) -> None:
    """Nothing, if what `TokenFiles` wrote there is whole, or another wrote it.

    Raises:
        ValueError: If it is not finished, or a file is damaged.
    """
    if (folder / PROGRESS_NAME).is_file() and not (folder / STATE_NAME).is_file():
        raise ValueError(
            f"The tokens in {str(folder)!r} are not finished: run PretokenizeRunner again with the same settings; it "
            "goes on where it stopped."
        )
    file = folder / ORIGIN_NAME
    for each in json.loads(file.read_text("utf-8")).get("files", []) if file.is_file() else []:
        path = folder / each["name"]
        size = path.stat().st_size if path.is_file() else None
        if size != each["n_bytes"] or _sha256(path) != each["sha256"]:
            what = "is missing" if size is None else f"is damaged ({size:,} bytes of {each['n_bytes']:,})"
            raise ValueError(f"{path} {what}: delete the folder and tokenise the text again.")


class TokenFiles:
    """Writes rows of token ids, file by file; goes on where an earlier one stopped.

    Args:
        folder: Where; made if there is none.
        origin: What `sae_lens.json` is to say.

    Raises:
        FileExistsError: If something else is there.
        ValueError: If what is there was begun with other settings; says which differ.
    """

    def __init__(self, folder: Path, origin: Mapping[str, Any]) -> None:
        self.folder, self.origin = folder, dict(origin)
        self.files: list[dict[str, Any]] = []
        self.position: dict[str, Any] = {}
        """Where reading goes on, as it was given to `add`."""
        self.is_finished = (folder / STATE_NAME).is_file()
        begun = folder / (ORIGIN_NAME if self.is_finished else PROGRESS_NAME)
        if begun.is_file():
            self._go_on(json.loads(begun.read_text("utf-8")))
        elif folder.is_dir() and any(not each.name.endswith(".part") for each in folder.iterdir()):
            raise FileExistsError(f"{str(folder)!r} holds something else: name a folder that is empty or new.")
        folder.mkdir(parents=True, exist_ok=True)
        for stray in folder.glob(".*.part"):
            stray.unlink()

    @property
    def n_rows(self) -> int:
        return sum(each["n_rows"] for each in self.files)

    def add(self, rows: Int[Tensor, "n_rows context"], position: Mapping[str, Any]) -> None:
        """One more file.

        Raises:
            OSError: If it cannot be written; those before are whole.
        """
        name = f"data-{len(self.files):05d}.arrow"
        part = self.folder / f".{name}.part"
        _write_arrow(part, rows)
        self.files.append({"name": name, "n_rows": len(rows), "n_bytes": part.stat().st_size, "sha256": _sha256(part)})
        part.rename(self.folder / name)
        self.position = dict(position)
        _write_whole(self.folder / PROGRESS_NAME, self.origin | {"files": self.files, "position": self.position})

    def finish(self) -> None:
        """Makes the folder a dataset."""
        _write_whole(self.folder / ORIGIN_NAME, self.origin | {"files": self.files})
        _write_whole(self.folder / "dataset_info.json", {"citation": "", "description": ""})  # features: the files' own
        fingerprint = hashlib.sha256(json.dumps(self.files).encode()).hexdigest()[:16]
        state = {"_data_files": [{"filename": each["name"]} for each in self.files], "_fingerprint": fingerprint}
        state |= {"_format_columns": None, "_format_kwargs": {}, "_format_type": None}
        _write_whole(self.folder / STATE_NAME, state | {"_output_all_columns": False, "_split": None})
        (self.folder / PROGRESS_NAME).unlink(missing_ok=True)
        self.is_finished = True

    def _go_on(self, begun: dict[str, Any]) -> None:
        self.files, self.position = begun.pop("files", []), begun.pop("position", {})
        differing = [name for name in self.origin if begun.get(name) != self.origin[name]]
        if differing:
            told = "; ".join(f"{name}: {begun.get(name)!r} there, {self.origin[name]!r} here" for name in differing)
            raise ValueError(f"{str(self.folder)!r} was made with other settings ({told}). Name another folder.")


def write_parquet(folder: Path, into: Path) -> None:
    """The same rows as `datasets` looks for them in a repository: `data/train-*.parquet`, and `sae_lens.json`."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    origin = json.loads((folder / ORIGIN_NAME).read_text("utf-8"))
    files = origin.pop("files")
    (into / "data").mkdir(parents=True)
    for number, each in enumerate(files):
        with pa.memory_map(str(folder / each["name"])) as source:
            table = pa.ipc.open_stream(source).read_all()
            pq.write_table(table, into / "data" / f"train-{number:05d}-of-{len(files):05d}.parquet")
    _write_whole(into / ORIGIN_NAME, origin)


def _write_arrow(path: Path, rows: Int[Tensor, "n_rows context"]) -> None:
    import pyarrow as pa

    context = rows.shape[1]
    offsets = torch.arange(len(rows) + 1, dtype=torch.int32) * context
    values = pa.array(rows.to(torch.int32).flatten().numpy())
    column = pa.ListArray.from_arrays(pa.array(offsets.numpy()), values)
    table = pa.table({"input_ids": column})
    with path.open("wb") as file:
        with pa.ipc.new_stream(file, table.schema) as writer:
            writer.write_table(table, max_chunksize=1000)
        file.flush()
        os.fsync(file.fileno())


def _write_whole(path: Path, values: Mapping[str, Any]) -> None:
    """JSON, under another name until it is whole."""
    part = path.with_name(f".{path.name}.part")
    with part.open("w", encoding="utf-8") as file:
        json.dump(values, file, indent=2)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while part := file.read(1 << 20):
            digest.update(part)
    return digest.hexdigest()
