"""Every format's fixture through both loaders: the same weights, facts and numbers, but for the differences listed."""

from collections.abc import Callable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest
import torch

from sae_widgets.loaders import load_folder
from sae_widgets.sae import SAE
from tests.loaders.layouts import D_IN, D_SAE, Published, cases, inputs, llama_scope, sparsify
from tests.parity.peer import relative
from tests.parity.peer_loaders import CONVERTERS, load

CASES = {case: each for case, each in cases().items() if each[0] in CONVERTERS and "CrossCoder" not in case}
REFUSED = [f"sparsify/{case}" for case in sparsify.REFUSED]

SETTINGS = ("apply_b_dec_to_input", "normalize_activations", "reshape_activations", "k", "dtype")
WHERE = ("hook_name", "hook_name_out", "hook_head_index", "hf_hook_name", "hf_hook_name_out", "model_name")
HOW = ("context_size", "prepend_bos", "dataset_path", "model_from_pretrained_kwargs", "neuronpedia_id")


@dataclass(frozen=True)
class Difference:
    """How SAELens departs from what was published; ours is then compared with the publisher's own maths alone."""

    why: str
    fails: type[Exception] | None = None
    """What SAELens raises."""
    facts: tuple[str, ...] = ()
    """Settings and metadata that differ."""
    is_another: bool = False
    """Whether weights and numbers differ, too."""


DIFFERENT = {
    "sparsify/layer_of_gpt2": Difference("folders of GPT-2 are h.N", ValueError),
    "sparsify/*": Difference("W_dec lies as it is used; SAELens transposes it", RuntimeError),
    "dictionary_learning/AutoEncoderNew": Difference("its decoder's bias is not found", RuntimeError),
    "dictionary_learning/compiled": Difference("a compiled model's names begin with _orig_mod", KeyError),
    "dictionary_learning/mlp": Difference("submodule_name says which module", facts=("hook_name", "dataset_path")),
    "dictionary_learning/unknown_module": Difference(
        "a module that no hook has leaves the hook open", facts=("hook_name", "dataset_path")
    ),
    "dictionary_learning/*": Difference("the files do not name a dataset", facts=("dataset_path",)),
    "gemma_scope_2/attention": Difference("hook_z has its heads apart", facts=("reshape_activations",)),
    "gemma_scope_2/*transcoder*": Difference("hook_mlp_in does not fire by default", facts=("hook_name",)),
    "gemma_scope_2/cross_layer": Difference(
        "each layer gets its own output, not their sum",
        facts=("architecture", "hook_name", "hook_name_out", "hf_hook_name_out"),
        is_another=True,
    ),
    "gemma_scope_2/cross_layer_without_skip": Difference("asks for a skip connection", RuntimeError),
    "llama_scope/with_decoder_norm": Difference("the threshold is for decoders of unit length", is_another=True),
    "llama_scope/transcoder": Difference(
        "its output is elsewhere and has its own scale", facts=("architecture", "hook_name_out"), is_another=True
    ),
    "llama_scope_r1/with_decoder_norm": Difference(
        "the threshold is for decoders of unit length",
        facts=("model_name", "context_size", "dataset_path"),
        is_another=True,
    ),
    "llama_scope_r1/*": Difference(
        "the repository names the model; the files name no dataset",
        facts=("model_name", "context_size", "dataset_path"),
    ),
    "qwen_scope/copied_elsewhere": Difference("k is in the settings, not only in the name", ValueError),
    "mwhanna/other_hooks": Difference("reads any transcoder of this layout", Exception),
    "mwhanna/threshold": Difference("reads the threshold", RuntimeError),
    "mwhanna/*": Difference("the files name no dataset and context", facts=("context_size", "dataset_path")),
    "mntss/*": Difference(
        "each layer gets its own output, not their sum", facts=("architecture", "hook_name_out"), is_another=True
    ),
}
"""Case -> its difference; the first pattern that fits."""

DIMENSIONS = {"d_in": D_IN, "d_sae": D_SAE}
OVERRIDES: dict[str, dict[str, Any]] = {
    **dict.fromkeys(("gemma_scope", "qwen_scope", "goodfire", "deepseek_r1"), DIMENSIONS),
    "gemma_transcoder": {**DIMENSIONS, "d_out": D_IN},
}
"""Widths that SAELens knows from names alone, as the small fixtures have them."""

