"""FeatureBrowser in JupyterLab with 100,000 features: few rows in the page, all by keys, one opened, some lassoed."""

import pytest
from playwright.sync_api import expect

from tests.browser.jupyter import eventually, shoot

N = 100_000
MANY = f"""
import torch
def many(n={N}):
    draw = torch.Generator().manual_seed(0)
    cfg = sw.TopKSAEConfig(d_in=sae.cfg.d_in, d_sae=n, k=8)
    cfg.metadata.hook_name = sae.cfg.hook_name
    large = sw.SAE.from_config(cfg)
    with torch.no_grad():
        large.W_dec[: n // 4] *= torch.linspace(0.2, 2, n // 4)[:, None]
        large.W_dec[n // 2 :, :3] += 0.3
    n_active = (10 ** (torch.rand(n, generator=draw) * 5)).round()
    n_active[:100] = 0
    some = n_active > 0
    peak = torch.rand(n, generator=draw) * 40 * some
    return large, sw.FeatureStatistics(
        n_tokens=10**6, density=n_active / 1e6, max_act=peak, mean_act=peak / 3, top_contexts={{}},
        histogram=torch.stack([n_active, torch.zeros(n)], 1), bin_width=peak.clamp_min(1),
        labels={{f: f"label {{f % 977}} of {{f}}" for f in range(100, n, 2)}})
large, of_many = many()
browser = sw.FeatureBrowser(model, large, of_many, columns={{"own": torch.linspace(-1, 1, {N})}})
browser
"""


@pytest.fixture(scope="module")
def view(demo_notebook):
    return demo_notebook.show(MANY)


def grid(view):
    return view.get_by_role("grid", name="Features.")


def expect_left(view, n):
    expect(view).to_have_attribute("data-shown", str(n))


def test_a_hundred_thousand_are_there_in_few_rows(book, view):
    expect_left(view, N)
    rows = grid(view).get_by_role("row")
    expect(rows.nth(3)).to_be_visible()
    first = str(book.python("browser.filtered[0]"))
    expect(rows.nth(1).get_by_role("gridcell").first).to_have_text(first)
    assert rows.count() <= 60
    grid(view).hover()
    book.page.mouse.wheel(0, 900_000)
    expect(rows.nth(1)).not_to_have_attribute("aria-rowindex", "2")
    assert rows.count() <= 60
    assert view.evaluate("e => e.querySelectorAll('*').length") < 1200
    shoot(view, "feature-browser-100k")


def test_headers_sort_and_filter_by_mouse(book, view):
    grid(view).get_by_role("button", name="maximum", exact=True).click()
    book.wait_python("browser.order == '-max_act'")
    top = str(book.python("browser.filtered[0]"))
    expect(grid(view).get_by_role("row").nth(1).get_by_role("gridcell").first).to_have_text(top)
    brush = grid(view).get_by_role("button", name="Filter density")
    box = brush.bounding_box()
    middle = box["y"] + box["height"] / 2
    book.page.mouse.move(box["x"] + box["width"] * 0.55, middle)
    book.page.mouse.down()
    book.page.mouse.move(box["x"] + box["width"] * 0.8, middle, steps=4)
    book.page.mouse.up()
    book.wait_python("browser.ranges.get('density', [0, 0])[1] > 0.008")  # a drag passes smaller ranges
    low, high = book.python("browser.ranges['density']")
    assert 1e-4 < low < 1e-3 < high < 0.02
    n = book.python("len(browser.filtered)")
    assert 10_000 < n < 60_000
    expect_left(view, n)
    expect(view.get_by_role("status").filter(has_text=f"{n:,} of 100,000 features")).to_be_visible()
    view.get_by_role("searchbox", name="Search features").fill("label 12 ")
    book.wait_python("browser.text == 'label 12 '")
    expect_left(view, book.python("len(browser.filtered)"))
    view.get_by_role("button", name="Take away the filter density").click()
    book.wait_python("browser.ranges == {}")
    view.get_by_role("button", name="Undo").click()
    book.wait_python("len(browser.ranges) == 1")
    expect_left(view, book.python("len(browser.filtered)"))
    view.get_by_role("button", name="Reset").click()
    expect_left(view, N)


