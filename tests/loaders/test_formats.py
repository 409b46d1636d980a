"""Every format, from a folder and from a repository, against what its own library computes."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from sae_widgets.loaders import FORMATS, FolderSource, load_folder, load_source, recognise
from sae_widgets.loaders.hub_source import HubSource
from sae_widgets.sae import SAE
from tests.hub_stand_in import hub
from tests.loaders.layouts import Published, cases, inputs
from tests.loaders.layouts import sparsify as sparsify_layout

CASES = cases()
REFUSED = {f"sparsify/{case}": named for case, named in sparsify_layout.REFUSED.items()}
READ = [case for case in CASES if case not in REFUSED]


def published(case: str, folder: Path) -> Published:
    return CASES[case][1](folder)


def assert_is(sae: SAE, expected: Published) -> None:
    """Weights, facts and function are those that were published."""
    weights = sae.state_dict()
    assert weights.keys() == expected.weights.keys()
    for name, weight in expected.weights.items():
        torch.testing.assert_close(weights[name], weight, rtol=1e-6, atol=1e-6, msg=lambda text, n=name: f"{n}: {text}")
    config = {**sae.cfg.to_dict(), "architecture": str(sae.cfg.architecture)}
    assert {name: config.get(name) for name in expected.settings} == expected.settings
    assert {name: getattr(sae.cfg.metadata, name) for name in expected.metadata} == expected.metadata
    x = inputs()
    acts, out = expected.compute(x)
    shaped = x.unflatten(-1, (2, -1)) if sae.cfg.reshape_activations == "hook_z" else x
    with torch.no_grad():
        torch.testing.assert_close(sae.encode(shaped), acts, rtol=1e-5, atol=1e-5)
        torch.testing.assert_close(sae(shaped).reshape(out.shape), out, rtol=1e-5, atol=1e-5)


@pytest.fixture(scope="module")
def repositories(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Published]]:
    """Every case in a repository of its own, all on one stand-in."""
    found = {case: published(case, tmp_path_factory.mktemp(case.replace("/", "-"))) for case in READ}
    # The names of some repositories are facts, so cases share them: revisions keep them apart.
    roots = {f"{each.repo_id}@{case.replace('/', '-')}": each.root for case, each in found.items()}
    first = {each.repo_id: each.root for each in found.values()}
    with hub({**first, **roots}):
        yield found


@pytest.mark.parametrize("case", READ)
def test_a_folder_is_recognised_and_read(case, tmp_path):
    expected = published(case, tmp_path)
    found = recognise(expected.local)
    assert found.format == CASES[case][0]
    assert found.architecture == expected.settings["architecture"]
    assert (found.d_in, found.d_sae) == (expected.settings["d_in"], expected.settings["d_sae"])
    sae = load_folder(expected.local, overrides=expected.overrides)
    assert_is(sae, expected)
    assert sae.W_dec.is_contiguous()


@pytest.mark.parametrize("case", READ)
def test_a_repository_is_read_alike(case, repositories):
    expected = repositories[case]
    source = HubSource(expected.repo_id, expected.hub_path or expected.path, revision=case.replace("/", "-"))
    assert_is(load_source(source, overrides=expected.overrides), expected)


@pytest.mark.parametrize("case", REFUSED)
def test_what_no_architecture_computes_is_refused_by_name(case, tmp_path):
    with pytest.raises(ValueError, match=REFUSED[case]):
        load_folder(published(case, tmp_path).local)


def test_every_format_has_a_layout():
    assert {each.NAME for each in FORMATS} - {"saelens"} == {format for format, _ in CASES.values()}


def test_recognising_says_it_in_one_line(tmp_path):
    expected = published("gemma_transcoder/small_letters", tmp_path)
    assert str(recognise(expected.local)) == (
        "gemma_transcoder: jumprelu_transcoder, 6 -> 10 features, float32 "
        "at blocks.12.ln2.hook_normalized to blocks.12.hook_mlp_out of gemma-2-2b"
    )


def test_recognising_names_every_hook(tmp_path):
    crosscoder = recognise(published("dictionary_learning/CrossCoder", tmp_path).local)
    assert crosscoder.hook_name == "blocks.1.hook_resid_post, blocks.3.hook_resid_post"
    layer = recognise(published("mntss/jumprelu", tmp_path).local)
    assert (layer.hook_name, layer.hook_name_out) == (
        "blocks.2.hook_resid_mid",
        "blocks.2.hook_mlp_out, blocks.3.hook_mlp_out",
    )


def test_folders_above_a_repository_mean_nothing(tmp_path):
    for case in ("gemma_scope/residual", "gemma_scope_2/residual"):
        expected = published(case, tmp_path / "my/transcoders/embedding/transcoder/gemma-scope-9b-it-mlp/layer_3")
        assert_is(load_folder(expected.local), expected)


def test_any_of_an_saes_files_stands_for_its_folder(tmp_path):
    expected = published("dictionary_learning/AutoEncoder", tmp_path)
    assert_is(load_folder(expected.local / "ae.pt"), expected)


@pytest.mark.parametrize("case", [case for case in READ if case.startswith(("mntss", "gemma_scope_2/cross"))])
def test_a_layer_has_the_same_name_in_a_folder_as_in_a_repository(case, tmp_path):
    expected = published(case, tmp_path)
    assert_is(load_folder(expected.root / expected.hub_path), expected)
    with pytest.raises(FileNotFoundError, match="No folder"):
        load_folder(expected.root / "77")


def test_a_folder_above_says_which_saes_are_in_it(tmp_path):
    published("sparsify/mlp", tmp_path)
    root = published("sparsify/layer", tmp_path).root
    with pytest.raises(FileNotFoundError, match=r"SAEs are in it: layers\.5, layers\.5\.mlp"):
        load_folder(root)
    files = published("mntss/relu", tmp_path).root
    with pytest.raises(FileNotFoundError, match=r"W_enc_1\.safetensors"):
        load_folder(files)


def test_the_parts_of_a_cross_layer_transcoder_add_up_to_the_whole(tmp_path):
    from tests.loaders.layouts import mntss

    layers = [mntss.write(tmp_path, layer) for layer in range(mntss.N_LAYERS)]
    xs = [inputs() * (1 + layer) for layer in range(mntss.N_LAYERS)]
    parts = [load_folder(each.local)(x).detach() for each, x in zip(layers, xs, strict=True)]
    for layer in range(mntss.N_LAYERS):
        # y_l = b_dec_l + sum of what each earlier layer's features write to l
        whole = layers[layer].weights["b_dec"][: xs[0].shape[1]].expand_as(xs[0]).clone()
        for earlier in range(layer + 1):
            acts = layers[earlier].compute(xs[earlier])[0]
            decoders = layers[earlier].weights["W_dec"].unflatten(-1, (-1, xs[0].shape[1]))
            whole += acts @ decoders[:, layer - earlier]
        total = sum(parts[earlier][:, layer - earlier] for earlier in range(layer + 1))
        torch.testing.assert_close(total, whole, rtol=1e-5, atol=1e-5)


def test_a_dtype_is_kept_or_chosen(tmp_path):
    expected = published("goodfire/8b", tmp_path)
    halves = {name: tensor.bfloat16() for name, tensor in torch.load(expected.local, weights_only=True).items()}
    torch.save(halves, expected.local)
    assert load_folder(expected.local).dtype == torch.bfloat16
    assert load_folder(expected.local, dtype="float32").dtype == torch.float32
    assert recognise(expected.local).dtype == "bfloat16"


def test_k_that_no_name_holds_is_asked_for(tmp_path):
    with pytest.raises(ValueError, match="how many features are active"):
        load_folder(published("qwen_scope/copied_elsewhere", tmp_path).local)


def test_how_often_features_fired_is_read_where_it_was_counted(tmp_path):
    from sae_widgets.loaders import openai_gpt2

    counted = published("openai_gpt2/topk", tmp_path)
    frequency = torch.load(counted.local, weights_only=True)["latents_activation_frequency"]
    log_sparsity = openai_gpt2.read(FolderSource(counted.local)).log_sparsity
    torch.testing.assert_close(log_sparsity, (frequency + 1e-10).log10())
    assert openai_gpt2.read(FolderSource(published("openai_gpt2/relu", tmp_path).local)).log_sparsity is None
