"""`%load_ext sae_widgets`: the main job in one short line each.

A magic is sugar: it makes a few lines of Python, prints them, and runs exactly those in your namespace, so that you can
paste them and go on from there. `%sae_load -h` and so on say what each takes; Tab completes options, hook names, SAE
folders and your variables. `%unload_ext sae_widgets` takes everything back.
"""

import argparse
import ast
import keyword
import shlex
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NoReturn

from sae_widgets import magics_completion

IMPORT = "import sae_widgets as sw"


class _Parser(argparse.ArgumentParser):
    """Tells errors as one line instead of leaving the program."""

    def __init__(self, magic: str, **settings: Any) -> None:
        super().__init__(prog=magic, add_help=False, allow_abbrev=False, **settings)
        self.add_argument("-h", "--help", action="store_true", help="show this")

    def error(self, message: str) -> NoReturn:
        from IPython.core.error import UsageError

        raise UsageError(f"{self.prog}: {message} ({self.prog} -h says what it takes)")


@dataclass(frozen=True)
class Magic:
    """One magic: its parser and the code that its arguments stand for."""

    name: str
    kinds: tuple[str, ...]
    parser: _Parser
    code: "Callable[[argparse.Namespace, str, dict[str, Any]], list[str]]"
    """Lines of Python from arguments, cell text and the names that exist; the last one may be an expression to show."""

    def run(self, shell: Any, line: str, cell: str = "") -> Any:
        """Prints the code and runs it; the value of a last line that is an expression."""
        try:
            words = shlex.split(line)
        except ValueError as error:
            self.parser.error(f"{error}; quote the text, or write \\' for an apostrophe")
        # Asked for help, nothing else is looked at, so that a required argument may be missing.
        if {"-h", "--help"} & set(words):
            print(self.parser.format_help())  # noqa: T201  (what was asked for)
            return None
        args = self.parser.parse_args(words)
        code = "\n".join([IMPORT, *self.code(args, cell, shell.user_ns)])
        print(code)  # noqa: T201  (a magic shows the Python it stands for)
        return self._execute(shell, code)

    def _execute(self, shell: Any, code: str) -> Any:
        from IPython.core.error import UsageError

        tree = ast.parse(code)
        last = tree.body[-1]
        shown = last.value if isinstance(last, ast.Expr) else None
        if shown is not None:
            tree.body.pop()
        where = f"<%{self.name}>"
        try:
            exec(compile(tree, where, "exec"), shell.user_ns)
            if shown is not None:
                return eval(compile(ast.Expression(shown), where, "eval"), shell.user_ns)
        except (ValueError, FileNotFoundError) as error:
            # Wrong input, said in full by its message; a fault of the program keeps its traceback.
            raise UsageError(f"{self.parser.prog}: {error}") from error
        return None


def _require(parser: _Parser, names: dict[str, Any], name: str, option: str) -> str:
    """`name`, if there is such a variable."""
    if not name.isidentifier():
        parser.error(f"{option} takes the name of a variable, not {name!r}")
    if name not in names:
        parser.error(f"there is no variable {name!r} here: run %sae_load first, or name yours with {option}")
    return name


def _add_model_and_sae(parser: _Parser, result: str) -> None:
    parser.add_argument("--model", default="model", metavar="NAME", help="variable that holds the model (model)")
    parser.add_argument("--sae", default="sae", metavar="NAME", help="variable that holds the SAE (sae)")
    _add_as(parser, result)


def _add_as(parser: _Parser, result: str) -> None:
    parser.add_argument("--as", dest="result", default=result, metavar="NAME", help=f"variable to make ({result})")


def _identifier(parser: _Parser, name: str) -> str:
    if not name.isidentifier() or keyword.iskeyword(name):
        parser.error(f"--as takes the name of a variable, not {name!r}")
    return name


def _call(function: str, *positional: str, **named: Any) -> str:
    """The call as Python; what is None was not asked for and is left to its default."""
    given = [f"{name}={value!r}" for name, value in named.items() if value is not None]
    return f"{function}({', '.join([*positional, *given])})"


