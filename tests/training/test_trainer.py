"""Schedules, the steps of the trainer, who fires, ghost gradients."""

import math

import pytest
import torch

from sae_widgets.architectures import StandardTrainingSAEConfig
from sae_widgets.sae import SAE
from sae_widgets.sae.acts import SparseActs, TrainContext, TrainParts
from sae_widgets.training.firing import FiringCounts, firing_counts
from sae_widgets.training.reports import StepReport
from sae_widgets.training.revival import ghost_grad_loss
from sae_widgets.training.schedules import LearningRateSchedule, warmed_up
from sae_widgets.training.settings import TrainSettings
from tests.training.small_runs import CONFIGS, sparse_data, trainer_of

# Schedules


def torch_schedule(name, n_steps, warm_up, decay, end, cycles):
    """The learning rates of SAELens' `get_lr_scheduler`."""
    from torch.optim import lr_scheduler as s

    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    parts, milestones = [], []
    if warm_up:
        parts.append(s.LinearLR(optimizer, start_factor=1 / warm_up, end_factor=1.0, total_iters=warm_up - 1))
        milestones.append(warm_up)
    main = n_steps - warm_up - decay
    if name == "constant":
        parts.append(s.LambdaLR(optimizer, lambda step: 1.0))
    elif name == "cosineannealing":
        parts.append(s.CosineAnnealingLR(optimizer, T_max=main, eta_min=end))
    else:
        parts.append(s.CosineAnnealingWarmRestarts(optimizer, T_0=main // cycles, eta_min=end))
    if decay:
        start = 1.0 if name == "constant" else end
        parts.append(s.LinearLR(optimizer, start_factor=start, end_factor=0.0, total_iters=decay))
        milestones.append(n_steps - decay)
    scheduler = s.SequentialLR(optimizer, parts, milestones)
    rates = []
    for _ in range(n_steps):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return rates


@pytest.mark.filterwarnings("ignore:The epoch parameter")
@pytest.mark.parametrize("name", ["constant", "cosineannealing", "cosineannealingwarmrestarts"])
@pytest.mark.parametrize(("warm_up", "decay", "cycles"), [(0, 0, 1), (10, 0, 2), (0, 20, 3), (10, 20, 4), (2, 1, 1)])
def test_learning_rates_are_those_of_torchs_schedulers(name, warm_up, decay, cycles):
    ours = LearningRateSchedule(100, name, warm_up, decay, end=0.1, n_restart_cycles=cycles)
    expected = torch_schedule(name, 100, warm_up, decay, 0.1, cycles)
    assert [ours.factor(step) for step in range(100)] == pytest.approx(expected, abs=1e-6)


def test_a_coefficient_rises_from_zero_to_its_value():
    assert [warmed_up(2.0, step, 4) for step in range(6)] == [0.0, 0.5, 1.0, 1.5, 2.0, 2.0]
    assert warmed_up(2.0, 0, 0) == 2.0


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"name": "step"}, "No lr_scheduler_name 'step'; there are: constant"),
        ({"warm_up_steps": -1}, "lr_warm_up_steps must be at least 0"),
        ({"decay_steps": 60, "warm_up_steps": 60}, "more than the 100 steps of this run"),
        ({"end": 2.0}, "lr_end must be between 0 and lr"),
        ({"n_restart_cycles": 0}, "n_restart_cycles must be at least 1"),
    ],
)
def test_schedules_that_cannot_be_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        LearningRateSchedule(100, **settings)


@pytest.mark.parametrize(
    ("older", "name"),
    [
        ("constantwithwarmup", "constant"),
        ("linearwarmupdecay", "linear"),
        ("CosineAnnealingWarmup", "cosineannealing"),
    ],
)
def test_older_names_of_schedules_mean_what_they_meant(older, name):
    assert LearningRateSchedule(100, older, warm_up_steps=10) == LearningRateSchedule(100, name, warm_up_steps=10)


