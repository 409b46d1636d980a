"""Where the mixing buffer's activations come from, a forward's worth at a time."""

import contextlib
from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable

import torch
from jaxtyping import Float, Int
from torch import Tensor

from sae_widgets.activations.hook_reader import HookReader
from sae_widgets.activations.settings import StoreSettings
from sae_widgets.activations.soundness import check_finite
from sae_widgets.activations.token_rows import TokenRows
from sae_widgets.training.distributed import Group


@runtime_checkable
class Source(Protocol):
    """Activations in an order that a state gives back exactly."""

    hook_names: list[str]
    """What is read, inputs first."""
    widths: list[int]
    """Width of each."""
    group: Group
    """The processes that read it together."""

    def gather(self) -> Float[Tensor, "n_tokens width"]:
        """The next activations, hooks side by side, without those of excluded tokens."""
        ...

    def state_dict(self) -> dict[str, Tensor]:
        """Where it is."""
        ...

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """Goes on where `state_dict` was taken."""
        ...


class ModelSource:
    """Activations made by the model as they are asked for."""

    def __init__(self, model: Any, read: HookReader, rows: TokenRows, settings: StoreSettings) -> None:
        self.model, self.read, self.rows, self.settings = model, read, rows, settings
        self.hook_names = [name for _, name in read.places]
        self.widths = read.widths
        self.excluded = excluded_ids(model.tokenizer, settings.exclude_special_tokens)
        self.group = Group()
        """Who shares the forwards: each process makes the activations of its own rows, and all have all."""
        self._d_vocab = getattr(model.cfg, "d_vocab", None)

    def activations(self, tokens: Int[Tensor, "n_rows context"]) -> Float[Tensor, "n_rows positions width"]:
        """Those of `tokens`, at the positions that are kept."""
        with _autocast(self.model, self.settings.autocast_lm):
            return self.read(tokens)[:, slice(*self.settings.seqpos_slice)]

    def gather_raw(self) -> tuple[Float[Tensor, "n_tokens width"], Int[Tensor, " n_tokens"]]:
        """The next activations and their tokens, special ones included."""
        tokens = self.rows.take(self.settings.store_batch_size_prompts)
        self.check_ids(tokens)
        own = self.group.share(len(tokens))
        # A process without rows of its own makes one that nobody needs: models refuse a batch of none.
        here = self.activations(tokens[own.start : max(own.stop, own.start + 1)])[: own.stop - own.start]
        activations = self.group.gather_rows(here, len(tokens))
        documents = self.rows.documents
        check_finite(
            activations,
            tokens[:, slice(*self.settings.seqpos_slice)],
            hook_names=self.hook_names,
            widths=self.widths,
            tokenizer=self.model.tokenizer,
            origin=f"documents up to number {self.rows.n_documents:,} of {documents.name}, epoch {self.rows.epoch}",
        )
        return activations.flatten(0, 1), tokens[:, slice(*self.settings.seqpos_slice)].flatten()

    def gather(self) -> Float[Tensor, "n_tokens width"]:
        return without(*self.gather_raw(), self.excluded)

    def state_dict(self) -> dict[str, Tensor]:
        return {f"rows.{name}": value for name, value in self.rows.state_dict().items()}

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        own = {name[5:]: value for name, value in state.items() if name.startswith("rows.")}
        if not own:
            raise ValueError("The saved state is of cached activations: resume with use_cached_activations=True.")
        self.rows.load_state_dict(own)

    def check_ids(self, tokens: Int[Tensor, "n_rows context"]) -> None:
        """Raises ValueError if the model has no such tokens: those made beforehand may be another tokenizer's."""
        if self.rows.documents.kind != "tokens" or self._d_vocab is None:
            return
        lowest, highest = int(tokens.min()), int(tokens.max())
        if lowest < 0 or highest >= self._d_vocab:
            bad = lowest if lowest < 0 else highest
            raise ValueError(
                f"{self.rows.documents.name} has the token id {bad:,}, and this model's are 0 to {self._d_vocab - 1:,}:"
                " the tokens are another tokenizer's. Tokenise the text with the model's own (PretokenizeRunner)."
            )


def excluded_ids(tokenizer: Any, chosen: bool | Sequence[int] | None) -> Int[Tensor, " n"]:
    """The ids of the tokens to leave out: all special ones, these, or none."""
    if chosen is True and tokenizer is None:
        raise ValueError("Which tokens are special, the tokenizer says, and there is none; give their ids.")
    ids = tokenizer.all_special_ids if chosen is True else chosen or []
    return torch.tensor(sorted(set(ids)), dtype=torch.int64)


def without(
    activations: Float[Tensor, "n_tokens width"], tokens: Int[Tensor, " n_tokens"], excluded: Int[Tensor, " n"]
) -> Float[Tensor, "n_kept width"]:
    """The activations at tokens that are not excluded."""
    if not len(excluded):
        return activations
    kept = ~torch.isin(tokens.cpu(), excluded)
    return activations[kept.to(activations.device)]


def _autocast(model: Any, is_on: bool) -> contextlib.AbstractContextManager:
    return torch.autocast(torch.device(model.device).type, torch.bfloat16) if is_on else contextlib.nullcontext()


def reader_of(models: list[Any], settings: StoreSettings) -> HookReader:
    """What reads inputs and targets in one go."""
    hooks = settings.hooks_in
    if len(models) == 1:
        return HookReader(models[0], [*hooks, *settings.hooks_out], settings.hook_head_index)
    if settings.hooks_out:
        raise ValueError("Several models are a crosscoder's; what it reads is what it writes: leave hook_name_out out.")
    hooks = hooks * len(models) if len(hooks) == 1 else hooks
    return HookReader(models, hooks, settings.hook_head_index)


def check_width(name: str, wanted: int | None, found: int, hooks: Sequence[str]) -> None:
    """Raises ValueError if the hooks are not as wide as wanted."""
    if wanted is not None and wanted != found:
        where = " and ".join(map(repr, hooks)) or "no further hook"
        raise ValueError(f"{name} is {wanted}, but {where} of this model is {found} wide: set {name}={found}.")


def check_context(model: Any, context_size: int) -> None:
    """Raises ValueError if the model cannot read so long a row."""
    n_ctx = model.cfg.n_ctx
    if context_size > n_ctx:
        raise ValueError(f"context_size is {context_size}, but this model reads at most {n_ctx} tokens.")
