"""Text made into rows of token ids once, on the disk: `PretokenizeRunner(PretokenizeRunnerConfig(...)).run()`.

A run trained on the result makes no tokens of its own. The folder is a dataset of `datasets` with `sae_lens.json`
beside it, as SAELens writes it; `dataset_path` reads it in either. Departures: rows go on across the borders of batches
of documents, where SAELens drops a rest each time; the tokenizer adds no special tokens of its own, only those asked
for are there; a run that was stopped goes on after the last whole file.
"""

import argparse
import logging
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from sae_widgets.activations.documents import Documents, open_documents
from sae_widgets.activations.token_files import TokenFiles, vocabulary_digest, write_parquet
from sae_widgets.activations.token_rows import SequencePacker, TokenRows, special_token
from sae_widgets.hub import upload_dataset
from sae_widgets.runs.command import say, told
from sae_widgets.runs.dataclass_flags import add_flags, config_from_flags
from sae_widgets.runs.disk_plan import DiskPlan, tokens_per_s

ROWS_PER_FILE = 65_536  # 34 MB at 128 tokens: little to repeat after a stop, few files for a large data set
ROWS_PER_STEP = 256
BYTES_PER_TOKEN = 4

logger = logging.getLogger(__name__)


@dataclass
class PretokenizeRunnerConfig:
    """Which text, which tokenizer, which special tokens; names of SAELens."""

    tokenizer_name: str = "demo"
    """`"demo"` (bundled), a hub name or a local folder. SAELens' default is "gpt2"."""
    dataset_path: str = ""
    """As for `open_documents`; none named, the tokenizer "demo" reads "demo"."""
    dataset_name: str | None = None
    """Configuration of a dataset on the hub that has several."""
    dataset_trust_remote_code: bool | None = None
    """Code from the hub is never run: True is refused."""
    split: str | None = "train"
    data_files: list[str] | None = None
    data_dir: str | None = None
    num_proc: int = 1
    """Kept for SAELens' configs: the tokenizer uses all cores by itself."""
    context_size: int = 128
    column_name: str | None = None
    """None: "text", or what there is. SAELens' default is "text"."""
    use_chat_formatting: bool = False
    """Make text of conversations by the tokenizer's chat template."""
    shuffle: bool = True
    """Documents in a random order, and rows within each file; training shuffles all rows anew in any case."""
    seed: int | None = 42
    streaming: bool = False
    pretokenize_batch_size: int | None = 1000
    """Kept for SAELens' configs: nothing is cut at the borders of batches here."""

    begin_batch_token: int | str | None = "bos"
    """What a row begins with: "bos", "eos", "sep", a token id, or None."""
    begin_sequence_token: int | str | None = None
    """What a document begins with."""
    sequence_separator_token: int | str | None = "bos"
    """What stands between two documents in a row."""
    disable_concat_sequences: bool = False

    save_path: str | None = None
    """Folder for the result; None keeps it in memory."""
    hf_repo_id: str | None = None
    """Dataset repository to upload it to."""
    hf_num_shards: int = 64
    """Kept for SAELens' configs: files are as they were written."""
    hf_revision: str = "main"
    hf_is_private_repo: bool = False

    def __post_init__(self) -> None:
        if self.tokenizer_name == "demo" and not self.dataset_path:
            self.dataset_path = "demo"
        if not self.dataset_path:
            raise ValueError("There is no text: set dataset_path to a text file, a folder or a dataset.")
        if self.context_size < 2:
            raise ValueError(f"context_size must be at least 2, got {self.context_size}.")
        if self.dataset_trust_remote_code:
            raise NotImplementedError("dataset_trust_remote_code=True: code from the hub is never run here.")
        self.seed = 0 if self.seed is None else self.seed

    @property
    def origin(self) -> dict[str, Any]:
        """What `sae_lens.json` says."""
        own = ("tokenizer_name", "context_size", "seed", "begin_batch_token", "begin_sequence_token")
        own += ("sequence_separator_token", "disable_concat_sequences", "use_chat_formatting")
        return {
            "sae_lens_version": "6.54.12",  # whose names these are
            "original_dataset": self.dataset_path,
            "original_dataset_name": self.dataset_name,
            "original_split": self.split,
            "original_data_files": self.data_files,
            "original_column_name": self.column_name,
            "shuffled": self.shuffle,
            **{name: getattr(self, name) for name in own},
        }


