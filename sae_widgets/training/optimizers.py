"""Optimisers by name, and what they remember of each weight.

    adam       Adam, fused: one kernel over all weights               weight_decay in the gradient
    adamw      the same, weight decay apart (Loshchilov and Hutter 2019)
    adafactor  row and column means in the place of Adam's moments, so hardly any memory (Shazeer and Stern 2018); steps
               are relative to the weights' size, so its lr is larger (about 1e-2)
    signum     schedule-free sign descent, as EleutherAI's sparsify trains: see `ScheduleFreeSign`; lr about 5e-3
    sgd        with momentum adam_beta1

State is tensors by name of the weight, so that a checkpoint needs no pickle and no order of weights.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn


def _fused(kind: Any) -> Callable[..., torch.optim.Optimizer]:
    class AlongMemory(kind):
        """Gives torch's fused kernel each matrix as it lies in memory.

        Of one that is its transpose, such as W_enc, the kernel would copy every part at each step: six times the
        time and a fourth of the weights' memory. It works number by number, so the result is the same.
        """

        def _init_group(self, group: dict[str, Any], *lists: list[Tensor]) -> Any:
            result = super()._init_group(group, *lists)
            for tensors in lists:
                tensors[:] = [each.T if each.ndim == 2 and each.T.is_contiguous() else each for each in tensors]
            return result

    def make(weights: Iterable[nn.Parameter], lr: float, betas: tuple[float, float], decay: float) -> Any:
        return AlongMemory(weights, lr=lr, betas=betas, weight_decay=decay, fused=True)

    return make


def _adafactor(weights: Iterable[nn.Parameter], lr: float, betas: tuple[float, float], decay: float) -> Any:
    return torch.optim.Adafactor(weights, lr=lr, weight_decay=decay)


def _sgd(weights: Iterable[nn.Parameter], lr: float, betas: tuple[float, float], decay: float) -> Any:
    return torch.optim.SGD(weights, lr=lr, momentum=betas[0], weight_decay=decay)


def _signum(weights: Iterable[nn.Parameter], lr: float, betas: tuple[float, float], decay: float) -> Any:
    return ScheduleFreeSign(weights, lr=lr, weight_decay=decay)


OPTIMIZERS: dict[str, Callable[..., torch.optim.Optimizer]] = {
    "adam": _fused(torch.optim.Adam),
    "adamw": _fused(torch.optim.AdamW),
    "adafactor": _adafactor,
    "signum": _signum,
    "sgd": _sgd,
}


class ScheduleFreeSign(torch.optim.Optimizer):
    """Sign descent with schedule-free averaging: the gradient is taken at y, the result is x.

        z <- z - lr sign(grad at y) - lr weight_decay y
        x <- (1 - c) x + c z            c = lr_max^2 / sum of lr_max^2 over the steps so far
        y  = (1 - momentum) z + momentum x

    The weights hold y; `averaged` gives x. Source: Bernstein et al. 2018, "signSGD"; Defazio et al. 2024, "The Road
    Less Scheduled", whose wrapper sparsify puts around it, with momentum 0.95.
    """

    def __init__(
        self, weights: Iterable[nn.Parameter], lr: float, momentum: float = 0.95, weight_decay: float = 0.0
    ) -> None:
        super().__init__(weights, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        for group in self.param_groups:
            for weight in group["params"]:
                if weight.grad is not None:
                    self._step(weight, group["lr"], group["momentum"], group["weight_decay"])

    def _step(self, y: Tensor, lr: float, momentum: float, decay: float) -> None:
        state = self.state[y]
        if not state:
            state["z"] = torch.clone(y, memory_format=torch.preserve_format)
            state["lr_max"] = torch.zeros((), dtype=torch.float64)
            state["weight_sum"] = torch.zeros((), dtype=torch.float64)
        lr_max = max(float(state["lr_max"]), lr)
        weight_sum = float(state["weight_sum"]) + lr_max**2
        share = lr_max**2 / weight_sum if weight_sum else 0.0
        state["lr_max"].fill_(lr_max)
        state["weight_sum"].fill_(weight_sum)
        z = state["z"]
        x = y.lerp(z, 1 - 1 / momentum)
        if decay:
            z.add_(y, alpha=-lr * decay)
        z.add_(y.grad.sign(), alpha=-lr)  # type: ignore[union-attr]
        y.copy_(x.lerp_(z, share).lerp_(z, 1 - momentum))

    def averaged(self, weight: nn.Parameter) -> Tensor:
        """x of this weight."""
        state = self.state.get(weight, {})
        if not state:
            return weight.detach()
        return weight.detach().lerp(state["z"], 1 - 1 / self.param_groups[0]["momentum"])


def make_optimizer(
    name: str, weights: Iterable[nn.Parameter], lr: float, betas: tuple[float, float], weight_decay: float
) -> torch.optim.Optimizer:
    """The optimiser of this name."""
    return OPTIMIZERS[name](list(weights), lr, betas, weight_decay)


def can_divide_gradients(optimizer: torch.optim.Optimizer) -> bool:
    """Whether the optimiser takes a divisor of the gradient along, as fused ones do for scaled losses."""
    return bool(getattr(optimizer, "_step_supports_amp_scaling", False))


def divide_gradients(optimizer: torch.optim.Optimizer, divisor: Float[Tensor, ""] | None) -> None:
    """Has the next step divide gradients, which saves a pass over them; None: it takes them as they are."""
    optimizer.grad_scale = divisor.float() if divisor is not None else None  # type: ignore[attr-defined]


def set_lr(optimizer: torch.optim.Optimizer, lr: float) -> None:
    """The learning rate of the next step."""
    for group in optimizer.param_groups:
        group["lr"] = lr


def optimizer_state(optimizer: torch.optim.Optimizer, named: Mapping[str, nn.Parameter]) -> dict[str, Tensor]:
    """What `optimizer` remembers, as `{weight}.{what}`."""
    return {
        f"{name}.{key}": value
        for name, weight in named.items()
        for key, value in optimizer.state.get(weight, {}).items()
        if value is not None
    }


def load_optimizer_state(
    optimizer: torch.optim.Optimizer, named: Mapping[str, nn.Parameter], tensors: Mapping[str, Tensor]
) -> None:
    """Puts back what `optimizer_state` gave."""
    for name, weight in named.items():
        prefix = f"{name}."
        state = {key[len(prefix) :]: value for key, value in tensors.items() if key.startswith(prefix)}
        # In the weight's own memory order (W_enc's may be that of its transpose): fused Adam walks along memory. What
        # is one number stays where the optimiser keeps it; fused Adam keeps its step count with the weight.
        is_fused = bool(optimizer.param_groups[0].get("fused"))
        optimizer.state[weight] = {
            key: torch.empty_like(weight).copy_(value)
            if value.shape == weight.shape
            else value.to(weight.device)
            if value.ndim or is_fused
            else value.clone()
            for key, value in state.items()
        }


def forget_features(
    optimizer: torch.optim.Optimizer, weight: nn.Parameter, axis: int, features: Int[Tensor, " n_features"]
) -> None:
    """Makes the optimiser forget what it knows of these features, of which `axis` of `weight` has one entry each.

    Means over whole rows or columns (adafactor's) are left: they are of other features, too.
    """
    for key, value in optimizer.state.get(weight, {}).items():
        if value is not None and value.shape == weight.shape:
            if key == "z":
                value.index_copy_(axis, features, weight.detach().index_select(axis, features))
            else:
                value.index_fill_(axis, features, 0.0)
