"""What an SAE is made of: weights that follow from a config, and named points to hook."""

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from sae_widgets.sae.acts import HookPoint, decoder_norms
from sae_widgets.sae.config import DTYPES, SAEConfig, dtype_name


def encoder_layout(W_enc: Tensor, is_training: bool) -> Tensor:
    """`W_enc [d_in, d_sae]` as it lies in memory; to whoever looks at it, it is the same.

    For training one row a feature, like W_dec: a feature's column is then contiguous, which is what the sparse gradient
    reads and writes. Otherwise as files hold it, whose pages are then the weights, without a copy. By form alone, since
    a product's last bits depend on it.
    """
    return W_enc.T.contiguous().T if is_training else W_enc.contiguous()


class SAEModule(nn.Module):
    """The weights, config and hook points of an SAE; the maths is in its subclass `SAE`."""

    config_class: ClassVar[type[SAEConfig]]
    """Config of the inference form."""

    training_config_class: ClassVar[type[SAEConfig]]
    """Config of the training form."""

    kept_dtypes: ClassVar[dict[str, torch.dtype]] = {}
    """Parameters and buffers of the training form whose dtype `.to()` leaves alone."""

    reads_sequences: ClassVar[bool] = False
    """Whether a token's features also depend on the tokens before it, so that it cannot be read alone."""

    reconstructs: ClassVar[bool] = True
    """Whether the output is the input again, in its unit and shape; a transcoder's is another activation."""

    has_sparse_acts: ClassVar[bool] = False
    """Whether training keeps the active features alone, and nothing dense for each of all features."""

    cfg: SAEConfig
    folder: Path | None
    """Where the SAE was loaded from or last saved to."""
    published_sparsity: Tensor | Callable[[], Tensor | None] | None
    """log10 of each feature's firing frequency as its files have it, or what reads it."""

    W_enc: nn.Parameter
    b_enc: nn.Parameter
    W_dec: nn.Parameter
    b_dec: nn.Parameter

    def __init__(self, cfg: SAEConfig, *, generator: torch.Generator | None = None) -> None:
        super().__init__()
        if not isinstance(cfg, (self.config_class, self.training_config_class)):
            raise TypeError(
                f"{type(self).__name__} takes a {self.training_config_class.__name__} or {self.config_class.__name__}; "
                f"got {type(cfg).__name__}. SAE.from_config(cfg) finds the class that fits."
            )
        self.cfg = copy.deepcopy(cfg)
        self.folder = None
        self.published_sparsity = None
        self.hook_sae_input = HookPoint("hook_sae_input")
        self.hook_sae_acts_pre = HookPoint("hook_sae_acts_pre")
        self.hook_sae_acts_post = HookPoint("hook_sae_acts_post")
        self.hook_sae_recons = HookPoint("hook_sae_recons")
        self.hook_sae_error = HookPoint("hook_sae_error")
        self.hook_sae_output = HookPoint("hook_sae_output")
        self._make_weights(generator)

    @property
    def d_in(self) -> int:
        return self.cfg.d_in

    @property
    def d_out(self) -> int:
        """Width of an output; `d_in`, unless the config has a `d_out` of its own (transcoders)."""
        return vars(self.cfg).get("d_out", self.cfg.d_in)

    @property
    def is_tied(self) -> bool:
        """Whether the encoder is the decoder transposed, and no weight of its own."""
        return False

    @property
    def n_outputs(self) -> int:
        """Outputs side by side in a row of `W_dec`: more than 1 for a cross-layer transcoder only."""
        return vars(self.cfg).get("n_outputs", 1)

    @property
    def n_sources(self) -> int:
        """Activations side by side in the input: more than 1 for a crosscoder only."""
        return vars(self.cfg).get("n_sources", 1)

    @property
    def needs_input_to_decode(self) -> bool:
        """Whether `decode` needs the input to get back to its unit."""
        return self.reconstructs and self.cfg.is_normalized_per_row

    @property
    def d_sae(self) -> int:
        return self.cfg.d_sae

    @property
    def device(self) -> torch.device:
        return self.W_dec.device

    @property
    def dtype(self) -> torch.dtype:
        return self.W_dec.dtype

    @property
    def name(self) -> str:
        """SAELens' name for it: `sae_{model}_{hook}_{d_sae}`."""
        return f"sae_{self.cfg.metadata.model_name}_{self.cfg.metadata.hook_name}_{self.d_sae}"

    def __getattr__(self, name: str) -> Any:  # only called for names that are not found: a tied encoder is none
        return self.W_dec.T if name == "W_enc" and self.is_tied else super().__getattr__(name)

    def get_name(self) -> str:
        """The same, as SAELens spells it."""
        return self.name

    @property
    def hook_points(self) -> dict[str, HookPoint]:
        """Hook points by name."""
        return {name: module for name, module in self.named_children() if isinstance(module, HookPoint)}

    def __repr__(self) -> str:
        where = f", hook_name={self.cfg.metadata.hook_name!r}" if self.cfg.metadata.hook_name else ""
        form = "training" if self.cfg.is_training else "inference"
        sizes = f"d_in={self.d_in}, d_sae={self.d_sae}{self._repr_settings()}"
        return f"{type(self).__name__}({sizes}{where}, {form}, {dtype_name(self.dtype)}, {self.device})"

    def _make_biases(self) -> None:
        """Makes the parameters and buffers beside `W_enc`, `W_dec` and `b_dec`."""
        self.b_enc = nn.Parameter(self._zeros(self.d_sae))

    def end_training(self, n_updates: int) -> None:
        """Corrects what `n_updates` training forwards since the start have not yet brought to its value."""

    def feature_starts(self) -> dict[str, float]:
        """Parameters beside the matrices that have one entry a feature, and what every entry is at the start."""
        own = {name: weight for name, weight in self.named_parameters() if name not in ("W_enc", "W_dec", "b_dec")}
        return {name: 0.0 for name, weight in own.items() if weight.shape == (self.d_sae,)}

    def _repr_settings(self) -> str:
        return ""

    def _make_weights(self, generator: torch.Generator | None) -> None:
        """Kaiming-uniform decoder rows, for training of length `decoder_init_norm`; the encoder is their transpose,
        or where the output is another activation than the input, drawn by itself.
        """
        rows = self._drawn(self.n_outputs * self.d_out, generator)
        norm = self.cfg.decoder_init_norm if self.cfg.is_training else None
        if norm is not None:
            rows = self._with_norm(rows, norm)
        self.W_dec = nn.Parameter(rows)
        if not self.is_tied:
            columns = rows.detach().clone() if self.reconstructs else self._drawn(self.d_in, generator)
            self.W_enc = nn.Parameter(encoder_layout(columns.T, self.cfg.is_training))
        self.b_dec = nn.Parameter(self._zeros(self.n_outputs * self.d_out))
        self._make_biases()

    def _drawn(
        self, width: int, generator: torch.Generator | None, fill: Callable[..., Tensor] = nn.init.kaiming_uniform_
    ) -> Tensor:
        """A row for each feature, drawn by `fill`."""
        # Drawn where the generator lives, so that one seed gives the same weights on every device.
        place = generator.device if generator is not None else self.cfg.device
        rows = torch.empty(self.d_sae, width, dtype=DTYPES[self.cfg.dtype], device=place)
        return fill(rows, generator=generator).to(self.cfg.device)

    def _with_norm(self, rows: Tensor, norm: float) -> Tensor:
        """Decoder rows of this length."""
        return rows / decoder_norms(rows)[:, None] * norm

    def _zeros(self, *shape: int) -> Tensor:
        return torch.zeros(*shape, dtype=DTYPES[self.cfg.dtype], device=self.cfg.device)

    @property
    def _has_parts(self) -> bool:
        """Whether the input's last two axes may be one to the SAE."""
        return self.cfg.reshape_activations == "hook_z" or self.n_sources > 1

    def _flat(self, x: Tensor) -> Tensor:
        """`x` in the SAE's dtype, heads (or the sources of a crosscoder) as one axis."""
        width = x.shape[-1] if x.ndim else 0
        if self._has_parts and x.ndim >= 2 and width != self.d_in == x.shape[-2] * width:
            x = x.flatten(-2)
        if not x.ndim or x.shape[-1] != self.d_in:
            where = f" ({self.cfg.metadata.hook_name})" if self.cfg.metadata.hook_name else ""
            raise ValueError(
                f"This SAE reads activations of width {self.d_in}{where}; got shape {tuple(x.shape)}, width {width}. "
                "Is it the SAE of another model or hook point?"
            )
        return x.to(self.dtype)

    @staticmethod
    def _through(point: HookPoint, value: Tensor, hooked: bool) -> Tensor:
        return point(value) if hooked else value

    def _apply(self, fn: Any, recurse: bool = True) -> "SAEModule":
        kept = {name: getattr(self, name).data for name in self.kept_dtypes if self.cfg.is_training}
        super()._apply(fn, recurse)
        for name, before in kept.items():
            now = getattr(self, name)
            if now.dtype != before.dtype:
                now.data = before.to(now.device)
        self.cfg.dtype, self.cfg.device = dtype_name(self.dtype), str(self.device)
        return self
