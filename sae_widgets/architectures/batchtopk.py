"""BatchTopK SAE: the k * n largest pre-activations of a batch of n tokens are its features. See also `selecting`.

    training:  feature_acts = relu(hidden_pre) at the int(k * n) largest of the whole batch, else 0
    inference: feature_acts = relu(hidden_pre) where hidden_pre > topk_threshold, else 0       (a JumpReLU SAE)

    topk_threshold <- (1 - lr) * topk_threshold + lr * smallest chosen activation              (each training forward)

Which features a token has depends on its neighbours while training, so the class follows the module's mode: `encode`
chooses by batch in `.train()` mode and by threshold in `.eval()` mode, where files are loaded. SAELens' training class
chooses by batch in both.

Source: Bussmann, Leask and Nanda 2024, "BatchTopK Sparse Autoencoders", as in SAELens 6.
"""

from dataclasses import dataclass
from typing import ClassVar, final

import torch
from jaxtyping import Float, Int
from torch import Tensor

from sae_widgets.architectures.jumprelu import JumpReLUSAEConfig
from sae_widgets.architectures.selecting import SelectingSAE
from sae_widgets.kernels import largest_of_blocks, products_by_blocks
from sae_widgets.sae.acts import SparseActs
from sae_widgets.sae.config import ArchitectureName, Number, SAEConfig
from sae_widgets.sae.registry import register_sae_class


@dataclass(kw_only=True)
class BatchTopKTrainingSAEConfig(SAEConfig):
    """Settings of a BatchTopK SAE and of its training; once trained it is a JumpReLU SAE."""

    architecture: ClassVar[ArchitectureName] = ArchitectureName("batchtopk")
    activation_fn_str: ClassVar[str] = "batchtopk"
    is_training: ClassVar[bool] = True

    k: Number = 100.0
    """Active features per token, on average over the batch; above 0, at most d_sae."""

    topk_threshold_lr: Number = 0.01
    """Share of the new value in each update of the threshold, from 0 to 1."""

    rescale_acts_by_decoder_norm: bool = True
    """Whether features are compared as if decoder rows had unit length."""

    decoder_init_norm: Number | None = 0.1
    """Length of the decoder rows at the start; None leaves them as drawn."""

    aux_loss_coefficient: Number = 1.0
    """Weight of the auxiliary loss, which lets dead features explain what the live ones miss; at least 0."""

    use_sparse_activations: bool = False
    """Read and written for SAELens, where it switches sparse training on; here training is always sparse."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 < self.k <= self.d_sae:
            raise ValueError(f"k is above 0 and at most d_sae={self.d_sae}; got {self.k!r}.")
        if not 0 <= self.topk_threshold_lr <= 1:
            raise ValueError(f"topk_threshold_lr is from 0 to 1; got {self.topk_threshold_lr}.")


class BatchSelectingSAE(SelectingSAE):
    """An SAE that chooses its active features over a whole batch; its training config has the fields of BatchTopK's."""

    config_class = JumpReLUSAEConfig
    chooses_per_token: ClassVar[bool] = False
    # float64: at lr 0.01 a float32 average stops moving once the steps are below its rounding.
    kept_dtypes: ClassVar[dict[str, torch.dtype]] = {"topk_threshold": torch.float64}

    topk_threshold: Tensor

    @property
    def is_selecting(self) -> bool:
        return self.training

    def select(self, hidden_pre: Float[Tensor, "n d_sae"]) -> SparseActs:
        n, d_sae = hidden_pre.shape
        everything = hidden_pre.flatten()
        flat = self.peers.largest(everything, self._n_chosen(n))
        if flat is None:
            found = largest_of_blocks([hidden_pre], self._n_chosen(n), everything.numel())
            flat = everything.topk(self._n_chosen(n), sorted=False).indices if found is None else found[0]
        flat = flat.sort().values
        return _in_slots(flat, everything[flat], n, d_sae)

    def _n_chosen(self, n: int) -> int:
        """Of a batch of which `n` tokens are at hand."""
        return int(self.cfg.k * self.peers.n_tokens(n))

    def _chosen(self, rows: Float[Tensor, "n d_in"], norms: Float[Tensor, " d_sae"] | None) -> SparseActs:
        n_chosen = self._n_chosen(len(rows))
        if self.peers.is_alone:
            blocks = products_by_blocks(rows, self.W_enc, self.b_enc, norms)
            found = largest_of_blocks(blocks, n_chosen, len(rows) * self.d_sae)
            if found is not None:
                return _in_slots(*found, len(rows), self.d_sae)
        return super()._chosen(rows, norms)

    def activate(self, hidden_pre: Float[Tensor, "*batch d_sae"]) -> Float[Tensor, "*batch d_sae"]:
        if self.is_selecting:
            return super().activate(hidden_pre)
        return torch.where(hidden_pre <= self.topk_threshold.to(hidden_pre.dtype).clamp_min(0.0), 0.0, hidden_pre)

    @torch.no_grad()
    def fold_activation_norm_scaling_factor(self, scaling_factor: float) -> None:
        super().fold_activation_norm_scaling_factor(scaling_factor)
        if self.is_rescaled:  # the threshold is in the unit of hidden_pre, which has shrunk with the decoder norms
            self.topk_threshold.div_(scaling_factor)

    def _watch(self, acts: SparseActs) -> None:
        """Moves the threshold; not when gradients are off, where nobody trains."""
        if not torch.is_grad_enabled():
            return
        with torch.no_grad():
            values = acts.values if acts.values.numel() else acts.values.new_zeros(1)
            least = self.peers.least(torch.where(values > 0, values, torch.inf).min()).double()
            # Without looking whether there is one: an accelerator would be waited for.
            aim = torch.where(least.isfinite(), least, self.topk_threshold)
            self.topk_threshold.lerp_(aim, self.cfg.topk_threshold_lr)

    @torch.no_grad()
    def end_training(self, n_updates: int) -> None:
        # A running mean that began at 0 is low by this factor (Adam's bias correction): after 100 steps by a third.
        # The mean itself is left to be SAELens'.
        if n_updates and self.cfg.topk_threshold_lr:
            self.topk_threshold.div_(1 - (1 - self.cfg.topk_threshold_lr) ** n_updates)

    def _make_biases(self) -> None:
        super()._make_biases()
        self.register_buffer("topk_threshold", torch.zeros((), dtype=torch.float64, device=self.cfg.device))

    def _inference_weights(self) -> dict[str, Tensor]:
        weights = super()._inference_weights()
        threshold = weights.pop("topk_threshold")
        weights["threshold"] = torch.ones_like(weights["b_enc"]) * threshold
        return weights


def _in_slots(flat: Int[Tensor, " m"], values: Float[Tensor, " m"], n: int, d_sae: int) -> SparseActs:
    """Activations token by token; `flat` says of each of `values` which of all n * d_sae it is, in rising order."""
    token, feature = flat // d_sae, flat % d_sae
    starts = torch.searchsorted(token, torch.arange(n + 1, device=flat.device))
    slot = torch.arange(len(flat), device=flat.device) - starts[token]
    # The one number that an accelerator is asked for here.
    width = int(starts.diff().max()) if n else 0
    indices = torch.zeros(n, width, dtype=torch.long, device=flat.device)
    chosen = values.new_zeros(n, width)
    indices[token, slot] = feature
    chosen[token, slot] = values.relu()
    return SparseActs(indices, chosen)


@final
@register_sae_class
class BatchTopKTrainingSAE(BatchSelectingSAE):
    """See the module."""

    training_config_class = BatchTopKTrainingSAEConfig
