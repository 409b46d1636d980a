"""Steering a coefficient to an L0: on a plant of numbers, then on trainers."""

import math

import pytest

from sae_widgets.architectures import JumpReLUTranscoderTrainingConfig
from sae_widgets.training.l0_control import L0Control
from sae_widgets.training.schedules import LearningRateSchedule
from tests.tiny_sae import random_sae
from tests.training.small_runs import new_sae, sparse_data, trainer_of


class Plant:
    """An L0 that answers late: it moves towards what the coefficient asks for, which changes as features are learned.

    log l0 <- log l0 + (log(30 * (best / coefficient)^power) - log l0) / lag,   best falls by `drift` a step
    """

    def __init__(self, power=1.0, lag=50.0, drift=0.0007, start=400.0):
        self.power, self.lag, self.drift, self.level, self.best = power, lag, drift, math.log(start), 1.0

    def step(self, coefficient):
        self.best *= 1 - self.drift
        wanted = min(math.log(30) + self.power * math.log(self.best / coefficient), math.log(500))
        self.level += (wanted - self.level) / self.lag
        return math.exp(self.level)


@pytest.mark.parametrize("start", [0.1, 1.0, 10.0])
@pytest.mark.parametrize("power", [0.5, 1.0, 1.5])
@pytest.mark.parametrize("lag", [10.0, 50.0, 150.0])
def test_the_target_is_reached_from_any_start(start: float, power: float, lag: float):
    plant, control = Plant(power, lag), L0Control(20.0, start, n_steps=1500)
    reached = [plant.step(control.observe(math.exp(plant.level))) for _ in range(1500)]
    assert max(abs(l0 / 20 - 1) for l0 in reached[-100:]) < 0.05


def test_a_new_target_is_reached_too():
    plant, control = Plant(), L0Control(20.0, 1.0, n_steps=1000)
    for step in range(1500):
        control.target = 20.0 if step < 700 else 60.0
        l0 = plant.step(control.observe(math.exp(plant.level)))
    assert l0 == pytest.approx(60.0, rel=0.05)


