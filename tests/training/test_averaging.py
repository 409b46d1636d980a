"""Averaged weights."""

import torch
from torch import nn

from sae_widgets.training.averaging import WeightAverage
from tests.training.small_runs import new_sae, sparse_data, trainer_of


def test_the_average_is_the_formula_by_hand():
    weight = nn.Parameter(torch.tensor([0.0]))
    average = WeightAverage({"w": weight}, decay=0.25)
    expected = 0.0
    for step, value in enumerate([8.0, 4.0, 2.0]):
        with torch.no_grad():
            weight.fill_(value)
        average.update(step)
        decay = min(0.25, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * value
    torch.testing.assert_close(average.weights["w"], torch.tensor([expected]))


def test_the_result_are_the_averaged_weights_and_training_goes_on_with_its_own():
    plain, averaged = trainer_of("topk"), trainer_of("topk", ema_decay=0.9)
    for step in range(10):
        for trainer in (plain, averaged):
            trainer.step(sparse_data(64, seed=step))
    assert torch.equal(plain.sae.W_dec, averaged.sae.W_dec)
    sae = new_sae("topk")
    averaged.give_result(sae)
    assert not torch.equal(sae.W_dec, plain.sae.W_dec)
    assert torch.equal(sae.W_dec, averaged.average.weights["W_dec"])
    plain.give_result(sae)
    assert not torch.equal(sae.W_dec, plain.sae.W_dec), "without an average nothing is given"


def test_rows_of_an_averaged_decoder_keep_length_one():
    trainer = trainer_of("topk", ema_decay=0.9, normalize_sae_decoder=True)
    for step in range(10):
        trainer.step(sparse_data(64, seed=step))
    assert trainer.average.weights["W_dec"].norm(dim=-1).min() < 1 - 1e-5
    trainer.give_result(trainer.sae)
    torch.testing.assert_close(trainer.sae.W_dec.norm(dim=-1), torch.ones(24))
