"""The catalogue holds what SAELens' registry does: every release, every id, every fact."""

from typing import Any

import pytest
from sae_lens.loading.pretrained_saes_directory import PretrainedSAELookup, get_pretrained_saes_directory

from sae_widgets.loaders import FORMATS, catalog
from tests.parity.peer_loaders import CONVERTERS


@pytest.fixture(scope="module")
def registry() -> dict[str, PretrainedSAELookup]:
    return get_pretrained_saes_directory()


def test_releases_and_ids_are_the_same(registry: dict[str, PretrainedSAELookup]):
    assert {each.name for each in catalog.releases()} == registry.keys()
    for name, release in registry.items():
        assert set(catalog.ids(name)) == release.saes_map.keys(), name
        assert catalog.release(name).n_saes == len(release.saes_map)
    assert sum(len(each.saes_map) for each in registry.values()) > 13_000


def test_facts_are_the_same(registry: dict[str, PretrainedSAELookup]):
    wrong: list[tuple[Any, ...]] = []
    for name, release in registry.items():
        for sae_id, path in release.saes_map.items():
            mine = catalog.entry(name, sae_id)
            # SAELens writes 0 for an L0 it does not know, and 1 for an explained variance; ours may be in the path.
            l0, explained = release.expected_l0[sae_id], release.expected_var_explained[sae_id]
            pairs = {
                "repo_id": (mine.repo_id, release.repo_id),
                "path": (mine.path, path),
                "model": (mine.model, release.model),
                "l0": (mine.l0 if l0 else 0.0, l0),
                "neuronpedia_id": (mine.neuronpedia_id, release.neuronpedia_id[sae_id]),
                "norm_scaling_factor": (mine.norm_scaling_factor, release.norm_scaling_factor.get(sae_id)),
                "variance_explained": (mine.variance_explained, explained if explained not in (0.0, 1.0) else None),
                "overrides": (mine.overrides, release.config_overrides or {}),
            }
            wrong += [(name, sae_id, key, *pair) for key, pair in pairs.items() if pair[0] != pair[1]]
    assert not wrong, wrong[:10]


def test_formats_are_those_of_the_converters(registry: dict[str, PretrainedSAELookup]):
    ours = {theirs: name for name, theirs in CONVERTERS.items()} | {None: "saelens"}
    for name, release in registry.items():
        assert catalog.release(name).format == ours[release.conversion_func], name
    assert {catalog.release(name).format for name in registry} <= {each.NAME for each in FORMATS}
