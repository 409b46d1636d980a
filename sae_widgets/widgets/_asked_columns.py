"""Columns of a feature browser that are asked for: given from Python, cosines, contrast, twins, places on the map."""

from typing import Any

import torch
import traitlets

from sae_widgets.features import directions
from sae_widgets.features.columns import FeatureColumn, given_columns
from sae_widgets.features.contrast import REDUCE, contrast
from sae_widgets.sae import SAE
from sae_widgets.sae.config import nearest
from sae_widgets.widgets._base import Job, SaeWidget, kernel_written
from sae_widgets.widgets._browser import INDEX, FeatureTable, contrast_columns, map_columns, match_columns, said
from sae_widgets.widgets._refused import RefusedError


class AskedColumns(SaeWidget):
    """A widget over a table of features whose columns grow as they are asked for."""

    map_method = traitlets.Enum((None, *directions.MAPS), None, allow_none=True).tag(sync=True)
    """"pca" or "umap" shows the map."""
    like = traitlets.Int(None, allow_none=True).tag(sync=True)
    """Feature that the column `cosine` compares with; None after `set_vector`."""
    text_a = traitlets.Unicode().tag(sync=True)
    text_b = traitlets.Unicode().tag(sync=True)
    """The two texts of the contrast search."""
    contrast_by = traitlets.Enum(REDUCE, "max").tag(sync=True)

    given = kernel_written(traitlets.Dict())
    cosines = kernel_written(traitlets.Dict())
    contrasted = kernel_written(traitlets.Dict())
    matched = kernel_written(traitlets.Dict())
    mapped = kernel_written(traitlets.Dict())
    """Groups of columns as the page takes them."""

    _model: Any
    _sae: SAE
    _table: FeatureTable
    _vector: tuple[str, torch.Tensor] | None
    # The browser's own, which a column that goes takes along.
    ranges: Any
    order: Any
    color: Any
    shown: Any

    @traitlets.validate("map_method")
    def _check_map(self, proposal: Any) -> str | None:
        try:
            if proposal["value"] is not None:
                directions.check_map(proposal["value"])
        except ValueError as error:
            raise RefusedError(str(error)) from None
        return proposal["value"]

    def add_columns(self, columns: Any) -> None:
        """Show more columns, from a pandas DataFrame or names with values; of a name that is there, the new values.

        Raises:
            ValueError: If a column does not fit.
        """
        new = {column.key: column for column in given_columns(columns, self._sae.d_sae)}
        old = {column.key: column for column in self._table.groups["given"]}
        self.set_from_kernel(given=self._table.replace("given", (old | new).values()))

    def remove_column(self, name: str) -> None:
        """Take a column away that was given from Python.

        Raises:
            ValueError: If there is none of that name.
        """
        kept = [column for column in self._table.groups["given"] if column.key != name]
        if len(kept) == len(self._table.groups["given"]):
            given = [column.key for column in kept]
            raise ValueError(f"No column {name!r} was given. {nearest(name, given)}")
        self.ranges = {key: pair for key, pair in self.ranges.items() if key != name}
        self.order = INDEX if self.order.removeprefix("-") == name else self.order
        self.color = "" if self.color == name else self.color
        self.shown = [key for key in self.shown if key != name]
        self.set_from_kernel(given=self._table.replace("given", kept))

    def set_vector(self, vector: Any, name: str = "vector") -> None:
        """Show every decoder row's cosine with `vector`, a direction of what the SAE writes; nearest first.

        Raises:
            ValueError: If it has another width, is zero or holds NaN.
        """
        direction = torch.as_tensor(vector).detach().float().reshape(-1)
        directions.check_direction(self._sae, direction)  # refused here, where it was given
        self.like, self._vector = None, (name, direction)
        self._compare()
        self.order = "-cosine"

    def match(self, other: SAE, name: str = "other SAE") -> None:
        """Show for every feature the one of `other` whose decoder row is nearest, and their cosine."""

        def work(job: Job) -> None:
            found = directions.matched_features(self._sae, other, said(job))
            columns = match_columns(found, name)
            self.set_from_kernel(matched=self._table.replace("matched", columns))

        self.submit("match", work)

    def contrast(self, text_a: str | None = None, text_b: str | None = None, by: str | None = None) -> None:
        """Show what fires on the first text but not on the second, most different first; None leaves as it was."""
        if self._model is None:
            raise ValueError("A contrast search runs the model; make the browser with it: FeatureBrowser(model, sae).")
        self.text_a = self.text_a if text_a is None else text_a
        self.text_b = self.text_b if text_b is None else text_b
        self.contrast_by = self.contrast_by if by is None else by
        asked = (self.text_a, self.text_b)

        def work(job: Job) -> None:
            found = contrast(self._model, self._sae, *asked, by=self.contrast_by, on_progress=said(job))
            job.check()
            self.set_from_kernel(contrasted=self._table.replace("contrasted", contrast_columns(found)))

        self.submit("contrast", work)
        self.order = "-contrast"

    def _compare(self) -> None:
        if self.like is not None:
            self._vector = (f"#{self.like}", self._sae.W_dec[self.like].detach().flatten().float())
        if self._vector is None:
            return
        name, direction = self._vector

        def work(job: Job) -> None:
            values = directions.decoder_cosines(self._sae, direction.to(self._sae.W_dec.device)).cpu().numpy()
            column = FeatureColumn("cosine", values, f"cos {name}", f"Cosine of the decoder row with {name}.")
            self.set_from_kernel(cosines=self._table.replace("cosines", [column]))

        self.submit("cosine", work)

    def _make_map(self) -> None:
        method: Any = self.map_method
        if method is None or self.mapped.get("method") == method:
            return

        def work(job: Job) -> None:
            try:
                found = directions.direction_map(self._sae, method, on_progress=said(job))
            except BaseException:
                if not job.is_superseded:  # the map before, or none
                    self.set_from_kernel(map_method=self.mapped.get("method"))
                raise
            columns = self._table.replace("mapped", map_columns(found))
            self.set_from_kernel(mapped={**columns, "method": method, "explained": found.explained})

        self.submit("map", work)
