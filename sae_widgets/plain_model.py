"""A Hugging Face module as a hooked model, by forward hooks on its own modules; TransformerLens is not needed.

    model = load_model(module, tokenizer=tokenizer, plain=True)
    with attach(module, sae): ...                       the module itself, which is not changed otherwise
    model.run_with_cache(tokens)                        names as TransformerLens has them, and module paths:
        cache["blocks.3.hook_resid_post"], cache["model.layers.3"], cache["model.layers.3.mlp.input"]

Every module path is a hook; TransformerLens' names are known for the families of `sae_widgets.module_names`.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from types import SimpleNamespace
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from sae_widgets.module_names import FAMILIES, module_path, with_side
from sae_widgets.module_points import ModulePoint


class _Stopped(Exception):  # noqa: N818  no error: it ends a forward pass that need not go on
    def __init__(self, value: Tensor) -> None:
        self.value = value


class PlainPoints(Mapping[str, ModulePoint]):
    """Hook points by name, made when they are asked for; names of one place give one point."""

    def __init__(self, model: Any, n_heads: int) -> None:
        self._n_heads = n_heads
        self._modules = dict(model.named_modules())
        self._made: dict[tuple[str, bool], ModulePoint] = {}
        family = self._family = FAMILIES.get(model.config.model_type)
        blocks = [path for path in (family.blocks if family else ()) if path in self._modules]
        self.blocks = blocks[0] if blocks else None
        """Where the blocks are; None in a family that is not known."""
        self._aliases: dict[str, str] = {}
        if family is not None and self.blocks is not None:
            n_blocks = len(list(self._modules[self.blocks].children()))
            for layer in range(n_blocks):
                for place in family.places:
                    name = f"blocks.{layer}.{place}"
                    path = module_path(family, name, self.blocks)
                    if path is not None and path.rpartition(".")[0] in self._modules:
                        self._aliases[name] = path

    def __getitem__(self, name: str) -> ModulePoint:
        path, has_heads = place = self._place(name)
        if place not in self._made:
            module_name, _, side = path.rpartition(".")
            n_heads = self._n_heads if has_heads else None
            self._made[place] = ModulePoint(name, self._modules[module_name], side, n_heads)
        return self._made[place]

    def __iter__(self) -> Iterator[str]:
        yield from self._aliases
        yield from (name for name in self._modules if name)

    def __len__(self) -> int:
        return len(self._aliases) + len(self._modules) - 1

    def spellings(self, name: str) -> list[str]:
        """Every name of the place that `name` names."""
        path, has_heads = place = self._place(name)
        aliases = [alias for alias in self._aliases if self._place(alias) == place]
        paths = [] if has_heads else dict.fromkeys((path, path.removesuffix(".output")))
        return [*aliases, *paths]

    def made(self) -> list[ModulePoint]:
        """The points that somebody asked for."""
        return list(self._made.values())

    def _place(self, name: str) -> tuple[str, bool]:
        """The path that `name` names, with its side, and whether heads stand apart there."""
        path = self._aliases.get(name) or with_side(self._here(name))
        if path.rpartition(".")[0] not in self._modules:
            raise KeyError(name)
        return path, name.endswith(".attn.hook_z")

    def _here(self, path: str) -> str:
        """`path` with the blocks where they are in this model: multimodal ones keep them one level deeper."""
        for usual in self._family.blocks if self._family and self.blocks else ():
            if path.startswith(f"{usual}.") and self.blocks is not None:
                return self.blocks + path.removeprefix(usual)
        return path


class PlainModel:
    """What `HookedModel` asks for, over a Hugging Face module."""

    def __init__(self, module: nn.Module, tokenizer: Any = None) -> None:
        config = getattr(module, "config", None)
        if not callable(getattr(config, "to_dict", None)):
            raise TypeError(f"{type(module).__name__} is no Hugging Face model (it has no config) and no hooked model.")
        self.original_model: Any = module
        self.tokenizer = tokenizer
        self.cfg = _settings(module)
        self.hook_dict = PlainPoints(module, self.cfg.n_heads)

    def __getattr__(self, name: str) -> Any:  # only for what is not here
        if name == "original_model":  # while being copied
            raise AttributeError(name)
        return getattr(self.original_model, name)

    # -- running ------------------------------------------------------------------------------------------------------

    def __call__(self, tokens: Any, **kwargs: Any) -> Any:
        return self.forward(tokens, **kwargs)

    def forward(
        self, tokens: Any, *, return_type: str | None = "logits", stop_at_layer: int | None = None, **kwargs: Any
    ) -> Any:
        """Logits, or with `return_type` nothing (None), or "logits_and_cache"; or what enters block `stop_at_layer`."""
        tokens = self._ids(tokens)
        with ExitStack() as stack:
            if stop_at_layer is not None and self.hook_dict.blocks is not None:
                stack.enter_context(self._stopping(stop_at_layer))
            try:
                out = self.original_model(tokens, **kwargs)
            except _Stopped as stopped:
                return stopped.value
        if return_type not in ("logits", "logits_and_cache", None):
            raise ValueError(f"No return_type {return_type!r} here; there are 'logits', 'logits_and_cache' and None.")
        if return_type is None:
            return None
        return out.logits if return_type == "logits" else (out.logits, out.past_key_values)

    @contextmanager
    def _stopping(self, layer: int) -> Iterator[None]:
        if layer < 0 or layer >= self.cfg.n_layers:
            raise ValueError(f"stop_at_layer is from 0 to {self.cfg.n_layers - 1}; got {layer}.")

        def stop(value: Tensor, hook: Any) -> None:
            raise _Stopped(value)

        with self.hooks([(f"blocks.{layer}.hook_in", stop)]):
            yield

    @contextmanager
    def hooks(
        self,
        fwd_hooks: Sequence[tuple[str | Callable[[str], bool], Callable[..., Any]]] = (),
        bwd_hooks: Sequence[tuple[str | Callable[[str], bool], Callable[..., Any]]] = (),
        **_: Any,
    ) -> Iterator["PlainModel"]:
        """A context in which the hooks act."""
        taken: list[tuple[list[Any], Any]] = []
        try:
            for which, hooks in (("fwd", fwd_hooks), ("bwd", bwd_hooks)):
                for chosen, hook in hooks:
                    for point in self._points(chosen):
                        point.add_hook(hook, dir=which)
                        held = point.fwd_hooks if which == "fwd" else point.bwd_hooks
                        taken.append((held, held[-1]))
            yield self
        finally:
            for held, handle in taken:
                handle.hook.remove()
                held[:] = [other for other in held if other is not handle]

    def run_with_hooks(self, tokens: Any, fwd_hooks: Sequence = (), bwd_hooks: Sequence = (), **kwargs: Any) -> Any:
        """What the model returns with the hooks acting."""
        with self.hooks(fwd_hooks, bwd_hooks):
            return self.forward(tokens, **kwargs)

    def run_with_cache(
        self,
        tokens: Any,
        names_filter: Any = None,
        *,
        device: Any = None,
        remove_batch_dim: bool = False,
        **kwargs: Any,
    ) -> tuple[Any, dict[str, Tensor]]:
        """What the model returns, and activations by name; without a filter those of TransformerLens' names."""
        cache: dict[str, Tensor] = {}

        def keeping(names: list[str]) -> Callable[..., None]:
            def keep(value: Tensor, hook: Any) -> None:
                kept = value.detach().to(device)
                cache.update(dict.fromkeys(names, kept[0] if remove_batch_dim else kept))

            return keep

        if names_filter is None:
            names = [name for name in self.hook_dict if name.startswith("blocks.")]
        elif callable(names_filter):
            names = [name for name in self.hook_dict if names_filter(name)]
        else:
            names = [names_filter] if isinstance(names_filter, str) else list(names_filter)
        with self.hooks([(name, keeping([name])) for name in names]):
            return self.forward(tokens, **kwargs), cache

    @torch.no_grad()
    def generate(
        self,
        tokens: Any,
        max_new_tokens: int = 10,
        *,
        stop_at_eos: bool = True,
        do_sample: bool = True,
        use_past_kv_cache: bool = True,
        return_type: str = "input",
        verbose: bool = False,
        **kwargs: Any,
    ) -> Any:
        """The input with what the model writes after it; other settings are those of the module's own `generate`."""
        ids = self._ids(tokens)
        settings: dict[str, Any] = {"max_new_tokens": max_new_tokens, "do_sample": do_sample, **kwargs}
        settings |= {"use_cache": use_past_kv_cache, "attention_mask": torch.ones_like(ids)}
        if not stop_at_eos:
            settings |= {"eos_token_id": None}
        out = self.original_model.generate(ids, **settings)
        as_text = isinstance(tokens, (str, list)) if return_type == "input" else return_type == "str"
        texts = self.to_string(out[:, 1:]) if as_text else out
        return texts[0] if as_text and isinstance(tokens, str) else texts

    def add_hook(self, name: str, hook: Callable[..., Any], dir: str = "fwd", is_permanent: bool = False) -> None:
        """Adds a hook until `reset_hooks`."""
        for point in self._points(name):
            point.add_hook(hook, dir=dir, is_permanent=is_permanent)

    def reset_hooks(self, *_: Any, **__: Any) -> None:
        """Takes out all hooks but permanent ones."""
        for point in self.hook_dict.made():
            point.reset()

    def _points(self, chosen: str | Callable[[str], bool]) -> list[ModulePoint]:
        if isinstance(chosen, str):
            return [self.hook_dict[chosen]]
        return list({id(p): p for name, p in self.hook_dict.items() if chosen(name)}.values())

    # -- weights and text ---------------------------------------------------------------------------------------------

    @property
    def W_U(self) -> Float[Tensor, "d_model d_vocab"]:  # noqa: N802  the field's name
        return self.original_model.get_output_embeddings().weight.T

    @property
    def W_E(self) -> Float[Tensor, "d_vocab d_model"]:  # noqa: N802  the field's name
        return self.original_model.get_input_embeddings().weight

    def to(self, *args: Any, **kwargs: Any) -> "PlainModel":
        """The same model, its module moved."""
        self.original_model.to(*args, **kwargs)
        return self

    def to_tokens(
        self, text: str | Sequence[str], prepend_bos: bool | None = True, truncate: bool = True, **_: Any
    ) -> Tensor:
        """Token ids, padded on the right, with the token that begins texts in front."""
        tokenizer = self._tokenizer()
        texts = [text] if isinstance(text, str) else list(text)
        rows = [list(tokenizer(each, add_special_tokens=False)["input_ids"]) for each in texts]
        bos = tokenizer.bos_token_id
        rows = [[bos, *row] if prepend_bos and bos is not None else row for row in rows]
        rows = [row[: self.cfg.n_ctx] for row in rows] if truncate else rows
        pad = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else tokenizer.eos_token_id
        longest = max(map(len, rows))
        ids = [row + [pad] * (longest - len(row)) for row in rows]
        return torch.tensor(ids, device=self._device, dtype=torch.int64)

    def to_string(self, tokens: Any) -> Any:
        """The text of token ids; a list of texts for a batch."""
        ids = torch.as_tensor(tokens)
        tokenizer = self._tokenizer()
        if ids.ndim == 2:
            return [tokenizer.decode(row, clean_up_tokenization_spaces=False) for row in ids.tolist()]
        return tokenizer.decode(ids.reshape(-1).tolist(), clean_up_tokenization_spaces=False)

    def to_str_tokens(self, text: Any, prepend_bos: bool | None = True, **_: Any) -> list[str]:
        """One string per token."""
        ids = self.to_tokens(text, prepend_bos=prepend_bos)[0] if isinstance(text, str) else torch.as_tensor(text)
        return [self.to_string([each]) for each in ids.reshape(-1).tolist()]

    def _ids(self, tokens: Any) -> Tensor:
        ids = tokens if isinstance(tokens, Tensor) else self.to_tokens(tokens)
        return (ids[None] if ids.ndim == 1 else ids).to(self._device)

    def _tokenizer(self) -> Any:
        if self.tokenizer is None:
            raise ValueError("This model has no tokenizer: give token ids, or load_model(module, tokenizer=…).")
        return self.tokenizer

    @property
    def _device(self) -> torch.device:
        return next(self.original_model.parameters()).device


def _settings(module: Any) -> SimpleNamespace:
    """The settings of TransformerLens' `cfg` that are asked for, from Hugging Face's."""
    config = module.config.get_text_config() if hasattr(module.config, "get_text_config") else module.config
    d_model, n_heads = int(config.hidden_size), int(config.num_attention_heads)
    d_mlp = getattr(config, "intermediate_size", None) or getattr(config, "n_inner", None) or 4 * d_model
    return SimpleNamespace(
        model_name=str(getattr(module.config, "_name_or_path", "") or "external"),
        model_type=module.config.model_type,
        n_layers=int(config.num_hidden_layers),
        d_model=d_model,
        n_heads=n_heads,
        d_head=int(getattr(config, "head_dim", None) or d_model // n_heads),
        d_mlp=int(d_mlp),
        d_vocab=int(config.vocab_size),
        n_ctx=int(getattr(config, "max_position_embeddings", 2048)),
        normalization_type="LN"
        if hasattr(config, "layer_norm_epsilon") or hasattr(config, "layer_norm_eps")
        else "RMS",
    )