def test_several_steps_at_once_steer_alike():
    ends = []
    for n in (1, 10):
        plant, control = Plant(), L0Control(20.0, 10.0, n_steps=1500)
        for _ in range(1500 // n):
            coefficient = control.observe(math.exp(plant.level), n)
            for _ in range(n):
                l0 = plant.step(coefficient)
        ends.append(l0)
    assert ends == pytest.approx([20.0, 20.0], rel=0.05)


def test_nothing_winds_up_while_nothing_can_be_learned_from():
    control = L0Control(20.0, 1.0, n_steps=1000)
    for _ in range(500):
        assert control.observe(400.0, is_held=True) == 1.0
    for _ in range(500):
        assert control.observe(400.0, penalty=400.0, error=1.0) == 1.0  # at L0 20 the penalty would be 20 errors
    for _ in range(500):
        assert control.observe(1.0, penalty=1.0, error=1e5) == 1.0  # and here next to nothing
    for _ in range(1000):
        control.observe(400.0, penalty=control.coefficient * 400.0, error=200.0)
    assert control.coefficient == pytest.approx(50.0, rel=0.05)  # 5 errors at the target
    for _ in range(1000):
        control.observe(0.0, penalty=0.0, error=200.0)
    assert control.coefficient == pytest.approx(0.2, rel=0.1)  # a fiftieth


@pytest.mark.parametrize("power", [0.3, 1.0, 3.0])
@pytest.mark.parametrize("rise", [-0.01, 0.001])
@pytest.mark.parametrize("n", [1, 10])
def test_thresholds_are_pushed_where_the_coefficient_does_nothing(power: float, rise: float, n: int):
    """L0 falls with the thresholds by a power, from a hundredth of where they matter, and they move by themselves."""
    log_threshold, control = math.log(0.01), L0Control(20.0, 1.0, n_steps=1500, pushes=True)
    for _ in range(1500 // n):
        l0 = 300.0 / (1 + math.exp(log_threshold)) ** power
        control.observe(l0, n, penalty=control.coefficient * l0, error=100.0)
        log_threshold += control.push + n * rise
    assert l0 == pytest.approx(20.0, rel=0.02)
    assert control.coefficient == (pytest.approx(25.0, rel=0.05) if rise < 0 else control.coefficient)  # 5 errors


def test_nothing_is_pushed_while_the_coefficient_warms_up():
    control = L0Control(20.0, 1.0, n_steps=100, pushes=True)
    pushes = []
    for step in range(40):
        control.observe(400.0, is_held=step < 20)
        pushes.append(control.push)
    assert pushes[:20] == [0.0] * 20
    assert min(pushes[20:]) > 0


def test_the_coefficient_moves_within_its_bounds():
    control = L0Control(20.0, 1.0, n_steps=100)
    before = control.observe(500.0)
    for _ in range(2000):
        now = control.observe(500.0)
        assert before <= now <= before * math.exp(control.limit) * (1 + 1e-9)
        before = now
    assert now == 1e4


# Trainers


@pytest.mark.parametrize(
    ("architecture", "settings"),
    [
        ("standard", {"l1_coefficient": 2.0}),
        ("standard", {"l1_coefficient": 0.02}),
        ("jumprelu", {"l0_coefficient": 0.01, "jumprelu_bandwidth": 0.5, "jumprelu_init_threshold": 0.1}),
    ],
)
def test_training_ends_with_the_l0_asked_for(architecture: str, settings: dict):
    name, coefficient = next(iter(settings.items()))
    sae = new_sae(architecture, **settings)
    reports = list(trainer_of(sae=sae, total_tokens=64 * 400, lr=1e-2, target_l0=4.0).train_steps())
    assert sum(report.l0 for report in reports[-30:]) / 30 == pytest.approx(4.0, rel=0.05)
    assert reports[-1].curves()[name] == pytest.approx(reports[-2].curves()[name], rel=0.1) != coefficient


def test_an_l0_is_reached_in_whatever_unit_activations_are():
    sae = new_sae("jumprelu", l0_coefficient=1.0)
    trainer = trainer_of(sae=sae, total_tokens=64 * 400, lr=1e-2, target_l0=4.0)
    trainer.scale = 30.0
    reports = list(trainer.train_steps())
    assert sum(report.l0 for report in reports[-30:]) / 30 == pytest.approx(4.0, rel=0.05)


def test_the_warm_up_of_coefficient_and_learning_rate_is_waited_for():
    trainer = trainer_of("standard", target_l0=4.0, schedule=LearningRateSchedule(100, warm_up_steps=7))
    for step in range(12):
        trainer.step(sparse_data(64, seed=step))
    assert trainer.l0_control.n_steps == 12 - 7
    assert trainer.l0_control.level != 0.0


def test_an_unread_step_is_told_of_later():
    often, seldom = (trainer_of("standard", target_l0=4.0, measure_every_steps=n) for n in (1, 5))
    for step in range(40):
        before = seldom.coefficients["l1"]
        often.step(sparse_data(64, seed=step))
        seldom.step(sparse_data(64, seed=step))
        assert seldom.coefficients["l1"] == before or (step + 1) % 5 == 0
    assert seldom.l0_control.level == pytest.approx(often.l0_control.level, rel=0.1)
    assert seldom.coefficients["l1"] != 0.1


def test_target_l0_is_a_live_setting():
    trainer = trainer_of("standard", target_l0=4.0)
    assert trainer.live_settings() == {"lr": 3e-3, "l1_coefficient": 0.1, "target_l0": 4.0}
    trainer.apply_setting("target_l0", trainer.check_setting("target_l0", 6.0))
    assert trainer.l0_control.target == 6.0
    trainer.apply_setting("l1_coefficient", trainer.check_setting("l1_coefficient", 2.0))
    assert trainer.l0_control.coefficient == trainer.coefficients["l1"] == 2.0
    with pytest.raises(ValueError, match=r"target_l0 must be above 0 and at most d_sae = 24, got 25"):
        trainer.check_setting("target_l0", 25.0)
    with pytest.raises(ValueError, match=r"l1_coefficient must be above 0 where target_l0 steers it, got 0"):
        trainer.check_setting("l1_coefficient", 0.0)
    assert "target_l0" not in trainer_of("standard").live_settings()


def test_a_jumprelu_transcoder_is_steered_by_its_l0_coefficient():
    trainer = trainer_of(sae=random_sae(JumpReLUTranscoderTrainingConfig), target_l0=4.0)
    assert trainer.l0_control.coefficient == trainer.coefficients["l0"] == 1.0


@pytest.mark.parametrize(
    ("architecture", "sae", "message"),
    [
        ("topk", {}, "target_l0 steers a sparsity coefficient, and architecture 'topk' has none: set k=4"),
        ("standard", {"l1_coefficient": 0.0}, "target_l0 needs a coefficient above 0 to start from, got 0"),
        (
            "jumprelu",
            {"jumprelu_sparsity_loss_mode": "quadratic", "target_l0": 4.0},
            "'quadratic' aims at an L0 by its loss.*give target_l0 to the SAE's config alone",
        ),
    ],
)
def test_where_nothing_can_be_steered_it_is_said(architecture: str, sae: dict, message: str):
    with pytest.raises(ValueError, match=message):
        trainer_of(sae=new_sae(architecture, **sae), target_l0=4.0)


def test_a_target_that_cannot_be_is_refused():
    with pytest.raises(ValueError, match=r"target_l0 must be above 0 and at most d_sae = 24, got 0"):
        trainer_of("standard", target_l0=0.0)
