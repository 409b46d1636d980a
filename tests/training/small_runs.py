"""Small trainers on sums of a few directions, for the tests of what trainers do."""

import torch

from sae_widgets.architectures import (
    BatchTopKTrainingSAEConfig,
    GatedTrainingSAEConfig,
    JumpReLUTrainingSAEConfig,
    StandardTrainingSAEConfig,
    TopKTrainingSAEConfig,
)
from sae_widgets.sae import SAE
from sae_widgets.training.schedules import LearningRateSchedule
from sae_widgets.training.settings import TrainSettings
from sae_widgets.training.trainer import Trainer

N_TOKENS = 64

CONFIGS = {
    "standard": StandardTrainingSAEConfig(d_in=8, d_sae=24, l1_coefficient=0.1, l1_warm_up_steps=4),
    "gated": GatedTrainingSAEConfig(d_in=8, d_sae=24, l1_coefficient=0.1),
    "topk": TopKTrainingSAEConfig(d_in=8, d_sae=24, k=3),
    "jumprelu": JumpReLUTrainingSAEConfig(d_in=8, d_sae=24, l0_coefficient=0.1),
    "batchtopk": BatchTopKTrainingSAEConfig(d_in=8, d_sae=24, k=3.0),
}


def sparse_data(n, seed=0):
    """Sums of two of twelve directions in eight dimensions."""
    generator = torch.Generator().manual_seed(seed)
    directions = torch.nn.functional.normalize(torch.randn(12, 8, generator=torch.Generator().manual_seed(99)), dim=-1)
    chosen = torch.rand(n, 12, generator=generator).topk(2, dim=-1).indices
    return 3 * directions[chosen].sum(1)


def new_sae(architecture="topk", **settings):
    """An SAE that is the same each time."""
    config = CONFIGS[architecture]
    config = type(config)(**{**vars(config), **settings})
    return SAE.from_config(config, generator=torch.Generator().manual_seed(0))


def trainer_of(architecture="topk", sae=None, lr=3e-3, total_tokens=N_TOKENS * 100, **settings):
    """A trainer whose step t sees `sparse_data(64, seed=t)`."""
    schedule = settings.pop("schedule", LearningRateSchedule(n_steps=total_tokens // N_TOKENS))
    batches = iter(range(10**9))
    return Trainer(
        sae or new_sae(architecture),
        TrainSettings(total_tokens=total_tokens, lr=lr, schedule=schedule, **settings),
        lambda is_cancelled: sparse_data(N_TOKENS, seed=next(batches)),
    )


def weights_of(trainer):
    """A copy of all weights and buffers."""
    return {name: value.detach().clone() for name, value in trainer.sae.state_dict().items()}
