"""SteeringPanel in JupyterLab: sliders, exact numbers, search, modes and Stop, by mouse and by keyboard alone."""

import pytest
from playwright.sync_api import expect

PANEL = """
top = [int(f) for f in statistics.density.topk(40).indices[-3:]]
panel = sw.SteeringPanel(model, sae, "Once upon a time", features=top, max_new_tokens=16)
panel
"""


@pytest.fixture(scope="module")
def panel(demo_notebook):
    view = demo_notebook.show(PANEL)
    demo_notebook.wait_python("panel.wait(60)")
    return view


def steered(panel):
    return panel.get_by_role("region", name="Steered text", exact=True)


def settled(book) -> str:
    """The steered text, when the panel has nothing to do."""
    book.wait_python("panel.wait(60)")
    return book.python("panel.result.steered_text")


def test_both_texts_are_shown(book, panel):
    assert settled(book) == book.python("panel.result.text")
    expect(panel.get_by_role("region", name="Unsteered text")).to_contain_text("Once upon a time")
    expect(steered(panel)).to_contain_text("move a slider")


def test_a_dragged_slider_changes_the_text(book, panel):
    feature = book.python("top[0]")
    slider = panel.get_by_role("slider", name=f"Strength of feature {feature}", exact=True)
    slider.scroll_into_view_if_needed()
    box = slider.bounding_box()
    book.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    book.page.mouse.down()
    book.page.mouse.move(box["x"] + box["width"] * 0.9, box["y"] + box["height"] / 2, steps=12)
    book.page.mouse.up()
    exact = float(panel.get_by_role("textbox", name=f"Exact strength of feature {feature}").input_value())
    assert exact > 2
    # The kernel may still be at a value of the way there.
    book.wait_python(f"panel.strengths[top[0]] == {exact}")
    assert settled(book) != book.python("panel.result.text")
    expect(steered(panel)).to_contain_text("KL")
    book.screenshots("steering-panel", panel)


def test_keys_alone_set_strength_mode_and_feature(book, panel):
    n_cells = len(book.page.evaluate("() => sw.cells()"))
    feature = book.python("top[1]")
    slider = panel.get_by_role("slider", name=f"Strength of feature {feature}", exact=True)
    slider.focus()
    for _ in range(4):
        book.page.keyboard.press("ArrowRight")
    moved = float(slider.input_value())
    assert moved > 0
    book.wait_python(f"abs(panel.strengths[top[1]] - {moved}) < 1e-6")
    book.page.keyboard.press("Tab")
    book.page.keyboard.press("Control+a")
    book.page.keyboard.type("1,5")
    book.page.keyboard.press("Enter")
    book.wait_python("panel.strengths[top[1]] == 1.5")
    panel.get_by_role("combobox", name=f"Mode of feature {feature}").focus()
    book.page.keyboard.press("ArrowDown")
    book.wait_python("panel.modes.get(top[1]) == 'clamp'")
    search = panel.get_by_role("combobox", name="Add a feature")
    search.focus()
    book.page.keyboard.type("7")
    panel.get_by_role("listbox", name="Add a feature").get_by_role("option").first.wait_for()
    book.page.keyboard.press("ArrowDown")
    book.page.keyboard.press("Enter")
    book.wait_python("len(panel.features) == 4")
    assert len(book.page.evaluate("() => sw.cells()")) == n_cells
    settled(book)


def test_a_bad_number_is_refused_in_words(book, panel):
    feature = book.python("top[1]")
    exact = panel.get_by_role("textbox", name=f"Exact strength of feature {feature}")
    exact.fill("NaN")
    exact.press("Enter")
    expect(panel.get_by_role("alert").filter(has_text="not a number")).to_be_visible()
    assert book.python("panel.strengths[top[1]]") == 1.5
    exact.fill("1.5")
    exact.press("Enter")


def test_stop_ends_the_text_at_the_next_token(book, panel):
    book.python("panel.set_trait('max_new_tokens', 200)")
    panel.get_by_role("button", name="Stop").click()
    expect(panel.get_by_role("button", name="Write again")).to_be_visible()
    assert book.wait_python("panel.wait(10) and panel.result is not None and len(panel.result.steered)") < 200
    book.python("panel.set_trait('max_new_tokens', 16)")
    settled(book)


def test_a_removed_slider_takes_its_strength_along(book, panel):
    feature = book.python("top[0]")
    panel.get_by_role("button", name=f"Remove feature {feature}", exact=True).click()
    book.wait_python("top[0] not in panel.features and top[0] not in panel.strengths")
    panel.get_by_role("button", name="Undo").click()
    book.wait_python("top[0] in panel.features and panel.strengths[top[0]] != 0")
    settled(book)
