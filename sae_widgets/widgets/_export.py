"""The ways out of the notebook that every widget has: a page, a picture, tables, charts.

    widget.save("x.html")        one offline file that keeps hover, sort and search
    widget.save("x.png")         also .svg, .pdf: the picture with a caption that says where it comes from
    widget.save("x.csv")         the first table; .json has them all
    widget.to_frame(), widget.to_csv(), widget.to_json(), widget.to_altair()
    widget.as_code()             Python that makes this view again

A widget says what it has by `_tables`, `_charts` and `_sources`.
"""

import os
import pathlib
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from sae_widgets.sae.config import nearest
from sae_widgets.web import write_whole
from sae_widgets.widgets import _page, _provenance
from sae_widgets.widgets._code import view_code

if TYPE_CHECKING:
    import altair as alt
    import pandas as pd

FORMATS = ("html", "png", "svg", "pdf", "csv", "json")


class SavedFile(type(pathlib.Path())):  # pyright: ignore[reportGeneralTypeIssues, reportUntypedBaseClass]
    """The path of a file that was written; it shows itself with its size."""

    def __repr__(self) -> str:
        size = self.stat().st_size if self.exists() else 0
        return f"{self} ({size / 1000:,.0f} kB)" if size >= 1000 else f"{self} ({size} bytes)"


class Exported:
    """What a widget writes and hands over; the widget itself says what there is."""

    # -- what a widget says of itself ----------------------------------------------------------------------------------

    def _tables(self) -> "dict[str, pd.DataFrame]":
        """Its numbers by name, the most natural table first."""
        return {}

    def _charts(self) -> "dict[str, Any]":
        """Its pictures as Altair charts, the most natural one first."""
        return {}

    def _sources(self) -> Mapping[str, Any]:
        """Where its numbers come from: model, SAE, data, seed; `_provenance.facts_of` knows the first ones."""
        return {}

    def _code(self) -> str:
        """Python that makes it again."""
        return view_code(self)  # type: ignore[arg-type]

    def _saved_state(self, **settings: Any) -> dict[str, Any]:
        """State that only a saved page has."""
        if settings:
            raise TypeError(f"{type(self).__name__}.save has no argument {next(iter(settings))!r} for a page.")
        return {}

    # -- the ways out --------------------------------------------------------------------------------------------------

    def as_code(self) -> str:
        """Python that makes the present view again; the model and the SAE by their names in the notebook."""
        return self._code()

    def about(self) -> dict[str, Any]:
        """Where the numbers come from: widget, model, SAE with its hash, data, seed, versions."""
        return {"widget": type(self).__name__, **self._sources(), "versions": _provenance.versions()}

    def save(self, path: str | os.PathLike, **settings: Any) -> pathlib.Path:
        """Write the widget to a file of the kind that its ending says; returns its path, which shows the size.

            widget.save("figure.pdf")                # .png, .svg, .pdf: picture and caption; caption=False without
            widget.save("page.html")                 # needs no kernel and no network
            widget.save("numbers.csv", table="...")  # one table; .json has all

        Raises:
            ValueError: If the ending says no kind, or there is no such table.
        """
        path = pathlib.Path(path).expanduser()
        kind = path.suffix.lower().removeprefix(".")
        ways: dict[str, Callable[..., bytes]] = {
            "html": self._page_bytes,
            "csv": self._csv_bytes,
            "json": lambda: self.to_json().encode(),
            **dict.fromkeys(("png", "svg", "pdf"), self._picture_bytes),
        }
        if kind not in ways:
            raise ValueError(f"{path.name!r} ends in no kind of file there is. Endings: .{', .'.join(FORMATS)}.")
        self._settle_for_export()
        arguments = {"kind": kind} if kind in ("png", "svg", "pdf") else {}
        write_whole(path, ways[kind](**arguments, **settings))
        return SavedFile(path)

    def to_frame(self, name: str | None = None) -> "pd.DataFrame":
        """A table of the widget as a pandas frame: the first one, or that of a name.

        Raises:
            ValueError: If there is no such table, or nothing to show yet.
        """
        self._settle_for_export()
        return self._chosen(self._tables(), name, "table")

    def to_csv(self, path: str | os.PathLike | None = None, table: str | None = None, *, safe: bool = True) -> Any:
        """A table as CSV: its text, or the path it was written to.

        Args:
            path: Where to write it; None returns the text.
            table: Its name; None takes the first.
            safe: Keep spreadsheets from running texts as formulas, and show hidden characters by name.
        """
        if path is not None:
            return self.save(pathlib.Path(path).with_suffix(".csv"), table=table, safe=safe)
        from sae_widgets.widgets import _tables

        return _tables.to_csv(self.to_frame(table), safe=safe)

    def to_json(self, path: str | os.PathLike | None = None) -> Any:
        """All tables and where they come from as JSON: the text, or the path it was written to."""
        if path is not None:
            return self.save(pathlib.Path(path).with_suffix(".json"))
        from sae_widgets.widgets import _tables

        self._settle_for_export()
        return _tables.to_json(self._tables(), self.about())

    def to_altair(self, name: str | None = None) -> "alt.Chart | Any":
        """A picture of the widget as an Altair chart, for papers and further work: the first one, or that of a name.

        Raises:
            ValueError: If there is no such chart, or nothing to show yet.
        """
        self._settle_for_export()
        return self._chosen(self._charts(), name, "chart")

    # -- inside --------------------------------------------------------------------------------------------------------

    def _settle_for_export(self) -> None:
        """Wait a moment for the work under way."""

    def _chosen(self, found: Mapping[str, Any], name: str | None, kind: str) -> Any:
        if not found:
            raise ValueError(f"{type(self).__name__} has no {kind} yet: there is nothing to show.")
        name = next(iter(found)) if name is None else name
        if name not in found:
            raise ValueError(f"No {kind} {name!r} in {type(self).__name__}. {nearest(name, found, len(found))}")
        return found[name]

    def _page_bytes(self, **settings: Any) -> bytes:
        state = {**_page.state_of(self, **settings), "as_code": self.as_code()}  # type: ignore[arg-type]
        return _page.page(self, state, _provenance.caption(self.about())).encode()  # type: ignore[arg-type]

    def _csv_bytes(self, table: str | None = None, *, safe: bool = True) -> bytes:
        return self.to_csv(table=table, safe=safe).encode()

    def _picture_bytes(self, kind: str, *, caption: bool | str = True, scale: float | int = 2) -> bytes:
        from sae_widgets.widgets import _figure

        picture = self.fallback_svg()  # type: ignore[attr-defined]
        words = _provenance.caption(self.about()) if caption is True else caption or ""
        picture = _figure.captioned(picture, words) if words else picture
        if kind == "svg":
            return picture.encode()
        return _figure.to_pdf(picture) if kind == "pdf" else _figure.to_png(picture, scale)
