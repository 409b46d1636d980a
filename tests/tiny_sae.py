"""Small SAEs for tests: with given weights, or with weights drawn from a seed."""

from collections.abc import Iterator
from dataclasses import fields
from typing import Any

import torch

from sae_widgets.sae import SAE, SAE_CLASSES, SAEConfig, TrainContext


def tiny(config: SAEConfig, **weights: Any) -> SAE:
    """An SAE of `config` with the given weights; the others are zero."""
    sae = SAE.from_config(config)
    with torch.no_grad():
        for name, tensor in {**dict(sae.named_parameters()), **dict(sae.named_buffers())}.items():
            tensor.zero_()
            if name in weights:
                tensor.copy_(torch.as_tensor(weights[name]))
    return sae


def random_sae(config_class: type[SAEConfig], *, seed: int = 0, **settings: Any) -> SAE:
    """An SAE of `config_class` with every weight drawn, thresholds positive."""
    own = {each.name for each in fields(config_class)}
    sizes = {"d_in": 6, "d_sae": 20, "d_out": 5, "n_outputs": 3, "n_sources": 2, "k": 3}
    sizes |= {"matryoshka_widths": [5, 12, 20], "n_heads": 2, "bottleneck_factor": 2, "kval_topk": 3}
    settings = {"dtype": "float64", **{name: size for name, size in sizes.items() if name in own}, **settings}
    sae = SAE.from_config(config_class(**settings))
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, tensor in {**dict(sae.named_parameters()), **dict(sae.named_buffers())}.items():
            drawn = torch.randn(tensor.shape, generator=generator, dtype=torch.float64)
            scale = {"W_enc": 0.6, "W_dec": 0.7, "W_skip": 0.5, "r_mag": 0.3}.get(name, 0.2)
            tensor.copy_((drawn.abs() if "threshold" in name else drawn) * scale)
        if "residual_threshold" in own:  # matching pursuit, which takes rows to have unit length
            sae.W_dec.div_(sae.W_dec.norm(dim=-1, keepdim=True))
    return sae


def random_x(*shape: int, seed: int = 1, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    """Normal numbers, the same for the same seed."""
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).to(dtype)


def output_shape(sae: SAE, *batch: int) -> tuple[int, ...]:
    """Shape of the SAE's output for a flat input with these leading axes."""
    return (*batch, sae.n_outputs, sae.d_out) if "n_outputs" in vars(sae.cfg) else (*batch, sae.d_out)


def target_of(sae: SAE, x: torch.Tensor, seed: int = 2) -> torch.Tensor:
    """What the SAE is to give for `x`: that itself, or for a transcoder other numbers of the output's shape."""
    return x if sae.reconstructs else random_x(*output_shape(sae, *x.shape[:-1]), seed=seed, dtype=x.dtype)


def flat_target(sae: SAE, x: torch.Tensor) -> torch.Tensor:
    """The target as training has it: outputs side by side."""
    return target_of(sae, x).reshape(*x.shape[:-1], len(sae.b_dec))


def config_classes() -> Iterator[type[SAEConfig]]:
    """Every config class of the registry, inference and training, once."""
    found: dict[str, type[SAEConfig]] = {}
    for sae_class in SAE_CLASSES.values():
        for config_class in (sae_class.config_class, sae_class.training_config_class):
            found[config_class.__name__] = config_class
    yield from found.values()


def loss_context(sae: SAE, dead_mask: torch.Tensor | None = None) -> TrainContext:
    """The context of a step after warm-up."""
    return TrainContext({name: each.value for name, each in sae.coefficients().items()}, dead_mask, n_steps=7)
