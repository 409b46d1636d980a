"""Settings from a file and flags: both spellings, the types, what is refused; and the commands that take them."""

import json
import logging
import os
import signal
import sys
import threading
from types import SimpleNamespace

import pytest

import sae_widgets.__main__ as front
import sae_widgets.runs.command as command
from sae_widgets.runs.config import LanguageModelSAERunnerConfig
from sae_widgets.runs.flags import read_settings, setting_types
from sae_widgets.runs.multi_config import MultiSAETrainingRunnerConfig
from tests.runs.test_runner import HOOK, begin, config
from tests.tiny_lm import TinyLM, sentences

NESTED = """
sae: {architecture: topk, d_in: 16, d_sae: 48, k: 4}
hook_name: blocks.1.hook_resid_pre
lr: 1e-3
training_tokens: 2_000
logger: {wandb_project: mine}
"""
FLAT = """
architecture: topk
d_in: 16
d_sae: 48
k: 4
hook_name: blocks.1.hook_resid_pre
lr: 1e-3
training_tokens: 2_000
wandb_project: mine
"""


def parsed(*words):
    parser = front.Parser(prog="x", allow_abbrev=False)
    command.add_arguments(parser)
    args = parser.parse_args([str(word) for word in words])
    return read_settings(args.file, vars(args))


@pytest.mark.parametrize("text", [NESTED, FLAT])
@pytest.mark.parametrize("flags", [("--sae.k", "8"), ("--k=8",)])
def test_a_flag_goes_before_either_spelling_of_the_file(text, flags, tmp_path):
    file = tmp_path / "cfg.yaml"
    file.write_text(text)
    cfg = parsed(file, *flags, "--lr", "1e-4", "--logger.run_name", "x", "--n-batches-in-buffer", "1e3")
    assert (cfg.sae.k, cfg.lr, cfg.hook_name, cfg.training_tokens) == (8, 1e-4, HOOK, 2000)
    assert (cfg.logger.wandb_project, cfg.logger.run_name, cfg.n_batches_in_buffer) == ("mine", "x", 1000)


def test_saelens_spelling_of_the_command_line_makes_the_same_config():
    words = ["--architecture", "topk", "--d_in", "16", "--d_sae", "48", "--k", "4", "--hook_name", HOOK, "--lr", "1e-3"]
    cfg = parsed(*words, "--training_tokens", "2000", "--log_to_wandb", "false", "--autocast", "--prepend_bos", "no")
    own = LanguageModelSAERunnerConfig(
        **{"architecture": "topk", "d_in": 16, "d_sae": 48, "k": 4, "hook_name": HOOK, "lr": 1e-3},
        **{"training_tokens": 2000, "autocast": True, "prepend_bos": False},
    )
    assert cfg.to_dict() == own.to_dict()


def test_what_a_run_wrote_is_read_back_and_every_field_can_be_given(tmp_path):
    cfg = config(
        tmp_path, "batchtopk", seqpos_slice=(1, None, 2), exclude_special_tokens=[0, 3], prefetch_llm_batches=2
    )
    file = tmp_path / "runner_cfg.json"
    file.write_text(json.dumps(cfg.to_dict()))
    assert parsed(file).to_dict() == cfg.to_dict()
    words = []
    for name, value in cfg.to_dict().items():
        if name not in ("sae", "logger"):
            shown = json.dumps(value) if isinstance(value, (dict, list)) else str(value)
            words.append(f"--{name}={shown}")
    words += [f"--logger.{name}={value}" for name, value in vars(cfg.logger).items()]
    own = {name: value for name, value in cfg.sae.to_dict().items() if f"sae.{name}" in setting_types()}
    words += [f"--sae.{name}={value}" for name, value in own.items()]
    assert parsed(*words).to_dict() == cfg.to_dict()


def test_a_file_of_many_saes_makes_their_config(tmp_path):
    file = tmp_path / "cfg.yaml"
    file.write_text(
        "saes:\n  a: {architecture: topk, d_in: 16, d_sae: 48, k: 4}\n"
        f"  b: {{architecture: standard, d_in: 16, d_sae: 32}}\nhook_names: {HOOK}\n"
    )
    cfg = parsed(file, "--lr", "1e-3")
    assert isinstance(cfg, MultiSAETrainingRunnerConfig)
    assert cfg.saes["a"].k == 4
    with pytest.raises(ValueError, match="of one SAE, and the file has several"):
        parsed(file, "--k", "8")


