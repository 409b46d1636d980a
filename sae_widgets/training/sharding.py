"""An SAE whose features are on several processes: columns of W_enc, rows of W_dec, entries of b_enc and thresholds.

    x_hat = sum over processes of  acts_own @ W_dec_own  + b_dec               (every process has b_dec and all tokens)
    k largest pre-activations of a token (or batch): each process tells its own k largest, the k-th of all is the bound

Backwards, the sum hands its gradient to each process as it is, since all go on with the same x_hat, and the encoder's
input sums up the gradients of all. Adam works on each entry by itself, so each process keeps the state of its own
features. For files each is a `DTensor` sharded over d_sae, which `torch.distributed.checkpoint` writes as safetensors.

Source: Shoeybi et al. 2019, "Megatron-LM" (f and g there are `copied` and `total` here).
"""

import copy
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.autograd import Function

from sae_widgets.sae.base import SAE
from sae_widgets.sae.peers import Peers
from sae_widgets.training.distributed import ALONE, Group, TokenPeers, largest_of_all
from sae_widgets.training.optimizers import can_divide_gradients, divide_gradients
from sae_widgets.training.revival import feature_axes
from sae_widgets.training.settings import TrainSettings

FOLDER = "sharded"
"""Where in a checkpoint the state is that each process has of its own features."""
ARCHITECTURES = ("standard", "jumprelu", "topk", "batchtopk")
# Of the state of a trainer, besides what belongs to weights.
_COUNTS = {"firing.last_fired": 0, "firing.n_fired": 1}


class Shards(Peers):
    """Every process has all tokens and a share of the features."""

    def __init__(self, group: Group) -> None:
        self.group = group

    def copied(self, x: Tensor) -> Tensor:
        return _Copied.apply(x)  # type: ignore[return-value]

    def total(self, partial: Tensor) -> Tensor:
        return _Total.apply(partial)  # type: ignore[return-value]

    def n_features(self, n: Any) -> Any:
        count = torch.as_tensor(n).clone()
        dist.all_reduce(count)
        return count if isinstance(n, Tensor) else int(count)

    @torch.no_grad()
    def whole(self, x: Tensor, axis: int = 0) -> Tensor:
        own = x.detach().movedim(axis, 0).contiguous()
        parts = [torch.empty_like(own) for _ in range(self.group.size)]
        dist.all_gather(parts, own)
        return torch.cat(parts).movedim(0, axis).contiguous()

    def largest(self, values: Float[Tensor, " m"], n: int) -> Int[Tensor, " n_here"]:
        return largest_of_all(values, n, self.group)

    def largest_per_token(
        self, values: Float[Tensor, "n m"], k: int
    ) -> tuple[Int[Tensor, "n k"], Float[Tensor, "n k"]]:
        found = values.topk(min(k, values.shape[1]), dim=-1, sorted=False)
        told = values.new_full((len(values), k), -torch.inf)
        told[:, : found.values.shape[1]] = found.values
        parts = [torch.empty_like(told) for _ in range(self.group.size)]
        dist.all_gather(parts, told)
        bound = torch.cat(parts, dim=1).topk(k, dim=-1, sorted=False).values.min(-1, keepdim=True).values
        return found.indices, torch.where(found.values >= bound, found.values, -torch.inf)

    def least(self, value: Float[Tensor, ""]) -> Float[Tensor, ""]:
        value = value.clone()
        dist.all_reduce(value, op=dist.ReduceOp.MIN)
        return value


