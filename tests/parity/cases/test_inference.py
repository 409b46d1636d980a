"""Encode, decode, forward, hooks, normalisation and folds of every architecture."""

from typing import Any

import pytest
import torch
from sae_lens.saes.sae import SAEMetadata

from tests.parity.cases.drawn import BARS, SIZES, TRAINED, USED, Size, batch, trained, used
from tests.parity.recording import Recording

SIZE = SIZES["middle"]
MODES = ("none", "expected_average_only_in", "constant_norm_rescale", "layer_norm")
ALL = {**{f"used {name}": (used, name) for name in USED}, **{f"trained {name}": (trained, name) for name in TRAINED}}
every = pytest.mark.parametrize("which", ALL)


def made(which: str, size: Size = SIZE, **changes: Any) -> Any:
    make, name = ALL[which]
    return make(name, size, **changes)


def rows(which: str, size: Size = SIZE) -> torch.Tensor:
    """Tokens in sequences, where the architecture looks along them."""
    return batch(size, 3, 11) if "temporal" in which else batch(size)


def every_other(value: torch.Tensor, hook: Any) -> torch.Tensor:
    """A hook that switches every other feature off."""
    return value * (torch.arange(value.shape[-1]) % 2)


@pytest.mark.parametrize("which", [f"used {name}" for name in USED])
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("dtype", BARS)
@torch.no_grad()
def test_encode_decode_forward(which: str, size: str, dtype: str, record: Recording):
    record.label, bars = f"{which} {dtype}", BARS[dtype].output
    sae = made(which, SIZES[size], dtype=dtype)
    sae.eval()
    x = batch(SIZES[size], 2, 9).to(sae.W_dec.dtype)
    acts = sae.encode(x)
    # The temporal SAE's choice rests on what attention leaves over: in bfloat16 both sides are 1.3e-1 from float32.
    record("encode", acts, **({**bars, "bar": 0.15} if "temporal" in which and dtype == "bfloat16" else bars))
    record("decode", sae.decode(acts), **bars)
    record("forward", sae(x), **bars)
    record("process_sae_in", sae.process_sae_in(x), **bars)
    if hasattr(sae, "encode_with_predictions"):
        record("predictions", sae.encode_with_predictions(x)[1], **bars)
    if hasattr(sae, "forward_with_activations"):
        record("forward_with_activations", sae.forward_with_activations(x)[0], **bars)
    if "temporal" not in which:
        record("one token", sae(x[0, 0]) if "matching" not in which else sae(x[0, :1]), **bars)


@every
@torch.no_grad()
def test_normalisation(which: str, record: Recording):
    record.label, x = f"{which} normalised", 3 * rows(which)
    for mode in MODES:
        sae = made(which, normalize_activations=mode)
        record(f"forward: {mode}", sae(x))
        if mode in ("none", "expected_average_only_in"):
            record(f"decode: {mode}", sae.decode(sae.encode(x)))


@torch.no_grad()
def test_constant_scalar_rescale(record: Recording):
    for which in ("used temporal", "used temporal-untied"):
        sae = made(which, normalize_activations="constant_scalar_rescale", activation_normalization_factor=0.37)
        record(f"forward: {which}", sae(rows(which)))


@every
@torch.no_grad()
def test_folds(which: str, record: Recording):
    """What is folded, what that does to the weights and to the function, and what is refused."""
    record.label, x = f"{which} folded", rows(which)
    generator = torch.Generator().manual_seed(3)
    mean = torch.randn(SIZE.d_in, generator=generator, dtype=torch.float64)
    matrix = torch.eye(SIZE.d_in, dtype=torch.float64) + 0.05 * torch.randn(
        SIZE.d_in, SIZE.d_in, generator=generator, dtype=torch.float64
    )
    inverse = torch.linalg.inv(matrix)
    folds = {
        "W_dec norm": lambda sae: sae.fold_W_dec_norm(),
        "scale": lambda sae: sae.fold_activation_norm_scaling_factor(3.7),
        "whitening": lambda sae: sae.fold_activation_whitening(mean, matrix, inverse),
    }
    for name, fold in folds.items():
        if name == "whitening" and "transcoder" in which:  # SAELens folds into the output what is of the input
            continue
        for apply_b_dec in (True, False) if name == "whitening" else (None,):
            sae = made(which, **({} if apply_b_dec is None else {"apply_b_dec_to_input": apply_b_dec}))
            label = f"{name}: {'' if apply_b_dec is None else apply_b_dec}"
            if record.attempt(label, lambda sae=sae, fold=fold: fold(sae)):
                record.all({f"weights after {label}: {key}": value for key, value in sae.state_dict().items()})
                record(f"forward after {label}", sae(x))
                record(f"mode after {label}", sae.cfg.normalize_activations)