def _widget(parser: _Parser, args: argparse.Namespace, names: dict[str, Any], call: str) -> list[str]:
    result = _identifier(parser, args.result)
    return [f"{result} = {call}", result]


# --- the magics -------------------------------------------------------------------------------------------------------


def _load() -> Magic:
    """`%sae_load` stands for `model, sae = sw.load_demo()`."""
    parser = _Parser("%sae_load", description="Load a model and an SAE: the bundled ones, or others by name or folder.")
    parser.add_argument("source", nargs="?", default="demo", help='"demo" (bundled), a name on the hub, or a folder')
    parser.add_argument(
        "--sae", metavar="FOLDER", help="folder of the SAE; the bundled one of the demo model if left out"
    )
    parser.add_argument("--layer", type=int, help="which bundled SAE, by its layer")
    parser.add_argument("--device", help="e.g. cpu, cuda")
    parser.add_argument("--dtype", help="of the model, e.g. bfloat16")
    parser.add_argument("--as", dest="result", default="model,sae", metavar="NAMES", help="two variables (model,sae)")

    def code(args: argparse.Namespace, cell: str, names: dict[str, Any]) -> list[str]:
        variables = args.result.split(",")
        if len(variables) != 2:
            parser.error(f"--as takes two names, e.g. model,sae; got {args.result!r}")
        model, sae = (_identifier(parser, name.strip()) for name in variables)
        if args.source == "demo" and args.sae is None:
            if args.device or args.dtype:
                parser.error("--device and --dtype go with --sae FOLDER; the demo loads on the CPU")
            return [f"{model}, {sae} = " + _call("sw.load_demo", layer=args.layer)]
        if args.layer is not None:
            parser.error("--layer chooses among the bundled SAEs; with --sae FOLDER leave it out")
        settings = {"device": args.device, "dtype": args.dtype}
        if args.sae is None:
            return [f"{model} = " + _call("sw.load_model", repr(args.source), **settings)]
        return [
            f"{sae} = " + _call("sw.SAE.load_from_disk", repr(args.sae), device=args.device),
            # The SAE says how its model's weights are to be processed.
            f"{model} = " + _call("sw.load_model", repr(args.source), f"sae={sae}", **settings),
        ]

    return Magic("sae_load", ("line",), parser, code)


def _heatmap() -> Magic:
    """`%%sae_heatmap` stands for `heatmap = sw.TokenHeatmap(model, sae, text)`, the text below or beside it."""
    parser = _Parser("%%sae_heatmap", description="Features on the tokens of the cell's text, or of the line's.")
    parser.add_argument("prompt", nargs="*", help="the text, where there is no cell below")
    parser.add_argument(
        "-f", "--feature", type=int, action="append", metavar="N", help="show this one; may be repeated"
    )
    parser.add_argument("--mode", choices=("strongest", "feature", "overlay"), help="how tokens are coloured")
    parser.add_argument("--top", type=int, metavar="K", help="how many features are listed for a token")
    _add_model_and_sae(parser, "heatmap")

    def code(args: argparse.Namespace, cell: str, names: dict[str, Any]) -> list[str]:
        if cell and args.prompt:
            parser.error("the text stands below the magic; take it off its line")
        prompt = cell.removesuffix("\n") or " ".join(args.prompt)
        if not prompt:
            parser.error("there is no text: write it below the magic")
        model, sae = _require(parser, names, args.model, "--model"), _require(parser, names, args.sae, "--sae")
        call = _call("sw.TokenHeatmap", model, sae, repr(prompt), features=args.feature, mode=args.mode, top_k=args.top)
        return _widget(parser, args, names, call)

    return Magic("sae_heatmap", ("line", "cell"), parser, code)


