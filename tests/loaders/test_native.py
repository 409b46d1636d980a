"""SAEs on disk, found by their format."""

import pytest
import torch

from sae_widgets.architectures import JumpReLUSAEConfig, StandardSAEConfig
from sae_widgets.loaders import FolderSource, find_saes, load_folder, native, recognise
from tests.tiny_sae import random_sae, random_x


def test_a_native_folder_is_recognised_and_loaded(tmp_path):
    sae = random_sae(JumpReLUSAEConfig)
    sae.save_model(tmp_path)
    assert native.recognises(FolderSource(tmp_path))
    assert str(recognise(tmp_path)) == "saelens: jumprelu, 6 -> 20 features, float64"
    loaded = load_folder(tmp_path, dtype="float32")
    assert loaded.dtype == torch.float32
    torch.testing.assert_close(loaded(random_x(3, 6)), sae(random_x(3, 6)).float())


def test_a_folder_nobody_recognises_says_what_is_there(tmp_path):
    (tmp_path / "notes.npz").touch()
    assert not native.recognises(FolderSource(tmp_path))
    with pytest.raises(FileNotFoundError, match=r"found notes\.npz"):
        load_folder(tmp_path)


def test_saes_are_found_at_any_depth_in_order(tmp_path):
    for name in ("b", "a/deep", "c"):
        random_sae(StandardSAEConfig).save_model(tmp_path / name)
    (tmp_path / "empty").mkdir()
    assert find_saes(tmp_path) == [tmp_path / "a/deep", tmp_path / "b", tmp_path / "c"]
    assert find_saes(tmp_path / "c") == [tmp_path / "c"]
    assert find_saes(tmp_path / "empty") == []
    with pytest.raises(FileNotFoundError, match="No folder"):
        find_saes(tmp_path / "nowhere")
