"""Text to tokens to activations to shuffled batches, for training. Knows models and data, no SAE.

    documents -> rows of `context_size` tokens -> one forward for `store_batch_size_prompts` rows -> mixing buffer
    -> batches of `train_batch_size_tokens` activations

Where several hooks are read (a transcoder's input and target, a crosscoder's sources), one forward gives them all, and
they lie side by side in the buffer: what belongs to one token stays together.

The buffer counts in tokens and holds `n_batches_in_buffer * store_batch_size_prompts * context_size` of them. It is
topped up before each batch, and a batch is a random draw from all of it; SAELens instead drains half of it and fills
it in one go, which stalls training for many steps' time and mixes less. It starts to serve when it holds two batches
and grows as it serves, so that the first step comes early.

Everything that decides later batches is in `state_dict()`: tensors only.
"""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from sae_widgets.activations.documents import Documents, open_documents
from sae_widgets.activations.hook_reader import HookReader
from sae_widgets.activations.token_rows import SequencePacker, TokenRows
from sae_widgets.hooked import as_hooked

N_TOKENS_FOR_NORM = 32_768  # the mean norm is known to about 0.2 % then: norms spread by about a third of their mean
EVAL_EPOCH = -1  # evaluation reads the documents in an order of its own and leaves the training position alone


class Cancelled(Exception):  # noqa: N818  no error: whoever asked for the batch asked to stop
    """The batch was given up because `is_cancelled` said so; asking again goes on where this ended."""


@dataclass(frozen=True)
class StoreSettings:
    """How activations are gathered; names as in `LanguageModelSAERunnerConfig`."""

    hook_name: str
    """What is read."""
    hook_names: Sequence[str] | None = None
    """Read in the place of `hook_name`, side by side: a crosscoder's sources."""
    hook_name_out: str | None = None
    """What a transcoder is to give for what is read; batches are then pairs."""
    hook_names_out: Sequence[str] | None = None
    """The same with several outputs, side by side: a cross-layer transcoder's."""
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

    @property
    def hooks_in(self) -> list[str]:
        """Hooks that are read for the input."""
        return list(self.hook_names or [self.hook_name])

    @property
    def hooks_out(self) -> list[str]:
        """Hooks that are read for the target; none where the input is the target."""
        hooks = list(self.hook_names_out or ([self.hook_name_out] if self.hook_name_out else []))
        return [] if hooks == self.hooks_in else hooks


Batch = Tensor | tuple[Tensor, Tensor]
"""Activations `[n_tokens, d_in]`; with a target of its own, those and the target `[n_tokens, d_out]`."""


