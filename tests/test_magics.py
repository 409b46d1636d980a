import ast
import copy
import types

import pytest
from IPython.core.completer import provisionalcompleter
from IPython.core.error import UsageError
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

import sae_widgets
from sae_widgets import magics
from sae_widgets.magics_completion import complete

NAMES = {"sae_load", "sae_heatmap", "sae_steer", "sae_attribute", "sae_train", "sae_freeze", "sae_doctor"}


class Recorder:
    """Stands in for a public name: notes the call and gives something to show."""

    def __init__(self, name, result=None):
        self.name, self.result, self.calls = name, result, []

    def __call__(self, *args, **kwargs):
        self.calls.append((args, kwargs))
        return self.result if self.result is not None else types.SimpleNamespace(made_by=self.name, freeze=lambda: None)


@pytest.fixture
def shell():
    config = Config()
    config.HistoryManager.enabled = False
    shell = InteractiveShell(config=config)
    yield shell
    magics.unload(shell)
    shell.restore_sys_module_state()


@pytest.fixture
def called(monkeypatch):
    """The public names that magics call, recorded in place of doing their work."""
    recorders = {}
    for name in ("TokenHeatmap", "SteeringPanel", "AttributionBars", "train", "load_model", "freeze_all"):
        recorders[name] = Recorder(name)
    recorders["load_demo"] = Recorder("load_demo", ("a model", "an sae"))
    recorders["LanguageModelSAERunnerConfig"] = Recorder("cfg", "a config")
    recorders["SAE"] = types.SimpleNamespace(load_from_disk=Recorder("load_from_disk", "an sae"))
    for name, recorder in recorders.items():
        monkeypatch.setitem(vars(sae_widgets), name, recorder)
    return recorders


@pytest.fixture
def loaded(shell, called):
    magics.load(shell)
    shell.user_ns.update(model="a model", sae="an sae")
    return shell


def state_of(shell):
    """Everything that an extension can leave behind in a shell."""
    return {
        "magics": {kind: dict(table) for kind, table in shell.magics_manager.magics.items()},
        "registry": dict(shell.magics_manager.registry),
        "hooks": {
            name: copy.copy(vars(hook)) if hasattr(hook, "__dict__") else hook
            for name, hook in vars(shell.hooks).items()
        },
        "dispatchers": {name: repr(sorted(map(str, d.strs))) for name, d in shell.strdispatchers.items()},
        "matchers": [*shell.Completer.custom_matchers],
        "events": {name: [*found] for name, found in shell.events.callbacks.items()},
        "transformers": [*shell.input_transformers_cleanup, *shell.input_transformers_post, *shell.ast_transformers],
        "formatters": {kind: dict(f.type_printers) for kind, f in shell.display_formatter.formatters.items()},
        "names": set(shell.user_ns),
    }


def test_unload_leaves_the_shell_as_it_was(shell):
    before = state_of(shell)
    sae_widgets.load_ipython_extension(shell)
    assert state_of(shell) != before
    assert set(shell.magics_manager.magics["line"]) | set(shell.magics_manager.magics["cell"]) >= NAMES
    sae_widgets.unload_ipython_extension(shell)
    assert state_of(shell) == before


def test_load_ext_and_unload_ext_as_a_user_types_them(shell):
    shell.run_line_magic("load_ext", "sae_widgets")
    assert shell.find_line_magic("sae_load") is not None
    shell.run_line_magic("load_ext", "sae_widgets")  # again: nothing is registered twice
    assert len(shell.Completer.custom_matchers) == 1
    shell.run_line_magic("unload_ext", "sae_widgets")
    assert shell.find_line_magic("sae_load") is None
    assert shell.Completer.custom_matchers == []


def test_a_magic_of_the_same_name_comes_back(shell):
    mine = lambda line: "mine"  # noqa: E731
    shell.register_magic_function(mine, "line", "sae_load")
    before = state_of(shell)
    magics.load(shell)
    magics.unload(shell)
    assert state_of(shell) == before


