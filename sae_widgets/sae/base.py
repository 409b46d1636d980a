"""The abstract SAE: what every architecture shares.

    sae_in       = normalize(x) - b_dec                 (b_dec only if cfg.apply_b_dec_to_input)
    hidden_pre   = sae_in @ W_enc + b_enc
    feature_acts = activation(hidden_pre)               (the architecture)
    x_hat        = undo(feature_acts @ W_dec + b_dec)   (undo: back from the normalisation)
    forward(x)   = decode(encode(x), x) + bypass(x)

x_hat stands for `x` itself, or where an architecture does not reconstruct (`reconstructs`: transcoders), for another
activation, the target; what the input's normalisation did is then not undone.

An architecture is one final class in its own file of `sae_widgets.architectures`, for training and inference alike;
whether an SAE can be trained follows from its config. Source: SAELens 6, whose files, names and formulas these are.
"""

import copy
from abc import ABC, abstractmethod
from dataclasses import fields
from pathlib import Path
from typing import Any, ClassVar, final

import torch
from jaxtyping import Float
from torch import Tensor

from sae_widgets.normalize import Scale, Undo, normalize, spread
from sae_widgets.sae.acts import (
    Coefficient,
    EntryActs,
    SparseActs,
    TrainContext,
    TrainParts,
    decoder_norms,
    is_any_hooked,
    summed_rows,
)
from sae_widgets.sae.config import SAEConfig, nearest
from sae_widgets.sae.registry import sae_class_for
from sae_widgets.sae.saelens_names import SAELensNames
from sae_widgets.sae.stored import StoredSAE

SMALLEST_NORM = 1e-8
"""Decoder rows shorter than this are folded as if they had this length (SAELens' bound)."""


