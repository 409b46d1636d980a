"""A thin shell over a hooked model of TransformerLens: text, tokens, forward passes, and the lock that guards them.

The bridge of TransformerLens 4 and `HookedTransformer` of 3 differ in what they are called and how they cache keys and
values; what is needed of either is `HookedModel`. Everything the shell has not is the wrapped model's.
"""

import functools
import inspect
import weakref
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Protocol, TypeVar, runtime_checkable

import torch
from jaxtyping import Float, Int
from torch import Tensor

from sae_widgets.interrupts import PatientLock
from sae_widgets.threads import one_thread
from sae_widgets.token_text import clean_prompt, token_texts

Self = TypeVar("Self", bound="ModelShell")

_LOCKS: "weakref.WeakKeyDictionary[Any, PatientLock]" = weakref.WeakKeyDictionary()


_SMALL_MODEL = 20_000_000
"""Parameters. Steps of larger models are bound by memory, which more cores read faster."""

_SMALL_WORK = 2_000_000_000
"""Parameters times tokens: about a tenth of a second on one core."""


@runtime_checkable
class HookedModel(Protocol):
    """What is needed of a model."""

    cfg: Any
    tokenizer: Any
    hook_dict: Any

    def to_tokens(self, *args: Any, **kwargs: Any) -> Any: ...
    def hooks(self, *args: Any, **kwargs: Any) -> Any: ...
    def run_with_hooks(self, *args: Any, **kwargs: Any) -> Any: ...
    def run_with_cache(self, *args: Any, **kwargs: Any) -> Any: ...


