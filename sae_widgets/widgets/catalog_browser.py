"""The catalogue of published SAEs to search: filters, what is known of each, and the code that loads it."""

import functools
from collections.abc import Sequence
from typing import Any

import traitlets

from sae_widgets.loaders import catalog
from sae_widgets.loaders.catalog import CatalogEntry
from sae_widgets.neuronpedia import SITE
from sae_widgets.sae.config import nearest
from sae_widgets.widgets import _static
from sae_widgets.widgets._base import SaeWidget, kernel_written
from sae_widgets.widgets._catalog import pack
from sae_widgets.widgets._code import view_code
from sae_widgets.widgets._refused import RefusedError

ORDERS = ("catalogue", "layer", "width", "-width", "l0", "-l0")
SHOWN_IN_PICTURE = 20


@functools.cache
def _all_entries() -> tuple[CatalogEntry, ...]:
    return tuple(catalog.find())


@functools.cache
def _all_packed() -> bytes:
    return pack(_all_entries())


class CatalogBrowser(SaeWidget):
    """Search and filter the published SAEs; nothing is downloaded until `load()` is called.

        browser = sw.CatalogBrowser(model="gpt2-small", site="resid_pre")
        browser.selected            # ("gpt2-small-res-jb", "blocks.8.hook_resid_pre"), once a row is chosen
        sae = browser.load()

    Every filter is a property, both ways; one that is empty or None filters nothing. An SAE of which the asked fact is
    not known is not shown.

    Args:
        entries: SAEs to choose from, as `sw.catalog.find` gives them; None is the whole catalogue.
        settings: Any trait: `text`, `model`, `layer`, `site`, `width`, `l0_min`, `l0_max`, `order`, `selected`.

    Raises:
        ValueError: If there is no such model or site, or no SAE like `selected`.
    """

    _view = traitlets.Unicode("catalog_browser").tag(sync=True)

    text = traitlets.Unicode().tag(sync=True)
    """Words that all stand somewhere in an SAE's names, in any order and case."""
    model = traitlets.Unicode().tag(sync=True)
    """Name of the model; without its owner it is completed."""
    layer = traitlets.Int(None, allow_none=True, min=0).tag(sync=True)
    site = traitlets.Unicode().tag(sync=True)
    """Kind of place: "resid_post", "mlp_out", "transcoder" ..."""
    width = traitlets.Int(None, allow_none=True, min=1).tag(sync=True)
    """Number of features."""
    l0_min = traitlets.Float(None, allow_none=True).tag(sync=True)
    l0_max = traitlets.Float(None, allow_none=True).tag(sync=True)
    """Active features per token, from and to."""
    order = traitlets.Enum(ORDERS, "catalogue").tag(sync=True)
    """What the rows are ordered by; "-" for the largest first."""
    selected = traitlets.Tuple(traitlets.Unicode(), traitlets.Unicode(), default_value=None, allow_none=True)
    selected.tag(sync=True)
    """(release, sae_id) of the chosen SAE, or None."""

    rows = kernel_written(traitlets.Bytes())
    """The catalogue as the page takes it."""
    pages = kernel_written(traitlets.Dict({"hub": "https://huggingface.co", "neuronpedia": SITE}))
    """Sites that the links lead to."""

    def __init__(self, entries: Sequence[CatalogEntry] | None = None, **settings: Any) -> None:
        self._entries = _all_entries() if entries is None else tuple(entries)
        self._by_name = {(each.release, each.sae_id): each for each in self._entries}
        if settings.get("selected") is not None:
            settings["selected"] = tuple(settings["selected"])
        super().__init__(**settings)
        self.set_trait("rows", _all_packed() if entries is None else pack(self._entries))

    # -- checks --------------------------------------------------------------------------------------------------------

    @traitlets.validate("model")
    def _check_model(self, proposal: Any) -> str:
        wanted = proposal["value"]
        models = {each.model for each in self._entries}
        if not wanted or wanted in models:
            return wanted
        of_short = {model.rsplit("/", 1)[-1].lower(): model for model in sorted(models)}
        found = of_short.get(wanted.rsplit("/", 1)[-1].lower())
        if found is None:
            raise RefusedError(f"No published SAE of a model {wanted!r}. {nearest(wanted, [*models, *of_short])}")
        return found

    @traitlets.validate("site")
    def _check_site(self, proposal: Any) -> str:
        sites = {each.site for each in self._entries if each.site}
        if proposal["value"] and proposal["value"] not in sites:
            raise RefusedError(f"No site {proposal['value']!r}. {nearest(proposal['value'], sites, len(sites))}")
        return proposal["value"]

    @traitlets.validate("selected")
    def _check_selected(self, proposal: Any) -> tuple[str, str] | None:
        selected = proposal["value"]
        if selected is not None and selected not in self._by_name:
            release, sae_id = selected
            ids = [each.sae_id for each in self._entries if each.release == release]
            hint = nearest(sae_id, ids) if ids else nearest(release, {each.release for each in self._entries})
            raise RefusedError(f"No SAE {sae_id!r} in a release {release!r} here. {hint}"[:600])
        return selected

    # -- what is chosen ------------------------------------------------------------------------------------------------

    @property
    def results(self) -> list[CatalogEntry]:
        """The SAEs that pass the filters, in the catalogue's order."""
        words = self.text.lower().split()
        return [each for each in self._entries if self._passes(each, words)]

    def _passes(self, each: CatalogEntry, words: list[str]) -> bool:
        # As `filterCatalog` in js/lib/catalog.js has it.
        if self.model and each.model != self.model:
            return False
        if (self.layer is not None and each.layer != self.layer) or (self.site and each.site != self.site):
            return False
        if self.width is not None and each.width != self.width:
            return False
        if self.l0_min is not None and (each.l0 is None or each.l0 < self.l0_min):
            return False
        if self.l0_max is not None and (each.l0 is None or each.l0 > self.l0_max):
            return False
        parts = (each.release, each.repo_id, each.model, each.sae_id, each.path, each.hook_name, each.neuronpedia_id)
        names = " ".join(part or "" for part in parts).lower() if words else ""
        return all(word in names for word in words)

    @property
    def entry(self) -> CatalogEntry:
        """What is known of the chosen SAE.

        Raises:
            ValueError: If none is chosen.
        """
        if self.selected is None:
            raise ValueError("No SAE is chosen: click a row, or set browser.selected = (release, sae_id).")
        return self._by_name[self.selected]

    @property
    def code(self) -> str:
        """Python that loads the chosen SAE."""
        return f"import sae_widgets as sw\n\nsae = {self.entry.code}"

    def load(self, **settings: Any) -> Any:
        """The chosen SAE, downloaded unless it is on this machine; `settings` as for `SAE.from_pretrained`."""
        return self.entry.load(**settings)

    # -- ways out ------------------------------------------------------------------------------------------------------

    def _code(self) -> str:
        """Python that shows the same choice again."""
        return view_code(self) if self._entries is _all_entries() else view_code(self, entries="entries")

    def _tables(self) -> dict[str, Any]:
        from sae_widgets.widgets import _numbers  # pandas and altair are slow to import

        return _numbers.catalog_frames(self.results)

    # -- pictures ------------------------------------------------------------------------------------------------------

    def describe(self) -> str:
        """How many pass the filters, and which is chosen."""
        n, n_all = len(self.results), len(self._entries)
        chosen = f"; chosen: {self.selected[0]} {self.selected[1]}" if self.selected else ""
        return f"CatalogBrowser: {n:,} of {n_all:,} published SAEs{chosen}"

    def fallback_html(self) -> str:
        """The first rows as a table, and the code that loads the chosen one."""
        results = self.results
        rows = [[_known(value) for value in _facts(each)] for each in results[:SHOWN_IN_PICTURE]]
        header = ("release", "id", "model", "layer", "site", "width", "L0")
        more = len(results) - len(rows)
        code = [_static.paragraph(self.code)] if self.selected else []
        note = f"{more:,} more pass the filters." if more > 0 else ""
        return _static.card(self.describe(), _static.table(header, rows), *code, note=note)

    def fallback_svg(self) -> str:
        """The first rows as a picture."""
        lines = [self.describe(), *("  ".join(map(_known, _facts(each))) for each in self.results[:SHOWN_IN_PICTURE])]
        drawn = (_static.svg_text(14, 26.0 + 20 * i, line[:130], size=12 if i else 13) for i, line in enumerate(lines))
        return _static.svg(900.0, 20.0 * len(lines) + 22, *drawn, label=self.describe())


def _facts(each: CatalogEntry) -> tuple[Any, ...]:
    return each.release, each.sae_id, each.model, each.layer, each.site, each.width, each.l0


def _known(value: Any) -> str:
    if value is None:
        return "–"
    return (
        f"{value:,}"
        if isinstance(value, int) and value >= 1000
        else f"{value:g}"
        if isinstance(value, float)
        else str(value)
    )