def test_the_line_falls_from_the_warm_up_to_zero_or_to_the_end_asked_for():
    # SAELens 2: (steps + 1) / warm_up, then (n_steps - step) / (n_steps - warm_up)
    schedule = LearningRateSchedule(100, "linearwarmupdecay", warm_up_steps=10)
    expected = [(step + 1) / 10 if step < 10 else (100 - step) / 90 for step in range(100)]
    assert [schedule.factor(step) for step in range(100)] == pytest.approx(expected)
    assert LearningRateSchedule(100, "linear", end=0.5).factor(50) == pytest.approx(0.75)
    assert LearningRateSchedule(100, "cosineannealing").last == 0.1


# Steps


def test_a_step_is_adam_on_the_clipped_gradient_of_the_objective():
    trainer = trainer_of("standard", lr=1e-2, schedule=LearningRateSchedule(100, warm_up_steps=2))
    reference = SAE.from_config(CONFIGS["standard"], generator=torch.Generator().manual_seed(0)).train()
    adam = torch.optim.Adam(reference.parameters(), lr=1e-2, betas=(0.9, 0.999))
    for step in range(6):
        x = sparse_data(64, seed=step)
        report = trainer.step(x)
        coefficient = 0.1 * min(step / 4, 1.0)
        losses = reference.objective(reference.train_parts(x), x, TrainContext({"l1": coefficient}, None, step))
        adam.param_groups[0]["lr"] = 1e-2 * (0.5 if step == 0 else 1.0)
        adam.zero_grad()
        sum(losses.values()).backward()
        torch.nn.utils.clip_grad_norm_(reference.parameters(), 1.0)
        adam.step()
        assert report.losses == pytest.approx({name: value.item() for name, value in losses.items()}, rel=1e-4)
        assert report.coefficients == {"l1": pytest.approx(coefficient)}
    for name, value in reference.state_dict().items():
        torch.testing.assert_close(trainer.sae.state_dict()[name], value, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("architecture", CONFIGS)
def test_training_explains_more_and_more_of_the_data(architecture):
    trainer = trainer_of(architecture, total_tokens=64 * 300)
    reports = list(trainer.train_steps())
    assert len(reports) == 300
    assert reports[-1].n_tokens == 64 * 300
    assert reports[-1].explained_variance > max(0.6, reports[5].explained_variance)
    x = sparse_data(64, seed=299)
    sae = trainer.sae
    assert set(reports[-1].curves()) >= {"loss", "mse_loss", "l0", "explained_variance", "dead_features", "lr"}
    if architecture == "topk":
        assert reports[-1].l0 <= 3.0
        assert float((sae.encode(x) != 0).sum(-1).float().mean()) <= 3.0


def test_the_reported_variance_is_that_of_the_batch_before_the_step():
    trainer = trainer_of("standard")
    x = sparse_data(64)
    x_hat = trainer.sae(x).detach()
    report = trainer.step(x)
    expected = 1 - (x - x_hat).pow(2).sum() / (x - x.mean(0)).pow(2).sum()
    assert report.explained_variance == pytest.approx(float(expected), abs=1e-5)


def test_an_unmeasured_step_trains_the_same_and_reports_nothing():
    often, seldom = trainer_of("topk"), trainer_of("topk", measure_every_steps=5)
    reports = [report for report, _ in zip(seldom.train_steps(), range(10), strict=False)]
    list(zip(often.train_steps(), range(10), strict=False))
    assert [report.is_measured for report in reports] == ([False] * 4 + [True]) * 2
    assert reports[0].curves() == {}
    assert math.isnan(reports[0].loss)
    assert torch.equal(often.sae.W_dec, seldom.sae.W_dec)


def test_evaluations_are_curves_of_their_own():
    assert StepReport(1, 64, 0.1, evaluation={"ce_loss_score": 0.9}).curves() == {"eval/ce_loss_score": 0.9}


def test_activations_are_scaled_before_the_sae_sees_them():
    scaled, plain = trainer_of("topk"), trainer_of("topk")
    scaled.scale = 2.0
    assert scaled.step(sparse_data(64)).loss == plain.step(2 * sparse_data(64)).loss


def test_a_loss_that_is_not_finite_leaves_the_weights_alone():
    trainer = trainer_of("standard")
    trainer.step(sparse_data(64))
    before = {name: value.clone() for name, value in trainer.sae.state_dict().items()}
    with pytest.raises(FloatingPointError, match=r"activations are not finite at step 2: 1 of 64 tokens"):
        trainer.step(torch.where(torch.arange(64)[:, None] == 3, math.inf, sparse_data(64)))
    trainer.coefficients["l1"] = math.inf
    with pytest.raises(FloatingPointError, match=r"loss is not finite at step 2 \(mse_loss .*, l1_loss (inf|nan)"):
        trainer.step(sparse_data(64))
    assert all(torch.equal(before[name], value) for name, value in trainer.sae.state_dict().items())
    assert trainer.is_sound()


def test_live_settings_act_from_the_next_step_on():
    trainer = trainer_of("topk")
    assert trainer.live_settings() == {"lr": 3e-3, "k": 3.0}
    trainer.apply_setting("k", trainer.check_setting("k", 1.0))
    trainer.apply_setting("lr", trainer.check_setting("lr", 0.5))
    report = trainer.step(sparse_data(64))
    assert (report.lr, report.l0) == (0.5, 1.0)
    assert isinstance(trainer.sae.cfg.k, int)
    for name, value, message in (
        ("k", 2.5, "k must be a whole number"),
        ("k", 0.0, "k must be between 1 and d_sae = 24"),
        ("k", 25.0, "k must be between 1 and d_sae = 24"),
        ("lr", -1.0, "lr must be above 0"),
    ):
        with pytest.raises(ValueError, match=message):
            trainer.check_setting(name, value)


def test_a_fractional_k_suits_batchtopk():
    trainer = trainer_of("batchtopk")
    trainer.apply_setting("k", trainer.check_setting("k", 2.5))
    assert trainer.step(sparse_data(64)).l0 <= 2.5


# Who fires


def test_firing_is_counted_alike_for_dense_and_sparse_activations():
    dense = torch.tensor([[0.0, 1.0, 0.0, -2.0], [0.0, 3.0, 0.0, 0.0]])
    sparse = SparseActs(torch.tensor([[1, 3], [1, 1]]), torch.tensor([[1.0, -2.0], [3.0, 0.0]]))
    assert firing_counts(dense, 4).tolist() == firing_counts(sparse, 4).tolist() == [0, 2, 0, 1]


def test_a_feature_is_dead_after_the_window_and_alive_again_when_it_fires():
    sae = SAE.from_config(CONFIGS["topk"], generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        sae.b_enc[5] = -1e6
    trainer = trainer_of("topk", sae=sae, lr=1e-9, dead_feature_window=3)
    dead = [report.dead_features for report, _ in zip(trainer.train_steps(), range(6), strict=False)]
    assert dead[:3] == [0, 0, 0]
    assert bool(trainer.dead_mask()[5])
    with torch.no_grad():
        sae.b_enc[5] = 1e6
    trainer.step(sparse_data(64))
    assert not trainer.dead_mask()[5]


def test_the_share_of_tokens_is_that_of_the_last_windows():
    firing = FiringCounts(24, torch.device("cpu"), dead_after_steps=1000, window_steps=4)
    for step in range(10):
        acts = SparseActs(torch.full((8, 1), step % 24), torch.ones(8, 1))
        firing.add(firing_counts(acts, 24), 8)
    # Windows are steps 1-4, 5-8, 9-12: the last two hold steps 5 to 10.
    share = 10 ** firing.log_sparsity()
    assert share[4].item() == pytest.approx(1 / 6, rel=1e-4)
    assert share[9].item() == pytest.approx(1 / 6, rel=1e-4)
    assert share[3].item() == pytest.approx(1e-10, rel=1e-3)


# Ghost gradients


def test_the_ghost_loss_is_the_formula_by_hand():
    sae = SAE.from_config(StandardTrainingSAEConfig(d_in=2, d_sae=2, l1_coefficient=0.0))
    with torch.no_grad():
        sae.W_enc.copy_(torch.eye(2))
        sae.W_dec.copy_(torch.eye(2))
        sae.b_enc.zero_()
        sae.b_dec.zero_()
    x = torch.tensor([[3.0, 0.0]])
    parts = TrainParts(x, torch.tensor([[3.0, 0.0]]), torch.zeros(1, 2), torch.tensor([[1.0, 0.0]]))
    # residual (2, 0); dead feature 1: exp(0) * (0, 1) = (0, 1), scaled to length 1: ghost (0, 1);
    # m = (4, 1); factor = (4 / 4, 0 / 1); loss = mean(4, 0) = 2
    loss = ghost_grad_loss(sae, parts, x, torch.tensor([False, True]))
    assert loss.item() == pytest.approx(2.0, rel=1e-5)
    assert ghost_grad_loss(sae, parts, x, torch.tensor([False, False])).item() == 0.0


def test_ghost_gradients_reach_dead_features_and_only_those():
    trainer = trainer_of("standard", use_ghost_grads=True, dead_feature_window=1)
    trainer.firing.n_steps = 5
    trainer.firing.last_fired[:20] = 5
    x = sparse_data(64)
    with torch.no_grad():
        trainer.sae.b_enc[20:] = -10.0
    parts = trainer.sae.train_parts(x)
    ghost_grad_loss(trainer.sae, parts, x, trainer.dead_mask()).backward()
    assert trainer.sae.b_enc.grad[20:].ne(0).all()
    assert trainer.sae.b_enc.grad[:20].eq(0).all()


def test_ghost_gradients_bring_dead_features_back():
    def dead_at_the_end(use_ghost_grads):
        sae = SAE.from_config(CONFIGS["standard"], generator=torch.Generator().manual_seed(0))
        with torch.no_grad():
            sae.b_enc[12:] = -3.0
        trainer = trainer_of(
            sae=sae, total_tokens=64 * 400, lr=1e-2, dead_feature_window=20, use_ghost_grads=use_ghost_grads
        )
        return list(trainer.train_steps())[-1].dead_features

    assert dead_at_the_end(True) < dead_at_the_end(False)


def test_ghost_gradients_for_another_architecture_are_refused():
    with pytest.raises(NotImplementedError, match="use_ghost_grads works with architecture 'standard', not 'topk'"):
        trainer_of("topk", use_ghost_grads=True)


# BatchTopK's threshold


def test_the_threshold_of_a_short_run_is_not_low_because_it_began_at_zero():
    trainer = trainer_of("batchtopk", total_tokens=64 * 40)
    list(trainer.train_steps())
    raw = trainer.sae.topk_threshold.item()
    trainer.give_result(trainer.sae)
    assert trainer.sae.topk_threshold.item() == pytest.approx(raw / (1 - 0.99**40))
    again = trainer_of(sae=trainer.sae)
    again.step(sparse_data(64))
    raw = again.sae.topk_threshold.item()
    again.give_result(again.sae)
    assert again.sae.topk_threshold.item() == raw, "one that was trained before began where it was"


@pytest.mark.parametrize(
    ("n_steps", "window", "expected"), [(400, None, 40), (5, None, 1), (90_000, None, 1000), (400, 7, 7)]
)
def test_features_can_die_in_a_short_run_too(n_steps: int, window: int | None, expected: int):
    settings = TrainSettings(64 * n_steps, 1e-3, LearningRateSchedule(n_steps), dead_feature_window=window)
    assert settings.dead_after_steps == expected
