"""ToyModel in JupyterLab: it moves while it plays, sliders act at once, keys alone are enough."""

import pytest
from playwright.sync_api import expect

from tests.browser.jupyter import eventually


@pytest.fixture(scope="module")
def view(demo_notebook):
    yield demo_notebook.show("toy = sw.ToyModel(n_features=4, importance=1.0)\ntoy")
    demo_notebook.python("toy.pause()")


def directions(view) -> list[str]:
    return view.locator(".sw-toy-features path").evaluate_all("paths => paths.map(p => p.getAttribute('d'))")


def test_it_plays_and_pauses_by_keyboard(book, view):
    before = directions(view)
    assert len(before) == 4
    view.get_by_role("button", name="Play").focus()
    book.page.keyboard.press("Enter")
    expect(view.get_by_role("button", name="Pause")).to_be_visible()
    book.wait_python("toy.frame['step'] > 250", timeout_s=120)
    book.page.keyboard.press("Enter")
    expect(view.get_by_role("button", name="Play")).to_be_visible()
    book.wait_python("toy.wait(30.0) and not toy.is_playing")
    eventually(lambda: directions(view) != before, book.page)
    expect(view.locator(".sw-toy [role=status]")).to_contain_text("opposite pairs")
    picture = view.get_by_role("img")
    expect(picture).to_have_accessible_name(book.python("toy.told"))
    expect(view.locator(".sw-toy-features text")).to_have_text(["1", "2", "3", "4"])


def test_a_step_and_the_numbers(book, view):
    step = book.python("toy.frame['step']")
    view.get_by_role("button", name="Step").press(" ")
    book.wait_python(f"toy.frame['step'] == {step + 1}")
    expect(view.locator(".sw-toy-step")).to_have_text(f"step {step + 1:,}")
    view.get_by_text("Numbers").click()
    expect(view.get_by_role("row")).to_have_count(5)


def test_sliders_act_and_keys_stay_in_the_widget(book, view):
    n_cells = len(book.page.evaluate("() => sw.cells()"))
    slider = view.get_by_role("slider", name="Sparsity")
    slider.focus()
    book.page.keyboard.press("ArrowLeft")
    book.wait_python("abs(toy.sparsity - 0.89) < 1e-9")
    assert len(book.page.evaluate("() => sw.cells()")) == n_cells
    book.python("toy.set_trait('importance', 0.5)")
    expect(view.get_by_role("slider", name="Importance")).to_have_value("0.5")
    view.get_by_role("spinbutton", name="Seed").fill("7")
    book.page.keyboard.press("Enter")
    book.wait_python("toy.seed == 7 and toy.frame['step'] == 0")


def test_an_sae_is_drawn_beside(book, view):
    view.get_by_role("checkbox", name="Fit an SAE").check()
    book.python("toy.step(30)")
    book.wait_python("toy.wait(0.1) and toy.frame['step'] == 30", timeout_s=120)
    assert book.python("toy.error") == {}
    expect(view.locator(".sw-toy-rows circle")).to_have_count(8)
    book.screenshots("toy-model", view)