class ActivationsStore:
    """Shuffled batches of activations, without end; `state_dict` gives back the same later batches.

    Args:
        model: The model; a list of models with one tokenizer for a crosscoder that reads `hook_name` in each.
        documents: The text.
        settings: What is read, and how it is batched.
        d_in: What the input's width has to be; None takes the model's.
        d_out: The same of the target.

    Raises:
        ValueError: If the model has no such hook, its width is not `d_in`, or the context is too long for it.
    """

    def __init__(
        self,
        model: Any,
        documents: Documents,
        settings: StoreSettings,
        d_in: int | None = None,
        d_out: int | None = None,
    ) -> None:
        models = list(model) if isinstance(model, (list, tuple)) else [model]
        model = models[0]
        self.model, self.settings = as_hooked(model), settings
        for each in models:
            check_context(each, settings.context_size)
        n_positions = len(range(settings.context_size)[slice(*settings.seqpos_slice)])
        self.rows = self._open(documents, -(-settings.train_batch_size_tokens // n_positions), epoch=0)
        self._documents = documents
        special = settings.exclude_special_tokens
        ids = model.tokenizer.all_special_ids if special is True else special or []
        self._excluded = torch.tensor(sorted(set(ids)), dtype=torch.int64)
        self._read = _reader(models, settings)
        n_out = len(settings.hooks_out)
        self.hook_names = [name for _, name in self._read.places]
        """What is read, inputs first."""
        self.widths = widths = self._read.widths
        """Width of each."""
        self.d_in, self.d_out = sum(widths[: len(widths) - n_out]), sum(widths[len(widths) - n_out :])
        _check_width("d_in", d_in, self.d_in, settings.hooks_in)
        _check_width("d_out", d_out, self.d_out, settings.hooks_out)
        self._generator = torch.Generator().manual_seed(settings.seed)
        # One forward more than the buffer holds: the last one never has to be cut.
        n_forward = settings.store_batch_size_prompts * n_positions
        self._buffer = torch.empty(
            settings.buffer_tokens + n_forward,
            self.d_in + self.d_out,
            dtype=getattr(torch, settings.dtype.removeprefix("torch.")),
            device=settings.device,
        )
        self._n_filled = 0
        # What the last batch left: how far to fill must not depend on whether filling was interrupted.
        self._n_left = 0

    @classmethod
    def from_config(
        cls, model: Any, cfg: Any, override_dataset: Any = None, d_in: int | None = None, d_out: int | None = None
    ) -> "ActivationsStore":
        """The store that a runner's config describes."""
        own = {field.name: getattr(cfg, field.name) for field in fields(StoreSettings) if field.name != "device"}
        settings = StoreSettings(**own, device=str(cfg.act_store_device or cfg.device))
        source = cfg.dataset_path if override_dataset is None else override_dataset
        documents = open_documents(source, streaming=cfg.streaming, seed=cfg.seed)
        return cls(model, documents, settings, d_in=d_in or cfg.d_in, d_out=d_out)

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
        places = ("hook_names", "hook_name_out", "hook_names_out")
        for name in (*places, "prepend_bos", "hook_head_index", "exclude_special_tokens", "seqpos_slice"):
            known[name] = metadata[name]
        known["hook_name"] = known["hook_name"] or sae.cfg.hooks_in[0]
        own = {name: value for name, value in known.items() if value is not None} | settings
        own["seqpos_slice"] = tuple(own.get("seqpos_slice", (None,)))  # a list where it comes from a file
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

    def get_activations(self, tokens: Int[Tensor, "n_rows context"]) -> Float[Tensor, "n_rows positions width"]:
        """The hooks' activations on `tokens`, side by side; heads joined or one picked, `seqpos_slice` applied."""
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

    def next_batch(self, is_cancelled: Callable[[int, int], bool] = lambda done, total: False) -> Batch:
        """The next batch of activations: `[n_tokens, d_in]`, or a pair with the target.

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
        batch = self._remove(chosen)
        return (batch[:, : self.d_in], batch[:, self.d_in :]) if self.d_out else batch

    def __iter__(self) -> Iterator[Batch]:
        return self

    def __next__(self) -> Batch:
        return self.next_batch()

    def mean_norm(self, n_tokens: int, is_cancelled: Callable[[int, int], bool] = lambda done, total: False) -> float:
        """Mean length of the activations at the first hook; see `mean_norms`."""
        return self.mean_norms(n_tokens, is_cancelled)[0]

    def mean_norms(
        self, n_tokens: int, is_cancelled: Callable[[int, int], bool] = lambda done, total: False
    ) -> list[float]:
        """Mean length at each hook, inputs first, of about the next `n_tokens` tokens, which stay in the buffer.

        At most `N_TOKENS_FOR_NORM` or what the buffer holds are looked at.
        """
        parts = self.upcoming(min(n_tokens, N_TOKENS_FOR_NORM), is_cancelled).float().split(self.widths, dim=-1)
        return [float(torch.linalg.vector_norm(part, dim=-1).mean(dtype=torch.float64)) for part in parts]

    def upcoming(
        self, n_tokens: int, is_cancelled: Callable[[int, int], bool] = lambda done, total: False
    ) -> Float[Tensor, "n width"]:
        """The activations of about the next `n_tokens` tokens, or of those the buffer holds; they stay in it."""
        self._fill(min(n_tokens, self.settings.buffer_tokens), is_cancelled)
        return self._buffer[: self._n_filled]

    def _remove(self, chosen: Int[Tensor, " n_tokens"]) -> Float[Tensor, "n_tokens width"]:
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


def _reader(models: list[Any], settings: StoreSettings) -> HookReader:
    """What reads inputs and targets in one go."""
    hooks = settings.hooks_in
    if len(models) == 1:
        return HookReader(models[0], [*hooks, *settings.hooks_out], settings.hook_head_index)
    if settings.hooks_out:
        raise ValueError("Several models are a crosscoder's; what it reads is what it writes: leave hook_name_out out.")
    hooks = hooks * len(models) if len(hooks) == 1 else hooks
    return HookReader(models, hooks, settings.hook_head_index)


def _check_width(name: str, wanted: int | None, found: int, hooks: Sequence[str]) -> None:
    if wanted is not None and wanted != found:
        where = " and ".join(map(repr, hooks)) or "no further hook"
        raise ValueError(f"{name} is {wanted}, but {where} of this model is {found} wide: set {name}={found}.")


def _autocast(model: Any, is_on: bool) -> contextlib.AbstractContextManager:
    return torch.autocast(torch.device(model.device).type, torch.bfloat16) if is_on else contextlib.nullcontext()


def check_context(model: Any, context_size: int) -> None:
    """Raises ValueError if the model cannot read so long a row."""
    n_ctx = model.cfg.n_ctx
    if context_size > n_ctx:
        raise ValueError(f"context_size is {context_size}, but this model reads at most {n_ctx} tokens.")
