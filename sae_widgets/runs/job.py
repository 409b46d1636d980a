"""One training run's work, as `TrainingRun` drives it: model, data, SAEs, checkpoints and what comes out."""

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
from sae_widgets.runs.checkpoint_times import CheckpointTimes
from sae_widgets.runs.config import LanguageModelSAERunnerConfig
from sae_widgets.runs.job_report import JobReport
from sae_widgets.runs.job_start import make_sae, store_config, widths
from sae_widgets.runs.member import Member
from sae_widgets.runs.members import Members, MembersState
from sae_widgets.runs.metadata import describe_sae
from sae_widgets.runs.multi_config import MultiSAETrainingRunnerConfig
from sae_widgets.runs.resume import find_resumed, not_in, with_width_of
from sae_widgets.runs.run import Breathe
from sae_widgets.sae.base import SAE
from sae_widgets.sae.files import write_sparsity
from sae_widgets.training.checkpoints import FINAL, SETTINGS_NAME, Checkpoint, prune, write_checkpoint, write_json
from sae_widgets.training.distributed import ALONE, Group
from sae_widgets.training.reports import StepReport
from sae_widgets.training.trainer import Trainer

logger = logging.getLogger(__name__)

# Keys of model_from_pretrained_kwargs that change weights; they are repeated wherever the SAE is used.
PROCESSING = ("fold_ln", "center_writing_weights", "center_unembed", "fold_value_biases")
EVAL_SHARE = 0.05  # of the training tokens: metrics of a short run must not take longer than the run
AnyConfig = LanguageModelSAERunnerConfig | MultiSAETrainingRunnerConfig


