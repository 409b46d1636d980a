"""Many features in one saved page: their pages as JSON, some together, compressed; unpacked there when looked at.

features   numbers, rising
names      label, or lacking one the top tokens; one for each
peaks      largest activation of each
chunks     zlib of a JSON list of `PER_CHUNK` pages
"""

import json
import zlib
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from sae_widgets.widgets._clean import json_safe

PER_CHUNK = 16  # pages: few enough to be unpacked at once, enough to share their tokens' texts
DIGITS = 5


def pack_pages(
    features: Sequence[int],
    page_of: Callable[[int], dict[str, Any]],
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> dict[str, Any]:
    """The pages of `features` as a saved page takes them."""
    features = sorted(set(features))
    names, peaks, chunks = [], [], []
    for start in range(0, len(features), PER_CHUNK):
        pages = [_short(json_safe(page_of(feature))) for feature in features[start : start + PER_CHUNK]]
        names += [page["label"] or " ".join(page["top_tokens"]) for page in pages]
        peaks += [page["max_act"] for page in pages]
        chunks.append(zlib.compress(json.dumps(pages, separators=(",", ":")).encode(), 9))
        on_progress(min(start + PER_CHUNK, len(features)), len(features))
    return {"features": features, "names": names, "peaks": peaks, "per_chunk": PER_CHUNK, "chunks": chunks}


def _short(value: Any) -> Any:
    """`value` with its numbers to `DIGITS` digits, all that a page shows."""
    if isinstance(value, float):
        return float(f"{value:.{DIGITS}g}")
    if isinstance(value, dict):
        return {name: _short(each) for name, each in value.items()}
    return [_short(each) for each in value] if isinstance(value, list) else value


def wanted_features(
    wanted: str | Iterable[int] | None, shown: Sequence[int], firing: Callable[[], list[int]]
) -> list[int]:
    """The features that `save(features=...)` asks for: numbers, "all" that fire, or None for those on view.

    Raises:
        ValueError: If it is another word.
    """
    if wanted is None:
        return list(shown)
    if isinstance(wanted, str):
        if wanted != "all":
            raise ValueError(f'features={wanted!r}: expected numbers, or "all" for every feature that fires.')
        return firing()
    return [int(feature) for feature in wanted]