SCALE = D_IN**0.5 / llama_scope.NORM_IN
"""What SAELens folds from its registry, where the files say it themselves and we read it from them."""


def difference(case: str) -> Difference | None:
    return next((each for pattern, each in DIFFERENT.items() if fnmatchcase(case, pattern)), None)


def peer_of(case: str, published: Published) -> Any:
    name = CASES[case][0]
    path = published.hub_path or published.path
    overrides = {"dtype": "float32", **OVERRIDES.get(name, {})}
    return load(CONVERTERS[name], published.repo_id, path, published.root, overrides)


def facts(sae: Any) -> dict[str, Any]:
    cfg = sae.cfg
    settings = {name: getattr(cfg, name, None) for name in SETTINGS[1:]}
    return {
        "architecture": cfg.architecture(),
        **settings,
        **{name: getattr(cfg.metadata, name) for name in WHERE + HOW},
    }


def shaped(sae: Any, x: torch.Tensor) -> torch.Tensor:
    if sae.cfg.architecture() == "temporal":
        return x[None]
    return x.unflatten(-1, (2, -1)) if sae.cfg.reshape_activations == "hook_z" else x


@torch.no_grad()
def outputs(sae: Any) -> tuple[torch.Tensor, torch.Tensor]:
    x = shaped(sae, inputs())
    acts, out = sae.encode(x), sae(x)
    return acts.reshape(len(inputs()), -1), out.reshape(len(inputs()), -1)


def assert_as_published(sae: SAE, published: Published) -> None:
    acts, out = published.compute(inputs())
    ours = outputs(sae)
    assert relative(ours[0], acts.reshape(ours[0].shape)) <= 1e-5
    assert relative(ours[1], out.reshape(ours[1].shape)) <= 1e-5


READ = [case for case in CASES if case not in REFUSED]


@pytest.mark.parametrize("case", [case for case in READ if not (d := difference(case)) or not d.fails])
def test_both_loaders_give_the_same(case: str, tmp_path: Path, note: Callable):
    published = CASES[case][1](tmp_path)
    mine, peer = load_folder(published.local, overrides=published.overrides), peer_of(case, published)
    assert_as_published(mine, published)
    if peer.cfg.normalize_activations != mine.cfg.normalize_activations:
        peer.fold_activation_norm_scaling_factor(SCALE)
    listed = difference(case) or Difference("none")
    ours, theirs = facts(mine), facts(peer)
    assert {name for name in ours if ours[name] != theirs[name]} == set(listed.facts)
    weights, expected = mine.state_dict(), peer.state_dict()
    if listed.is_another:
        same = weights.keys() == expected.keys() and all(
            weights[name].shape == each.shape and relative(weights[name], each) <= 1e-6
            for name, each in expected.items()
        )
        # The last of a cross-layer transcoder's layers has one output, which is their sum.
        assert not same or case == "mntss/last_layer"
        return
    assert weights.keys() == expected.keys()
    for name, weight in expected.items():
        assert note(f"{CASES[case][0]}: weights, both loaders", relative(weights[name], weight)) <= 1e-6, name
    for one, other in zip(outputs(mine), outputs(peer), strict=True):
        assert note(f"{CASES[case][0]}: encode and forward, both loaders", relative(one, other)) <= 1e-5


@pytest.mark.parametrize("case", [case for case in READ if (d := difference(case)) and d.fails])
def test_what_saelens_cannot_read_is_read(case: str, tmp_path: Path):
    published, listed = CASES[case][1](tmp_path), difference(case)
    with pytest.raises(listed.fails):  # type: ignore[union-attr]
        peer_of(case, published)
    assert_as_published(load_folder(published.local, overrides=published.overrides), published)


@pytest.mark.parametrize("case", REFUSED)
def test_what_neither_computes_is_refused_with_its_name(case: str, tmp_path: Path):
    published = CASES[case][1](tmp_path)
    with pytest.raises(ValueError, match=sparsify.REFUSED[case.partition("/")[2]]):
        load_folder(published.local)


def test_every_listed_difference_is_of_a_case():
    unused = [pattern for pattern, each in DIFFERENT.items() if each not in [difference(case) for case in CASES]]
    assert not unused