class TrainingJob:
    """What `cfg` asks for. The model and the data may be given; else they are opened when the steps begin.

    Args:
        cfg: The settings of one SAE's run, or of the run of many.
        model: In place of `cfg.model_name`; a list of models with one tokenizer for a crosscoder of several models.
        dataset: In place of `cfg.dataset_path`.
        sae: In place of a new one; it is trained in place. Of many SAEs a dict by name.
        events: Settings changed in an earlier run, to be changed again at the same steps (`run.events`).
    """

    group: Group = ALONE  # the processes that work on it
    find_resumed = staticmethod(find_resumed)

    def __init__(
        self,
        cfg: AnyConfig,
        model: Any = None,
        dataset: Any = None,
        sae: SAE | dict[str, SAE] | None = None,
        events: list[dict[str, Any]] | None = None,
    ) -> None:
        given = list(model) if isinstance(model, (list, tuple)) else [] if model is None else [model]
        self.models, self.dataset = [as_hooked(each) for each in given], dataset
        found = self.find_resumed(cfg)
        resumed = found.checkpoint if found is not None else None
        cfg = cfg if resumed is None else with_width_of(cfg, resumed)
        if isinstance(cfg, LanguageModelSAERunnerConfig) and not cfg.is_d_in_known and sae is None and resumed is None:
            self._open_model(cfg)
            cfg = cfg.with_d_in(*widths(self.models, cfg))
        self.cfg = cfg
        self.members = Members()
        """The SAEs by name; one alone is named ""."""
        saes = sae if isinstance(sae, dict) else {} if sae is None else {"": sae}
        for name, each in cfg.members.items():
            own = saes.get(name) or make_sae(each, None if resumed is None else resumed.saes[name])
            describe_sae(own, each, self.models)
            self.members[name] = Member(name, each, own, self._next_batch, self.group)
        self.store: ActivationsStore | None = None
        self._store_state: dict[str, Tensor] = {}
        self.events: list[dict[str, Any]] = []
        """Settings changed so far."""
        self.record_event: Callable[[dict[str, Any]], object] = lambda event: None
        """Told of changes that a replay makes."""
        self.before_checkpoint: Callable[[], object] = lambda: None
        """Called before each checkpoint."""
        self.replays = [*(events or []), *(found.events if found is not None else [])]
        """Changes of settings still to be made again."""
        self._metrics: dict[str, dict[str, float]] = {}
        self.run_folder = self._name_run_folder(resumed)
        self._checkpoint = resumed.folder if resumed is not None else None
        if resumed is not None:
            self._load(resumed)
        elif self.model is not None:
            # What does not fit is said here and now, where the model is at hand already.
            self._open_store()
        self._checkpoint_times = CheckpointTimes(cfg, self)
        self._n_threads = torch.get_num_threads()

    @property
    def sae(self) -> SAE:
        """The SAE of a run of one."""
        return self.members[""].sae

    @property
    def trainer(self) -> Trainer:
        """The trainer of a run of one."""
        return self.members[""].trainer

    @property
    def member_names(self) -> list[str]:
        """Of a run of many SAEs, their names; none of a run of one."""
        return [name for name in self.members if name]

    @property
    def problems(self) -> dict[str, str]:
        """Why an SAE is trained no more while the others are, by name."""
        return self.members.problems

    @property
    def title(self) -> str:
        if self.members.is_single:
            return self.members[""].title
        hooks = dict.fromkeys(hook for member in self.members.values() for hook in member.sae.cfg.hooks_in)
        return f"{len(self.members)} SAEs on {', '.join(hooks)}"

    @property
    def model(self) -> Any:
        """The model, or the first of several; None before it is opened."""
        return self.models[0] if self.models else None

    # What a run asks of it

    @property
    def total_tokens(self) -> int:
        return self.cfg.training_tokens

    @property
    def n_steps(self) -> int:
        """Steps taken, those of an earlier part of a resumed run included."""
        return self.members.lead.n_steps

    @property
    def n_tokens(self) -> int:
        return self.members.lead.n_tokens

    @property
    def settings(self) -> dict[str, float]:
        return self.members.settings

    def check_setting(self, name: str, value: float) -> float:
        return self.members.check_setting(name, value)

    def apply_setting(self, name: str, value: float) -> None:
        old = self.settings[name]
        self.members.apply_setting(name, value)
        self.events.append({"step": self.n_steps, "name": name, "old": old, "new": value})

    def train_steps(self, breathe: Breathe) -> Iterator[StepReport | JobReport]:
        # A new thread would take over one core if a widget happened to compute in `threads.one_thread` just then.
        torch.set_num_threads(self._n_threads)
        if breathe("loading the model", 0, 0):
            return
        self._open_model(self.cfg, next(iter(self.members.values())).sae)
        if self.store is None:
            if breathe("opening the data", 0, 0):
                return
            self._open_store()
        if not self._measure(breathe):
            return
        every = self.cfg.logger.eval_every_steps
        self._replay()
        for start, reports in self._steps(breathe):
            self._replay()
            is_last = self.n_tokens >= self.total_tokens
            if every and self.n_steps % every == 0 and not is_last:
                for name in reports:
                    reports[name] = replace(reports[name], evaluation=self._evaluate(self.members[name], breathe))
            if self.members.is_single:
                yield reports[""]
            else:
                rate = self.cfg.train_batch_size_tokens / (time.perf_counter() - start)
                yield JobReport(self.n_steps, self.n_tokens, reports, rate)

    def _steps(self, breathe: Breathe) -> Iterator[tuple[float, dict[str, StepReport]]]:
        """When each step began, and what it told of each SAE."""
        store = self.store
        assert store is not None
        while self.n_tokens < self.total_tokens:
            start = time.perf_counter()
            try:
                batch = store.next_batch(lambda done, total: breathe("gathering activations", done, total))
            except Cancelled:
                return
            except FloatingPointError as error:
                raise self._with_step(error) from error
            yield start, self._step(batch, start)

    def _step(self, batch: Batch, start: float) -> dict[str, StepReport]:
        """One step of each SAE; one whose loss is not finite is trained no more, unless it is the last."""
        reports = {}
        for member in self.members.live:
            try:
                reports[member.name] = member.step(batch, start)
            except FloatingPointError as error:
                if len(self.members.live) == 1:
                    raise FloatingPointError(f"{error} {self._last_checkpoint}") from error
                member.problem = str(error)
                why = (member.name, error, self._last_checkpoint)
                logger.error("%s is trained no more, the others are: %s %s", *why)
        return reports

    def _with_step(self, error: FloatingPointError) -> FloatingPointError:
        return FloatingPointError(f"At step {self.n_steps + 1:,}: {error} {self._last_checkpoint}")

    @property
    def _last_checkpoint(self) -> str:
        return f"The last checkpoint is {self._checkpoint}." if self._checkpoint else "There is no checkpoint."

    @property
    def is_checkpoint_due(self) -> bool:
        return self._checkpoint_times.is_due

    def save_checkpoint(self, name: str | None = None) -> Path:
        """The folder of a new checkpoint.

        Raises:
            OSError: If it cannot be written, or the weights are not worth it.
        """
        self._checkpoint_times.note()
        if not all(member.trainer.is_sound() for member in self.members.live):
            raise OSError("No checkpoint was written: the last loss is not finite, so the weights may not be either.")
        self.before_checkpoint()
        saes, sparsities, tensors, numbers, write_more = self._state()
        # Nothing gathered yet: what the resumed run brought along is still what counts.
        store = self.store.state_dict() if self.store is not None else self._store_state
        self._checkpoint = write_checkpoint(
            self.run_folder / (name or str(self.n_tokens)),
            *(saes, sparsities),
            {**tensors, **{f"store.{key}": value for key, value in store.items()}},
            {**numbers, "saes": list(self.members), "events": self.events},
            self.cfg.to_dict(),
            write_more,
        )
        if self.cfg.keep_checkpoints is not None:
            prune(self.run_folder, self.cfg.keep_checkpoints)
        return self._checkpoint

    def finish(self, is_complete: bool) -> SAE | dict[str, SAE]:
        """The SAE in the unit of the model's activations; of many, those without a problem by name.

        A complete run also writes what it was asked to write.
        """
        if is_complete and self.cfg.save_final_checkpoint:
            self._try(lambda: self.save_checkpoint(f"{FINAL}{self.n_tokens}"))
        self._close()
        result = self.members.finish()
        for member in self.members.live if is_complete else ():
            member.sae.cfg.metadata["l0"] = self._metrics_of(member)["l0"]
        if is_complete and self.cfg.output_path:
            self._try(lambda: self._write_output(Path(self.cfg.output_path or "")))
        return result

    @property
    def metrics(self) -> dict[str, Any]:
        """`run_evals` on the finished SAE, and its dead features; by name of many. Computed when first asked for."""
        found = {member.name: self._metrics_of(member) for member in self.members.live}
        return found[""] if self.members.is_single else found

    def _metrics_of(self, member: Member) -> dict[str, float]:
        if member.name not in self._metrics:
            # A run stopped early is not made to wait for the metrics of a long one.
            tokens = self._eval_tokens(self.n_tokens)
            metrics = run_evals(member.sae_in_model_units(), self._eval_model(), tokens, **self._eval_settings())
            n_dead = float(member.sae.cfg.metadata["num_dead_features"])
            self._metrics[member.name] = {**metrics, "dead_features": n_dead}
        return self._metrics[member.name]

    # Pieces

    def _close(self) -> None:
        if self.store is not None:
            self.store.close()

    def _state(self) -> MembersState:
        return self.members.everything()

    def _open_model(self, cfg: AnyConfig, sae: SAE | None = None) -> None:
        if not self.models:
            asked = {**cfg.model_from_pretrained_kwargs, **cfg.model_kwargs}
            kwargs = {name: value for name, value in asked.items() if name not in PROCESSING}
            self.models = [load_model(cfg.model_name, device=cfg.llm_device or cfg.device, sae=sae, **kwargs)]

    def _open_store(self) -> None:
        for member in self.members.values():
            if member.cfg.hook_head_index is None and len(self.models) == 1:
                check_fits(self.model, member.sae)
        self.store = self._store_of(self.dataset)
        self.store.share_with(self.group)
        self.members.place(self.store)
        if self._store_state:
            self.store.load_state_dict(self._store_state)
            self._store_state = {}

    def _store_of(self, dataset: Any) -> ActivationsStore:
        if isinstance(self.cfg, MultiSAETrainingRunnerConfig):
            return ActivationsStore.from_config(self.models, store_config(self.cfg), dataset)
        sae = self.sae
        d_out = None if sae.reconstructs else len(sae.b_dec)
        return ActivationsStore.from_config(self.models, self.cfg, dataset, d_in=sae.cfg.d_in, d_out=d_out)

    def _next_batch(self, is_cancelled: Any) -> Batch:
        assert self.store is not None
        return self.store.next_batch(is_cancelled)

    def _measure(self, breathe: Breathe) -> bool:
        """Has activations scaled or made white where an SAE asks for it; False if stopped before."""
        waiting = [member for member in self.members.live if not member.is_scaled]
        if not waiting:
            return True
        assert self.store is not None
        what = "measuring the covariance" if any(member.is_white for member in waiting) else "measuring the norm"
        n_tokens = max(member.n_tokens_to_measure for member in waiting)
        try:
            seen = self.store.upcoming(n_tokens, lambda done, total: breathe(what, done, total))
        except Cancelled:
            return False
        except FloatingPointError as error:
            raise self._with_step(error) from error
        for member in waiting:
            member.measure(seen)
        return True

    def _replay(self) -> None:
        for event in [event for event in self.replays if event["step"] == self.n_steps]:
            self.replays.remove(event)
            self.apply_setting(event["name"], self.check_setting(event["name"], event["new"]))
            self.record_event(self.events[-1])

    def _eval_tokens(self, training_tokens: int) -> Tensor:
        n_rows = self.cfg.eval_batch_size_prompts or self.cfg.store_batch_size_prompts
        wanted = self.cfg.n_eval_batches * n_rows
        affordable = int(EVAL_SHARE * training_tokens / self.cfg.context_size)
        self._open_model(self.cfg, next(iter(self.members.values())).sae)
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

    def _evaluate(self, member: Member, breathe: Breathe) -> dict[str, float]:
        try:
            return run_evals(
                member.sae_in_model_units(),
                self._eval_model(),
                self._eval_tokens(self.cfg.training_tokens),
                is_cancelled=lambda done, total: breathe("trying the SAE in the model", done, total),
                **self._eval_settings(),
            )
        except Cancelled:
            return {}

    def _write_output(self, folder: Path) -> None:
        for member in self.members.live:
            member.sae.save_inference_model(folder / member.name)
            write_sparsity(folder / member.name, member.log_sparsity())
            member.sae.folder = folder / member.name
        write_json(folder / SETTINGS_NAME, self.cfg.to_dict())

    def _try(self, write: Any) -> None:
        """Writes, or says why not: by now the SAE in memory is worth more than a raised error."""
        try:
            write()
        except OSError as error:
            logger.error("%s The SAE itself is kept: sae.save_model(<another folder>) writes it.", error)

    def _name_run_folder(self, resumed: Checkpoint | None) -> Path:
        if resumed is not None:
            return resumed.folder.parent
        name = self.cfg.logger.wandb_id or f"{time.strftime('%Y%m%d-%H%M%S')}-{uuid.uuid4().hex[:4]}"
        return Path(self.cfg.checkpoint_path or "checkpoints") / name

    def _load(self, resumed: Checkpoint) -> None:
        rest = self.members.load_state_dict(resumed.tensors, resumed.numbers)
        self._store_state = {name.removeprefix("store."): value for name, value in rest.items()}
        self.events = list(resumed.numbers["events"])
        self.replays = not_in(self.replays, self.events)
