"""Activations written to the disk once, to train on many times: `CacheActivationsRunner(cfg).run()`.

    cfg = CacheActivationsRunnerConfig(model_name="gpt2", hook_name="blocks.8.hook_resid_pre", dataset_path="texts")
    CacheActivationsRunner(cfg).run()
    LanguageModelSAERunnerConfig(..., use_cached_activations=True)        # reads it from where it was written

Source: SAELens' runner of that name. Departures: shards of safetensors with checksums; a run that was stopped goes on
after the last whole shard; training reads all rows in a new random order each epoch, where SAELens reads them as they
were written; several hooks of one forward; each text is written once, and writing ends where the data does.
"""

import argparse
import json
import logging
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from sae_widgets.activations.cache import CachedActivations, CacheWriter, default_folder
from sae_widgets.activations.documents import Documents, open_documents
from sae_widgets.activations.hook_reader import HookReader
from sae_widgets.activations.settings import StoreSettings
from sae_widgets.activations.sources import ModelSource, check_context, check_width
from sae_widgets.activations.token_files import check_tokenizer
from sae_widgets.activations.token_rows import SequencePacker, TokenRows, special_token
from sae_widgets.hooked import as_hooked
from sae_widgets.hub import upload_dataset
from sae_widgets.model import load_model, process_weights
from sae_widgets.runs.command import say, told
from sae_widgets.runs.dataclass_flags import add_flags, config_from_flags
from sae_widgets.runs.disk_plan import DiskPlan, tokens_per_s

__all__ = ["CacheActivationsRunner", "CacheActivationsRunnerConfig"]

CONFIG_NAME = "cache_activations_runner_cfg.json"
PROCESSING = ("fold_ln", "center_writing_weights", "center_unembed", "fold_value_biases")

logger = logging.getLogger(__name__)


@dataclass
class CacheActivationsRunnerConfig:
    """Which activations of which model on which text; names of SAELens."""

    dataset_path: str = ""
    """As for `open_documents`; none named, the model "demo" reads "demo"."""
    model_name: str = "demo"
    model_batch_size: int = 32
    """Rows in a forward of the model."""
    hook_name: str = "blocks.0.hook_mlp_out"
    d_in: int | None = None
    """What the width has to be; None takes the model's."""
    training_tokens: int = 1_000_000
    """Tokens to write, fewer where the text ends before."""
    context_size: int = 128
    """-1: the rows' own length, where the data is tokenised."""
    model_class_name: str = "HookedTransformer"
    new_cached_activations_path: str | None = None
    """Folder for the result; None: `activations/{dataset}/{model}/{hook}`."""
    shuffle: bool = True
    """Documents in a random order, and rows in a new one each time they are read."""
    seed: int = 42
    dtype: str = "float32"
    """As which activations are written."""
    device: str = "auto"
    buffer_size_gb: float | int = 0.25
    """Size of a shard, which is what memory holds, and what is lost at most when the run is stopped. SAELens: 2."""

    hf_repo_id: str | None = None
    """Dataset repository to upload it to."""
    hf_num_shards: int | None = None
    """Kept for SAELens' configs: shards are as they were written."""
    hf_revision: str = "main"
    hf_is_private_repo: bool = False

    model_kwargs: dict[str, Any] = field(default_factory=dict)
    model_from_pretrained_kwargs: dict[str, Any] = field(default_factory=dict)
    compile_llm: bool = False
    llm_compilation_mode: str | None = None

    prepend_bos: bool = True
    seqpos_slice: tuple[int | None, ...] = (None,)
    streaming: bool = True
    autocast_lm: bool = False
    dataset_trust_remote_code: bool | None = None
    use_chat_formatting: bool = False

    hook_names: list[str] | None = None
    """Written in the place of `hook_name`, all from one forward."""
    hook_head_index: int | None = None
    """The one head to take of activations that have heads; None joins all heads."""
    sequence_separator_token: str | int | None = "bos"
    disable_concat_sequences: bool = False
    keep_held_out: bool = True
    """Leave every 20th document out, for evaluation, where there are 40 or more; training then knows that it may
    evaluate on those."""

    def __post_init__(self) -> None:
        if self.model_name == "demo" and not self.dataset_path:
            self.dataset_path = "demo"
        self.seqpos_slice = tuple(self.seqpos_slice)
        if self.hook_names:
            self.hook_names = list(self.hook_names)
            self.hook_name = self.hook_names[0]
        if self.device == "auto":
            self.device = "cuda" if torch.cuda.is_available() else "cpu"
        for name in ("compile_llm", "dataset_trust_remote_code"):
            if getattr(self, name):
                raise NotImplementedError(f"{name}=True is not offered: leave it out.")
        for name in ("training_tokens", "model_batch_size"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}.")
        if not self.buffer_size_gb > 0:
            raise ValueError(f"buffer_size_gb must be above 0, got {self.buffer_size_gb}.")
        if self.context_size > self.training_tokens:
            raise ValueError(f"training_tokens {self.training_tokens:,} is less than one row of {self.context_size}.")
        if self.new_cached_activations_path is None:
            named = (self.dataset_path, self.model_name, self.hook_name, self.hook_head_index)
            self.new_cached_activations_path = default_folder(*named)

    @property
    def folder(self) -> Path:
        return Path(self.new_cached_activations_path or "").expanduser()


