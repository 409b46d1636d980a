"""Attribution: which features of a prompt caused the prediction of a token, by three methods that each add up to it.

    y = logit[target] - logit[contrast]                of the last position; without contrast, less the mean logit
    x = decode(act) + bypass + error                   at the SAE's hook, so nothing of the activation is lost
                                                       (a transcoder's: the hook it writes, act of the one it reads)

    direct     act * W_dec . (W_U[target] - W_U[contrast]) through the final norm with its scale held: what a feature
               writes into the last position's residual stream, past all later layers
    gradient   act * dy/dact, through the rest of the model, summed over positions; the error term is a constant
    ablation   y - y without the feature, at all positions, one at a time

    sum of features + error_term + remainder == y      remainder: biases and all a method does not see (direct: the
                                                       later layers; gradient, ablation: what is not linear)

Source: direct logit attribution of Elhage et al. 2021; gradient and ablation as in Marks et al. 2024, "Sparse Feature
Circuits" (there: attribution patching and activation patching with a zero baseline).
"""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from sae_widgets.features.logits import SCALE_HOOK, final_linear
from sae_widgets.fit import check_fits, layer_of, places_of
from sae_widgets.hooked import HookedSAETransformer, as_hooked
from sae_widgets.prompt import prompt_tokens
from sae_widgets.sae import SAE, SparseActs
from sae_widgets.splice import acting
from sae_widgets.steering import check_steerable, written
from sae_widgets.token_text import clean_prompt, token_texts

METHODS = ("direct", "gradient", "ablation")

_TOKENS_AT_ONCE = 2048
"""Tokens of one forward pass of ablated rows: large enough to be efficient, small enough to cancel soon."""


@dataclass(frozen=True)
class MethodAttribution:
    """What one method says; `totals.sum() + other_features + error_term + remainder == total`."""

    features: Int[Tensor, " n"]
    """The strongest features, largest effect of either sign first."""

    totals: Float[Tensor, " n"]
    """Their effects, in logits."""

    by_position: Float[Tensor, "n n_pos"]
    """Where they come from. Direct and gradient add up to `totals`; ablation at one position alone need not."""

    other_features: float
    """Effect of all active features that are not listed, summed."""

    error_term: float
    """Effect of what the SAE misses of the activation."""

    remainder: float
    """What is left to `total`."""

    total: float
    """The logit difference."""


@dataclass(frozen=True)
class Attribution:
    """Why the model predicts `target` after `prompt`."""

    prompt: str
    tokens: list[int]
    token_texts: list[str]
    target: str
    target_id: int
    contrast: str | None
    contrast_id: int | None
    logit_difference: float
    """logit[target] - logit[contrast]; without contrast, less the mean logit of the vocabulary."""

    methods: dict[str, MethodAttribution]
    unavailable: dict[str, str] = field(default_factory=dict)
    """Methods that were asked for and are not there, and why."""


