# pyright: reportMissingImports=false
"""The peers' TopK step on a GPU, in bfloat16 where they offer it; imported only where they are installed."""

import importlib.util
from typing import Any

import torch
from torch import Tensor

LR = 1e-6


class SAELens:
    """SAELens' own trainer with autocast."""

    def __init__(self, d_in: int, d_sae: int, k: int, batch: int, device: str) -> None:
        import sae_lens
        from sae_lens.config import SAETrainerConfig
        from sae_lens.training.sae_trainer import SAETrainer

        cfg = sae_lens.TopKTrainingSAEConfig(d_in=d_in, d_sae=d_sae, k=k, device=device)
        self.sae = sae_lens.TopKTrainingSAE(cfg)
        settings = SAETrainerConfig(10_000 * batch, batch, lr=LR, lr_end=LR, device=device, autocast=True)
        self.trainer = SAETrainer(settings, self.sae, iter([]))

    def step(self, x: Tensor) -> None:
        self.trainer._train_step(self.sae, x)
        self.trainer.n_training_steps += 1


class Sparsify:
    """What sparsify's trainer does for one step without a language model; its coder casts by itself."""

    def __init__(self, d_in: int, d_sae: int, k: int, batch: int, device: str) -> None:
        from sparsify.config import SparseCoderConfig
        from sparsify.sparse_coder import SparseCoder

        self.sae = SparseCoder(d_in, SparseCoderConfig(num_latents=d_sae, k=k), device=device, dtype=torch.float32)
        self.optimizer = torch.optim.Adam(self.sae.parameters(), lr=LR, fused=True)
        self.last_fired = torch.zeros(d_sae, dtype=torch.long, device=device)

    def step(self, x: Tensor) -> None:
        self.sae.set_decoder_norm_to_unit_norm()
        out = self.sae(x, dead_mask=None)
        out.fvu.backward()
        self.sae.remove_gradient_parallel_to_decoder_directions()
        torch.nn.utils.clip_grad_norm_(self.sae.parameters(), 1.0)
        self.optimizer.step()
        self.optimizer.zero_grad()
        self.last_fired += len(x)
        self.last_fired[out.latent_indices.flatten()] = 0


PEERS: dict[str, Any] = {"sae_lens": SAELens, "sparsify": Sparsify}


def installed() -> list[str]:
    return [name for name in PEERS if importlib.util.find_spec(name) is not None]