class CacheActivationsRunner:
    """Writes activations to the disk; `run()` returns what is there.

    Args:
        cfg: The settings.
        override_dataset: A list of strings or a dataset, in place of `cfg.dataset_path`.
        override_model: A model that is at hand, in place of `cfg.model_name`.

    Raises:
        ValueError: If the settings do not fit each other, the model or the data.
    """

    def __init__(
        self, cfg: CacheActivationsRunnerConfig, override_dataset: Any = None, override_model: Any = None
    ) -> None:
        self.cfg = cfg
        if override_dataset is None and not cfg.dataset_path:
            raise ValueError("There is no text: set dataset_path to a text file, folder or dataset.")
        self.model = as_hooked(override_model) if override_model is not None else _load(cfg)
        source = cfg.dataset_path if override_dataset is None else override_dataset
        chosen = {"streaming": cfg.streaming, "seed": cfg.seed, "is_shuffled": cfg.shuffle}
        chosen |= {"use_chat_formatting": cfg.use_chat_formatting, "keep_held_out": cfg.keep_held_out}
        self._documents = open_documents(source, **chosen)
        check_tokenizer(self._documents.made_with, self.model.tokenizer, self._documents.name)
        self.context_size = cfg.context_size if cfg.context_size != -1 else _length_of_rows(self._documents)
        check_context(self.model, self.context_size)
        self.settings = self._store_settings()
        self._read = HookReader(self.model, self.settings.hooks_in, cfg.hook_head_index)
        check_width("d_in", cfg.d_in, self._read.widths[0], [cfg.hook_name])

    def _store_settings(self) -> StoreSettings:
        cfg = self.cfg
        same = ("hook_name", "hook_names", "hook_head_index", "prepend_bos", "sequence_separator_token", "seed")
        same += ("disable_concat_sequences", "seqpos_slice", "autocast_lm", "dtype")
        return StoreSettings(
            **{name: getattr(cfg, name) for name in same},
            context_size=self.context_size,
            store_batch_size_prompts=cfg.model_batch_size,
            train_batch_size_tokens=1,
        )

    # Sizes

    @property
    def _row_bytes(self) -> int:
        n_bytes = self._read.width * getattr(torch, self.cfg.dtype.removeprefix("torch.")).itemsize
        return self.settings.n_positions * (n_bytes + 4) + 8 * (len(self._read.widths) + 1)

    @property
    def _rows_per_shard(self) -> int:
        """Whole forwards, so that a run that goes on makes the same ones."""
        size = self.cfg.model_batch_size
        return max(int(self.cfg.buffer_size_gb * 1e9) // self._row_bytes // size, 1) * size

    @property
    def _n_rows(self) -> int:
        return -(-self.cfg.training_tokens // self.settings.n_positions)

    @property
    def written_settings(self) -> dict[str, Any]:
        """All that decides what is in the shards."""
        cfg = self.cfg
        same = ("dataset_path", "hook_head_index", "prepend_bos", "sequence_separator_token", "dtype", "seed")
        same += ("disable_concat_sequences", "shuffle", "use_chat_formatting", "autocast_lm", "model_batch_size")
        same += ("model_from_pretrained_kwargs", "training_tokens", "keep_held_out")
        written = {name: getattr(cfg, name) for name in same} | {"seqpos_slice": list(cfg.seqpos_slice)}
        written["dtype"] = cfg.dtype.removeprefix("torch.")
        places = {"model_name": self.model.cfg.model_name, "hook_names": self.settings.hooks_in}
        return {**written, **places, "context_size": self.context_size, "rows_per_shard": self._rows_per_shard}

    def plan(self) -> DiskPlan:
        """Disk and time that is still needed, measured on two forwards.

        Of a text of known length as much as there will be; a stream is supposed to be long enough.
        """
        rows = self._rows()
        source = self._source(rows)
        speed = tokens_per_s(lambda: source.gather_raw()[1])
        n_rows, n_documents = self._n_rows, rows.documents.n_documents
        if rows.epoch != 0:
            n_rows = min(n_rows, 2 * self.cfg.model_batch_size)
        elif n_documents is not None:
            per_document = rows.n_rows_of_epoch / rows.n_documents
            # Documents differ in length; too much is the safer guess.
            n_rows = min(n_rows, int(1.2 * per_document * n_documents) + 1)
        n_left = max(n_rows - self._n_there(), 0)
        per_token = self._row_bytes / self.settings.n_positions
        return DiskPlan("activations", str(self.cfg.folder), n_left * self.settings.n_positions, per_token, speed)

    def _n_there(self) -> int:
        """Rows that are on the disk already."""
        return self._writer().n_rows if (self.cfg.folder / "activations.json").is_file() else 0

    def __str__(self) -> str:
        return str(self.plan())

    # Work

    def run(self) -> CachedActivations:
        """What is on the disk, once it is whole; goes on where an earlier run with the same settings stopped.

        Raises:
            ValueError: If the disk cannot hold it, or what is there was made with other settings.
            FileExistsError: If something else is there.
            OSError: If a shard cannot be written; those before it are whole.
        """
        writer = self._writer()
        if not writer.is_finished:
            plan = self.plan()
            logger.info("%s", plan)
            plan.check("Lower training_tokens, set dtype='bfloat16', or name a path on another disk.")
            for parts, tokens, position in self._shards(writer):
                writer.add(parts, tokens, position)
            if not writer.n_rows:
                raise ValueError(f"{self._documents.name} is too small: it gives no row of {self.context_size} tokens.")
            writer.finish()
        if self.cfg.hf_repo_id is not None:
            config = json.dumps(asdict(self.cfg), indent=2).encode()
            place = {"revision": self.cfg.hf_revision, "private": self.cfg.hf_is_private_repo}
            upload_dataset(self.cfg.folder, self.cfg.hf_repo_id, files={CONFIG_NAME: config}, **place)
        return CachedActivations.open(self.cfg.folder)

    def _writer(self) -> CacheWriter:
        widths = dict(zip(self.settings.hooks_in, self._read.widths, strict=True))
        return CacheWriter(self.cfg.folder, self.written_settings, widths, self.settings.n_positions)

    def _shards(self, writer: CacheWriter) -> Iterator[tuple[dict[str, Tensor], Tensor, dict[str, Any]]]:
        """Activations by hook, tokens, and where reading goes on; the same memory is filled anew for each shard."""
        n_done = writer.n_rows
        rows = self._rows()
        if writer.position:
            rows.load_state_dict({name: torch.tensor(each).long() for name, each in writer.position.items()})
        source = self._source(rows)
        shape = (min(self._rows_per_shard, self._n_rows - n_done), self.settings.n_positions)
        dtype = getattr(torch, self.cfg.dtype.removeprefix("torch."))
        widths = dict(zip(source.hook_names, source.widths, strict=True))
        parts = {name: torch.empty(*shape, width, dtype=dtype) for name, width in widths.items()}
        tokens = torch.empty(shape, dtype=torch.int32)
        while n_done < self._n_rows and rows.epoch == 0:
            n_filled = self._fill(source, parts, tokens, min(shape[0], self._n_rows - n_done))
            n_done += n_filled
            position = {name: each.tolist() for name, each in rows.state_dict().items()}
            if n_filled:
                yield {name: each[:n_filled] for name, each in parts.items()}, tokens[:n_filled], position

    def _fill(self, source: ModelSource, parts: dict[str, Tensor], tokens: Tensor, n_rows: int) -> int:
        """Rows that were filled in, fewer than `n_rows` where the text ends."""
        n_filled = 0
        while n_filled < n_rows and source.rows.epoch == 0:
            batch = source.rows.take_of_epoch(min(self.cfg.model_batch_size, n_rows - n_filled))
            if len(batch):
                source.check_ids(batch)
                end = n_filled + len(batch)
                found = source.activations(batch).split(source.widths, dim=-1)
                for part, each in zip(parts.values(), found, strict=True):
                    part[n_filled:end] = each
                tokens[n_filled:end] = batch[:, slice(*self.settings.seqpos_slice)]
                n_filled = end
        return n_filled

    def _rows(self) -> TokenRows:
        tokenizer, settings = self.model.tokenizer, self.settings
        packer = SequencePacker(
            self.context_size,
            begin_row=special_token(tokenizer, "bos") if settings.prepend_bos else None,
            separator=special_token(tokenizer, settings.sequence_separator_token),
            is_concatenated=not settings.disable_concat_sequences,
        )
        return TokenRows(self._documents, tokenizer, packer)

    def _source(self, rows: TokenRows) -> ModelSource:
        return ModelSource(self.model, self._read, rows, self.settings)


def _load(cfg: CacheActivationsRunnerConfig) -> Any:
    """The model with its weights as training takes them."""
    asked = {**cfg.model_from_pretrained_kwargs, **cfg.model_kwargs}
    processing = {name: bool(asked.pop(name)) for name in PROCESSING if name in asked}
    model = load_model(cfg.model_name, device=cfg.device, **asked)
    process_weights(model, **processing)
    return model


def _length_of_rows(documents: Documents) -> int:
    """Tokens in a row of data that is tokenised."""
    if documents.kind != "tokens":
        raise ValueError(f"context_size=-1 takes the length of tokenised rows, and {documents.name} is text: give it.")
    return len(next(documents.read(0, 0))[0])


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """One flag for each field of the config, and `--plan`."""
    add_flags(parser, CacheActivationsRunnerConfig)
    parser.add_argument("--plan", action="store_true", help="say what it would take, and write nothing")


def main(args: argparse.Namespace) -> int:
    """`python -m sae_widgets cache-activations --model_name gpt2 --dataset_path texts --training_tokens 10000000`."""
    try:
        runner = CacheActivationsRunner(config_from_flags(args, CacheActivationsRunnerConfig))
        say(str(runner))
        if not args.plan:
            say(str(runner.run()))
    except (OSError, TypeError, ValueError, NotImplementedError) as error:
        return told(error)
    return 0
