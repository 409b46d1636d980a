"""The catalogue as one packed buffer: about a hundred kilobytes for fourteen thousand SAEs.

zlib over: uint32 size of the header | header (JSON: n, releases, sites) | one column after the other, little-endian |
the texts of all rows, a line each, its parts between tabs. `js/lib/catalog.js` reads it.
"""

import json
import struct
import zlib
from collections.abc import Sequence

import numpy as np

from sae_widgets.loaders.catalog import CatalogEntry
from sae_widgets.widgets._clean import clean_text

UNKNOWN_SITE = 255


def pack(entries: Sequence[CatalogEntry]) -> bytes:
    """The bytes of `entries` for the page."""
    releases = {(each.release, each.repo_id, each.model, each.format): 0 for each in entries}
    releases = {key: number for number, key in enumerate(releases)}
    sites = sorted({each.site for each in entries if each.site})
    header = {
        "n": len(entries),
        "releases": [
            dict(zip(("name", "repo", "model", "format"), map(clean_text, key), strict=True)) for key in releases
        ],
        "sites": [clean_text(site) for site in sites],
    }
    of_release = [releases[each.release, each.repo_id, each.model, each.format] for each in entries]
    columns = (
        np.array(of_release, "<u2"),
        np.array([sites.index(each.site) if each.site else UNKNOWN_SITE for each in entries], "<u1"),
        np.array([-1 if each.layer is None else each.layer for each in entries], "<i2"),
        np.array([each.width or 0 for each in entries], "<u4"),
        np.array([np.nan if each.l0 is None else each.l0 for each in entries], "<f4"),
        np.array([np.nan if each.variance_explained is None else each.variance_explained for each in entries], "<f4"),
    )
    texts = "\n".join(
        "\t".join(_plain(text) for text in (each.sae_id, each.path, each.hook_name, each.neuronpedia_id))
        for each in entries
    )
    head = json.dumps(header).encode()
    whole = b"".join([struct.pack("<I", len(head)), head, *(c.tobytes() for c in columns), texts.encode()])
    return zlib.compress(whole, 9)


def _plain(text: str | None) -> str:
    """`text` without what separates texts."""
    return clean_text(text or "").replace("\t", " ").replace("\n", " ")
