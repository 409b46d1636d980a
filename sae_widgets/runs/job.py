"""One training run's work, as `TrainingRun` drives it: model, data, trainer, checkpoints and what comes out."""

import copy
import logging
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from sae_widgets.activations.store import ActivationsStore, Batch, Cancelled
from sae_widgets.evals import run_evals
from sae_widgets.hooked import as_hooked
from sae_widgets.model import check_fits, load_model
from sae_widgets.normalize import whitening_of
from sae_widgets.runs.config import LanguageModelSAERunnerConfig
from sae_widgets.runs.job_start import make_sae, one_or_all, train_settings, widths
from sae_widgets.runs.run import Breathe
from sae_widgets.sae.base import SAE
from sae_widgets.sae.files import write_sparsity
from sae_widgets.training.checkpoints import SETTINGS_NAME, Checkpoint, read_checkpoint, write_checkpoint, write_json
from sae_widgets.training.trainer import StepReport, Trainer

logger = logging.getLogger(__name__)

# Keys of model_from_pretrained_kwargs that change weights; they are repeated wherever the SAE is used.
PROCESSING = ("fold_ln", "center_writing_weights", "center_unembed", "fold_value_biases")
EVAL_SHARE = 0.05  # of the training tokens: metrics of a short run must not take longer than the run