GPT2 = {"sae": "an sae", "device": "cpu"}
OVERRIDES = {"override_model": "a model", "override_dataset": "corpus.txt"}
CASES = [
    ("sae_load", "", None, "load_demo", (), {}),
    ("sae_load", "--layer 2", None, "load_demo", (), {"layer": 2}),
    ("sae_load", "gpt2 --dtype bfloat16", None, "load_model", ("gpt2",), {"dtype": "bfloat16"}),
    (
        "sae_load",
        "gpt2 --sae 'my saes/8' --device cpu",
        None,
        "load_model",
        ("gpt2",),
        {"sae": "an sae", "device": "cpu"},
    ),
    ("sae_heatmap", "", "The 'cat'\nsat\n", "TokenHeatmap", ("a model", "an sae", "The 'cat'\nsat"), {}),
    (
        "sae_heatmap",
        "-f 3 -f 40 --mode overlay --top 5",
        "x",
        "TokenHeatmap",
        ("a model", "an sae", "x"),
        {"features": [3, 40], "mode": "overlay", "top_k": 5},
    ),
    ("sae_heatmap", "one line", None, "TokenHeatmap", ("a model", "an sae", "one line"), {}),
    ("sae_steer", "I think the best", None, "SteeringPanel", ("a model", "an sae", "I think the best"), {}),
    (
        "sae_steer",
        '"I think " -f 12=4.5 -f 7 --seed 3 --tokens 20 --temperature 0',
        None,
        "SteeringPanel",
        ("a model", "an sae", "I think "),
        {"features": {12: 4.5, 7: 0.0}, "seed": 3, "max_new_tokens": 20, "temperature": 0.0},
    ),
    ("sae_steer", "x -f 12", None, "SteeringPanel", ("a model", "an sae", "x"), {"features": [12]}),
    (
        "sae_attribute",
        "The capital of France is --target ' Paris' --contrast ' Rome'",
        None,
        "AttributionBars",
        ("a model", "an sae", "The capital of France is"),
        {"target": " Paris", "contrast": " Rome"},
    ),
    ("sae_train", "cfg --foreground", None, "train", ("my config",), {"foreground": True}),
    (
        "sae_train",
        "architecture=topk k=16 training_tokens=200_000 hook_name=blocks.1.hook_resid_post --data texts --freeze",
        None,
        "train",
        ("a config",),
        {"override_dataset": ["a", "b"], "freeze_at_end": True},
    ),
    (
        "sae_train",
        "k=2 --model model --data corpus.txt",
        None,
        "train",
        ("a config",),
        {"override_model": "a model", "override_dataset": "corpus.txt"},
    ),
    ("sae_freeze", "", None, "freeze_all", (), {}),
]


@pytest.mark.parametrize(("name", "line", "cell", "function", "args", "kwargs"), CASES)
def test_what_a_magic_prints_is_python_that_does_the_same(
    loaded, called, capsys, name, line, cell, function, args, kwargs
):
    loaded.user_ns.update(cfg="my config", texts=["a", "b"])
    if cell is None:
        loaded.run_line_magic(name, line)
    else:
        loaded.run_cell_magic(name, line, cell)
    assert called[function].calls == [(args, kwargs)]
    made = {key for key in loaded.user_ns if not key.startswith("_")}

    printed = capsys.readouterr().out
    ast.parse(printed)
    exec(printed, loaded.user_ns)  # as it stands, in the same namespace
    assert called[function].calls == [(args, kwargs)] * 2
    assert {key for key in loaded.user_ns if not key.startswith("_")} == made


def test_settings_of_sae_train_keep_their_types(loaded, called):
    loaded.run_line_magic("sae_train", "architecture=topk k=16 lr=3e-4 normalize_activations=none streaming=False")
    expected = {"model_name": "demo", "architecture": "topk", "k": 16, "lr": 3e-4, "normalize_activations": "none"}
    assert called["LanguageModelSAERunnerConfig"].calls == [((), {**expected, "streaming": False})]


def test_a_widget_is_returned_to_be_shown_and_kept_in_a_variable(loaded):
    shown = loaded.run_cell_magic("sae_heatmap", "--as tokens_of_it", "some text")
    assert shown.made_by == "TokenHeatmap"
    assert loaded.user_ns["tokens_of_it"] is shown


def test_load_makes_the_two_variables(loaded):
    loaded.run_line_magic("sae_load", "--as m,s")
    assert (loaded.user_ns["m"], loaded.user_ns["s"]) == ("a model", "an sae")


def test_freeze_by_name(loaded):
    frozen = []
    loaded.user_ns["heatmap"] = types.SimpleNamespace(freeze=lambda: frozen.append(1))
    loaded.run_line_magic("sae_freeze", "heatmap")
    assert frozen == [1]