class SAE(StoredSAE, SAELensNames, ABC):
    """A sparse autoencoder: `encode` to features, `decode` back; `forward` does both.

    Made by `SAE.from_pretrained(release, sae_id)`, `SAE.load_from_disk(folder)`, `SAE(cfg)`, or an architecture's own
    class, e.g. `TopKSAE(cfg)`.

    Hook points, in the order of `forward`; each is a module with `register_forward_hook` and `add_hook(fn)`, and
    `sae.hook_points` lists them by name. A hook may return a value to put in the place of the one it saw.

        hook_sae_input      x as the SAE takes it in: its dtype, heads flattened    [*batch, d_in]
        hook_sae_acts_pre   hidden_pre                                              [*batch, d_sae]
        hook_sae_acts_post  feature_acts, dense                                     [*batch, d_sae]
        hook_sae_recons     feature_acts @ W_dec + b_dec, before undo               [*batch, d_out]
        hook_sae_error      target - x_hat without any hook, if `use_error_term`    as x_hat
        hook_sae_output     what forward returns                                    as x_hat

    `encode` passes the first three, `decode` hook_sae_recons, `forward` all; training passes none.
    """

    has_bypass: ClassVar[bool] = False
    """Whether `bypass` is anything but zero."""

    def __new__(cls, cfg: SAEConfig | None = None, **_: Any) -> "SAE":
        """An instance of the class that `cfg` is for, where SAE itself is called, as one did before SAELens 6."""
        wanted: Any = sae_class_for(str(cfg.architecture)) if cls is SAE and cfg is not None else cls
        return super().__new__(wanted)

    # -- encode and decode --------------------------------------------------------------------------------------------

    @final
    def encode(self, x: Float[Tensor, "..."]) -> Float[Tensor, "... d_sae"]:
        """The feature activations of `x`, one value per feature."""
        acts = self.encode_as_made(x)
        return acts.to_dense(self.d_sae) if isinstance(acts, SparseActs) else acts

    @final
    def encode_sparse(self, x: Float[Tensor, "..."]) -> SparseActs:
        """The active features of `x` and their activations.

        Architectures that know their k never make the dense activations, unless a hook asks to see them.
        """
        acts = self.encode_as_made(x)
        return acts if isinstance(acts, SparseActs) else SparseActs.from_dense(acts)

    @final
    def encode_as_made(self, x: Float[Tensor, "..."]) -> Float[Tensor, "... d_sae"] | SparseActs:
        """The feature activations of `x` in the form that costs least: sparse from architectures that know their k."""
        sae_in, _ = self._prepare(x, hooked=True)
        return self._features(sae_in, hooked=True)

    @final
    def decode(
        self, feature_acts: Float[Tensor, "*batch d_sae"] | SparseActs, x: Float[Tensor, "..."] | None = None
    ) -> Float[Tensor, "..."]:
        """The reconstruction from `feature_acts`, in the unit and shape of the input `x`.

        Args:
            feature_acts: Dense or sparse.
            x: The input that was encoded. Needed only where the undo depends on it (`normalize_activations` is
                layer_norm or constant_norm_rescale); with hook_z it also gives the shape (heads apart), else flat.

        Raises:
            ValueError: If `x` is needed and not given: nothing is remembered from `encode`.
        """
        if x is None or not self.reconstructs:
            if self.needs_input_to_decode:
                raise ValueError(
                    f"This SAE normalises each input row (normalize_activations={self.cfg.normalize_activations!r}), "
                    "so decoding needs the input that was encoded: decode(feature_acts, x)."
                )
            recons = self.hook_sae_recons(self._decode(feature_acts))
            if self.reconstructs:
                _, undo = self._normalized(self.W_dec[:0])  # the same for every input
                recons = undo(recons)
            return self._shaped(recons)
        _, undo = self._normalized(self._flat(x))
        return self._restore(self.hook_sae_recons(self._decode(feature_acts)), undo, x)

    def bypass(self, x: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
        """What reaches the output past the features; zero unless the architecture has such a path."""
        if self.reconstructs:
            return torch.zeros_like(x, dtype=self.dtype)
        flat = self._flat(x)
        return self._shaped(flat.new_zeros(*flat.shape[:-1], self.n_outputs * self.d_out))

    @final
    def forward(
        self, x: Float[Tensor, "..."], use_error_term: bool = False, *, target: Float[Tensor, "..."] | None = None
    ) -> Float[Tensor, "..."]:
        """The reconstruction of `x` (of what stands behind it, for a transcoder), in the SAE's dtype.

            decode(encode(x), x) + bypass(x) [+ error],   error = target - the same without hooks

        Args:
            use_error_term: Add what the SAE misses, so that without hooks the output is the target, and with them
                only their effect is seen. The error carries no gradient.
            target: What the output stands for; `x`, unless the architecture does not reconstruct.

        Raises:
            ValueError: If the error term needs a target that is not given.
        """
        sae_out = self._reconstruct(x, hooked=True)
        if use_error_term:
            target = x if target is None and self.reconstructs else target
            if target is None:
                raise ValueError(
                    f"The error of a {type(self).__name__} is what it misses of the activation it writes; pass that: "
                    "forward(x, use_error_term=True, target=...)."
                )
            with torch.no_grad():
                changing = [self.hook_sae_input, self.hook_sae_acts_pre, self.hook_sae_acts_post, self.hook_sae_recons]
                clean = self._reconstruct(x, hooked=False) if is_any_hooked(changing) else sae_out
                error = self.hook_sae_error(target.to(self.dtype).reshape(clean.shape) - clean)
            sae_out = sae_out + error
        return self.hook_sae_output(sae_out)

    @final
    @torch.no_grad()
    def without_hooks(self, x: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
        """What `forward` gives where no hook changes anything; it carries no gradient."""
        return self._reconstruct(x, hooked=False)

    @final
    def process_sae_in(self, x: Float[Tensor, "..."]) -> Float[Tensor, "*batch d_in"]:
        """What the encoder multiplies: `x` in the SAE's dtype, heads flattened, normalised, less `b_dec`."""
        return self._prepare(x, hooked=True)[0]

    # -- training -----------------------------------------------------------------------------------------------------

    def train_parts(self, x: Float[Tensor, "*batch d_in"]) -> TrainParts:
        """What a training step computes on the way forward. Hook points are not passed."""
        sae_in, undo = self._prepare(x, hooked=False)
        hidden_pre = self.pre_activations(sae_in)
        feature_acts = self.activate(hidden_pre)
        return TrainParts(sae_in, hidden_pre, feature_acts, self._train_out(x, self._decode(feature_acts), undo))

    @abstractmethod
    def objective(
        self, parts: TrainParts, target: Float[Tensor, "*batch d_out"], ctx: TrainContext
    ) -> dict[str, Float[Tensor, ""]]:
        """The loss terms by name, `mse_loss` first; the loss is their sum.

        Args:
            parts: What `train_parts` gave.
            target: What `sae_out` stands for, its outputs side by side; the input itself, where it reconstructs.
            ctx: Coefficients, dead features and the number of steps.

        Raises:
            TypeError: If the SAE has an inference config.
        """

    def coefficients(self) -> dict[str, Coefficient]:
        """The loss coefficients that may change while training; `objective` reads them from its context."""
        return {}

    def before_first_step(self, x: Float[Tensor, "n d_in"], target: Float[Tensor, "n d_out"]) -> None:
        """Looks at the first batch before anything is learned from it."""

    def after_step(self) -> None:
        """Brings the weights back to where they may be; called after each optimiser step."""

    def to_inference(self) -> "SAE":
        """A copy without what only training needs; the same function, its decoder norms folded where they matter."""
        if not self.cfg.is_training:
            return copy.deepcopy(self)
        return self._with_weights(self.cfg.inference_config(), self._inference_weights())

    def to_training(self, **settings: Any) -> "SAE":
        """A copy that can be trained further, with the objective's `settings`, e.g. `l1_coefficient=2.0`.

        Raises:
            TypeError: If a setting has a name that the training config does not know.
        """
        config_class = self.training_config_class
        known = {each.name for each in fields(config_class)}
        for name in settings.keys() - known:
            raise TypeError(f"{config_class.__name__} has no setting {name!r}. {nearest(name, known)}")
        own = {**vars(self.cfg), **settings}
        config = config_class(**{key: copy.deepcopy(value) for key, value in own.items()})
        return self._with_weights(config, dict(self.state_dict()))

    # -- folding ------------------------------------------------------------------------------------------------------

    @torch.no_grad()
    def fold_W_dec_norm(self) -> None:  # noqa: N802  SAELens' name
        """Gives decoder rows unit length and scales the encoder in turn: activations change unit, outputs stay.

        Raises:
            NotImplementedError: If the architecture's choice of features would change.
        """
        norms = decoder_norms(self.W_dec).clamp_min(SMALLEST_NORM)
        self.W_dec.div_(norms[:, None])
        self.W_enc.mul_(norms)
        self._scale_features(norms)

    @torch.no_grad()
    def fold_activation_norm_scaling_factor(self, scaling_factor: Scale, output_factor: Scale | None = None) -> None:
        """Makes an SAE trained on `scaling_factor * x` one that takes `x`; `normalize_activations` becomes none.

            new(x) == old(s * x) / s_out

        Args:
            scaling_factor: s; several factors are those of a crosscoder's sources.
            output_factor: s_out, what the targets of a transcoder were multiplied with; by default s.

        Raises:
            ValueError: If a factor is not positive and finite, or there are more factors than activations.
            NotImplementedError: If the SAE normalises each row, where a factor has no effect to fold.
        """
        if self.cfg.is_normalized_per_row:
            raise NotImplementedError(
                f"normalize_activations={self.cfg.normalize_activations!r} scales each row anew, so a factor on the "
                "input has no effect that could be folded."
            )
        into = spread(scaling_factor, self.d_in).to(self.device)
        out_of = spread(scaling_factor if output_factor is None else output_factor, len(self.b_dec)).to(self.device)
        if self.reconstructs and not torch.equal(into, out_of):
            raise ValueError("What an SAE reads is what it writes: both have one scaling factor.")
        self.W_enc.mul_(into[:, None])
        self.W_dec.div_(out_of)
        self.b_dec.div_(out_of)
        self._scale_bypass(into, out_of)
        self.cfg.normalize_activations = "none"

    @torch.no_grad()
    def fold_activation_whitening(
        self,
        mean: Float[Tensor, " d_in"],
        whitening_matrix: Float[Tensor, "d_in d_in"],
        unwhitening_matrix: Float[Tensor, "d_in d_in"],
    ) -> None:
        """Makes an SAE trained on whitened activations one that takes `x`; `normalize_activations` becomes none.

            new(x) == old((x - mean) @ M) @ M^-1 + mean

        Args:
            mean: Of the activations.
            whitening_matrix: M.
            unwhitening_matrix: M^-1.

        Raises:
            NotImplementedError: If there is nothing to fold it into.
        """
        self._check_whitening()
        # float64 throughout: the inverse of small eigenvalues is large.
        m, M, M_inv = (each.to(self.device, torch.float64) for each in (mean, whitening_matrix, unwhitening_matrix))
        self.W_enc.copy_(M @ self.W_enc.double())
        if not self.cfg.apply_b_dec_to_input:  # else the new b_dec takes the mean away
            self._shift_features(-(m @ self.W_enc.double()).to(self.dtype))
        self.W_dec.copy_(self.W_dec.double() @ M_inv)
        self.b_dec.copy_(self.b_dec.double() @ M_inv + m)
        self.cfg.normalize_activations = "none"

    # -- files --------------------------------------------------------------------------------------------------------

    def save_inference_model(
        self, path: str | Path, *, log_sparsity: Float[Tensor, " d_sae"] | None = None
    ) -> tuple[Path, Path]:
        """Like `save_model`, of the SAE that `to_inference` gives."""
        return self.to_inference().save_model(path, log_sparsity=log_sparsity)

    # -- what an architecture overrides -------------------------------------------------------------------------------

    def pre_activations(self, sae_in: Float[Tensor, "*batch d_in"]) -> Float[Tensor, "*batch d_sae"]:
        """`hidden_pre`."""
        if sae_in.dtype.itemsize < 4:  # rounded twice, as in SAELens: in bfloat16 other features would win
            return sae_in @ self.W_enc + self.b_enc
        return torch.nn.functional.linear(sae_in, self.W_enc.T, self.b_enc)

    @abstractmethod
    def activate(self, hidden_pre: Float[Tensor, "*batch d_sae"]) -> Float[Tensor, "*batch d_sae"]:
        """`feature_acts`, dense."""

    def _features(self, sae_in: Float[Tensor, "*batch d_in"], *, hooked: bool) -> Tensor | SparseActs:
        """Activations through the hook points; sparse architectures override this."""
        hidden_pre = self._through(self.hook_sae_acts_pre, self.pre_activations(sae_in), hooked)
        return self._through(self.hook_sae_acts_post, self.activate(hidden_pre), hooked)

    def _decode(self, feature_acts: Tensor | SparseActs | EntryActs) -> Float[Tensor, "*batch d_out"]:
        """`feature_acts @ W_dec + b_dec`."""
        return self._decoded_rows(feature_acts) + self.b_dec

    def _decoded_rows(self, feature_acts: Tensor | SparseActs | EntryActs) -> Float[Tensor, "*batch d_out"]:
        """`feature_acts @ W_dec`."""
        return self.peers.total(summed_rows(feature_acts, self.W_dec))

    def _scale_features(self, norms: Float[Tensor, " d_sae"]) -> None:
        """Scales whatever is in the unit of `hidden_pre`; called with W_enc scaled already."""
        self.b_enc.mul_(norms)

    def _check_whitening(self) -> None:
        """Raises NotImplementedError where whitening cannot be folded."""
        if self.cfg.is_normalized_per_row or not self.reconstructs:
            raise NotImplementedError(
                f"A {type(self).__name__} with normalize_activations={self.cfg.normalize_activations!r} cannot take a "
                "whitening in: that is for SAEs that give back what they read, and scale no row by itself."
            )

    def _shift_features(self, shift: Float[Tensor, " d_sae"]) -> None:
        """Adds `shift` to `sae_in @ W_enc`."""
        self.b_enc.add_(shift)

    def _scale_bypass(self, into: Float[Tensor, " d_in"], out_of: Float[Tensor, " d_out"]) -> None:
        """Makes a bypass trained on `into * x` and `out_of * target` one that takes them as they are."""

    def _inference_weights(self) -> dict[str, Tensor]:
        """The state of the inference form; may share memory with this one's."""
        return dict(self.state_dict())

    # -- inside -------------------------------------------------------------------------------------------------------

    def _prepare(self, x: Tensor, *, hooked: bool) -> tuple[Tensor, Undo]:
        x = self._through(self.hook_sae_input, self._flat(x), hooked)
        sae_in, undo = self._normalized(x)
        return self.peers.copied(sae_in - self.b_dec if self.cfg.apply_b_dec_to_input else sae_in), undo

    def _normalized(self, x: Float[Tensor, "*batch d_in"]) -> tuple[Float[Tensor, "*batch d_in"], Undo]:
        """`x` as `normalize_activations` says, and what undoes it."""
        return normalize(x, self.cfg.normalize_activations)

    def _train_out(self, x: Tensor, recons: Tensor, undo: Undo) -> Float[Tensor, "*batch d_out"]:
        """What training compares with the target: outputs side by side, in the target's unit."""
        out = undo(recons) if self.reconstructs else recons
        return out + self.bypass(x).reshape(out.shape) if self.has_bypass else out

    def _restore(self, recons: Tensor, undo: Undo, x: Tensor) -> Tensor:
        """The output in its unit and shape: those of `x`, where it is reconstructed."""
        if not self.reconstructs:
            return self._shaped(recons)
        out = undo(recons)
        return out.view(x.shape) if self._has_parts else out

    def _shaped(self, out: Tensor) -> Tensor:
        """What `decode` gives where no input says its shape; architectures with several outputs take them apart."""
        return out

    def _reconstruct(self, x: Tensor, *, hooked: bool) -> Tensor:
        sae_in, undo = self._prepare(x, hooked=hooked)
        recons = self._decode(self._features(sae_in, hooked=hooked))
        out = self._restore(self._through(self.hook_sae_recons, recons, hooked), undo, x)
        return out + self.bypass(x) if self.has_bypass else out

    def _training_config(self) -> Any:
        """The config, known to have the objective's fields."""
        if not self.cfg.is_training:
            raise TypeError(
                f"This {type(self).__name__} has an inference config ({type(self.cfg).__name__}), which says nothing "
                f"of a loss. sae.to_training(...) makes a copy with a {self.training_config_class.__name__}."
            )
        return self.cfg

    def _with_weights(self, config: SAEConfig, weights: dict[str, Tensor]) -> "SAE":
        from sae_widgets.sae.loading import assemble

        sae = assemble(config, {name: weight.detach().clone() for name, weight in weights.items()})
        sae.folder, sae.published_sparsity = self.folder, self.published_sparsity
        return sae.train(self.training)