def test_keys_alone_filter_and_choose(book, view):
    grid(view).get_by_role("button", name="Filter density").focus()
    book.page.keyboard.press("Enter")
    dialog = view.get_by_role("dialog", name="Range of density")
    expect(dialog.get_by_role("spinbutton", name="From of density")).to_be_focused()
    book.page.keyboard.type("0.01")
    book.page.keyboard.press("Tab")
    book.wait_python("browser.ranges == {'density': [0.01, None]}")
    expect_left(view, book.python("len(browser.filtered)"))
    dialog.get_by_role("slider", name="To of density, by bin").focus()
    book.page.keyboard.press("ArrowLeft")
    book.wait_python("browser.ranges['density'][1] is not None")
    expect_left(view, book.python("len(browser.filtered)"))
    book.page.keyboard.press("Escape")
    expect(grid(view).get_by_role("button", name="Filter density")).to_be_focused()
    n_cells = len(book.page.evaluate("() => sw.cells()"))
    grid(view).focus()
    for key in ("ArrowDown", "ArrowDown", "b", "a"):
        book.page.keyboard.press(key)
    second = book.python("browser.filtered[1]")
    book.wait_python(f"browser.feature == {second}")
    expect(grid(view).get_by_role("row", selected=True)).to_contain_text(str(second))
    assert len(book.page.evaluate("() => sw.cells()")) == n_cells
    view.get_by_role("button", name=f"Like #{second}").click()
    book.wait_python("browser.order == '-cosine' and 'cosine' in browser.columns")
    expect(grid(view).get_by_role("button", name=f"cos #{second}", exact=True)).to_be_visible()
    book.python("browser.reset()")
    expect_left(view, N)
    expect(grid(view).get_by_role("row").nth(1)).to_contain_text(str(second))


def test_a_lasso_on_the_map_filters(book, view):
    view.get_by_role("button", name="Map", exact=True).click()
    book.wait_python("browser.mapped.get('method') == 'pca'")
    area = view.get_by_role("application", name="Map of decoder rows")
    expect(view.get_by_text("of the variance")).to_be_visible()
    box = area.bounding_box()
    at = [
        (box["x"] + box["width"] * x, box["y"] + box["height"] * y)
        for x, y in ((0.5, 0.1), (0.95, 0.1), (0.95, 0.9), (0.5, 0.9))
    ]
    book.page.mouse.move(*at[0])
    book.page.mouse.down()
    for x, y in at[1:]:
        book.page.mouse.move(x, y, steps=5)
    book.page.mouse.up()
    n = book.wait_python("len(browser.selected)")
    assert 1000 < n < N
    expect_left(view, n)
    assert book.python("sorted(browser.filtered) == sorted(browser.selected)")
    shoot(view, "feature-browser-lasso")
    view.get_by_role("button", name="Take away the filter").click()
    expect_left(view, N)
    area.focus()
    for _ in range(4):
        book.page.keyboard.press("+")
    book.page.keyboard.press("Enter")
    n = book.wait_python("len(browser.selected)")
    assert 10 < n < N
    expect_left(view, n)
    book.python("browser.reset()")


def test_columns_are_chosen_in_a_box_that_a_press_elsewhere_closes(book, view):
    pick = view.get_by_role("button", name="Columns", exact=True)
    dialog = view.get_by_role("dialog", name="Columns on view")
    pick.click()
    dialog.get_by_role("checkbox", name="own").uncheck()
    book.wait_python("browser.shown and 'own' not in browser.shown")
    dialog.get_by_role("button", name="The usual ones").click()
    book.wait_python("browser.shown == []")
    expect(dialog).to_be_hidden()
    expect(pick).to_be_focused()
    for leave in (pick.click, lambda: book.page.keyboard.press("Escape"), view.get_by_role("searchbox").click):
        pick.click()
        expect(dialog).to_be_visible()
        leave()
        expect(dialog).to_be_hidden()


