"""One selection across cells, and PromptView by keys alone: choose, measure, compare, copy as code."""

import pytest
from playwright.sync_api import expect

from tests.browser.jupyter import eventually, expect_error, shoot

LINKED = """
import ipywidgets
mine = sw.Selection()
TEXT = "And the LORD said unto Moses."
heatmap = sw.TokenHeatmap(model, sae, TEXT, selection=mine)
board = sw.FeatureDashboard(model, sae, 3, selection=mine)
ipywidgets.HBox([heatmap, board])
"""
VIEW = "view = sw.PromptView(model, sae, TEXT, top=12, n_cards=3, selection=mine)\nview"


@pytest.fixture(scope="module")
def boxed(demo_notebook):
    cell = demo_notebook.add(LINKED)
    demo_notebook.run(cell)
    return demo_notebook.output(cell)


@pytest.fixture(scope="module")
def view(demo_notebook, boxed):
    return demo_notebook.show(VIEW)


@pytest.fixture
def grid(view):
    return view.get_by_role("grid", name="Features by tokens")


def test_a_feature_chosen_in_one_cell_moves_the_views_of_another(book, boxed, view):
    shared = book.python("sw.selection.features")
    heatmap, board = boxed.locator('[data-view="token_heatmap"]'), boxed.locator('[data-view="feature_dashboard"]')
    expect(board.get_by_text("#3", exact=True).first).to_be_visible()
    heatmap.get_by_role("listbox", name="Features that fire on this text").get_by_role("option").first.click()
    chosen = book.wait_python("mine.features")[0]
    expect(board).to_have_attribute("data-feature", str(chosen))
    expect(view.locator(".sw-pv-name[aria-pressed=true]")).to_contain_text(f"#{chosen}")
    assert book.python("[board.feature, view.feature, heatmap.features]") == [chosen, chosen, [chosen]]
    view.locator(".sw-pc").get_by_role("button", name="#").last.click()
    other = book.wait_python(f"mine.features != [{chosen}] and mine.features[0]")
    expect(board).to_have_attribute("data-feature", str(other))
    book.python("mine.select(features=5)")
    expect(board).to_have_attribute("data-feature", "5")
    book.wait_python("heatmap.features == [5] and view.feature == 5")
    assert book.python("sw.selection.features") == shared
    shoot(boxed, "selection-boxed")


def test_keys_alone_choose_tokens_features_and_measure(book, view, grid):
    press = book.page.keyboard.press
    book.python("mine.clear()")
    expect(view.locator(".sw-pv-name[aria-pressed=true]")).to_have_count(0)
    rows = book.python("[row['feature'] for row in view.payload['features']]")
    grid.focus()
    press("Home")
    press("ArrowDown")
    press("ArrowRight")
    press("ArrowRight")
    active = view.locator(f"[id='{grid.get_attribute('aria-activedescendant')}']")
    expect(active).to_contain_text(f"feature {rows[1]} ")
    expect(view.get_by_role("tooltip").filter(has_text="activation")).to_be_visible()
    press("Enter")
    book.wait_python(f"mine.features == [{rows[1]}]")
    press("PageUp")
    press("Enter")
    book.wait_python("view.position == 2 and mine.tokens == (2, 3) and heatmap.pinned == 2")
    expect(view.get_by_role("button", name="Whole prompt")).to_be_visible()
    book.wait_python("[row['feature'] for row in view.payload['features']][0] == view.data.top(1, 2)[0].feature")
    press("Escape")
    view.get_by_role("radio", name="Activation").focus()
    press("ArrowLeft")
    book.wait_python("view.metric == 'loss_effect'")
    compute = view.get_by_role("button", name="Compute")
    expect(view.get_by_text("forward passes of")).to_be_visible()
    compute.press("Enter")
    book.wait_python("view.payload['metric'] == 'loss_effect' and view.cost == {}")
    expect(compute).to_have_count(0)
    shoot(view, "prompt-view-loss")


def test_two_prompts_are_compared_and_read_as_a_table(book, view):
    press = book.page.keyboard.press
    book.python("[view.set_trait('position', None), view.set_trait('metric', 'act_size')]")
    view.get_by_role("button", name="Compare with…").press("Enter")
    second = view.get_by_role("textbox", name="Second prompt")
    expect(second).to_be_focused()
    second.fill("And the king said unto his son.")
    press("Enter")
    book.wait_python("view.payload['right'] != {}")
    view.get_by_role("combobox", name="Which features").select_option("difference")
    book.wait_python(
        "view.payload['features'][0]['feature'] == view.data.table()[0]['feature'] and view.sort == 'difference'"
    )
    difference = book.python("view.payload['features'][0]['difference']")
    sign = "+" if difference > 0 else "−"
    expect(view.locator(".sw-pv-name").nth(1)).to_contain_text(f"{sign}{abs(difference):.2f}")
    view.get_by_role("radio", name="Right − left").click()
    book.wait_python("view.show == 'difference'")
    view.get_by_text("Numbers as a table").click()
    n_columns = book.python("len(view.payload['pairs'])")
    table = view.get_by_role("region", name="Numbers")
    expect(table.get_by_role("columnheader")).to_have_count(n_columns + 1)
    expect(table.get_by_role("rowheader")).to_have_count(book.python("len(view.payload['features'])"))
    drawn = "canvas => canvas.toDataURL()"
    light = view.locator("canvas").first.evaluate(drawn)
    book.set_theme("dark")  # JupyterLab hides the widget meanwhile
    eventually(lambda: view.locator("canvas").first.evaluate(drawn) != light, book.page)
    book.screenshots("prompt-view-compared", view)
    eventually(lambda: view.locator("canvas").first.evaluate(drawn) == light, book.page)
    view.get_by_text("Numbers as a table").click()
    view.get_by_role("button", name="One prompt").click()
    book.wait_python("view.payload['right'] == {} and view.sort == 'score'")


def test_bad_input_is_said_and_the_code_is_copied(book, view):
    target = "view.set_trait('metric', 'attribution')"
    book.python(f"[{target}]")
    box = view.get_by_role("combobox", name="Next token to explain")
    box.fill("no such token at all")
    box.press("Enter")
    expect_error(view)
    expect(view.locator(".sw-error")).to_contain_text("tokens, not one")
    expect(view.locator(".sw-pv-name").nth(1)).to_be_visible()
    box.fill(" Moses")
    box.press("Enter")
    expect(view.locator(".sw-error")).to_have_count(0)
    book.wait_python("view.payload['target'] == ' Moses'")
    book.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    view.get_by_role("button", name="Copy as code").press("Enter")
    expect(view.get_by_role("button", name="Copied")).to_be_visible()
    copied = book.page.evaluate("navigator.clipboard.readText()")
    assert copied == book.python("view.as_code()")
    assert "sw.PromptView(\n    model, sae,\n    prompt='And the LORD said unto Moses.',\n" in copied
    assert "selection=mine" in copied
