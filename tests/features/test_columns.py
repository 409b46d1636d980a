"""Columns of all features equal what is said of each, and what does not fit is refused where it enters."""

import math

import numpy as np
import pandas as pd
import pytest
import torch

from sae_widgets.architectures import CrossLayerTranscoderConfig, TopKSAEConfig, TranscoderConfig
from sae_widgets.features.columns import given_columns, label_column, sae_columns, statistics_columns, text_column
from sae_widgets.features.statistics import FeatureStatistics
from tests.tiny_sae import random_sae, tiny


def statistics(d_sae=3):
    acts = torch.tensor([[0.0, 1.0, 4.0], [0.0, 3.0, 0.0], [0.0, 0.0, 0.0], [0.0, 2.0, 0.0]])[:, :d_sae]
    n = (acts > 0).sum(0)
    moments = torch.stack([acts.double().pow(k).sum(0) / n.clamp_min(1) for k in (1, 2, 3, 4)])
    return FeatureStatistics(
        n_tokens=4,
        density=n / 4,
        max_act=acts.amax(0),
        mean_act=moments[0].float(),
        histogram=torch.stack([n.float(), torch.zeros(d_sae)], 1),
        bin_width=torch.ones(d_sae),
        top_contexts={1: [], 2: []},
        moments=moments,
        top_tokens={1: [" a", " b"], 2: [" c"]},
        labels={2: "cats"},
    )


def test_statistics_columns_are_those_of_each_feature():
    known = statistics()
    found = {column.key: column.values for column in statistics_columns(known)}
    assert found["density"].tolist() == [0, 0.75, 0.25]
    assert math.isnan(found["mean_act"][0])
    assert math.isnan(found["std_act"][0])
    for feature in (1, 2):
        shape = known.shape(feature)
        assert found["mean_act"][feature] == pytest.approx(shape["mean"])
        assert found["std_act"][feature] == pytest.approx(shape["variance"] ** 0.5, abs=1e-6)
        assert found["skewness"][feature] == pytest.approx(shape["skewness"], abs=1e-6, nan_ok=True)
    assert found["n_active"].tolist() == [0, 3, 1]


def test_weights_alone_make_columns():
    sae = tiny(
        TopKSAEConfig(d_in=2, d_sae=3, k=1),
        W_enc=torch.tensor([[1.0, 0.0, 3.0], [0.0, 2.0, 4.0]]),
        W_dec=torch.tensor([[1.0, 0.0], [0.0, -1.0], [0.0, 0.0]]),
        b_enc=torch.tensor([0.5, 0.0, -1.0]),
    )
    found = {column.key: column.values.tolist() for column in sae_columns(sae)}
    assert found["decoder_norm"] == [1, 1, 0]
    assert found["encoder_norm"] == [1, 2, 5]
    assert found["encoder_decoder_cosine"] == [1, -1, 0]
    assert found["encoder_bias"] == [0.5, 0, -1]


@pytest.mark.parametrize("config", [TranscoderConfig, CrossLayerTranscoderConfig])
def test_encoder_and_decoder_of_other_widths_have_no_cosine(config):
    sae = random_sae(config)
    found = {column.key: column.values for column in sae_columns(sae)}
    assert "encoder_decoder_cosine" not in found
    assert found["decoder_norm"] == pytest.approx(sae.W_dec.detach().flatten(1).norm(dim=1).numpy())


def test_labels_come_before_top_tokens_and_sort_by_alphabet():
    column = label_column(statistics(), 3)
    assert column.texts == {1: "“ a” “ b”", 2: "cats"}
    assert math.isnan(column.values[0])
    texts = text_column("t", {0: "b", 1: "A", 3: "a"}, 5)
    assert texts.values[[0, 1, 3]].tolist() == [1, 0, 0]
    assert label_column(None, 3).texts == {}


def test_given_columns_of_every_kind():
    frame = pd.DataFrame({"score": [1.0, np.nan, 3.0], "kind": ["x", None, "y"], "n": [1, 2, 2**40 + 1]})
    score, kind, n = given_columns(frame, 3)
    assert score.values.dtype == np.float32
    assert math.isnan(score.values[1])
    assert kind.texts == {0: "x", 2: "y"}
    assert (n.kind, n.values[2]) == ("count", 2**40 + 1)
    some = given_columns(pd.DataFrame({"s": [5, 7]}, index=[2, 0]), 3)[0]
    assert some.values.tolist()[::2] == [7, 5]
    assert math.isnan(some.values[1])
    by_feature = given_columns({"m": {1: True}, "t": torch.ones(3)}, 3)
    assert by_feature[0].values[1] == 1
    assert by_feature[1].values.tolist() == [1, 1, 1]
    assert given_columns(pd.Series([1.0, 2.0, 3.0], name="own"), 3)[0].key == "own"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"a": [1.0, 2.0]}, r"'a' has shape \(2,\); this SAE has 3 features"),
        ({"a": {3: 1.0}}, "names a feature 3; there are 3, 0 to 2"),
        ({"a": [[1], [2], [3]]}, r"has shape \(3, 1\)"),
        ({"a": [None, object(), None]}, "holds neither numbers nor texts"),
        ([1.0, 2.0, 3.0], r"got a list. For a single one write \{'my score': values\}"),
        (pd.DataFrame({"a": [1, 2]}, index=[1, 1]), "names a feature twice"),
        (pd.DataFrame({"a": [1, 2]}, index=["x", "y"]), "2 rows and no numbers of features as its index"),
        (pd.DataFrame({"a": [1, 2]}, index=[0, 9]), "names a feature 9"),
    ],
)
def test_columns_that_do_not_fit_are_refused(given, message):
    with pytest.raises(ValueError, match=message):
        given_columns(given, 3)
