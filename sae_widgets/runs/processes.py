"""A training job that several processes work on: the first leads, the others follow.

Only the first process is watched and controlled: it has the run's log, listeners and panel, and writes files. Every
other one does what it hears, in order, so all are at the same step with the same settings whatever is asked for:

    step                   gather activations and take a step, all together
    set name value         a setting was changed
    gather, write folder   a checkpoint of an SAE whose features are on several processes
    evaluate name          the same SAE, to be tried in the model
    finish                 the run is over, at its end or stopped

A pause is the first process saying nothing. An error of any process ends all of them, with its words.
"""

import contextlib
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from torch import Tensor

from sae_widgets.runs.job import AnyConfig, TrainingJob
from sae_widgets.runs.job_report import JobReport
from sae_widgets.runs.member import Member
from sae_widgets.runs.members import MembersState
from sae_widgets.runs.resume import Resumed, find_resumed
from sae_widgets.runs.run import Breathe
from sae_widgets.sae.base import SAE
from sae_widgets.training.checkpoints import read_checkpoint
from sae_widgets.training.distributed import Group, join
from sae_widgets.training.reports import StepReport
from sae_widgets.training.sharding import FOLDER, save_shards, state_axes


def make_job(cfg: AnyConfig, **given: Any) -> TrainingJob:
    """The job of this process; alone it is a plain `TrainingJob`, which takes the same arguments.

    Raises:
        ValueError: If the settings do not suit so many processes.
    """
    group = join()
    if group.size == 1:
        return TrainingJob(cfg, **given)
    if cfg.train_batch_size_tokens < group.size:
        raise ValueError(f"train_batch_size_tokens is {cfg.train_batch_size_tokens} for {group.size} processes.")
    return (LeadingJob if group.is_first else FollowingJob)(cfg, group, **given)


class _SharedJob(TrainingJob):
    """What all processes of a job do alike."""

    def __init__(self, cfg: AnyConfig, group: Group, **given: Any) -> None:
        self.group = group
        with self._told():
            super().__init__(cfg, **given)

    @property
    def is_sharded(self) -> bool:
        return self.cfg.distributed == "shard"

    def train_steps(self, breathe: Breathe) -> Iterator[StepReport | JobReport]:
        # What is asked for waits for the end of the step: in the middle of one the others could not follow.
        with self._told():
            yield from super().train_steps(lambda text, done, total: False)

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        """Ends the other processes when the block fails, or says which of them ended this one, and why."""
        try:
            yield
        except Exception as error:
            told = self.group.failure(error)
            if told is error:
                raise
            raise told from error

    def _split(self, tensors: dict[str, Tensor]) -> tuple[dict[str, Tensor], dict[str, Tensor], dict[str, int]]:
        """The state that all processes have, what each has of its own features, and the axis these are along."""
        axes: dict[str, int] = {}
        for member in self.members.values() if self.is_sharded else ():
            own = {key.removeprefix(member.prefix): value for key, value in tensors.items()}
            axes |= {member.prefix + key: axis for key, axis in state_axes(member.trainer.sae, own).items()}
        own = {name: tensor for name, tensor in tensors.items() if name in axes}
        return {name: tensor for name, tensor in tensors.items() if name not in axes}, own, axes


class LeadingJob(_SharedJob):
    """The job of the first process."""

    def apply_setting(self, name: str, value: float) -> None:
        self.group.say(do="set", name=name, value=value)
        super().apply_setting(name, value)

    def save_checkpoint(self, name: str | None = None) -> Path:
        try:
            return super().save_checkpoint(name)
        except OSError:
            raise
        except Exception as error:
            raise self.group.failure(error) from error

    def finish(self, is_complete: bool) -> SAE | dict[str, SAE]:
        with self._told():
            return super().finish(is_complete)

    def find_resumed(self, cfg: AnyConfig) -> Resumed | None:
        found = find_resumed(cfg)
        self.group.say(resumed=None if found is None else str(found.checkpoint.folder))
        return found

    def _steps(self, breathe: Breathe) -> Iterator[tuple[float, dict[str, StepReport]]]:
        steps = super()._steps(breathe)
        while self.n_tokens < self.total_tokens:
            self.group.say(do="step")
            yield next(steps)

    def _close(self) -> None:
        self.group.say(do="finish")
        super()._close()

    def _evaluate(self, member: Member, breathe: Breathe) -> dict[str, float]:
        if self.is_sharded:
            self.group.say(do="evaluate", name=member.name)
        return super()._evaluate(member, breathe)

    def _state(self) -> MembersState:
        if not self.is_sharded:
            return super()._state()
        self.group.say(do="gather")
        state = super()._state()
        common, own, axes = self._split(state.tensors)

        def write_own(folder: Path) -> None:
            self.group.say(do="write", folder=str(folder.absolute()))
            save_shards(folder / FOLDER, own, axes)

        return state._replace(tensors=common, write_more=write_own)


class FollowingJob(_SharedJob):
    """The job of another process."""

    @property
    def is_checkpoint_due(self) -> bool:
        return False

    def finish(self, is_complete: bool) -> SAE | dict[str, SAE]:
        with self._told():
            self._close()
            return self.members.finish()

    def find_resumed(self, cfg: AnyConfig) -> Resumed | None:
        folder = self.group.hear()["resumed"]
        return None if folder is None else Resumed(read_checkpoint(folder, cfg.device))

    def _replay(self) -> None:
        """Hears of it."""

    def _evaluate(self, member: Member, breathe: Breathe) -> dict[str, float]:
        return {}

    def _steps(self, breathe: Breathe) -> Iterator[tuple[float, dict[str, StepReport]]]:
        while (command := self.group.hear())["do"] != "finish":
            if command["do"] == "step":
                start = time.perf_counter()
                assert self.store is not None
                yield start, self._step(self.store.next_batch(), start)
            elif command["do"] == "set":
                self.apply_setting(command["name"], command["value"])
            elif command["do"] == "gather":
                self._state()
            elif command["do"] == "evaluate":
                self.members[command["name"]].sae_in_model_units()
            elif command["do"] == "write":
                # What goes wrong with the files is the first process's to say.
                with contextlib.suppress(OSError):
                    save_shards(Path(command["folder"]) / FOLDER, *self._split(self.members.state_dict()[0])[1:])


@contextlib.contextmanager
def without_signals() -> Iterator[None]:
    """Ctrl-C and SIGTERM reach every process of a launch; those that follow go on until the first one says so."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