def attribute(
    model: Any,
    sae: SAE,
    prompt: str,
    target: str | int,
    contrast: str | int | None = None,
    *,
    methods: Sequence[str] = METHODS,
    top: int = 30,
    on_progress: Callable[[int, int], None] | None = None,
    is_cancelled: Callable[[], bool] = lambda: False,
) -> Attribution:
    """The features of `sae` that raise or lower `target` against `contrast` after `prompt`.

    Args:
        target: The next token to explain: its text, with its leading space, or its id.
        contrast: The token to compare with; None compares with the mean of all.
        methods: Which of `METHODS`. What cannot be said of this SAE is in `unavailable`, with the reason.
        top: Features listed for each method.
        on_progress: Called with ablations done and to do.
        is_cancelled: Asked before each forward pass of the ablation; a cancelled one is in `unavailable`.

    Raises:
        ValueError: If the prompt is empty or too long, a token is not one token, a method is unknown, or the SAE does
            not fit.
        NotImplementedError: If the SAE writes several activations.
    """
    for method in methods:
        if method not in METHODS:
            raise ValueError(f"No attribution method {method!r}; there are {', '.join(METHODS)}.")
    hooked = as_hooked(model)
    check_steerable(sae)
    if sae.n_outputs > 1:
        raise NotImplementedError(
            f"A cross-layer transcoder writes {sae.n_outputs} activations, of which one layer's part explains a share "
            "each; what is left would not be an error of this part. Attribute with transcoders of single layers."
        )
    check_fits(hooked, sae)
    tokens = prompt_tokens(hooked, prompt)
    target_id = token_id_of(hooked, target)
    contrast_id = None if contrast is None else token_id_of(hooked, contrast)
    case = _Case(hooked, sae, tokens, target_id, contrast_id, top)
    found: dict[str, MethodAttribution] = {}
    unavailable: dict[str, str] = {}
    for method in dict.fromkeys(methods):
        if method == "direct" and (reason := case.why_not_direct()):
            unavailable[method] = reason
        elif method == "direct":
            found[method] = case.direct()
        elif method == "gradient":
            found[method] = case.gradient()
        elif (ablation := case.ablation(on_progress, is_cancelled)) is not None:
            found[method] = ablation
        else:
            unavailable[method] = "cancelled"
    ids = tokens[0].tolist()
    return Attribution(
        prompt=prompt,
        tokens=ids,
        token_texts=token_texts(hooked.tokenizer, ids),
        target=token_texts(hooked.tokenizer, [target_id])[0],
        target_id=target_id,
        contrast=None if contrast_id is None else token_texts(hooked.tokenizer, [contrast_id])[0],
        contrast_id=contrast_id,
        logit_difference=case.total,
        methods=found,
        unavailable=unavailable,
    )


def token_id_of(model: HookedSAETransformer, token: str | int) -> int:
    """The id of one token of the vocabulary, given as its text or its id.

    Raises:
        ValueError: If the text is several tokens (the message shows them, and what may have been meant) or none.
    """
    if isinstance(token, int) and not isinstance(token, bool):
        if not 0 <= token < model.cfg.d_vocab:
            raise ValueError(f"No token {token}: the vocabulary has ids 0 to {model.cfg.d_vocab - 1}.")
        return token
    if not isinstance(token, str):
        raise TypeError(f"A token is its text or its id; got {type(token).__name__}.")
    if (one := one_token_id(model, token)) is not None:
        return one
    ids = _encode(model, token)
    if not ids:
        raise ValueError("The target is empty. Give one token, with its leading space, e.g. ' the'.")
    others = [other for other in (" " + token, token.strip(), " " + token.strip()) if other != token]
    single = [other for other in dict.fromkeys(others) if len(_encode(model, other)) == 1]
    pieces = token_texts(model.tokenizer, ids)
    hint = f"Did you mean {single[0]!r}?" if single else f"Explain its first piece: {pieces[0]!r}."
    raise ValueError(f"{token!r} is {len(ids)} tokens, not one: {pieces}. {hint}")


def one_token_id(model: HookedSAETransformer, text: str) -> int | None:
    """The id of the token that `text` is, if it is one."""
    ids = _encode(model, text)
    return ids[0] if len(ids) == 1 else None


def _encode(model: HookedSAETransformer, text: str) -> list[int]:
    return list(model.tokenizer(clean_prompt(text), add_special_tokens=False)["input_ids"])


