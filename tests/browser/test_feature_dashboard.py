"""FeatureDashboard in JupyterLab: both ways with Python, keys alone, effects and rows when asked, quickly drawn."""

import pytest
from playwright.sync_api import expect

from tests.browser.jupyter import shoot

GATHER = """
from pathlib import Path
texts = [t for f in sorted((Path(sw.__file__).parent / "demo/text").glob("*.txt"))
         for t in f.read_text("utf-8").split("<|endoftext|>")[:6]]
statistics = sw.feature_statistics(model, sae, texts, n_tokens=4_000)
feature = int(statistics.density.topk(5).indices[4])
lab = sw.FeatureDashboard(model, sae, feature, statistics)
lab
"""


@pytest.fixture(scope="module")
def view(demo_notebook):
    return demo_notebook.show(GATHER)


def test_it_shows_what_python_knows(book, view):
    feature = book.python("feature")
    expect(view.get_by_text(f"#{feature}", exact=True).first).to_be_visible()
    contexts = view.get_by_role("listitem")
    n_contexts = book.python("sum(len(g['contexts']) for g in lab.page['groups'])")
    assert n_contexts > 20
    expect(contexts).to_have_count(n_contexts)
    shoot(view, "feature-dashboard")


def test_the_feature_moves_both_ways(book, view):
    before = book.python("lab.feature")
    view.get_by_role("button", name="Next feature (right arrow)").click()
    book.wait_python(f"lab.feature == {before + 1} and lab.page['feature'] == {before + 1}")
    book.python(f"lab.set_trait('feature', {before})")
    expect(view).to_have_attribute("data-feature", str(before))
    view.get_by_role("combobox", name="Go to a feature").fill(str(before + 2))
    view.get_by_role("combobox", name="Go to a feature").press("Enter")
    book.wait_python(f"lab.feature == {before + 2}")
    book.python(f"lab.set_trait('feature', {before})")
    expect(view).to_have_attribute("data-feature", str(before))
    view.get_by_role("button", name="Pin").click()
    book.wait_python(f"lab.pinned == [{before}]")


def test_keys_reach_contexts_tokens_and_effects(book, view):
    first = view.get_by_role("listitem").first
    first.focus()
    book.page.keyboard.press("ArrowRight")
    tip = view.get_by_role("tooltip").filter(has_text="activation")
    expect(tip).to_be_visible()
    book.page.keyboard.press("e")
    expect(first.get_by_role("button", name="effects")).to_have_count(0)
    book.page.keyboard.press("ArrowRight")
    expect(tip).to_contain_text("prediction moved by")
    n = len(first.locator("[data-i]").all())
    book.page.keyboard.press("r")
    expect(first.locator("[data-i]")).not_to_have_count(n)
    book.page.keyboard.press("ArrowDown")
    assert view.evaluate("view => view.getRootNode().activeElement.getAttribute('aria-label')") is not None
    shoot(view, "feature-dashboard-effects")


def test_a_name_and_a_rank(book, view):
    name = view.get_by_role("textbox", name="Name of the feature")
    name.fill("<b>questions</b>")
    name.press("Enter")
    book.wait_python("lab.statistics.labels.get(lab.feature) == '<b>questions</b>'")
    rank = view.get_by_role("textbox", name="Rank of a token among all")
    rank.fill(" the")
    rank.press("Enter")
    expect(view.get_by_text(" of ", exact=False).filter(has_text="(").first).to_be_visible()
    name.fill("")
    name.press("Enter")
    book.wait_python("lab.feature not in lab.statistics.labels")
