"""The dashboard that a browser's rows open in, and those that its saved page has."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from sae_widgets.widgets import _page
from sae_widgets.widgets.feature_dashboard import FeatureDashboard

N_SAVED = 20
"""Rows from the top whose dashboards a saved page has unless told otherwise: about 4 kB and 40 ms each."""


class RowDashboards:
    """One dashboard, made when a row is first opened, that shows the row opened last."""

    def __init__(self, make: Callable[[int], FeatureDashboard]) -> None:
        self._make = make
        self.shown: FeatureDashboard | None = None

    def show(self, feature: int) -> FeatureDashboard:
        """The dashboard, at `feature`."""
        if self.shown is None:
            self.shown = self._make(feature)
        self.shown.feature = feature
        return self.shown

    def saved(self, wanted: int | str | Iterable[int], rows: Sequence[int], first: Sequence[int]) -> dict[str, Any]:
        """State of a dashboard without a kernel, for a page.

        Args:
            wanted: Features; so many from the top of the list; or "all" of the list that fire.
            rows: The list.
            first: Features that a number counts before the list: open, chosen.

        Raises:
            ValueError: If it is another word, or there is no such feature.
        """
        dashboard = self.show((*first, *rows, 0)[0]) if self.shown is None else self.shown
        if isinstance(wanted, int):
            fire = set(dashboard.firing())
            wanted = list(dict.fromkeys(each for each in (*first, *rows) if each in fire))[: max(0, wanted)]
        elif wanted == "all":
            fire = set(dashboard.firing())
            wanted = [each for each in rows if each in fire]
        return {"dashboard": _page.state_of(dashboard, features=wanted)}

    def close(self) -> None:
        """End it."""
        if self.shown is not None:
            self.shown.close()
