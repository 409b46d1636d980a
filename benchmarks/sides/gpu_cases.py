"""What `gpu.py` measures: the kernels one by one, whole training steps, encode and decode; and what they must equal."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

import sae_widgets as sw
from sae_widgets import kernels
from sae_widgets.kernels import reference
from sae_widgets.sae.acts import TrainContext, TrainParts, decoder_norms
from sae_widgets.sae.base import SAE
from sae_widgets.training.schedules import LearningRateSchedule
from sae_widgets.training.trainer import Trainer, TrainSettings

LR = 1e-6
"""So small that every step finds the L0 that the weights were made for."""
ARCHITECTURES = ("topk", "batchtopk", "matryoshka", "standard", "jumprelu")
CLASSES = {
    "topk": "TopKTraining",
    "batchtopk": "BatchTopKTraining",
    "matryoshka": "MatryoshkaBatchTopKTraining",
    "standard": "StandardTraining",
    "jumprelu": "JumpReLUTraining",
}


@dataclass(frozen=True)
class Sizes:
    d_in: int
    d_sae: int
    batch: int
    k: int
    device: str = "cuda"

    @property
    def product_flops(self) -> float:
        """Of one encoder product."""
        return 2.0 * self.batch * self.d_in * self.d_sae

    @property
    def gather_bytes(self) -> float:
        """Of the rows that all tokens' features name, in bfloat16."""
        return 2.0 * self.batch * self.k * self.d_in

    @property
    def adam_bytes(self) -> float:
        """34 a parameter: weight, gradient, moments read and written, and a copy in bfloat16."""
        return 34.0 * (2 * self.d_in * self.d_sae)


class Case(NamedTuple):
    """Something to time, and by which kernels."""

    run: Callable[[], Any]
    kernels: str = "torch"


class Measured(NamedTuple):
    """Cases that do the same, with the least work that it takes."""

    what: str
    cases: dict[str, Case]
    flops: float = 0.0
    n_bytes: float = 0.0


def cast(device: str) -> torch.autocast:
    return torch.autocast(device, torch.bfloat16)


def unit_rows(sizes: Sizes) -> Tensor:
    return F.normalize(torch.randn(sizes.d_sae, sizes.d_in, device=sizes.device))


# Kernels