def _steer() -> Magic:
    """`%sae_steer` stands for `steering = sw.SteeringPanel(model, sae, prompt, features={12: 4.0})`."""
    parser = _Parser("%sae_steer", description="Sliders on features, and what the model writes without and with them.")
    parser.add_argument("prompt", nargs="+", help="where both texts begin")
    parser.add_argument("-f", "--feature", action="append", metavar="N[=STRENGTH]", help="a slider; may be repeated")
    parser.add_argument("--tokens", type=int, metavar="N", help="how many tokens to write")
    parser.add_argument("--temperature", type=float, metavar="T", help="0 takes the likeliest token each time")
    parser.add_argument("--seed", type=int, metavar="N", help="of the sampling")
    _add_model_and_sae(parser, "steering")

    def code(args: argparse.Namespace, cell: str, names: dict[str, Any]) -> list[str]:
        model, sae = _require(parser, names, args.model, "--model"), _require(parser, names, args.sae, "--sae")
        call = _call(
            "sw.SteeringPanel",
            model,
            sae,
            repr(" ".join(args.prompt)),
            features=_features(parser, args.feature),
            max_new_tokens=args.tokens,
            temperature=args.temperature,
            seed=args.seed,
        )
        return _widget(parser, args, names, call)

    return Magic("sae_steer", ("line",), parser, code)


def _features(parser: _Parser, given: list[str] | None) -> dict[int, float] | list[int] | None:
    """["12=4", "7"] -> {12: 4.0, 7: 0.0}; without strengths a list."""
    if not given:
        return None
    strengths: dict[int, float] = {}
    for text in given:
        number, _, strength = text.partition("=")
        try:
            strengths[int(number)] = float(strength or 0)
        except ValueError:
            parser.error(f"--feature takes a number, or number=strength such as 12=4.0; got {text!r}")
    return strengths if any("=" in text for text in given) else list(strengths)


def _attribute() -> Magic:
    """`%sae_attribute` stands for `attribution = sw.AttributionBars(model, sae, prompt, target=" Paris")`."""
    parser = _Parser("%sae_attribute", description="Bars that say which features caused a prediction.")
    parser.add_argument("prompt", nargs="+", help="the text")
    parser.add_argument("--target", metavar="TOKEN", help='the predicted token, spaces included: " Paris"')
    parser.add_argument("--contrast", metavar="TOKEN", help="compared with this one")
    _add_model_and_sae(parser, "attribution")

    def code(args: argparse.Namespace, cell: str, names: dict[str, Any]) -> list[str]:
        model, sae = _require(parser, names, args.model, "--model"), _require(parser, names, args.sae, "--sae")
        prompt = repr(" ".join(args.prompt))
        call = _call("sw.AttributionBars", model, sae, prompt, target=args.target, contrast=args.contrast)
        return _widget(parser, args, names, call)

    return Magic("sae_attribute", ("line",), parser, code)


def _train() -> Magic:
    """`%sae_train` stands for `run = sw.train(sw.LanguageModelSAERunnerConfig(...))`."""
    parser = _Parser("%sae_train", description="Train an SAE under live curves; the cell returns at once.")
    parser.add_argument(
        "settings",
        nargs="*",
        metavar="CFG | NAME=VALUE",
        help="a variable with a config, or settings: architecture=topk k=16 d_sae=1024 training_tokens=200_000",
    )
    parser.add_argument(
        "--data", metavar="NAME|PATH", help="variable with texts or a dataset, or a file, folder or hub name"
    )
    parser.add_argument("--model", metavar="NAME", help="variable that holds the model; else model_name= (demo)")
    parser.add_argument("--foreground", action="store_true", help="keep the cell busy until the run has ended (Colab)")
    parser.add_argument("--freeze", action="store_true", help="put a still picture in place of the panel at the end")
    _add_as(parser, "run")

    def code(args: argparse.Namespace, cell: str, names: dict[str, Any]) -> list[str]:
        overrides: dict[str, Any] = {}
        if args.model is not None:
            overrides["override_model"] = _Name(_require(parser, names, args.model, "--model"))
        if args.data is not None:
            overrides["override_dataset"] = _Name(args.data) if args.data in names else args.data
        overrides |= {"foreground": args.foreground or None, "freeze_at_end": args.freeze or None}
        config = _config(parser, args, names)
        return [f"{_identifier(parser, args.result)} = " + _call("sw.train", config, **overrides)]

    return Magic("sae_train", ("line",), parser, code)