class PretokenizeRunner:
    """Makes rows of tokens; `run()` returns them as a dataset of `datasets`.

    Args:
        cfg: The settings.
        override_dataset: A list of strings or a dataset, in place of `cfg.dataset_path`.
        override_tokenizer: A tokenizer that is at hand, in place of `cfg.tokenizer_name`.
    """

    def __init__(
        self, cfg: PretokenizeRunnerConfig, override_dataset: Any = None, override_tokenizer: Any = None
    ) -> None:
        self.cfg, self._dataset, self._tokenizer = cfg, override_dataset, override_tokenizer

    @property
    def tokenizer(self) -> Any:
        if self._tokenizer is None:
            self._tokenizer = load_tokenizer(self.cfg.tokenizer_name)
        return self._tokenizer

    def plan(self) -> DiskPlan:
        """Disk and time it takes, measured on the first documents; of a stream nobody knows the end."""
        rows = self._rows(self._documents())
        speed = tokens_per_s(lambda: self._take(rows, ROWS_PER_STEP))
        n_documents, n_tokens = rows.documents.n_documents, None
        if rows.epoch != 0:
            n_tokens = 2 * ROWS_PER_STEP * self.cfg.context_size  # the end was seen: no more than was taken
        elif n_documents is not None:
            n_tokens = int(2 * ROWS_PER_STEP * self.cfg.context_size * n_documents / rows.n_documents)
        return DiskPlan("tokens", self.cfg.save_path, n_tokens, BYTES_PER_TOKEN, speed)

    def run(self) -> Any:
        """The dataset, column `input_ids`.

        Raises:
            ValueError: If the text, the column or the settings cannot work, or the disk cannot hold the result.
            FileExistsError: If something else is in `save_path`.
            OSError: If a file cannot be written; those before it are whole, and the next run goes on after them.
        """
        from datasets import load_from_disk

        if self.cfg.save_path is not None:
            plan = self.plan()
            logger.info("%s", plan)
            plan.check("Name a save_path on another disk.")
            folder = self._write(Path(self.cfg.save_path).expanduser())
            self._upload(folder)
            return load_from_disk(str(folder))
        with tempfile.TemporaryDirectory() as temporary:
            folder = self._write(Path(temporary) / "tokens")
            self._upload(folder)
            return load_from_disk(str(folder), keep_in_memory=True)

    def _documents(self) -> Documents:
        cfg = self.cfg
        named: dict[str, Any] = {"name": cfg.dataset_name, "data_files": cfg.data_files, "data_dir": cfg.data_dir}
        return open_documents(
            cfg.dataset_path if self._dataset is None else self._dataset,
            streaming=cfg.streaming,
            split=cfg.split or "train",
            seed=cfg.seed or 0,
            is_shuffled=cfg.shuffle,
            column=cfg.column_name,
            use_chat_formatting=cfg.use_chat_formatting,
            is_dataset_tokenized=False,
            **named,
        )

    def _rows(self, documents: Documents) -> TokenRows:
        cfg, tokenizer = self.cfg, self.tokenizer
        packer = SequencePacker(
            cfg.context_size,
            begin_row=special_token(tokenizer, cfg.begin_batch_token),
            separator=special_token(tokenizer, cfg.sequence_separator_token),
            is_concatenated=not cfg.disable_concat_sequences,
            begin_sequence=special_token(tokenizer, cfg.begin_sequence_token),
        )
        return TokenRows(documents, tokenizer, packer)

    def _take(self, rows: TokenRows, n: int) -> Tensor:
        """The next rows of the only epoch; none after its end."""
        return rows.take_of_epoch(n if rows.epoch == 0 else 0)

    def _write(self, folder: Path) -> Path:
        digest = vocabulary_digest(self.tokenizer)
        files = TokenFiles(folder, self.cfg.origin | {"vocabulary_sha256": digest})
        if files.is_finished:
            return folder
        rows = self._rows(self._documents())
        if files.position:
            rows.load_state_dict({name: torch.tensor(each).long() for name, each in files.position.items()})
        while rows.epoch == 0:
            found = torch.cat([self._take(rows, ROWS_PER_STEP) for _ in range(ROWS_PER_FILE // ROWS_PER_STEP)])
            if len(found) and self.cfg.shuffle:
                generator = torch.Generator().manual_seed((self.cfg.seed or 0) + len(files.files))
                found = found[torch.randperm(len(found), generator=generator)]
            if len(found):
                files.add(found, {name: each.tolist() for name, each in rows.state_dict().items()})
        files.finish()
        return folder

    def _upload(self, folder: Path) -> None:
        cfg = self.cfg
        if cfg.hf_repo_id is not None:
            with tempfile.TemporaryDirectory() as temporary:
                write_parquet(folder, Path(temporary))
                place = {"revision": cfg.hf_revision, "private": cfg.hf_is_private_repo}
                upload_dataset(Path(temporary), cfg.hf_repo_id, **place)


def load_tokenizer(name: str) -> Any:
    """The tokenizer of a model: "demo", a hub name or a folder."""
    from transformers import AutoTokenizer

    if name == "demo":
        from sae_widgets.demo import model_folder

        name = str(model_folder())
    return AutoTokenizer.from_pretrained(name)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """One flag for each field of the config."""
    add_flags(parser, PretokenizeRunnerConfig)


def main(args: argparse.Namespace) -> int:
    """`python -m sae_widgets pretokenize --tokenizer_name gpt2 --dataset_path texts --save_path tokens`."""
    try:
        runner = PretokenizeRunner(config_from_flags(args, PretokenizeRunnerConfig))
        where = runner.cfg.save_path or runner.cfg.hf_repo_id
        if where is None:
            raise ValueError("Say where the tokens are to go: --save_path or --hf_repo_id.")
        say(str(runner.plan()))
        dataset = runner.run()
    except (OSError, TypeError, ValueError, NotImplementedError) as error:
        return told(error)
    say(f"{len(dataset):,} rows of {runner.cfg.context_size} tokens in {where}")
    return 0
