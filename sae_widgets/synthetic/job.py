"""One training run on drawn activations, as `TrainingRun` drives it."""

import copy
import logging
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from sae_widgets.runs.trainable import Breathe
from sae_widgets.sae.base import SAE
from sae_widgets.sae.files import write_sparsity
from sae_widgets.synthetic.config import RUNNER_CONFIG_FILENAME, SyntheticSAERunnerConfig
from sae_widgets.synthetic.evals import SyntheticDataEvalResult, eval_sae_on_synthetic_data
from sae_widgets.synthetic.presets import PRESETS
from sae_widgets.synthetic.synthetic_model import SyntheticModel
from sae_widgets.synthetic.training import SyntheticActivationIterator, fold_scale, measure_scale
from sae_widgets.training.checkpoints import Checkpoint, read_checkpoint, write_checkpoint, write_json
from sae_widgets.training.trainer import StepReport, Trainer

logger = logging.getLogger(__name__)

EVAL_STATS_NAME = "eval_stats.json"
MODEL_FOLDER = "synthetic_model"


@dataclass
class SyntheticSAERunnerResult:
    """What a run gives."""

    sae: SAE
    synthetic_model: SyntheticModel
    final_eval: SyntheticDataEvalResult | None
    """None if it was not asked for, or the run was stopped."""
    output_path: Path | None
    """None if nothing was written."""