# Stands in for umap-learn, which never ends by itself here.
ENDLESS = """
import pathlib, sys, tempfile
folder = pathlib.Path(tempfile.mkdtemp())
(folder / "umap.py").write_text(
    "import os, pathlib, time\\n"
    "class UMAP:\\n"
    "    def __init__(self, **settings): pass\\n"
    "    def fit_transform(self, rows):\\n"
    "        pathlib.Path(__file__).with_name('pid').write_text(str(os.getpid()))\\n"
    "        time.sleep(600)\\n")
sys.path.insert(0, str(folder))
def is_running():
    import os
    pid = (folder / "pid").read_text() if (folder / "pid").exists() else ""
    try:
        return bool(pid) and os.kill(int(pid), 0) is None
    except ProcessLookupError:
        return False
"""


def test_cancel_ends_umap_and_brings_back_the_map_before(book, view):
    book.run(book.add(ENDLESS))
    book.wait_python("browser.map_method == browser.mapped['method'] == 'pca'")
    method = view.get_by_role("combobox", name="How decoder rows are mapped")
    method.select_option("umap")
    book.wait_python("is_running()")
    expect(view.get_by_text("UMAP of 100,000 decoder rows")).to_be_visible()
    view.get_by_role("button", name="Cancel", exact=True).click()
    book.wait_python("not is_running() and browser.map_method == 'pca'")
    expect(view.get_by_role("button", name="Cancel", exact=True)).to_be_hidden()
    expect(method).to_have_value("pca")
    book.run(book.add("sys.path.remove(str(folder))"))


@pytest.fixture(scope="module")
def small(demo_notebook):
    texts = "text_a='Once upon a time', text_b='def read(self): return 1'"
    return demo_notebook.show(f"features = sw.FeatureBrowser(model, sae, {texts})\nfeatures")


def test_a_contrast_search_and_a_dashboard_from_the_list(book, small):
    small.get_by_role("button", name="Search", exact=True).click()
    book.wait_python("'contrast' in features.columns and features.order == '-contrast'")
    best = book.python("features.filtered[0]")
    row = grid(small).get_by_role("row").nth(1)
    expect(row).to_contain_text(str(best))
    row.dblclick()
    book.wait_python(f"features.opened == {best}")
    inner = small.get_by_role("region", name="Dashboard")
    expect(inner.locator(f"[data-feature='{best}']")).to_be_visible()
    expect(inner.get_by_role("listitem").first).to_be_visible()
    inner.get_by_role("button", name="Next feature").click()
    book.wait_python(f"features.opened == features.feature == features.dashboard.feature == {best + 1}")
    grid(small).focus()
    book.page.keyboard.press("ArrowDown")
    book.page.keyboard.press("Enter")
    book.wait_python("features.opened == features.feature == features.dashboard.page['feature']")
    book.screenshots("feature-browser-dashboard", small)
    inner.get_by_role("button", name="Close").click()
    book.wait_python("features.opened is None")
    expect(inner).to_be_hidden()


def is_inside(what, frame) -> bool:
    """Whether it lies in the frame from top to bottom, wherever the notebook is scrolled to."""
    inner, outer = what.bounding_box(), frame.bounding_box()
    return outer["y"] - 1 <= inner["y"] and inner["y"] + inner["height"] <= outer["y"] + outer["height"] + 1


def test_narrow_and_dark(book, small):
    book.python("features.set_trait('map_method', 'pca')")
    book.wait_python("features.mapped.get('method') == 'pca'")
    for width in (1280, 700):
        book.page.set_viewport_size({"width": width, "height": 1500})
        for theme in ("dark", "light"):
            book.set_theme(theme)
            expect(small).to_have_attribute("data-theme", theme)
            # JupyterLab hides and shows it as the theme changes; the rows in view are still there.
            eventually(lambda: is_inside(grid(small).get_by_role("row", selected=True), grid(small)), book.page)
            shoot(small, f"feature-browser-{width}-{theme}")
        assert small.evaluate("e => e.scrollWidth <= e.clientWidth + 1")
    book.page.set_viewport_size({"width": 1280, "height": 900})
