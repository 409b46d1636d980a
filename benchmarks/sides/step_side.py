# pyright: reportMissingImports=false
"""One side of `steps.py`, in a process of its own: makes an SAE from given weights, then times what it is asked to.

Reads one request a line (JSON) from standard input and answers each with a line. Knows all sides, and imports only
the one that it is.
"""

import json
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from answers import Answers, Memory, serve
from safetensors.torch import load_file
from torch import Tensor

LR = 1e-6
"""So small that every step finds the L0 that the weights were made for."""

_OURS = {"batchtopk": "BatchTopKTraining", "matryoshka": "MatryoshkaBatchTopKTraining"}


def class_name(architecture: str) -> str:
    """What this SAE is called here and in SAELens."""
    names = {"topk": "TopK", "abstopk": "AbsTopK", "standard": "Standard", "gated": "Gated", "jumprelu": "JumpReLU"}
    return _OURS.get(architecture) or names[architecture.removesuffix("-start")] + "Training"


def settings_of(setup: dict) -> dict[str, Any]:
    """Arguments of the config, of both."""
    architecture, d_sae = setup["architecture"], setup["d_sae"]
    own: dict[str, Any] = {"d_in": setup["d_in"], "d_sae": d_sae}
    if "topk" in architecture or architecture == "matryoshka":
        own["k"] = setup["k"]
    if architecture == "matryoshka":
        own["matryoshka_widths"] = [d_sae // 8, d_sae // 4, d_sae // 2, d_sae]
    return own


class Ours:
    def __init__(self, setup: dict, weights: dict[str, Tensor]) -> None:
        import sae_widgets as sw
        from sae_widgets.training.schedules import LearningRateSchedule
        from sae_widgets.training.trainer import Trainer, TrainSettings

        name = class_name(setup["architecture"])
        self.sae = sae = getattr(sw, f"{name}SAE")(getattr(sw, f"{name}SAEConfig")(**settings_of(setup)))
        _fill(sae, weights)
        tokens = 10_000 * setup["batch"]
        schedule = LearningRateSchedule(10_000)
        self.trainer = Trainer(sae, TrainSettings(tokens, LR, schedule), lambda stop: weights["x"])

    def step(self, x: Tensor) -> float:
        return self.trainer.step(x).losses["mse_loss"]

    def encode(self, x: Tensor) -> Any:
        return self.sae.encode(x)

    def encode_sparse(self, x: Tensor) -> Any:
        return self.sae.encode_sparse(x)

    def decode(self, acts: Any) -> Tensor:
        return self.sae.decode(acts)


class SAELens:
    def __init__(self, setup: dict, weights: dict[str, Tensor]) -> None:
        import sae_lens
        from sae_lens.config import SAETrainerConfig
        from sae_lens.training.sae_trainer import SAETrainer

        name = class_name(setup["architecture"])
        self.sae = sae = getattr(sae_lens, f"{name}SAE")(getattr(sae_lens, f"{name}SAEConfig")(**settings_of(setup)))
        _fill(sae, weights)
        batch = setup["batch"]
        cfg = SAETrainerConfig(10_000 * batch, batch, lr=LR, lr_end=LR)
        self.trainer = SAETrainer(cfg, sae, iter([]))

    def step(self, x: Tensor) -> float:
        loss = self.trainer._train_step(self.sae, x).losses["mse_loss"].item()
        self.trainer.n_training_steps += 1
        return loss

    def encode(self, x: Tensor) -> Any:
        return self.sae.encode(x)

    def decode(self, acts: Any) -> Tensor:
        return self.sae.decode(acts)


class DictionaryLearning:
    def __init__(self, setup: dict, weights: dict[str, Tensor]) -> None:
        # Its package imports nnsight for reading language models, which a step does not.
        sys.modules.setdefault("nnsight", types.ModuleType("nnsight")).LanguageModel = None  # type: ignore[attr-defined]
        from dictionary_learning.trainers.batch_top_k import BatchTopKTrainer
        from dictionary_learning.trainers.top_k import TopKTrainer

        make = {"topk": TopKTrainer, "batchtopk": BatchTopKTrainer}[setup["architecture"]]
        self.trainer = make(
            steps=10_000,
            activation_dim=setup["d_in"],
            dict_size=setup["d_sae"],
            k=setup["k"],
            layer=0,
            lm_name="none",
            lr=LR,
            device="cpu",
        )
        self.sae = self.trainer.ae
        with torch.no_grad():
            self.sae.encoder.weight.copy_(weights["W_enc"].T)
            self.sae.decoder.weight.copy_(weights["W_dec"].T)
        self.n_steps = 0

    def step(self, x: Tensor) -> float:
        self.n_steps += 1  # from 1: step 0 begins with a geometric median
        return self.trainer.update(self.n_steps, x)

    def encode(self, x: Tensor) -> Any:
        return self.sae.encode(x, use_threshold=False)

    def decode(self, acts: Any) -> Tensor:
        return self.sae.decode(acts)


class Sparsify:
    def __init__(self, setup: dict, weights: dict[str, Tensor]) -> None:
        from sparsify.config import SparseCoderConfig
        from sparsify.sparse_coder import SparseCoder

        cfg = SparseCoderConfig(num_latents=setup["d_sae"], k=setup["k"])
        self.sae = SparseCoder(setup["d_in"], cfg, device="cpu", dtype=torch.float32)
        with torch.no_grad():
            self.sae.encoder.weight.copy_(weights["W_enc"].T)
            self.sae.W_dec.copy_(weights["W_dec"])
        self.optimizer = torch.optim.Adam(self.sae.parameters(), lr=LR)
        self.last_fired = torch.zeros(setup["d_sae"], dtype=torch.long)

    def step(self, x: Tensor) -> float:
        # What its trainer does for one step without a language model.
        self.sae.set_decoder_norm_to_unit_norm()
        out = self.sae(x, dead_mask=self.last_fired > 10_000_000)
        (out.fvu + out.auxk_loss / 32).backward()
        self.sae.remove_gradient_parallel_to_decoder_directions()
        torch.nn.utils.clip_grad_norm_(self.sae.parameters(), 1.0)
        self.optimizer.step()
        self.optimizer.zero_grad()
        self.last_fired += len(x)
        self.last_fired[out.latent_indices.flatten()] = 0
        variance = (x - x.mean(0)).pow(2).sum()
        return float(out.fvu.detach() * variance / len(x))

    def encode(self, x: Tensor) -> Any:
        return self.sae.encode(x)

    def decode(self, acts: Any) -> Tensor:
        return self.sae.decode(acts.top_acts, acts.top_indices)


def _fill(sae: Any, weights: dict[str, Tensor]) -> None:
    with torch.no_grad():
        for name, weight in sae.named_parameters():
            if name in weights:
                weight.copy_(weights[name])


SIDES: dict[str, Callable[[dict, dict[str, Tensor]], Any]] = {
    "sae_widgets": Ours,
    "before": Ours,
    "sae_lens": SAELens,
    "sparsify": Sparsify,
    "dictionary_learning": DictionaryLearning,
}


def main() -> None:
    setup = json.loads(sys.argv[1])
    torch.set_num_threads(setup["threads"])
    answers = Answers()
    side = SIDES[setup["side"]](dict(setup, d_sae=8, d_in=4, k=2), _tiny())  # what is imported is no part of a peak
    side.step(torch.randn(16, 4))
    del side
    # Copied: pages of a file count as memory from when they are first read, which would be after the start.
    weights = {name: each.clone() for name, each in load_file(Path(setup["weights"])).items()}
    x, weights_in = weights["x"], weights["W_enc"]
    memory = Memory()
    make = SIDES[setup["side"]]
    sides = [make(setup, weights) for _ in range(setup["n_saes"])]
    side = sides[0]
    made: list[Any] = []
    """What `decode` is given; made by `prepare`, which nobody times."""

    def still(action: Callable[[], Any]) -> Callable[[], Any]:
        return torch.no_grad()(action)

    serve(
        answers,
        {
            "product": lambda: x @ weights_in,
            "step": lambda: sum(each.step(x) for each in sides) / len(sides),
            "encode": still(lambda: side.encode(x)),
            "encode_sparse": still(lambda: side.encode_sparse(x)),
            "prepare": still(lambda: made.append(getattr(side, "encode_sparse", side.encode)(x))),
            "decode": still(lambda: side.decode(made[0])),
        },
        memory,
    )


def _tiny() -> dict[str, Tensor]:
    return {"W_enc": torch.randn(4, 8), "W_dec": torch.randn(8, 4), "x": torch.randn(16, 4)}


if __name__ == "__main__":
    main()
