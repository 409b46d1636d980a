"""What SAELens' functions say of published SAEs."""

from sae_lens.loading.pretrained_saes_directory import (
    get_config_overrides,
    get_norm_scaling_factor,
    get_releases_for_repo_id,
    get_repo_id_and_folder_name,
)

from tests.parity.recording import Recording

NAMES = (
    ("gpt2-small-res-jb", "blocks.8.hook_resid_pre"),
    ("gpt2-small-mlp-tm", "blocks.3.hook_mlp_out"),
    ("gemma-scope-2b-pt-res-canonical", "layer_20/width_16k/canonical"),
    ("llama_scope_lxr_8x", "l15r_8x"),
    ("someone/elsewhere", "a/folder"),
)


def test_registry(record: Recording):
    for release, sae_id in NAMES:
        where, scale = get_repo_id_and_folder_name(release, sae_id), get_norm_scaling_factor(release, sae_id)
        record(f"{release}: where", list(where))
        record(f"{release}: scale", scale if scale is None else str(scale))
        record(f"{release}: overrides", get_config_overrides(release, sae_id))
    record("releases", sorted(get_releases_for_repo_id("google/gemma-scope-2b-pt-res")))
