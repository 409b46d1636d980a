"""What a run can drive, and the words it uses. Standard library only."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, Protocol, runtime_checkable

Status = Literal["idle", "running", "paused", "stopping", "stopped", "done", "failed"]
FINAL_STATUSES = ("stopped", "done", "failed")
# Returns True when the work should end; blocks while the run is paused. Arguments: what is being done, done, total.
Breathe = Callable[[str, int, int], bool]


@runtime_checkable
class Report(Protocol):
    """What one step tells."""

    @property
    def n_steps(self) -> int: ...
    @property
    def n_tokens(self) -> int: ...
    def curves(self) -> Mapping[str, float]:
        """Values to draw, by curve name; a step that measured nothing gives none."""
        ...


@runtime_checkable
class Trainable(Protocol):
    """What a run can drive. Called from the run's own thread only, but for `settings` and `check_setting`."""

    @property
    def total_tokens(self) -> int: ...
    @property
    def settings(self) -> Mapping[str, float]:
        """Present values of what can be changed live."""
        ...

    def check_setting(self, name: str, value: float) -> float:
        """The value as it will be used; ValueError when it cannot be."""
        ...

    def apply_setting(self, name: str, value: float) -> None: ...
    def train_steps(self, breathe: Breathe) -> Iterator[Report]:
        """One report a step; ends when all tokens are seen or `breathe` said so."""
        ...

    @property
    def is_checkpoint_due(self) -> bool: ...
    def save_checkpoint(self) -> Path:
        """Folder of the new checkpoint; OSError when it cannot be written, and then nothing is left behind."""
        ...

    def finish(self, is_complete: bool) -> Any:
        """The result, after the last step (`is_complete`) or after a stop."""
        ...
