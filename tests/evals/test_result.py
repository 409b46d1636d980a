"""Results as data, as a table and as JSON."""

import json
import math

import pytest
import torch

from sae_widgets.evals import Comparison, EvalResult, compare_saes, run_evals
from sae_widgets.evals.intervals import jackknife_error
from tests.evals.test_evaluation import HOOK, identity_sae, random_sae, tokens_of
from tests.tiny_lm import TinyLM


@pytest.fixture(scope="module")
def comparison():
    return compare_saes(
        {"topk": random_sae(), "<b>perfect\u202e": identity_sae()}, TinyLM(), tokens_of(9), metrics="all"
    )


def test_a_comparison_is_what_each_gives_alone(comparison):
    alone = run_evals(random_sae(), TinyLM(), tokens_of(9), metrics="all")
    assert alone == pytest.approx(comparison["topk"])
    assert alone.intervals["l1"] == pytest.approx(comparison["topk"].intervals["l1"])
    assert torch.allclose(alone.features["feature_density"], comparison["topk"].features["feature_density"])


def test_what_does_not_depend_on_the_sae_is_run_once():
    def n_forwards(n_saes, metrics):
        model = TinyLM()
        compare_saes({str(i): random_sae() for i in range(n_saes)}, model, tokens_of(), metrics=metrics)
        return model.n_forwards

    # as is, with zeros, with the SAE; and two more to find out whether the model can be started at the hook
    assert n_forwards(1, ["ce_loss_score"]) == 5
    assert n_forwards(3, ["ce_loss_score"]) == 7
    assert n_forwards(3, ["ce_loss_with_sae"]) == 6
    assert n_forwards(3, ["ce_loss_without_sae"]) == 1
    assert n_forwards(3, ["l0", "explained_variance", "feature_density"]) == 1
    assert n_forwards(3, ["encoder_norm"]) == 0


def test_a_difference_is_paired_by_row(comparison):
    first, second = comparison["topk"], comparison["<b>perfect\u202e"]
    value, (low, high) = comparison.difference("ce_loss_with_sae", "<b>perfect\u202e", "topk")
    assert value == pytest.approx(second["ce_loss_with_sae"] - first["ce_loss_with_sae"])
    replicates = [each.evidence["ce_loss_with_sae"].replicates for each in (second, first)]
    assert (high - low) / 2 == pytest.approx(jackknife_error(replicates[0] - replicates[1]) * 2.306, rel=1e-2)
    apart = [
        (each.intervals["ce_loss_with_sae"][1] - each.intervals["ce_loss_with_sae"][0]) for each in (first, second)
    ]
    assert high - low < sum(apart)


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (("l0", "topk", "topkk"), "No SAE 'topkk' in this comparison. Did you mean 'topk'"),
        (("l00", "topk", "topk"), "No metric 'l00' of 'topk'. Did you mean 'l0'"),
    ],
)
def test_a_difference_of_what_is_not_there_is_refused(comparison, names, message):
    with pytest.raises(ValueError, match=message):
        comparison.difference(*names)


def test_json_gives_back_everything_but_paired_differences(comparison):
    text = comparison.to_json()
    back = Comparison.from_dict(json.loads(text, parse_constant=pytest.fail))
    assert list(back) == list(comparison)
    assert back["topk"] == pytest.approx(comparison["topk"], nan_ok=True)
    assert back["topk"].intervals == comparison["topk"].intervals
    assert back["topk"].n == comparison["topk"].n
    assert back["topk"].facts == comparison["topk"].facts
    for name, values in comparison["topk"].features.items():
        assert torch.allclose(back["topk"].features[name].double(), values.double(), equal_nan=True)
    with pytest.raises(ValueError, match="needs both evaluated together"):
        back.difference("l0", "topk", "topk")
    with pytest.raises(ValueError, match="no evaluation: it lacks intervals, n, facts"):
        EvalResult.from_dict({"metrics": {}})


def test_tables_hold_every_metric_and_no_html_of_others(comparison):
    for shown in (comparison, comparison["<b>perfect\u202e"]):
        page = shown._repr_html_()
        assert "&lt;b&gt;perfect⟨U+202E⟩" in page
        assert "<b>" not in page
        assert "explained_variance" in page
    assert "explained_variance" in str(comparison["topk"])
    assert "9 sequences" in str(comparison["topk"])
    assert "±" in str(comparison)


def test_frames_have_values_and_ends_of_intervals(comparison):
    frame = comparison["topk"].to_frame()
    assert frame.loc["l0", "value"] == comparison["topk"]["l0"]
    assert (frame.loc["mse", "low"], frame.loc["mse", "high"]) == comparison["topk"].intervals["mse"]
    assert frame.loc["ce_loss_score", "n"] == comparison["topk"]["total_tokens_eval_reconstruction"]
    wide = comparison.to_frame()
    assert wide.loc["topk", "mse_low"] == comparison["topk"].intervals["mse"][0]
    features = comparison["topk"].features.to_frame()
    assert {"feature_density", "feature_density_se", "encoder_norm"} <= set(features.columns)
    assert len(features) == 32


def test_one_sequence_gives_numbers_without_intervals():
    result = run_evals(random_sae(), TinyLM(), tokens_of(1))
    assert math.isfinite(result["mse"])
    assert all(math.isnan(end) for end in result.intervals["mse"])
    assert result.to_dict()["intervals"]["mse"] == [None, None]


def test_an_sae_evaluated_twice_has_one_name_each():
    saes = [random_sae(), random_sae()]
    assert len(compare_saes(saes, TinyLM(), tokens_of(), metrics="l0")) == 2
    with pytest.raises(ValueError, match="No SAE to compare"):
        compare_saes({}, TinyLM(), tokens_of())
    with pytest.raises(ValueError, match=r"No metric or group 'l00'\. Did you mean 'l0'"):
        run_evals(saes[0], TinyLM(), tokens_of(), metrics="l00")
    assert run_evals(saes[0], TinyLM(), tokens_of(), metrics="sparsity").facts["hook_name"] == HOOK