class _Name(str):
    """A name that stands in code without quotes."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


def _config(parser: _Parser, args: argparse.Namespace, names: dict[str, Any]) -> str:
    if len(args.settings) == 1 and "=" not in args.settings[0]:
        return _require(parser, names, args.settings[0], "a first word without =")
    settings: dict[str, Any] = {} if args.model is not None else {"model_name": "demo"}
    for text in args.settings:
        name, has_value, value = text.partition("=")
        if not has_value or not name.isidentifier():
            parser.error(f"settings are NAME=VALUE, e.g. training_tokens=200_000; got {text!r}")
        try:
            settings[name] = ast.literal_eval(value)
        except (ValueError, SyntaxError):
            settings[name] = value  # a word such as topk needs no quotes
    return _call("sw.LanguageModelSAERunnerConfig", **settings)


def _freeze() -> Magic:
    """`%sae_freeze` stands for `sw.freeze_all()`, `%sae_freeze heatmap` for `heatmap.freeze()`."""
    parser = _Parser(
        "%sae_freeze", description="Put still pictures in place of live widgets, to save the notebook with them."
    )
    parser.add_argument(
        "widgets", nargs="*", metavar="NAME", help='variables that hold widgets; none, or "all": every one'
    )

    def code(args: argparse.Namespace, cell: str, names: dict[str, Any]) -> list[str]:
        if args.widgets in ([], ["all"]):
            return ["sw.freeze_all()"]
        for name in args.widgets:
            _require(parser, names, name, "its name")
            if not callable(getattr(names[name], "freeze", None)):
                parser.error(f"{name!r} is a {type(names[name]).__name__}, not a widget")
        return [f"{name}.freeze()" for name in args.widgets]

    return Magic("sae_freeze", ("line",), parser, code)


def _doctor() -> Magic:
    """`%sae_doctor` stands for `sw.doctor()`."""
    parser = _Parser("%sae_doctor", description="Host, versions, device, and whether clicks arrive while a cell runs.")
    parser.add_argument("--wait", type=float, metavar="SECONDS", help="for the page's message; 0 does not ask the page")

    def code(args: argparse.Namespace, cell: str, names: dict[str, Any]) -> list[str]:
        return [_call("sw.doctor", click_wait_s=args.wait)]

    return Magic("sae_doctor", ("line",), parser, code)


_MAGICS = (_load, _heatmap, _steer, _attribute, _train, _freeze, _doctor)


# --- in and out -------------------------------------------------------------------------------------------------------


@dataclass
class _Loaded:
    """What `load` changed in one shell."""

    before: list[tuple[str, str, Any]]
    """Kind, name and former function (or None) of each magic."""
    matcher: Any


_loaded: "weakref.WeakKeyDictionary[Any, _Loaded]" = weakref.WeakKeyDictionary()


def load(shell: Any) -> None:
    """Registers the magics and their completion in an IPython shell; a second call changes nothing."""
    if shell in _loaded:
        return
    before = []
    magics = [make() for make in _MAGICS]
    for magic, make in zip(magics, _MAGICS, strict=True):
        for kind in magic.kinds:
            before.append((kind, magic.name, shell.magics_manager.magics[kind].get(magic.name)))
            shell.register_magic_function(_function(shell, magic, make.__doc__), kind, magic.name)
    _loaded[shell] = _Loaded(before, magics_completion.install(shell, {magic.name: magic.parser for magic in magics}))


def _function(shell: Any, magic: Magic, doc: str | None) -> Callable:
    def function(line: str, cell: str = "") -> Any:
        return magic.run(shell, line, cell)

    function.__doc__ = f"{doc}\n\n{magic.parser.format_help()}"
    return function


def unload(shell: Any) -> None:
    """Takes back what `load` did; magics of the same name that were there before are there again."""
    loaded = _loaded.pop(shell, None)
    if loaded is None:
        return
    for kind, name, function in loaded.before:
        if function is None:
            shell.magics_manager.magics[kind].pop(name, None)
        else:
            shell.magics_manager.magics[kind][name] = function
    magics_completion.remove(shell, loaded.matcher)
