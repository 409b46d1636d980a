"""The processes that train together: who they are, and what they tell each other.

    join()            the processes of this run: those that torchrun, accelerate or SLURM started, or this one alone
    Group             gradients summed, activations gathered, weights copied, commands from the first to the others
    TokenPeers        what an SAE asks of a batch whose tokens are split over processes

Of every batch each process has all activations (each makes those of its own rows of text, and gathers the rest) and
takes its own share of the tokens through the SAE:

    gradient = sum over processes of  (n_own / n) * gradient of the mean over own tokens

in one flat sum with losses and firing counts, so all processes hold the same weights, bit for bit. With one process
nothing is sent and nothing computed otherwise.

What one process fails with is left in the store that they met at, where the others find it when talking to it fails.
"""

import atexit
import contextlib
import json
import os
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any

import torch
import torch.distributed as dist
from jaxtyping import Float, Int, Shaped
from torch import Tensor, nn

from sae_widgets.sae.peers import Peers

# A run may be paused for long, and who waits for it must not give up; a process that ends is noticed at once.
PATIENCE = timedelta(days=7)
_FAILURE, _SEEN = "sae_widgets/failure", "sae_widgets/seen"


class Group:
    """The processes of a run, this one being number `rank`.

    Args:
        rank: Of this process.
        size: How many there are.
        device: Where tensors that are sent have to be; None: anywhere.
    """

    def __init__(self, rank: int = 0, size: int = 1, device: torch.device | None = None) -> None:
        self.rank, self.size, self.device = rank, size, device
        is_many = size > 1
        # Of their own: activations are gathered by a thread of its own, and commands wait as long as a pause lasts.
        self._ahead: Any = dist.new_group(timeout=PATIENCE) if is_many else None
        self._control: Any = dist.new_group(timeout=PATIENCE, backend="gloo") if is_many else None

    @property
    def is_first(self) -> bool:
        """Whether this process writes what the run writes."""
        return self.rank == 0

    def share(self, n: int) -> slice:
        """The part of `n` rows that is this process's."""
        return slice(n * self.rank // self.size, n * (self.rank + 1) // self.size)

    # Tensors

    @torch.no_grad()
    def sum_(self, tensors: Sequence[Tensor]) -> None:
        """Makes each tensor the sum over all processes, in one message; integers stay exact up to 2^24."""
        if self.size == 1 or not tensors:
            return
        flat = torch.cat([each.flatten().float() for each in tensors])
        dist.all_reduce(flat)
        for each, summed in zip(tensors, flat.split([each.numel() for each in tensors]), strict=True):
            each.copy_(summed.view_as(each))

    def gather_rows(self, own: Shaped[Tensor, "n_own *rest"], n: int) -> Shaped[Tensor, "n *rest"]:
        """All `n` rows, of which `own` are those of `share(n)`."""
        if self.size == 1:
            return own
        sizes = [n * (rank + 1) // self.size - n * rank // self.size for rank in range(self.size)]
        padded = own.new_zeros(max(sizes), *own.shape[1:])
        padded[: len(own)] = own
        parts = [torch.empty_like(padded) for _ in sizes]
        dist.all_gather(parts, padded, group=self._ahead)
        return torch.cat([part[:size] for part, size in zip(parts, sizes, strict=True)])

    @torch.no_grad()
    def copy_from_first(self, tensors: Sequence[Tensor]) -> None:
        """Makes each tensor that of the first process, bit for bit."""
        for each in tensors if self.size > 1 else ():
            sent = each.detach().contiguous()
            dist.broadcast(sent, src=0)
            each.copy_(sent)

    # Commands

    def say(self, **command: Any) -> None:
        """Tells the other processes, each of which has to `hear` it; of the first process alone."""
        if self.size > 1:
            data = torch.frombuffer(bytearray(json.dumps(command).encode()), dtype=torch.uint8)
            dist.broadcast(torch.tensor([len(data)]), src=0, group=self._control)
            dist.broadcast(data, src=0, group=self._control)

    def hear(self) -> dict[str, Any]:
        """What the first process says next."""
        length = torch.zeros(1, dtype=torch.int64)
        dist.broadcast(length, src=0, group=self._control)
        data = torch.empty(int(length), dtype=torch.uint8)
        dist.broadcast(data, src=0, group=self._control)
        return json.loads(bytes(data.tolist()))

    # Bytes

    def meet(self) -> None:
        """Go on when all processes have come here."""
        if self.size > 1:
            dist.barrier(group=self._control)

    def gather_bytes(self, data: bytes) -> list[bytes]:
        """What the other processes give, by rank, on the first; nothing elsewhere."""
        if self.size == 1:
            return []
        if not self.is_first:
            sent = torch.frombuffer(bytearray(data), dtype=torch.uint8)
            dist.send(torch.tensor([len(sent)]), 0, group=self._control)
            dist.send(sent, 0, group=self._control)
            return []
        found = []
        for rank in range(1, self.size):
            length = torch.zeros(1, dtype=torch.int64)
            dist.recv(length, rank, group=self._control)
            received = torch.empty(int(length), dtype=torch.uint8)
            dist.recv(received, rank, group=self._control)
            found.append(received.numpy().tobytes())
        return found

    def bytes_from_first(self, data: bytes) -> bytes:
        """The first process's `data`."""
        if self.size == 1:
            return data
        length = torch.tensor([len(data)])
        dist.broadcast(length, src=0, group=self._control)
        sent = (
            torch.frombuffer(bytearray(data), dtype=torch.uint8)
            if self.is_first
            else torch.empty(int(length), dtype=torch.uint8)
        )
        dist.broadcast(sent, src=0, group=self._control)
        return sent.numpy().tobytes()

    # Failure

    def failure(self, error: BaseException) -> BaseException:
        """The error to raise where `error` ended the work of this process: another's, if that was first.

        The others are told, and every talk with them ends.
        """
        if self.size == 1:
            return error
        store = dist.distributed_c10d._get_default_store()
        said = f"{type(error).__name__}: {error}"
        first = {"rank": self.rank, "said": said}
        is_talk = isinstance(error, RuntimeError) and _is_about_talking(error)
        try:
            if is_talk:
                store.wait([_FAILURE], timedelta(seconds=5))
            # The first to set it stays.
            found = json.loads(store.compare_set(_FAILURE, "", json.dumps(first)))
        except (RuntimeError, ValueError):
            found = {"rank": None, "said": said}
        self._part(store, is_last=found["rank"] == self.rank)
        if found["rank"] == self.rank:
            return error
        if found["rank"] is None:
            return RuntimeError(
                f"Process {self.rank} of {self.size}: another process ended without a word (killed, or its machine "
                f"lost). The newest checkpoint is whole; start again with resume='auto'. {said}"
            )
        return RuntimeError(f"Process {found['rank']} of {self.size} ended the run: {found['said']}")

    def _part(self, store: Any, is_last: bool) -> None:
        """Ends every talk; who failed stays until the others have read why, as the store may be in its process."""
        with contextlib.suppress(RuntimeError):
            store.add(_SEEN, 1)
        # Connections end with the last reference to them, and with the connections the waiting of the others.
        self._ahead = self._control = None
        _leave()
        until = time.monotonic() + 5
        with contextlib.suppress(RuntimeError):
            while is_last and store.add(_SEEN, 0) < self.size and time.monotonic() < until:
                time.sleep(0.02)


ALONE = Group()
"""This process alone."""


def gradients(named: Mapping[str, nn.Parameter], group: Group) -> list[Tensor]:
    """The gradients to be summed: of every weight, also where no token of this process reached it."""
    if group.size == 1:
        return []
    for weight in named.values():
        if weight.grad is None:
            weight.grad = torch.zeros_like(weight)
    return [weight.grad for weight in named.values() if weight.grad is not None]


class TokenPeers(Peers):
    """Every process has all features and a share of the tokens."""

    def __init__(self, group: Group) -> None:
        self.group = group

    def n_tokens(self, n: int) -> int:
        count = torch.tensor([n], device=self.group.device)
        dist.all_reduce(count)
        return int(count)

    def largest(self, values: Float[Tensor, " m"], n: int) -> Int[Tensor, " n_here"]:
        return largest_of_all(values, n, self.group)

    def least(self, value: Float[Tensor, ""]) -> Float[Tensor, ""]:
        value = value.clone()
        dist.all_reduce(value, op=dist.ReduceOp.MIN)
        return value


def largest_of_all(values: Float[Tensor, " m"], n: int, group: Group) -> Int[Tensor, " n_here"]:
    """Where those of the `n` largest values of all processes are that this process has.

    Each tells its own `n` largest; the n-th of all is the least that is chosen. Of equal values there the first
    processes' are, so that there are `n`: repeated tokens have equal values.
    """
    if not n:
        return torch.zeros(0, dtype=torch.int64, device=values.device)
    found = values.topk(min(n, len(values)), sorted=False)
    told = values.new_full((n,), -torch.inf)
    told[: len(found.values)] = found.values
    everything = [torch.empty_like(told) for _ in range(group.size)]
    dist.all_gather(everything, told)
    all_told = torch.stack(everything)
    bound = all_told.flatten().topk(n, sorted=False).values.min()
    n_ties_before = int((all_told[: group.rank] == bound).sum())
    n_ties = max(n - int((all_told > bound).sum()) - n_ties_before, 0)
    ties = found.indices[found.values == bound][:n_ties]
    return torch.cat([found.indices[found.values > bound], ties])


def join() -> Group:
    """The processes that were launched together with this one; a process that was started by itself is alone.

    Raises:
        ValueError: If a launcher's description of them is incomplete.
    """
    global _joined
    if _joined is not None and dist.is_initialized():
        return _joined
    if not dist.is_initialized():
        size = int(os.environ.get("WORLD_SIZE") or 1)
        if size == 1:
            return ALONE
        missing = [name for name in ("RANK", "MASTER_ADDR", "MASTER_PORT") if not os.environ.get(name)]
        if missing:
            raise ValueError(
                f"WORLD_SIZE is {size}, but {' and '.join(missing)} say nothing of where the processes meet: start "
                "them with torchrun or accelerate launch, or unset WORLD_SIZE for one process."
            )
        local = int(os.environ.get("LOCAL_RANK") or 0)
        n_local = int(os.environ.get("LOCAL_WORLD_SIZE") or size)
        has_own_device = torch.cuda.is_available() and torch.cuda.device_count() >= n_local
        if has_own_device:
            torch.cuda.set_device(local)
        # NCCL wants a device for each process; gloo sends from any.
        dist.init_process_group("cpu:gloo,cuda:nccl" if has_own_device else "gloo", timeout=PATIENCE)
        atexit.register(_leave)
    if dist.get_world_size() == 1:
        return ALONE
    _joined = Group(dist.get_rank(), dist.get_world_size())
    return _joined


_joined: Group | None = None


def _leave() -> None:
    global _joined
    _joined = None
    if dist.is_initialized():
        with contextlib.suppress(RuntimeError, AssertionError):
            dist.destroy_process_group()


def _is_about_talking(error: RuntimeError) -> bool:
    """Whether an error says that another process could not be reached; gloo has no kind of its own for it."""
    words = ("Connection closed", "Connection reset", "Broken pipe", "gloo", "NCCL", "process group", "timed out")
    return isinstance(error, dist.DistError) or any(word in str(error) for word in words)


def explained(group: Group, work: Callable[[], Any]) -> Any:
    """What `work` gives; where it fails, the error that says which process was first and why."""
    try:
        return work()
    except Exception as error:
        told = group.failure(error)
        if told is error:
            raise
        raise told from error
