"""CatalogBrowser in JupyterLab: found by typing, walked by keys, chosen for Python; few nodes, few milliseconds."""

import pytest
from playwright.sync_api import expect

from tests.browser.jupyter import Watched, eventually, shoot


@pytest.fixture(scope="module")
def view(demo_notebook):
    return demo_notebook.show("browser = sw.CatalogBrowser()\nbrowser")


def grid(view):
    return view.get_by_role("grid", name="Published SAEs")


def n_shown(view) -> int:
    return int(grid(view).get_attribute("aria-rowcount")) - 1


def test_it_shows_the_whole_catalogue_in_few_rows(book, view):
    expect(grid(view).get_by_role("row").nth(3)).to_be_visible()
    n_found = book.python("len(browser.results)")
    assert n_found > 13_000
    eventually(lambda: n_shown(view) == n_found, book.page)
    assert grid(view).get_by_role("row").count() <= 60
    grid(view).hover()
    book.page.mouse.wheel(0, 60_000)
    book.page.wait_for_timeout(150)
    assert grid(view).get_by_role("row").count() <= 60
    book.page.mouse.wheel(0, -90_000)


def test_typing_and_filters_find_what_python_finds(book, view):
    view.get_by_role("searchbox", name="Search published SAEs").fill("gpt2 res-jb")
    book.wait_python("browser.text == 'gpt2 res-jb'")
    n_found = book.python("len(browser.results)")
    assert n_found == book.python("len(sw.catalog.find(text='gpt2 res-jb'))")
    eventually(lambda: n_shown(view) == n_found, book.page)
    view.get_by_role("searchbox").fill("")
    view.get_by_role("combobox", name="Model").select_option("gemma-2-2b")
    view.get_by_role("combobox", name="Layer").select_option("12")
    view.get_by_role("spinbutton", name="Largest L0").fill("100")
    book.wait_python("(browser.model, browser.layer, browser.l0_max) == ('gemma-2-2b', 12, 100)")
    n_found = book.python("len(browser.results)")
    assert n_found > 5
    eventually(lambda: n_shown(view) == n_found, book.page)
    book.python("browser.set_trait('site', 'mlp_out')")
    expect(view.get_by_role("combobox", name="Site")).to_have_value("mlp_out")
    n_found = book.python("len(browser.results)")
    assert n_found > 0
    eventually(lambda: n_shown(view) == n_found, book.page)
    view.get_by_role("button", name="Reset").click()
    book.wait_python("browser.site == '' and browser.layer is None and len(browser.results) > 13_000")


def test_keys_alone_find_choose_and_reach_the_code(book, view):
    n_cells = len(book.page.evaluate("() => sw.cells()"))
    search = view.get_by_role("searchbox")
    search.focus()
    book.page.keyboard.type("gpt2-small/8-res-jb")
    book.wait_python("len(browser.results) == 1")
    expect(grid(view)).to_have_attribute("aria-rowcount", "2")
    for key in ("ArrowDown", "ArrowDown"):
        book.page.keyboard.press(key)
    book.wait_python("browser.selected == ('gpt2-small-res-jb', 'blocks.8.hook_resid_pre')")
    chosen = grid(view).get_by_role("row", selected=True)
    expect(chosen).to_contain_text("blocks.8.hook_resid_pre")
    expect(grid(view)).to_have_attribute("aria-activedescendant", chosen.get_attribute("id"))
    code = view.get_by_label("Code that loads it")
    expect(code).to_contain_text('sw.SAE.from_pretrained("gpt2-small-res-jb", "blocks.8.hook_resid_pre")')
    book.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    view.get_by_role("button", name="Copy", exact=True).press("Enter")
    expect(view.get_by_role("button", name="Copied")).to_be_visible()
    assert book.page.evaluate("navigator.clipboard.readText()") == book.python("browser.code")
    link = view.get_by_role("link", name="Neuronpedia")
    expect(link).to_have_attribute("href", "https://neuronpedia.org/gpt2-small/8-res-jb")
    assert "noopener" in link.get_attribute("rel")
    # What the notebook would take for commands stays in the widget.
    grid(view).focus()
    for key in ("b", "a", "d", "d"):
        book.page.keyboard.press(key)
    assert len(book.page.evaluate("() => sw.cells()")) == n_cells


def test_a_click_chooses_and_python_chooses_too(book, view):
    view.get_by_role("searchbox").fill("gemma-scope-2b-pt-res-canonical layer_1")
    book.wait_python("'canonical' in browser.text")
    grid(view).get_by_role("row").nth(2).click()
    first = book.wait_python("browser.selected and browser.selected[0].startswith('gemma') and browser.selected[1]")
    expect(grid(view).get_by_role("row", selected=True)).to_contain_text(first)
    book.python("browser.set_trait('selected', (browser.results[-1].release, browser.results[-1].sae_id))")
    last = book.python("browser.results[-1].sae_id")
    expect(grid(view).get_by_role("row", selected=True)).to_contain_text(last)
    expect(view.get_by_role("region", name="The chosen SAE")).to_contain_text(last)


def test_pictures_wide_and_narrow(book, view):
    view.get_by_role("searchbox").fill("gemma-scope-2b-pt-res")
    book.wait_python("browser.text == 'gemma-scope-2b-pt-res'")
    view.get_by_role("combobox", name="Layer").select_option("12")
    grid(view).get_by_role("row").nth(4).click()
    book.screenshots("catalog-browser", view)
    book.page.set_viewport_size({"width": 700, "height": 1500})
    for theme in ("dark", "light"):
        book.set_theme(theme)
        book.page.wait_for_timeout(300)
        shoot(view, f"catalog-browser-narrow-{theme}")
    # Nothing is cut off at the side.
    assert view.evaluate("e => e.scrollWidth <= e.clientWidth + 1")
    book.page.set_viewport_size({"width": 1280, "height": 900})


def test_a_saved_page_searches_without_a_kernel(book, lab):
    path = lab.root / "catalog.html"
    book.python(f"str(browser.save({str(path)!r}))")
    page = lab.page()
    watched = Watched(page)
    page.goto(path.as_uri())
    page.get_by_role("button", name="Reset").click()
    page.get_by_role("searchbox").fill("gpt2-small/8-res-jb")
    expect(page.get_by_role("grid")).to_have_attribute("aria-rowcount", "2")
    page.get_by_role("grid").get_by_role("row").nth(1).click()
    expect(page.get_by_label("Code that loads it")).to_contain_text("blocks.8.hook_resid_pre")
    watched.check_clean()
    page.context.close()