class _Copied(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return x.view_as(x)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:  # type: ignore[override]
        grad = grad.contiguous().clone()
        dist.all_reduce(grad)
        return grad


class _Total(Function):
    @staticmethod
    def forward(ctx: Any, partial: Tensor) -> Tensor:
        total = partial.contiguous().clone()
        dist.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:  # type: ignore[override]
        return grad


def check_can_shard(sae: SAE, settings: TrainSettings, n_processes: int) -> None:
    """Refuses what is not trained with its features on several processes.

    Raises:
        NotImplementedError: If the architecture or a setting looks at features in another way.
        ValueError: If the features cannot be shared out evenly.
    """
    instead = "use distributed='data', which trains everything."
    name = str(sae.cfg.architecture)
    if name not in ARCHITECTURES:
        raise NotImplementedError(f"distributed='shard' trains {', '.join(ARCHITECTURES)}, not {name!r}: {instead}")
    asked = {
        "use_ghost_grads": settings.use_ghost_grads,
        "resample_every_steps": settings.resample_every_steps,
        "optimizer='adafactor'": settings.optimizer == "adafactor",
        "compile_sae": settings.compile_sae,
        "lp_norm other than 1": vars(sae.cfg).get("lp_norm", 1) != 1,
    }
    for what in [what for what, is_asked in asked.items() if is_asked]:
        raise NotImplementedError(f"distributed='shard' does not go with {what}: leave it out, or {instead}")
    if sae.d_sae % n_processes:
        raise ValueError(
            f"d_sae is {sae.d_sae:,}, which {n_processes} processes cannot share evenly: use a multiple, "
            f"e.g. {-(-sae.d_sae // n_processes) * n_processes:,}, or {instead}"
        )


def placed(sae: SAE, settings: TrainSettings, group: Group, kind: str | None) -> tuple[SAE, Group]:
    """What this process trains of an SAE, and the processes that share each batch's tokens."""
    if group.size == 1:
        return sae, group
    if kind == "shard":
        check_can_shard(sae, settings, group.size)
        return shard_of(sae, group), ALONE
    group.copy_from_first(list(sae.state_dict().values()))
    sae.peers = TokenPeers(group)
    return sae, group


def shard_of(sae: SAE, group: Group) -> SAE:
    """The part of `sae` that this process trains: an SAE of its own share of the features."""
    own = group.share(sae.d_sae)
    axes = feature_axes(sae)
    weights = {
        name: weight.movedim(axes[name], 0)[own].movedim(0, axes[name]) if name in axes else weight
        for name, weight in sae.state_dict().items()
    }
    part = _with_features(sae, own.stop - own.start, weights)
    part.peers = Shards(group)
    return part


def whole_of(part: SAE, peers: Peers) -> SAE:
    """The SAE that the parts of all processes are, in each of them; every process has to ask for it."""
    if not isinstance(peers, Shards):
        return part
    axes = feature_axes(part)
    weights = {
        name: peers.whole(weight, axes[name]) if name in axes else weight for name, weight in part.state_dict().items()
    }
    return _with_features(part, part.d_sae * peers.group.size, weights)


def _with_features(sae: SAE, d_sae: int, weights: Mapping[str, Tensor]) -> SAE:
    cfg = copy.deepcopy(sae.cfg)
    cfg.d_sae = d_sae
    # Made anew, so that weights lie in memory as they do for every SAE of this size.
    k, is_with_k = vars(cfg).get("k"), "k" in vars(cfg)
    if is_with_k:
        cfg.k = min(k, d_sae)  # type: ignore[attr-defined,type-var]
    made = SAE.from_config(cfg)
    if is_with_k:
        made.cfg.k = k  # type: ignore[attr-defined]
    made.load_state_dict(dict(weights))
    return made.train(sae.training)


@torch.no_grad()
def clip_gradients(
    named: Mapping[str, nn.Parameter], limit: float, peers: Peers, optimizer: torch.optim.Optimizer
) -> Float[Tensor, ""]:
    """The length of the whole gradient, which is shortened to `limit` where it is longer, by `optimizer` if it can."""
    if not isinstance(peers, Shards):
        gradients = [each.grad for each in named.values() if each.grad is not None]
        length = torch.nn.utils.get_total_norm(gradients)
        # Asking costs an accelerator more than multiplying by 1, and a CPU less.
        is_asked = length.device.type == "cpu"
        is_within = is_asked and bool(length <= limit)
        if is_asked and can_divide_gradients(optimizer):
            divide_gradients(optimizer, None if is_within else (length + 1e-6) / limit)
        elif not is_within:
            torch.nn.utils.clip_grads_with_norm_(named.values(), limit, length)
        return length
    squares = {name: each.grad.float().square().sum() for name, each in named.items() if each.grad is not None}
    here = torch.stack([value for name, value in squares.items() if name != "b_dec"]).sum()
    length = (peers.total(here) + squares["b_dec"]).sqrt()
    for weight in named.values():
        if weight.grad is not None:
            weight.grad.mul_((limit / (length + 1e-6)).clamp(max=1.0).to(weight.grad))
    return length


# State


def state_axes(sae: SAE, tensors: Mapping[str, Tensor]) -> dict[str, int]:
    """Which tensors of a trainer's state are of features, and along which axis."""
    weights = feature_axes(sae)
    axes = {name: axis for name, axis in _COUNTS.items() if name in tensors}
    for name, tensor in tensors.items():
        kind, _, rest = name.partition(".")
        weight = rest.partition(".")[0]
        if kind in ("optimizer", "average") and weight in weights and tensor.ndim:
            axes[name] = weights[weight]
    return axes


def own_state(sae: SAE, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Of a whole trainer's state what this process keeps."""
    if not isinstance(sae.peers, Shards):
        return dict(tensors)
    axes, group = state_axes(sae, tensors), sae.peers.group
    return {
        name: tensor.movedim(axes[name], 0)[group.share(tensor.shape[axes[name]])].movedim(0, axes[name]).contiguous()
        if name in axes
        else tensor
        for name, tensor in tensors.items()
    }


def save_shards(folder: Path, tensors: Mapping[str, Tensor], axes: Mapping[str, int]) -> None:
    """Writes tensors that each process has a part of, along these axes; every process has to call this.

    Raises:
        OSError: If they cannot be written.
    """
    from torch.distributed.checkpoint.api import CheckpointException
    from torch.distributed.checkpoint.hf_storage import HuggingFaceStorageWriter
    from torch.distributed.checkpoint.state_dict_saver import save
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.tensor import DTensor, Shard

    mesh = init_device_mesh("cpu", (dist.get_world_size(),))
    state = {
        name: DTensor.from_local(tensor.cpu().contiguous(), mesh, [Shard(axes[name])])
        for name, tensor in tensors.items()
    }
    try:
        save(state, storage_writer=HuggingFaceStorageWriter(str(folder), save_distributed=True))
    except CheckpointException as error:
        raise OSError(f"The parts of the processes could not be written: {error}") from error


def read_shards(folder: Path) -> dict[str, Tensor]:
    """The whole of what `save_shards` wrote, in this process alone."""
    from torch.distributed.checkpoint.hf_storage import HuggingFaceStorageReader
    from torch.distributed.checkpoint.state_dict_loader import load

    reader = HuggingFaceStorageReader(str(folder))
    found: dict[str, Any] = reader.read_metadata().state_dict_metadata
    state: dict[str, Any] = {name: torch.empty(each.size, dtype=each.properties.dtype) for name, each in found.items()}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch tells that one process reads, which is what is asked for
        load(state, storage_reader=reader, no_dist=True)
    return state
