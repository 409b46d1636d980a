"""Charts hold the numbers of the data they were made from."""

import pytest
import torch

from sae_widgets import charts
from sae_widgets.attribution import Attribution, MethodAttribution
from sae_widgets.evals import Comparison, EvalResult, FeatureMetrics
from sae_widgets.evals.result import Evidence
from sae_widgets.features.logits import LogitEffects, TokenEffect
from sae_widgets.features.statistics import FeatureStatistics
from sae_widgets.runs.run import History


def values_of(chart) -> list[dict]:
    return chart.to_dict()["data"]["values"]


@pytest.fixture
def statistics() -> FeatureStatistics:
    return FeatureStatistics(
        n_tokens=1_000,
        density=torch.tensor([0.1, 0.0, 0.001]),
        max_act=torch.tensor([4.0, 0.0, 1.0]),
        mean_act=torch.tensor([2.0, 0.0, 1.0]),
        histogram=torch.tensor([[60.0, 40.0], [0.0, 0.0], [0.0, 1.0]]),
        bin_width=torch.tensor([2.0, 1.0, 0.5]),
        top_contexts={},
        labels={0: "</script> words"},
    )


def test_activation_histogram_counts_every_token_on_which_the_feature_fires(statistics):
    chart = charts.activation_histogram(statistics, 0)
    assert values_of(chart) == [{"from": 0.0, "to": 2.0, "tokens": 60.0}, {"from": 2.0, "to": 4.0, "tokens": 40.0}]
    assert chart.to_dict()["title"]["text"] == "Feature 0: </script> words"


def test_activation_histogram_refuses_a_feature_that_is_not_there(statistics):
    with pytest.raises(ValueError, match="No feature 3; the statistics hold 0 to 2"):
        charts.activation_histogram(statistics, 3)


def test_density_histogram_holds_all_features_but_the_silent_ones(statistics):
    chart = charts.density_histogram(statistics)
    assert sum(row["features"] for row in values_of(chart)) == 2
    assert "3 features, 1 silent" in chart.to_dict()["title"]["subtitle"]


@pytest.fixture
def comparison() -> Comparison:
    def result(l0: float, score: float, architecture: str) -> EvalResult:
        evidence = {"l0": Evidence(10, interval=(l0 - 1, l0 + 1)), "ce_loss_score": Evidence(9)}
        density = FeatureMetrics({"feature_density": torch.tensor([0.5, 0.0])})
        values = {"l0": l0, "ce_loss_score": score, "total_tokens_eval_sparsity_variance": 10.0}
        return EvalResult(values, evidence, {"architecture": architecture}, density)

    return Comparison(a=result(8.0, 0.9, "topk"), b=result(16.0, 0.95, "topk"), c=result(9.0, 0.8, "standard"))


def test_density_histogram_takes_an_evaluation(comparison):
    chart = charts.density_histogram(comparison["a"])
    assert sum(row["features"] for row in values_of(chart)) == 1
    assert "2 features, 1 silent on 10 tokens" in chart.to_dict()["title"]["subtitle"]
    with pytest.raises(ValueError, match="did not count features"):
        charts.density_histogram(EvalResult({"l0": 1.0}))


def test_pareto_has_a_point_for_each_sae_and_ends_of_known_intervals(comparison):
    chart = charts.pareto(comparison, ["ce_loss_score"], series={"b": "mine"}).to_dict()
    (found,) = chart["hconcat"]
    rows = found["layer"][0].get("data", found.get("data", {})).get("values") or chart["data"]["values"]
    assert rows[0] == {"SAE": "a", "series": "topk", "l0": 8, "l0 low": 7, "l0 high": 9, "ce_loss_score": 0.9}
    assert [row["series"] for row in rows] == ["topk", "mine", "standard"]
    with pytest.raises(ValueError, match="'a' was evaluated without explained_variance; it has l0, ce_loss_score"):
        charts.pareto(comparison)


def test_logit_effects_keep_their_order_and_sign():
    effects = LogitEffects([TokenEffect(5, " cat", 2.0)], [TokenEffect(7, " dog", -1.0)], torch.zeros(8))
    assert values_of(charts.logit_effect_bars(effects)) == [
        {"token": " cat (5)", "effect": 2.0, "does": "raises"},
        {"token": " dog (7)", "effect": -1.0, "does": "lowers"},
    ]


def test_attribution_bars_add_up_to_the_logit_difference():
    method = MethodAttribution(
        features=torch.tensor([3, 1, 2]),
        totals=torch.tensor([2.0, -1.0, 0.5]),
        by_position=torch.zeros(3, 2),
        other_features=0.25,
        error_term=0.125,
        remainder=0.125,
        total=2.0,
    )
    attribution = Attribution("p", [0, 1], ["a", "b"], " x", 4, None, None, 2.0, {"direct": method})
    rows = values_of(charts.attribution_bars(attribution, top=2))
    assert [row["part"] for row in rows] == ["feature 3", "feature 1", "other features", "error term", "remainder"]
    assert sum(row["effect"] for row in rows) == pytest.approx(2.0)
    with pytest.raises(ValueError, match="there are direct"):
        charts.attribution_bars(attribution, "ablation")


def test_training_curves_are_thinned_but_keep_their_values():
    history = History()
    for step in range(3_000):
        history.record(step, {"losses/mse.loss": float(step)})
    chart = charts.training_curves(history).to_dict()
    rows = chart["data"]["values"]  # Altair lifts the data of a single chart to the top
    assert len(rows) == 1_000
    assert rows[1] == {"step": 3, "losses/mse.loss": 3.0}
