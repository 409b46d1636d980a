"""Hostile text through every widget, its still picture and its saved page: it is shown as text and does nothing."""

import json

import pytest

from tests.browser.jupyter import Watched, expect_error
from tests.hostile import HOSTILE

# A few at once, but short enough for the model; each alone goes through every kind of file in tests/widgets.
TEXTS = [*(" ".join(HOSTILE[i : i + 6]) for i in range(0, len(HOSTILE) - 1, 6)), HOSTILE[-1]]

ELEMENTS = "script, iframe, img, object, embed, base, link, meta, b, i"

# What a page may hold of the elements that hostile text would make: counted in the shadow root before and after.
COUNT = f"root => root.querySelectorAll({json.dumps(ELEMENTS)}).length"
HANDLERS = "root => [...root.querySelectorAll('*')].some(e => [...e.attributes].some(a => /^on/i.test(a.name)))"

WIDGETS = {
    "heatmap": "sw.TokenHeatmap(model, sae, {text})",
    "heatmap_data": (
        "sw.TokenHeatmap.from_data([{text}, ' b'], [[1.0, 2.0], [0.5, 0.0]], features=[3, 5],"
        " labels={{3: {text}, 5: {text}}})"
    ),
    "steering": "sw.SteeringPanel(model, sae, {text}, features=[3], max_new_tokens=2)",
    "attribution": "sw.AttributionBars(model, sae, {text}, methods=['direct'])",
    "training": "hostile_panel({text})",
    "catalog": "hostile_catalog({text})",
    "dashboard": "hostile_dashboard({text})",
    "read": "hostile_files({text})",
    "browser": "hostile_browser({text})",
    "prompt": "sw.PromptView(model, sae, {text}, selection=False)",
}

# A run whose title, curve names and errors are the text.
HOSTILE_RUN = """
from types import SimpleNamespace
class HostileTraining:
    total_tokens, is_checkpoint_due, settings = 100, False, {"lr": 1.0}
    def __init__(self, text):
        self.title = text
    def check_setting(self, name, value):
        raise ValueError(self.title)
    def train_steps(self, breathe):
        for n in range(1, 4):
            yield SimpleNamespace(n_steps=n, n_tokens=n, curves=lambda: {"mse_loss": 1.0, self.title: 2.0})
        raise RuntimeError(self.title)
    def save_checkpoint(self):
        raise OSError(self.title)
def hostile_panel(text):
    run = sw.TrainingRun(HostileTraining(text))
    panel = sw.TrainingPanel(run)
    run.run()
    run.wait(timeout=30)
    return panel
def hostile_statistics(text):
    import copy
    known = copy.copy(statistics)
    known.labels, known.top_tokens = {f: text for f in range(20)}, {f: [text] for f in range(20)}
    return known
def hostile_browser(text):
    return sw.FeatureBrowser(model, sae, statistics=hostile_statistics(text), feature=3, selection=False)
def hostile_dashboard(text):
    it = sw.FeatureDashboard(model, sae, 3, hostile_statistics(text), pinned=[3, 4], selection=False)
    it._explanations = {3: [sw.neuronpedia.Explanation(3, text, text, text)]}
    return it
def hostile_files(text):
    import json, pathlib, tempfile
    row = {"index": "1", "frac_nonzero": 0.5, "pos_str": [text], "pos_values": [1], "neg_str": [], "neg_values": []}
    row |= {"activations": [{"tokens": [text, "b"], "values": [1.0, 0]}], "explanations": [{"description": text}]}
    file = pathlib.Path(tempfile.mkdtemp()) / "1.json"
    file.write_text(json.dumps(row))
    return sw.FeatureDashboard.from_files(file)
def hostile_catalog(text):
    import dataclasses
    names = ("release", "sae_id", "repo_id", "path", "format", "model", "site", "hook_name", "neuronpedia_id")
    entry = dataclasses.replace(sw.catalog.find(text="res-jb")[0], **dict.fromkeys(names, text))
    return sw.CatalogBrowser([entry], selected=(text, text))
"""


@pytest.fixture(scope="module", autouse=True)
def hostile_run(demo_notebook):
    demo_notebook.run(demo_notebook.add(HOSTILE_RUN))


def literal(text: str) -> str:
    """`text` as a Python literal of ASCII characters, short where the text is long."""
    return ascii(text) if len(text) < 1000 else f"{text[0]!r} * {len(text)}"


@pytest.mark.parametrize("widget", WIDGETS)
def test_live_views_show_text_only(book, widget):
    for text in TEXTS:
        # Too long a prompt for the model is an error in words; the page shows it, and nothing else.
        view = book.show(f"{widget} = {WIDGETS[widget].format(text=literal(text))}\n{widget}")
        book.wait_python(f"{widget}.wait(60)")
        book.page.wait_for_timeout(100)
        if book.python(f"{widget}.error != {{}}"):
            expect_error(view)
        assert view.locator("script, iframe, img, object, embed").count() == 0
        assert view.evaluate(HANDLERS) is False
        book.check_clean()


@pytest.mark.parametrize("widget", WIDGETS)
def test_pictures_and_saved_pages_show_text_only(book, lab, widget):
    page = lab.page()
    watched = Watched(page)
    for number, text in enumerate(TEXTS):
        source = WIDGETS[widget].format(text=literal(text))
        book.python(f"globals().__setitem__('it', {source}) or it.wait(60)")
        name = f"hostile-{widget}-{number}.html"
        book.python(f"str(it.save({str(lab.root / name)!r}))")
        still = lab.root / f"still-{name}"
        still.write_text(
            "<!doctype html><meta charset=utf-8><body>" + book.python("it.fallback_html() + it.fallback_svg()"), "utf-8"
        )
        is_failed = book.python("it.error != {}")
        book.python("it.close()")
        for path, n_scripts in [(lab.root / name, 2), (still, 0)]:
            page.goto(path.as_uri())
            page.wait_for_timeout(100)
            assert page.locator("script").count() == n_scripts
            assert page.locator("iframe, img, object, embed").count() == 0
            assert page.locator("body").evaluate(HANDLERS) is False
            if n_scripts and is_failed:
                expect_error(page.locator(".sw-root"))
            watched.check_clean()
            assert [said for said in watched.console_errors if "Content Security Policy" in said] == []
            # Inside a script that never runs, the state must not end it.
            assert "<script>alert(1)" not in path.read_text("utf-8")
    page.context.close()


def test_a_hostile_prompt_typed_in_the_page(book):
    view = book.show("typed = sw.TokenHeatmap(model, sae, 'x')\ntyped")
    box = view.get_by_role("textbox", name="Prompt")
    for text in HOSTILE[:4]:
        box.fill(text)
        book.wait_python(f"typed.prompt == {literal(text)} and typed.wait(30)")
        assert view.locator("script, iframe, img, object, embed").count() == 0
        book.check_clean()
