"""Text to tokens to activations to shuffled batches, for training. Knows models and data, no SAE.

    documents -> rows of `context_size` tokens -> one forward for `store_batch_size_prompts` rows -> mixing buffer
    -> batches of `train_batch_size_tokens` activations

The buffer counts in tokens and holds `n_batches_in_buffer * store_batch_size_prompts * context_size` of them. It is
topped up before each batch, and a batch is a random draw from all of it; SAELens instead drains half of it and fills
it in one go, which stalls training for many steps' time and mixes less. It starts to serve when it holds two batches
and grows as it serves, so that the first step comes early.

Everything that decides later batches is in `state_dict()`: tensors only.
"""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from sae_widgets.documents import Documents, open_documents
from sae_widgets.fit import layer_of
from sae_widgets.hooked import HookedSAETransformer
from sae_widgets.token_rows import SequencePacker, TokenRows

N_TOKENS_FOR_NORM = 32_768  # the mean norm is known to about 0.2 % then: norms spread by about a third of their mean
EVAL_EPOCH = -1  # evaluation reads the documents in an order of its own and leaves the training position alone


class Cancelled(Exception):  # noqa: N818  no error: whoever asked for the batch asked to stop
    """The batch was given up because `is_cancelled` said so; asking again goes on where this ended."""


@dataclass(frozen=True)
class StoreSettings:
    """How activations are gathered; names as in `LanguageModelSAERunnerConfig`."""

    hook_name: str
    context_size: int = 128
    """Tokens in a row."""
    train_batch_size_tokens: int = 4096
    """Tokens in a batch."""
    store_batch_size_prompts: int = 32
    """Rows in a forward of the language model."""
    n_batches_in_buffer: int = 20
    """Forwards whose activations fit in the mixing buffer."""
    activations_mixing_fraction: float = 0.5
    """0 serves activations in the order of the text; anything else mixes. In [0, 1]."""
    hook_head_index: int | None = None
    """The one head to take of an activation that has heads; None joins all heads."""
    prepend_bos: bool = True
    sequence_separator_token: str | int | None = "bos"
    """Between two documents in a row: "bos", "eos", "sep", a token id, or None."""
    disable_concat_sequences: bool = False
    exclude_special_tokens: bool | list[int] = False
    """Leave out the activations of all special tokens, or of these."""
    seqpos_slice: tuple[int | None, ...] = (None,)
    """Positions of a row to train on, as the arguments of `slice`."""
    device: str = "cpu"
    """Where the buffer is kept."""
    dtype: str = "float32"
    autocast_lm: bool = False
    """Run the language model in bfloat16."""
    seed: int = 42

    def __post_init__(self) -> None:
        for name in ("context_size", "train_batch_size_tokens", "store_batch_size_prompts", "n_batches_in_buffer"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}.")
        if self.context_size < 2:
            raise ValueError(f"context_size must be at least 2, got {self.context_size}.")
        if not 0 <= self.activations_mixing_fraction <= 1:
            raise ValueError(f"activations_mixing_fraction is in [0, 1], got {self.activations_mixing_fraction}.")
        if not range(self.context_size)[slice(*self.seqpos_slice)]:
            raise ValueError(f"seqpos_slice {self.seqpos_slice} leaves no position of {self.context_size}.")
        if self.buffer_tokens < self.train_batch_size_tokens:
            raise ValueError(
                f"The buffer of {self.buffer_tokens:,} tokens (n_batches_in_buffer {self.n_batches_in_buffer} x "
                f"store_batch_size_prompts {self.store_batch_size_prompts} x context_size {self.context_size}) cannot "
                f"hold a batch of {self.train_batch_size_tokens:,}. Raise n_batches_in_buffer."
            )

    @property
    def buffer_tokens(self) -> int:
        return self.n_batches_in_buffer * self.store_batch_size_prompts * self.context_size