class SyntheticJob:
    """What `cfg` asks for.

    Args:
        cfg: The settings.
        model: In place of `cfg.synthetic_model`.
        sae: In place of a new one; it is trained in place.
    """

    def __init__(
        self, cfg: SyntheticSAERunnerConfig, model: SyntheticModel | None = None, sae: SAE | None = None
    ) -> None:
        resumed = read_checkpoint(cfg.resume_from_checkpoint, cfg.device) if cfg.resume_from_checkpoint else None
        self.synthetic_model = model if model is not None else _model_of(cfg, resumed)
        self.cfg = cfg = cfg.with_d_in(self.synthetic_model.cfg.hidden_dim)
        self.sae = (sae if sae is not None else _sae_of(cfg, resumed)).to(cfg.device)
        width = self.synthetic_model.cfg.hidden_dim
        if self.sae.cfg.d_in != width:
            raise ValueError(
                f"The SAE reads activations of width {self.sae.cfg.d_in}; the synthetic model gives {width}."
            )
        self._data_generator = torch.Generator(cfg.device).manual_seed(cfg.seed + 1)
        self.source = SyntheticActivationIterator(
            self.synthetic_model.feature_dict,
            self.synthetic_model.activation_generator,
            cfg.batch_size,
            cfg.autocast_data,
            generator=self._data_generator,
        )
        self.trainer = Trainer(self.sae, cfg.train_settings(), self.source.next_batch)
        self._is_scaled = False
        self._is_finished = False
        self.events: list[dict[str, Any]] = []
        """Settings changed so far."""
        self.run_folder = resumed.folder.parent if resumed is not None else _new_folder(cfg)
        if resumed is not None:
            self._load(resumed)
        self._n_checkpoints = self._n_thresholds_passed()
        self._n_threads = torch.get_num_threads()

    @property
    def title(self) -> str:
        kind = str(self.sae.cfg.architecture).replace("_", " ")
        model = self.synthetic_model.cfg
        return f"{kind} SAE, {self.sae.d_sae:,} features, {model.num_features:,} true ones in {model.hidden_dim:,}-d"

    # What a run asks of it

    @property
    def total_tokens(self) -> int:
        return self.cfg.training_samples

    @property
    def settings(self) -> dict[str, float]:
        return self.trainer.live_settings()

    def check_setting(self, name: str, value: float) -> float:
        return self.trainer.check_setting(name, value)

    def apply_setting(self, name: str, value: float) -> None:
        old = self.settings[name]
        self.trainer.apply_setting(name, value)
        self.events.append({"step": self.trainer.n_steps, "name": name, "old": old, "new": value})

    def train_steps(self, breathe: Breathe) -> Iterator[StepReport]:
        # A new thread would take over one core if a widget happened to compute in `threads.one_thread` just then.
        torch.set_num_threads(self._n_threads)
        if not self._is_scaled:
            if breathe("measuring the norm", 0, 0):
                return
            measure_scale(self.trainer, self.source, self.cfg.n_batches_for_norm_estimate)
            self._is_scaled = True
        every = self.cfg.eval_frequency
        for report in self.trainer.train_steps(breathe):
            if every and report.n_steps % every == 0 and report.n_tokens < self.total_tokens:
                found = self.evaluate(lambda done, total: breathe("comparing with the true features", done, total))
                numbers = {name: float(value) for name, value in found.to_log_dict("synthetic/").items()}
                report = replace(report, evaluation=numbers)
            yield report

    @property
    def is_checkpoint_due(self) -> bool:
        return self._n_thresholds_passed() > self._n_checkpoints

    def save_checkpoint(self, name: str | None = None) -> Path:
        """The folder of a new checkpoint.

        Raises:
            OSError: If it cannot be written, or the weights are not worth it.
        """
        self._n_checkpoints = self._n_thresholds_passed()
        if not self.trainer.is_sound():
            raise OSError("No checkpoint was written: the last loss is not finite, so the weights may not be either.")
        if not (self.run_folder / MODEL_FOLDER).is_dir():
            self.synthetic_model.save(self.run_folder / MODEL_FOLDER)
        tensors, numbers = self.trainer.state_dict()
        return write_checkpoint(
            self.run_folder / (name or str(self.trainer.n_tokens)),
            self.sae,
            self.trainer.log_sparsity(),
            {**tensors, "data.random_state": self._data_generator.get_state()},
            {**numbers, "events": self.events, "is_scaled": self._is_scaled},
            self.cfg.to_dict(),
        )

    def finish(self, is_complete: bool) -> SyntheticSAERunnerResult:
        """The SAE in the unit of the activations, and how well it has found the true features."""
        if is_complete and self.cfg.save_final_checkpoint:
            self._try(lambda: self.save_checkpoint(f"final_{self.trainer.n_tokens}"))
        n_dead = int(self.trainer.dead_mask().sum())
        self.trainer.give_result(self.sae)
        fold_scale(self.sae, self.trainer)
        self.trainer.scale, self.trainer.whitening = 1.0, None
        self._is_finished = True
        self.sae.eval()
        self.sae.cfg.metadata["num_dead_features"] = n_dead
        found = self.evaluate() if is_complete and self.cfg.run_final_eval and self.cfg.eval_samples else None
        written = None
        if is_complete and self.cfg.output_path is not None:
            written = self._try(lambda: self._write_output(Path(self.cfg.output_path or ""), found))
        return SyntheticSAERunnerResult(self.sae, self.synthetic_model, found, written)

    def evaluate(self, is_cancelled: Callable[[int, int], bool] = lambda done, total: False) -> SyntheticDataEvalResult:
        """The SAE as it would come out now, on samples it has not been trained on, the same each time."""
        sae = self.sae
        if not self._is_finished:
            sae = copy.deepcopy(self.sae)
            self.trainer.give_result(sae)
            fold_scale(sae, self.trainer)
        return eval_sae_on_synthetic_data(
            sae,
            self.synthetic_model.feature_dict,
            self.synthetic_model.activation_generator,
            num_samples=self.cfg.eval_samples,
            generator=torch.Generator(self.cfg.device).manual_seed(self.cfg.seed + 2),
            is_cancelled=is_cancelled,
        )

    # Pieces

    def _write_output(self, folder: Path, found: SyntheticDataEvalResult | None) -> Path:
        self.sae.save_inference_model(folder)
        write_sparsity(folder, self.trainer.log_sparsity())
        write_json(folder / RUNNER_CONFIG_FILENAME, self.cfg.to_dict())
        if found is not None:
            write_json(folder / EVAL_STATS_NAME, found.to_dict())
        if self.cfg.save_synthetic_model:
            self.synthetic_model.save(folder / MODEL_FOLDER)
        self.sae.folder = folder
        return folder

    def _try(self, write: Callable[[], Path]) -> Path | None:
        """Writes, or says why not: by now the SAE in memory is worth more than a raised error."""
        try:
            return write()
        except OSError as error:
            logger.error("%s The SAE itself is kept: sae.save_model(<another folder>) writes it.", error)
            return None

    def _n_thresholds_passed(self) -> int:
        n_parts = self.cfg.n_checkpoints + 1
        return min(self.trainer.n_tokens // -(-self.total_tokens // n_parts), self.cfg.n_checkpoints)

    def _load(self, resumed: Checkpoint) -> None:
        tensors = dict(resumed.tensors)
        self._data_generator.set_state(tensors.pop("data.random_state"))
        self.trainer.load_state_dict(tensors, resumed.numbers)
        self._is_scaled = bool(resumed.numbers["is_scaled"])
        self.events = list(resumed.numbers["events"])


def _new_folder(cfg: SyntheticSAERunnerConfig) -> Path:
    name = cfg.logger.wandb_id or f"{time.strftime('%Y%m%d-%H%M%S')}-{uuid.uuid4().hex[:4]}"
    return Path(cfg.checkpoint_path or "checkpoints") / name


def _model_of(cfg: SyntheticSAERunnerConfig, resumed: Checkpoint | None) -> SyntheticModel:
    if resumed is not None and (folder := resumed.folder.parent / MODEL_FOLDER).is_dir():
        return SyntheticModel.load_from_disk(folder, device=cfg.device)
    source = cfg.synthetic_model
    if isinstance(source, str) and source in PRESETS:
        source = PRESETS[source]()
    return SyntheticModel.load_from_source(source, device=cfg.device)


def _sae_of(cfg: SyntheticSAERunnerConfig, resumed: Checkpoint | None) -> SAE:
    if resumed is None:
        return SAE.from_config(cfg.sae, generator=torch.Generator().manual_seed(cfg.seed))
    # Into a new SAE: weights that lie otherwise in memory are multiplied in another order, and rounded otherwise.
    sae = SAE.from_config(resumed.sae.cfg)
    sae.load_state_dict(resumed.sae.state_dict())
    return sae