class ModelShell:
    """The part of a hooked model that knows no SAE."""

    def __init__(self, model: Any) -> None:
        if isinstance(model, ModelShell):
            model = model.wrapped
        if not isinstance(model, HookedModel):
            raise TypeError(
                f"Expected a hooked model of TransformerLens, got {type(model).__name__}. "
                "load_model(...) wraps Hugging Face modules, names and folders."
            )
        self.wrapped: Any = model
        # One for the network inside: two shells over it may hook it in different ways.
        self.lock = _LOCKS.setdefault(getattr(model, "original_model", model), PatientLock())

    def __getattr__(self, name: str) -> Any:  # only for what the shell has not
        if name == "wrapped":  # while being copied
            raise AttributeError(name)
        return getattr(self.wrapped, name)

    # Methods of a module that give it back: here they give the shell, so that `model = model.eval()` keeps its SAEs.

    def eval(self: Self) -> Self:
        """The model in evaluation mode."""
        self.wrapped.eval()
        return self

    def train(self: Self, mode: bool = True) -> Self:
        """The model in training mode."""
        self.wrapped.train(mode)
        return self

    def to(self: Self, *args: Any, **kwargs: Any) -> Self:
        """The model on another device, or of another dtype."""
        self.wrapped.to(*args, **kwargs)
        return self

    def __repr__(self) -> str:
        cfg = self.cfg
        return (
            f"{type(self).__name__}({cfg.model_name!r}, n_layers={cfg.n_layers}, d_model={cfg.d_model}, "
            f"d_vocab={cfg.d_vocab}, n_ctx={cfg.n_ctx}, {self.device})"
        )

    # -- the protocol -------------------------------------------------------------------------------------------------

    @property
    def cfg(self) -> Any:
        return self.wrapped.cfg

    @property
    def tokenizer(self) -> Any:
        return self.wrapped.tokenizer

    @tokenizer.setter
    def tokenizer(self, tokenizer: Any) -> None:
        self.wrapped.tokenizer = tokenizer

    @property
    def hook_dict(self) -> Mapping[str, Any]:
        return self.wrapped.hook_dict

    @property
    def device(self) -> torch.device:
        return next(iter(self.wrapped.parameters())).device

    @property
    def dtype(self) -> torch.dtype:
        return next(iter(self.wrapped.parameters())).dtype

    @property
    def W_U(self) -> Float[Tensor, "d_model d_vocab"]:  # noqa: N802  the field's name
        return self.wrapped.W_U

    @property
    def W_E(self) -> Float[Tensor, "d_vocab d_model"]:  # noqa: N802  the field's name
        return self.wrapped.W_E

    def to_tokens(
        self, text: str | Sequence[str], prepend_bos: bool | None = True, **kwargs: Any
    ) -> Int[Tensor, "batch n_pos"]:
        """Token ids, cut at the context length unless `truncate=False`; `prompt_tokens` refuses what is too long."""
        texts = clean_prompt(text) if isinstance(text, str) else [clean_prompt(each) for each in text]
        return self.wrapped.to_tokens(texts, prepend_bos=prepend_bos, **kwargs)

    def to_str_tokens(self, text: Any, prepend_bos: bool | None = True, **kwargs: Any) -> Any:
        """One string per token, as the tokenizer decodes it alone; `token_texts` is exact to the byte."""
        text = clean_prompt(text) if isinstance(text, str) else text
        return self.wrapped.to_str_tokens(text, prepend_bos=prepend_bos, **kwargs)

    def to_string(self, tokens: Any) -> Any:
        """The text of token ids; a list of texts for a batch."""
        return self.wrapped.to_string(tokens)

    def to_single_token(self, text: str) -> int:
        """The id of the one token that `text` is.

        Raises:
            ValueError: If it is several; the message shows them.
        """
        ids = self.to_tokens(text, prepend_bos=False)[0].tolist()
        if len(ids) == 1:
            return int(ids[0])
        raise ValueError(f"{text!r} is {len(ids)} tokens, not one: {token_texts(self.tokenizer, ids)}.")

    def forward(self, tokens: Any, **kwargs: Any) -> Any:
        """Logits [batch, n_pos, d_vocab], or what `return_type` asks for."""
        with self.lock, self.suited_to(tokens):
            return self.wrapped(self._clean(tokens), **kwargs)

    __call__ = forward

    @torch.no_grad()
    def step(self, tokens: Int[Tensor, "batch n_new"], cache: Any = None) -> tuple[Float[Tensor, "batch d_vocab"], Any]:
        """Logits at the last of the new `tokens`, and the cache of keys and values that the next call goes on from.

        Args:
            tokens: What follows the tokens in `cache`; hooks see only these positions.
            cache: From the call before; None begins a text.
        """
        with self.lock, self.suited_to(tokens):
            if self._is_legacy:
                if cache is None:
                    cache = self._legacy_cache(tokens.shape[0])
                logits = self.wrapped(tokens, past_kv_cache=cache)
            else:
                logits, cache = self.wrapped(
                    tokens, past_key_values=cache, use_cache=True, return_type="logits_and_cache"
                )
        return logits[:, -1], cache

    def suited_to(self, tokens: Any) -> AbstractContextManager[None]:
        """A context with as many cores as a forward pass of `tokens` is worth: one, where the work is small."""
        n_tokens, device = (tokens.numel(), tokens.device) if isinstance(tokens, Tensor) else (1, self.device)
        is_small = self._n_params <= _SMALL_MODEL and self._n_params * n_tokens <= _SMALL_WORK
        return one_thread() if is_small and device.type == "cpu" else nullcontext()

    @functools.cached_property
    def _n_params(self) -> int:
        return sum(parameter.numel() for parameter in self.wrapped.parameters())

    def _clean(self, tokens: Any) -> Any:
        return clean_prompt(tokens) if isinstance(tokens, str) else tokens

    @property
    def _is_legacy(self) -> bool:
        """Whether the model caches keys and values the way of `HookedTransformer` (TransformerLens 3)."""
        return "past_kv_cache" in inspect.signature(self.wrapped.forward).parameters

    def _legacy_cache(self, n_seqs: int) -> Any:
        from transformer_lens.cache.key_value_cache import TransformerLensKeyValueCache

        return TransformerLensKeyValueCache.init_cache(self.cfg, self.device, n_seqs)