def kernel_cases(sizes: Sizes, names: list[str]) -> Iterator[Measured]:
    """Each kernel by itself, with what it costs as dense products; bfloat16 operands, float32 sums."""
    n, k, device = sizes.batch, sizes.k, sizes.device
    indices = torch.randint(sizes.d_sae, (n, k), device=device)
    values, grad = torch.rand(n, k, device=device), torch.randn(n, sizes.d_in, device=device)
    rows = unit_rows(sizes)
    dense = torch.zeros(n, sizes.d_sae, device=device, dtype=torch.bfloat16).scatter_(-1, indices, values.bfloat16())
    rows16, grad16 = rows.bfloat16(), grad.bfloat16()
    flops, out_bytes, gather = 2.0 * n * k * sizes.d_in, 4.0 * n * sizes.d_in, sizes.gather_bytes

    def decode(values: Tensor, rows: Tensor) -> Tensor:
        with cast(device):
            return kernels.decode_rows(indices, values, rows)

    cases = {name: Case(lambda: decode(values, rows), name) for name in names}
    yield Measured("decode", {**cases, "dense": Case(lambda: dense @ rows16)}, flops, gather + out_bytes)

    def backward(name: str, for_values: bool) -> Case:
        kernels.use(name)
        leaves = values.clone().requires_grad_(for_values), rows.detach().requires_grad_(not for_values)
        out, wanted = decode(*leaves), leaves[0 if for_values else 1]
        return Case(lambda: torch.autograd.grad(out, wanted, grad, retain_graph=True), name)

    yield Measured(
        "gradient of activations",
        {
            **{name: backward(name, True) for name in names},
            "dense": Case(lambda: (grad16 @ rows16.T).gather(-1, indices)),
        },
        flops,
        gather + out_bytes / 2,
    )
    yield Measured(
        "gradient of decoder rows",
        {**{name: backward(name, False) for name in names}, "dense": Case(lambda: dense.T @ grad16)},
        flops,
        gather + 4.0 * sizes.d_sae * sizes.d_in,
    )
    del dense
    some = torch.randn(max(min(n, 2**28 // sizes.d_sae), 1), sizes.d_sae, device=device).bfloat16()
    yield Measured(
        f"choice of {k} of {sizes.d_sae:,}, {len(some):,} rows",
        {name: Case(lambda: kernels.largest_per_row(some, k), name) for name in names},
        0.0,
        2.0 * some.numel(),
    )
    x_hat, x = (torch.randn(n, sizes.d_in, device=device) for _ in range(2))

    def loss() -> Any:
        leaf = x_hat.detach().requires_grad_()
        return torch.autograd.grad(kernels.squared_error(leaf, x), leaf)

    yield Measured("loss and its gradient", {name: Case(loss, name) for name in names}, 0.0, 5.0 * out_bytes)


# Steps


def make_sae(architecture: str, sizes: Sizes) -> SAE:
    """An SAE with the same weights as in the comparison on a CPU: unit rows, transposed; L0 near k."""
    settings: dict[str, Any] = {"d_in": sizes.d_in, "d_sae": sizes.d_sae, "device": sizes.device}
    if "topk" in architecture or architecture == "matryoshka":
        settings["k"] = sizes.k
    if architecture == "matryoshka":
        settings["matryoshka_widths"] = [sizes.d_sae // 8, sizes.d_sae // 4, sizes.d_sae // 2, sizes.d_sae]
    name = CLASSES[architecture]
    sae: SAE = getattr(sw, f"{name}SAE")(getattr(sw, f"{name}SAEConfig")(**settings))
    rows = unit_rows(sizes)
    with torch.no_grad():
        sae.W_dec.copy_(rows)
        sae.W_enc.copy_(rows.T)
        if architecture in ("standard", "jumprelu"):
            some = torch.randn(64, sizes.d_in, device=sizes.device) @ rows.T
            floor = some.flatten().float().topk(sizes.k * 64).values[-1]
            (sae.b_enc.sub_ if architecture == "standard" else sae.get_parameter("threshold").fill_)(floor)
    return sae


def make_trainer(sae: SAE, batch: int, is_cast: bool, n_steps: int = 10_000) -> Trainer:
    """Our trainer as on a GPU: numbers are read when somebody asks for them, here never."""
    settings = TrainSettings(
        n_steps * batch, LR, LearningRateSchedule(n_steps), autocast=is_cast, measure_every_steps=10**9
    )
    return Trainer(sae, settings, lambda stop: None)  # type: ignore[arg-type, return-value]


class DenseTopK:
    """A TopK step as plain torch makes it: dense activations, five products, autograd."""

    def __init__(self, sizes: Sizes) -> None:
        rows = unit_rows(sizes)
        self.k, self.device = sizes.k, sizes.device
        self.weights = {
            "W_enc": rows.clone(),
            "b_enc": rows.new_zeros(sizes.d_sae),
            "W_dec": rows,
            "b_dec": rows.new_zeros(sizes.d_in),
        }
        for weight in self.weights.values():
            weight.requires_grad_()
        self.optimizer = torch.optim.Adam(self.weights.values(), lr=LR, fused=True)

    def step(self, x: Tensor) -> None:
        w = self.weights
        with cast(self.device):
            hidden_pre = F.linear(x - w["b_dec"], w["W_enc"], w["b_enc"])
            chosen = hidden_pre.topk(self.k, sorted=False)
            acts = torch.zeros_like(hidden_pre).scatter(-1, chosen.indices, chosen.values.relu())
            x_hat = acts @ w["W_dec"] + w["b_dec"]
            loss = (x_hat - x).pow(2).sum(-1).mean()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(w.values(), 1.0)
        self.optimizer.step()
        self.optimizer.zero_grad()


def step_cases(architecture: str, sizes: Sizes, names: list[str], others: Mapping[str, Any]) -> Measured:
    """A training step, ours by each kind of kernels and theirs."""
    x = torch.randn(sizes.batch, sizes.d_in, device=sizes.device)
    trainer = make_trainer(make_sae(architecture, sizes), sizes.batch, is_cast=True)
    cases = {name: Case(lambda: trainer.step(x), name) for name in names}
    for name, other in others.items():
        cases[name] = Case(lambda other=other: other.step(x))
    n_bytes = 4 * sizes.gather_bytes + sizes.adam_bytes
    return Measured(f"{architecture} step", cases, sizes.product_flops, n_bytes)


def use_cases(architecture: str, sizes: Sizes, names: list[str]) -> Iterator[Measured]:
    """Encode and decode."""
    x, sae = torch.randn(sizes.batch, sizes.d_in, device=sizes.device), make_sae(architecture, sizes)

    def encode() -> Any:
        with torch.no_grad(), cast(sizes.device):
            return sae.encode_sparse(x)

    yield Measured(f"{architecture} encode", {name: Case(encode, name) for name in names}, sizes.product_flops)
    acts = encode()

    def decode() -> Any:
        with torch.no_grad(), cast(sizes.device):
            return sae.decode(acts)

    n_bytes = sizes.gather_bytes + 4.0 * sizes.batch * sizes.d_in
    yield Measured(f"{architecture} decode", {name: Case(decode, name) for name in names}, 0.0, n_bytes)


# What they must equal


def distance(found: Tensor, exact: Tensor) -> float:
    """`||found - exact|| / ||exact||`; NaN is no pass."""
    return float((found.double() - exact.double()).norm() / exact.double().norm().clamp_min(1e-30))


def kernel_errors(sizes: Sizes, name: str, is_cast: bool) -> dict[str, float]:
    """How far the kernels are from the dense maths in float64, values and gradients, on fresh numbers."""
    n, k, device = sizes.batch, sizes.k, sizes.device
    kernels.use(name)
    indices = torch.rand(n, sizes.d_sae, device=device).topk(k).indices
    indices[: n // 2, 0] = 1  # one feature that fires often
    values, x = torch.randn(n, k, device=device), torch.randn(n, sizes.d_in, device=device)
    rows, b, grad = unit_rows(sizes), torch.randn(sizes.d_sae, device=device), torch.randn(n, sizes.d_in, device=device)

    def results(of: Any, is_exact: bool) -> list[Tensor]:
        leaves = [(each.double() if is_exact else each).clone().requires_grad_() for each in (values, rows, x, b)]
        with torch.autocast(device, torch.bfloat16, enabled=is_cast and not is_exact):
            out = of.decode_rows(indices, leaves[0], leaves[1])
            known = (leaves[2] @ leaves[1].T + leaves[3]).gather(-1, indices).detach().to(leaves[0].dtype)
            selected = of.selected_products(leaves[2], leaves[1].T, leaves[3], indices, known)
        total = (out * grad).sum() + (selected * values).sum()
        return [out.detach(), *torch.autograd.grad(total, leaves)]

    told = ("decode", "d activations", "d rows", "d input", "d bias")
    found, exact = results(kernels, False), results(reference, True)
    errors = {what: distance(*each) for what, each in zip(told, zip(found, exact, strict=True), strict=True)}
    dense = torch.randn(n, sizes.d_sae, device=device).to(torch.bfloat16 if is_cast else torch.float32)
    at, chosen = kernels.largest_per_row(dense, k)
    errors["choice"] = distance(chosen.sort().values, dense.topk(k).values.sort().values)
    errors["choice, where"] = distance(dense.gather(-1, at), chosen)
    errors["choice, repeated"] = float((at.sort().values.diff() == 0).sum())
    return errors


def step_errors(architecture: str, sizes: Sizes, name: str, is_cast: bool) -> dict[str, float]:
    """How far the gradients of a training step are from those of the dense maths in float64."""
    torch.manual_seed(0)
    sae = make_sae(architecture, sizes)
    x = torch.randn(sizes.batch, sizes.d_in, device=sizes.device)
    kernels.use("torch")
    exact = _dense_gradients(replace_dtype(sae), x.double())
    kernels.use(name)
    trainer = make_trainer(sae, sizes.batch, is_cast)
    trainer._gradients(x, x, _context(sae))
    return {
        weight: distance(each.grad, exact[weight]) for weight, each in sae.named_parameters() if each.grad is not None
    }


def _context(sae: SAE) -> TrainContext:
    return TrainContext({name: each.value for name, each in sae.coefficients().items()})


def replace_dtype(sae: SAE) -> SAE:
    """The same in float64."""
    wide = type(sae)(replace(sae.cfg, dtype="float64"))
    wide.load_state_dict(sae.state_dict())
    return wide.double().train()


def _dense_gradients(sae: SAE, x: Tensor) -> dict[str, Tensor]:
    """Of the loss, by autograd through dense activations."""
    sae_in = x - sae.b_dec if sae.cfg.apply_b_dec_to_input else x
    pre = sae_in @ sae.W_enc + sae.b_enc
    is_rescaled = bool(vars(sae.cfg).get("rescale_acts_by_decoder_norm"))
    norms = decoder_norms(sae.W_dec) if is_rescaled else torch.ones_like(sae.b_enc)
    acts = sae.activate(pre * norms)
    weights = acts / norms
    outs = [weights[:, :w] @ sae.W_dec[:w] + sae.b_dec for w in vars(sae.cfg).get("matryoshka_widths", [sae.d_sae])]
    parts = TrainParts(sae_in, pre, acts, outs[-1], inner_outs=tuple(outs[:-1]))
    loss = sum(sae.objective(parts, x, _context(sae)).values())
    loss.backward()  # type: ignore[union-attr]
    return {name: each.grad for name, each in sae.named_parameters() if each.grad is not None}
