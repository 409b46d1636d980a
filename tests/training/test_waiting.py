"""A step asks an accelerator for no number, so that work can be queued ahead of it.

On torch's "meta" device there are shapes and no numbers: whatever would have to look at one, raises.
"""

import sys

import pytest
import torch

import sae_widgets as sw
from sae_widgets.sae import SAE, SAEConfig
from sae_widgets.training.schedules import LearningRateSchedule
from sae_widgets.training.trainer import Trainer, TrainSettings

N_TOKENS = 64
SIZES = {"d_in": 16, "d_sae": 256, "k": 4, "device": "meta"}


@pytest.fixture(autouse=True)
def any_device_is_fused(monkeypatch) -> None:
    """torch's fused Adam, which waits for nothing, asks whether it knows the device."""
    adam = sys.modules["torch.optim.adam"]
    monkeypatch.setattr(adam, "_device_dtype_check_for_fused", lambda weight, **_: None)


def trainer_of(sae: SAE, **settings) -> Trainer:
    settings = {"dead_feature_window": 5, "measure_every_steps": 100, **settings}
    trainer = Trainer(sae, TrainSettings(10_000, 1e-3, LearningRateSchedule(100), **settings), lambda stop: None)  # type: ignore[arg-type]
    trainer.n_steps = 1  # the first looks at its batch
    return trainer


@pytest.mark.parametrize(
    "cfg",
    [
        sw.TopKTrainingSAEConfig(**SIZES),
        sw.TopKTrainingSAEConfig(**SIZES, rescale_acts_by_decoder_norm=False),
        sw.AbsTopKTrainingSAEConfig(**SIZES),
        sw.TopKTranscoderTrainingConfig(**SIZES, d_out=8),
    ],
    ids=lambda cfg: type(cfg).__name__,
)
def test_steps_that_choose_for_each_token_wait_for_nothing(cfg: SAEConfig):
    trainer = trainer_of(SAE(cfg))  # type: ignore[abstract]
    x = torch.empty(N_TOKENS, 16, device="meta")
    batch = x if trainer.sae.reconstructs else (x, torch.empty(N_TOKENS, 8, device="meta"))
    for _ in range(3):
        trainer.step(batch)
    assert trainer.n_steps == 4
    assert trainer.sae.W_enc.device.type == "meta"


def test_what_would_wait_is_noticed():
    trainer = trainer_of(SAE(sw.TopKTrainingSAEConfig(**SIZES)), measure_every_steps=1)  # type: ignore[abstract]
    with pytest.raises((RuntimeError, NotImplementedError), match=r"meta"):
        trainer.step(torch.empty(N_TOKENS, 16, device="meta"))
