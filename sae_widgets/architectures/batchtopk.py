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
from sae_widgets.sae.acts import SparseActs
from sae_widgets.sae.config import ArchitectureName, Number, SAEConfig
from sae_widgets.sae.registry import register_sae_class

_N_SAMPLED = 2**16


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
        n_chosen = int(self.cfg.k * self.peers.n_tokens(n))
        flat = self.peers.largest(everything, n_chosen)
        flat = _largest(everything, n_chosen) if flat is None else flat
        # In order of tokens, so that each token's features can be counted off into its row of slots.
        flat = flat.sort().values
        token, feature = flat // d_sae, flat % d_sae
        starts = torch.searchsorted(token, torch.arange(n + 1, device=flat.device))
        slot = torch.arange(len(flat), device=flat.device) - starts[token]
        # The one number that an accelerator is asked for here.
        width = int(starts.diff().max()) if n else 0
        indices = torch.zeros(n, width, dtype=torch.long, device=flat.device)
        chosen = hidden_pre.new_zeros(n, width)
        indices[token, slot] = feature
        chosen[token, slot] = everything[flat].relu()
        return SparseActs(indices, chosen)

    def activate(self, hidden_pre: Float[Tensor, "*batch d_sae"]) -> Float[Tensor, "*batch d_sae"]:
        if self.is_selecting:
            return super().activate(hidden_pre)
        return hidden_pre.relu() * (hidden_pre > self.topk_threshold.to(hidden_pre.dtype))

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


def _largest(values: Float[Tensor, " m"], n: int) -> Int[Tensor, " n"]:
    """Where the `n` largest of `values` are.

    A sample says about how large these are, so that only few have to be compared with each other: a tenth of the time
    of `topk` over 25 million. Where the sample has misled, `topk` it is.
    """
    # Odd, since the rows' length is mostly a multiple of a power of two: no few features may make up the sample.
    sample = values[:: len(values) // _N_SAMPLED | 1]
    n_above = int(1.3 * n * len(sample) / max(len(values), 1)) + 20
    if n_above < len(sample):
        likely = (values >= sample.topk(n_above).values[-1]).nonzero().squeeze(-1)
        if len(likely) >= n:
            return likely[values[likely].topk(n, sorted=False).indices]
    return values.topk(n, sorted=False).indices


@final
@register_sae_class
class BatchTopKTrainingSAE(BatchSelectingSAE):
    """See the module."""

    training_config_class = BatchTopKTrainingSAEConfig
