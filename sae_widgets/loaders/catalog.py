"""The catalogue of published SAEs: what can be loaded by name, and what is known of it without a download.

    import sae_widgets as sw
    sw.catalog.find(model="gemma-2-2b", layer=12, site="resid_post", width=16384, l0=(20, 100))
    sw.catalog.entry("gpt2-small-res-jb", "blocks.8.hook_resid_pre").load()

The facts are a text of about 240 kB beside this file, made by tools/catalog.py from SAELens' registry; a look-up reads
the lines of one release. What nobody wrote down is None.
"""

import functools
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sae_widgets.sae.config import nearest

__all__ = ["CatalogEntry", "Release", "config", "entry", "find", "ids", "lookup", "release", "releases"]


@dataclass(frozen=True)
class CatalogEntry:
    """One published SAE."""

    release: str
    """First argument of `SAE.from_pretrained`."""

    sae_id: str
    """Second argument of `SAE.from_pretrained`."""

    repo_id: str
    """Repository on the model hub."""

    path: str
    """Folder or file in the repository."""

    format: str
    """Name of the format; see `sae_widgets.loaders`."""

    model: str
    """Name of the model it was trained on."""

    site: str | None = None
    """Kind of place: resid_pre, resid_mid, resid_post, mlp_out, attn_out, hook_z, embed, transcoder or
    cross_layer_transcoder."""

    hook_name: str | None = None
    """Hook point it reads."""

    layer: int | None = None
    """Layer of the hook point, from 0."""

    width: int | None = None
    """Number of features."""

    l0: float | None = None
    """Active features per token."""

    neuronpedia_id: str | None = None
    """Its place on neuronpedia.org."""

    norm_scaling_factor: float | None = None
    """What activations were multiplied by in training."""

    variance_explained: float | None = None
    """Share of the activations' variance, at most 1; below 0 it is worse than the mean."""

    overrides: dict[str, Any] = field(default_factory=dict, hash=False)
    """Settings and metadata that stand above what the files say."""

    @property
    def code(self) -> str:
        """Python that loads it."""
        return f"sw.SAE.from_pretrained({self.release!r}, {self.sae_id!r})".replace("'", '"')

    def load(self, **settings: Any) -> Any:
        """The SAE; `settings` as for `SAE.from_pretrained`."""
        from sae_widgets.sae import SAE

        return SAE.from_pretrained(self.release, self.sae_id, **settings)


@dataclass(frozen=True)
class Release:
    """SAEs that were published together."""

    name: str
    """First argument of `SAE.from_pretrained`."""

    repo_id: str
    """Repository on the model hub."""

    model: str
    """Name of the model they were trained on."""

    format: str
    """Name of their format."""

    n_saes: int
    """How many there are."""

    overrides: dict[str, Any] = field(default_factory=dict, hash=False)
    """Settings and metadata that stand above what the files say."""

    links: dict[str, str] = field(default_factory=dict, hash=False)
    """Pages about them: `model`, `dashboards`, `publication`."""


def releases() -> list[Release]:
    """All releases, by name."""
    return [_release(name) for name in _places()]


def release(name: str) -> Release:
    """The release called `name`.

    Raises:
        ValueError: If there is none; offers the nearest names.
    """
    _require(name)
    return _release(name)


def ids(release: str) -> list[str]:
    """The names of the SAEs of a release, by layer.

    Raises:
        ValueError: If there is no such release; offers the nearest names.
    """
    _require(release)
    return list(_entries(release))


def entry(release: str, sae_id: str) -> CatalogEntry:
    """What is known of one SAE.

    Raises:
        ValueError: If there is no such release, or it has no such SAE; offers the nearest names.
    """
    _require(release)
    entries = _entries(release)
    if sae_id not in entries:
        near = nearest(sae_id, _sample(entries, sae_id))
        raise ValueError(f"No SAE {sae_id!r} in release {release!r}, which has {len(entries)}. {near}")
    return entries[sae_id]


def lookup(release: str, sae_id: str) -> CatalogEntry | None:
    """What is known of an SAE by its release or by its repository; None for a repository that is not in here.

    Raises:
        ValueError: If `release` is neither, or has no such SAE; offers the nearest names.
    """
    if release in _places():
        return entry(release, sae_id)
    if "/" not in release:
        _require(release)
    same = [each.name for each in releases() if each.repo_id == release]
    found = (each for name in same for each in _entries(name).values() if each.path.strip("/") == sae_id.strip("/"))
    return next(found, None)


def find(
    *,
    model: str | None = None,
    layer: int | None = None,
    site: str | None = None,
    width: int | None = None,
    l0: float | int | tuple[float | int, float | int] | None = None,
    text: str | None = None,
) -> list[CatalogEntry]:
    """SAEs for which all that is asked holds; one of which the asked fact is not known is not among them.

    Args:
        model: Name, with or without its owner: "gemma-2-2b".
        layer: Layer of the hook point.
        site: Kind of place, or a part of its name or of the hook's: "resid_post", "mlp", "hook_z", "transcoder".
        width: Number of features.
        l0: Active features per token: from and to, both included; a single number allows a tenth more or less.
        text: Words that all stand somewhere in its names, in any order and case.
    """
    between = (l0, l0) if l0 is not None and not isinstance(l0, tuple) else l0
    slack = 0.1 if not isinstance(l0, tuple) else 0.0
    words = (text or "").lower().split()
    found = []
    for name in _places():
        facts = _release(name)
        if model is not None and not _is_model(facts.model, model):
            continue
        for each in _entries(name).values():
            if layer is not None and each.layer != layer:
                continue
            if width is not None and each.width != width:
                continue
            if site is not None and site not in (each.site or "") and site not in (each.hook_name or ""):
                continue
            if between is not None and (
                each.l0 is None or not between[0] * (1 - slack) <= each.l0 <= between[1] * (1 + slack)
            ):
                continue
            if words and not _has_words(each, words):
                continue
            found.append(each)
    return found


