"""The catalogue of published SAEs."""

import subprocess
import sys
from pathlib import Path

import pytest

import sae_widgets as sw
from sae_widgets.loaders import FORMATS, catalog, format_named


def test_it_holds_every_release_once():
    releases = catalog.releases()
    assert len(releases) == len({each.name for each in releases}) == 170
    assert sum(each.n_saes for each in releases) == len(catalog.find()) == 13_857
    assert [each.name for each in releases] == sorted(each.name for each in releases)
    assert sw.catalog is catalog


def test_an_entry_holds_what_is_known():
    entry = catalog.entry("gpt2-small-res-jb", "blocks.8.hook_resid_pre")
    assert (entry.repo_id, entry.path) == ("jbloom/GPT2-Small-SAEs-Reformatted", "blocks.8.hook_resid_pre")
    assert (entry.format, entry.model, entry.site, entry.layer) == ("saelens", "gpt2-small", "resid_pre", 8)
    assert (entry.hook_name, entry.width, entry.l0) == ("blocks.8.hook_resid_pre", 24576, 60.0)
    assert entry.neuronpedia_id == "gpt2-small/8-res-jb"
    assert entry.overrides == {"model_from_pretrained_kwargs": {"center_writing_weights": True}}
    assert entry.code == 'sw.SAE.from_pretrained("gpt2-small-res-jb", "blocks.8.hook_resid_pre")'
    assert catalog.release("gpt2-small-res-jb").links["model"] == "https://huggingface.co/gpt2"


def test_what_nobody_wrote_down_is_none():
    entry = catalog.entry("pythia-70m-deduped-att-sm", "blocks.3.hook_attn_out")
    unknown = (entry.l0, entry.width, entry.variance_explained, entry.norm_scaling_factor)
    assert unknown == (None, None, None, None)
    assert catalog.entry("gemma-scope-2b-pt-res", "layer_0/width_16k/average_l0_105").neuronpedia_id is None


def test_names_tell_what_the_registry_leaves_open():
    entry = catalog.entry("gemma-scope-2b-pt-res-canonical", "layer_12/width_16k/canonical")
    assert (entry.path, entry.l0, entry.width) == ("layer_12/width_16k/average_l0_82", 82.0, 16384)
    entry = catalog.entry("llama_scope_lxa_32x", "l16a_32x")
    assert (entry.hook_name, entry.width) == ("blocks.16.hook_attn_out", 131072)
    assert entry.norm_scaling_factor == 19.32075471698113
    entry = catalog.entry("sae_bench_gemma-2-2b_topk_width-2pow14_date-1109", "blocks.5.hook_resid_post__trainer_3")
    assert (entry.hook_name, entry.layer, entry.width) == ("blocks.5.hook_resid_post", 5, 2**14)
    entry = catalog.entry("gemma-scope-2b-pt-att", "layer_0/width_65k/average_l0_10")
    assert (entry.hook_name, entry.site, entry.width) == ("blocks.0.attn.hook_z", "hook_z", 65536)
    entry = catalog.entry("mntss-gemma-2-2b-2.5m-clt-as-per-layer", "layer_13")
    assert (entry.path, entry.site, entry.hook_name) == ("13", "cross_layer_transcoder", None)


def test_every_format_it_names_is_one_we_read():
    named = {each.format for each in catalog.releases()}
    assert named <= {each.NAME for each in FORMATS}
    assert {format_named(name).NAME for name in named} == named


def test_finding_takes_all_that_is_asked():
    found = catalog.find(model="gemma-2-2b", layer=12, site="resid_post", width=16384, l0=(20, 100))
    assert found
    for each in found:
        assert (each.model, each.layer, each.site, each.width) == ("gemma-2-2b", 12, "resid_post", 16384)
        assert 20 <= each.l0 <= 100
    assert {each.release for each in catalog.find(text="RES-jb resid_pre 8.hook")} == {
        "gpt2-small-res-jb",
        "gpt2-small-res-jb-feature-splitting",
    }
    assert catalog.find(model="google/gemma-3-1b-pt", site="transcoder")
    assert {each.site for each in catalog.find(model="gemma-3-1b-pt", site="mlp")} == {"mlp_out"}
    assert all(45 <= each.l0 <= 55 for each in catalog.find(l0=50))
    assert catalog.find(model="gpt-17") == []


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: catalog.entry("gpt2-small-res-jp", "x"), r"No release 'gpt2-small-res-jp'.*'gpt2-small-res-jb'"),
        (
            lambda: catalog.entry("gpt2-small-res-jb", "blocks.8.resid_pre"),
            r"No SAE .* in release 'gpt2-small-res-jb', which has 13\. Did you mean 'blocks.8.hook_resid_pre'",
        ),
        (
            lambda: catalog.entry("gemma-scope-2b-pt-res", "layer_12/width_16k/average_l0_83"),
            r"which has 316\. Did you mean .*'layer_12/width_16k/average_l0_82'",
        ),
        (lambda: catalog.release("x/y"), "No release 'x/y'"),
        (lambda: catalog.ids("gemma"), "No release 'gemma'"),
    ],
)
def test_a_name_that_is_not_there_offers_the_nearest(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_a_path_on_this_machine_is_pointed_out(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my_sae").mkdir()
    with pytest.raises(ValueError, match=r"'my_sae' is a path on this machine: SAE\.load_from_disk"):
        catalog.entry("my_sae", "")


def test_a_look_up_is_by_release_or_by_repository():
    release = catalog.entry("gemma-scope-2b-pt-res", "layer_12/width_16k/average_l0_82")
    assert catalog.lookup("gemma-scope-2b-pt-res", "layer_12/width_16k/average_l0_82") == release
    found = catalog.lookup("google/gemma-scope-2b-pt-res", "layer_12/width_16k/average_l0_82")
    assert (found.repo_id, found.path, found.l0) == (release.repo_id, release.path, 82.0)
    assert catalog.lookup("google/gemma-scope-2b-pt-res", "layer_12") is None
    assert catalog.lookup("someone/else", "x") is None


def test_ids_are_sorted_by_their_numbers():
    ids = catalog.ids("gpt2-small-attn-out-v5-32k")
    assert ids == [f"blocks.{layer}.hook_attn_out" for layer in range(12)]


def test_it_is_small_and_quick():
    assert (Path(catalog.__file__).parent / "catalog.txt").stat().st_size < 300_000
    code = (
        "import time\nfrom sae_widgets.loaders import catalog\nstart = time.process_time()\n"
        "catalog.entry('gemma-scope-2b-pt-res-canonical', 'layer_12/width_16k/canonical')\n"
        "print(time.process_time() - start)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert float(done.stdout) < 0.05  # measured 0.007
