"""SAELens' call: an EvalConfig, a store of rows, and a pair of dicts."""

import pytest
import torch

from sae_widgets.evals import EvalConfig, get_eval_everything_config, run_evals
from tests.evals.test_evaluation import random_sae, tokens_of
from tests.tiny_lm import TinyLM


class Store:
    store_batch_size_prompts = 3

    def __init__(self):
        self.n_taken = 0

    def reset_input_dataset(self):
        self.n_taken = 0

    def get_batch_tokens(self, batch_size):
        self.n_taken += batch_size
        return tokens_of(12)[self.n_taken - batch_size : self.n_taken]


class Scaler:
    scaling_factor = 2.0


def test_everything_is_there_in_saelens_groups_and_the_same_as_by_the_short_call():
    sae = random_sae()
    metrics, features = run_evals(sae, Store(), TinyLM(), None, get_eval_everything_config(3, 2, 2))
    short = run_evals(sae, TinyLM(), tokens_of(12)[:6], metrics="all", batch_size_prompts=3)
    assert metrics == {group: pytest.approx(values) for group, values in short.groups().items()}
    assert torch.allclose(torch.tensor(features["feature_density"]), short.features["feature_density"].float())
    fewer, _ = run_evals(sae, Store(), TinyLM(), None, get_eval_everything_config(3, 2, 1))
    assert fewer["model_performance_preservation"] == pytest.approx(metrics["model_performance_preservation"])
    one = run_evals(sae, TinyLM(), tokens_of(12)[:3], metrics="sparsity")
    assert fewer["sparsity"] == pytest.approx(one.groups()["sparsity"])


def test_only_what_is_switched_on_is_measured_and_version_5_spells_tokens_otherwise():
    metrics, features = run_evals(
        sae=random_sae(),
        activation_store=Store(),
        model=TinyLM(),
        eval_config=EvalConfig(compute_sparsity_metrics=True),
        ignore_tokens={0, 3},
    )
    assert list(metrics) == ["sparsity", "token_stats"]
    assert (
        metrics["token_stats"]["total_tokens_eval_sparsity_variance"]
        == (~torch.isin(tokens_of(12)[:3], torch.tensor([0, 3]))).sum()
    )
    assert features == {}


def test_a_scaler_scales_what_the_sae_reads():
    sae, model = random_sae(), TinyLM()
    scaled, _ = run_evals(sae, Store(), model, Scaler(), EvalConfig(compute_variance_metrics=True))
    sae.fold_activation_norm_scaling_factor(2.0)
    folded, _ = run_evals(sae, Store(), model, None, EvalConfig(compute_variance_metrics=True))
    assert scaled["reconstruction_quality"] == pytest.approx(folded["reconstruction_quality"], rel=1e-4)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({}, "No metric is switched on"),
        ({"compute_kl": True, "n_eval_reconstruction_batches": 0}, "n_eval_reconstruction_batches must be > 0.*got 0"),
        (
            {"compute_l2_norms": True, "n_eval_sparsity_variance_batches": 0},
            "n_eval_sparsity_variance_batches must be > 0",
        ),
    ],
)
def test_a_config_that_measures_nothing_is_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        run_evals(random_sae(), Store(), TinyLM(), None, EvalConfig(**settings))
