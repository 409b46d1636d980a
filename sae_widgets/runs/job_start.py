"""What a training job begins with: its SAE, the trainer's settings, the widths of what it reads."""

from dataclasses import fields
from types import SimpleNamespace
from typing import Any

import torch

from sae_widgets.activations.hook_reader import HookReader
from sae_widgets.normalize import Scale
from sae_widgets.runs.config import LanguageModelSAERunnerConfig
from sae_widgets.runs.multi_config import MultiSAETrainingRunnerConfig
from sae_widgets.sae.base import SAE
from sae_widgets.sae.registry import sae_class_for
from sae_widgets.training.schedules import LearningRateSchedule
from sae_widgets.training.trainer import TrainSettings


def make_sae(cfg: LanguageModelSAERunnerConfig, resumed: SAE | None) -> SAE:
    """The SAE to be trained: that of a checkpoint, one from a folder, or a new one."""
    if resumed is not None:
        # Into a new SAE: weights that lie otherwise in memory are multiplied in another order, and rounded otherwise.
        sae = SAE.from_config(resumed.cfg)
        sae.load_state_dict(resumed.state_dict())
        return sae
    if cfg.from_pretrained_path is not None:
        start = SAE.load_from_disk(cfg.from_pretrained_path, device=cfg.device)
        own = {each.name: getattr(cfg.sae, each.name) for each in fields(cfg.sae) if each.name not in vars(start.cfg)}
        return start if start.cfg.is_training else start.to_training(**own)
    return SAE.from_config(cfg.sae, generator=torch.Generator().manual_seed(cfg.seed))


def start_of_b_dec(cfg: LanguageModelSAERunnerConfig) -> str:
    """`cfg.b_dec_init_method`, and what None stands for."""
    # A transcoder's own config says what its `b_dec` begins with.
    reconstructs = sae_class_for(str(cfg.sae.architecture)).reconstructs
    return cfg.b_dec_init_method or ("mean" if reconstructs else "zeros")


def train_settings(cfg: LanguageModelSAERunnerConfig) -> TrainSettings:
    """What the trainer is told of `cfg`."""
    schedule = LearningRateSchedule(
        n_steps=-(-cfg.training_tokens // cfg.train_batch_size_tokens),
        name=cfg.lr_scheduler_name,
        warm_up_steps=cfg.lr_warm_up_steps,
        decay_steps=cfg.lr_decay_steps,
        end=None if cfg.lr_end is None else cfg.lr_end / cfg.lr,
        n_restart_cycles=cfg.n_restart_cycles,
    )
    is_on_cpu = str(cfg.device) == "cpu"
    return TrainSettings(
        total_tokens=cfg.training_tokens,
        lr=cfg.lr,
        schedule=schedule,
        optimizer=cfg.optimizer,
        adam_beta1=cfg.adam_beta1,
        adam_beta2=cfg.adam_beta2,
        weight_decay=cfg.weight_decay,
        grad_clip_norm=cfg.grad_clip_norm,
        grad_accumulation_steps=cfg.grad_accumulation_steps,
        ema_decay=cfg.ema_decay,
        normalize_sae_decoder=cfg.normalize_sae_decoder,
        b_dec_init_method=start_of_b_dec(cfg),
        target_l0=cfg.target_l0,
        dead_feature_window=cfg.dead_feature_window,
        feature_sampling_window=cfg.feature_sampling_window,
        use_ghost_grads=cfg.use_ghost_grads,
        resample_every_steps=cfg.resample_every_steps,
        resample_scale=cfg.resample_scale,
        seed=cfg.seed,
        autocast=cfg.autocast,
        compile_sae=cfg.compile_sae,
        sae_compilation_mode=cfg.sae_compilation_mode,
        measure_every_steps=1 if is_on_cpu else cfg.logger.wandb_log_frequency,
    )


def widths(models: list[Any], cfg: LanguageModelSAERunnerConfig) -> tuple[int, int | None]:
    """Widths of what is read, and of one output, in these models."""
    hooks = cfg.hook_names or [cfg.hook_name] * len(models)
    out = cfg.hook_names_out or ([cfg.hook_name_out] if cfg.hook_name_out else [])
    d_in = HookReader(models if len(models) > 1 else models[0], hooks, cfg.hook_head_index).width
    return d_in, HookReader(models[0], out[0], cfg.hook_head_index).width if out else None


def one_or_all(scales: list[float]) -> Scale:
    """The factors, or the one there is."""
    return scales[0] if len(scales) == 1 else scales


def store_config(cfg: MultiSAETrainingRunnerConfig) -> SimpleNamespace:
    """What the store of many SAEs is told: one after another every hook that any of them reads or gives."""
    hooks = dict.fromkeys(hook for each in cfg.members.values() for hook in (*each.hooks_in, *each.hooks_out))
    heads = {each.hook_head_index for each in cfg.members.values()}
    shared = {each.name: getattr(cfg, each.name) for each in fields(cfg)}
    # Of hooks with heads one is picked where all SAEs want the same; else each takes its columns of all heads joined.
    places = {"hook_name": next(iter(hooks)), "hook_names": list(hooks), "hook_name_out": None, "hook_names_out": None}
    return SimpleNamespace(**shared | places, d_in=None, hook_head_index=heads.pop() if len(heads) == 1 else None)
