"""Text to tokens to activations to shuffled batches, for training. Knows models and data, no SAE.

    documents -> rows of `context_size` tokens -> one forward for `store_batch_size_prompts` rows -> mixing buffer
    -> batches of `train_batch_size_tokens` activations

Where several hooks are read (a transcoder's input and target, a crosscoder's sources), one forward gives them all, and
they lie side by side in the buffer: what belongs to one token stays together. The forward ends at the last of them.
In the place of the forwards may stand activations that were written to the disk before (`CachedActivations`).

The buffer counts in tokens and holds `n_batches_in_buffer * store_batch_size_prompts * context_size` of them. It is
topped up before each batch, and a batch is a random draw from all of it; SAELens instead drains half of it and fills
it in one go, which stalls training for many steps' time and mixes less. It starts to serve when it holds two batches
and grows as it serves, so that the first step comes early.

Everything that decides later batches is in `state_dict()`: tensors only.
"""

import weakref
from collections.abc import Callable, Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float, Int
from safetensors.torch import load_file, save_file
from torch import Tensor

from sae_widgets.activations.ahead import Ahead
from sae_widgets.activations.buffer import MixingBuffer
from sae_widgets.activations.cache import CachedActivations, cache_of
from sae_widgets.activations.cache_source import CacheSource
from sae_widgets.activations.documents import Documents, open_documents
from sae_widgets.activations.settings import StoreSettings
from sae_widgets.activations.sources import ModelSource, Source, check_context, check_width, reader_of, without
from sae_widgets.activations.token_files import check_tokenizer
from sae_widgets.activations.token_rows import SequencePacker, TokenRows, special_token
from sae_widgets.hooked import as_hooked

__all__ = ["ActivationsStore", "Batch", "Cancelled", "StoreSettings"]

N_TOKENS_FOR_NORM = 32_768  # the mean norm is known to about 0.2 % then: norms spread by about a third of their mean
EVAL_EPOCH = -1  # evaluation reads the documents in an order of its own and leaves the training position alone
STATE_NAME = "activations_store_state.safetensors"  # SAELens' name for it


class Cancelled(Exception):  # noqa: N818  no error: whoever asked for the batch asked to stop
    """The batch was given up because `is_cancelled` said so; asking again goes on where this ended."""


IsCancelled = Callable[[int, int], bool]
Batch = Tensor | tuple[Tensor, Tensor]
"""Activations `[n_tokens, d_in]`; with a target of its own, those and the target `[n_tokens, d_out]`."""


def _never(done: int, total: int) -> bool:
    return False


