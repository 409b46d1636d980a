"""TokenHeatmap in JupyterLab: by mouse, by keyboard alone, two views, many tokens."""

import pytest
from playwright.sync_api import expect

from tests.browser.jupyter import eventually

LONG = """
import numpy as np
rng = np.random.default_rng(0)
long_tokens = [f" w{i % 700}" if i % 40 else "\\n" for i in range(10_000)]
long_values = np.maximum(rng.normal(size=(10_000, 3)), 0) * (rng.random((10_000, 3)) < 0.2)
long = sw.TokenHeatmap.from_data(long_tokens, long_values.astype(np.float32))
long
"""


@pytest.fixture(scope="module")
def heatmap(demo_notebook):
    return demo_notebook.show("heatmap = sw.TokenHeatmap(model, sae, PROMPT)\nheatmap")


def tokens(view):
    return view.get_by_role("grid", name="Tokens")


def point(view, column: int = 0):
    """Middle of a place in the first row of tokens, relative to the grid."""
    return {"x": 18 + 40 * column, "y": 18}


def inked(view) -> int:
    """How many pixels of the token canvas are not empty."""
    script = """canvas => { const data = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
        let n = 0; for (let i = 3; i < data.length; i += 4) n += data[i] > 0; return n; }"""
    return view.locator("canvas.sw-tc-canvas").evaluate(script)


def test_it_shows_tokens_and_features(book, heatmap):
    assert book.python("heatmap.status['state']") == "done"
    eventually(lambda: inked(heatmap) > 1000, book.page)
    features = heatmap.get_by_role("listbox", name="Features that fire on this text").get_by_role("option")
    expect(features.nth(3)).to_be_attached()
    book.screenshots("token-heatmap", heatmap)


def test_hover_names_token_position_feature_and_value(book, heatmap):
    tokens(heatmap).hover(position=point(heatmap, 1))
    expect(heatmap.locator(".sw-tip")).to_contain_text("position")
    assert heatmap.locator(".sw-tip").inner_text().count("\n") >= 1


def test_a_click_pins_and_python_unpins(book, heatmap):
    tokens(heatmap).click(position=point(heatmap, 1))
    pinned = book.wait_python("heatmap.pinned is not None and [heatmap.pinned]")[0]
    expect(heatmap.get_by_role("button", name="Unpin")).to_be_visible()
    book.python("setattr(heatmap, 'pinned', None)")
    expect(heatmap.get_by_role("button", name="Unpin")).to_have_count(0)
    assert pinned >= 0


def test_keys_alone_reach_tokens_features_and_the_maximum(book, heatmap):
    n_cells = len(book.page.evaluate("() => sw.cells()"))
    grid = tokens(heatmap)
    heatmap.get_by_role("textbox", name="Prompt").focus()
    for _ in range(20):
        if grid.evaluate("e => e.getRootNode().activeElement === e"):
            break
        book.page.keyboard.press("Tab")
    book.page.keyboard.press("Home")
    for key in ("ArrowRight", "ArrowRight", "ArrowLeft", "Enter"):
        book.page.keyboard.press(key)
    assert book.wait_python("heatmap.pinned is not None and heatmap.pinned") == 1
    expect(heatmap.get_by_role("gridcell", selected=True)).to_contain_text("position 1")
    # What the notebook would take for commands stays in the widget.
    for key in ("b", "a", "d", "d", "m", "n", "p", "x"):
        book.page.keyboard.press(key)
    assert len(book.page.evaluate("() => sw.cells()")) == n_cells
    features = heatmap.get_by_role("listbox", name="Features that fire on this text")
    features.focus()
    book.page.keyboard.press("ArrowDown")
    book.page.keyboard.press("Enter")
    book.wait_python("heatmap.mode == 'feature' and len(heatmap.features) == 1")
    book.python("heatmap.set_trait('mode', 'strongest')")


def test_the_first_click_in_the_list_shows_the_feature(book, heatmap):
    heatmap.get_by_role("textbox", name="Prompt").focus()
    row = heatmap.get_by_role("listbox", name="Features that fire on this text").get_by_role("option").nth(1)
    feature = int(row.locator(".sw-fl-id").inner_text())
    row.click()
    book.wait_python(f"heatmap.mode == 'feature' and list(heatmap.features) == [{feature}]")
    book.page.mouse.move(0, 0)  # or the row under it stays in view
    book.python("heatmap.set_trait('mode', 'strongest')")


def test_a_typed_prompt_is_run(book, heatmap):
    box = heatmap.get_by_role("textbox", name="Prompt")
    before = book.python("heatmap.prompt")
    box.fill("Boil the potatoes in water.")
    book.wait_python(
        "heatmap.prompt.startswith('Boil') and heatmap.wait(30) and 'Boil' in ''.join(heatmap.data.tokens)"
    )
    box.fill(before)
    book.wait_python("heatmap.prompt.startswith('And') and heatmap.wait(30)")


def test_a_feature_is_found_by_number(book, heatmap):
    feature = book.python("int(statistics.max_act.argmax())")
    search = heatmap.get_by_role("searchbox", name="Search a feature")
    search.fill(str(feature))
    features = heatmap.get_by_role("listbox", name="Features that fire on this text")
    expect(features.get_by_role("option", name=f"Feature {feature},").first).to_be_visible()
    search.fill("")


def test_several_features_and_two_views_stay_in_step(book, heatmap):
    second = book.show("heatmap")
    book.python("heatmap.set_trait('features', [1, 2, 3])")
    book.python("heatmap.set_trait('mode', 'overlay')")
    for view in (heatmap, second):
        expect(view.get_by_role("radio", name="Overlay")).to_be_checked()
        expect(view.locator(".sw-th-chip")).to_have_count(3)
    second.get_by_role("button", name="Take feature 2").click()
    book.wait_python("list(heatmap.features) == [1, 3]")
    expect(heatmap.locator(".sw-th-chip")).to_have_count(2)


def test_ten_thousand_tokens_stay_few_nodes(book):
    view = book.show(LONG)
    count = "root => root.querySelectorAll('*').length + 1"
    assert view.evaluate(count) <= 400
    tokens(view).hover()
    book.page.mouse.wheel(0, 4000)
    book.page.wait_for_timeout(200)
    assert view.evaluate(count) <= 400
    eventually(lambda: inked(view) > 1000, book.page)
    book.screenshots("token-heatmap-10000", view)
