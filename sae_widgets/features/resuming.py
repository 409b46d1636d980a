"""A folder that a pass over text leaves its state in, to go on after a stop, and its statistics when it is through.

    pass-0.safetensors, pass-1.safetensors ...    one file for each process, while the pass goes on (`state`)
    statistics.*, contexts.arrow                  at the end (`files`); the states are gone then

A pass that was stopped, killed or cut from its power goes on from the last state, in as many processes as are there
then: rows that were read are not read again. At most what came since the last state is gathered once more.
"""

import os
import time
from pathlib import Path
from typing import Any

from sae_widgets.features.files import TEXTS
from sae_widgets.features.gathering import FeaturePass, RowsRead
from sae_widgets.features.identity import check_identity, identity_of
from sae_widgets.features.state import read_pass, write_pass
from sae_widgets.features.statistics import FeatureStatistics
from sae_widgets.sae import SAE
from sae_widgets.training.distributed import ALONE, Group

SAVE_EVERY_S = 60.0


class PassFolder:
    """The folder of one pass.

    Args:
        folder: Made when something is written; None keeps nothing.
        model: What is looked at ...
        sae: ... and with what.
        group: The processes that share the pass.
        save_every_s: Seconds between two states.
    """

    def __init__(
        self,
        folder: str | os.PathLike | None,
        model: Any,
        sae: SAE,
        group: Group = ALONE,
        save_every_s: float | int = SAVE_EVERY_S,
    ) -> None:
        self.folder = None if folder is None else Path(folder).expanduser()
        self._model, self._sae, self._group = model, sae, group
        self._save_every_s, self._saved_at = save_every_s, time.monotonic()
        self._name = f"pass-{group.rank}.safetensors"

    def finished(self) -> FeatureStatistics | None:
        """The statistics of a pass that came to its end here; None where none did.

        Raises:
            ValueError: If they are damaged, or of another model or SAE.
        """
        if self.folder is None or not (self.folder / TEXTS).is_file() or self._states():
            return None
        statistics = FeatureStatistics.load(self.folder)
        check_identity(statistics.about, self._model, self._sae, f"The statistics in {self.folder} are of another pass")
        return statistics

    def begin(self, fresh: FeaturePass) -> tuple[FeaturePass, RowsRead]:
        """What to go on with, and the rows that any process has read; `fresh` where nothing was gathered.

        Raises:
            ValueError: If a state is damaged, or of another model, SAE or other settings.
        """
        paths = self._states()
        so_far = self._merged(paths, fresh) if paths else fresh
        self._group.meet()  # all have read what the first now brings together
        if self._group.is_first and len(paths) > 1:
            self.save(so_far)
            for path in paths:
                if path.name != self._name:
                    path.unlink()
        self._group.meet()
        if self._group.is_first or not paths:
            return so_far, so_far.rows
        return fresh, so_far.rows

    def save_when_due(self, gathered: FeaturePass) -> None:
        """Write the state if the last one is old enough."""
        if time.monotonic() - self._saved_at >= self._save_every_s:
            self.save(gathered)

    def save(self, gathered: FeaturePass) -> None:
        """Write the state, where something was gathered."""
        if self.folder is not None and gathered.n_tokens:
            write_pass(gathered, identity_of(self._model, self._sae), self.folder / self._name)
        self._saved_at = time.monotonic()

    def finish(self, statistics: FeatureStatistics) -> None:
        """Write what came out, and take the states away."""
        if self.folder is not None:
            statistics.save(self.folder)
        for path in self._states():
            path.unlink()

    def _states(self) -> list[Path]:
        return [] if self.folder is None else sorted(self.folder.glob("pass-*.safetensors"))

    def _merged(self, paths: list[Path], fresh: FeaturePass) -> FeaturePass:
        so_far: FeaturePass | None = None
        for path in paths:
            gathered, about = read_pass(path)
            check_identity(about, self._model, self._sae, f"{path} is of another pass")
            for name, wanted in fresh.settings.items():
                had = gathered.settings[name]
                if had != wanted:
                    raise ValueError(
                        f"{path} was begun with {name}={had}, now {name}={wanted}. Go on with the same settings, or "
                        "delete that file and begin anew."
                    )
            if so_far is None:
                so_far = gathered
            elif not gathered.rows.keys() <= so_far.rows.keys():  # else taken in before a stop came in between
                so_far.merge(gathered)
        assert so_far is not None
        return so_far