@pytest.mark.parametrize(
    ("text", "flags", "error", "message"),
    [
        (NESTED, ["--lr", "fast"], ValueError, "lr takes a number; got 'fast'"),
        (NESTED, ["--training_tokens", "1.5"], ValueError, "training_tokens takes a whole number"),
        (NESTED, ["--autocast", "maybe"], ValueError, "autocast takes true or false"),
        (NESTED, ["--expansion_factor", "4"], ValueError, "give d_sae instead"),
        ("sae: {architecture: topk, d_in: 16, d_sae: 48, kk: 4}", [], TypeError, "no setting 'kk' of the SAE.*'k'"),
        ("sae: {architecture: topk, d_in: 16, d_sae: 48, lp_norm: 1}", [], TypeError, "has no 'lp_norm'"),
        ("sae: {d_in: 16, d_sae: 48}", [], ValueError, "names no architecture"),
        ("lrr: 1", [], TypeError, "no 'lrr'.*'lr'"),
        ("- 1", [], ValueError, "holds list; expected settings"),
        ("a: [", [], ValueError, "neither YAML nor JSON"),
    ],
)
def test_settings_that_cannot_be_are_refused_in_words(text, flags, error, message, tmp_path):
    file = tmp_path / "cfg.yaml"
    file.write_text(text)
    with pytest.raises(error, match=message):
        parsed(file, *flags)


def test_a_file_that_is_not_there_is_said_so():
    with pytest.raises(FileNotFoundError, match=r"No file 'none\.yaml'"):
        parsed("none.yaml")


# Commands


def test_an_unknown_command_or_flag_offers_the_nearest(capsys):
    for words, message in ((["trian"], "did you mean 'train'"), (["train", "--lrr", "3"], "Did you mean --lr")):
        with pytest.raises(SystemExit) as stop:
            front.main(words)
        assert stop.value.code == 2
        assert message in capsys.readouterr().err
    assert front.main(["train", "none.yaml"]) == 2
    assert "No file 'none.yaml'" in capsys.readouterr().err


def test_help_names_every_setting(capsys):
    with pytest.raises(SystemExit):
        front.main(["train", "--help"])
    told = capsys.readouterr().out
    assert [name for name in setting_types() if f"--{name.rpartition('.')[2]} " not in told] == []


@pytest.fixture
def quiet():
    """The level that a command sets, back."""
    log = logging.getLogger("sae_widgets")
    before = log.level
    yield
    log.setLevel(before)


def train(cfg):
    return command.train(cfg, is_shown=False, model=TinyLM(), dataset=sentences())


def test_the_command_trains_and_tells_what_came_out(tmp_path, capsys):
    assert train(config(tmp_path, training_tokens=256, lr_warm_up_steps=0, lr_decay_steps=0)) == 0
    told = capsys.readouterr().out
    assert "begins, 256 tokens" in told
    assert "Done: 4 steps" in told
    assert "explained_variance" in told


def test_sigterm_saves_and_ends_with_its_status_and_the_same_line_goes_on(tmp_path, capsys):
    steady = {"resume": "auto", "lr_warm_up_steps": 0, "lr_decay_steps": 0}
    cfg = config(tmp_path, training_tokens=64 * 100_000, **steady)
    before = signal.getsignal(signal.SIGTERM)
    threading.Timer(0.3, lambda: os.kill(os.getpid(), signal.SIGTERM)).start()
    assert train(cfg) == 143
    assert signal.getsignal(signal.SIGTERM) is before
    assert "checkpoint " in capsys.readouterr().out
    assert train(config(tmp_path, training_tokens=64, **steady)) == 0
    assert "goes on from step" in capsys.readouterr().out


def test_a_run_that_fails_ends_with_1_and_its_words(tmp_path, capsys):
    model = TinyLM()
    model.layers[0][0][:] = float("nan")
    assert command.train(config(tmp_path), is_shown=False, model=model, dataset=sentences()) == 1
    assert "FloatingPointError: At step 1" in capsys.readouterr().err


def test_a_bar_is_shown_on_a_terminal_or_when_asked(tmp_path, monkeypatch, quiet):
    shown = []
    monkeypatch.setattr(command, "train", lambda cfg, is_shown: shown.append(is_shown) or 0)
    file = tmp_path / "cfg.yaml"
    file.write_text(NESTED)
    for words in ([], ["--verbose", "true"], ["--verbose", "false"]):
        assert front.main(["train", str(file), *words]) == 0
    monkeypatch.setattr(sys, "stderr", SimpleNamespace(isatty=lambda: True, write=print, flush=print))
    assert front.main(["train", str(file)]) == 0
    assert shown == [False, True, False, True]


# TensorBoard


def test_tensorboard_gets_the_curves_when_asked(tmp_path, monkeypatch):
    written = []

    class Writer:
        def __init__(self, folder, purge_step):
            written.append((folder, purge_step))

        def add_scalar(self, name, value, step):
            written.append((name, step))

        def close(self):
            written.append("closed")

    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard.writer", SimpleNamespace(SummaryWriter=Writer))
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", SimpleNamespace())
    run = begin(config(tmp_path, log_to_tensorboard=True))
    run.result(60.0)
    assert written[0] == (str(run.trainable.run_folder), None)
    assert ("loss", 10) in written
    assert ("loss", 11) not in written
    assert written[-1] == "closed"


def test_tensorboard_that_is_not_there_leaves_one_line(tmp_path, monkeypatch, caplog):
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard.writer", None)
    begin(config(tmp_path, log_to_tensorboard=True)).result(60.0)
    assert "tensorboard is not installed" in caplog.text