class _Case:
    """One prompt, its activation at the SAE's hook, and the quantity that is explained."""

    def __init__(
        self,
        model: HookedSAETransformer,
        sae: SAE,
        tokens: Int[Tensor, "1 n_pos"],
        target_id: int,
        contrast_id: int | None,
        top: int,
    ) -> None:
        self.model, self.sae, self.tokens, self.top = model, sae, tokens, top
        self.target_id, self.contrast_id = target_id, contrast_id
        self._reads, self._writes = places_of(model, sae)
        self._read, self._point = model.hook_dict[self._reads[0]], model.hook_dict[self._writes[0]]
        self._run_clean()

    @torch.no_grad()
    def _run_clean(self) -> None:
        seen: dict[str, Tensor] = {}

        def keep_input(activation: Tensor, hook: Any) -> None:
            seen["x"] = activation.detach().clone()

        def keep(activation: Tensor, hook: Any) -> None:
            seen["y"] = activation.detach().clone()

        def keep_scale(scale: Tensor, hook: Any) -> None:
            seen["scale"] = scale.detach().clone()

        scale_point = self.model.hook_dict.get(SCALE_HOOK)
        with ExitStack() as stack:
            stack.enter_context(self.model.without_saes())
            stack.enter_context(acting(self._read, keep_input))
            stack.enter_context(acting(self._point, keep))
            stack.enter_context(acting(scale_point or self._point, keep_scale))
            self.total = float(self._metric(self.model(self.tokens)))
        self.x, self.y = seen["x"], seen["y"]  # 1 n_pos *d; the same but for transcoders
        self.final_scale = None if scale_point is None else seen["scale"][0, -1]
        self.acts = self.sae.encode(self.x)  # 1 n_pos d_sae
        self.bypass = self.sae.bypass(self.x).reshape(self.y.shape)
        self.error = self.y.to(self.sae.dtype) - self._decoded(self.acts) - self.bypass
        self.active = self.acts[0].abs().sum(0).nonzero().squeeze(-1)

    def _decoded(self, acts: Float[Tensor, "1 n_pos d_sae"]) -> Float[Tensor, "1 n_pos *d"]:
        return self.sae.decode(acts, self.x).reshape(self.y.shape)

    def _metric(self, logits: Float[Tensor, "n_rows n_pos d_vocab"]) -> Float[Tensor, " n_rows"]:
        last = logits[:, -1].float()
        against = last.mean(-1) if self.contrast_id is None else last[:, self.contrast_id]
        return last[:, self.target_id] - against

    def _metric_with(self, y: Float[Tensor, "n_rows n_pos *d"]) -> Float[Tensor, " n_rows"]:
        """The metric where the activation that the SAE writes is `y`."""
        with self.model.without_saes(), acting(self._point, lambda activation, hook: y.to(activation.dtype)):
            return self._metric(self.model(self.tokens.expand(len(y), -1)))

    # -- direct -------------------------------------------------------------------------------------------------------

    def why_not_direct(self) -> str:
        """Why there is no direct path from this hook to the logits; empty if there is one."""
        hook_name, points = self._writes[0], self.model.hook_dict
        layer = layer_of(hook_name)
        stream = [f"blocks.{layer}.hook_resid_{place}" for place in ("pre", "mid", "post")]
        if all(points.get(name) is not self._point for name in stream):
            return (
                f"{hook_name!r} is not in the residual stream, so its features reach the logits through layers alone."
            )
        if self.final_scale is None:
            return f"{self.model.cfg.model_name} has no final norm (ln_final) to read logits through."
        return ""

    @torch.no_grad()
    def direct(self) -> MethodAttribution:
        y, acts = self.y[:, -1:], self.acts[:, -1:]
        active = acts[0, 0].nonzero().squeeze(-1)
        values = acts[0, 0, active][:, None, None]  # n 1 1
        each = written(self.sae, SparseActs(active[:, None, None], values), y.expand(len(active), *y.shape[1:]))
        effects = torch.zeros(self.sae.cfg.d_sae, dtype=torch.float64)
        effects[active.cpu()] = self._read_out(each[:, 0])
        by_position = torch.zeros(self.y.shape[1], self.sae.cfg.d_sae, dtype=torch.float64)
        by_position[-1] = effects
        return self._collected(by_position, float(self._read_out(self.error[:, -1])))

    def _read_out(self, vectors: Float[Tensor, "n d_model"]) -> Float[Tensor, " n"]:
        """The metric's change by each vector in the last position's final residual stream, the norm's scale held."""
        W_U = self.model.W_U
        against = W_U.mean(-1) if self.contrast_id is None else W_U[:, self.contrast_id]
        assert self.final_scale is not None  # why_not_direct has been asked
        with self.model.lock:
            read = final_linear(self.model, vectors.to(self.y.dtype)) / self.final_scale
        return (read.double() @ (W_U[:, self.target_id] - against).double()).cpu()

    # -- gradient -----------------------------------------------------------------------------------------------------

    def gradient(self) -> MethodAttribution:
        with torch.enable_grad():
            acts = self.acts.detach().clone().requires_grad_()
            error = self.error.detach().clone().requires_grad_()
            metric = self._metric_with(self._decoded(acts) + self.bypass.detach() + error).sum()
            by_act, by_error = torch.autograd.grad(metric, [acts, error])
        effects = (self.acts * by_act)[0].double().cpu()
        return self._collected(effects, float((self.error * by_error).double().sum()))

    # -- ablation -----------------------------------------------------------------------------------------------------

    @torch.no_grad()
    def ablation(
        self, on_progress: Callable[[int, int], None] | None, is_cancelled: Callable[[], bool]
    ) -> MethodAttribution | None:
        """Effects of removing each active feature; None if cancelled."""
        n_pos = self.y.shape[1]
        everywhere = torch.ones(n_pos, dtype=torch.bool, device=self.y.device)
        jobs = [(feature, everywhere) for feature in self.active.tolist()]
        totals = self._without(jobs, on_progress, is_cancelled)
        if totals is None:
            return None
        order = totals.abs().argsort(descending=True)[: self.top]
        features = self.active[order.to(self.active.device)]
        # One position at a time only for the features that are listed: all would be n_pos times the work.
        firing = self.acts[0, :, features].T != 0  # n n_pos
        single = torch.eye(n_pos, dtype=torch.bool, device=self.y.device)
        places = firing.nonzero().tolist()
        parts = self._without([(int(features[i]), single[p]) for i, p in places], None, is_cancelled)
        if parts is None:
            return None
        by_position = torch.zeros(len(features), n_pos)
        for (i, p), part in zip(places, parts.tolist(), strict=True):
            by_position[i, p] = part
        error_term = self.total - float(self._metric_with(self.y - self.error.to(self.y.dtype)))
        listed, every = totals[order], float(totals.sum())
        return MethodAttribution(
            features=features.cpu(),
            totals=listed.float(),
            by_position=by_position,
            other_features=every - float(listed.sum()),
            error_term=error_term,
            remainder=self.total - every - error_term,
            total=self.total,
        )

    def _without(
        self,
        jobs: list[tuple[int, Tensor]],
        on_progress: Callable[[int, int], None] | None,
        is_cancelled: Callable[[], bool],
    ) -> Float[Tensor, " n"] | None:
        """total - metric without the feature at the positions, for each job; None if cancelled."""
        effects: list[Tensor] = [torch.zeros(0)]
        n_rows = max(1, _TOKENS_AT_ONCE // self.y.shape[1])
        for start in range(0, len(jobs), n_rows):
            if is_cancelled():
                return None
            chunk = jobs[start : start + n_rows]
            features = torch.tensor([feature for feature, _ in chunk], device=self.y.device)
            where = torch.stack([positions for _, positions in chunk])  # n n_pos
            values = -(self.acts[0][:, features].T * where)[..., None]  # n n_pos 1
            indices = features[:, None, None].expand(values.shape)
            y = self.y.expand(len(chunk), *self.y.shape[1:])
            effects.append(
                (self.total - self._metric_with(y + written(self.sae, SparseActs(indices, values), y))).cpu()
            )
            if on_progress is not None:
                on_progress(start + len(chunk), len(jobs))
        return torch.cat(effects).double()

    def _collected(self, effects: Float[Tensor, "n_pos d_sae"], error_term: float) -> MethodAttribution:
        """The strongest features of effects by position, and what is left."""
        totals = effects.sum(0)
        active = self.active.cpu()
        features = active[totals[active].abs().argsort(descending=True)[: self.top]]
        every = float(totals.sum())
        listed = totals[features]
        return MethodAttribution(
            features=features,
            totals=listed.float(),
            by_position=effects[:, features].T.float(),
            other_features=every - float(listed.sum()),
            error_term=error_term,
            remainder=self.total - every - error_term,
            total=self.total,
        )