class TrainingJob:
    """What `cfg` asks for. The model and the data may be given; else they are opened when the steps begin.

    Args:
        cfg: The settings.
        model: In place of `cfg.model_name`; a list of models with one tokenizer for a crosscoder of several models.
        dataset: In place of `cfg.dataset_path`.
        sae: In place of a new one; it is trained in place.
        events: Settings changed in an earlier run, to be changed again at the same steps (`run.events`).
    """

    def __init__(
        self,
        cfg: LanguageModelSAERunnerConfig,
        model: Any = None,
        dataset: Any = None,
        sae: SAE | None = None,
        events: list[dict[str, Any]] | None = None,
    ) -> None:
        given = list(model) if isinstance(model, (list, tuple)) else [] if model is None else [model]
        self.models, self.dataset = [as_hooked(each) for each in given], dataset
        resumed = read_checkpoint(cfg.resume_from_checkpoint, cfg.device) if cfg.resume_from_checkpoint else None
        if sae is None and resumed is None and not cfg.is_d_in_known:
            self._open_model(cfg)
            cfg = cfg.with_d_in(*widths(self.models, cfg))
        self.cfg = cfg
        self.sae = sae if sae is not None else make_sae(cfg, resumed)
        self._describe_sae()
        self.trainer = Trainer(self.sae, train_settings(cfg), self._next_batch)
        self.store: ActivationsStore | None = None
        self._store_state: dict[str, Tensor] = {}
        self._is_scaled = self.sae.cfg.normalize_activations not in ("expected_average_only_in", "covariance_whitening")
        self.events: list[dict[str, Any]] = []
        """Settings changed so far."""
        self.record_event: Callable[[dict[str, Any]], object] = lambda event: None
        """Told of changes that a replay makes."""
        self._replayed = list(events or [])
        self._metrics: dict[str, float] | None = None
        self.run_folder = self._name_run_folder(resumed)
        self._checkpoint = resumed.folder if resumed is not None else None
        if resumed is not None:
            self._load(resumed)
        elif self.model is not None:
            # What does not fit is said here and now, where the model is at hand already.
            self._open_store()
        self._n_checkpoints = self._n_thresholds_passed()
        self._n_threads = torch.get_num_threads()

    @property
    def title(self) -> str:
        kind = str(self.sae.cfg.architecture).replace("_", " ")
        kind = kind if kind.endswith("coder") else f"{kind} SAE"
        reads, writes = (", ".join(dict.fromkeys(hooks)) for hooks in (self.sae.cfg.hooks_in, self.sae.cfg.hooks_out))
        return f"{kind}, {self.sae.d_sae:,} features, {reads if reads == writes else f'{reads} → {writes}'}"

    @property
    def model(self) -> Any:
        """The model, or the first of several; None before it is opened."""
        return self.models[0] if self.models else None

    # What a run asks of it

    @property
    def total_tokens(self) -> int:
        return self.cfg.training_tokens

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
        if breathe("loading the model", 0, 0):
            return
        self._open_model(self.cfg, self.sae)
        if self.store is None:
            if breathe("opening the data", 0, 0):
                return
            self._open_store()
        if not self._is_scaled and not self._estimate_scale(breathe):
            return
        every = self.cfg.logger.eval_every_steps
        self._replay()
        for report in self._steps(breathe):
            self._replay()
            is_last = report.n_tokens >= self.total_tokens
            if every and report.n_steps % every == 0 and not is_last:
                report = replace(report, evaluation=self._evaluate(breathe))
            yield report

    def _steps(self, breathe: Breathe) -> Iterator[StepReport]:
        try:
            yield from self.trainer.train_steps(breathe)
        except FloatingPointError as error:
            last = f"The last checkpoint is {self._checkpoint}." if self._checkpoint else "There is no checkpoint."
            raise FloatingPointError(f"{error} {last}") from error

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
        tensors, numbers = self.trainer.state_dict()
        # Nothing gathered yet: what the resumed run brought along is still what counts.
        store = self.store.state_dict() if self.store is not None else self._store_state
        self._checkpoint = write_checkpoint(
            self.run_folder / (name or str(self.trainer.n_tokens)),
            self.sae,
            self.trainer.log_sparsity(),
            {**tensors, **{f"store.{key}": value for key, value in store.items()}},
            {**numbers, "events": self.events, "is_scaled": self._is_scaled},
            self.cfg.to_dict(),
        )
        return self._checkpoint

    def finish(self, is_complete: bool) -> SAE:
        """The SAE, in the unit of the model's activations. A complete run also writes what it was asked to write."""
        if is_complete and self.cfg.save_final_checkpoint:
            self._try(lambda: self.save_checkpoint(f"final_{self.trainer.n_tokens}"))
        self._fold_scale(self.sae)
        self.trainer.scale = self.trainer.scale_out = 1.0
        self.trainer.whitening = None
        self.sae.eval()
        if self.cfg.hook_name.endswith("hook_z") and self.cfg.hook_head_index is None:
            # Training saw the heads joined; from now on the SAE takes them as the model gives them.
            self.sae.cfg.reshape_activations = "hook_z"
        n_dead = int(self.trainer.dead_mask().sum())
        self.sae.cfg.metadata["num_dead_features"] = n_dead
        if is_complete:
            self.sae.cfg.metadata["l0"] = self.metrics["l0"]
            if self.cfg.output_path:
                self._try(lambda: self._write_output(Path(self.cfg.output_path or "")))
        return self.sae

    @property
    def metrics(self) -> dict[str, float]:
        """`run_evals` on the finished SAE, and its dead features; computed when first asked for."""
        if self._metrics is None:
            # A run stopped early is not made to wait for the metrics of a long one.
            tokens = self._eval_tokens(self.trainer.n_tokens)
            metrics = run_evals(self.sae_in_model_units(), self._eval_model(), tokens, **self._eval_settings())
            self._metrics = {**metrics, "dead_features": float(self.trainer.dead_mask().sum())}
        return self._metrics

    # Pieces

    def sae_in_model_units(self) -> SAE:
        """The SAE as it would come out now: itself once it is finished, before that a copy."""
        if not self.sae.training:
            return self.sae
        sae = copy.deepcopy(self.sae).eval()
        self._fold_scale(sae)
        return sae

    def _fold_scale(self, sae: SAE) -> None:
        self.trainer.give_result(sae)
        if self.trainer.whitening is not None:
            sae.fold_activation_whitening(*self.trainer.whitening)
        if self.trainer.scale != 1.0:
            scales = [self.trainer.scale] if sae.reconstructs else [self.trainer.scale, self.trainer.scale_out]
            sae.fold_activation_norm_scaling_factor(*scales)

    def _open_model(self, cfg: LanguageModelSAERunnerConfig, sae: SAE | None = None) -> None:
        if not self.models:
            asked = {**cfg.model_from_pretrained_kwargs, **cfg.model_kwargs}
            kwargs = {name: value for name, value in asked.items() if name not in PROCESSING}
            self.models = [load_model(cfg.model_name, device=cfg.llm_device or cfg.device, sae=sae, **kwargs)]

    def _open_store(self) -> None:
        if self.cfg.hook_head_index is None and len(self.models) == 1:
            check_fits(self.model, self.sae)
        self.store = self._store_of(self.dataset)
        if self._store_state:
            self.store.load_state_dict(self._store_state)
            self._store_state = {}

    def _store_of(self, dataset: Any) -> ActivationsStore:
        sae = self.sae
        d_out = None if sae.reconstructs else len(sae.b_dec)
        return ActivationsStore.from_config(self.models, self.cfg, dataset, d_in=sae.cfg.d_in, d_out=d_out)

    def _next_batch(self, is_cancelled: Any) -> Batch:
        assert self.store is not None
        return self.store.next_batch(is_cancelled)

    def _estimate_scale(self, breathe: Breathe) -> bool:
        """Sets the factors that give activations a mean length of sqrt(width); False if stopped before."""
        assert self.store is not None
        n_tokens = self.cfg.n_batches_for_norm_estimate * self.cfg.train_batch_size_tokens
        if self.sae.cfg.normalize_activations == "covariance_whitening":
            self._is_scaled = self._estimate_whitening(self.store, n_tokens, breathe)
            return self._is_scaled
        try:
            norms = self.store.mean_norms(n_tokens, lambda done, total: breathe("measuring the norm", done, total))
        except Cancelled:
            return False
        scales = []
        for hook_name, norm, width in zip(self.store.hook_names, norms, self.store.widths, strict=True):
            if not 0 < norm < float("inf"):
                raise ValueError(f"The activations at {hook_name} have mean length {norm}; is the model sound?")
            scales.append(width**0.5 / norm)
        n_in = len(scales) if self.sae.reconstructs else len(self.cfg.hook_names or [self.cfg.hook_name])
        self.trainer.scale = one_or_all(scales[:n_in])
        self.trainer.scale_out = one_or_all(scales[n_in:] or [1.0])
        self._is_scaled = True
        return True

    def _estimate_whitening(self, store: ActivationsStore, n_tokens: int, breathe: Breathe) -> bool:
        """Sets the map that makes activations white; False if stopped before."""
        try:
            seen = store.upcoming(n_tokens, lambda done, total: breathe("measuring the covariance", done, total))
        except Cancelled:
            return False
        if len(seen) <= store.d_in:
            raise ValueError(
                f"covariance_whitening needs more tokens than activations are wide; {len(seen):,} for width "
                f"{store.d_in:,}. Raise n_batches_for_norm_estimate and n_batches_in_buffer."
            )
        self.trainer.whitening = whitening_of(seen)
        return True

    def _replay(self) -> None:
        for event in self._replayed:
            if event["step"] == self.trainer.n_steps:
                self.apply_setting(event["name"], self.check_setting(event["name"], event["new"]))
                self.record_event(self.events[-1])

    def _eval_tokens(self, training_tokens: int) -> Tensor:
        n_rows = self.cfg.eval_batch_size_prompts or self.cfg.store_batch_size_prompts
        wanted = self.cfg.n_eval_batches * n_rows
        affordable = int(EVAL_SHARE * training_tokens / self.cfg.context_size)
        self._open_model(self.cfg, self.sae)
        if self.cfg.eval_dataset_path is not None:
            store = self._store_of(self.cfg.eval_dataset_path)
        else:
            if self.store is None:
                self._open_store()
            store = self.store
        assert store is not None
        return store.eval_tokens(min(wanted, max(affordable, n_rows)))

    def _eval_settings(self) -> dict[str, Any]:
        special = self.cfg.exclude_special_tokens
        settings: dict[str, Any] = {"exclude_special_tokens": True if special is False else special}
        return settings | {"batch_size_prompts": self.cfg.eval_batch_size_prompts}

    def _eval_model(self) -> Any:
        return self.models if len(self.models) > 1 else self.model

    def _evaluate(self, breathe: Breathe) -> dict[str, float]:
        try:
            return run_evals(
                self.sae_in_model_units(),
                self._eval_model(),
                self._eval_tokens(self.cfg.training_tokens),
                is_cancelled=lambda done, total: breathe("trying the SAE in the model", done, total),
                **self._eval_settings(),
            )
        except Cancelled:
            return {}

    def _write_output(self, folder: Path) -> None:
        self.sae.save_inference_model(folder)
        write_sparsity(folder, self.trainer.log_sparsity())
        write_json(folder / SETTINGS_NAME, self.cfg.to_dict())
        self.sae.folder = folder

    def _try(self, write: Any) -> None:
        """Writes, or says why not: by now the SAE in memory is worth more than a raised error."""
        try:
            write()
        except OSError as error:
            logger.error("%s The SAE itself is kept: sae.save_model(<another folder>) writes it.", error)

    def _n_thresholds_passed(self) -> int:
        n_parts = self.cfg.n_checkpoints + 1
        # Of n + 1 equal parts the ends, but for the last: SAELens' `range(0, total, ceil(total / (n + 1)))[1:]`.
        return min(self.trainer.n_tokens // -(-self.total_tokens // n_parts), self.cfg.n_checkpoints)

    def _name_run_folder(self, resumed: Checkpoint | None) -> Path:
        if resumed is not None:
            return resumed.folder.parent
        name = self.cfg.logger.wandb_id or f"{time.strftime('%Y%m%d-%H%M%S')}-{uuid.uuid4().hex[:4]}"
        return Path(self.cfg.checkpoint_path or "checkpoints") / name

    def _describe_sae(self) -> None:
        metadata, cfg = self.sae.cfg.metadata, self.cfg
        n_sources = self.sae.n_sources
        if n_sources > 1 and len(cfg.hook_names or self.models) != n_sources:
            raise ValueError(
                f"This crosscoder has {n_sources} sources; say what they are: hook_names with {n_sources} hooks, or as "
                "many models."
            )
        for name in (
            *("model_name", "model_class_name", "hook_name", "hook_head_index", "context_size", "prepend_bos"),
            *("model_from_pretrained_kwargs", "exclude_special_tokens", "sequence_separator_token"),
            *("disable_concat_sequences", "dataset_path"),
        ):
            metadata[name] = getattr(cfg, name)
        for name in ("hook_name_out", "hook_names", "hook_names_out"):
            if getattr(cfg, name) is not None:
                metadata[name] = getattr(cfg, name)
        if len(self.models) > 1:
            metadata["hook_names"] = cfg.hook_names or [cfg.hook_name] * len(self.models)
            metadata["model_names"] = [model.cfg.model_name for model in self.models]
        if self.model is not None and cfg.model_name == LanguageModelSAERunnerConfig.model_name:
            metadata["model_name"] = self.model.cfg.model_name  # given as it is, not by name
        metadata["seqpos_slice"] = list(cfg.seqpos_slice)
        # The store joins the heads; `finish` says again that the model has them apart.
        self.sae.cfg.reshape_activations = "none"

    def _load(self, resumed: Checkpoint) -> None:
        store = {name[6:]: value for name, value in resumed.tensors.items() if name.startswith("store.")}
        tensors = {name: value for name, value in resumed.tensors.items() if not name.startswith("store.")}
        self.trainer.load_state_dict(tensors, resumed.numbers)
        self._store_state = store
        self._is_scaled = bool(resumed.numbers["is_scaled"])
        self.events = list(resumed.numbers["events"])
