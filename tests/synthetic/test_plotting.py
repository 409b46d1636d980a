"""Pictures of what an SAE has found."""

import json

import pytest
import torch

import sae_widgets as sw
from sae_widgets.synthetic import (
    FeatureDictionary,
    find_best_feature_ordering,
    find_best_feature_ordering_across_saes,
    find_best_feature_ordering_from_sae,
    plot_sae_feature_similarity,
)
from tests.tiny_sae import tiny


def case(order: list[int]) -> tuple[sw.SAE, FeatureDictionary]:
    """An SAE whose rows are the axes in this order, and the axes."""
    features = FeatureDictionary(3, 3, initializer=None)
    features.feature_vectors.data = torch.eye(3)
    rows = torch.eye(3)[order]
    return tiny(sw.StandardSAEConfig(d_in=3, d_sae=3), W_dec=rows, W_enc=rows.T), features


def test_rows_are_put_in_the_order_of_the_truth():
    sae, features = case([2, 0, 1])
    assert find_best_feature_ordering(sae.W_dec, features.feature_vectors).tolist() == [1, 2, 0]
    assert find_best_feature_ordering_from_sae(sae, features).tolist() == [1, 2, 0]


def test_of_several_saes_the_best_one_orders():
    good, features = case([2, 0, 1])
    poor = tiny(sw.StandardSAEConfig(d_in=3, d_sae=3), W_dec=torch.ones(3, 3), W_enc=torch.ones(3, 3))
    assert find_best_feature_ordering_across_saes([poor, good], features).tolist() == [1, 2, 0]
    with pytest.raises(ValueError, match="No SAEs provided"):
        find_best_feature_ordering_across_saes([], features)


def test_the_chart_holds_the_cosines(tmp_path):
    sae, features = case([2, 0, 1])
    chart = plot_sae_feature_similarity(
        sae, features, reorder_features=True, show_values=True, show_plot=False, save_path=tmp_path / "new" / "c.json"
    )
    saved = json.loads((tmp_path / "new" / "c.json").read_text())
    assert saved["title"] == chart.to_dict()["title"] == "Cosine similarity with true features"
    encoder, decoder = saved["hconcat"]
    assert (encoder["title"], decoder["title"]) == ("SAE encoder", "SAE decoder")
    data = decoder["layer"][0]["data"]["values"] if "data" in decoder["layer"][0] else decoder["data"]["values"]
    assert {(row["sae_feature"], row["true_feature"]) for row in data if row["cosine"] == 1} == {(0, 0), (1, 1), (2, 2)}
    alone = plot_sae_feature_similarity(sae, features, title="Mine", decoder_only=True, show_plot=False, dtick=None)
    assert len(alone.to_dict()["hconcat"]) == 1
