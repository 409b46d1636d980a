"""A trainer put back to the state it was in goes on bit for bit as if it had never stopped."""

import pytest
import torch

from sae_widgets.sae import SAE
from tests.training.small_runs import new_sae, sparse_data, trainer_of, weights_of

CASES = {
    "adamw, averaged": ("topk", {"optimizer": "adamw", "weight_decay": 0.01, "ema_decay": 0.9}),
    "adafactor": ("standard", {"optimizer": "adafactor", "lr": 3e-2}),
    "signum": ("jumprelu", {"optimizer": "signum"}),
    "sgd, rows of length 1": ("gated", {"optimizer": "sgd", "normalize_sae_decoder": True}),
    "steered": ("standard", {"target_l0": 4.0, "measure_every_steps": 4, "lr": 1e-2}),
    "resampled": ("standard", {"resample_every_steps": 30, "dead_feature_window": 10, "seed": 3}),
    "in parts": ("batchtopk", {"grad_accumulation_steps": 3}),
}
N_BEFORE, N_AFTER = 27, 14


def begun(case):
    """A trainer after the first steps; half its features are dead where it resamples."""
    architecture, settings = CASES[case]
    sae = new_sae(architecture)
    if case == "resampled":
        with torch.no_grad():
            sae.b_enc[12:] = -3.0
    trainer = trainer_of(sae=sae, **settings)
    for step in range(N_BEFORE):
        trainer.step(sparse_data(64, seed=step))
    return trainer


@pytest.mark.parametrize("case", CASES)
def test_a_resumed_trainer_goes_on_bit_for_bit(case: str):
    architecture, settings = CASES[case]
    whole = begun(case)
    tensors, numbers = whole.state_dict()
    sae = SAE.from_config(whole.sae.cfg)
    sae.load_state_dict(whole.sae.state_dict())
    resumed = trainer_of(sae=sae, **settings)
    resumed.load_state_dict(tensors, numbers)
    for step in range(N_BEFORE, N_BEFORE + N_AFTER):
        reports = [trainer.step(sparse_data(64, seed=step)) for trainer in (whole, resumed)]
        curves = [{name: value for name, value in each.curves().items() if "per_s" not in name} for each in reports]
        assert curves[0] == curves[1]
    for one, other in ((weights_of(whole), weights_of(resumed)), (whole.state_dict()[0], resumed.state_dict()[0])):
        assert one.keys() == other.keys()
        assert all(torch.equal(one[name], other[name]) for name in one)
    assert whole.state_dict()[1] == resumed.state_dict()[1]
    results = [new_sae(architecture), new_sae(architecture)]
    for trainer, result in zip((whole, resumed), results, strict=True):
        trainer.give_result(result)
    assert torch.equal(results[0].W_dec, results[1].W_dec)


def test_the_cases_do_what_they_are_named_after():
    resampled = begun("resampled")
    reports = [resampled.step(sparse_data(64, seed=step)) for step in range(N_AFTER)]
    assert any(report.n_resampled for report in reports)
    assert begun("steered")._unread.any(), "the state is taken between two readings"