WRONG = [
    ("sae_load", "--layer two", None, "--layer: invalid int value: 'two'"),
    ("sae_load", "--what", None, "unrecognized arguments: --what"),
    ("sae_load", "--as model", None, "--as takes two names"),
    ("sae_load", "--as model,class", None, "not 'class'"),
    ("sae_load", "gpt2 --sae x --layer 3", None, "leave it out"),
    ("sae_load", "--device cpu", None, "go with --sae"),
    ("sae_heatmap", "", None, "there is no text"),
    ("sae_heatmap", "text", "text", "take it off its line"),
    ("sae_heatmap", "--model mdl", "x", "no variable 'mdl'"),
    ("sae_heatmap", "--mode upside", "x", "invalid choice: 'upside'"),
    ("sae_steer", "", None, "required: prompt"),
    ("sae_steer", "x -f twelve=1", None, "got 'twelve=1'"),
    ("sae_steer", "it's", None, "quote the text"),
    ("sae_train", "unknown_cfg", None, "no variable 'unknown_cfg'"),
    ("sae_train", "k=2 16", None, "settings are NAME=VALUE"),
    ("sae_freeze", "sae", None, "'sae' is a str, not a widget"),
]


@pytest.mark.parametrize(("name", "line", "cell", "message"), WRONG)
def test_wrong_arguments_are_one_clear_line(loaded, capsys, name, line, cell, message):
    with pytest.raises(UsageError) as error:
        loaded.run_line_magic(name, line) if cell is None else loaded.run_cell_magic(name, line, cell)
    assert message in str(error.value)
    assert "\n" not in str(error.value)
    assert f"{name} -h says" in str(error.value)
    assert capsys.readouterr().out == ""


def test_wrong_input_told_by_the_library_is_one_line_too(loaded, called, monkeypatch):
    def refuse(*args, **kwargs):
        raise ValueError("No feature 99 in this SAE.")

    monkeypatch.setitem(vars(sae_widgets), "TokenHeatmap", refuse)
    with pytest.raises(UsageError, match=r"%%sae_heatmap: No feature 99 in this SAE\."):
        loaded.run_cell_magic("sae_heatmap", "-f 99", "x")


@pytest.mark.parametrize("name", sorted(NAMES))
def test_help_shows_the_options_and_runs_nothing(loaded, called, capsys, name):
    assert loaded.run_line_magic(name, "-h") is None
    printed = capsys.readouterr().out
    assert printed.startswith(f"usage: {'%%' if name == 'sae_heatmap' else '%'}{name}")
    assert "stands for `" in loaded.find_line_magic(name).__doc__
    assert all(not recorder.calls for recorder in called.values() if isinstance(recorder, Recorder))


def completions(shell, text):
    """What a notebook's Tab gets."""
    with provisionalcompleter():
        return [found.text for found in shell.Completer.completions(text, len(text))]


def test_completion_in_the_shell(loaded):
    assert completions(loaded, "%sae_steer x --te") == ["--temperature"]
    assert completions(loaded, "%%sae_heatmap --mode ") == ["feature", "overlay", "strongest"]
    assert "--temperature" not in completions(loaded, "x = --te")


def parsers():
    return {magic.name: magic.parser for magic in (make() for make in magics._MAGICS)}


def test_completion_of_values(tmp_path, monkeypatch):
    (tmp_path / "saes" / "one").mkdir(parents=True)
    for name in ("cfg.json", "sae_weights.safetensors"):
        (tmp_path / "saes" / "one" / name).write_text("{}")
    (tmp_path / "no_sae").mkdir()
    (tmp_path / "no_sae" / "cfg.json").write_text("{}")
    monkeypatch.chdir(tmp_path)
    model = types.SimpleNamespace(hook_dict={"blocks.0.hook_resid_post": 0, "blocks.1.hook_resid_post": 1, "ln": 2})
    names = {"gpt": model, "x": 3, "np": types}

    def ask(line, token):
        return complete(line, line, token, parsers(), names)

    assert ask("%sae_load gpt2 --sae ", "")[-1].endswith("one") or "saes/one" in ask("%sae_load gpt2 --sae ", "")
    assert not any("no_sae" in folder for folder in ask("%sae_load gpt2 --sae ", ""))
    assert ask("%sae_steer x --model ", "") == ["gpt"]
    assert ask("%sae_train hook_name=blocks.1", "blocks.1") == ["blocks.1.hook_resid_post"]
    assert "topk" in ask("%sae_train architecture=t", "t")
    assert ask("%sae_train training_t", "training_t") == ["training_tokens="]
    assert ask("%sae_other --m", "--m") == []
    assert ask("print('%sae_load --s", "--s") == []
    assert ask("%sae_load", "%sae_load") == []
