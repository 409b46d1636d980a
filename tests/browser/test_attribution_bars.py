"""AttributionBars in JupyterLab: bars that add up, positions of a bar, other targets."""

import pytest
from playwright.sync_api import expect

BARS = """
bars = sw.AttributionBars(model, sae, "Once upon a time there was a little", target=" girl", contrast=" of")
bars
"""


@pytest.fixture(scope="module")
def bars(demo_notebook):
    view = demo_notebook.show(BARS)
    demo_notebook.wait_python("bars.wait(120)")
    return view


def rows(bars):
    return bars.locator(".sw-attr-feature")


def test_bars_of_three_methods_add_up_and_say_so(book, bars):
    assert set(book.python("list(bars.result.methods)")) == {"direct", "gradient", "ablation"}
    totals = (
        "[m.totals.sum().item() + m.other_features + m.error_term + m.remainder for m in bars.result.methods.values()]"
    )
    difference = book.python("float(bars.result.logit_difference)")
    assert book.python(totals) == pytest.approx([difference] * 3, abs=1e-3)
    expect(bars.get_by_role("status").first).to_contain_text("add")
    expect(rows(bars).nth(4)).to_be_attached()
    book.screenshots("attribution-bars", bars)


def test_a_click_shows_where_in_the_prompt(book, bars):
    rows(bars).first.click()
    feature = book.wait_python("bars.selected_feature is not None and [bars.selected_feature]")[0]
    expect(rows(bars).first).to_have_attribute("aria-selected", "true")
    expect(bars.locator(".sw-attr-where")).to_contain_text(str(feature))


def test_keys_alone_choose_a_bar(book, bars):
    n_cells = len(book.page.evaluate("() => sw.cells()"))
    first = book.python("bars.selected_feature")
    rows(bars).first.focus()
    book.page.keyboard.press("ArrowDown")
    book.page.keyboard.press("Enter")
    assert book.wait_python(f"bars.selected_feature not in (None, {first}) and bars.selected_feature") != first
    for key in ("b", "a", "x"):
        book.page.keyboard.press(key)
    assert len(book.page.evaluate("() => sw.cells()")) == n_cells


def test_another_target_is_computed(book, bars):
    box = bars.get_by_role("combobox", name="Target token")
    box.fill(" boy")
    box.press("Enter")
    book.wait_python("bars.target == ' boy' and bars.wait(60) and bars.result.target == ' boy'")
    # Python chooses too.
    book.python("setattr(bars, 'contrast', None)")
    book.wait_python("bars.wait(60) and bars.result.contrast is None")
