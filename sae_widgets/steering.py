"""Steering: text written while features are pushed up, held at a value, or removed.

At the SAE's hook, with act = encode(x)[feature] of the activation x as the model made it:

    add       x + strength * W_dec[feature]
    clamp     x + (strength - act) * W_dec[feature]
    ablate    x - act * W_dec[feature]

Several features act together, each computed from the same x. An SAE that normalises each row writes in its normalised
unit, so there the product is scaled back as its decoder's is.

A transcoder's act is that of what it reads, and what it writes to, `hook_name_out`, is what is changed; a cross-layer
transcoder changes each of its outputs. A crosscoder only describes the activations it reads: it is not steered.

The steered and the unsteered model run side by side as two rows over the same tokens, keys and values cached, so that a
token costs one short forward pass and comes with what the unsteered model would have said there (`writer`).

Source: activation addition (Turner et al. 2023, arXiv:2308.10248) along SAE decoder rows; the clamp is that of
"Scaling Monosemanticity" (Templeton et al. 2024), without the error term, which stays in x untouched.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from sae_widgets.fit import check_fits
from sae_widgets.hooked import HookedSAETransformer, as_hooked
from sae_widgets.kernels import decode_rows
from sae_widgets.prompt import prompt_tokens
from sae_widgets.sae import SAE, SparseActs
from sae_widgets.token_text import TextStream
from sae_widgets.writer import Sampler, Steer, Writer

MODES = ("add", "clamp", "ablate")
PLACES = ("all", "prompt", "generated")


@dataclass(frozen=True)
class FeatureSteer:
    """What is done to one feature."""

    feature: int
    """Index of the feature."""

    strength: float = 0.0
    """Activation that is added or held, in the unit of `encode`; ablation ignores it."""

    mode: str = "add"
    """One of `MODES`."""

    def __post_init__(self) -> None:
        if isinstance(self.feature, bool) or int(self.feature) != self.feature or self.feature < 0:
            raise ValueError(f"A feature is an index from 0; got {self.feature!r}.")
        if not math.isfinite(self.strength):
            raise ValueError(f"The strength of feature {self.feature} must be a finite number; got {self.strength}.")
        if self.mode not in MODES:
            raise ValueError(f"No steering mode {self.mode!r}; there are {', '.join(MODES)}.")


@dataclass(frozen=True)
class GeneratedToken:
    """One token of a text and how likely it was; logarithms are natural, at temperature 1."""

    index: int
    """How many were generated before it."""

    token_id: int

    text: str
    """What it adds to the text; empty inside a character that a later token completes."""

    logprob: float
    """In the model that wrote it."""

    logprob_plain: float
    """In the unsteered model after the same tokens."""

    kl: float
    """KL(steered || unsteered) of the two distributions it was drawn from, in nats; 0 without steering."""


def steering_hook(sae: SAE, steers: Sequence[FeatureSteer]) -> Callable[[Tensor, Any], Tensor]:
    """A forward hook for `sae.cfg.hook_name` that steers every position of every row.

    Raises:
        ValueError: If the SAE has no such feature.
        NotImplementedError: If one hook is not enough: the SAE reads and writes at different places.
    """
    check_features(sae, [steer.feature for steer in steers])
    check_steerable(sae)
    if not sae.reconstructs:
        raise NotImplementedError(
            f"A {type(sae).__name__} reads and writes at different hooks, so one hook cannot steer it; "
            "generate_stream(model, sae, prompt, steers) can."
        )

    def hook(activation: Tensor, hook: Any = None) -> Tensor:
        return _steering(sae, steers)(activation, activation, 0)

    return hook


def check_steerable(sae: SAE) -> None:
    """Nothing, if `sae` writes what it can be steered by.

    Raises:
        NotImplementedError: If it is a crosscoder, or of one head alone.
    """
    if sae.cfg.metadata.hook_head_index is not None:
        raise NotImplementedError(
            f"This SAE is of head {sae.cfg.metadata.hook_head_index} alone; steering and attribution change whole "
            "activations. Use an SAE of all heads."
        )
    if sae.n_sources > 1:
        raise NotImplementedError(
            f"A crosscoder describes {sae.n_sources} activations at once: what is added at one of them already "
            "reaches the next, so steering or replacing all of them counts a feature several times. Use an SAE or a "
            "transcoder of one hook, or add the row of one source yourself: "
            "sae.W_dec[feature].unflatten(0, (sae.n_sources, -1))[source]."
        )


def check_features(sae: SAE, features: Sequence[int]) -> None:
    """Nothing, if `sae` has all `features`; else a ValueError that says which it has."""
    for feature in features:
        if not 0 <= feature < sae.cfg.d_sae:
            raise ValueError(f"No feature {feature} in this SAE: it has {sae.cfg.d_sae}, 0 to {sae.cfg.d_sae - 1}.")


def generate_stream(
    model: HookedSAETransformer,
    sae: SAE,
    prompt: str,
    steers: Sequence[FeatureSteer] = (),
    *,
    max_new_tokens: int = 40,
    temperature: float = 0.7,
    seed: int = 0,
    where: str = "all",
    compare: bool = True,
    is_cancelled: Callable[[], bool] = lambda: False,
) -> Iterator[GeneratedToken]:
    """The tokens the model writes after `prompt`, each as soon as it is known.

    Ends after `max_new_tokens`, after an end-of-text token, where the context is full, or when cancelled. Token i is
    drawn with the same random numbers whatever the steering, so texts of one seed differ only where the model does.
    The model's lock is held for one forward pass at a time.

    Args:
        steers: What is done to features; none gives the unsteered text.
        temperature: 0 takes the likeliest token.
        where: Steer "all" positions, those of the "prompt", or those "generated" after it.
        compare: Also run the unsteered model after the same tokens; without it `logprob_plain` and `kl` are nan where
            there is steering, and steering costs next to nothing.
        is_cancelled: Asked before every token.

    Raises:
        ValueError: If the prompt is empty or too long, a number is out of range, or the SAE does not fit; at once,
            except for strengths so large that the model's output is no number.
        NotImplementedError: If the SAE is a crosscoder.
    """
    hooked = as_hooked(model)
    check_steerable(sae)
    places = check_fits(hooked, sae)
    check_features(sae, [steer.feature for steer in steers])
    if not (math.isfinite(temperature) and temperature >= 0):
        raise ValueError(f"The temperature must be a finite number from 0; got {temperature}.")
    if max_new_tokens < 1:
        raise ValueError(f"max_new_tokens must be at least 1; got {max_new_tokens}.")
    if where not in PLACES:
        raise ValueError(f"No place {where!r} to steer; there are {', '.join(PLACES)}.")
    tokens = prompt_tokens(hooked, prompt, n_new=1)
    n_new = min(max_new_tokens, hooked.cfg.n_ctx - tokens.shape[-1])
    writer = Writer(
        hooked,
        places,
        _steering(sae, steers) if steers else None,
        where=where,
        is_compared=compare,
        is_constant=all(steer.mode == "add" for steer in steers) and not sae.needs_input_to_decode,
    )
    sampler = Sampler(temperature, seed)
    return _stream(writer, sampler, tokens, n_new, is_cancelled)


def _stream(
    writer: Writer,
    sampler: Sampler,
    tokens: Int[Tensor, "1 n_pos"],
    n_new: int,
    is_cancelled: Callable[[], bool],
) -> Iterator[GeneratedToken]:
    tokenizer = writer.model.tokenizer
    text, end_of_text = TextStream(tokenizer), tokenizer.eos_token_id
    n_room = tokens.shape[1] + n_new
    for index in range(n_new):
        if is_cancelled():
            return
        with writer.model.suited_to(tokens), torch.no_grad():
            logprobs = writer.step(tokens, n_room)
            token_id = sampler.draw(logprobs[0])
            logprob, logprob_plain, kl = _likelihoods(logprobs, token_id, is_compared=writer.is_compared)
        is_last = index == n_new - 1 or token_id == end_of_text
        piece = text.push(token_id) + (text.flush() if is_last else "")
        yield GeneratedToken(index, token_id, piece, logprob, logprob_plain, kl)
        if is_last:
            return
        tokens = torch.tensor([[token_id]], device=tokens.device)


def _likelihoods(
    logprobs: Float[Tensor, "rows d_vocab"], token_id: int, *, is_compared: bool
) -> tuple[float, float, float]:
    """Of the token drawn, by the model that wrote it and by the unsteered one, and KL(steered || unsteered)."""
    logprob = float(logprobs[0, token_id])
    if math.isnan(logprob):  # the largest of numbers that hold one is nan, too
        raise ValueError("With these strengths the model's output is not a number. Use smaller ones.")
    if not is_compared:
        return logprob, math.nan, math.nan
    if len(logprobs) == 1:
        return logprob, logprob, 0.0
    steered, plain = logprobs
    p = steered.exp()
    # The sum is over tokens the steered model can draw at all: 0 * log 0 is 0.
    kl = torch.where(p > 0, p * (steered - plain), 0.0).sum().clamp_min(0.0)
    return logprob, float(plain[token_id]), float(kl)


def _steering(sae: SAE, steers: Sequence[FeatureSteer]) -> Steer:
    """`y` with what `steers` add to it, where the SAE reads `x`: the same but for transcoders."""
    features = torch.tensor([steer.feature for steer in steers], device=sae.device)
    strengths = torch.tensor([steer.strength for steer in steers], device=sae.device, dtype=sae.dtype)
    modes = [steer.mode for steer in steers]
    is_add, is_clamp = (
        None if set(modes) <= {"add"} else torch.tensor([mode == each for mode in modes], device=sae.device)
        for each in ("add", "clamp")
    )

    def steered(x: Tensor, y: Tensor, output: int) -> Tensor:  # jaxtyping's names would be made anew for each text
        if not modes:
            return y
        if is_add is None or is_clamp is None:
            if not sae.needs_input_to_decode:  # one vector for all tokens: 15 us for 200
                added = strengths @ _rows_written(sae, output)[features]
                has_heads = y.shape[-1] != len(added)
                return (y + (added.reshape(y.shape[-2:]) if has_heads else added)).to(y.dtype)
            n_axes = 2 if sae.cfg.reshape_activations == "hook_z" else 1
            change = strengths.expand(*x.shape[:-n_axes], len(modes))
        else:
            acts = sae.encode(x)[..., features]  # *batch n_steers
            change = torch.where(is_add, strengths, torch.where(is_clamp, strengths - acts, -acts))
        return (y + written(sae, SparseActs(features.expand(change.shape), change), y, output)).to(y.dtype)

    return steered


def written(sae: SAE, acts: SparseActs, x: Float[Tensor, "..."], output: int = 0) -> Float[Tensor, "..."]:
    """What these activations alone write where `x` is, in its unit and shape: no bias, no error term.

    sum_i values[i] * W_dec[indices[i]]         (scaled back, where the SAE normalises each row)

    Args:
        sae: Whose activations they are.
        acts: The activations.
        x: The activation that is written, for its shape and unit.
        output: Which one it is of a cross-layer transcoder's.
    """
    if not sae.needs_input_to_decode:
        rows = _rows_written(sae, output)
        return decode_rows(acts.indices.flatten(0, -2), acts.values.flatten(0, -2), rows).reshape(x.shape)
    return sae.decode(acts, x) - sae.decode(SparseActs(acts.indices, torch.zeros_like(acts.values)), x)


def _rows_written(sae: SAE, output: int) -> Float[Tensor, "d_sae d_out"]:
    width = sae.d_out
    return sae.W_dec[:, output * width : (output + 1) * width] if sae.n_outputs > 1 else sae.W_dec
