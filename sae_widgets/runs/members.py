"""The SAEs of a training job together: their live settings, their state, their columns in one store.

One SAE is the single key "", and nothing has a prefix then. Of several, curves, settings and tensors are named
"<SAE>/<name>"; a plain setting ("lr") is that of all which have it.
"""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from torch import Tensor

from sae_widgets.activations.store import ActivationsStore
from sae_widgets.runs.member import Member, Place
from sae_widgets.sae.base import SAE
from sae_widgets.training.trainer import Trainer


class MembersState(NamedTuple):
    """What a checkpoint has of them."""

    saes: dict[str, SAE]
    log_sparsities: dict[str, Tensor]
    tensors: dict[str, Tensor]
    numbers: dict[str, Any]
    write_more: Callable[[Path], object] = lambda folder: None
    """Writes into a checkpoint's folder what is not among these."""


class Members(dict[str, Member]):
    """The SAEs of a job by name."""

    @property
    def is_single(self) -> bool:
        return "" in self

    @property
    def live(self) -> list[Member]:
        """Those that are still trained."""
        return [member for member in self.values() if member.problem is None]

    @property
    def problems(self) -> dict[str, str]:
        """Why the others are not, by name."""
        return {name: member.problem for name, member in self.items() if member.problem is not None}

    @property
    def lead(self) -> Trainer:
        """The trainer that has come furthest; all that are trained are at the same step."""
        return max((member.trainer for member in self.values()), key=lambda trainer: trainer.n_steps)

    # Live settings

    @property
    def settings(self) -> dict[str, float]:
        """Values of what can be changed; a plain name whose values differ is NaN."""
        if self.is_single:
            return self[""].trainer.live_settings()
        common: dict[str, float] = {}
        own: dict[str, float] = {}
        for member in self.live:
            for name, value in member.trainer.live_settings().items():
                common[name] = value if common.get(name, value) == value else math.nan
                own[member.prefix + name] = value
        return common | own

    def _having(self, name: str) -> tuple[list[Member], str]:
        """The SAEs that a setting is one of, and its plain name."""
        if self.is_single:
            return [self[""]], name
        member, _, own = name.rpartition("/")
        if member:
            return [each for each in self.live if each.name == member], own
        return [each for each in self.live if name in each.trainer.live_settings()], name

    def check_setting(self, name: str, value: float) -> float:
        """The value as every SAE concerned will use it.

        Raises:
            ValueError: If one of them cannot; says which.
        """
        members, own = self._having(name)
        for member in members:
            try:
                value = member.trainer.check_setting(own, value)
            except ValueError as error:
                raise ValueError(f"{member.name}: {error}" if member.name else str(error)) from None
        return value

    def apply_setting(self, name: str, value: float) -> None:
        members, own = self._having(name)
        for member in members:
            member.trainer.apply_setting(own, value)

    # State

    def everything(self) -> MembersState:
        """What a checkpoint has of them; all processes that share an SAE's features have to ask for it."""
        saes = {name: member.whole_sae() for name, member in self.items()}
        return MembersState(saes, {name: each.log_sparsity() for name, each in self.items()}, *self.state_dict())

    def finish(self) -> SAE | dict[str, SAE]:
        """What comes out: the SAE, or those without a problem by name."""
        for member in self.live:
            member.finish()
        return self[""].sae if self.is_single else {member.name: member.sae for member in self.live}

    def state_dict(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """All but the weights of the SAEs whose last loss was finite: tensors, and plain numbers."""
        tensors: dict[str, Tensor] = {}
        numbers: dict[str, dict[str, Any]] = {}
        for name, member in self.items():
            own, numbers[name] = member.state_dict()
            tensors |= {member.prefix + key: value for key, value in own.items()}
        if self.is_single:
            return tensors, numbers[""]
        lead = self.lead
        return tensors, {"members": numbers, "n_steps": lead.n_steps, "n_tokens": lead.n_tokens}

    def load_state_dict(self, tensors: dict[str, Tensor], numbers: dict[str, Any]) -> dict[str, Tensor]:
        """Goes on where `state_dict` was taken; gives back the tensors that are of no SAE."""
        rest = dict(tensors)
        for name, member in self.items():
            own = {
                key: rest.pop(key)
                for key in tensors
                if (key.startswith(member.prefix) if name else not key.startswith("store."))
            }
            state = {key.removeprefix(member.prefix): value for key, value in own.items()}
            member.load_state_dict(state, numbers["members"][name] if name else numbers)
        return rest

    # Columns

    def place(self, store: ActivationsStore) -> None:
        """Tells each where its columns in the store are.

        Raises:
            ValueError: If an SAE is not as wide as what it is to read.
        """
        ends = [sum(store.widths[: i + 1]) for i in range(len(store.widths))]
        places = [
            Place(name, end - width, end) for name, width, end in zip(store.hook_names, store.widths, ends, strict=True)
        ]
        if self.is_single:
            n_out = len(self[""].cfg.hooks_out)
            self[""].inputs = places[: len(places) - n_out]
            self[""].targets = places[len(places) - n_out :]
            return
        by_hook = {place.hook_name: place for place in places}
        is_joined = store.settings.hook_head_index is None
        for member in self.values():
            head = member.cfg.hook_head_index if is_joined else None
            sae, cfg = member.sae, member.cfg
            member.inputs = _places(by_hook, cfg.hooks_in, head, sae.cfg.d_in, member.name)
            d_out = sae.cfg.d_in if sae.reconstructs else len(sae.b_dec)
            member.targets = _places(by_hook, cfg.hooks_out, head, d_out, member.name)


def _places(by_hook: dict[str, Place], hooks: list[str], head: int | None, width: int, name: str) -> list[Place]:
    """The columns of these hooks, or of one head in them, `width` together."""
    places = [by_hook[hook] for hook in hooks]
    if head is not None and places:
        d_head = width // len(places)
        places = [Place(p.hook_name, p.start + head * d_head, p.start + (head + 1) * d_head) for p in places]
        if any(each.stop > whole.stop for each, whole in zip(places, (by_hook[hook] for hook in hooks), strict=True)):
            raise ValueError(f"{name}: {hooks} has no head {head} of width {d_head}: lower hook_head_indices.")
    found = sum(place.stop - place.start for place in places)
    if places and found != width:
        raise ValueError(f"{name} is for width {width}, but {' and '.join(map(repr, hooks))} is {found} wide.")
    return places
