"""Synthetic models to the hub, with its real client, against a server on the loopback."""

import pytest
import torch

from sae_widgets.synthetic import SyntheticModel, upload_synthetic_model_to_huggingface
from tests.hub_stand_in import hub
from tests.synthetic.small import small_config

# The hub's client passes bytes to its HTTP library in a way that this deprecates.
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")


def drawn(model: SyntheticModel) -> torch.Tensor:
    return model.sample(20, torch.Generator().manual_seed(0))


def test_an_uploaded_model_comes_back_and_is_not_sent_twice(tmp_path):
    model = SyntheticModel(small_config())
    model.save(tmp_path / "model")
    with hub() as stand_in:
        url = upload_synthetic_model_to_huggingface(model, "me/bench", "small/one", token="hf_x")
        assert url == f"{stand_in.url}/me/bench"
        upload_synthetic_model_to_huggingface(tmp_path / "model", "me/bench", "small/one", token="hf_x")
        messages = [commit["message"] for commit in stand_in.commits]
        assert messages == ["Upload SyntheticModel small/one", "Add a README"]
        assert torch.equal(drawn(SyntheticModel.from_pretrained("me/bench", "small/one")), drawn(model))
        readme = (stand_in.repos["me/bench"] / "README.md").read_text()
    assert 'sw.SyntheticModel.from_pretrained("me/bench", "small/one")' in readme
    assert "24 features in 12 dimensions; hierarchy: 2 trees" in readme


def test_what_cannot_be_published_is_refused_before_anything_is_sent(tmp_path):
    with hub() as stand_in:
        with pytest.raises(FileNotFoundError, match=r"synthetic_model_config\.json"):
            upload_synthetic_model_to_huggingface(tmp_path, "me/bench")
        with pytest.raises(ValueError, match="no repository's name"):
            upload_synthetic_model_to_huggingface(tmp_path, "a/b/c")
        with pytest.raises(ValueError, match="cannot be a folder of the repository"):
            upload_synthetic_model_to_huggingface(SyntheticModel(small_config()), "me/bench", "../x")
        assert stand_in.repos == {}
