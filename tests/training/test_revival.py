"""Resampling, decoder rows of length 1, where b_dec begins."""

import pytest
import torch

from sae_widgets.architectures import MatchingPursuitTrainingSAEConfig, StandardTrainingSAEConfig
from sae_widgets.sae import SAE, SAE_CLASSES
from sae_widgets.sae.acts import TrainContext, decoder_norms
from sae_widgets.training.revival import feature_axes, geometric_median, remove_parallel_gradient, resample
from tests.tiny_sae import config_classes, flat_target, random_sae, random_x, tiny
from tests.training.small_runs import new_sae, sparse_data, trainer_of

TRAINED = [each for each in config_classes() if each.is_training]


def generator():
    return torch.Generator().manual_seed(0)


def test_a_resampled_feature_points_to_the_input_that_is_missed_most():
    sae = tiny(
        StandardTrainingSAEConfig(d_in=2, d_sae=3),
        W_enc=[[2.0, 0.0, 0.1], [0.0, 0.0, 0.1]],
        W_dec=[[0.5, 0.0], [0.0, 9.0], [9.0, 9.0]],
        b_enc=[0.0, -5.0, -5.0],
        b_dec=[0.0, 1.0],
    )
    x = torch.tensor([[3.0, 1.0], [0.0, -4.0], [3.0, 1.0]])  # the first and last are reconstructed: 3 = 0.5 * 2 * 3
    done = resample(sae, torch.tensor([1, 2]), x, x, 0.2, generator())
    assert done.tolist() == [1], "one input is missed, so one feature can be given a start"
    # sae_in = (0, -5); alive are 0 and 2, whose encoder columns have lengths 2 and 0.1414, decoder rows 0.5 and 12.7279
    torch.testing.assert_close(sae.W_enc[:, 1].detach(), torch.tensor([0.0, -0.2 * (2 + 0.02**0.5) / 2]))
    torch.testing.assert_close(sae.W_dec[1].detach(), torch.tensor([0.0, -(0.5 + 162**0.5) / 2]))
    assert sae.W_enc[:, 2].tolist() == pytest.approx([0.1, 0.1])


@pytest.mark.parametrize("config_class", TRAINED, ids=lambda each: each.__name__)
def test_every_architecture_can_be_resampled(config_class):
    sae, x = random_sae(config_class), random_x(64, 6)
    before = {name: weight.detach().clone() for name, weight in sae.named_parameters()}
    dead = torch.tensor([3, 7])
    assert resample(sae, dead, x, flat_target(sae, x), 0.2, generator()).tolist() == [3, 7]
    axes = feature_axes(sae)
    assert {"W_dec"} <= axes.keys() <= before.keys()
    others = [i for i in range(20) if i not in (3, 7)]
    for name, weight in sae.named_parameters():
        if name not in axes:
            assert torch.equal(weight, before[name]), name
        else:
            now, then = weight.movedim(axes[name], 0), before[name].movedim(axes[name], 0)
            assert torch.equal(now[others], then[others]), name
            assert not torch.equal(now[dead], then[dead]), name
    for name, start in sae.feature_starts().items():
        assert sae.get_parameter(name)[dead].eq(start).all(), name
    assert SAE_CLASSES[str(sae.cfg.architecture)] is type(sae)


def trainer_with_dead(**settings):
    sae = new_sae("standard")
    with torch.no_grad():
        sae.b_enc[12:] = -3.0
    return trainer_of(sae=sae, total_tokens=64 * 120, lr=1e-2, dead_feature_window=15, **settings)


def test_resampling_brings_dead_features_back():
    reports = list(trainer_with_dead(resample_every_steps=30).train_steps())
    assert [report.n_steps for report in reports if report.n_resampled][:1] == [30]
    assert all(report.n_steps % 30 == 0 for report in reports if report.n_resampled)
    assert reports[29].curves()["resampled_features"] >= 8
    assert reports[-1].n_resampled == 0, "what is new at the end has learned nothing"
    alone = list(trainer_with_dead().train_steps())
    assert reports[-1].dead_features < 3 <= 8 <= alone[-1].dead_features


def test_a_resampled_feature_starts_without_a_past():
    trainer = trainer_with_dead(resample_every_steps=30, ema_decay=0.99)
    reports = [trainer.step(sparse_data(64, seed=step)) for step in range(30)]
    assert reports[-1].n_resampled
    new = (trainer.firing.last_fired == 30) & (trainer.sae.b_enc == 0)
    assert int(new.sum()) >= reports[-1].n_resampled
    moments = trainer.optimizer.state[trainer.named["W_enc"]]
    assert moments["exp_avg"][:, new].eq(0).all()
    assert moments["exp_avg_sq"][:, new].eq(0).all()
    assert torch.equal(trainer.average.weights["W_enc"][:, new], trainer.sae.W_enc[:, new])
    assert not torch.equal(trainer.average.weights["W_enc"], trainer.sae.W_enc)