class ActivationsStore:
    """Shuffled batches of one hook's activations, without end; `state_dict` gives back the same later batches.

    Raises:
        ValueError: If the model has no such hook, its width is not `d_in`, or the context is too long for it.
    """

    def __init__(self, model: Any, documents: Documents, settings: StoreSettings, d_in: int | None = None) -> None:
        self.model, self.settings = as_hooked(model), settings
        check_context(model, settings.context_size)
        n_positions = len(range(settings.context_size)[slice(*settings.seqpos_slice)])
        self.rows = self._open(documents, -(-settings.train_batch_size_tokens // n_positions), epoch=0)
        self._documents = documents
        special = settings.exclude_special_tokens
        ids = model.tokenizer.all_special_ids if special is True else special or []
        self._excluded = torch.tensor(sorted(set(ids)), dtype=torch.int64)
        self._read = HookReader(self.model, settings.hook_name, settings.hook_head_index)
        self.d_in = self._read.width
        if d_in is not None and d_in != self.d_in:
            raise ValueError(
                f"d_in is {d_in}, but {settings.hook_name!r} of this model is {self.d_in} wide: set d_in={self.d_in}."
            )
        self._generator = torch.Generator().manual_seed(settings.seed)
        # One forward more than the buffer holds: the last one never has to be cut.
        n_forward = settings.store_batch_size_prompts * n_positions
        self._buffer = torch.empty(
            settings.buffer_tokens + n_forward,
            self.d_in,
            dtype=getattr(torch, settings.dtype.removeprefix("torch.")),
            device=settings.device,
        )
        self._n_filled = 0
        # What the last batch left: how far to fill must not depend on whether filling was interrupted.
        self._n_left = 0

    @classmethod
    def from_config(
        cls, model: Any, cfg: Any, override_dataset: Any = None, d_in: int | None = None
    ) -> "ActivationsStore":
        """The store that a runner's config describes."""
        own = {field.name: getattr(cfg, field.name) for field in fields(StoreSettings) if field.name != "device"}
        settings = StoreSettings(**own, device=str(cfg.act_store_device or cfg.device))
        source = cfg.dataset_path if override_dataset is None else override_dataset
        documents = open_documents(source, streaming=cfg.streaming, seed=cfg.seed)
        return cls(model, documents, settings, d_in=d_in or cfg.d_in)

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
        streaming, seed = settings.pop("streaming", True), settings.get("seed", 42)
        known = {"hook_name": metadata.hook_name, "context_size": metadata.context_size}
        for name in ("prepend_bos", "hook_head_index", "exclude_special_tokens", "seqpos_slice"):
            known[name] = metadata[name]
        own = {name: value for name, value in known.items() if value is not None} | settings
        documents = open_documents(source, streaming=streaming, seed=seed)
        return cls(model, documents, StoreSettings(**own), d_in=sae.cfg.d_in)

    # Tokens

    def get_batch_tokens(self, batch_size: int | None = None) -> Int[Tensor, "n_rows context"]:
        """The next rows of tokens; they will not be trained on."""
        return self.rows.take(batch_size or self.settings.store_batch_size_prompts)

    def eval_tokens(self, n_rows: int) -> Int[Tensor, "n_rows context"]:
        """Rows of the same documents in another order, fewer where there are fewer; training goes on undisturbed."""
        return self._open(self._documents, 1, EVAL_EPOCH).take_of_epoch(n_rows)

    def _open(self, documents: Documents, n_rows_needed: int, epoch: int) -> TokenRows:
        tokenizer, settings = self.model.tokenizer, self.settings
        separator = settings.sequence_separator_token
        packer = SequencePacker(
            settings.context_size,
            begin_row=tokenizer.bos_token_id if settings.prepend_bos else None,
            separator=getattr(tokenizer, f"{separator}_token_id") if isinstance(separator, str) else separator,
            is_concatenated=not settings.disable_concat_sequences,
        )
        return TokenRows(documents, tokenizer, packer, n_rows_needed=n_rows_needed, epoch=epoch)

    # Activations

    def get_activations(self, tokens: Int[Tensor, "n_rows context"]) -> Float[Tensor, "n_rows positions d_in"]:
        """The hook's activations on `tokens`, heads joined or one picked, `seqpos_slice` applied."""
        settings = self.settings
        with _autocast(self.model, settings.autocast_lm):
            activations = self._read(tokens)
        return activations[:, slice(*settings.seqpos_slice)]

    def _gather(self) -> None:
        """One forward's activations into the buffer."""
        tokens = self.rows.take(self.settings.store_batch_size_prompts)
        activations = self.get_activations(tokens).flatten(0, 1)
        if len(self._excluded):
            kept = ~torch.isin(tokens[:, slice(*self.settings.seqpos_slice)].flatten(), self._excluded)
            activations = activations[kept.to(activations.device)]
        self._buffer[self._n_filled : self._n_filled + len(activations)] = activations
        self._n_filled += len(activations)

    def _fill(self, goal: int, is_cancelled: Callable[[int, int], bool]) -> None:
        n_empty = 0
        while (before := self._n_filled) < goal:
            if is_cancelled(before, goal):
                raise Cancelled
            self._gather()
            n_empty = n_empty + 1 if self._n_filled == before else 0
            if n_empty == 100:
                raise ValueError("100 forwards in a row gave special tokens only, which are excluded: is this text?")

    # Batches

    def next_batch(
        self, is_cancelled: Callable[[int, int], bool] = lambda done, total: False
    ) -> Float[Tensor, "n_tokens d_in"]:
        """The next batch of activations.

        Args:
            is_cancelled: Asked before each forward of the language model, with the tokens in the buffer and the
                tokens wanted there; True raises `Cancelled`, and nothing is lost.
        """
        n_tokens = self.settings.train_batch_size_tokens
        if self.settings.activations_mixing_fraction == 0:
            self._fill(n_tokens, is_cancelled)
            chosen = torch.arange(n_tokens)
        else:
            # At least one batch is left behind, or as much as there is room for, to be mixed with the next.
            self._fill(min(self._n_left + 2 * n_tokens, self.settings.buffer_tokens), is_cancelled)
            chosen = torch.randperm(self._n_filled, generator=self._generator)[:n_tokens]
        return self._remove(chosen)

    def __iter__(self) -> Iterator[Tensor]:
        return self

    def __next__(self) -> Float[Tensor, "n_tokens d_in"]:
        return self.next_batch()

    def mean_norm(self, n_tokens: int, is_cancelled: Callable[[int, int], bool] = lambda done, total: False) -> float:
        """Mean length of the activations of about the next `n_tokens` tokens, which stay in the buffer.

        At most `N_TOKENS_FOR_NORM` or what the buffer holds are looked at.
        """
        self._fill(min(n_tokens, N_TOKENS_FOR_NORM, self.settings.buffer_tokens), is_cancelled)
        return float(torch.linalg.vector_norm(self._buffer[: self._n_filled].float(), dim=-1).mean(dtype=torch.float64))

    def _remove(self, chosen: Int[Tensor, " n_tokens"]) -> Float[Tensor, "n_tokens d_in"]:
        """The chosen rows; the last rows of the buffer move to their places."""
        batch = self._buffer[chosen.to(self._buffer.device)]
        n_left = self._n_filled - len(chosen)
        if self.settings.activations_mixing_fraction == 0:
            # In order: what is left moves up.
            self._buffer[:n_left] = self._buffer[len(chosen) : self._n_filled].clone()
        else:
            is_moved = torch.ones(len(chosen), dtype=torch.bool)
            is_moved[chosen[chosen >= n_left] - n_left] = False
            holes, moved = chosen[chosen < n_left], is_moved.nonzero().flatten() + n_left
            self._buffer[holes.to(self._buffer.device)] = self._buffer[moved.to(self._buffer.device)]
        self._n_filled = self._n_left = n_left
        return batch

    # Resume

    def state_dict(self) -> dict[str, Tensor]:
        """All that decides later batches, as tensors."""
        rows = {f"rows.{name}": value for name, value in self.rows.state_dict().items()}
        buffer = {"buffer": self._buffer[: self._n_filled].cpu(), "n_left": torch.tensor(self._n_left)}
        return {**rows, **buffer, "rng": self._generator.get_state()}

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """Goes on where `state_dict` was taken.

        Raises:
            ValueError: If the state is of a store with other settings.
        """
        buffer = state["buffer"]
        if buffer.shape[1:] != self._buffer.shape[1:] or len(buffer) > len(self._buffer):
            raise ValueError(
                f"The saved buffer is {tuple(buffer.shape)}, this store has room for {tuple(self._buffer.shape)}: "
                "resume with the settings the run was started with."
            )
        self.rows.load_state_dict({name[5:]: value for name, value in state.items() if name.startswith("rows.")})
        self._n_filled, self._n_left = len(buffer), int(state["n_left"])
        self._buffer[: self._n_filled] = buffer.to(self._buffer.device)
        self._generator.set_state(state["rng"])


class HookReader:
    """One hook's activations on rows of tokens, the model run no further than needed.

    Raises:
        ValueError: If the model has no such hook; names the nearest ones.
    """

    def __init__(self, model: Any, hook_name: str, hook_head_index: int | None = None) -> None:
        self.model, self.hook_name, self.hook_head_index = as_hooked(model), hook_name, hook_head_index
        self._stop_at: int | None = None
        bos = self.model.tokenizer.bos_token_id
        probe = torch.full((1, 2), bos if bos is not None else 0)
        activations = self(probe)
        self.width: int = activations.shape[-1]
        if hook_name.endswith(".hook_resid_pre"):
            # What a model returns that stops before this block; a third less work in the demo model, where it holds.
            self._stop_at = layer_of(hook_name)
            early = self._stopped(probe)
            if not (isinstance(early, Tensor) and torch.equal(early, activations)):
                self._stop_at = None

    @torch.no_grad()
    def __call__(self, tokens: Int[Tensor, "n_rows context"]) -> Float[Tensor, "n_rows context d_in"]:
        """Heads joined, or one of them picked."""
        if self._stop_at is not None:
            return self._stopped(tokens)
        activations = self.model.capture(tokens.to(self.model.device), self.hook_name)
        if activations.ndim == 4 and self.hook_head_index is not None:
            activations = activations[:, :, self.hook_head_index]
        return activations.flatten(2)

    @torch.no_grad()
    def _stopped(self, tokens: Tensor) -> Any:
        with self.model.without_saes():
            return self.model.forward(tokens.to(self.model.device), return_type=None, stop_at_layer=self._stop_at)


def as_hooked(model: Any) -> HookedSAETransformer:
    """The model in the shell that `load_model` gives."""
    return model if isinstance(model, HookedSAETransformer) else HookedSAETransformer(model)


def _autocast(model: Any, is_on: bool) -> contextlib.AbstractContextManager:
    return torch.autocast(torch.device(model.device).type, torch.bfloat16) if is_on else contextlib.nullcontext()


def check_context(model: Any, context_size: int) -> None:
    """Raises ValueError if the model cannot read so long a row."""
    n_ctx = model.cfg.n_ctx
    if context_size > n_ctx:
        raise ValueError(f"context_size is {context_size}, but this model reads at most {n_ctx} tokens.")