def config(release: str, sae_id: str = "", **hub: Any) -> dict[str, Any]:
    """The config of a published SAE as a dict, nested and flat names both; see `SAE.from_pretrained`.

    SAELens' own folders are not downloaded but for `cfg.json`; other formats keep what makes a config in their weights.

    Args:
        release: Name in the catalogue, or a repository.
        sae_id: The SAE in the release, or the folder or file in the repository.
        hub: As for `SAE.from_pretrained`: revision, token, cache_dir, local_files_only, force_download.
    """
    from sae_widgets.loaders.pretrained import config_of_pretrained

    return config_of_pretrained(release, sae_id, **hub).to_flat_dict()


# -- the text ---------------------------------------------------------------------------------------------------------


@functools.cache
def _text() -> str:
    return (Path(__file__).parent / "catalog.txt").read_text("utf-8")


@functools.cache
def _places() -> dict[str, tuple[int, int]]:
    """Release -> where its lines begin and end in the text."""
    starts = [found.start() for found in re.finditer("^= ", _text(), re.MULTILINE)]
    ends = [*starts[1:], len(_text())]
    return {
        _text()[start + 2 : _text().index(" ", start + 2)]: (start, end)
        for start, end in zip(starts, ends, strict=True)
    }


def _lines(name: str) -> list[str]:
    start, end = _places()[name]
    return _text()[start:end].splitlines()


@functools.cache
def _release(name: str) -> Release:
    head, *rest = _lines(name)
    facts = json.loads(head.split(" ", 2)[2])
    return Release(name=name, n_saes=sum(not line.startswith(":") for line in rest), **facts)


@functools.cache
def _entries(name: str) -> dict[str, CatalogEntry]:
    """A release's SAEs by id, by layer."""
    facts = _release(name)
    shared = {"release": name, "repo_id": facts.repo_id, "format": facts.format, "model": facts.model}
    found = [CatalogEntry(**shared, **fields, overrides=facts.overrides) for fields in _rows(_lines(name)[1:])]
    return {each.sae_id: each for each in sorted(found, key=lambda each: _natural(each.sae_id))}


def _rows(lines: list[str]) -> Iterator[dict[str, Any]]:
    """The fields of each SAE."""
    pattern: dict[str, str] = {}
    for line in lines:
        if line.startswith(": "):
            pattern = json.loads(line[2:])
            continue
        numbers = line.split()
        texts = {key: text.format(*numbers) if "{" in text else text for key, text in pattern.items()}
        yield {_FIELDS[key][0]: _FIELDS[key][1](text) for key, text in texts.items()}


def _width(text: str) -> int:
    """The number of features in "24576", "16k" or "2pow14"; 65k is 64 binary thousands, cut off at thousands."""
    if text.startswith("2pow"):
        return 2 ** int(text[4:])
    exact = {"65k": 65536, "131k": 131072, "262k": 262144, "524k": 524288}
    units = {"k": 2**10, "m": 2**20}
    return exact.get(text) or int(text.rstrip("km")) * units.get(text[-1], 1)


_FIELDS: dict[str, tuple[str, Any]] = {
    "id": ("sae_id", str),
    "path": ("path", str),
    "neuronpedia": ("neuronpedia_id", str),
    "hook": ("hook_name", str),
    "site": ("site", str),
    "layer": ("layer", int),
    "width": ("width", _width),
    "l0": ("l0", float),
    "scale": ("norm_scaling_factor", float),
    "explained": ("variance_explained", float),
}
"""Key in the text -> field of `CatalogEntry`, and what makes its value."""


def _require(release: str) -> None:
    if release in _places():
        return
    local = f" {release!r} is a path on this machine: SAE.load_from_disk reads it." if Path(release).exists() else ""
    raise ValueError(
        f"No release {release!r} in the catalogue, and no repository (owner/name). {nearest(release, _places())}{local}"
    )


def _sample(entries: dict[str, CatalogEntry], sae_id: str) -> list[str]:
    """Ids to look for the nearest name in: those with the same numbers first, since a long list says nothing."""
    numbers = set(re.findall(r"\d+", sae_id))
    scored = sorted(entries, key=lambda each: -len(numbers & set(re.findall(r"\d+", each))))
    return scored[:12]


def _natural(text: str) -> list[tuple[int, str]]:
    """A key that sorts numbers in names as numbers."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", text)]


def _is_model(full: str, asked: str) -> bool:
    return asked.lower() in (full.lower(), full.lower().rsplit("/", 1)[-1])


def _has_words(each: CatalogEntry, words: list[str]) -> bool:
    names = " ".join(
        filter(
            None, (each.release, each.sae_id, each.repo_id, each.path, each.model, each.hook_name, each.neuronpedia_id)
        )
    ).lower()
    return all(word in names for word in words)