# Decoder rows of length 1


def test_a_gradient_without_its_part_along_the_row_changes_no_length():
    sae = new_sae("topk")
    sae.W_dec.grad = torch.randn(24, 8, generator=generator())
    before = sae.W_dec.grad.clone()
    remove_parallel_gradient(sae)
    torch.testing.assert_close((sae.W_dec.grad * sae.W_dec).sum(-1), torch.zeros(24), atol=1e-6, rtol=0)
    removed = before - sae.W_dec.grad
    cosines = torch.nn.functional.cosine_similarity(removed, sae.W_dec.detach(), dim=-1)
    torch.testing.assert_close(cosines.abs(), torch.ones(24), atol=1e-5, rtol=0)


@pytest.mark.parametrize("architecture", ["standard", "topk"])
def test_decoder_rows_keep_length_one(architecture: str):
    trainer = trainer_of(architecture, normalize_sae_decoder=True, lr=1e-2, total_tokens=64 * 60)
    reports = list(trainer.train_steps())
    torch.testing.assert_close(decoder_norms(trainer.sae.W_dec.detach()), torch.ones(24))
    assert reports[-1].explained_variance > 0.5


def test_pursuit_keeps_rows_of_length_one_where_asked():
    sae = SAE.from_config(MatchingPursuitTrainingSAEConfig(d_in=8, d_sae=24, max_iterations=3), generator=generator())
    trainer = trainer_of(sae=sae, normalize_sae_decoder=True)
    trainer.step(sparse_data(64))
    torch.testing.assert_close(decoder_norms(sae.W_dec.detach()), torch.ones(24))


# Where b_dec begins


def test_the_geometric_median_is_the_point_nearest_to_all():
    x = torch.tensor([[0.0, 0.0], [4.0, 0.0], [0.0, 3.0], [1e6, 1e6]])  # of a convex quadrangle: where diagonals cross
    median = geometric_median(x, n_iterations=2000, tolerance=1e-9)
    torch.testing.assert_close(median, torch.tensor([12 / 7, 12 / 7]), rtol=2e-2, atol=0)
    same = torch.full((5, 3), 2.0)
    assert geometric_median(same).tolist() == [2.0, 2.0, 2.0]


def test_b_dec_begins_where_asked():
    x = sparse_data(64) + 5
    for method, expected in (("mean", x.mean(0)), ("geometric_median", geometric_median(x))):
        trainer = trainer_of("topk", b_dec_init_method=method, lr=1e-9)
        trainer.step(x)
        torch.testing.assert_close(trainer.sae.b_dec.detach(), expected, rtol=1e-4, atol=1e-4)


def test_a_transcoders_b_dec_is_told_in_its_own_config():
    sae = random_sae(next(each for each in TRAINED if each.__name__ == "TranscoderTrainingConfig"))
    with pytest.raises(ValueError, match="for architecture 'transcoder' say b_dec_init='mean'"):
        trainer_of(sae=sae, b_dec_init_method="mean")


# The pre-activation loss of those without thresholds


@pytest.mark.parametrize(
    "name",
    ["StandardTrainingSAEConfig", "GatedTrainingSAEConfig", "TranscoderTrainingConfig", "CrosscoderTrainingSAEConfig"],
)
def test_the_pre_activation_loss_lifts_dead_features_alone(name: str):
    config_class = next(each for each in TRAINED if each.__name__ == name)
    sae, x = random_sae(config_class, pre_act_loss_coefficient=0.5), random_x(16, 6)
    with torch.no_grad():
        (sae.b_gate if name.startswith("Gated") else sae.b_enc)[4] = -50.0
    dead = torch.zeros(20, dtype=torch.bool)
    dead[4] = True
    coefficients = dict.fromkeys(sae.coefficients(), 0.0)
    loss = sae.objective(sae.train_parts(x), flat_target(sae, x), TrainContext(coefficients, dead))["pre_act_loss"]
    parts = sae.train_parts(x)
    pre = parts.gate_pre if parts.gate_pre is not None else parts.hidden_pre
    norm = sae.source_norms[4].sum() if name.startswith("Crosscoder") else sae.W_dec[4].norm()
    torch.testing.assert_close(loss, 0.5 * (-pre[:, 4]).mean() * norm)
    loss.backward()
    assert sae.W_enc.grad[:, 4].ne(0).all()
    assert sae.W_enc.grad[:, :4].eq(0).all()
    nobody = sae.objective(parts, flat_target(sae, x), TrainContext(coefficients, None))["pre_act_loss"]
    assert nobody.item() == 0.0
