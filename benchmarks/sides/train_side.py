# pyright: reportMissingImports=false
"""One side of `end_to_end.py`: a training run as its package does it, held up after every few steps."""

import json
import logging
import sys
import tempfile
import warnings
from collections.abc import Callable
from typing import Any

import torch
from answers import Answers, Memory, Watch, next_request
from demo_model import stream, their_model

warnings.simplefilter("ignore")
logging.disable(logging.WARNING)


class Gate:
    """Called after each step; after every `chunk` of them it tells what they took, and waits to be asked again."""

    def __init__(self, answers: Answers, chunk: int, end: Callable[[], Any]) -> None:
        self.answers, self.chunk, self.end = answers, chunk, end
        self.losses: list[float] = []
        self.gathering_cpu = 0.0
        """Seconds of gathering activations, where the side tells."""
        self.memory, self.watch = Memory(), Watch()

    def step(self, loss: float) -> None:
        self.losses.append(loss)
        if len(self.losses) < self.chunk:
            return
        taken = self.watch.seconds()
        value = {"losses": self.losses, "gathering_cpu": self.gathering_cpu}
        self.answers.give({**taken, "value": value, "mib": self.memory.peak_mib()})
        self.losses, self.gathering_cpu = [], 0.0
        if next_request() != "steps":
            self.end()
        self.watch.start()


@torch.no_grad()
def fill(sae: Any, sizes: dict[str, Any]) -> None:
    """Gives it the weights that both sides begin with."""
    generator = torch.Generator().manual_seed(0)
    W_dec = torch.nn.functional.normalize(torch.randn(sizes["d_sae"], sizes["d_in"], generator=generator)) * 0.1
    sae.W_dec.copy_(W_dec)
    sae.W_enc.copy_(W_dec.T)


class Ours:
    def __init__(self) -> None:
        import sae_widgets as sw

        self.sw, self.model = sw, sw.load_demo()[0]

    def read(self, setup: dict[str, Any]) -> tuple[torch.Tensor, torch.Tensor]:
        runner = self._runner(setup)
        store = runner._job.store
        assert store is not None
        tokens = store.get_batch_tokens()
        return tokens, store.get_activations(tokens)

    def train(self, setup: dict[str, Any], gate_of: Callable[[Callable[[], Any]], Gate]) -> None:
        runner = self._runner(setup)
        run = runner.training_run
        gate = gate_of(run.stop)
        store = runner._job.store
        assert store is not None
        next_batch = store.next_batch

        def watched(*args: Any) -> Any:
            watch = Watch()
            batch = next_batch(*args)
            gate.gathering_cpu += watch.seconds()["cpu"]
            return batch

        store.next_batch = watched
        # Of many SAEs, which are equal, the first's.
        run.add_listener(lambda report: gate.step(getattr(report, "reports", {"0": report})["0"].losses["mse_loss"]))
        runner.run()

    def _runner(self, setup: dict[str, Any]) -> Any:
        sw, own = self.sw, dict(setup["cfg"])
        own |= {"n_batches_in_buffer": setup["n_forwards_in_buffer"], "keep_held_out": False}
        own |= {"b_dec_init_method": "zeros", "checkpoint_path": tempfile.mkdtemp(), "output_path": None}
        own |= {"n_eval_batches": 1, "verbose": False}
        saes = [sw.TopKTrainingSAE(sw.TopKTrainingSAEConfig(**setup["sae"])) for _ in range(setup.get("n_saes", 1))]
        for sae in saes:
            fill(sae, setup["sae"])
        given = {"override_model": self.model, "override_dataset": stream()}
        if len(saes) == 1:
            cfg = sw.LanguageModelSAERunnerConfig(sae=saes[0].cfg, **own)
            return sw.SAETrainingRunner(cfg, override_sae=saes[0], **given)
        by_name = {str(i): sae for i, sae in enumerate(saes)}
        hook = own.pop("hook_name")
        cfg = sw.MultiSAETrainingRunnerConfig(saes={n: s.cfg for n, s in by_name.items()}, hook_names=hook, **own)
        return sw.MultiSAETrainingRunner(cfg, override_saes=by_name, **given)


class SAELens:
    def __init__(self) -> None:
        import sae_lens

        self.sae_lens, self.model = sae_lens, their_model()

    def read(self, setup: dict[str, Any]) -> tuple[torch.Tensor, torch.Tensor]:
        store = self._runner(setup).activations_store
        tokens = store.get_batch_tokens()
        return tokens, store.get_activations(tokens)

    def train(self, setup: dict[str, Any], gate_of: Callable[[Callable[[], Any]], Gate]) -> None:
        from sae_lens.training.sae_trainer import SAETrainer

        def end() -> None:
            raise SystemExit

        step, gate = SAETrainer._train_step, gate_of(end)

        def watched(*args: Any, **kwargs: Any) -> Any:
            out = step(*args, **kwargs)
            gate.step(out.losses["mse_loss"].item())
            return out

        SAETrainer._train_step = watched
        try:
            self._runner(setup).run()
        except SystemExit:
            pass
        finally:
            SAETrainer._train_step = step

    def _runner(self, setup: dict[str, Any]) -> Any:
        lens, cfg = self.sae_lens, setup["cfg"]
        sae = lens.TopKTrainingSAE(lens.TopKTrainingSAEConfig(**setup["sae"]))
        fill(sae, setup["sae"])
        # Its buffer counts rows, not forwards.
        own = {"n_batches_in_buffer": setup["n_forwards_in_buffer"] * cfg["store_batch_size_prompts"]}
        own |= {"is_dataset_tokenized": False, "checkpoint_path": None, "output_path": None}
        logger = lens.LoggingConfig(log_to_wandb=False)
        cfg = lens.LanguageModelSAERunnerConfig(sae=sae.cfg, logger=logger, verbose=False, **cfg, **own)
        return lens.LanguageModelSAETrainingRunner(
            cfg, override_model=self.model, override_dataset=stream(), override_sae=sae
        )


def check(side: Ours | SAELens, setup: dict[str, Any]) -> dict[str, Any]:
    """The first tokens, the length of their activations, and the losses of steps on unmixed batches."""
    tokens, activations = side.read(setup)
    unmixed = {**setup, "n_forwards_in_buffer": 1, "cfg": {**setup["cfg"], "activations_mixing_fraction": 0.0}}
    n_steps, losses = 3, []

    class Few(Gate):
        def __init__(self, end: Callable[[], Any]) -> None:
            self.end, self.gathering_cpu = end, 0.0

        def step(self, loss: float) -> None:
            losses.append(loss)
            if len(losses) == n_steps:
                self.end()

    side.train(unmixed, Few)
    return {"tokens": tokens.tolist(), "norm": activations.norm(dim=-1).mean().item(), "losses": losses}


def main() -> None:
    setup = json.loads(sys.argv[1])
    torch.set_num_threads(setup["threads"])
    answers = Answers()
    side = {"sae_widgets": Ours, "sae_lens": SAELens}[setup["side"]]()
    answers.ready()
    while (request := next_request()) is not None:
        if request == "check":
            answers.give({"value": check(side, setup)})
        else:
            side.train(setup, lambda end: Gate(answers, setup["chunk"], end))


if __name__ == "__main__":
    main()