class ActivationsStore:
    """Shuffled batches of activations, without end; `state_dict` gives back the same later batches.

    Args:
        model: The model; a list of models with one tokenizer for a crosscoder that reads `hook_name` in each.
        documents: The text; with `cached` only for `eval_tokens`, where a function that opens it will do.
        settings: What is read, and how it is batched.
        d_in: What the input's width has to be; None takes the model's.
        d_out: The same of the target.
        cached: Activations on the disk, in the place of forwards.

    Raises:
        ValueError: If the model has no such hook, its width is not `d_in`, the context is too long for it, or the
            tokens are another tokenizer's.
    """

    def __init__(
        self,
        model: Any,
        documents: Documents | Callable[[], Documents] | None,
        settings: StoreSettings,
        d_in: int | None = None,
        d_out: int | None = None,
        *,
        cached: CachedActivations | None = None,
    ) -> None:
        models = list(model) if isinstance(model, (list, tuple)) else [model]
        self.model, self.settings = as_hooked(models[0]), settings
        for each in models:
            check_context(each, settings.context_size)
        self._documents = documents
        self._source = self._model_source(models) if cached is None else CacheSource(self.model, cached, settings)
        n_out = len(settings.hooks_out)
        self.hook_names: list[str] = self._source.hook_names
        """What is read, inputs first, and how wide each is."""
        self.widths: list[int] = self._source.widths
        self.d_in, self.d_out = sum(self.widths[: len(self.widths) - n_out]), sum(self.widths[-n_out:] if n_out else [])
        check_width("d_in", d_in, self.d_in, settings.hooks_in)
        check_width("d_out", d_out, self.d_out, settings.hooks_out)
        self._gatherer: Source = self._source
        if settings.prefetch_llm_batches:
            self._gatherer = ahead = Ahead(self._source, int(settings.prefetch_llm_batches))
            weakref.finalize(self, ahead.close)
        self._buffer = MixingBuffer(
            settings.buffer_tokens,
            settings.store_batch_size_prompts * settings.n_positions,
            sum(self.widths),
            dtype=getattr(torch, settings.dtype.removeprefix("torch.")),
            device=settings.device,
            # One process draws as it always did; others draw otherwise.
            seed=settings.seed + 1_000_003 * settings.rank,
            is_pinned=settings.device == "cpu" and torch.device(self.model.device).type == "cuda",
        )

    def share_with(self, group: Any) -> None:
        """Has forwards made by the processes of a `Group` together; each process gets the same batches."""
        self._source.group = group

    def _model_source(self, models: list[Any]) -> ModelSource:
        settings = self.settings
        documents = self._read_documents
        check_tokenizer(documents.made_with, self.model.tokenizer, documents.name)
        rows = self._open(documents, -(-settings.train_batch_size_tokens // settings.n_positions), epoch=0)
        return ModelSource(self.model, reader_of(models, settings), rows, settings)

    @classmethod
    def from_config(
        cls,
        model: Any,
        cfg: Any,
        override_dataset: Any = None,
        d_in: int | None = None,
        d_out: int | None = None,
        **changes: Any,
    ) -> "ActivationsStore":
        """The store that a runner's config describes.

        Args:
            model: The language model, or several.
            cfg: A `LanguageModelSAERunnerConfig`, or a `CacheActivationsRunnerConfig` whose cache is read.
            override_dataset: In place of `cfg.dataset_path`, as for `open_documents`.
            d_in: What the width has to be; None: as in `cfg`.
            d_out: The same of the target.
            **changes: Fields of `StoreSettings` that go before the config's, e.g. `rank` and `world_size`.
        """
        if not hasattr(cfg, "train_batch_size_tokens"):
            return cls.from_cache_activations(model, cfg, **changes)
        own = {each.name: getattr(cfg, each.name) for each in fields(StoreSettings) if hasattr(cfg, each.name)}
        own["device"] = str(cfg.act_store_device or cfg.device)
        settings = StoreSettings(**{**own, **changes})
        source = cfg.dataset_path if override_dataset is None else override_dataset

        def documents() -> Documents:
            names = ("use_chat_formatting", "is_dataset_tokenized", "keep_held_out")
            return open_documents(source, streaming=cfg.streaming, seed=cfg.seed, **{n: getattr(cfg, n) for n in names})

        if cfg.use_cached_activations:
            has_text = override_dataset is not None or bool(cfg.dataset_path)
            text, width = documents if has_text else None, d_in or cfg.d_in
            return cls(model, text, settings, width, d_out, cached=cache_of(cfg))
        return cls(model, documents(), settings, d_in=d_in or cfg.d_in, d_out=d_out)

    @classmethod
    def from_cache_activations(cls, model: Any, cfg: Any, **changes: Any) -> "ActivationsStore":
        """The store of what a `CacheActivationsRunner` with this config wrote.

        Args:
            model: The model it was written with; its tokenizer says which tokens are special.
            cfg: The `CacheActivationsRunnerConfig`.
            **changes: Fields of `StoreSettings`, e.g. `train_batch_size_tokens`.
        """
        cached = CachedActivations.open(cfg.new_cached_activations_path)
        own = {name: getattr(cfg, name) for name in ("hook_name", "hook_names", "prepend_bos", "dtype", "seed")}
        own |= {"context_size": cached.context_size or cfg.context_size, "seqpos_slice": cached.seqpos_slice}
        own |= {"store_batch_size_prompts": cfg.model_batch_size, "hook_head_index": cfg.hook_head_index}
        return cls(model, None, StoreSettings(**{**own, **changes}), cfg.d_in, cached=cached)

    @classmethod
    def from_sae(cls, model: Any, sae: Any, dataset: Any = None, **settings: Any) -> "ActivationsStore":
        """The store for what `sae` was trained on, in its own data unless `dataset` is given.

        Args:
            model: The language model.
            sae: Its metadata names the hook, the context, and by default the data.
            dataset: As for `open_documents`.
            **settings: Fields of `StoreSettings`, and `streaming`; they go before the SAE's own.
        """
        metadata = sae.cfg.metadata
        source = metadata.dataset_path if dataset is None else dataset
        if source is None or (isinstance(source, str) and not source):
            raise ValueError("This SAE does not say what it was trained on; pass dataset=, e.g. a list of strings.")
        for name in ("total_tokens", "dataset_trust_remote_code"):  # SAELens' arguments that nothing here needs
            settings.pop(name, None)
        streaming, seed = settings.pop("streaming", True), settings.get("seed", 42)
        known = {"hook_name": metadata.hook_name, "context_size": metadata.context_size}
        places = ("hook_names", "hook_name_out", "hook_names_out", "sequence_separator_token")
        for name in (*places, "prepend_bos", "hook_head_index", "exclude_special_tokens", "seqpos_slice"):
            known[name] = metadata[name]
        known["hook_name"] = known["hook_name"] or sae.cfg.hooks_in[0]
        own = {name: value for name, value in known.items() if value is not None} | settings
        own["seqpos_slice"] = tuple(own.get("seqpos_slice", (None,)))  # a list where it comes from a file
        documents = open_documents(source, streaming=streaming, seed=seed)
        return cls(model, documents, StoreSettings(**own), d_in=sae.cfg.d_in)

    # Tokens

    @property
    def rows(self) -> TokenRows:
        """The rows of tokens that forwards are made of.

        Raises:
            ValueError: If the activations are cached: no tokens are read then.
        """
        if isinstance(self._source, CacheSource):
            raise ValueError("Cached activations are read here, and no text: eval_tokens() gives tokens.")
        assert isinstance(self._source, ModelSource)
        return self._source.rows

    @property
    def _read_documents(self) -> Documents:
        if not isinstance(self._documents, Documents):
            if self._documents is None:
                raise ValueError("There is no text: pass a dataset.")
            self._documents = self._documents()
        return self._documents

    def get_batch_tokens(
        self, batch_size: int | None = None, raise_at_epoch_end: bool = False, move_to_model_device: bool = True
    ) -> Int[Tensor, "n_rows context"]:
        """The next rows of tokens; they will not be trained on.

        Raises:
            StopIteration: If the documents end before, and `raise_at_epoch_end` asks to be told.
        """
        self._stop_reading_ahead()
        n_rows = batch_size or self.settings.store_batch_size_prompts
        tokens = self.rows.take_of_epoch(n_rows) if raise_at_epoch_end else self.rows.take(n_rows)
        if len(tokens) < n_rows:
            raise StopIteration(f"The documents end here: {len(tokens)} of {n_rows} rows.")
        return tokens.to(self.model.device) if move_to_model_device else tokens

    def eval_tokens(self, n_rows: int) -> Int[Tensor, "n_rows context"]:
        """Rows of the documents kept out of training, else of the same in another order; or as many as there are."""
        if self._documents is None and isinstance(self._source, CacheSource):
            return self._source.eval_tokens(n_rows)
        return self._open(self._read_documents.held_out or self._read_documents, 1, EVAL_EPOCH).take_of_epoch(n_rows)

    def _open(self, documents: Documents, n_rows_needed: int, epoch: int) -> TokenRows:
        tokenizer, settings = self.model.tokenizer, self.settings
        packer = SequencePacker(
            settings.context_size,
            begin_row=special_token(tokenizer, "bos") if settings.prepend_bos else None,
            separator=special_token(tokenizer, settings.sequence_separator_token),
            is_concatenated=not settings.disable_concat_sequences,
        )
        share = {"rank": settings.rank, "world_size": settings.world_size}
        return TokenRows(documents, tokenizer, packer, n_rows_needed=n_rows_needed, epoch=epoch, **share)

    def shuffle_input_dataset(self, seed: int, buffer_size: int = 1) -> None:
        """Begins anew, with the documents in the order of `seed`; a stream is shuffled within `buffer_size`."""
        self._stop_reading_ahead()
        self.rows.documents = self._documents = self._read_documents.shuffled(seed, buffer_size)
        self.reset_input_dataset()

    def reset_input_dataset(self) -> None:
        """Begins anew with the first document and an empty buffer."""
        self._stop_reading_ahead()
        if isinstance(self._source, ModelSource):
            self._source.rows = self._open(self._read_documents, self.rows.n_rows_needed, 0)
        else:
            self._source.restart()
        self._buffer.clear()

    # Activations

    def get_activations(self, tokens: Int[Tensor, "n_rows context"]) -> Float[Tensor, "n_rows positions width"]:
        """The hooks' activations on `tokens`, side by side; heads joined or one picked, `seqpos_slice` applied."""
        if isinstance(self._source, ModelSource):
            return self._source.activations(tokens)
        return reader_of([self.model], self.settings)(tokens)[:, slice(*self.settings.seqpos_slice)]

    def get_raw_llm_batch(
        self, raise_on_epoch_end: bool = False
    ) -> tuple[Float[Tensor, "n_tokens width"], Int[Tensor, " n_tokens"] | None]:
        """The next forward's activations and their tokens, special ones included; they will not be trained on.

        Raises:
            StopIteration: If the documents end before, and `raise_on_epoch_end` asks to be told.
        """
        self._stop_reading_ahead()
        if isinstance(self._source, ModelSource) and raise_on_epoch_end:
            tokens = self.get_batch_tokens(raise_at_epoch_end=True)
            activations, kept = self.get_activations(tokens), tokens[:, slice(*self.settings.seqpos_slice)]
            return self._as_kept(activations.flatten(0, 1)), kept.flatten()
        activations, tokens = self._source.gather_raw()
        return self._as_kept(activations), tokens

    def get_filtered_llm_batch(self, raise_on_epoch_end: bool = False) -> Float[Tensor, "n_tokens width"]:
        """The next forward's activations without those of excluded tokens; they will not be trained on."""
        activations, tokens = self.get_raw_llm_batch(raise_on_epoch_end)
        return activations if tokens is None else without(activations, tokens, self._source.excluded)

    def _as_kept(self, activations: Tensor) -> Tensor:
        return activations.to(dtype=self._buffer.rows.dtype, device=self._buffer.rows.device)

    def _stop_reading_ahead(self) -> None:
        if isinstance(self._gatherer, Ahead):
            self._gatherer.close()

    def _fill(self, goal: int, is_cancelled: IsCancelled) -> None:
        n_empty = 0
        while (before := self._buffer.n_filled) < goal:
            if is_cancelled(before, goal):
                raise Cancelled
            self._buffer.add(self._gatherer.gather())
            n_empty = n_empty + 1 if self._buffer.n_filled == before else 0
            if n_empty == 100:
                raise ValueError("100 forwards in a row gave special tokens only, which are excluded: is this text?")

    # Batches

    def next_batch(self, is_cancelled: IsCancelled = _never) -> Batch:
        """The next batch of activations: `[n_tokens, d_in]`, or a pair with the target.

        Args:
            is_cancelled: Asked before each forward of the language model, with the tokens in the buffer and the
                tokens wanted there; True raises `Cancelled`, and nothing is lost.
        """
        n_tokens = self.settings.train_batch_size_tokens
        if self.settings.activations_mixing_fraction == 0:
            self._fill(n_tokens, is_cancelled)
            batch = self._buffer.take(n_tokens)
        else:
            # At least one batch is left behind, or as much as there is room for, to be mixed with the next.
            self._fill(min(self._buffer.n_left + 2 * n_tokens, self._buffer.capacity), is_cancelled)
            batch = self._buffer.draw(n_tokens)
        return (batch[:, : self.d_in], batch[:, self.d_in :]) if self.d_out else batch

    def __iter__(self) -> Iterator[Batch]:
        return self

    def __next__(self) -> Batch:
        return self.next_batch()

    def get_data_loader(self) -> Iterator[Batch]:
        """The batches, without end."""
        return self

    def mean_norm(self, n_tokens: int, is_cancelled: IsCancelled = _never) -> float:
        """Mean length of the activations at the first hook; see `mean_norms`."""
        return self.mean_norms(n_tokens, is_cancelled)[0]

    def mean_norms(self, n_tokens: int, is_cancelled: IsCancelled = _never) -> list[float]:
        """Mean length at each hook, inputs first, of about the next `n_tokens` tokens, which stay in the buffer.

        At most `N_TOKENS_FOR_NORM` or what the buffer holds are looked at.
        """
        parts = self.upcoming(min(n_tokens, N_TOKENS_FOR_NORM), is_cancelled).float().split(self.widths, dim=-1)
        return [float(torch.linalg.vector_norm(part, dim=-1).mean(dtype=torch.float64)) for part in parts]

    def upcoming(self, n_tokens: int, is_cancelled: IsCancelled = _never) -> Float[Tensor, "n width"]:
        """The activations of about the next `n_tokens` tokens, or of those the buffer holds; they stay in it."""
        self._fill(min(n_tokens, self._buffer.capacity), is_cancelled)
        return self._buffer.rows

    # Resume

    def close(self) -> None:
        """Ends the thread that gathers ahead, where there is one; the store can still be used."""
        self._stop_reading_ahead()

    def state_dict(self) -> dict[str, Tensor]:
        """All that decides later batches, as tensors."""
        return {**self._gatherer.state_dict(), **self._buffer.state_dict()}

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """Goes on where `state_dict` was taken.

        Raises:
            ValueError: If the state is of a store with other settings.
        """
        self._buffer.load_state_dict(state)
        self._gatherer.load_state_dict(state)

    def save(self, file_path: str | Path) -> None:
        """Writes `state_dict` to a safetensors file."""
        save_file({name: value.contiguous() for name, value in self.state_dict().items()}, file_path)

    def load(self, file_path: str | Path) -> None:
        """Goes on where `save` was called."""
        self.load_state_dict(load_file(file_path))

    def save_to_checkpoint(self, checkpoint_path: str | Path) -> None:
        """`save` into a folder, under SAELens' name."""
        self.save(Path(checkpoint_path) / STATE_NAME)

    def load_from_checkpoint(self, checkpoint_path: str | Path) -> None:
        """`load` what `save_to_checkpoint` wrote."""
        self.load(Path(checkpoint_path) / STATE_NAME)
