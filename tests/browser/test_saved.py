"""What is left when the kernel is gone: a saved notebook, the same as a page, the reopened notebook after `freeze`."""

import subprocess
import sys

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import SETUP
from tests.browser.jupyter import Watched, eventually, shoot

CELLS = [
    SETUP,
    "heatmap = sw.TokenHeatmap(model, sae, PROMPT)\nheatmap",
    "panel = sw.SteeringPanel(model, sae, 'Once upon a time', features={3: 1.0}, max_new_tokens=8)\npanel",
    "bars = sw.AttributionBars(model, sae, 'Once upon a time there was a little', target=' girl')\nbars",
    """cfg = sw.LanguageModelSAERunnerConfig(
    sae=sw.TopKTrainingSAEConfig(d_in=sae.cfg.d_in, d_sae=256, k=8), model_name="demo", hook_name=sae.cfg.hook_name,
    context_size=64, training_tokens=4096, train_batch_size_tokens=256, store_batch_size_prompts=4,
    n_batches_in_buffer=4, checkpoint_path=None, output_path=None)
run = sw.train(cfg, override_model=model, override_dataset=["Once upon a time there was a girl. " * 40] * 20)""",
    "trained = run.result(120)",
]
WIDGET_CELLS = [1, 2, 3, 4]


@pytest.fixture(scope="module")
def saved(lab):
    """Name of a notebook that was run and saved as a reader would, its kernel ended; and what its widgets said."""
    with lab.notebook(CELLS, name="saved") as notebook:
        notebook.run_all()
        notebook.wait_python("all(w.wait(60) for w in (heatmap, panel, bars))")
        notebook.page.wait_for_timeout(500)
        notebook.save()
        said = {
            "tokens": notebook.python("heatmap.data.tokens[1:4]"),
            "steered": notebook.python("panel.result.steered_text"),
            "feature": notebook.python("int(next(iter(bars.result.methods.values())).features[0])"),
        }
        notebook.check_clean()
        yield notebook, said


def test_nbconvert_shows_pictures_and_numbers_with_the_network_off(lab, saved):
    notebook, said = saved
    out = lab.root / "saved.html"
    command = [sys.executable, "-m", "nbconvert", "--to", "html", "--output", out, notebook.path]
    subprocess.run(command, check=True, capture_output=True, cwd=lab.root)
    page = lab.page()
    watched = Watched(page)
    page.goto(out.as_uri())
    for shown in (said["tokens"][0].strip(), str(said["feature"]), "Once upon a time"):
        expect(page.locator("body")).to_contain_text(shown)
    outputs = page.locator(".jp-OutputArea-output")

    def n_tall() -> int:
        boxes = [outputs.nth(i).bounding_box() for i in range(outputs.count())]
        return sum(box is not None and box["height"] > 60 for box in boxes)

    eventually(lambda: n_tall() >= len(WIDGET_CELLS), page)
    shoot(page, "saved-nbconvert")
    # The template itself names a CDN for formulas; the widgets ask for nothing.
    assert [url for url in watched.external if "mathjax" not in url and "require" not in url] == []
    assert watched.page_errors == [] or all("require" in error or "MathJax" in error for error in watched.page_errors)
    page.context.close()


def test_a_saved_page_works_alone(lab, saved):
    notebook, _ = saved
    for name in ("heatmap", "panel", "bars"):
        path = lab.root / f"{name}.html"
        notebook.python(f"str({name}.save({str(path)!r}))")
        page = lab.page()
        watched = Watched(page)
        page.goto(path.as_uri())
        root = page.locator(".sw-root")
        root.wait_for()
        assert root.evaluate("e => e.textContent.length") > 100
        shoot(page, f"saved-page-{name}")
        watched.check_clean()
        assert watched.external == watched.console_errors == []
        page.context.close()


def test_a_saved_dashboard_is_walked_searched_and_hovered_alone(lab, saved):
    notebook, _ = saved
    path = lab.root / "dashboard.html"
    notebook.run(notebook.add("chosen = [int(f) for f in statistics.density.topk(40).indices[20:]]"))
    notebook.run(notebook.add("dashboard = sw.FeatureDashboard(model, sae, chosen[0], statistics, selection=False)"))
    notebook.python(f"str(dashboard.save({str(path)!r}, features=chosen))")
    features = sorted(notebook.python("chosen"))
    first, label = notebook.python("(chosen[0], statistics.labels[chosen[5]])")
    beside = features[(features.index(first) + 1) % len(features)]
    page = lab.page()
    watched = Watched(page)
    page.goto(path.as_uri())
    root = page.locator(".sw-root")
    expect(root).to_have_attribute("data-feature", str(first))
    page.get_by_role("button", name="Next feature").click()
    expect(root).to_have_attribute("data-feature", str(beside))
    page.keyboard.press("ArrowLeft")
    expect(root).to_have_attribute("data-feature", str(first))
    go = page.get_by_role("combobox", name="Go to a feature")
    go.fill(label)
    expect(page.get_by_role("option").first).to_contain_text(label.split()[0])
    go.fill(str(features[3]))
    go.press("Enter")
    expect(root).to_have_attribute("data-feature", str(features[3]))
    page.get_by_role("listitem").first.locator(".sw-cl-peak").hover()
    expect(page.get_by_role("tooltip").filter(has_text="activation")).to_be_visible()
    expect(page.get_by_role("textbox", name="Rank of a token")).to_be_disabled()
    watched.check_clean()
    assert watched.console_errors == []
    page.context.close()


def test_the_rows_of_a_saved_browser_open_the_dashboards_it_has(lab, saved):
    notebook, _ = saved
    path = lab.root / "browser.html"
    notebook.run(notebook.add("browser = sw.FeatureBrowser(model, sae, statistics, selection=False)"))
    notebook.python(f"str(browser.save({str(path)!r}, dashboards=4))")
    features = notebook.python("browser.filtered[:5]")
    page = lab.page()
    watched = Watched(page)
    page.goto(path.as_uri())
    rows = page.get_by_role("grid", name="Features.").get_by_role("row")
    inner = page.get_by_role("region", name="Dashboard", exact=True)
    rows.nth(3).dblclick()
    expect(inner.locator(f"[data-feature='{features[2]}']")).to_be_visible()
    rows.nth(5).dblclick()
    expect(inner).to_contain_text(f"This page has no dashboard of #{features[4]}. It has those of 4 features:")
    inner.get_by_role("button", name=f"#{features[0]}", exact=True).click()
    expect(inner.locator(f"[data-feature='{features[0]}']")).to_be_visible()
    expect(rows.nth(1)).to_have_attribute("aria-selected", "true")
    watched.check_clean()
    assert watched.console_errors == []
    page.context.close()


def test_a_reopened_notebook_shows_pictures_after_freeze(lab, saved):
    notebook, said = saved
    cell = notebook.add("print(sw.freeze_all())")
    notebook.run(cell)
    notebook.page.wait_for_timeout(500)
    notebook.save()
    notebook.end_kernel()
    with lab.open(notebook.name) as again:
        # A fresh kernel knows none of the widgets.
        for number in WIDGET_CELLS:
            output = again.output(number)
            eventually(lambda output=output: output.bounding_box()["height"] > 60, again.page)
            expect(output).not_to_contain_text("Error displaying widget")
        expect(again.output(1)).to_contain_text(said["tokens"][0].strip())
        shoot(again.output(1), "reopened-heatmap")
        shoot(again.output(4), "reopened-training")
        again.check_clean()
