"""Learning rates and coefficients at every step."""

import pytest
import torch
from sae_lens.training.optim import CoefficientScheduler, get_lr_scheduler

from tests.parity.recording import Recording


@pytest.mark.parametrize("name", ["constant", "cosineannealing", "cosineannealingwarmrestarts"])
@pytest.mark.parametrize(("warm_up", "decay", "cycles"), [(0, 0, 1), (5, 0, 2), (1, 4, 1), (7, 8, 3)])
def test_learning_rates(name: str, warm_up: int, decay: int, cycles: int, record: Recording):
    record.label = f"learning rate {name}"
    optimizer = torch.optim.Adam([torch.nn.Parameter(torch.zeros(1))], lr=3e-4)
    schedule = get_lr_scheduler(
        name,
        optimizer=optimizer,
        training_steps=60,
        lr=3e-4,
        warm_up_steps=warm_up,
        decay_steps=decay,
        lr_end=3e-5,
        num_cycles=cycles,
    )
    rates = []
    for _ in range(60):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    record("rate", torch.tensor(rates, dtype=torch.float64), bar=1e-9)


@pytest.mark.parametrize("warm_up", [0, 1, 7])
def test_coefficients_warm_up(warm_up: int, record: Recording):
    record.label = "coefficients' warm-up"
    schedule = CoefficientScheduler(warm_up_steps=warm_up, final_value=0.3)
    values = []
    for _ in range(12):
        values.append(schedule.value)
        schedule.step()
    record("value", torch.tensor(values, dtype=torch.float64), bar=1e-12)