@pytest.mark.parametrize("which", [name for name in ALL if "coder" not in name and "temporal" not in name])
@torch.no_grad()
def test_attention_heads(which: str, record: Recording):
    """hook_z: the last two axes are one to the SAE, and come apart again."""
    record.label = f"{which} hook_z"
    if "trained" in which:  # the heads are flattened before training
        sae = made(which, reshape_activations="hook_z", metadata=SAEMetadata(hook_name="blocks.0.attn.hook_z"))
        record("forward", sae(batch(SIZE)))
        return
    sae = made(which, reshape_activations="hook_z", metadata=SAEMetadata(hook_name="blocks.0.attn.hook_z"))
    x = batch(Size(SIZE.d_in // 4, SIZE.d_sae, 1, 1), 2, 5, 4)
    record("encode", sae.encode(x))
    record("forward", sae(x))


@every
@torch.no_grad()
def test_hooks(which: str, record: Recording):
    """Which hook points a forward passes, what they see, and that what they return is used."""
    record.label, x = f"{which} hooked", rows(which)
    sae = made(which)
    names = {"hook_sae_input", "hook_sae_acts_pre", "hook_sae_acts_post", "hook_sae_recons", "hook_sae_output"}
    # SAELens passes these in encode and decode, but leaves them out of the forward of its own.
    names -= {"hook_sae_output"} if "transcoder" in which else {"hook_sae_recons"} if "temporal" in which else set()
    names -= {"hook_sae_acts_pre", "hook_sae_acts_post"} if "pursuit" in which else set()
    for name in sorted(names):
        sae.get_submodule(name).add_hook(lambda value, hook, name=name: record(f"seen: {name}", value))
    sae(x)
    if "pursuit" in which:
        return
    sae = made(which)
    sae.hook_sae_acts_post.add_hook(every_other)
    record("forward, every other feature off", sae(x))
    sae.reset_hooks()
    record("forward, hooks reset", sae(x))
    with sae.hooks(fwd_hooks=[("hook_sae_acts_post", every_other)]):
        record("forward within hooks", sae(x))
    record("run_with_hooks", sae.run_with_hooks(x, fwd_hooks=[(lambda name: name.endswith("acts_post"), every_other)]))
    out, cache = sae.run_with_cache(x, names_filter=["hook_sae_input", "hook_sae_acts_post"])
    record("run_with_cache", out)
    record("cached", sorted(cache))
    record.all({f"cache: {name}": cache[name] for name in sorted(cache)})
    record("hook_dict", sorted(sae.hook_dict))


@every
def test_names_and_settings(which: str, record: Recording):
    sae = made(which, metadata=SAEMetadata(hook_name="blocks.3.hook_mlp_out", model_name="tiny"))
    record("name", sae.get_name())
    record("architecture", sae.cfg.architecture())
    record("weights", {name: list(weight.shape) for name, weight in sorted(sae.state_dict().items())})
    record("dtypes", {name: str(weight.dtype) for name, weight in sorted(sae.state_dict().items())})
    record("parameters", sorted(dict(sae.named_parameters())))
    config = sae.cfg.to_dict()
    metadata = config.pop("metadata")
    record("config", config)
    record("trained by", [metadata.get(f"training_architecture{end}") for end in ("", "_details")])
    record("dtype and device", [str(sae.dtype), str(sae.device)])
    half = sae.to(torch.bfloat16)
    after = {name: str(weight.dtype) for name, weight in half.state_dict().items() if name != "topk_threshold"}
    record("dtype after to", [str(half.dtype), half.cfg.dtype, after])
